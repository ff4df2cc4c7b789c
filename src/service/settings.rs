//! What the configuration says about services, of whatever role.

use std::time::Duration;

use super::instance;
use crate::config::Config;
use crate::topics::{self, Wanted};

/// How a service is named, watched, started and stopped.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The bootstrap servers, for messages.
    pub cluster: String,
    /// Worker n of a stage is member `<instance>-<n>` of the stage's group.
    pub instance: String,
    pub keep_membership: bool,
    pub listen: String,
    pub liveness_timeout_ms: i64,
    pub startup_timeout: Duration,
    pub shutdown_timeout: Duration,
    pub call_timeout: Duration,
    /// What topics should be like; a topic that is not among them must exist.
    pub wanted: Vec<Wanted>,
}

impl Settings {
    pub fn new(config: &Config) -> Self {
        let service = &config.service;
        Self {
            cluster: config.kafka.bootstrap_servers.clone(),
            instance: service.instance.clone().unwrap_or_else(instance::of_this_machine),
            keep_membership: !service.leave_on_exit,
            listen: config.admin.listen.clone(),
            liveness_timeout_ms: config.admin.liveness_timeout_ms,
            startup_timeout: Duration::from_millis(config.kafka.startup_timeout_ms),
            shutdown_timeout: Duration::from_millis(service.shutdown_timeout_ms),
            call_timeout: Duration::from_millis(config.kafka.call_timeout_ms),
            wanted: topics::wanted(config),
        }
    }
}
