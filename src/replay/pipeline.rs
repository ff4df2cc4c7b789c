//! The stage `process` over lines of a file: no log, no store, one thread.
//!
//! The file is the source: its lines' own times are its clock. Before an event is folded, stream
//! time moves to it, firing on the way whatever is due, and writing out every day boundary crossed.

use std::io;

use processor::operator::{BroadcastRecord, Origin, Outcome, Rejection};
use processor::replay::ReplayDriver;
use processor::source_clock::DEFAULT_FLOOR;
use processor::table::{KeyId, StateMemory};
use processor::task::TaskConfig;
use rules::decide::Key;
use rules::explain::Explanation;
use schemas::stream::{RuleDocumentRecord, StreamRecord};
use schemas::{Alert, CatalogChange, CatalogItem, InventoryEvent, Location, Position, Timestamp, avro, topics};

use crate::rule_files::RuleFile;
use crate::stages::process::{POSITIONS, ProcessOperator, ProcessOutput, event_signal};

#[derive(Clone, Copy, Debug)]
pub struct PipelineOptions {
    pub partitions: i32,
    pub grace_ms: i64,
    /// Distance of the boundaries at which every position is written, from the epoch, UTC.
    pub positions_every_ms: Option<i64>,
    /// Earlier boundaries are passed without writing.
    pub positions_from: Option<Timestamp>,
    /// Events from here on are ignored; the boundary at it is written.
    pub until: Option<Timestamp>,
    /// States beyond so many bytes are kept packed.
    pub state_bytes: usize,
}

/// What comes out, in the order of the contract.
pub enum Line<'a> {
    Alert(&'a Alert),
    Position(&'a Position<'a>),
}

pub type Sink<'a> = dyn FnMut(Line<'_>) -> io::Result<()> + 'a;

pub struct Pipeline {
    options: PipelineOptions,
    driver: ReplayDriver<ProcessOperator>,
    /// The next boundary to write; `None` before the first event and without boundaries.
    next_boundary: Option<Timestamp>,
    /// The newest boundary that was written.
    written: Option<Timestamp>,
    offered: i64,
    effects: Vec<(Origin, ProcessOutput)>,
}

impl Pipeline {
    /// The rule files were read and checked; they are in force from their own instant on, or from
    /// the start.
    pub fn new(options: PipelineOptions, rules: &[RuleFile]) -> Result<Self, Rejection> {
        let config = TaskConfig {
            partition: 0,
            epoch_ms: Some(rules::site::EPOCH_MS),
            grace_ms: options.grace_ms,
            floor: DEFAULT_FLOOR,
        };
        let driver = ReplayDriver::new(options.partitions, &config, |partition| {
            ProcessOperator::new(partition, options.partitions)
        })
        .bounded(&StateMemory::new(options.state_bytes));
        let mut pipeline =
            Self { options, driver, next_boundary: None, written: None, offered: 0, effects: Vec::new() };
        for file in rules {
            pipeline.rules(file)?;
        }
        Ok(pipeline)
    }

    fn rules(&mut self, file: &RuleFile) -> Result<(), Rejection> {
        let document = RuleDocumentRecord {
            id: file.document.id.clone(),
            version: file.document.version,
            effective_at: file.document.effective_at.unwrap_or(Timestamp::EARLIEST),
            body: file.text.clone(),
        };
        let mut value = Vec::new();
        avro::encode_rule_document(&document, &mut value);
        self.broadcast(topics::RULES, format!("{}@{}", document.id, document.version), Some(value))
    }

    /// A location applies before the first line.
    pub fn location(&mut self, location: &Location) -> Result<(), Rejection> {
        self.place(&location.location, Some(location))
    }

    /// From here on; `None`: nobody describes it any more.
    pub fn place(&mut self, location: &str, description: Option<&Location>) -> Result<(), Rejection> {
        let value = description.map(|description| {
            let mut value = Vec::new();
            avro::encode_location(description, &mut value);
            value
        });
        self.broadcast(topics::LOCATIONS, location.to_owned(), value)
    }

    fn broadcast(&mut self, topic: &str, key: String, value: Option<Vec<u8>>) -> Result<(), Rejection> {
        let record = BroadcastRecord { topic: topic.to_owned(), offset: self.offered, key: key.into_bytes(), value };
        self.offered += 1;
        self.driver.broadcast(&record)
    }

    /// A catalogue line applies before the first line and does not move time.
    pub fn catalog(&mut self, item: CatalogItem) -> Result<(), Rejection> {
        self.catalog_change(item.sku.clone(), Some(item))
    }

    /// From here on; `None`: the item is inactive.
    pub fn catalog_change(&mut self, sku: String, item: Option<CatalogItem>) -> Result<(), Rejection> {
        let partition = self.partition_of(&sku);
        self.driver.process(partition, &StreamRecord::Catalog(CatalogChange { sku, item })).map(|_| ())
    }

    /// Folds one event. The inner error is the event's: a dead letter. The outer one is the sink's.
    pub fn event(&mut self, event: InventoryEvent<'_>, sink: &mut Sink<'_>) -> io::Result<Result<Outcome, Rejection>> {
        if self.options.until.is_some_and(|until| event.occurred_at >= until) {
            return Ok(Ok(Outcome::Filtered));
        }
        if let Err(rejection) = self.driver.observe(event_signal(&event)) {
            return Ok(Err(rejection));
        }
        self.cross_boundaries(self.driver.stream_time(), sink)?;
        let partition = self.partition_of(&event.sku);
        let outcome = self.driver.process(partition, &StreamRecord::Event(event));
        self.write_alerts(sink)?;
        Ok(outcome)
    }

    /// With `until`, time runs up to it: timers fire and its boundary is written, wherever it lies.
    /// Otherwise the end of the input moves nothing.
    pub fn finish(&mut self, sink: &mut Sink<'_>) -> io::Result<()> {
        let Some(until) = self.options.until else {
            return Ok(());
        };
        let end = until.plus_ms(self.driver.grace_ms());
        self.cross_boundaries(end, sink)?;
        self.driver.advance(end);
        self.write_alerts(sink)?;
        if self.written == Some(until) { Ok(()) } else { self.write_positions(until, sink) }
    }

    /// What decides about a position at `at`, once everything before has been taken.
    pub fn explain(mut self, key: Key<'_>, at: Timestamp) -> Result<Explanation, Rejection> {
        self.driver.advance(at.plus_ms(self.driver.grace_ms()));
        let partition = usize::try_from(self.partition_of(key.sku)).unwrap_or_default();
        let task = &mut self.driver.tasks_mut()[partition];
        task.look(|operator, states| operator.explain(states, key, at))
    }

    fn partition_of(&self, sku: &str) -> i32 {
        schemas::partitioner::partition_for(sku.as_bytes(), self.options.partitions)
    }

    /// Writes every boundary that stream time passes on its way to `to`, grace included.
    fn cross_boundaries(&mut self, to: Timestamp, sink: &mut Sink<'_>) -> io::Result<()> {
        let Some(every) = self.options.positions_every_ms.filter(|_| to > Timestamp::MIN) else {
            return Ok(());
        };
        let grace = self.driver.grace_ms();
        // The first one still ahead, its grace included: it may lie before the first event.
        let first = || {
            let passed = to.minus_ms(grace).millis().div_euclid(every);
            Timestamp::from_millis((passed + 1).saturating_mul(every))
        };
        let mut boundary = *self.next_boundary.get_or_insert_with(first);
        // A source's clock may be past `until` although its events are not.
        let last = self.options.until.unwrap_or(Timestamp::MAX);
        while boundary.plus_ms(grace) <= to && boundary <= last {
            self.driver.advance(boundary.plus_ms(grace));
            self.write_alerts(sink)?;
            self.write_positions(boundary, sink)?;
            boundary = boundary.plus_ms(every);
            self.next_boundary = Some(boundary);
        }
        Ok(())
    }

    fn write_positions(&mut self, at: Timestamp, sink: &mut Sink<'_>) -> io::Result<()> {
        if self.options.positions_from.is_some_and(|from| at < from) {
            return Ok(());
        }
        self.written = Some(at);
        let mut positions: Vec<(usize, KeyId)> = Vec::new();
        for (number, task) in self.driver.tasks_mut().iter_mut().enumerate() {
            positions.extend(task.keys_of(POSITIONS).into_iter().map(|id| (number, id)));
        }
        let tasks = self.driver.tasks_mut();
        // A key is `p` SKU NUL location: bytewise order of keys is (sku, location).
        let key = |(task, id): &(usize, KeyId)| tasks[*task].states().key(*id);
        positions.sort_by(|a, b| key(a).cmp(key(b)));
        for (task, id) in positions {
            tasks[task].look_at(id, |operator, states| match operator.snapshot(states, id, at) {
                Some(position) => sink(Line::Position(&position)),
                None => Ok(()),
            })?;
        }
        Ok(())
    }

    /// Alerts of one line: what fired on the way first, in order of (due, sku, location, kind).
    fn write_alerts(&mut self, sink: &mut Sink<'_>) -> io::Result<()> {
        self.driver.drain(&mut self.effects);
        if self.effects.is_empty() {
            return Ok(());
        }
        self.effects.sort_by(|(a, x), (b, y)| (a, order_of(x)).cmp(&(b, order_of(y))));
        for (_, alert) in self.effects.drain(..) {
            sink(Line::Alert(&alert))?;
        }
        Ok(())
    }
}

/// Alerts of one key and cause keep the order in which they were emitted: the sort is stable.
fn order_of(alert: &Alert) -> (&str, &str) {
    (alert.sku.as_deref().unwrap_or_default(), alert.location.as_deref().unwrap_or_default())
}
