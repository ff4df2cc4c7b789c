#!/usr/bin/env bash
# Renders the Kubernetes base and every overlay, validates each object strictly, and checks the promises of
# k8s/README.md; then the rules for Prometheus with their tests, the Dockerfile and docker-compose.yaml.
# Needs neither a cluster nor the binary. The last line is one JSON line of figures.
set -euo pipefail
cd "$(dirname "$0")/.."

render() {
    if command -v kubectl >/dev/null; then kubectl kustomize "$1"
    elif command -v kustomize >/dev/null; then kustomize build "$1"
    elif command -v go >/dev/null; then
        local bin=${XDG_CACHE_HOME:-$HOME/.cache}/quartermaster/bin
        [ -x "$bin/kustomize" ] || { echo "setup: go install kustomize" >&2; GOBIN=$bin go install sigs.k8s.io/kustomize/kustomize/v5@latest >&2; }
        "$bin/kustomize" build "$1"
    else
        echo "k8s-check needs kubectl, kustomize or go; install one of them and run it again" >&2
        return 1
    fi
}

python=$(scripts/k8s-python.sh)
tools=$(dirname "$python")
prometheus=$(scripts/prometheus.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { echo "== $* ==" >&2; }

step generated files
"$python" scripts/k8s_generate.py --check
step render
for folder in k8s/base k8s/overlays/*/; do
    render "$folder" > "$work/$(basename "$folder").yaml"
done
step Prometheus rules
"$prometheus/promtool" check rules --lint=all --lint-fatal k8s/monitoring/rules.yaml >&2
(cd k8s/monitoring && "$prometheus/promtool" test rules rules_test.yaml >&2)
"$prometheus/promtool" check config --syntax-only compose/prometheus.yaml >&2
step Dockerfile and compose file
"$tools/hadolint" --failure-threshold info Dockerfile >&2
"$python" scripts/compose_check.py >&2
step schemas and promises
"$python" scripts/k8s_check.py "$work"/*.yaml
