//! How fast simulated time goes by: history as fast as it can be read, then so that people can follow.
//!
//! No clock of its own: the caller says how long the demo has been running. Pace changes when
//! something is shown, never what is decided.

use std::time::Duration;

use schemas::{
    Timestamp,
    time::{DAY_MS, HOUR_MS},
};

/// History is handed over in steps of this length.
const HISTORY_STEP_MS: i64 = 6 * HOUR_MS;

#[derive(Clone, Copy, Debug)]
pub struct Pace {
    live_from: Timestamp,
    /// Simulated days per second; 0 for no limit.
    speed: f64,
    live_since: Option<Duration>,
}

impl Pace {
    #[must_use]
    pub fn new(live_from: Timestamp, speed: f64) -> Self {
        Self { live_from, speed, live_since: None }
    }

    /// Up to which simulated time events may be produced, when they have been up to `reached` and the
    /// demo has been running for `elapsed`. Not after `reached` means: wait a little.
    pub fn until(&mut self, reached: Timestamp, elapsed: Duration) -> Timestamp {
        if reached < self.live_from {
            return reached.plus_ms(HISTORY_STEP_MS).min(self.live_from);
        }
        if self.speed <= 0.0 {
            return reached.plus_ms(HISTORY_STEP_MS);
        }
        let since = *self.live_since.get_or_insert(elapsed);
        let days = elapsed.saturating_sub(since).as_secs_f64() * self.speed;
        let due = self.live_from.plus_ms((days * DAY_MS as f64) as i64);
        // A pause of the machine must not end in one giant batch.
        due.min(reached.plus_ms(HISTORY_STEP_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: Timestamp = Timestamp::from_millis(10 * DAY_MS);

    #[test]
    fn history_does_not_wait_and_live_time_follows_the_clock() {
        let mut pace = Pace::new(LIVE, 0.5);
        let start = Timestamp::from_millis(0);
        assert_eq!(pace.until(start, Duration::ZERO), start.plus_ms(HISTORY_STEP_MS));
        assert_eq!(pace.until(LIVE.minus_ms(1), Duration::from_secs(2)), LIVE);
        assert_eq!(pace.until(LIVE, Duration::from_secs(3)), LIVE, "the live clock starts when it is first asked");
        assert_eq!(pace.until(LIVE, Duration::from_millis(3100)), LIVE.plus_ms(DAY_MS / 20));
        assert_eq!(pace.until(LIVE, Duration::from_mins(1)), LIVE.plus_ms(HISTORY_STEP_MS));
    }

    #[test]
    fn speed_zero_never_waits() {
        let mut pace = Pace::new(LIVE, 0.0);
        assert!(pace.until(LIVE, Duration::ZERO) > LIVE);
    }
}
