//! Deterministic identities: the same facts give the same ids on every machine and in every replay.

use std::borrow::Cow;

use schemas::{AlertKind, Mode, RuleRef, Timestamp};
use uuid::Uuid;

use crate::decide::Key;

/// Namespace of alert ids. Part of the contract: changing it renames every alert.
const ALERTS: Uuid = Uuid::from_u128(0x6f0b_5f0e_3c58_5d27_9f34_5a0d_1c6e_7b21);
/// Namespace of episode ids.
const EPISODES: Uuid = Uuid::from_u128(0x1d9a_44c2_8e07_5b63_a2f1_07c4_94d8_e35c);

/// UUIDv5 of `kind|document#rule|mode|sku|location|opened_at`, `opened_at` in RFC 3339 seconds. A `|` or `\` in
/// SKU or location is written `\|` or `\\`, so that no two keys share a name. The version of the document is
/// no part of it: an edited rule keeps its alerts.
pub(super) fn alert_id(kind: AlertKind, rule: &RuleRef, mode: Mode, key: Key<'_>, opened_at: Timestamp) -> Uuid {
    let (sku, location) = (escaped(key.sku), escaped(key.location));
    let name = format!("{}|{}#{}|{}|{sku}|{location}|{opened_at}", kind.name(), rule.document, rule.rule, mode.name());
    Uuid::new_v5(&ALERTS, name.as_bytes())
}

fn escaped(name: &str) -> Cow<'_, str> {
    if name.contains(['|', '\\']) { name.replace('\\', r"\\").replace('|', r"\|").into() } else { name.into() }
}

/// An episode is named after the alert that began it.
pub(super) fn episode_id(first: Uuid) -> Uuid {
    Uuid::new_v5(&EPISODES, first.as_bytes())
}
