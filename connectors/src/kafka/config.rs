//! The settings of a Kafka log: few of our own, all of librdkafka's, except those on which the
//! promises rest.

use std::collections::BTreeMap;
use std::fmt;

use processor::ports::{Isolation, LogError};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::error::fatal;

/// How to reach a Kafka, and how patient its clients are.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// `host:port[,host:port…]`; some of the brokers, the others are found through them.
    pub bootstrap_servers: String,
    /// What brokers call the clients, for quotas and logs.
    pub client_id: String,
    /// Settings of librdkafka, by its names, for every client: TLS, SASL, buffers. They win over the
    /// defaults here. Those that would break exactly-once are refused.
    pub properties: BTreeMap<String, String>,
    /// A group member that is not heard of for longer loses its partitions.
    pub session_timeout_ms: u32,
    /// A transaction open for longer is aborted by the broker; nobody reads past it meanwhile.
    pub transaction_timeout_ms: u32,
    /// How often clients tell their statistics; 0: never.
    pub statistics_interval_ms: u32,
}

impl KafkaConfig {
    /// Sessions 45 s, transactions 10 s, statistics every 5 s.
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.into(),
            client_id: "quartermaster".to_owned(),
            properties: BTreeMap::new(),
            session_timeout_ms: 45_000,
            transaction_timeout_ms: 10_000,
            statistics_interval_ms: 5_000,
        }
    }

    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }
}

/// Values may be secrets.
impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("client_id", &self.client_id)
            .field("properties", &self.properties.keys())
            .field("session_timeout_ms", &self.session_timeout_ms)
            .field("transaction_timeout_ms", &self.transaction_timeout_ms)
            .field("statistics_interval_ms", &self.statistics_interval_ms)
            .finish()
    }
}

const OWN_FIELD: &str = "it has a field of its own in the configuration";
const GIVEN: &str = "the runtime gives each client its own";
const IN_TRANSACTIONS: &str = "offsets are committed in transactions only";

/// Settings on which the promises rest, and why they cannot be changed.
const REFUSED: [(&str, &str); 31] = [
    ("bootstrap.servers", OWN_FIELD),
    ("metadata.broker.list", OWN_FIELD),
    ("client.id", OWN_FIELD),
    ("session.timeout.ms", OWN_FIELD),
    ("transaction.timeout.ms", OWN_FIELD),
    ("statistics.interval.ms", OWN_FIELD),
    ("group.id", GIVEN),
    ("group.instance.id", GIVEN),
    ("transactional.id", GIVEN),
    ("enable.auto.commit", IN_TRANSACTIONS),
    ("auto.commit.enable", IN_TRANSACTIONS),
    ("auto.commit.interval.ms", IN_TRANSACTIONS),
    ("enable.auto.offset.store", IN_TRANSACTIONS),
    ("offset.store.method", IN_TRANSACTIONS),
    ("offset.store.path", IN_TRANSACTIONS),
    ("offset.store.sync.interval.ms", IN_TRANSACTIONS),
    ("auto.offset.reset", "an offset that is not in the log is an error, never a reason to skip or repeat records"),
    ("isolation.level", "members read what is committed; the runtime asks for the other where it needs it"),
    ("enable.idempotence", "transactions need it"),
    ("acks", "transactions need all in-sync replicas"),
    ("request.required.acks", "transactions need all in-sync replicas"),
    ("partition.assignment.strategy", "partitions are handed over cooperatively, so that the others go on"),
    ("group.protocol", "the consumer protocol keeps a static member's seat from a restarted client"),
    ("group.remote.assignor", "it belongs to the consumer protocol"),
    ("enable.partition.eof", "readers need it, and a group member would skip records with it"),
    ("allow.auto.create.topics", "topics are created by `quartermaster topics create`"),
    ("partitioner", "a key's partition is where the Java client puts it"),
    ("partitioner_cb", "a key's partition is where the Java client puts it"),
    ("delivery.report.only.error", "the producer counts on it"),
    ("log.queue", "logs go to the program's log"),
    ("enable.gapless.guarantee", "transactions abort instead"),
];

const SECRETS: [&str; 4] = ["password", "secret", "pem", "jaas"];

const SOCKET_TIMEOUT_MS: u32 = 10_000;

/// What a client is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role<'a> {
    Consumer { group: &'a str, instance: &'a str },
    Producer { transactional_id: &'a str },
    Reader(Isolation),
    Admin,
}

/// Refuses what cannot work, before any client is opened.
pub(super) fn check(config: &KafkaConfig) -> Result<(), LogError> {
    for (name, reason) in REFUSED {
        if config.properties.contains_key(name) {
            return Err(invalid(format!("the property {name} cannot be set: {reason}")));
        }
    }
    if config.bootstrap_servers.trim().is_empty() {
        return Err(invalid("bootstrap_servers is empty; name at least one broker as host:port".to_owned()));
    }
    for role in [Role::Consumer { group: "g", instance: "i" }, Role::Producer { transactional_id: "t" }, Role::Admin] {
        client_config(config, role).create_native_config().map_err(|error| bad_setting(&error))?;
    }
    Ok(())
}

fn invalid(reason: String) -> LogError {
    fatal("configure", reason)
}

fn bad_setting(error: &KafkaError) -> LogError {
    match error {
        KafkaError::ClientConfig(_, why, name, _) if SECRETS.iter().any(|secret| name.contains(secret)) => {
            invalid(format!("the property {name} cannot be used: {}", why.split(':').next().unwrap_or_default()))
        }
        KafkaError::ClientConfig(_, why, name, value) => {
            invalid(format!("the property {name} = {value:?} cannot be used: {why}"))
        }
        error => invalid(error.to_string()),
    }
}

/// Everything a client is opened with.
pub(super) fn client_config(config: &KafkaConfig, role: Role<'_>) -> ClientConfig {
    let mut settings = ClientConfig::new();
    let debug = config.properties.contains_key("debug");
    settings.set_log_level(if debug { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Info });
    let mut set = |name: &str, value: &str| {
        settings.set(name, value);
    };
    set("bootstrap.servers", &config.bootstrap_servers);
    set("client.id", &config.client_id);
    set("statistics.interval.ms", &config.statistics_interval_ms.to_string());
    // A broker that comes back is met within a second, and a lost answer does not block for a minute.
    set("reconnect.backoff.max.ms", "1000");
    set("socket.timeout.ms", &SOCKET_TIMEOUT_MS.to_string());
    match role {
        Role::Consumer { group, instance } => consumer(config, group, instance, &mut set),
        Role::Producer { transactional_id } => producer(config, transactional_id, &mut set),
        Role::Reader(isolation) => reader(isolation, &mut set),
        Role::Admin => {}
    }
    for (name, value) in &config.properties {
        settings.set(name, value);
    }
    settings
}

fn consumer(config: &KafkaConfig, group: &str, instance: &str, set: &mut dyn FnMut(&str, &str)) {
    fetching(Isolation::ReadCommitted, set);
    // A batch that ends with such a notice moves the position one too far, and the next record is skipped
    // when the partition is paused and resumed.
    set("enable.partition.eof", "false");
    set("group.id", group);
    set("group.instance.id", instance);
    set("group.protocol", "classic");
    set("partition.assignment.strategy", "cooperative-sticky");
    set("session.timeout.ms", &config.session_timeout_ms.to_string());
    set("heartbeat.interval.ms", &(config.session_timeout_ms / 3).clamp(1, 3_000).to_string());
    // A full restore polls only when it is done.
    set("max.poll.interval.ms", &config.session_timeout_ms.max(900_000).to_string());
    set("enable.auto.commit", "false");
    set("enable.auto.offset.store", "false");
    set("queued.max.messages.kbytes", "32768");
}

fn reader(isolation: Isolation, set: &mut dyn FnMut(&str, &str)) {
    fetching(isolation, set);
    set("enable.partition.eof", "true");
    set("fetch.message.max.bytes", "4194304");
    set("queued.max.messages.kbytes", "16384");
}

fn fetching(isolation: Isolation, set: &mut dyn FnMut(&str, &str)) {
    set(
        "isolation.level",
        match isolation {
            Isolation::ReadCommitted => "read_committed",
            Isolation::ReadUncommitted => "read_uncommitted",
        },
    );
    set("auto.offset.reset", "error");
    set("allow.auto.create.topics", "false");
    // A partition that is sought or resumed waits for the fetch under way.
    set("fetch.wait.max.ms", "50");
    set("fetch.queue.backoff.ms", "10");
    set("fetch.error.backoff.ms", "100");
    set("topic.metadata.propagation.max.ms", "5000");
}

fn producer(config: &KafkaConfig, transactional_id: &str, set: &mut dyn FnMut(&str, &str)) {
    set("transactional.id", transactional_id);
    set("transaction.timeout.ms", &config.transaction_timeout_ms.to_string());
    // librdkafka wants no request to last longer than a transaction.
    set("socket.timeout.ms", &config.transaction_timeout_ms.min(SOCKET_TIMEOUT_MS).to_string());
    set("enable.idempotence", "true");
    set("partitioner", "murmur2_random");
    set("delivery.report.only.error", "true");
    // A commit flushes at once whatever lingers.
    set("linger.ms", "2");
    set("retry.backoff.ms", "5");
    set("queue.buffering.max.messages", "500000");
    set("queue.buffering.max.kbytes", "131072");
    set("topic.metadata.propagation.max.ms", "5000");
}

#[cfg(test)]
mod tests {
    use rdkafka::types::RDKafkaConfRes;

    use super::*;

    fn refusal(name: &str, value: &str) -> String {
        check(&KafkaConfig::new("localhost:9092").property(name, value)).unwrap_err().to_string()
    }

    #[test]
    fn what_would_break_the_promises_is_refused_with_a_reason() {
        for (name, reason) in REFUSED {
            let error = refusal(name, "x");
            assert!(error.contains(name) && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn unknown_names_and_bad_values_are_named() {
        assert!(refusal("fetch.wait.max.msec", "1").contains("fetch.wait.max.msec"));
        let error = refusal("fetch.wait.max.ms", "soon");
        assert!(error.contains("fetch.wait.max.ms") && error.contains("soon"), "{error}");
    }

    #[test]
    fn secrets_are_shown_nowhere() {
        let config = KafkaConfig::new("localhost:9092").property("sasl.password", "hunter2");
        check(&config).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let (name, value) = ("sasl.password".to_owned(), "hunter2".to_owned());
        let bad = RDKafkaConfRes::RD_KAFKA_CONF_INVALID;
        let error = bad_setting(&KafkaError::ClientConfig(bad, "too short: hunter2".to_owned(), name, value));
        assert!(error.to_string().contains("sasl.password") && !error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn properties_win_over_defaults() {
        let config = KafkaConfig::new("localhost:9092").property("linger.ms", "7");
        let settings = client_config(&config, Role::Producer { transactional_id: "t" });
        assert_eq!(settings.get("linger.ms"), Some("7"));
        check(&config).unwrap();
    }
}
