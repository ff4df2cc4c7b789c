#!/usr/bin/env bash
# Sees to it that this checkout's programs are built from this checkout.
#
# Checkouts share one target directory (docs/adr/0006), and Cargo takes what another one has built for its own as long as
# no file is newer: tests and benchmarks would then look for their files where that one was. So the first build after
# another checkout's finds every file new.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$HOME/.cache/quartermaster/target}
[ "$(cat "$target/checkout" 2>/dev/null)" != "$PWD" ] || exit 0
find . -path ./target -prune -o \( -name '*.rs' -o -name Cargo.toml \) -exec touch {} +
mkdir -p "$target"
echo "$PWD" > "$target/checkout"
