//! What is to be published, and from when it counts. Decides, and touches nothing.

use std::collections::BTreeMap;

use schemas::Timestamp;
use schemas::stream::RuleDocumentRecord;
use schemas::time::MINUTE_MS;

use crate::rule_files::RuleFile;

/// Between publishing and taking effect: time for every partition to have read the document.
const NOTICE_MS: i64 = MINUTE_MS;

/// What is on the topic, by key, `id@version`.
#[derive(Clone, Debug, Default)]
pub struct Published {
    pub documents: BTreeMap<String, RuleDocumentRecord>,
    /// Records that nobody can read, and why: readers pass them by, and they must not be overwritten unawares.
    pub unreadable: BTreeMap<String, String>,
}

/// One document, and what becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub standing: Standing,
    pub record: RuleDocumentRecord,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    New,
    /// Word for word what is there: nothing to do.
    Unchanged,
}

impl Planned {
    pub fn key(&self) -> String {
        key(&self.record.id, self.record.version)
    }
}

fn key(id: &str, version: i32) -> String {
    format!("{id}@{version}")
}

/// `reached`: the newest stream time of any partition; `None` before there is any. Gives every reason
/// why not, or what is to be done.
pub fn plan(
    files: &[RuleFile],
    effective_at: Option<Timestamp>,
    published: &Published,
    reached: Option<Timestamp>,
) -> Result<Vec<Planned>, Vec<String>> {
    let mut faults = Vec::new();
    let mut planned = Vec::new();
    for file in files {
        match plan_one(file, effective_at, published, reached) {
            Ok(one) => planned.push(one),
            Err(reason) => faults.push(format!("{}: {reason}", key(&file.document.id, file.document.version))),
        }
    }
    if faults.is_empty() { Ok(planned) } else { Err(faults) }
}

fn plan_one(
    file: &RuleFile,
    flag: Option<Timestamp>,
    published: &Published,
    reached: Option<Timestamp>,
) -> Result<Planned, String> {
    let (id, version) = (&file.document.id, file.document.version);
    if flag.is_some() && file.document.effective_at.is_some() {
        return Err("the document says its own `effective_at`; remove it there, or leave out --effective-at".to_owned());
    }
    let wanted = flag.or(file.document.effective_at);
    if let Some(reason) = published.unreadable.get(&key(id, version)) {
        return Err(format!("under this key stands a record that cannot be read ({reason}); raise the version"));
    }
    if let Some(there) = published.documents.get(&key(id, version)) {
        return unchanged(file, wanted, there);
    }
    let newest = published.documents.values().filter(|there| there.id == *id).map(|there| there.version).max();
    if let Some(newest) = newest.filter(|newest| *newest > version) {
        return Err(format!("version {newest} is published already; raise the version above it"));
    }
    let effective_at = in_force_from(wanted, reached)?;
    let record = RuleDocumentRecord { id: id.clone(), version, effective_at, body: file.text.clone() };
    Ok(Planned { standing: Standing::New, record })
}

fn unchanged(file: &RuleFile, wanted: Option<Timestamp>, there: &RuleDocumentRecord) -> Result<Planned, String> {
    if there.body != file.text {
        return Err(
            "this version is published with another content, and a version never changes; raise the version".to_owned()
        );
    }
    if wanted.is_some_and(|wanted| wanted != there.effective_at) {
        let since = there.effective_at.exact();
        return Err(format!("this version is published to take effect at {since}; raise the version to change that"));
    }
    Ok(Planned { standing: Standing::Unchanged, record: there.clone() })
}

/// As wanted, or as early as can be. Before any partition has a time: at once.
fn in_force_from(wanted: Option<Timestamp>, reached: Option<Timestamp>) -> Result<Timestamp, String> {
    let Some(reached) = reached else { return Ok(wanted.unwrap_or(Timestamp::EARLIEST)) };
    let earliest = reached.plus_ms(NOTICE_MS);
    match wanted {
        Some(wanted) if wanted < earliest => Err(format!(
            "cannot take effect at {}: stream time is at {} already; the earliest possible is {}",
            wanted.exact(),
            reached.exact(),
            earliest.exact()
        )),
        wanted => Ok(wanted.unwrap_or(earliest)),
    }
}
