//! Whether anything explains a line that leaves.

use schemas::{Alert, AlertKind, AlertState, InventoryEvent, Mode, Timestamp};

use crate::detectors::abnormal_outbound;
use crate::environment::Environment;
use crate::outbound::{Kind, Line, Noted, Surprise, UNUSUAL, Unexplained};
use crate::site::OutboundSums;
use crate::state::KeyState;

/// A line, and how many times its usual size it is.
pub(super) struct Outbound<'a> {
    line: Line<'a>,
    times_usual: f64,
}

/// Takes note of what leaves, and of what comes back. `now`: when it is heard of.
pub(super) fn observe<'a>(
    env: &Environment<'_>,
    state: &mut KeyState,
    event: &'a InventoryEvent<'_>,
    now: Timestamp,
) -> Option<Outbound<'a>> {
    if let Some(outbound) = state.outbound_if_any() {
        outbound.note_back(&event.change);
    }
    let line = Line::of(&event.change)?;
    let own = state.outbound().and_then(|outbound| outbound.usual(line.kind));
    let usual = own.unwrap_or_else(|| usual_of_demand(state));
    let times_usual = line.quantity.as_f64() / usual;
    let noted = Noted { line, at: event.occurred_at, now };
    let surprise = if line.is_ordered() { None } else { surprise(env, state, &noted, times_usual) };
    if let Some(surprise) = surprise {
        for mode in [Mode::Active, Mode::Shadow] {
            let limits = abnormal_outbound::limits(env, state, mode).filter(|l| surprise.p_value() <= l.p_value);
            if let Some(limits) = limits {
                let lines = Unexplained::new(&noted, usual, surprise);
                state.outbound_mut().add_unexplained(mode, lines, limits.resolve_after_ms);
            }
        }
    }
    if line.kind != Kind::Sale {
        state.outbound_mut().note(&line, usual);
    }
    Some(Outbound { line, times_usual })
}

impl Outbound<'_> {
    /// Adds the line to the site's sums. One that has opened an alert says nothing about usual lines, and is left out,
    /// as long as no more of them were than the budget foresees: what comes more often becomes the rule.
    pub(super) fn record(&self, env: &Environment<'_>, state: &KeyState, alerts: &[Alert], sums: &mut OutboundSums) {
        let opened = |a: &Alert| {
            a.kind == AlertKind::AbnormalOutbound && a.mode == Mode::Active && a.state == AlertState::Opened
        };
        let foreseen = || {
            let budget = abnormal_outbound::limits(env, state, Mode::Active).map_or(0.0, |limits| limits.p_value);
            env.site.outbound().alarms() <= budget * env.site.outbound().lines()
        };
        let alarm = alerts.iter().any(opened);
        if alarm {
            sums.record_alarm();
        }
        if !alarm || !foreseen() {
            sums.record(&self.line, self.times_usual);
        }
    }
}

/// Variance ÷ mean of daily demand: where orders come one by one, E[s²] ÷ E[s] of their sizes s, the size of the line that
/// a unit is sold in (compound Poisson demand, Adelson 1966). The item's own, shrunk to the population's; at least 1.
fn usual_of_demand(state: &KeyState) -> f64 {
    // As a history of the kind will have it: the lines of one instant have one measure.
    f64::from(state.plan.figures().variance_to_mean().max(1.0) as f32)
}

/// How rare the line is; `None` where nothing but perhaps its hour is unusual: an hour alone is no reason to look.
fn surprise(env: &Environment<'_>, state: &KeyState, noted: &Noted<'_>, times_usual: f64) -> Option<Surprise> {
    let (line, site) = (&noted.line, env.site.outbound());
    let without_document = || match state.outbound() {
        Some(outbound) => outbound.share_without_document(line.kind, site),
        None => site.share_without_document(line.kind),
    };
    let document = line.document.is_none().then(without_document);
    let size = site.share_as_large(line.kind, times_usual);
    let reason = line.kind.has_reason().then(|| site.share_as_rare(line.reason));
    if document.unwrap_or(1.0).min(size).min(reason.unwrap_or(1.0)) > UNUSUAL {
        return None;
    }
    Some(Surprise {
        kind: site.share_of_kind(line.kind) as f32,
        document: document.map(|share| share as f32),
        size: size as f32,
        hour: env.site.share_as_quiet(line.kind, noted.at) as f32,
        reason: reason.map(|share| share as f32),
    })
}
