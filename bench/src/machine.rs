//! What the figures were measured on.

use std::fs;
use std::process::Command;

pub(crate) fn describe() {
    let cores = std::thread::available_parallelism().map_or_else(|_| "?".to_owned(), |n| n.to_string());
    println!("machine: {}, {cores} cores, {} memory", cpu_model(), memory());
    println!("kernel: {}; load before: {}", line_of("/proc/sys/kernel/osrelease"), line_of("/proc/loadavg"));
    println!("compiler: {}", rustc());
}

/// How busy everybody has kept the machine lately: wall times and latencies are worth what this allows.
pub(crate) fn load(when: &str) {
    println!("{when}: load {}", line_of("/proc/loadavg"));
}

/// The load average of the last minute; NaN where the kernel does not say.
pub(crate) fn load_average() -> f64 {
    line_of("/proc/loadavg").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

fn line_of(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn value_in(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    value.map_or_else(|| "unknown".to_owned(), |value| value.trim().to_owned())
}

pub(crate) fn cpu_model() -> String {
    value_in("/proc/cpuinfo", "model name")
}

pub(crate) fn memory() -> String {
    value_in("/proc/meminfo", "MemTotal")
}

fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output.map_or_else(|_| "unknown".to_owned(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
