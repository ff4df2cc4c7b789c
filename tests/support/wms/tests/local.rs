//! `make wms`: it serves, its people work, and nothing of it is left when it ends, however it ends.
#![allow(clippy::unwrap_used, reason = "a test that cannot read what it started has failed")]

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Local {
    process: Child,
    addresses: Vec<String>,
    directories: Vec<PathBuf>,
}

impl Local {
    /// On ports that were free a moment ago, once it says how to end it.
    fn start() -> Self {
        let listeners = [0; 3].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
        let ports = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port().to_string());
        drop(listeners);
        let mut process = Command::new(env!("CARGO_BIN_EXE_local-wms"))
            .args(["--kafka-port", &ports[0], "--postgres-port", &ports[1], "--connect-port", &ports[2]])
            .args(["--capture", "--work", "--products", "12"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
        let mut directories = Vec::new();
        for line in lines.take_while(|line| !line.starts_with("Ctrl-C")) {
            let log = line.split_once("(log: ").map(|(_, rest)| PathBuf::from(rest.trim_end_matches(')')));
            directories.extend(log.and_then(|log| log.parent().map(PathBuf::from)));
        }
        let addresses = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        Self { process, addresses, directories }
    }

    fn serves(&self) -> bool {
        self.addresses.iter().all(|address| TcpStream::connect(address).is_ok())
    }

    fn is_gone(&self) -> bool {
        self.addresses.iter().all(|address| TcpStream::connect(address).is_err())
            && self.directories.iter().all(|directory| !directory.exists())
    }
}

/// What happens after a process was killed, by others, needs a moment.
#[allow(clippy::disallowed_methods, reason = "waits for other processes, a bounded number of times")]
fn comes_true(condition: impl Fn() -> bool) -> bool {
    (0..400).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        condition()
    })
}

#[test]
fn a_local_wms_leaves_nothing_behind_asked_or_killed() {
    let mut local = Local::start();
    assert!(local.serves() && local.directories.len() == 2, "{:?}", local.directories);
    let asked = Command::new("kill").args(["-TERM", &local.process.id().to_string()]).status().unwrap();
    assert!(asked.success() && local.process.wait().unwrap().success() && local.is_gone());

    let mut local = Local::start();
    assert!(local.serves());
    local.process.kill().unwrap();
    local.process.wait().unwrap();
    assert!(comes_true(|| local.is_gone()), "{:?}", local.directories);
}
