//! Golden bytes of every schema version, and compatibility between versions.
//!
//! `golden/<name>.v<version>.avsc` keeps every version's text and `golden/<name>.v<version>.hex` its
//! samples, one record a line. A new version's files are written by running this test once with
//! `WRITE_GOLDEN=1`; files that exist are never overwritten.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail their test")]

mod support;

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use apache_avro::rabin::Rabin;
use apache_avro::schema_compatibility::SchemaCompatibility;
use schemas::avro::{self, Schema};
use schemas::{DecodeError, catalogue_of_schemas};
use support::samples;

fn golden(schema: &Schema, version: u32, extension: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    folder.join(format!("{}.v{version}.{extension}", schema.name))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path)
        .unwrap_or_else(|e| panic!("{}: {e}; run with WRITE_GOLDEN=1 to add a new version", path.display()))
}

/// Writes a new version's file when asked to.
fn keep(path: &Path, content: &str) {
    if std::env::var_os("WRITE_GOLDEN").is_some() && !path.exists() {
        std::fs::write(path, content).unwrap();
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap();
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// Today's encoder writes the newest golden bytes, and today's decoder reads those of every version.
fn check<T: PartialEq + Debug>(
    schema: &Schema,
    samples: &[T],
    encode: fn(&T, &mut Vec<u8>),
    decode: fn(&'static [u8]) -> Result<T, DecodeError>,
) {
    let lines: Vec<String> = samples
        .iter()
        .map(|sample| {
            let mut out = Vec::new();
            encode(sample, &mut out);
            hex(&out)
        })
        .collect();
    let newest = golden(schema, schema.version, "hex");
    keep(&newest, &(lines.join("\n") + "\n"));
    assert_eq!(read(&newest).lines().collect::<Vec<_>>(), lines, "{} encodes differently", schema.name);
    for version in 1..=schema.version {
        let kept = read(&golden(schema, version, "hex"));
        for (line, sample) in kept.lines().zip(samples) {
            assert_eq!(decode(unhex(line).leak()).as_ref(), Ok(sample), "{} version {version}", schema.name);
        }
    }
}

#[test]
fn golden_bytes_are_read_and_written() {
    check(&avro::EVENTS, &samples::stream_records(), avro::encode_stream, avro::decode_stream);
    check(&avro::CATALOG_ITEM, &samples::items(), avro::encode_catalog_item, avro::decode_catalog_item);
    check(&avro::LOCATION, &samples::locations(), avro::encode_location, avro::decode_location);
    check(&avro::ACTION, &samples::actions(), avro::encode_action, avro::decode_action);
    check(&avro::ALERT, &samples::alerts(), avro::encode_alert, avro::decode_alert);
    check(&avro::POSITION, &samples::positions(), avro::encode_position, avro::decode_position);
    check(&avro::AGGREGATE, &samples::aggregates(), avro::encode_aggregate, avro::decode_aggregate);
    check(&avro::JOURNAL, &samples::journal_entries(), avro::encode_journal, avro::decode_journal);
    check(&avro::NOTIFICATION, &samples::notifications(), avro::encode_notification, avro::decode_notification);
    let attempts = samples::delivery_attempts();
    check(&avro::DELIVERY_ATTEMPT, &attempts, avro::encode_delivery_attempt, avro::decode_delivery_attempt);
    check(&avro::RULE_DOCUMENT, &samples::rule_documents(), avro::encode_rule_document, avro::decode_rule_document);
}

#[test]
fn a_changed_schema_is_a_new_version() {
    for schema in avro::SCHEMAS {
        let path = golden(schema, schema.version, "avsc");
        keep(&path, schema.text);
        let (kept, current) = (without(&["doc"], &read(&path)), without(&["doc"], schema.text));
        assert_eq!(kept, current, "{}.avsc changed: raise its version and add golden files", schema.name);
        let fingerprint = fingerprint(schema.text);
        assert_eq!(schema.fingerprint, fingerprint, "{}: the fingerprint is 0x{fingerprint:016x}", schema.name);
        let earlier = (1..schema.version).map(|version| self::fingerprint(&read(&golden(schema, version, "avsc"))));
        assert_eq!(schema.earlier, earlier.collect::<Vec<_>>(), "{}: the versions before it", schema.name);
    }
}

/// CRC-64-AVRO of the canonical form as Java computes it. apache-avro leaves `{"type":"long"}` of a
/// logical type where the specification (PRIMITIVE rule) and Java write `"long"`.
fn fingerprint(text: &str) -> u64 {
    let plain = parse(&without(&["doc", "logicalType"], text).to_string());
    u64::from_le_bytes(plain.fingerprint::<Rabin>().bytes.try_into().unwrap())
}

/// A schema without some of its attributes. Documentation is free to change.
fn without(attributes: &[&str], text: &str) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value, attributes: &[&str]) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.retain(|name, _| !attributes.contains(&name.as_str()));
                fields.values_mut().for_each(|value| strip(value, attributes));
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|value| strip(value, attributes)),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(text).unwrap();
    strip(&mut value, attributes);
    value
}

fn parse(text: &str) -> apache_avro::Schema {
    apache_avro::Schema::parse_str(text).unwrap()
}

#[test]
fn every_version_reads_every_other() {
    for schema in avro::SCHEMAS {
        let current = parse(schema.text);
        for version in 1..=schema.version {
            let kept = parse(&read(&golden(schema, version, "avsc")));
            let result = SchemaCompatibility::mutual_read(&kept, &current);
            assert!(result.is_ok(), "{} version {version}: {result:?}", schema.name);
        }
    }
}

#[test]
fn an_incompatible_schema_would_be_noticed() {
    let current = parse(avro::LOCATION.text);
    let retyped =
        parse(&avro::LOCATION.text.replace(
            r#""name": "region", "type": ["null", "string"]"#,
            r#""name": "region", "type": ["null", "long"]"#,
        ));
    assert_ne!(current, retyped);
    let renamed = parse(&avro::LOCATION.text.replace(r#"{"name": "location""#, r#"{"name": "place""#));
    assert!(SchemaCompatibility::mutual_read(&current, &renamed).is_err());
}

#[test]
fn an_item_is_the_same_record_in_both_its_schemas() {
    let events = without(&["doc"], avro::EVENTS.text);
    let nested = &events[1]["fields"][1]["type"][1];
    assert_eq!(nested["name"], "CatalogItem");
    assert_eq!(nested["fields"], without(&["doc"], avro::CATALOG_ITEM.text)["fields"]);
}

#[test]
fn an_alert_is_the_same_record_in_both_its_schemas() {
    let notification = without(&["doc"], avro::NOTIFICATION.text);
    let fields = notification["fields"].as_array().unwrap();
    let nested = fields.iter().find(|field| field["name"] == "alert").unwrap();
    assert_eq!(nested["type"], without(&["doc"], avro::ALERT.text));
}

#[test]
fn an_action_is_the_same_record_in_both_its_schemas() {
    assert_eq!(without(&["doc"], avro::EVENTS.text)[2], without(&["doc"], avro::ACTION.text));
}

#[test]
fn every_schema_and_every_field_is_documented_and_listed() {
    for (schema, (name, text)) in avro::SCHEMAS.iter().zip(catalogue_of_schemas()) {
        assert_eq!((schema.name, schema.text), (*name, *text));
        documented(&serde_json::from_str(text).unwrap(), name);
    }
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("avsc")).unwrap();
    assert_eq!(files.count(), avro::SCHEMAS.len());
}

fn documented(value: &serde_json::Value, path: &str) {
    if let Some(items) = value.as_array() {
        for item in items {
            documented(item, path);
        }
    }
    let Some(fields) = value.get("fields").and_then(|f| f.as_array()) else { return };
    assert!(value["doc"].is_string(), "{path} has no doc");
    for field in fields {
        let path = format!("{path}.{}", field["name"]);
        assert!(field["doc"].is_string(), "{path} has no doc");
        documented(&field["type"], &path);
    }
}
