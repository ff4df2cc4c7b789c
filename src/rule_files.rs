//! Reads rule documents from files; `-` is stdin. What they mean is decided in `rules`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rules::ruleset::{self, RuleDocument};

use crate::cli::is_dash;
use crate::exit::Failure;

/// A rule document, and the text it was read from.
pub struct RuleFile {
    pub document: RuleDocument,
    pub text: String,
}

/// Reads and checks every document. All faults of all files are reported together.
pub fn read(paths: &[PathBuf]) -> Result<Vec<RuleFile>, Failure> {
    let mut files: Vec<RuleFile> = Vec::new();
    let mut faults = Vec::new();
    for path in paths {
        match read_one(path) {
            Ok(file) => {
                let RuleDocument { id, version, .. } = &file.document;
                if files.iter().any(|other| other.document.id == *id && other.document.version == *version) {
                    faults.push(format!("{}: {id}@{version} is given twice; keep one", path.display()));
                }
                files.push(file);
            }
            Err(mut reasons) => faults.append(&mut reasons),
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(Failure::Request(anyhow::anyhow!("{}", faults.join("\n")))) }
}

fn read_one(path: &Path) -> Result<RuleFile, Vec<String>> {
    let name = path.display().to_string();
    let text = if is_dash(path) { io::read_to_string(io::stdin()) } else { fs::read_to_string(path) };
    let text = text.map_err(|e| vec![format!("cannot read the rules file {name}: {e}")])?;
    match ruleset::parse(&name, &text) {
        Ok(document) => Ok(RuleFile { document, text }),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
    }
}
