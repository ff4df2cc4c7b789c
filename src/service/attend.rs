//! One worker thread: opens its worker, turns its loop, closes it; and opens it again when the log
//! has let it down.

use std::sync::Arc;
use std::time::Duration;

use processor::ports::{Log, LogError};
use processor::runtime::{Clock, RuntimeError, Standing};

use super::StoreOpener;
use super::board::{Seat, State};
use super::spec::{Member, MemberParts, StageSpec};
use super::stop::Stop;
use super::verdict::{self, Verdict};
use crate::exit::Outcome;
use crate::metrics::Metrics;

/// Longest wait of one turn with nothing to do: how late a stop is noticed, at most.
const IDLE_WAIT: Duration = Duration::from_millis(100);
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// How often a thread that waits shows that it is alive.
const BEAT: Duration = Duration::from_secs(1);
/// For so many polls a fenced worker asks its group whether it was displaced; a member hears of it with its next
/// heartbeat, every three seconds.
const DISPLACEMENT_POLLS: u32 = 10;
const DISPLACEMENT_WAIT: Duration = Duration::from_millis(500);

/// A group whose coordinator fails over may take a member's own repeated request for another member's: a member that
/// was displaced once joins again. Where there really is another process, one of them is displaced again at once.
const DISPLACED_AGAIN_MS: i64 = 120_000;

/// What a thread works with.
pub(super) struct Desk {
    pub(super) spec: Arc<StageSpec>,
    /// `process-0`
    pub(super) name: String,
    pub(super) instance: String,
    pub(super) keep_membership: bool,
    pub(super) log: Arc<dyn Log>,
    pub(super) stores: StoreOpener,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    pub(super) seat: Arc<Seat>,
    pub(super) stop: Arc<Stop>,
}

impl Desk {
    /// Works until the service stops, or until it cannot go on.
    pub(super) fn work(&self) -> Outcome {
        let (mut backoff, mut displaced_ms) = (FIRST_BACKOFF, None);
        while !self.stop.is_requested() {
            let error = match self.one_life(&mut backoff) {
                Ok(()) => break,
                Err(error) => error,
            };
            if verdict::of(&error) != Verdict::Reopen && !self.was_a_ghost(&error, &mut displaced_ms) {
                return Err(verdict::failure(&self.name, error));
            }
            let wait_ms = backoff.as_millis() as u64;
            tracing::warn!(worker = %self.name, %error, wait_ms, "the worker failed; it is opened again");
            self.metrics.service.restarted(&self.spec.config.stage);
            self.seat.report(State::Waiting { why: error.to_string() });
            self.wait(backoff);
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
        Ok(())
    }

    /// Displaced for the first time in a while.
    fn was_a_ghost(&self, error: &RuntimeError, displaced_ms: &mut Option<i64>) -> bool {
        if !matches!(error, RuntimeError::Displaced { .. }) {
            return false;
        }
        let now_ms = self.clock.monotonic_ms();
        let before_ms = displaced_ms.replace(now_ms);
        before_ms.is_none_or(|before_ms| now_ms - before_ms > DISPLACED_AGAIN_MS)
    }

    /// From opening to closing.
    fn one_life(&self, backoff: &mut Duration) -> Result<(), RuntimeError> {
        self.seat.report(State::Opening);
        let mut member = self.spec.open(self.parts())?;
        if let Err(error) = self.turn(&mut *member, backoff) {
            return Err(self.displaced(&mut *member, &error).unwrap_or(error));
        }
        self.close(member)
    }

    fn parts(&self) -> MemberParts {
        let (stage, topic) = (&self.spec.config.stage, &self.spec.config.topics.input);
        MemberParts {
            instance: self.instance.clone(),
            log: self.log.clone(),
            stores: (self.stores)(),
            clock: self.clock.clone(),
            observer: self.spec.watched(Arc::new(self.metrics.stage.observer(stage, topic, self.clock.clone()))),
        }
    }

    fn turn(&self, member: &mut dyn Member, backoff: &mut Duration) -> Result<(), RuntimeError> {
        let mut standing = Standing::Joining;
        self.seat.report(State::Working(standing.clone()));
        while !self.stop.is_requested() {
            member.step(IDLE_WAIT)?;
            self.seat.beat();
            let now = member.standing();
            if now != standing {
                standing = now;
                self.seat.report(State::Working(standing.clone()));
            }
            // A worker that has all its partitions is as good as new.
            if standing == Standing::Ready {
                *backoff = FIRST_BACKOFF;
            }
        }
        Ok(())
    }

    /// A fenced producer may have been fenced by its own late transaction, or by another process.
    fn displaced(&self, member: &mut dyn Member, error: &RuntimeError) -> Option<RuntimeError> {
        if !matches!(error, RuntimeError::Log(LogError::Fenced { .. })) {
            return None;
        }
        (0..DISPLACEMENT_POLLS).find_map(|_| {
            self.seat.beat();
            member.displaced(DISPLACEMENT_WAIT)
        })
    }

    /// Nothing is lost when it fails: the next owner restores what was committed.
    fn close(&self, member: Box<dyn Member>) -> Result<(), RuntimeError> {
        let closed = member.close(self.keep_membership);
        if let Err(error) = &closed {
            tracing::warn!(worker = %self.name, %error, "closed without committing the last records; they are read again");
        }
        closed.or_else(|error| match error {
            RuntimeError::Log(_) => Ok(()),
            other => Err(other),
        })
    }

    fn wait(&self, backoff: Duration) {
        let mut left = backoff;
        while !left.is_zero() && !self.stop.wait(left.min(BEAT)) {
            left = left.saturating_sub(BEAT);
            self.seat.beat();
        }
    }
}
