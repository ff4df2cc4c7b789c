//! `rules publish`: puts checked rule documents on `inventory.rules`, all of them or none.
//!
//! A document takes effect at one point of stream time, the same for every partition: so it must be
//! published before any partition comes there. What is published stays as it is; a change is a new
//! version.

mod log;
mod plan;
#[cfg(test)]
mod tests;

use std::time::Duration;

use processor::ports::{Log, LogError};
use schemas::Timestamp;

pub use plan::{Planned, Standing};

use crate::exit::{Failure, Outcome};
use crate::rule_files::RuleFile;

/// Publishes what is new, and says for each document, in order, what became of it. A dry run changes
/// nothing.
pub fn publish(
    log: &dyn Log,
    files: &[RuleFile],
    effective_at: Option<Timestamp>,
    dry_run: bool,
    wait: Duration,
) -> Outcome<Vec<Planned>> {
    // Whoever else publishes now is fenced, or fences us: two never decide upon the same state.
    let publisher = if dry_run { None } else { Some(log::open(log, wait).map_err(unreachable)?) };
    let mut reader = log.reader().map_err(unreachable)?;
    let published = log::published(&mut *reader, wait).map_err(unreachable)?;
    let reached = log::newest_stream_time(&mut *reader, wait).map_err(unreachable)?;
    let planned = plan::plan(files, effective_at, &published, reached)
        .map_err(|faults| Failure::Request(anyhow::anyhow!("{}", faults.join("\n"))))?;
    if let Some(publisher) = publisher {
        log::write(publisher, &planned, wait).map_err(not_published)?;
    }
    Ok(planned)
}

fn unreachable(error: LogError) -> Failure {
    Failure::runtime(
        anyhow::Error::new(error).context("nothing was published: the rules and changelog topics cannot be read"),
    )
}

fn not_published(error: LogError) -> Failure {
    let what = match error {
        LogError::Fenced { .. } => "nothing was published: somebody else publishes rules at this moment; try again",
        LogError::InDoubt { .. } => {
            "it is not known whether this was published; run it again to see, it changes nothing twice"
        }
        _ => "nothing was published",
    };
    Failure::runtime(anyhow::Error::new(error).context(what))
}
