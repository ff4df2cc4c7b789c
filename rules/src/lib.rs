//! The decision core: what a stock change means, and what to say about it.
//!
//! Pure and synchronous: it must never do I/O, read a clock, use randomness, or let the order of a
//! hash map reach its output. Time comes in with every call. Elementary functions come from `libm`,
//! so that one binary computes the same everywhere.
//!
//! [`state::KeyState`] is all there is to know of one SKU at one location; [`position`] folds stock
//! changes, [`demand`] estimates, [`losses`] tell what goes missing, [`outbound`] what leaves unexplained, [`site`] is what all partitions know of the whole, [`network`] the same item elsewhere, [`threshold`]
//! computes reorder points, [`detectors`] say what is true, [`alerts`] turns that into the life of
//! an alert, [`feeds`] watch who is heard from, [`ruleset`] says which rule applies, [`explain`] tells why, and [`decide`] is the way in. [`escalation`] says whom to
//! tell about an alert.

pub mod alerts;
pub mod class;
mod codec;
pub mod decide;
pub mod demand;
pub mod detectors;
pub mod environment;
pub mod escalation;
pub mod explain;
pub mod feeds;
pub mod item;
pub mod losses;
pub mod network;
pub mod outbound;
pub mod place;
pub mod position;
pub mod ruleset;
pub mod site;
mod special;
pub mod stable_hash;
pub mod state;
pub mod threshold;

#[cfg(test)]
#[path = "../../tests/support/golden.rs"]
mod golden;
