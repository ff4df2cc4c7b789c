//! Record headers of dead letters: the contract of `inventory.dead-letters`.

use crate::DecodeError;
use crate::stream::DeadLetter;

pub const DEAD_LETTER_TOPIC: &str = "topic";
pub const DEAD_LETTER_PARTITION: &str = "partition";
pub const DEAD_LETTER_OFFSET: &str = "offset";
pub const DEAD_LETTER_STAGE: &str = "stage";
pub const DEAD_LETTER_CLASS: &str = "error_class";
pub const DEAD_LETTER_MESSAGE: &str = "message";
/// Before the name of each header of the original record.
pub const DEAD_LETTER_ORIGINAL: &str = "original.";
/// Only where the value was too large for the topic and is left out: its size in bytes, as text.
pub const DEAD_LETTER_OMITTED_BYTES: &str = "omitted_bytes";

/// The headers of a dead letter, all of them text. Key and value are those of the original record.
#[must_use]
pub fn of_dead_letter(letter: &DeadLetter) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (DEAD_LETTER_TOPIC, letter.topic.clone().into_bytes()),
        (DEAD_LETTER_PARTITION, letter.partition.to_string().into_bytes()),
        (DEAD_LETTER_OFFSET, letter.offset.to_string().into_bytes()),
        (DEAD_LETTER_STAGE, letter.stage.clone().into_bytes()),
        (DEAD_LETTER_CLASS, letter.error_class.clone().into_bytes()),
        (DEAD_LETTER_MESSAGE, letter.message.clone().into_bytes()),
    ]
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
        let mut headers: Vec<(String, Vec<u8>)> =
            of_dead_letter(&letter).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(to_dead_letter(&headers), Ok(letter));
        headers[2].1 = b"many".to_vec();
        assert_eq!(to_dead_letter(&headers).unwrap_err().class, DecodeError::MALFORMED);
        headers.remove(0);
        assert_eq!(to_dead_letter(&headers).unwrap_err().class, DecodeError::MISSING_FIELD);
    }
}
