//! JSON as connectors write it, read without a general parser.
//!
//! It takes what it is sure of and nothing else: `None` is no error, it means that the general reader is to
//! be asked, which says the same of everything that is taken here (the fuzz test holds the two together). No
//! value is descended into deeper than [`DEEPEST`].

/// Reads one text from left to right.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

const DEEPEST: u32 = 32;

/// A value.
#[derive(Clone, Copy)]
pub(super) enum Token<'a> {
    Null,
    /// A number, `true` or `false` as it stands in the text.
    Plain(&'a str),
    /// A text without its quotes.
    Text {
        inner: &'a str,
        escapes: bool,
    },
    /// An object or a list as it stands in the text.
    Nested(&'a str),
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Nothing may follow.
    pub(super) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// The next byte that is no blank.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// An object: `field` is told each name and reads the value that follows.
    pub(super) fn object(&mut self, mut field: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let name = self.name()?;
            field(self, name)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Any value.
    pub(super) fn token(&mut self) -> Option<Token<'a>> {
        let first = self.peek()?;
        let start = self.at;
        if first == b'"' {
            let escapes = self.string()?;
            return Some(Token::Text { inner: self.text.get(start + 1..self.at - 1)?, escapes });
        }
        self.skip(first, 0)?;
        let raw = self.text.get(start..self.at)?;
        Some(match first {
            b'n' => Token::Null,
            b'{' | b'[' => Token::Nested(raw),
            _ => Token::Plain(raw),
        })
    }

    /// Any value, as it stands in the text.
    pub(super) fn raw(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        let start = self.at;
        self.skip(first, 0)?;
        self.text.get(start..self.at)
    }

    /// A value that is null.
    pub(super) fn null(&mut self) -> Option<()> {
        self.peek()?;
        self.word("null")
    }

    fn skip(&mut self, first: u8, depth: u32) -> Option<()> {
        match first {
            b'"' => self.string().map(drop),
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'{' | b'[' if depth >= DEEPEST => None,
            b'{' => self.object(|scanner, _| {
                let first = scanner.peek()?;
                scanner.skip(first, depth + 1)
            }),
            b'[' => self.list(depth),
            _ => self.number(),
        }
    }

    fn list(&mut self, depth: u32) -> Option<()> {
        self.take(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            let first = self.peek()?;
            self.skip(first, depth + 1)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    fn take(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += 1)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    /// A field's name, which has no escapes, and the colon behind it.
    fn name(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        let end = plain_until(self.text.as_bytes(), start);
        if *self.text.as_bytes().get(end)? != b'"' {
            return None;
        }
        self.at = end + 1;
        if self.text.as_bytes().get(self.at) == Some(&b':') {
            self.at += 1;
        } else {
            self.take(b':')?;
        }
        self.text.get(start..end)
    }

    /// A text with its quotes; whether it has escapes, of which it knows those of one character.
    fn string(&mut self) -> Option<bool> {
        let bytes = self.text.as_bytes();
        let (mut at, mut escapes) = (self.at + 1, false);
        loop {
            at = plain_until(bytes, at);
            match bytes.get(at)? {
                b'"' => {
                    self.at = at + 1;
                    return Some(escapes);
                }
                b'\\' if matches!(bytes.get(at + 1)?, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                    at += 2;
                    escapes = true;
                }
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut at = self.at + usize::from(bytes.get(self.at) == Some(&b'-'));
        let whole = digits(at);
        if whole == 0 || whole > 1 && bytes[at] == b'0' {
            return None;
        }
        at += whole;
        if bytes.get(at) == Some(&b'.') {
            let decimals = digits(at + 1);
            at += 1 + decimals;
            (decimals > 0).then_some(())?;
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let exponent = digits(at);
            at += exponent;
            (exponent > 0).then_some(())?;
        }
        self.at = at;
        Some(())
    }
}

/// Where a run of characters that stand for themselves ends: at a quote, a backslash or a control character.
fn plain_until(bytes: &[u8], from: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // The high bit of each byte that is 0; a borrow can only reach bytes above one that is.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let escape = zero(word ^ (ONES * u64::from(b'\\')));
        let control = zero(word & (ONES * 0xe0));
        let found = quote | escape | control;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
}

/// The text of a raw JSON text with escapes of one character, if it has no others.
pub(super) fn unescaped(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        text.push(match after.as_bytes().first()? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            _ => return None,
        });
        rest = &after[1..];
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_end_where_a_byte_by_byte_search_ends() {
        let special = [b'"', b'\\', 0, 0x1f, 0x20, 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']'];
        for length in 0..20 {
            for (place, byte) in (0..length).flat_map(|place| special.map(|byte| (place, byte))) {
                let mut bytes = vec![b'x'; length];
                bytes[place] = byte;
                let expected = bytes.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(length);
                assert_eq!(plain_until(&bytes, 0), expected, "{bytes:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_json_to_its_end(
            text in r#"[ \[\]{}:,"a\\n/ubtrufalse0-9.eE+-]{0,12}|("a":|\[|\]|\{|\}|,|1\.5e-3|"x\\n"|null|true| ){0,10}"#
        ) {
            let mut scanner = Scanner::new(&text);
            let taken = scanner.raw();
            if taken.is_some() && scanner.end().is_some() {
                prop_assert_eq!(taken, Some(text.trim_matches([' ', '\n', '\r', '\t'])));
                let general: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&text);
                prop_assert!(general.is_ok(), "{}", text);
            }
        }

        #[test]
        fn escapes_of_one_character_are_those_of_the_general_reader(inner in r#"([a-z]|é|\\["\\/bfnrtu0]){0,10}"#) {
            if let Some(text) = unescaped(&inner) {
                let general: Result<String, _> = serde_json::from_str(&format!("\"{inner}\""));
                prop_assert_eq!(general.ok(), Some(text));
            }
        }
    }
}
