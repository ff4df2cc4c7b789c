//! The topics as data: what `topics create` makes, `topics check` compares and `docs/topics.md` says.

use std::fmt::Write as _;

pub const EVENTS: &str = "inventory.events";
pub const CATALOG: &str = "inventory.catalog";
pub const LOCATIONS: &str = "inventory.locations";
pub const ACTIONS: &str = "inventory.actions";
pub const POSITIONS: &str = "inventory.positions";
pub const ALERTS: &str = "inventory.alerts";
pub const ALERTS_CURRENT: &str = "inventory.alerts-current";
pub const RULES: &str = "inventory.rules";
pub const AGGREGATES: &str = "inventory.aggregates";
pub const JOURNAL: &str = "inventory.journal";
pub const DISPATCH: &str = "inventory.dispatch";
pub const DELIVERIES: &str = "inventory.deliveries";
pub const DEAD_LETTERS: &str = "inventory.dead-letters";

/// Partitions of a topic where the configuration does not say.
pub const DEFAULT_PARTITIONS: i32 = 64;

/// Largest record of any topic but the dead letters (`max.message.bytes`): an event is made of a line of
/// at most half of it.
pub const MAX_MESSAGE_BYTES: usize = 2 << 20;

/// Largest value of a dead letter; that of a larger record is left out, and a header says so. The topic
/// and the producers take half as much again, for key and headers.
pub const MAX_DEAD_LETTER_BYTES: usize = 16 << 20;

/// What happens to old records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    Delete,
    Compact,
    CompactAndDelete,
}

impl Cleanup {
    /// The value of `cleanup.policy`.
    #[must_use]
    pub const fn policy(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Compact => "compact",
            Self::CompactAndDelete => "compact,delete",
        }
    }
}

/// How a record finds its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioner {
    /// murmur2 of the SKU, set explicitly: [`crate::partitioner`]. Records without a SKU use their
    /// scope.
    Sku,
    /// murmur2 of the key, as the client does by itself.
    Key,
    /// That of the task that writes it, set explicitly: the partition of its input.
    Task,
    /// One partition: everybody reads all of it.
    Single,
}

/// How many partitions a topic has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitions {
    /// As many as `inventory.events`: they follow its tasks.
    SameAsEvents,
    Exactly(i32),
}

impl Topic {
    /// The largest `max.message.bytes` of any topic: what producers must be able to send.
    pub const LARGEST_MESSAGE_BYTES: usize = MAX_DEAD_LETTER_BYTES / 2 * 3;

    /// The value of `max.message.bytes`.
    #[must_use]
    pub fn max_message_bytes(&self) -> usize {
        if self.name == DEAD_LETTERS { Self::LARGEST_MESSAGE_BYTES } else { MAX_MESSAGE_BYTES }
    }
}

impl Partitions {
    /// The count where `inventory.events` has `events` partitions.
    #[must_use]
    pub const fn count(self, events: i32) -> i32 {
        match self {
            Self::SameAsEvents => events,
            Self::Exactly(count) => count,
        }
    }
}

/// One topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: &'static str,
    /// What the key is made of.
    pub key: &'static str,
    pub partitioner: Partitioner,
    pub partitions: Partitions,
    pub cleanup: Cleanup,
    /// Days until deletion by default; `None` keeps records for ever.
    pub retention_days: Option<u32>,
    /// Name of the value's Avro schema; `None` where the value is not Avro.
    pub schema: Option<&'static str>,
    /// What is on it, and what for.
    pub purpose: &'static str,
}

const fn topic(name: &'static str, key: &'static str, purpose: &'static str) -> Topic {
    Topic {
        name,
        key,
        partitioner: Partitioner::Key,
        partitions: Partitions::SameAsEvents,
        cleanup: Cleanup::Delete,
        retention_days: None,
        schema: None,
        purpose,
    }
}

/// Every topic of the stages that exist, but for changelogs.
pub const TOPICS: &[Topic] = &[
    Topic {
        partitioner: Partitioner::Sku,
        retention_days: Some(400),
        schema: Some("events"),
        ..topic(
            EVENTS,
            "sku",
            "Stock changes, catalogue changes, actions, watermarks and source silence: the one ordered input of `process`. \
             Watermarks and silence are written to every partition",
        )
    },
    Topic {
        cleanup: Cleanup::Compact,
        schema: Some("catalog-item"),
        ..topic(
            CATALOG,
            "sku",
            "Items; a tombstone makes an item inactive. `process` reads items from `inventory.events`",
        )
    },
    Topic {
        partitioner: Partitioner::Single,
        partitions: Partitions::Exactly(1),
        cleanup: Cleanup::Compact,
        schema: Some("location"),
        ..topic(
            LOCATIONS,
            "location",
            "Time zone, region, kind and names of locations; broadcast to every task of `process`",
        )
    },
    Topic {
        retention_days: Some(90),
        schema: Some("action"),
        ..topic(
            ACTIONS,
            "alert_id",
            "Answers of people and services to alerts, Avro or JSON; `ingest` relays them into `inventory.events`",
        )
    },
    Topic {
        partitioner: Partitioner::Sku,
        cleanup: Cleanup::Compact,
        schema: Some("position"),
        ..topic(
            POSITIONS,
            "sku|location",
            "On hand, velocity, threshold and open alerts of every SKU at every location",
        )
    },
    Topic {
        partitioner: Partitioner::Sku,
        retention_days: Some(90),
        schema: Some("alert"),
        ..topic(ALERTS, "alert_id", "Every state of every alert, in order per alert; CloudEvents headers")
    },
    Topic {
        partitioner: Partitioner::Sku,
        cleanup: Cleanup::Compact,
        schema: Some("alert"),
        ..topic(ALERTS_CURRENT, "alert_id", "The newest state of every alert")
    },
    Topic {
        partitioner: Partitioner::Single,
        partitions: Partitions::Exactly(1),
        cleanup: Cleanup::Compact,
        schema: Some("rule-document"),
        ..topic(RULES, "id@version", "Rule documents; old versions stay. Broadcast to every task of `process`")
    },
    Topic {
        partitioner: Partitioner::Single,
        partitions: Partitions::Exactly(1),
        cleanup: Cleanup::CompactAndDelete,
        retention_days: Some(400),
        schema: Some("aggregate"),
        ..topic(
            AGGREGATES,
            "scope|id|epoch|partition",
            "Integer sums of one partition in one epoch; broadcast to every task of `process`",
        )
    },
    Topic {
        partitioner: Partitioner::Task,
        retention_days: Some(400),
        schema: Some("journal"),
        ..topic(
            JOURNAL,
            "partition|offset",
            "Epoch and broadcast switches that the data alone does not determine; kept as long as `inventory.events`",
        )
    },
    Topic {
        retention_days: Some(30),
        schema: Some("notification"),
        ..topic(DISPATCH, "recipient", "Orders of `notify` to itself: whom to tell about what, over which channel")
    },
    Topic {
        cleanup: Cleanup::CompactAndDelete,
        retention_days: Some(400),
        schema: Some("delivery-attempt"),
        ..topic(
            DELIVERIES,
            "attempt_id",
            "Every attempt to deliver a notification: the newest state stays, and the states before it for a while",
        )
    },
    Topic {
        retention_days: Some(30),
        ..topic(
            DEAD_LETTERS,
            "original key",
            "Records that could not be used: original key and bytes; headers `topic`, `partition`, `offset`, `stage`, \
             `error_class`, `message`; those of the original follow as `original.…`; \
             a value beyond 16 MiB is left out, and the header `omitted_bytes` says so",
        )
    },
];

/// The topic of a name, if it is one of [`TOPICS`].
#[must_use]
pub fn named(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

/// Name of the changelog of one state store of one application: `<application>-<store>-changelog`.
/// Compacted, as many partitions as `inventory.events`, key = state key, partition = the task's.
#[must_use]
pub fn changelog(application: &str, store: &str) -> String {
    format!("{application}-{store}-changelog")
}

/// `docs/topics.md`.
#[must_use]
pub fn reference_markdown() -> String {
    let mut text = String::from(
        "# Topics\n\n<!-- Generated from schemas/src/topics.rs; schemas/tests/topics_reference.rs says how. -->\n\n\
         Values are Avro in single-object encoding, or Confluent wire format where a schema registry is configured; \
         `quartermaster schema` prints the schemas.\n\n\
         | topic | key | partition | partitions | cleanup | retention | value | what for |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for topic in TOPICS {
        row(&mut text, topic);
    }
    let changelog = changelog("<application>", "<store>");
    let _ = writeln!(
        text,
        "| `{changelog}` | state key | of the task | {DEFAULT_PARTITIONS} | compact | for ever | versioned state rows | \
         State of `process`: what a task is restored from |\n\n\
         Partition \"by SKU\" is murmur2 of the SKU modulo the number of partitions, as the Java client computes it for \
         a key, whatever the record's own key is; records without a SKU use their scope. Partition counts are defaults: \
         all topics that follow the tasks must have as many as `{EVENTS}`, for ever, because a key's partition must \
         not change."
    );
    text
}

fn row(text: &mut String, topic: &Topic) {
    let key = topic.key.split('|').collect::<Vec<_>>().join("\\|");
    let partition = match topic.partitioner {
        Partitioner::Sku => "by SKU",
        Partitioner::Key => "by key",
        Partitioner::Task => "of the task",
        Partitioner::Single => "single",
    };
    let retention = topic.retention_days.map_or_else(|| "for ever".to_owned(), |days| format!("{days} d"));
    let value = topic.schema.map_or_else(|| "original bytes".to_owned(), |name| format!("`{name}`"));
    let (count, policy) = (topic.partitions.count(DEFAULT_PARTITIONS), topic.cleanup.policy());
    let Topic { name, purpose, .. } = topic;
    // Writing to a String cannot fail.
    let _ =
        writeln!(text, "| `{name}` | `{key}` | {partition} | {count} | {policy} | {retention} | {value} | {purpose} |");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avro::SCHEMAS;

    #[test]
    fn every_topic_is_consistent() {
        for topic in TOPICS {
            assert_eq!(TOPICS.iter().filter(|t| t.name == topic.name).count(), 1, "{}", topic.name);
            if let Some(name) = topic.schema {
                assert!(SCHEMAS.iter().any(|s| s.name == name), "{}: no schema {name}", topic.name);
            }
            assert_eq!(topic.retention_days.is_none(), topic.cleanup == Cleanup::Compact, "{}", topic.name);
            let single = topic.partitions == Partitions::Exactly(1);
            assert_eq!(single, topic.partitioner == Partitioner::Single, "{}", topic.name);
        }
        // Whoever can read an event again can read what decided with it.
        let retention = |name| named(name).and_then(|t| t.retention_days);
        assert!(retention(JOURNAL) >= retention(EVENTS) && retention(AGGREGATES) >= retention(EVENTS));
    }
}
