//! Why bytes from outside could not be read as a record.

/// A record that cannot be used. It goes to the dead letters under its class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// One of [`DecodeError::CLASSES`].
    pub class: &'static str,
    /// What is wrong, in which field, and what was expected.
    pub message: String,
}

impl DecodeError {
    /// Not JSON, not Avro, cut off, not UTF-8, or a value of the wrong type.
    pub const MALFORMED: &'static str = "malformed";
    /// A field the record cannot do without is absent, null or empty.
    pub const MISSING_FIELD: &'static str = "missing_field";
    pub const UNKNOWN_CHANGE_TYPE: &'static str = "unknown_change_type";
    /// Not a decimal, too large, too precise, or negative where that has no meaning.
    pub const INVALID_QUANTITY: &'static str = "invalid_quantity";
    pub const INVALID_MONEY: &'static str = "invalid_money";
    /// Not an RFC 3339 instant (or date), or outside the years 0001 to 9999.
    pub const INVALID_TIME: &'static str = "invalid_time";
    /// Any other number out of its range.
    pub const INVALID_NUMBER: &'static str = "invalid_number";
    /// An identifier of more than [`crate::change::MAX_IDENTIFIER_BYTES`].
    pub const TOO_LONG: &'static str = "too_long";
    /// Avro bytes under a schema this binary does not know.
    pub const UNKNOWN_SCHEMA: &'static str = "unknown_schema";

    /// Every class a decoder of this crate gives.
    pub const CLASSES: &'static [&'static str] = &[
        Self::MALFORMED,
        Self::MISSING_FIELD,
        Self::UNKNOWN_CHANGE_TYPE,
        Self::INVALID_QUANTITY,
        Self::INVALID_MONEY,
        Self::INVALID_TIME,
        Self::INVALID_NUMBER,
        Self::TOO_LONG,
        Self::UNKNOWN_SCHEMA,
    ];

    #[cold]
    pub fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    #[cold]
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(Self::MALFORMED, message)
    }

    #[cold]
    pub(crate) fn missing(field: &str) -> Self {
        Self::new(Self::MISSING_FIELD, format!("`{field}` is missing"))
    }
}

/// A value as it is quoted in a message: at most 60 characters, so that no line floods a log.
pub fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
    }
}
