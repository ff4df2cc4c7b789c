//! What a decision may look at besides the state of its key: all of it comes from logs.

use schemas::Timestamp;

use crate::class::Class;
use crate::demand::DemandState;
use crate::item::Item;
use crate::place::Place;
use crate::ruleset::{RuleBook, Subject};
use crate::site::{Season, SiteLevel};

/// The world around one key at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'a> {
    pub rules: &'a RuleBook,
    pub item: &'a Item,
    pub place: &'a Place,
    pub site: &'a SiteLevel,
    pub now: Moment,
}

impl<'a> Environment<'a> {
    /// What rules are looked up for.
    #[must_use]
    pub fn subject(&self, class: Class) -> Subject<'a> {
        Subject { item: self.item, place: self.place, class }
    }

    /// What demand is planned to be multiplied by on the key's open day; `None`: no promotion is planned.
    #[must_use]
    pub fn planned_uplift(&self, demand: &DemandState) -> Option<f64> {
        self.rules.planned_uplift(&self.subject(demand.class), demand.day())
    }

    /// The mean of it over `days` days from the open one on, at least one; 1 where nothing is planned.
    #[must_use]
    pub fn mean_planned_uplift(&self, demand: &DemandState, days: f64) -> f64 {
        self.rules.mean_planned_uplift(&self.subject(demand.class), demand.day(), days)
    }

    /// How the site's level changed a year ago over `days` days from the key's open day on; `None`: not known yet.
    #[must_use]
    pub fn season(&self, demand: &DemandState, days: f64) -> Option<Season> {
        self.site.season(demand.day(), days)
    }
}

/// Time, as the stream knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For a record: stream time. For a timer: its due time plus grace.
    pub stream_time: Timestamp,
    /// Windows that ended before this are closed: `stream_time − grace`.
    pub closed_before: Timestamp,
}
