//! When silence is too long, and what proves it.
//!
//! A feed is stale when it has been silent for at least the rule's minimum of the time it is usually heard in, and
//! for more usual gaps than the rule allows: `usual_gaps`, or, for a feed that keeps time better than that, twice its longest usual
//! silence, at least two. Until it has been watched for [`LEARNING_MS`] nobody knows what is usual: then it is
//! stale after [`UNLEARNED_MS`]. It is heard again when what is newest is younger than the minimum.
//!
//! | severity | location | source |
//! |---|---|---|
//! | critical | | silent for a day |
//! | high | silent for a day | silent for less |
//! | medium | silent for less | |

use schemas::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use schemas::{Evidence, Severity, Timestamp, Zone};

use super::usual::quarter_of;
use super::{Feed, FeedState};
use crate::detectors::{Facts, Verdict};
use crate::ruleset::{FeedStaleParams, Params, Rule};

const LEARNING_MS: i64 = 14 * DAY_MS;
const UNLEARNED_MS: i64 = 48 * HOUR_MS;
/// A feed that never missed a beat is stale after this many.
const GAPS_MIN: f64 = 2.0;
const LONGEST_FACTOR: f64 = 2.0;

/// A feed's silence, counted.
#[derive(Clone, Debug)]
pub(super) struct Silence {
    pub heard: Timestamp,
    pub silent_ms: i64,
    /// Of it, time in which the feed is usually heard.
    pub open_ms: i64,
    /// Usual gaps that have passed.
    pub gaps: f64,
    pub longest: f64,
    /// Something was heard since it became stale.
    pub fresh: bool,
    /// How long the feed has been watched.
    pub watched_ms: i64,
}

impl Silence {
    pub(super) fn of(state: &FeedState, zone: &Zone, until: Timestamp) -> Self {
        let usual = state.usual.between(quarter_of(state.heard) + 1, quarter_of(until), zone);
        Self {
            heard: state.heard,
            silent_ms: until.since(state.heard).max(0),
            open_ms: usual.open_ms,
            gaps: usual.gaps,
            longest: state.longest,
            fresh: state.stale_heard.is_none_or(|then| state.heard > then),
            watched_ms: state.heard.since(state.since),
        }
    }

    fn is_learned(&self) -> bool {
        self.watched_ms >= LEARNING_MS
    }

    /// The mean gap in the time that passed, in milliseconds; `None` while nothing is usual.
    pub(super) fn usual_gap_ms(&self) -> Option<f64> {
        (self.is_learned() && self.gaps > 0.0).then(|| self.open_ms as f64 / self.gaps)
    }

    fn gaps_allowed(&self, params: &FeedStaleParams) -> f64 {
        params.usual_gaps.min(GAPS_MIN.max(LONGEST_FACTOR * self.longest))
    }

    fn is_stale(&self, params: &FeedStaleParams) -> bool {
        if self.is_learned() {
            self.gaps > self.gaps_allowed(params) && self.open_ms >= params.minimum_silence_ms
        } else {
            self.silent_ms >= UNLEARNED_MS.max(params.minimum_silence_ms)
        }
    }
}

pub(super) fn verdict(feed: &Feed<'_>, silence: &Silence, rule: &Rule) -> Verdict {
    let Params::FeedStale(params) = &rule.params else { return Verdict::Hold };
    if silence.is_stale(params) {
        let long = silence.silent_ms >= DAY_MS;
        return Verdict::Breach(match feed {
            Feed::Source { .. } if long => Severity::Critical,
            Feed::Location(_) if !long => Severity::Medium,
            _ => Severity::High,
        });
    }
    // What is learned meanwhile, or a rule that allows more, is no data.
    if silence.fresh && silence.silent_ms < params.minimum_silence_ms { Verdict::Clear } else { Verdict::Hold }
}

pub(super) fn evidence(silence: &Silence, rule: &Rule) -> Evidence {
    let Params::FeedStale(params) = &rule.params else { return Evidence::default() };
    let minutes = |ms: i64| ms.div_euclid(MINUTE_MS);
    let facts = Facts::default()
        .text("last_event_at", silence.heard.to_string())
        .integer("silent_minutes", minutes(silence.silent_ms))
        .integer("minimum_silence_minutes", minutes(params.minimum_silence_ms))
        .number("watched_days", silence.watched_ms as f64 / DAY_MS as f64);
    if !silence.is_learned() {
        return facts.integer("stale_after_minutes", minutes(UNLEARNED_MS)).done();
    }
    facts
        .integer("usually_open_minutes", minutes(silence.open_ms))
        .number("usual_gap_minutes", silence.usual_gap_ms().map(|ms| ms / MINUTE_MS as f64))
        .number("gaps_passed", silence.gaps)
        .number("usual_gaps", params.usual_gaps)
        .number("longest_usual_silence_gaps", silence.longest)
        .number("gaps_allowed", silence.gaps_allowed(params))
        .done()
}
