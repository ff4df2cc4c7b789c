#!/usr/bin/env bash
# Usage: decisions.sh BINARY [ARGUMENT...] — scores `replay` on real retail data. The last line is
# the JSON line of figures. ONLY selects the parts, QM_SHARED says where the scorer and its data are.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1
shift
eval_dir=${QM_SHARED:-../shared}/eval
if [ ! -f "$eval_dir/evaluate.py" ]; then
    echo "skipped: no scorer at $eval_dir/evaluate.py; set QM_SHARED to the folder that holds eval/ and data/"
    exit 0
fi
python=$(scripts/venv.sh decisions numpy pandas numba scipy)
exec "$python" "$eval_dir/evaluate.py" --binary "$binary" --only "${ONLY:-prefix,rop,surge}" "$@"
