//! `schema`: the contracts of the topics and of mapping files, for whoever reads or writes them.

use clap::Args;

use super::print;
use crate::exit::{Failure, Outcome};

/// Of mapping files, beside the schemas of topics.
const MAPPING: &str = "mapping";

/// List the schemas, or print one: Avro of topics, JSON Schema of mappings
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The schema to print; without one, their names
    name: Option<String>,
}

pub fn run(args: &SchemaArgs) -> Outcome {
    if args.name.as_deref() == Some(MAPPING) {
        return print(&connectors::wms::mapping::schema::text());
    }
    let schemas = schemas::catalogue_of_schemas();
    let names: Vec<&str> = schemas.iter().map(|(name, _)| *name).chain([MAPPING]).collect();
    let Some(wanted) = &args.name else { return print(&(names.join("\n") + "\n")) };
    let Some((_, text)) = schemas.iter().find(|(name, _)| name == wanted) else {
        let reason = format!("there is no schema {wanted:?}; there are {}", names.join(", "));
        return Err(Failure::Request(anyhow::anyhow!(reason)));
    };
    print(&format!("{}\n", text.trim_end()))
}
