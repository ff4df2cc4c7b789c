//! Configuration: defaults, then a file, then `QM_SECTION__KEY` variables, then flags.
//!
//! Every key is documented by the comment above its field: `docs/config.md` is made from them. A key
//! nobody knows is refused, with its place and the nearest known one.

mod ingest;
mod keys;
mod layers;
mod notify;
mod process;
mod secret;
mod service;

use std::ffi::OsString;
use std::path::Path;

use figment::Figment;
use figment::providers::Serialized;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use ingest::{IngestSection, InputConfig, InputContent};
pub use keys::reference;
pub use layers::Override;
pub use notify::{ChannelEntry, NotifySection};
pub use process::ProcessSection;
pub use service::{AdminSection, KafkaSection, ServiceSection, StateSection};

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// What the program says about itself, on stderr.
    pub log: LogConfig,
    /// `quartermaster replay`.
    pub replay: ReplayConfig,
    /// The Kafka cluster, for every command that uses one.
    pub kafka: KafkaSection,
    /// Local state of the long-running commands.
    pub state: StateSection,
    /// The admin port of the long-running commands.
    pub admin: AdminSection,
    /// How the long-running commands are named and stopped.
    pub service: ServiceSection,
    /// `quartermaster ingest`.
    pub ingest: IngestSection,
    /// `quartermaster process`.
    pub process: ProcessSection,
    /// `quartermaster notify`.
    pub notify: NotifySection,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogConfig {
    /// How log lines look.
    pub format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace` or `off`, also per module
    /// (`info,processor=debug`).
    pub level: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `human` on a terminal, `json` otherwise.
    #[default]
    Auto,
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReplayConfig {
    /// Partitions to spread the SKUs over. Does not change the alerts. Flag: `--partitions`.
    #[schemars(range(min = 1, max = 1024))]
    pub partitions: i32,
    /// How long timers and windows wait for late events, in milliseconds. Flag: `--grace`.
    #[schemars(range(min = 0, max = 31_622_400_000_i64))]
    pub grace_ms: i64,
    /// Longest input line, in bytes; a longer one is a dead letter and is never held in memory.
    #[schemars(range(min = 1024, max = 67_108_864))]
    pub maximum_line_bytes: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Auto, level: "info".to_owned() }
    }
}

impl Default for ReplayConfig {
    fn default() -> Self {
        Self { partitions: 1, grace_ms: 0, maximum_line_bytes: 1 << 20 }
    }
}

/// Why there is no configuration. One message may hold several lines, one for each fault.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration file {path}")]
    Unreadable { path: String, source: std::io::Error },
    #[error("{path} is neither TOML nor YAML by its extension; name it .toml, .yaml or .yml")]
    UnknownFormat { path: String },
    #[error("the configuration file {path} cannot be parsed: {reason}")]
    Malformed { path: String, reason: String },
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    #[error("wrong value in the configuration: {0}")]
    WrongValue(Box<figment::Error>),
}

impl Config {
    /// The configuration in force. `environment` is usually the process's own.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: Vec<Override>,
    ) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(path) = file {
            figment = figment.merge(layers::file(path)?);
        }
        for layer in layers::environment(environment)? {
            figment = figment.merge(layer);
        }
        for flag in flags {
            figment = figment.merge(layers::flag(flag));
        }
        let config: Self = figment.extract().map_err(|e| ConfigError::WrongValue(Box::new(e)))?;
        let mut faults = keys::out_of_range(&config);
        faults.extend(config.ingest.faults());
        faults.extend(config.notify.policy().err().unwrap_or_default());
        if faults.is_empty() { Ok(config) } else { Err(ConfigError::Refused(faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)], flags: Vec<Override>) -> Result<Config, String> {
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Config::load(None, variables, flags).map_err(|e| e.to_string())
    }

    #[test]
    fn flags_win_over_variables_and_variables_over_defaults() {
        let variables = [("QM_REPLAY__GRACE_MS", "600000"), ("QM_REPLAY__PARTITIONS", "4"), ("PATH", "/bin")];
        let config = load(&variables, vec![Override::new("replay.partitions", 16)]).unwrap();
        assert_eq!((config.replay.grace_ms, config.replay.partitions), (600_000, 16));
        assert_eq!(config.log, LogConfig::default());
    }

    #[test]
    fn a_variable_nobody_knows_is_refused_with_the_nearest_key() {
        let error = load(&[("QM_REPLAY__GRAZE_MS", "1")], Vec::new()).unwrap_err();
        assert!(error.contains("QM_REPLAY__GRAZE_MS") && error.contains("`replay.grace_ms`"), "{error}");
        let single = load(&[("QM_LOG_LEVEL", "debug")], Vec::new()).unwrap_err();
        assert!(single.contains("QM_LOG__LEVEL"), "{single}");
        assert!(load(&[("QM_SERVICE_HOST", "10.0.0.1")], Vec::new()).is_ok(), "names of other things are left alone");
    }

    #[test]
    fn values_are_checked_for_type_and_range() {
        let error = load(&[("QM_REPLAY__PARTITIONS", "many")], Vec::new()).unwrap_err();
        assert!(error.contains("QM_REPLAY__PARTITIONS") && error.contains("replay.partitions"), "{error}");
        let error = load(&[("QM_REPLAY__PARTITIONS", "0")], Vec::new()).unwrap_err();
        assert!(error.contains("replay.partitions") && error.contains("1024"), "{error}");
    }
}
