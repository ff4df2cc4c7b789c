//! What a key remembers of its alerts. Most keys never had one: then it is one null pointer.

use std::sync::Arc;

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{AlertKind, Mode, RuleRef, Severity, Timestamp};
use uuid::Uuid;

use super::FLAP_WINDOW_MS;
use crate::codec::insert;

/// The alerts of one key: at most one slot for each kind and mode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpisodeBook(Option<Box<Book>>);

#[derive(Clone, Debug, PartialEq)]
struct Book {
    slots: Vec<Slot>,
    /// Later than every alert whose slot is gone: a new one opens here or after, so that ids never repeat.
    floor: Timestamp,
}

/// How far an alert has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Open,
    /// Resolved, expired or superseded, or never opened; remembered for its cool-down, its revisions
    /// and its episode.
    Closed,
}

/// One alert, or the memory of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    pub kind: AlertKind,
    pub mode: Mode,
    pub phase: Phase,
    /// Of a breach that still has to last, or whose last alert has to cool down: when it opens.
    pub pending_until: Option<Timestamp>,
    pub rule: Arc<RuleRef>,
    pub alert_id: Uuid,
    pub episode_id: Uuid,
    /// Of the last emitted line; 0 before the first.
    pub revision: u32,
    /// The highest that was announced.
    pub severity: Severity,
    pub opened_at: Timestamp,
    /// Event time of the last emitted line.
    pub since: Timestamp,
    /// Until when no other alert of the rule opens.
    pub cool_until: Timestamp,
}

impl EpisodeBook {
    #[must_use]
    pub fn slot(&self, kind: AlertKind, mode: Mode) -> Option<&Slot> {
        self.slots().iter().find(|s| s.kind == kind && s.mode == mode)
    }

    /// Whether an alert of this kind and mode is open.
    #[must_use]
    pub fn is_open(&self, kind: AlertKind, mode: Mode) -> bool {
        self.slot(kind, mode).is_some_and(|s| s.phase == Phase::Open)
    }

    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        self.0.as_ref().map_or(&[], |b| &b.slots)
    }

    /// Ids of the open alerts, by kind, active before shadow.
    #[must_use]
    pub fn open_alerts(&self) -> Vec<Uuid> {
        self.slots().iter().filter(|s| s.phase == Phase::Open).map(|s| s.alert_id).collect()
    }

    /// When a pending alert has waited long enough.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.slots().iter().filter_map(|s| s.pending_until).min()
    }

    /// The earliest instant a new alert may carry.
    pub(super) fn floor(&self) -> Timestamp {
        self.0.as_ref().map_or(Timestamp::MIN, |b| b.floor)
    }

    /// Lets an open alert that was read back from its row share the reference of its rule again.
    pub(super) fn share_rule(&mut self, kind: AlertKind, mode: Mode, rule: &Arc<RuleRef>) {
        let slots = self.0.iter_mut().flat_map(|b| &mut b.slots);
        for slot in slots.filter(|s| s.kind == kind && s.mode == mode && s.rule == *rule) {
            slot.rule = Arc::clone(rule);
        }
    }

    /// Puts a slot in its place, replacing the one of its kind and mode.
    pub(super) fn put(&mut self, slot: Slot) {
        let book = self.0.get_or_insert_with(|| Box::new(Book { slots: Vec::new(), floor: Timestamp::MIN }));
        match book.slots.binary_search_by_key(&(slot.kind, slot.mode), |s| (s.kind, s.mode)) {
            Ok(at) => book.slots[at] = slot,
            Err(at) => insert(&mut book.slots, at, slot),
        }
    }

    /// The condition no longer holds: its wait ends, and an alert that never opened leaves no trace.
    pub(super) fn withdraw(&mut self, kind: AlertKind, mode: Mode) {
        let Some(book) = &mut self.0 else { return };
        if let Some(slot) = book.slots.iter_mut().find(|s| s.kind == kind && s.mode == mode) {
            slot.pending_until = None;
        }
        book.slots.retain(|s| s.revision > 0 || s.pending_until.is_some());
        self.shrink();
    }

    /// Forgets closed alerts whose time is over.
    pub fn forget(&mut self, now: Timestamp) {
        let Some(book) = &mut self.0 else { return };
        let floor = &mut book.floor;
        book.slots.retain(|slot| {
            let remembered = slot.cool_until.max(slot.since.plus_ms(FLAP_WINDOW_MS)) > now;
            let keep = remembered || slot.phase == Phase::Open || slot.pending_until.is_some();
            if !keep {
                // Identities count in whole seconds.
                *floor = (*floor).max(slot.opened_at.plus_ms(schemas::time::SECOND_MS));
            }
            keep
        });
        self.shrink();
    }

    fn shrink(&mut self) {
        let Some(book) = &mut self.0 else { return };
        if book.slots.is_empty() && book.floor == Timestamp::MIN {
            self.0 = None;
        } else {
            book.slots.shrink_to_fit();
        }
    }

    /// Layout: number of slots + 1, or 0 for a book that never had an alert; then the floor and the slots.
    pub fn encode(&self, w: &mut RowWriter<'_>) {
        let Some(book) = &self.0 else { return w.unsigned(0) };
        w.unsigned(book.slots.len() as u64 + 1);
        w.option((book.floor > Timestamp::MIN).then_some(book.floor), RowWriter::time);
        for slot in &book.slots {
            slot.encode(w);
        }
    }

    pub fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let Some(slots) = r.unsigned()?.checked_sub(1) else { return Ok(Self::default()) };
        let floor = r.option(RowReader::time)?.unwrap_or(Timestamp::MIN);
        let mut slots: Vec<Slot> = (0..slots).map(|_| Slot::decode(r)).collect::<Result<_, _>>()?;
        slots.shrink_to_fit();
        Ok(Self(Some(Box::new(Book { slots, floor }))))
    }
}

const PHASES: [Phase; 2] = [Phase::Open, Phase::Closed];
const MODES: [Mode; 2] = [Mode::Active, Mode::Shadow];

impl Slot {
    fn encode(&self, w: &mut RowWriter<'_>) {
        w.text(self.kind.name());
        w.u8(self.mode as u8);
        w.u8(self.phase as u8);
        w.option(self.pending_until, RowWriter::time);
        w.text(self.severity.name());
        w.text(&self.rule.document);
        w.signed(i64::from(self.rule.version));
        w.text(&self.rule.rule);
        w.bytes(self.alert_id.as_bytes());
        w.bytes(self.episode_id.as_bytes());
        w.unsigned(u64::from(self.revision));
        for time in [self.opened_at, self.since, self.cool_until] {
            w.time(time);
        }
    }

    fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        Ok(Self {
            kind: AlertKind::from_name(r.text()?).ok_or_else(|| r.invalid("alert kind"))?,
            mode: *MODES.get(usize::from(r.u8()?)).ok_or_else(|| r.invalid("mode"))?,
            phase: *PHASES.get(usize::from(r.u8()?)).ok_or_else(|| r.invalid("alert phase"))?,
            pending_until: r.option(RowReader::time)?,
            severity: Severity::from_name(r.text()?).ok_or_else(|| r.invalid("severity"))?,
            rule: Arc::new(RuleRef {
                document: r.text()?.to_owned(),
                version: i32::try_from(r.signed()?).map_err(|_| r.invalid("rule version"))?,
                rule: r.text()?.to_owned(),
            }),
            alert_id: Uuid::from_slice(r.bytes()?).map_err(|_| r.invalid("alert id"))?,
            episode_id: Uuid::from_slice(r.bytes()?).map_err(|_| r.invalid("episode id"))?,
            revision: u32::try_from(r.unsigned()?).map_err(|_| r.invalid("revision"))?,
            opened_at: r.time()?,
            since: r.time()?,
            cool_until: r.time()?,
        })
    }
}
