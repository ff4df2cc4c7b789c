//! One node: its directory, its process. It must never know of the other nodes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::guard::{Guarded, Signals};
use crate::install::Installation;
use crate::ports;

const LOG4J: &str = include_str!("../log4j2.properties");
/// A broker that leaves its cluster hands over its partitions first.
const PATIENCE: Duration = Duration::from_secs(30);
const TAIL_LINES: usize = 40;

#[derive(Debug)]
pub(crate) struct Node {
    directory: PathBuf,
    command_line: Vec<String>,
    process: Option<Guarded>,
}

impl Node {
    /// Writes the settings, and the data directory unless it is there from an earlier life.
    pub(crate) fn create(
        directory: PathBuf,
        node_id: usize,
        cluster_id: &str,
        settings: &str,
        heap_mb: u32,
        installation: &Installation,
    ) -> Result<Self> {
        let data = Self::data(&directory);
        if !data.join("meta.properties").is_file() {
            format(&data, node_id, cluster_id, installation)?;
        }
        let (file, log4j) = (directory.join("server.properties"), directory.join("log4j2.properties"));
        write(&file, settings)?;
        write(&log4j, LOG4J)?;
        let mut command_line = installation.command_line(heap_mb, &log4j);
        command_line.push(file.display().to_string());
        Ok(Self { directory, command_line, process: None })
    }

    /// Where the data of the node in `directory` are.
    pub(crate) fn data(directory: &Path) -> PathBuf {
        directory.join("data")
    }

    /// Does nothing for a node that runs.
    pub(crate) fn spawn(&mut self) -> Result<()> {
        if !self.is_running() {
            let log = self.directory.join("broker.log");
            let log =
                File::options().create(true).append(true).open(&log).with_context(|| log.display().to_string())?;
            self.process = Some(Guarded::spawn(&self.command_line, &self.directory, log, Signals::USUAL)?);
        }
        Ok(())
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Guarded::is_running)
    }

    pub(crate) fn pid(&mut self) -> Option<u32> {
        if self.is_running() { self.process.as_ref().map(Guarded::pid) } else { None }
    }

    /// SIGTERM, without waiting.
    pub(crate) fn ask_to_end(&mut self) {
        if let Some(process) = &mut self.process {
            process.ask_to_end();
        }
    }

    /// Whether the node went by itself; one that does not is killed.
    pub(crate) fn stop(&mut self) -> bool {
        self.process.take().is_none_or(|process| process.terminate(PATIENCE))
    }

    /// SIGKILL; gone when this returns.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// The last lines of its log, for a message.
    pub(crate) fn tail(&self) -> String {
        tail(&self.directory.join("broker.log"))
    }
}

pub(crate) fn tail(path: &Path) -> String {
    let log = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    format!("the end of {}:\n{}", path.display(), lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}

/// What Kafka's storage tool does, without the second that its JVM takes.
fn format(data: &Path, node_id: usize, cluster_id: &str, installation: &Installation) -> Result<()> {
    fs::create_dir_all(data).with_context(|| format!("cannot create {}", data.display()))?;
    let checkpoint = data.join("bootstrap.checkpoint");
    fs::copy(installation.checkpoint(), &checkpoint)
        .with_context(|| format!("cannot write {}", checkpoint.display()))?;
    let directory_id = ports::identifier();
    let text = format!("version=1\ncluster.id={cluster_id}\nnode.id={node_id}\ndirectory.id={directory_id}\n");
    write(&data.join("meta.properties"), &text)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
