//! `notify` on the embedded log: what is ordered, what is sent, and what is recorded.

mod bench;
mod crashes;
mod delivery;
mod executor;
