//! A service on Kafka, from the configuration.

use connectors::kafka::{KafkaConfig, KafkaLog};
use processor::ports::LogError;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::stores::DiskStores;
use super::{Service, Settings, StageSpec};
use crate::config::{Config, KafkaSection};
use crate::exit::{Failure, Outcome};
use crate::metrics::{ClientMetrics, Metrics};
use crate::topics::KafkaTopics;

impl Service {
    /// On Kafka, with its state on disk. Connects to nothing yet.
    pub fn on_kafka(role: &'static str, config: &Config, metrics: Metrics, stages: Vec<StageSpec>) -> Outcome<Self> {
        let log = open(&config.kafka)?;
        let (figures, told) = (metrics.add(ClientMetrics::new)?, log.clone());
        metrics.refresh_with(move || figures.set(&told.statistics()));
        Ok(Self {
            role,
            settings: Settings::new(config),
            topics: Box::new(KafkaTopics::new(&log).map_err(refused)?),
            stores: Box::new(DiskStores::open(&config.state, &metrics)?),
            log: Arc::new(log),
            stages,
            metrics,
        })
    }
}

/// The log of the configuration. Connects to nothing yet.
pub fn open(section: &KafkaSection) -> Outcome<KafkaLog> {
    KafkaLog::new(kafka_config(section)?).map_err(refused)
}

fn refused(error: LogError) -> Failure {
    Failure::Request(anyhow::Error::new(error).context("[kafka] in the configuration"))
}

fn kafka_config(section: &KafkaSection) -> Outcome<KafkaConfig> {
    let mut config = KafkaConfig::new(&section.bootstrap_servers);
    config.client_id.clone_from(&section.client_id);
    config.session_timeout_ms = section.session_timeout_ms;
    config.transaction_timeout_ms = section.transaction_timeout_ms;
    let named = [
        ("security.protocol", section.security_protocol.clone()),
        ("sasl.mechanism", section.sasl_mechanism.clone()),
        ("sasl.username", section.sasl_username.clone()),
        ("sasl.password", password(section)?),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            config = config.property(name, value);
        }
    }
    Ok(section.properties.iter().fold(config, |config, (name, value)| config.property(name, value)))
}

fn password(section: &KafkaSection) -> Outcome<Option<String>> {
    match &section.sasl_password_file {
        Some(file) => secret_of(file).map(Some),
        None => Ok(section.sasl_password.as_ref().map(|secret| secret.reveal().to_owned())),
    }
}

/// The content of a secret's file, without the newline that editors leave.
fn secret_of(file: &Path) -> Outcome<String> {
    let read = std::fs::read_to_string(file);
    let text = read.with_context(|| format!("cannot read the password file {}", file.display()));
    text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()).map_err(Failure::Request)
}
