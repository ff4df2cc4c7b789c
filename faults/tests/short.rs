//! A handful of faults in about a minute, on every change; `make faults` does the rest.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it did")]

use std::path::Path;
use std::process::Command;

#[test]
fn kills_and_damaged_volumes_break_no_promise() {
    let harness = Path::new(env!("CARGO_BIN_EXE_quartermaster-faults"));
    let binary = harness.with_file_name("quartermaster");
    if !binary.is_file() {
        println!("SKIPPED: there is no {}; build the workspace", binary.display());
        return;
    }
    let mut command = Command::new(harness);
    command.args(["--kills", "4", "--seed", "1", "--only", "kills,volumes", "--binary"]).arg(binary);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", said.lines().last().unwrap_or_default());
}
