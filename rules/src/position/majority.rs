//! Whether one customer id makes most of a key's sales, day after day: walk-in sales that are booked on one
//! id, or the only customer there is.
//!
//! The majority vote of Boyer & Moore (1991), one vote a day: for the first id of the day that has most sales of
//! the last 24 hours. A spree of one customer is one vote. The candidate's days count for it, those of others against
//! it, and whoever comes when no vote is left is the next candidate. Votes are bounded, so that what has
//! changed is noticed.

use schemas::Timestamp;
use schemas::time::DAY_MS;

/// Votes ahead from which the candidate has the majority.
const MAJORITY: u8 = 4;
/// More votes are not kept.
const VOTES_MAX: u8 = 8;

/// The candidate and its votes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Majority {
    /// 15 bits of the stable hash of the customer; 0 without votes.
    customer: u16,
    votes: u8,
    /// Low bits of the UTC day of the last vote.
    voted_on: u8,
}

impl Majority {
    /// A customer has most sales of the last 24 hours; 0: those of whom nobody knows.
    pub(super) fn vote(&mut self, customer: u16, at: Timestamp) {
        let day = at.millis().div_euclid(DAY_MS) as u8;
        if self.votes == 0 {
            if customer != 0 {
                *self = Self { customer, votes: 1, voted_on: day };
            }
        } else if day != self.voted_on {
            let votes = if customer == self.customer { self.votes + 1 } else { self.votes - 1 };
            *self = Self { votes: votes.min(VOTES_MAX), voted_on: day, ..*self };
            if self.votes == 0 {
                *self = Self::default();
            }
        }
    }

    pub(super) fn is(self, customer: u16) -> bool {
        self.votes >= MAJORITY && customer == self.customer
    }

    pub(super) fn is_empty(self) -> bool {
        self.votes == 0
    }

    /// Layout, from bit 0: votes less one in three bits, day of the last vote in eight, customer.
    pub(super) fn bits(self) -> u64 {
        u64::from(self.customer) << 11 | u64::from(self.voted_on) << 3 | u64::from(self.votes.saturating_sub(1))
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Self { customer: (bits >> 11) as u16, voted_on: (bits >> 3) as u8, votes: (bits & 7) as u8 + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One vote on each of so many days.
    fn after(customers: &[u16]) -> Majority {
        let mut majority = Majority::default();
        for (day, customer) in customers.iter().enumerate() {
            majority.vote(*customer, Timestamp::from_millis(day as i64 * DAY_MS));
        }
        majority
    }

    #[test]
    fn most_of_the_days_make_a_majority() {
        assert!(after(&[1, 2, 1, 1, 3, 1, 1, 1]).is(1));
        assert!(!after(&[1, 1, 1]).is(1), "three days are too few to tell");
        assert!(!after(&[1, 2, 3, 1, 2, 3, 1, 2, 3]).is(1));
        assert!(!after(&[1, 0, 1, 0, 1, 0, 1, 1]).is(1), "days of nobody count against it");
        assert!(after(&[0, 0, 0]).is_empty());
    }

    #[test]
    fn a_spree_is_one_vote() {
        let mut majority = Majority::default();
        (0..50).for_each(|minute| majority.vote(1, Timestamp::from_millis(minute * 60_000)));
        assert!(!majority.is(1));
    }

    #[test]
    fn what_has_changed_is_noticed() {
        let long = [vec![1; 500], vec![2; 12]].concat();
        assert!(after(&long[..500]).is(1) && after(&long).is(2));
    }

    #[test]
    fn it_is_read_back() {
        for majority in [after(&[1]), after(&[32767; 20]), after(&[5, 5, 5, 6])] {
            assert_eq!(Majority::from_bits(majority.bits()), majority);
        }
    }
}
