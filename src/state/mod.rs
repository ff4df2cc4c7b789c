//! Looks after local state: what lies in `state.directory`, whether it is what the changelog says, and
//! setting a partition aside. Services never come here, and nothing here changes a row.

mod compare;
mod fold;
mod inspect;
mod show;
#[cfg(test)]
mod tests;
mod verify;

use std::path::Path;

use anyhow::anyhow;
use processor::store::rocks::inspect::{ApplicationDirectory, applications, set_aside};

use crate::exit::{Failure, Outcome};

pub use inspect::{Report, inspect};
pub use show::{as_json, as_text, verified};
pub use verify::verify;

/// The directories of one application, or of all; of these partitions, or of all.
pub fn find(directory: &Path, application: Option<&str>, partitions: &[i32]) -> Outcome<Vec<ApplicationDirectory>> {
    let mut found = applications(directory).map_err(|error| {
        Failure::Request(anyhow::Error::new(error).context("nothing to look at; state.directory or --state says where"))
    })?;
    let here = directory.display();
    if let Some(name) = application {
        let known: Vec<String> = found.iter().map(|one| one.name.clone()).collect();
        found.retain(|one| one.name == name);
        if found.is_empty() {
            let there = if known.is_empty() { "no state at all".to_owned() } else { known.join(", ") };
            return Err(Failure::Request(anyhow!("{here} holds no state of {name:?}; there is {there}")));
        }
    }
    if let Some(partition) = partitions.iter().find(|p| !found.iter().any(|one| has(one, **p))) {
        return Err(Failure::Request(anyhow!("{here} holds no partition {partition} of what was asked for")));
    }
    for one in found.iter_mut().filter(|_| !partitions.is_empty()) {
        one.partitions.retain(|directory| partitions.contains(&directory.partition));
    }
    Ok(found)
}

fn has(application: &ApplicationDirectory, partition: i32) -> bool {
    application.partitions.iter().any(|directory| directory.partition == partition)
}

/// Sets partitions of an application aside, so that its next start rebuilds them. Returns where each
/// went; `None` where it had no store.
pub fn drop_local(
    directory: &Path,
    application: ApplicationDirectory,
    partitions: &[i32],
) -> Outcome<Vec<(i32, Option<String>)>> {
    let name = application.name;
    let failed = move |error| {
        Failure::Runtime(anyhow::Error::new(error).context(format!("cannot set partitions of {name} aside")))
    };
    let identity = application.identity.map_err(failed.clone())?;
    set_aside(directory, &identity, partitions).map_err(failed)
}
