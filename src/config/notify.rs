//! The section of `quartermaster notify`: channels, routes, and how often to try.

use rules::escalation::{Limits, Pattern, Policy, RetryPolicy, Route};
use schemars::JsonSchema;
use schemas::{AlertKind, AlertState, Severity};
use serde::{Deserialize, Serialize};

/// What a name may be made of: it is a part of ids, keys and labels.
const NAME: &str = "lower-case letters, digits and `-`, at most 64";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NotifySection {
    /// Worker threads of each of the two stages, routing and dispatch. Flag: `--threads`.
    #[schemars(range(min = 1, max = 64))]
    pub threads: u32,
    /// Longest wait before the second try, in milliseconds; it doubles with every further one. The wait itself is drawn
    /// evenly from zero to that.
    #[schemars(range(min = 100, max = 3_600_000))]
    pub retry_base_ms: i64,
    /// Longest wait between two tries.
    #[schemars(range(min = 100, max = 86_400_000))]
    pub retry_max_ms: i64,
    /// Tries in all before an attempt is given up.
    #[schemars(range(min = 1, max = 1_000))]
    pub retry_tries: u32,
    /// An alert is not told this long after it was written to `inventory.alerts`, whatever is left of its tries. It also
    /// keeps a first start from telling everything that ever happened.
    #[schemars(range(min = 1_000, max = 2_592_000_000_i64))]
    pub expire_ms: i64,
    /// How long an attempt that is over is remembered, to recognise the same order again.
    #[schemars(range(min = 60_000, max = 31_622_400_000_i64))]
    pub remember_ms: i64,
    /// A try that could not begin this long after it was claimed does not begin.
    #[schemars(range(min = 1_000, max = 3_600_000))]
    pub lease_ms: i64,
    /// Failures in a row after which a channel gets a break.
    #[schemars(range(min = 1, max = 1_000))]
    pub breaker_failures: u32,
    /// How long the break is; then one send tries the channel.
    #[schemars(range(min = 100, max = 86_400_000))]
    pub breaker_open_ms: i64,
    /// Where notifications can go.
    pub channels: Vec<ChannelEntry>,
    /// Which alerts go to which channels. An alert takes the first route that fits.
    pub routes: Vec<RouteEntry>,
}

/// One channel. Further settings depend on its type: docs/notify.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelEntry {
    /// What routes, records and metrics call it: lower-case letters, digits and `-`.
    pub name: String,
    /// `webhook` or `log`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Sends a minute; without a value as many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_minute: Option<u32>,
    /// With a rate: sends at once after a pause.
    #[serde(default = "one")]
    pub burst: u32,
    /// Sends under way at once.
    #[serde(default = "eight")]
    pub concurrency: u32,
    /// Raise it to send again to an endpoint that has answered 410 Gone.
    #[serde(default)]
    pub generation: u32,
    /// The settings of its type.
    #[serde(flatten)]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// One route. An empty list fits everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteEntry {
    /// What records call it.
    pub name: String,
    /// Channels it goes to.
    pub channels: Vec<String>,
    /// `low`, `medium`, `high` or `critical`.
    #[serde(default = "low")]
    pub severity_at_least: String,
    /// Kinds of alerts: `low_stock`, `stock_out`, …
    #[serde(default)]
    pub kinds: Vec<String>,
    /// States reached: `opened`, `updated`, `acknowledged`, `resolved`, `expired`, `superseded`.
    #[serde(default)]
    pub states: Vec<String>,
    /// Locations; `STORE-*` fits every one that begins so.
    #[serde(default)]
    pub locations: Vec<String>,
    /// What alerts are about that are not about one SKU; `*` as above.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Ids of rules; `*` as above.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Look at the routes after it too.
    #[serde(default, rename = "continue")]
    pub goes_on: bool,
}

fn one() -> u32 {
    1
}

fn eight() -> u32 {
    8
}

fn low() -> String {
    Severity::Low.name().to_owned()
}

impl Default for NotifySection {
    /// Everything goes to the program's own log.
    fn default() -> Self {
        let log = ChannelEntry {
            name: "log".to_owned(),
            kind: "log".to_owned(),
            rate_per_minute: None,
            burst: one(),
            concurrency: eight(),
            generation: 0,
            settings: serde_json::Map::new(),
        };
        let all = RouteEntry {
            name: "all".to_owned(),
            channels: vec![log.name.clone()],
            severity_at_least: low(),
            kinds: Vec::new(),
            states: Vec::new(),
            locations: Vec::new(),
            scopes: Vec::new(),
            rules: Vec::new(),
            goes_on: false,
        };
        Self {
            threads: 1,
            retry_base_ms: 5_000,
            retry_max_ms: 3_600_000,
            retry_tries: 20,
            expire_ms: 86_400_000,
            remember_ms: 7 * 86_400_000,
            lease_ms: 10_000,
            breaker_failures: 5,
            breaker_open_ms: 30_000,
            channels: vec![log],
            routes: vec![all],
        }
    }
}

impl NotifySection {
    /// The routes, or everything that is wrong with them and with the names of channels.
    pub fn policy(&self) -> Result<Policy, Vec<String>> {
        let mut faults = self.names();
        let mut routes = Vec::new();
        for route in &self.routes {
            match self.route(route) {
                Ok(route) => routes.push(route),
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(Policy { routes }) } else { Err(faults) }
    }

    pub fn retry(&self) -> RetryPolicy {
        RetryPolicy {
            base_ms: self.retry_base_ms,
            max_ms: self.retry_max_ms,
            tries: self.retry_tries,
            expire_ms: self.expire_ms,
        }
    }

    pub fn limits(&self, channel: &ChannelEntry) -> Limits {
        Limits {
            per_minute: channel.rate_per_minute,
            burst: channel.burst,
            concurrent: channel.concurrency,
            breaker_failures: self.breaker_failures,
            breaker_open_ms: self.breaker_open_ms,
        }
    }

    fn names(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (nth, channel) in self.channels.iter().enumerate() {
            let name = &channel.name;
            let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > 64 || !name.chars().all(fine) {
                faults.push(format!("`notify.channels`: the name {name:?} must be {NAME}"));
            }
            if self.channels[..nth].iter().any(|other| other.name == *name) {
                faults.push(format!("`notify.channels`: two channels are called {name:?}"));
            }
            for (key, value) in
                [("rate_per_minute", channel.rate_per_minute), ("concurrency", Some(channel.concurrency))]
            {
                if value == Some(0) {
                    faults.push(format!("`notify.channels`: `{key}` of {name:?} is 0: it would never send"));
                }
            }
        }
        faults
    }

    fn route(&self, entry: &RouteEntry) -> Result<Route, Vec<String>> {
        let mut faults = Vec::new();
        let mut fault = |text: String| faults.push(format!("`notify.routes`, {:?}: {text}", entry.name));
        for channel in &entry.channels {
            if self.channels.iter().all(|known| known.name != *channel) {
                let known: Vec<&str> = self.channels.iter().map(|known| known.name.as_str()).collect();
                fault(format!("there is no channel {channel:?}; there are {}", known.join(", ")));
            }
        }
        if entry.channels.is_empty() {
            fault("it goes to no channel; name one in `channels`".to_owned());
        }
        let kinds = parse(&entry.kinds, AlertKind::from_name, AlertKind::ALL, AlertKind::name, &mut fault);
        let states = parse(&entry.states, AlertState::from_name, AlertState::ALL, AlertState::name, &mut fault);
        let least = std::slice::from_ref(&entry.severity_at_least);
        let severity = parse(least, Severity::from_name, Severity::ALL, Severity::name, &mut fault);
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Route {
            name: entry.name.clone(),
            kinds,
            severity_at_least: severity.first().copied().unwrap_or(Severity::Low),
            states,
            locations: patterns(&entry.locations),
            scopes: patterns(&entry.scopes),
            rules: patterns(&entry.rules),
            channels: entry.channels.clone(),
            goes_on: entry.goes_on,
        })
    }
}

/// Values of their names; a name nobody knows is a fault that says which there are.
fn parse<T: Copy>(
    names: &[String],
    from_name: fn(&str) -> Option<T>,
    all: &[T],
    name_of: fn(T) -> &'static str,
    fault: &mut impl FnMut(String),
) -> Vec<T> {
    let mut values = Vec::new();
    for name in names {
        if let Some(value) = from_name(name) {
            values.push(value);
        } else {
            let known: Vec<&str> = all.iter().map(|value| name_of(*value)).collect();
            fault(format!("there is no {name:?}; there are {}", known.join(", ")));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The section of a file.
    fn section(text: &str) -> NotifySection {
        #[derive(Deserialize)]
        struct File {
            notify: NotifySection,
        }
        toml::from_str::<File>(text).unwrap().notify
    }

    #[test]
    fn by_default_everything_is_logged() {
        let policy = NotifySection::default().policy().unwrap();
        assert_eq!(policy.routes.len(), 1);
        assert_eq!(policy.routes[0].channels, ["log"]);
    }

    #[test]
    fn routes_are_read_with_their_defaults() {
        let text = "[[notify.channels]]\nname = \"ops\"\ntype = \"webhook\"\nurl = \"https://x.example\"\n\
                    [[notify.routes]]\nname = \"urgent\"\nchannels = [\"ops\"]\nseverity_at_least = \"high\"\n\
                    kinds = [\"stock_out\"]\nstates = [\"opened\", \"resolved\"]\nlocations = [\"STORE-*\"]\ncontinue = true\n";
        let section = section(text);
        assert_eq!(section.channels[0].settings["url"], "https://x.example");
        assert_eq!((section.channels[0].concurrency, section.retry_tries), (8, 20));
        let route = section.policy().unwrap().routes.remove(0);
        assert_eq!(route.severity_at_least, Severity::High);
        assert_eq!((route.kinds, route.states.len()), (vec![AlertKind::StockOut], 2));
        assert!(route.goes_on && route.locations[0].fits("STORE-7") && route.scopes.is_empty());
    }

    #[test]
    fn every_fault_is_told_with_what_there_is() {
        let text = "[[notify.channels]]\nname = \"Ops!\"\ntype = \"log\"\nconcurrency = 0\n\
                    [[notify.channels]]\nname = \"Ops!\"\ntype = \"log\"\n\
                    [[notify.routes]]\nname = \"r\"\nchannels = [\"hq\"]\nkinds = [\"stockout\"]\nseverity_at_least = \"worst\"\n\
                    [[notify.routes]]\nname = \"s\"\nchannels = []\nstates = [\"open\"]\n";
        let faults = section(text).policy().unwrap_err();
        let says = |what: &str| faults.iter().any(|fault| fault.contains(what));
        for what in [
            "must be lower-case letters",
            "two channels",
            "`concurrency` of \"Ops!\" is 0",
            "no channel \"hq\"",
            "no \"stockout\"; there are low_stock",
            "no \"worst\"; there are low, medium",
            "goes to no channel",
            "no \"open\"; there are opened",
        ] {
            assert!(says(what), "{what}: {faults:?}");
        }
    }
}
