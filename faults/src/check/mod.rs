//! The promises, checked from outside while nothing moves: what committed readers see against a replay of
//! the log, and what lies on disk against the changelog.

mod alerts;
mod changelog;
mod once;
mod stable;
mod stores;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow};
use schemas::topics;
use test_services::clock::{now, wait_for, wall_ms};

use crate::cluster::{CATALOG, Cluster, INGEST, INGEST_CATALOG, PROCESS, STOCK, TRANSACTION};
use crate::interrupt;
use crate::rig::{Rig, copy};
use changelog::Changelog;

/// Whoever has not read everything by then never will.
const REST_LIMIT: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(300);
/// Rows go to the store within a second of their commit, and a commit takes no longer than its transaction may.
const UNFLUSHED: Duration = TRANSACTION.saturating_add(Duration::from_secs(1));

/// What checks remember from one to the next.
#[derive(Default)]
pub(crate) struct Ledger {
    changelog: Changelog,
    killed: Vec<Killed>,
    copies: u64,
    /// Positions of the last check: they only grow.
    positions: BTreeMap<i32, i64>,
}

/// Stores as a SIGKILL left them.
struct Killed {
    name: String,
    copy: PathBuf,
    at_ms: i64,
    /// Partitions that nobody else had opened since.
    owned: BTreeSet<i32>,
}

impl Ledger {
    pub(crate) fn keep_store(&mut self, cluster: &Cluster, name: &str, owned: BTreeSet<i32>) -> Result<()> {
        let state = cluster.state(name).join(PROCESS);
        if state.is_dir() {
            self.copies += 1;
            let to = cluster.file(&format!("copy-{}", self.copies));
            copy(&state, &to)?;
            self.killed.push(Killed { name: name.to_owned(), copy: to, at_ms: wall_ms(), owned });
        }
        Ok(())
    }
}

impl Rig<'_> {
    /// Everything that must hold, and a clean restart of every `process`. The load pauses meanwhile.
    pub(crate) fn check(&mut self, after: &str) -> Result<()> {
        let (began, violations) = (now(), self.report.violations());
        let stable = stable::reached(&self.cluster)?;
        self.report.check("I5", stable);
        self.load.pause()?;
        let rested = self.rest()?;
        let is_at_rest = rested.is_ok();
        self.report.check("everything is read", rested);
        if is_at_rest {
            self.check_topics()?;
            self.check_stores(after)?;
        }
        for name in self.seats.keys().cloned().collect::<Vec<_>>() {
            self.absorb(&name, after)?;
            self.seat(&name)?.forgive_no_more();
        }
        self.load.resume();
        let found = self.report.violations() - violations;
        let took = now().duration_since(began).as_secs_f64();
        self.report.say(&format!("checked after {after} in {took:.1} s: {found} violations"));
        Ok(())
    }

    /// Waits until everything that was fed is through.
    fn rest(&mut self) -> Result<Result<(), String>> {
        let began = now();
        loop {
            interrupt::check()?;
            self.look_after()?;
            let cluster = &self.cluster;
            let stages = [(INGEST_CATALOG, CATALOG), (INGEST, STOCK), (PROCESS, topics::EVENTS)];
            let mut left = Vec::new();
            for (group, topic) in stages {
                let behind = cluster.behind(group, topic)?;
                if behind > 0 {
                    left.push(format!("{group} has {behind} records of {topic} to read"));
                }
            }
            if left.is_empty() {
                return Ok(Ok(()));
            }
            if now().duration_since(began) > REST_LIMIT {
                return Ok(Err(left.join(", ")));
            }
            interrupt::pause(LOOK)?;
        }
    }

    fn check_topics(&mut self) -> Result<()> {
        let replaying = self.cluster.oracle();
        for (what, outcome) in once::compare(&self.cluster)? {
            self.report.check(what, outcome);
        }
        let replayed = replaying.join().map_err(|_| anyhow!("the replay panicked"))??;
        let (unique, equal) = alerts::compare(&self.cluster, &replayed)?;
        self.report.check("I2", unique);
        self.report.check("I1", equal);
        Ok(())
    }

    /// Ends every `process` in order, looks at what it left, and starts it again.
    fn check_stores(&mut self, after: &str) -> Result<()> {
        let instances = self.running("process");
        for name in &instances {
            self.report.fault("sigterm");
            self.service(name)?.ask_to_end()?;
        }
        for name in &instances {
            self.ended(name)?;
        }
        self.ledger.changelog.follow(&self.cluster)?;
        self.check_killed()?;
        let positions = self.cluster.committed(PROCESS, topics::EVENTS)?;
        let back =
            self.ledger.positions.iter().find(|(p, position)| positions.get(*p).is_none_or(|now| now < position));
        let grown = back.map_or(Ok(()), |(p, position)| {
            Err(format!("partition {p} was at {position}, is at {:?}", positions.get(p)))
        });
        self.report.check("I4", grown);
        let (fold, position) = stores::compare(&self.cluster, &self.ledger.changelog, &positions)?;
        self.report.check("I3", fold);
        self.report.check("I4", position);
        self.ledger.positions = positions;
        for name in &instances {
            self.add("process", name)?;
        }
        for name in &instances {
            let took = self.ready(name)?;
            self.report.recovered("sigterm", took);
            self.absorb(name, after)?;
        }
        Ok(())
    }
}

impl Rig<'_> {
    /// Looks at what those left that were killed since the last check.
    fn check_killed(&mut self) -> Result<()> {
        for killed in std::mem::take(&mut self.ledger.killed) {
            let (name, changelog) = (&killed.name, &self.ledger.changelog);
            let outcome = stores::holds_committed_rows_only(&killed, changelog);
            self.report.check("I9", outcome.map_err(|why| format!("the store {name} left when it was killed {why}")));
            let stretch = stores::unflushed(&killed, changelog)?;
            self.report.unflushed(stretch);
            let late = format!("{name} was killed with {stretch:?} of its changelog not in its stores");
            self.report.check("flushed in time", if stretch > UNFLUSHED { Err(late) } else { Ok(()) });
            std::fs::remove_dir_all(&killed.copy)?;
        }
        Ok(())
    }
}

/// For checks that wait: asks until it holds.
fn eventually(what: &str, limit: Duration, mut look: impl FnMut() -> Result<bool>) -> Result<()> {
    wait_for(what, limit, LOOK, || {
        interrupt::check()?;
        Ok(look()?.then_some(()))
    })
}
