//! The real binary's services as child processes, fed and watched from outside: what benchmarks and
//! fault runs have in common. It must never leave a process behind, and never decide what a run is for.

pub mod child;
pub mod clock;
pub mod feed;
pub mod log;
pub mod oracle;
pub mod service;
