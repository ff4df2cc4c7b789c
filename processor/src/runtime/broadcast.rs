//! Follows the topics every partition reads whole: broadcast records, and the aggregates' board.

use std::collections::BTreeMap;
use std::time::Duration;

use schemas::stream::AggregatePartial;

use crate::epochs::EpochBoard;
use crate::operator::{BroadcastRecord, Rejection};
use crate::ports::{Extent, Isolation, LogError, LogReader, RecordView, TopicPartition};

const BATCH_RECORDS: usize = 4096;

/// Positions in, and contents of, the broadcast topics.
pub(super) struct Broadcasts {
    topics: Vec<TopicPartition>,
    aggregates: Option<TopicPartition>,
    next: BTreeMap<TopicPartition, i64>,
    /// Everything read so far, for partitions that open later.
    records: Vec<BroadcastRecord>,
    /// How many of them the open partitions have been offered.
    taken: usize,
    board: EpochBoard,
    input_partitions: i32,
}

impl Broadcasts {
    /// Broadcast topics have one partition: their order is the order in which they apply.
    pub(super) fn new(topics: &[String], aggregates: Option<&str>, input_partitions: i32) -> Self {
        Self {
            topics: topics.iter().map(|t| TopicPartition::new(t, 0)).collect(),
            aggregates: aggregates.map(|t| TopicPartition::new(t, 0)),
            next: BTreeMap::new(),
            records: Vec::new(),
            taken: 0,
            board: EpochBoard::new(input_partitions),
            input_partitions,
        }
    }

    pub(super) fn board(&self) -> &EpochBoard {
        &self.board
    }

    pub(super) fn records(&self) -> &[BroadcastRecord] {
        &self.records
    }

    /// The records read since the last call.
    pub(super) fn take_new(&mut self) -> &[BroadcastRecord] {
        let from = std::mem::replace(&mut self.taken, self.records.len());
        &self.records[from..]
    }

    pub(super) fn prune_board(&mut self, applied_through: i64) {
        self.board.prune(applied_through);
    }

    /// Whether so many partitions are all of the input's.
    pub(super) fn are_all(&self, partitions: usize) -> bool {
        usize::try_from(self.input_partitions).is_ok_and(|all| all == partitions)
    }

    /// Takes in sums that are not on the log yet, as far as those before them are known. Whoever hands them over goes
    /// back to what is committed unless they commit with everything that rests on them; the board is rewound then.
    pub(super) fn take_in(&mut self, sums: &[AggregatePartial]) {
        for partial in sums {
            self.board.add_early(partial);
        }
    }

    /// Forgets the board, to be read again from the start: a partition that opens may have applied
    /// less than those already here.
    pub(super) fn rewind_board(&mut self) {
        self.board = EpochBoard::new(self.input_partitions);
        if let Some(aggregates) = &self.aggregates {
            self.next.remove(aggregates);
        }
    }

    /// Reads on: to the very end as it is now, or what has come in without waiting for more. After an
    /// error it goes on where it stopped.
    pub(super) fn follow(
        &mut self,
        reader: &mut dyn LogReader,
        to_the_end: bool,
        call_timeout: Duration,
    ) -> Result<(), LogError> {
        let ends = self.ends(reader, to_the_end, call_timeout)?;
        let Self { topics, aggregates, next, records, board, .. } = self;
        for topic in topics.iter() {
            read_on(reader, next, topic, ends.get(topic), call_timeout, &mut |record| {
                records.push(BroadcastRecord {
                    topic: record.topic.to_owned(),
                    offset: record.offset,
                    key: record.key.unwrap_or_default().to_vec(),
                    value: record.value.map(<[u8]>::to_vec),
                });
            })?;
        }
        if let Some(topic) = aggregates {
            read_on(reader, next, topic, ends.get(topic), call_timeout, &mut |record| {
                match schemas::avro::decode_aggregate(record.value.unwrap_or_default()) {
                    Ok(partial) => board.add(&partial),
                    Err(error) => {
                        tracing::error!(offset = record.offset, %error, "an aggregate cannot be read; ignoring it");
                    }
                }
            })?;
        }
        Ok(())
    }

    /// The ends of the topics that are read to theirs: of all, or of those that have not been read yet. All of them are
    /// fetched while the first is read: a broker makes each wait for its end.
    fn ends(
        &mut self,
        reader: &mut dyn LogReader,
        of_all: bool,
        call_timeout: Duration,
    ) -> Result<BTreeMap<TopicPartition, Extent>, LogError> {
        let topics = self.topics.iter().chain(&self.aggregates);
        let asked: Vec<TopicPartition> =
            topics.filter(|topic| of_all || !self.next.contains_key(topic)).cloned().collect();
        if asked.is_empty() {
            return Ok(BTreeMap::new());
        }
        let extents = reader.extents(&asked, call_timeout)?;
        for (topic, extent) in asked.iter().zip(&extents) {
            let next = *self.next.entry(topic.clone()).or_insert(extent.start);
            if next < extent.stable {
                reader.fetch_ahead(topic, next, Isolation::ReadCommitted);
            }
        }
        Ok(asked.into_iter().zip(extents).collect())
    }
}

/// A broadcast record that cannot be used stops nobody; its publisher should have checked it.
pub(super) fn ignored(record: &BroadcastRecord, rejection: &Rejection) {
    let BroadcastRecord { topic, offset, .. } = record;
    tracing::error!(%topic, offset, reason = %rejection.message, "broadcast record ignored; publish a corrected one");
}

/// Reads a topic as far as it goes, at least to `end`.
fn read_on(
    reader: &mut dyn LogReader,
    next: &mut BTreeMap<TopicPartition, i64>,
    topic: &TopicPartition,
    end: Option<&Extent>,
    call_timeout: Duration,
    sink: &mut dyn FnMut(RecordView<'_>),
) -> Result<(), LogError> {
    let mut offset = next.get(topic).copied().unwrap_or_default();
    loop {
        let behind = end.is_some_and(|extent| offset < extent.stable);
        let wait = if behind { call_timeout } else { Duration::ZERO };
        let after = reader.read(topic, offset, Isolation::ReadCommitted, BATCH_RECORDS, wait, sink)?;
        next.insert(topic.clone(), after.max(offset));
        if after <= offset && behind {
            let reason = format!("no answer for {} at {offset}", topic.topic);
            return Err(LogError::Retriable { operation: "read", reason });
        }
        if after <= offset {
            return Ok(());
        }
        offset = after;
    }
}
