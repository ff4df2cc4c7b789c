//! On the embedded log.

use std::time::Duration;

use connectors::memory::{MemoryLog, TopicConfig};
use processor::ports::{Log, ProduceRecord};
use schemas::headers::{REPLAYED, of_dead_letter};
use schemas::stream::DeadLetter;
use schemas::topics::{self, Cleanup};

use super::*;

const WAIT: Duration = Duration::from_secs(1);

fn letter(class: &str, offset: i64) -> DeadLetter {
    DeadLetter {
        topic: "wms".to_owned(),
        partition: 1,
        offset,
        stage: "ingest".to_owned(),
        error_class: class.to_owned(),
        message: format!("line one\nline two of {offset}"),
    }
}

fn log_with(letters: &[(DeadLetter, Option<&[u8]>)]) -> MemoryLog {
    let log = MemoryLog::default();
    log.create_topic(topics::DEAD_LETTERS, TopicConfig::new(1, Cleanup::Delete)).unwrap();
    log.create_topic("wms", TopicConfig::new(2, Cleanup::Delete)).unwrap();
    let mut producer = errand::producer(&log, "test", WAIT).unwrap();
    for (letter, value) in letters {
        let original = vec![("h".to_owned(), vec![0xff]), (REPLAYED.to_owned(), b"0/99".to_vec())];
        let (headers, value) = of_dead_letter(letter, &original, *value);
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let topic = topics::DEAD_LETTERS;
        let record = ProduceRecord {
            topic,
            partition: Some(0),
            key: Some(b"k"),
            value,
            headers: &headers,
            timestamp_ms: Some(0),
        };
        errand::write(&mut *producer, [record], WAIT).unwrap();
    }
    log
}

fn found(log: &MemoryLog, filter: &Filter) -> Vec<Letter> {
    let mut letters = Vec::new();
    assert_eq!(visit(&mut *log.reader().unwrap(), filter, WAIT, &mut |letter| letters.push(letter)).unwrap(), 0);
    letters
}

#[test]
fn dead_letters_are_told_by_class_stage_topic_and_place() {
    let log = log_with(&[(letter("malformed", 7), Some(b"a")), (letter("too_large", 8), None)]);
    let all = found(&log, &Filter::default());
    assert_eq!(all.len(), 2);
    let by_class = Filter { class: Some("too_large".to_owned()), ..Filter::default() };
    assert_eq!(found(&log, &by_class).iter().map(|l| l.about.offset).collect::<Vec<_>>(), [8]);
    let by_id = Filter { ids: vec![all[0].id], ..Filter::default() };
    assert_eq!(found(&log, &by_id).iter().map(|l| l.about.offset).collect::<Vec<_>>(), [7]);
    for other in [
        Filter { stage: Some("process".to_owned()), ..Filter::default() },
        Filter { topic: Some("other".to_owned()), ..Filter::default() },
        Filter { ids: vec![LetterId { partition: 0, offset: 77 }], ..Filter::default() },
    ] {
        assert!(found(&log, &other).is_empty(), "{other:?}");
    }
}

#[test]
fn a_list_has_a_line_for_each_and_the_whole_shows_everything() {
    let log = log_with(&[(letter("malformed", 7), Some(b"\xfe\x00"))]);
    let letter = &found(&log, &Filter::default())[0];
    let line = as_line(letter);
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(
        line.contains("malformed") && line.contains("wms/1@7") && line.contains("line one line two of 7"),
        "{line}"
    );
    let text = as_text(letter);
    assert!(text.contains("value      base64 /gA=") && text.contains("header     h: base64 /w=="), "{text}");
    let json: serde_json::Value = serde_json::from_str(&as_json(letter).unwrap()).unwrap();
    assert_eq!((&json["key"], &json["value_base64"], &json["offset"]), (&"k".into(), &"/gA=".into(), &7.into()));
}

#[test]
fn a_record_goes_back_as_it_was_and_says_which_dead_letter_it_was() {
    let large = vec![b'x'; topics::MAX_DEAD_LETTER_BYTES + 1];
    let log = log_with(&[
        (letter("malformed", 9), Some(b"b")),
        (letter("malformed", 7), Some(b"a")),
        (letter("malformed", 8), Some(&large)),
    ]);
    let done = put_back(&log, &Filter::default(), WAIT).unwrap();
    let letters = found(&log, &Filter::default());
    assert_eq!((done.records, &done.omitted), (2, &vec![letters[2].id]));
    assert!(as_text(&letters[2]).contains("not kept"), "{}", as_text(&letters[2]));
    let mut seen = Vec::new();
    let at = TopicPartition::new("wms", 1);
    read_to_end(&mut *log.reader().unwrap(), &at, 0, WAIT, &mut |record| {
        seen.push((record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec), record.headers.to_vec()));
    })
    .unwrap();
    let headers =
        |letter: &Letter| vec![("h".to_owned(), vec![0xff]), (REPLAYED.to_owned(), letter.id.to_string().into_bytes())];
    let expected = |value: &[u8], letter: &Letter| (Some(b"k".to_vec()), Some(value.to_vec()), headers(letter));
    assert_eq!(seen, [expected(b"a", &letters[1]), expected(b"b", &letters[0])]);
}

#[test]
fn a_place_is_read_as_it_is_written() {
    let id: LetterId = "3/17".parse().unwrap();
    assert_eq!(id.to_string(), "3/17");
    for wrong in ["3", "3/", "-1/2", "a/b", "3/17/1"] {
        assert!(wrong.parse::<LetterId>().unwrap_err().contains("PARTITION/OFFSET"), "{wrong}");
    }
}
