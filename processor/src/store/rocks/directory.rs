//! The directory of one partition, or of one application: created whole, locked while open, refused
//! when it is not ours.
//!
//! The identity is on disk before the database is, so a directory with anything in it but no
//! identity is somebody else's and is never touched.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::identity::Identity;
use super::{corrupt, io_error};
use crate::store::StoreError;

const LOCK: &str = "LOCK";
const IDENTITY: &str = "identity";
const IDENTITY_DRAFT: &str = "identity.draft";
const QUARANTINED: &str = ".quarantined";
const DATABASE: &str = "db";

/// A directory of ours, checked and locked for as long as this lives.
pub(super) struct OwnedDirectory {
    path: PathBuf,
    _lock: File,
}

impl OwnedDirectory {
    /// Opens or creates `partition-<n>` under the directory of its application.
    pub(super) fn partition(application: &Path, identity: &Identity, partition: i32) -> Result<Self, StoreError> {
        Self::open(application.join(name(partition)), identity, Some(partition))
    }

    /// Opens or creates the directory of a whole application under the state directory.
    pub(super) fn application(state: &Path, identity: &Identity) -> Result<Self, StoreError> {
        Self::open(state.join(&identity.application), identity, None)
    }

    fn open(path: PathBuf, identity: &Identity, partition: Option<i32>) -> Result<Self, StoreError> {
        create(&path)?;
        refuse_strangers(&path, identity, partition)?;
        let directory = Self { _lock: lock(&path)?, path };
        directory.settle_identity(identity, partition)?;
        Ok(directory)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the database of a partition lives.
    pub(super) fn database(&self) -> PathBuf {
        database(&self.path)
    }

    fn settle_identity(&self, identity: &Identity, partition: Option<i32>) -> Result<(), StoreError> {
        match identity_text(&self.path)? {
            Some(text) => identity.check(&self.path, &text, partition),
            None => write_durably(&self.path, &identity.render(partition))
                .map_err(|e| io_error("create", &self.path, e.to_string())),
        }
    }
}

/// Where the database of a partition's directory lives.
pub(super) fn database(path: &Path) -> PathBuf {
    path.join(DATABASE)
}

fn name(partition: i32) -> String {
    format!("partition-{partition:05}")
}

/// The partition of a directory's name, and whether it was set aside.
pub(super) fn partition_of(name: &str) -> Option<(i32, bool)> {
    let rest = name.strip_prefix("partition-")?;
    let (number, quarantined) = rest.strip_suffix(QUARANTINED).map_or((rest, false), |number| (number, true));
    Some((number.parse().ok()?, quarantined))
}

/// What the file `identity` of a directory says; `None` where there is none.
pub(super) fn identity_text(path: &Path) -> Result<Option<String>, StoreError> {
    match fs::read(path.join(IDENTITY)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(io_error("read the identity of", path, e.to_string())),
    }
}

/// Whether somebody holds the directory now. Looks for an instant only: whoever wants to take it then
/// and finds it taken is started again.
pub(super) fn is_held(path: &Path) -> Result<bool, StoreError> {
    let file = match File::open(path.join(LOCK)) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(io_error("look at the lock of", path, e.to_string())),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(io_error("look at the lock of", path, e.to_string())),
    }
}

/// Creates one directory if it is not there; never its parents.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    match fs::create_dir(path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().unwrap_or(path).display();
            Err(io_error(
                "create",
                path,
                format!("the directory {parent} does not exist; create it or mount its volume"),
            ))
        }
        Err(e) => Err(io_error("create", path, e.to_string())),
    }
}

/// A directory that has contents but no identity was not made by us.
fn refuse_strangers(path: &Path, identity: &Identity, partition: Option<i32>) -> Result<(), StoreError> {
    let mut stranger = None;
    for entry in fs::read_dir(path).map_err(|e| io_error("list", path, e.to_string()))? {
        let entry = entry.map_err(|e| io_error("list", path, e.to_string()))?.file_name();
        if entry == OsStr::new(IDENTITY) {
            return Ok(());
        }
        if entry != OsStr::new(LOCK) && entry != OsStr::new(IDENTITY_DRAFT) {
            stranger = Some(entry);
        }
    }
    let Some(stranger) = stranger else { return Ok(()) };
    let stranger = Path::new(&stranger).display();
    Err(StoreError::Foreign {
        path: path.display().to_string(),
        found: format!("something else (it has {stranger} and no file `identity`)"),
        expected: identity.describe(partition.map(|partition| partition.to_string()).as_deref()),
    })
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = File::options().create(true).truncate(false).write(true).open(path.join(LOCK));
    let file = file.map_err(|e| io_error("lock", path, e.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.display().to_string() }),
        Err(TryLockError::Error(e)) => Err(io_error("lock", path, e.to_string())),
    }
}

/// Whole or not at all, even through a power loss.
fn write_durably(directory: &Path, text: &str) -> io::Result<()> {
    let draft = directory.join(IDENTITY_DRAFT);
    fs::write(&draft, text)?;
    File::open(&draft)?.sync_all()?;
    fs::rename(&draft, directory.join(IDENTITY))?;
    File::open(directory)?.sync_all()
}

/// Refuses to let RocksDB start an empty database over the remains of one.
pub(super) fn check_remains(database: &Path) -> Result<(), StoreError> {
    if database.join("CURRENT").exists() {
        return Ok(());
    }
    let entries = match fs::read_dir(database) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(io_error("list", database, e.to_string())),
    };
    for entry in entries {
        let file = PathBuf::from(entry.map_err(|e| io_error("list", database, e.to_string()))?.file_name());
        // A new database writes CURRENT before any of these.
        if file.extension().is_some_and(|e| e == "sst" || e == "log") {
            return Err(corrupt(database, format!("{} is there, but the file CURRENT is not", file.display())));
        }
    }
    Ok(())
}

/// Renames a closed partition's directory to `….quarantined`, replacing an earlier one.
pub(super) fn quarantine(state: &Path, partition: i32) -> Result<Option<String>, StoreError> {
    let path = state.join(name(partition));
    if !path.exists() {
        return Ok(None);
    }
    let _lock = lock(&path)?;
    let target = state.join(format!("{}{QUARANTINED}", name(partition)));
    match fs::remove_dir_all(&target) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io_error("remove", &target, e.to_string())),
        _ => {}
    }
    fs::rename(&path, &target).map_err(|e| io_error("quarantine", &path, e.to_string()))?;
    File::open(state).and_then(|d| d.sync_all()).map_err(|e| io_error("quarantine", &path, e.to_string()))?;
    Ok(Some(target.display().to_string()))
}
