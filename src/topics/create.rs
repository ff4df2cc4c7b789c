//! Makes the topics that are not there.

use std::collections::BTreeSet;
use std::time::Duration;

use processor::ports::LogError;

use super::wanted::{Count, Wanted};
use super::{NewTopic, TopicAdmin};

/// What became of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub name: String,
    /// `None`: it was there already.
    pub partitions: Option<i32>,
}

/// Makes what is missing, in one request; tells of all, in their order.
pub fn create(
    admin: &dyn TopicAdmin,
    wanted: &[Wanted],
    replication_factor: i32,
    max_wait: Duration,
) -> Result<Vec<Made>, LogError> {
    let mut missing = Vec::new();
    for topic in wanted {
        if admin.find(&topic.name, max_wait)?.is_none() {
            missing.push(new_topic(admin, topic, replication_factor, max_wait)?);
        }
    }
    let made = if missing.is_empty() { BTreeSet::new() } else { admin.create(&missing, max_wait)? };
    let partitions = |name: &str| missing.iter().find(|topic| topic.name == name).map(|topic| topic.partitions);
    let told = wanted.iter().map(|topic| Made {
        name: topic.name.clone(),
        partitions: partitions(&topic.name).filter(|_| made.contains(&topic.name)),
    });
    Ok(told.collect())
}

fn new_topic(
    admin: &dyn TopicAdmin,
    topic: &Wanted,
    replication_factor: i32,
    max_wait: Duration,
) -> Result<NewTopic, LogError> {
    let refused = |reason: String| LogError::Fatal { operation: "create topics", reason };
    let name = &topic.name;
    let partitions = match &topic.partitions {
        Count::Exactly(count, _) => *count,
        Count::SameAs(model) => admin.find(model, max_wait)?.map(|found| found.partitions).ok_or_else(|| {
            refused(format!(
                "{name} should have as many partitions as {model}, which does not exist; create that first, or \
                 add `--sources`"
            ))
        })?,
        Count::Any => return Err(refused(format!("{name} is somebody else's; let its owner create it"))),
    };
    let mut settings = topic.settings.clone();
    // More than there are replicas would refuse every record.
    if let Some(in_sync) = settings.get_mut("min.insync.replicas") {
        *in_sync = in_sync.parse().unwrap_or(1).min(replication_factor).to_string();
    }
    Ok(NewTopic { name: topic.name.clone(), partitions, replication_factor, settings })
}
