//! The settings file of a node: quick, small and strict, so that tests meet what production meets
//! without its waiting times.

use std::fmt::Write;
use std::path::Path;

use crate::Options;

/// A broker's listener behind a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxied {
    /// Where the proxy must listen: the broker tells its clients this port.
    pub advertised: u16,
    /// Where the broker listens.
    pub broker: u16,
}

/// Where the listeners of a node are. `internal` is absent unless clients must authenticate, `proxied` unless
/// there is a proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) client: u16,
    pub(crate) controller: u16,
    pub(crate) internal: Option<u16>,
    pub(crate) proxied: Option<Proxied>,
}

impl Ports {
    /// Where anybody may ask whether the node serves.
    pub(crate) fn open(self) -> u16 {
        self.internal.unwrap_or(self.client)
    }
}

/// Which of these wait in production, and need not here.
const QUICK: [(&str, &str); 16] = [
    ("offsets.topic.num.partitions", "4"),
    ("transaction.state.log.num.partitions", "4"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("group.min.session.timeout.ms", "1000"),
    ("transaction.max.timeout.ms", "86400000"),
    ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000"),
    ("broker.heartbeat.interval.ms", "500"),
    ("log.initial.task.delay.ms", "500"),
    ("log.cleaner.backoff.ms", "500"),
    ("log.cleaner.min.cleanable.ratio", "0.01"),
    ("log.cleaner.min.compaction.lag.ms", "0"),
    ("log.cleaner.dedupe.buffer.size", "16777216"),
    ("log.retention.check.interval.ms", "1000"),
    ("log.segment.delete.delay.ms", "1000"),
    ("num.io.threads", "4"),
    ("num.network.threads", "2"),
];

/// The text of `server.properties` for the node `index` of a cluster.
pub(crate) fn text(index: usize, cluster: &[Ports], data: &Path, options: &Options) -> String {
    let node = cluster[index];
    let clients = if options.sasl_plain.is_some() { "SASL_PLAINTEXT" } else { "PLAINTEXT" };
    let mut listeners = format!("CLIENT://127.0.0.1:{}", node.client);
    if let Some(port) = node.internal {
        let _ = write!(listeners, ",INTERNAL://127.0.0.1:{port}");
    }
    let mut advertised = listeners.clone();
    if let Some(Proxied { advertised: told, broker }) = node.proxied {
        let _ = write!(listeners, ",PROXIED://127.0.0.1:{broker}");
        let _ = write!(advertised, ",PROXIED://127.0.0.1:{told}");
    }
    let voters: Vec<String> =
        cluster.iter().zip(1..).map(|(ports, id)| format!("{id}@127.0.0.1:{}", ports.controller)).collect();
    let replicas = cluster.len().to_string();
    let in_sync = cluster.len().div_ceil(2).to_string();

    let mut lines = Vec::new();
    let mut set = |key: &str, value: &str| lines.push(format!("{key}={}", escaped(value)));
    set("process.roles", "broker,controller");
    set("node.id", &(index + 1).to_string());
    set("controller.quorum.voters", &voters.join(","));
    set("controller.listener.names", "CONTROLLER");
    set("listeners", &format!("{listeners},CONTROLLER://127.0.0.1:{}", node.controller));
    set("advertised.listeners", &advertised);
    let protocols = format!("CLIENT:{clients},INTERNAL:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT");
    set("listener.security.protocol.map", &protocols);
    set("inter.broker.listener.name", between_brokers(node));
    set("log.dirs", &data.display().to_string());
    set("auto.create.topics.enable", "false");
    for key in ["default", "offsets.topic", "transaction.state.log"] {
        set(&format!("{key}.replication.factor"), &replicas);
    }
    set("min.insync.replicas", &in_sync);
    set("transaction.state.log.min.isr", &in_sync);
    // One that was killed must wait this long for its own ghost; with others, busy machines need patience.
    set("broker.session.timeout.ms", if cluster.len() == 1 { "2000" } else { "4000" });
    for (key, value) in QUICK {
        set(key, value);
    }
    if let Some((user, password)) = &options.sasl_plain {
        set("sasl.enabled.mechanisms", "PLAIN");
        set("listener.name.client.plain.sasl.jaas.config", &jaas(user, password));
    }
    for (key, value) in &options.properties {
        set(key, value);
    }
    lines.join("\n") + "\n"
}

fn between_brokers(node: Ports) -> &'static str {
    match node {
        Ports { proxied: Some(_), .. } => "PROXIED",
        Ports { internal: Some(_), .. } => "INTERNAL",
        _ => "CLIENT",
    }
}

fn jaas(user: &str, password: &str) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let password = quoted(password);
    format!(
        "org.apache.kafka.common.security.plain.PlainLoginModule required username={} password={password} user_{user}={password};",
        quoted(user)
    )
}

/// A value as Java's properties files want it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n")
}
