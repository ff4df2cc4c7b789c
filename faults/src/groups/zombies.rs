//! Instances that stop breathing for longer than their session and their transactions, and then go on as
//! if nothing had been.

use std::time::Duration;

use anyhow::Result;

use crate::cluster::{SESSION, TRANSACTION};
use crate::rig::Rig;

const AWAKE: Duration = Duration::from_secs(3);

pub(crate) fn zombies(rig: &mut Rig<'_>, rounds: u32) -> Result<()> {
    for round in 0..rounds {
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
