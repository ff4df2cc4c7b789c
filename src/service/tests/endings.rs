//! How a service ends when it cannot go on, and what it says.

use std::sync::Arc;
use std::sync::mpsc::channel;

use super::rig::{Rig, Running, described, eventually};
use crate::metrics::Metrics;
use crate::service::StageSpec;
use crate::service::admin;
use crate::stages::process::{self, ProcessOperator};

/// The stage with another operator.
fn stage(rig: &Rig, operator: impl Fn(i32) -> ProcessOperator + Send + Sync + Clone + 'static) -> StageSpec {
    struct Nobody;
    impl process::Watcher for Nobody {
        fn alert(&self, _: &schemas::Alert, _: schemas::Timestamp) {}
        fn positions(&self, _: i64) {}
    }
    let spec = process::spec(&rig.config("a"), Arc::new(Nobody));
    StageSpec::new(spec.config, 1, operator)
}

#[test]
fn the_older_of_two_of_the_same_name_stops_and_says_why() {
    let rig = Rig::new();
    let first = rig.start("twin");
    first.ready();
    let mut config = rig.config("twin");
    config.state.directory = rig.scratch.path().join("another");
    let second = Running::start(rig.service(&config));
    let (request, message) = first.fails();
    assert!(!request && message.contains("twin-0") && message.contains("service.instance"), "{message}");
    second.ready();
    rig.count("SKU-1", 1, 5);
    rig.alerts_become(&["SKU-1 opened"]);
    assert!(second.stop().is_ok());
}

#[test]
fn a_panic_stops_the_service_with_its_message() {
    let rig = Rig::new();
    let stage = stage(&rig, |_| panic!("planted"));
    let service = Running::start(rig.service_of(&rig.config("a"), Metrics::new().unwrap(), stage));
    let (request, message) = service.fails();
    assert!(!request && message.contains("process-0") && message.contains("planted"), "{message}");
}

#[test]
fn a_worker_that_hangs_is_seen_and_does_not_hold_the_end_up() {
    let rig = Rig::new();
    let mut config = rig.config("a");
    config.admin.liveness_timeout_ms = 200;
    config.service.shutdown_timeout_ms = 1_000;
    // Kept, so that the operator waits for ever.
    let (_keep, wait) = channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let (hung, hangs) = channel();
    let stage = stage(&rig, move |partition| {
        let _ = hung.send(());
        let _ = wait.lock().unwrap().recv();
        ProcessOperator::new(partition, super::rig::PARTITIONS)
    });
    let service = Running::start(rig.service_of(&config, Metrics::new().unwrap(), stage));
    // A worker that is only slow to start is not alive either, and would end well.
    hangs.recv().unwrap();
    eventually("not alive", || (service.get("/livez").0 == 503).then_some(()));
    let (_, body) = service.get("/livez");
    assert!(body.contains("\"stage\":\"process\",\"thread\":0"), "{body}");
    service.ask_to_stop();
    service.unready_because("\"phase\":\"stopping\"");
    let (request, message) = service.fails();
    assert!(!request && message.contains("process-0") && message.contains("shutdown_timeout_ms"), "{message}");
}

#[test]
fn a_log_that_does_not_answer_at_the_start_is_named() {
    let rig = Rig::new();
    rig.topics.silence("connection refused");
    let mut config = rig.config("a");
    config.kafka.startup_timeout_ms = 300;
    let (request, message) = Running::start(rig.service(&config)).fails();
    assert!(!request, "{message}");
    for said in ["127.0.0.1:9092", "kafka.bootstrap_servers", "connection refused"] {
        assert!(message.contains(said), "{said} is not in: {message}");
    }
}

#[test]
fn while_the_log_does_not_answer_it_is_alive_unready_and_can_be_stopped() {
    let rig = Rig::new();
    rig.topics.silence("connection refused");
    let service = rig.start("a");
    let readiness = service.unready_because("connection refused");
    assert_eq!(readiness["phase"], "starting");
    assert_eq!(service.get("/livez").0, 200);
    assert!(service.stop().is_ok());
}

#[test]
fn topics_that_do_not_fit_are_the_requests_fault() {
    let rig = Rig::new();
    rig.topics.hide("inventory.positions");
    rig.topics.set("quartermaster-process-state-changelog", "cleanup.policy", "delete");
    let (request, message) = rig.start("a").fails();
    assert!(request, "{message}");
    for said in ["inventory.positions: does not exist", "topics create", "state-changelog: cleanup.policy is delete"] {
        assert!(message.contains(said), "{said} is not in: {message}");
    }
    let mut config = rig.config("a");
    config.process.events_partitions = 8;
    let (request, message) = Running::start(rig.service(&config)).fails();
    assert!(request && message.contains("inventory.events: has 4 partitions instead of 8"), "{message}");
    assert!(message.contains("`process.events_partitions` to 4"), "{message}");
}

#[test]
fn a_port_in_use_is_refused_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (request, message) = described(admin::bind(&address).map(drop));
    assert!(!request && message.contains(&address) && message.contains("admin.listen"), "{message}");
}
