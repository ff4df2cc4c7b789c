# The verbs people need. Each sets up what it misses first: on a fresh Debian or Ubuntu `make demo` is enough.
# `make help` lists them. Extra arguments: `make demo ARGS="--seed 7"`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-kafka setup-connect demo test build lint tidy instructions kafka wms bench bench-peers bench-growth plots faults faults-proof decisions k8s-check k8s-generate monitoring-check
MAKEFLAGS += --no-print-directory

# One target directory outside the checkout, and one profile; RocksDB is compiled once for everything.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/quartermaster/target
export ROCKSDB_LIB_DIR ?= $(shell scripts/rocksdb.sh --directory)
export ROCKSDB_STATIC ?= 1
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
CARGO_FLAGS := --release --locked
BINARY := $(CARGO_TARGET_DIR)/release/quartermaster
ARGS ?=
# Of `make bench-peers` and `make bench-growth`: anything makes it quick.
QUICK ?=
# Where `make bench-growth` writes its points.
POINTS ?= $(CARGO_TARGET_DIR)/growth.jsonl
# Of `make faults`: SIGKILLs, and what everything left to chance is drawn from.
KILLS ?= 500
SEED ?= 1

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing to build; every other verb does it first
	@scripts/setup.sh

setup-kafka: ## install Java and fetch Apache Kafka for tests; test and kafka do it first
	@scripts/setup.sh kafka
	@scripts/kafka-jars.sh

setup-connect: setup-kafka ## install PostgreSQL and fetch Kafka Connect with Debezium for tests; test and wms do it first
	@scripts/setup.sh connect
	@scripts/connect-jars.sh

demo: build ## a simulated retail chain, live, for about a minute
	@$(BINARY) demo $(ARGS)

build: setup ## the binary, at $CARGO_TARGET_DIR/release/quartermaster
	@scripts/rocksdb.sh
	@cargo build $(CARGO_FLAGS) --bin quartermaster
	@echo "built $(BINARY)"

test: setup setup-kafka setup-connect ## all tests of the workspace; the summary is the last line
	@scripts/rocksdb.sh
	@scripts/test.sh $(ARGS)

lint: setup tidy ## format, the house rules, clippy, dependency licences
	@cargo fmt --all --check
	@scripts/rocksdb.sh
	@cargo clippy --workspace --all-targets $(CARGO_FLAGS) -- -D warnings
	@scripts/deny.sh

tidy: setup ## the house rules alone, in seconds (tests/tidy.rs)
	@scripts/tidy.sh

instructions: build ## count the instructions of the hot path against bench/instructions.tsv; ARGS=--renew writes them anew
	@scripts/instructions.sh $(ARGS)

bench: build setup-kafka ## speed, memory, alert latency and restart time, as one JSON line
	@scripts/rocksdb.sh
	@cargo run $(CARGO_FLAGS) -p quartermaster-bench -- $(ARGS)

bench-peers: build setup-kafka ## the same job in Kafka Streams and Quix Streams, checked, then timed in turns; QUICK=1 takes under five minutes
	@scripts/setup.sh peers
	@kafka_streams=$$(scripts/peers.sh kafka-streams); quix=$$(scripts/peers.sh quix); scripts/rocksdb.sh; \
	cargo build $(CARGO_FLAGS) --quiet -p quartermaster-bench; \
	exec $(CARGO_TARGET_DIR)/release/quartermaster-bench peers --kafka-streams "$$kafka_streams" --quix "$$quix" $(if $(QUICK),--quick) $(ARGS)

bench-growth: build setup-kafka ## cost by positions, partitions and rules, after an absence, at midnight; QUICK=1 takes under five minutes
	@cargo build $(CARGO_FLAGS) --quiet -p quartermaster-bench
	@exec $(CARGO_TARGET_DIR)/release/quartermaster-bench growth --out $(POINTS) $(if $(QUICK),--quick) $(ARGS)

plots: ## plots and tables of docs/performance.md, from docs/performance/growth.jsonl
	@python3 scripts/plots.py $(ARGS)

decisions: build ## score the decisions on real retail data, as one JSON line
	@scripts/decisions.sh $(BINARY) $(ARGS)

k8s-check: ## render and validate the Kubernetes manifests, as one JSON line
	@scripts/k8s-check.sh

k8s-generate: ## write what of k8s/ is made from something else: dashboard, PrometheusRule, KafkaTopics
	@"$$(scripts/k8s-python.sh)" scripts/k8s_generate.py

monitoring-check: build setup-kafka ## ask a real Prometheus every dashboard and rule expression, as one JSON line
	@cargo build $(CARGO_FLAGS) --quiet -p quartermaster-test-kafka --bin local-kafka
	@scripts/monitoring-check.sh $(BINARY) $(CARGO_TARGET_DIR)/release/local-kafka

kafka: setup setup-kafka ## a local Apache Kafka on 127.0.0.1:9092 until Ctrl-C; ARGS="--port 9192 --brokers 3 --data DIR"
	@cargo build $(CARGO_FLAGS) --quiet -p quartermaster-test-kafka --bin local-kafka
	@exec $(CARGO_TARGET_DIR)/release/local-kafka $(ARGS)

wms: setup setup-kafka setup-connect ## Kafka, PostgreSQL with a small WMS, and Debezium until Ctrl-C; ARGS="--capture --work"
	@cargo build $(CARGO_FLAGS) --quiet -p quartermaster-test-wms --bin local-wms
	@exec $(CARGO_TARGET_DIR)/release/local-wms $(ARGS)

faults: build setup-kafka ## break everything on a real Kafka and check the promises: KILLS=500 SEED=1; ARGS="--only kills,volumes"
	@cargo build $(CARGO_FLAGS) --quiet -p quartermaster-faults
	@exec $(CARGO_TARGET_DIR)/release/quartermaster-faults --kills $(KILLS) --seed $(SEED) $(ARGS)

faults-proof: setup setup-kafka ## three planted bugs, each of which `make faults` must find
	@scripts/rocksdb.sh
	@cargo build $(CARGO_FLAGS) --features planted-bugs --bin quartermaster-planted
	@cargo build $(CARGO_FLAGS) --quiet -p quartermaster-faults
	@exec $(CARGO_TARGET_DIR)/release/quartermaster-faults --proof --seed $(SEED) $(ARGS)
