//! Shells that outlive this process by a moment: each holds one end of a pipe whose other end is
//! ours, and acts when ours is closed, however this process came to its end.
//!
//! A guard must never act on a process that is gone, whose number may be somebody else's: it is
//! dismissed before the process is forgotten.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

/// Becomes the command; its child sends it the first argument when the pipe closes, and passes on
/// the signals named in it.
const RUN: &str = r#"
last=$1
shift
exec 3<&0 </dev/null
( while read -r word <&3; do
      [ "$word" != dismissed ] || exit 0
      kill -s "$word" $$
  done
  kill -s "$last" $$ ) &
exec "$@" 3<&-
"#;

/// Removes a directory when the pipe closes. Killed brokers need a moment to be gone.
const REMOVE: &str = r#"
read -r word && exit 0
for attempt in 1 2 3 4 5; do
    sleep 0.3
    rm -rf "$1"
done
"#;

const DISMISS: &[u8] = b"dismissed\n";
const PAUSE: Duration = Duration::from_millis(50);

/// How a process is asked to end, and what it gets when this one ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signals {
    pub(crate) end: &'static str,
    pub(crate) last: &'static str,
}

impl Signals {
    pub(crate) const USUAL: Self = Self { end: "TERM", last: "KILL" };
}

/// A process that ends when this one does.
#[derive(Debug)]
pub(crate) struct Guarded(Child, Signals);

impl Guarded {
    pub(crate) fn spawn(command_line: &[String], directory: &Path, output: File, signals: Signals) -> Result<Self> {
        let child = shell(RUN)
            .arg(signals.last)
            .args(command_line)
            .current_dir(directory)
            .stdout(output.try_clone().context("cannot use the log file twice")?)
            .stderr(output)
            .spawn()
            .context("cannot start sh")?;
        Ok(Self(child, signals))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Asks, then waits up to `patience`; what still runs then is killed. Whether it went by itself.
    pub(crate) fn terminate(mut self, patience: Duration) -> bool {
        self.ask_to_end();
        let went = wait_until(patience, || !self.is_running());
        drop(self);
        went
    }

    pub(crate) fn ask_to_end(&mut self) {
        self.tell(format!("{}\n", self.1.end).as_bytes());
    }

    fn tell(&mut self, word: &[u8]) {
        // The guard is gone only if somebody killed it; then there is nobody to tell.
        if let Some(pipe) = &mut self.0.stdin {
            drop(pipe.write_all(word));
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.tell(DISMISS);
        // Both fail only for a process that is gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Removes a temporary directory should this process end without doing so.
#[derive(Debug)]
pub(crate) struct Remover(Child);

impl Remover {
    pub(crate) fn of(directory: &Path) -> Result<Self> {
        let child = shell(REMOVE)
            .arg(directory)
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start sh")?;
        Ok(Self(child))
    }
}

impl Drop for Remover {
    fn drop(&mut self) {
        if let Some(pipe) = &mut self.0.stdin {
            drop(pipe.write_all(DISMISS));
        }
        drop(self.0.wait());
    }
}

/// In a process group of its own: Ctrl-C is for us, and we decide what happens to our brokers.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).process_group(0).stdin(Stdio::piped());
    command
}

/// Asks again and again, at most as long as `limit` takes in pauses.
pub(crate) fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    for _ in 0..limit.as_millis() / PAUSE.as_millis() {
        if condition() {
            return true;
        }
        pause();
    }
    condition()
}

#[allow(clippy::disallowed_methods, reason = "waits for another process, a bounded number of times")]
fn pause() {
    std::thread::sleep(PAUSE);
}
