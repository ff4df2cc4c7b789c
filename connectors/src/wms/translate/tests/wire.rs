//! From the bytes of a Debezium record to stock changes, and back from waiting.

use processor::operator::{Incoming, Outcome};
use processor::table::StateTable;

use super::bench::{mapping, shown_event};
use crate::wms::reader::Reader;
use crate::wms::row::{RawRecord, Record};
use crate::wms::translate::{Reread, Translated, Translator};

const MAPPING: &str = r"
version: 1
id: wire
source: { connector: postgresql }
tables:
  public.products: {}
  public.ledger:
    events:
      - when: { kind: [SALE] }
        change: sold
        sku: { lookup: public.products, by: product_id, column: sku }
        location: site
        quantity: { column: qty, negate: true, scale: 2 }
        occurred_at: posted_at
";

const SALE: &str = r#"{"before":null,"after":{"id":7,"product_id":1,"kind":"SALE","site":"BER","qty":"/wY=","posted_at":1795326840000000},
    "source":{"connector":"postgresql","name":"shop","db":"wms","schema":"public","table":"ledger","ts_ms":1795326850000,"snapshot":"false","txId":5,"lsn":1000,"sequence":"[\"900\",\"1000\"]"},"op":"c","ts_ms":1795326851000}"#;
const PRODUCT: &str = r#"{"before":null,"after":{"id":1,"sku":"A-1"},
    "source":{"connector":"postgresql","name":"shop","db":"wms","schema":"public","table":"products","ts_ms":1795326850000,"snapshot":"last","txId":4,"lsn":900},"op":"r","ts_ms":1795326851000}"#;

#[test]
fn a_record_is_read_again_when_what_it_refers_to_has_come() {
    let mut records = Reader::default();
    let mut translator = Translator::new(mapping(MAPPING), "shop", 0, Box::new(Reader::default()));
    let (mut states, mut out) = (StateTable::default(), Vec::new());
    let headers = [("trace".to_owned(), b"x".to_vec())];
    for (offset, (key, value)) in [(r#"{"id":7}"#, SALE), (r#"{"id":1}"#, PRODUCT)].into_iter().enumerate() {
        let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
        let raw = RawRecord { key, value, headers: &headers };
        let Record::Change(change) = records.reread(&raw).unwrap() else { panic!("a change") };
        let incoming = Incoming { partition: 0, offset: offset as i64, timestamp_ms: 0, key, value, headers: &headers };
        assert_eq!(translator.apply(&incoming, &change, &mut states, &mut out), Ok(Outcome::Ok));
        assert_eq!(translator.parked(), 1 - offset);
    }
    let [Translated::Event(event)] = &out[..] else { panic!("{out:?}") };
    assert_eq!(shown_event(event), "sold A-1@BER quantity=2.5");
    assert_eq!(event.occurred_at.exact(), "2026-11-22T05:54:00Z");
    let source = event.source.as_ref().unwrap();
    assert!(source.position.parse::<i64>().is_err(), "{source:?}");
    assert_eq!(source.time.exact(), "2026-11-22T05:54:10Z");
}
