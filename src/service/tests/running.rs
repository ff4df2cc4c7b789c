//! A service that runs: what it does, what it says, how it hands over.

use connectors::memory::{Fault, FaultPlan, Operation};

use super::rig::{Rig, eventually};

#[test]
fn it_works_says_so_and_ends_well_when_asked() {
    let rig = Rig::new();
    let service = rig.start("a");
    service.ready();
    rig.count("SKU-1", 1, 5);
    rig.alerts_become(&["SKU-1 opened"]);
    assert_eq!(service.get("/livez"), (200, "{\"alive\":true}".to_owned()));
    assert_eq!(service.get("/readyz").1, "{\"role\":\"process\",\"ready\":true,\"phase\":\"running\"}");
    eventually("figures", || (service.metric("quartermaster_records_processed_total", "\"ok\"") == 1.0).then_some(()));
    assert_eq!(service.metric("quartermaster_alerts_total", "low_stock"), 1.0);
    assert_eq!(service.metric("quartermaster_alert_end_to_end_latency_seconds_count", ""), 1.0);
    assert_eq!(service.metric("quartermaster_ready", ""), 1.0);
    assert_eq!(service.metric("quartermaster_positions", ""), 1.0);
    assert_eq!(service.metric("quartermaster_assigned_partitions", "inventory.events"), 4.0);
    assert_eq!(service.metric("quartermaster_topic_partitions", "inventory.events"), 4.0);
    assert!(service.metric("quartermaster_rocksdb_memory_bytes", "memtable") > 0.0);
    assert!(service.stop().is_ok());
}

#[test]
fn the_admin_port_answers_what_it_serves_and_nothing_else() {
    let rig = Rig::new();
    let service = rig.start("a");
    service.ready();
    let (status, head, body) = service.ask("GET", "/metrics").unwrap();
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(body.starts_with("# HELP quartermaster_"), "{body}");
    let (status, index) = service.get("/");
    assert!(status == 200 && ["/livez", "/readyz", "/metrics"].iter().all(|path| index.contains(path)), "{index}");
    assert_eq!(service.get("/secrets").0, 404);
    assert_eq!(service.ask("POST", "/readyz").unwrap().0, 405);
    let counted = |labels: &str| service.metric("quartermaster_http_request_duration_seconds_count", labels);
    assert_eq!(counted("code=\"404\",method=\"GET\",route=\"other\""), 1.0);
    assert_eq!(counted("code=\"405\",method=\"POST\",route=\"/readyz\""), 1.0);
    assert!(service.stop().is_ok());
}

#[test]
fn a_restart_goes_on_where_it_stopped() {
    let rig = Rig::new();
    let service = rig.start("a");
    service.ready();
    rig.count("SKU-1", 1, 5);
    rig.alerts_become(&["SKU-1 opened"]);
    assert!(service.stop().is_ok());
    rig.count("SKU-1", 2, 50);
    let service = rig.start("a");
    rig.alerts_become(&["SKU-1 opened", "SKU-1 resolved"]);
    service.ready();
    assert_eq!(service.metric("quartermaster_restored_records_total", "full"), 0.0, "its state was on disk");
    assert!(service.stop().is_ok());
}

#[test]
fn a_second_instance_shares_the_work_and_takes_over() {
    let rig = Rig::new();
    let mut leaving = rig.config("a");
    leaving.service.leave_on_exit = true;
    let first = super::rig::Running::start(rig.service(&leaving));
    first.ready();
    for sku in ["SKU-1", "SKU-2", "SKU-3"] {
        rig.count(sku, 1, 5);
    }
    rig.alerts_become(&["SKU-1 opened", "SKU-2 opened", "SKU-3 opened"]);
    let second = rig.start("b");
    let owned = |service: &super::rig::Running| service.metric("quartermaster_assigned_partitions", "");
    eventually("half each", || (owned(&first) == 2.0 && owned(&second) == 2.0).then_some(()));
    assert!(first.stop().is_ok());
    eventually("all of it", || (owned(&second) == 4.0).then_some(()));
    second.ready();
    for sku in ["SKU-1", "SKU-2", "SKU-3"] {
        rig.count(sku, 2, 50);
    }
    eventually("three resolved", || (rig.alerts().len() == 6).then_some(()));
    assert!(second.metric("quartermaster_restored_records_total", "full") > 0.0);
    assert!(second.stop().is_ok());
}

/// A group whose coordinator has failed over may say so of a member's own repeated request.
#[test]
fn a_member_that_is_displaced_once_joins_again_and_twice_it_ends() {
    let rig = Rig::new();
    let member = "quartermaster-process/a-0";
    let displaced = |call| FaultPlan::seeded(1).at_client(member, Operation::Poll, call, Fault::Fenced);
    rig.log.inject(displaced(3)).unwrap();
    let service = rig.start("a");
    rig.count("SKU-1", 1, 5);
    rig.alerts_become(&["SKU-1 opened"]);
    service.ready();
    assert_eq!(service.metric("quartermaster_worker_restarts_total", "process"), 1.0);
    rig.log.inject(displaced(1)).unwrap();
    let (request, message) = service.fails();
    assert!(!request && message.contains("was taken over"), "{message}");
}

#[test]
fn a_worker_that_the_log_lets_down_is_opened_again() {
    let rig = Rig::new();
    let client = "quartermaster-process-a-0";
    rig.log.inject(FaultPlan::seeded(1).at_client(client, Operation::Commit, 1, Fault::Fenced)).unwrap();
    let service = rig.start("a");
    service.ready();
    rig.count("SKU-1", 1, 5);
    rig.alerts_become(&["SKU-1 opened"]);
    service.ready();
    assert_eq!(service.metric("quartermaster_worker_restarts_total", "process"), 1.0);
    assert_eq!(service.metric("quartermaster_transactions_total", "fenced"), 1.0);
    assert_eq!(service.metric("quartermaster_assigned_partitions", ""), 4.0, "counted once");
    assert!(service.stop().is_ok());
}
