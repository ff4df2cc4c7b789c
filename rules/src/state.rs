//! `KeyState`: all there is to know of one SKU at one location, and the row it is stored as.
//!
//! Numbers: 368 bytes in memory beside what is boxed; the row of a slow item takes 65, of a busy one under
//! 900: budgets that `state/tests.rs` keeps. What is decided on it is in `decide`.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{InventoryEvent, Quantity, StockChange, Timestamp, Zone};

use crate::alerts::EpisodeBook;
use crate::codec;
use crate::demand::{DayClosed, DayKind, DemandState, LeadTimeState};
use crate::detectors::demand_surge::SurgeWatch;
use crate::losses::{self, Counted, Handling, LossState};
use crate::outbound::OutboundState;
use crate::place::Place;
use crate::position::{PositionState, StockEffect};
use crate::ruleset::Resolved;
use crate::site::SiteLevel;
use crate::stable_hash::stable_hash;
use crate::threshold::{Plan, Trial};

const ROW_VERSION: u8 = 2;
/// Event ids remembered per key.
pub const RECENT_IDS: usize = 8;

/// State of one SKU at one location.
#[derive(Clone, Debug)]
pub struct KeyState {
    pub position: PositionState,
    pub demand: DemandState,
    pub lead_time: LeadTimeState,
    pub episodes: EpisodeBook,
    /// Figures of the last computation of the reorder point.
    pub plan: Plan,
    pub recent: RecentIds,
    /// The rules in force, looked up; not stored.
    pub resolved: Resolved,
    /// The last look for a surge, and when the next one is due although nothing happens.
    pub surge: SurgeWatch,
    /// `None` until something is lost, counted, or leaves other than by a sale that is explained.
    pub losses: Option<Box<LossState>>,
    /// The virtual order under a `dynamic` plan.
    pub trial: Option<Box<Trial>>,
}

impl KeyState {
    /// A key first seen at `at`: the later of its first event and the start of what is still open,
    /// so that an event that comes late does not open days long closed.
    #[must_use]
    pub fn first_seen(at: Timestamp, zone: &Zone) -> Self {
        Self {
            position: PositionState::default(),
            demand: DemandState::first_seen(at, zone),
            lead_time: LeadTimeState::default(),
            episodes: EpisodeBook::default(),
            plan: Plan::default(),
            recent: RecentIds::default(),
            resolved: Resolved::default(),
            surge: SurgeWatch::default(),
            losses: None,
            trial: None,
        }
    }

    /// Folds one stock change into position, demand and lead time.
    pub fn fold(&mut self, event: &InventoryEvent<'_>, place: &Place) -> StockEffect {
        let effect = self.position.fold(event, place);
        let in_window = self.demand.record(&effect, event.occurred_at, &place.zone);
        if !in_window && effect.demand.is_positive() && !effect.dependent {
            self.position.mark_sale_late(effect.demand_at);
        }
        if matches!(event.change, StockChange::Adjusted { .. }) {
            self.demand.note_correction(event.occurred_at, &place.zone);
        }
        self.demand.note_stock(event.occurred_at, self.position.is_out(), &place.zone);
        if let Some(days) = effect.receipt.and_then(|receipt| receipt.lead_days) {
            self.lead_time.learn(days);
        }
        effect
    }

    /// Takes note of what a change, folded in already, says is lost, and of a stocktake.
    pub fn note_losses(
        &mut self,
        event: &InventoryEvent<'_>,
        effect: &StockEffect,
        site: &SiteLevel,
    ) -> Option<Counted> {
        let lost = losses::lost(&event.change, effect);
        let book = effect.book.filter(|_| matches!(event.change, StockChange::Counted { .. }));
        if lost.is_zero() && book.is_none() {
            return None;
        }
        let key = Handling { days_known: self.demand.age_days(), velocity_per_day: self.demand.velocity_per_day() };
        let losses = self.losses.get_or_insert_default();
        losses.record(lost);
        book.map(|book| losses.count(event.occurred_at, book, lost, key, site.write_offs()))
    }

    /// Its outbound lines; `None` while all of them were explained sales.
    #[must_use]
    pub fn outbound(&self) -> Option<&OutboundState> {
        self.losses.as_ref()?.outbound()
    }

    /// Its outbound lines, if it has any but explained sales.
    pub(crate) fn outbound_if_any(&mut self) -> Option<&mut OutboundState> {
        self.losses.as_mut()?.outbound_slot().as_deref_mut()
    }

    pub(crate) fn outbound_mut(&mut self) -> &mut OutboundState {
        self.losses.get_or_insert_default().outbound_slot().get_or_insert_default()
    }

    /// Closes the losses of the open local day, before it closes. `None`: there was nothing to lose, or nobody who
    /// would have told; else whether anything was lost.
    pub fn close_losses(&mut self, place: &Place, site: &SiteLevel) -> Option<bool> {
        let exposed = !self.position.is_out() && !site.is_blind(&place.location);
        let (day, end, days_known) = (self.demand.day(), self.demand.day_close(), self.demand.age_days());
        let losses = self.losses.as_mut();
        let lost = losses.is_some_and(|l| l.close_day(day, end, exposed, days_known, site.write_offs()));
        self.losses.take_if(|losses| losses.is_empty());
        (exposed || lost).then_some(lost)
    }

    /// Closes the open local day, whose close is due, and opens the next. `promoted`: a promotion was planned for it.
    pub fn close_day(&mut self, place: &Place, site: &SiteLevel, promoted: bool) -> DayClosed {
        let (start, end) = (self.demand.day_start(), self.demand.day_close());
        let blind = site.is_blind(&place.location);
        if blind {
            self.demand.hide_day();
        }
        let kind = if promoted {
            DayKind::Promoted
        } else if site.is_trading_day(start, end) && !blind {
            DayKind::Trading
        } else {
            DayKind::Idle
        };
        let closed = self.demand.close_day(&place.zone, kind, self.plan.figures().variance_to_mean());
        self.position.close_day(end);
        self.recent.close_day();
        closed
    }

    /// Forgets the reservations that have expired by `now`, and says how much that was.
    pub fn expire_reservations(&mut self, now: Timestamp) -> Quantity {
        self.position.expire_reservations(now)
    }

    /// The place's zone changed.
    pub fn set_zone(&mut self, zone: &Zone) {
        self.demand.set_zone(zone);
    }

    /// When this key is next to be woken: day close, a reservation's expiry, a pending
    /// alert, the next look for a surge.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let others = [self.position.next_expiry(), self.episodes.next_due(), self.surge.next_due()];
        Some(others.into_iter().flatten().fold(self.demand.day_close(), Timestamp::min))
    }

    /// Layout: version; presence bits (lead time, surge watch, recent ids, losses, virtual order); position, demand, episodes,
    /// plan; then what the bits announce.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = RowWriter::new(out);
        let has = [
            !self.lead_time.is_empty(),
            self.surge != SurgeWatch::default(),
            !self.recent.is_empty(),
            self.losses.is_some(),
            self.trial.is_some(),
        ];
        w.u8(ROW_VERSION);
        w.u8(has.iter().enumerate().fold(0, |bits, (i, bit)| bits | u8::from(*bit) << i));
        self.position.encode(&mut w);
        self.demand.encode(&mut w);
        self.episodes.encode(&mut w);
        self.plan.encode(&mut w);
        if has[0] {
            self.lead_time.encode(&mut w);
        }
        if has[1] {
            self.surge.encode(&mut w);
        }
        if has[2] {
            self.recent.encode(&mut w);
        }
        if let Some(losses) = &self.losses {
            losses.encode(&mut w);
        }
        if let Some(trial) = &self.trial {
            trial.encode(&mut w);
        }
    }

    pub fn decode(row: &[u8]) -> Result<Self, RowError> {
        let mut r = RowReader::new(row);
        let version = codec::version(&mut r, ROW_VERSION)?;
        let has = r.u8()?;
        let state = Self {
            position: PositionState::decode(&mut r, version)?,
            demand: DemandState::decode(&mut r, version)?,
            episodes: EpisodeBook::decode(&mut r)?,
            plan: Plan::decode(&mut r, version)?,
            lead_time: if has & 1 != 0 { LeadTimeState::decode(&mut r, version)? } else { LeadTimeState::default() },
            surge: if has & 2 != 0 { SurgeWatch::decode(&mut r)? } else { SurgeWatch::default() },
            recent: if has & 4 != 0 { RecentIds::decode(&mut r)? } else { RecentIds::default() },
            losses: if has & 8 != 0 { Some(Box::new(LossState::decode(&mut r)?)) } else { None },
            trial: if has & 16 != 0 { Some(Box::new(Trial::decode(&mut r)?)) } else { None },
            resolved: Resolved::default(),
        };
        codec::end(&r)?;
        Ok(state)
    }
}

/// Hashes of the last event ids: the second net under `ingest`, which removes duplicates by source
/// position. Forgotten after one whole local day without events, so that slow keys stay small.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecentIds {
    /// In order of arrival until there are [`RECENT_IDS`], then a ring whose oldest is at `next`.
    hashes: Box<[u64]>,
    /// How many there are, or the place of the next.
    next: u8,
    /// An event came since the last day close.
    used: bool,
}

/// Places grow in these steps, which fill what an allocator hands out: most keys see few events in two days.
const PLACES: [usize; 3] = [3, 5, RECENT_IDS];

impl RecentIds {
    /// Whether the id is among the last few; it is from now on.
    pub fn seen_or_insert(&mut self, event_id: &str) -> bool {
        self.used = true;
        // Zero marks an empty place.
        let hash = stable_hash(event_id).max(1);
        if self.hashes.contains(&hash) {
            return true;
        }
        if usize::from(self.next) == self.hashes.len() {
            self.hashes = with_room(&self.hashes, self.hashes.len() + 1);
        }
        self.hashes[usize::from(self.next)] = hash;
        self.next = (self.next + 1) % RECENT_IDS as u8;
        false
    }

    fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    fn close_day(&mut self) {
        if self.used {
            self.used = false;
        } else {
            *self = Self::default();
        }
    }

    /// Layout: place of the next with bit 7 for "used today", count, hashes from the first place.
    fn encode(&self, w: &mut RowWriter<'_>) {
        w.u8(self.next | u8::from(self.used) << 7);
        let filled = self.hashes.iter().take_while(|hash| **hash != 0).count();
        w.u8(filled as u8);
        self.hashes[..filled].iter().for_each(|hash| w.fixed64(*hash));
    }

    fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let (first, filled) = (r.u8()?, usize::from(r.u8()?));
        let (next, used) = (first & 0x7f, first & 0x80 != 0);
        // A ring that is full goes round; one that is not, grows.
        let fits = filled == RECENT_IDS && usize::from(next) < filled || usize::from(next) == filled;
        if filled == 0 || filled > RECENT_IDS || !fits {
            return Err(r.invalid("count of event ids"));
        }
        let mut hashes = with_room(&[], filled);
        for hash in &mut hashes[..filled] {
            *hash = r.fixed64()?;
        }
        Ok(Self { hashes, next: next % RECENT_IDS as u8, used })
    }
}

/// A copy with places for at least so many, the new ones empty.
fn with_room(hashes: &[u64], wanted: usize) -> Box<[u64]> {
    let places = PLACES.into_iter().find(|places| *places >= wanted).unwrap_or(RECENT_IDS);
    let mut larger = vec![0; places].into_boxed_slice();
    larger[..hashes.len()].copy_from_slice(hashes);
    larger
}

#[cfg(test)]
mod tests;
