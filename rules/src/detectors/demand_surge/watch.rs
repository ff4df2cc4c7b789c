//! When a key wants its next look for a surge although nothing happens. The day's highest score is
//! kept with the open day (`DemandState::note_surge_score`).

use schemas::Timestamp;
use schemas::row::{RowError, RowReader, RowWriter};

/// The next hourly look; none while no window is conspicuous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurgeWatch(Timestamp);

/// No look is due.
const NEVER: Timestamp = Timestamp::MAX;

impl Default for SurgeWatch {
    fn default() -> Self {
        Self(NEVER)
    }
}

impl SurgeWatch {
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        (self.0 != NEVER).then_some(self.0)
    }

    pub(crate) fn set(&mut self, next: Option<Timestamp>) {
        self.0 = next.unwrap_or(NEVER);
    }

    /// Layout: presence byte and instant.
    pub fn encode(&self, w: &mut RowWriter<'_>) {
        w.option(self.next_due(), RowWriter::time);
    }

    pub fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        r.option(RowReader::time).map(|next| Self(next.unwrap_or(NEVER)))
    }
}
