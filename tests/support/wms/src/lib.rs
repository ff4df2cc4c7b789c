//! The reference WMS as a running system: its database, its change capture, people who work with it,
//! and the truth about its stock by SQL alone. It must never look at the topics of the product: what
//! the stream says is compared by the tests.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot have its WMS has failed"
)]

mod chain;
mod database;
mod truth;
mod workload;

pub use chain::{Chain, TOPIC};
pub use database::{Database, SCHEMA};
pub use postgres::Client;
pub use truth::{Stock, Truth, truth};
pub use workload::{Business, Done};
