//! Child processes, and what the kernel says about them.
//!
//! CPU time is user + system time of all threads of the reaped children (`cutime` and `cstime` of
//! `/proc/self/stat`, in ticks of 10 ms). Resident memory is `Rss` of `/proc/<pid>/smaps_rollup`,
//! which is exact where the counters in `status` are batched.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::clock::{now, sleep};

/// Linux reports times to programs in this unit on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one child used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub cpu_s: f64,
    pub wall_s: f64,
}

/// Runs a command to its end; its stderr goes to a file that is shown when it fails.
pub fn run(command: &mut Command, stderr: &Path) -> Result<Usage> {
    let errors = fs::File::create(stderr).with_context(|| format!("cannot create {}", stderr.display()))?;
    let (cpu, start) = (children_cpu_s()?, now());
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).status();
    let status = status.with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let usage = Usage { cpu_s: children_cpu_s()? - cpu, wall_s: now().duration_since(start).as_secs_f64() };
    if !status.success() {
        bail!("{} ended with {status}: {}", command.get_program().display(), tail(stderr));
    }
    Ok(usage)
}

/// The last lines of a file, for an error message.
pub fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

fn stat_fields(pid: &str) -> Result<Vec<String>> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, rest) = text.rsplit_once(") ").with_context(|| format!("{path} has no name"))?;
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

/// Sum of two tick fields, numbered from the state (field 3 of proc_pid_stat(5)) as 0.
fn ticks(fields: &[String], first: usize) -> Result<u64> {
    let two = fields.get(first..first + 2).context("a short /proc stat line")?;
    Ok(two[0].parse::<u64>()? + two[1].parse::<u64>()?)
}

/// User and system time of all children waited for so far.
fn children_cpu_s() -> Result<f64> {
    Ok(ticks(&stat_fields("self")?, 13)? as f64 / TICKS_PER_SECOND)
}

/// User and system time of all threads of a running process.
pub fn cpu_s(pid: u32) -> Result<f64> {
    Ok(ticks(&stat_fields(&pid.to_string())?, 11)? as f64 / TICKS_PER_SECOND)
}

/// Waits until a child has nothing left to do: asleep, and no CPU time used for three looks.
pub fn wait_until_idle(pid: u32, limit: Duration) -> Result<()> {
    let (start, mut quiet, mut last) = (now(), 0, u64::MAX);
    while quiet < 3 {
        ensure!(now().duration_since(start) < limit, "the child is still busy after {} s", limit.as_secs());
        sleep(Duration::from_millis(200));
        let fields = stat_fields(&pid.to_string())?;
        let used = ticks(&fields, 11)?;
        let asleep = fields.first().is_some_and(|state| state == "S");
        ensure!(fields.first().is_none_or(|state| state != "Z"), "the child ended early");
        quiet = if asleep && used == last { quiet + 1 } else { 0 };
        last = used;
    }
    Ok(())
}

/// Bytes of memory a running process has resident.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    Ok(figure(pid, "smaps_rollup", "Rss:")? * 1024)
}

/// The most bytes of memory it ever had resident.
pub fn peak_resident_bytes(pid: u32) -> Result<u64> {
    Ok(figure(pid, "status", "VmHWM:")? * 1024)
}

/// Bytes it has caused to be written to disk, by now or when the page cache is flushed.
pub fn written_bytes(pid: u32) -> Result<u64> {
    figure(pid, "io", "write_bytes:")
}

/// A figure of `/proc/<pid>/<file>`, in the unit it has there.
fn figure(pid: u32, file: &str, name: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/{file}");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let figure = text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    Ok(figure.with_context(|| format!("{path} has no {name}"))?.parse()?)
}
