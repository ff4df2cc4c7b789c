//! A9 `feed_stale`: whether locations and sources are heard from as usual.
//!
//! Silence proves nothing by itself: shops close at night. How often a feed speaks is learned for every hour of
//! its local week ([`usual`]), and silence is counted in usual gaps: hours in which it is usually silent add
//! none. A feed that has been silent for too many of them is *blind*: no alert there is no all-clear
//! (invariant I22), and only fresh data ends it.
//!
//! A location's stock changes come in every partition. Each says once an epoch when it last heard of which
//! ([`FeedSums`]); the task that owns the hash of the feed's [scope](Feed::scope) keeps its [`FeedState`] and
//! decides, and tells all others in the same way. A source's watermarks and its silence come to every
//! partition anyway.
//!
//! Numbers: a feed takes about 400 bytes, in memory and as a row, and is looked at once an epoch.

mod stale;
mod state;
mod sums;
#[cfg(test)]
mod tests;
mod usual;
mod words;

use std::borrow::Cow;

use schemas::{Alert, AlertKind, Mode, Timestamp};

use crate::alerts::{self, EpisodeBook, Judgement, Occurrence};
use crate::class::Class;
use crate::decide::Key;
use crate::detectors::Verdict;
use crate::item::Item;
use crate::place::Place;
use crate::ruleset::{Rule, RuleBook, Subject};

pub use state::FeedState;
pub use sums::{BLIND_SCOPE, FeedIx, FeedSums, HEARD_SCOPE, newest_heard};

use stale::{Silence, verdict};

/// What may fall silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feed<'a> {
    Location(Cow<'a, str>),
    /// An ordered part of a source.
    Source {
        name: Cow<'a, str>,
        partition: i32,
    },
}

impl<'a> Feed<'a> {
    /// `location|S7`, `source|wms|0`: the alert's scope, by whose hash one task owns the feed.
    #[must_use]
    pub fn scope(&self) -> String {
        match self {
            Self::Location(location) => format!("location|{location}"),
            Self::Source { name, partition } => format!("source|{name}|{partition}"),
        }
    }

    /// Reads a [scope](Self::scope).
    #[must_use]
    pub fn from_scope(scope: &'a str) -> Option<Self> {
        match scope.split_once('|')? {
            ("location", location) => Some(Self::Location(location.into())),
            ("source", rest) => {
                let (name, partition) = rest.rsplit_once('|')?;
                Some(Self::Source { name: name.into(), partition: partition.parse().ok()? })
            }
            _ => None,
        }
    }

    fn location(&self) -> Option<&str> {
        match self {
            Self::Location(location) => Some(location),
            Self::Source { .. } => None,
        }
    }
}

/// A look at a feed.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub at: Timestamp,
    pub detected_at: Timestamp,
    /// What came before this instant is known.
    pub known_until: Timestamp,
}

/// Judges a feed under the rules in force; whether it [is blind](FeedState::is_blind) may have changed.
/// `place` is the location's, for a source one that nobody described.
pub fn judge(
    rules: &RuleBook,
    place: &Place,
    feed: &Feed<'_>,
    state: &mut FeedState,
    look: Look,
    out: &mut Vec<Alert>,
) {
    let item = Item::unknown("");
    let subject = Subject { item: &item, place, class: Class::default() };
    let silence = Silence::of(state, &place.zone, look.known_until);
    let of = |mode| {
        let rule = rules.deciding(AlertKind::FeedStale, mode, &subject).map(|ix| rules.rule(ix));
        let verdict = rule.map_or(Verdict::Clear, |rule| verdict(feed, &silence, rule));
        Judgement { kind: AlertKind::FeedStale, mode, rule, verdict }
    };
    let judgements = [Mode::Active, Mode::Shadow].map(of);
    let breach = judgements.iter().any(|j| matches!(j.verdict, Verdict::Breach(_)));
    if !breach && state.episodes.slots().is_empty() {
        return;
    }
    let scope = feed.scope();
    let key = Key { sku: "", location: feed.location().unwrap_or_default() };
    let occurrence =
        Occurrence { key, scope: Some(&scope), at: look.at, detected_at: look.detected_at, suspect: false };
    let mut book: EpisodeBook = std::mem::take(&mut state.episodes);
    let describe = |judgement: &Judgement<'_>, alert| {
        let rule: Option<&Rule> = judgement.rule;
        (
            rule.map_or_else(Default::default, |rule| stale::evidence(&silence, rule)),
            words::say(feed, place, &silence, rule, alert),
        )
    };
    alerts::settle(&mut book, &occurrence, &judgements, &describe, out);
    book.forget(look.at);
    state.episodes = book;
    state.note_stale();
}
