//! Local state against Kafka: the rows (invariant I3), and the position they stand for (invariant I4).
//!
//! The store is looked at first, the changelog is read to its end afterwards, and the group is asked
//! before and after that: so everything may go on meanwhile, and what comes of it is known.

use std::time::Duration;

use processor::ports::{Log, LogConsumer, LogError, LogReader, TopicPartition};
use processor::restore::{Unusable, usable};
use processor::store::rocks::Identity;
use processor::store::rocks::inspect::{ApplicationDirectory, PartitionDirectory};
use processor::store::{Checkpoint, StoreError};
use processor::task::Meta;
use schemas::topics;

use super::compare::{Counts, compare};
use super::fold::Fold;
use crate::errand::insist;

/// Reads the group's offsets; it never joins.
const INSTANCE: &str = "state-verify";

/// One partition, compared.
#[derive(Debug)]
pub struct Verification {
    pub partition: i32,
    pub counts: Counts,
    /// What is worth knowing and is not wrong.
    pub notes: Vec<String>,
    /// What is wrong, each with what to do.
    pub wrong: Vec<String>,
}

/// What all partitions of an application share.
struct Verifier<'a> {
    identity: &'a Identity,
    changelog: String,
    changelog_id: String,
    reader: Box<dyn LogReader>,
    group: Box<dyn LogConsumer>,
    wall_ms: i64,
    wait: Duration,
}

/// Compares every partition of an application that has a store here.
pub fn verify(
    log: &dyn Log,
    identity: &Identity,
    application: &ApplicationDirectory,
    wall_ms: i64,
    wait: Duration,
) -> Result<Vec<Verification>, LogError> {
    let mut reader = log.reader()?;
    let changelog = topics::changelog(&application.name, "state");
    let changelog_id = insist(|| reader.topic_id(&changelog, wait))?;
    let group = log.consumer(&application.name, INSTANCE)?;
    let mut verifier = Verifier { identity, changelog, changelog_id, reader, group, wall_ms, wait };
    let directories = application.partitions.iter().filter(|directory| !directory.quarantined);
    directories.map(|directory| verifier.partition(directory)).collect()
}

impl Verifier<'_> {
    fn partition(&mut self, directory: &PartitionDirectory) -> Result<Verification, LogError> {
        let partition = directory.partition;
        let mut found = Verification { partition, counts: Counts::default(), notes: Vec::new(), wrong: Vec::new() };
        let opened = directory.open(self.identity).and_then(|store| match store {
            Some(store) => Ok(store.checkpoint()?.map(|checkpoint| (store, checkpoint))),
            None => Ok(None),
        });
        let (store, checkpoint) = match opened {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                found.notes.push("nothing was ever written to it: restored in full at the next start".to_owned());
                return Ok(found);
            }
            Err(error) => {
                found.wrong.push(self.damaged(partition, &error));
                return Ok(found);
            }
        };
        let before = self.committed(partition)?;
        let at = TopicPartition::new(&self.changelog, partition);
        let fold = Fold::read(&mut *self.reader, &at, checkpoint.changelog_offset, self.wait)?;
        let after = self.committed(partition)?;
        self.positions(&mut found, &fold, before, after);
        let start = Checkpoint {
            changelog_offset: fold.start,
            topic_id: self.changelog_id.clone(),
            committed_at_ms: self.wall_ms,
        };
        if let Err(reason) = usable(&checkpoint, &start, fold.end) {
            self.unusable(&mut found, reason, &checkpoint, &fold);
            return Ok(found);
        }
        let compared = compare(&store, &fold).and_then(|comparison| Ok((comparison, store.get(Meta::KEY)?)));
        match compared {
            Ok((comparison, meta)) => {
                found.counts = comparison.counts;
                if found.counts.wrong() > 0 {
                    found.wrong.push(format!("{}; {}", comparison.named.join(", "), self.rebuild(partition)));
                }
                self.store_not_ahead(&mut found, meta.as_deref(), fold.newest(Meta::KEY));
            }
            Err(error) => found.wrong.push(self.damaged(partition, &error)),
        }
        Ok(found)
    }

    fn committed(&mut self, partition: i32) -> Result<Option<i64>, LogError> {
        let (group, wait) = (&mut self.group, self.wait);
        let input = TopicPartition::new(&self.identity.topic, partition);
        Ok(insist(|| group.committed(std::slice::from_ref(&input), wait))?.get(&input).copied())
    }

    /// The changelog's account of the input position against the group's, which may have moved meanwhile.
    fn positions(&self, found: &mut Verification, fold: &Fold, before: Option<i64>, after: Option<i64>) {
        let meta = match fold.newest(Meta::KEY).map(Meta::decode).transpose() {
            Ok(meta) => meta.map(|meta| meta.position),
            Err(error) => {
                found.wrong.push(format!("the changelog's meta row cannot be read: {error}"));
                return;
            }
        };
        let application = &self.identity.application;
        match (meta, before, after) {
            (_, None, None) => found.notes.push(format!(
                "the group has no committed offset: it goes on from the state's, {}",
                meta.map_or("the beginning".to_owned(), |position| position.to_string())
            )),
            (Some(meta), _, Some(after)) if before.is_none_or(|before| before <= meta) && meta <= after => {}
            _ => {
                let (low, high) = (told(before), told(after));
                let committed = if low == high { high } else { format!("{low} to {high}") };
                found.wrong.push(format!(
                    "the changelog stands at input offset {}, the group has committed {committed}: state and group do not \
                     belong together; `quartermaster state reset {application}` begins anew",
                    told(meta)
                ));
            }
        }
    }

    /// A store holds nothing that is not committed.
    fn store_not_ahead(&self, found: &mut Verification, store: Option<&[u8]>, changelog: Option<&[u8]>) {
        let position = |row: Option<&[u8]>| row.and_then(|row| Meta::decode(row).ok()).map(|meta| meta.position);
        let (store, changelog) = (position(store), position(changelog));
        if store > changelog {
            found.wrong.push(format!(
                "the store stands at input offset {}, ahead of the changelog's {}; {}",
                told(store),
                told(changelog),
                self.rebuild(found.partition)
            ));
        }
    }

    /// The next start rebuilds the store without being asked. Only one that knows more than the log is
    /// a sign of something.
    fn unusable(&self, found: &mut Verification, reason: Unusable, checkpoint: &Checkpoint, fold: &Fold) {
        let text = format!("not compared, {reason}: the next start rebuilds it in full");
        if reason == Unusable::OutsideOfLog && checkpoint.changelog_offset > fold.end {
            found.wrong.push(format!(
                "{text}; it has seen offset {} and {}-{} ends at {}: Kafka has lost committed records",
                checkpoint.changelog_offset, self.changelog, found.partition, fold.end
            ));
        } else {
            found.notes.push(text);
        }
    }

    fn damaged(&self, partition: i32, error: &StoreError) -> String {
        match error {
            // What to do stands in it, and a reset would not help: the changelog is as new.
            StoreError::TooNew { .. } => error.to_string(),
            StoreError::Corrupt { path, reason } => {
                format!("the state store {path} is corrupt: {reason}; {}", self.rebuild(partition))
            }
            _ => format!("{error}; {}", self.rebuild(partition)),
        }
    }

    fn rebuild(&self, partition: i32) -> String {
        let application = &self.identity.application;
        format!(
            "stop the instance and run `quartermaster state reset {application} --partition {partition}`, or remove the \
             partition's directory: it is rebuilt from the changelog"
        )
    }
}

fn told(position: Option<i64>) -> String {
    position.map_or("nothing".to_owned(), |position| position.to_string())
}
