//! What guards a channel: its rate, how many sends may be under way, and a circuit breaker.
//!
//! Nothing here is stored: after a restart the gate is closed to bursts and open to single sends.

use schemas::Timestamp;
use schemas::notification::{SendOutcome, Verdict};
use schemas::time::MINUTE_MS;

/// Limits of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sends a minute; `None`: as many as there are.
    pub per_minute: Option<u32>,
    /// Sends at once, after a pause.
    pub burst: u32,
    /// Sends under way.
    pub concurrent: u32,
    /// Failures in a row that open the circuit.
    pub breaker_failures: u32,
    /// How long an open circuit lets nothing through; then one send tries it.
    pub breaker_open_ms: i64,
}

/// The state of one channel's gate.
#[derive(Clone, Debug)]
pub struct Gate {
    limits: Limits,
    /// Token bucket: a send costs [`MINUTE_MS`], a millisecond brings `per_minute`.
    tokens: i64,
    filled_at: Option<Timestamp>,
    under_way: u32,
    failures_in_a_row: u32,
    /// The circuit is open, or being tried, since the last failure.
    open_until: Option<Timestamp>,
    /// The receiver asked to be left alone.
    paused_until: Option<Timestamp>,
}

impl Gate {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            tokens: MINUTE_MS,
            filled_at: None,
            under_way: 0,
            failures_in_a_row: 0,
            open_until: None,
            paused_until: None,
        }
    }

    /// Lets one send through, if one may go now.
    pub fn admit(&mut self, now: Timestamp) -> bool {
        let most = if self.open_until.is_some() { 1 } else { self.limits.concurrent };
        let closed = [self.open_until, self.paused_until].into_iter().flatten().any(|until| now < until);
        if closed || self.under_way >= most || !self.take_token(now) {
            return false;
        }
        self.under_way += 1;
        true
    }

    /// Counts a send that was let through before this gate was built.
    pub fn adopt(&mut self) {
        self.under_way += 1;
    }

    fn take_token(&mut self, now: Timestamp) -> bool {
        let Some(per_minute) = self.limits.per_minute else { return true };
        let passed = now.since(self.filled_at.unwrap_or(now)).max(0);
        self.filled_at = Some(self.filled_at.map_or(now, |at| at.max(now)));
        let full = i64::from(self.limits.burst.max(1)) * MINUTE_MS;
        self.tokens = passed.saturating_mul(i64::from(per_minute)).saturating_add(self.tokens).min(full);
        let enough = self.tokens >= MINUTE_MS;
        self.tokens -= if enough { MINUTE_MS } else { 0 };
        enough
    }

    /// A send that was let through has ended.
    pub fn ended(&mut self, outcome: &SendOutcome, now: Timestamp) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(ms) = outcome.retry_after_ms {
            self.paused_until = self.paused_until.max(Some(now.plus_ms(ms)));
        }
        match outcome.verdict {
            // Whoever refuses is there.
            Verdict::Delivered | Verdict::Refused | Verdict::Gone => {
                self.failures_in_a_row = 0;
                self.open_until = None;
            }
            Verdict::NotDelivered | Verdict::Unsure => {
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                if self.failures_in_a_row >= self.limits.breaker_failures {
                    self.open_until = Some(now.plus_ms(self.limits.breaker_open_ms));
                }
            }
        }
    }

    /// Sends that were let through and have not ended.
    pub fn under_way(&self) -> u32 {
        self.under_way
    }

    /// The circuit is open, or being tried.
    pub fn is_open(&self) -> bool {
        self.open_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use schemas::notification::DeliveryError;

    use super::*;

    const LIMITS: Limits =
        Limits { per_minute: None, burst: 1, concurrent: 2, breaker_failures: 3, breaker_open_ms: 10_000 };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    fn failed() -> SendOutcome {
        SendOutcome::failed(Verdict::NotDelivered, DeliveryError::Connect, None)
    }

    #[test]
    fn only_so_many_are_under_way() {
        let mut gate = Gate::new(LIMITS);
        gate.adopt();
        assert!(gate.admit(at(0)) && !gate.admit(at(0)));
        gate.ended(&SendOutcome::delivered(), at(1));
        assert!(gate.admit(at(1)));
    }

    #[test]
    fn a_rate_is_kept_with_a_burst_after_a_pause() {
        let mut gate = Gate::new(Limits { per_minute: Some(20), burst: 3, concurrent: 1_000, ..LIMITS });
        let mut sends = |from, to| (from..to).step_by(50).filter(|ms| gate.admit(at(*ms))).count();
        assert_eq!(sends(0, 60_000), 20, "one at once, then one every three seconds");
        assert_eq!(sends(120_000, 120_050), 1);
        assert_eq!(sends(120_050, 120_250), 2, "the burst");
        assert_eq!(sends(120_250, 122_000), 0);
    }

    #[test]
    fn time_that_goes_back_brings_no_tokens() {
        let mut gate = Gate::new(Limits { per_minute: Some(60), concurrent: 1_000, ..LIMITS });
        assert!(gate.admit(at(5_000)) && !gate.admit(at(0)));
        assert!(!gate.admit(at(5_900)) && gate.admit(at(6_000)));
    }

    #[test]
    fn failures_in_a_row_open_the_circuit_and_one_success_closes_it() {
        let mut gate = Gate::new(LIMITS);
        for _ in 0..3 {
            assert!(gate.admit(at(0)) && !gate.is_open());
            gate.ended(&failed(), at(0));
        }
        assert!(gate.is_open() && !gate.admit(at(9_999)));
        assert!(gate.admit(at(10_000)), "one tries it");
        assert!(!gate.admit(at(10_000)), "and only one");
        gate.ended(&failed(), at(10_500));
        assert!(!gate.admit(at(20_000)) && gate.admit(at(20_500)));
        gate.ended(&SendOutcome::delivered(), at(20_600));
        assert!(!gate.is_open() && gate.admit(at(20_600)) && gate.admit(at(20_600)));
    }

    #[test]
    fn a_receiver_that_asks_for_a_pause_gets_it_for_the_whole_channel() {
        let mut gate = Gate::new(LIMITS);
        assert!(gate.admit(at(0)));
        gate.ended(&SendOutcome { retry_after_ms: Some(5_000), ..failed() }, at(100));
        assert!(!gate.admit(at(5_099)) && gate.admit(at(5_100)));
    }
}
