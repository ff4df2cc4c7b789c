#!/usr/bin/env bash
# Every test of the workspace. Progress of the build goes to stderr; the last line is the total.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --workspace --release --locked --no-fail-fast "$@" | awk '
    { print; fflush() }
    /^test result: / { suites++; passed += $4; failed += $6; ignored += $8 }
    /^test .* \.\.\. FAILED$/ { failures = failures "\n  " $2 }
    END {
        if (failures) print "failed:" failures
        printf "total: %d passed, %d failed, %d ignored in %d suites\n", passed, failed, ignored, suites
    }'
