//! What a service does beside its workers, on tokio: outgoing HTTP, relays, schedules.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Tells a background task that the workers have closed and it is time to end.
#[derive(Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Returns when the task should end.
    pub async fn wait(&mut self) {
        // An error means that the service is gone: as good a reason.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task that runs from the time the topics are checked until the workers have closed.
pub struct Background(Box<dyn FnOnce(Stopping) -> Task + Send>);

impl Background {
    pub fn new<F: Future<Output = ()> + Send + 'static>(task: impl FnOnce(Stopping) -> F + Send + 'static) -> Self {
        Self(Box::new(move |stopping| Box::pin(task(stopping))))
    }
}

/// The tasks that run.
pub(super) struct Running {
    tasks: JoinSet<()>,
    stopping: watch::Sender<bool>,
}

pub(super) fn start(background: Vec<Background>, runtime: &Handle) -> Running {
    let (stopping, told) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for Background(task) in background {
        tasks.spawn_on(task(Stopping(told.clone())), runtime);
    }
    Running { tasks, stopping }
}

impl Running {
    /// Lets the tasks end, and drops those that have not within the limit.
    pub(super) fn finish(mut self, runtime: &Handle, limit: Duration) {
        let _ = self.stopping.send(true);
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a background task failed");
                }
            }
        };
        runtime.block_on(async {
            if tokio::time::timeout(limit, all).await.is_err() {
                tracing::warn!("background tasks did not end in time; dropping them");
            }
        });
    }
}
