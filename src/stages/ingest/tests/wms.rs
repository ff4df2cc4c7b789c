//! Rows of a warehouse system, one partition of their topic at a time.

use connectors::wms::mapping::Mapping;
use schemas::headers::{DEAD_LETTER_CLASS, DEAD_LETTER_OFFSET, REPLAYED};

use super::super::wms::WmsOperator;
use super::*;
use crate::metrics::{IngestMetrics, Metrics};

const MAPPING: &str = "version: 1
id: shop
source: { connector: postgresql }
park: { most: 10, for: 1m }
tables:
  public.items:
    catalog: { sku: sku, name: name }
  public.shops:
    location: { location: code, time_zone: zone }
  public.moves:
    events:
      - change: sold
        sku: { lookup: public.items, by: item, column: sku }
        location: { lookup: public.shops, by: shop, column: code }
        quantity: pieces
        order_id: receipt
";

const ITEM: &str = r#"{"id":1,"sku":"SKU-1","name":"Case"}"#;
const SHOP: &str = r#"{"id":7,"code":"STORE-7","zone":"Asia/Shanghai"}"#;

/// A committed row: transaction and place, second of the day, table, row.
fn row(place: u64, second: u32, table: &str, after: &str) -> String {
    let ms = at("2026-11-22T06:00:00Z").millis() + i64::from(second) * SECOND_MS;
    format!(
        r#"{{"before":null,"after":{after},"source":{{"connector":"postgresql","name":"wms","ts_ms":{ms},"snapshot":"false","sequence":"[\"{}\",\"{place}\"]","schema":"public","table":"{table}","txId":{place},"lsn":{place}}},"op":"c","ts_ms":{ms}}}"#,
        place - 1
    )
}

fn sale(place: u64, second: u32) -> String {
    row(
        place,
        second,
        "moves",
        &format!(r#"{{"id":{place},"item":1,"shop":7,"pieces":"2.000","receipt":"R-{place}"}}"#),
    )
}

struct Topic {
    task: Task<WmsOperator>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    metrics: Metrics,
    figures: IngestMetrics,
    next: i64,
}

impl Topic {
    fn new() -> Self {
        let metrics = Metrics::new().unwrap();
        let figures = metrics.add(IngestMetrics::new).unwrap();
        Self { task: Self::task(&figures), rows: BTreeMap::new(), metrics, figures, next: 0 }
    }

    fn task(figures: &IngestMetrics) -> Task<WmsOperator> {
        let config = TaskConfig { partition: 0, epoch_ms: None, grace_ms: 0, floor: DEFAULT_FLOOR };
        let input = Input { name: "wms".to_owned(), topic_partitions: 1, ..input(Content::StockChanges) };
        let mapping = Arc::new(Mapping::parse(MAPPING, "shop.yaml").unwrap());
        Task::new(config, WmsOperator::new(Arc::new(input), 0, mapping, figures.unmapped("wms")))
    }

    fn restart(&mut self) {
        self.task = Self::task(&self.figures);
        for (key, row) in &self.rows {
            self.task.install(key, row).unwrap();
        }
        self.task.resume(&[]);
    }

    fn offer(&mut self, value: &str, headers: &[(String, Vec<u8>)]) -> (Result<Outcome, Rejection>, Vec<IngestOutput>) {
        let id = value.split_once("\"id\":").unwrap().1.split([',', '}']).next().unwrap();
        let key = format!("{{\"id\":{id}}}");
        let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
        let incoming = Incoming { partition: 0, offset: self.next, timestamp_ms: 0, key, value, headers };
        self.next += 1;
        let captured = self.task.operator().decode(&incoming).unwrap();
        let Step::Done(result) = self.task.process(incoming.offset, &captured, &EpochBoard::new(1)) else {
            panic!("ingest has no epochs")
        };
        (result, self.commit())
    }

    fn commit(&mut self) -> Vec<IngestOutput> {
        let unit = self.task.seal();
        for (key, row) in unit.rows() {
            match row {
                Some(row) => drop(self.rows.insert(key.to_vec(), row.to_vec())),
                None => drop(self.rows.remove(key)),
            }
        }
        unit.outputs.clone()
    }

    /// What was sold by a record that can be used.
    fn sold(&mut self, value: &str) -> Vec<String> {
        let (outcome, written) = self.offer(value, &[]);
        outcome.unwrap();
        sold(&written)
    }

    fn learn(&mut self) {
        self.sold(&row(10, 0, "items", ITEM));
        self.sold(&row(11, 0, "shops", SHOP));
    }
}

fn sold(written: &[IngestOutput]) -> Vec<String> {
    let events = written.iter().filter(|w| w.topic == topics::EVENTS);
    let events = events.filter_map(|w| match avro::decode_stream(w.value.as_deref().unwrap()).unwrap() {
        StreamRecord::Event(event) => {
            assert_eq!(event.source.as_ref().map(|at| &*at.source), Some("wms"));
            Some(format!("{} {} {}", event.event_id, event.sku, event.location))
        }
        _ => None,
    });
    events.collect()
}

fn topics_of(written: &[IngestOutput]) -> Vec<&str> {
    let mut topics: Vec<&str> = written.iter().map(|w| w.topic).collect();
    topics.dedup();
    topics
}

#[test]
fn rows_become_items_places_and_stock_changes_with_the_sources_clock() {
    let mut topic = Topic::new();
    let (_, items) = topic.offer(&row(10, 0, "items", ITEM), &[]);
    assert_eq!(topics_of(&items), [topics::EVENTS, topics::CATALOG, topics::EVENTS], "the clock, the twin, in order");
    let (_, places) = topic.offer(&row(11, 0, "shops", SHOP), &[]);
    assert_eq!(topics_of(&places), [topics::LOCATIONS]);
    let (_, written) = topic.offer(&sale(12, 5), &[]);
    assert_eq!(sold(&written).len(), 1);
    let written: Vec<Written> = written.iter().map(super::written).collect();
    assert_eq!(watermarks(&written), [("wms".to_owned(), 0, at("2026-11-22T06:00:05Z"), vec![0])]);
}

#[test]
fn what_was_read_before_is_a_duplicate_even_after_a_restart_unless_somebody_puts_it_back() {
    let mut topic = Topic::new();
    topic.learn();
    let first = topic.sold(&sale(12, 5));
    topic.sold(&sale(13, 6));
    topic.restart();
    let (outcome, written) = topic.offer(&sale(12, 5), &[]);
    assert_eq!((outcome, sold(&written)), (Ok(Outcome::Duplicate), vec![]));
    let (outcome, written) = topic.offer(&sale(12, 5), &[(REPLAYED.to_owned(), b"0/1".to_vec())]);
    assert_eq!(outcome, Ok(Outcome::Ok));
    assert_ne!(sold(&written), [""; 0]);
    assert_ne!(first, [""; 0]);
}

#[test]
fn a_row_that_waits_goes_on_when_what_it_refers_to_has_come() {
    let mut topic = Topic::new();
    assert_eq!(topic.sold(&sale(9, 0)), [""; 0]);
    topic.restart();
    topic.sold(&row(10, 0, "items", ITEM));
    let (_, written) = topic.offer(&row(11, 0, "shops", SHOP), &[]);
    assert_eq!(sold(&written).len(), 1, "{written:?}");
}

#[test]
fn a_row_that_waits_in_vain_is_a_dead_letter_as_it_came() {
    let mut topic = Topic::new();
    let waiting = sale(9, 0);
    topic.sold(&waiting);
    let (_, written) = topic.offer(&row(10, 120, "items", ITEM), &[]);
    let letter = written.iter().find(|w| w.topic == topics::DEAD_LETTERS).expect("a dead letter");
    assert_eq!(letter.value.as_deref(), Some(waiting.as_bytes()));
    let header = |name: &str| letter.headers.iter().find(|(header, _)| header == name).unwrap().1.clone();
    assert_eq!((header(DEAD_LETTER_OFFSET), header(DEAD_LETTER_CLASS)), (b"0".to_vec(), b"unresolved_lookup".to_vec()));
    assert!(topic.sold(&row(11, 121, "shops", SHOP)).is_empty(), "it does not come back");
}

#[test]
fn a_table_that_the_mapping_does_not_name_is_passed_by_and_counted() {
    let mut topic = Topic::new();
    let (outcome, _) = topic.offer(&row(9, 0, "payroll", r#"{"id":1}"#), &[]);
    assert_eq!(outcome, Ok(Outcome::Filtered));
    let text = topic.metrics.render().unwrap();
    assert!(
        text.contains(r#"quartermaster_ingest_unmapped_changes_total{source="wms",table="public.payroll"} 1"#),
        "{text}"
    );
}
