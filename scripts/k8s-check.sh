#!/usr/bin/env bash
# Renders k8s/base, validates every object strictly against the Kubernetes schemas, and checks the
# promises of k8s/README.md. The last line is one JSON line of figures.
set -euo pipefail
cd "$(dirname "$0")/.."

render() {
    if command -v kubectl >/dev/null; then kubectl kustomize "$1"
    elif command -v kustomize >/dev/null; then kustomize build "$1"
    elif command -v go >/dev/null; then
        echo "setup: go install kustomize" >&2
        local bin=${XDG_CACHE_HOME:-$HOME/.cache}/quartermaster/bin
        [ -x "$bin/kustomize" ] || GOBIN=$bin go install sigs.k8s.io/kustomize/kustomize/v5@latest >&2
        "$bin/kustomize" build "$1"
    else
        echo "k8s-check needs kubectl, kustomize or go; install one of them and run it again" >&2
        return 1
    fi
}

python=$(scripts/venv.sh k8s kubernetes-validate==1.37.0)
rendered=$(mktemp --suffix .yaml)
trap 'rm -f "$rendered"' EXIT
render k8s/base > "$rendered"
"$python" scripts/k8s_check.py "$rendered"
