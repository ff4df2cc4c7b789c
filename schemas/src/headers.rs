//! Record headers of dead letters: the contract of `inventory.dead-letters`.

use crate::DecodeError;
use crate::stream::DeadLetter;
use crate::topics::MAX_DEAD_LETTER_BYTES;

pub const DEAD_LETTER_TOPIC: &str = "topic";
pub const DEAD_LETTER_PARTITION: &str = "partition";
pub const DEAD_LETTER_OFFSET: &str = "offset";
pub const DEAD_LETTER_STAGE: &str = "stage";
pub const DEAD_LETTER_CLASS: &str = "error_class";
pub const DEAD_LETTER_MESSAGE: &str = "message";
/// Before the name of each header of the original record.
pub const DEAD_LETTER_ORIGINAL: &str = "original.";
/// Header of a record that was put back where it came from: the dead letter it was, `PARTITION/OFFSET`.
pub const REPLAYED: &str = "quartermaster.replayed";
/// Only where the value was too large for the topic and is left out: its size in bytes, as text.
pub const DEAD_LETTER_OMITTED_BYTES: &str = "omitted_bytes";

/// Headers of a record, in its order.
pub type Headers = Vec<(String, Vec<u8>)>;

/// Headers and value of a dead letter. Its key is that of the original record, its value too unless the
/// topic cannot take it, and the headers of the original follow, each under its name with
/// [`DEAD_LETTER_ORIGINAL`] before it.
#[must_use]
pub fn of_dead_letter<'a>(
    letter: &DeadLetter,
    original: &[(String, Vec<u8>)],
    value: Option<&'a [u8]>,
) -> (Headers, Option<&'a [u8]>) {
    let text = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let mut headers = vec![
        text(DEAD_LETTER_TOPIC, &letter.topic),
        text(DEAD_LETTER_PARTITION, &letter.partition.to_string()),
        text(DEAD_LETTER_OFFSET, &letter.offset.to_string()),
        text(DEAD_LETTER_STAGE, &letter.stage),
        text(DEAD_LETTER_CLASS, &letter.error_class),
        text(DEAD_LETTER_MESSAGE, &letter.message),
    ];
    let size = value.map_or(0, <[u8]>::len);
    let fits = size <= MAX_DEAD_LETTER_BYTES;
    if !fits {
        headers.push(text(DEAD_LETTER_OMITTED_BYTES, &size.to_string()));
    }
    headers.extend(original.iter().map(|(name, value)| (format!("{DEAD_LETTER_ORIGINAL}{name}"), value.clone())));
    (headers, value.filter(|_| fits))
}

/// The headers that the original record of a dead letter had.
#[must_use]
pub fn of_original(headers: &[(String, Vec<u8>)]) -> Headers {
    let original =
        |(name, value): &(String, Vec<u8>)| Some((name.strip_prefix(DEAD_LETTER_ORIGINAL)?.to_owned(), value.clone()));
    headers.iter().filter_map(original).collect()
}

/// Reads the headers of a dead letter back; other headers are ignored.
pub fn to_dead_letter(headers: &[(String, Vec<u8>)]) -> Result<DeadLetter, DecodeError> {
    let text = |name: &str| {
        let value = headers.iter().find(|(header, _)| header == name).ok_or_else(|| DecodeError::missing(name))?;
        String::from_utf8(value.1.clone()).map_err(|_| DecodeError::malformed(format!("`{name}` is not UTF-8")))
    };
    Ok(DeadLetter {
        topic: text(DEAD_LETTER_TOPIC)?,
        partition: number(DEAD_LETTER_PARTITION, &text(DEAD_LETTER_PARTITION)?)?,
        offset: number(DEAD_LETTER_OFFSET, &text(DEAD_LETTER_OFFSET)?)?,
        stage: text(DEAD_LETTER_STAGE)?,
        error_class: text(DEAD_LETTER_CLASS)?,
        message: text(DEAD_LETTER_MESSAGE)?,
    })
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, DecodeError> {
    text.parse().map_err(|_| DecodeError::malformed(format!("`{name}` is {text:?}; expected a whole number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_survives_its_headers() {
        let letter = DeadLetter {
            topic: "inventory.events".to_owned(),
            partition: 3,
            offset: i64::MAX,
            stage: "process".to_owned(),
            error_class: DecodeError::MALFORMED.to_owned(),
            message: "坏".to_owned(),
        };
        let own = vec![("topic".to_owned(), b"the producer's".to_vec())];
        let (mut headers, value) = of_dead_letter(&letter, &own, Some(b"bytes"));
        assert_eq!((to_dead_letter(&headers), value), (Ok(letter), Some(&b"bytes"[..])));
        assert_eq!(of_original(&headers), own);
        headers[2].1 = b"many".to_vec();
        assert_eq!(to_dead_letter(&headers).unwrap_err().class, DecodeError::MALFORMED);
        headers.remove(0);
        assert_eq!(to_dead_letter(&headers).unwrap_err().class, DecodeError::MISSING_FIELD);
    }
}
