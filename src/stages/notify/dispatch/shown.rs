//! What one partition has shown of its queues and circuits, to be taken back when the partition goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::stages::notify::Observer;

pub(super) struct Shown {
    observer: Arc<dyn Observer>,
    /// By channel: attempts that wait, circuits that are open.
    last: BTreeMap<String, (i64, i64)>,
}

impl Shown {
    pub(super) fn to(observer: Arc<dyn Observer>) -> Self {
        Self { observer, last: BTreeMap::new() }
    }

    pub(super) fn channel(&mut self, name: &str, waiting: i64, open: i64) {
        let last = self.last.get(name).copied().unwrap_or_default();
        if last == (waiting, open) {
            return;
        }
        self.observer.waiting(name, waiting - last.0);
        self.observer.circuits_open(name, open - last.1);
        self.last.insert(name.to_owned(), (waiting, open));
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        for (name, (waiting, open)) in &self.last {
            self.observer.waiting(name, -waiting);
            self.observer.circuits_open(name, -open);
        }
    }
}
