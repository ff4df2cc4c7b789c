//! `process` stops, the shops go on for an hour, it comes back: until nothing waits, and how late alerts are right after.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use schemas::topics;
use test_services::clock::now;
use test_services::service::Service;

use super::line::Line;
use super::live::{self, Latency, Live};
use super::run;
use super::shops::Shape;
use super::sweeps::{Bench, Tell};
use super::trading::Trading;
use crate::kafka::deployment::{Deployment, INSTANCE};

/// Of a load: before it counts.
const WARM_UP: Duration = Duration::from_secs(3);
/// Records of one transaction while the absence is written.
const BATCH: usize = 10_000;
const SECOND_MS: i64 = 1_000;
const MINUTE: i64 = 60;

/// After the return.
#[allow(clippy::struct_field_names, reason = "a unit belongs to its figure")]
struct Return {
    ready_s: f64,
    catch_up_s: f64,
    events_per_s: f64,
    events_per_cpu_s: f64,
}

pub(super) fn measure(bench: &Bench<'_>, tell: Tell<'_>) -> Result<()> {
    let plan = bench.plan;
    let minutes = plan.pick(plan.absence_minutes, 60, 5);
    let measured = Duration::from_secs(plan.pick(None, 20, 8));
    let probes = live::probes((WARM_UP + measured) * 2, 2);
    let shape = Shape { probes, ..bench.shape() };
    println!("\ncatch-up: {} positions, away for {minutes} minutes at {} events a second", shape.positions, plan.load);
    let (mut trading, mut service) = Trading::open(bench, shape)?;
    let load_before = trading.load_before;
    let before = latency(&mut trading, &mut service, measured, WARM_UP)?;
    service.stop()?;

    let missed = sell(&mut trading.live, plan.load, minutes)?;
    let ends = trading.live.inlet.close(&trading.deployment)?;
    let (mut service, back) = come_back(&trading.deployment, &ends, missed)?;
    // Right after: its first alerts are what is asked for, so nothing warms up.
    let after = latency(&mut trading, &mut service, measured, Duration::ZERO)?;
    trading.close(service)?;

    let mut line = Line::of("catch_up");
    line.whole("positions", u64::from(shape.positions)).whole("load_per_s", u64::from(plan.load));
    line.whole("absence_minutes", u64::from(minutes)).whole("events", missed).figure("load_before", load_before, 2);
    line.figure("ready_s", back.ready_s, 2).figure("catch_up_s", back.catch_up_s, 2);
    line.figure("events_per_s", back.events_per_s, 0).figure("events_per_cpu_s", back.events_per_cpu_s, 0);
    line.figure("alert_p50_ms_before", before.p50_ms, 1).figure("alert_p99_ms_before", before.p99_ms, 1);
    line.figure("alert_p50_ms_after", after.p50_ms, 1).figure("alert_p99_ms_after", after.p99_ms, 1);
    line.figure("alert_slowest_ms_after", after.slowest_ms, 1).whole("alerts", before.alerts + after.alerts);
    tell(&line)
}

fn latency(trading: &mut Trading, service: &mut Service, measured: Duration, warm_up: Duration) -> Result<Latency> {
    let Trading { live, deployment, .. } = trading;
    let seen = live.run(deployment, service, warm_up + measured, &mut |_, _| Ok(()))?;
    let latency = seen.between(warm_up, Duration::MAX);
    println!(
        "  alert latency over {} alerts: p50 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms; the load was sent up to {:.1} ms late",
        latency.alerts, latency.p50_ms, latency.p99_ms, latency.slowest_ms, seen.fed_late_ms
    );
    Ok(latency)
}

/// What happens in so many minutes, all at once; returns how many events that are.
fn sell(live: &mut Live, per_second: u32, minutes: u32) -> Result<u64> {
    for _ in 0..minutes {
        let minute = live.inlet.prepare(f64::from(per_second), SECOND_MS, MINUTE)?;
        let records: Vec<_> = minute.beats.into_iter().flatten().collect();
        for batch in records.chunks(BATCH) {
            live.inlet.feeder.send_raw(topics::EVENTS, batch)?;
        }
    }
    Ok(u64::from(per_second) * u64::from(minutes) * MINUTE.unsigned_abs())
}

fn come_back(deployment: &Deployment, ends: &super::shops::Ends, missed: u64) -> Result<(Service, Return)> {
    let spawned = now();
    let mut service = deployment.start("process", INSTANCE, false)?;
    let ready_s = service.ready()?.as_secs_f64();
    // It may have begun to read before it said so: rates are of all of it, from the spawn on.
    let end = run::until(deployment, &mut service, ends)?;
    let catch_up_s = seconds(spawned, end.at);
    ensure!(catch_up_s > 0.0 && end.cpu_s > 0.0, "too little was missed: give it more --absence-minutes");
    println!("  ready after {ready_s:.2} s, {missed} events caught up with after {catch_up_s:.2} s");
    let missed = missed as f64;
    let back = Return { ready_s, catch_up_s, events_per_s: missed / catch_up_s, events_per_cpu_s: missed / end.cpu_s };
    Ok((service, back))
}

fn seconds(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64()
}
