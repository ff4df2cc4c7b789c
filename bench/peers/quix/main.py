"""The job in Quix Streams, until SIGTERM. `/readyz` answers 200 once a record was processed.

State is kept under the record's key, the SKU, with one entry a location; changelog topics are on, the guarantee is
exactly-once. Every event publishes its position: the engine has no cache that would merge them between two commits.
"""
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from quixstreams import Application
from quixstreams.models.serializers import Serializer
from quixstreams.state.rocksdb import RocksDBOptions

import outputs
from job import LowStock, fold
from wire import Reader, Writer

ready = threading.Event()


class Payload(Serializer):
    """Of what the job puts out, the value: topic and key are there already."""

    def __call__(self, value, ctx):
        return value[2]


def need(name: str) -> str:
    if not os.environ.get(name):
        raise SystemExit(f"{name} is not set: `make bench-peers` sets it")
    return os.environ[name]


class Ready(BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802, the name is that of the library
        self.send_response(200 if ready.is_set() else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *arguments):
        """Says nothing for every look."""


def serve():
    host, port = need("QM_ADMIN__LISTEN").rsplit(":", 1)
    server = HTTPServer((host, int(port)), Ready)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def application() -> Application:
    # Session and transaction timeouts, linger and compression: as the other two. A poll that waits for less than the
    # commit interval does not hold up the commit.
    commit_s = int(need("PEER_COMMIT_MS")) / 1000
    return Application(
        broker_address=need("PEER_BOOTSTRAP"),
        consumer_group=need("PEER_APPLICATION"),
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=commit_s,
        consumer_poll_timeout=commit_s / 2,
        state_dir=need("PEER_STATE"),
        # 256 MB of blocks and the compiled JSON codec it comes with.
        rocksdb_options=RocksDBOptions(block_cache_size=256 << 20),
        consumer_extra_config={
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 2000,
            "group.instance.id": need("PEER_APPLICATION") + "-0",
            "fetch.queue.backoff.ms": 10,
        },
        producer_extra_config={
            "transactional.id": need("PEER_APPLICATION") + "-0",
            "transaction.timeout.ms": 10000,
            "linger.ms": 20,
            "batch.size": 256 << 10,
        },
        on_message_processed=lambda topic, partition, offset: ready.set(),
        loglevel="WARNING",
    )


def job():
    schemas = Path(need("PEER_SCHEMAS"))
    reader = Reader(schemas / "events.avsc")
    alerts, positions = Writer(schemas / "alert.avsc"), Writer(schemas / "position.avsc")
    rule = LowStock(int(need("PEER_REORDER_POINT_THOUSANDTHS")), float(need("PEER_HYSTERESIS")))

    def on_record(value, state):
        """What goes out: (topic, key, value)."""
        event = reader.read(value)
        change = event.get("change")
        if change is None:
            return []
        sku, location, at = event["sku"], event["location"], event["occurred_at"]
        position = state.get(location) or {}
        fold(position, change, at)
        reached = rule.judge(position, at)
        state.set(location, position)
        public = positions.write(outputs.public_position(rule, sku, location, position, at))
        out = [("positions", f"{sku}|{location}".encode(), public)]
        if reached:
            alert = outputs.alert(rule, sku, location, position, at, reached)
            # Under the SKU, so that the lines of an alert stay in order.
            out.append(("alerts", sku.encode(), alerts.write(alert)))
        return out

    return on_record


def main():
    serve()
    app = application()
    events = app.topic(need("PEER_INPUT"), key_deserializer="bytes", value_deserializer="bytes")
    topics = {
        name: app.topic(need(variable), key_serializer="bytes", value_serializer=Payload())
        for name, variable in (("alerts", "PEER_ALERTS"), ("positions", "PEER_POSITIONS"))
    }
    outputs_of = app.dataframe(events).apply(job(), stateful=True, expand=True)
    outputs_of.to_topic(lambda item, *_: topics[item[0]], key=lambda item: item[1])
    app.run()


if __name__ == "__main__":
    main()
