//! I3, I4 and I9 on disk: the stores of stopped or killed instances, read in a copy with the project's own
//! crates, against the changelog and the group's offsets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use processor::store::rocks::{Identity, RocksOptions, RocksProvider};
use processor::store::{StateStore, StoreError};
use processor::task::Meta;
use schemas::topics;

use super::Killed;
use super::changelog::{Changelog, Rows};
use crate::cluster::{Cluster, PARTITIONS, PROCESS};
use crate::rig::copy;

type Outcome = Result<(), String>;

/// What a store holds.
struct Contents {
    path: PathBuf,
    checkpoint: i64,
    rows: Rows,
}

/// How much of the changelog a killed instance had not flushed, at most: time between its oldest and its newest row.
pub(super) fn unflushed(killed: &Killed, changelog: &Changelog) -> Result<Duration> {
    let mut longest = Duration::ZERO;
    for partition in &killed.owned {
        if let Some(contents) = open(&killed.copy, *partition)? {
            longest = longest.max(changelog.stretch(*partition, contents.checkpoint, killed.at_ms));
        }
    }
    Ok(longest)
}

/// Every row of a copied store was committed at some time (invariant I9), and its position with it.
pub(super) fn holds_committed_rows_only(killed: &Killed, changelog: &Changelog) -> Outcome {
    for partition in 0..PARTITIONS {
        let contents = match open(&killed.copy, partition) {
            Ok(Some(contents)) => contents,
            Ok(None) => continue,
            // Damaged on purpose, and nobody has come to open it and find out.
            Err(error) if is_corrupt(&error) && !killed.owned.contains(&partition) => continue,
            Err(error) => return Err(format!("cannot be opened: {error:#}")),
        };
        let wrong = contents.rows.iter().find(|(key, row)| !changelog.ever_said(partition, key, row));
        if let Some((key, row)) = wrong {
            let position = Meta::decode(row).ok().filter(|_| key == Meta::KEY).map(|meta| meta.position);
            return Err(format!(
                "holds what was never committed in partition {partition}: key {:?}, position {position:?}",
                String::from_utf8_lossy(key)
            ));
        }
    }
    Ok(())
}

/// After a clean end of every instance: the newest store of each partition is the fold of its changelog,
/// knows so, and stands where the group does.
pub(super) fn compare(
    cluster: &Cluster,
    changelog: &Changelog,
    committed: &BTreeMap<i32, i64>,
) -> Result<(Outcome, Outcome)> {
    let copies = cluster.file("copies");
    std::fs::create_dir_all(&copies).context("cannot create a directory for copies")?;
    for entry in std::fs::read_dir(cluster.file("."))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("state-process") && path.join(PROCESS).is_dir() {
            copy(&path.join(PROCESS), &copies.join(name))?;
        }
    }
    let (mut fold, mut position) = (Ok(()), Ok(()));
    for partition in 0..PARTITIONS {
        let newest = newest(&copies, partition)?;
        fold = fold.and_then(|()| is_fold(&newest, partition, changelog));
        position = position.and_then(|()| is_at(&newest, partition, committed.get(&partition).copied(), changelog));
    }
    std::fs::remove_dir_all(&copies)?;
    Ok((fold, position))
}

/// Those that have come furthest; others are left from owners of before.
fn newest(copies: &Path, partition: i32) -> Result<Vec<Contents>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(copies)? {
        match open(&entry?.path(), partition) {
            // One that was damaged and left; if it was the newest, the others are not the fold.
            Err(error) if is_corrupt(&error) => {}
            opened => all.extend(opened?),
        }
    }
    let furthest = all.iter().map(|contents| contents.checkpoint).max();
    all.retain(|contents| Some(contents.checkpoint) == furthest);
    Ok(all)
}

fn is_fold(stores: &[Contents], partition: i32, changelog: &Changelog) -> Outcome {
    let rows = changelog.latest(partition);
    if stores.is_empty() && !rows.is_empty() {
        return Err(format!("nobody has a store of partition {partition}"));
    }
    for store in stores {
        // invariant I3
        if store.rows != rows {
            let differs = |key: &&Vec<u8>| store.rows.get(*key) != rows.get(*key);
            let keys: Vec<_> = rows
                .keys()
                .chain(store.rows.keys())
                .filter(differs)
                .map(|k| String::from_utf8_lossy(k))
                .take(3)
                .collect();
            return Err(format!("{} is not the fold of the changelog: {keys:?}", store.path.display()));
        }
    }
    Ok(())
}

fn is_at(stores: &[Contents], partition: i32, committed: Option<i64>, changelog: &Changelog) -> Outcome {
    for store in stores {
        let meta = store.rows.get(Meta::KEY).map(|row| Meta::decode(row));
        let position =
            meta.transpose().map_err(|error| format!("a position cannot be read: {error}"))?.map(|m| m.position);
        // invariant I4
        if position != committed {
            return Err(format!("{} stands at {position:?}, the group at {committed:?}", store.path.display()));
        }
        let left = changelog.records_from(partition, store.checkpoint);
        if left > 0 {
            return Err(format!("{} was closed cleanly and would read {left} records again", store.path.display()));
        }
    }
    Ok(())
}

fn is_corrupt(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::Corrupt { .. }))
}

fn open(state: &Path, partition: i32) -> Result<Option<Contents>> {
    let path = state.join(format!("partition-{partition:05}"));
    if !path.is_dir() {
        return Ok(None);
    }
    let limits = RocksOptions { memory_bytes: 16 << 20, ..RocksOptions::default() };
    let provider = RocksProvider::new(state, Identity::new(PROCESS, topics::EVENTS), &limits)?;
    let store = provider.open_partition(partition)?;
    let Some(checkpoint) = store.checkpoint()? else { return Ok(None) };
    let mut rows = Rows::new();
    store.scan(&mut |key, row| {
        rows.insert(key.to_vec(), row.to_vec());
        Ok::<(), StoreError>(())
    })?;
    Ok(Some(Contents { path, checkpoint: checkpoint.changelog_offset, rows }))
}
