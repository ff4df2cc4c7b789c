//! What is fed to the simulated chain: a small WMS's lines, spoilt here and there, and rules, places
//! and items that change meanwhile. The same for the same seed.

use std::collections::VecDeque;

use schemas::stream::{RuleDocumentRecord, SourceSilence, StreamRecord, Watermark};
use schemas::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use schemas::{Timestamp, avro, canonical, topics};

use crate::demo::wms::random::Random;
use crate::demo::wms::{SOURCE, SOURCE_PARTITIONS, START, Scenario as Chain, Wms};
use crate::embedded::Publisher;

pub(super) const PARTITIONS: i32 = 3;
pub(super) const GRACE_MS: i64 = 10 * MINUTE_MS;
/// Time of the shops in a run in which states grow old.
pub(super) const LONG_MS: i64 = 6 * DAY_MS;
/// The same for one of very many runs.
pub(super) const SHORT_MS: i64 = 8 * HOUR_MS;

/// Everything that comes from outside.
pub(super) struct Scenario {
    wms: Wms,
    lines: Vec<VecDeque<Vec<u8>>>,
    /// Where each source partition's lines stand.
    reached: Vec<Timestamp>,
    versions: i32,
    pub(super) published: u64,
}

impl Scenario {
    pub(super) fn new(seed: u64, simulated_ms: i64) -> Self {
        let mut random = Random::seeded(seed ^ 0x5ce7_a210);
        let mut wms = Wms::new(Chain { seed, weeks: 8, stores: 3, items: 40 });
        let mut lines = vec![VecDeque::new(); SOURCE_PARTITIONS as usize];
        for mut event in wms.next_batch(START.plus_ms(simulated_ms)) {
            if random.chance(0.01) {
                event.occurred_at = event.occurred_at.minus_ms(random.whole(1, 300) * MINUTE_MS);
            }
            let partition = event.source.as_ref().map_or(0, |source| source.partition as usize);
            let mut line = Vec::new();
            canonical::write_event(&event, &mut line);
            if random.chance(0.005) {
                line.truncate(line.len() / 2);
            }
            if random.chance(0.01) {
                lines[partition].push_back(line.clone());
            }
            lines[partition].push_back(line);
        }
        let reached = vec![START; SOURCE_PARTITIONS as usize];
        Self { wms, lines, reached, versions: 0, published: 0 }
    }

    pub(super) fn is_over(&self) -> bool {
        self.lines.iter().all(VecDeque::is_empty)
    }

    /// Places, items and the first rules.
    pub(super) fn open(&mut self, publisher: &mut Publisher) {
        publisher.begin().unwrap();
        for location in self.wms.locations() {
            publisher.location(location).unwrap();
        }
        for item in self.wms.catalog() {
            publisher.item(item).unwrap();
        }
        self.publish_rules(publisher, Timestamp::EARLIEST, 40);
        publisher.commit().unwrap();
    }

    /// One transaction of something.
    pub(super) fn publish(&mut self, publisher: &mut Publisher, random: &mut Random) {
        publisher.begin().unwrap();
        match random.below(40) {
            0 => self.publish_rules_somewhen(publisher, random),
            1 => self.move_a_place(publisher, random),
            2 => self.change_an_item(publisher, random),
            3 => self.fall_silent(publisher, random),
            4 => publisher.produce(topics::EVENTS, Some(random.below(3) as i32), "poison", b"\x00garbage").unwrap(),
            _ => self.publish_lines(publisher, random),
        }
        publisher.commit().unwrap();
    }

    fn publish_lines(&mut self, publisher: &mut Publisher, random: &mut Random) {
        let partition = random.below(self.lines.len());
        for _ in 0..random.whole(1, 12) {
            let Some(line) = self.lines[partition].pop_front() else { return };
            if let Ok(event) = canonical::decode_event(&line) {
                self.reached[partition] = self.reached[partition].max(event.source.map_or(START, |s| s.time));
            }
            publisher.line(partition as i32, "line", &line).unwrap();
            self.published += 1;
        }
    }

    /// Ahead, just now or overdue, each of it in another order than published.
    fn publish_rules_somewhen(&mut self, publisher: &mut Publisher, random: &mut Random) {
        let newest = self.reached.iter().copied().max().unwrap_or(START);
        let effective_at = newest.plus_ms(random.whole(-12, 24) * HOUR_MS);
        let units = random.whole(5, 80);
        if random.chance(0.2) {
            let record = RuleDocumentRecord { id: "broken".into(), version: 1, effective_at, body: "rules: [".into() };
            publisher.rules(&record).unwrap();
        }
        self.publish_rules(publisher, effective_at, units);
    }

    fn publish_rules(&mut self, publisher: &mut Publisher, effective_at: Timestamp, units: i64) {
        self.versions += 1;
        let version = self.versions;
        let body = format!(
            "version: {version}\nid: sim\nrules:\n  - {{ id: low, kind: low_stock, threshold: {{ type: fixed, quantity: {units} }} }}\n  \
             - {{ id: out, kind: stock_out }}\n  - {{ id: surge, kind: demand_surge, false_alarms_per_1000_sku_days: 50 }}\n"
        );
        publisher.rules(&RuleDocumentRecord { id: "sim".into(), version, effective_at, body }).unwrap();
    }

    fn move_a_place(&self, publisher: &mut Publisher, random: &mut Random) {
        let places: Vec<_> = self.wms.locations().cloned().collect();
        for _ in 0..random.whole(1, 2) {
            let mut place = places[random.below(places.len())].clone();
            place.time_zone = Some(["UTC", "Asia/Shanghai", "America/New_York"][random.below(3)].to_owned());
            publisher.location(&place).unwrap();
        }
    }

    fn change_an_item(&self, publisher: &mut Publisher, random: &mut Random) {
        let items: Vec<_> = self.wms.catalog().cloned().collect();
        let mut item = items[random.below(items.len())].clone();
        item.lead_time_days = Some(random.whole(1, 20) as f64);
        publisher.item(&item).unwrap();
    }

    /// The final watermark: whatever was published without a record behind it takes effect before this one.
    pub(super) fn end(&self, publisher: &mut Publisher) {
        publisher.begin().unwrap();
        for (source_partition, reached) in (0..SOURCE_PARTITIONS).zip(&self.reached) {
            let watermark = Watermark {
                source: SOURCE.into(),
                source_partition,
                event_time: *reached,
                grace_ms: GRACE_MS,
                partitions: (0..SOURCE_PARTITIONS).collect(),
            };
            let mut value = Vec::new();
            avro::encode_stream(&StreamRecord::Watermark(watermark), &mut value);
            for partition in 0..PARTITIONS {
                publisher.produce(topics::EVENTS, Some(partition), "watermark", &value).unwrap();
            }
        }
        publisher.commit().unwrap();
    }

    fn fall_silent(&self, publisher: &mut Publisher, random: &mut Random) {
        let source_partition = random.below(self.lines.len()) as i32;
        let observed_at = self.reached[source_partition as usize];
        let silence = SourceSilence { source: SOURCE.into(), source_partition, last_event_time: None, observed_at };
        let mut value = Vec::new();
        avro::encode_stream(&StreamRecord::Silence(silence), &mut value);
        for partition in 0..PARTITIONS {
            publisher.produce(topics::EVENTS, Some(partition), "silence", &value).unwrap();
        }
    }
}
