//! docs/running.md, as somebody would follow it: its files and its commands, in its order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::service::{Service, eventually};
use support::{Scratch, client, run};
use test_kafka::{Kafka, Options};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const BROKER: &str = "127.0.0.1:9092";

fn guide() -> String {
    std::fs::read_to_string(format!("{ROOT}/docs/running.md")).unwrap()
}

/// The fenced blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let (guide, fence) = (guide(), format!("```{language}\n"));
    let bodies = guide.split(&fence).skip(1);
    bodies.map(|rest| rest.split_once("```").expect("a block ends").0.to_owned()).collect()
}

/// Variables and arguments of a command.
type Line = (Vec<(String, String)>, Vec<String>);

/// The lines of the shell blocks that run the program, without variables and comments.
fn commands() -> Vec<Line> {
    let parse = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "quartermaster")?;
        let pair = |word: &&str| word.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())).expect("a variable");
        let variables = words[..at].iter().map(pair).collect();
        Some((variables, words[at + 1..].iter().map(|word| (*word).to_owned()).collect()))
    };
    blocks("sh").iter().flat_map(|block| block.lines().filter_map(parse).collect::<Vec<_>>()).collect()
}

fn is_service(arguments: &[String]) -> bool {
    ["ingest", "process", "notify"].iter().any(|name| arguments.iter().any(|word| word == name))
}

/// Every command of the guide, with a broker on a free port instead of the usual one.
#[test]
fn the_guide_leads_from_nothing_to_a_running_pair() {
    let kafka = Kafka::start(Options::default());
    let scratch = Scratch::new();
    let here = scratch.path("");
    let config = blocks("toml").remove(0);
    assert_eq!(
        std::fs::read_to_string(format!("{ROOT}/docs/examples/quartermaster.toml")).unwrap(),
        format!("# The configuration of docs/running.md.\n{config}"),
        "docs/examples/quartermaster.toml is the file of docs/running.md"
    );
    assert!(config.contains(BROKER));
    scratch.file("quartermaster.toml", config.replace(BROKER, kafka.bootstrap()));
    scratch.file("rules.yaml", blocks("yaml").remove(0));
    let commands = commands();
    let services = start_what_serves(&commands, &here, &scratch);
    assert_eq!(services.len(), 4, "ingest, a pair of process, notify");
    let lines = blocks("json").remove(0);
    client::produce(kafka.bootstrap(), "wms.stock-changes", lines.lines().map(|line| ("SKU-1", line)));
    let alert = eventually("the alert", || {
        client::read(kafka.bootstrap(), "inventory.alerts", &BTreeMap::default()).into_iter().next()
    });
    let alert = schemas::avro::decode_alert(alert.value.as_deref().unwrap()).unwrap();
    assert_eq!((alert.kind.name(), alert.sku.as_deref()), ("low_stock", Some("SKU-1")));
    let notify = &services[3];
    eventually("notify logs the alert", || notify.log().contains(&alert.alert_id.to_string()).then_some(()));
    let replayed = run_the_rest(&commands, &here);
    assert_eq!(replayed["alert_id"], alert.alert_id.to_string().as_str(), "the replay prints the very alert");
    for service in services {
        let name = service.name.clone();
        assert!(service.stop().success(), "{name} ends in order");
    }
}

/// Runs the commands up to the services, and starts those.
fn start_what_serves(commands: &[Line], here: &Path, scratch: &Scratch) -> Vec<Service> {
    let mut services = Vec::new();
    for (variables, arguments) in commands {
        if !is_service(arguments) {
            if services.is_empty() {
                run(program(arguments).current_dir(here)).expect(0, &[]);
            }
            continue;
        }
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let name = words[words.iter().position(|word| *word == "--instance").unwrap() + 1];
        // The admin port of the guide may be taken here: the service gets a free one.
        let own: Vec<(&str, String)> =
            variables.iter().filter(|(n, _)| n != "QM_ADMIN__LISTEN").map(|(n, v)| (n.as_str(), v.clone())).collect();
        let mut service = Service::start_in(here, name, scratch.path(&format!("{name}.log")), &words, &own);
        service.ready();
        services.push(service);
    }
    services
}

/// Runs the commands after the services; the last one prints an alert.
fn run_the_rest(commands: &[Line], here: &Path) -> Value {
    let after = commands.iter().rposition(|(_, arguments)| is_service(arguments)).unwrap();
    let mut printed = String::new();
    for (_, arguments) in &commands[after + 1..] {
        let ended = run(program(arguments).current_dir(here));
        ended.expect(0, &[]);
        printed = ended.stdout;
    }
    serde_json::from_str(printed.lines().next().expect("an alert is printed")).unwrap()
}

fn program(arguments: &[String]) -> Command {
    support::quartermaster(arguments)
}
