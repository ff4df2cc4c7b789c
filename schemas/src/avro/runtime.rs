//! The records of the runtime's own topics: aggregates, journal, rule documents.

use super::frame;
use super::schema::{AGGREGATE, JOURNAL, RULE_DOCUMENT};
use super::wire::{Reader, Writer};
use crate::DecodeError;
use crate::stream::{AggregatePartial, JournalEntry, RuleDocumentRecord, Switch};

/// Appends a partial sum in single-object encoding.
pub fn encode_aggregate(partial: &AggregatePartial, out: &mut Vec<u8>) {
    frame::write_header(&AGGREGATE, out);
    let w = &mut Writer { out };
    w.text(&partial.scope);
    w.text(&partial.id);
    w.long(partial.epoch);
    w.long(partial.closed_through);
    w.int(partial.partition);
    w.array(&partial.sums, |w, sum| w.long(*sum));
}

pub fn decode_aggregate(value: &[u8]) -> Result<AggregatePartial, DecodeError> {
    let mut r = Reader::new(frame::body(&AGGREGATE, value)?);
    let partial = AggregatePartial {
        scope: r.text("scope")?.to_owned(),
        id: r.text("id")?.to_owned(),
        epoch: r.long("epoch")?,
        closed_through: r.long("closed_through")?,
        partition: r.int("partition")?,
        sums: r.array("sums", |r| r.long("sums"))?,
    };
    r.finish().map(|()| partial)
}

/// Appends a journal entry in single-object encoding.
pub fn encode_journal(entry: &JournalEntry, out: &mut Vec<u8>) {
    frame::write_header(&JOURNAL, out);
    let w = &mut Writer { out };
    w.int(entry.partition);
    w.long(entry.offset);
    match &entry.switch {
        Switch::Epoch { entering, applied_through } => {
            w.int(0);
            w.long(*entering);
            w.long(*applied_through);
        }
        Switch::Broadcast { topic, first_offset, last_offset } => {
            w.int(1);
            w.text(topic);
            w.long(*first_offset);
            w.long(*last_offset);
        }
    }
}

pub fn decode_journal(value: &[u8]) -> Result<JournalEntry, DecodeError> {
    let mut r = Reader::new(frame::body(&JOURNAL, value)?);
    let (partition, offset) = (r.int("partition")?, r.long("offset")?);
    let switch = match r.long("switch")? {
        0 => Switch::Epoch { entering: r.long("entering")?, applied_through: r.long("applied_through")? },
        1 => Switch::Broadcast {
            topic: r.text("topic")?.to_owned(),
            first_offset: r.long("first_offset")?,
            last_offset: r.long("last_offset")?,
        },
        _ => return Err(r.malformed("switch", "no such branch of the union")),
    };
    r.finish().map(|()| JournalEntry { partition, offset, switch })
}

/// Appends a rule document in single-object encoding.
pub fn encode_rule_document(document: &RuleDocumentRecord, out: &mut Vec<u8>) {
    frame::write_header(&RULE_DOCUMENT, out);
    let w = &mut Writer { out };
    w.text(&document.id);
    w.int(document.version);
    w.time(document.effective_at);
    w.text(&document.body);
}

pub fn decode_rule_document(value: &[u8]) -> Result<RuleDocumentRecord, DecodeError> {
    let mut r = Reader::new(frame::body(&RULE_DOCUMENT, value)?);
    let document = RuleDocumentRecord {
        id: r.identifier("id")?.to_owned(),
        version: r.int("version")?,
        effective_at: r.time("effective_at")?,
        body: r.text("body")?.to_owned(),
    };
    r.finish().map(|()| document)
}
