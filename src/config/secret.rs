//! Values that must not be seen: they are read, used, and never shown.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const HIDDEN: &str = "<hidden>";
/// A property whose name holds one of these is a secret.
const SECRET_NAMES: [&str; 5] = ["password", "secret", "token", "pem", "jaas"];

/// A password or key. Neither `config print` nor a log shows it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// Settings of a client by its own names, as texts. Secrets among them are not shown.
#[derive(Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn shown(&self) -> BTreeMap<&str, &str> {
        let secret = |name: &str| SECRET_NAMES.iter().any(|part| name.contains(part));
        self.iter().map(|(name, value)| (name, if secret(name) { HIDDEN } else { value })).collect()
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown().fmt(f)
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.shown().serialize(serializer)
    }
}

/// A value as people write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Flag(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    Table(BTreeMap<String, serde_json::Value>),
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = BTreeMap::<String, Scalar>::deserialize(deserializer)?;
        let text = |(name, value)| match value {
            Scalar::Flag(flag) => Ok((name, flag.to_string())),
            Scalar::Integer(integer) => Ok((name, integer.to_string())),
            Scalar::Number(number) => Ok((name, number.to_string())),
            Scalar::Text(text) => Ok((name, text)),
            Scalar::Table(inner) => {
                let inner = inner.keys().next().cloned().unwrap_or_default();
                let message = format!("a property's name has dots and is quoted in TOML: \"{name}.{inner}…\"");
                Err(serde::de::Error::custom(message))
            }
        };
        values.into_iter().map(text).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_and_never_shown() {
        let secret: Secret = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!(secret.reveal(), "hunter2");
        assert!(!format!("{secret:?}{}", serde_json::to_string(&secret).unwrap()).contains("hunter2"));
    }

    #[test]
    fn properties_take_what_people_write_and_hide_secrets() {
        let text = r#"{"sasl.password":"hunter2","linger.ms":3,"socket.keepalive.enable":true}"#;
        let properties: Properties = serde_json::from_str(text).unwrap();
        let all: Vec<_> = properties.iter().collect();
        assert_eq!(all, [("linger.ms", "3"), ("sasl.password", "hunter2"), ("socket.keepalive.enable", "true")]);
        let shown = format!("{properties:?}{}", serde_json::to_string(&properties).unwrap());
        assert!(!shown.contains("hunter2") && shown.contains("keepalive"), "{shown}");
        let nested =
            serde_json::from_str::<Properties>(r#"{"ssl":{"ca":{"location":"/ca"}}}"#).unwrap_err().to_string();
        assert!(nested.contains("\"ssl.ca…\""), "{nested}");
    }
}
