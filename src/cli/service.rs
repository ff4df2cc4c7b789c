//! Flags that every long-running command has.

use std::path::PathBuf;

use clap::Args;

use crate::config::Override;

#[derive(Debug, Args)]
pub struct ServiceArgs {
    /// Kafka brokers to find the others through [config: kafka.bootstrap_servers]
    #[arg(long, value_name = "HOST:PORT,…")]
    bootstrap_servers: Option<String>,
    /// Name of this instance among its like, the same after a restart [config: service.instance]
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// Directory of the local state [config: state.directory]
    #[arg(long, value_name = "DIRECTORY")]
    state: Option<PathBuf>,
    /// Where /livez, /readyz and /metrics are served [config: admin.listen]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Give the partitions up at the end, for scaling down [config: service.leave_on_exit]
    #[arg(long)]
    leave_on_exit: bool,
}

impl ServiceArgs {
    /// The flags that stand for a configuration key.
    pub fn overrides(&self) -> Vec<Override> {
        let text = |key, value: &Option<String>| value.as_ref().map(|value| Override::new(key, value.as_str()));
        let state = self.state.as_ref().map(|path| Override::new("state.directory", path.to_string_lossy().as_ref()));
        [
            text("kafka.bootstrap_servers", &self.bootstrap_servers),
            text("service.instance", &self.instance),
            text("admin.listen", &self.listen),
            state,
            self.leave_on_exit.then(|| Override::new("service.leave_on_exit", true)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
