//! What is wrong with the topics that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use processor::ports::LogError;

use super::wanted::{Count, Wanted};
use super::{Found, TopicAdmin};

/// One thing that is not as it should be. Its text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    Missing {
        topic: String,
    },
    Partitions {
        topic: String,
        found: i32,
        wanted: i32,
        key: Option<&'static str>,
    },
    /// Somebody else's topic.
    NoSource {
        topic: String,
    },
    /// As many as another topic, which is not there.
    NoModel {
        topic: String,
        model: String,
    },
    Cleanup {
        topic: String,
        found: String,
        wanted: String,
    },
    Setting {
        topic: String,
        setting: &'static str,
        found: String,
        wanted: String,
    },
}

/// Settings of which less than wanted loses something, and what.
const AT_LEAST: [(&str, &str); 4] = [
    ("retention.ms", "records go before they should"),
    ("delete.retention.ms", "a store that was away for longer is restored in full"),
    ("max.message.bytes", "the stage stops at the first record that is larger"),
    ("min.insync.replicas", "a record counts as written when it is on fewer brokers"),
];

impl Difference {
    /// Whether a stage must not start on it: its results would be wrong, not merely shorter-lived.
    pub fn forbids_start(&self) -> bool {
        !matches!(self, Self::Setting { setting, .. } if *setting != "max.message.bytes")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { topic } => {
                write!(f, "{topic}: does not exist; create it with `quartermaster topics create`")
            }
            Self::NoSource { topic } => write!(
                f,
                "{topic}: does not exist; let its owner create it, or for trying things `quartermaster topics create --sources`"
            ),
            Self::NoModel { topic, model } => write!(
                f,
                "{topic}: should have as many partitions as {model}, which does not exist; create {model} first"
            ),
            Self::Partitions { topic, found, wanted, key } => {
                write!(f, "{topic}: has {found} partitions instead of {wanted}; ")?;
                if let Some(key) = key {
                    write!(f, "set `{key}` to {found} if that is how all topics were made, else ")?;
                }
                write!(
                    f,
                    "delete it if nothing on it is needed and run `quartermaster topics create`: partitions cannot be "
                )?;
                write!(f, "changed under the keys that are there")
            }
            Self::Cleanup { topic, found, wanted } => {
                write!(
                    f,
                    "{topic}: cleanup.policy is {found} instead of {wanted}; {}",
                    alter(topic, "cleanup.policy", wanted)
                )
            }
            Self::Setting { topic, setting, found, wanted } => {
                let loss = AT_LEAST.iter().find(|(name, _)| name == setting).map_or("", |(_, loss)| loss);
                write!(
                    f,
                    "{topic}: {setting} is {found}, less than {wanted}: {loss}; {}",
                    alter(topic, setting, wanted)
                )
            }
        }
    }
}

/// The command of Kafka's own tools.
fn alter(topic: &str, setting: &str, value: &str) -> String {
    let value = if value.contains(',') { format!("[{value}]") } else { value.to_owned() };
    format!("`kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {setting}={value}`")
}

/// What a look at the topics brought.
#[derive(Debug, Default)]
pub struct Findings {
    pub differences: Vec<Difference>,
    /// Topic and partitions of all that are there.
    pub partitions: Vec<(String, i32)>,
}

/// Compares topics with what they should be.
pub fn check(admin: &dyn TopicAdmin, wanted: &[Wanted], max_wait: Duration) -> Result<Findings, LogError> {
    let mut findings = Findings::default();
    for topic in wanted {
        let Some(found) = admin.find(&topic.name, max_wait)? else {
            let name = topic.name.clone();
            findings.differences.push(match topic.partitions {
                Count::Any => Difference::NoSource { topic: name },
                Count::Exactly(..) | Count::SameAs(_) => Difference::Missing { topic: name },
            });
            continue;
        };
        findings.partitions.push((topic.name.clone(), found.partitions));
        findings.differences.extend(count_difference(admin, topic, found.partitions, max_wait)?);
        findings.differences.extend(setting_differences(topic, &found));
    }
    Ok(findings)
}

fn count_difference(
    admin: &dyn TopicAdmin,
    topic: &Wanted,
    found: i32,
    max_wait: Duration,
) -> Result<Option<Difference>, LogError> {
    let name = topic.name.clone();
    let (wanted, key) = match &topic.partitions {
        Count::Exactly(wanted, key) => (*wanted, *key),
        Count::SameAs(model) => match admin.find(model, max_wait)? {
            Some(model) => (model.partitions, None),
            None => return Ok(Some(Difference::NoModel { topic: name, model: model.clone() })),
        },
        Count::Any => return Ok(None),
    };
    Ok((found != wanted).then_some(Difference::Partitions { topic: name, found, wanted, key }))
}

fn setting_differences(topic: &Wanted, found: &Found) -> Vec<Difference> {
    let mut differences = Vec::new();
    let of = |settings: &BTreeMap<String, String>, name: &str| settings.get(name).cloned();
    if let Some(wanted) = of(&topic.settings, "cleanup.policy") {
        let found = of(&found.settings, "cleanup.policy").unwrap_or_default();
        if parts(&found) != parts(&wanted) {
            differences.push(Difference::Cleanup { topic: topic.name.clone(), found, wanted });
        }
    }
    for (setting, _) in AT_LEAST {
        let (Some(wanted), Some(is)) = (of(&topic.settings, setting), of(&found.settings, setting)) else { continue };
        let enough = enough(setting, &is, &wanted, found.replication_factor);
        if !enough {
            differences.push(Difference::Setting { topic: topic.name.clone(), setting, found: is, wanted });
        }
    }
    differences
}

/// The parts of `compact,delete`, in whatever order.
fn parts(policy: &str) -> BTreeSet<&str> {
    policy.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn enough(setting: &str, found: &str, wanted: &str, replicas: i32) -> bool {
    let (Ok(found), Ok(mut wanted)) = (found.parse::<i64>(), wanted.parse::<i64>()) else { return found == wanted };
    if setting == "min.insync.replicas" {
        // More than there are replicas would refuse every record.
        wanted = wanted.min(i64::from(replicas));
    }
    // −1 is for ever.
    found >= wanted || setting == "retention.ms" && found == -1
}
