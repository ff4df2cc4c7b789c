//! Contracts: what travels on the topics and in the files, and nothing else.
//!
//! The lowest floor of the house. It knows record types, keys, topics and codecs; it must never
//! know a decision, a store, a thread or a clock. Units are in the types: [`Quantity`] counts
//! thousandths of a unit, [`Money`] millionths of the deployment's currency, [`Timestamp`]
//! milliseconds since 1970-01-01T00:00:00Z.

#[macro_use]
mod names;

pub mod alert;
pub mod avro;
pub mod canonical;
pub mod catalog;
pub mod change;
mod decimal;
pub mod document;
pub mod dump;
pub mod error;
pub mod event;
pub mod headers;
pub mod money;
pub mod notification;
pub mod partitioner;
pub mod position;
pub mod quantity;
pub mod row;
pub mod stream;
pub mod time;
pub mod topics;
pub mod wall_time;

pub use alert::{Alert, AlertKind, AlertState, Evidence, EvidenceValue, Message, Mode, RuleRef, Severity};
pub use avro::catalogue_of_schemas;
pub use catalog::{CatalogChange, CatalogItem, Location};
pub use change::{ChangeFields, ChangeKind};
pub use decimal::DecimalError;
pub use error::DecodeError;
pub use event::{InventoryEvent, SourcePosition, StockChange};
pub use money::Money;
pub use notification::{DeliveryAttempt, DeliveryError, DeliveryStatus, Notification, NotificationAction};
pub use position::Position;
pub use quantity::Quantity;
pub use time::{Day, TimeError, Timestamp, Zone};
pub use wall_time::WallTime;
