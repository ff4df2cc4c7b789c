//! A proxy between Kafka clients and brokers that loses, delays, repeats and forges what it is told to.
//!
//! It reads frames and pairs answers with their requests by correlation id, connection by connection;
//! what no rule is about passes unchanged and in order. Rules can be set and removed while it runs, and
//! it counts what it did. It must never touch a frame on its own account: without rules it is a wire.
//!
//! ```text
//!  client ── request ──▶ rules ──▶ broker        one listener a broker: brokers advertise the
//!         ◀── rules ◀── answer ──                proxy's address (`test_kafka::Options::proxied`)
//! ```

mod connection;
mod forge;
mod frame;
mod proxy;
mod rules;

pub use proxy::{Proxy, Route};
pub use rules::{Action, Direction, Rule, RuleId};

/// The requests that rules are about, by their number in the protocol.
pub mod api {
    pub const PRODUCE: i16 = 0;
    pub const FETCH: i16 = 1;
    pub const METADATA: i16 = 3;
    pub const JOIN_GROUP: i16 = 11;
    pub const HEARTBEAT: i16 = 12;
    pub const SYNC_GROUP: i16 = 14;
    pub const INIT_PRODUCER_ID: i16 = 22;
    pub const ADD_PARTITIONS_TO_TXN: i16 = 24;
    pub const ADD_OFFSETS_TO_TXN: i16 = 25;
    pub const END_TXN: i16 = 26;
    /// Between brokers: a transaction is decided, write it down in the partitions.
    pub const WRITE_TXN_MARKERS: i16 = 27;
    pub const TXN_OFFSET_COMMIT: i16 = 28;
}
