//! State directories that are gone, damaged, old, or somebody else's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;

use super::disk;
use crate::cluster::{PARTITIONS, PROCESS};
use crate::report::KILL;
use crate::rig::{Rig, copy};

const INSTANCES: [&str; 2] = ["process-0", "process-1"];
const BETWEEN: Duration = Duration::from_millis(1_500);

pub(crate) fn volumes(rig: &mut Rig<'_>, rounds: u32) -> Result<()> {
    for _ in 0..rounds {
        let old = keep_copy(rig, "process-0")?;
        deleted(rig)?;
        for kind in ["sst", "log", "MANIFEST"] {
            corrupted(rig, kind)?;
        }
        exchanged_partitions(rig)?;
        exchanged_volumes(rig)?;
        replaced(rig, "process-0", &old)?;
        rig.recover("damaged volumes")?;
    }
    disk::disk(rig)?;
    rig.check("damaged and full volumes")
}

fn keep_copy(rig: &mut Rig<'_>, name: &str) -> Result<PathBuf> {
    let copied = rig.cluster.file("old-volume");
    remove(&copied)?;
    rig.stop(name)?;
    copy(&rig.cluster.state(name), &copied)?;
    rig.revive(name, "sigterm")?;
    Ok(copied)
}

fn deleted(rig: &mut Rig<'_>) -> Result<()> {
    rig.kill("process-1")?;
    remove(&rig.cluster.state("process-1"))?;
    excuse_all(rig, "process-1")?;
    rig.report.fault("deleted volume");
    rig.revive("process-1", "a deleted volume")?;
    rig.breathe(BETWEEN)
}

/// Bytes change in one file of one partition.
fn corrupted(rig: &mut Rig<'_>, kind: &str) -> Result<()> {
    let name = INSTANCES[rig.random.usize(0..2)];
    rig.kill(name)?;
    let files = files(&rig.cluster.state(name).join(PROCESS), kind)?;
    if files.is_empty() {
        rig.report.skip(&format!("{name} has no file of the kind {kind}"));
        return rig.revive(name, KILL);
    }
    let (partition, path) = &files[rig.random.usize(0..files.len())];
    flip(path, &mut rig.random)?;
    rig.report.say(&format!("bytes flipped in {}", path.display()));
    rig.seat(name)?.excuse(*partition);
    rig.report.fault(&format!("corrupt {kind}"));
    rig.revive(name, &format!("a corrupt {kind}"))?;
    rig.breathe(BETWEEN)
}

/// Files of the partitions' databases, by how their names begin or end; those with something in them.
fn files(state: &Path, kind: &str) -> Result<Vec<(i32, PathBuf)>> {
    let mut found = Vec::new();
    for partition in 0..PARTITIONS {
        let database = state.join(format!("partition-{partition:05}/db"));
        let Ok(entries) = fs::read_dir(&database) else { continue };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let fits = name.starts_with(kind) || path.extension().is_some_and(|extension| extension == kind);
            if fits && path.metadata()?.len() > 0 {
                found.push((partition, path));
            }
        }
    }
    Ok(found)
}

fn flip(path: &Path, random: &mut Rng) -> Result<()> {
    let mut bytes = fs::read(path).with_context(|| path.display().to_string())?;
    ensure!(!bytes.is_empty(), "{} is empty", path.display());
    for _ in 0..random.usize(1..16) {
        let at = random.usize(0..bytes.len());
        bytes[at] ^= random.u8(1..);
    }
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// Two partitions' directories under each other's names.
fn exchanged_partitions(rig: &mut Rig<'_>) -> Result<()> {
    let name = INSTANCES[rig.random.usize(0..2)];
    rig.kill(name)?;
    let state = rig.cluster.state(name).join(PROCESS);
    let there: Vec<i32> = (0..PARTITIONS).filter(|p| state.join(format!("partition-{p:05}")).is_dir()).collect();
    ensure!(there.len() >= 2, "{name} has fewer than two stores");
    let first = rig.random.usize(0..there.len() - 1);
    let [one, other] = [there[first], there[first + 1]];
    exchange(&state.join(format!("partition-{one:05}")), &state.join(format!("partition-{other:05}")))?;
    for partition in [one, other] {
        rig.seat(name)?.excuse(partition);
    }
    rig.report.fault("exchanged partitions");
    rig.revive(name, "exchanged partitions")?;
    rig.breathe(BETWEEN)
}

/// Each instance gets the other's volume.
fn exchanged_volumes(rig: &mut Rig<'_>) -> Result<()> {
    for name in INSTANCES {
        rig.stop(name)?;
        excuse_all(rig, name)?;
    }
    exchange(&rig.cluster.state(INSTANCES[0]), &rig.cluster.state(INSTANCES[1]))?;
    rig.report.fault("exchanged volumes");
    for name in INSTANCES {
        rig.revive(name, "exchanged volumes")?;
    }
    rig.breathe(BETWEEN)
}

/// The volume is what it was some time ago.
fn replaced(rig: &mut Rig<'_>, name: &str, old: &Path) -> Result<()> {
    rig.kill(name)?;
    let state = rig.cluster.state(name);
    remove(&state)?;
    copy(old, &state)?;
    // It may lack partitions that came since.
    excuse_all(rig, name)?;
    rig.report.fault("old volume");
    rig.revive(name, "an old volume")?;
    rig.breathe(BETWEEN)
}

fn excuse_all(rig: &mut Rig<'_>, name: &str) -> Result<()> {
    let seat = rig.seat(name)?;
    (0..PARTITIONS).for_each(|partition| seat.excuse(partition));
    Ok(())
}

fn exchange(one: &Path, other: &Path) -> Result<()> {
    let aside = one.with_extension("aside");
    for (from, to) in [(one, aside.as_path()), (other, one), (aside.as_path(), other)] {
        fs::rename(from, to).with_context(|| format!("cannot rename {}", from.display()))?;
    }
    Ok(())
}

fn remove(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    Ok(())
}
