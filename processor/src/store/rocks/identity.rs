//! Whose state a directory holds: a small text file that people can read too.
//!
//! ```text
//! format=1
//! application=process
//! topic=inventory.events
//! partition=7
//! ```
//!
//! The directory of a whole application has the same file without `partition`.

use std::path::Path;

use super::corrupt;
use crate::store::StoreError;

/// Version of the directory layout and of what its column families hold. The rows in it carry
/// their own versions.
const FORMAT: u32 = 1;

/// The stage and the input topic whose state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Application id: the consumer group of the stage.
    pub application: String,
    /// The input topic whose partitions the state is divided by.
    pub topic: String,
}

impl Identity {
    pub fn new(application: impl Into<String>, topic: impl Into<String>) -> Self {
        Self { application: application.into(), topic: topic.into() }
    }

    /// The file of one partition's directory, or of the whole application's.
    pub(super) fn render(&self, partition: Option<i32>) -> String {
        let whole = format!("format={FORMAT}\napplication={}\ntopic={}\n", self.application, self.topic);
        partition.map_or(whole.clone(), |partition| format!("{whole}partition={partition}\n"))
    }

    pub(super) fn describe(&self, partition: Option<&str>) -> String {
        let whole = format!("application {:?}, topic {:?}", self.application, self.topic);
        partition.map_or(whole.clone(), |partition| format!("{whole}, partition {partition}"))
    }

    /// Whose directory it is whose identity file reads `text`, and what it says of its partition.
    pub(super) fn read<'t>(path: &Path, text: &'t str) -> Result<(Self, Option<&'t str>), StoreError> {
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let field =
            |name: &str| line(name).ok_or_else(|| corrupt(path, format!("the file `identity` has no line `{name}=`")));
        let format = field("format")?;
        match format.parse::<u32>() {
            Ok(FORMAT) => {}
            Ok(found) if found > FORMAT => {
                return Err(StoreError::TooNew { path: path.display().to_string(), found, newest: FORMAT });
            }
            _ => return Err(corrupt(path, format!("the file `identity` names the format {format:?}"))),
        }
        Ok((Self::new(field("application")?, field("topic")?), line("partition")))
    }

    /// Accepts a directory whose identity file reads `text`, or says why not.
    pub(super) fn check(&self, path: &Path, text: &str, partition: Option<i32>) -> Result<(), StoreError> {
        let (found, found_partition) = Self::read(path, text)?;
        let wanted = partition.map(|partition| partition.to_string());
        if wanted.is_some() && found_partition.is_none() {
            return Err(corrupt(path, "the file `identity` has no line `partition=`"));
        }
        if found == *self && found_partition == wanted.as_deref() {
            return Ok(());
        }
        if found == *self && wanted.is_some() && found_partition.is_some() {
            // Ours, under another partition's name: somebody moved directories about. It is rebuilt like a damaged
            // one, which is set aside and not lost.
            return Err(corrupt(path, format!("it holds {}", found.describe(found_partition))));
        }
        Err(StoreError::Foreign {
            path: path.display().to_string(),
            found: found.describe(found_partition),
            expected: self.describe(wanted.as_deref()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), StoreError> {
        Identity::new("process", "inventory.events").check(Path::new("/state/partition-00007"), text, Some(7))
    }

    #[test]
    fn its_own_text_is_accepted_and_every_difference_named() {
        let ours = Identity::new("process", "inventory.events").render(Some(7));
        assert!(check(&ours).is_ok());
        assert!(matches!(check(&ours.replace("process", "notify")), Err(StoreError::Foreign { .. })));
        // Another partition of the same stage is no stranger's: it may be set aside.
        let exchanged = check(&ours.replace("partition=7", "partition=8"));
        assert!(matches!(&exchanged, Err(StoreError::Corrupt { reason, .. }) if reason.contains("partition 8")));
        assert!(matches!(check(&ours.replace("format=1", "format=2")), Err(StoreError::TooNew { found: 2, .. })));
        for damaged in ["", "format=x\n", "format=0\n", "format=1\napplication=process\n"] {
            assert!(matches!(check(damaged), Err(StoreError::Corrupt { .. })), "{damaged:?}");
        }
    }
}
