//! A deployment under load, and what can be done to its instances. Whoever ends without having been
//! broken is a violation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use schemas::topics;
use test_services::child;
use test_services::clock::{now, wait_for};
use test_services::service::Service;

use crate::check::Ledger;
use crate::cluster::{Cluster, INGEST, PROCESS, Program, RESIDENTS, STOCK};
use crate::interrupt;
use crate::load::Load;
use crate::report::Report;
use crate::seat::{Restored, Seat};

pub(crate) const RATE: u32 = 250;
const LOOK: Duration = Duration::from_millis(100);
/// Whoever is not ready within this does not come back.
const READY_LIMIT: Duration = Duration::from_mins(2);

/// Offsets in a topic that are still to be read while all is well: less than two seconds' worth.
const KEEPS_UP: i64 = 1_000;
const RECOVERY_LIMIT: Duration = Duration::from_mins(2);

pub(crate) struct Rig<'a> {
    // In this order: the services end, then who feeds them, then their Kafka.
    pub(crate) seats: BTreeMap<String, Seat>,
    pub(crate) load: Load,
    pub(crate) cluster: Cluster,
    pub(crate) random: Rng,
    pub(crate) report: &'a mut Report,
    pub(crate) ledger: Ledger,
    /// Who opened a partition last, and when.
    owners: BTreeMap<i32, (String, String)>,
}

impl<'a> Rig<'a> {
    /// `ingest` and two of `process`, ready and under load.
    pub(crate) fn start(program: &Program, brokers: u8, directory: &Path, report: &'a mut Report) -> Result<Self> {
        let seed = report.seed;
        let cluster = Cluster::start(program, brokers, directory, seed)?;
        let load = Load::start(&cluster.log, seed, RATE)?;
        let random = Rng::with_seed(seed);
        let mut rig = Self {
            cluster,
            load,
            seats: BTreeMap::new(),
            random,
            report,
            ledger: Ledger::default(),
            owners: BTreeMap::new(),
        };
        for (command, name) in [("ingest", "ingest-0"), ("process", "process-0"), ("process", "process-1")] {
            rig.add(command, name)?;
        }
        for name in RESIDENTS {
            rig.ready(name)?;
            rig.absorb(name, "the start")?;
        }
        rig.report.say(&format!("{brokers} broker(s), ingest and two of process run under {RATE} changes a second"));
        rig.breathe(Duration::from_secs(3))?;
        Ok(rig)
    }

    pub(crate) fn add(&mut self, command: &'static str, name: &str) -> Result<()> {
        let service = self.cluster.spawn(command, name)?;
        match self.seats.get_mut(name) {
            Some(seat) => seat.service = Some(service),
            None => drop(self.seats.insert(name.to_owned(), Seat::new(command, service))),
        }
        Ok(())
    }

    pub(crate) fn seat(&mut self, name: &str) -> Result<&mut Seat> {
        self.seats.get_mut(name).with_context(|| format!("no instance {name}"))
    }

    pub(crate) fn service(&mut self, name: &str) -> Result<&mut Service> {
        self.seat(name)?.service.as_mut().with_context(|| format!("{name} does not run"))
    }

    /// Names of those that run, of this command.
    pub(crate) fn running(&self, command: &str) -> Vec<String> {
        let runs = |seat: &Seat| seat.command == command && seat.service.is_some();
        self.seats.iter().filter(|(_, seat)| runs(seat)).map(|(name, _)| name.clone()).collect()
    }

    /// SIGKILL. Of `process` the store as it was found is kept for the next check.
    pub(crate) fn kill(&mut self, name: &str) -> Result<()> {
        let seat = self.seat(name)?;
        let mut service = seat.service.take().with_context(|| format!("{name} does not run"))?;
        let is_process = seat.is_process();
        if !service.is_running() {
            self.died(name, &service);
            return Ok(());
        }
        service.kill()?;
        if is_process {
            let owned = self.owned(name)?;
            self.ledger.keep_store(&self.cluster, name, owned)?;
        }
        Ok(())
    }

    /// SIGTERM; it has to end well.
    pub(crate) fn stop(&mut self, name: &str) -> Result<()> {
        self.service(name)?.ask_to_end()?;
        self.ended(name)
    }

    /// Waits for the end of one that was asked to end.
    pub(crate) fn ended(&mut self, name: &str) -> Result<()> {
        let mut service = self.seat(name)?.service.take().with_context(|| format!("{name} does not run"))?;
        let ended = service.ended_well().map_err(|error| format!("{error:#}"));
        self.report.check("a clean end", ended);
        Ok(())
    }

    /// Starts it again and waits until it is ready; counts how long that took.
    pub(crate) fn revive(&mut self, name: &str, after: &str) -> Result<()> {
        let command = self.seat(name)?.command;
        self.add(command, name)?;
        let took = self.ready(name)?;
        self.report.recovered(after, took);
        self.absorb(name, after)
    }

    /// Waits until it is ready. One that ends meanwhile is a violation, and ends the run.
    pub(crate) fn ready(&mut self, name: &str) -> Result<Duration> {
        let began = now();
        let service = self.service(name)?;
        let ready = wait_for(&format!("{name} is ready"), READY_LIMIT, Duration::from_millis(5), || {
            interrupt::check()?;
            ensure!(service.is_running(), "{name} ended instead of becoming ready: {}", child::tail(service.log()));
            Ok(service.answers("/readyz").then_some(()))
        });
        match ready {
            Ok(()) => Ok(now().duration_since(began)),
            Err(error) => {
                interrupt::check()?;
                self.report.violated(&format!("{error:#}"));
                bail!("{name} does not come back")
            }
        }
    }

    /// Takes note of what an instance restored.
    pub(crate) fn absorb(&mut self, name: &str, after: &str) -> Result<()> {
        let (restored, unasked) = self.seat(name)?.restores()?;
        if self.seat(name)?.is_process() {
            self.note_owner(name, &restored);
        }
        let records = restored.iter().filter(|one| !one.full).map(|one| one.records).sum();
        self.report.restored(after, records);
        let full = restored.iter().filter(|one| one.full).count();
        if full > 0 {
            self.report.say(&format!("{name} after {after}: {full} partitions restored in full"));
        }
        // invariant I6
        let outcome = if unasked.is_empty() {
            Ok(())
        } else {
            Err(format!("{name} restored {unasked:?} in full after {after}, which nobody asked for"))
        };
        self.report.check("I6", outcome);
        Ok(())
    }

    fn note_owner(&mut self, name: &str, restored: &[Restored]) {
        for one in restored {
            let owner = self.owners.entry(one.partition).or_default();
            if one.at > owner.0 {
                *owner = (one.at.clone(), name.to_owned());
            }
        }
    }

    /// Partitions that this instance of `process` opened last of all.
    fn owned(&mut self, name: &str) -> Result<BTreeSet<i32>> {
        for name in self.seats.keys().cloned().collect::<Vec<_>>() {
            self.absorb(&name, "a rebalance")?;
        }
        Ok(self.owners.iter().filter(|(_, (_, owner))| owner == name).map(|(partition, _)| *partition).collect())
    }

    /// Lets everything run for a while; who ends by itself is noted and started again.
    pub(crate) fn breathe(&mut self, time: Duration) -> Result<()> {
        let end = now() + time;
        while now() < end {
            interrupt::pause(LOOK.min(end.saturating_duration_since(now())))?;
            self.look_after()?;
        }
        Ok(())
    }

    /// Waits until everybody keeps up with the load again; counts how long that took.
    pub(crate) fn recover(&mut self, after: &str) -> Result<()> {
        let began = now();
        loop {
            self.look_after()?;
            let left = self.distance();
            let took = now().duration_since(began);
            if left.as_ref().is_ok_and(|left| *left < KEEPS_UP) {
                self.report.recovered(after, took);
                return Ok(());
            }
            if took > RECOVERY_LIMIT {
                self.report.violated(&format!("after {after} offsets are still to be read: {left:?}"));
                return Ok(());
            }
            interrupt::pause(LOOK)?;
        }
    }

    /// How far the slower stage is behind; an error while the brokers do not say.
    fn distance(&self) -> Result<i64> {
        Ok(self.cluster.distance(INGEST, STOCK)?.max(self.cluster.distance(PROCESS, topics::EVENTS)?))
    }

    /// Those that ended although nobody broke them.
    pub(crate) fn look_after(&mut self) -> Result<()> {
        let ended = |seat: &mut Seat| seat.service.is_some() && !seat.is_running();
        let dead: Vec<String> =
            self.seats.iter_mut().filter_map(|(name, seat)| ended(seat).then(|| name.clone())).collect();
        for name in dead {
            if let Some(service) = self.seat(&name)?.service.take() {
                self.died(&name, &service);
            }
            self.revive(&name, "an end by itself")?;
        }
        Ok(())
    }

    fn died(&mut self, name: &str, service: &Service) {
        self.report.violated(&format!("{name} ended by itself: {}", child::tail(service.log())));
    }
}

/// Copies a directory as it is.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().context("cannot run cp")?;
    ensure!(copied.success(), "cannot copy {} to {}", from.display(), to.display());
    Ok(())
}
