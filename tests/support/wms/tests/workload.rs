//! The workload on its database alone.
#![allow(clippy::unwrap_used, reason = "a test that cannot have its database has failed")]

use test_kafka::Postgres;
use test_wms::{Business, Database, Truth, truth};

fn worked(seed: u64, steps: usize) -> (Truth, Vec<(String, i64)>) {
    let server = Postgres::start(None);
    let database = Database::create(&server).unwrap();
    let mut business = Business::open(&database, "one", seed).unwrap();
    business.set_up(30).unwrap();
    business.work(steps).unwrap();
    business.correct_everything().unwrap();
    let mut client = database.connect().unwrap();
    let kinds = client.query("SELECT movement_type, count(*) FROM stock_ledger GROUP BY 1 ORDER BY 1", &[]).unwrap();
    (truth(&mut client).unwrap(), kinds.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[test]
fn a_business_does_everything_a_business_does_and_the_same_again() {
    let (first, kinds) = worked(7, 600);
    assert_eq!(kinds.len(), 10, "{kinds:?}");
    assert!(first.values().any(|stock| stock.reserved > 0) && first.values().any(|stock| stock.on_order > 0));
    assert_eq!(worked(7, 600), (first, kinds));
}

#[test]
fn two_who_work_at_once_leave_a_ledger_that_adds_up() {
    let server = Postgres::start(None);
    let database = Database::create(&server).unwrap();
    Business::open(&database, "owner", 1).unwrap().set_up(30).unwrap();
    std::thread::scope(|scope| {
        for (name, seed) in [("one", 2), ("two", 3)] {
            let database = &database;
            scope.spawn(move || Business::open(database, name, seed).unwrap().work(400).unwrap());
        }
    });
    assert!(truth(&mut database.connect().unwrap()).unwrap().len() > 60);
}
