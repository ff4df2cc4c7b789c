//! What one topic partition has heard of its sources: how far each has been read, what their clocks
//! say, who has fallen silent.
//!
//! ```text
//!              first record: watermark                     quiet for long enough: silence
//!  unheard ───────────────────────────▶ live ───────────────────────────────────────▶ silent
//!     │                                  ▲                                              │
//!     │                                  └────────── next record: watermark ────────────┘
//!     └── quiet for long enough: silence ▶ silent ── once an hour: silence ▶ silent
//! ```
//!
//! Quiet is measured on the machine's clock, tick by tick, and only while the partition has been read
//! to its end: what waits to be read is not silence. No tick counts for more than
//! [`LONGEST_TICK_MS`], so that neither a jump of that clock nor a process put to sleep is.

use processor::operator::{Rejection, Tick};
use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::{HOUR_MS, SECOND_MS};
use schemas::{SourcePosition, Timestamp};

use super::input::Input;
use super::rejection::TOO_MANY_SOURCES;

const ROW_VERSION: u8 = 1;
/// Ordered parts of sources in one topic partition. Each costs every task of `process` a clock.
pub const MAX_SOURCES: usize = 1_000;
/// Silence that goes on is told again: for want of a source that speaks, it is how time passes.
const TOLD_AGAIN_MS: i64 = HOUR_MS;
const LONGEST_TICK_MS: i64 = 10 * SECOND_MS;

/// How far one source partition has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Source {
    name: String,
    partition: i32,
    /// Of numeric positions only; others are not compared.
    position: Option<i64>,
    /// Its clock. `None`: it is known to exist and has not been heard.
    time: Option<Timestamp>,
    /// The newest watermark.
    announced: Option<Timestamp>,
    /// A `SourceSilence` was its last word.
    silent: bool,
    /// Since the newest watermark. Not stored.
    records: u32,
    /// How long nothing has come, or since silence was last told. Not stored: after a restart it starts anew.
    quiet_ms: i64,
}

/// What a source has to tell every partition of `inventory.events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Watermark { source: String, partition: i32, time: Timestamp, partitions: Vec<i32> },
    Silence { source: String, partition: i32, last: Option<Timestamp> },
}

/// What became of a record's position.
#[derive(Debug)]
pub enum Heard {
    /// It was read before.
    Again,
    New(Option<News>),
}

/// The sources of one topic partition.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    partition: i32,
    known: Vec<Source>,
    /// The topic partition itself, while it has never spoken.
    quiet_ms: i64,
    last_tick: Option<Timestamp>,
}

impl Sources {
    pub fn new(partition: i32) -> Self {
        Self { partition, ..Self::default() }
    }

    /// Refuses a source that would be one too many.
    pub fn check_room(&self, at: &SourcePosition<'_>) -> Result<(), Rejection> {
        if self.known.len() < MAX_SOURCES || self.find(&at.source, at.partition).is_some() {
            return Ok(());
        }
        let message = format!(
            "source {:?} partition {} would be one more than {MAX_SOURCES} in this topic partition; `source.name` and \
             `source.partition` name an ordered part of a source, not a record",
            at.source, at.partition
        );
        Err(Rejection::new(TOO_MANY_SOURCES, message))
    }

    /// Takes in a record's position.
    pub fn hear(&mut self, input: &Input, at: &SourcePosition<'_>) -> Heard {
        let i = self.entry(&at.source, at.partition);
        let source = &mut self.known[i];
        source.quiet_ms = 0;
        if let Ok(position) = at.position.parse::<i64>() {
            if source.position.is_some_and(|last| position <= last) {
                return Heard::Again;
            }
            source.position = Some(position);
        }
        source.time = source.time.max(Some(at.time));
        source.records = source.records.saturating_add(1);
        let moved = |last| source.time.is_some_and(|time| time.since(last) >= input.watermark_interval_ms);
        let due = source.announced.is_none_or(moved) && source.records >= input.records_per_watermark;
        let first = source.announced.is_none() || source.silent;
        Heard::New(if due || first { self.announce(input, i) } else { None })
    }

    /// What is due by the machine's clock: watermarks that waited for more records, and silence.
    pub fn tick(&mut self, input: &Input, tick: Tick) -> Vec<News> {
        let passed = self.last_tick.map_or(0, |last| tick.wall.since(last).clamp(0, LONGEST_TICK_MS));
        self.last_tick = Some(tick.wall);
        let mut news = Vec::new();
        for i in 0..self.known.len() {
            if self.known[i].time > self.known[i].announced {
                news.extend(self.announce(input, i));
            }
        }
        if tick.caught_up {
            self.watch_for_speech(input, passed);
            for source in &mut self.known {
                source.quiet_ms += passed;
                if source.quiet_ms >= if source.silent { TOLD_AGAIN_MS } else { input.silence_after_ms } {
                    (source.silent, source.quiet_ms) = (true, 0);
                    let (name, partition) = (source.name.clone(), source.partition);
                    news.push(News::Silence { source: name, partition, last: source.time });
                }
            }
        }
        news
    }

    /// Stream time waits for every partition of the topic where the topic is the source: one that
    /// never speaks becomes a source that is silent, in time.
    fn watch_for_speech(&mut self, input: &Input, passed: i64) {
        let mut own = self.known.iter().filter(|source| source.name == input.name);
        if own.any(|source| source.partition == self.partition) {
            return;
        }
        if self.known.is_empty() || self.known.iter().any(|source| source.name == input.name) {
            self.quiet_ms += passed;
            if self.quiet_ms >= input.silence_after_ms {
                let i = self.entry(&input.name, self.partition);
                self.known[i].quiet_ms = self.quiet_ms;
            }
        }
    }

    /// The source's clock, for everybody. `None`: it has none.
    fn announce(&mut self, input: &Input, i: usize) -> Option<News> {
        let source = &mut self.known[i];
        let time = source.time?;
        source.announced = Some(time);
        source.silent = false;
        source.records = 0;
        let (source, partition) = (source.name.clone(), source.partition);
        let partitions = self.partitions_of(input, &source);
        Some(News::Watermark { source, partition, time, partitions })
    }

    /// The partitions of a source that stream time waits for.
    fn partitions_of(&mut self, input: &Input, source: &str) -> Vec<i32> {
        let heard = self.known.iter().filter(|s| s.name == source).map(|s| s.partition);
        let mut partitions: Vec<i32> = match &input.source_partitions {
            Some(configured) => configured.iter().copied().chain(heard).collect(),
            None if source == input.name => (0..input.topic_partitions).chain(heard).collect(),
            None => heard.collect(),
        };
        partitions.sort_unstable();
        partitions.dedup();
        // Whoever reads the whole topic knows that the others have not been heard.
        if input.topic_partitions == 1 {
            for partition in &partitions {
                self.entry(source, *partition);
            }
        }
        partitions
    }

    fn find(&self, name: &str, partition: i32) -> Option<usize> {
        self.known.iter().position(|source| source.partition == partition && source.name == name)
    }

    fn entry(&mut self, name: &str, partition: i32) -> usize {
        self.find(name, partition).unwrap_or_else(|| {
            self.known.push(Source { name: name.to_owned(), partition, ..Source::default() });
            self.known.len() - 1
        })
    }

    pub fn encode(&self, w: &mut RowWriter<'_>) {
        w.u8(ROW_VERSION);
        w.unsigned(self.known.len() as u64);
        for source in &self.known {
            w.text(&source.name);
            w.signed(i64::from(source.partition));
            w.option(source.position, RowWriter::signed);
            w.option(source.time, RowWriter::time);
            w.option(source.announced, RowWriter::time);
            w.u8(u8::from(source.silent));
        }
    }

    pub fn decode(partition: i32, r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let version = r.u8()?;
        if version > ROW_VERSION {
            return Err(RowError::TooNew { found: version, newest: ROW_VERSION });
        }
        let mut this = Self::new(partition);
        for _ in 0..r.unsigned()? {
            this.known.push(Source {
                name: r.text()?.to_owned(),
                partition: i32::try_from(r.signed()?).map_err(|_| r.invalid("source partition"))?,
                position: r.option(RowReader::signed)?,
                time: r.option(RowReader::time)?,
                announced: r.option(RowReader::time)?,
                silent: r.u8()? != 0,
                ..Source::default()
            });
        }
        Ok(this)
    }
}
