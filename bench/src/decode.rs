//! The baseline: reads the lines of a file and decodes them, nothing else.

use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use schemas::canonical;

const BUFFER_BYTES: usize = 1 << 18;

pub(crate) fn run(path: &Path) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
    let (mut line, mut lines) = (Vec::new(), 0_u64);
    while reader.read_until(b'\n', &mut line).with_context(|| format!("cannot read {}", path.display()))? > 0 {
        let event = canonical::decode_event(line.strip_suffix(b"\n").unwrap_or(&line));
        black_box(event.map_err(|e| anyhow!("line {}: {}", lines + 1, e.message))?);
        lines += 1;
        line.clear();
    }
    println!("{lines}");
    Ok(())
}
