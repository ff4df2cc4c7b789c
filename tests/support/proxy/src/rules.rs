//! What is to go wrong: rules, drawn from a seed, and the count of what they did.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;

/// Which half of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// The broker has not seen the request yet.
    Request,
    /// The broker has done what it was asked.
    Answer,
}

/// What happens to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is swallowed.
    Drop,
    /// It waits, and everything behind it on its connection.
    Delay(Duration),
    /// A request reaches the broker twice; the second answer is swallowed. An answer passes as it is.
    Duplicate,
    /// The client is told this error, for the requests whose answers are simple enough; others pass as they
    /// are. In the direction of requests the broker never hears of it.
    Error(i16),
    /// The connection ends.
    Cut,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Delay(_) => "delay",
            Self::Duplicate => "duplicate",
            Self::Error(_) => "error",
            Self::Cut => "cut",
        }
    }
}

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The number of the request in the protocol; `None`: any.
    pub api: Option<i16>,
    pub direction: Direction,
    pub action: Action,
    /// Only requests that carry this text near their beginning: a transactional id, a member.
    pub about: Option<String>,
    /// Only the broker behind this route, counted from 0.
    pub route: Option<usize>,
    pub probability: f64,
    /// So often; `None`: until it is removed.
    pub times: Option<u64>,
}

impl Rule {
    /// Every time, on every route.
    pub fn new(api: i16, direction: Direction, action: Action) -> Self {
        Self { api: Some(api), direction, action, about: None, route: None, probability: 1.0, times: None }
    }

    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    #[must_use]
    pub fn probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    #[must_use]
    pub fn about(self, text: impl Into<String>) -> Self {
        Self { about: Some(text.into()), ..self }
    }

    #[must_use]
    pub fn on_route(self, route: usize) -> Self {
        Self { route: Some(route), ..self }
    }

    fn is_about(&self, api: i16, direction: Direction, route: usize, beginning: &[u8]) -> bool {
        let carries = |text: &String| beginning.windows(text.len().max(1)).any(|window| window == text.as_bytes());
        self.api.is_none_or(|wanted| wanted == api)
            && self.direction == direction
            && self.route.is_none_or(|wanted| wanted == route)
            && self.about.as_ref().is_none_or(carries)
    }
}

/// A rule that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleId(u64);

struct State {
    rules: BTreeMap<RuleId, Rule>,
    hits: BTreeMap<RuleId, u64>,
    next: u64,
    random: Rng,
    /// Requests that came, by their number and version.
    seen: BTreeMap<(i16, i16), u64>,
    done: BTreeMap<(&'static str, i16), u64>,
}

/// The rules in force, shared by all connections.
pub(crate) struct Rules(Mutex<State>);

impl Rules {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Mutex::new(State {
            rules: BTreeMap::new(),
            hits: BTreeMap::new(),
            next: 0,
            random: Rng::with_seed(seed),
            seen: BTreeMap::new(),
            done: BTreeMap::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, rule: Rule) -> RuleId {
        let mut state = self.state();
        state.next += 1;
        let id = RuleId(state.next);
        state.rules.insert(id, rule);
        id
    }

    pub(crate) fn remove(&self, id: RuleId) {
        self.state().rules.remove(&id);
    }

    pub(crate) fn clear(&self) {
        self.state().rules.clear();
    }

    pub(crate) fn hits(&self, id: RuleId) -> u64 {
        self.state().hits.get(&id).copied().unwrap_or_default()
    }

    pub(crate) fn done(&self) -> BTreeMap<(&'static str, i16), u64> {
        self.state().done.clone()
    }

    pub(crate) fn seen(&self) -> BTreeMap<(i16, i16), u64> {
        self.state().seen.clone()
    }

    pub(crate) fn count_request(&self, api: i16, version: i16) {
        *self.state().seen.entry((api, version)).or_default() += 1;
    }

    /// What happens to this frame: the first rule that is about it and whose dice fall so.
    pub(crate) fn meet(&self, api: i16, direction: Direction, route: usize, beginning: &[u8]) -> Option<Action> {
        let State { rules, hits, random, done, .. } = &mut *self.state();
        let is_met = |rule: &Rule| rule.times != Some(0) && rule.is_about(api, direction, route, beginning);
        let (id, rule) = rules.iter_mut().find(|(_, rule)| is_met(rule) && random.f64() < rule.probability)?;
        rule.times = rule.times.map(|left| left - 1);
        *hits.entry(*id).or_default() += 1;
        *done.entry((rule.action.name(), api)).or_default() += 1;
        Some(rule.action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_meets_what_it_is_about_and_so_often_as_it_says() {
        let rules = Rules::seeded(1);
        let id = rules.set(Rule::new(26, Direction::Answer, Action::Drop).about("process-0").on_route(1).times(1));
        let meet = |api, direction, route, text: &str| rules.meet(api, direction, route, text.as_bytes());
        assert_eq!(meet(26, Direction::Request, 1, "x process-0"), None);
        assert_eq!(meet(26, Direction::Answer, 0, "x process-0"), None);
        assert_eq!(meet(26, Direction::Answer, 1, "x process-1"), None);
        assert_eq!(meet(26, Direction::Answer, 1, "x process-0"), Some(Action::Drop));
        assert_eq!(meet(26, Direction::Answer, 1, "x process-0"), None, "once");
        assert_eq!((rules.hits(id), rules.done()[&("drop", 26)]), (1, 1));
    }

    #[test]
    fn the_same_seed_meets_the_same_frames() {
        let run = |seed| {
            let rules = Rules::seeded(seed);
            rules.set(Rule::new(0, Direction::Request, Action::Cut).probability(0.3));
            (0..50).map(|_| rules.meet(0, Direction::Request, 0, b"").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        assert!(run(7).contains(&true) && run(7).contains(&false));
    }
}
