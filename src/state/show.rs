//! State for people and for machines.

use std::fmt::Write;

use processor::store::rocks::inspect::ApplicationDirectory;

use super::compare::Counts;
use super::inspect::{Contents, Report, RowsOfKind, State};
use super::verify::Verification;

/// Everything about the partitions, those of an application together.
pub fn as_text(reports: &[Report]) -> String {
    let mut out = String::new();
    let mut application = None;
    for report in reports {
        if application != Some(&report.application) {
            application = Some(&report.application);
            let topic = report.topic.as_deref().map_or(String::new(), |topic| format!(" (of {topic})"));
            let in_use = if report.in_use { ", in use by a running instance" } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{}{topic}{in_use}", report.application);
        }
        one(&mut out, report);
    }
    out
}

fn one(out: &mut String, report: &Report) {
    let partition = report.partition.map_or("its directory".to_owned(), |partition| format!("partition {partition}"));
    let disk = bytes(report.disk_bytes);
    let _ = match &report.state {
        State::Ok(contents) => {
            let own = bytes(contents.row_bytes);
            let _ = writeln!(out, "  {partition:<14} {} rows of {own}; {disk} in {}", contents.rows, report.path);
            return figures(out, contents);
        }
        State::Empty => writeln!(out, "  {partition:<14} nothing was ever written to it; {}", report.path),
        State::Quarantined => {
            writeln!(out, "  {partition:<14} was set aside, kept to be looked at; {disk} in {}", report.path)
        }
        State::Newer { reason } => writeln!(out, "  {partition:<14} NEWER: {reason}"),
        State::Damaged { reason } => writeln!(out, "  {partition:<14} DAMAGED: {reason}"),
    };
}

fn figures(out: &mut String, contents: &Contents) {
    let _ = match &contents.checkpoint {
        Some(at) => writeln!(
            out,
            "    checkpoint   changelog offset {} of topic {}, committed {}",
            at.changelog_offset, at.topic_id, at.committed_at
        ),
        None => writeln!(out, "    checkpoint   none: it is rebuilt in full at the next start"),
    };
    if let Some(meta) = &contents.meta {
        let of = if meta.input_id.is_empty() { String::new() } else { format!(" of topic {}", meta.input_id) };
        let time = meta.stream_time.as_deref().unwrap_or("none yet");
        let epoch = meta.epoch.map_or(String::new(), |epoch| format!(", epoch {epoch}"));
        let _ = writeln!(out, "    meta         input offset {}{of}, stream time {time}{epoch}", meta.input_offset);
    }
    let kinds: Vec<String> = contents.kinds.iter().map(kind).collect();
    if !kinds.is_empty() {
        let _ = writeln!(out, "    rows         {}", kinds.join(", "));
    }
    for row in &contents.unreadable {
        let _ = writeln!(out, "    UNREADABLE   {}: {}", row.key, row.reason);
    }
    let rest = contents.unreadable_rows - contents.unreadable.len() as u64;
    if rest > 0 {
        let _ = writeln!(out, "    UNREADABLE   {rest} more");
    }
}

fn kind(of: &RowsOfKind) -> String {
    let version = of.version.map_or(String::new(), |version| format!(" v{version}"));
    format!("{} {}{version}", of.rows, of.kind)
}

fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let (mut value, mut unit) = (count as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// One JSON line.
pub fn as_json(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string(report).map(|text| text + "\n")
}

/// What a comparison has found, and the total.
pub fn verified(application: &ApplicationDirectory, found: &[Verification]) -> String {
    let standing = if application.in_use {
        "in use by a running instance: rows that are behind will be brought up to date"
    } else {
        "no instance uses it"
    };
    let mut out = format!("{} in {}: {standing}\n", application.name, application.path.display());
    let mut total = Counts::default();
    for one in found {
        total.add(&one.counts);
        let _ = writeln!(out, "  {:<14} {}", format!("partition {}", one.partition), counts(&one.counts));
        for note in &one.notes {
            let _ = writeln!(out, "    {note}");
        }
        for wrong in &one.wrong {
            let _ = writeln!(out, "    WRONG: {wrong}");
        }
    }
    let _ = writeln!(out, "  {:<14} {}", "total", counts(&total));
    out
}

fn counts(of: &Counts) -> String {
    let Counts { equal, behind, different, missing, stray } = of;
    format!("{equal} equal, {behind} behind, {different} different, {missing} missing, {stray} stray")
}
