//! Which rule decides, and that nothing but the documents' content says so.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use schemas::{AlertKind, CatalogItem, Mode, Timestamp};

use crate::class::{Abc, Class};
use crate::item::Item;
use crate::place::Place;
use crate::ruleset::{Resolved, RuleBook, RuleDocument, Subject, Verdict, parse};

fn item() -> Item {
    Item::from_catalog(&CatalogItem {
        sku: "A1".into(),
        category: Some("food/dairy/milk".into()),
        supplier: Some("ACME".into()),
        tags: vec!["core".into(), "new".into()],
        ..CatalogItem::default()
    })
}

fn place() -> Place {
    Place { region: Some("north".into()), ..Place::unknown("S1") }
}

const fn class() -> Class {
    Class { abc: Some(Abc::A), xyz: None }
}

fn document(id: &str, rules: &[(&str, &str)]) -> RuleDocument {
    let rules: Vec<String> =
        rules.iter().map(|(rule, rest)| format!("- {{id: {rule}, kind: stock_out, {rest}}}")).collect();
    parse("t.yaml", &format!("version: 1\nid: {id}\nrules:\n{}\n", rules.join("\n"))).unwrap()
}

/// The id of the active stock-out rule that decides.
fn winner(documents: &[RuleDocument], item: &Item, place: &Place) -> Option<String> {
    let book = RuleBook::from_documents(documents);
    let ix = book.resolve(&Subject { item, place, class: class() }).get(AlertKind::StockOut, Mode::Active)?;
    Some(book.rule(ix).reference.rule.clone())
}

/// From the least to the most specific.
const LADDER: [(&str, &str); 10] = [
    ("all", "scope: {}"),
    ("class", "scope: {abc: [A, B]}"),
    ("region", "scope: {region: north}"),
    ("tag", "scope: {tag: core}"),
    ("supplier", "scope: {supplier: ACME}"),
    ("category", "scope: {category: food}"),
    ("subcategory", "scope: {category: [food, food/dairy]}"),
    ("location", "scope: {location: S1}"),
    ("location-and-tag", "scope: {location: S1, tag: [new, old]}"),
    ("sku", "scope: {sku: [Z9, A1]}"),
];

#[test]
fn the_most_specific_rule_decides() {
    for top in 1..=LADDER.len() {
        for reversed in [false, true] {
            let mut rules = LADDER[..top].to_vec();
            if reversed {
                rules.reverse();
            }
            let decided = winner(&[document("d", &rules)], &item(), &place());
            assert_eq!(decided.as_deref(), Some(LADDER[top - 1].0));
        }
    }
}

#[test]
fn a_rule_outside_its_scope_never_decides() {
    for scope in [
        "{sku: A2}",
        "{location: S2}",
        "{category: foo}",
        "{category: food/dairy/milk/whole}",
        "{supplier: Acme}",
        "{tag: cor}",
        "{region: south}",
        "{sku: A1, region: south}",
    ] {
        let documents = [document("d", &[("x", &format!("scope: {scope}"))])];
        assert_eq!(winner(&documents, &item(), &place()), None, "{scope}");
    }
    let documents = [document("d", &[("x", "scope: {category: food}"), ("y", "scope: {region: north}")])];
    assert_eq!(winner(&documents, &Item::unknown("A1"), &Place::unknown("S1")), None, "unknown is not everything");
}

#[test]
fn among_equals_the_newer_the_greater_id_the_later_rule_decides() {
    let effective = |id: &str, at: i64| {
        let at = Some(Timestamp::from_millis(at));
        RuleDocument { effective_at: at, ..document(id, &[(id, "scope: {}")]) }
    };
    let (item, place) = (item(), place());
    assert_eq!(winner(&[effective("a", 2), effective("b", 1)], &item, &place).as_deref(), Some("a"));
    assert_eq!(winner(&[effective("b", 1), effective("a", 1)], &item, &place).as_deref(), Some("b"));
    let one = document("d", &[("first", "scope: {tag: core}"), ("second", "scope: {tag: new}")]);
    assert_eq!(winner(&[one], &item, &place).as_deref(), Some("second"));
}

/// Asserts invariant I12.
#[test]
fn shadow_rules_never_displace_active_ones() {
    let documents = [document("d", &[("wide", "scope: {}"), ("narrow", "mode: shadow, scope: {sku: A1}")])];
    let book = RuleBook::from_documents(&documents);
    let resolved = book.resolve(&Subject { item: &item(), place: &place(), class: class() });
    let name = |mode| resolved.get(AlertKind::StockOut, mode).map(|ix| book.rule(ix).reference.rule.as_str());
    assert_eq!((name(Mode::Active), name(Mode::Shadow)), (Some("wide"), Some("narrow")));
    assert_eq!(resolved.get(AlertKind::LowStock, Mode::Active), None);
    assert_eq!(resolved.get(AlertKind::ExpiryRisk, Mode::Active), None);
}

#[test]
fn of_several_versions_the_last_to_take_effect_counts() {
    let version = |version: i32, at: Option<i64>| RuleDocument {
        version,
        effective_at: at.map(Timestamp::from_millis),
        ..document("d", &[(&format!("v{version}"), "scope: {}")])
    };
    let documents = [version(3, Some(200)), version(1, None), version(2, Some(100))];
    let at = |ms: i64| {
        let book = RuleBook::in_force(&documents, Timestamp::from_millis(ms));
        book.rules().iter().map(|r| r.reference.rule.clone()).collect::<Vec<_>>()
    };
    assert_eq!((at(99), at(100), at(200)), (vec!["v1".into()], vec!["v2".into()], vec!["v3".into()]));
    let next = |ms: i64| RuleBook::next_switch(&documents, Timestamp::from_millis(ms)).map(Timestamp::millis);
    assert_eq!((next(0), next(100), next(200)), (Some(100), Some(200), None));
}

#[test]
fn a_resolution_belongs_to_its_generation() {
    let (a, b) = ([document("a", &[("x", "scope: {}")])], [document("a", &[("x", "scope: {tag: core}")])]);
    let (book, other) = (RuleBook::from_documents(&a), RuleBook::from_documents(&b));
    let resolved = book.resolve(&Subject { item: &item(), place: &place(), class: class() });
    assert!(resolved.is_current(&book) && !resolved.is_current(&other) && !resolved.is_current(&RuleBook::empty()));
    assert!(!Resolved::default().is_current(&RuleBook::empty()) && !Resolved::default().is_current(&book));
    assert_eq!(book.generation(), RuleBook::from_documents(&a).generation());
}

#[test]
fn explain_says_why_each_candidate_lost() {
    let documents = [document(
        "d",
        &[
            ("wide", "scope: {}"),
            ("early", "scope: {tag: new}"),
            ("late", "scope: {tag: core}"),
            ("elsewhere", "scope: {location: S2}"),
            ("trial", "mode: shadow, scope: {}"),
        ],
    )];
    let book = RuleBook::from_documents(&documents);
    let told: Vec<String> = book
        .explain(AlertKind::StockOut, &Subject { item: &item(), place: &place(), class: class() })
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "d@1#late (active): in force, tag",
            "d@1#early (active): as specific as d@1#late, which is newer or further down",
            "d@1#trial (shadow): in force, for everything",
            "d@1#wide (active): less specific than d@1#late, which is narrower by tag",
            "d@1#elsewhere (active): out of scope: location is S1, asked for S2",
        ]
    );
}

/// A scope from a small world, so that rules meet.
fn scope() -> impl Strategy<Value = String> {
    let keys = [
        ("sku", ["A1", "A2"]),
        ("location", ["S1", "S2"]),
        ("category", ["food", "food/dairy"]),
        ("supplier", ["ACME", "BETA"]),
        ("tag", ["core", "new"]),
        ("region", ["north", "south"]),
        ("abc", ["A", "B"]),
        ("xyz", ["X", "Z"]),
    ];
    subsequence(keys.to_vec(), 0..=3).prop_flat_map(|keys| {
        keys.into_iter()
            .map(|(key, values)| select(values.to_vec()).prop_map(move |v| format!("{key}: {v}")))
            .collect::<Vec<_>>()
            .prop_map(|parts| format!("scope: {{{}}}", parts.join(", ")))
    })
}

fn documents() -> impl Strategy<Value = Vec<RuleDocument>> {
    let rules = prop::collection::vec((scope(), prop::bool::ANY), 1..6);
    let one = (rules, 0_i64..3);
    prop::collection::vec(one, 1..5)
        .prop_map(|all| all.into_iter().enumerate().map(|(d, (rules, at))| dated(d, &rules, at)).collect())
}

fn dated(index: usize, rules: &[(String, bool)], at: i64) -> RuleDocument {
    let ids: Vec<String> = (0..rules.len()).map(|r| format!("d{index}r{r}")).collect();
    let bodies: Vec<String> =
        rules.iter().map(|(s, shadow)| format!("mode: {}, {s}", if *shadow { "shadow" } else { "active" })).collect();
    let pairs: Vec<(&str, &str)> = ids.iter().map(String::as_str).zip(bodies.iter().map(String::as_str)).collect();
    let effective_at = (at > 0).then_some(Timestamp::from_millis(at));
    RuleDocument { effective_at, ..document(&format!("d{index}"), &pairs) }
}

proptest! {
    /// Documents may be read in any order: asserts invariant I11.
    #[test]
    fn the_order_of_documents_does_not_matter(docs in documents(), seed in any::<u64>()) {
        let mut shuffled = docs.clone();
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, (seed >> i) as usize % (i + 1));
        }
        let (a, b) = (RuleBook::from_documents(&docs), RuleBook::from_documents(&shuffled));
        prop_assert_eq!(a.generation(), b.generation());
        prop_assert_eq!(a.rules(), b.rules());
    }

    /// Asserts invariant I11: the winner covers the subject and nothing that covers it is more specific; `explain` agrees
    /// with `resolve`, and has exactly one winner for each mode that has a rule in scope.
    #[test]
    fn one_rule_decides_and_nothing_beats_it(docs in documents()) {
        let book = RuleBook::from_documents(&docs);
        let (item, place) = (item(), place());
        let subject = Subject { item: &item, place: &place, class: class() };
        let resolved = book.resolve(&subject);
        let candidates = book.explain(AlertKind::StockOut, &subject);
        for mode in [Mode::Active, Mode::Shadow] {
            let covering = || candidates.iter().filter(|c| c.mode == mode && !matches!(c.verdict, Verdict::OutOfScope(_)));
            let strongest = covering().map(|c| (book.rule(c.ix).scope.matches(&subject).unwrap(), c.ix)).max();
            prop_assert_eq!(resolved.get(AlertKind::StockOut, mode), strongest.map(|(_, ix)| ix));
            let in_force = covering().filter(|c| matches!(c.verdict, Verdict::InForce(_))).count();
            prop_assert_eq!(in_force, usize::from(covering().next().is_some()));
        }
    }
}
