//! `state inspect`, `state verify` and `state reset --partition` on what the real binary left on a real
//! Kafka and a real disk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use processor::store::StoreProvider;
use processor::store::rocks::{Identity, RocksOptions, RocksProvider, RocksStorage};
use schemas::partitioner::partition_for;
use serde_json::Value;
use support::deployment::{Deployment, STOCK};
use support::{Ended, FIXED_RULES, balance, json_lines};

const APPLICATION: &str = "quartermaster-process";

/// One `process`, fed and stopped: its deployment, and its state directory.
struct Stopped {
    deployment: Deployment,
    state: PathBuf,
}

impl Stopped {
    fn state(&self, arguments: &[&str]) -> Ended {
        let at = ["--state", self.state.to_str().unwrap()];
        self.deployment.command(&[&["state"], arguments, &at].concat())
    }

    /// The report of every partition that has a store.
    fn partitions(&self) -> Vec<Value> {
        let inspected = self.state(&["inspect", "--json"]);
        json_lines(&inspected.stdout)
    }

    /// Restarts the service over what is there, and stops it.
    fn restart(&self) {
        let mut process = self.deployment.start("process", "process-0");
        process.ready();
        assert!(process.stop().success());
    }

    fn claim(&self) -> RocksProvider {
        let storage = RocksStorage::new(&self.state, &RocksOptions::default()).unwrap();
        storage.claim(Identity::new(APPLICATION, "inventory.events")).unwrap()
    }

    /// Writes a row as nobody should.
    fn write(&self, partition: i32, key: &[u8], row: &[u8]) {
        let mut store = self.claim().open(partition).unwrap();
        let checkpoint = store.checkpoint().unwrap().unwrap();
        store.write(&mut [(key, Some(row))].into_iter(), &checkpoint).unwrap();
    }

    fn directory(&self, partition: i32) -> PathBuf {
        self.state.join(APPLICATION).join(format!("partition-{partition:05}"))
    }
}

/// Spoils the largest table of a database.
fn flip_a_byte(database: &Path) {
    let files = fs::read_dir(database).unwrap().map(|file| file.unwrap().path());
    let tables = files.filter(|path| path.extension().is_some_and(|extension| extension == "sst"));
    let table = tables.max_by_key(|path| fs::metadata(path).unwrap().len()).expect("a table");
    let mut bytes = fs::read(&table).unwrap();
    bytes[20] ^= 0xff;
    fs::write(&table, bytes).unwrap();
}

fn fed() -> (Stopped, support::service::Service) {
    let deployment = Deployment::new(FIXED_RULES);
    let mut ingest = deployment.start("ingest", "ingest-0");
    let mut process = deployment.start("process", "process-0");
    ingest.ready();
    process.ready();
    let lines = (0..40).fold(String::new(), |mut lines, n| {
        let _ = write!(lines, "{}", balance(&format!("b{n}"), &format!("SKU-{n}"), "2026-11-22T08:00:00Z", 5 + n));
        lines
    });
    deployment.feed(STOCK, &lines);
    deployment.ingested_stock();
    deployment.processed();
    assert!(ingest.stop().success());
    let state = deployment.state_directory("process-0");
    (Stopped { deployment, state }, process)
}

/// Asserts invariant I3 and invariant I4 with the tool that operators have.
#[test]
fn what_a_service_leaves_is_inspected_verified_and_rebuilt_one_partition_at_a_time() {
    let (left, process) = fed();
    // Beside the running instance: nothing is wrong, and nothing is dropped.
    let running = left.state(&["inspect"]);
    running.expect(0, &[]);
    assert!(running.stdout.contains("in use by a running instance"), "{}", running.stdout);
    left.state(&["verify", APPLICATION]).expect(0, &[]);
    left.state(&["reset", APPLICATION, "--partition", "0", "--yes"]).expect(1, &["in use", "stop that one first"]);
    assert!(process.stop().success());

    let reports = left.partitions();
    assert_eq!(reports.len(), 8, "{reports:#?}");
    let positions = |report: &Value| {
        let kinds = report["kinds"].as_array().unwrap().iter();
        kinds.filter(|kind| kind["kind"] == "position").map(|kind| kind["rows"].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!(reports.iter().map(positions).sum::<i64>(), 40);
    let verified = left.state(&["verify", APPLICATION]);
    verified.expect(0, &[]);
    let total = verified.stdout.lines().last().unwrap();
    assert!(total.contains("0 behind, 0 different, 0 missing, 0 stray") && !total.contains(" 0 equal"), "{total}");

    let chosen = reports.iter().find(|report| positions(report) > 0).unwrap();
    let partition = i32::try_from(chosen["partition"].as_i64().unwrap()).unwrap();
    let number = partition.to_string();

    // Rows that a newer binary might have written: found, refused, left alone.
    let skus = (0..40).map(|n| format!("SKU-{n}"));
    let sku = skus.into_iter().find(|sku| partition_for(sku.as_bytes(), reports.len() as i32) == partition).unwrap();
    left.write(partition, b"pSKU-X\0STORE-1", b"p\x09");
    left.write(partition, format!("p{sku}\0STORE-1").as_bytes(), b"p\x09");
    left.state(&["inspect"]).expect(1, &["run a newer binary"]);
    let verified = left.state(&["verify", APPLICATION, "--partition", &number]);
    verified.expect(1, &["not as they must be"]);
    assert!(verified.stdout.contains("stray: pSKU-X"), "{}", verified.stdout);
    // Opening reads none of them: the first that is needed ends the process.
    let mut refused = left.deployment.start("process", "process-0");
    let mut ingest = left.deployment.start("ingest", "ingest-0");
    ingest.ready();
    left.deployment.feed(STOCK, &balance("after", &sku, "2026-11-22T08:30:00Z", 3));
    assert_eq!(refused.ended().code(), Some(2), "{}", refused.log());
    assert!(refused.log().contains("run a newer binary"), "{}", refused.log());
    assert!(ingest.stop().success());
    left.state(&["inspect"]).expect(1, &["run a newer binary"]);

    // Set aside, and rebuilt from the changelog.
    let reset = ["reset", APPLICATION, "--partition", &number];
    left.state(&reset).expect(0, &[]);
    assert!(left.directory(partition).exists(), "it only says what it would do");
    left.state(&[&reset[..], &["--yes"]].concat()).expect(0, &[]);
    assert!(!left.directory(partition).exists());
    left.restart();
    let verified = left.state(&["verify", APPLICATION]);
    verified.expect(0, &[]);
    assert!(verified.stdout.lines().last().unwrap().contains("0 behind, 0 different, 0 missing, 0 stray"));
    let rebuilt = left
        .partitions()
        .into_iter()
        .find(|report| report["partition"].as_i64() == Some(i64::from(partition)) && report["state"] == "ok");
    assert_eq!(positions(&rebuilt.unwrap()), positions(chosen));
}

#[test]
fn a_flipped_byte_is_found_and_the_partition_rebuilt() {
    let (left, process) = fed();
    assert!(process.stop().success());
    let reports = left.partitions();
    let fullest = reports.iter().max_by_key(|report| report["row_bytes"].as_i64()).unwrap();
    let partition = i32::try_from(fullest["partition"].as_i64().unwrap()).unwrap();
    // What a database has in its log alone is in a table once it was opened again.
    drop(left.claim().open(partition).unwrap());
    flip_a_byte(&left.directory(partition).join("db"));
    let inspected = left.state(&["inspect"]);
    inspected.expect(1, &["1 of 8 directories", "state reset"]);
    assert!(inspected.stdout.contains("DAMAGED"), "{}", inspected.stdout);
    let verified = left.state(&["verify", APPLICATION]);
    verified.expect(1, &["1 of 8 partitions"]);
    assert!(verified.stdout.contains("corrupt"), "{}", verified.stdout);
    let number = partition.to_string();
    left.state(&["reset", APPLICATION, "--partition", &number, "--yes"]).expect(0, &[]);
    left.restart();
    left.state(&["verify", APPLICATION]).expect(0, &[]);
    let inspected = left.state(&["inspect"]);
    inspected.expect(0, &[]);
    assert!(inspected.stdout.contains("was set aside"), "{}", inspected.stdout);
}
