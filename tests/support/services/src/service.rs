//! A long-running command of the measured binary as a child process, and what its admin port and the
//! kernel say about it. It is never left behind, not even when this program is killed.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::child;
use crate::clock::{now, sleep, wait_for};

/// How long a service may take to start or to stop.
const PATIENCE: Duration = Duration::from_mins(3);
/// Between two looks at `/readyz`, which answers from memory.
const READY_LOOK: Duration = Duration::from_millis(10);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

pub struct Service {
    name: String,
    child: Child,
    /// Kills the child when this program is gone.
    guard: Child,
    admin: u16,
    log: PathBuf,
    spawned: Instant,
}

impl Service {
    /// Spawns the command with an admin port of its own; its log is appended to a file.
    pub fn start(name: &str, command: &mut Command, log: PathBuf) -> Result<Self> {
        let admin = free_port()?;
        let failed = || format!("cannot write {}", log.display());
        let file = OpenOptions::new().create(true).append(true).open(&log).with_context(failed)?;
        command.env("QM_ADMIN__LISTEN", format!("127.0.0.1:{admin}")).env("QM_LOG__FORMAT", "json");
        command.stdin(Stdio::null()).stdout(file.try_clone().with_context(failed)?).stderr(file);
        let spawned = now();
        let mut child = command.spawn().with_context(|| format!("cannot run {}", command.get_program().display()))?;
        match guard(child.id()) {
            Ok(guard) => Ok(Self { name: name.to_owned(), child, guard, admin, log, spawned }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// Waits until the service says that it is ready; returns the time since it was spawned.
    pub fn ready(&mut self) -> Result<Duration> {
        while self.get("/readyz").is_none_or(|(status, _)| status != 200) {
            self.ensure_alive()?;
            let waited = now().duration_since(self.spawned);
            ensure!(waited < PATIENCE, "{} is not ready after {} s: {}", self.name, waited.as_secs(), self.tail());
            sleep(READY_LOOK);
        }
        Ok(now().duration_since(self.spawned))
    }

    /// Whether the admin port answers this path with 200.
    pub fn answers(&self, path: &str) -> bool {
        self.get(path).is_some_and(|(status, _)| status == 200)
    }

    pub fn metrics(&mut self) -> Result<Metrics> {
        self.ensure_alive()?;
        match self.get("/metrics") {
            Some((200, text)) => Ok(Metrics(text)),
            _ => bail!("{} does not answer /metrics: {}", self.name, self.tail()),
        }
    }

    /// User and system time of all its threads since its start.
    pub fn cpu_s(&self) -> Result<f64> {
        child::cpu_s(self.child.id())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file its log is appended to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal, by its name: `STOP`, `CONT`.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        ensure!(sent.context("cannot run kill")?.success(), "cannot send SIG{signal} to {}", self.name);
        Ok(())
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.ensure_alive()?;
        self.dismiss_guard()?;
        self.child.kill().with_context(|| format!("cannot kill {}", self.name))?;
        self.child.wait().context("cannot wait for a killed service").map(drop)
    }

    pub fn stop(mut self) -> Result<()> {
        self.terminate()
    }

    /// SIGTERM; the service has to end well.
    pub fn terminate(&mut self) -> Result<()> {
        self.ask_to_end()?;
        self.ended_well()
    }

    /// SIGTERM, without waiting.
    pub fn ask_to_end(&mut self) -> Result<()> {
        self.ensure_alive()?;
        self.dismiss_guard()?;
        self.signal("TERM")
    }

    /// Waits until a service that was asked to end has, well.
    pub fn ended_well(&mut self) -> Result<()> {
        let child = &mut self.child;
        let status =
            wait_for(&format!("{} ends after SIGTERM", self.name), PATIENCE, Duration::from_millis(5), || {
                child.try_wait().context("cannot wait for a service")
            })?;
        ensure!(status.success(), "{} ended with {status}: {}", self.name, self.tail());
        Ok(())
    }

    fn dismiss_guard(&mut self) -> Result<()> {
        self.guard.kill().context("cannot end a guard")?;
        self.guard.wait().context("cannot wait for a guard").map(drop)
    }

    fn ensure_alive(&mut self) -> Result<()> {
        match self.child.try_wait().context("cannot wait for a service")? {
            Some(status) => bail!("{} ended with {status}: {}", self.name, self.tail()),
            None => Ok(()),
        }
    }

    fn tail(&self) -> String {
        child::tail(&self.log)
    }

    /// Status and body of a GET on the admin port; `None` while nobody answers.
    fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).ok()?;
        stream.set_read_timeout(Some(ANSWER_LIMIT)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The guard first: it must not meet another process of the same number. Those that have ended
        // cannot be killed, which is what is wanted.
        for child in [&mut self.guard, &mut self.child] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A shell that waits for the end of its stdin, which this program holds.
fn guard(pid: u32) -> Result<Child> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "read -r _; kill -KILL \"$0\"", &pid.to_string()]);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.spawn().context("cannot run sh")
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// What `/metrics` said.
pub struct Metrics(String);

impl Metrics {
    /// Sum over all series of a family that carry this text in their labels (`""`: all of them);
    /// 0 where there is none. Names go without the prefix of the product.
    pub fn sum(&self, family: &str, label: &str) -> f64 {
        self.values(family, label).sum()
    }

    pub fn count(&self, family: &str, label: &str) -> usize {
        self.values(family, label).count()
    }

    pub fn least(&self, family: &str) -> Option<f64> {
        self.values(family, "").min_by(f64::total_cmp)
    }

    pub fn greatest(&self, family: &str) -> Option<f64> {
        self.values(family, "").max_by(f64::total_cmp)
    }

    fn values<'a>(&'a self, family: &'a str, label: &'a str) -> impl Iterator<Item = f64> + 'a {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix("quartermaster_")?.strip_prefix(family)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            let series = (labels.is_empty() || labels.starts_with('{')) && labels.contains(label);
            value.parse().ok().filter(|_| series)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_kills_when_its_stdin_ends() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let mut guard = guard(child.id()).unwrap();
        drop(guard.stdin.take());
        assert!(!child.wait().unwrap().success());
        guard.wait().unwrap();
    }

    #[test]
    fn series_are_summed_by_family_and_label() {
        let text = "# TYPE quartermaster_lag gauge\nquartermaster_lag{topic=\"a\",partition=\"0\"} 3\n\
                    quartermaster_lag{topic=\"b\",partition=\"0\"} 4.5\nquartermaster_lag_seconds 9\nquartermaster_ready 1\n";
        let metrics = Metrics(text.to_owned());
        assert_eq!((metrics.sum("lag", ""), metrics.sum("lag", "topic=\"b\"")), (7.5, 4.5));
        assert_eq!((metrics.count("lag", ""), metrics.sum("ready", ""), metrics.sum("absent", "")), (2, 1.0, 0.0));
        assert_eq!((metrics.least("lag"), metrics.greatest("lag")), (Some(3.0), Some(4.5)));
    }
}
