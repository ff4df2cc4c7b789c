//! How often a feed usually speaks, by hour of its local week.
//!
//! Time is counted in quarters of an hour, of which each is heard or silent: what comes in bursts is then no
//! more usual than what comes evenly. An hour's figure is the exponentially weighted share of its quarters that
//! were heard, over about five weeks.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{Timestamp, Zone};

use crate::site::EPOCH_MS;

/// Length of a quarter: that of an epoch.
pub(super) const QUARTER_MS: i64 = EPOCH_MS;
const HOURS: usize = 168;
const QUARTERS_PER_WEEK: i64 = 672;
/// A share of 1.
const WHOLE: i32 = 10_000;
/// An hour's figure forgets in so many of its quarters: five weeks.
const MEMORY_QUARTERS: i64 = 20;
/// Hours heard less than this share of a mean hour are not counted as open.
const OPEN_SHARE: f64 = 0.25;
/// Silence is followed back for so long; before, nothing is usual any more.
const QUARTERS_MAX: i64 = 4 * QUARTERS_PER_WEEK;

/// Share of quarters heard, by local hour of the week.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UsualHours([u16; HOURS]);

impl Default for UsualHours {
    fn default() -> Self {
        Self([0; HOURS])
    }
}

/// What was usual in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usual {
    /// Quarters in which something should have been heard.
    pub gaps: f64,
    /// Time in which the feed is usually heard, in milliseconds.
    pub open_ms: i64,
}

/// Number of the quarter an instant falls into, since 1970.
pub(super) fn quarter_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(QUARTER_MS)
}

fn start_of(quarter: i64) -> Timestamp {
    Timestamp::from_millis(quarter * QUARTER_MS)
}

impl UsualHours {
    /// Learns of the quarters after `last`, which was heard, up to `heard`, which was, too. The feed has been
    /// known since `first`.
    pub(super) fn learn(&mut self, first: i64, last: i64, heard: i64, zone: &Zone) {
        for quarter in (last + 1).max(heard - QUARTERS_MAX)..=heard {
            let seen = (quarter - first).div_euclid(QUARTERS_PER_WEEK) * 4 + quarter.rem_euclid(4) + 1;
            let share = &mut self.0[zone.hour_of_week(start_of(quarter))];
            let target = if quarter == heard { WHOLE } else { 0 };
            let towards = (target - i32::from(*share)) / seen.clamp(1, MEMORY_QUARTERS) as i32;
            *share = (i32::from(*share) + towards).clamp(0, WHOLE) as u16;
        }
    }

    /// What is usual in the quarters from `first` up to, not including, `end`; at most four weeks of them.
    pub(super) fn between(&self, first: i64, end: i64, zone: &Zone) -> Usual {
        let least = OPEN_SHARE * self.0.iter().map(|share| f64::from(*share)).sum::<f64>() / HOURS as f64;
        let mut usual = Usual::default();
        for quarter in first.max(end - QUARTERS_MAX)..end {
            let share = f64::from(self.0[zone.hour_of_week(start_of(quarter))]);
            if share > 0.0 && share >= least {
                usual.gaps += share / f64::from(WHOLE);
                usual.open_ms += QUARTER_MS;
            }
        }
        usual
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        self.0.iter().for_each(|share| w.unsigned(u64::from(*share)));
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut this = Self::default();
        for share in &mut this.0 {
            *share = u16::try_from(r.unsigned()?)
                .ok()
                .filter(|s| i32::from(*s) <= WHOLE)
                .ok_or_else(|| r.invalid("share"))?;
        }
        Ok(this)
    }
}
