//! What could not be used: looks at `inventory.dead-letters`, and puts records back where they came
//! from once the reason is gone.

mod letter;
mod show;
#[cfg(test)]
mod tests;

use std::time::Duration;

use processor::ports::{Log, LogError, LogReader, TopicPartition};
use schemas::topics;

use crate::errand::{self, insist, read_to_end};

pub use letter::{Filter, Letter, LetterId};
pub use show::{as_json, as_line, as_text};

const TRANSACTIONAL_ID: &str = "quartermaster-dead-letters";
/// Records put back in one transaction.
const BATCH: usize = 500;

/// Visits the dead letters that are meant, partition by partition, oldest first. Returns how many
/// records of the topic are none: somebody else wrote them.
pub fn visit(
    reader: &mut dyn LogReader,
    filter: &Filter,
    wait: Duration,
    sink: &mut dyn FnMut(Letter),
) -> Result<u64, LogError> {
    let partitions = insist(|| reader.partitions(topics::DEAD_LETTERS, wait))?;
    let mut foreign = 0;
    for partition in (0..partitions).filter(|p| filter.ids.is_empty() || filter.ids.iter().any(|id| id.partition == *p))
    {
        let at = TopicPartition::new(topics::DEAD_LETTERS, partition);
        let start = insist(|| reader.extent(&at, wait))?.start;
        // Those that are named need not be looked for from the beginning.
        let first = filter.ids.iter().filter(|id| id.partition == partition).map(|id| id.offset).min();
        read_to_end(reader, &at, start.max(first.unwrap_or(0)), wait, &mut |record| match Letter::of(&record) {
            Ok(letter) if filter.takes(&letter) => sink(letter),
            Ok(_) => {}
            Err(_) => foreign += 1,
        })?;
    }
    Ok(foreign)
}

/// What putting records back came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PutBack {
    pub records: u64,
    /// Their bytes were not kept.
    pub omitted: Vec<LetterId>,
}

/// Writes the original records to the topics and partitions they came from. Nothing remembers that it
/// was done: done again, it writes them again.
pub fn put_back(log: &dyn Log, filter: &Filter, wait: Duration) -> Result<PutBack, LogError> {
    let mut done = PutBack::default();
    let mut letters = Vec::new();
    visit(&mut *log.reader()?, filter, wait, &mut |letter| match letter.omitted_bytes {
        None => letters.push(letter),
        Some(_) => done.omitted.push(letter.id),
    })?;
    // In the order in which their partition had them, as far as one can still say.
    letters.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut producer = errand::producer(log, TRANSACTIONAL_ID, wait)?;
    for batch in letters.chunks(BATCH) {
        let headers: Vec<_> = batch.iter().map(Letter::headers_to_put_back).collect();
        let headers: Vec<Vec<(&str, &[u8])>> =
            headers.iter().map(|own| own.iter().map(|(name, value)| (&**name, &**value)).collect()).collect();
        errand::write(&mut *producer, batch.iter().zip(&headers).map(|(letter, own)| letter.record(own)), wait)?;
        done.records += batch.len() as u64;
    }
    Ok(done)
}

fn key(letter: &Letter) -> (&str, i32, i64) {
    (&letter.about.topic, letter.about.partition, letter.about.offset)
}
