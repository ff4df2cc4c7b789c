//! A committed reader at the far end: notes when a record becomes visible.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use connectors::kafka::KafkaLog;
use processor::ports::{Log, LogConsumer, LogError, Polled, RecordView};

use test_services::clock::now;
use test_services::log::CALL;

const POLL: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_mins(1);

/// The name by which a record is awaited, if it is.
pub(crate) type NameOf = fn(&RecordView<'_>) -> Result<Option<String>>;

pub(crate) struct Watcher {
    seen: Receiver<(String, Instant)>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Watcher {
    /// Reads a topic from its present end on; returns when it does.
    pub(crate) fn start(log: &KafkaLog, topic: &'static str, name_of: NameOf) -> Result<Self> {
        let ((tell, seen), (ready, is_ready)) = (channel(), channel());
        let stop = Arc::new(AtomicBool::new(false));
        let (log, stopped) = (log.clone(), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("watch".to_owned());
        let thread = thread
            .spawn(move || Eye { log, topic, name_of, tell, ready }.watch(&stopped))
            .context("cannot start a thread")?;
        let watcher = Self { seen, stop, thread };
        match is_ready.recv_timeout(PATIENCE) {
            Ok(()) => Ok(watcher),
            Err(RecvTimeoutError::Timeout) => bail!("no partitions of {topic} within {} s", PATIENCE.as_secs()),
            Err(RecvTimeoutError::Disconnected) => watcher.close().and(Err(anyhow!("the reader of {topic} ended"))),
        }
    }

    /// The next one seen; `None` when there is none for so long.
    pub(crate) fn next(&self, wait: Duration) -> Option<(String, Instant)> {
        self.seen.recv_timeout(wait).ok()
    }

    pub(crate) fn close(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the reader's thread panicked"))?
    }
}

struct Eye {
    log: KafkaLog,
    topic: &'static str,
    name_of: NameOf,
    tell: Sender<(String, Instant)>,
    ready: Sender<()>,
}

impl Eye {
    fn watch(&self, stop: &AtomicBool) -> Result<()> {
        let mut consumer = self.log.consumer(&format!("quartermaster-bench-{}", self.topic), "bench")?;
        consumer.subscribe(&[self.topic])?;
        while !stop.load(Ordering::Relaxed) {
            if !self.poll(&mut *consumer)? {
                break;
            }
        }
        Ok(consumer.close(false)?)
    }

    /// False when nobody listens any more.
    fn poll(&self, consumer: &mut dyn LogConsumer) -> Result<bool> {
        let assigned = match consumer.poll(1_000, POLL) {
            Ok(Polled::Records(records)) => {
                let at = now();
                for record in records {
                    if let Some(name) = (self.name_of)(&record)?
                        && self.tell.send((name, at)).is_err()
                    {
                        return Ok(false);
                    }
                }
                return Ok(true);
            }
            Ok(Polled::Idle) | Err(LogError::Retriable { .. }) => return Ok(true),
            Ok(Polled::Assigned(partitions)) => partitions,
            Ok(Polled::Revoking(_) | Polled::Lost(_)) => bail!("the reader of {} lost its partitions", self.topic),
            Err(error) => return Err(error.into()),
        };
        let ends = self.log.reader()?.extents(&assigned, CALL)?;
        for (partition, extent) in assigned.iter().zip(ends) {
            consumer.seek(partition, extent.stable)?;
        }
        Ok(self.ready.send(()).is_ok())
    }
}
