//! Section of `quartermaster ingest`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use schemas::topics;
use serde::{Deserialize, Serialize};

use crate::stages::ingest::{Content, Format};

/// Longest name of an input: it becomes part of a consumer group and of a topic.
const MAX_NAME_BYTES: usize = 64;
/// Name of the input of answers to alerts, which is always there.
const ACTIONS_INPUT: &str = "actions";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IngestSection {
    /// Topics of your systems that are read. The input `actions`, of the topic `inventory.actions`, is there besides.
    pub inputs: Vec<InputConfig>,
    /// Worker threads of each input, at most one for each partition of its topic. Flag: `--threads`.
    #[schemars(range(min = 1, max = 1024))]
    pub threads: u32,
    /// A source's clock moves at least so far, in milliseconds, between two watermarks.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub watermark_interval_ms: i64,
    /// How long after their due time the timers of `process` wait for late events, in milliseconds.
    #[schemars(range(min = 0, max = 31_622_400_000_i64))]
    pub grace_ms: i64,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputConfig {
    /// Small letters, digits, `-`, `_` and `.`. Names the consumer group, and the source of records that name none; never
    /// change it once records were read.
    pub name: String,
    /// The Kafka topic that is read.
    pub topic: String,
    /// What its records are about.
    pub content: InputContent,
    /// How its records are written. Those of a warehouse system are Debezium's.
    #[serde(default)]
    pub format: Format,
    /// What the tables of a warehouse system mean: a mapping file (docs/mapping.md), for `content = "wms"`.
    #[serde(default)]
    pub mapping: Option<PathBuf>,
    /// A source partition that says nothing for so long, while the topic is read to its end, no longer holds time back.
    #[serde(default = "silence_after_ms")]
    #[schemars(range(min = 1_000, max = 604_800_000))]
    pub silence_after_ms: i64,
    /// The partitions of the source, where records name theirs: time waits until each has spoken. Without a value: those
    /// that have spoken.
    #[serde(default)]
    pub source_partitions: Option<Vec<i32>>,
}

/// What the records of an input are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InputContent {
    /// Changes of stock, and heartbeats.
    StockChanges,
    /// Items, keyed by SKU; a tombstone makes an item inactive.
    Catalog,
    /// Locations, keyed by location.
    Locations,
    /// Answers of people and services to alerts.
    Actions,
    /// Changes of a warehouse system's tables as Debezium captures them; `mapping` says what they mean.
    Wms,
}

impl InputContent {
    /// `None`: rows of a warehouse system, which may be any of the others.
    pub fn canonical(self) -> Option<Content> {
        match self {
            Self::StockChanges => Some(Content::StockChanges),
            Self::Catalog => Some(Content::Catalog),
            Self::Locations => Some(Content::Locations),
            Self::Actions => Some(Content::Actions),
            Self::Wms => None,
        }
    }
}

fn silence_after_ms() -> i64 {
    5 * schemas::time::MINUTE_MS
}

impl Default for IngestSection {
    fn default() -> Self {
        Self {
            inputs: Vec::new(),
            threads: 1,
            watermark_interval_ms: schemas::time::SECOND_MS,
            grace_ms: 10 * schemas::time::MINUTE_MS,
        }
    }
}

impl IngestSection {
    /// The inputs, with the one that is always there.
    pub fn all_inputs(&self) -> Vec<InputConfig> {
        let mut inputs = self.inputs.clone();
        if inputs.iter().all(|input| input.topic != topics::ACTIONS) {
            inputs.push(InputConfig {
                name: ACTIONS_INPUT.to_owned(),
                topic: topics::ACTIONS.to_owned(),
                content: InputContent::Actions,
                format: Format::Auto,
                mapping: None,
                silence_after_ms: silence_after_ms(),
                source_partitions: None,
            });
        }
        inputs
    }

    /// What types and ranges do not say, a sentence each.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let (mut names, mut inputs_by_topic) = (BTreeMap::new(), BTreeMap::new());
        for (index, input) in self.inputs.iter().enumerate() {
            let mut fail = |key: &str, reason: String| faults.push(format!("`ingest.inputs[{index}].{key}` {reason}"));
            if let Err(reason) = check_name(input) {
                fail("name", reason);
            } else if let Some(other) = names.insert(&input.name, index) {
                fail("name", format!("is {:?}, the name of input {other} too; give each its own", input.name));
            }
            if let Err(reason) = check_topic(input) {
                fail("topic", reason);
            } else if let Some(other) = inputs_by_topic.insert(&input.topic, &input.name) {
                fail(
                    "topic",
                    format!("is {:?}, which input {other:?} reads; its records would count twice", input.topic),
                );
            }
            if !(1_000..=604_800_000).contains(&input.silence_after_ms) {
                fail("silence_after_ms", format!("is {}; it must be from 1000 to 604800000", input.silence_after_ms));
            }
            if let Err((key, reason)) = check_mapping(input) {
                fail(key, reason);
            }
            if let Err(reason) = check_source_partitions(input) {
                fail("source_partitions", reason);
            }
        }
        faults
    }
}

fn check_name(input: &InputConfig) -> Result<(), String> {
    let name = &input.name;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(allowed) {
        return Err(format!("is {name:?}; write 1 to {MAX_NAME_BYTES} small letters, digits, `-`, `_` or `.`"));
    }
    if name == ACTIONS_INPUT && input.topic != topics::ACTIONS {
        return Err(format!("is {name:?}, the name of the input of {}; give it another", topics::ACTIONS));
    }
    Ok(())
}

fn check_topic(input: &InputConfig) -> Result<(), String> {
    let topic = &input.topic;
    if topic.is_empty() {
        return Err("is empty; name the topic that is read".to_owned());
    }
    if *topic == topics::ACTIONS {
        return match input.content {
            InputContent::Actions => Ok(()),
            _ => Err(format!("is {topic:?}, which holds answers to alerts; its content is `actions`")),
        };
    }
    let own = topics::named(topic).is_some() || topic.starts_with("inventory.");
    if own || (topic.starts_with("quartermaster-") && topic.ends_with("-changelog")) {
        return Err(format!("is {topic:?}, one that quartermaster writes itself; name a topic of your systems"));
    }
    Ok(())
}

fn check_mapping(input: &InputConfig) -> Result<(), (&'static str, String)> {
    let is_wms = input.content == InputContent::Wms;
    match (is_wms, &input.mapping, input.format) {
        (true, None, _) => {
            Err(("mapping", "is missing; name the mapping file that says what the tables mean".to_owned()))
        }
        (true, Some(_), Format::Json | Format::Avro) => Err((
            "format",
            "is for canonical records; changes of a warehouse system's tables are `debezium`".to_owned(),
        )),
        (false, Some(_), _) => {
            Err(("mapping", "is given, and only `content = \"wms\"` has one; leave it out".to_owned()))
        }
        (false, None, Format::Debezium) => {
            Err(("format", "is `debezium`, which belongs to `content = \"wms\"` with a `mapping`".to_owned()))
        }
        _ => Ok(()),
    }
}

fn check_source_partitions(input: &InputConfig) -> Result<(), String> {
    let Some(partitions) = &input.source_partitions else { return Ok(()) };
    if input.content != InputContent::StockChanges {
        return Err("is given, and only stock changes have source partitions; leave it out".to_owned());
    }
    if partitions.is_empty() || partitions.iter().any(|partition| *partition < 0) {
        return Err(format!("is {partitions:?}; list the numbers of the source's partitions, from 0"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn section(inputs: &serde_json::Value) -> Result<IngestSection, String> {
        serde_json::from_value(json!({ "inputs": inputs })).map_err(|e| e.to_string())
    }

    fn faults(inputs: &serde_json::Value) -> String {
        section(inputs).unwrap().faults().join("\n")
    }

    #[test]
    fn an_input_needs_its_name_topic_and_content() {
        let section = section(&json!([{"name": "stock", "topic": "wms.stock", "content": "stock-changes"}])).unwrap();
        assert_eq!(section.faults(), [""; 0]);
        let input = &section.inputs[0];
        assert_eq!((input.format, input.silence_after_ms), (Format::Auto, 300_000));
        let names: Vec<_> = section.all_inputs().iter().map(|input| input.name.clone()).collect();
        assert_eq!(names, ["stock", "actions"]);
    }

    #[test]
    fn unknown_contents_and_keys_are_refused_with_the_known_ones() {
        let error = section(&json!([{"name": "s", "topic": "t", "content": "sales"}])).unwrap_err();
        assert!(error.contains("`stock-changes`, `catalog`, `locations`, `actions`, `wms`"), "{error}");
        let error = section(&json!([{"name": "s", "topic": "t", "content": "catalog", "fromat": "json"}])).unwrap_err();
        assert!(error.contains("`fromat`") && error.contains("`format`"), "{error}");
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_place() {
        for (inputs, expected) in [
            (json!([{"name": "Stock 1", "topic": "t", "content": "catalog"}]), "inputs[0].name` is \"Stock 1\""),
            (json!([{"name": "actions", "topic": "t", "content": "catalog"}]), "give it another"),
            (json!([{"name": "s", "topic": "", "content": "catalog"}]), "inputs[0].topic` is empty"),
            (json!([{"name": "s", "topic": "inventory.events", "content": "catalog"}]), "quartermaster writes itself"),
            (
                json!([{"name": "s", "topic": "quartermaster-process-state-changelog", "content": "catalog"}]),
                "quartermaster writes itself",
            ),
            (json!([{"name": "s", "topic": "inventory.actions", "content": "catalog"}]), "content is `actions`"),
            (
                json!([{"name": "s", "topic": "t", "content": "catalog"}, {"name": "s", "topic": "u", "content": "catalog"}]),
                "inputs[1].name` is \"s\", the name of input 0 too",
            ),
            (
                json!([{"name": "s", "topic": "t", "content": "catalog"}, {"name": "r", "topic": "t", "content": "catalog"}]),
                "inputs[1].topic` is \"t\", which input \"s\" reads",
            ),
            (
                json!([{"name": "s", "topic": "t", "content": "catalog", "silence_after_ms": 5}]),
                "`ingest.inputs[0].silence_after_ms` is 5",
            ),
            (json!([{"name": "s", "topic": "t", "content": "wms"}]), "inputs[0].mapping` is missing"),
            (
                json!([{"name": "s", "topic": "t", "content": "catalog", "mapping": "m.yaml"}]),
                "only `content = \"wms\"` has one",
            ),
            (
                json!([{"name": "s", "topic": "t", "content": "wms", "mapping": "m.yaml", "format": "json"}]),
                "tables are `debezium`",
            ),
            (json!([{"name": "s", "topic": "t", "content": "catalog", "format": "debezium"}]), "belongs to `content"),
            (
                json!([{"name": "s", "topic": "t", "content": "catalog", "source_partitions": [0]}]),
                "only stock changes have source partitions",
            ),
            (
                json!([{"name": "s", "topic": "t", "content": "stock-changes", "source_partitions": []}]),
                "source_partitions` is []",
            ),
        ] {
            let faults = faults(&inputs);
            assert!(faults.contains(expected), "{inputs}: {faults}");
        }
    }
}
