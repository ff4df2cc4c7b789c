//! When keys are woken: what is due next, in memory or not, and how it is fired.
//!
//! Keys due at one instant are fired in the order of their keys, wherever they are: those in memory and
//! those that are loaded for it, a page at a time, are merged.

use std::collections::VecDeque;

use schemas::Timestamp;

use super::{Progress, Task, now_at};
use crate::epochs::epoch_start;
use crate::operator::{Cause, Context, Operator};
use crate::table::KeyId;

/// How far the keys that were not in memory have been loaded, in order of key.
enum Loaded {
    Nothing,
    UpTo(Vec<u8>),
    All,
}

/// What is due at one instant.
pub(super) struct Firing {
    due: Timestamp,
    /// Keys that were in memory when it began, in order, and are not in the page yet.
    here: VecDeque<KeyId>,
    /// The next ones, in order of key.
    page: VecDeque<KeyId>,
    /// How far the others have been loaded.
    loaded: Loaded,
}

impl<O: Operator> Task<O> {
    /// The earliest wake-up; where it does not fire up to `to`, it may be of a key in memory only.
    pub(super) fn next_due(&mut self, to: Timestamp) -> Option<Timestamp> {
        let due = self.timers.next_due(|key| self.states.registered_due(key));
        let until = due.unwrap_or(Timestamp::MAX).min(to.minus_ms(self.clocks.grace_ms()));
        self.states.cold_due(until).into_iter().chain(due).min()
    }

    /// No wake-up is before it.
    pub(super) fn due_from(&mut self) -> Timestamp {
        if let Some(firing) = &self.firing {
            return firing.due;
        }
        let due = self.timers.next_due(|key| self.states.registered_due(key));
        // Of a key that is not in memory it is enough to know when it is time to look.
        self.states.cold_from().into_iter().chain(due).min().unwrap_or(Timestamp::MAX)
    }

    /// The index of wake-ups needs no entry before this instant.
    pub(super) fn passed(&mut self) -> Option<Timestamp> {
        if self.put_off { None } else { Some(self.due_from()) }
    }

    pub(super) fn recompute_wakeup(&mut self) {
        let timer = self.due_from().plus_ms(self.clocks.grace_ms());
        let epoch_end = match (self.config.epoch_ms, self.epoch.current) {
            (Some(epoch_ms), Some(current)) => Some(epoch_start(current + 1, epoch_ms)),
            _ => None,
        };
        let earliest = self.switches.next_effective().into_iter().chain(epoch_end).min();
        self.wakeup = earliest.map_or(timer, |earliest| earliest.min(timer));
    }

    pub(super) fn begin_firing(&mut self, due: Timestamp) {
        self.states.hold(Some(due));
        let mut here = self.timers.take(due);
        here.retain(|id| self.states.registered_due(*id) == Some(due));
        here.sort_unstable_by(|a, b| self.states.key(*a).cmp(self.states.key(*b)));
        here.dedup();
        self.firing = Some(Firing { due, here: here.into(), page: VecDeque::new(), loaded: Loaded::Nothing });
    }

    /// Fires what is being fired, to the end or until the budget is spent. False: there is more.
    pub(super) fn fire_timers(&mut self, budget: &mut usize) -> bool {
        let Some(mut firing) = self.firing.take() else { return true };
        while self.turn_page(&mut firing) {
            while let Some(id) = firing.page.pop_front() {
                if *budget == 0 {
                    firing.page.push_front(id);
                    self.firing = Some(firing);
                    return false;
                }
                *budget -= 1;
                self.fire(id, firing.due);
            }
        }
        self.states.hold(None);
        self.states.fired(firing.due);
        true
    }

    /// Makes a page of those that come next, in order of key; false: all have fired.
    fn turn_page(&mut self, firing: &mut Firing) -> bool {
        if !firing.page.is_empty() {
            return true;
        }
        let (loaded, more) = match &firing.loaded {
            Loaded::Nothing => self.states.load_due(firing.due, None),
            Loaded::UpTo(key) => self.states.load_due(firing.due, Some(key)),
            Loaded::All => (Vec::new(), None),
        };
        firing.loaded = more.map_or(Loaded::All, Loaded::UpTo);
        let upto = match &firing.loaded {
            Loaded::UpTo(last) => firing.here.partition_point(|id| self.states.key(*id) <= last.as_slice()),
            Loaded::Nothing | Loaded::All => firing.here.len(),
        };
        let mut page: Vec<KeyId> = firing.here.drain(..upto).chain(loaded).collect();
        page.sort_by(|a, b| self.states.key(*a).cmp(self.states.key(*b)));
        firing.page = page.into();
        !firing.page.is_empty() || !matches!(firing.loaded, Loaded::All)
    }

    /// Reads states before records ask for them, so many at most. False: nothing in this turn, because that
    /// is over, or a record is half-way and its timers have been counted.
    pub(crate) fn read_ahead(&mut self, limit: usize) -> bool {
        if self.is_half_way() || self.firing.is_some() {
            return false;
        }
        let more = self.states.read_ahead(limit);
        self.register_wakeups(None);
        more
    }

    /// A transaction is due in the middle of a record.
    pub(super) fn pause(&mut self) -> Progress {
        self.sweeping = true;
        self.wakeup = Timestamp::MIN;
        Progress::Sweeping
    }

    fn fire(&mut self, id: KeyId, due: Timestamp) {
        self.states.register_due(id, None);
        self.states.ready(id);
        let mut ctx = Context {
            now: now_at(self.stream_time, self.clocks.grace_ms(), Cause::Timer(due)),
            states: &mut self.states,
            effects: &mut self.effects,
        };
        self.operator.on_timer(&mut ctx, id, due);
        self.register_wakeups(Some((id, due)));
        self.states.relieve();
    }

    /// Derives the wake-ups of the keys just touched. The timer that has `fired` must ask for a later
    /// instant; one that does not is put off by a millisecond, so that time always moves.
    pub(super) fn register_wakeups(&mut self, fired: Option<(KeyId, Timestamp)>) {
        let mut touched = std::mem::take(&mut self.touched);
        self.states.take_touched(&mut touched);
        for id in &touched {
            let earliest = fired.filter(|(key, _)| key == id).map_or(Timestamp::MIN, |(_, due)| due.plus_ms(1));
            let asked = self.states.next_due(*id);
            let due = asked.map(|due| due.max(earliest));
            self.put_off |= asked != due;
            if due == self.states.registered_due(*id) {
                continue;
            }
            self.states.register_due(*id, due);
            if let Some(due) = due {
                self.timers.set(due, *id);
                self.wakeup = self.wakeup.min(due.plus_ms(self.clocks.grace_ms()));
            }
        }
        self.touched = touched;
        for id in self.states.take_loaded() {
            if let Some(due) = self.states.registered_due(id) {
                self.timers.set(due, id);
            }
        }
        if self.timers.is_stale(self.states.len()) {
            self.timers.rebuild(self.states.registered());
        }
    }
}
