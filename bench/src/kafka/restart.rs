//! How long `process` is away: killed or terminated under load, started again at once with the same
//! name and directory, and ready.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Services;
use super::deployment::{Deployment, changelog};
use test_services::clock::milliseconds;

const TIMES: usize = 5;

/// The median, in milliseconds from spawn to ready, after SIGKILL.
pub(crate) fn measure(deployment: &Deployment, services: &mut Services) -> Result<f64> {
    println!("  state: {} rows in the changelog", rows(deployment)?);
    let (killed, rows) = repeat(deployment, services, true)?;
    println!("  after SIGKILL: {} ms to ready, {} rows restored", list(&killed), list(&rows));
    let (stopped, rows) = repeat(deployment, services, false)?;
    println!("  after SIGTERM: {} ms to ready, {} rows restored", list(&stopped), list(&rows));
    let middle = median(killed);
    println!("  median after SIGKILL {middle:.0} ms, after SIGTERM {:.0} ms", median(stopped));
    Ok(middle)
}

fn repeat(deployment: &Deployment, services: &mut Services, kill: bool) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut times, mut rows) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        times.push(milliseconds(services.restart_process(deployment, kill)?));
        rows.push(services.process.metrics()?.sum("restored_records_total", ""));
        services.settle()?;
    }
    Ok((times, rows))
}

/// Keys of the changelog that have a value.
fn rows(deployment: &Deployment) -> Result<usize> {
    let mut rows = BTreeSet::new();
    deployment.read(&changelog(), &mut |record| {
        let key = (record.partition, record.key.unwrap_or_default().to_vec());
        match record.value {
            Some(_) => rows.insert(key),
            None => rows.remove(&key),
        };
    })?;
    Ok(rows.len())
}

fn list(figures: &[f64]) -> String {
    figures.iter().map(|figure| format!("{figure:.0}")).collect::<Vec<_>>().join(", ")
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
