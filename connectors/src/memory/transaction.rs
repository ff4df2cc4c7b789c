//! Transactions: producers by transactional id, their epochs, and what each has open.
//!
//! A producer has at most one transaction. It begins at the log with its first record or offsets
//! and ends by commit, by abort, by a newer producer of the same id, or by its timeout:
//!
//! ```text
//!          first record or offsets          commit, abort, fenced, timed out
//!   none ──────────────────────────▶ open ──────────────────────────────────▶ none
//!                                     │  commit, markers delayed              ▲
//!                                     └──────────▶ prepared ──────────────────┘
//!                                                       some calls later
//! ```

use std::collections::BTreeMap;

use processor::ports::{LogError, Offsets, ProduceRecord, TopicPartition};

use super::by_name::ByName;
use super::state::State;
use super::topic::no_partition;

pub(super) struct Transaction {
    pub(super) id: u64,
    started_ms: i64,
    /// Topic index and partition of everything written to.
    partitions: Vec<(usize, i32)>,
    /// By the group's index.
    offsets: BTreeMap<usize, Offsets>,
    /// Committed for good, markers on their way.
    prepared: bool,
}

#[derive(Default)]
pub(super) struct Producer {
    pub(super) epoch: u32,
    pub(super) open: Option<Transaction>,
}

#[derive(Default)]
pub(super) struct Producers {
    pub(super) all: ByName<Producer>,
    begun: u64,
}

impl Producers {
    /// The transaction of a producer, begun if there is none.
    fn begun(&mut self, index: usize, now_ms: i64) -> &mut Transaction {
        self.all.get_mut(index).open.get_or_insert_with(|| {
            self.begun += 1;
            Transaction {
                id: self.begun,
                started_ms: now_ms,
                partitions: Vec::new(),
                offsets: BTreeMap::new(),
                prepared: false,
            }
        })
    }
}

/// A commit, or its markers, that arrive later.
pub(super) struct Late {
    due_call: u64,
    producer: usize,
    transaction: u64,
}

impl State {
    /// Decides what the id left open, and fences whoever had it. Returns the new epoch.
    pub(super) fn take_over(&mut self, producer: usize) -> u32 {
        let prepared = self.is_prepared(producer);
        self.end_transaction(producer, prepared);
        let producer = self.producers.all.get_mut(producer);
        producer.epoch += 1;
        producer.epoch
    }

    fn is_prepared(&self, producer: usize) -> bool {
        self.producers.all.get(producer).open.as_ref().is_some_and(|transaction| transaction.prepared)
    }

    /// The next transaction of a producer begins only after the markers of the last.
    fn settle(&mut self, producer: usize) {
        if self.is_prepared(producer) {
            self.end_transaction(producer, true);
        }
    }

    pub(super) fn append(&mut self, producer: usize, record: &ProduceRecord<'_>) -> Result<(), LogError> {
        const OPERATION: &str = "produce";
        self.settle(producer);
        let index = self.topics.index(OPERATION, record.topic)?;
        let topic = self.topics.get_mut(index);
        if record.key.is_none() && topic.config.compacts() {
            let reason = format!("topic {} is compacted and takes no record without a key", topic.name);
            return Err(LogError::Abortable { operation: OPERATION, reason });
        }
        let at = record.partition.unwrap_or_else(|| topic.partition_for(record.key));
        if !(0..topic.config.partitions).contains(&at) {
            return Err(no_partition(OPERATION, topic, at));
        }
        let transaction = self.producers.begun(producer, self.now_ms);
        if topic.partitions[at as usize].append(transaction.id, record, self.now_ms) {
            transaction.partitions.push((index, at));
        }
        Ok(())
    }

    /// Makes offsets of a group part of a producer's transaction.
    pub(super) fn add_offsets(&mut self, producer: usize, group: usize, offsets: &Offsets) {
        self.settle(producer);
        let transaction = self.producers.begun(producer, self.now_ms);
        let pending = transaction.offsets.entry(group).or_default();
        pending.extend(offsets.iter().map(|(at, offset)| (at.clone(), *offset)));
    }

    /// Commits, unless its markers are on their way already.
    pub(super) fn commit_transaction(&mut self, producer: usize) {
        if !self.is_prepared(producer) {
            self.end_transaction(producer, true);
        }
    }

    /// Decides a producer's transaction everywhere at once: markers, and offsets if it commits.
    pub(super) fn end_transaction(&mut self, producer: usize, commit: bool) {
        let Some(transaction) = self.producers.all.get_mut(producer).open.take() else { return };
        for &(topic, partition) in &transaction.partitions {
            self.topics.get_mut(topic).partitions[partition as usize].decide(transaction.id, commit);
        }
        if commit {
            for (group, offsets) in transaction.offsets {
                self.commit_offsets(group, offsets);
            }
        }
        for (topic, partition) in transaction.partitions {
            self.tidy(topic, partition);
        }
    }

    /// Commits now and writes the markers some calls later.
    pub(super) fn prepare(&mut self, producer: usize) {
        if let Some(transaction) = &mut self.producers.all.get_mut(producer).open {
            transaction.prepared = true;
        }
        self.end_later(producer);
    }

    /// A commit that arrives some calls from now, if its transaction is still open by then.
    pub(super) fn end_later(&mut self, producer: usize) {
        let Some(transaction) = &self.producers.all.get(producer).open else { return };
        let due_call = self.calls + self.faults.delay(transaction.id);
        self.late.push(Late { due_call, producer, transaction: transaction.id });
    }

    /// Counts a call. True when something late arrived with it.
    pub(super) fn tick(&mut self) -> bool {
        self.calls += 1;
        let due: Vec<Late> = self.late.extract_if(.., |late| late.due_call <= self.calls).collect();
        for late in &due {
            let open = self.producers.all.get(late.producer).open.as_ref();
            if open.is_some_and(|transaction| transaction.id == late.transaction) {
                self.end_transaction(late.producer, true);
            }
        }
        !due.is_empty()
    }

    /// Aborts transactions that are open for longer than the timeout and fences their producers.
    pub(super) fn time_out_transactions(&mut self) {
        let begun_before = self.now_ms - self.config.transaction_timeout_ms;
        for producer in 0..self.producers.all.len() {
            let open = self.producers.all.get(producer).open.as_ref();
            if open.is_some_and(|transaction| !transaction.prepared && transaction.started_ms <= begun_before) {
                self.take_over(producer);
            }
        }
    }

    /// Whether a transaction that is not decided yet may change the group's offset of a partition.
    pub(super) fn is_pending(&self, group: usize, at: &TopicPartition) -> bool {
        let open = self.producers.all.iter().filter_map(|producer| producer.open.as_ref());
        let mut offsets = open.filter_map(|transaction| transaction.offsets.get(&group));
        offsets.any(|offsets| offsets.contains_key(at))
    }
}
