//! Runs `scenarios/*.txt`: stock changes in, alert lines out, as a planner would write them down.
//!
//! A scenario starts with what it shows. Sections: `[rules]` and `[rules NAME]` hold rules as a
//! document has them, `[promotions]` promotions, `[item]` and `[place]` hold `key = value` lines, `[events]` holds steps:
//!
//! ```text
//! 2026-11-02 10:00      sold 4 order=A-1        one step
//! 2026-10-01 12:00 x28  sold 5                  the same on 28 days in a row; steps run by time
//!     => 2026-11-02T10:00:00Z low_stock opened high, alert a revision 1 episode 1
//!        reorder_point = 36; recommended_order_quantity = 14
//! ```
//!
//! `=>` lines are all alerts of the step above, timers before it included; the line after one, if it
//! has `=`, names evidence, and `en:` or `zh:` lines the messages. Steps besides the stock changes:
//! `wait`, `rules NAME`, `item key=value …`, `retire`; `elsewhere NAME available=N …` what another location has (the
//! figures of [`Elsewhere`]); `assortment V …` what the site's items sell for a day; `site N from=DAY until=DAY` how many units a day it
//! has sold; `trade SALES WRITE-OFFS` how many lines left it in each open quarter of an hour of the two weeks before; `blind` and
//! `heard` say whether the place is heard from,
//! `figures name=value …` what the position must say then. Of a change, `late=N` says it happened N minutes before
//! it came, `id=ID` is its event id. Stream time is the time of the last step, grace is 0.

// A test may stop where it stands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use rules::decide::{self, Key};
use rules::detectors::asks_elsewhere;
use rules::environment::{Environment, Moment};
use rules::item::Item;
use rules::network::Elsewhere;
use rules::place::Place;
use rules::ruleset::{RuleBook, parse};
use rules::site::{EPOCH_MS, SiteLevel, SiteSums};
use rules::state::KeyState;
use schemas::time::{DAY_MS, MINUTE_MS};
use schemas::{Alert, CatalogItem, EvidenceValue, InventoryEvent, Location, Money, Quantity, StockChange, Timestamp};

#[path = "scenarios/recompute.rs"]
mod recompute;
#[path = "support/trade.rs"]
mod trade;

const SKU: &str = "CASE";
const LOCATION: &str = "S7";

#[test]
fn scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut failures = String::new();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "txt")) {
        let text = std::fs::read_to_string(file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        for failure in Scenario::read(&text).run() {
            writeln!(failures, "{name}: {failure}").unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

/// One step and the alert lines it is expected to give.
struct Step {
    line: usize,
    at: Timestamp,
    action: String,
    expected: Vec<Expected>,
}

#[derive(Default)]
struct Expected {
    line: String,
    details: Vec<String>,
}

#[derive(Default)]
struct Scenario {
    rules: BTreeMap<String, String>,
    promotions: String,
    item: String,
    place: String,
    steps: Vec<Step>,
}

impl Scenario {
    fn read(text: &str) -> Self {
        let mut scenario = Self::default();
        let mut section = String::new();
        for (n, line) in text.lines().enumerate() {
            if let Some(name) = line.strip_prefix('[') {
                name.trim_end_matches(']').clone_into(&mut section);
                continue;
            }
            let content = line.split('#').next().unwrap().trim();
            match section.split_once(' ').unwrap_or((&section, "")) {
                ("rules", name) => writeln!(scenario.rules.entry(name.to_owned()).or_default(), "  {line}").unwrap(),
                ("promotions", _) => writeln!(scenario.promotions, "  {line}").unwrap(),
                ("item", _) => writeln!(scenario.item, "{content}").unwrap(),
                ("place", _) => writeln!(scenario.place, "{content}").unwrap(),
                ("events", _) if !content.is_empty() => scenario.read_step(n + 1, content),
                _ => {}
            }
        }
        scenario.steps.sort_by_key(|step| step.at);
        scenario
    }

    fn read_step(&mut self, line: usize, content: &str) {
        if let Some(expected) = content.strip_prefix("=> ") {
            let step = self.steps.last_mut().expect("a step before its alerts");
            step.expected.push(Expected { line: expected.to_owned(), ..Expected::default() });
        } else if content.starts_with(|c: char| !c.is_ascii_digit()) {
            let step = self.steps.last_mut().expect("a step before its evidence");
            step.expected.last_mut().expect("an alert before its evidence").details.push(content.to_owned());
        } else {
            let (day, rest) = content.split_once(' ').expect("a day");
            let (time, mut action) = rest.split_once(' ').expect("a time");
            action = action.trim();
            let mut days = 1;
            if let Some(repeat) = action.strip_prefix('x') {
                let (count, rest) = repeat.split_once(' ').expect("an action");
                (days, action) = (count.parse().expect("a number of days"), rest.trim());
            }
            for d in 0..days {
                let at = instant(day, time).plus_ms(d * DAY_MS);
                self.steps.push(Step { line, at, action: action.to_owned(), expected: Vec::new() });
            }
        }
    }

    fn run(&self) -> Vec<String> {
        let mut world = World::new(self);
        let mut failures = Vec::new();
        for step in &self.steps {
            let alerts = world.perform(self, step);
            let mut seen: Vec<String> = Vec::new();
            for alert in &alerts {
                recompute::reorder_point(alert);
                recompute::surge_score(alert);
                recompute::losses(alert);
                recompute::outbound(alert);
                seen.push(world.names.line(alert));
            }
            let wanted: Vec<_> = step.expected.iter().map(|e| e.line.clone()).collect();
            if seen != wanted {
                failures.push(format!("line {}:\n  expected {wanted:#?}\n  got      {seen:#?}", step.line));
                continue;
            }
            for (alert, expected) in alerts.iter().zip(&step.expected) {
                failures.extend(expected.details.iter().filter_map(|d| wrong_detail(alert, d, step.line)));
            }
        }
        failures
    }
}

/// Compares `name = value; …` with the evidence, `en: …` and `zh: …` with the message.
fn wrong_detail(alert: &Alert, detail: &str, line: usize) -> Option<String> {
    for (language, message) in [("en:", &alert.message.en), ("zh:", &alert.message.zh_cn)] {
        if let Some(text) = detail.strip_prefix(language) {
            return (text.trim() != message).then(|| format!("line {line}: message is\n  {message}"));
        }
    }
    for pair in detail.split(';') {
        let (name, wanted) = pair.split_once('=').expect("name = value");
        let found = alert.evidence.0.iter().find(|(n, _)| n == name.trim()).map(|(_, v)| match v {
            EvidenceValue::Integer(v) => v.to_string(),
            EvidenceValue::Number(v) => format!("{}", (v * 1000.0).round() / 1000.0),
            EvidenceValue::Text(v) => v.clone(),
            EvidenceValue::Flag(v) => v.to_string(),
        });
        if found.as_deref().unwrap_or("absent") != wanted.trim() {
            return Some(format!("line {line}: {} is {found:?}, expected {}", name.trim(), wanted.trim()));
        }
    }
    None
}

/// Alerts and episodes get names in order of appearance: alert a, b, …; episode 1, 2, …
#[derive(Default)]
struct Names {
    alerts: Vec<String>,
    episodes: Vec<String>,
    revisions: Vec<(String, u32)>,
}

impl Names {
    fn line(&mut self, alert: &Alert) -> String {
        let a = place_in(&mut self.alerts, alert.alert_id.to_string());
        let e = place_in(&mut self.episodes, alert.episode_id.to_string()) + 1;
        let identity = (alert.alert_id.to_string(), alert.revision);
        assert!(!self.revisions.contains(&identity), "{identity:?} came twice");
        self.revisions.push(identity);
        assert!(alert.opened_at <= alert.occurred_at && alert.occurred_at <= alert.detected_at);
        let shadow = if alert.mode == schemas::Mode::Shadow { "shadow " } else { "" };
        let letter = char::from(b'a' + u8::try_from(a).unwrap());
        format!(
            "{} {shadow}{} {} {}, alert {letter} revision {} episode {e}",
            alert.occurred_at,
            alert.kind.name(),
            alert.state.name(),
            alert.severity.name(),
            alert.revision
        )
    }
}

fn place_in(names: &mut Vec<String>, name: String) -> usize {
    names.iter().position(|n| *n == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    })
}

struct World {
    names: Names,
    rules: RuleBook,
    item: CatalogItem,
    retired: bool,
    place: Place,
    elsewhere: Vec<Elsewhere>,
    site: SiteLevel,
    state: Option<KeyState>,
    stream_time: Timestamp,
    events: u32,
}

impl World {
    fn new(scenario: &Scenario) -> Self {
        let mut world = Self {
            names: Names::default(),
            rules: book(scenario, ""),
            item: CatalogItem { sku: SKU.to_owned(), ..CatalogItem::default() },
            retired: false,
            place: Place::unknown(LOCATION),
            elsewhere: Vec::new(),
            site: SiteLevel::default(),
            state: None,
            stream_time: Timestamp::MIN,
            events: 0,
        };
        let mut location = Location { location: LOCATION.to_owned(), ..Location::default() };
        for (key, value) in scenario.item.lines().filter_map(|l| l.split_once('=')) {
            world.set_item(key.trim(), value.trim());
        }
        for (key, value) in scenario.place.lines().filter_map(|l| l.split_once('=')) {
            let value = Some(value.trim().to_owned());
            match key.trim() {
                "name" => location.name = value,
                "name_zh" => location.name_zh = value,
                "time_zone" => location.time_zone = value,
                "kind" => location.kind = value,
                "region" => location.region = value,
                other => panic!("unknown place key {other}"),
            }
        }
        world.place = Place::from_location(&location).unwrap();
        world
    }

    fn set_item(&mut self, key: &str, value: &str) {
        let item = &mut self.item;
        match key {
            "name" => item.name = Some(value.to_owned()),
            "name_zh" => item.name_zh = Some(value.to_owned()),
            "unit_cost" => item.unit_cost = Some(Money::from_micros((number(value) * 1e6) as i64)),
            "unit_price" => item.unit_price = Some(Money::from_micros((number(value) * 1e6) as i64)),
            "lead_time_days" => item.lead_time_days = Some(number(value)),
            "pack_size" => item.pack_size = Some(units(value)),
            "minimum_order_quantity" => item.minimum_order_quantity = Some(units(value)),
            "superseded_by" => item.superseded_by = Some(value.to_owned()),
            "tags" => item.tags = value.split(',').map(|t| t.trim().to_owned()).collect(),
            other => panic!("unknown item key {other}"),
        }
    }

    /// Due timers first, then the step itself.
    fn perform(&mut self, scenario: &Scenario, step: &Step) -> Vec<Alert> {
        let mut out = Vec::new();
        self.fire_timers(step.at, &mut out);
        self.stream_time = self.stream_time.max(step.at);
        let mut words = step.action.split_whitespace();
        match words.next().expect("an action") {
            "wait" => {}
            "elsewhere" => self.set_elsewhere(words.next().expect("a location"), &step.action),
            "assortment" => self.set_assortment(words.map(number)),
            "site" => self.set_site_demand(number(words.next().expect("units a day")), &step.action),
            "trade" => trade::watch(&mut self.site, step.at, words.map(|lines| number(lines) as i64)),
            "blind" => self.site.apply_blind(LOCATION, 1),
            "heard" => self.site.apply_blind(LOCATION, -1),
            "figures" => words.for_each(|wanted| self.assert_figure(wanted, step.line)),
            "rules" => {
                self.rules = book(scenario, words.next().unwrap_or(""));
                self.environment_changed(&mut out);
            }
            "item" => {
                words.filter_map(|w| w.split_once('=')).for_each(|(key, value)| self.set_item(key, value));
                self.environment_changed(&mut out);
            }
            "retire" => {
                self.retired = true;
                self.environment_changed(&mut out);
            }
            _ => self.stock_change(step, &mut out),
        }
        out
    }

    fn assert_figure(&self, wanted: &str, line: usize) {
        let item = Item::from_catalog(&self.item);
        let p = decide::snapshot(key(), self.state.as_ref().expect("a position"), &item, self.stream_time);
        let (name, value) = wanted.split_once('=').expect("name=value");
        let found = match name {
            "on_hand" => p.on_hand.map(Quantity::as_f64),
            "available" => p.available.map(Quantity::as_f64),
            "on_order" => Some(p.on_order.as_f64()),
            "velocity_per_day" => Some(p.velocity_per_day),
            "sold_7d" => Some(p.sold_7d.as_f64()),
            "reorder_point" => p.reorder_point,
            "idle_days" => Some(f64::from(p.idle_days)),
            other => panic!("line {line}: unknown figure {other}"),
        };
        let found = found.map_or_else(|| "unknown".to_owned(), |v| format!("{}", (v * 1000.0).round() / 1000.0));
        assert_eq!(found, value, "line {line}: {name}");
    }

    fn set_elsewhere(&mut self, location: &str, action: &str) {
        let figure = |name| option(action, name).map(number);
        self.elsewhere.retain(|e| e.location != location);
        self.elsewhere.push(Elsewhere {
            location: location.to_owned(),
            name: option(action, "name").map(str::to_owned),
            name_zh: None,
            region: option(action, "region").map(str::to_owned),
            available: figure("available").expect("what it has"),
            on_order: figure("on_order").unwrap_or(0.0),
            velocity: figure("velocity").unwrap_or(0.0),
            reorder_point: figure("reorder_point"),
        });
    }

    /// The site's sales value a day by item, as the last UTC day told it.
    fn set_assortment(&mut self, values: impl Iterator<Item = f64>) {
        let mut sums = SiteSums::default();
        values.for_each(|value| sums.record_sales_value(value));
        let last_of_yesterday = self.stream_time.millis().div_euclid(DAY_MS) * (DAY_MS / EPOCH_MS) - 1;
        self.site.apply_epoch(last_of_yesterday, &sums.take());
    }

    /// The site's units on each of some days before.
    fn set_site_demand(&mut self, units_per_day: f64, action: &str) {
        let of = |name| instant(option(action, name).expect("a day"), "00:00").millis().div_euclid(DAY_MS);
        for day in of("from")..=of("until") {
            // Lines and thousandths of a unit.
            self.site.apply_epoch((day + 1) * (DAY_MS / EPOCH_MS) - 1, &[0, (units_per_day * 1000.0) as i64]);
        }
    }

    fn fire_timers(&mut self, until: Timestamp, out: &mut Vec<Alert>) {
        while let Some(due) = self.state.as_ref().and_then(KeyState::next_due).filter(|due| *due <= until) {
            self.stream_time = self.stream_time.max(due);
            self.with(due, out, |env, state, out| {
                decide::on_timer(env, key(), state, due, &mut SiteSums::default(), out);
                assert!(state.next_due() > Some(due), "timers move on");
            });
        }
    }

    fn environment_changed(&mut self, out: &mut Vec<Alert>) {
        let at = self.stream_time;
        self.with(at, out, |env, state, out| decide::on_environment_change(env, key(), state, at, out));
    }

    fn stock_change(&mut self, step: &Step, out: &mut Vec<Alert>) {
        self.events += 1;
        let numbered = format!("e{}", self.events);
        let late_minutes = option(&step.action, "late").map_or(0, |minutes| number(minutes) as i64);
        let event = InventoryEvent {
            event_id: option(&step.action, "id").unwrap_or(&numbered).into(),
            sku: SKU.into(),
            location: LOCATION.into(),
            occurred_at: step.at.minus_ms(late_minutes * MINUTE_MS),
            source: None,
            change: change(&step.action),
        };
        if self.state.is_none() {
            self.state = Some(KeyState::first_seen(step.at, &self.place.zone));
        }
        self.with(self.stream_time, out, |env, state, out| {
            decide::apply(env, key(), state, &event, &mut SiteSums::default(), out);
        });
    }

    /// Lends the state at `at`, and reads it back from its row: nothing may depend on what is not stored.
    fn with(
        &mut self,
        at: Timestamp,
        out: &mut Vec<Alert>,
        act: impl FnOnce(&Environment<'_>, &mut KeyState, &mut Vec<Alert>),
    ) {
        let Some(mut state) = self.state.take() else { return };
        let item = Item::from_catalog(&self.item);
        let item = if self.retired { item.retired() } else { item };
        let now = Moment { stream_time: self.stream_time, closed_before: self.stream_time };
        let env = Environment { rules: &self.rules, item: &item, place: &self.place, site: &self.site, now };
        let first = out.len();
        act(&env, &mut state, out);
        for alert in out[first..].iter_mut().filter(|alert| asks_elsewhere(alert)) {
            decide::tell_with(&env, &state, at, &self.elsewhere, alert);
        }
        let mut row = Vec::new();
        state.encode(&mut row);
        self.state = Some(KeyState::decode(&row).unwrap());
    }
}

const fn key() -> Key<'static> {
    Key { sku: SKU, location: LOCATION }
}

fn book(scenario: &Scenario, name: &str) -> RuleBook {
    let rules = scenario.rules.get(name).unwrap_or_else(|| panic!("no section [rules {name}]"));
    let promotions = match scenario.promotions.as_str() {
        "" => String::new(),
        planned => format!("promotions:\n{planned}"),
    };
    let document = parse("scenario", &format!("version: 1\nid: scenario\nrules:\n{rules}{promotions}")).unwrap();
    RuleBook::from_documents(&[document])
}

/// `sold 2 order=A-1` and its like.
fn change(action: &str) -> StockChange<'_> {
    let mut words = action.split_whitespace();
    let name = words.next().expect("a change");
    let quantity = units(words.next().expect("a quantity"));
    let options: BTreeMap<&str, &str> = words.filter_map(|w| w.split_once('=')).collect();
    let text = |key: &str| options.get(key).map(|v| (*v).into());
    let (order_id, po_id) = (text("order"), text("po"));
    let needed = |id: &Option<std::borrow::Cow<'_, str>>| id.as_ref().expect("an id").to_string().into();
    match name {
        "sold" => StockChange::Sold { quantity, order_id, customer: text("customer"), unit_price: None },
        "cancelled" => StockChange::SaleCancelled { quantity, order_id, customer: None, unit_price: None },
        "returned" => StockChange::Returned { quantity, order_id, customer: None, unit_price: None },
        "received" => StockChange::Received { quantity, po_id, supplier: None },
        "ordered" => {
            let expected_at = options.get("expected").map(|day| instant(day, "00:00"));
            StockChange::Ordered { quantity, po_id: needed(&po_id), supplier: None, expected_at }
        }
        "reserved" => StockChange::Reserved { quantity, order_id: needed(&order_id) },
        "released" => StockChange::Released { quantity, order_id: needed(&order_id) },
        "balance" => StockChange::BalanceObserved { on_hand: quantity },
        "lot_received" => StockChange::LotReceived {
            quantity,
            lot: text("lot").expect("a lot"),
            expires_on: options.get("expires").map(|day| schemas::Zone::UTC.day_of(instant(day, "00:00"))),
            po_id,
            supplier: None,
        },
        "scrapped" => StockChange::Scrapped { quantity, reason: text("reason"), document: text("document") },
        "counted" => StockChange::Counted {
            counted: quantity,
            book: options.get("book").map(|q| units(q)),
            document: text("document"),
        },
        "in" => StockChange::TransferredIn { quantity, from: None, document: text("document") },
        "out" => StockChange::TransferredOut { quantity, to: None, document: text("document") },
        "adjusted" => StockChange::Adjusted { quantity, reason: text("reason"), document: text("document") },
        other => panic!("unknown change {other}"),
    }
}

/// The value of `key=value` in an action.
fn option<'a>(action: &'a str, key: &str) -> Option<&'a str> {
    action.split_whitespace().find_map(|word| word.split_once('=').filter(|(k, _)| *k == key).map(|(_, v)| v))
}

fn units(text: &str) -> Quantity {
    Quantity::from_thousandths((number(text) * 1000.0).round() as i64)
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is not a number"))
}

/// `2026-11-02`, `10:00` or `10:00:30`, UTC.
fn instant(day: &str, time: &str) -> Timestamp {
    let mut parts = day.split('-').chain(time.split(':')).map(|p| p.parse::<i64>().expect("a number"));
    let mut next = || parts.next().unwrap_or(0);
    let (year, month, day) = (next(), next(), next());
    // Days from civil, Howard Hinnant's algorithm.
    let y = if month <= 2 { year - 1 } else { year };
    let (era, yoe) = (y.div_euclid(400), y.rem_euclid(400));
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    Timestamp::from_millis(days * DAY_MS + ((next() * 60 + next()) * 60 + next()) * 1000)
}
