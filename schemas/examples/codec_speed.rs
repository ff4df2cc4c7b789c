//! Nanoseconds per record of the hot codecs, on this machine: `cargo run --release --example codec_speed`.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "an example that measures")]

use std::hint::black_box;
use std::time::Instant;

use schemas::stream::StreamRecord;
use schemas::{Timestamp, Zone, avro, canonical};

const SALE: &[u8] = br#"{"event_id":"mv/1048576","sku":"SKU-104857","location":"STORE-7","occurred_at":"2026-11-22T05:54:00Z","change":{"type":"sold","quantity":2,"order_id":"A-536365","customer":"17850","unit_price":"12.50"}}"#;

fn measure(name: &str, mut run: impl FnMut()) {
    const ROUNDS: u32 = 20_000;
    let mut best = f64::INFINITY;
    for _ in 0..100 {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            run();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(ROUNDS));
    }
    println!("{name:<28} {best:>7.0} ns");
}

fn main() {
    let Ok(event) = canonical::decode_event(SALE) else { return };
    let (mut out, mut value) = (Vec::new(), Vec::new());
    println!("a sale of {} bytes as a canonical line", SALE.len());
    measure("canonical decode_event", || {
        black_box(canonical::decode_event(black_box(SALE)).is_ok());
    });
    measure("canonical write_event", || {
        out.clear();
        canonical::write_event(black_box(&event), &mut out);
    });
    measure("Timestamp::parse", || {
        black_box(Timestamp::parse(black_box("2026-11-22T05:54:00Z")).is_ok());
    });
    let record = StreamRecord::Event(event.clone());
    measure("avro encode_stream", || {
        value.clear();
        avro::encode_stream(black_box(&record), &mut value);
    });
    println!("{} bytes as Avro", value.len());
    measure("avro decode_stream", || {
        black_box(avro::decode_stream(black_box(&value)).is_ok());
    });
    let Some(zone) = Zone::named("Asia/Shanghai") else { return };
    measure("Zone::day_of", || {
        black_box(zone.day_of(black_box(event.occurred_at)));
    });
}
