//! PostgreSQL → Debezium → Kafka, with the connector as connectors/wms/reference/connector.json has it.

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use test_kafka::{Connect, Postgres};

use crate::Database;

const CONNECTOR: &str = include_str!("../../../../connectors/wms/reference/connector.json");
/// Name of the connector in Connect.
const NAME: &str = "wms";
/// Where every captured table is routed.
pub const TOPIC: &str = "wms.changes";

/// A WMS whose changes go to a Kafka. Dropping it ends and removes all of it.
#[derive(Debug)]
pub struct Chain {
    pub connect: Connect,
    pub database: Database,
    pub postgres: Postgres,
}

impl Chain {
    /// A database with the schema, ready to be captured, and a worker without a connector.
    pub fn start(bootstrap: &str) -> Self {
        let postgres = Postgres::start(None);
        let database = Database::create(&postgres).unwrap_or_else(|e| panic!("{e:#}"));
        database.prepare_capture().unwrap_or_else(|e| panic!("{e:#}"));
        Self { connect: Connect::start(bootstrap, None), database, postgres }
    }

    /// Starts the connector of the reference WMS.
    pub fn capture(&self) {
        self.try_capture().unwrap_or_else(|e| panic!("{e:#}"));
    }

    /// As [`Chain::capture`], for those who can do something about a failure.
    pub fn try_capture(&self) -> Result<()> {
        self.connect.try_configure(NAME, &connector(self.postgres.port(), &[])?)
    }

    /// Starts a connector with other settings than the published ones; an empty value removes one.
    pub fn capture_as(&self, name: &str, settings: &[(&str, &str)]) {
        let config = connector(self.postgres.port(), settings).unwrap_or_else(|e| panic!("{e:#}"));
        self.connect.configure(name, &config);
    }

    /// Stops the worker in order and starts it again.
    pub fn restart(&mut self) {
        self.connect.stop();
        self.resume();
    }

    /// SIGKILL to the worker, and another one: what it did not commit is sent again.
    pub fn crash(&mut self) {
        self.connect.kill();
        self.resume();
    }

    fn resume(&mut self) {
        let running = self.connect.start_again().and_then(|()| self.connect.wait_until_running(NAME));
        running.unwrap_or_else(|e| panic!("{e:#}"));
    }
}

/// The published connector, for a database on this port.
pub(crate) fn connector(port: u16, settings: &[(&str, &str)]) -> Result<String> {
    let mut config: Map<String, Value> = serde_json::from_str(CONNECTOR).context("connector.json")?;
    config.insert("database.port".to_owned(), port.to_string().into());
    for (name, value) in settings {
        if value.is_empty() {
            config.remove(*name);
        } else {
            config.insert((*name).to_owned(), (*value).into());
        }
    }
    Ok(Value::Object(config).to_string())
}
