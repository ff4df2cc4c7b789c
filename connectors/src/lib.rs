//! The edges of the house: the logs behind the ports of `processor`.
//!
//! This crate knows how to talk to the outside and never what to say: no decision, no domain rule
//! and no clock. `memory` is the embedded log, `kafka` is Apache Kafka; `contract` is what every log has
//! to keep; `channels` carry notifications out.

pub mod channels;
pub mod contract;
pub mod kafka;
pub mod memory;
pub mod wms;
