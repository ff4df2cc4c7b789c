#!/usr/bin/env bash
# Usage: venv.sh NAME REQUIREMENT... — prints the Python of a virtual environment under the user's
# cache that holds the requirements; makes it when it is missing or they changed.
set -euo pipefail
name=$1
shift
venv=${XDG_CACHE_HOME:-$HOME/.cache}/quartermaster/venv-$name
if [ "$(cat "$venv/requirements" 2>/dev/null)" != "$*" ]; then
    echo "setup: Python environment $venv with $*" >&2
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
        echo "setup: apt-get install python3-venv" >&2
        root=(); [ "$(id -u)" = 0 ] || root=(sudo)
        "${root[@]}" apt-get install -y -qq --no-install-recommends python3 python3-venv >&2
    fi
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet "$@" >&2
    echo "$*" > "$venv/requirements"
fi
echo "$venv/bin/python3"
