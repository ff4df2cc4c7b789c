//! Whether this harness finds anything: a binary with a planted bug must break an invariant. A bug that is
//! not found makes the proof fail.

use std::process::ExitCode;

use anyhow::Result;

use crate::cluster::Program;
use crate::{Arguments, interrupt, run};

/// A bug of processor/src/planted.rs, and the groups of faults that must find it.
const BUGS: [(&str, &[&str]); 3] =
    [("store-before-commit", &["kills"]), ("restore-to-stable", &["markers"]), ("no-generation", &["zombies"])];
/// Kills of the group that kills; the others repeat theirs as in a long run.
const KILLS: u32 = 30;
const LONG: u32 = 100;
/// What is left to chance may need another seed.
const ATTEMPTS: u64 = 6;

pub(crate) fn prove(arguments: &Arguments) -> Result<ExitCode> {
    let _signals = interrupt::listen()?;
    let binary = arguments.binary("quartermaster-planted")?;
    let (mut found, mut missed) = (Vec::new(), 0);
    for (bug, groups) in BUGS {
        if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == bug) {
            continue;
        }
        let program = Program { binary: binary.clone(), bug: Some(bug) };
        let mut broken = Vec::new();
        for attempt in 0..ATTEMPTS {
            interrupt::check()?;
            println!("== planted: {bug}, attempt {} ==", attempt + 1);
            let seed = arguments.seed + attempt;
            let kills = if groups.contains(&"kills") { KILLS } else { LONG };
            let report = run(&program, groups, kills, seed, arguments.keep.as_deref());
            broken = report.invariants_broken().into_iter().collect();
            if !broken.is_empty() {
                break;
            }
        }
        missed += u32::from(broken.is_empty());
        found.push(format!("\"{bug}\":{broken:?}"));
    }
    println!("{{\"planted\":{{{}}},\"missed\":{missed}}}", found.join(","));
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
