//! YAML text as a tree of nodes that know their place.
//!
//! A tree, not derived types: the checks above it report every error of a document, not the first.
//! Input is untrusted. Its size, nesting and aliases are bounded here, before anything is built.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{DefaultMessageFormatter, Error, MessageFormatter, Options, Spanned};

use super::Mark;

/// The largest document, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// A rule document needs five levels, a mapping eleven.
const MAX_DEPTH: usize = 16;
const MAX_NODES: usize = 200_000;
/// What all aliases together may repeat.
const MAX_REPLAYED_EVENTS: usize = 20_000;
const MAX_ALIASES: usize = 1_000;

#[derive(Debug)]
pub struct Node {
    pub at: Mark,
    pub value: Value,
}

#[derive(Debug)]
pub enum Value {
    Null,
    /// `text` is what the document says: `007` stays `007`.
    Scalar {
        text: String,
        number: Option<f64>,
    },
    List(Vec<Node>),
    /// In the order of the text; duplicate keys are kept for the checks to find.
    Map(Vec<(Mark, String, Node)>),
}

impl Value {
    /// What it is, for messages.
    pub const fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar { .. } => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads one document.
pub fn read(text: &str) -> Result<Node, (Mark, String)> {
    if text.len() > MAX_BYTES {
        let size = text.len();
        return Err((
            START,
            format!("the document has {size} bytes, the limit is {MAX_BYTES}; split it into several documents"),
        ));
    }
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()) {
        Ok(root) => Ok(node(root, text)),
        Err(error) => Err(located(&error)),
    }
}

pub const START: Mark = Mark { line: 1, column: 1 };

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
            max_recorded_anchor_events: MAX_REPLAYED_EVENTS,
            max_documents: 2,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPLAYED_EVENTS,
            max_replay_stack_depth: MAX_DEPTH,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        leading_zero_numbers_as_strings: true,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn located(error: &Error) -> (Mark, String) {
    let error = original(error);
    let at = error.location().map_or(START, |l| Mark { line: l.line().max(1), column: l.column().max(1) });
    let reason = match error {
        Error::MultipleDocuments { .. } => "a file holds one document; remove what follows `---`".to_owned(),
        Error::MergeKeyNotAllowed { .. } => "merge keys (`<<`) are not supported; write the keys out".to_owned(),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => format!(
            "the document is too large: at most {MAX_NODES} values, {MAX_DEPTH} levels of nesting, and aliases that \
             repeat {MAX_REPLAYED_EVENTS} values; split it"
        ),
        _ => format!("not valid YAML: {}", message(error)),
    };
    (at, reason)
}

/// The error itself, where it happened inside an aliased value.
fn original(error: &Error) -> &Error {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => original(error),
        other => other,
    }
}

/// One line, whatever the parser quotes.
fn message(error: &Error) -> String {
    DefaultMessageFormatter.format_message(error).replace(char::is_control, " ")
}

/// What the parser hands over, before the text of plain scalars is looked up.
enum Raw {
    Null,
    Text(String),
    Bool,
    Number(f64),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn node(raw: Spanned<Raw>, source: &str) -> Node {
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Text(text) => Value::Scalar { text, number: None },
        Raw::Bool => Value::Scalar { text: spelled(&raw.defined, source), number: None },
        Raw::Number(n) => Value::Scalar { text: spelled(&raw.defined, source), number: Some(n) },
        Raw::List(items) => Value::List(items.into_iter().map(|i| node(i, source)).collect()),
        Raw::Map(entries) => {
            Value::Map(entries.into_iter().map(|(k, v)| (mark(&k.defined), k.value, node(v, source))).collect())
        }
    };
    Node { at: mark(&raw.defined), value }
}

fn mark(at: &serde_saphyr::Location) -> Mark {
    Mark { line: at.line().max(1), column: at.column().max(1) }
}

/// A plain scalar as the document spells it.
fn spelled(at: &serde_saphyr::Location, source: &str) -> String {
    let span = at.span();
    let range = span.byte_offset().zip(span.byte_len()).and_then(|(start, len)| {
        let start = usize::try_from(start).ok()?;
        source.get(start..start.checked_add(usize::try_from(len).ok()?)?)
    });
    range.unwrap_or_default().trim().to_owned()
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Bool)
    }

    fn visit_i64<E>(self, v: i64) -> Result<Raw, E> {
        Ok(Raw::Number(v as f64))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Raw, E> {
        Ok(Raw::Number(v as f64))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Raw, E> {
        Ok(Raw::Number(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Raw, E> {
        Ok(Raw::Text(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Raw, E> {
        Ok(Raw::Text(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
