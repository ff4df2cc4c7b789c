//! Input files as bounded lines: plain, gzip or zstd, told apart by their first bytes.
//!
//! Several inputs are one source, concatenated; all of them are opened before the first line is
//! read. A line is held in memory up to its limit and never beyond: what is longer is passed by.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::zstd::ZstdReader;
use crate::cli::is_dash;

const BUFFER_BYTES: usize = 1 << 18;
/// How much of a line that is too long is kept, to recognise it by.
const HEAD_BYTES: usize = 256;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// An input that cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("cannot open the input {name}")]
    Open { name: String, source: io::Error },
    #[error("what came before was processed, but the input {name} cannot be read beyond line {line}")]
    Read { name: String, line: u64, source: io::Error },
}

/// One line of an input, without its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    pub input: &'a str,
    /// From 1, per input.
    pub number: u64,
    pub content: Content<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Content<'a> {
    Bytes(&'a [u8]),
    /// Its first bytes, and how many there were, its end included.
    TooLong {
        head: &'a [u8],
        bytes: u64,
    },
}

struct Source {
    name: String,
    reader: Box<dyn BufRead>,
    lines: u64,
}

/// The inputs, one after the other.
pub struct Inputs {
    sources: std::vec::IntoIter<Source>,
    current: Option<Source>,
    line: Vec<u8>,
    maximum_line_bytes: usize,
}

impl Inputs {
    /// Opens every input. `watch` wraps what is read from a file, before decompression, and is told
    /// the file's length where it has one.
    pub fn open(
        paths: &[PathBuf],
        maximum_line_bytes: usize,
        mut watch: impl FnMut(Box<dyn Read>, u64) -> Box<dyn Read>,
    ) -> Result<Self, InputError> {
        let mut sources = Vec::new();
        for path in paths {
            let name = path.display().to_string();
            let reader = open(path, &mut watch).map_err(|source| InputError::Open { name: name.clone(), source })?;
            sources.push(Source { name, reader, lines: 0 });
        }
        let mut sources = sources.into_iter();
        let current = sources.next();
        Ok(Self { sources, current, line: Vec::new(), maximum_line_bytes })
    }

    /// The next line that is not blank; `None` at the end of the last input.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, InputError> {
        let mut bytes = 0;
        while let Some(source) = &mut self.current {
            match source.read_line(&mut self.line, self.maximum_line_bytes)? {
                None => self.current = self.sources.next(),
                Some(_) if self.line.trim_ascii().is_empty() => {}
                Some(length) => {
                    bytes = length;
                    break;
                }
            }
        }
        let Some(source) = &self.current else { return Ok(None) };
        let content = if bytes > self.maximum_line_bytes as u64 {
            Content::TooLong { head: &self.line[..self.line.len().min(HEAD_BYTES)], bytes }
        } else {
            Content::Bytes(&self.line)
        };
        Ok(Some(Line { input: &source.name, number: source.lines, content }))
    }
}

impl Source {
    /// Reads a line of at most `limit` bytes into `line` and passes by the rest of a longer one.
    /// Returns the line's length, or `None` at the end of the input.
    fn read_line(&mut self, line: &mut Vec<u8>, limit: usize) -> Result<Option<u64>, InputError> {
        line.clear();
        let length = read_bounded(&mut self.reader, line, limit).map_err(|source| InputError::Read {
            name: self.name.clone(),
            line: self.lines,
            source,
        })?;
        if self.lines == 0 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        self.lines += u64::from(length.is_some());
        Ok(length)
    }
}

fn read_bounded(reader: &mut dyn BufRead, line: &mut Vec<u8>, limit: usize) -> io::Result<Option<u64>> {
    // One more than the limit, for the line's end.
    let read = reader.take(limit as u64 + 1).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(None);
    }
    let passed_by = if line.pop_if(|byte| *byte == b'\n').is_some() {
        line.pop_if(|byte| *byte == b'\r');
        0
    } else if read > limit {
        reader.skip_until(b'\n')?
    } else {
        0
    };
    Ok(Some((line.len() + passed_by) as u64))
}

fn open(path: &Path, watch: &mut dyn FnMut(Box<dyn Read>, u64) -> Box<dyn Read>) -> io::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = if is_dash(path) {
        watch(Box::new(io::stdin()), 0)
    } else {
        let file = File::open(path)?;
        let facts = file.metadata()?;
        if facts.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        watch(Box::new(file), facts.len())
    };
    decompressed(BufReader::with_capacity(BUFFER_BYTES, raw))
}

fn decompressed(mut raw: BufReader<Box<dyn Read>>) -> io::Result<Box<dyn BufRead>> {
    let mut magic = Vec::new();
    raw.by_ref().take(ZSTD_MAGIC.len() as u64).read_to_end(&mut magic)?;
    let (gzip, zstd) = (magic.starts_with(GZIP_MAGIC), magic == ZSTD_MAGIC);
    let whole = io::Cursor::new(magic).chain(raw);
    Ok(if gzip {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, flate2::bufread::MultiGzDecoder::new(whole)))
    } else if zstd {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, ZstdReader::new(whole)))
    } else {
        Box::new(whole)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// The lines of an input as text, at most 8 bytes each; `None` is a line that was too long.
    fn lines(bytes: &[u8]) -> Result<Vec<(u64, Option<String>)>, InputError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let mut inputs = Inputs::open(&[file.path().to_owned()], 8, |raw, _| raw)?;
        let mut lines = Vec::new();
        while let Some(line) = inputs.next_line()? {
            let text = match line.content {
                Content::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
                Content::TooLong { .. } => None,
            };
            lines.push((line.number, text));
        }
        Ok(lines)
    }

    fn text(number: u64, line: &str) -> (u64, Option<String>) {
        (number, Some(line.to_owned()))
    }

    #[test]
    fn lines_end_with_any_newline_or_none_and_blank_ones_are_passed_by() {
        assert_eq!(lines(b"a\r\n\n  \nb").unwrap(), [text(1, "a"), text(4, "b")]);
        assert_eq!(lines(b"").unwrap(), []);
        assert_eq!(lines(b"\xef\xbb\xbfa\n").unwrap(), [text(1, "a")]);
    }

    #[test]
    fn a_line_beyond_the_limit_is_passed_by_whole() {
        assert_eq!(lines(b"12345678\n123456789\nb\n").unwrap(), [text(1, "12345678"), (2, None), text(3, "b")]);
        assert_eq!(lines(b"12345678").unwrap(), [text(1, "12345678")]);
        assert_eq!(lines(b"12345678901234567890").unwrap(), [(1, None)]);
    }

    #[test]
    fn gzip_is_told_by_its_first_bytes_and_members_are_concatenated() {
        let mut bytes = Vec::new();
        for part in ["a\nb", "c\n"] {
            let mut encoder = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::fast());
            encoder.write_all(part.as_bytes()).unwrap();
            encoder.finish().unwrap();
        }
        assert_eq!(lines(&bytes).unwrap(), [text(1, "a"), text(2, "bc")]);
        bytes.truncate(bytes.len() - 4);
        assert!(matches!(lines(&bytes), Err(InputError::Read { line: 2, .. })));
    }

    #[test]
    fn what_cannot_be_opened_is_refused_before_anything_is_read() {
        let missing = Inputs::open(&[PathBuf::from("/nowhere/at/all")], 8, |raw, _| raw);
        assert!(matches!(missing, Err(InputError::Open { .. })));
    }
}
