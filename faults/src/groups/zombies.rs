//! Instances that were put out of their group and do not know it: stopped for longer than their session and their
//! transactions, or told that all is well while nobody hears them.

use std::time::Duration;

use anyhow::Result;
use test_proxy::{Action, Direction, Rule, api};

use crate::cluster::{SESSION, TRANSACTION};
use crate::rig::Rig;

const AWAKE: Duration = Duration::from_secs(3);

pub(crate) fn zombies(rig: &mut Rig<'_>, rounds: u32) -> Result<()> {
    let first = rig.random.u32(0..2);
    for round in 0..rounds {
        if (first + round).is_multiple_of(2) {
            unheard(rig)?;
            continue;
        }
        let name = if round % 4 == 3 { "ingest-0" } else { ["process-0", "process-1"][rig.random.usize(0..2)] };
        let moment = rig.random.u64(0..1_000);
        rig.breathe(Duration::from_millis(moment))?;
        rig.service(name)?.signal("STOP")?;
        rig.report.fault("zombie");
        // Until the others have taken over, and gone on.
        rig.breathe(SESSION.max(TRANSACTION) + Duration::from_secs(4))?;
        rig.service(name)?.signal("CONT")?;
        rig.breathe(AWAKE)?;
        rig.recover("a zombie")?;
    }
    rig.check("zombies")
}

/// Its heartbeats go nowhere, and are answered: it goes on with partitions that others have taken over.
fn unheard(rig: &mut Rig<'_>) -> Result<()> {
    let name = ["process-0", "process-1"][rig.random.usize(0..2)];
    let well = Rule::new(api::HEARTBEAT, Direction::Request, Action::Error(0));
    let rule = rig.cluster.proxy.set(well.about(name));
    rig.report.fault("unheard");
    rig.breathe(SESSION + Duration::from_secs(4))?;
    rig.cluster.proxy.remove(rule);
    rig.breathe(AWAKE)?;
    rig.recover("heartbeats that went nowhere")
}
