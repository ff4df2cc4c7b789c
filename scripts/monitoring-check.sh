#!/usr/bin/env bash
# Usage: monitoring-check.sh BINARY LOCAL_KAFKA — runs the real services on a local Kafka under a real
# Prometheus and asks it every expression of the dashboard, the rules and the playbooks. Everything listens on
# 127.0.0.1 and ends with the check. The last line is one JSON line of figures.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(scripts/venv.sh monitoring PyYAML==6.0.3 confluent-kafka==2.16.1)
prometheus=$(scripts/prometheus.sh)
exec "$python" scripts/monitoring_check.py "$1" "$2" "$prometheus"
