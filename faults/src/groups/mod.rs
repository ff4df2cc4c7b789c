//! What is done to the deployment, one file a group.

mod answers;
mod brokers;
mod disk;
mod kills;
mod records;
mod storms;
mod volumes;
mod zombies;

use std::time::Duration;

use anyhow::{Result, bail};

use crate::rig::Rig;

/// Groups on one broker, in the order they run; then those on three.
pub(crate) const ON_ONE: [&str; 7] = ["kills", "answers", "volumes", "records", "zombies", "storms", "absence"];
/// Markers first: a broker that comes back leads nothing for a while, and is told of none.
pub(crate) const ON_THREE: [&str; 2] = ["markers", "brokers"];

/// Runs a group. `kills` says how long the whole run is: a short one below 100.
pub(crate) fn run(rig: &mut Rig<'_>, group: &str, kills: u32) -> Result<()> {
    let long = kills / 100;
    let (short, or) = (long == 0, |short: u32, long: u32| if kills < 100 { short } else { long });
    match group {
        "kills" => kills::kills(rig, kills, Duration::from_millis(if short { 1_200 } else { 2_500 })),
        "answers" => answers::answers(rig, long),
        "volumes" => volumes::volumes(rig, or(1, 2 * long)),
        "records" => records::records(rig, Duration::from_secs(if short { 4 } else { 30 })),
        "zombies" => zombies::zombies(rig, or(1, 4 * long)),
        "storms" => storms::storms(rig, or(2, 12 * long)),
        "absence" => brokers::absence(rig, or(1, 4), Duration::from_secs(if short { 4 } else { 60 })),
        "brokers" => brokers::one_of_three(rig, or(1, 6 * long)),
        "markers" => brokers::late_markers(rig, or(1, 4 * long)),
        _ => bail!("no group is called {group}; there are {}, {}", ON_ONE.join(", "), ON_THREE.join(", ")),
    }
}
