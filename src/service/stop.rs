//! The request to stop, and waiting that ends with it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Once requested, for good.
#[derive(Default)]
pub struct Stop {
    requested: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    pub fn request(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }

    pub fn is_requested(&self) -> bool {
        *self.lock()
    }

    /// Waits so long, or until the request. True when it came.
    pub fn wait(&self, limit: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), limit, |requested| !*requested);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.requested.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
