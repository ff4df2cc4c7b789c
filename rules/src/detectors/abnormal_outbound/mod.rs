//! A6 `abnormal_outbound`: stock leaves, and nothing explains it.
//!
//! When a line leaves it is asked how rare it is among the site's lines of its kind: without an order or document, by its
//! size against the key's own, by its hour of the week, by its reason code (`crate::outbound`). An alert opens when no more
//! lines are as rare as the rule's budget of false alarms, and what has left so exceeds its minima. Further such lines
//! belong to it. It resolves when half of it has come back, or at the first day close after the rule's time without another or
//! at which the rule does not care for them any more. Severity is that of what is gone, at cost, else at price (`worth`).

mod words;

use schemas::time::HOUR_MS;
use schemas::{AlertKind, AlertState, Evidence, Message, Mode};

use super::worth::{is_worth_it, money, severity, unit_value};
use super::{Detector, Facts, Sight, Trigger, Verdict};
use crate::environment::Environment;
use crate::outbound::{Kind, Unexplained};
use crate::ruleset::{OutboundParams, Params, Rule};
use crate::state::KeyState;

pub const DETECTOR: Detector = Detector {
    kind: AlertKind::AbnormalOutbound,
    description: "Stock leaves without an order, or outside what history explains.",
    superseded_by: None,
    judge,
    describe,
};

/// What the rule in force about the key looks at.
pub(crate) struct Limits {
    pub p_value: f64,
    pub resolve_after_ms: i64,
}

/// `None` without a rule of this mode.
pub(crate) fn limits(env: &Environment<'_>, state: &KeyState, mode: Mode) -> Option<Limits> {
    match &env.rules.rule(state.resolved.get(AlertKind::AbnormalOutbound, mode)?).params {
        Params::AbnormalOutbound(params) => {
            Some(Limits { p_value: limit(params), resolve_after_ms: params.resolve_after_ms })
        }
        _ => None,
    }
}

/// As many lines may be as rare as one that raises an alert.
fn limit(params: &OutboundParams) -> f64 {
    params.false_alarms_per_1000_lines / 1000.0
}

fn judge(sight: &Sight<'_>, rule: &Rule) -> Verdict {
    let Params::AbnormalOutbound(params) = &rule.params else { return Verdict::Hold };
    let Some(lines) = remembered(sight, rule.mode).filter(|lines| !lines.is_settled()) else {
        return Verdict::Clear;
    };
    // One line too small to count may be the first of several of its instant: an alert that is open waits for them.
    if counts(sight, lines, params) && sight.at.since(lines.last) < params.resolve_after_ms {
        Verdict::Breach(severity(money(sight, lines.remaining())))
    } else if matches!(sight.trigger, Trigger::DayClose { .. }) {
        Verdict::Clear
    } else {
        Verdict::Hold
    }
}

fn remembered<'a>(sight: &Sight<'a>, mode: Mode) -> Option<&'a Unexplained> {
    sight.state.outbound()?.unexplained(mode)
}

/// Whether the rule cares for it.
fn counts(sight: &Sight<'_>, lines: &Unexplained, params: &OutboundParams) -> bool {
    lines.surprise.p_value() <= limit(params)
        && is_worth_it(sight, lines.total, params.minimum_quantity, params.minimum_money)
}

fn describe(sight: &Sight<'_>, rule: &Rule, state: AlertState) -> (Evidence, Message) {
    let Params::AbnormalOutbound(params) = &rule.params else { return Default::default() };
    let lines = remembered(sight, rule.mode).filter(|lines| counts(sight, lines, params));
    let facts = Facts::default()
        .number("false_alarms_per_1000_lines", params.false_alarms_per_1000_lines)
        .number("minimum_quantity", params.minimum_quantity)
        .number("minimum_money", params.minimum_money)
        .number("resolve_after_hours", params.resolve_after_ms as f64 / HOUR_MS as f64)
        .number("unit_value", unit_value(sight));
    let facts = lines.map_or_else(Facts::default, |lines| line_facts(sight, lines)).and(facts);
    (facts.done(), words::message(sight, state, lines))
}

/// The rarest line, how rare each thing about it is as one in so many, and what has left in all.
fn line_facts(sight: &Sight<'_>, lines: &Unexplained) -> Facts {
    let one_in = |share: f64| 1.0 / share;
    let surprise = &lines.surprise;
    let named = |text: &Option<Box<str>>| text.as_deref().unwrap_or("none").to_owned();
    let document = if lines.kind == Kind::Sale { "order" } else { "document" };
    Facts::default()
        .text("line", lines.kind.name().to_owned())
        .text("left_at", lines.at.to_string())
        .number("quantity", lines.quantity.as_f64())
        .number("usual_quantity", lines.usual())
        .number("times_usual", lines.quantity.as_f64() / lines.usual())
        .text(document, named(&lines.document))
        .text("reason", lines.kind.has_reason().then(|| named(&lines.reason)))
        .number("kind_one_in", one_in(f64::from(surprise.kind)))
        .number("without_document_one_in", surprise.document.map(f64::from).map(one_in))
        .number("as_large_one_in", one_in(f64::from(surprise.size)))
        .number("as_quiet_one_in", one_in(f64::from(surprise.hour)))
        .number("as_rare_a_reason_one_in", surprise.reason.map(f64::from).map(one_in))
        .number("as_rare_one_in", one_in(surprise.p_value()))
        .integer("lines", i64::from(lines.lines))
        .number("total_quantity", lines.total.as_f64())
        .number("came_back", lines.back.as_f64())
        .number("money", money(sight, lines.remaining()))
}
