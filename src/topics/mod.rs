//! Topics as the stages need them: which there are, what they must be like, how to make them, what
//! is wrong with those that are there, and what is on them.
//!
//! Nothing here changes or deletes a topic that exists: what is wrong is told, with what to do.

mod admin;
mod check;
mod create;
pub mod dump;
#[cfg(test)]
pub mod tests;
mod wanted;

pub use admin::{Found, KafkaTopics, NewTopic, TopicAdmin};
pub use check::{Difference, Findings, check};
pub use create::{Made, create};
pub use wanted::{Count, Wanted, sources, wanted};
