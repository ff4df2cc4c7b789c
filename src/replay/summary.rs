//! What a run did, in figures, for stderr: lines for people, or one JSON line for machines.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write;
use std::time::Duration;

use processor::operator::Outcome;
use serde::Serialize;

use super::output::Written;

/// Names shown of a list that may be long.
const SHOWN: usize = 5;

/// Counts of one run.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// Input lines, blank ones left out.
    pub lines: u64,
    /// Events that were folded into stock.
    pub events: u64,
    pub duplicates: u64,
    /// Events later than the grace: folded into stock, kept out of closed windows.
    pub late: u64,
    /// Events at or after `--until`.
    pub ignored: u64,
    pub items: u64,
    pub locations: u64,
    pub dead_letters: BTreeMap<&'static str, u64>,
    #[serde(flatten)]
    pub written: Written,
    pub skus_without_catalogue_line: u64,
    pub examples_without_catalogue_line: Vec<String>,
    pub seconds: f64,
    pub events_per_second: f64,
    #[serde(skip)]
    catalogued: HashSet<String>,
    #[serde(skip)]
    uncatalogued: BTreeSet<String>,
}

impl Summary {
    pub fn item(&mut self, sku: String) {
        self.items += 1;
        self.catalogued.insert(sku);
    }

    pub fn event(&mut self, sku: &str, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.events += 1,
            Outcome::Late => {
                self.events += 1;
                self.late += 1;
            }
            Outcome::Duplicate => self.duplicates += 1,
            Outcome::Filtered => self.ignored += 1,
        }
        if !self.catalogued.contains(sku) && !self.uncatalogued.contains(sku) {
            self.uncatalogued.insert(sku.to_owned());
        }
    }

    /// Fills in what is known only at the end.
    pub fn close(&mut self, written: Written, dead_letters: BTreeMap<&'static str, u64>, elapsed: Duration) {
        self.written = written;
        self.dead_letters = dead_letters;
        self.skus_without_catalogue_line = self.uncatalogued.len() as u64;
        self.examples_without_catalogue_line = self.uncatalogued.iter().take(SHOWN).cloned().collect();
        self.seconds = (elapsed.as_secs_f64() * 1000.0).round() / 1000.0;
        self.events_per_second = (self.events as f64 / elapsed.as_secs_f64().max(1e-9)).round();
    }

    /// Prints to stderr. Where stderr is gone there is nobody to tell. A run that is not `complete`
    /// was stopped by a failure, which is reported after this.
    pub fn report(&self, human: bool, complete: bool) {
        let text = if human { self.for_people(complete) } else { self.for_machines(complete) };
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    fn for_machines(&self, complete: bool) -> String {
        let line = serde_json::json!({ "level": "INFO", "message": message(complete), "summary": self });
        format!("{line}\n")
    }

    fn for_people(&self, complete: bool) -> String {
        let mut rows = vec![
            ("lines", self.lines.to_string()),
            (
                "events",
                format!(
                    "{} ({} late), {} duplicates, {} ignored",
                    self.events, self.late, self.duplicates, self.ignored
                ),
            ),
            ("reference data", format!("{} items, {} locations", self.items, self.locations)),
            ("dead letters", counts(&self.dead_letters)),
            ("alerts opened", counts(&self.written.alerts_opened)),
            (
                "written",
                format!("{} alert lines, {} position lines", self.written.alert_lines, self.written.position_lines),
            ),
        ];
        if self.skus_without_catalogue_line > 0 {
            let more = if self.skus_without_catalogue_line > SHOWN as u64 { ", …" } else { "" };
            let examples = self.examples_without_catalogue_line.join(", ");
            rows.push(("no catalogue line", format!("{} SKUs: {examples}{more}", self.skus_without_catalogue_line)));
        }
        rows.push(("time", format!("{:.2} s, {} events/s", self.seconds, self.events_per_second)));
        let rows: Vec<String> = rows.iter().map(|(name, value)| format!("{name:>18}  {value}")).collect();
        format!("{}\n{}\n", message(complete), rows.join("\n"))
    }
}

fn message(complete: bool) -> &'static str {
    if complete { "replay finished" } else { "replay stopped before the end" }
}

fn counts(by_name: &BTreeMap<&str, u64>) -> String {
    if by_name.is_empty() {
        return "none".to_owned();
    }
    let total: u64 = by_name.values().sum();
    let parts: Vec<String> = by_name.iter().map(|(name, count)| format!("{name} {count}")).collect();
    format!("{total} ({})", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_without_a_catalogue_line_are_counted_once() {
        let mut summary = Summary::default();
        summary.item("A".to_owned());
        for sku in ["A", "C", "B", "B"] {
            summary.event(sku, Outcome::Ok);
        }
        summary.event("B", Outcome::Late);
        summary.close(Written::default(), BTreeMap::from([("malformed", 2)]), Duration::from_secs(2));
        assert_eq!(summary.examples_without_catalogue_line, ["B", "C"]);
        let text = summary.for_people(true);
        assert!(
            text.contains("5 (1 late)") && text.contains("2 SKUs: B, C\n") && text.contains("2 (malformed 2)"),
            "{text}"
        );
    }
}
