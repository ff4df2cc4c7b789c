//! Events per CPU-second: `replay` over a file, interleaved with the baseline.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::stream::{self, Workload};
use test_services::child::{self, Usage};

/// The rule pack that ships, so that the measured work is what a user runs.
pub(crate) const RULES: &str = include_str!("../../rules/src/packs/retail.yaml");
const POSITIONS_EVERY: &str = "7d";

/// The files of one measurement.
struct Case {
    name: &'static str,
    directory: PathBuf,
    locations: bool,
}

/// Events per CPU-second over the synthetic stream.
pub(crate) fn synthetic(binary: &Path, workload: &Workload, runs: usize, scratch: &Path) -> Result<f64> {
    let directory = scratch.join("synthetic");
    println!("\nsynthetic stream: {workload}");
    println!("  {}", stream::write_files(workload, &directory)?);
    measure(binary, &Case { name: "synthetic", directory, locations: true }, runs)
}

/// The same over the real movements, where they are at hand.
pub(crate) fn real(binary: &Path, runs: usize, scratch: &Path) -> Result<()> {
    println!("\nreal retail movements:");
    let Some(directory) = real_movements(scratch) else { return Ok(()) };
    measure(binary, &Case { name: "real", directory, locations: false }, runs).map(drop)
}

/// A directory with `events.jsonl` and `catalog.jsonl`, where the movements are at hand; says why where they are not.
pub(crate) fn real_movements(scratch: &Path) -> Option<PathBuf> {
    let shared = std::env::var_os("QM_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let script = shared.join("eval/to_canonical.py");
    if !script.is_file() {
        println!(
            "  skipped: no converter at {}; set QM_SHARED to the folder that holds eval/ and data/",
            script.display()
        );
        return None;
    }
    let directory = scratch.join("real");
    let mut convert = Command::new(python());
    convert.arg(&script).args(["--split", "dev", "--out"]).arg(&directory);
    if let Err(error) = child::run(&mut convert, &scratch.join("convert.err")) {
        println!("  skipped: {error:#} (the converter needs Python with pandas; PYTHON names the interpreter)");
        return None;
    }
    Some(directory)
}

/// `$PYTHON`, or the environment that `make decisions` uses too, or whatever there is.
fn python() -> OsString {
    if let Some(named) = std::env::var_os("PYTHON") {
        return named;
    }
    let made = Command::new("scripts/venv.sh").args(["decisions", "numpy", "pandas", "numba", "scipy"]).output();
    let path = made.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    path.and_then(|path| String::from_utf8(path).ok()).map_or_else(|| "python3".into(), |path| path.trim().into())
}

fn measure(binary: &Path, case: &Case, runs: usize) -> Result<f64> {
    ensure!(runs > 0, "--runs must be at least 1");
    let input = case.directory.join("events.jsonl");
    let events = lines(&input)?;
    fs::write(case.directory.join("rules.yaml"), RULES).context("cannot write the rules")?;
    let bench = std::env::current_exe().context("cannot find this program's own path")?;
    let (mut decodes, mut replays) = (Vec::new(), Vec::new());
    for run in 1..=runs {
        let decode = child::run(Command::new(&bench).arg("decode").arg(&input), &case.directory.join("decode.err"))?;
        let replay = replay(binary, case)?;
        println!(
            "  run {run}: decode only {:.2} CPU-s ({:.2} wall), replay {:.2} CPU-s ({:.2} wall)",
            decode.cpu_s, decode.wall_s, replay.cpu_s, replay.wall_s
        );
        decodes.push(decode);
        replays.push(replay);
    }
    Ok(report(case, events, median(decodes), median(replays)))
}

fn replay(binary: &Path, case: &Case) -> Result<Usage> {
    let file = |name: &str| case.directory.join(name);
    let mut command = Command::new(binary);
    command.arg("replay").arg("--rules").arg(file("rules.yaml")).arg("--catalog").arg(file("catalog.jsonl"));
    if case.locations {
        command.arg("--locations").arg(file("locations.jsonl"));
    }
    command.arg("--alerts").arg(file("alerts.jsonl")).arg("--positions").arg(file("positions.jsonl"));
    command.args(["--positions-every", POSITIONS_EVERY]).arg("--dead-letters").arg(file("dead-letters.jsonl"));
    let usage = child::run(command.arg(file("events.jsonl")), &file("replay.err"))?;
    let refused = lines(&file("dead-letters.jsonl"))?;
    ensure!(refused == 0, "replay refused {refused} lines of the {} input", case.name);
    Ok(usage)
}

fn report(case: &Case, events: u64, decode: Usage, replay: Usage) -> f64 {
    let outputs = ["alerts.jsonl", "positions.jsonl"].map(|name| lines(&case.directory.join(name)).unwrap_or(0));
    let rate = |usage: Usage| events as f64 / usage.cpu_s;
    println!("  {events} events in; {} alert lines, {} position lines out", outputs[0], outputs[1]);
    println!("  decode only: {:.0} events per CPU-second (median)", rate(decode));
    println!(
        "  replay: {:.0} events per CPU-second (median), {:.2} times the CPU of decoding alone; {:.0} events per second of wall time",
        rate(replay),
        replay.cpu_s / decode.cpu_s,
        events as f64 / replay.wall_s
    );
    rate(replay)
}

/// By CPU time; the upper one of an even number.
fn median(mut usages: Vec<Usage>) -> Usage {
    usages.sort_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s));
    usages[usages.len() / 2]
}

fn lines(path: &Path) -> Result<u64> {
    let file = fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let (mut line, mut count) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line).with_context(|| format!("cannot read {}", path.display()))? > 0 {
        count += 1;
        line.clear();
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_by_cpu_time() {
        let usage = |cpu_s, wall_s| Usage { cpu_s, wall_s };
        let median = median(vec![usage(3.0, 1.0), usage(1.0, 9.0), usage(2.0, 5.0)]);
        assert_eq!((median.cpu_s, median.wall_s), (2.0, 5.0));
    }
}
