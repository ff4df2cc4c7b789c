//! A disk that is full: a small file system under one instance's state, filled to the last byte, then
//! emptied. Where this user may not mount one, the group says so and passes.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use test_services::clock::now;

use crate::interrupt;
use crate::rig::{Rig, copy};

const NAME: &str = "process-1";
const BYTES: u64 = 48 << 20;
const FULL_FOR: Duration = Duration::from_secs(6);
const LOOK: Duration = Duration::from_millis(50);

pub(crate) fn disk(rig: &mut Rig<'_>) -> Result<()> {
    let (state, aside) = (rig.cluster.state(NAME), rig.cluster.file("aside"));
    rig.stop(NAME)?;
    fs::rename(&state, &aside)?;
    fs::create_dir(&state)?;
    let small = SmallDisk::mount(&state);
    if let Some(small) = &small {
        for entry in fs::read_dir(&aside)? {
            copy(&entry?.path(), &state)?;
        }
        rig.revive(NAME, "sigterm")?;
        fill_and_empty(rig, &small.0.join("ballast"))?;
        rig.stop(NAME)?;
        fs::remove_dir_all(&aside)?;
        copy(&state, &aside)?;
    } else {
        rig.report.skip("disk full: a small file system cannot be mounted here");
    }
    drop(small);
    fs::remove_dir(&state)?;
    fs::rename(&aside, &state)?;
    rig.revive(NAME, "sigterm")
}

/// Full, the instance may end with an error, as an operator would want to know; never with a wrong state.
fn fill_and_empty(rig: &mut Rig<'_>, ballast: &Path) -> Result<()> {
    fill(ballast)?;
    rig.report.fault("disk full");
    let began = now();
    while rig.seat(NAME)?.is_running() && now().duration_since(began) < FULL_FOR {
        interrupt::pause(LOOK)?;
    }
    let ended = !rig.seat(NAME)?.is_running();
    fs::remove_file(ballast).with_context(|| ballast.display().to_string())?;
    rig.report.say(&format!(
        "full for {:.1} s: {NAME} {}",
        now().duration_since(began).as_secs_f64(),
        if ended { "ended" } else { "held out" }
    ));
    if ended {
        rig.seat(NAME)?.service = None;
        rig.revive(NAME, "a full disk")?;
    }
    rig.recover("a full disk")
}

fn fill(ballast: &Path) -> Result<()> {
    let mut file = File::create(ballast).with_context(|| ballast.display().to_string())?;
    let mut piece = vec![0x5a; 64 << 10];
    while !piece.is_empty() {
        // Smaller pieces until not even a byte fits.
        if file.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
    Ok(())
}

/// Unmounted when it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        let size = format!("size={BYTES}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "quartermaster-faults"]).arg(at).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open keeps it, and nobody else sees it.
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            println!("cannot unmount {}; run: umount {}", self.0.display(), self.0.display());
        }
    }
}
