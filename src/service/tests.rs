//! Services on the embedded log, with their state on disk and a real admin port.

mod endings;
mod rig;
mod running;
mod state;
