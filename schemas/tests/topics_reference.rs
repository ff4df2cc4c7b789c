//! `docs/topics.md` says what `schemas/src/topics.rs` says. To write it anew:
//! `WRITE_REFERENCE=1 cargo test -p quartermaster-schemas --test topics_reference`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail their test")]

use std::path::Path;

#[test]
fn the_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/topics.md");
    let expected = schemas::topics::reference_markdown();
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/topics.md is stale: run this test with WRITE_REFERENCE=1");
}
