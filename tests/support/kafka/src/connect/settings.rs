//! The settings file of a Connect worker: one that is alone, and gives up on a dead predecessor quickly.

use std::path::Path;

/// The text of `connect-distributed.properties`.
pub(super) fn text(bootstrap: &str, port: u16, plugins: &Path) -> String {
    let settings = [
        ("bootstrap.servers", bootstrap),
        ("group.id", "connect"),
        ("listeners", &format!("http://127.0.0.1:{port}")),
        ("rest.advertised.host.name", "127.0.0.1"),
        ("plugin.path", &plugins.display().to_string()),
        // Every plugin says so itself: no search through all classes.
        ("plugin.discovery", "service_load"),
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("config.storage.topic", "connect.configs"),
        ("offset.storage.topic", "connect.offsets"),
        ("status.storage.topic", "connect.status"),
        ("config.storage.replication.factor", "1"),
        ("offset.storage.replication.factor", "1"),
        ("status.storage.replication.factor", "1"),
        ("offset.storage.partitions", "1"),
        ("status.storage.partitions", "1"),
        // After a crash, what came since the last flush is sent again: as much as by default in production.
        ("offset.flush.interval.ms", "60000"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "1000"),
        ("scheduled.rebalance.max.delay.ms", "0"),
    ];
    let lines: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    lines.concat()
}
