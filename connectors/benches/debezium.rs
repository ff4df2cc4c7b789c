//! What a captured change costs: decoding it in each form, and knowing that it was not read before.
//!
//! Ends with one JSON line: nanoseconds per record.

// A benchmark owns its clock, prints, and stops at the first error.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use connectors::wms::debezium::{Defaults, SchemaCache, decode};
use connectors::wms::dedupe::{Dedupe, Slots, Unit, row_identity};
use connectors::wms::row::{RawRecord, Record};

const KEY: &str = r#"{"id":90071992547409931}"#;
const ROW: &str = r#"{"id":90071992547409931,"product_id":7,"location_id":3,"movement_type":"SALE","quantity":"2.500","posted_at":1764137640123456,"reference":"SO-1","note":null}"#;
const SOURCE: &str = r#"{"version":"3.1.0.Final","connector":"postgresql","name":"wms","ts_ms":1764137640125,"snapshot":"false","db":"warehouse","sequence":"[\"34343712\",\"34344440\"]","ts_us":1764137640125250,"ts_ns":1764137640125250000,"schema":"public","table":"stock_ledger","txId":771,"lsn":34344440,"xmin":null}"#;
const RECORDS: u64 = 500_000;
const BATCH: u64 = 2_000;

fn main() {
    let envelope = format!(
        r#"{{"before":null,"after":{ROW},"source":{SOURCE},"transaction":null,"op":"c","ts_ms":1764137640390,"ts_us":1764137640390001,"ts_ns":1764137640390001000}}"#
    );
    let flat = ROW.strip_suffix('}').unwrap().to_owned()
        + r#","__op":"c","__table":"stock_ledger","__schema":"public","__lsn":34344440,"__txId":771,"__source_ts_ms":1764137640125}"#;
    let wrapped = format!(r#"{{"schema":{},"payload":{envelope}}}"#, schema());
    let mut figures = Vec::new();
    for (name, value) in [("envelope", &envelope), ("flat", &flat), ("with_schema", &wrapped)] {
        let nanoseconds = decoding(value);
        println!("{name:>12}: {nanoseconds:>6.0} ns per record of {} bytes", value.len());
        figures.push(format!("\"{name}_ns\":{nanoseconds:.0}"));
    }
    let nanoseconds = deduplicating(&envelope);
    println!("{:>12}: {nanoseconds:>6.0} ns per change", "dedupe");
    println!("{{{},\"dedupe_ns\":{nanoseconds:.0}}}", figures.join(","));
}

/// The schema of an envelope, as large as connectors write it.
fn schema() -> String {
    let column = |name: &str| format!(r#"{{"type":"string","optional":true,"field":"{name}"}}"#);
    let columns: Vec<String> =
        ["id", "product_id", "location_id", "movement_type", "quantity", "posted_at", "reference", "note"]
            .map(column)
            .into();
    let source: Vec<String> = (0..16).map(|n| column(&format!("source_{n}"))).collect();
    let image = |field: &str, columns: &[String]| {
        let columns = columns.join(",");
        format!(
            r#"{{"type":"struct","fields":[{columns}],"optional":true,"name":"wms.public.stock_ledger.Value","field":"{field}"}}"#
        )
    };
    let parts = [image("before", &columns), image("after", &columns), image("source", &source)].join(",");
    format!(
        r#"{{"type":"struct","fields":[{parts}],"optional":false,"name":"wms.public.stock_ledger.Envelope","version":2}}"#
    )
}

fn decoding(value: &str) -> f64 {
    let raw = RawRecord { key: Some(KEY.as_bytes()), value: Some(value.as_bytes()), headers: &[] };
    let mut cache = SchemaCache::default();
    per_record(|_| {
        black_box(decode(black_box(&raw), &mut cache, &Defaults::default()).unwrap());
    })
}

struct Kept(Vec<Option<Unit>>);

impl Slots for Kept {
    fn put(&mut self, slot: u32, unit: &Unit) {
        self.0[slot as usize] = Some(unit.clone());
    }
}

/// Five changes a transaction.
fn deduplicating(value: &str) -> f64 {
    let raw = RawRecord { key: Some(KEY.as_bytes()), value: Some(value.as_bytes()), headers: &[] };
    let Record::Change(change) = decode(&raw, &mut SchemaCache::default(), &Defaults::default()).unwrap() else {
        return f64::NAN;
    };
    let mut mark = change.source.mark.clone().unwrap();
    let (mut dedupe, mut kept) = (Dedupe::default(), Kept(vec![None; connectors::wms::dedupe::WINDOW as usize]));
    per_record(|n| {
        mark.unit = (n / 5).to_string().into();
        mark.place.0 = n;
        mark.after_commit = Some(n / 5);
        assert!(!dedupe.seen(&mut kept, &mark, row_identity(black_box(&change)), change.source.time));
    })
}

/// The fastest of many batches, which a busy machine does not disturb.
fn per_record(mut step: impl FnMut(u64)) -> f64 {
    let batch = |n: u64| {
        let started = Instant::now();
        (n * BATCH..(n + 1) * BATCH).for_each(&mut step);
        started.elapsed().as_nanos() as f64 / BATCH as f64
    };
    (0..RECORDS / BATCH).map(batch).fold(f64::INFINITY, f64::min)
}
