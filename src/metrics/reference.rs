//! `docs/metrics.md`: every family there is, by the role that has it.

use std::fmt::Write;

use super::{AlertMetrics, ClientMetrics, HotMetrics, IngestMetrics, Metrics, NotifyMetrics, StateMetrics};
use crate::exit::Failure;

const HEAD: &str = "# Metrics\n\n\
    Generated from the program: `quartermaster reference metrics > docs/metrics.md`.\n\n\
    Served by every long-running command at `/metrics` of its admin port (`[admin] listen`), in the Prometheus text format. \
    Names begin with `quartermaster_`; times are seconds, sizes bytes. Labels are closed sets; `partition` and `topic` name \
    what the process owns now, and go when it goes. Counters start at zero for every value of a closed set. The client prints \
    the bound of a bucket as `le=\"10\"`, Prometheus 3 stores `\"10.0\"`: match `le=~\"10(\\\\.0)?\"` in rules.\n";

/// The families every service has, then those of each role.
pub fn reference() -> Result<String, Failure> {
    let mut out = HEAD.to_owned();
    let common = Metrics::new()?;
    common.add(StateMetrics::new)?;
    common.add(ClientMetrics::new)?;
    let told = section("Every service", &common, 0, &mut out);
    common.add(AlertMetrics::new)?;
    common.add(HotMetrics::new)?;
    let told = section("`process`", &common, told, &mut out);
    common.add(IngestMetrics::new)?;
    let told = section("`ingest`", &common, told, &mut out);
    common.add(|families| NotifyMetrics::new(families, Vec::new()))?;
    section("`notify`", &common, told, &mut out);
    Ok(out)
}

/// Writes the families from the nth on; returns how many there are.
fn section(title: &str, metrics: &Metrics, from: usize, out: &mut String) -> usize {
    let families = metrics.families.described();
    // Writing to a string cannot fail.
    let _ = write!(out, "\n## {title}\n\n| metric | type | labels | what |\n|---|---|---|---|\n");
    for family in &families[from..] {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, help) = (family.name, family.kind, family.help);
        let _ = writeln!(out, "| `quartermaster_{name}` | {kind} | {} | {help} |", labels.join(", "));
    }
    families.len()
}
