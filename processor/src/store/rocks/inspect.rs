//! A state directory as it lies there, looked at without taking anything: beside a running instance, or
//! where nothing can be written.
//!
//! A database opened here shows what was in it at that moment. Nothing here may write or create a file,
//! [`set_aside`] alone moves one, and takes the directory first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rocksdb::DB;

use super::directory::{self, OwnedDirectory};
use super::identity::Identity;
use super::options::{RocksOptions, Shared};
use super::reading::{Contents, open_error};
use super::{corrupt, io_error};
use crate::store::{Checkpoint, StoreError, Visit};

/// How often a database is opened that changes meanwhile.
const ATTEMPTS: u32 = 5;

/// The directory of one application.
#[derive(Debug)]
pub struct ApplicationDirectory {
    /// What the directory is called: the application, where nobody has renamed it.
    pub name: String,
    pub path: PathBuf,
    /// Whose it says it is.
    pub identity: Result<Identity, StoreError>,
    /// A process has claimed it.
    pub in_use: bool,
    /// By number; those set aside come after the one in use.
    pub partitions: Vec<PartitionDirectory>,
}

/// The directory of one partition.
#[derive(Debug)]
pub struct PartitionDirectory {
    pub partition: i32,
    pub path: PathBuf,
    /// It could not be used, was set aside, and is kept to be looked at.
    pub quarantined: bool,
    pub bytes: u64,
}

/// Every application that has a directory under the state directory, by name.
pub fn applications(state: &Path) -> Result<Vec<ApplicationDirectory>, StoreError> {
    let mut found = Vec::new();
    for (name, path) in folders(state)? {
        let partitions = partitions(&path)?;
        let text = directory::identity_text(&path)?;
        // Whatever else lies there is not ours.
        if text.is_none() && partitions.is_empty() {
            continue;
        }
        found.push(ApplicationDirectory {
            identity: identity(&name, &path, text.as_deref()),
            in_use: directory::is_held(&path)?,
            name,
            path,
            partitions,
        });
    }
    Ok(found)
}

fn identity(name: &str, path: &Path, text: Option<&str>) -> Result<Identity, StoreError> {
    let text = text.ok_or_else(|| corrupt(path, "the file `identity` is missing"))?;
    let (identity, _) = Identity::read(path, text)?;
    if identity.application == name {
        return Ok(identity);
    }
    Err(StoreError::Foreign {
        path: path.display().to_string(),
        found: identity.describe(None),
        expected: format!("application {name:?}, as its directory is called"),
    })
}

fn partitions(application: &Path) -> Result<Vec<PartitionDirectory>, StoreError> {
    let mut found = Vec::new();
    for (name, path) in folders(application)? {
        if let Some((partition, quarantined)) = directory::partition_of(&name) {
            found.push(PartitionDirectory { partition, quarantined, bytes: size(&path), path });
        }
    }
    found.sort_by_key(|directory| (directory.partition, directory.quarantined));
    Ok(found)
}

/// Directories in a directory, by name.
fn folders(path: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let failed = |e: io::Error| io_error("list", path, e.to_string());
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let (true, Some(name)) = (path.is_dir(), path.file_name()) {
            found.push((name.to_string_lossy().into_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

/// Bytes of all files; one that is deleted meanwhile does not count.
fn size(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(of).sum()
}

impl PartitionDirectory {
    /// Its rows as they are now; `None` where no database was made yet. `identity`: the application's.
    pub fn open(&self, identity: &Identity) -> Result<Option<Snapshot>, StoreError> {
        let database = directory::database(&self.path);
        match directory::identity_text(&self.path)? {
            Some(text) => identity.check(&self.path, &text, Some(self.partition))?,
            None if !database.exists() => return Ok(None),
            None => return Err(corrupt(&self.path, "the file `identity` is missing")),
        }
        directory::check_remains(&database)?;
        if !database.join("CURRENT").exists() {
            return Ok(None);
        }
        let mut attempt = 1;
        loop {
            match Snapshot::open(&self.path, &database) {
                // Whoever works with it deletes files that it has just listed.
                Err(StoreError::Corrupt { .. }) if attempt < ATTEMPTS => attempt += 1,
                result => return result.map(Some),
            }
        }
    }
}

/// What a database held when it was opened. It stays readable whatever its owner does.
pub struct Snapshot {
    path: PathBuf,
    db: DB,
}

impl Snapshot {
    fn open(path: &Path, database: &Path) -> Result<Self, StoreError> {
        let shared = Shared::new(&RocksOptions::default());
        let mut options = shared.database();
        options.create_if_missing(false);
        options.create_missing_column_families(false);
        // Every table is opened now: one opened later may be gone.
        options.set_max_open_files(-1);
        let db = DB::open_cf_descriptors_read_only(&options, database, shared.looked_at(), false);
        Ok(Self { db: db.map_err(|e| open_error(path, &e))?, path: path.to_owned() })
    }

    fn contents(&self) -> Contents<'_> {
        Contents { db: &self.db, path: &self.path }
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.contents().get(key)
    }

    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        self.contents().checkpoint()
    }

    /// Every row, in key order.
    pub fn scan(&self, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.contents().scan(visit)
    }
}

/// Sets partitions of an application aside, so that its next start rebuilds them from the changelog.
/// Refused while a process has claimed the application. Returns where each went; `None` where there
/// was none.
pub fn set_aside(
    state: &Path,
    application: &Identity,
    partitions: &[i32],
) -> Result<Vec<(i32, Option<String>)>, StoreError> {
    let claim = OwnedDirectory::application(state, application)?;
    let moved = |partition: &i32| Ok((*partition, directory::quarantine(claim.path(), *partition)?));
    partitions.iter().map(moved).collect()
}
