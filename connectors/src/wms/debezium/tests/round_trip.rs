//! Any row, written as a connector would write it, is read back as it was.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

#[derive(Clone, Debug)]
enum Cell {
    Null,
    Bool(bool),
    Whole(i64),
    Text(String),
    Variable(i32, Vec<u8>),
    List(Vec<String>),
}

impl Cell {
    fn json(&self) -> Json {
        use base64::Engine as _;
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => json!(value),
            Self::Whole(value) => json!(value),
            Self::Text(text) => json!(text),
            Self::Variable(scale, bytes) => {
                json!({"scale": scale, "value": base64::engine::general_purpose::STANDARD.encode(bytes)})
            }
            Self::List(texts) => json!(texts),
        }
    }

    /// As [`shown`] shows it.
    fn shown(&self) -> String {
        match self {
            Self::Variable(scale, _) => format!("{}/{scale}", self.json()["value"].as_str().unwrap()),
            Self::Text(text) => format!("{text:?}"),
            Self::List(_) => format!("json {}", self.json()),
            other => other.json().to_string(),
        }
    }
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Null),
        any::<bool>().prop_map(Cell::Bool),
        any::<i64>().prop_map(Cell::Whole),
        any::<String>().prop_map(Cell::Text),
        "[ -~]{0,20}".prop_map(Cell::Text),
        (any::<i32>(), prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(scale, bytes)| Cell::Variable(scale, bytes)),
        prop::collection::vec(any::<String>(), 0..4).prop_map(Cell::List),
    ]
}

fn row() -> impl Strategy<Value = Vec<(String, Cell)>> {
    prop::collection::btree_map("[a-zé \"\\\\]{1,8}", cell(), 1..12).prop_map(|row| row.into_iter().collect())
}

/// An object in the order of the columns, which a map of `serde_json` would not keep.
fn object(row: &[(String, Cell)]) -> String {
    let fields: Vec<String> = row.iter().map(|(name, cell)| format!("{}:{}", json!(name), cell.json())).collect();
    format!("{{{}}}", fields.join(","))
}

fn expected(row: &[(String, Cell)]) -> Vec<String> {
    row.iter().map(|(name, cell)| format!("{name}={}", cell.shown())).collect()
}

proptest! {
    #[test]
    fn rows_survive_the_envelope(before in row(), after in row(), key in row(), lsn: u64, commit: u64, transaction: u32) {
        let sequence = json!(format!("[\"{commit}\",\"{lsn}\"]"));
        let value = format!(
            r#"{{"before":{},"after":{},"source":{{"schema":"public","table":"a","lsn":{lsn},"txId":{transaction},"sequence":{sequence}}},"op":"u"}}"#,
            object(&before),
            object(&after)
        );
        let record = Raw::value(value).key(object(&key));
        let change = record.change();
        prop_assert_eq!(shown(change.before.as_ref().unwrap()), expected(&before));
        prop_assert_eq!(shown(change.after.as_ref().unwrap()), expected(&after));
        prop_assert_eq!(shown(&change.key), expected(&key));
        let mark = change.source.mark.unwrap();
        prop_assert_eq!((mark.place, mark.after_commit, &*mark.unit), ((lsn, 0), Some(commit), &*transaction.to_string()));
    }

    #[test]
    fn rows_survive_being_flattened(row in row(), schema in "[a-z_]{1,9}", table in "[a-z_]{1,9}") {
        let added = format!(r#","__op":"u","__table":"{table}","__schema":"{schema}"}}"#);
        let record = Raw::value(object(&row).strip_suffix('}').unwrap().to_owned() + &added);
        let change = record.change();
        prop_assert_eq!(&*change.table, format!("{schema}.{table}"));
        prop_assert_eq!(shown(&change.after.unwrap()), expected(&row));
    }
}
