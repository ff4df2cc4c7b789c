//! The embedded log: Kafka's semantics in one process, for the demo, for tests and for simulation.
//!
//! It keeps every promise of `processor::ports` (see `contract`) and nothing survives it. It must
//! never read a clock: time passes when [`MemoryLog::advance_clock`] says so.
//!
//! Memory is bounded by what the topics keep: about 136 bytes a record on top of its key, value
//! and headers (`cargo bench --bench memory_log`). Without [`Retain`] and
//! [`TopicConfig::compact_after`] nothing is ever dropped, as on a broker that keeps all.

mod admin;
mod assignor;
mod by_name;
mod compaction;
mod consumer;
mod fault;
mod group;
mod log;
mod partition;
mod producer;
mod reader;
mod state;
mod topic;
mod transaction;

pub use fault::{Doubt, Fault, FaultPlan, Injected, Operation};
pub use log::{MemoryLog, MemoryLogConfig};
pub use schemas::topics::Cleanup;
pub use topic::{Retain, TopicConfig};
