//! A translator that is fed lines and answers with lines.
//!
//! In: `c public.products id=1 sku=A`, with `c`, `u`, `d`, `r`, `t` as Debezium writes operations. The key is
//! the column `id`; a `d` has its columns in `before`. `null`, `~` (not sent); digits are numbers, anything else
//! text; `_` in a text is a space. `<id=1` and `>id=2` are the halves of a change of the key; `b:qty=3` is a column of
//! `before`; `+90s` moves the source's clock first; `nokey` leaves the record's key away; `@5` is the
//! place of an earlier record, delivered again.
//! Out: `sold A@BER quantity=2 order_id=SO-1`.

use std::sync::Arc;

use processor::operator::{Incoming, Outcome, Rejection};
use processor::table::StateTable;
use schemas::{InventoryEvent, Timestamp};

use crate::wms::mapping::Mapping;
use crate::wms::row::{Change, Column, Columns, Mark, Operation, RawRecord, Record, Renamed, Source, Value};
use crate::wms::translate::{Reread, Translated, Translator, WmsRow};

/// 2026-11-22T05:54:00Z.
pub(super) const START_MS: i64 = 1_795_326_840_000;

pub(super) struct Bench {
    pub(super) mapping: Arc<Mapping>,
    pub(super) translator: Translator,
    pub(super) states: StateTable<WmsRow>,
    pub(super) offset: i64,
}

pub(super) fn mapping(text: &str) -> Arc<Mapping> {
    Arc::new(Mapping::parse(text, "wms.yaml").unwrap_or_else(|errors| panic!("{errors}\n{text}")))
}

/// A mapping with these tables and nothing unusual.
pub(super) fn with_tables(tables: &str) -> String {
    format!(
        "version: 1\nid: test\nsource: {{ connector: postgresql }}\npark: {{ for: 10m, most: 4 }}\ntables:\n{tables}"
    )
}

impl Bench {
    pub(super) fn new(tables: &str) -> Self {
        Self::of(mapping(&with_tables(tables)))
    }

    pub(super) fn of(mapping: Arc<Mapping>) -> Self {
        let translator = translator(mapping.clone());
        Self { mapping, translator, states: StateTable::default(), offset: 0 }
    }

    /// A new process on the same states.
    pub(super) fn restart(&mut self) {
        self.translator = translator(self.mapping.clone());
        self.translator.restored(&self.states);
    }

    /// Feeds one line.
    pub(super) fn feed(&mut self, line: &str) -> Vec<String> {
        let (out, outcome) = self.give(line);
        let mut lines: Vec<String> = out.iter().map(shown).collect();
        match outcome {
            Ok(Outcome::Ok) => {}
            Ok(outcome) => lines.push(format!("{outcome:?}").to_lowercase()),
            Err(rejection) => lines.push(format!("rejected {rejection}")),
        }
        lines
    }

    pub(super) fn give(&mut self, line: &str) -> (Vec<Translated>, Result<Outcome, String>) {
        let mut out = Vec::new();
        let value = format!("{} {line}", self.offset);
        let raw = Incoming {
            partition: 3,
            offset: self.offset,
            timestamp_ms: START_MS,
            key: None,
            value: Some(value.as_bytes()),
            headers: &[],
        };
        self.offset += 1;
        let change = change(&value);
        let outcome = self.translator.apply(&raw, &change, &mut self.states, &mut out);
        (out, outcome.map_err(|rejection| format!("{}: {}", rejection.class, rejection.message)))
    }

    /// Feeds lines; everything that came out of them.
    pub(super) fn feed_all(&mut self, lines: &str) -> Vec<String> {
        lines.lines().map(str::trim).filter(|line| !line.is_empty()).flat_map(|line| self.feed(line)).collect()
    }

    /// Feeds `in` lines, each followed by what is expected of it behind `→` (several lines: several arrows).
    pub(super) fn play(&mut self, script: &str) {
        let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
        while let Some(line) = lines.next() {
            let mut expected = Vec::new();
            while let Some(arrow) = lines.peek().and_then(|line| line.strip_prefix('→')) {
                expected.push(arrow.trim().to_owned());
                lines.next();
            }
            assert_eq!(self.feed(line), expected, "\nof: {line}");
        }
    }
}

fn translator(mapping: Arc<Mapping>) -> Translator {
    Translator::new(mapping, "wms", 3, Box::new(Lines))
}

struct Lines;

impl Reread for Lines {
    fn reread<'a>(&mut self, raw: &RawRecord<'a>) -> Result<Record<'a>, Rejection> {
        Ok(Record::Change(change(std::str::from_utf8(raw.value.unwrap()).unwrap())))
    }
}

/// `offset op table …`.
fn change(text: &str) -> Change<'static> {
    let mut words = text.split_whitespace();
    let mut offset: i64 = words.next().unwrap().parse().unwrap();
    let operation = match words.next().unwrap() {
        "c" => Operation::Create,
        "u" => Operation::Update,
        "d" => Operation::Delete,
        "r" => Operation::Snapshot,
        "t" => Operation::Truncate,
        other => panic!("{other} is no operation: {text}"),
    };
    let table = words.next().unwrap().to_owned();
    let (mut row, mut before, mut renamed) = (Columns::default(), Columns::default(), None);
    let (mut clock_ms, mut keyed) = (START_MS + offset, true);
    for word in words {
        if let Some(place) = word.strip_prefix('@') {
            offset = place.parse().unwrap();
            clock_ms = START_MS + offset;
        } else if word == "nokey" {
            keyed = false;
        } else if let Some(seconds) = word.strip_prefix('+') {
            clock_ms += seconds.strip_suffix('s').unwrap().parse::<i64>().unwrap() * 1000;
        } else if let Some(old) = word.strip_prefix('<') {
            renamed = Some(Renamed::From(Columns(vec![column(old)])));
        } else if let Some(new) = word.strip_prefix('>') {
            renamed = Some(Renamed::To(Columns(vec![column(new)])));
        } else if let Some(was) = word.strip_prefix("b:") {
            before.0.push(column(was));
        } else {
            row.0.push(column(word));
        }
    }
    let key = Columns(row.get("id").filter(|_| keyed).cloned().into_iter().collect());
    let mark =
        Mark { unit: "1".into(), place: (offset as u64, 0), after_commit: None, text: format!("0/{offset}").into() };
    let source = Source {
        time: Some(Timestamp::from_millis(clock_ms)),
        mark: Some(mark).filter(|_| operation != Operation::Snapshot),
        ..Source::default()
    };
    let was = Some(before).filter(|before| !before.is_empty());
    let (before, after) = if operation == Operation::Delete { (Some(row), None) } else { (was, Some(row)) };
    Change { operation, table: table.into(), key, before, after, renamed, source }
}

fn column(word: &str) -> Column<'static> {
    let (name, value) = word.split_once('=').unwrap_or_else(|| panic!("{word} is no column"));
    let number = value.parse::<f64>().is_ok();
    let value = match value {
        "null" => Value::Null,
        "~" => Value::Unavailable,
        "true" | "false" => Value::Bool(value == "true"),
        _ if value.starts_with('[') => Value::Json(value.to_owned().into()),
        _ if number => Value::Number(value.to_owned().into()),
        _ => Value::Text(value.trim_matches('\'').replace('_', " ").into()),
    };
    Column { name: name.to_owned().into(), value, kind: None }
}

fn shown(translated: &Translated) -> String {
    match translated {
        Translated::Event(event) => shown_event(event),
        Translated::Item(change) => match &change.item {
            None => format!("item {} gone", change.sku),
            Some(item) => {
                let mut parts = vec![format!("item {}", item.sku)];
                let mut add =
                    |name: &str, text: Option<String>| parts.extend(text.map(|text| format!("{name}={text}")));
                add("name", item.name.clone());
                add("category", item.category.clone());
                add("unit_cost", item.unit_cost.map(|m| m.to_string()));
                add("lead_time_days", item.lead_time_days.map(|d| d.to_string()));
                add("pack_size", item.pack_size.map(|q| q.to_string()));
                add("shelf_life_days", item.shelf_life_days.map(|d| d.to_string()));
                add("tags", Some(item.tags.join("+")).filter(|tags| !tags.is_empty()));
                parts.join(" ")
            }
        },
        Translated::Place { location, description: None } => format!("place {location} gone"),
        Translated::Place { location, description: Some(place) } => {
            let mut parts = vec![format!("place {location}")];
            parts.extend(place.kind.iter().map(|kind| format!("kind={kind}")));
            parts.extend(place.time_zone.iter().map(|zone| format!("time_zone={zone}")));
            parts.join(" ")
        }
        Translated::DeadLetter { record, rejection } => {
            format!("dead letter of offset {}: {}: {}", record.offset, rejection.class, rejection.message)
        }
    }
}

pub(super) fn shown_event(event: &InventoryEvent<'_>) -> String {
    let fields = event.change.fields();
    let mut parts = vec![format!("{} {}@{}", event.change.kind().name(), event.sku, event.location)];
    let mut add = |name: &str, text: Option<String>| parts.extend(text.map(|text| format!("{name}={text}")));
    add("quantity", fields.quantity.map(|q| q.to_string()));
    add("order_id", fields.order_id.map(Into::into));
    add("customer", fields.customer.map(Into::into));
    add("unit_price", fields.unit_price.map(|m| m.to_string()));
    add("po_id", fields.po_id.map(Into::into));
    add("supplier", fields.supplier.map(Into::into));
    add("expected_at", fields.expected_at.map(|t| t.to_string()));
    add("reason", fields.reason.map(Into::into));
    add("document", fields.document.map(Into::into));
    add("book", fields.book.map(|q| q.to_string()));
    add("counted", fields.counted.map(|q| q.to_string()));
    add("on_hand", fields.on_hand.map(|q| q.to_string()));
    add("lot", fields.lot.map(Into::into));
    add("expires_on", fields.expires_on.map(|d| d.to_string()));
    add("from", fields.from.map(Into::into));
    add("to", fields.to.map(Into::into));
    parts.join(" ")
}
