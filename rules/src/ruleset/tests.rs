//! Documents in, errors or decisions out.

mod errors;
mod precedence;
mod reference;
