//! Records that are broken in every way a seeded generator finds: decoded or refused, never a panic.

use super::super::envelope::Envelope;
use super::*;
use crate::wms::dedupe::row_identity;
use crate::wms::value::{self, Reading, TimeUnit};

/// Records of every form. What is in a comment elsewhere is bytes here.
const CORPUS: [&str; 8] = [
    POSTGRES,
    r#"{"schema":{"type":"struct","fields":[{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"},{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"},"field":"q"},{"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"t"}],"optional":true,"name":"wms.public.a.Value","field":"after"}],"optional":false,"name":"wms.public.a.Envelope"},"payload":{"before":null,"after":{"id":1,"q":"BNI=","t":1764137640123456},"source":{"snapshot":"false","schema":"public","table":"a","lsn":1,"txId":2,"sequence":"[null,\"1\"]","ts_ms":1764137640123},"op":"c","ts_ms":1764137640390}}"#,
    r#"{"id":1,"sku":"A-1\u00e9\n","free":{"scale":2,"value":"BNI="},"__op":"c","__table":"a","__schema":"public","__lsn":3,"__txId":7,"__source_ts_ms":1764137640123,"__deleted":"false"}"#,
    r#"{"before":{"sku":"A","at":"2026-11-22 05:54:00"},"after":{"sku":"A","at":"2026-11-22T05:54:00+01:00"},"source":{"connector":"mysql","ts_ms":1764137640000,"snapshot":false,"db":"w","table":"b","file":"mysql-bin.000003","pos":484,"row":2},"op":"u"}"#,
    r#"{"ts_ms":1764137640125}"#,
    r#"{"status":"END","id":"771","event_count":2,"data_collections":[{"data_collection":"public.a","event_count":2}],"ts_ms":1764137640125}"#,
    r#"{"source":{"name":"wms","db":"w"},"ts_ms":1764137640390,"databaseName":"w","ddl":"CREATE TABLE a (id INT)","tableChanges":[]}"#,
    r#"{"op":"m","source":{"ts_ms":1764137640125},"message":{"prefix":"p","content":"aGk="}}"#,
];

/// What mutations put in: what JSON, decimals and times break at.
const PIECES: [&str; 24] = [
    "null",
    "{}",
    "[]",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    ",",
    ":",
    "}",
    "]",
    "-",
    "1e999999999",
    "-9223372036854775809",
    "18446744073709551616",
    "0.00000000000000000000000000000000000000001",
    "\"0000-00-00\"",
    "\u{0}",
    "\u{feff}",
    "𐍈",
    "true",
    "\"__debezium_unavailable_value\"",
    "{\"scale\":-2147483648,\"value\":\"/////////////////////w==\"}",
    "[[[[[[",
];

/// xorshift64* (Marsaglia 2003; Vigna 2016).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    fn bytes(&mut self) -> Vec<u8> {
        CORPUS[self.below(CORPUS.len())].as_bytes().to_vec()
    }

    fn break_it(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let end = (at + self.below(40)).min(bytes.len());
        match self.below(14) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = self.below(256) as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let twice = bytes[at..end].to_vec();
                bytes.splice(at..at, twice);
            }
            5 => {
                let other = self.bytes();
                let from = self.below(other.len());
                bytes.splice(at..end, other[from..(from + 60).min(other.len())].iter().copied());
            }
            // One that keeps the form: another letter or digit in the place of one.
            6..=11 => {
                let same = bytes[at..].iter_mut().find(|byte| byte.is_ascii_alphanumeric());
                if let Some(byte) = same {
                    *byte = b"0123456789azAZ"[self.below(14)];
                }
            }
            _ => {
                let end = if self.below(2) == 0 { at } else { end };
                bytes.splice(at..end, PIECES[self.below(PIECES.len())].bytes());
            }
        }
    }
}

/// Whatever comes of a record is used as a mapping would use it.
fn use_all(change: &Change<'_>, readings: &[Reading]) {
    let _ = row_identity(change);
    for column in [&Some(change.key.clone()), &change.before, &change.after].into_iter().flatten().flat_map(|c| &c.0) {
        for reading in readings {
            let errors = [
                value::text(column, reading).err(),
                value::quantity(column, reading).err(),
                value::money(column, reading).err(),
                value::integer(column, reading).err(),
                value::boolean(column, reading).err(),
                value::instant(column, reading).err(),
                value::day(column, reading).err(),
            ];
            errors.into_iter().flatten().for_each(|error| well_formed(&error));
        }
    }
}

fn well_formed(error: &DecodeError) {
    assert!(DecodeError::CLASSES.contains(&error.class), "{error:?}");
    assert!((10..2_000).contains(&error.message.len()), "{error:?}");
}

#[test]
fn broken_records_are_read_or_refused_and_always_alike() {
    let mut dice = Dice(0x5eed);
    let zone = schemas::Zone::named("Europe/Berlin").unwrap();
    let readings = [
        Reading::default(),
        Reading { scale: Some(i32::MAX), round: true, time: TimeUnit::Nanos, zone: zone.clone() },
        Reading { scale: Some(2), round: true, time: TimeUnit::Days, zone },
    ];
    let mut cache = SchemaCache::default();
    let (mut changes, mut refused, mut scanned) = (0, 0, 0);
    for _ in 0..100_000 {
        let mut record = Raw::value(dice.bytes()).key(r#"{"id":1}"#).header("__debezium.newkey", r#"{"id":2}"#);
        for _ in 0..=dice.below(3) {
            let broken = match dice.below(8) {
                0 => record.key.as_mut(),
                1 => Some(&mut record.headers[0].1),
                _ => record.value.as_mut(),
            };
            dice.break_it(broken.unwrap());
        }
        let read = decode(&record.raw(), &mut cache, &Defaults::default());
        assert_eq!(read, record.decode(), "the cache changed the answer");
        scanned += u32::from(is_scanned_alike(record.value.as_deref().unwrap_or_default()));
        match read {
            Ok(Record::Change(change)) => {
                changes += 1;
                use_all(&change, &readings);
            }
            Ok(_) => {}
            Err(error) => {
                refused += 1;
                well_formed(&error);
            }
        }
    }
    assert!(changes > 5_000 && refused > 20_000, "{changes} changes, {refused} refused: it must reach both sides");
    assert!(scanned > 5_000, "{scanned} records were read without the general reader");
}

/// Whether the quick reader takes a value; then it says what the general one says.
fn is_scanned_alike(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let Some(envelope) = Envelope::scan(text, None) else { return false };
    assert_eq!(Ok(&envelope), Envelope::read_any(text, None).as_ref(), "{text}");
    true
}

#[test]
fn every_truncation_is_refused() {
    for record in CORPUS {
        for cut in 0..record.len() {
            let error = Raw::value(&record.as_bytes()[..cut]).decode().unwrap_err();
            assert_eq!(error.class, DecodeError::MALFORMED, "{record} at {cut}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(key: Vec<u8>, value: Vec<u8>, header: Vec<u8>) {
        let record = Raw { key: Some(key), value: Some(value), headers: vec![("__op".to_owned(), header)] };
        if let Err(error) = record.decode() {
            well_formed(&error);
        }
    }

    #[test]
    fn no_text_of_json_panics(text in "[{}\\[\\]\":,\\\\a-e0-9.eE+ tfn-]{0,80}") {
        let record = Raw { key: Some(text.clone().into_bytes()), value: Some(text.into_bytes()), ..Raw::default() };
        if let Err(error) = record.decode() {
            well_formed(&error);
        }
    }
}
