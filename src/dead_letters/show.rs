//! Dead letters for people and for machines.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::letter::Letter;

/// Longest message in a list.
const SHOWN_CHARACTERS: usize = 160;

/// One line of a list.
pub fn as_line(letter: &Letter) -> String {
    let about = &letter.about;
    let one_line: String = about.message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut message: String = one_line.chars().take(SHOWN_CHARACTERS).collect();
    if message.len() < one_line.len() {
        message.push('…');
    }
    format!(
        "{:<8} {}  {:<8} {:<20} {}  {message}\n",
        letter.id.to_string(),
        letter.written_at,
        about.stage,
        about.error_class,
        letter.origin(),
    )
}

/// Everything about one.
pub fn as_text(letter: &Letter) -> String {
    let about = &letter.about;
    let mut out = format!(
        "dead letter {} of {}\nfrom       {}\nstage      {}\nclass      {}\nreason     {}\n",
        letter.id,
        letter.written_at,
        letter.origin(),
        about.stage,
        about.error_class,
        about.message
    );
    for (name, value) in &letter.headers {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "header     {name}: {}", shown(Some(value)));
    }
    let _ = writeln!(out, "key        {}", shown(letter.key.as_deref()));
    let _ = match &letter.omitted_bytes {
        Some(bytes) => writeln!(
            out,
            "value      not kept: {bytes} bytes are more than the topic takes; it is in {}",
            letter.origin()
        ),
        None => writeln!(out, "value      {}", shown(letter.value.as_deref())),
    };
    out
}

fn shown(bytes: Option<&[u8]>) -> String {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => "none".to_owned(),
        Some((_, Ok(text))) if !text.chars().any(|c| c.is_control() && !c.is_whitespace()) => text.to_owned(),
        Some((bytes, _)) => format!("base64 {}", STANDARD.encode(bytes)),
    }
}

#[derive(Serialize)]
struct JsonLetter<'a> {
    id: String,
    written_at: String,
    topic: &'a str,
    partition: i32,
    offset: i64,
    stage: &'a str,
    error_class: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted_bytes: Option<&'a str>,
    #[serde(flatten)]
    key: Bytes<'a>,
    #[serde(flatten)]
    value: Bytes<'a>,
    headers: Vec<(&'a str, String)>,
}

/// A field that is text where it can be, base64 under another name where not.
struct Bytes<'a>(&'static str, &'static str, Option<&'a [u8]>);

impl Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(1))?;
        match self.2.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
            None => map.serialize_entry(self.0, &None::<&str>)?,
            Some((_, Ok(text))) => map.serialize_entry(self.0, text)?,
            Some((bytes, Err(_))) => map.serialize_entry(self.1, &STANDARD.encode(bytes))?,
        }
        map.end()
    }
}

/// One JSON line.
pub fn as_json(letter: &Letter) -> serde_json::Result<String> {
    let about = &letter.about;
    let line = JsonLetter {
        id: letter.id.to_string(),
        written_at: letter.written_at.exact(),
        topic: &about.topic,
        partition: about.partition,
        offset: about.offset,
        stage: &about.stage,
        error_class: &about.error_class,
        message: &about.message,
        omitted_bytes: letter.omitted_bytes.as_deref(),
        key: Bytes("key", "key_base64", letter.key.as_deref()),
        value: Bytes("value", "value_base64", letter.value.as_deref()),
        headers: letter
            .headers
            .iter()
            .map(|(name, value)| (&**name, String::from_utf8_lossy(value).into_owned()))
            .collect(),
    };
    serde_json::to_string(&line).map(|text| text + "\n")
}
