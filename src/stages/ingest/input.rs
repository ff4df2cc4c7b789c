//! One input: a topic, what its records are about, how they are written.

use processor::runtime::Topics;
use schemars::JsonSchema;
use schemas::topics;
use serde::{Deserialize, Serialize};

/// What canonical records are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    StockChanges,
    Catalog,
    Locations,
    Actions,
}

/// How the records of an input are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Record by record: Avro where it begins like Avro, else JSON.
    #[default]
    Auto,
    /// Canonical JSON, one object a record.
    Json,
    /// Avro in single-object encoding.
    Avro,
    /// Debezium's JSON, with or without schema, whole or flattened.
    Debezium,
}

impl Format {
    pub(super) fn is_avro(self, value: &[u8]) -> bool {
        match self {
            Self::Json | Self::Debezium => false,
            Self::Avro => true,
            // The first bytes of single-object encoding and of Confluent's wire format begin no JSON.
            Self::Auto => matches!(value.first(), Some(0xc3 | 0)),
        }
    }
}

/// The name of the stage.
pub(super) const STAGE: &str = "ingest";

/// Everything an operator needs to know of its input.
#[derive(Clone, Debug)]
pub struct Input {
    /// Also the name of the source, for records that do not name theirs.
    pub name: String,
    pub topic: String,
    /// Partitions of `topic`.
    pub topic_partitions: i32,
    pub content: Content,
    pub format: Format,
    /// Partitions of `inventory.events`.
    pub events_partitions: i32,
    /// Partitions of the sources that records name: stream time waits for all of them. `None`: for
    /// those that have spoken.
    pub source_partitions: Option<Vec<i32>>,
    /// A source's clock moves at least this far between two watermarks …
    pub watermark_interval_ms: i64,
    /// … and as many of its records go by. A tick does not wait for them.
    pub records_per_watermark: u32,
    /// How long after their due time timers wait for stragglers.
    pub grace_ms: i64,
    /// A source partition that says nothing for so long, of the machine's clock, is silent.
    pub silence_after_ms: i64,
}

/// Consumer group of an input, and prefix of its transactional ids.
pub fn application(input: &str) -> String {
    format!("quartermaster-ingest-{input}")
}

impl Input {
    pub fn application(&self) -> String {
        application(&self.name)
    }

    pub fn topics(&self) -> Topics {
        Topics {
            input: self.topic.clone(),
            changelog: topics::changelog(&self.application(), "state"),
            dead_letters: topics::DEAD_LETTERS.to_owned(),
            broadcast: Vec::new(),
            aggregates: None,
            journal: None,
        }
    }

    /// How often operators must look at the clock: only sources can fall silent.
    pub fn tick_ms(&self) -> Option<i64> {
        (self.content == Content::StockChanges).then_some(schemas::time::SECOND_MS)
    }
}
