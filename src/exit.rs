//! How a command ends, and the exit code that says so.
//!
//! 0: done. 1: it failed on the way (an output that cannot be written, a log that cannot be
//! reached). 2: it was asked for something it cannot do (usage, configuration, rules, unreadable
//! input). Scripts rely on the difference: trying again can help after 1, never after 2.

use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The request itself is at fault: exit code 2.
    Request(anyhow::Error),
    /// The request was fine and carrying it out failed: exit code 1.
    Runtime(anyhow::Error),
}

/// What every command returns.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub fn request(error: impl Into<anyhow::Error>) -> Self {
        Self::Request(error.into())
    }

    pub fn runtime(error: impl Into<anyhow::Error>) -> Self {
        Self::Runtime(error.into())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Request(_) => 2,
            Self::Runtime(_) => 1,
        }
    }
}

/// Reports a failure on stderr and gives the exit code of the process.
pub fn conclude(outcome: Outcome) -> ExitCode {
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    let (Failure::Request(error) | Failure::Runtime(error)) = &failure;
    if tracing::event_enabled!(tracing::Level::ERROR) {
        tracing::error!("{error:#}");
    } else {
        // Logging may be off, or not up yet: the reason of a failure is never swallowed.
        #[allow(clippy::print_stderr)]
        {
            eprintln!("quartermaster: {error:#}");
        }
    }
    ExitCode::from(failure.code())
}
