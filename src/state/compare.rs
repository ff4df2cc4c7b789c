//! A store against the fold of its changelog, row by row (invariant I3).

use std::collections::HashSet;

use processor::store::StoreError;
use processor::store::rocks::inspect::Snapshot;

use super::fold::{Fold, Versions};
use super::inspect::shown;

/// Keys named one by one where they are wrong.
const MAX_NAMED: usize = 5;

/// How the rows of a store compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The newest row of the changelog, byte for byte.
    pub equal: u64,
    /// An older one, that was in force at the store's checkpoint or after it.
    pub behind: u64,
    /// None that the changelog has.
    pub different: u64,
    /// In the changelog, and not in the store.
    pub missing: u64,
    /// In the store, and deleted in the changelog or unknown to it.
    pub stray: u64,
}

impl Counts {
    pub fn wrong(&self) -> u64 {
        self.different + self.missing + self.stray
    }

    pub fn add(&mut self, other: &Self) {
        self.equal += other.equal;
        self.behind += other.behind;
        self.different += other.different;
        self.missing += other.missing;
        self.stray += other.stray;
    }
}

/// The counts, and the first keys that are wrong, each with what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) counts: Counts,
    pub(super) named: Vec<String>,
}

enum Found {
    Equal,
    Behind,
    Different,
    Missing,
    Stray,
}

impl Comparison {
    fn count(&mut self, key: &[u8], found: &Found) {
        let counts = &mut self.counts;
        let (count, wrong) = match found {
            Found::Equal => (&mut counts.equal, None),
            Found::Behind => (&mut counts.behind, None),
            Found::Different => (&mut counts.different, Some("different")),
            Found::Missing => (&mut counts.missing, Some("missing")),
            Found::Stray => (&mut counts.stray, Some("stray")),
        };
        *count += 1;
        if let Some(wrong) = wrong.filter(|_| self.named.len() < MAX_NAMED) {
            self.named.push(format!("{wrong}: {}", shown(key)));
        }
    }
}

pub(super) fn compare(store: &Snapshot, fold: &Fold) -> Result<Comparison, StoreError> {
    let mut comparison = Comparison::default();
    let mut held: HashSet<Vec<u8>> = HashSet::new();
    store.scan(&mut |key, row| {
        comparison.count(key, &of_row(fold.rows.get(key), row));
        held.insert(key.to_vec());
        Ok(())
    })?;
    let mut absent: Vec<(&Vec<u8>, &Versions)> = fold.rows.iter().filter(|(key, _)| !held.contains(*key)).collect();
    absent.sort_unstable_by_key(|(key, _)| *key);
    for (key, versions) in absent {
        if versions.newest().is_some() {
            comparison.count(key, if versions.may_hold(None) { &Found::Behind } else { &Found::Missing });
        }
    }
    Ok(comparison)
}

/// A row that the store holds.
fn of_row(versions: Option<&Versions>, row: &[u8]) -> Found {
    let Some(versions) = versions else { return Found::Stray };
    match versions.newest() {
        Some(newest) if newest == row => Found::Equal,
        _ if versions.may_hold(Some(row)) => Found::Behind,
        Some(_) => Found::Different,
        None => Found::Stray,
    }
}
