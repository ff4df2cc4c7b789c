//! A4 `shrinkage`: a stocktake finds more missing than is usual, or small losses add up.
//!
//! *Stocktake*: what is missing from the book frozen at the count exceeds the rule's tolerance, its minima in units and
//! money, and what so much handled stock loses by chance (see `losses::Shortfall`). Ends when a later count is in order,
//! when half of what was missing has turned up again, or after 30 days. *Slow bleed*: days with a loss come so often that,
//! within the rule's budget of false alarms, it is no chance: S ≥ ln(1000 ÷ budget), which an unchanged item reaches
//! at most that often (Lorden 1971; see `losses::Bleed`). Ends when the run of losses does, or when S has
//! fallen below half of that. Severity, by what is
//! missing (at cost, else at price):
//!
//! | severity | worth |
//! |---|---|
//! | critical | ≥ 1000 |
//! | high | ≥ 100 |
//! | medium | less, or no cost or price is known |

mod words;

use schemas::time::DAY_MS;
use schemas::{AlertKind, AlertState, Evidence, Message, Quantity};

use super::worth::{self, money, severity, unit_value};
use super::{Detector, Facts, Sight, Verdict};
use crate::alerts::messages;
use crate::losses::{Bleed, LOSS_DAYS_MIN, SHORTFALL_DAYS, Shortfall};
use crate::ruleset::{Params, Rule, ShrinkageParams};

pub const DETECTOR: Detector = Detector {
    kind: AlertKind::Shrinkage,
    description: "A stocktake finds more missing than is usual, or small losses add up.",
    superseded_by: None,
    judge,
    describe,
};

fn judge(sight: &Sight<'_>, rule: &Rule) -> Verdict {
    let Params::Shrinkage(params) = &rule.params else { return Verdict::Hold };
    let stocktake = shortfall(sight).map_or(Verdict::Clear, |shortfall| judge_stocktake(sight, params, shortfall));
    let bleed = bleed(sight).map_or(Verdict::Clear, |bleed| judge_bleed(sight, params, bleed));
    match (stocktake, bleed) {
        (Verdict::Breach(a), Verdict::Breach(b)) => Verdict::Breach(a.max(b)),
        (breach @ Verdict::Breach(_), _) | (_, breach @ Verdict::Breach(_)) => breach,
        (Verdict::Hold, _) | (_, Verdict::Hold) => Verdict::Hold,
        _ => stocktake,
    }
}

fn judge_stocktake(sight: &Sight<'_>, params: &ShrinkageParams, shortfall: &Shortfall) -> Verdict {
    let too_much = |missing: Quantity| is_too_much(sight, params, shortfall, missing);
    if !too_much(shortfall.missing) || shortfall.remaining().as_f64() * 2.0 <= shortfall.missing.as_f64() {
        Verdict::Clear
    } else if sight.at.since(shortfall.at) >= SHORTFALL_DAYS * DAY_MS {
        Verdict::Lapsed
    } else if too_much(shortfall.remaining()) {
        Verdict::Breach(severity(money(sight, shortfall.remaining())))
    } else {
        Verdict::Hold
    }
}

fn is_too_much(sight: &Sight<'_>, params: &ShrinkageParams, shortfall: &Shortfall, missing: Quantity) -> bool {
    missing.as_f64() > params.tolerance * shortfall.book.as_f64().max(0.0)
        && is_worth_it(sight, params, missing)
        && shortfall.p_value(missing) <= params.false_alarms_per_1000_counts / 1000.0
}

fn judge_bleed(sight: &Sight<'_>, params: &ShrinkageParams, bleed: &Bleed) -> Verdict {
    if is_bleed(sight, params, bleed) {
        Verdict::Breach(severity(money(sight, bleed.units)))
    } else if bleed.loss_days < LOSS_DAYS_MIN || bleed.score() * 2.0 < limit(params) {
        Verdict::Clear
    } else {
        Verdict::Hold
    }
}

fn is_bleed(sight: &Sight<'_>, params: &ShrinkageParams, bleed: &Bleed) -> bool {
    bleed.loss_days >= LOSS_DAYS_MIN && is_worth_it(sight, params, bleed.units) && bleed.score() >= limit(params)
}

/// h, the score that an item without a bleed reaches at most as often as the budget allows.
fn limit(params: &ShrinkageParams) -> f64 {
    libm::log(1000.0 / params.false_alarms_per_1000_sku_days)
}

fn is_worth_it(sight: &Sight<'_>, params: &ShrinkageParams, quantity: Quantity) -> bool {
    worth::is_worth_it(sight, quantity, params.minimum_quantity, params.minimum_money)
}

fn shortfall<'a>(sight: &Sight<'a>) -> Option<&'a Shortfall> {
    sight.state.losses.as_ref()?.shortfall()
}

fn bleed<'a>(sight: &Sight<'a>) -> Option<&'a Bleed> {
    sight.state.losses.as_ref()?.bleed()
}

fn describe(sight: &Sight<'_>, rule: &Rule, state: AlertState) -> (Evidence, Message) {
    let Params::Shrinkage(params) = &rule.params else { return Default::default() };
    let stocktake = shortfall(sight).filter(|shortfall| is_too_much(sight, params, shortfall, shortfall.missing));
    let bleed = bleed(sight).filter(|bleed| is_bleed(sight, params, bleed));
    let cause = match (stocktake, bleed) {
        (Some(_), Some(_)) => Some("stocktake and slow_bleed"),
        (Some(_), None) => Some("stocktake"),
        (None, Some(_)) => Some("slow_bleed"),
        (None, None) => None,
    };
    let mut facts = Facts::default()
        .text("cause", cause.map(str::to_owned))
        .number("unit_value", unit_value(sight))
        .number("minimum_quantity", params.minimum_quantity)
        .number("minimum_money", params.minimum_money);
    if let Some(shortfall) = stocktake {
        facts = stocktake_facts(facts, sight, params, shortfall);
    }
    if let Some(bleed) = bleed {
        facts = bleed_facts(facts, sight, params, bleed);
    }
    (facts.done(), words::message(sight, state, stocktake, bleed))
}

fn stocktake_facts(facts: Facts, sight: &Sight<'_>, params: &ShrinkageParams, shortfall: &Shortfall) -> Facts {
    let remaining = shortfall.remaining();
    facts
        .text("counted_at", shortfall.at.to_string())
        .number("book", shortfall.book.as_f64())
        .number("counted", (shortfall.book - shortfall.missing).as_f64())
        .number("missing", shortfall.missing.as_f64())
        .number("found_since", shortfall.found.as_f64())
        .number("money_missing", money(sight, remaining))
        .number("tolerance", params.tolerance)
        .integer("days_since_count_before", i64::from(shortfall.days))
        .number("handled", shortfall.handled())
        .number("usual_missing_share", shortfall.usual_share())
        .number("expected_missing", shortfall.expected())
        .number("variance_to_mean", shortfall.lumpiness())
        .number("p_value", shortfall.p_value(remaining))
        .number("false_alarms_per_1000_counts", params.false_alarms_per_1000_counts)
}

fn bleed_facts(facts: Facts, sight: &Sight<'_>, params: &ShrinkageParams, bleed: &Bleed) -> Facts {
    facts
        .text("losing_since", messages::iso(bleed.since))
        .text("last_loss_on", messages::iso(bleed.last))
        .integer("loss_days", i64::from(bleed.loss_days))
        .integer("quiet_days", i64::from(bleed.quiet_days))
        .number("lost", bleed.units.as_f64())
        .number("money_lost", money(sight, bleed.units))
        .number("usual_loss_day_share", bleed.usual_share())
        .number("bleed_loss_day_share", bleed.bleed_share())
        .number("score", bleed.score())
        .number("score_limit", limit(params))
        .number("false_alarms_per_1000_sku_days", params.false_alarms_per_1000_sku_days)
}
