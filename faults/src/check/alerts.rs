//! I1 and I2: the alerts on the log against those of a replay of its dump.

use std::path::Path;

use anyhow::Result;
use test_services::oracle;

use crate::cluster::Cluster;

type Outcome = Result<(), String>;

/// Whether each is there once, and whether they are the right ones.
pub(super) fn compare(cluster: &Cluster, replayed: &Path) -> Result<(Outcome, Outcome)> {
    let (on_log, count) = oracle::on_log(&mut **cluster.reader())?;
    // invariant I2
    let unique = if count == on_log.len() {
        Ok(())
    } else {
        Err(format!("{} alert records are on the log a second time", count - on_log.len()))
    };
    let replayed = oracle::identities(replayed)?;
    let lost: Vec<_> = replayed.difference(&on_log).take(3).collect();
    let extra: Vec<_> = on_log.difference(&replayed).take(3).collect();
    // invariant I1
    let equal = if lost.is_empty() && extra.is_empty() {
        Ok(())
    } else {
        Err(format!("of {} alerts some are lost: {lost:?}, and some should not be there: {extra:?}", replayed.len()))
    };
    Ok((unique, equal))
}
