//! The source system's side: lines into source topics, each under its key.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use connectors::kafka::KafkaLog;
use processor::ports::{Log, ProduceRecord, TransactionalLog};

use crate::log::patiently;

/// Lines of one transaction when a file is fed.
const LINES: usize = 10_000;

/// A line for a topic.
pub struct Line {
    pub key: String,
    pub text: Vec<u8>,
}

/// A record as it goes to its topic.
pub struct Raw {
    /// `None`: that of its key.
    pub partition: Option<i32>,
    pub key: Option<Vec<u8>>,
    pub value: Vec<u8>,
}

/// A transactional producer: the port knows no other.
pub struct Feeder {
    producer: Box<dyn TransactionalLog>,
}

impl Feeder {
    /// `name`: its transactional id.
    pub fn open(log: &KafkaLog, name: &str) -> Result<Self> {
        let mut producer = log.producer(name)?;
        patiently(|wait| producer.init_transactions(wait))?;
        Ok(Self { producer })
    }

    /// All of them in one transaction.
    pub fn send(&mut self, topic: &str, lines: &[Line]) -> Result<()> {
        self.producer.begin()?;
        for line in lines {
            self.produce(topic, line.key.as_bytes(), &line.text)?;
        }
        patiently(|wait| self.producer.commit(wait))
    }

    /// All of them in one transaction, byte for byte.
    pub fn send_raw(&mut self, topic: &str, records: &[Raw]) -> Result<()> {
        self.producer.begin()?;
        for Raw { partition, key, value } in records {
            self.put(topic, *partition, key.as_deref(), value)?;
        }
        patiently(|wait| self.producer.commit(wait))
    }

    fn produce(&mut self, topic: &str, key: &[u8], line: &[u8]) -> Result<()> {
        self.put(topic, None, Some(key), line.strip_suffix(b"\n").unwrap_or(line))
    }

    fn put(&mut self, topic: &str, partition: Option<i32>, key: Option<&[u8]>, value: &[u8]) -> Result<()> {
        patiently(|_| {
            self.producer.produce(ProduceRecord {
                topic,
                partition,
                key,
                value: Some(value),
                headers: &[],
                timestamp_ms: None,
            })
        })
    }

    /// Every line of a file under the text of one of its fields; returns how many.
    pub fn send_file(&mut self, topic: &str, path: &Path, key_field: &str) -> Result<u64> {
        let failed = || format!("cannot read {}", path.display());
        let mut reader = BufReader::with_capacity(1 << 18, File::open(path).with_context(failed)?);
        let (mut line, mut sent) = (Vec::new(), 0);
        let start = format!("\"{key_field}\":\"");
        self.producer.begin()?;
        while reader.read_until(b'\n', &mut line).with_context(failed)? > 0 {
            let key = text_after(&line, &start);
            ensure!(!key.is_empty(), "{}: line {} has no {key_field}", path.display(), sent + 1);
            self.produce(topic, key, &line)?;
            line.clear();
            sent += 1;
            if (sent as usize).is_multiple_of(LINES) {
                patiently(|wait| self.producer.commit(wait))?;
                self.producer.begin()?;
            }
        }
        patiently(|wait| self.producer.commit(wait))?;
        Ok(sent)
    }
}

/// The rest of a JSON string after its beginning.
pub fn text_after<'a>(line: &'a [u8], start: &str) -> &'a [u8] {
    let at = line.windows(start.len()).position(|window| window == start.as_bytes());
    let rest = at.map_or(&[][..], |at| &line[at + start.len()..]);
    rest.split(|byte| *byte == b'"').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_its_line() {
        let line = b"{\"event_id\":\"e\",\"sku\":\"SKU-1\",\"location\":\"L\"}\n";
        assert_eq!(text_after(line, "\"sku\":\""), b"SKU-1");
        assert_eq!(text_after(line, "\"scope\":\""), b"");
    }
}
