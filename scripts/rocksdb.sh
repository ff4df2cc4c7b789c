#!/usr/bin/env bash
# Compiles RocksDB once per version and compiler flags, for every build of the workspace.
#
# Cargo would compile it again whenever the selected packages or a dependency's features differ:
# 10 to 15 minutes on two cores each time. `--directory` prints where the library is kept; without
# arguments the library is made there if it is missing. Builds find it through ROCKSDB_LIB_DIR.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(awk '/^name = "librocksdb-sys"/ { getline; gsub(/["+]/, " "); print $3 "-" $4 }' Cargo.lock)
# What stands in [env] concerns others.
flags=$(sed -e '/^\[env\]/,$d' -e '/^$/d' .cargo/config.toml | cksum | cut -d' ' -f1)
directory=${XDG_CACHE_HOME:-$HOME/.cache}/quartermaster/rocksdb/$version-$(uname -m)-$flags
if [ "${1:-}" = --directory ]; then
    echo "$directory"
    exit 0
fi
[ ! -f "$directory/librocksdb.a" ] || exit 0

: "${CARGO_TARGET_DIR:=$HOME/.cache/quartermaster/target}"
export CARGO_TARGET_DIR
echo "First build on this machine: RocksDB is compiled from source, 10 to 15 minutes on two cores." >&2
echo "It is kept in $directory; later builds take seconds." >&2

progress() {
    while sleep 30; do
        compiled=$(find "$CARGO_TARGET_DIR/release/build" -path '*librocksdb-sys*' -name '*.o' 2>/dev/null | wc -l)
        echo "RocksDB: about $compiled of 340 files compiled" >&2
    done
}
progress &
trap 'kill %1 2>/dev/null || true' EXIT
env -u ROCKSDB_LIB_DIR -u ROCKSDB_STATIC cargo build --release --locked -p quartermaster-processor
built=$(find "$CARGO_TARGET_DIR/release/build" -path '*librocksdb-sys-*/out/librocksdb.a' -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-)
[ -n "$built" ] || { echo "RocksDB was built but its library was not found under $CARGO_TARGET_DIR" >&2; exit 1; }
mkdir -p "$directory"
cp "$built" "$directory/librocksdb.a.part"
mv "$directory/librocksdb.a.part" "$directory/librocksdb.a"
