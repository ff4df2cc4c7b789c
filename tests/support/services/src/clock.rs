//! The one clock of this program: monotonic, the same for every measurement.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

#[allow(clippy::disallowed_methods, reason = "a benchmark owns its clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970, to compare with what records say about themselves.
#[allow(clippy::disallowed_methods, reason = "records carry the machine's time")]
pub fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[allow(clippy::disallowed_methods, reason = "between two looks at a condition that has a limit, or until an instant")]
pub fn sleep(duration: Duration) {
    std::thread::sleep(duration);
}

pub fn sleep_until(instant: Instant) {
    sleep(instant.saturating_duration_since(now()));
}

/// Looks every so often until there is an answer; fails when there is none within the limit.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    every: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = now();
    loop {
        if let Some(answer) = look()? {
            return Ok(answer);
        }
        if now().duration_since(start) >= limit {
            bail!("not within {} s: {what}", limit.as_secs());
        }
        sleep(every);
    }
}

pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
