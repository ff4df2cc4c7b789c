#!/usr/bin/env bash
# Says beforehand when the next build will be a long one.
set -euo pipefail
if ! compgen -G "$CARGO_TARGET_DIR/release/deps/liblibrocksdb_sys-*.rlib" >/dev/null; then
    echo "First build on this machine: RocksDB is compiled from source, which takes 10 to 15 minutes on two cores." >&2
    echo "It is kept in $CARGO_TARGET_DIR; later builds take seconds." >&2
fi
