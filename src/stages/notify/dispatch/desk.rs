//! What the dispatcher derives from its rows: who waits, whose alert it is, what can be forgotten.
//!
//! An index, never a source of truth: a restore builds it again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use processor::table::KeyId;
use rules::escalation::attempt::Waiting;
use rules::escalation::{Attempt, Gate};
use schemas::Timestamp;
use uuid::Uuid;

use super::row::OpenRow;
use crate::stages::notify::outbox::Try;

/// What waits for a channel, oldest first; of one time, in order of arrival.
#[derive(Default)]
struct Queue {
    /// Never tried, by the time they were ordered: due whatever the clock says.
    first_tries: BTreeSet<(Timestamp, KeyId)>,
    /// By the time they are due.
    further_tries: BTreeSet<(Timestamp, KeyId)>,
}

impl Queue {
    fn of(&mut self, waiting: Waiting) -> (&mut BTreeSet<(Timestamp, KeyId)>, Timestamp) {
        match waiting {
            Waiting::SinceOrdered(at) => (&mut self.first_tries, at),
            Waiting::Until(at) => (&mut self.further_tries, at),
        }
    }

    fn len(&self) -> usize {
        self.first_tries.len() + self.further_tries.len()
    }

    /// Whoever has waited longest of those that are due: neither the new nor the failed push in.
    fn first_due(&self, now: Timestamp) -> Option<KeyId> {
        let first = self.first_tries.first();
        let further = self.further_tries.first().filter(|(due, _)| *due <= now);
        first.into_iter().chain(further).min().map(|(_, id)| *id)
    }
}

#[derive(Default)]
pub(super) struct Desk {
    /// By channel.
    queues: BTreeMap<String, Queue>,
    /// Attempts that are not over, by the alert they tell about.
    by_alert: HashMap<Uuid, Vec<KeyId>>,
    /// Attempts that are over, since when.
    done: BTreeSet<(Timestamp, KeyId)>,
    /// By channel, one gate each.
    pub(super) gates: BTreeMap<String, Gate>,
    /// By channel: the fingerprint of the endpoint that wants nothing any more.
    pub(super) disabled: BTreeMap<String, String>,
    /// Claimed by somebody who is gone.
    pub(super) orphans: Vec<KeyId>,
    /// Outcomes taken in, not committed yet.
    pub(super) settled: HashSet<Try>,
}

impl Desk {
    /// Takes in an attempt that is not over.
    pub(super) fn open(&mut self, id: KeyId, row: &OpenRow) {
        self.by_alert.entry(row.order.alert.alert_id).or_default().push(id);
        self.queue(id, &row.order.channel, &row.attempt);
    }

    /// Queues an attempt that waits for a try.
    pub(super) fn queue(&mut self, id: KeyId, channel: &str, attempt: &Attempt) {
        if let Some(waiting) = attempt.waiting() {
            let (queue, at) = self.queues.entry(channel.to_owned()).or_default().of(waiting);
            queue.insert((at, id));
        }
    }

    /// It waits no longer: `waiting` is how it waited.
    pub(super) fn leave(&mut self, id: KeyId, channel: &str, waiting: Option<Waiting>) {
        if let (Some(queue), Some(waiting)) = (self.queues.get_mut(channel), waiting) {
            let (queue, at) = queue.of(waiting);
            queue.remove(&(at, id));
        }
    }

    /// The attempt of a channel whose turn it is, if one is due.
    pub(super) fn first_due(&self, channel: &str, now: Timestamp) -> Option<KeyId> {
        self.queues.get(channel)?.first_due(now)
    }

    /// Channels that somebody waits for.
    pub(super) fn channels(&self) -> Vec<String> {
        self.queues.iter().filter(|(_, queue)| queue.len() > 0).map(|(channel, _)| channel.clone()).collect()
    }

    pub(super) fn waiting_of(&self, channel: &str) -> usize {
        self.queues.get(channel).map_or(0, Queue::len)
    }

    pub(super) fn of_alert(&self, alert: Uuid) -> Vec<KeyId> {
        self.by_alert.get(&alert).cloned().unwrap_or_default()
    }

    /// The attempt is over.
    pub(super) fn close(&mut self, id: KeyId, alert: Uuid, at: Timestamp) {
        if let Some(ids) = self.by_alert.get_mut(&alert) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_alert.remove(&alert);
            }
        }
        self.done(id, at);
    }

    pub(super) fn done(&mut self, id: KeyId, at: Timestamp) {
        self.done.insert((at, id));
    }

    /// Takes an attempt that was over before the given time.
    pub(super) fn forget_one(&mut self, before: Timestamp) -> Option<KeyId> {
        let first = *self.done.first().filter(|(at, _)| *at < before)?;
        self.done.remove(&first);
        Some(first.1)
    }
}

#[cfg(test)]
mod tests {
    use processor::table::StateTable;

    use super::super::Row;
    use super::*;

    #[test]
    fn whoever_has_waited_longest_is_next() {
        let at = Timestamp::from_millis;
        let mut states = StateTable::<Row>::default();
        let ids = [b"a", b"b", b"c", b"d"].map(|key| states.intern(key));
        let mut queue = Queue::default();
        let waiting = [
            // The clock of the log is ahead: due all the same.
            Waiting::SinceOrdered(at(9_000)),
            Waiting::Until(at(1_000)),
            Waiting::SinceOrdered(at(500)),
            Waiting::Until(at(3_000)),
        ];
        for (waiting, id) in waiting.into_iter().zip(ids) {
            let (set, at) = queue.of(waiting);
            set.insert((at, id));
        }
        let mut order = Vec::new();
        while let Some(id) = queue.first_due(at(2_000)) {
            order.push(id);
            queue.first_tries.retain(|(_, other)| *other != id);
            queue.further_tries.retain(|(_, other)| *other != id);
        }
        assert_eq!(order, [ids[2], ids[1], ids[0]]);
        assert_eq!((queue.len(), queue.first_due(at(3_000))), (1, Some(ids[3])));
    }
}
