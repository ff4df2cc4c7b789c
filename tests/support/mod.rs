//! Runs the real binary over files, and makes input for it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod chain;
pub mod client;
pub mod deployment;
pub mod guide;
pub mod retail;
pub mod service;
pub mod warehouse;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The smallest rules file, which must always work.
pub const SMALLEST_RULES: &str = "version: 1
id: evaluation
rules:
  - id: reorder
    kind: low_stock
    threshold: { type: dynamic, service_level: 0.95 }
  - id: surge
    kind: demand_surge
    scope: { tag: scored }
    false_alarms_per_1000_sku_days: 5
";

/// Low stock at a fixed quantity, and stock-outs.
pub const FIXED_RULES: &str = "version: 1
id: fixed
rules:
  - id: reorder
    kind: low_stock
    threshold: { type: fixed, quantity: 36 }
  - id: empty
    kind: stock_out
";

/// Every kind there is a detector for.
pub const ALL_RULES: &str = "version: 1
id: all
rules:
  - id: reorder
    kind: low_stock
    threshold: { type: dynamic, service_level: 0.95 }
  - id: empty
    kind: stock_out
  - id: surge
    kind: demand_surge
    false_alarms_per_1000_sku_days: 20
";

/// The binary, with nothing of the caller's configuration.
pub fn quartermaster<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quartermaster"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("QM_") {
            command.env_remove(name);
        }
    }
    command.args(arguments);
    command
}

/// What a finished command left.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn run(command: &mut Command) -> Ended {
    ended(&command.output().expect("the binary starts"))
}

fn ended(output: &Output) -> Ended {
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Ended {
    /// The command ended with this code and said each of these on stderr.
    #[track_caller]
    pub fn expect(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        for text in said {
            assert!(self.stderr.contains(text), "{text:?} is not in: {}", self.stderr);
        }
    }

    /// The figures a replay ends with on stderr.
    #[track_caller]
    pub fn summary(&self) -> Value {
        let mut lines = self.stderr.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let summary = lines.find_map(|line| line.get("summary").cloned());
        summary.unwrap_or_else(|| panic!("no summary in: {}", self.stderr))
    }
}

/// A folder for one test, and the files of a replay in it.
pub struct Scratch {
    folder: TempDir,
}

/// What a replay wrote.
pub struct Replayed {
    pub ended: Ended,
    pub alerts: String,
    pub positions: String,
    pub dead_letters: String,
}

impl Scratch {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Replays one input with the given rules and further flags.
    pub fn replay(&self, rules: &str, events: impl AsRef<[u8]>, flags: &[&str]) -> Replayed {
        let input = self.file("events.jsonl", events);
        self.replay_files(rules, &[&input], flags)
    }

    /// Replays, and insists on success.
    #[track_caller]
    pub fn replayed(&self, rules: &str, events: impl AsRef<[u8]>, flags: &[&str]) -> Replayed {
        let replayed = self.replay(rules, events, flags);
        replayed.ended.expect(0, &[]);
        replayed
    }

    pub fn replay_files(&self, rules: &str, inputs: &[&Path], flags: &[&str]) -> Replayed {
        let rules = self.file("rules.yaml", rules);
        let outputs = ["alerts.out", "positions.out", "dead-letters.out"].map(|name| self.path(name));
        let mut command = quartermaster(["replay"]);
        command.arg("--rules").arg(rules);
        for (flag, path) in ["--alerts", "--positions", "--dead-letters"].iter().zip(&outputs) {
            if !flags.contains(flag) {
                command.arg(flag).arg(path);
            }
        }
        let ended = run(command.args(flags).args(inputs));
        let [alerts, positions, dead_letters] = outputs.map(|path| fs::read_to_string(path).unwrap_or_default());
        Replayed { ended, alerts, positions, dead_letters }
    }
}

impl Replayed {
    pub fn alert_lines(&self) -> Vec<Value> {
        json_lines(&self.alerts)
    }

    pub fn position_lines(&self) -> Vec<Value> {
        json_lines(&self.positions)
    }

    /// Alerts in short: `kind state sku location occurred_at`.
    pub fn alerts_in_short(&self) -> Vec<String> {
        let field = |alert: &Value, name: &str| alert[name].as_str().unwrap_or("-").to_owned();
        let short = |alert: &Value| {
            ["kind", "state", "sku", "location", "occurred_at"].map(|name| field(alert, name)).join(" ")
        };
        self.alert_lines().iter().map(short).collect()
    }

    /// The class of every dead letter, in order.
    pub fn classes(&self) -> Vec<String> {
        json_lines(&self.dead_letters).iter().map(|letter| letter["class"].as_str().unwrap().to_owned()).collect()
    }
}

pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

/// One canonical line. `change` is JSON.
pub fn event(id: &str, sku: &str, occurred_at: &str, change: &str) -> String {
    format!(
        "{{\"event_id\":\"{id}\",\"sku\":\"{sku}\",\"location\":\"STORE-1\",\"occurred_at\":\"{occurred_at}\",\"change\":{change}}}\n"
    )
}

pub fn sold(id: &str, sku: &str, occurred_at: &str, quantity: u32) -> String {
    event(id, sku, occurred_at, &format!("{{\"type\":\"sold\",\"quantity\":{quantity},\"order_id\":\"order-{id}\"}}"))
}

pub fn balance(id: &str, sku: &str, occurred_at: &str, on_hand: u32) -> String {
    event(id, sku, occurred_at, &format!("{{\"type\":\"balance_observed\",\"on_hand\":{on_hand}}}"))
}
