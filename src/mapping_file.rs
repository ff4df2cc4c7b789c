//! Mapping files, as the command line and the configuration name them.

use std::path::Path;

use anyhow::anyhow;
use connectors::wms::mapping::Mapping;

use crate::exit::{Failure, Outcome};

/// Reads and checks a mapping; every error comes with its line.
pub fn read(path: &Path) -> Outcome<Mapping> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Request(anyhow!("cannot read the mapping {name}: {error}")))?;
    Mapping::parse(&text, &name).map_err(Failure::request)
}
