//! One file per stage: each puts a pure core behind the runtime's `Operator`.

pub mod ingest;
pub mod notify;
pub mod process;
pub mod rows;
