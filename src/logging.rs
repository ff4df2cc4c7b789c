//! Logs go to stderr: lines for people on a terminal, JSON lines otherwise. Stdout belongs to what
//! a command was asked to print.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{LogConfig, LogFormat};
use crate::exit::Failure;

/// True when logs are for people.
pub fn human(format: LogFormat) -> bool {
    match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    }
}

/// Installs the subscriber of the process. Call once, before the command runs.
pub fn start(config: &LogConfig) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&config.level)
        .with_context(|| {
            format!("`log.level` is not a filter: {:?}; try `info` or `info,processor=debug`", config.level)
        })
        .map_err(Failure::Request)?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = if human(config.format) {
        builder.without_time().with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
    installed.map_err(|e| Failure::Runtime(anyhow::anyhow!("cannot start logging: {e}")))
}
