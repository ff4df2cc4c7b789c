#!/usr/bin/env bash
# Fetches Apache Kafka, as tests/support/kafka/pom.xml names it, once per version: tests, benchmarks
# and `make kafka` start their brokers from it. Instant and silent when it is there.
#
# `--directory` prints where it is kept. That directory holds `lib/` (the jars), `bootstrap.checkpoint`
# (the record a formatted data directory begins with) and `classes.jsa` (the classes a broker loads,
# prepared: it starts in half the time). Needs java and mvn; scripts/setup.sh kafka installs them.
set -euo pipefail
cd "$(dirname "$0")/.."

module=tests/support/kafka
version=$(sed -n 's:.*<kafka\.version>\(.*\)</kafka\.version>.*:\1:p' "$module/pom.xml")
directory=${XDG_CACHE_HOME:-$HOME/.cache}/quartermaster/kafka/$version
if [ "${1:-}" = --directory ]; then
    echo "$directory"
    exit 0
fi
[ ! -f "$directory/classes.jsa" ] || exit 0

say() { echo "kafka: $*" >&2; }
die() { say "$@"; exit 1; }
command -v java >/dev/null || die "needs java: run make setup-kafka"

# Two runs at once each work in a directory of their own; the first to finish is kept.
mkdir -p "$(dirname "$directory")"
work=$(mktemp -d "$directory.XXXXXX")
chmod 755 "$work"
broker=
trap '[ -z "$broker" ] || kill -KILL "$broker" 2>/dev/null || true; rm -rf "$work"' EXIT

settings() {
    local controller=$((15000 + RANDOM % 17000))
    cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:0
log.dirs=$1
END
}

fetch() {
    command -v mvn >/dev/null || die "needs mvn: run make setup-kafka"
    say "fetching Apache Kafka $version, about 45 MB, once; kept in $directory"
    mvn -B -q --strict-checksums -f "$module/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$work/jars/lib" > "$work/maven.log" 2>&1 \
        || { cat "$work/maven.log" >&2; die "could not fetch Apache Kafka $version; Maven's message is above"; }
    settings "$work/format" > "$work/format.properties"
    java -cp "$work/jars/lib/*" -Dlog4j2.level=ERROR kafka.tools.StorageTool format \
        --cluster-id MkU3OEVBNTcwNTJENDM2Qg --config "$work/format.properties" > "$work/format.log" 2>&1 \
        || { cat "$work/format.log" >&2; die "Apache Kafka $version could not format a data directory"; }
    mv "$work/format/bootstrap.checkpoint" "$work/jars/"
    mv -T "$work/jars" "$directory" 2>/dev/null || [ -f "$directory/bootstrap.checkpoint" ] || die "could not create $directory"
}

# One broker starts and ends, and the JVM keeps what it learned about the classes. It belongs to
# this JVM and these paths: another JVM ignores it.
prepare_classes() {
    mkdir "$work/data"
    cp "$directory/bootstrap.checkpoint" "$work/data/"
    printf 'version=1\ncluster.id=MkU3OEVBNTcwNTJENDM2Qg\nnode.id=1\ndirectory.id=Z2QDLkEAncgWFCckrEvCYw\n' > "$work/data/meta.properties"
    settings "$work/data" > "$work/server.properties"
    java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "-XX:ArchiveClassesAtExit=$work/classes.jsa" \
        "-Dlog4j2.configurationFile=$PWD/$module/log4j2.properties" -cp "$directory/lib/*" \
        kafka.Kafka "$work/server.properties" > "$work/broker.log" 2>&1 </dev/null &
    broker=$!
    for _ in $(seq 600); do
        ! grep -q 'Kafka Server started' "$work/broker.log" || break
        kill -0 "$broker" 2>/dev/null || break
        sleep 0.1
    done
    kill -TERM "$broker" 2>/dev/null || true
    wait "$broker" || true
    broker=
    [ -f "$work/classes.jsa" ] || { tail -20 "$work/broker.log" >&2; die "a first broker did not start and end; its log is above"; }
    chmod 644 "$work/classes.jsa"
    mv "$work/classes.jsa" "$directory/classes.jsa"
}

[ -f "$directory/bootstrap.checkpoint" ] || fetch
prepare_classes
