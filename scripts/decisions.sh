#!/usr/bin/env bash
# Usage: decisions.sh BINARY [ARGUMENT...] — scores `replay` on real retail data, split by split; the last line is
# the JSON line of the figures of the last split. ARGUMENTs go to the scorer. ONLY="rop,surge" selects parts,
# SPLITS="dev" splits; by default all parts of all splits whose data are there. QM_SHARED says where eval/ and data/ are.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1
shift
shared=${QM_SHARED:-../shared}
scorer=$shared/eval/evaluate.py
data=$shared/data/retail
if [ ! -f "$scorer" ]; then
    echo "skipped: no scorer at $scorer; set QM_SHARED to the folder that holds eval/ and data/"
    exit 0
fi
splits=${SPLITS:-$(cd "$data" && for skus in */skus.csv; do if [ -f "$skus" ]; then dirname "$skus"; fi; done)}
if [ -z "$splits" ]; then
    echo "skipped: no data in $data; a split is a folder with skus.csv"
    exit 0
fi
parts=${ONLY:-prefix,rop,censored,surge,slow}
python=$(scripts/venv.sh decisions numpy pandas numba scipy)
for split in $splits; do
    echo "decisions: split $split: $parts" >&2
    began=$SECONDS
    "$python" -u "$scorer" --binary "$binary" --data "$data" --split "$split" --only "$parts" "$@"
    echo "decisions: split $split took $((SECONDS - began)) s" >&2
done
