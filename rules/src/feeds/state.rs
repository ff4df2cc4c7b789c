//! What the owner of a feed knows of it, and the row it is stored as.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::HOUR_MS;
use schemas::{AlertKind, Mode, Timestamp, Zone};

use super::Feed;
use super::usual::{QUARTER_MS, UsualHours, quarter_of};
use crate::alerts::EpisodeBook;
use crate::codec;

const ROW_VERSION: u8 = 1;
/// A feed that has been silent for so long is looked at once an hour instead of once an epoch.
const OFTEN_MS: i64 = 48 * HOUR_MS;
/// The longest usual silence fades to half in 6.6 weeks: so much a quarter.
const FADE: f64 = 1.0 - 1.0 / 6400.0;

/// One feed.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedState {
    /// When it was first heard.
    pub(super) since: Timestamp,
    /// Event time of the newest that was heard, to the minute for a location.
    pub(super) heard: Timestamp,
    pub(super) usual: UsualHours,
    /// The longest silence that ended by itself, in usual gaps, fading.
    pub(super) longest: f64,
    /// By the machine's clock, the newest word that the source is silent.
    pub(super) silent_at: Option<Timestamp>,
    /// When it is looked at next without being heard. Sources are told of, and wait for nothing.
    look_at: Option<Timestamp>,
    /// `heard` of when its alert opened: only what is newer ends it.
    pub(super) stale_heard: Option<Timestamp>,
    pub(super) episodes: EpisodeBook,
}

impl FeedState {
    /// A feed first heard of: event time `heard`.
    #[must_use]
    pub fn first_heard(feed: &Feed<'_>, heard: Timestamp) -> Self {
        let look_at = Timestamp::from_millis((quarter_of(heard) + 3) * QUARTER_MS);
        Self {
            since: heard,
            heard,
            usual: UsualHours::default(),
            longest: 0.0,
            silent_at: None,
            stale_heard: None,
            look_at: matches!(feed, Feed::Location(_)).then_some(look_at),
            episodes: EpisodeBook::default(),
        }
    }

    /// Something was heard, of event time `at`; what is older than the newest changes nothing.
    pub fn hear(&mut self, at: Timestamp, zone: &Zone) {
        let (last, now) = (quarter_of(self.heard), quarter_of(at));
        if now > last {
            let gap = self.usual.between(last + 1, now + 1, zone).gaps;
            self.longest *= libm::pow(FADE, (now - last) as f64);
            if !self.is_open() {
                self.longest = self.longest.max(gap);
            }
            self.usual.learn(quarter_of(self.since), last, now, zone);
        }
        self.heard = self.heard.max(at);
    }

    /// The source is silent, as its reader says at `observed_at` of the machine's clock.
    pub fn fall_silent(&mut self, observed_at: Timestamp) {
        self.silent_at = self.silent_at.max(Some(observed_at));
    }

    /// When the source was last said to be silent.
    #[must_use]
    pub fn silent_at(&self) -> Option<Timestamp> {
        self.silent_at
    }

    /// Event time of the newest that was heard.
    #[must_use]
    pub fn heard(&self) -> Timestamp {
        self.heard
    }

    /// Plans the next look after the one due at `due`: at the next epoch, or the next hour of a feed long silent.
    pub fn looked(&mut self, due: Timestamp) {
        let every = if due.since(self.heard) > OFTEN_MS { HOUR_MS } else { QUARTER_MS };
        self.look_at = Some(Timestamp::from_millis((due.millis().div_euclid(every) + 1) * every));
    }

    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.look_at
    }

    /// An alert that notifies is open: no alert about what it tells of is an all-clear.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        self.episodes.is_open(AlertKind::FeedStale, Mode::Active)
    }

    pub(super) fn note_stale(&mut self) {
        let open =
            [Mode::Active, Mode::Shadow].into_iter().any(|mode| self.episodes.is_open(AlertKind::FeedStale, mode));
        self.stale_heard = if open { self.stale_heard.or(Some(self.heard)) } else { None };
    }

    /// Whether there is an alert of it that data could end.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.episodes.slots().is_empty()
    }

    /// Layout: version, first heard, newest heard, longest silence, word of silence, next look, newest heard of when it
    /// became stale, alerts, usual hours.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = RowWriter::new(out);
        w.u8(ROW_VERSION);
        w.time(self.since);
        w.time(self.heard);
        w.f64(self.longest);
        w.option(self.silent_at, RowWriter::time);
        w.option(self.look_at, RowWriter::time);
        w.option(self.stale_heard, RowWriter::time);
        self.episodes.encode(&mut w);
        self.usual.encode(&mut w);
    }

    pub fn decode(row: &[u8]) -> Result<Self, RowError> {
        let mut r = RowReader::new(row);
        codec::version(&mut r, ROW_VERSION)?;
        let state = Self {
            since: r.time()?,
            heard: r.time()?,
            longest: r.f64()?,
            silent_at: r.option(RowReader::time)?,
            look_at: r.option(RowReader::time)?,
            stale_heard: r.option(RowReader::time)?,
            episodes: EpisodeBook::decode(&mut r)?,
            usual: UsualHours::decode(&mut r)?,
        };
        codec::end(&r)?;
        Ok(state)
    }
}
