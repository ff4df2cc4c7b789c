//! State directories that a service cannot use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::rig::{Rig, Running, described};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::service::stores::DiskStores;
use crate::service::{Stores, stores};

const APPLICATION: &str = "quartermaster-process";

fn claim(rig: &Rig, config: &Config) -> (bool, String) {
    let stage = rig.service(&rig.config("other")).stages;
    let opened = DiskStores::open(&config.state, &Metrics::new().unwrap());
    described(opened.and_then(|disk| stores::claim(&disk as &dyn Stores, &stage)).map(drop))
}

/// A directory that a service has used.
fn used(rig: &Rig) -> (Config, PathBuf) {
    let config = rig.config("a");
    let service = Running::start(rig.service(&config));
    service.ready();
    rig.count("SKU-1", 1, 5);
    rig.alerts_become(&["SKU-1 opened"]);
    assert!(service.stop().is_ok());
    let directory = config.state.directory.join(APPLICATION);
    (config, directory)
}

#[test]
fn that_of_another_application_or_version_is_refused() {
    let rig = Rig::new();
    let (config, directory) = used(&rig);
    let identity = directory.join("identity");
    let own = fs::read_to_string(&identity).unwrap();
    fs::write(&identity, own.replace(APPLICATION, "somebody-else")).unwrap();
    let (request, message) = claim(&rig, &config);
    assert!(request && message.contains("somebody-else") && message.contains("state.directory"), "{message}");
    fs::write(&identity, own.replace("format=1", "format=2")).unwrap();
    let (request, message) = claim(&rig, &config);
    assert!(request && message.contains("newer binary"), "{message}");
    // A partition's own directory is found out when it is opened.
    fs::write(&identity, &own).unwrap();
    let partition = directory.join("partition-00000/identity");
    let text = fs::read_to_string(&partition).unwrap();
    fs::write(&partition, text.replace("inventory.events", "other.events")).unwrap();
    let (request, message) = Running::start(rig.service(&config)).fails();
    assert!(request && message.contains("other.events") && message.contains("partition-00000"), "{message}");
}

#[test]
fn one_in_use_is_refused_before_anything_is_disturbed() {
    let rig = Rig::new();
    let first = rig.start("a");
    first.ready();
    let (request, message) = Running::start(rig.service(&rig.config("a"))).fails();
    assert!(!request && message.contains("in use") && message.contains(APPLICATION), "{message}");
    rig.count("SKU-1", 1, 5);
    rig.alerts_become(&["SKU-1 opened"]);
    assert!(first.stop().is_ok());
}

#[test]
fn one_whose_parent_is_missing_is_refused() {
    let rig = Rig::new();
    let mut config = rig.config("a");
    config.state.directory = rig.scratch.path().join("no/such");
    let (request, message) = claim(&rig, &config);
    assert!(!request && message.contains("does not exist; create it"), "{message}");
}

/// A file system of its own; `None` where this user may not mount one.
struct Mounted {
    at: PathBuf,
}

impl Mounted {
    fn new(at: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self { at: at.to_owned() })
    }

    fn read_only(&self) {
        assert!(Command::new("mount").args(["-o", "remount,ro"]).arg(&self.at).status().unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a test that failed may still have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that could not run says so")]
fn a_read_only_one_is_a_clear_failure() {
    let rig = Rig::new();
    let mut config = rig.config("a");
    let Some(mounted) = Mounted::new(&config.state.directory, "size=16m") else {
        println!("SKIPPED: this user may not mount a file system");
        return;
    };
    mounted.read_only();
    let (request, message) = claim(&rig, &config);
    assert!(!request && message.contains("Read-only file system") && message.contains("state-a"), "{message}");
    // Without root's rights an ordinary directory does the same; the message names the directory either way.
    config.state.directory = rig.scratch.path().join("state-a/below");
    let (_, message) = claim(&rig, &config);
    assert!(message.contains("state-a/below"), "{message}");
}

#[test]
#[allow(clippy::print_stdout, reason = "a test that could not run says so")]
fn a_full_one_stops_the_service_and_names_itself() {
    let rig = Rig::new();
    let config = rig.config("a");
    let Some(mounted) = Mounted::new(&config.state.directory, "size=2m") else {
        println!("SKIPPED: this user may not mount a file system");
        return;
    };
    let service = Running::start(rig.service(&config));
    service.ready();
    // Somebody else fills the volume.
    let filler = vec![0_u8; 2 << 20];
    let _ = fs::write(mounted.at.join("filler"), filler);
    // More than a log of RocksDB has reserved for itself.
    let long = "X".repeat(400);
    for sku in 0..500 {
        rig.count(&format!("SKU-{sku}-{long}"), 0, 5);
    }
    let (request, message) = service.fails();
    assert!(!request && message.contains("No space left on device") && message.contains("state-a"), "{message}");
}
