"""The Grafana dashboard as data: rows of panels, each with a unit, a description and its queries.

`build()` gives the JSON that k8s/dashboards/quartermaster.json holds; scripts/k8s_generate.py writes it.
Never edit the JSON: what people change in Grafana comes back here.
"""

NS = 'namespace=~"$namespace"'
RATE = "$__rate_interval"


def rate(metric, by, match=""):
    return f"sum by ({by}) (rate(quartermaster_{metric}{{{NS}{match}}}[{RATE}]))"


def gauge(how, metric, by, match=""):
    return f"{how} by ({by}) (quartermaster_{metric}{{{NS}{match}}})"


def quantile(q, metric, by=""):
    groups = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({groups}) (rate(quartermaster_{metric}_bucket{{{NS}}}[{RATE}])))"


def quantiles(metric):
    return [(quantile(q, metric), name) for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))]


def slo(name):
    return [(f"1 - namespace:quartermaster_{name}:ratio_rate3d{{{NS}}}", "{{namespace}}")]


# (title, unit, description, queries as (expression, legend), kind of panel)
SLO = [
    ("Alerts within 10 s", "percentunit", "Share of alerts whose opening was committed within 10 s of the event that gave it, three days. Objective: 99 %.",
     slo("alerts_slow"), "stat"),
    ("Deliveries that succeed", "percentunit", "Share of deliveries that ended well, three days; retries do not count. Objective: 99.9 %.",
     slo("deliveries_failed"), "stat"),
    ("Minutes below 60 s of lag", "percentunit", "Share of time in which no partition was 60 s or more behind, three days. Objective: 99.9 %.",
     slo("lag_over_60s"), "stat"),
    ("Firing alerts", "short", "Alerts of this installation that Prometheus is firing. Each has a playbook in docs/playbooks.",
     [(f'count by (alertname, severity) (ALERTS{{alertstate="firing", alertname=~"Quartermaster.*", {NS}}})', "{{alertname}} ({{severity}})")], "timeseries"),
    ("Error budget burn rate, 1 h", "short", "1 uses up the budget in 30 days. Above 6 or 14.4 somebody is called.",
     [(f"namespace:quartermaster_alerts_slow:ratio_rate1h{{{NS}}} / 0.01", "alert latency"),
      (f"namespace:quartermaster_deliveries_failed:ratio_rate1h{{{NS}}} / 0.001", "deliveries"),
      (f"namespace:quartermaster_lag_over_60s:ratio_rate1h{{{NS}}} / 0.001", "lag")], "timeseries"),
    ("Event to alert", "s", "From the event in the warehouse system (or the timer's due time and grace) to the committed opening of the alert.",
     quantiles("alert_end_to_end_latency_seconds"), "timeseries"),
]
FLOW = [
    ("Records read", "cps", "Records consumed from Kafka.", [(rate("records_consumed_total", "job"), "{{job}}")], "timeseries"),
    ("Records processed by outcome", "cps", "ok: changed something; duplicate: seen before; late: after its window; filtered: not for us.",
     [(rate("records_processed_total", "job, outcome"), "{{job}} {{outcome}}")], "timeseries"),
    ("Ingest: received and rejected", "cps", "Records of each warehouse source, and those that became dead letters, by reason.",
     [(rate("ingest_records_received_total", "source"), "{{source}} received"),
      (rate("ingest_records_rejected_total", "source, reason"), "{{source}} rejected: {{reason}}")], "timeseries"),
    ("Dead letters", "cps", "Records that could not be used, by stage and reason. Anything above 0 deserves a look.",
     [(rate("dead_letter_records_total", "stage, reason"), "{{stage}}: {{reason}}")], "timeseries"),
    ("Alerts", "cps", "Committed revisions of alerts, by kind and the state they reached.",
     [(rate("alerts_total", "kind, transition"), "{{kind}} {{transition}}")], "timeseries"),
    ("Feeds, records in 15 minutes", "short", "Records of each input in the last quarter of an hour. 0 for a warehouse system: it is silent.",
     [(f"sum by (source) (increase(quartermaster_ingest_records_received_total{{{NS}}}[15m]))", "{{source}}")], "timeseries"),
    ("Positions", "short", "SKU and location pairs whose state each instance holds.",
     [(gauge("sum", "positions", "instance"), "{{instance}}")], "timeseries"),
    ("Batch duration, p99", "s", "Time a batch takes in each part of the loop: apply (decode and fold), commit, flush.",
     [(quantile(0.99, "batch_duration_seconds", "job, stage"), "{{job}} {{stage}}")], "timeseries"),
    ("Stream time behind the clock", "s", "How far event time is behind wall time; the partition furthest behind, of each job.",
     [(f"time() - min by (job) (quartermaster_stream_time_seconds{{{NS}}} > 0)", "{{job}}")], "timeseries"),
]
KAFKA = [
    ("Lag", "short", "Records not read yet, summed over the partitions of a topic.",
     [(gauge("sum", "consumer_lag_records", "job, topic"), "{{job}} {{topic}}")], "timeseries"),
    ("Lag in time", "s", "Age of the oldest record not read yet; the partition furthest behind, of each topic.",
     [(gauge("max", "consumer_lag_seconds", "job, topic"), "{{job}} {{topic}}")], "timeseries"),
    ("Partitions without an owner", "short", "Partitions of the input topics minus those that instances own. Above 0 for minutes: nobody reads them.",
     [(f"{gauge('max', 'topic_partitions', 'job, topic')} - {gauge('sum', 'assigned_partitions', 'job, topic')}", "{{job}} {{topic}}")], "timeseries"),
    ("Partitions by instance", "short", "Partitions each instance owns.",
     [(gauge("sum", "assigned_partitions", "instance, topic"), "{{instance}} {{topic}}")], "timeseries"),
    ("Transactions", "cps", "Transactions by result. Fenced: another process took the transactional id.",
     [(rate("transactions_total", "job, result"), "{{job}} {{result}}")], "timeseries"),
    ("Rebalances", "cps", "Rebalances of the consumer groups by kind.", [(rate("rebalances_total", "job, kind"), "{{job}} {{kind}}")], "timeseries"),
    ("Broker round trip", "s", "Round-trip time to each broker as the Kafka client measures it; the slowest instance.",
     [(gauge("max", "kafka_client_broker_rtt_seconds", "broker_id"), "broker {{broker_id}}")], "timeseries"),
    ("Request errors", "cps", "Requests to each broker that failed.", [(rate("kafka_client_request_errors_total", "broker_id"), "broker {{broker_id}}")], "timeseries"),
    ("Producer queue", "short", "Messages in the producer's queue, not acknowledged yet.",
     [(gauge("max", "kafka_client_producer_queue_messages", "instance"), "{{instance}}")], "timeseries"),
]
STATE = [
    ("Restore: records to go", "short", "Changelog records still to read before the partitions of an instance are served.",
     [(gauge("sum", "restore_remaining_records", "instance"), "{{instance}}")], "timeseries"),
    ("Restore: speed", "cps", "Changelog records read: delta after a restart, full without usable local state.",
     [(rate("restored_records_total", "instance, kind"), "{{instance}} {{kind}}")], "timeseries"),
    ("Restore: duration, p95", "s", "Time from assignment to served, of one partition.",
     [(quantile(0.95, "restore_duration_seconds", "job"), "{{job}}")], "timeseries"),
    ("RocksDB memory", "bytes", "Memory of the stores by component: block cache, memtables, table readers.",
     [(gauge("sum", "rocksdb_memory_bytes", "instance, component"), "{{instance}} {{component}}")], "timeseries"),
    ("RocksDB on disk", "bytes", "Size of the table files, and what compaction still has to rewrite.",
     [(gauge("sum", "rocksdb_sst_bytes", "instance"), "{{instance}} tables"),
      (gauge("sum", "rocksdb_pending_compaction_bytes", "instance"), "{{instance}} to compact")], "timeseries"),
    ("RocksDB write stall", "percentunit", "Share of time in which RocksDB held back writes.",
     [(rate("rocksdb_write_stall_seconds_total", "instance"), "{{instance}}")], "timeseries"),
]
NOTIFY = [
    ("Deliveries", "cps", "Delivery attempts by channel and outcome.",
     [(rate("notify_deliveries_total", "channel, outcome"), "{{channel}} {{outcome}}")], "timeseries"),
    ("Delivery duration, p95", "s", "Time the receiver takes to answer, by channel.",
     [(quantile(0.95, "notify_delivery_duration_seconds", "channel"), "{{channel}}")], "timeseries"),
    ("Alert to delivery", "s", "From the committed alert to its delivery.", quantiles("notify_end_to_end_latency_seconds"), "timeseries"),
    ("Waiting", "short", "Notifications planned and not sent yet.", [(gauge("sum", "notify_queue_records", "channel"), "{{channel}}")], "timeseries"),
    ("Circuit breakers open", "short", "Partitions in which a channel has a break after failures in a row.",
     [(gauge("max", "notify_circuit_open", "channel"), "{{channel}}")], "timeseries"),
]
PODS = [
    ("Ready", "bool_yes_no", "Whether an instance is assigned, restored and reading.", [(gauge("min", "ready", "instance"), "{{instance}}")], "timeseries"),
    ("Memory of the limit", "percentunit", "Resident memory over the memory limit. The kernel kills at 100 %.",
     [(f"quartermaster_memory_resident_bytes{{{NS}}} / (quartermaster_memory_limit_bytes{{{NS}}} > 0)", "{{instance}}")], "timeseries"),
    ("Versions", "short", "Instances by version and revision. Two lines outside of a roll-out are a mistake.",
     [(gauge("count", "build_info", "job, version, revision"), "{{job}} {{version}} {{revision}}")], "timeseries"),
    ("Worker restarts", "cps", "Workers that failed on the log, were destroyed and opened again.",
     [(rate("worker_restarts_total", "instance, stage"), "{{instance}} {{stage}}")], "timeseries"),
    ("Admin port, p99", "s", "Time the admin port takes to answer, by route.",
     [(quantile(0.99, "http_request_duration_seconds", "route"), "{{route}}")], "timeseries"),
    ("Series scraped", "short", "Samples Prometheus took from each instance at the last scrape; the design limit is 2,000.",
     [(f'scrape_samples_scraped{{job=~"quartermaster-.*", {NS}}}', "{{instance}}")], "timeseries"),
]
ROWS = [("SLO", SLO), ("Flow", FLOW), ("Kafka", KAFKA), ("State", STATE), ("Notify", NOTIFY), ("Pods", PODS)]

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS, HEIGHT = 3, 7


def variable(name, label, kind, query):
    every = {"includeAll": True, "multi": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}, "refresh": 2, "datasource": SOURCE}
    return {"name": name, "label": label, "type": kind, "query": query, **(every if kind == "query" else {})}


def panel(number, at, title, unit, description, queries, kind):
    x, y = at
    defaults = {"unit": unit, "min": None if unit == "percentunit" else 0}
    targets = [
        {"refId": chr(ord("A") + i), "datasource": SOURCE, "expr": expression, "legendFormat": legend, "editorMode": "code", "range": True}
        for i, (expression, legend) in enumerate(queries)
    ]
    options = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    return {
        "id": number, "type": kind, "title": title, "description": description, "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": 24 // COLUMNS, "h": HEIGHT},
        "fieldConfig": {"defaults": {key: value for key, value in defaults.items() if value is not None}, "overrides": []},
        "options": options if kind == "timeseries" else {"reduceOptions": {"calcs": ["lastNotNull"]}},
        "targets": targets,
    }


def build():
    """The dashboard as Grafana imports it."""
    panels, number, y = [], 1, 0
    for row, members in ROWS:
        panels.append({"id": number, "type": "row", "title": row, "collapsed": False, "panels": [], "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        number, y = number + 1, y + 1
        for i, (title, unit, description, queries, kind) in enumerate(members):
            at = (i % COLUMNS * 24 // COLUMNS, y + i // COLUMNS * HEIGHT)
            panels.append(panel(number, at, title, unit, description, queries, kind))
            number += 1
        y += -(-len(members) // COLUMNS) * HEIGHT
    return {
        "uid": "quartermaster", "title": "Quartermaster", "tags": ["quartermaster"], "schemaVersion": 39, "version": 1,
        "editable": True, "refresh": "30s", "timezone": "browser", "time": {"from": "now-6h", "to": "now"},
        "description": "Stock changes in, alerts out. Generated by scripts/k8s_generate.py.",
        "templating": {"list": [
            variable("datasource", "Data source", "datasource", "prometheus"),
            variable("namespace", "Namespace", "query", "label_values(quartermaster_build_info, namespace)"),
        ]},
        "annotations": {"list": []}, "panels": panels,
    }
