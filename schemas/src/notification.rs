//! Notifications and what became of them: the contract of `inventory.dispatch` and
//! `inventory.deliveries`.

use uuid::Uuid;

use crate::{Alert, Timestamp};

/// An order to the dispatcher: tell one recipient over one channel about one revision of one alert,
/// or stop trying to.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// UUIDv5 of notification, step, round, recipient and channel: ordering again gives the same id.
    pub attempt_id: Uuid,
    /// UUIDv5 of alert and revision.
    pub notification_id: Uuid,
    pub action: NotificationAction,
    /// The route that asked for it; empty for a withdrawal.
    pub route: String,
    pub step: i32,
    pub round: i32,
    pub recipient: String,
    /// Name of the channel in the configuration.
    pub channel: String,
    /// When the alert was written to the log: what latency and age are measured from.
    pub alerted_at: Timestamp,
    pub alert: Alert,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationAction {
    Send,
    /// The alert has ended: what is still pending of its earlier revisions is dropped.
    Withdraw,
}

/// Where one attempt to deliver one notification stands: key `attempt_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    pub attempt_id: Uuid,
    pub notification_id: Uuid,
    pub alert_id: Uuid,
    pub revision: u32,
    pub route: String,
    pub step: i32,
    pub round: i32,
    pub recipient: String,
    pub channel: String,
    /// Empty where the configuration knows no such channel.
    pub channel_type: String,
    pub status: DeliveryStatus,
    /// How often it was claimed so far.
    pub tries: i32,
    /// When it came to stand there, by the dispatcher's clock.
    pub changed_at: Timestamp,
    /// When it was ordered, by the log's clock.
    pub planned_at: Timestamp,
    /// When the newest try was claimed.
    pub claimed_at: Option<Timestamp>,
    /// When the next try is due; `None`: there is none.
    pub next_attempt_at: Option<Timestamp>,
    pub error: DeliveryError,
    pub http_status: Option<i32>,
    pub provider_ref: Option<String>,
    /// For people: what went wrong, at most [`MAX_DETAIL_BYTES`].
    pub detail: Option<String>,
}

/// Longest text kept of what went wrong.
pub const MAX_DETAIL_BYTES: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryStatus {
    /// Ordered, not tried yet.
    Planned,
    /// Written down before it is sent: the side effect follows the commit of this.
    Claimed,
    /// The receiver has accepted it.
    Delivered,
    /// Not delivered; tried again at `next_attempt_at`.
    FailedTemporary,
    /// Not delivered, and trying again would not help.
    FailedPermanent,
    /// Claimed, and nobody knows whether it was sent. Tried again only where the receiver recognises
    /// a second one.
    Unknown,
    /// Given up after the last try.
    Exhausted,
    /// No longer worth telling.
    Closed,
}

/// Why an attempt is not delivered, of its newest try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryError {
    None,
    /// No connection: name, network, TLS. Nothing was sent.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection broke after something was sent.
    Interrupted,
    /// The receiver asks to slow down.
    Throttled,
    /// The receiver failed.
    ServerError,
    /// The receiver does not want it.
    Rejected,
    /// The receiver wants nothing any more: the endpoint is disabled.
    Gone,
    /// The endpoint was disabled earlier.
    Disabled,
    /// The configuration knows no such channel.
    UnknownChannel,
    /// Too old to be told.
    TooOld,
    /// The alert ended before it was told.
    Withdrawn,
    /// Claimed by a dispatcher that died or lost the partition.
    Lost,
    /// Claimed too long before it could be sent: not sent.
    LeaseExpired,
    /// A fault of the channel itself.
    Internal,
}

names!(NotificationAction { Send => "send", Withdraw => "withdraw" });
names!(DeliveryStatus {
    Planned => "planned", Claimed => "claimed", Delivered => "delivered", FailedTemporary => "failed_temporary",
    FailedPermanent => "failed_permanent", Unknown => "unknown", Exhausted => "exhausted", Closed => "closed",
});
names!(DeliveryError {
    None => "none", Connect => "connect", Timeout => "timeout", Interrupted => "interrupted",
    Throttled => "throttled", ServerError => "server_error", Rejected => "rejected", Gone => "gone",
    Disabled => "disabled", UnknownChannel => "unknown_channel", TooOld => "too_old", Withdrawn => "withdrawn",
    Lost => "lost", LeaseExpired => "lease_expired", Internal => "internal",
});

/// What a channel says of one send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendOutcome {
    pub verdict: Verdict,
    pub error: DeliveryError,
    pub http_status: Option<u16>,
    /// How long the receiver asks to be left alone, in milliseconds.
    pub retry_after_ms: Option<i64>,
    pub provider_ref: Option<String>,
    pub detail: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// Certainly not delivered; another try may help.
    NotDelivered,
    /// Certainly not delivered; another try would not help.
    Refused,
    /// Like [`Verdict::Refused`], and so would everything else sent there be.
    Gone,
    /// Sent, and nobody knows whether it arrived.
    Unsure,
}

impl SendOutcome {
    #[must_use]
    pub fn delivered() -> Self {
        Self::failed(Verdict::Delivered, DeliveryError::None, None)
    }

    /// An outcome without an answer of the receiver.
    #[must_use]
    pub fn failed(verdict: Verdict, error: DeliveryError, detail: impl Into<Option<String>>) -> Self {
        Self { verdict, error, http_status: None, retry_after_ms: None, provider_ref: None, detail: detail.into() }
    }
}

/// Whether this revision ends its alert.
#[must_use]
pub fn ends(alert: &Alert) -> bool {
    use crate::AlertState::{Expired, Resolved, Superseded};
    matches!(alert.state, Resolved | Expired | Superseded)
}
