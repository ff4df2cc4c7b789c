//! Brokers that stop, die and stay away: the only one, and one of three.

use std::time::Duration;

use anyhow::Result;
use test_proxy::{Action, Direction, Rule, api};
use test_services::clock::now;

use crate::cluster::{SESSION, changelog};
use crate::interrupt;
use crate::rig::Rig;

const GUEST: &str = "process-2";
const RESIDENTS: [&str; 2] = ["process-0", "process-1"];
const MET_WITHIN: Duration = Duration::from_secs(10);

/// The only broker goes, stays away, and comes back.
pub(crate) fn absence(rig: &mut Rig<'_>, rounds: u32, away: Duration) -> Result<()> {
    for round in 0..rounds {
        if round % 2 == 0 {
            rig.cluster.kafka.stop_broker(0);
            rig.report.fault("broker stopped");
        } else {
            rig.cluster.kafka.kill_broker(0);
            rig.report.fault("broker killed");
        }
        rig.breathe(away)?;
        rig.cluster.kafka.start_broker(0);
        rig.recover("a broker's absence")?;
        rig.breathe(Duration::from_secs(2))?;
    }
    rig.check("a broker's absence")
}

/// One broker of three after the other goes; the others go on.
pub(crate) fn one_of_three(rig: &mut Rig<'_>, rounds: u32) -> Result<()> {
    for round in 0..rounds {
        let broker = rig.random.usize(0..3);
        if round % 2 == 0 {
            rig.cluster.kafka.kill_broker(broker);
            rig.report.fault("broker killed");
        } else {
            rig.cluster.kafka.stop_broker(broker);
            rig.report.fault("broker stopped");
        }
        rig.recover("the loss of one broker of three")?;
        rig.breathe(Duration::from_secs(2))?;
        rig.cluster.kafka.start_broker(broker);
        rig.breathe(Duration::from_secs(2))?;
        rig.recover("the return of one broker of three")?;
    }
    rig.check("brokers of three")
}

/// A transaction is decided, one broker hears of it late, and meanwhile its partitions change hands: whoever takes
/// over must wait for what is decided, and not for what it can see.
pub(crate) fn late_markers(rig: &mut Rig<'_>, rounds: u32) -> Result<()> {
    for _ in 0..rounds {
        rig.add("process", GUEST)?;
        rig.ready(GUEST)?;
        rig.breathe(Duration::from_secs(3))?;
        let broker = rig.random.usize(0..3);
        // Longer than it takes to be taken over.
        let late = Action::Delay(SESSION + Duration::from_secs(7));
        let rule = Rule::new(api::WRITE_TXN_MARKERS, Direction::Request, late).on_route(broker);
        let rule = rig.cluster.proxy.set(rule.about(changelog()).times(1));
        let began = now();
        while rig.cluster.proxy.hits(rule) == 0 && now().duration_since(began) < MET_WITHIN {
            interrupt::pause(Duration::from_millis(10))?;
        }
        rig.report.fault("late markers");
        for name in RESIDENTS {
            rig.kill(name)?;
            rig.report.fault("vanish");
        }
        rig.breathe(SESSION + Duration::from_secs(5))?;
        let hits = rig.cluster.proxy.hits(rule);
        rig.report.say(&format!("{hits} request for markers came late to broker {broker}"));
        rig.cluster.proxy.remove(rule);
        for name in RESIDENTS {
            rig.revive(name, "late markers")?;
        }
        rig.stop(GUEST)?;
        rig.recover("late markers")?;
    }
    rig.check("late markers")
}
