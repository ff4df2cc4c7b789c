//! What lies in the directory of each partition. Asks nobody else, and takes nothing.

use std::collections::BTreeMap;

use processor::store::rocks::inspect::{ApplicationDirectory, PartitionDirectory, Snapshot};
use processor::store::{Checkpoint, StoreError};
use processor::task::Meta;
use schemas::Timestamp;
use schemas::row::RowError;
use serde::Serialize;

use crate::stages::rows;

/// Rows named one by one where they cannot be read.
const MAX_NAMED: usize = 5;

/// One partition's directory, or that of an application whose identity is not in order.
#[derive(Debug, Serialize)]
pub struct Report {
    pub application: String,
    /// The input topic.
    pub topic: Option<String>,
    pub partition: Option<i32>,
    pub path: String,
    /// A running instance has the application's directory.
    pub in_use: bool,
    pub disk_bytes: u64,
    #[serde(flatten)]
    pub state: State,
}

#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    Ok(Contents),
    /// Nothing was ever written to it.
    Empty,
    /// It could not be used, was set aside, and is kept to be looked at.
    Quarantined,
    /// A newer binary wrote it.
    Newer {
        reason: String,
    },
    /// It is not in order.
    Damaged {
        reason: String,
    },
}

/// What a store holds.
#[derive(Debug, Default, Serialize)]
pub struct Contents {
    pub checkpoint: Option<CheckpointFigures>,
    pub meta: Option<MetaFigures>,
    pub rows: u64,
    /// Keys and values, without what a database adds.
    pub row_bytes: u64,
    pub kinds: Vec<RowsOfKind>,
    /// The first of them.
    pub unreadable: Vec<Unreadable>,
    /// All of them.
    pub unreadable_rows: u64,
    /// … of which a newer binary could read.
    pub newer_rows: u64,
}

#[derive(Debug, Serialize)]
pub struct CheckpointFigures {
    pub changelog_offset: i64,
    pub topic_id: String,
    pub committed_at: String,
}

#[derive(Debug, Serialize)]
pub struct MetaFigures {
    pub input_offset: i64,
    /// Empty where the row is older than this figure.
    pub input_id: String,
    /// `None` before the first watermark.
    pub stream_time: Option<String>,
    pub epoch: Option<i64>,
}

/// Rows of one kind and version.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct RowsOfKind {
    pub kind: &'static str,
    pub version: Option<u8>,
    pub rows: u64,
}

#[derive(Debug, Serialize)]
pub struct Unreadable {
    pub key: String,
    pub reason: String,
}

impl Report {
    /// Something is not in order. What was set aside is not, and needs nobody.
    pub fn is_wrong(&self) -> bool {
        match &self.state {
            State::Ok(contents) => contents.unreadable_rows > 0,
            State::Empty | State::Quarantined => false,
            State::Newer { .. } | State::Damaged { .. } => true,
        }
    }

    /// A newer binary is all it wants.
    pub fn is_newer(&self) -> bool {
        match &self.state {
            State::Ok(contents) => contents.newer_rows > 0,
            State::Newer { .. } => true,
            State::Empty | State::Quarantined | State::Damaged { .. } => false,
        }
    }
}

/// Looks at every partition of these applications.
pub fn inspect(applications: &[ApplicationDirectory]) -> Vec<Report> {
    applications.iter().flat_map(of_application).collect()
}

fn of_application(application: &ApplicationDirectory) -> Vec<Report> {
    let report = |partition: Option<&PartitionDirectory>, state| Report {
        application: application.name.clone(),
        topic: application.identity.as_ref().ok().map(|identity| identity.topic.clone()),
        partition: partition.map(|directory| directory.partition),
        path: partition.map_or(&application.path, |directory| &directory.path).display().to_string(),
        in_use: application.in_use,
        disk_bytes: partition.map_or(0, |directory| directory.bytes),
        state,
    };
    let identity = match &application.identity {
        Ok(identity) => identity,
        // Without it nobody can say whose its partitions are.
        Err(error) => return vec![report(None, unusable(error))],
    };
    let look = |directory: &PartitionDirectory| {
        if directory.quarantined {
            return State::Quarantined;
        }
        let opened = directory.open(identity);
        match opened.and_then(|snapshot| snapshot.map(|open| read(&application.name, &open)).transpose()) {
            Ok(Some(contents)) => State::Ok(contents),
            Ok(None) => State::Empty,
            Err(error) => unusable(&error),
        }
    };
    application.partitions.iter().map(|directory| report(Some(directory), look(directory))).collect()
}

fn unusable(error: &StoreError) -> State {
    let reason = error.to_string();
    if matches!(error, StoreError::TooNew { .. }) { State::Newer { reason } } else { State::Damaged { reason } }
}

fn read(application: &str, store: &Snapshot) -> Result<Contents, StoreError> {
    let mut contents = Contents { checkpoint: store.checkpoint()?.map(figures), ..Contents::default() };
    let mut kinds: BTreeMap<(&'static str, Option<u8>), u64> = BTreeMap::new();
    store.scan(&mut |key, row| {
        let examined = rows::examine(application, key, row);
        *kinds.entry((examined.kind, examined.version)).or_default() += 1;
        contents.rows += 1;
        contents.row_bytes += (key.len() + row.len()) as u64;
        if let Err(error) = examined.read {
            contents.note(key, &error);
        } else if key == Meta::KEY {
            contents.meta = Meta::decode(row).ok().map(meta_figures);
        }
        Ok(())
    })?;
    contents.kinds = kinds.into_iter().map(|((kind, version), rows)| RowsOfKind { kind, version, rows }).collect();
    Ok(contents)
}

impl Contents {
    fn note(&mut self, key: &[u8], error: &RowError) {
        self.unreadable_rows += 1;
        self.newer_rows += u64::from(error.is_newer());
        if self.unreadable.len() < MAX_NAMED {
            self.unreadable.push(Unreadable { key: shown(key), reason: error.to_string() });
        }
    }
}

fn figures(checkpoint: Checkpoint) -> CheckpointFigures {
    CheckpointFigures {
        changelog_offset: checkpoint.changelog_offset,
        topic_id: checkpoint.topic_id,
        committed_at: Timestamp::from_millis(checkpoint.committed_at_ms).exact(),
    }
}

fn meta_figures(meta: Meta) -> MetaFigures {
    MetaFigures {
        input_offset: meta.position,
        input_id: meta.input_id,
        stream_time: (meta.stream_time > Timestamp::MIN).then(|| meta.stream_time.exact()),
        epoch: meta.epoch,
    }
}

/// A key for people: text where it is, with escapes where it is not.
pub(super) fn shown(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}
