//! I5: whatever was begun is decided soon, and committed readers come to the end.

use std::time::Duration;

use anyhow::Result;
use schemas::topics;

use super::eventually;
use crate::cluster::{Cluster, TRANSACTION, changelog};

/// How often a broker looks for transactions that have timed out, by default.
const SWEEP: Duration = Duration::from_secs(10);
const SLACK: Duration = Duration::from_secs(5);

pub(super) fn reached(cluster: &Cluster) -> Result<Result<(), String>> {
    let changelog = changelog();
    let written = [topics::EVENTS, topics::ALERTS, topics::POSITIONS, topics::AGGREGATES, topics::JOURNAL, &changelog];
    let mut open = Vec::new();
    for topic in written {
        open.extend(cluster.extents(topic)?.into_iter().map(|(at, extent)| (at, extent.end)));
    }
    // invariant I5
    let waited = eventually("stable", TRANSACTION + SWEEP + SLACK, || {
        for topic in written {
            for (at, extent) in cluster.extents(topic)? {
                open.retain(|(undecided, end)| *undecided != at || extent.stable < *end);
            }
        }
        Ok(open.is_empty())
    });
    match waited {
        Err(_) if !open.is_empty() => Ok(Err(format!("the last stable offset stays behind: {open:?}"))),
        result => result.map(Ok),
    }
}
