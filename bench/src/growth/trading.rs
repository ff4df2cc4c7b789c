//! Shops that go on live, with a `process` that has taken every position's balance: what a load in real time begins and
//! ends with.
//!
//! It must never end well when something was refused, or when the alerts are not those of a replay.

use std::path::PathBuf;

use anyhow::Result;
use test_services::service::Service;

use super::live::Live;
use super::run;
use super::shops::Shape;
use super::sweeps::{Bench, clear, verify};
use crate::kafka::deployment::{Deployment, INSTANCE};
use crate::machine;

pub(super) struct Trading {
    pub(super) deployment: Deployment,
    pub(super) live: Live,
    /// The machine's, before anything was started.
    pub(super) load_before: f64,
    directory: PathBuf,
    positions: u32,
}

impl Trading {
    pub(super) fn open(bench: &Bench<'_>, shape: Shape) -> Result<(Self, Service)> {
        let load_before = machine::load_average();
        let (directory, mut shops) = bench.shops(shape)?;
        let filled = shops.fill()?;
        let (deployment, inlet) = shops.open_for_business()?;
        let live = Live::new(inlet, bench.plan.load, shape.probes);
        let mut service = deployment.start("process", INSTANCE, false)?;
        run::until(&deployment, &mut service, &filled.ends)?;
        Ok((Self { deployment, live, load_before, directory, positions: shape.positions }, service))
    }

    pub(super) fn close(self, service: Service) -> Result<()> {
        service.stop()?;
        self.deployment.ensure_nothing_was_refused()?;
        verify(&self.deployment, self.positions)?;
        self.deployment.close()?;
        clear(&self.directory)
    }
}
