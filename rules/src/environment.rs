//! What a decision may look at besides the state of its key: all of it comes from logs.

use schemas::Timestamp;

use crate::item::Item;
use crate::place::Place;
use crate::ruleset::RuleBook;
use crate::site::SiteLevel;

/// The world around one key at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'a> {
    pub rules: &'a RuleBook,
    pub item: &'a Item,
    pub place: &'a Place,
    pub site: &'a SiteLevel,
    pub now: Moment,
}

/// Time, as the stream knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For a record: stream time. For a timer: its due time plus grace.
    pub stream_time: Timestamp,
    /// Windows that ended before this are closed: `stream_time − grace`.
    pub closed_before: Timestamp,
}
