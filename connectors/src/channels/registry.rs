//! Every type of channel there is, one line each.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Channel, ChannelError, log, webhook};

/// The settings of one channel, as the configuration has them, without those every channel has.
pub type Settings = Map<String, Value>;

/// A type of channel.
#[derive(Clone, Copy, Debug)]
pub struct ChannelType {
    pub name: &'static str,
    /// What it does, for the reference.
    pub summary: &'static str,
    /// Builds one, or says which setting is wrong and what to do.
    pub build: fn(&Settings) -> Result<Arc<dyn Channel>, ChannelError>,
    /// An entry of `[[notify.channels]]` that works once the files it names are there.
    pub example: &'static str,
}

pub static CHANNELS: [ChannelType; 2] = [webhook::TYPE, log::TYPE];

/// Builds a channel of a type.
pub fn build(kind: &str, settings: &Settings) -> Result<Arc<dyn Channel>, ChannelError> {
    let Some(known) = CHANNELS.iter().find(|channel| channel.name == kind) else {
        let names: Vec<&str> = CHANNELS.iter().map(|channel| channel.name).collect();
        return Err(ChannelError(format!("there is no channel of type {kind:?}; there are {}", names.join(", "))));
    };
    (known.build)(settings)
}

/// Reads the settings of a type. Unknown ones are refused with those there are.
pub(super) fn read<T: serde::de::DeserializeOwned>(settings: &Settings) -> Result<T, ChannelError> {
    serde_json::from_value(Value::Object(settings.clone())).map_err(|error| ChannelError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_everything_is_said() {
        for channel in &CHANNELS {
            assert_eq!(CHANNELS.iter().filter(|other| other.name == channel.name).count(), 1, "{}", channel.name);
            assert!(!channel.summary.is_empty());
            assert!(channel.example.contains(&format!("type = \"{}\"", channel.name)), "{}", channel.name);
        }
    }

    #[test]
    fn an_unknown_type_or_setting_is_refused_with_those_there_are() {
        let refused = |kind: &str, settings: &Settings| build(kind, settings).err().map_or_else(String::new, |e| e.0);
        assert!(refused("pigeon", &Settings::new()).contains("webhook, log"));
        let settings = Settings::from_iter([("colour".to_owned(), Value::from("red"))]);
        assert!(refused("log", &settings).contains("colour"));
        assert!(refused("webhook", &settings).contains("colour"));
    }
}
