//! The reference WMS on the real chain: SQL → PostgreSQL → Debezium → Kafka → `ingest` → `process`. What
//! the stream says about stock must be what SQL says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "measures, and shows what was measured")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use schemas::{avro, topics};
use support::FIXED_RULES;
use support::client::Follower;
use support::warehouse::Warehouse;
use test_wms::Done;

/// How many people work at once.
const PEOPLE: u64 = 2;

#[test]
fn an_empty_database_is_followed_from_its_first_row() {
    let mut warehouse = Warehouse::new(FIXED_RULES);
    warehouse.capture();
    let mut business = warehouse.business("one", 11);
    business.set_up(20).unwrap();
    business.work(400).unwrap();
    let positions = warehouse.agrees();
    assert!(positions >= 54, "{positions} positions: 20 products at 3 locations, but for 2 in the stores");
    assert_eq!(warehouse.dead_letters(), Vec::<String>::new());
}

/// Baseline from a snapshot that is taken while people work, then a connector that is stopped in order
/// and one that is killed, and alerts that follow sales.
#[test]
fn a_filled_database_is_followed_through_restarts_and_crashes_of_its_connector() {
    let mut warehouse = Warehouse::new(FIXED_RULES);
    let mut done = Done::default();
    let mut owner = warehouse.business("owner", 1);
    owner.set_up(40).unwrap();
    owner.work(300).unwrap();

    done += while_people_work(&mut warehouse, 1, Warehouse::capture);
    warehouse.captured_everything();
    warehouse.agrees();
    done += while_people_work(&mut warehouse, 2, |warehouse| warehouse.chain.restart());
    owner.correct_everything().unwrap();
    done += while_people_work(&mut warehouse, 3, |warehouse| {
        // It has written what it has not committed yet: that is what will come again.
        warehouse.captured_everything();
        warehouse.chain.crash();
    });
    warehouse.captured_everything();
    let positions = warehouse.agrees();
    let (captured, again) = warehouse.captured();
    assert!(again > 0, "the connector that was killed sends nothing again: this test shows nothing");
    let latencies = from_commit_to_alert(&warehouse, 40);
    let positions = positions.max(warehouse.agrees());
    assert_eq!(warehouse.dead_letters(), Vec::<String>::new());
    done += owner.done();

    let percentile = |share: f64| latencies[((latencies.len() - 1) as f64 * share).round() as usize];
    println!(
        "{}",
        serde_json::json!({
            "rows_written": done.rows, "transactions": done.transactions, "rolled_back": done.rolled_back,
            "rows_captured": captured, "captured_again": again, "restarts": 2, "positions": positions, "differences": 0,
            "alerts_measured": latencies.len(), "commit_to_alert_p50_ms": percentile(0.5),
            "commit_to_alert_p99_ms": percentile(0.99),
        })
    );
}

/// Sends people home, also when the test fails.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Work before, during and after something happens.
fn while_people_work(warehouse: &mut Warehouse, round: u64, happens: impl FnOnce(&mut Warehouse)) -> Done {
    let over = Over(Arc::default());
    let people = (1..=PEOPLE).map(|n| {
        let mut business = warehouse.business(&format!("{round}-{n}"), round * 100 + n);
        let over = Arc::clone(&over.0);
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                business.work(1).unwrap();
                // A breath between two transactions.
                std::thread::sleep(Duration::from_millis(15));
            }
            business.done()
        })
    });
    let people: Vec<_> = people.collect();
    std::thread::sleep(Duration::from_secs(1));
    happens(warehouse);
    std::thread::sleep(Duration::from_secs(1));
    drop(over);
    people.into_iter().fold(Done::default(), |mut done, person| {
        done += person.join().unwrap();
        done
    })
}

/// Milliseconds from the return of COMMIT to the alert in the hands of a consumer, sorted.
fn from_commit_to_alert(warehouse: &Warehouse, times: usize) -> Vec<u64> {
    let mut database = warehouse.chain.database.connect().unwrap();
    let prepare = format!(
        "INSERT INTO products (sku, name, category_id) SELECT 'MEASURED-' || i, 'measured', 1 FROM generate_series(1, {times}) i;
         INSERT INTO stock_ledger (product_id, location_id, movement_type, quantity)
         SELECT id, 1, 'ADJUST', 40 FROM products WHERE sku LIKE 'MEASURED-%'"
    );
    database.batch_execute(&prepare).unwrap();
    warehouse.agrees();
    let alerts = Follower::at_the_end(warehouse.deployment.bootstrap(), topics::ALERTS);
    let mut business = warehouse.business("measured", 5);
    let mut latencies: Vec<u64> = (1..=times)
        .map(|i| {
            let sku = format!("MEASURED-{i}");
            business.sell(&sku, "STORE-1", 5.0).unwrap();
            let committed = Instant::now();
            alerts.find(&format!("the alert of {sku}"), |value| {
                let alert = avro::decode_alert(value).unwrap();
                (alert.kind.name() == "low_stock" && alert.sku.as_deref() == Some(&*sku)).then_some(())
            });
            committed.elapsed().as_millis() as u64
        })
        .collect();
    latencies.sort_unstable();
    latencies
}
