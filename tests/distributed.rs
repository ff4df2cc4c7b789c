//! Real movements through the real binary on a real Kafka, as separate processes: whatever the
//! instances go through, the alerts are exactly those of a replay of the log.

#![allow(clippy::print_stdout, reason = "figures and what was skipped are for whoever runs the test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use serde_json::Value;
use support::deployment::{CATALOG, Deployment, STOCK};
use support::service::{Service, eventually};
use support::{ALL_RULES, chain, retail};

/// Each deployment has a broker and several processes: one at a time.
static MACHINE: Mutex<()> = Mutex::new(());

fn machine() -> MutexGuard<'static, ()> {
    MACHINE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The real movements where they are at hand, else those of a made-up chain.
fn movements() -> (String, String) {
    match retail::split() {
        Some(split) => (retail::catalog(&split), retail::movements(&split)),
        None => (chain::catalog(), chain::events()),
    }
}

/// SKU and location of every line, as positions are keyed.
fn keys(lines: &str) -> BTreeSet<Vec<u8>> {
    let key = |line: Value| format!("{}|{}", line["sku"].as_str().unwrap(), line["location"].as_str().unwrap());
    lines.lines().map(|line| key(serde_json::from_str(line).unwrap()).into_bytes()).collect()
}

struct Figures {
    events: usize,
    alerts: usize,
    restored: f64,
    rebalances: f64,
}

fn report(what: &str, figures: &Figures) {
    let Figures { events, alerts, restored, rebalances } = figures;
    let input = if retail::split().is_some() { "retail" } else { "synthetic" };
    println!(
        "{{\"scenario\":\"{what}\",\"input\":\"{input}\",\"events\":{events},\"alerts\":{alerts},\"differences\":0,\
         \"rebalances\":{rebalances},\"restored_records\":{restored}}}"
    );
}

fn sum(services: &[&Service], metric: &str) -> f64 {
    services.iter().map(|service| service.metric(metric)).sum()
}

/// Movements enough for a disturbance on the way.
const SOME: usize = 60_000;

/// Feeds some movements and brings them through `ingest`, before any `process` runs.
fn fed() -> (Deployment, usize) {
    let deployment = Deployment::new(ALL_RULES);
    let (catalog, movements) = movements();
    let mut ingest = deployment.start("ingest", "ingest-0");
    ingest.ready();
    deployment.feed(CATALOG, &catalog);
    deployment.ingested();
    let some: String = movements.lines().take(SOME).fold(String::new(), |text, line| text + line + "\n");
    let events = deployment.feed(STOCK, &some);
    deployment.ingested();
    assert!(ingest.stop().success());
    (deployment, events)
}

#[test]
fn two_instances_decide_what_a_replay_decides_while_the_input_comes_in() {
    let _machine = machine();
    let deployment = Deployment::new(ALL_RULES);
    let (catalog, movements) = movements();
    let mut services = [("ingest", "ingest-0"), ("process", "process-0"), ("process", "process-1")]
        .map(|(c, n)| deployment.start(c, n));
    services.iter_mut().for_each(Service::ready);
    eventually("each has its half", || {
        let has_half = |instance: &Service| instance.metric("quartermaster_assigned_partitions") == 4.0;
        services[1..].iter().all(has_half).then_some(())
    });
    deployment.feed(CATALOG, &catalog);
    deployment.ingested();
    let events = deployment.feed(STOCK, &movements);
    deployment.ingested();
    deployment.processed();
    let alerts = deployment.agrees_with_its_oracle();
    assert!(alerts > 100, "{alerts} alerts prove little");
    // Every position that ever had an event, and no other, is there for committed readers.
    assert_eq!(deployment.positions().into_keys().collect::<BTreeSet<_>>(), keys(&movements));
    let [ingest, a, b] = &services;
    for instance in [a, b] {
        assert!(instance.metric("quartermaster_records_processed_total") > 1000.0, "{} took part", instance.name);
    }
    assert_eq!(ingest.metric("quartermaster_dead_letter_records_total"), 0.0);
    let rebalances = sum(&[a, b], "quartermaster_rebalances_total");
    report(
        "steady",
        &Figures { events, alerts, restored: sum(&[a, b], "quartermaster_restored_records_total"), rebalances },
    );
    for service in services {
        let name = service.name.clone();
        assert!(service.stop().success(), "{name} ends well");
    }
}

#[test]
fn a_terminated_instance_goes_on_where_it_was() {
    let _machine = machine();
    let (deployment, events) = fed();
    let mut a = deployment.start("process", "process-0");
    let mut b = deployment.start("process", "process-1");
    a.ready();
    b.ready();
    // One that is stopped before it has opened its partitions leaves nothing to go on from.
    eventually("the second has opened its half", || {
        let half = b.metric("quartermaster_assigned_partitions") == 4.0;
        (half && b.get("/readyz").is_some_and(|(status, _)| status == 200)).then_some(())
    });
    deployment.processed_at_least(0.4);
    assert!(b.stop().success());
    let mut b = deployment.start("process", "process-1");
    b.ready();
    deployment.processed();
    let alerts = deployment.agrees_with_its_oracle();
    let restored = b.metric("quartermaster_restored_records_total");
    report(
        "restart",
        &Figures { events, alerts, restored, rebalances: sum(&[&a, &b], "quartermaster_rebalances_total") },
    );
    // A clean stop has flushed everything and proven it: its successor reads nothing again.
    assert_eq!(restored, 0.0, "rows restored after a clean stop");
}

#[test]
fn instances_that_come_and_go_change_nothing() {
    let _machine = machine();
    let (deployment, events) = fed();
    let mut a = deployment.start("process", "process-0");
    let mut b = deployment.start("process", "process-1");
    a.ready();
    b.ready();
    deployment.processed_at_least(0.2);
    let mut c = deployment.start("process", "process-2");
    c.ready();
    deployment.processed_at_least(0.4);
    let mut d = deployment.start_with("process", "process-3", &["--leave-on-exit"]);
    d.ready();
    deployment.processed_at_least(0.5);
    // Removed in order: its partitions move at once.
    assert!(d.stop().success());
    deployment.processed_at_least(0.6);
    // Killed, and never back: the others take over when its session is over.
    drop(a);
    deployment.processed();
    let alerts = deployment.agrees_with_its_oracle();
    let (restored, rebalances) =
        (sum(&[&b, &c], "quartermaster_restored_records_total"), sum(&[&b, &c], "quartermaster_rebalances_total"));
    report("come and go", &Figures { events, alerts, restored, rebalances });
    assert!(restored > 0.0 && rebalances > 2.0);
}

#[test]
fn a_lost_state_directory_is_rebuilt_from_the_changelog() {
    let _machine = machine();
    let (deployment, events) = fed();
    let mut a = deployment.start("process", "process-0");
    a.ready();
    deployment.processed_at_least(0.4);
    assert!(a.stop().success());
    std::fs::remove_dir_all(deployment.state_directory("process-0")).unwrap();
    let mut a = deployment.start("process", "process-0");
    a.ready();
    let restored = a.metric("quartermaster_restored_records_total");
    deployment.processed();
    let alerts = deployment.agrees_with_its_oracle();
    report(
        "lost directory",
        &Figures { events, alerts, restored, rebalances: a.metric("quartermaster_rebalances_total") },
    );
    assert!(restored > 100.0, "{restored} rows restored from the changelog");
}
