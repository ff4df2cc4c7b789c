//! The database of the WMS: created from the published schema, opened as an application would.

use anyhow::{Context, Result};
use postgres::{Client, NoTls};
use test_kafka::Postgres;

/// connectors/wms/reference/schema.sql
pub const SCHEMA: &str = include_str!("../../../../connectors/wms/reference/schema.sql");
const CAPTURE: &str = include_str!("../../../../connectors/wms/reference/capture.sql");

/// Name of the database, as connector.json has it.
const NAME: &str = "wms";

/// Where a database of the WMS is.
#[derive(Clone, Debug)]
pub struct Database {
    url: String,
}

impl Database {
    /// A new one with the schema of the reference WMS, empty.
    pub fn create(server: &Postgres) -> Result<Self> {
        let mut maintenance = Client::connect(&format!("{}/postgres", server.url()), NoTls).context("PostgreSQL")?;
        maintenance.batch_execute(&format!("CREATE DATABASE {NAME}")).context("cannot create the database")?;
        let database = Self { url: format!("{}/{NAME}", server.url()) };
        database.connect()?.batch_execute(SCHEMA).context("connectors/wms/reference/schema.sql")?;
        Ok(database)
    }

    /// The role, the grants and the publication that capture needs.
    pub fn prepare_capture(&self) -> Result<()> {
        self.connect()?.batch_execute(CAPTURE).context("connectors/wms/reference/capture.sql")
    }

    /// For `psql`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn connect(&self) -> Result<Client> {
        Client::connect(&self.url, NoTls).with_context(|| format!("cannot connect to {}", self.url))
    }
}
