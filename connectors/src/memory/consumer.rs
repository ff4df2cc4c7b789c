//! A group member of the embedded log.
//!
//! It joins when it subscribes, and again at the first poll after it was put out of its group.
//! Dropped without `close` it is a crash: its seat stays taken until the session times out.

use std::sync::Arc;
use std::time::Duration;

use processor::ports::{GroupMetadata, Isolation, LogConsumer, LogError, Offsets, Polled, TopicPartition};

use super::fault::{Fault, Operation};
use super::group::{Notice, Standing};
use super::partition::Record;
use super::reader::out_of_range;
use super::state::{Shared, State};

/// An assigned partition and where this client is in it.
struct Assigned {
    at: TopicPartition,
    /// Index among the log's topics.
    topic: usize,
    /// Next offset to deliver; nothing is until `seek`.
    next: Option<i64>,
    paused: bool,
    revoking: bool,
}

impl Assigned {
    fn delivers(&self) -> bool {
        self.next.is_some() && !self.paused && !self.revoking
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Membership {
    /// Not subscribed yet, or put out of the group and told so.
    Outside,
    Member(u64),
    Replaced,
    Closed,
}

enum Found {
    Nothing,
    Records,
    Assigned(Vec<TopicPartition>),
    Revoking(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
}

pub(super) struct MemoryConsumer {
    shared: Arc<Shared>,
    /// For messages and metadata.
    group: String,
    /// Index among the log's groups.
    group_index: usize,
    instance: String,
    client: usize,
    topics: Vec<String>,
    membership: Membership,
    /// In partition order.
    assigned: Vec<Assigned>,
    /// Where the next round over the partitions begins.
    turn: usize,
    /// What the last poll delivers: index into `assigned`, record.
    fetched: Vec<(usize, Arc<Record>)>,
    /// The group's version at which there was nothing left to be told.
    seen_version: u64,
}

impl MemoryConsumer {
    pub(super) fn open(shared: &Arc<Shared>, group: &str, instance: &str) -> Self {
        let mut state = shared.lock();
        let client = state.faults.client(&format!("{group}/{instance}"));
        let group_index = state.groups.index(group);
        drop(state);
        Self {
            shared: Arc::clone(shared),
            group: group.to_owned(),
            group_index,
            instance: instance.to_owned(),
            client,
            topics: Vec::new(),
            membership: Membership::Outside,
            assigned: Vec::new(),
            turn: 0,
            fetched: Vec::new(),
            seen_version: u64::MAX,
        }
    }

    fn join(&mut self, state: &mut State) -> Result<(), LogError> {
        let mut available = Vec::new();
        for name in &self.topics {
            let topic = state.topics.get(state.topics.index("subscribe", name)?);
            available.extend((0..topic.config.partitions).map(|partition| TopicPartition::new(name, partition)));
        }
        let id = state.groups.get_mut(self.group_index).join(&self.instance, &self.topics, available);
        self.membership = Membership::Member(id);
        self.seen_version = u64::MAX;
        self.shared.announce_decided();
        Ok(())
    }

    fn usable(&self, operation: &'static str) -> Result<(), LogError> {
        let who = format_args!("{} of group {}", self.instance, self.group);
        match self.membership {
            Membership::Replaced => {
                Err(LogError::Fenced { operation, reason: format!("another client took the instance {who}") })
            }
            Membership::Closed => Err(LogError::Fatal { operation, reason: format!("{who} is closed") }),
            Membership::Outside | Membership::Member(_) => Ok(()),
        }
    }

    fn meet_fault(&mut self, state: &mut State, operation: Operation) -> Result<(), LogError> {
        match state.fault(operation, self.client) {
            Some(Fault::Retriable) => {
                Err(LogError::Retriable { operation: operation.name(), reason: "injected".to_owned() })
            }
            // Another client joins with this instance, and is never heard of again.
            Some(Fault::Fenced) if matches!(self.membership, Membership::Member(_)) => {
                self.join(state)?;
                self.go_silent(state);
                self.membership = Membership::Replaced;
                self.usable(operation.name())
            }
            Some(Fault::Lost) => {
                self.leave(state);
                self.shared.announce_decided();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What there is for this member now.
    fn look(&mut self, state: &mut State, max_records: usize) -> Result<Found, LogError> {
        let Membership::Member(id) = self.membership else { return Ok(Found::Nothing) };
        match state.groups.get_mut(self.group_index).standing(&self.instance, id) {
            Standing::Member => {}
            Standing::Replaced => {
                self.membership = Membership::Replaced;
                self.usable(Operation::Poll.name())?;
            }
            Standing::Expelled => {
                self.membership = Membership::Outside;
                let lost = self.assigned.drain(..).map(|assigned| assigned.at).collect();
                return Ok(Found::Lost(lost));
            }
        }
        if let Some(notice) = self.be_told(state) {
            return Ok(notice);
        }
        self.fetch(state, max_records)
    }

    fn be_told(&mut self, state: &mut State) -> Option<Found> {
        let group = state.groups.get_mut(self.group_index);
        let before = group.version;
        if before == self.seen_version {
            return None;
        }
        let notice = group.tell(&self.instance);
        let after = group.version;
        if notice.is_none() {
            self.seen_version = after;
        }
        if after != before {
            self.shared.announce_decided();
        }
        match notice? {
            Notice::Revoking(partitions) => {
                self.each(&partitions, |assigned| assigned.revoking = true);
                Some(Found::Revoking(partitions))
            }
            Notice::Assigned(partitions) => {
                for at in &partitions {
                    let Ok(topic) = state.topics.index("assign", &at.topic) else { continue };
                    self.assigned.push(Assigned { at: at.clone(), topic, next: None, paused: false, revoking: false });
                }
                self.assigned.sort_by(|a, b| a.at.cmp(&b.at));
                Some(Found::Assigned(partitions))
            }
        }
    }

    /// Takes records in turns: no partition gets more than its share while another has records.
    fn fetch(&mut self, state: &State, max_records: usize) -> Result<Found, LogError> {
        let count = self.assigned.len();
        let delivering = self.assigned.iter().filter(|assigned| assigned.delivers()).count();
        if delivering == 0 || max_records == 0 {
            return Ok(Found::Nothing);
        }
        let turn = self.turn;
        let share = (max_records / delivering).max(1);
        loop {
            let before = self.fetched.len();
            for index in (0..count).map(|nth| (turn + nth) % count) {
                let wanted = share.min(max_records - self.fetched.len());
                if let Err(error) = self.fetch_from(state, index, wanted) {
                    // What was taken before is delivered first; the next round begins here.
                    self.turn = index;
                    return if self.fetched.is_empty() { Err(error) } else { Ok(Found::Records) };
                }
                if self.fetched.len() == max_records {
                    self.turn = (index + 1) % count;
                    return Ok(Found::Records);
                }
            }
            if self.fetched.len() == before {
                return Ok(if before == 0 { Found::Nothing } else { Found::Records });
            }
        }
    }

    fn fetch_from(&mut self, state: &State, index: usize, wanted: usize) -> Result<(), LogError> {
        let assigned = &mut self.assigned[index];
        let (true, Some(next)) = (assigned.delivers(), assigned.next) else { return Ok(()) };
        let partition = &state.topics.get(assigned.topic).partitions[assigned.at.partition as usize];
        let fetched = &mut self.fetched;
        let went_on = partition
            .fetch(next, Isolation::ReadCommitted, wanted, |record| fetched.push((index, Arc::clone(record))))
            .map_err(|range| out_of_range(&assigned.at, next, &range))?;
        assigned.next = Some(went_on);
        Ok(())
    }

    fn each(&mut self, partitions: &[TopicPartition], mut act: impl FnMut(&mut Assigned)) {
        self.assigned.iter_mut().filter(|assigned| partitions.contains(&assigned.at)).for_each(&mut act);
    }

    /// Refuses partitions that are not this member's.
    fn require(&self, operation: &'static str, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.usable(operation)?;
        let owned = |at: &TopicPartition| self.assigned.iter().any(|assigned| assigned.at == *at);
        match partitions.iter().find(|at| !owned(at)) {
            None => Ok(()),
            Some(at) => {
                let reason = format!("{}-{} is not assigned to {}", at.topic, at.partition, self.instance);
                Err(LogError::Fatal { operation, reason })
            }
        }
    }

    /// The seat stays taken until the session times out.
    fn go_silent(&self, state: &mut State) {
        if let Membership::Member(id) = self.membership {
            let now_ms = state.now_ms;
            state.groups.get_mut(self.group_index).went_silent(&self.instance, id, now_ms);
        }
    }

    fn leave(&self, state: &mut State) {
        let group = state.groups.get_mut(self.group_index);
        if let Membership::Member(id) = self.membership
            && group.standing(&self.instance, id) == Standing::Member
        {
            group.leave(&self.instance);
        }
    }

    /// Fails unless this client is a member now; returns its member id.
    fn member_in(&self, operation: &'static str, state: &State) -> Result<u64, LogError> {
        self.usable(operation)?;
        match self.membership {
            Membership::Member(id)
                if state.groups.get(self.group_index).standing(&self.instance, id) == Standing::Member =>
            {
                Ok(id)
            }
            _ => {
                let reason = format!("{} is not in group {} any more", self.instance, self.group);
                Err(LogError::Fenced { operation, reason })
            }
        }
    }
}

impl LogConsumer for MemoryConsumer {
    fn subscribe(&mut self, topics: &[&str]) -> Result<(), LogError> {
        const OPERATION: &str = "subscribe";
        self.usable(OPERATION)?;
        if !self.topics.is_empty() {
            let reason = format!("{} subscribed already; open another consumer", self.instance);
            return Err(LogError::Fatal { operation: OPERATION, reason });
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.call();
        for topic in topics {
            state.topics.index(OPERATION, topic)?;
        }
        self.topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        self.join(&mut state)
    }

    fn poll(&mut self, max_records: usize, max_wait: Duration) -> Result<Polled<'_>, LogError> {
        self.fetched.clear();
        self.usable(Operation::Poll.name())?;
        let shared = Arc::clone(&self.shared);
        let mut state = shared.call();
        self.meet_fault(&mut state, Operation::Poll)?;
        if self.membership == Membership::Outside && !self.topics.is_empty() {
            self.join(&mut state)?;
        }
        let mut found = Ok(Found::Nothing);
        let waited = shared.wait_decided(state, max_wait, |state| {
            found = self.look(state, max_records);
            !matches!(found, Ok(Found::Nothing))
        });
        drop(waited);
        Ok(match found? {
            Found::Nothing => Polled::Idle,
            Found::Assigned(partitions) => Polled::Assigned(partitions),
            Found::Revoking(partitions) => Polled::Revoking(partitions),
            Found::Lost(partitions) => Polled::Lost(partitions),
            Found::Records => Polled::Records(Box::new(self.fetched.iter().map(|(index, record)| {
                let at = &self.assigned[*index].at;
                record.view(&at.topic, at.partition)
            }))),
        })
    }

    fn end_reached(&self, partition: &TopicPartition) -> Option<i64> {
        self.assigned.iter().find(|assigned| assigned.at == *partition)?.next
    }

    fn complete_revoke(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        const OPERATION: &str = "complete revoke";
        let shared = Arc::clone(&self.shared);
        let mut state = shared.call();
        self.member_in(OPERATION, &state)?;
        let instance = &self.instance;
        let group = state.groups.get_mut(self.group_index);
        group.complete_revoke(instance, partitions).map_err(|at| {
            let reason = format!("{}-{} is not being revoked from {instance}", at.topic, at.partition);
            LogError::Fatal { operation: OPERATION, reason }
        })?;
        self.assigned.retain(|assigned| !partitions.contains(&assigned.at));
        self.turn = 0;
        shared.announce_decided();
        Ok(())
    }

    fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), LogError> {
        self.require("seek", std::slice::from_ref(partition))?;
        self.each(std::slice::from_ref(partition), |assigned| assigned.next = Some(offset));
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.require("pause", partitions)?;
        self.each(partitions, |assigned| assigned.paused = true);
        Ok(())
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.require("resume", partitions)?;
        self.each(partitions, |assigned| assigned.paused = false);
        Ok(())
    }

    fn committed(&mut self, partitions: &[TopicPartition], max_wait: Duration) -> Result<Offsets, LogError> {
        self.usable(Operation::Committed.name())?;
        let shared = Arc::clone(&self.shared);
        let mut state = shared.call();
        self.meet_fault(&mut state, Operation::Committed)?;
        let pending = |state: &State| partitions.iter().find(|at| state.is_pending(self.group_index, at)).cloned();
        let state = shared.wait_decided(state, max_wait, |state| pending(state).is_none());
        if let Some(at) = pending(&state) {
            let reason = format!("an open transaction may change the offset of {}-{}", at.topic, at.partition);
            return Err(LogError::Retriable { operation: Operation::Committed.name(), reason });
        }
        let group = state.groups.get(self.group_index);
        Ok(partitions.iter().filter_map(|at| Some((at.clone(), *group.committed.get(at)?))).collect())
    }

    fn group_metadata(&self) -> Result<GroupMetadata, LogError> {
        let state = self.shared.call();
        let id = self.member_in("group metadata", &state)?;
        Ok(state.groups.get(self.group_index).metadata(&self.group, &self.instance, id))
    }

    fn close(&mut self, keep_membership: bool) -> Result<(), LogError> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        if keep_membership {
            self.go_silent(&mut state);
        } else {
            self.leave(&mut state);
        }
        self.membership = Membership::Closed;
        self.assigned.clear();
        shared.announce_decided();
        Ok(())
    }
}

impl Drop for MemoryConsumer {
    fn drop(&mut self) {
        self.go_silent(&mut self.shared.lock());
    }
}
