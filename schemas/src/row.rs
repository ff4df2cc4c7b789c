//! Primitives of the compact binary that state and changelog rows are written in.
//!
//! Integers are LEB128 varints (signed ones zig-zag first), so that the row of a slow item is tens
//! of bytes. Every row starts with its format version; see the writers for their layouts.

use crate::{Quantity, Timestamp};

/// Appends primitives to a buffer.
pub struct RowWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> RowWriter<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    pub fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    pub fn unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    pub fn signed(&mut self, value: i64) {
        self.unsigned(((value << 1) ^ (value >> 63)) as u64);
    }

    pub fn f64(&mut self, value: f64) {
        self.out.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    /// Eight bytes, little endian: for hashes, which a varint would only lengthen.
    pub fn fixed64(&mut self, value: u64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    pub fn fixed32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    pub fn f32(&mut self, value: f32) {
        self.out.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    pub fn quantity(&mut self, value: Quantity) {
        self.signed(value.thousandths());
    }

    pub fn time(&mut self, value: Timestamp) {
        self.signed(value.millis());
    }

    pub fn bytes(&mut self, value: &[u8]) {
        self.unsigned(value.len() as u64);
        self.out.extend_from_slice(value);
    }

    pub fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// A presence byte, then the value.
    pub fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.u8(0),
            Some(v) => {
                self.u8(1);
                write(self, v);
            }
        }
    }
}

/// Why a row could not be read. A row is our own: this is corruption or a newer format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    #[error("row ends {missing} byte(s) early at offset {at}")]
    Truncated { at: usize, missing: usize },
    #[error("row format version {found} is newer than this binary reads (up to {newest}); run a newer binary")]
    TooNew { found: u8, newest: u8 },
    /// Logs and stores keep checksums: a kind that nobody here knows was written by a newer binary.
    #[error("row kind {kind:?} is unknown to this binary; run a newer binary")]
    UnknownKind { kind: char },
    #[error("row holds an invalid {what} at offset {at}")]
    Invalid { what: &'static str, at: usize },
}

impl RowError {
    /// Whether a newer binary could read the row.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::TooNew { .. } | Self::UnknownKind { .. })
    }
}

/// Reads what [`RowWriter`] wrote.
pub struct RowReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> RowReader<'a> {
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], RowError> {
        let rest = &self.bytes[self.at..];
        if rest.len() < len {
            return Err(RowError::Truncated { at: self.at, missing: len - rest.len() });
        }
        self.at += len;
        Ok(&rest[..len])
    }

    pub fn u8(&mut self) -> Result<u8, RowError> {
        Ok(self.take(1)?[0])
    }

    pub fn unsigned(&mut self) -> Result<u64, RowError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.invalid("varint"))
    }

    pub fn signed(&mut self) -> Result<i64, RowError> {
        let raw = self.unsigned()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    pub fn f64(&mut self) -> Result<f64, RowError> {
        let raw: [u8; 8] = self.take(8)?.try_into().map_err(|_| self.invalid("number"))?;
        Ok(f64::from_bits(u64::from_le_bytes(raw)))
    }

    pub fn fixed64(&mut self) -> Result<u64, RowError> {
        let raw: [u8; 8] = self.take(8)?.try_into().map_err(|_| self.invalid("number"))?;
        Ok(u64::from_le_bytes(raw))
    }

    pub fn fixed32(&mut self) -> Result<u32, RowError> {
        let raw: [u8; 4] = self.take(4)?.try_into().map_err(|_| self.invalid("number"))?;
        Ok(u32::from_le_bytes(raw))
    }

    pub fn f32(&mut self) -> Result<f32, RowError> {
        let raw: [u8; 4] = self.take(4)?.try_into().map_err(|_| self.invalid("number"))?;
        Ok(f32::from_bits(u32::from_le_bytes(raw)))
    }

    pub fn quantity(&mut self) -> Result<Quantity, RowError> {
        self.signed().map(Quantity::from_thousandths)
    }

    pub fn time(&mut self) -> Result<Timestamp, RowError> {
        self.signed().map(Timestamp::from_millis)
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], RowError> {
        let len = self.unsigned()?;
        let len = usize::try_from(len).map_err(|_| self.invalid("length"))?;
        self.take(len)
    }

    pub fn text(&mut self) -> Result<&'a str, RowError> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| self.invalid("text"))
    }

    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, RowError>) -> Result<Option<T>, RowError> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(self.invalid("presence byte")),
        }
    }

    /// Everything not read yet: a row within the row.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    #[must_use]
    pub fn invalid(&self, what: &'static str) -> RowError {
        RowError::Invalid { what, at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut out = Vec::new();
        let mut w = RowWriter::new(&mut out);
        for v in [0, 1, -1, 63, -64, i64::MAX, i64::MIN] {
            w.signed(v);
        }
        w.text("手机壳");
        w.f64(0.1);
        w.option(Some(7), RowWriter::unsigned);
        w.option(None, RowWriter::unsigned);
        let mut r = RowReader::new(&out);
        for v in [0, 1, -1, 63, -64, i64::MAX, i64::MIN] {
            assert_eq!(r.signed(), Ok(v));
        }
        assert_eq!(r.text(), Ok("手机壳"));
        assert_eq!(r.f64(), Ok(0.1));
        assert_eq!(r.option(RowReader::unsigned), Ok(Some(7)));
        assert_eq!(r.option(RowReader::unsigned), Ok(None));
        assert!(r.is_empty());
        assert!(matches!(r.u8(), Err(RowError::Truncated { .. })));
    }
}
