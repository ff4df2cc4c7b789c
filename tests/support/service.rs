//! Long-running commands as child processes: started, asked, terminated, never left behind.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test waits for other processes, and shows what they said"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use super::quartermaster;

/// How long a service may take for anything, on a machine that does much else.
pub const PATIENCE: Duration = Duration::from_mins(4);

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until there is an answer; the panic says what was waited for.
#[track_caller]
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = attempt() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until nothing is left. However slow the machine is: it fails when nothing moved for a while.
#[track_caller]
pub fn comes_to_nothing(what: &str, mut left: impl FnMut() -> usize) {
    let (mut last, mut moved) = (usize::MAX, Instant::now());
    loop {
        let now = left();
        if now == 0 {
            return;
        }
        if now != last {
            (last, moved) = (now, Instant::now());
        }
        assert!(moved.elapsed() < PATIENCE, "{what}: {now} left, and no fewer for {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub struct Service {
    pub name: String,
    child: Child,
    admin: u16,
    log: PathBuf,
}

impl Service {
    /// Starts `quartermaster <arguments>` with an admin port of its own and logs in a file.
    pub fn start(name: &str, log: PathBuf, arguments: &[&str], variables: &[(&str, String)]) -> Self {
        Self::start_in(Path::new("."), name, log, arguments, variables)
    }

    pub fn start_in(
        directory: &Path,
        name: &str,
        log: PathBuf,
        arguments: &[&str],
        variables: &[(&str, String)],
    ) -> Self {
        let admin = free_port();
        let mut command: Command = quartermaster(arguments);
        command.env("QM_ADMIN__LISTEN", format!("127.0.0.1:{admin}")).env("QM_LOG__FORMAT", "json");
        command.current_dir(directory).envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
        let file = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Self { name: name.to_owned(), child, admin, log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Status and body of a GET on the admin port; `None` while nobody answers.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        let body = answer.split_once("\r\n\r\n")?.1.to_owned();
        Some((status, body))
    }

    /// Waits until the service says that it is ready; fails with its log when it ends instead.
    #[track_caller]
    pub fn ready(&mut self) {
        let name = self.name.clone();
        eventually(&format!("{name} is ready"), || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{name} ended with {status}:\n{}", self.log());
            }
            self.get("/readyz").filter(|(status, _)| *status == 200)
        });
    }

    /// Sum of all series of a metric; 0 where it has none.
    pub fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics").unwrap_or_else(|| panic!("{} answers no /metrics", self.name));
        text.lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Asks the service to stop and waits until it has.
    #[track_caller]
    pub fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended()
    }

    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let name = self.name.clone();
        let child = &mut self.child;
        eventually(&format!("{name} ends"), || child.try_wait().unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            println!("--- the end of the log of {} ---", self.name);
            tail.iter().rev().for_each(|line| println!("{line}"));
        }
    }
}
