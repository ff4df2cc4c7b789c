//! Who is heard from: rows of the locations and sources that this partition watches, because the hash of their
//! scope is its own. What silence means is in `rules::feeds`.

use processor::operator::{Outcome, Sums};
use processor::table::KeyId;
use rules::feeds::{self, Feed, FeedState, HEARD_SCOPE, Look, newest_heard};
use rules::place::Place;
use rules::site::EPOCH_MS;
use schemas::partitioner::partition_for;
use schemas::stream::{SourceSilence, Watermark};
use schemas::time::MINUTE_MS;
use schemas::{Timestamp, Zone};

use super::rows::{feed_key, feed_scope};
use super::{Ctx, ProcessOperator, Row, emit_alerts};

/// A source that watermarks tell of. Not stored: it spares them a hash.
pub(super) struct KnownSource {
    name: String,
    partition: i32,
    /// This partition watches it.
    ours: bool,
}

fn minute_of(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.millis().div_euclid(MINUTE_MS) * MINUTE_MS)
}

impl ProcessOperator {
    fn watches(&self, scope: &str) -> bool {
        partition_for(scope.as_bytes(), self.partitions) == self.partition
    }

    /// When locations were heard in an epoch. Only remembered: they are looked at when their time comes.
    pub(super) fn hear_locations(&mut self, ctx: &mut Ctx<'_>, epoch: i64, totals: &[Sums]) {
        let records = totals.iter().filter(|total| total.scope == HEARD_SCOPE);
        let records = records.map(|total| (total.id.as_str(), total.sums.as_slice()));
        for (location, heard) in newest_heard(epoch, records) {
            let feed = Feed::Location(location.into());
            let scope = feed.scope();
            if self.watches(&scope) {
                let zone = self.world.place(location).zone.clone();
                self.hear(ctx, &feed, &scope, heard, &zone);
            }
        }
    }

    /// The row of a feed that was heard of, opened if it is new.
    fn hear(&mut self, ctx: &mut Ctx<'_>, feed: &Feed<'_>, scope: &str, heard: Timestamp, zone: &Zone) -> KeyId {
        feed_key(scope, &mut self.key);
        let id = ctx.states.intern(&self.key);
        match ctx.states.get_mut(id).and_then(Row::as_feed_mut) {
            Some(state) => state.hear(heard, zone),
            None => ctx.states.put(id, Row::Feed(Box::new(FeedState::first_heard(feed, heard)))),
        }
        id
    }

    /// A source spoke. Its row hears of it once a minute, and whenever an alert of it may end.
    pub(super) fn on_watermark(&mut self, ctx: &mut Ctx<'_>, watermark: &Watermark) -> Outcome {
        let Watermark { source, source_partition, event_time, .. } = watermark;
        if !self.watches_source(source, *source_partition) {
            return Outcome::Filtered;
        }
        let feed = Feed::Source { name: source.as_str().into(), partition: *source_partition };
        let (scope, minute) = (feed.scope(), minute_of(*event_time));
        feed_key(&scope, &mut self.key);
        let id = ctx.states.intern(&self.key);
        // What the row has heard decides, and nothing beside it: a task that was restored goes on the same way.
        if matches!(ctx.states.get(id), Some(Row::Feed(state)) if state.heard() >= minute) {
            return Outcome::Filtered;
        }
        self.hear(ctx, &feed, &scope, minute, &Zone::UTC);
        let now = (*event_time).max(ctx.now.stream_time);
        let Some(Row::Feed(state)) = ctx.states.get(id) else { return Outcome::Filtered };
        if state.is_open() {
            // What is older than the last word of its silence was on its way when it fell silent.
            let known_until = now.max(state.silent_at().unwrap_or(now));
            self.judge_feed(ctx, id, Look { at: now, detected_at: now, known_until });
        }
        Outcome::Filtered
    }

    /// A source's reader says that nothing comes.
    pub(super) fn on_silence(&mut self, ctx: &mut Ctx<'_>, silence: &SourceSilence) -> Outcome {
        let SourceSilence { source, source_partition, last_event_time, observed_at } = silence;
        let ours = self.watches_source(source, *source_partition);
        // What was never heard has nothing usual.
        let Some(last) = last_event_time.filter(|_| ours).map(minute_of) else { return Outcome::Filtered };
        let feed = Feed::Source { name: source.as_str().into(), partition: *source_partition };
        let id = self.hear(ctx, &feed, &feed.scope(), last, &Zone::UTC);
        if let Some(state) = ctx.states.get_mut(id).and_then(Row::as_feed_mut) {
            state.fall_silent(*observed_at);
        }
        let at = (*observed_at).max(ctx.now.stream_time);
        self.judge_feed(ctx, id, Look { at, detected_at: at, known_until: at });
        Outcome::Filtered
    }

    fn watches_source(&mut self, name: &str, partition: i32) -> bool {
        let known = self.sources.iter().find(|known| known.partition == partition && known.name == name);
        if let Some(known) = known {
            return known.ours;
        }
        let ours = self.watches(&Feed::Source { name: name.into(), partition }.scope());
        self.sources.push(KnownSource { name: name.to_owned(), partition, ours });
        ours
    }

    /// A location is looked at: at every epoch.
    pub(super) fn on_feed_timer(&mut self, ctx: &mut Ctx<'_>, id: KeyId, due: Timestamp) {
        let known_until =
            Timestamp::from_millis(self.known_through.saturating_add(1).saturating_mul(EPOCH_MS)).min(due);
        let detected_at = due.max(ctx.now.stream_time);
        self.judge_feed(ctx, id, Look { at: due, detected_at, known_until });
        if let Some(state) = ctx.states.get_mut(id).and_then(Row::as_feed_mut) {
            state.looked(due);
        }
    }

    fn judge_feed(&mut self, ctx: &mut Ctx<'_>, id: KeyId, look: Look) {
        let Some(scope) = feed_scope(ctx.states.key(id)).map(str::to_owned) else { return };
        let Some(feed) = Feed::from_scope(&scope) else { return };
        let place = match &feed {
            Feed::Location(location) => self.world.place(location),
            Feed::Source { .. } => Place::unknown("").into(),
        };
        let Self { world, feeds: sums, alerts, .. } = self;
        let Some(state) = ctx.states.get_mut(id).and_then(Row::as_feed_mut) else { return };
        let blind = state.is_blind();
        feeds::judge(world.rules(), &place, &feed, state, look, alerts);
        if let Feed::Location(location) = &feed
            && state.is_blind() != blind
        {
            sums.tell(location, state.is_blind());
        }
        emit_alerts(alerts, ctx);
    }
}
