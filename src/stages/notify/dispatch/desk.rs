//! What the dispatcher derives from its rows: who waits, whose alert it is, what can be forgotten.
//!
//! An index, never a source of truth: a restore builds it again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use processor::table::KeyId;
use rules::escalation::Gate;
use schemas::Timestamp;
use uuid::Uuid;

use super::row::OpenRow;
use crate::stages::notify::outbox::Try;

#[derive(Default)]
pub(super) struct Desk {
    /// By channel, in order of due time; of one time, in order of arrival.
    waiting: BTreeMap<String, BTreeSet<(Timestamp, KeyId)>>,
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
        self.wait(id, row);
    }

    /// Queues an attempt that waits for a try.
    pub(super) fn wait(&mut self, id: KeyId, row: &OpenRow) {
        if let Some(due) = row.attempt.due() {
            let queue = self.waiting.entry(row.order.channel.clone()).or_default();
            queue.insert((due, id));
        }
    }

    /// It waits no longer: `due` is what it waited for.
    pub(super) fn leave_queue(&mut self, channel: &str, due: Timestamp, id: KeyId) {
        if let Some(queue) = self.waiting.get_mut(channel) {
            queue.remove(&(due, id));
        }
    }

    /// The attempt of a channel that is due first, if one is.
    pub(super) fn first_due(&self, channel: &str, now: Timestamp) -> Option<(Timestamp, KeyId)> {
        let first = self.waiting.get(channel)?.first()?;
        (first.0 <= now).then_some(*first)
    }

    pub(super) fn channels(&self) -> Vec<String> {
        self.waiting.iter().filter(|(_, queue)| !queue.is_empty()).map(|(channel, _)| channel.clone()).collect()
    }

    pub(super) fn waiting_of(&self, channel: &str) -> usize {
        self.waiting.get(channel).map_or(0, BTreeSet::len)
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
