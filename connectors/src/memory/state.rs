//! Everything the log knows, behind one lock, and how clients wait for it to change.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use processor::ports::{Offsets, TopicPartition};

use super::by_name::ByName;
use super::compaction::compact;
use super::fault::{Fault, Faults, Operation};
use super::group::Group;
use super::log::MemoryLogConfig;
use super::topic::{Retain, Topics};
use super::transaction::{Late, Producers};

pub(super) struct State {
    pub(super) config: MemoryLogConfig,
    pub(super) now_ms: i64,
    pub(super) topics: Topics,
    pub(super) producers: Producers,
    pub(super) groups: ByName<Group>,
    pub(super) faults: Faults,
    /// Calls of all clients so far: what is late arrives by this count.
    pub(super) calls: u64,
    pub(super) late: Vec<Late>,
    /// Readers waiting for records that are not decided yet.
    pub(super) waiting_for_appends: usize,
}

impl State {
    pub(super) fn new(config: MemoryLogConfig) -> Self {
        Self {
            config,
            now_ms: 0,
            topics: Topics::default(),
            producers: Producers::default(),
            groups: ByName::default(),
            faults: Faults::default(),
            calls: 0,
            late: Vec::new(),
            waiting_for_appends: 0,
        }
    }

    pub(super) fn fault(&mut self, operation: Operation, client: usize) -> Option<Fault> {
        self.faults.decide(operation, client)
    }

    /// Time passes: transactions time out and silent members leave.
    pub(super) fn advance_clock(&mut self, by_ms: i64) {
        self.now_ms += by_ms.max(0);
        self.time_out_transactions();
        let silent_since_ms = self.now_ms - self.config.session_timeout_ms;
        self.groups.iter_mut().for_each(|group| group.expire(silent_since_ms));
    }

    pub(super) fn commit_offsets(&mut self, group: usize, offsets: Offsets) {
        let moved: Vec<TopicPartition> = offsets.keys().cloned().collect();
        self.groups.get_mut(group).committed.extend(offsets);
        for at in moved {
            self.drop_consumed(&at);
        }
    }

    /// Drops what every group that reads the partition has committed, where the topic says so.
    fn drop_consumed(&mut self, at: &TopicPartition) {
        let Ok(index) = self.topics.index("retain", &at.topic) else { return };
        let topic = self.topics.get_mut(index);
        if topic.config.retain != Retain::Unconsumed || !topic.config.deletes() {
            return;
        }
        let readers =
            self.groups.iter().filter(|group| group.committed.contains_key(at) || group.subscribes(&at.topic));
        let consumed = readers.map(|group| group.committed.get(at).copied().unwrap_or(0)).min();
        if let (Some(before), Some(partition)) = (consumed, topic.partitions.get_mut(at.partition as usize)) {
            partition.delete_before(before);
        }
    }

    /// What a topic does by itself once a transaction is decided in a partition.
    pub(super) fn tidy(&mut self, topic: usize, partition: i32) {
        let topic = self.topics.get_mut(topic);
        let config = topic.config;
        let partition = &mut topic.partitions[partition as usize];
        if let (Retain::Last(records), true) = (config.retain, config.deletes()) {
            partition.keep_last(records);
        }
        let due = config.compact_after.is_some_and(|records| partition.dirty >= records);
        if due && config.compacts() {
            compact(partition, self.now_ms, self.config.delete_retention_ms);
        }
    }
}

/// The state and the two things a client may wait for.
pub(super) struct Shared {
    state: Mutex<State>,
    /// A transaction was decided, or a group changed.
    decided: Condvar,
    /// A record was appended, decided or not.
    appended: Condvar,
}

impl Shared {
    pub(super) fn new(config: MemoryLogConfig) -> Self {
        Self { state: Mutex::new(State::new(config)), decided: Condvar::new(), appended: Condvar::new() }
    }

    /// The state, without counting a call. A panic elsewhere has been reported where it happened;
    /// the clients that go on, and those being dropped, need the log all the same.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state for one call of a client.
    pub(super) fn call(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.tick() {
            self.announce_decided();
        }
        state
    }

    pub(super) fn announce_decided(&self) {
        self.decided.notify_all();
        self.appended.notify_all();
    }

    pub(super) fn announce_append(&self, state: &State) {
        if state.waiting_for_appends > 0 {
            self.appended.notify_all();
        }
    }

    /// Waits until `ready` is true, or `max_wait` has passed. Looks once even without any wait.
    pub(super) fn wait_decided<'a>(
        &self,
        state: MutexGuard<'a, State>,
        max_wait: Duration,
        mut ready: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self.decided.wait_timeout_while(state, max_wait, |state| !ready(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// As [`Shared::wait_decided`], and woken by every record that is appended.
    pub(super) fn wait_appended<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        max_wait: Duration,
        mut ready: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        state.waiting_for_appends += 1;
        let waited = self.appended.wait_timeout_while(state, max_wait, |state| !ready(state));
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.waiting_for_appends -= 1;
        state
    }
}
