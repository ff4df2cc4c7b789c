//! docs/sources.md, as somebody would follow it who starts with `make wms`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use support::guide::{self, Guide, Step};
use support::service::{Service, eventually};
use support::{Scratch, client, quartermaster, run};
use test_kafka::{Connect, Kafka, Options, Postgres};
use test_wms::{Business, Database};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const GUIDE: &str = "docs/sources.md";

/// What `make wms` starts, on free ports: every file and command of the guide with those.
#[test]
fn the_guide_leads_from_a_database_to_an_alert() {
    let kafka = Kafka::start(Options::default());
    let postgres = Postgres::start(None);
    let database = Database::create(&postgres).unwrap();
    Business::open(&database, "owner", 1).unwrap().set_up(30).unwrap();
    let connect = Connect::start(kafka.bootstrap(), None);
    let (address, port) = (format!("127.0.0.1:{}", postgres.port()), format!("\"{}\"", postgres.port()));
    let guide = Guide::read(
        GUIDE,
        &[
            ("127.0.0.1:9092", kafka.bootstrap()),
            ("127.0.0.1:5433", &address),
            ("\"5433\"", &port),
            ("http://127.0.0.1:8083", &connect.url()),
        ],
    );
    let scratch = Scratch::new();
    let here = scratch.path("");
    for (name, content) in guide.files() {
        scratch.file(&name, content);
    }
    let mut services: Vec<Service> = Vec::new();
    let mut after = Vec::new();
    for step in guide.steps() {
        match step {
            Step::Other(line) => guide::run_other(&line, &here),
            Step::Program(line) if line.is_service() => services.push(guide::start(&line, &here, &scratch)),
            Step::Program(line) if services.is_empty() => {
                run(quartermaster(&line.arguments).current_dir(&here)).expect(0, &[]);
            }
            Step::Program(line) => after.push(line),
        }
    }
    let alert = eventually("the alert", || {
        let alerts = client::read(kafka.bootstrap(), "inventory.alerts", &BTreeMap::default());
        let decoded = alerts.iter().map(|seen| schemas::avro::decode_alert(seen.value.as_deref().unwrap()).unwrap());
        decoded.into_iter().find(|alert| alert.sku.as_deref() == Some("KETTLE"))
    });
    assert_eq!(alert.kind.name(), "low_stock");
    let notify = services.last().unwrap();
    eventually("notify logs the alert", || notify.log().contains(&alert.alert_id.to_string()).then_some(()));
    guide::run_to_the_alert(&after, &here);
    let letters = client::read(kafka.bootstrap(), "inventory.dead-letters", &BTreeMap::default());
    assert_eq!(letters.len(), 0, "nothing is left over");
}

/// The guide's connector is that of the reference, on another port and with fewer tables.
#[test]
fn the_connector_of_the_guide_is_that_of_the_reference() {
    let settings = |text: &str| {
        let mut settings: Map<String, Value> = serde_json::from_str(text).unwrap();
        for own in ["database.port", "table.include.list"] {
            assert!(settings.remove(own).is_some(), "{own}");
        }
        settings
    };
    let shown = Guide::read(GUIDE, &[]).files().into_iter().find(|(name, _)| name == "connector.json").unwrap().1;
    let reference = std::fs::read_to_string(format!("{ROOT}/connectors/wms/reference/connector.json")).unwrap();
    assert_eq!(settings(&shown), settings(&reference));
}
