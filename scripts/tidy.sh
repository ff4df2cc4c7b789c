#!/usr/bin/env bash
# Runs tests/tidy.rs by itself. It uses the standard library only, so that the house rules are
# checked in seconds, without waiting for the dependencies that `cargo test` would build first.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$HOME/.cache/quartermaster/target}
mkdir -p "$target"
rustc --edition 2024 --test tests/tidy.rs -o "$target/tidy"
CARGO_MANIFEST_DIR=$PWD "$target/tidy" --quiet
