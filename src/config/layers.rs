//! The layers over the defaults, and where each value came from. Unknown keys end here.

use std::ffi::OsString;
use std::path::Path;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::keys::Kind;
use super::{ConfigError, keys};

const PREFIX: &str = "QM_";

/// A flag that stands for a configuration key.
#[derive(Clone, Debug)]
pub struct Override {
    key: &'static str,
    value: Value,
}

impl Override {
    pub fn new(key: &'static str, value: impl Into<Value>) -> Self {
        Self { key, value: value.into() }
    }
}

/// Values, and the name of where they came from.
pub(super) struct Layer {
    origin: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone()).interpolater(|_, keys| keys.join("."))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// The layer of a file, TOML or YAML by its extension.
pub(super) fn file(path: &Path) -> Result<Layer, ConfigError> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: name.clone(), source })?;
    let values = match path.extension().and_then(|e| e.to_str()) {
        Some("toml") => toml::from_str(&text).map_err(|e| e.to_string()),
        // An empty YAML document is null, and means as little as an empty TOML one.
        Some("yaml" | "yml") => serde_saphyr::from_str(&text).map(Option::unwrap_or_default).map_err(|e| e.to_string()),
        _ => return Err(ConfigError::UnknownFormat { path: name }),
    };
    let values: Dict = values.map_err(|reason| ConfigError::Malformed { path: name.clone(), reason })?;
    let faults: Vec<String> = keys::unknown(&values)
        .iter()
        .map(|key| match line_of(&text, key) {
            Some(line) => format!("{name}:{line}: {}", keys::refusal(key)),
            None => format!("{name}: {}", keys::refusal(key)),
        })
        .collect();
    if faults.is_empty() { Ok(Layer { origin: name, values }) } else { Err(ConfigError::Refused(faults)) }
}

/// One layer per variable, so that a wrong value is reported under its own name.
pub(super) fn environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<Layer>, ConfigError> {
    let mut ours: Vec<(String, String)> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, _)| is_ours(name))
        .collect();
    ours.sort();
    let mut layers = Vec::new();
    let mut faults = Vec::new();
    for (name, value) in ours {
        let key = name[PREFIX.len()..].to_lowercase().replace("__", ".");
        match keys::kind(&key).map(|kind| read(kind, &value)) {
            Some(Ok(value)) => {
                layers.push(Layer { origin: format!("environment variable {name}"), values: nest(&key, value) });
            }
            Some(Err(reason)) => faults.push(format!("environment variable {name}: {reason}")),
            None => faults.push(format!("environment variable {name}: {}", keys::refusal(&key))),
        }
    }
    if faults.is_empty() { Ok(layers) } else { Err(ConfigError::Refused(faults)) }
}

/// The value of a variable. A password of digits stays a text.
fn read(kind: Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Text => Ok(text.into()),
        // Infallible: what is no number and no flag is text, and refused under its name later.
        Kind::Scalar => Ok(text.parse().unwrap_or_else(|never| match never {})),
        Kind::Structure => {
            let value: serde_json::Value =
                serde_json::from_str(text).map_err(|error| format!("this key is written as JSON: {error}"))?;
            Value::serialize(value).map_err(|error| error.to_string())
        }
    }
}

/// The layer of one flag.
pub(super) fn flag(flag: Override) -> Layer {
    Layer { origin: "command line".to_owned(), values: nest(flag.key, flag.value) }
}

/// `QM_` is a short prefix, and orchestrators make up variables of their own (`QM_SERVICE_HOST`):
/// ours are those that name a section.
fn is_ours(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let rest = rest.to_lowercase();
    if ["service_host", "service_port"].iter().any(|theirs| rest.starts_with(theirs)) {
        return false;
    }
    rest.contains("__")
        || keys::sections().iter().any(|s| rest.strip_prefix(s.as_str()).is_some_and(|r| r.starts_with('_')))
}

fn nest(key: &str, value: Value) -> Dict {
    figment::util::nest(key, value).into_dict().unwrap_or_default()
}

/// The line a key stands on: the first one, after the lines of the sections above it, that starts
/// with its last part. Good for TOML and YAML as people write them.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let mut lines = text.lines().enumerate();
    let mut found = None;
    for part in key.split('.') {
        found = lines.find(|(_, line)| names(line, part)).map(|(i, _)| i + 1);
    }
    found
}

fn names(line: &str, part: &str) -> bool {
    let line = line.trim_start();
    if let Some(header) = line.strip_prefix('[') {
        return header.trim_start_matches('[').split([']', '.']).any(|p| p.trim() == part);
    }
    line.split(['=', ':'])
        .next()
        .is_some_and(|name| name.trim().trim_matches(['"', '\'']) == part && line.len() > name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_on_its_line_in_both_formats() {
        let toml = "[log]\nlevel = \"info\"\n\n[replay]\n# comment\nlevel = 1\n";
        assert_eq!(line_of(toml, "replay.level"), Some(6));
        assert_eq!(line_of(toml, "log.level"), Some(2));
        let yaml = "log:\n  level: info\nreplay:\n  \"level\": 1\n";
        assert_eq!(line_of(yaml, "replay.level"), Some(4));
        assert_eq!(line_of(yaml, "nowhere"), None);
    }
}
