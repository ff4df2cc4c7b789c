//! What a run did and found: faults by kind, checks, violations, how long things took. Its last word
//! is one JSON line.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use test_services::clock::{milliseconds, now};

pub(crate) struct Report {
    pub(crate) seed: u64,
    began: Instant,
    faults: BTreeMap<String, u64>,
    skipped: Vec<String>,
    checks: u64,
    violations: Vec<String>,
    /// Longest wait until whoever was broken worked again, by what had happened.
    recoveries: BTreeMap<String, Duration>,
    /// Most rows an instance read again, by what had happened. Stores rebuilt in full do not count.
    restored: BTreeMap<String, u64>,
    /// Longest stretch of changelog that an instance had not flushed when it was killed.
    unflushed: Duration,
}

/// What SIGKILL is called where an instance keeps its volume.
pub(crate) const KILL: &str = "kill -9";

impl Report {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            began: now(),
            faults: BTreeMap::new(),
            skipped: Vec::new(),
            checks: 0,
            violations: Vec::new(),
            recoveries: BTreeMap::new(),
            restored: BTreeMap::new(),
            unflushed: Duration::ZERO,
        }
    }

    pub(crate) fn say(&self, text: &str) {
        println!("{:7.1} s  {text}", now().duration_since(self.began).as_secs_f64());
    }

    pub(crate) fn fault(&mut self, kind: &str) {
        *self.faults.entry(kind.to_owned()).or_default() += 1;
    }

    pub(crate) fn skip(&mut self, what: &str) {
        self.say(&format!("SKIPPED: {what}"));
        self.skipped.push(what.to_owned());
    }

    /// Counts a check, and its failure with the seed that leads to it.
    pub(crate) fn check(&mut self, invariant: &str, outcome: Result<(), String>) {
        self.checks += 1;
        if let Err(why) = outcome {
            self.violated(&format!("{invariant}: {why}"));
        }
    }

    pub(crate) fn violated(&mut self, what: &str) {
        let text = format!("VIOLATION (SEED={}): {what}", self.seed);
        self.say(&text);
        self.violations.push(text);
    }

    pub(crate) fn violations(&self) -> usize {
        self.violations.len()
    }

    /// Invariants that were broken, whatever else went wrong.
    pub(crate) fn invariants_broken(&self) -> BTreeSet<String> {
        let named = |violation: &String| Some(violation.split_once("): ")?.1.split_once(':')?.0.to_owned());
        self.violations.iter().filter_map(named).filter(|name| name.starts_with('I')).collect()
    }

    pub(crate) fn recovered(&mut self, after: &str, time: Duration) {
        let longest = self.recoveries.entry(after.to_owned()).or_default();
        *longest = time.max(*longest);
    }

    pub(crate) fn restored(&mut self, after: &str, records: u64) {
        let most = self.restored.entry(after.to_owned()).or_default();
        *most = records.max(*most);
    }

    pub(crate) fn unflushed(&mut self, stretch: Duration) {
        self.unflushed = self.unflushed.max(stretch);
    }

    pub(crate) fn conclude(&self) {
        for (after, time) in &self.recoveries {
            self.say(&format!("longest recovery after {after}: {:.0} ms", milliseconds(*time)));
        }
        for (after, records) in self.restored.iter().filter(|(_, records)| **records > 0) {
            self.say(&format!("most rows read again after {after}: {records}"));
        }
        self.say(&format!(
            "longest stretch of changelog not flushed at a kill: {:.0} ms",
            milliseconds(self.unflushed)
        ));
        for violation in &self.violations {
            println!("{violation}");
        }
        let faults: Vec<String> = self.faults.iter().map(|(kind, n)| format!("\"{kind}\":{n}")).collect();
        let worst = self.recoveries.values().max().copied().unwrap_or_default();
        println!(
            "{{\"seed\":{},\"faults\":{{{}}},\"checks\":{},\"violations\":{},\"worst_recovery_ms\":{:.0},\
             \"restored_records_max\":{},\"skipped\":{},\"seconds\":{:.0}}}",
            self.seed,
            faults.join(","),
            self.checks,
            self.violations.len(),
            milliseconds(worst),
            self.restored.get(KILL).copied().unwrap_or_default(),
            self.skipped.len(),
            now().duration_since(self.began).as_secs_f64()
        );
    }
}
