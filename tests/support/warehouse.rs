//! The whole chain: the reference WMS on PostgreSQL, Debezium, Kafka, `ingest` and `process`.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{avro, topics};
use test_wms::{Business, Chain, Stock, TOPIC, Truth};

use super::client::{self, Follower};
use super::deployment::Deployment;
use super::service::{PATIENCE, Service};

const MAPPING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/connectors/wms/reference/mapping.yaml");

pub struct Warehouse {
    // In this order: services end, then what they read from.
    pub services: Vec<Service>,
    pub deployment: Deployment,
    pub chain: Chain,
}

impl Warehouse {
    /// Everything but the connector and the services.
    pub fn new(rules: &str) -> Self {
        let input = format!(
            "\n[[ingest.inputs]]\nname = \"wms\"\ntopic = \"{TOPIC}\"\ncontent = \"wms\"\nmapping = \"{MAPPING}\"\n"
        );
        let deployment = Deployment::reading(&input, rules);
        let chain = Chain::start(deployment.bootstrap());
        Self { services: Vec::new(), deployment, chain }
    }

    /// Starts the connector, then who reads what it writes.
    pub fn capture(&mut self) {
        self.chain.capture();
        self.serve();
    }

    pub fn serve(&mut self) {
        for name in ["ingest", "process"] {
            let mut service = self.deployment.start(name, name);
            service.ready();
            self.services.push(service);
        }
    }

    /// Somebody to work in the WMS.
    pub fn business(&self, name: &str, seed: u64) -> Business {
        Business::open(&self.chain.database, name, seed).unwrap()
    }

    /// What SQL says.
    pub fn truth(&self) -> Truth {
        test_wms::truth(&mut self.chain.database.connect().unwrap()).unwrap()
    }

    /// What the stream says.
    pub fn positions(&self) -> Truth {
        let decode = |value: Vec<u8>| {
            let position = avro::decode_position(&value).unwrap();
            let stock = Stock {
                on_hand: position.on_hand.map(schemas::Quantity::thousandths),
                reserved: position.reserved.thousandths(),
                on_order: position.on_order.thousandths(),
            };
            ((position.sku.into_owned(), position.location.into_owned()), stock)
        };
        self.deployment.positions().into_values().map(decode).collect()
    }

    /// Where the two differ: SKU, location, SQL, stream.
    pub fn differences(&self, truth: &Truth) -> Vec<String> {
        let positions = self.positions();
        let keys: BTreeSet<_> = truth.keys().chain(positions.keys()).collect();
        let of = |side: &Truth, key| side.get(key).copied().unwrap_or_default();
        let differ = keys.into_iter().filter(|key| of(truth, *key) != of(&positions, *key));
        differ.map(|key| format!("{key:?}: SQL {:?}, stream {:?}", of(truth, key), of(&positions, key))).collect()
    }

    /// Waits until the stream says what SQL says, and returns how many positions that are. Nobody may work meanwhile.
    #[track_caller]
    pub fn agrees(&self) -> usize {
        let truth = self.truth();
        let mut last = (Vec::new(), 0);
        let pause = std::time::Duration::from_millis(500);
        for _ in 0..PATIENCE.as_millis() / pause.as_millis() {
            let differences = self.differences(&truth);
            if differences.is_empty() {
                return truth.len();
            }
            // As long as anything moves, there is hope.
            let moved = differences != last.0;
            last = (differences, if moved { 0 } else { last.1 + 1 });
            if last.1 > 60 {
                break;
            }
            #[allow(clippy::disallowed_methods, reason = "waits for other processes, a bounded number of times")]
            std::thread::sleep(pause);
        }
        let letters = self.dead_letters();
        panic!(
            "{} of {} positions differ:\n{}\n{} dead letters, the first: {:?}",
            last.0.len(),
            truth.len(),
            last.0.iter().take(10).cloned().collect::<Vec<_>>().join("\n"),
            letters.len(),
            letters.first()
        );
    }

    /// What could not be used, in short.
    pub fn dead_letters(&self) -> Vec<String> {
        let letters = client::read(self.deployment.bootstrap(), topics::DEAD_LETTERS, &BTreeMap::new());
        let short = |letter: client::Seen| {
            let headers: Vec<String> = letter
                .headers
                .iter()
                .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)))
                .collect();
            let value = String::from_utf8_lossy(letter.value.as_deref().unwrap_or_default())
                .chars()
                .take(600)
                .collect::<String>();
            format!("{} {value}", headers.join(" "))
        };
        letters.into_iter().map(short).collect()
    }

    /// Records of captured rows, and how many of them came more than once.
    pub fn captured(&self) -> (usize, usize) {
        let records = client::read(self.deployment.bootstrap(), TOPIC, &BTreeMap::new());
        let mut seen = BTreeSet::new();
        let (mut rows, mut again) = (0, 0);
        for record in records {
            let value: serde_json::Value = serde_json::from_slice(record.value.as_deref().unwrap_or(b"null")).unwrap();
            let Some(op) = value["op"].as_str().filter(|op| "crud".contains(op)) else { continue };
            rows += 1;
            let (table, lsn) = (&value["source"]["table"], &value["source"]["lsn"]);
            again += usize::from(!seen.insert(format!("{op} {table} {lsn} {:?}", record.key)));
        }
        (rows, again)
    }

    /// Waits until the connector has written what is committed now. People may go on working.
    #[track_caller]
    pub fn captured_everything(&self) {
        let changes = Follower::at_the_end(self.deployment.bootstrap(), TOPIC);
        let mut database = self.chain.database.connect().unwrap();
        let insert = "INSERT INTO sales_orders (number) VALUES ('MARK-' || gen_random_uuid()) RETURNING number";
        let number: String = database.query_one(insert, &[]).unwrap().get(0);
        changes.find("the connector has written everything", |value| {
            String::from_utf8_lossy(value).contains(&number).then_some(())
        });
    }
}
