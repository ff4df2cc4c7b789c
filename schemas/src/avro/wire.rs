//! Avro's binary primitives, and the checks that hold for values from outside.

use std::borrow::Cow;

use crate::change::identifier;
use crate::{Day, DecodeError, Money, Quantity, Timestamp};

/// Appends primitives.
pub(crate) struct Writer<'o> {
    pub(crate) out: &'o mut Vec<u8>,
}

impl Writer<'_> {
    pub(crate) fn long(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            self.out.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.out.push(rest as u8);
    }

    pub(crate) fn int(&mut self, value: i32) {
        self.long(i64::from(value));
    }

    pub(crate) fn double(&mut self, value: f64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.out.push(u8::from(value));
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.long(value.len() as i64);
        self.out.extend_from_slice(value.as_bytes());
    }

    pub(crate) fn time(&mut self, value: Timestamp) {
        self.long(value.millis());
    }

    pub(crate) fn quantity(&mut self, value: Quantity) {
        self.long(value.thousandths());
    }

    /// A union of null and one type.
    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.out.push(0),
            Some(value) => {
                self.out.push(2);
                write(self, value);
            }
        }
    }

    pub(crate) fn optional_text(&mut self, value: Option<&str>) {
        self.option(value, Writer::text);
    }

    pub(crate) fn optional_quantity(&mut self, value: Option<Quantity>) {
        self.option(value, Writer::quantity);
    }

    pub(crate) fn optional_money(&mut self, value: Option<Money>) {
        self.option(value, |w, money| w.long(money.micros()));
    }

    /// One block, or none for an empty array.
    pub(crate) fn array<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        if !items.is_empty() {
            self.long(items.len() as i64);
            for item in items {
                write(self, item);
            }
        }
        self.out.push(0);
    }
}

/// Reads primitives; every error names its field.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

type Result<T> = std::result::Result<T, DecodeError>;

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[cold]
    pub(crate) fn malformed(&self, field: &str, reason: &str) -> DecodeError {
        DecodeError::malformed(format!("`{field}`: {reason}, {} bytes before the end", self.rest.len()))
    }

    fn take(&mut self, len: usize, field: &str) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.malformed(field, "the value is cut off"));
        };
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn long(&mut self, field: &str) -> Result<i64> {
        let raw = match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                u64::from(*byte)
            }
            _ => self.varint(field)?,
        };
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    fn varint(&mut self, field: &str) -> Result<u64> {
        let mut value = 0_u64;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                if index == 9 && *byte > 1 {
                    break;
                }
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        let reason = if self.rest.len() < 10 { "the value is cut off" } else { "a number has more than 64 bits" };
        Err(self.malformed(field, reason))
    }

    pub(crate) fn int(&mut self, field: &str) -> Result<i32> {
        let value = self.long(field)?;
        i32::try_from(value).map_err(|_| self.malformed(field, "a number has more than 32 bits"))
    }

    pub(crate) fn double(&mut self, field: &str) -> Result<f64> {
        let bytes = self.take(8, field)?;
        let bytes: [u8; 8] = bytes.try_into().map_err(|_| self.malformed(field, "the value is cut off"))?;
        Ok(f64::from_le_bytes(bytes))
    }

    pub(crate) fn boolean(&mut self, field: &str) -> Result<bool> {
        match self.take(1, field)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(self.malformed(field, "a boolean is neither 0 nor 1")),
        }
    }

    pub(crate) fn text(&mut self, field: &str) -> Result<&'a str> {
        let len = self.long(field)?;
        let len = usize::try_from(len).map_err(|_| self.malformed(field, "a length is negative"))?;
        let bytes = self.take(len, field)?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed(field, "invalid UTF-8"))
    }

    /// Whether the second branch of a union with null follows.
    #[inline]
    pub(crate) fn present(&mut self, field: &str) -> Result<bool> {
        match self.long(field)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.malformed(field, "no such branch of the union")),
        }
    }

    pub(crate) fn option<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&mut Self, &str) -> Result<T>,
    ) -> Result<Option<T>> {
        if self.present(field)? { read(self, field).map(Some) } else { Ok(None) }
    }

    /// An array in any number of blocks. Every item takes at least a byte, so that a count can be
    /// held against what is there.
    pub(crate) fn array<T>(&mut self, field: &str, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        loop {
            let mut count = self.long(field)?;
            if count == 0 {
                return Ok(items);
            }
            if count < 0 {
                // A negative count is followed by the block's size in bytes.
                self.long(field)?;
                count = count.saturating_neg();
            }
            if count as u64 > self.rest.len() as u64 {
                return Err(self.malformed(field, "an array has more items than bytes"));
            }
            for _ in 0..count {
                items.push(read(self)?);
            }
        }
    }

    /// The index of an enum's symbol.
    pub(crate) fn symbol(&mut self, field: &str, symbols: usize) -> Result<usize> {
        let index = self.long(field)?;
        usize::try_from(index)
            .ok()
            .filter(|i| *i < symbols)
            .ok_or_else(|| self.malformed(field, "no such symbol of the enum"))
    }

    /// An enum whose first symbol is `unknown`; the others are `known` in order.
    pub(crate) fn known_symbol<T: Copy>(&mut self, field: &str, known: &[T]) -> Result<T> {
        match self.symbol(field, known.len() + 1)? {
            0 => Err(self.malformed(field, "the writer did not know this symbol")),
            index => Ok(known[index - 1]),
        }
    }

    pub(crate) fn finish(self) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(DecodeError::malformed(format!("{} bytes after the end of the value", self.rest.len())))
    }

    /// An instant within the years 0001 to 9999.
    pub(crate) fn time(&mut self, field: &str) -> Result<Timestamp> {
        let time = Timestamp::from_millis(self.long(field)?);
        if time.is_plausible() {
            return Ok(time);
        }
        let message = format!("`{field}` is {} ms since 1970: outside the years 0001 to 9999", time.millis());
        Err(DecodeError::new(DecodeError::INVALID_TIME, message))
    }

    /// A date within the years 0001 to 9999.
    pub(crate) fn day(&mut self, field: &str) -> Result<Day> {
        let day = Day(self.int(field)?);
        if day.start_utc().is_plausible() {
            return Ok(day);
        }
        let message = format!("`{field}` is {} days since 1970: outside the years 0001 to 9999", day.0);
        Err(DecodeError::new(DecodeError::INVALID_TIME, message))
    }

    /// Any quantity: of a sum.
    pub(crate) fn sum(&mut self, field: &str) -> Result<Quantity> {
        self.long(field).map(Quantity::from_thousandths)
    }

    /// A quantity as accepted from outside.
    pub(crate) fn quantity(&mut self, field: &str) -> Result<Quantity> {
        let quantity = self.sum(field)?;
        if quantity.abs() <= Quantity::LIMIT {
            return Ok(quantity);
        }
        let message = format!("`{field}` is {quantity}: magnitude above {}", Quantity::LIMIT);
        Err(DecodeError::new(DecodeError::INVALID_QUANTITY, message))
    }

    pub(crate) fn money(&mut self, field: &str) -> Result<Money> {
        let money = Money::from_micros(self.long(field)?);
        if money.micros().unsigned_abs() <= Money::LIMIT.micros().unsigned_abs() {
            return Ok(money);
        }
        let message = format!("`{field}` is {money}: magnitude above {}", Money::LIMIT);
        Err(DecodeError::new(DecodeError::INVALID_MONEY, message))
    }

    /// A finite number ≥ 0.
    pub(crate) fn figure(&mut self, field: &str) -> Result<f64> {
        let value = self.double(field)?;
        if value.is_finite() && value >= 0.0 {
            return Ok(value);
        }
        let message = format!("`{field}` is {value}: not a finite number of zero or more");
        Err(DecodeError::new(DecodeError::INVALID_NUMBER, message))
    }

    /// A bounded text that is not empty.
    pub(crate) fn identifier(&mut self, field: &str) -> Result<&'a str> {
        let text = self.text(field)?;
        if text.is_empty() {
            return Err(DecodeError::missing(field));
        }
        identifier(field, text)?;
        Ok(text)
    }

    /// An optional text; empty is absent.
    pub(crate) fn optional_text(&mut self, field: &str) -> Result<Option<&'a str>> {
        let text = self.option(field, Reader::text)?;
        Ok(text.filter(|t| !t.is_empty()))
    }

    pub(crate) fn optional_cow(&mut self, field: &str) -> Result<Option<Cow<'a, str>>> {
        self.optional_text(field).map(|text| text.map(Cow::Borrowed))
    }

    pub(crate) fn optional_owned(&mut self, field: &str) -> Result<Option<String>> {
        self.optional_text(field).map(|text| text.map(str::to_owned))
    }

    pub(crate) fn uuid(&mut self, field: &str) -> Result<uuid::Uuid> {
        let text = self.text(field)?;
        uuid::Uuid::try_parse(text).map_err(|_| self.malformed(field, "not a UUID"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longs_are_read_as_written() {
        for value in [0, -1, 1, 63, 64, -64, -65, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            Writer { out: &mut out }.long(value);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.long("n"), Ok(value));
            assert_eq!(reader.finish(), Ok(()));
            for cut in 0..out.len() {
                assert!(Reader::new(&out[..cut]).long("n").is_err());
            }
        }
        assert!(Reader::new(&[0xff; 11]).long("n").unwrap_err().message.contains("64 bits"));
    }

    #[test]
    fn lengths_and_counts_are_held_against_what_is_there() {
        let mut out = Vec::new();
        Writer { out: &mut out }.long(i64::MAX);
        out.extend_from_slice(b"abc");
        assert!(Reader::new(&out).text("t").is_err());
        assert!(Reader::new(&out).array("a", |r| r.long("a")).is_err());
        out.clear();
        Writer { out: &mut out }.long(i64::MIN);
        assert!(Reader::new(&out).text("t").is_err());
        assert!(Reader::new(&out).array("a", |r| r.long("a")).is_err());
    }

    #[test]
    fn arrays_come_in_blocks() {
        // Two items, then a block of one with its size, then the end.
        let bytes = [4, 2, 4, 1, 2, 6, 0];
        assert_eq!(Reader::new(&bytes).array("a", |r| r.long("a")), Ok(vec![1, 2, 3]));
    }
}
