//! When to try again.

use schemas::Timestamp;
use uuid::Uuid;

/// Exponential back-off with full jitter (Brooker 2015): before try n + 1 a wait drawn evenly from 0 to
/// `base · 2^(n−1)`, at most `max`. It is drawn from a hash of the attempt's id and n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    pub base_ms: i64,
    pub max_ms: i64,
    /// Tries in all.
    pub tries: u32,
    /// An alert is not told this long after it was raised, whatever is left of its tries.
    pub expire_ms: i64,
}

impl RetryPolicy {
    /// Longest wait after the given number of tries.
    pub fn ceiling_ms(&self, tries: u32) -> i64 {
        let doubled = 1_i64.checked_shl(tries.saturating_sub(1)).filter(|factor| *factor > 0);
        doubled.and_then(|factor| self.base_ms.checked_mul(factor)).map_or(self.max_ms, |wait| wait.min(self.max_ms))
    }

    /// When the next try is due. A receiver that asks for a longer pause gets it.
    pub fn next_at(&self, attempt: Uuid, tries: u32, retry_after_ms: Option<i64>, now: Timestamp) -> Timestamp {
        let drawn = u128::from(mix(attempt, tries)) * self.ceiling_ms(tries).max(0) as u128;
        let jittered = (drawn >> 64) as i64;
        now.plus_ms(jittered.max(retry_after_ms.unwrap_or(0)))
    }

    pub fn has_expired(&self, alerted_at: Timestamp, now: Timestamp) -> bool {
        now.since(alerted_at) > self.expire_ms
    }
}

/// SplitMix64's finaliser (Steele, Lea & Flood 2014) over the id and the number of tries.
fn mix(attempt: Uuid, tries: u32) -> u64 {
    let (high, low) = attempt.as_u64_pair();
    let mut x = high ^ low.rotate_left(32) ^ u64::from(tries).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy { base_ms: 1_000, max_ms: 60_000, tries: 10, expire_ms: 3_600_000 };
    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn waits(tries: u32) -> Vec<i64> {
        let wait = |n: u128| POLICY.next_at(Uuid::from_u128(n * 0x1234_5678_9abc_def1), tries, None, NOW).since(NOW);
        (1..=1000).map(wait).collect()
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_maximum() {
        let ceilings: Vec<i64> = [1, 2, 3, 6, 7, 64, 1000].iter().map(|n| POLICY.ceiling_ms(*n)).collect();
        assert_eq!(ceilings, [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
    }

    #[test]
    fn waits_spread_evenly_from_zero_to_the_ceiling() {
        for tries in [1, 4, 9] {
            let (waits, ceiling) = (waits(tries), POLICY.ceiling_ms(tries));
            assert!(waits.iter().all(|wait| (0..ceiling).contains(wait)));
            let mean = waits.iter().sum::<i64>() / 1000;
            assert!((ceiling * 45 / 100..ceiling * 55 / 100).contains(&mean), "{mean} of {ceiling}");
        }
        assert_eq!(waits(3), waits(3));
    }

    #[test]
    fn a_receiver_can_ask_for_more_time_and_not_for_less() {
        let id = Uuid::from_u128(99);
        assert_eq!(POLICY.next_at(id, 1, Some(90_000), NOW), NOW.plus_ms(90_000));
        assert_eq!(POLICY.next_at(id, 5, Some(0), NOW), POLICY.next_at(id, 5, None, NOW));
    }
}
