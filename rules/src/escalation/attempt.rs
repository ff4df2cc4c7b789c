//! The life of one attempt: one notification, one recipient, one channel.
//!
//! ```text
//!  planned ──claim──▶ claimed ──▶ delivered
//!     ▲                  │
//!     │ due              ├─ not delivered ─▶ failed_temporary ─┐   (tries left)
//!     └──────────────────┼─ nobody knows ──▶ unknown ──────────┤   (only where a second one is recognised)
//!        claim again ◀───┘                                     └─▶ due again after the back-off
//!  claimed ─▶ failed_permanent │ unknown (for good) │ exhausted │ closed
//!  planned, failed_temporary, unknown with a next try ─▶ closed (withdrawn, too old) │ exhausted
//! ```
//!
//! A claim is written down before anything is sent. Whatever is not sure to have failed is never
//! sent again to a receiver that would not recognise it.

use schemas::notification::{DeliveryError, DeliveryStatus, SendOutcome, Verdict};
use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{DeliveryAttempt, Notification, Timestamp};
use uuid::Uuid;

use super::retry::RetryPolicy;

const ROW_VERSION: u8 = 1;

/// What an attempt has to know about its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel<'a> {
    /// Its type.
    pub kind: &'a str,
    /// The receiver recognises a second send of the same attempt.
    pub idempotent: bool,
}

/// How an attempt waits for a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// For its first one, due at once whatever the clock of the log says.
    SinceOrdered(Timestamp),
    /// For another one, due then.
    Until(Timestamp),
}

/// Where an attempt stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    status: DeliveryStatus,
    tries: u32,
    changed_at: Timestamp,
    planned_at: Timestamp,
    claimed_at: Option<Timestamp>,
    /// Set while it waits for another try, and only then.
    next_at: Option<Timestamp>,
    /// Its alert has ended while it was claimed: no further try.
    withdrawn: bool,
    error: DeliveryError,
    http_status: Option<u16>,
    provider_ref: Option<String>,
    detail: Option<String>,
}

impl Attempt {
    pub fn planned(at: Timestamp) -> Self {
        Self {
            status: DeliveryStatus::Planned,
            tries: 0,
            changed_at: at,
            planned_at: at,
            claimed_at: None,
            next_at: None,
            withdrawn: false,
            error: DeliveryError::None,
            http_status: None,
            provider_ref: None,
            detail: None,
        }
    }

    pub fn status(&self) -> DeliveryStatus {
        self.status
    }

    /// Number of the newest try, from 1.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    pub fn changed_at(&self) -> Timestamp {
        self.changed_at
    }

    /// Whether and how it waits for a try.
    pub fn waiting(&self) -> Option<Waiting> {
        if self.status == DeliveryStatus::Planned {
            return Some(Waiting::SinceOrdered(self.planned_at));
        }
        self.next_at.map(Waiting::Until)
    }

    pub fn is_claimed(&self) -> bool {
        self.status == DeliveryStatus::Claimed
    }

    /// Nothing will ever happen to it again.
    pub fn is_over(&self) -> bool {
        self.waiting().is_none() && !self.is_claimed()
    }

    /// Takes a try that is due. The caller writes this down, and sends only then.
    pub fn claim(&mut self, now: Timestamp) {
        self.stand(DeliveryStatus::Claimed, DeliveryError::None, now);
        self.tries += 1;
        self.claimed_at = Some(now);
        (self.next_at, self.http_status, self.detail) = (None, None, None);
    }

    /// The outcome of the newest try.
    pub fn settle(
        &mut self,
        id: Uuid,
        outcome: SendOutcome,
        channel: Channel<'_>,
        retry: &RetryPolicy,
        now: Timestamp,
    ) {
        let SendOutcome { verdict, error, http_status, retry_after_ms, provider_ref, detail } = outcome;
        (self.http_status, self.detail) = (http_status, detail);
        self.provider_ref = provider_ref.or(self.provider_ref.take());
        match verdict {
            Verdict::Delivered => self.stand(DeliveryStatus::Delivered, DeliveryError::None, now),
            Verdict::Refused | Verdict::Gone => self.stand(DeliveryStatus::FailedPermanent, error, now),
            Verdict::Unsure if !channel.idempotent => self.stand(DeliveryStatus::Unknown, error, now),
            Verdict::NotDelivered | Verdict::Unsure => {
                self.stand(DeliveryStatus::FailedTemporary, error, now);
                self.again(id, retry_after_ms, retry, now);
            }
        }
    }

    /// It was claimed, and nobody is left to say what became of it.
    pub fn lose(&mut self, id: Uuid, channel: Channel<'_>, retry: &RetryPolicy, now: Timestamp) {
        self.stand(DeliveryStatus::Unknown, DeliveryError::Lost, now);
        if channel.idempotent {
            self.again(id, None, retry, now);
        }
    }

    fn again(&mut self, id: Uuid, retry_after_ms: Option<i64>, retry: &RetryPolicy, now: Timestamp) {
        if self.withdrawn {
            self.stand(DeliveryStatus::Closed, DeliveryError::Withdrawn, now);
        } else if self.tries >= retry.tries {
            let error = self.error;
            self.stand(DeliveryStatus::Exhausted, error, now);
        } else {
            self.next_at = Some(retry.next_at(id, self.tries, retry_after_ms, now));
        }
    }

    /// The alert has ended: no further try. True if that changed where it stands.
    pub fn withdraw(&mut self, now: Timestamp) -> bool {
        self.withdrawn |= self.is_claimed();
        let waiting = self.waiting().is_some();
        if waiting {
            self.stand(DeliveryStatus::Closed, DeliveryError::Withdrawn, now);
        }
        waiting
    }

    /// Too old to be told, or to be tried again.
    pub fn expire(&mut self, now: Timestamp) {
        let status = if self.tries == 0 { DeliveryStatus::Closed } else { DeliveryStatus::Exhausted };
        self.stand(status, DeliveryError::TooOld, now);
    }

    /// There is no channel that would take it.
    pub fn refuse(&mut self, error: DeliveryError, now: Timestamp) {
        self.stand(DeliveryStatus::FailedPermanent, error, now);
    }

    fn stand(&mut self, status: DeliveryStatus, error: DeliveryError, now: Timestamp) {
        (self.status, self.error, self.changed_at, self.next_at) = (status, error, now, None);
    }

    /// The public record.
    pub fn record(&self, order: &Notification, channel_type: &str) -> DeliveryAttempt {
        DeliveryAttempt {
            attempt_id: order.attempt_id,
            notification_id: order.notification_id,
            alert_id: order.alert.alert_id,
            revision: order.alert.revision,
            route: order.route.clone(),
            step: order.step,
            round: order.round,
            recipient: order.recipient.clone(),
            channel: order.channel.clone(),
            channel_type: channel_type.to_owned(),
            status: self.status,
            tries: i32::try_from(self.tries).unwrap_or(i32::MAX),
            changed_at: self.changed_at,
            planned_at: self.planned_at,
            claimed_at: self.claimed_at,
            next_attempt_at: self.next_at,
            error: self.error,
            http_status: self.http_status.map(i32::from),
            provider_ref: self.provider_ref.clone(),
            detail: self.detail.clone(),
        }
    }

    pub fn encode(&self, w: &mut RowWriter<'_>) {
        w.u8(ROW_VERSION);
        w.u8(self.status as u8);
        w.unsigned(u64::from(self.tries));
        w.time(self.changed_at);
        w.time(self.planned_at);
        w.option(self.claimed_at, RowWriter::time);
        w.option(self.next_at, RowWriter::time);
        w.u8(u8::from(self.withdrawn));
        w.u8(self.error as u8);
        w.option(self.http_status, |w, status| w.unsigned(u64::from(status)));
        w.option(self.provider_ref.as_deref(), RowWriter::text);
        w.option(self.detail.as_deref(), RowWriter::text);
    }

    pub fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let version = r.u8()?;
        if version > ROW_VERSION {
            return Err(RowError::TooNew { found: version, newest: ROW_VERSION });
        }
        let status = r.u8()?;
        Ok(Self {
            status: *DeliveryStatus::ALL.get(usize::from(status)).ok_or_else(|| r.invalid("status"))?,
            tries: u32::try_from(r.unsigned()?).map_err(|_| r.invalid("number of tries"))?,
            changed_at: r.time()?,
            planned_at: r.time()?,
            claimed_at: r.option(RowReader::time)?,
            next_at: r.option(RowReader::time)?,
            withdrawn: r.u8()? != 0,
            error: {
                let error = r.u8()?;
                *DeliveryError::ALL.get(usize::from(error)).ok_or_else(|| r.invalid("error class"))?
            },
            http_status: r
                .option(RowReader::unsigned)?
                .map(u16::try_from)
                .transpose()
                .map_err(|_| r.invalid("HTTP status"))?,
            provider_ref: r.option(RowReader::text)?.map(str::to_owned),
            detail: r.option(RowReader::text)?.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    const RETRY: RetryPolicy = RetryPolicy { base_ms: 1_000, max_ms: 8_000, tries: 3, expire_ms: 3_600_000 };
    const WEBHOOK: Channel<'_> = Channel { kind: "webhook", idempotent: true };
    const CALL: Channel<'_> = Channel { kind: "voice", idempotent: false };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_763_790_840_000 + ms)
    }

    fn claimed() -> Attempt {
        let mut attempt = Attempt::planned(at(0));
        attempt.claim(at(10));
        attempt
    }

    fn settled(verdict: Verdict, channel: Channel<'_>) -> Attempt {
        let mut attempt = claimed();
        let outcome = SendOutcome::failed(verdict, DeliveryError::Timeout, "slow".to_owned());
        attempt.settle(Uuid::from_u128(5), outcome, channel, &RETRY, at(20));
        attempt
    }

    #[test]
    fn every_verdict_has_its_end() {
        use DeliveryStatus::{Delivered, FailedPermanent, FailedTemporary, Unknown};
        for (verdict, channel, status, again) in [
            (Verdict::Delivered, CALL, Delivered, false),
            (Verdict::NotDelivered, CALL, FailedTemporary, true),
            (Verdict::Refused, WEBHOOK, FailedPermanent, false),
            (Verdict::Gone, WEBHOOK, FailedPermanent, false),
            (Verdict::Unsure, WEBHOOK, FailedTemporary, true),
            (Verdict::Unsure, CALL, Unknown, false),
        ] {
            let attempt = settled(verdict, channel);
            assert_eq!((attempt.status(), attempt.next_at.is_some()), (status, again), "{verdict:?}");
            assert_eq!(attempt.is_over(), !again, "{verdict:?}");
        }
    }

    #[test]
    fn what_was_claimed_and_lost_is_tried_again_only_where_that_is_recognised() {
        let mut webhook = claimed();
        webhook.lose(Uuid::from_u128(5), WEBHOOK, &RETRY, at(50));
        assert_eq!(webhook.status(), DeliveryStatus::Unknown);
        assert!(webhook.next_at.is_some_and(|next| next >= at(50) && next <= at(1_050)));
        let mut call = claimed();
        call.lose(Uuid::from_u128(5), CALL, &RETRY, at(50));
        assert_eq!((call.status(), call.is_over()), (DeliveryStatus::Unknown, true));
    }

    #[test]
    fn tries_are_counted_and_come_to_an_end() {
        let mut attempt = settled(Verdict::NotDelivered, WEBHOOK);
        for tries in [2, 3] {
            let due = attempt.next_at.unwrap();
            attempt.claim(due);
            assert_eq!((attempt.tries(), attempt.is_claimed()), (tries, true));
            let outcome = SendOutcome::failed(Verdict::NotDelivered, DeliveryError::ServerError, None);
            attempt.settle(Uuid::from_u128(5), outcome, WEBHOOK, &RETRY, due.plus_ms(5));
        }
        assert_eq!((attempt.status(), attempt.is_over()), (DeliveryStatus::Exhausted, true));
    }

    #[test]
    fn an_alert_that_has_ended_is_not_told_late() {
        let mut waiting = settled(Verdict::NotDelivered, WEBHOOK);
        assert!(waiting.withdraw(at(30)) && waiting.is_over());
        assert_eq!(waiting.status(), DeliveryStatus::Closed);

        let mut under_way = claimed();
        assert!(!under_way.withdraw(at(30)) && under_way.is_claimed());
        let mut arrived = under_way.clone();
        arrived.settle(Uuid::from_u128(5), SendOutcome::delivered(), WEBHOOK, &RETRY, at(40));
        assert_eq!(arrived.status(), DeliveryStatus::Delivered);
        under_way.lose(Uuid::from_u128(5), WEBHOOK, &RETRY, at(40));
        assert_eq!((under_way.status(), under_way.is_over()), (DeliveryStatus::Closed, true));
        assert!(!arrived.withdraw(at(50)));
    }

    #[test]
    fn age_closes_what_was_never_tried_and_exhausts_the_rest() {
        let mut planned = Attempt::planned(at(0));
        planned.expire(at(90));
        let mut tried = settled(Verdict::NotDelivered, WEBHOOK);
        tried.expire(at(90));
        assert_eq!([planned.status(), tried.status()], [DeliveryStatus::Closed, DeliveryStatus::Exhausted]);
    }

    #[test]
    fn golden_rows_of_every_version_are_read() {
        let outcome = SendOutcome::delivered();
        let mut told = claimed();
        told.settle(Uuid::from_u128(5), outcome, WEBHOOK, &RETRY, at(20));
        let attempts = [("attempt_planned", Attempt::planned(at(0))), ("attempt_told", told)];
        for (name, attempt) in attempts.into_iter().chain([("attempt_failed", settled(Verdict::Unsure, WEBHOOK))]) {
            let mut row = Vec::new();
            attempt.encode(&mut RowWriter::new(&mut row));
            let decode = |row: &[u8]| Attempt::decode(&mut RowReader::new(row));
            golden::check(name, ROW_VERSION, &row, |_, row| assert_eq!(decode(row).as_ref(), Ok(&attempt)));
            golden::refuses_newer(name, ROW_VERSION, 0, decode);
        }
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let mut withdrawn = claimed();
        withdrawn.withdraw(at(30));
        for attempt in [Attempt::planned(at(0)), withdrawn, settled(Verdict::Unsure, WEBHOOK)] {
            let mut row = Vec::new();
            attempt.encode(&mut RowWriter::new(&mut row));
            assert_eq!(Attempt::decode(&mut RowReader::new(&row)), Ok(attempt));
            row[0] = ROW_VERSION + 1;
            assert!(matches!(Attempt::decode(&mut RowReader::new(&row)), Err(RowError::TooNew { .. })));
        }
    }
}
