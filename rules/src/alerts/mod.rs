//! The life of an alert: opened → updated → resolved, expired or superseded.
//!
//! Detectors say what is true; this module turns it into alert lines. It must never emit the same
//! `(alert_id, revision)` twice, never resolve a key whose figures contradict each other, and never
//! let a shadow rule touch what an active rule opened.
//!
//! Numbers: a reopening within [`FLAP_WINDOW_MS`] of the closing belongs to the same episode; an
//! open alert is updated when its severity rises, never for less.

mod book;
mod ids;
mod lifecycle;
pub mod messages;

pub use book::{EpisodeBook, Phase, Slot};
pub use lifecycle::{Judgement, Occurrence, settle};

/// A problem that comes back within this long of its end is the same episode.
pub const FLAP_WINDOW_MS: i64 = 24 * schemas::time::HOUR_MS;

#[cfg(test)]
mod tests;
