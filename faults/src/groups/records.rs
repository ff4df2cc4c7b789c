//! Records that nobody can use, and records that are nearly all about one SKU.

use std::time::Duration;

use anyhow::Result;
use schemas::topics;
use test_services::feed::{Feeder, Line};

use crate::cluster::STOCK;
use crate::report::KILL;
use crate::rig::Rig;

const POISON: usize = 20;
const HOT_PERCENT: u32 = 90;

pub(crate) fn records(rig: &mut Rig<'_>, hot_for: Duration) -> Result<()> {
    poison(rig)?;
    hot(rig, hot_for)?;
    rig.check("poison and hot records")
}

/// In the sources and right before `process`; the next check wants each as one dead letter.
fn poison(rig: &mut Rig<'_>) -> Result<()> {
    for (topic, id) in [(STOCK, "faults-poison-stock"), (topics::EVENTS, "faults-poison-events")] {
        let junk = |rig: &mut Rig<'_>| {
            let text = (0..rig.random.usize(1..200)).map(|_| rig.random.u8(..)).collect();
            Line { key: format!("SKU-{}", rig.random.u32(0..100)), text }
        };
        let lines: Vec<Line> = (0..POISON).map(|_| junk(rig)).collect();
        Feeder::open(&rig.cluster.log, id)?.send(topic, &lines)?;
        rig.report.fault("poison");
        rig.breathe(Duration::from_millis(500))?;
        let victim = if topic == STOCK { "ingest-0" } else { "process-0" };
        rig.kill(victim)?;
        rig.report.fault("kill");
        rig.revive(victim, KILL)?;
    }
    Ok(())
}

/// One SKU has nearly all of the load, which is heavier than otherwise.
fn hot(rig: &mut Rig<'_>, time: Duration) -> Result<()> {
    rig.load.heat(HOT_PERCENT);
    rig.load.set_rate(2_000);
    rig.report.fault("hot key");
    rig.breathe(time)?;
    rig.load.heat(0);
    rig.load.set_rate(crate::rig::RATE);
    rig.recover("a hot key")
}
