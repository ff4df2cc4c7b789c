//! `version`: which program this is.

use super::print;
use crate::exit::Outcome;

/// Of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Set by whoever builds from a checkout; a build from an archive does not know.
pub const REVISION: &str = match option_env!("QUARTERMASTER_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

pub fn run() -> Outcome {
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    print(&format!("quartermaster {VERSION}\nrevision {REVISION}\ntarget {arch}-{os}\n"))
}
