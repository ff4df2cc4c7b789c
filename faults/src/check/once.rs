//! `ingest` passes every record on once: each is on `inventory.events` with its place in the source, or
//! among the dead letters, and never twice. What `process` cannot use is a dead letter, once.

use std::collections::BTreeMap;

use anyhow::Result;
use schemas::stream::StreamRecord;
use schemas::{avro, topics};

use crate::cluster::{Cluster, STOCK};

/// Topic, partition, offset.
type Place = (String, i32, i64);

pub(super) fn compare(cluster: &Cluster) -> Result<Vec<(&'static str, Result<(), String>)>> {
    let mut source: BTreeMap<Place, u32> = BTreeMap::new();
    cluster.read(STOCK, &mut |record| {
        source.insert((STOCK.to_owned(), record.partition, record.offset), 0);
    })?;
    let mut unreadable: BTreeMap<Place, u32> = BTreeMap::new();
    cluster.read(topics::EVENTS, &mut |record| match avro::decode_stream(record.value.unwrap_or_default()) {
        Ok(StreamRecord::Event(event)) => {
            let place = event
                .source
                .as_ref()
                .and_then(|source| Some((STOCK.to_owned(), source.partition, source.position.parse::<i64>().ok()?)));
            *source.entry(place.unwrap_or_default()).or_default() += 1;
        }
        Ok(_) => {}
        Err(_) => drop(unreadable.insert((topics::EVENTS.to_owned(), record.partition, record.offset), 0)),
    })?;
    cluster.read(topics::DEAD_LETTERS, &mut |record| {
        let text = |name: &str| {
            let header = record.headers.iter().find(|(header, _)| header == name);
            header.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
        };
        let number = |name: &str| text(name).parse::<i64>().unwrap_or(-1);
        let topic = text(schemas::headers::DEAD_LETTER_TOPIC);
        let at = (number(schemas::headers::DEAD_LETTER_PARTITION), number(schemas::headers::DEAD_LETTER_OFFSET));
        let place = (topic, i32::try_from(at.0).unwrap_or(-1), at.1);
        let account = if place.0 == STOCK { &mut source } else { &mut unreadable };
        *account.entry(place).or_default() += 1;
    })?;
    Ok(vec![("ingest, each record once", all_once(&source)), ("I13", all_once(&unreadable))])
}

fn all_once(records: &BTreeMap<Place, u32>) -> Result<(), String> {
    let wrong: Vec<_> = records.iter().filter(|(_, times)| **times != 1).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} of {} records not exactly once, the first (with times): {:?}",
        wrong.len(),
        records.len(),
        &wrong[..wrong.len().min(3)]
    ))
}
