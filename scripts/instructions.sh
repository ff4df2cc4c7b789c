#!/usr/bin/env bash
# Counts the instructions of one step of the hot path, in valgrind, and holds them against bench/instructions.tsv:
# more than 7 % above fails, more than 7 % below asks to renew. Wall time is noisy; this is not.
#
#   scripts/instructions.sh            count and compare
#   scripts/instructions.sh --renew    count and write the file; say in the commit message why
#
# A count belongs to a compiler: where rustc is another one than that of the file, it only says what it counts.
set -euo pipefail
cd "$(dirname "$0")/.."
tolerance=7
baselines=bench/instructions.tsv
target=${CARGO_TARGET_DIR:-$HOME/.cache/quartermaster/target}
export CARGO_TARGET_DIR=$target

say() { echo "instructions: $*"; }

scripts/setup.sh instructions || true
if ! command -v valgrind >/dev/null; then
    say "SKIPPED: there is no valgrind, and it could not be installed; install the package valgrind and run this again"
    exit 0
fi
cargo build --release --locked --quiet --bin quartermaster --bin quartermaster-bench -p quartermaster -p quartermaster-bench

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Instructions of a command, all threads.
count() {
    local log=$scratch/log
    if ! valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" >"$scratch/out" 2>"$log"; then
        cat "$scratch/out" "$log" >&2
        say "failed: $*" >&2
        exit 1
    fi
    sed -n 's/^==[0-9]*== Collected : //p' "$log"
}

# By how much the second of two counts is larger, for each of so many rounds.
for_each() { echo $((($2 - $1) / $3)); }

step() {
    local name=$1 rounds=$2 once twice
    once=$(count "$target/release/quartermaster-bench" instructions "$name" "$rounds")
    twice=$(count "$target/release/quartermaster-bench" instructions "$name" "$((2 * rounds))")
    printf '%s\t%s\n' "$name" "$(for_each "$once" "$twice" "$rounds")"
}

# A line of a shop's day through the released binary: decoded, one step of its task, alerts and positions out.
replay() {
    local lines=6000 shop=$scratch/shop once twice
    "$target/release/quartermaster-bench" --events $((2 * lines)) --skus 100 --locations 4 --days 2 generate "$shop"
    cp rules/src/packs/retail.yaml "$shop/rules.yaml"
    head -n "$lines" "$shop/events.jsonl" >"$shop/half.jsonl"
    run() {
        count "$target/release/quartermaster" replay --rules "$shop/rules.yaml" --catalog "$shop/catalog.jsonl" \
            --locations "$shop/locations.jsonl" --alerts "$shop/alerts" --positions "$shop/positions" \
            --positions-every 1d "$1"
    }
    once=$(run "$shop/half.jsonl")
    twice=$(run "$shop/events.jsonl")
    printf 'step\t%s\n' "$(for_each "$once" "$twice" "$lines")"
}

{
    step decode 20000
    step encode 5000
    step captured 2000
    step fold 5000
    replay
} >"$scratch/counted"

compiler=$(rustc --version | cut -d' ' -f1,2)
if [ "${1:-}" = --renew ]; then
    {
        echo "# Instructions of one step of the hot path, counted by scripts/instructions.sh --renew with"
        echo "# $compiler"
        cat "$scratch/counted"
    } >"$baselines"
    cat "$baselines"
    exit 0
fi

same_compiler=no
grep -qxF "# $compiler" "$baselines" && same_compiler=yes
[ "$same_compiler" = yes ] || say "$compiler is not the compiler of $baselines: nothing fails"
awk -F'\t' -v tolerance="$tolerance" -v binding="$same_compiler" '
    /^#/ { next }
    FNR == NR { was[$1] = $2; next }
    !($1 in was) { printf "instructions: %s has no baseline; add it: scripts/instructions.sh --renew\n", $1; bad = 1; next }
    {
        change = 100 * ($2 / was[$1] - 1)
        printf "instructions: %-9s %8d, baseline %8d: %+.1f %%\n", $1, $2, was[$1], change
        if (change > tolerance) { printf "instructions: %s costs more; find out why, or renew with a reason\n", $1; bad = 1 }
        if (change < -tolerance) { printf "instructions: %s costs less: renew, so that it stays so\n", $1 }
    }
    END { exit bad && binding == "yes" }' "$baselines" "$scratch/counted"
