//! Brokers that stop, die and stay away: the only one, and one of three.

use std::time::Duration;

use anyhow::Result;
use test_proxy::{Action, Direction, Rule, api};

use super::storms;
use crate::rig::Rig;

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

/// Transactions are decided, and one broker hears of it late, while partitions change hands: whoever takes
/// over must wait for what is decided, and not for what it can see.
pub(crate) fn late_markers(rig: &mut Rig<'_>, rounds: u32) -> Result<()> {
    for round in 0..rounds {
        let late = Action::Delay(Duration::from_millis(1_500));
        let broker = (round as usize + 1) % 3;
        let rule = rig.cluster.proxy.set(Rule::new(api::WRITE_TXN_MARKERS, Direction::Request, late).on_route(broker));
        for _ in 0..2 {
            storms::come_or_go(rig)?;
            rig.breathe(Duration::from_secs(3))?;
        }
        storms::send_home(rig)?;
        rig.breathe(Duration::from_secs(3))?;
        rig.cluster.proxy.remove(rule);
        rig.report.fault("late markers");
        rig.report.say(&format!("{} requests for markers came late to broker {broker}", rig.cluster.proxy.hits(rule)));
        rig.recover("late markers")?;
    }
    rig.check("late markers")
}
