//! The stream runtime: turns a pure [`Operator`](operator::Operator) into a scalable, restartable
//! stage with exactly-once effects. Ignorant of inventory, of Kafka and of every clock but the one
//! it is handed.

pub mod epochs;
pub mod operator;
#[cfg(feature = "planted-bugs")]
mod planted;
pub mod ports;
pub mod replay;
pub mod restore;
pub mod runtime;
pub mod source_clock;
pub mod store;
pub mod table;
pub mod task;
mod timers;

#[cfg(test)]
#[path = "../../tests/support/golden.rs"]
mod golden;
