//! A PostgreSQL of one's own with logical decoding: on 127.0.0.1, in a temporary directory, gone with
//! the process that started it. It must never be one that anybody keeps data in: it does not sync.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::guard::{Guarded, Remover, Signals, wait_until};
use crate::node::tail;
use crate::ports;

const WHAT_TO_DO: &str = "run `make setup-connect` once (`make test` does it by itself)";
const START_LIMIT: Duration = Duration::from_mins(1);
const START_ATTEMPTS: u32 = 5;
/// A server that stops waits for the slots that are being read.
const PATIENCE: Duration = Duration::from_secs(30);
const PASSWORD: &str = "postgres";
/// Fast shutdown; and when we are gone the immediate one, which leaves no shared memory behind.
const SIGNALS: Signals = Signals { end: "INT", last: "QUIT" };

/// A running server. Dropping it stops it and removes its directory.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    directory: PathBuf,
    command_line: Vec<String>,
    process: Option<Guarded>,
    // In this order: the server ends, the directory goes, then nobody needs to watch over it.
    _home: TempDir,
    _remover: Remover,
}

impl Postgres {
    /// Starts a server and waits until it serves. `port`: a free one when absent.
    ///
    /// # Panics
    /// When PostgreSQL cannot be started; the message says what to do and ends with the server's log.
    pub fn start(port: Option<u16>) -> Self {
        Self::try_start(port).unwrap_or_else(|e| panic!("{e:#}"))
    }

    /// As [`Postgres::start`], for those who can do something about a failure.
    pub fn try_start(port: Option<u16>) -> Result<Self> {
        let (binaries, account) = (binaries()?, Account::find()?);
        let home = TempDir::with_prefix("quartermaster-postgres-").context("no temporary directory for PostgreSQL")?;
        let remover = Remover::of(home.path())?;
        let data = create(home.path(), &binaries, account.as_ref())?;
        let mut postgres = Self {
            port: 0,
            directory: home.path().to_owned(),
            command_line: Vec::new(),
            process: None,
            _home: home,
            _remover: remover,
        };
        for attempt in 1.. {
            postgres.port = port.map_or_else(ports::free, ports::named)?;
            postgres.command_line = command_line(&binaries, account.as_ref(), &data, postgres.port);
            match postgres.start_again() {
                Ok(()) => break,
                // Another process was quicker to take the port that was free a moment ago.
                Err(e) if attempt < START_ATTEMPTS && format!("{e:#}").contains("Address already in use") => {}
                Err(e) => return Err(e),
            }
        }
        Ok(postgres)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `postgresql://` with the superuser and its password, without the database.
    pub fn url(&self) -> String {
        format!("postgresql://postgres:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    /// Where its data and `postgres.log` are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The server's own process, while it runs.
    pub fn pid(&mut self) -> Option<u32> {
        let process = self.process.as_mut()?;
        process.is_running().then(|| process.pid())
    }

    /// Stops the server in order; clients are thrown out.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.terminate(PATIENCE);
        }
    }

    /// Starts a stopped server on its port and its data.
    pub fn start_again(&mut self) -> Result<()> {
        let path = self.directory.join("postgres.log");
        let log = File::options().create(true).append(true).open(&path).with_context(|| path.display().to_string())?;
        let process = self.process.insert(Guarded::spawn(&self.command_line, &self.directory, log, SIGNALS)?);
        let mut gone = false;
        let status = self.directory.join("data/postmaster.pid");
        let served = wait_until(START_LIMIT, || {
            gone = !process.is_running();
            // The last line of this file says what the server is doing.
            gone || fs::read_to_string(&status).is_ok_and(|text| text.trim_end().ends_with("ready"))
        });
        if gone || !served {
            bail!("PostgreSQL {}; {}", if gone { "ended" } else { "does not serve" }, tail(&path));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whose processes the server's are: not root's, which PostgreSQL refuses.
#[derive(Debug)]
struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// `None`: this process's own.
    fn find() -> Result<Option<Self>> {
        if id(&["-u"])? != 0 {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let (Ok(user), Ok(group)) = (id(&["-u", name]), id(&["-g", name])) {
                return Ok(Some(Self { user, group }));
            }
        }
        bail!("PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as: add one")
    }

    /// A command as this account runs it. It keeps its process id.
    fn wrap(account: Option<&Self>, line: &[String]) -> Vec<String> {
        let mut wrapped = Vec::new();
        if let Some(Self { user, group }) = account {
            wrapped.extend(["setpriv".to_owned(), format!("--reuid={user}"), format!("--regid={group}")]);
            wrapped.push("--clear-groups".to_owned());
        }
        wrapped.extend_from_slice(line);
        wrapped
    }
}

fn id(arguments: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(arguments).output().context("cannot run id")?;
    String::from_utf8_lossy(&output.stdout).trim().parse().context("id prints no number")
}

/// Where `initdb` and `postgres` are: in PATH, or where Debian and Red Hat put them, the newest first.
fn binaries() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(found) = std::env::split_paths(&path).find(|directory| has_server(directory)) {
        return Ok(found);
    }
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let version = name.strip_prefix(prefix).and_then(|version| version.parse().ok());
            let directory = entry.path().join("bin");
            found.extend(version.filter(|_| has_server(&directory)).map(|version| (version, directory)));
        }
    }
    let newest = found.into_iter().max().map(|(_, directory)| directory);
    newest.with_context(|| format!("there is no PostgreSQL server (initdb, postgres) on this machine: {WHAT_TO_DO}"))
}

fn has_server(directory: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|name| directory.join(name).is_file())
}

/// A fresh data directory in `home`, which the account must be able to reach.
fn create(home: &Path, binaries: &Path, account: Option<&Account>) -> Result<PathBuf> {
    let (data, password) = (home.join("data"), home.join("password"));
    fs::set_permissions(home, fs::Permissions::from_mode(0o755)).context("the directory of PostgreSQL")?;
    fs::create_dir(&data).context("the data directory of PostgreSQL")?;
    fs::write(&password, PASSWORD).context("the password of PostgreSQL")?;
    if let Some(Account { user, group }) = account {
        chown(&data, Some(*user), Some(*group)).context("cannot give PostgreSQL its data directory")?;
    }
    let text = |path: PathBuf| path.display().to_string();
    let mut line = vec![text(binaries.join("initdb")), "-D".to_owned(), text(data.clone())];
    line.extend([format!("--pwfile={}", password.display())]);
    line.extend(["-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"].map(str::to_owned));
    let line = Account::wrap(account, &line);
    let output = Command::new(&line[0]).args(&line[1..]).current_dir(home).output();
    let output = output.with_context(|| format!("cannot run {}", line[0]))?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.success(),
        "initdb failed in {} (may the account it runs as enter that directory? else set TMPDIR):\n{}",
        data.display(),
        said()
    );
    Ok(data)
}

fn command_line(binaries: &Path, account: Option<&Account>, data: &Path, port: u16) -> Vec<String> {
    let mut line = vec![binaries.join("postgres").display().to_string(), "-D".to_owned(), data.display().to_string()];
    let port = format!("port={port}");
    let settings = [
        port.as_str(),
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "wal_level=logical",
        "max_wal_senders=10",
        "max_replication_slots=10",
        "shared_buffers=32MB",
        "fsync=off",
        "full_page_writes=off",
        "timezone=UTC",
        "log_timezone=UTC",
        // Standard error is the log file.
        "logging_collector=off",
    ];
    for setting in settings {
        line.extend(["-c".to_owned(), setting.to_owned()]);
    }
    Account::wrap(account, &line)
}
