//! Whom to tell about an alert, over which channel, how often to try, and when to stop.
//!
//! Pure, like everything here: an alert and the policy in, orders out; a claim or an outcome in, the
//! next state of the attempt out. Time is an argument, and chance is a hash of the attempt's id, so
//! that a second run decides the same. It must never send anything: what is claimed here is sent
//! elsewhere, after the claim has committed.
//!
//! [`policy`] picks routes, [`told`] remembers who was told about an alert that is still open,
//! [`attempt`] is the life of one attempt, [`retry`] spaces its tries, [`gate`] guards a channel.

pub mod attempt;
pub mod gate;
pub mod ids;
pub mod policy;
pub mod retry;
pub mod told;

pub use attempt::{Attempt, Channel};
pub use gate::{Gate, Limits};
pub use policy::{Pattern, Policy, Route};
pub use retry::RetryPolicy;
pub use told::Told;
