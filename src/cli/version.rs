//! `version`: which program this is.

use super::print;
use crate::exit::Outcome;

pub fn run() -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    // Set by whoever builds from a checkout; a build from an archive does not know.
    let revision = option_env!("QUARTERMASTER_REVISION").unwrap_or("unknown");
    print(&format!(
        "quartermaster {version}\nrevision {revision}\ntarget {}-{}\n",
        std::env::consts::ARCH,
        std::env::consts::OS
    ))
}
