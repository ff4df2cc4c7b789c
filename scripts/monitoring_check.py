"""Asks a real Prometheus, which scrapes the real services, every expression of this repository.

Usage: monitoring_check.py BINARY LOCAL_KAFKA PROMETHEUS_DIRECTORY. Starts Kafka, the topics, `ingest`, `process` and
`notify`, feeds some stock changes, waits for samples and asks. An expression that errors, that names a metric or label
which docs/metrics.md does not have, fails the check, and so does a service that serves what is not documented there. `empty` lists
what the expressions select and no series matches yet: usually something that has not happened, sometimes a mistake in a matcher.
`alerts` are those that are pending or firing: one broken record is fed, so QuartermasterDeadLetterGrowing is expected.
Everything it starts listens on 127.0.0.1 and is stopped by its process id. The last line is one JSON line of figures.
"""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import expressions
import yaml
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

ROLES = ["ingest", "process", "notify"]
SOURCE_TOPIC = "stock-changes"
EVENTS_PARTITIONS = 4
# A series more than that on one pod is a label that should not be.
MAX_SERIES = 2000
START_S, SAMPLES_S, STOP_S = 90, 25, 40

CONFIG = """
[log]
format = "json"
[kafka]
bootstrap_servers = "{kafka}"
replication_factor = 1
min_insync_replicas = 1
session_timeout_ms = 10000
[state]
directory = "{state}"
[process]
events_partitions = {partitions}
"""
INPUTS = """
[[ingest.inputs]]
name = "shop"
topic = "{topic}"
content = "stock-changes"
"""
PROMETHEUS = """
global: {{ scrape_interval: 1s, evaluation_interval: 2s }}
rule_files: [{rules}]
scrape_configs:
"""
JOB = """  - job_name: quartermaster-{role}
    static_configs: [{{ targets: ["127.0.0.1:{port}"], labels: {{ namespace: check }} }}]
"""


class Failed(Exception):
    """The check could not be made; the message says why."""


def free_ports(count):
    """Ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Processes:
    """What this check started. Stopped in reverse, each by its process id."""

    def __init__(self, home):
        self.home, self.running = home, []

    def start(self, name, command, **options):
        log = open(self.home / f"{name}.log", "wb")
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
        self.running.append((name, process))
        return process

    def log(self, name):
        return (self.home / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def alive(self):
        for name, process in self.running:
            if process.poll() is not None:
                raise Failed(f"{name} ended with exit code {process.returncode}; its log ends with:\n{self.log(name)}")

    def stop(self):
        """Exit codes by name; None for what had to be killed."""
        codes = {}
        for name, process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
            try:
                codes[name] = process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                codes[name] = None
        self.running = []
        return codes


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def wait_for(what, processes, test, seconds=START_S):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        processes.alive()
        with contextlib.suppress(OSError):
            if test():
                return
        time.sleep(0.3)
    logs = "\n".join(f"--- {name}\n{processes.log(name)}" for name, _ in processes.running)
    raise Failed(f"waited {seconds} s for {what}; logs end with:\n{logs}")


def feed(kafka, lines):
    producer = Producer({"bootstrap.servers": kafka})
    for line in lines:
        producer.produce(SOURCE_TOPIC, key=line["sku"], value=json.dumps(line))
    producer.produce(SOURCE_TOPIC, key="broken", value="{ this is no stock change")
    if producer.flush(30):
        raise Failed("Kafka did not take the stock changes")


def stock_changes():
    """Three weeks of sales of ten items that are never ordered: positions, and alerts when stock runs out."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    for day in range(21, -1, -1):
        for item in range(10):
            at = now - timedelta(days=day, minutes=item)
            change = {"type": "sold", "quantity": 3, "order_id": f"o-{day}-{item}"} if day < 21 else {"type": "balance_observed", "on_hand": 50}
            yield {"event_id": f"e-{day}-{item}", "sku": f"SKU-{item}", "location": "STORE-1", "occurred_at": at.isoformat().replace("+00:00", "Z"), "change": change}


def ask(address, expression):
    """(error, number of series)."""
    url = f"{address}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    try:
        answer = json.loads(fetch(url))
    except urllib.error.HTTPError as error:
        return json.loads(error.read().decode()).get("error", str(error)), 0
    return None, len(answer["data"]["result"])


def run(binary, *arguments):
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"quartermaster {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def strimzi_topics():
    """The KafkaTopics, with fewer partitions and one replica: what else they say is as it stands."""
    text = (expressions.ROOT / "k8s/components/strimzi/topics.yaml").read_text(encoding="utf-8")
    for topic in yaml.safe_load_all(text):
        spec = topic["spec"]
        config = {key: str(value) for key, value in spec["config"].items()} | {"min.insync.replicas": "1"}
        yield NewTopic(topic["metadata"]["name"], min(spec["partitions"], EVENTS_PARTITIONS), 1, config=config)


def make_topics(binary, kafka, home):
    """The KafkaTopics must be what the program wants; `topics create` makes those of the inputs. Gives the configuration."""
    contract, config = home / "contract.toml", home / "config.toml"
    text = CONFIG.format(kafka=kafka, state=home / "state", partitions=EVENTS_PARTITIONS)
    contract.write_text(text, encoding="utf-8")
    config.write_text(text + INPUTS.format(topic=SOURCE_TOPIC), encoding="utf-8")
    admin = AdminClient({"bootstrap.servers": kafka})
    for made in admin.create_topics([*strimzi_topics(), NewTopic(SOURCE_TOPIC, 2, 1)]).values():
        made.result(60)
    run(binary, "topics", "check", "--config", contract)
    run(binary, "topics", "create", "--config", config)
    return config


def start_services(binary, kafka, home, processes):
    """Admin ports by role."""
    (home / "state").mkdir()
    config = make_topics(binary, kafka, home)
    ports = dict(zip(ROLES, free_ports(len(ROLES))))
    for role, port in ports.items():
        environment = {"QM_ADMIN__LISTEN": f"127.0.0.1:{port}", "QM_SERVICE__INSTANCE": f"{role}-1", "PATH": "/usr/bin:/bin"}
        processes.start(role, [binary, role, "--config", config], env=environment)
    for role, port in ports.items():
        wait_for(f"{role} to be ready", processes, lambda port=port: fetch(f"http://127.0.0.1:{port}/readyz") is not None)
    return ports


def start_prometheus(directory, ports, home, processes):
    config = home / "prometheus.yaml"
    jobs = "".join(JOB.format(role=role, port=port) for role, port in ports.items())
    config.write_text(PROMETHEUS.format(rules=expressions.ROOT / "k8s/monitoring/rules.yaml") + jobs, encoding="utf-8")
    port = free_ports(1)[0]
    command = [f"{directory}/prometheus", f"--config.file={config}", f"--storage.tsdb.path={home}/tsdb", f"--web.listen-address=127.0.0.1:{port}"]
    processes.start("prometheus", command)
    address = f"http://127.0.0.1:{port}"
    wait_for("Prometheus", processes, lambda: "Ready" in fetch(f"{address}/-/ready"))
    return address


def check_services(ports, prometheus, home):
    """Faults of what the services serve at /metrics, and the series of each."""
    faults, series = [], {}
    for role, port in ports.items():
        text = fetch(f"http://127.0.0.1:{port}/metrics")
        series[role] = sum(1 for line in text.splitlines() if line and not line.startswith("#"))
        if series[role] > MAX_SERIES:
            faults.append(f"{role} serves {series[role]} series, more than {MAX_SERIES}")
        lint = subprocess.run([f"{prometheus}/promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        faults += [f"{role}: {line}" for line in (lint.stdout + lint.stderr).splitlines() if line.strip()]
        for name in {line.split("{")[0].split()[0] for line in text.splitlines() if line and not line.startswith("#")}:
            if name not in expressions.documented():
                faults.append(f"{role} serves {name}, which docs/metrics.md does not have")
    return faults, series


def check_rules(address):
    for group in json.loads(fetch(f"{address}/api/v1/rules"))["data"]["groups"]:
        for rule in group["rules"]:
            if rule["health"] != "ok":
                yield f"rule {rule['name']}: {rule['health']}: {rule.get('lastError')}"


def check_expressions(address):
    families = {**expressions.documented(), **expressions.recorded(), **expressions.OWN}
    faults, asked, selected = [], 0, set()
    for where, expression in expressions.everywhere():
        asked += 1
        selected |= expressions.selectors(expression)
        faults += [f"{where}: {fault}" for fault in expressions.unknown(expression, families)]
        error, _ = ask(address, expression)
        if error:
            faults.append(f"{where}: {error}")
    empty = sorted(selector for selector in selected if not ask(address, selector)[1])
    return faults, {"expressions": asked, "selectors": len(selected), "empty": empty}


def alerts(address):
    """Those that are pending or firing."""
    return sorted({alert["labels"]["alertname"] for alert in json.loads(fetch(f"{address}/api/v1/alerts"))["data"]["alerts"]})


def check(binary, local_kafka, prometheus, home, processes):
    kafka_port = free_ports(1)[0]
    kafka = f"127.0.0.1:{kafka_port}"
    processes.start("kafka", [local_kafka, "--port", str(kafka_port)])
    # It says its address when it serves.
    wait_for("Kafka", processes, lambda: kafka in processes.log("kafka"))
    ports = start_services(binary, kafka, home, processes)
    address = start_prometheus(prometheus, ports, home, processes)
    # A counter that begins before its first sample has not increased.
    wait_for("first samples", processes, lambda: ask(address, "up == 1 and on (job) (count_over_time(up[1m]) > 2)") == (None, len(ports)))
    feed(kafka, stock_changes())
    end = time.monotonic() + SAMPLES_S
    while time.monotonic() < end:
        processes.alive()
        time.sleep(1)
    service_faults, series = check_services(ports, prometheus, home)
    expression_faults, figures = check_expressions(address)
    faults = service_faults + expression_faults + list(check_rules(address))
    figures["alerts"] = alerts(address)
    codes = processes.stop()
    faults += [f"{role} ended with exit code {codes[role]} after SIGTERM" for role in ROLES if codes[role] != 0]
    return faults, {"expressions": figures.pop("expressions"), "errors": len(faults), **figures, "series": series}


def main(binary, local_kafka, prometheus):
    with tempfile.TemporaryDirectory(prefix="quartermaster-monitoring-") as home:
        processes = Processes(Path(home))
        try:
            faults, figures = check(binary, local_kafka, prometheus, Path(home), processes)
        except Failed as failure:
            print(failure, file=sys.stderr)
            return 1
        finally:
            processes.stop()
    for fault in faults:
        print(fault)
    print(json.dumps(figures, ensure_ascii=False))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
