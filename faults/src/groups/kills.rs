//! SIGKILL at random moments: one instance, two at once, one that is still restoring.

use std::time::Duration;

use anyhow::Result;
use test_proxy::{Action, Direction, Rule, api};

use crate::report::KILL;
use crate::rig::Rig;

const NAMES: [&str; 3] = ["ingest-0", "process-0", "process-1"];
/// Kills between two checks.
const BATCH: u32 = 25;

/// Between two blows lies up to `longest_life`.
pub(crate) fn kills(rig: &mut Rig<'_>, kills: u32, longest_life: Duration) -> Result<()> {
    let (mut done, mut checked) = (0, 0);
    // Transactions that take their time: death meets them half-way, before the commit is asked for and after.
    let slow = Action::Delay(Duration::from_millis(150));
    let slowly = [(api::ADD_OFFSETS_TO_TXN, 0.2), (api::END_TXN, 0.1)]
        .map(|(api, share)| rig.cluster.proxy.set(Rule::new(api, Direction::Request, slow).probability(share)));
    while done < kills {
        let life = longest_life.mul_f64(rig.random.f64());
        rig.breathe(life)?;
        let first = rig.random.usize(0..NAMES.len());
        let both = rig.random.u32(0..5) == 0;
        let victims: Vec<&str> = if both { vec![NAMES[first], NAMES[(first + 1) % 3]] } else { vec![NAMES[first]] };
        done += strike(rig, &victims)?;
        if done - checked >= BATCH && done < kills {
            checked = done;
            rig.check(KILL)?;
        }
    }
    for rule in slowly {
        rig.cluster.proxy.remove(rule);
    }
    rig.breathe(Duration::from_secs(1))?;
    rig.check(KILL)
}

/// Kills, starts again, and now and then kills once more before that has come far.
fn strike(rig: &mut Rig<'_>, victims: &[&str]) -> Result<u32> {
    let mut kills = 0;
    for name in victims {
        rig.kill(name)?;
        rig.report.fault("kill");
        kills += 1;
    }
    if rig.random.u32(0..4) == 0 {
        let (name, after) = (victims[0], Duration::from_millis(rig.random.u64(20..600)));
        rig.add(if name == "ingest-0" { "ingest" } else { "process" }, name)?;
        crate::interrupt::pause(after)?;
        rig.kill(name)?;
        rig.report.fault("kill");
        kills += 1;
    }
    for name in victims {
        rig.revive(name, KILL)?;
    }
    Ok(kills)
}
