//! From YAML text to a checked [`RuleDocument`], or to everything that is wrong with it.

use std::sync::Arc;

use schemas::{AlertKind, Day, Mode, RuleRef, Timestamp};

use crate::class::{Abc, Xyz};

use super::document::{Rule, RuleDocument};
use super::kinds::{DETECTED, KindSpec, PLACE_DIMENSIONS};
use super::promotions::Promotion;
use super::scope::{DIMENSIONS, Scope};
use schemas::document::yaml;
use schemas::document::{Checker, DocumentError as RuleError, Fields, Node, Range, Value};

const DOCUMENT_KEYS: [&str; 6] = ["version", "id", "description", "effective_at", "rules", "promotions"];
const PROMOTION_KEYS: [&str; 6] = ["id", "description", "scope", "from", "until", "uplift"];
const RULE_KEYS: [&str; 5] = ["id", "kind", "mode", "scope", "description"];

/// Parses and checks one document. `file_name` is for messages only.
pub fn parse(file_name: &str, text: &str) -> Result<RuleDocument, Vec<RuleError>> {
    let mut check = Checker::new(file_name);
    let document = match yaml::read(text) {
        Ok(Node { value: Value::Null, .. }) => {
            check.fail(yaml::START, "", "the document is empty; it needs at least `version`, `id` and `rules`");
            None
        }
        Ok(root) => read_document(&root, &mut check),
        Err((at, reason)) => {
            check.fail(at, "", reason);
            None
        }
    };
    let errors = check.into_errors();
    match document {
        Some(document) if errors.is_empty() => Ok(document),
        _ => Err(errors),
    }
}

fn read_document(root: &Node, check: &mut Checker<'_>) -> Option<RuleDocument> {
    let fields = Fields::open(root, "", check)?;
    fields.refuse_unknown(&DOCUMENT_KEYS, check, |_| None);
    let id = fields.identifier("id", check);
    let version = fields.integer("version", (1, i32::MAX), None, check);
    let effective_at = effective_at(&fields, check);
    let promotions = read_promotions(&fields, id.unwrap_or_default(), version.unwrap_or_default(), check);
    let planned =
        matches!(fields.get("promotions").map(|node| &node.value), Some(Value::List(list)) if !list.is_empty());
    let only_promotions = planned && fields.get("rules").is_none();
    let rules = if only_promotions {
        Vec::new()
    } else {
        read_rules(&fields, id.unwrap_or_default(), version.unwrap_or_default(), check)?
    };
    fields.texts("description", check);
    Some(RuleDocument { id: id?.to_owned(), version: version?, effective_at, rules, promotions })
}

fn effective_at(fields: &Fields<'_>, check: &mut Checker<'_>) -> Option<Timestamp> {
    fields.get("effective_at")?;
    let (node, text) = fields.text("effective_at", "effective_at: 2026-12-01T00:00:00Z", check)?;
    let parsed = Timestamp::parse(text).ok();
    if parsed.is_none() {
        let reason = "not an instant; write RFC 3339 with an offset, for example 2026-12-01T00:00:00Z";
        check.fail(node.at, "effective_at", reason);
    }
    parsed
}

fn read_rules(fields: &Fields<'_>, document: &str, version: i32, check: &mut Checker<'_>) -> Option<Vec<Rule>> {
    let node = fields.require("rules", "rules: [{id: empty, kind: stock_out}]", check)?;
    let items = match &node.value {
        Value::List(items) if !items.is_empty() => items,
        Value::List(_) | Value::Null => {
            check.fail(node.at, "rules", "there are no rules; add one, or remove the document");
            return None;
        }
        other => {
            check.fail(node.at, "rules", format!("expected a list of rules, found {}", other.describe()));
            return None;
        }
    };
    let mut seen: Vec<(&str, u64)> = Vec::new();
    let mut rules = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(rule) = Fields::open(item, &format!("rules[{index}]"), check) else { continue };
        let id = rule.identifier("id", check);
        if let Some(id) = id {
            refuse_twin(&rule, "rule", id, &mut seen, check);
        }
        let reference = RuleRef { document: document.to_owned(), version, rule: id.unwrap_or_default().to_owned() };
        rules.extend(read_rule(&rule, reference, check));
    }
    Some(rules)
}

fn read_promotions(fields: &Fields<'_>, document: &str, version: i32, check: &mut Checker<'_>) -> Vec<Promotion> {
    let Some(node) = fields.get("promotions") else { return Vec::new() };
    let Value::List(items) = &node.value else {
        check.fail(node.at, "promotions", format!("expected a list of promotions, found {}", node.value.describe()));
        return Vec::new();
    };
    let mut seen: Vec<(&str, u64)> = Vec::new();
    let mut promotions = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(fields) = Fields::open(item, &format!("promotions[{index}]"), check) else { continue };
        let id = fields.identifier("id", check);
        if let Some(id) = id {
            refuse_twin(&fields, "promotion", id, &mut seen, check);
        }
        let reference = RuleRef { document: document.to_owned(), version, rule: id.unwrap_or_default().to_owned() };
        promotions.extend(read_promotion(&fields, reference, check));
    }
    promotions
}

fn read_promotion(fields: &Fields<'_>, reference: RuleRef, check: &mut Checker<'_>) -> Option<Promotion> {
    fields.refuse_unknown(&PROMOTION_KEYS, check, |_| None);
    fields.texts("description", check);
    let scope = read_scope(fields, check);
    let (from, until) = (read_day(fields, "from", check), read_day(fields, "until", check));
    let uplift = fields.number("uplift", Range::PositiveUpTo(100.0), None, check);
    if uplift.is_some_and(|uplift| uplift < 1.0) {
        check.fail(fields.at(), &fields.path_of("uplift"), "a promotion does not lower demand; write 1 or more");
    }
    let (from, until, uplift) = (from?, until?, uplift?);
    if until < from {
        check.fail(fields.at(), fields.path(), format!("`until` {until} is before `from` {from}; exchange them"));
    }
    Some(Promotion { reference: Arc::new(reference), scope, from, until, uplift })
}

fn read_day(fields: &Fields<'_>, key: &str, check: &mut Checker<'_>) -> Option<Day> {
    let (node, text) = fields.text(key, &format!("{key}: 2026-11-23"), check)?;
    let day = Day::parse(text).ok();
    if day.is_none() {
        check.fail(node.at, &fields.path_of(key), "not a date; write for example 2026-11-23");
    }
    day
}

fn refuse_twin<'n>(
    fields: &Fields<'n>,
    what: &str,
    id: &'n str,
    seen: &mut Vec<(&'n str, u64)>,
    check: &mut Checker<'_>,
) {
    let at = fields.get("id").map_or(fields.at(), |node| node.at);
    if let Some((_, line)) = seen.iter().find(|(other, _)| *other == id) {
        let reason = format!("the id `{id}` is taken by the {what} in line {line}; every {what} needs its own");
        check.fail(at, &fields.path_of("id"), reason);
    } else {
        seen.push((id, at.line));
    }
}

fn read_rule(rule: &Fields<'_>, reference: RuleRef, check: &mut Checker<'_>) -> Option<Rule> {
    let spec = read_kind(rule, check);
    refuse_unknown_keys(rule, spec, check);
    rule.texts("description", check);
    let mode = read_mode(rule, check);
    let scope = read_scope(rule, check);
    let spec = spec?;
    refuse_items(rule, spec, check);
    let (params, lifecycle) = spec.read(rule, check);
    Some(Rule { reference: Arc::new(reference), kind: spec.kind, mode, scope, lifecycle, params: params? })
}

fn read_kind(rule: &Fields<'_>, check: &mut Checker<'_>) -> Option<&'static KindSpec> {
    let (node, name) = rule.text("kind", "kind: low_stock", check)?;
    let kinds = DETECTED.map(AlertKind::name).join(", ");
    let spec = AlertKind::from_name(name).and_then(KindSpec::of);
    if spec.is_none() {
        check.fail(node.at, &rule.path_of("kind"), format!("unknown kind; kinds: {kinds}"));
    }
    spec
}

fn refuse_unknown_keys(rule: &Fields<'_>, spec: Option<&KindSpec>, check: &mut Checker<'_>) {
    let mut allowed = RULE_KEYS.to_vec();
    allowed.extend(spec.map_or(&[][..], |s| s.keys));
    rule.refuse_unknown(&allowed, check, |key| {
        let takers = KindSpec::taking(key);
        match spec {
            _ if takers.is_empty() => None,
            Some(spec) => {
                Some(format!("does not apply to {}; remove it (it belongs to {})", spec.kind.name(), takers.join(", ")))
            }
            // The kind is wrong already: whether the key fits cannot be known.
            None => None,
        }
    });
}

fn read_mode(rule: &Fields<'_>, check: &mut Checker<'_>) -> Mode {
    if rule.get("mode").is_none() {
        return Mode::Active;
    }
    let Some((node, name)) = rule.text("mode", "mode: active", check) else { return Mode::Active };
    Mode::from_name(name).unwrap_or_else(|| {
        check.fail(node.at, &rule.path_of("mode"), "unknown mode; write active or shadow");
        Mode::Active
    })
}

fn read_scope(rule: &Fields<'_>, check: &mut Checker<'_>) -> Scope {
    let Some(node) = rule.get("scope") else { return Scope::default() };
    let Some(fields) = Fields::open(node, &rule.path_of("scope"), check) else { return Scope::default() };
    fields.refuse_unknown(&DIMENSIONS, check, |key| {
        (key == "class").then(|| "unknown key; classes have a key each: write abc: A, or xyz: [X, Y]".to_owned())
    });
    let mut values = |key: &str| owned(fields.texts(key, check));
    let (sku, location, supplier) = (values("sku"), values("location"), values("supplier"));
    let (tag, region) = (values("tag"), values("region"));
    let abc = classes(&fields, "abc", Abc::ALL.map(|class| (class.name(), class)), check);
    let xyz = classes(&fields, "xyz", Xyz::ALL.map(|class| (class.name(), class)), check);
    Scope { sku, location, category: categories(&fields, check), supplier, tag, region, abc, xyz }
}

/// A feed has no items: a scope that asks for them would never match.
fn refuse_items(rule: &Fields<'_>, spec: &KindSpec, check: &mut Checker<'_>) {
    let Some(Value::Map(scope)) = rule.get("scope").map(|node| &node.value).filter(|_| spec.is_about_places()) else {
        return;
    };
    let of_items = |key: &str| DIMENSIONS.contains(&key) && !PLACE_DIMENSIONS.contains(&key);
    for (at, key, _) in scope.iter().filter(|(_, key, _)| of_items(key)) {
        let reason = format!(
            "does not apply to {}, which is about {}; remove it",
            spec.kind.name(),
            PLACE_DIMENSIONS.join(" and ")
        );
        check.fail(*at, &format!("{}.{key}", rule.path_of("scope")), reason);
    }
}

fn owned(values: Vec<(&Node, &str)>) -> Vec<String> {
    values.into_iter().map(|(_, text)| text.to_owned()).collect()
}

/// The classes that a key names.
fn classes<T: Copy>(fields: &Fields<'_>, key: &str, all: [(&str, T); 3], check: &mut Checker<'_>) -> Vec<T> {
    let mut found = Vec::new();
    for (node, text) in fields.texts(key, check) {
        if let Some((_, class)) = all.iter().find(|(name, _)| *name == text) {
            found.push(*class);
        } else {
            let reason = format!("`{text}` is no class; write {}", all.map(|(name, _)| name).join(", "));
            check.fail(node.at, &fields.path_of(key), reason);
        }
    }
    found
}

fn categories(fields: &Fields<'_>, check: &mut Checker<'_>) -> Vec<String> {
    let values = fields.texts("category", check);
    for (node, path) in &values {
        if path.split('/').any(|level| level.trim().is_empty()) {
            let reason = format!("`{path}` has an empty level; write a path such as food/dairy");
            check.fail(node.at, &fields.path_of("category"), reason);
        }
    }
    owned(values)
}
