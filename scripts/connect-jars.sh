#!/usr/bin/env bash
# Fetches Kafka Connect and Debezium's connector for PostgreSQL, as tests/support/kafka/connect/pom.xml
# names them, once per version. Instant and silent when they are there.
#
# `--directory` prints where they are kept: `lib/` is the worker, `plugins/` its plugin path. Needs
# mvn; scripts/setup.sh connect installs it.
set -euo pipefail
cd "$(dirname "$0")/.."

pom=tests/support/kafka/connect/pom.xml
version() { sed -n "s:.*<$1>\(.*\)</$1>.*:\1:p" "$pom"; }
connect=$(version connect.version)
debezium=$(version debezium.version)
directory=${XDG_CACHE_HOME:-$HOME/.cache}/quartermaster/connect/$connect-$debezium
if [ "${1:-}" = --directory ]; then
    echo "$directory"
    exit 0
fi
[ ! -d "$directory/plugins" ] || exit 0

say() { echo "connect: $*" >&2; }
die() { say "$@"; exit 1; }
command -v mvn >/dev/null || die "needs mvn: run make setup-connect"

# Two runs at once each work in a directory of their own; the first to finish is kept.
mkdir -p "$(dirname "$directory")"
work=$(mktemp -d "$directory.XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT

fetch() {
    mvn -B -q --strict-checksums -f "$pom" -P "$1" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$2" > "$work/maven.log" 2>&1 \
        || { cat "$work/maven.log" >&2; die "could not fetch Kafka Connect $connect and Debezium $debezium; Maven's message is above"; }
}

say "fetching Kafka Connect $connect and Debezium $debezium, about 55 MB, once; kept in $directory"
fetch worker "$work/jars/lib"
fetch plugin "$work/jars/plugins/debezium-connector-postgres"
mv -T "$work/jars" "$directory" 2>/dev/null || [ -d "$directory/plugins" ] || die "could not create $directory"
