//! What must be true of a chain at rest: the invariants of docs/INVARIANTS.md, asserted against a
//! replay of what was committed.

use std::collections::BTreeMap;
use std::time::Duration;

use processor::operator::{BroadcastRecord, Origin};
use processor::ports::{Isolation, Log, TopicPartition};
use processor::replay::{LogReplay, LoggedRecord, ReplayDriver};
use processor::source_clock::DEFAULT_FLOOR;
use processor::store::StoreProvider;
use processor::task::{Meta, TaskConfig};
use schemas::stream::{JournalEntry, Switch};
use schemas::time::MINUTE_MS;
use schemas::{Alert, avro, topics};

use super::scenario::PARTITIONS;
use super::simulation::Simulation;
use crate::embedded::Embedded;
use crate::stages::process::{ProcessOperator, ProcessOutput};

/// The newest row of each key, by partition.
type Rows = BTreeMap<i32, BTreeMap<Vec<u8>, Vec<u8>>>;
/// Encoded alerts by (alert id, revision).
type Alerts = BTreeMap<(String, u32), Vec<u8>>;

/// What a committed record was.
struct Seen {
    partition: i32,
    offset: i64,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    headers: BTreeMap<String, Vec<u8>>,
}

fn committed(chain: &Embedded, topic: &str, partitions: i32) -> Vec<Seen> {
    let mut seen = Vec::new();
    for partition in 0..partitions {
        let at = TopicPartition::new(topic, partition);
        let visit = &mut |record: processor::ports::RecordView<'_>| {
            seen.push(Seen {
                partition,
                offset: record.offset,
                key: record.key.unwrap_or_default().to_vec(),
                value: record.value.map(<[u8]>::to_vec),
                headers: record.headers.iter().cloned().collect(),
            });
        };
        chain.log().records(&at, Isolation::ReadCommitted, visit).unwrap();
    }
    seen
}

pub(super) fn committed_alerts(chain: &Embedded) -> Vec<Alert> {
    let seen = committed(chain, topics::ALERTS, PARTITIONS);
    seen.iter().map(|seen| avro::decode_alert(seen.value.as_deref().unwrap()).unwrap()).collect()
}

/// A replay of the committed input log, its broadcast topics and its journal.
pub(super) struct Oracle {
    replay: LogReplay<ProcessOperator>,
    rejected: Vec<(i32, i64)>,
    journal: Vec<JournalEntry>,
}

impl Oracle {
    pub(super) fn of(chain: &Embedded) -> Self {
        // The grace of a log comes with its watermarks.
        let config = TaskConfig {
            partition: 0,
            epoch_ms: Some(rules::site::EPOCH_MS),
            grace_ms: 10 * MINUTE_MS,
            floor: DEFAULT_FLOOR,
        };
        let input_id = chain.log().reader().unwrap().topic_id(topics::EVENTS, Duration::ZERO).unwrap();
        let driver = ReplayDriver::new(PARTITIONS, &config, |partition| ProcessOperator::new(partition, PARTITIONS));
        let mut replay = LogReplay::new(driver.reading(&input_id));
        let journal: Vec<JournalEntry> = committed(chain, topics::JOURNAL, PARTITIONS)
            .iter()
            .map(|seen| avro::decode_journal(seen.value.as_deref().unwrap()).unwrap())
            .collect();
        let broadcasts: Vec<BroadcastRecord> = [topics::LOCATIONS, topics::RULES]
            .iter()
            .flat_map(|topic| committed(chain, topic, 1).into_iter().map(move |seen| (topic, seen)))
            .map(|(topic, Seen { offset, key, value, .. })| BroadcastRecord {
                topic: (*topic).to_owned(),
                offset,
                key,
                value,
            })
            .collect();
        replay.prepare(&journal, &broadcasts);
        let mut rejected = Vec::new();
        for seen in committed(chain, topics::EVENTS, PARTITIONS) {
            let record = LoggedRecord { offset: seen.offset, key: Some(seen.key), value: seen.value };
            let done = &mut |partition, record: &LoggedRecord, result: Result<_, _>| {
                if result.is_err() {
                    rejected.push((partition, record.offset));
                }
            };
            replay.offer(seen.partition, record, done).unwrap();
        }
        rejected.sort_unstable();
        Self { replay, rejected, journal }
    }

    fn alerts(&mut self) -> Alerts {
        let mut effects: Vec<(Origin, ProcessOutput)> = Vec::new();
        self.replay.driver().drain(&mut effects);
        let mut alerts = Alerts::new();
        for (_, alert) in effects {
            let mut value = Vec::new();
            avro::encode_alert(&alert, &mut value);
            alerts.insert((alert.alert_id.to_string(), alert.revision), value);
        }
        alerts
    }

    fn rows(&mut self) -> Rows {
        let mut rows = Rows::new();
        for (partition, unit) in self.replay.driver().seal() {
            let here = rows.entry(partition).or_default();
            here.extend(unit.rows().filter_map(|(key, row)| Some((key.to_vec(), row?.to_vec()))));
        }
        rows
    }
}

/// Everything, after [`Simulation::run`]. Returns the number of alert revisions compared.
pub(super) fn check(simulation: &mut Simulation, seed: u64) -> usize {
    let mut oracle = Oracle::of(&simulation.chain);
    let epochs = oracle.journal.iter().filter(|entry| matches!(entry.switch, Switch::Epoch { .. })).count();
    simulation.faults.epochs_passed_over = epochs as u64;
    simulation.faults.overdue_switches = (oracle.journal.len() - epochs) as u64;
    let chain = &simulation.chain;
    assert_eq!(oracle.replay.waiting(), 0, "seed {seed}: the oracle waits for an epoch");
    let compared = alerts_equal(chain, &mut oracle, seed);
    dead_letters_equal(chain, &oracle, seed);
    stores_equal(simulation, &mut oracle, seed);
    compared
}

/// Asserts invariant I1 and invariant I2.
fn alerts_equal(chain: &Embedded, oracle: &mut Oracle, seed: u64) -> usize {
    let mut live = Alerts::new();
    for seen in committed(chain, topics::ALERTS, PARTITIONS) {
        let value = seen.value.unwrap();
        let alert = avro::decode_alert(&value).unwrap();
        let id = (alert.alert_id.to_string(), alert.revision);
        assert!(alert.occurred_at >= DEFAULT_FLOOR, "seed {seed}: {id:?} occurred at {}", alert.occurred_at);
        assert!(live.insert(id.clone(), value).is_none(), "seed {seed}: I2: {id:?} twice");
    }
    let expected = oracle.alerts();
    for id in live.keys().chain(expected.keys()) {
        let show = |alerts: &Alerts| alerts.get(id).map(|value| avro::decode_alert(value).unwrap());
        let same = live.get(id) == expected.get(id);
        assert!(same, "seed {seed}: I1: {id:?}\nlive:   {:#?}\noracle: {:#?}", show(&live), show(&expected));
    }
    live.len()
}

/// Asserts invariant I13: one dead letter for each record refused, with its bytes.
fn dead_letters_equal(chain: &Embedded, oracle: &Oracle, seed: u64) {
    let text = |seen: &Seen, name: &str| String::from_utf8(seen.headers[name].clone()).unwrap();
    let mut refused = Vec::new();
    for seen in committed(chain, topics::DEAD_LETTERS, 1) {
        let (topic, at) = (text(&seen, "topic"), text(&seen, "offset").parse::<i64>().unwrap());
        let partition = text(&seen, "partition").parse::<i32>().unwrap();
        let original = committed(chain, &topic, partition + 1);
        let original = original.iter().find(|other| (other.partition, other.offset) == (partition, at));
        assert_eq!(original.map(|o| &o.value), Some(&seen.value), "seed {seed}: I13: {topic}-{partition} at {at}");
        if topic == topics::EVENTS {
            refused.push((partition, at));
        }
    }
    refused.sort_unstable();
    assert_eq!(refused, oracle.rejected, "seed {seed}: I13");
}

/// Asserts invariant I3, and of invariant I4 that all are equal after a clean close.
fn stores_equal(simulation: &Simulation, oracle: &mut Oracle, seed: u64) {
    let chain = &simulation.chain;
    let mut changelog = Rows::new();
    for seen in committed(chain, &topics::changelog("quartermaster-process", "state"), PARTITIONS) {
        let rows = changelog.entry(seen.partition).or_default();
        match seen.value {
            Some(row) => drop(rows.insert(seen.key, row)),
            None => drop(rows.remove(&seen.key)),
        }
    }
    let expected = oracle.rows();
    for partition in 0..PARTITIONS {
        differ(&changelog[&partition], &expected[&partition])
            .map_or(Ok(()), |key| Err(format!("seed {seed}: I3: changelog of {partition} and oracle differ at {key}")))
            .unwrap();
    }
    let offsets = chain.log().committed("quartermaster-process");
    let mut up_to_date = 0;
    for mut disk in simulation.disks() {
        for partition in 0..PARTITIONS {
            let mut rows = BTreeMap::new();
            let store = disk.open(partition).unwrap();
            let visit = &mut |key: &[u8], row: &[u8]| {
                rows.insert(key.to_vec(), row.to_vec());
                Ok(())
            };
            store.scan(visit).unwrap();
            let position = rows.get(&b"\0meta"[..]).map(|row| Meta::decode(row).unwrap().position);
            let committed = offsets.get(&TopicPartition::new(topics::EVENTS, partition)).copied();
            assert!(position <= committed, "seed {seed}: I4: {partition}: {position:?} after {committed:?}");
            if position == committed {
                assert_eq!(differ(&rows, &expected[&partition]), None, "seed {seed}: I3: store of {partition}");
                up_to_date += 1;
            }
        }
    }
    assert!(up_to_date >= PARTITIONS, "seed {seed}: I4: a clean close left a store behind");
}

/// The first key whose rows differ.
fn differ(a: &BTreeMap<Vec<u8>, Vec<u8>>, b: &BTreeMap<Vec<u8>, Vec<u8>>) -> Option<String> {
    let key = a.keys().chain(b.keys()).find(|key| a.get(*key) != b.get(*key))?;
    let detail = (key.as_slice() == b"\0meta").then(|| [a, b].map(|rows| rows.get(key).map(|row| Meta::decode(row))));
    Some(format!("{} {detail:#?}", String::from_utf8_lossy(key)))
}
