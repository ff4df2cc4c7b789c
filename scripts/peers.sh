#!/usr/bin/env bash
# Usage: peers.sh kafka-streams | quix — makes what `make bench-peers` compares with, once per version, and prints where
# it is: the directory of the jars, or the Python that has the requirements. Instant when it is there.
#
# Kafka Streams needs mvn and javac, Quix Streams python3; scripts/setup.sh peers installs them.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "peers: $*" >&2; }
die() { say "$@"; exit 1; }

kafka_streams() {
    local module=bench/peers/kafka-streams sum directory work
    sum=$(find "$module" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
    directory=${XDG_CACHE_HOME:-$HOME/.cache}/quartermaster/peers/kafka-streams-$sum
    if [ ! -f "$directory/peer.jar" ]; then
        command -v mvn >/dev/null && command -v javac >/dev/null || die "needs mvn and javac: run scripts/setup.sh peers"
        say "building the job in Kafka Streams, about 70 MB with RocksDB, once; kept in $directory"
        mkdir -p "$(dirname "$directory")"
        work=$(mktemp -d "$directory.XXXXXX")
        chmod 755 "$work"
        mvn -B -q --strict-checksums -f "$module/pom.xml" "-Dpeer.build=$work/build" package dependency:copy-dependencies \
            -DincludeScope=runtime "-DoutputDirectory=$work/jars" > "$work/maven.log" 2>&1 \
            || { cat "$work/maven.log" >&2; rm -rf "$work"; die "could not build $module; Maven's message is above"; }
        mv "$work/build/peer.jar" "$work/jars/"
        mv -T "$work/jars" "$directory" 2>/dev/null || [ -f "$directory/peer.jar" ] || die "could not create $directory"
        rm -rf "$work"
    fi
    echo "$directory"
}

quix() {
    local requirements
    mapfile -t requirements < <(grep -v '^#' bench/peers/quix/requirements.txt)
    exec scripts/venv.sh peers "${requirements[@]}"
}

case "${1:-}" in
    kafka-streams) kafka_streams ;;
    quix) quix ;;
    *) die "which one: kafka-streams or quix" ;;
esac
