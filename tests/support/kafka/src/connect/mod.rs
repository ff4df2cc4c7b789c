//! A Kafka Connect worker with the Debezium connector for PostgreSQL: one JVM, REST on 127.0.0.1.
//!
//! Its connectors and their offsets are in topics of the Kafka it works for: a worker that was
//! stopped or killed goes on with them when it is started again.

mod rest;
mod settings;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::guard::{Guarded, Remover, Signals, wait_until};
use crate::install::ConnectInstallation;
use crate::node::tail;
use crate::ports;

const LOG4J: &str = include_str!("../../connect/log4j2.properties");
/// Two cores that also compile and run brokers are slow.
const START_LIMIT: Duration = Duration::from_mins(2);
const PATIENCE: Duration = Duration::from_secs(30);

/// A worker, running or not. Dropping it kills it and removes its directory.
#[derive(Debug)]
pub struct Connect {
    port: u16,
    directory: PathBuf,
    command_line: Vec<String>,
    process: Option<Guarded>,
    // In this order: the worker ends, the directory goes, then nobody needs to watch over it.
    _home: TempDir,
    _remover: Remover,
}

impl Connect {
    /// Starts a worker for the Kafka at `bootstrap` and waits until it serves. `port`: a free one when absent.
    ///
    /// # Panics
    /// When Connect cannot be started; the message says what to do and ends with the worker's log.
    pub fn start(bootstrap: &str, port: Option<u16>) -> Self {
        Self::try_start(bootstrap, port).unwrap_or_else(|e| panic!("{e:#}"))
    }

    /// As [`Connect::start`], for those who can do something about a failure.
    pub fn try_start(bootstrap: &str, port: Option<u16>) -> Result<Self> {
        let installation = ConnectInstallation::find()?;
        let port = port.map_or_else(ports::free, ports::named)?;
        let home = TempDir::with_prefix("quartermaster-connect-").context("no temporary directory for Connect")?;
        let remover = Remover::of(home.path())?;
        let (file, log4j) = (home.path().join("connect.properties"), home.path().join("log4j2.properties"));
        write(&file, &settings::text(bootstrap, port, &installation.plugins()))?;
        write(&log4j, LOG4J)?;
        let mut command_line = installation.command_line(&log4j);
        command_line.push(file.display().to_string());
        let directory = home.path().to_owned();
        let mut connect = Self { port, directory, command_line, process: None, _home: home, _remover: remover };
        connect.start_again()?;
        Ok(connect)
    }

    /// `http://127.0.0.1:port`, where `/connectors` is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where `connect.log` is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The worker's process, while it runs.
    pub fn pid(&mut self) -> Option<u32> {
        let process = self.process.as_mut()?;
        process.is_running().then(|| process.pid())
    }

    /// Stops the worker in order: what it has sent is committed.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.terminate(PATIENCE);
        }
    }

    /// SIGKILL: what it sent since its last commit will be sent again.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts a stopped worker again and waits until it serves.
    pub fn start_again(&mut self) -> Result<()> {
        let path = self.directory.join("connect.log");
        let log = File::options().create(true).append(true).open(&path).with_context(|| path.display().to_string())?;
        let process = self.process.insert(Guarded::spawn(&self.command_line, &self.directory, log, Signals::USUAL)?);
        let (mut gone, port) = (false, self.port);
        let served = wait_until(START_LIMIT, || {
            gone = !process.is_running();
            // It answers this only once it is a member of its group and has read its topics.
            gone || rest::request(port, "GET", "/connectors", None).is_ok_and(|(status, _)| status == 200)
        });
        if gone || !served {
            bail!("Kafka Connect {}; {}", if gone { "ended" } else { "does not serve" }, tail(&path));
        }
        Ok(())
    }

    /// Creates or changes a connector and waits until it and its task run.
    ///
    /// # Panics
    /// When it does not come to run; the message says what Connect says.
    pub fn configure(&self, name: &str, config: &str) {
        self.try_configure(name, config).unwrap_or_else(|e| panic!("{e:#}"));
    }

    /// As [`Connect::configure`]. `config` is the JSON object of settings.
    pub fn try_configure(&self, name: &str, config: &str) -> Result<()> {
        let path = format!("/connectors/{name}/config");
        let (status, body) = rest::request(self.port, "PUT", &path, Some(config)).context("Kafka Connect")?;
        ensure!(status < 300, "Kafka Connect refuses the connector {name}: {body}");
        self.wait_until_running(name)
    }

    /// Until the connector and its task run.
    pub fn wait_until_running(&self, name: &str) -> Result<()> {
        let mut said = String::new();
        let runs = wait_until(START_LIMIT, || {
            said = self.status(name).unwrap_or_default();
            said.matches("\"RUNNING\"").count() >= 2 || said.contains("\"FAILED\"")
        });
        ensure!(
            runs && !said.contains("\"FAILED\""),
            "the connector {name} does not run: {said}; {}",
            tail(&self.directory.join("connect.log"))
        );
        Ok(())
    }

    /// What Connect says about a connector and its tasks, as JSON.
    pub fn status(&self, name: &str) -> Result<String> {
        Ok(rest::request(self.port, "GET", &format!("/connectors/{name}/status"), None)?.1)
    }

    /// Deletes a connector; its slot in the database stays.
    pub fn delete(&self, name: &str) -> Result<()> {
        let (status, body) = rest::request(self.port, "DELETE", &format!("/connectors/{name}"), None)?;
        ensure!(status < 300, "Kafka Connect does not delete {name}: {body}");
        Ok(())
    }
}

impl Drop for Connect {
    fn drop(&mut self) {
        self.kill();
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
