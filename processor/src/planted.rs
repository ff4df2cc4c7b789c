//! Bugs that are planted to prove that the fault harness finds such (`make faults-proof`).
//!
//! Compiled with the feature `planted-bugs` only, into a program of its own (`quartermaster-planted`) and never
//! into the released one. One is chosen by `QM_PLANTED_BUG`; without it there is none.

use std::sync::OnceLock;

use crate::ports::GroupMetadata;

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Rows go to the store before their transaction commits.
    StoreBeforeCommit,
    /// A restore ends at the last stable offset as found, and goes on from the committed offset without a proof.
    RestoreToStable,
    /// Offsets are sent without the member's generation: nobody can tell a member that was put out.
    NoGeneration,
}

/// Whether this bug is planted.
pub(crate) fn is(bug: Bug) -> bool {
    static PLANTED: OnceLock<Option<Bug>> = OnceLock::new();
    let planted = PLANTED.get_or_init(|| match std::env::var("QM_PLANTED_BUG").ok()?.as_str() {
        "store-before-commit" => Some(Bug::StoreBeforeCommit),
        "restore-to-stable" => Some(Bug::RestoreToStable),
        "no-generation" => Some(Bug::NoGeneration),
        _ => None,
    });
    *planted == Some(bug)
}

/// A member of no generation, as producers without a group send it.
pub(crate) fn nobody(group: &str) -> GroupMetadata {
    GroupMetadata { group: group.to_owned(), member: String::new(), generation: -1, instance: None }
}
