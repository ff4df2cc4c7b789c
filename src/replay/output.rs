//! Output files: JSON lines, written through one buffer each. `-` is stdout.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use schemas::{AlertState, canonical};
use serde::Serialize;

use super::pipeline::Line;
use crate::cli::is_dash;

const BUFFER_BYTES: usize = 1 << 18;

/// An output that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {name}")]
pub struct OutputError {
    name: String,
    source: io::Error,
}

/// One output, or nothing where none was asked for.
pub struct Output {
    name: String,
    writer: Option<BufWriter<Box<dyn Write>>>,
    line: Vec<u8>,
}

impl Output {
    /// Creates the file, or opens stdout. `None` takes every line and keeps none.
    pub fn create(path: Option<&Path>) -> Result<Self, OutputError> {
        let name = path.map(name).unwrap_or_default();
        let writer: Option<io::Result<Box<dyn Write>>> = path.map(|path| {
            if is_dash(path) { Ok(Box::new(io::stdout()) as _) } else { File::create(path).map(|f| Box::new(f) as _) }
        });
        match writer.transpose() {
            Ok(writer) => {
                let writer = writer.map(|writer| BufWriter::with_capacity(BUFFER_BYTES, writer));
                Ok(Self { name, writer, line: Vec::new() })
            }
            Err(source) => Err(OutputError { name, source }),
        }
    }

    /// Writes what `encode` appends: one line, its end included.
    pub fn write(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), OutputError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        self.line.clear();
        encode(&mut self.line);
        writer.write_all(&self.line).map_err(|source| OutputError { name: self.name.clone(), source })
    }

    /// Hands everything to the operating system. An output is complete only after this.
    pub fn finish(&mut self) -> Result<(), OutputError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.flush().map_err(|source| OutputError { name: self.name.clone(), source })
    }
}

/// Alert and position lines, written and counted.
pub struct Results {
    alerts: Output,
    positions: Output,
    pub counts: Written,
}

/// How many lines of what were written (or would have been, had there been an output for them).
#[derive(Debug, Default, Serialize)]
pub struct Written {
    pub alert_lines: u64,
    pub alerts_opened: BTreeMap<&'static str, u64>,
    pub position_lines: u64,
}

impl Results {
    pub fn create(alerts: Option<&Path>, positions: Option<&Path>) -> Result<Self, OutputError> {
        Ok(Self { alerts: Output::create(alerts)?, positions: Output::create(positions)?, counts: Written::default() })
    }

    pub fn take(&mut self, line: &Line<'_>) -> io::Result<()> {
        match line {
            Line::Alert(alert) => {
                self.counts.alert_lines += 1;
                if alert.state == AlertState::Opened {
                    *self.counts.alerts_opened.entry(alert.kind.name()).or_insert(0) += 1;
                }
                self.alerts.write(|out| canonical::write_alert(alert, out))
            }
            Line::Position(position) => {
                self.counts.position_lines += 1;
                self.positions.write(|out| canonical::write_position(position, out))
            }
        }
        .map_err(io::Error::other)
    }

    pub fn finish(&mut self) -> Result<(), OutputError> {
        self.alerts.finish()?;
        self.positions.finish()
    }
}

/// What an output is called in messages.
pub fn name(path: &Path) -> String {
    if is_dash(path) { "stdout".to_owned() } else { format!("the output {}", path.display()) }
}

/// The output that would destroy an input, or another output.
pub fn clash(inputs: &[&PathBuf], outputs: &[&PathBuf]) -> Option<PathBuf> {
    let same = |a: &Path, b: &Path| !device(a) && (a == b || same_file(a, b));
    let with_input = |output: &Path| inputs.iter().any(|input| !is_dash(output) && same(input, output));
    let with_earlier = |i: usize| outputs[..i].iter().any(|other| same(other, outputs[i]));
    let found = (0..outputs.len()).find(|i| with_input(outputs[*i]) || with_earlier(*i));
    found.map(|i| outputs[i].clone())
}

/// Devices and pipes may be named as often as one likes.
fn device(path: &Path) -> bool {
    path.metadata().is_ok_and(|facts| !facts.is_file())
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_never_overwrites_an_input_or_another_output() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&a, "x").unwrap();
        let a_again = folder.path().join(".").join("a");
        assert_eq!(clash(&[&a], &[&a_again]), Some(a_again.clone()));
        assert_eq!(clash(&[&a], &[&b]), None);
        assert_eq!(clash(&[&a], &[&b, &b]), Some(b.clone()));
        let stdin = PathBuf::from("-");
        assert_eq!(clash(&[&stdin], &[&stdin]), None, "`-` is stdin here and stdout there");
        assert_eq!(clash(&[], &[&stdin, &stdin]), Some(stdin.clone()));
        let null = PathBuf::from("/dev/null");
        assert_eq!(clash(&[&null], &[&null, &null]), None);
    }
}
