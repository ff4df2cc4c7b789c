//! Turns what detectors judge into alert lines and keeps the book.
//!
//! ```text
//!             breach                       breach, worse
//!   (none) ──────────► [pending] ───► open ─────────────► open      (updated)
//!             no wait ─────────────►   │
//!                                      ├─ clear, not suspect ► closed (resolved)
//!                                      ├─ lapsed, rule gone ─► closed (expired)
//!                                      └─ a worse kind opens ► closed (superseded)
//!   closed ── breach, cooled down ► open, or pending until then: same alert id within one second, else a new one
//! ```

use std::sync::Arc;

use schemas::time::SECOND_MS;
use schemas::{Alert, AlertKind, AlertState, Evidence, Message, Mode, RuleRef, Severity, Timestamp};
use uuid::Uuid;

use super::book::{EpisodeBook, Phase, Slot};
use super::{FLAP_WINDOW_MS, ids};
use crate::decide::Key;
use crate::detectors::{Verdict, registry};
use crate::ruleset::Rule;

/// What made the detectors look.
#[derive(Clone, Copy, Debug)]
pub struct Occurrence<'a> {
    pub key: Key<'a>,
    /// What the alerts are about, where that is not one SKU: then the SKU is empty, and so may be the location.
    pub scope: Option<&'a str>,
    /// Event time of the record, due time of the timer.
    pub at: Timestamp,
    pub detected_at: Timestamp,
    /// The key's figures contradict each other.
    pub suspect: bool,
}

impl<'a> Occurrence<'a> {
    /// What tells its alerts from those of others: a scope stands in the place of SKU and location.
    fn identity(&self) -> Key<'a> {
        self.scope.map_or(self.key, |scope| Key { sku: "", location: scope })
    }
}

/// What one detector says under one rule. Without a rule in force there is nothing to say.
#[derive(Clone, Copy, Debug)]
pub struct Judgement<'a> {
    pub kind: AlertKind,
    pub mode: Mode,
    pub rule: Option<&'a Rule>,
    pub verdict: Verdict,
}

/// Evidence and message of a line that is about to be written.
pub(super) type Describe<'a> = dyn Fn(&Judgement<'_>, AlertState) -> (Evidence, Message) + 'a;

/// Brings the book up to date with `judgements`; lines come out by kind, active before shadow.
pub fn settle(
    book: &mut EpisodeBook,
    occurrence: &Occurrence<'_>,
    judgements: &[Judgement<'_>],
    describe: &Describe<'_>,
    out: &mut Vec<Alert>,
) {
    let first = out.len();
    let mut desk = Desk { book, occurrence, describe, out, first };
    // Kinds that supersede others go first: whether they are open decides about the others.
    for judgement in judgements.iter().filter(|j| superseder(j.kind).is_none()) {
        desk.advance(judgement);
    }
    for judgement in judgements {
        if let Some(by) = superseder(judgement.kind) {
            desk.advance_below(judgement, by);
        }
    }
    out[first..].sort_by_key(|a| (a.kind, a.mode));
}

struct Desk<'d> {
    book: &'d mut EpisodeBook,
    occurrence: &'d Occurrence<'d>,
    describe: &'d Describe<'d>,
    out: &'d mut Vec<Alert>,
    /// Where in `out` the lines of this occurrence begin.
    first: usize,
}

impl Desk<'_> {
    /// A kind that an open alert of kind `by` makes pointless.
    fn advance_below(&mut self, judgement: &Judgement<'_>, by: AlertKind) {
        if !self.book.is_open(by, judgement.mode) {
            return self.advance(judgement);
        }
        self.book.withdraw(judgement.kind, judgement.mode);
        if self.book.is_open(judgement.kind, judgement.mode) {
            self.close(judgement, AlertState::Superseded);
        }
    }

    fn advance(&mut self, judgement: &Judgement<'_>) {
        if let Some(slot) = self.book.slot(judgement.kind, judgement.mode)
            && slot.phase == Phase::Open
        {
            if let Some(rule) = judgement.rule.filter(|r| same_rule(&r.reference, &slot.rule)) {
                let announced = slot.severity;
                if !Arc::ptr_eq(&rule.reference, &slot.rule) {
                    self.book.share_rule(judgement.kind, judgement.mode, &rule.reference);
                }
                return self.advance_open(judgement, announced);
            }
            self.close(&Judgement { rule: None, ..*judgement }, AlertState::Expired);
        }
        self.advance_closed(judgement);
    }

    fn advance_open(&mut self, judgement: &Judgement<'_>, announced: Severity) {
        match judgement.verdict {
            Verdict::Breach(severity) if severity > announced => self.update(judgement, severity),
            // Contradictory figures are no proof that the problem is gone.
            Verdict::Clear if !self.occurrence.suspect => self.close(judgement, AlertState::Resolved),
            Verdict::Lapsed => self.close(judgement, AlertState::Expired),
            Verdict::Breach(_) | Verdict::Clear | Verdict::Hold => {}
        }
    }

    fn advance_closed(&mut self, judgement: &Judgement<'_>) {
        let at = self.occurrence.at;
        let slot = self.book.slot(judgement.kind, judgement.mode);
        let pending = slot.and_then(|s| s.pending_until);
        let (Verdict::Breach(severity), Some(rule)) = (judgement.verdict, judgement.rule) else {
            let undecided = judgement.verdict == Verdict::Hold && pending.is_some_and(|due| due > at);
            if !undecided {
                self.book.withdraw(judgement.kind, judgement.mode);
            }
            return;
        };
        let cool_until = slot.filter(|s| s.revision > 0).map_or(at, |s| s.cool_until);
        let due = pending.unwrap_or(cool_until.max(at.plus_ms(rule.lifecycle.minimum_duration_ms)));
        if due <= at || self.handed_over(judgement) {
            self.open(judgement, rule, severity);
        } else if pending.is_none() {
            self.wait(judgement, rule, severity, due);
        }
    }

    /// A worse alert of the same problem ended just now: this one has held all along, and neither waits nor
    /// cools down.
    fn handed_over(&self, judgement: &Judgement<'_>) -> bool {
        let ended = |by| self.out[self.first..].iter().any(|a| a.kind == by && a.mode == judgement.mode);
        superseder(judgement.kind).is_some_and(|by| ended(by) && !self.book.is_open(by, judgement.mode))
    }

    /// Until the breach has lasted long enough and the alert before it has cooled down.
    fn wait(&mut self, judgement: &Judgement<'_>, rule: &Rule, severity: Severity, due: Timestamp) {
        let since = self.occurrence.at;
        let pending_until = Some(due);
        let slot = match self.book.slot(judgement.kind, judgement.mode) {
            Some(slot) => Slot { pending_until, ..slot.clone() },
            None => Slot {
                kind: judgement.kind,
                mode: judgement.mode,
                phase: Phase::Closed,
                pending_until,
                rule: rule.reference.clone(),
                alert_id: Uuid::nil(),
                episode_id: Uuid::nil(),
                revision: 0,
                severity,
                opened_at: since,
                since,
                cool_until: since,
            },
        };
        self.book.put(slot);
    }

    fn open(&mut self, judgement: &Judgement<'_>, rule: &Rule, severity: Severity) {
        let Judgement { kind, mode, .. } = *judgement;
        let before = self.book.slot(kind, mode).filter(|s| s.revision > 0);
        let opened_at = opening_time(before, &rule.reference, self.occurrence.at.max(self.book.floor()));
        let alert_id = ids::alert_id(kind, &rule.reference, mode, self.occurrence.identity(), opened_at);
        let revision = before.filter(|s| s.alert_id == alert_id).map_or(0, |s| s.revision);
        let slot = Slot {
            kind,
            mode,
            phase: Phase::Open,
            pending_until: None,
            rule: rule.reference.clone(),
            alert_id,
            episode_id: self.running_episode(kind, mode).unwrap_or_else(|| ids::episode_id(alert_id)),
            revision,
            severity,
            opened_at,
            since: opened_at,
            cool_until: opened_at.plus_ms(rule.lifecycle.cool_down_ms),
        };
        self.write(slot, judgement, AlertState::Opened);
    }

    fn update(&mut self, judgement: &Judgement<'_>, severity: Severity) {
        if let Some(slot) = self.book.slot(judgement.kind, judgement.mode) {
            self.write(Slot { severity, ..slot.clone() }, judgement, AlertState::Updated);
        }
    }

    fn close(&mut self, judgement: &Judgement<'_>, state: AlertState) {
        if let Some(slot) = self.book.slot(judgement.kind, judgement.mode) {
            self.write(Slot { phase: Phase::Closed, ..slot.clone() }, judgement, state);
        }
    }

    /// The episode an alert of this kind belongs to: that of the problem's other kinds, or its own of a moment ago.
    fn running_episode(&self, kind: AlertKind, mode: Mode) -> Option<Uuid> {
        let family = superseder(kind).unwrap_or(kind);
        let running = |s: &&Slot| {
            s.revision > 0
                && s.mode == mode
                && superseder(s.kind).unwrap_or(s.kind) == family
                && (s.phase == Phase::Open || s.since.plus_ms(FLAP_WINDOW_MS) > self.occurrence.at)
        };
        self.book.slots().iter().filter(running).max_by_key(|s| s.since).map(|s| s.episode_id)
    }

    fn write(&mut self, mut slot: Slot, judgement: &Judgement<'_>, state: AlertState) {
        // A late record changes the state only now: an alert's lines never step back in time.
        slot.since = slot.since.max(self.occurrence.at);
        slot.revision += 1;
        if let Some(rule) = judgement.rule.filter(|r| same_rule(&r.reference, &slot.rule)) {
            slot.rule = rule.reference.clone();
        }
        let (evidence, message) = (self.describe)(judgement, state);
        self.out.push(Alert {
            alert_id: slot.alert_id,
            revision: slot.revision,
            episode_id: slot.episode_id,
            kind: slot.kind,
            state,
            severity: slot.severity,
            mode: slot.mode,
            sku: named(self.occurrence.key.sku),
            location: named(self.occurrence.key.location),
            scope: self.occurrence.scope.map(str::to_owned),
            occurred_at: slot.since,
            detected_at: self.occurrence.detected_at.max(slot.since),
            opened_at: slot.opened_at,
            rule: RuleRef::clone(&slot.rule),
            evidence,
            message,
        });
        self.book.put(slot);
    }
}

fn named(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.to_owned())
}

/// Identities count in whole seconds: within the second of the alert before, the same rule reopens that
/// alert, and another rule's alert opens a second later.
fn opening_time(before: Option<&Slot>, rule: &Arc<RuleRef>, at: Timestamp) -> Timestamp {
    let second = |t: Timestamp| t.millis().div_euclid(SECOND_MS);
    match before {
        Some(slot) if second(at) <= second(slot.opened_at) => {
            if same_rule(rule, &slot.rule) {
                slot.opened_at
            } else {
                slot.opened_at.plus_ms(SECOND_MS)
            }
        }
        _ => at,
    }
}

fn superseder(kind: AlertKind) -> Option<AlertKind> {
    registry::detector(kind).and_then(|d| d.superseded_by)
}

/// Whatever the version: an edited rule is the same rule.
fn same_rule(a: &Arc<RuleRef>, b: &Arc<RuleRef>) -> bool {
    Arc::ptr_eq(a, b) || a.document == b.document && a.rule == b.rule
}
