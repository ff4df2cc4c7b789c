//! Puts the stages together from the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::channels::{Channel, registry};

use super::dispatch::Endpoint;
use crate::config::NotifySection;

/// The channels of the configuration, by name.
pub type Channels = BTreeMap<String, Arc<dyn Channel>>;

/// Builds every channel, or says everything that is wrong with them.
pub fn channels(config: &NotifySection) -> Result<Channels, Vec<String>> {
    let mut channels = Channels::new();
    let mut faults = Vec::new();
    for entry in &config.channels {
        match registry::build(&entry.kind, &entry.settings) {
            Ok(channel) => {
                channels.insert(entry.name.clone(), channel);
            }
            Err(error) => faults.push(format!("`notify.channels`, {:?}: {error}", entry.name)),
        }
    }
    if faults.is_empty() { Ok(channels) } else { Err(faults) }
}

/// What the dispatcher has to know about them.
pub fn endpoints(config: &NotifySection, channels: &Channels) -> BTreeMap<String, Endpoint> {
    let endpoint = |entry: &crate::config::ChannelEntry| {
        let channel = channels.get(&entry.name)?;
        let endpoint = Endpoint {
            kind: channel.kind(),
            idempotent: channel.idempotent(),
            fingerprint: format!("{}#{}", channel.fingerprint(), entry.generation),
            limits: config.limits(entry),
        };
        Some((entry.name.clone(), endpoint))
    };
    config.channels.iter().filter_map(endpoint).collect()
}

#[cfg(test)]
mod tests {
    use connectors::channels::registry::CHANNELS;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct File {
        notify: NotifySection,
    }

    /// The example as it is, but for the secret, which is where a test can put it.
    #[test]
    fn every_example_builds_and_is_in_the_guide() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ops.secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let guide = include_str!("../../../docs/notify.md");
        for kind in &CHANNELS {
            let text = kind.example.replace("/run/secrets/quartermaster/channels", folder.path().to_str().unwrap());
            let mut section = toml::from_str::<File>(&text).unwrap().notify;
            section.routes[0].channels = vec![section.channels[0].name.clone()];
            section.policy().unwrap();
            let channels = channels(&section).unwrap_or_else(|faults| panic!("{faults:?}"));
            let endpoint = &endpoints(&section, &channels)[&section.channels[0].name];
            assert_eq!(endpoint.kind, kind.name);
            assert!(guide.contains(kind.example), "docs/notify.md lacks the example of {}", kind.name);
            assert!(guide.contains(kind.summary), "docs/notify.md lacks the summary of {}", kind.name);
        }
    }

    #[test]
    fn raising_the_generation_makes_another_endpoint() {
        let mut section = NotifySection::default();
        let channels = channels(&section).unwrap();
        let before = endpoints(&section, &channels)["log"].fingerprint.clone();
        section.channels[0].generation += 1;
        assert_ne!(endpoints(&section, &channels)["log"].fingerprint, before);
    }

    #[test]
    fn every_channel_that_cannot_be_built_is_told() {
        let mut section = NotifySection::default();
        section.channels[0].kind = "pigeon".to_owned();
        let second = crate::config::ChannelEntry { kind: "webhook".to_owned(), ..section.channels[0].clone() };
        section.channels.push(second);
        let faults = channels(&section).err().unwrap();
        assert!(faults[0].contains("pigeon") && faults[1].contains("`url`"), "{faults:?}");
    }
}
