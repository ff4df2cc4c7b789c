//! docs/running.md, as somebody would follow it: its files and its commands, in its order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use support::guide::{self, Guide, Line};
use support::service::{Service, eventually};
use support::{Scratch, client, quartermaster, run};
use test_kafka::{Kafka, Options};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const GUIDE: &str = "docs/running.md";
const BROKER: &str = "127.0.0.1:9092";

/// Every command of the guide, with a broker on a free port instead of the usual one.
#[test]
fn the_guide_leads_from_nothing_to_a_running_pair() {
    let kafka = Kafka::start(Options::default());
    let scratch = Scratch::new();
    let here = scratch.path("");
    let config = Guide::read(GUIDE, &[]).blocks("toml").remove(0);
    assert_eq!(
        std::fs::read_to_string(format!("{ROOT}/docs/examples/quartermaster.toml")).unwrap(),
        format!("# The configuration of docs/running.md.\n{config}"),
        "docs/examples/quartermaster.toml is the file of docs/running.md"
    );
    let guide = Guide::read(GUIDE, &[(BROKER, kafka.bootstrap())]);
    scratch.file("quartermaster.toml", guide.blocks("toml").remove(0));
    scratch.file("rules.yaml", guide.blocks("yaml").remove(0));
    let commands = guide.commands();
    let services = start_what_serves(&commands, &here, &scratch);
    assert_eq!(services.len(), 4, "ingest, a pair of process, notify");
    let lines = guide.blocks("json").remove(0);
    client::produce(kafka.bootstrap(), "wms.stock-changes", lines.lines().map(|line| ("SKU-1", line)));
    let alert = eventually("the alert", || {
        client::read(kafka.bootstrap(), "inventory.alerts", &BTreeMap::default()).into_iter().next()
    });
    let alert = schemas::avro::decode_alert(alert.value.as_deref().unwrap()).unwrap();
    assert_eq!((alert.kind.name(), alert.sku.as_deref()), ("low_stock", Some("SKU-1")));
    let notify = &services[3];
    eventually("notify logs the alert", || notify.log().contains(&alert.alert_id.to_string()).then_some(()));
    let after = commands.iter().rposition(Line::is_service).unwrap() + 1;
    let replayed = guide::run_to_the_alert(&commands[after..], &here);
    assert_eq!(replayed["alert_id"], alert.alert_id.to_string().as_str(), "the replay prints the very alert");
    for service in services {
        let name = service.name.clone();
        assert!(service.stop().success(), "{name} ends in order");
    }
}

/// Runs the commands up to the services, and starts those.
fn start_what_serves(commands: &[Line], here: &Path, scratch: &Scratch) -> Vec<Service> {
    let mut services = Vec::new();
    for line in commands {
        if line.is_service() {
            services.push(guide::start(line, here, scratch));
        } else if services.is_empty() {
            run(quartermaster(&line.arguments).current_dir(here)).expect(0, &[]);
        }
    }
    services
}
