//! What connectors/wms/reference/ says fits together: schema, mapping, connector and grants.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use connectors::wms::mapping::Mapping;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/wms/reference");

fn text(name: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{name}")).unwrap()
}

/// The tables that mapping.yaml names.
fn mapped() -> BTreeSet<String> {
    let mapping = text("mapping.yaml");
    let names = mapping.lines().filter_map(|line| line.strip_prefix("  public.")?.split(':').next());
    names.map(str::to_owned).collect()
}

#[test]
fn its_mapping_is_accepted() {
    if let Err(errors) = Mapping::parse(&text("mapping.yaml"), "mapping.yaml") {
        panic!("{errors}");
    }
}

#[test]
fn what_is_mapped_is_captured_and_published_and_nothing_else() {
    let mut wanted = mapped();
    assert!(wanted.len() > 10, "{wanted:?}");
    wanted.insert("cdc_heartbeat".to_owned());
    let connector: serde_json::Value = serde_json::from_str(&text("connector.json")).unwrap();
    let included = connector["table.include.list"].as_str().unwrap();
    let included: BTreeSet<String> =
        included.split(',').map(|table| table.strip_prefix("public.").unwrap().to_owned()).collect();
    assert_eq!(included, wanted, "connector.json");
    let grants = text("capture.sql");
    let published = grants.split_once("FOR TABLE").unwrap().1.split(';').next().unwrap();
    let published: BTreeSet<String> = published.split(',').map(|table| table.trim().to_owned()).collect();
    assert_eq!(published, wanted, "capture.sql");
    let schema = text("schema.sql");
    assert!(wanted.iter().all(|table| schema.contains(&format!("CREATE TABLE {table} ("))), "schema.sql");
}
