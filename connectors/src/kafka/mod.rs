//! Apache Kafka behind the ports of `processor`, by librdkafka.
//!
//! It keeps the same promises as the embedded log (see `contract`). It must never wait without a
//! limit, never reset an offset by itself, and never commit an offset outside of a transaction.
//!
//! ```text
//!  KafkaLog ──▶ consumer ── one queue for all partitions ──▶ batches, borrowed      (native/)
//!          ├──▶ producer ── one transactional id, own thread for delivery reports
//!          ├──▶ reader ──── one client an isolation level, a queue a partition
//!          └──▶ admin::Admin
//! ```

pub mod admin;
mod bounded;
mod config;
mod consumer;
mod context;
mod error;
mod log;
mod native;
mod producer;
mod reader;
mod statistics;

pub use config::KafkaConfig;
pub use log::KafkaLog;
pub use statistics::{BrokerStatistics, Statistics};
