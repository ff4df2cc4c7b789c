//! Notification channels: how one message gets out of the house.
//!
//! A channel is told what to send and says what came of it. It must never decide whether, when or how
//! often to send, never wait longer than its time-out, never read a clock (the time it signs with is an
//! argument) and never print a secret. A new channel is a folder here and a line in [`registry`].

pub mod log;
pub mod registry;
pub mod secret;
pub mod webhook;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use schemas::notification::{MAX_DETAIL_BYTES, SendOutcome};
use schemas::{Notification, Timestamp};

/// What is sent: one try of one attempt.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub notification: Arc<Notification>,
    /// Number of the try, from 1.
    pub tries: u32,
    /// The machine's time as the try begins.
    pub sent_at: Timestamp,
}

/// A send that is under way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = SendOutcome> + Send + 'a>>;

/// One configured channel.
pub trait Channel: Send + Sync {
    /// Its type: a name of the [`registry`].
    fn kind(&self) -> &'static str;

    /// The receiver recognises a second send of the same attempt. Where it does not, an attempt whose
    /// outcome is unknown is never sent again.
    fn idempotent(&self) -> bool;

    /// Changes with what it sends to: an endpoint that wanted nothing any more is tried again then.
    fn fingerprint(&self) -> String;

    /// Longest time a send takes, in milliseconds.
    fn timeout_ms(&self) -> u64;

    /// Sends, and says what came of it. Dropping the future gives up waiting, not the send.
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> Sending<'a>;
}

/// Why a channel cannot be built. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChannelError(pub String);

/// A text for people, without control characters and no longer than what is kept.
pub(crate) fn detail(text: &str) -> String {
    let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let end = printable.floor_char_boundary(MAX_DETAIL_BYTES);
    printable[..end].trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_short_and_printable() {
        assert_eq!(detail("no\nroute\u{7}"), "no route");
        let long = detail(&"手".repeat(1000));
        assert!(long.len() <= MAX_DETAIL_BYTES && long.chars().all(|c| c == '手'));
    }
}
