//! The source system: feeds the chain's changes steadily, whatever happens to everybody else. It can be
//! paused, and made to speak about one SKU most of the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use connectors::kafka::KafkaLog;
use test_services::clock::{now, sleep, wait_for};
use test_services::feed::{Feeder, Line};

use crate::chain::Chain;
use crate::cluster::STOCK;

const BEAT: Duration = Duration::from_millis(40);
const AGAIN: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(10);
const PAUSE_LIMIT: Duration = Duration::from_mins(2);
const ID: &str = "faults-load";

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    paused: AtomicBool,
    idle: AtomicBool,
    /// Percent of the changes that are about one SKU.
    hot: AtomicU32,
    per_second: AtomicU32,
}

pub(crate) struct Load {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(log: &KafkaLog, seed: u64, per_second: u32) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        shared.per_second.store(per_second, Ordering::Relaxed);
        let (log, of_thread) = (log.clone(), Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("load".to_owned());
        let thread = thread.spawn(move || Source { log, shared: of_thread, chain: Chain::seeded(seed) }.run());
        Ok(Self { shared, thread: Some(thread.context("cannot start a thread")?) })
    }

    /// Returns when nothing is on its way any more.
    pub(crate) fn pause(&self) -> Result<()> {
        self.shared.paused.store(true, Ordering::Release);
        wait_for("the load pauses", PAUSE_LIMIT, LOOK, || Ok(self.shared.idle.load(Ordering::Acquire).then_some(())))
    }

    pub(crate) fn resume(&self) {
        self.shared.paused.store(false, Ordering::Release);
        self.shared.idle.store(false, Ordering::Release);
    }

    pub(crate) fn heat(&self, percent: u32) {
        self.shared.hot.store(percent, Ordering::Relaxed);
    }

    pub(crate) fn set_rate(&self, per_second: u32) {
        self.shared.per_second.store(per_second, Ordering::Relaxed);
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell: what it could not send is not in the log.
            drop(thread.join());
        }
    }
}

struct Source {
    log: KafkaLog,
    shared: Arc<Shared>,
    chain: Chain,
}

impl Source {
    fn run(&mut self) {
        let mut feeder = None;
        while !self.shared.stop.load(Ordering::Acquire) {
            if self.shared.paused.load(Ordering::Acquire) {
                self.shared.idle.store(true, Ordering::Release);
                sleep(LOOK);
                continue;
            }
            let began = now();
            let per_beat = u64::from(self.shared.per_second.load(Ordering::Relaxed)) * BEAT.as_millis() as u64 / 1000;
            let hot = f64::from(self.shared.hot.load(Ordering::Relaxed)) / 100.0;
            let lines: Vec<Line> = (0..per_beat.max(1)).map(|_| self.chain.next(hot)).collect();
            self.send(&mut feeder, &lines);
            sleep(BEAT.saturating_sub(now().duration_since(began)));
        }
    }

    /// Until they are sent, or nobody wants them any more. A source that does not know sends again.
    fn send(&self, feeder: &mut Option<Feeder>, lines: &[Line]) {
        while !self.shared.stop.load(Ordering::Acquire) {
            let sent = match feeder {
                Some(feeder) => feeder.send(STOCK, lines),
                None => match Feeder::open(&self.log, ID) {
                    Ok(opened) => {
                        *feeder = Some(opened);
                        continue;
                    }
                    Err(error) => Err(error),
                },
            };
            if sent.is_ok() {
                return;
            }
            *feeder = None;
            sleep(AGAIN);
        }
    }
}
