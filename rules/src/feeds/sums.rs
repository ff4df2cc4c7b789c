//! What one partition has heard of each location in the open epoch, in integers.
//!
//! All locations of a partition travel in one record, named in its id with the partition's number: nobody else's sums
//! are added to it. Its sums are the minutes in which each location was last heard, and the newest of all partitions
//! counts. That a location has become blind, or has ceased to be, travels by itself: +1 and −1.

use std::collections::BTreeMap;

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::MINUTE_MS;
use schemas::{InventoryEvent, Timestamp};

use crate::site::EPOCH_MS;

/// Scope of the sums that say when locations were heard.
pub const HEARD_SCOPE: &str = "heard";
/// Scope of the sums that say which locations are blind.
pub const BLIND_SCOPE: &str = "blind";
/// Minutes from one epoch before the open one; what is ahead counts in the last, what is older is not fresh.
const MINUTES: i64 = 60;
/// Locations of one record: it stays far below what a log takes.
const RECORD_LOCATIONS: usize = 4096;
const SEPARATOR: char = '\0';

/// A location's place in [`FeedSums`]. Depends on the order of arrival: never part of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedIx(u32);

/// The open epoch of one partition.
#[derive(Clone, Debug, Default)]
pub struct FeedSums {
    locations: Vec<Heard>,
    by_name: BTreeMap<String, FeedIx>,
    /// Locations that have become blind (+1) or are heard again (−1).
    blind: Vec<(String, i64)>,
}

#[derive(Clone, Debug, Default)]
struct Heard {
    location: String,
    /// 1 + the newest minute; 0 for none.
    newest: u8,
}

impl FeedSums {
    /// Where the location is counted, so that a stock change need not look for it.
    pub fn index(&mut self, location: &str) -> FeedIx {
        if let Some(ix) = self.by_name.get(location) {
            return *ix;
        }
        let ix = FeedIx(u32::try_from(self.locations.len()).unwrap_or(u32::MAX));
        self.locations.push(Heard { location: location.to_owned(), ..Heard::default() });
        self.by_name.insert(location.to_owned(), ix);
        ix
    }

    /// A stock change of the location at stream time `now`. Before there is a time there is no epoch to count in.
    pub fn hear(&mut self, ix: FeedIx, event: &InventoryEvent<'_>, now: Timestamp) {
        if now == Timestamp::MIN {
            return;
        }
        let minute = event.occurred_at.since(first_minute(now.millis().div_euclid(EPOCH_MS))).div_euclid(MINUTE_MS);
        if let Some(heard) = self.locations.get_mut(ix.0 as usize).filter(|_| minute >= 0) {
            heard.newest = heard.newest.max(1 + minute.min(MINUTES - 1) as u8);
        }
    }

    /// The owner of a location says that it has become blind, or that it is heard again.
    pub fn tell(&mut self, location: &str, blind: bool) {
        self.blind.push((location.to_owned(), if blind { 1 } else { -1 }));
    }

    /// Takes the sums that `partition` has of the epoch that ends, by scope and id, leaving zeros.
    pub fn take(&mut self, partition: i32) -> Vec<(&'static str, String, Vec<i64>)> {
        let mut told: BTreeMap<String, i64> = BTreeMap::new();
        for (location, by) in self.blind.drain(..) {
            *told.entry(location).or_default() += by;
        }
        let told = told.into_iter().map(|(location, by)| (BLIND_SCOPE, location, vec![by]));
        let mut taken: Vec<_> = told.collect();
        let heard: Vec<&Heard> = self.heard().collect();
        for locations in heard.chunks(RECORD_LOCATIONS) {
            let mut id = partition.to_string();
            for heard in locations {
                id.push(SEPARATOR);
                id.push_str(&heard.location);
            }
            taken.push((HEARD_SCOPE, id, locations.iter().map(|heard| i64::from(heard.newest)).collect()));
        }
        self.locations.iter_mut().for_each(|heard| heard.newest = 0);
        taken
    }

    /// In order of name: the order of arrival is not the same after a restart.
    fn heard(&self) -> impl Iterator<Item = &Heard> {
        self.by_name.values().map(|ix| &self.locations[ix.0 as usize]).filter(|heard| heard.newest > 0)
    }

    /// Layout: count, then location and newest minute of each that was heard; count, then what was told.
    pub fn encode(&self, w: &mut RowWriter<'_>) {
        w.unsigned(self.heard().count() as u64);
        for heard in self.heard() {
            w.text(&heard.location);
            w.u8(heard.newest);
        }
        w.unsigned(self.blind.len() as u64);
        for (location, by) in &self.blind {
            w.text(location);
            w.signed(*by);
        }
    }

    pub fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut this = Self::default();
        for _ in 0..r.unsigned()? {
            let ix = this.index(r.text()?);
            this.locations[ix.0 as usize].newest = r.u8()?;
        }
        for _ in 0..r.unsigned()? {
            let location = r.text()?.to_owned();
            this.blind.push((location, r.signed()?));
        }
        Ok(this)
    }
}

/// The instant the minutes of an epoch count from.
fn first_minute(epoch: i64) -> Timestamp {
    Timestamp::from_millis((epoch - 1) * EPOCH_MS)
}

/// The minute in which each location was last heard, from the ids and sums of one epoch's records of all partitions.
pub fn newest_heard<'a>(
    epoch: i64,
    records: impl Iterator<Item = (&'a str, &'a [i64])>,
) -> BTreeMap<&'a str, Timestamp> {
    let mut newest: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for (id, minutes) in records {
        // The first name is the partition's.
        for (location, minute) in id.split(SEPARATOR).skip(1).zip(minutes) {
            let at = first_minute(epoch).plus_ms((minute - 1).clamp(0, MINUTES - 1) * MINUTE_MS);
            newest.entry(location).and_modify(|newest| *newest = at.max(*newest)).or_insert(at);
        }
    }
    newest
}
