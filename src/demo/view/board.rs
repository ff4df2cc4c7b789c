//! What is on the board: the pipeline's messages folded into what is shown. Pure, no terminal.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

use schemas::{Alert, AlertKind, AlertState, Position, Timestamp};

use crate::demo::{
    Clock, DemoEvent, Language,
    score::catches,
    wms::{LIVE_FROM, Planted, Wms},
};

/// Alerts kept for display.
const RECENT_ALERTS: usize = 200;
/// Slower keys are never among the hottest.
const HOT_UNITS_PER_DAY: f64 = 0.5;
/// The shown rate is that of at least this long: batches come in bursts.
const RATE_WINDOW_S: f64 = 1.0;

/// The people's names of SKUs and locations: English, Chinese.
#[derive(Clone, Debug, Default)]
pub struct Directory(BTreeMap<String, (String, String)>);

/// Everything the view knows.
#[derive(Debug)]
pub struct Board {
    pub language: Language,
    directory: Directory,
    span: Range<Timestamp>,
    pub clock: Option<Clock>,
    pub events_per_s: f64,
    rate_since: Option<Clock>,
    positions: BTreeMap<(String, String), Position<'static>>,
    recent: VecDeque<Line>,
    opened: Vec<Alert>,
    /// In history nobody is waiting for alerts: they are counted, not shown.
    pub opened_in_history: usize,
    planted: Vec<(Planted, bool)>,
}

/// One alert as it is shown.
#[derive(Clone, Debug)]
pub struct Line {
    pub alert: Alert,
    /// The planted problem it caught, if any.
    pub caught: Option<String>,
}

impl Directory {
    #[must_use]
    pub fn of(wms: &Wms) -> Self {
        let items = wms.catalog().map(|item| (item.sku.clone(), item.name.clone(), item.name_zh.clone()));
        let places = wms.locations().map(|place| (place.location.clone(), place.name.clone(), place.name_zh.clone()));
        let entries = items.chain(places).map(|(code, en, zh)| {
            let en = en.unwrap_or_else(|| code.clone());
            let zh = zh.unwrap_or_else(|| en.clone());
            (code, (en, zh))
        });
        Self(entries.collect())
    }

    /// The name of a code, or the code.
    pub fn name<'a>(&'a self, code: &'a str, language: Language) -> &'a str {
        self.0.get(code).map_or(code, |(en, zh)| language.pick((en.as_str(), zh.as_str())))
    }
}

impl Board {
    #[must_use]
    pub fn new(directory: Directory, language: Language, planted: Vec<Planted>, span: Range<Timestamp>) -> Self {
        Self {
            language,
            directory,
            span,
            clock: None,
            events_per_s: 0.0,
            rate_since: None,
            positions: BTreeMap::new(),
            recent: VecDeque::new(),
            opened: Vec::new(),
            opened_in_history: 0,
            planted: planted.into_iter().map(|problem| (problem, false)).collect(),
        }
    }

    /// Takes in one message; the line of an alert that is to be shown.
    pub fn apply(&mut self, event: DemoEvent) -> Option<&Line> {
        match event {
            DemoEvent::Clock(clock) => self.set_clock(clock),
            DemoEvent::Position(position) => {
                let key = (position.sku.to_string(), position.location.to_string());
                self.positions.insert(key, *position);
            }
            DemoEvent::Alert(alert) if alert.state == AlertState::Opened => return self.open(*alert),
            DemoEvent::Alert(_) | DemoEvent::Finished => {}
        }
        None
    }

    fn set_clock(&mut self, clock: Clock) {
        let since = *self.rate_since.get_or_insert(clock);
        let seconds = clock.elapsed.saturating_sub(since.elapsed).as_secs_f64();
        if seconds >= RATE_WINDOW_S {
            self.events_per_s = clock.events.saturating_sub(since.events) as f64 / seconds;
            self.rate_since = Some(clock);
        }
        self.clock = Some(clock);
    }

    fn open(&mut self, alert: Alert) -> Option<&Line> {
        self.opened.push(alert.clone());
        if alert.occurred_at < LIVE_FROM {
            self.opened_in_history += 1;
            return None;
        }
        let caught = self.planted.iter_mut().find(|(problem, caught)| !caught && catches(problem, &alert));
        let caught = caught.map(|(problem, caught)| {
            *caught = true;
            problem.id.clone()
        });
        if self.recent.len() == RECENT_ALERTS {
            self.recent.pop_front();
        }
        self.recent.push_back(Line { alert, caught });
        self.recent.back()
    }

    /// Newest first.
    pub fn recent(&self) -> impl Iterator<Item = &Line> {
        self.recent.iter().rev()
    }

    /// Alerts opened in the live weeks, by kind.
    pub fn opened_by_kind(&self, kind: AlertKind) -> usize {
        self.opened.iter().filter(|a| a.kind == kind && a.occurred_at >= LIVE_FROM).count()
    }

    /// The keys that need somebody: those with open alerts, then those that will run out first.
    pub fn hottest(&self, limit: usize) -> Vec<&Position<'static>> {
        let urgency = |p: &Position<'_>| (p.open_alerts.is_empty(), p.days_of_cover.unwrap_or(f64::INFINITY));
        let mut hot: Vec<&Position<'static>> =
            self.positions.values().filter(|p| p.velocity_per_day >= HOT_UNITS_PER_DAY).collect();
        hot.sort_by(|a, b| {
            let (a_calm, a_cover) = urgency(a);
            let (b_calm, b_cover) = urgency(b);
            a_calm.cmp(&b_calm).then(a_cover.total_cmp(&b_cover))
        });
        hot.truncate(limit);
        hot
    }

    /// Planted problems: caught, planted by now, and in all.
    pub fn planted(&self) -> (usize, usize, usize) {
        let now = self.now();
        let caught = self.planted.iter().filter(|(_, caught)| *caught).count();
        let begun = self.planted.iter().filter(|(problem, _)| problem.begun_at <= now).count();
        (caught, begun, self.planted.len())
    }

    pub fn now(&self) -> Timestamp {
        self.clock.map_or(self.span.start, |clock| clock.sim_time)
    }

    pub fn live(&self) -> bool {
        self.now() >= LIVE_FROM
    }

    /// Share of the simulated weeks that has passed, 0 to 1.
    pub fn progress(&self) -> f64 {
        let passed = self.now().since(self.span.start) as f64 / self.span.end.since(self.span.start).max(1) as f64;
        passed.clamp(0.0, 1.0)
    }

    pub fn name<'a>(&'a self, code: &'a str) -> &'a str {
        self.directory.name(code, self.language)
    }

    pub fn message<'a>(&self, alert: &'a Alert) -> &'a str {
        self.language.pick((alert.message.en.as_str(), alert.message.zh_cn.as_str()))
    }

    pub fn into_opened(self) -> Vec<Alert> {
        self.opened
    }
}
