//! Stream time: the minimum over the clocks of all live source partitions. Advances by data only.

use schemas::Timestamp;
use schemas::stream::{SourceSilence, Watermark};
use schemas::time::DAY_MS;

use crate::operator::{Rejection, TimeSignal};

/// An event further ahead of its source's clock than this is impossible.
const AHEAD_LIMIT_MS: i64 = DAY_MS;
/// A source clock that jumps further than this is impossible.
const JUMP_LIMIT_MS: i64 = 366 * DAY_MS;
/// 2000-01-01T00:00:00Z: nothing in a warehouse is older.
pub const DEFAULT_FLOOR: Timestamp = Timestamp::from_millis(946_684_800_000);

/// The clock of one source partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceClock {
    pub(crate) source: String,
    pub(crate) source_partition: i32,
    /// `None`: announced by a watermark of its source, not heard of yet. Stream time waits for it.
    pub(crate) time: Option<Timestamp>,
    /// Taken out of the minimum by a `SourceSilence`, until its next record.
    pub(crate) silent: bool,
    pub(crate) grace_ms: i64,
}

/// The clocks of all sources one partition has heard of.
#[derive(Clone, Debug)]
pub struct SourceClocks {
    clocks: Vec<SourceClock>,
    stream_time: Timestamp,
    grace_ms: i64,
    floor: Timestamp,
}

impl SourceClocks {
    /// `grace_ms` holds until a watermark says otherwise.
    pub fn new(grace_ms: i64, floor: Timestamp) -> Self {
        Self { clocks: Vec::new(), stream_time: Timestamp::MIN, grace_ms, floor }
    }

    pub(crate) fn restore(&mut self, clocks: Vec<SourceClock>, stream_time: Timestamp, grace_ms: i64) {
        self.clocks = clocks;
        self.stream_time = stream_time;
        self.grace_ms = grace_ms;
    }

    pub(crate) fn clocks(&self) -> &[SourceClock] {
        &self.clocks
    }

    /// Never goes back. [`Timestamp::MIN`] before the first record.
    pub fn stream_time(&self) -> Timestamp {
        self.stream_time
    }

    /// How long timers wait for stragglers after their due time.
    pub fn grace_ms(&self) -> i64 {
        self.grace_ms
    }

    /// Takes in what a record says about time. A record with an impossible time changes nothing.
    pub fn observe(&mut self, signal: TimeSignal<'_>) -> Result<(), Rejection> {
        match signal {
            TimeSignal::None => return Ok(()),
            TimeSignal::Event { source, source_partition, source_time, occurred_at } => {
                self.observe_event(source, source_partition, source_time, occurred_at)?;
            }
            TimeSignal::Watermark(w) => self.observe_watermark(w)?,
            TimeSignal::Silence(s) => self.observe_silence(s),
        }
        self.recompute();
        Ok(())
    }

    fn observe_event(
        &mut self,
        source: &str,
        source_partition: i32,
        source_time: Timestamp,
        occurred_at: Timestamp,
    ) -> Result<(), Rejection> {
        let known = self.find(source, source_partition).and_then(|i| self.clocks[i].time);
        self.check_jump(source, known, source_time)?;
        let clock = known.map_or(source_time, |t| t.max(source_time));
        if occurred_at < self.floor {
            return Err(Rejection::new(
                "time_out_of_range",
                format!("occurred_at {occurred_at} is before the floor {}; correct the source's clock", self.floor),
            ));
        }
        if occurred_at.since(clock) > AHEAD_LIMIT_MS {
            return Err(Rejection::new(
                "time_out_of_range",
                format!("occurred_at {occurred_at} is more than a day ahead of its source's clock {clock}"),
            ));
        }
        self.advance(source, source_partition, clock);
        Ok(())
    }

    fn check_jump(&self, source: &str, known: Option<Timestamp>, to: Timestamp) -> Result<(), Rejection> {
        if to < self.floor {
            return Err(Rejection::new(
                "time_out_of_range",
                format!("the clock of source `{source}` says {to}, before the floor {}", self.floor),
            ));
        }
        match known {
            Some(t) if to.since(t) > JUMP_LIMIT_MS => Err(Rejection::new(
                "time_out_of_range",
                format!("the clock of source `{source}` would jump from {t} to {to}, more than 366 days"),
            )),
            _ => Ok(()),
        }
    }

    fn observe_watermark(&mut self, w: &Watermark) -> Result<(), Rejection> {
        let known = self.find(&w.source, w.source_partition).and_then(|i| self.clocks[i].time);
        self.check_jump(&w.source, known, w.event_time)?;
        for partition in &w.partitions {
            self.entry(&w.source, *partition);
        }
        self.advance(&w.source, w.source_partition, w.event_time);
        for clock in self.clocks.iter_mut().filter(|c| c.source == w.source) {
            clock.grace_ms = w.grace_ms;
        }
        self.grace_ms = self.clocks.iter().map(|c| c.grace_ms).max().unwrap_or(self.grace_ms);
        Ok(())
    }

    fn observe_silence(&mut self, s: &SourceSilence) {
        let i = self.entry(&s.source, s.source_partition);
        self.clocks[i].silent = true;
    }

    fn advance(&mut self, source: &str, source_partition: i32, to: Timestamp) {
        let i = self.entry(source, source_partition);
        let clock = &mut self.clocks[i];
        clock.time = Some(clock.time.map_or(to, |t| t.max(to)));
        clock.silent = false;
    }

    fn find(&self, source: &str, source_partition: i32) -> Option<usize> {
        self.clocks.iter().position(|c| c.source_partition == source_partition && c.source == source)
    }

    fn entry(&mut self, source: &str, source_partition: i32) -> usize {
        self.find(source, source_partition).unwrap_or_else(|| {
            self.clocks.push(SourceClock {
                source: source.to_owned(),
                source_partition,
                time: None,
                silent: false,
                grace_ms: self.grace_ms,
            });
            self.clocks.len() - 1
        })
    }

    /// Takes no step back, whatever a clock says (invariant I10).
    fn recompute(&mut self) {
        let live = self.clocks.iter().filter(|c| !c.silent).map(|c| c.time.unwrap_or(Timestamp::MIN)).min();
        if let Some(minimum) = live {
            self.stream_time = self.stream_time.max(minimum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::time::MINUTE_MS;

    fn at(minutes: i64) -> Timestamp {
        DEFAULT_FLOOR.plus_ms(minutes * MINUTE_MS)
    }

    fn watermark(partition: i32, time: Timestamp, partitions: &[i32]) -> Watermark {
        Watermark {
            source: "wms".into(),
            source_partition: partition,
            event_time: time,
            grace_ms: 600_000,
            partitions: partitions.to_vec(),
        }
    }

    fn event(partition: i32, source_time: Timestamp, occurred_at: Timestamp) -> TimeSignal<'static> {
        TimeSignal::Event { source: "wms", source_partition: partition, source_time, occurred_at }
    }

    #[test]
    fn stream_time_is_the_minimum_over_announced_partitions() {
        let mut clocks = SourceClocks::new(0, DEFAULT_FLOOR);
        clocks.observe(TimeSignal::Watermark(&watermark(0, at(10), &[0, 1]))).unwrap();
        assert_eq!(clocks.stream_time(), Timestamp::MIN);
        clocks.observe(event(1, at(4), at(3))).unwrap();
        assert_eq!(clocks.stream_time(), at(4));
        assert_eq!(clocks.grace_ms(), 600_000);
    }

    /// Asserts invariant I10.
    #[test]
    fn a_silent_partition_does_not_hold_time_back_until_it_speaks_again() {
        let mut clocks = SourceClocks::new(0, DEFAULT_FLOOR);
        clocks.observe(event(0, at(10), at(10))).unwrap();
        clocks.observe(event(1, at(20), at(20))).unwrap();
        let silence =
            SourceSilence { source: "wms".into(), source_partition: 0, last_event_time: None, observed_at: at(60) };
        clocks.observe(TimeSignal::Silence(&silence)).unwrap();
        assert_eq!(clocks.stream_time(), at(20));
        clocks.observe(event(0, at(12), at(12))).unwrap();
        assert_eq!(clocks.stream_time(), at(20), "stream time never goes back");
        clocks.observe(event(1, at(40), at(40))).unwrap();
        assert_eq!(clocks.stream_time(), at(20), "the live partition at 12 holds it again");
    }

    #[test]
    fn impossible_times_are_refused_and_change_nothing() {
        let mut clocks = SourceClocks::new(0, DEFAULT_FLOOR);
        clocks.observe(event(0, at(10), at(10))).unwrap();
        for bad in [
            event(0, at(20), at(20).plus_ms(DAY_MS + 1)),
            event(0, at(20), Timestamp::from_millis(0)),
            event(0, at(20).plus_ms(JUMP_LIMIT_MS), at(20)),
        ] {
            assert_eq!(clocks.observe(bad).unwrap_err().class, "time_out_of_range");
            assert_eq!(clocks.stream_time(), at(10));
        }
    }
}
