//! Members that join and leave: in order, or for ever without a word.

use std::time::Duration;

use anyhow::Result;

use crate::rig::Rig;

const GUESTS: [&str; 2] = ["process-2", "process-3"];

pub(crate) fn storms(rig: &mut Rig<'_>, rounds: u32) -> Result<()> {
    for _ in 0..rounds {
        come_or_go(rig)?;
        let calm = rig.random.u64(2_000..5_000);
        rig.breathe(Duration::from_millis(calm))?;
    }
    send_home(rig)?;
    rig.recover("a rebalance storm")?;
    rig.check("a rebalance storm")
}

fn come_or_go(rig: &mut Rig<'_>) -> Result<()> {
    let guest = GUESTS[rig.random.usize(0..GUESTS.len())];
    if !rig.running("process").iter().any(|name| name == guest) {
        rig.add("process", guest)?;
        rig.report.fault("join");
    } else if rig.random.u32(0..4) == 0 {
        rig.kill(guest)?;
        rig.report.fault("vanish");
    } else {
        rig.stop(guest)?;
        rig.report.fault("leave");
    }
    Ok(())
}

fn send_home(rig: &mut Rig<'_>) -> Result<()> {
    for guest in GUESTS {
        if rig.running("process").iter().any(|name| name == guest) {
            rig.stop(guest)?;
            rig.report.fault("leave");
        }
    }
    Ok(())
}
