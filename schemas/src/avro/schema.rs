//! The schemas in force: text, version, fingerprint.
//!
//! Changing an `.avsc` means a new version: keep the old text and its golden bytes in `golden/`, add
//! the new ones, and give the new fingerprint here. `tests/golden.rs` says what is missing.

/// One version of one schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Name of the `.avsc` file.
    pub name: &'static str,
    pub version: u32,
    /// CRC-64-AVRO of the parsing canonical form, as the specification and Java have it.
    pub fingerprint: u64,
    /// Those of the versions before it, oldest first: a reader may still meet them.
    pub earlier: &'static [u64],
    /// The schema as JSON, with its documentation.
    pub text: &'static str,
}

impl Schema {
    /// The version that has this fingerprint; `None`: no version of this schema.
    #[must_use]
    pub fn version_of(&self, fingerprint: u64) -> Option<u32> {
        if fingerprint == self.fingerprint {
            return Some(self.version);
        }
        (1..).zip(self.earlier).find(|(_, earlier)| **earlier == fingerprint).map(|(version, _)| version)
    }
}

macro_rules! schema {
    ($name:literal, $version:literal, $fingerprint:literal $(, after $($earlier:literal),+)?) => {
        Schema {
            name: $name,
            version: $version,
            fingerprint: $fingerprint,
            earlier: &[$($($earlier),+)?],
            text: include_str!(concat!("../../avsc/", $name, ".avsc")),
        }
    };
}

pub const EVENTS: Schema = schema!("events", 1, 0x5f4d_921b_4188_130a);
pub const CATALOG_ITEM: Schema = schema!("catalog-item", 1, 0xd8db_0229_6821_2b1c);
pub const LOCATION: Schema = schema!("location", 1, 0xf67f_c02d_165f_bbcd);
pub const ACTION: Schema = schema!("action", 1, 0x9ce5_7e7e_48bb_c35d);
pub const POSITION: Schema = schema!("position", 2, 0x9d6b_a687_18f2_5735, after 0x42c1_63ec_3550_4404);
pub const ALERT: Schema = schema!("alert", 1, 0x079b_c740_c48f_008b);
pub const RULE_DOCUMENT: Schema = schema!("rule-document", 1, 0x61db_040b_6d28_1897);
pub const AGGREGATE: Schema = schema!("aggregate", 1, 0x11c8_b976_5d3d_00ca);
pub const JOURNAL: Schema = schema!("journal", 1, 0xfacd_6ed7_a46d_ac96);
pub const NOTIFICATION: Schema = schema!("notification", 1, 0xa2c6_98fb_6391_6573);
pub const DELIVERY_ATTEMPT: Schema = schema!("delivery-attempt", 1, 0xb055_45a5_a8fb_6839);

/// Every schema in force.
pub const SCHEMAS: &[Schema] = &[
    EVENTS,
    CATALOG_ITEM,
    LOCATION,
    ACTION,
    POSITION,
    ALERT,
    RULE_DOCUMENT,
    AGGREGATE,
    JOURNAL,
    NOTIFICATION,
    DELIVERY_ATTEMPT,
];

/// Name and text of every schema in force.
#[must_use]
pub const fn catalogue_of_schemas() -> &'static [(&'static str, &'static str)] {
    const CATALOGUE: &[(&str, &str)] = &[
        (EVENTS.name, EVENTS.text),
        (CATALOG_ITEM.name, CATALOG_ITEM.text),
        (LOCATION.name, LOCATION.text),
        (ACTION.name, ACTION.text),
        (POSITION.name, POSITION.text),
        (ALERT.name, ALERT.text),
        (RULE_DOCUMENT.name, RULE_DOCUMENT.text),
        (AGGREGATE.name, AGGREGATE.text),
        (JOURNAL.name, JOURNAL.text),
        (NOTIFICATION.name, NOTIFICATION.text),
        (DELIVERY_ATTEMPT.name, DELIVERY_ATTEMPT.text),
    ];
    CATALOGUE
}
