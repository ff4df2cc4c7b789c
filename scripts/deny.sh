#!/usr/bin/env bash
# Licences, advisories, sources and duplicates of the dependencies (deny.toml), where cargo-deny is installed.
set -euo pipefail
if cargo deny --version >/dev/null 2>&1; then
    cargo deny --all-features check
else
    echo "cargo-deny is not installed: dependency licences and advisories were not checked (cargo install cargo-deny)"
fi
