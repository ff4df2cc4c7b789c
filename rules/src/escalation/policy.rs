//! Routes: which alerts go to which channels.

use schemas::{Alert, AlertKind, AlertState, Mode, Severity};

/// Routes in order. An alert takes the first that fits, and goes on to the next where that one says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub routes: Vec<Route>,
}

/// One route. An empty list fits everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub name: String,
    pub kinds: Vec<AlertKind>,
    pub severity_at_least: Severity,
    pub states: Vec<AlertState>,
    /// An alert without a location fits only an empty list; so with scopes.
    pub locations: Vec<Pattern>,
    pub scopes: Vec<Pattern>,
    /// Ids of rules.
    pub rules: Vec<Pattern>,
    pub channels: Vec<String>,
    /// Later routes are looked at too.
    pub goes_on: bool,
}

/// A name, or the beginning of one followed by `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    open: bool,
}

impl Pattern {
    pub fn new(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(start) => Self { text: start.to_owned(), open: true },
            None => Self { text: text.to_owned(), open: false },
        }
    }

    pub fn fits(&self, name: &str) -> bool {
        if self.open { name.starts_with(&self.text) } else { name == self.text }
    }
}

/// A route that fits, and one of its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination<'p> {
    pub route: &'p str,
    pub channel: &'p str,
}

impl Policy {
    /// Where a revision of an alert goes: every channel at most once, for the first route that names
    /// it. A shadow rule notifies nobody.
    pub fn destinations(&self, alert: &Alert) -> Vec<Destination<'_>> {
        let mut found: Vec<Destination<'_>> = Vec::new();
        if alert.mode == Mode::Shadow {
            return found;
        }
        for route in self.routes.iter().filter(|route| route.fits(alert)) {
            for channel in &route.channels {
                if found.iter().all(|destination| destination.channel != channel) {
                    found.push(Destination { route: &route.name, channel });
                }
            }
            if !route.goes_on {
                break;
            }
        }
        found
    }
}

impl Route {
    pub fn fits(&self, alert: &Alert) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&alert.kind))
            && alert.severity >= self.severity_at_least
            && (self.states.is_empty() || self.states.contains(&alert.state))
            && any_fits(&self.locations, alert.location.as_deref())
            && any_fits(&self.scopes, alert.scope.as_deref())
            && any_fits(&self.rules, Some(&alert.rule.rule))
    }
}

fn any_fits(patterns: &[Pattern], name: Option<&str>) -> bool {
    patterns.is_empty() || name.is_some_and(|name| patterns.iter().any(|pattern| pattern.fits(name)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::told::tests::alert;
    use super::*;

    fn route(name: &str, channels: &[&str]) -> Route {
        Route {
            name: name.to_owned(),
            kinds: Vec::new(),
            severity_at_least: Severity::Low,
            states: Vec::new(),
            locations: Vec::new(),
            scopes: Vec::new(),
            rules: Vec::new(),
            channels: channels.iter().map(|c| (*c).to_owned()).collect(),
            goes_on: false,
        }
    }

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::new(text)).collect()
    }

    /// Who is told, as `route>channel`.
    fn told(routes: Vec<Route>, alert: &Alert) -> Vec<String> {
        let policy = Policy { routes };
        policy.destinations(alert).iter().map(|d| format!("{}>{}", d.route, d.channel)).collect()
    }

    #[test]
    fn a_route_fits_by_everything_an_alert_says_about_itself() {
        let base = alert(1, AlertState::Opened, Severity::High);
        let cases: [(&str, Route, bool); 12] = [
            ("nothing asked", route("r", &["c"]), true),
            ("kind", Route { kinds: vec![AlertKind::StockOut], ..route("r", &["c"]) }, true),
            ("other kind", Route { kinds: vec![AlertKind::LowStock], ..route("r", &["c"]) }, false),
            ("severity", Route { severity_at_least: Severity::High, ..route("r", &["c"]) }, true),
            ("too mild", Route { severity_at_least: Severity::Critical, ..route("r", &["c"]) }, false),
            ("state", Route { states: vec![AlertState::Resolved, AlertState::Opened], ..route("r", &["c"]) }, true),
            ("other state", Route { states: vec![AlertState::Resolved], ..route("r", &["c"]) }, false),
            ("location", Route { locations: patterns(&["STORE-7"]), ..route("r", &["c"]) }, true),
            ("locations", Route { locations: patterns(&["WH-*", "STORE-*"]), ..route("r", &["c"]) }, true),
            ("other location", Route { locations: patterns(&["STORE-"]), ..route("r", &["c"]) }, false),
            ("no scope", Route { scopes: patterns(&["*"]), ..route("r", &["c"]) }, false),
            ("rule", Route { rules: patterns(&["empty"]), ..route("r", &["c"]) }, true),
        ];
        for (what, route, fits) in cases {
            assert_eq!(route.fits(&base), fits, "{what}");
        }
    }

    #[test]
    fn the_first_route_that_fits_decides_unless_it_goes_on() {
        let alert = alert(1, AlertState::Opened, Severity::High);
        let first = route("first", &["a", "b"]);
        let going_on = Route { goes_on: true, ..first.clone() };
        let second = route("second", &["b", "c"]);
        assert_eq!(told(vec![first, second.clone()], &alert), ["first>a", "first>b"]);
        assert_eq!(told(vec![going_on, second], &alert), ["first>a", "first>b", "second>c"]);
    }

    #[test]
    fn a_shadow_alert_is_told_to_nobody() {
        let mut alert = alert(1, AlertState::Opened, Severity::Critical);
        alert.mode = Mode::Shadow;
        assert!(told(vec![route("all", &["a"])], &alert).is_empty());
    }

    fn any_route() -> impl Strategy<Value = Route> {
        let names = prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..4);
        let kinds = prop::sample::subsequence(AlertKind::ALL.to_vec(), 0..4);
        (names, kinds, 0..Severity::ALL.len(), any::<bool>()).prop_map(|(channels, kinds, severity, goes_on)| Route {
            kinds,
            severity_at_least: Severity::ALL[severity],
            goes_on,
            ..route("r", &channels)
        })
    }

    proptest! {
        #[test]
        fn a_channel_is_told_once_and_only_by_a_route_that_fits(
            routes in prop::collection::vec(any_route(), 0..6), severity in 0..4_usize, shadow: bool,
        ) {
            let mut alert = alert(1, AlertState::Opened, Severity::ALL[severity]);
            if shadow {
                alert.mode = Mode::Shadow;
            }
            let policy = Policy { routes };
            let found = policy.destinations(&alert);
            let mut channels: Vec<&str> = found.iter().map(|d| d.channel).collect();
            channels.sort_unstable();
            channels.dedup();
            prop_assert_eq!(channels.len(), found.len());
            prop_assert!(!shadow || found.is_empty());
            for destination in &found {
                let names = |r: &Route| r.fits(&alert) && r.channels.iter().any(|c| c == destination.channel);
                prop_assert!(policy.routes.iter().any(names));
            }
            // Worse is never told to fewer, where every route goes on.
            let all = Policy { routes: policy.routes.iter().cloned().map(|r| Route { goes_on: true, ..r }).collect() };
            let milder = all.destinations(&alert).len();
            alert.severity = Severity::Critical;
            prop_assert!(all.destinations(&alert).len() >= milder);
        }
    }
}
