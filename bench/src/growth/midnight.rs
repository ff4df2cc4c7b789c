//! Stream time passes midnight beside a load: every position closes its day. How late alerts are before, during and
//! after, and the longest time without a commit.
//!
//! Day closes wait for stragglers, so they begin when stream time is past midnight by the grace. It must never report
//! a midnight that did not come, or one that was not over when the load ended.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use schemas::Timestamp;
use test_services::service::Service;

use super::line::Line;
use super::live::{self, Seen};
use super::run::{self, SETTLE};
use super::shops::Shape;
use super::sweeps::{Bench, Tell};
use super::trading::Trading;
use crate::kafka::deployment::changelog;
use crate::kafka::input::GRACE_MS;
use crate::stream::START;
use test_services::clock::sleep;

const WARM_UP: Duration = Duration::from_secs(5);
/// Midnight of the shops, after the stream's start.
const MIDNIGHT_MS: i64 = 16 * 3_600_000;
/// Further behind than this is not keeping up.
const BEHIND_S: f64 = 1.0;
/// So long at least counts as midnight, and has to be left after it.
const SOME: Duration = Duration::from_secs(5);
/// Of the positions, rows that a midnight writes at least.
const LEAST_ROWS: f64 = 0.9;

/// What `process` said about itself.
struct Sample {
    at: Instant,
    committed: f64,
    lag_s: f64,
    lag_records: f64,
}

impl Sample {
    fn take(service: &mut Service, at: Instant) -> Result<Self> {
        let metrics = service.metrics()?;
        Ok(Self {
            at,
            committed: metrics.sum("transactions_total", "result=\"committed\""),
            lag_s: metrics.greatest("consumer_lag_seconds").unwrap_or(f64::NAN),
            lag_records: metrics.sum("consumer_lag_records", ""),
        })
    }
}

pub(super) fn measure(bench: &Bench<'_>, tell: Tell<'_>) -> Result<()> {
    let plan = bench.plan;
    let positions = plan.pick(plan.midnight_positions, 1_000_000, 20_000);
    let before = Duration::from_secs(plan.pick(None, 30, 10));
    let after = Duration::from_secs(u64::from(plan.pick(plan.midnight_seconds, 180, 25)));
    let length = WARM_UP + before + after;
    let probes = live::probes(length, 1);
    let shape = Shape { positions, probes, ..bench.shape() };
    println!("\nmidnight: {positions} positions, {} events a second", plan.load);
    let (mut trading, mut service) = Trading::open(bench, shape)?;
    let load_before = trading.load_before;
    let Trading { deployment, live, .. } = &mut trading;
    // The evening passes without a sale.
    let midnight = Timestamp::from_millis(START.millis() + MIDNIGHT_MS + GRACE_MS);
    live.inlet.rest_until(midnight.plus_ms(-((WARM_UP + before).as_millis() as i64)));
    let ends = live.inlet.close(deployment)?;
    run::until(deployment, &mut service, &ends)?;
    sleep(SETTLE);

    let rows_before = deployment.offsets(&changelog())?;
    let mut samples = Vec::new();
    let seen = live.run(deployment, &mut service, length, &mut |service, at| {
        samples.push(Sample::take(service, at)?);
        Ok(())
    })?;
    let come_to = service.metrics()?.least("stream_time_seconds").unwrap_or(f64::NAN);
    ensure!(come_to * 1000.0 >= midnight.millis() as f64, "stream time has come to {come_to} s only: no midnight");
    let rows = deployment.offsets(&changelog())? - rows_before;
    ensure!(
        rows as f64 >= f64::from(positions) * LEAST_ROWS,
        "midnight wrote {rows} rows for {positions} positions: it did not come"
    );
    trading.close(service)?;

    let mut line = Line::of("midnight");
    line.whole("positions", u64::from(positions)).whole("load_per_s", u64::from(plan.load));
    line.figure("load_before", load_before, 2).whole("rows", rows.unsigned_abs());
    report(&mut line, &seen, &samples, WARM_UP + before, length)?;
    tell(&line)
}

fn report(line: &mut Line, seen: &Seen, samples: &[Sample], midnight: Duration, end: Duration) -> Result<()> {
    let since = |sample: &Sample| sample.at.saturating_duration_since(seen.origin);
    let of_midnight: Vec<&Sample> = samples.iter().filter(|sample| since(sample) >= midnight).collect();
    let behind = of_midnight.iter().filter(|sample| sample.lag_s > BEHIND_S).map(|sample| since(sample)).max();
    let over = behind.unwrap_or(midnight).max(midnight + SOME);
    ensure!(
        over + SOME <= end,
        "midnight was not over when the load ended, after {} s: give it more --midnight-seconds",
        (end.saturating_sub(midnight)).as_secs()
    );
    let (pause, lag_s, lag_records) = (
        longest_pause(&of_midnight),
        of_midnight.iter().map(|sample| sample.lag_s).fold(0.0, f64::max),
        of_midnight.iter().map(|sample| sample.lag_records).fold(0.0, f64::max),
    );
    let behind_s = behind.map_or(0.0, |until| until.saturating_sub(midnight).as_secs_f64());
    line.figure("behind_s", behind_s, 1).figure("longest_gap_s", pause.as_secs_f64(), 2);
    line.figure("greatest_lag_s", lag_s, 2).figure("greatest_lag_records", lag_records, 0);
    line.figure("fed_late_ms", seen.fed_late_ms, 1);
    let [before, during, after] =
        [(WARM_UP, midnight), (midnight, over), (over, Duration::MAX)].map(|(from, to)| seen.between(from, to));
    println!(
        "  alert latency p50, p99: before {:.1}, {:.1} ms; during {:.1}, {:.1} ms; after {:.1}, {:.1} ms; behind for {behind_s:.1} s",
        before.p50_ms, before.p99_ms, during.p50_ms, during.p99_ms, after.p50_ms, after.p99_ms
    );
    line.figure("alert_p50_ms_before", before.p50_ms, 1).figure("alert_p99_ms_before", before.p99_ms, 1);
    line.figure("alert_p50_ms_during", during.p50_ms, 1).figure("alert_p99_ms_during", during.p99_ms, 1);
    line.figure("alert_slowest_ms_during", during.slowest_ms, 1);
    line.figure("alert_p50_ms_after", after.p50_ms, 1).figure("alert_p99_ms_after", after.p99_ms, 1);
    line.whole("alerts_before", before.alerts)
        .whole("alerts_during", during.alerts)
        .whole("alerts_after", after.alerts);
    Ok(())
}

/// The longest time in which no transaction was committed: from the sample that saw one first to that which saw the next.
fn longest_pause(samples: &[&Sample]) -> Duration {
    let (mut longest, mut last) = (Duration::ZERO, None::<&Sample>);
    for &sample in samples {
        let Some(before) = last else {
            last = Some(sample);
            continue;
        };
        longest = longest.max(sample.at.saturating_duration_since(before.at));
        if sample.committed > before.committed {
            last = Some(sample);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_services::clock::now;

    #[test]
    fn a_pause_is_as_long_as_nothing_was_committed() {
        let origin = now();
        let sample = |at_s, committed| Sample {
            at: origin + Duration::from_secs(at_s),
            committed,
            lag_s: 0.0,
            lag_records: 0.0,
        };
        let samples = [sample(0, 1.0), sample(1, 2.0), sample(2, 2.0), sample(5, 2.0), sample(6, 3.0)];
        assert_eq!(longest_pause(&samples.iter().collect::<Vec<_>>()), Duration::from_secs(5));
        assert_eq!(longest_pause(&[]), Duration::ZERO);
    }
}
