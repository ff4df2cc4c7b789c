//! One dead letter, and which of them somebody means.

use std::fmt;
use std::str::FromStr;

use processor::ports::{ProduceRecord, RecordView};
use schemas::headers::{self, Headers, REPLAYED};
use schemas::stream::DeadLetter;
use schemas::{DecodeError, Timestamp};

/// Where a dead letter stands: `PARTITION/OFFSET`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterId {
    pub partition: i32,
    pub offset: i64,
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

impl FromStr for LetterId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = text.split_once('/').and_then(|(partition, offset)| {
            Some(Self { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
        });
        id.filter(|id| id.partition >= 0 && id.offset >= 0)
            .ok_or_else(|| "write PARTITION/OFFSET as `dead-letters list` does, like 3/17".to_owned())
    }
}

/// A record of `inventory.dead-letters`.
pub struct Letter {
    pub id: LetterId,
    pub written_at: Timestamp,
    pub about: DeadLetter,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// The value was too large to be kept: its size.
    pub omitted_bytes: Option<String>,
    /// Of the original record.
    pub headers: Headers,
}

impl Letter {
    pub fn of(record: &RecordView<'_>) -> Result<Self, DecodeError> {
        let omitted = record.headers.iter().find(|(name, _)| name == headers::DEAD_LETTER_OMITTED_BYTES);
        Ok(Self {
            id: LetterId { partition: record.partition, offset: record.offset },
            written_at: Timestamp::from_millis(record.timestamp_ms),
            about: headers::to_dead_letter(record.headers)?,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            omitted_bytes: omitted.map(|(_, size)| String::from_utf8_lossy(size).into_owned()),
            headers: headers::of_original(record.headers),
        })
    }

    /// `topic/partition@offset` of the original record.
    pub fn origin(&self) -> String {
        format!("{}/{}@{}", self.about.topic, self.about.partition, self.about.offset)
    }

    /// The original headers, and which dead letter this was. One that was put back before says so once.
    pub fn headers_to_put_back(&self) -> Headers {
        let mut headers = self.headers.clone();
        headers.retain(|(name, _)| name != REPLAYED);
        headers.push((REPLAYED.to_owned(), self.id.to_string().into_bytes()));
        headers
    }

    /// The original record, as it goes back to where it came from.
    pub fn record<'a>(&'a self, headers: &'a [(&'a str, &'a [u8])]) -> ProduceRecord<'a> {
        ProduceRecord {
            topic: &self.about.topic,
            partition: Some(self.about.partition),
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers,
            timestamp_ms: None,
        }
    }
}

/// Which dead letters are meant; what is not said is any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub ids: Vec<LetterId>,
    pub class: Option<String>,
    pub stage: Option<String>,
    pub topic: Option<String>,
}

impl Filter {
    pub fn takes(&self, letter: &Letter) -> bool {
        let about = &letter.about;
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        (self.ids.is_empty() || self.ids.contains(&letter.id))
            && is(&self.class, &about.error_class)
            && is(&self.stage, &about.stage)
            && is(&self.topic, &about.topic)
    }
}
