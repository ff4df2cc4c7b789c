//! `process`: folds stock changes into positions and lets the decision core look at them.
//!
//! Two kinds of state share one table: an item by SKU, a position by SKU × location. A position
//! holds on to its item and its place, so that a stock change costs one look-up. What is decided is
//! in `rules`; here is only who is told what, and where it goes.

mod elsewhere;
mod explain;
mod feeds;
mod output;
mod rows;
mod shared;
mod stage;
mod watch;
mod world;

#[cfg(test)]
mod restart_tests;

pub use output::ProcessOutput;
pub use rows::{POSITIONS, Row, examine, position_key};
pub use shared::examine_shared;
pub use stage::{APPLICATION, spec, topics};
pub use watch::Watcher;

use std::sync::Arc;

use processor::operator::{
    BroadcastRecord, Context, Incoming, Now, Operator, Outcome, Produced, Rejection, StateRow, Sums, TimeSignal,
};
use processor::table::{KeyId, StateTable};
use processor::task::Published;
use rules::decide::{self, Applied, Key};
use rules::environment::{Environment, Moment};
use rules::feeds::{BLIND_SCOPE, FeedSums};
use rules::item::Item;
use rules::place::Place;
use rules::site::{CATEGORY_SCOPE, SUPPLIER_SCOPE, SiteSums};
use rules::state::KeyState;
use schemas::partitioner::partition_for;
use schemas::row::RowError;
use schemas::stream::StreamRecord;
use schemas::{Alert, CatalogChange, InventoryEvent, Position, Timestamp};

use rows::{PositionRow, Surroundings, item_key, positions_of, split_position_key};
use watch::Watched;
use world::{Change, World};

/// Scope and id of the aggregate of the site as a whole.
const SITE_SCOPE: &str = "site";
const SITE_ID: &str = "all";

/// Positions reconsidered at a time when all of them are.
const PAGE: usize = 512;

type Ctx<'a> = Context<'a, Row, ProcessOutput>;

/// One partition of the stage.
pub struct ProcessOperator {
    partition: i32,
    /// Of `inventory.events`.
    partitions: i32,
    world: World,
    sums: SiteSums,
    feeds: FeedSums,
    /// Which sources this partition watches.
    sources: Vec<feeds::KnownSource>,
    /// The totals of the epochs up to this one are known.
    known_through: i64,
    /// Buffers that live as long as the operator: the hot path allocates nothing.
    key: Vec<u8>,
    alerts: Vec<Alert>,
    rows: [Vec<u8>; 2],
    watched: Watched,
}

impl ProcessOperator {
    /// `partition`: the one of `partitions` this operator decides for. What it writes about a SKU
    /// stays on it, so that readers see a SKU's records in order.
    pub fn new(partition: i32, partitions: i32) -> Self {
        Self {
            partition,
            partitions,
            world: World::default(),
            sums: SiteSums::default(),
            feeds: FeedSums::default(),
            sources: Vec::new(),
            known_through: i64::MIN,
            key: Vec::new(),
            alerts: Vec::new(),
            rows: Default::default(),
            watched: Watched::default(),
        }
    }

    /// Tells somebody what is committed. Nothing of it decides anything.
    #[must_use]
    pub fn watched_by(self, watcher: Arc<dyn Watcher>) -> Self {
        Self { watched: Watched::by(watcher), ..self }
    }

    /// A SKU's records belong to one partition: elsewhere they would open a second, wrong position.
    fn check_placement(&self, record: &StreamRecord<'_>, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        let sku = match record {
            StreamRecord::Event(event) => event.sku.as_bytes(),
            StreamRecord::Catalog(change) => change.sku.as_bytes(),
            StreamRecord::Action(action) => match &action.sku {
                Some(sku) => sku.as_bytes(),
                None => return Ok(()),
            },
            StreamRecord::Watermark(_) | StreamRecord::Silence(_) => return Ok(()),
        };
        let Some(key) = incoming.key else {
            let message = "the record has no key; produce it with its SKU as key, so that it finds its partition";
            return Err(Rejection::new("missing_key", message));
        };
        let name = String::from_utf8_lossy;
        if key != sku {
            let message =
                format!("the key is {:?}, the SKU {:?}; produce it with its SKU as key", name(key), name(sku));
            return Err(Rejection::new("wrong_key", message));
        }
        let belongs = partition_for(sku, self.partitions);
        if belongs != incoming.partition {
            let message = format!(
                "SKU {:?} belongs to partition {belongs} of {}, the record is on {}; produce with murmur2 of the key                  modulo the number of partitions, as the Java client does",
                name(sku),
                self.partitions,
                incoming.partition
            );
            return Err(Rejection::new("wrong_partition", message));
        }
        Ok(())
    }

    fn on_event(&mut self, ctx: &mut Ctx<'_>, event: &InventoryEvent<'_>) -> Result<Outcome, Rejection> {
        position_key(&event.sku, &event.location, &mut self.key)?;
        let id = ctx.states.intern(&self.key);
        let key = Key { sku: &event.sku, location: &event.location };
        match ctx.states.get(id) {
            None => self.open_position(ctx, id, event),
            Some(row) if row.is_bare() => self.surround(ctx.states, id, key),
            Some(_) => {}
        }
        let Self { world, sums, feeds, alerts, .. } = self;
        let Some((row, around)) = ctx.states.get_mut(id).and_then(Row::as_position_mut) else {
            return Err(Rejection::new("internal", "a position's key holds another kind of row"));
        };
        let env = world.around(around, ctx.now);
        let applied = decide::apply(&env, key, row, event, sums, alerts);
        if applied != Applied::Duplicate {
            feeds.hear(around.feed, event, ctx.now.stream_time);
        }
        if !self.alerts.is_empty() {
            self.tell_elsewhere(ctx, id, event.occurred_at.max(ctx.now.stream_time));
        }
        Ok(match applied {
            Applied::Ok => Outcome::Ok,
            Applied::Duplicate => Outcome::Duplicate,
            Applied::Late => Outcome::Late,
        })
    }

    /// The first event of a key: its item may be unknown, its place too.
    fn open_position(&mut self, ctx: &mut Ctx<'_>, id: KeyId, event: &InventoryEvent<'_>) {
        let around = self.surroundings(ctx.states, Key { sku: &event.sku, location: &event.location });
        let since = event.occurred_at.max(ctx.now.closed_before);
        let state = KeyState::first_seen(since, &around.place.zone);
        ctx.states.put(id, Row::Position(Box::new(PositionRow { state, around: Some(around) })));
        self.watched.positions(1);
    }

    /// Gives a position that was just decoded its item and its place.
    fn surround(&mut self, states: &mut StateTable<Row>, id: KeyId, key: Key<'_>) {
        let around = self.surroundings(states, key);
        if let Some(Row::Position(row)) = states.derived_mut(id) {
            row.around = Some(around);
        }
    }

    fn surroundings(&mut self, states: &mut StateTable<Row>, key: Key<'_>) -> Surroundings {
        let item_id = self.item_of(states, key.sku);
        let item = match states.get(item_id) {
            Some(Row::Item(item)) => item.clone(),
            _ => Arc::new(Item::unknown(key.sku)),
        };
        Surroundings { item, place: self.world.place(key.location), feed: self.feeds.index(key.location) }
    }

    /// The item's id; an item nobody described is opened with defaults.
    fn item_of(&mut self, states: &mut StateTable<Row>, sku: &str) -> KeyId {
        item_key(sku, &mut self.key);
        let id = states.intern(&self.key);
        if states.get(id).is_none() {
            states.put(id, Row::Item(Arc::new(Item::unknown(sku))));
        }
        id
    }

    fn on_catalog(&mut self, ctx: &mut Ctx<'_>, change: &CatalogChange) {
        let id = self.item_of(ctx.states, &change.sku);
        let Some(Row::Item(row)) = ctx.states.get_mut(id) else {
            return;
        };
        let item = Arc::new(match &change.item {
            Some(item) => Item::from_catalog(item),
            None => Item::clone(row).retired(),
        });
        *row = item.clone();
        positions_of(&change.sku, &mut self.key);
        let positions = ctx.states.with_prefix(&self.key);
        for id in &positions {
            if let Some(Row::Position(row)) = ctx.states.derived_mut(*id)
                && let Some(around) = &mut row.around
            {
                around.item = item.clone();
            }
        }
        for id in positions {
            self.reconsider(ctx, id);
            // What is published of it may have changed with the item.
            ctx.states.get_mut(id);
        }
    }

    /// Decides anew for a key whose surroundings have changed. Its row is written if it has changed.
    fn reconsider(&mut self, ctx: &mut Ctx<'_>, id: KeyId) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.iter_mut().for_each(Vec::clear);
        if let Some(row) = ctx.states.get(id) {
            row.encode(&mut rows[0]);
        }
        let at = ctx.now.stream_time;
        self.with_position(ctx, id, at, |env, key, state, _, alerts| {
            decide::on_environment_change(env, key, state, at, alerts);
        });
        if let Some(row) = ctx.states.get(id) {
            row.encode(&mut rows[1]);
        }
        if rows[0] != rows[1] {
            ctx.states.get_mut(id);
        }
        self.rows = rows;
    }

    /// The place of a position has changed, if it has one already.
    fn move_to(states: &mut StateTable<Row>, id: KeyId, place: &Arc<Place>) {
        if let Some(Row::Position(row)) = states.derived_mut(id)
            && let Some(around) = &mut row.around
        {
            around.place = place.clone();
        }
    }

    /// Decides at `now` about one position, whose id the task or the table has handed out in this step. Whoever calls
    /// says whether it is written.
    fn with_position(
        &mut self,
        ctx: &mut Ctx<'_>,
        id: KeyId,
        now: Timestamp,
        decide: impl FnOnce(&Environment<'_>, Key<'_>, &mut KeyState, &mut SiteSums, &mut Vec<Alert>),
    ) {
        let name = ctx.states.key(id).to_vec();
        let Some((sku, location)) = split_position_key(&name) else { return };
        let key = Key { sku, location };
        if ctx.states.get(id).is_some_and(Row::is_bare) {
            self.surround(ctx.states, id, key);
        }
        let Self { world, sums, alerts, .. } = self;
        let Some((state, around)) = ctx.states.derived_mut(id).and_then(Row::as_position_mut) else { return };
        decide(&world.around(around, ctx.now), key, state, sums, alerts);
        if !self.alerts.is_empty() {
            self.tell_elsewhere(ctx, id, now);
        }
    }

    /// The public figures of a position, of which [`processor::task::Task::look_at`] has given the id.
    pub fn snapshot<'s>(&mut self, states: &'s mut StateTable<Row>, id: KeyId, at: Timestamp) -> Option<Position<'s>> {
        if states.get(id)?.is_bare() {
            let name = states.key(id).to_vec();
            let (sku, location) = split_position_key(&name)?;
            self.surround(states, id, Key { sku, location });
        }
        let states = &*states;
        states.get(id)?.snapshot(states.key(id), at)
    }
}

fn emit_alerts(alerts: &mut Vec<Alert>, ctx: &mut Ctx<'_>) {
    for alert in alerts.drain(..) {
        ctx.emit(Box::new(alert));
    }
}

impl World {
    fn around<'a>(&'a self, around: &'a Surroundings, now: Now) -> Environment<'a> {
        Environment {
            rules: self.rules(),
            item: &around.item,
            place: &around.place,
            site: &self.site,
            now: Moment { stream_time: now.stream_time, closed_before: now.closed_before },
        }
    }
}

impl Operator for ProcessOperator {
    type Record<'a> = StreamRecord<'a>;
    type State = Row;
    type Output = ProcessOutput;

    fn decode<'a>(&self, incoming: &Incoming<'a>) -> Result<StreamRecord<'a>, Rejection> {
        let record =
            schemas::avro::decode_stream(incoming.payload()).map_err(|e| Rejection::new(e.class, e.message))?;
        self.check_placement(&record, incoming)?;
        Ok(record)
    }

    fn time_signal<'r>(&self, record: &'r StreamRecord<'_>) -> TimeSignal<'r> {
        match record {
            StreamRecord::Event(event) => event_signal(event),
            StreamRecord::Watermark(watermark) => TimeSignal::Watermark(watermark),
            StreamRecord::Silence(silence) => TimeSignal::Silence(silence),
            StreamRecord::Catalog(_) | StreamRecord::Action(_) => TimeSignal::None,
        }
    }

    fn on_record(&mut self, ctx: &mut Ctx<'_>, record: &StreamRecord<'_>) -> Result<Outcome, Rejection> {
        match record {
            StreamRecord::Event(event) => self.on_event(ctx, event),
            StreamRecord::Catalog(change) => {
                self.on_catalog(ctx, change);
                Ok(Outcome::Ok)
            }
            StreamRecord::Watermark(watermark) => Ok(self.on_watermark(ctx, watermark)),
            StreamRecord::Silence(silence) => Ok(self.on_silence(ctx, silence)),
            StreamRecord::Action(_) => Ok(Outcome::Filtered),
        }
    }

    fn on_timer(&mut self, ctx: &mut Ctx<'_>, id: KeyId, due: Timestamp) {
        if matches!(ctx.states.get(id), Some(Row::Feed(_))) {
            return self.on_feed_timer(ctx, id, due);
        }
        self.with_position(ctx, id, due, |env, key, state, sums, alerts| {
            decide::on_timer(env, key, state, due, sums, alerts);
        });
        ctx.states.get_mut(id);
    }

    fn effective_at(&self, record: &BroadcastRecord) -> Result<Option<Timestamp>, Rejection> {
        world::effective_at(record)
    }

    fn install_broadcast(&mut self, record: &BroadcastRecord) {
        self.world.take(record);
    }

    fn on_broadcast(&mut self, ctx: &mut Ctx<'_>, record: &BroadcastRecord) {
        let place = match self.world.take(record) {
            Change::Nothing => return,
            Change::Rules => None,
            Change::Place(location) => Some(self.world.place(&location)),
        };
        let mut after: Option<Vec<u8>> = None;
        loop {
            let mut page = ctx.states.ids_of(POSITIONS, after.as_deref(), PAGE);
            let Some(last) = page.last() else { return };
            after = Some(ctx.states.key(*last).to_vec());
            if let Some(place) = &place {
                page.retain(|id| is_at(ctx.states.key(*id), place));
            }
            for id in &page {
                ctx.states.ready(*id);
                if let Some(place) = &place {
                    Self::move_to(ctx.states, *id, place);
                }
            }
            for id in page {
                self.reconsider(ctx, id);
            }
            ctx.states.relieve();
        }
    }

    fn close_epoch(&mut self) -> Vec<Sums> {
        let site = Sums { scope: SITE_SCOPE.to_owned(), id: SITE_ID.to_owned(), sums: self.sums.take() };
        let named = self.sums.take_keyed().into_iter().chain(self.feeds.take(self.partition));
        let named = named.map(|(scope, id, sums)| Sums { scope: scope.to_owned(), id, sums });
        std::iter::once(site).chain(named).collect()
    }

    fn apply_epoch(&mut self, ctx: &mut Ctx<'_>, epoch: i64, totals: &[Sums]) {
        for total in totals {
            match total.scope.as_str() {
                SITE_SCOPE if total.id == SITE_ID => self.world.site.apply_epoch(epoch, &total.sums),
                CATEGORY_SCOPE => self.world.site.apply_category(epoch, &total.id, &total.sums),
                SUPPLIER_SCOPE => self.world.site.apply_supplier(&total.id, &total.sums),
                BLIND_SCOPE => self.world.site.apply_blind(&total.id, total.sums.first().copied().unwrap_or(0)),
                _ => {}
            }
        }
        self.hear_locations(ctx, epoch, totals);
    }

    fn epochs_known(&mut self, through: i64) {
        self.known_through = through;
    }

    fn encode_shared(&self, out: &mut Vec<u8>) {
        shared::encode(&self.sums, &self.feeds, &self.world.site, out);
    }

    fn decode_shared(&mut self, row: &[u8]) -> Result<(), RowError> {
        (self.sums, self.feeds, self.world.site) = shared::decode(row)?;
        Ok(())
    }

    fn committed(&mut self, outputs: &[ProcessOutput], wall: Timestamp) {
        self.watched.committed(outputs, wall);
    }

    fn restored(&mut self, states: &mut StateTable<Row>) {
        // Items among them are few; a figure of how much is here, nothing more.
        self.watched.positions(states.estimated_keys() as i64);
    }

    fn publish(&self, key: &[u8], row: &Row, now: Now, out: &mut Published) {
        // Before the first watermark there is no time to date it with: the next change publishes it.
        if now.stream_time == Timestamp::MIN {
            return;
        }
        if let Some(position) = row.snapshot(key, now.stream_time) {
            output::publish(&position, self.partition, out);
        }
    }

    fn produce(&self, output: &ProcessOutput, sink: &mut dyn FnMut(Produced<'_>)) {
        output::produce(output, self.partition, sink);
    }
}

fn is_at(key: &[u8], place: &Place) -> bool {
    split_position_key(key).is_some_and(|(_, location)| location == place.location)
}

/// The source clock of an event: its own instant where no source is named.
pub fn event_signal<'r>(event: &'r InventoryEvent<'_>) -> TimeSignal<'r> {
    match &event.source {
        Some(source) => TimeSignal::Event {
            source: &source.source,
            source_partition: source.partition,
            source_time: source.time,
            occurred_at: event.occurred_at,
        },
        None => TimeSignal::Event {
            source: "canonical",
            source_partition: 0,
            source_time: event.occurred_at,
            occurred_at: event.occurred_at,
        },
    }
}
