//! Who is told what a partition has committed: for metrics. Nothing here decides anything.

use std::sync::Arc;

use schemas::{Alert, Timestamp};

use super::ProcessOutput;

/// Is told of what the stage did. Must be quick: the worker waits.
pub trait Watcher: Send + Sync {
    /// This revision is committed, at this time of the machine.
    fn alert(&self, alert: &Alert, wall: Timestamp);
    /// So many more (or fewer) positions are held.
    fn positions(&self, change: i64);
}

/// One partition's connection to the watcher, if there is one. Takes its positions back when the
/// partition goes.
#[derive(Default)]
pub(super) struct Watched {
    watcher: Option<Arc<dyn Watcher>>,
    positions: i64,
}

impl Watched {
    pub(super) fn by(watcher: Arc<dyn Watcher>) -> Self {
        Self { watcher: Some(watcher), positions: 0 }
    }

    pub(super) fn positions(&mut self, change: i64) {
        if let Some(watcher) = &self.watcher {
            self.positions += change;
            watcher.positions(change);
        }
    }

    pub(super) fn committed(&self, outputs: &[ProcessOutput], wall: Timestamp) {
        let Some(watcher) = &self.watcher else { return };
        for alert in outputs {
            watcher.alert(alert, wall);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.positions(-self.positions);
    }
}
