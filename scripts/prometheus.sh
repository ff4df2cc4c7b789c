#!/usr/bin/env bash
# Prints the directory that holds `prometheus` and `promtool`: where they are installed, or where this
# script unpacked Debian's package, under the user's cache. It never installs the package: that would
# start a service of the system.
set -euo pipefail
if command -v promtool >/dev/null && command -v prometheus >/dev/null; then
    dirname "$(command -v prometheus)"
    exit 0
fi
directory=${XDG_CACHE_HOME:-$HOME/.cache}/quartermaster/prometheus
if [ ! -x "$directory/usr/bin/promtool" ]; then
    command -v apt-get >/dev/null || { echo "setup: needs prometheus and promtool in PATH; install Prometheus 2.42 or newer" >&2; exit 1; }
    echo "setup: apt-get download prometheus, unpacked in $directory" >&2
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
    cd "$work"
    if ! apt-get download -qq prometheus >/dev/null 2>&1; then
        root=(); [ "$(id -u)" = 0 ] || root=(sudo)
        "${root[@]}" apt-get update -qq >&2
        apt-get download -qq prometheus >&2
    fi
    rm -rf "$directory"
    mkdir -p "$directory"
    dpkg-deb -x prometheus_*.deb "$directory"
fi
echo "$directory/usr/bin"
