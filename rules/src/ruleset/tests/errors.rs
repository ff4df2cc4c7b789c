//! Every error of a document: its place, its path, its reason.

use schemas::{AlertKind, Mode, Quantity, Timestamp};

use crate::ruleset::{Params, Threshold, parse};

/// `line:column: path: reason` of every error.
fn errors(text: &str) -> Vec<String> {
    let found = parse("r.yaml", text).expect_err("the document must be refused");
    found.iter().map(|e| e.to_string().strip_prefix("r.yaml:").unwrap().to_owned()).collect()
}

/// The only error of a document.
fn error(text: &str) -> String {
    let mut found = errors(text);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// The only error of a document with this one rule; the rule's first line is line 4.
fn rule_error(rule: &str) -> String {
    error(&format!("version: 1\nid: d\nrules:\n  - {rule}\n"))
}

fn assert_says(error: &str, place: &str, reason: &str) {
    assert!(error.starts_with(place), "{error:?} does not start with {place:?}");
    assert!(error.contains(reason), "{error:?} does not say {reason:?}");
}

const SMALLEST: &str = "\
version: 1
id: evaluation
rules:
  - id: reorder
    kind: low_stock
    threshold: { type: dynamic, service_level: 0.95 }    # or { type: fixed, quantity: 36 }
  - id: surge
    kind: demand_surge
    scope: { tag: scored }                               # optional
    false_alarms_per_1000_sku_days: 5
";

#[test]
fn the_smallest_document_works() {
    let document = parse("r.yaml", SMALLEST).unwrap();
    assert_eq!((document.id.as_str(), document.version, document.effective_at), ("evaluation", 1, None));
    let [reorder, surge] = &document.rules[..] else { panic!("two rules") };
    assert_eq!((reorder.kind, reorder.mode), (AlertKind::LowStock, Mode::Active));
    assert_eq!(reorder.reference.rule, "reorder");
    assert_eq!(surge.scope.tag, ["scored"]);
    assert!(matches!(&surge.params, Params::DemandSurge(p) if p.false_alarms_per_1000_sku_days == 5.0));
    assert_eq!(surge.lifecycle.cool_down_ms, 48 * 3_600_000);
}

#[test]
fn every_threshold_type_is_read() {
    let read = |threshold: &str| {
        let text = format!("version: 1\nid: d\nrules:\n- {{id: a, kind: low_stock, threshold: {threshold}}}");
        match parse("r.yaml", &text).unwrap().rules.remove(0).params {
            Params::LowStock(p) => p.threshold,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read("{type: fixed, quantity: 36}"), Threshold::Fixed { quantity: Quantity::from_units(36) });
    assert_eq!(
        read("{type: fixed, quantity: '0.125'}"),
        Threshold::Fixed { quantity: Quantity::from_thousandths(125) }
    );
    assert_eq!(read("{type: days_of_cover, days: 7}"), Threshold::DaysOfCover { days: 7.0 });
    assert_eq!(read("{type: dynamic, service_level: 0.95}"), Threshold::Dynamic { service_level: 0.95 });
    assert_eq!(read("{type: forecast, quantile: 0.9}"), Threshold::Forecast { quantile: 0.9 });
}

#[test]
fn values_keep_the_spelling_of_the_document() {
    let text = "version: 1\nid: d\neffective_at: 2026-12-01T08:00:00+08:00\nrules:\n- id: 1e3\n  kind: stock_out\n  \
                mode: shadow\n  scope: {sku: [007, 10023, 1e5, true, '8'], location: NO, tag: 新品}\n";
    let document = parse("r.yaml", text).unwrap();
    let rule = &document.rules[0];
    assert_eq!(rule.reference.rule, "1e3");
    assert_eq!(rule.mode, Mode::Shadow);
    assert_eq!(rule.scope.sku, ["007", "10023", "1e5", "true", "8"]);
    assert_eq!((rule.scope.location[0].as_str(), rule.scope.tag[0].as_str()), ("NO", "新品"));
    assert_eq!(document.effective_at, Some(Timestamp::from_millis(1_796_083_200_000)));
}

#[test]
fn what_is_no_document_is_refused() {
    for empty in ["", "\n\n", "# only a comment\n", "---\n", "~"] {
        assert_says(&error(empty), "1:1: ", "the document is empty; it needs at least `version`, `id` and `rules`");
    }
    assert_says(&error("version: 1\nid: [d\n"), "2:5: ", "not valid YAML");
    assert_says(&error("version: 1\n\tid: d\n"), "1:10: ", "not valid YAML");
    assert_says(&error("- version: 1"), "1:1: ", "expected a mapping of keys to values, found a list");
    assert_says(&error("{\"a\": \u{0}}"), "1:7: ", "not valid YAML");
    assert_says(&error(&format!("{SMALLEST}---\n{SMALLEST}")), "12:1: ", "a file holds one document");
}

#[test]
fn documents_say_who_they_are() {
    let found = errors("rules: [{id: a, kind: stock_out}]");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("`id` is missing") && found[1].contains("`version` is missing"), "{found:#?}");
    let with =
        |version: &str, id: &str| error(&format!("version: {version}\nid: {id}\nrules: [{{id: a, kind: stock_out}}]"));
    assert_says(&with("0", "d"), "1:10: version: ", "`0` is not a whole number from 1 to 2147483647");
    assert_says(&with("1.5", "d"), "1:10: version: ", "not a whole number");
    assert_says(&with("99999999999999999999", "d"), "1:10: version: ", "not a whole number");
    assert_says(&with("1", "a#b"), "2:5: id: ", "not an identifier");
    assert_says(&with("1", "{}"), "2:5: id: ", "expected a single value, found a mapping");
    assert_says(&with("1", ""), "2:3: id: ", "has no value");
    assert_says(
        &error("version: 1\nid: d\neffective_at: tomorrow\nrules: [{id: a, kind: stock_out}]"),
        "3:15: effective_at: ",
        "write RFC 3339",
    );
}

#[test]
fn documents_have_rules() {
    for none in ["rules: []", "rules:"] {
        assert_says(&error(&format!("version: 1\nid: d\n{none}\n")), "3:", "there are no rules");
    }
    assert_says(&error("version: 1\nid: d\n"), "1:1: ", "`rules` is missing");
    assert_says(
        &error("version: 1\nid: d\nrules: {a: b}"),
        "3:8: rules: ",
        "expected a list of rules, found a mapping",
    );
    assert_says(&rule_error("stock_out"), "4:5: rules[0]: ", "expected a mapping");
}

#[test]
fn rule_ids_are_unique() {
    let text = "version: 1\nid: d\nrules:\n  - {id: a, kind: stock_out}\n  - {id: a, kind: stock_out}\n";
    assert_says(&error(text), "5:10: rules[1].id: ", "the id `a` is taken by the rule in line 4");
}

#[test]
fn kinds_are_checked() {
    let kinds = "kinds: low_stock, stock_out, slow_mover, shrinkage, expiry_risk, abnormal_outbound, demand_surge, data_quality";
    assert_says(&rule_error("{id: a, kind: low_stok}"), "4:19: rules[0].kind: unknown kind", kinds);
    assert_says(&rule_error("{id: a}"), "4:5: rules[0]: ", "`kind` is missing; add for example `kind: low_stock`");
    assert_says(&rule_error("{id: a, kind: stock_out, mode: off}"), "4:36: rules[0].mode: ", "write active or shadow");
}

#[test]
fn unknown_keys_are_refused() {
    assert_says(
        &rule_error("{id: a, kind: stock_out, colour: red}"),
        "4:30: rules[0].colour: ",
        "unknown key; the keys here are id, kind",
    );
    assert_says(
        &error("version: 1\nid: d\nowner: me\nrules: [{id: a, kind: stock_out}]"),
        "3:1: owner: ",
        "unknown key; the keys here are version, id, description, effective_at, rules",
    );
    assert_says(
        &rule_error("{id: a, kind: stock_out, scope: {shop: S1}}"),
        "4:38: rules[0].scope.shop: ",
        "the keys here are sku, location, category, supplier, tag, region, abc, xyz",
    );
    assert_says(
        &rule_error(
            "{id: a, kind: demand_surge, false_alarms_per_1000_sku_days: 1, threshold: {type: fixed, quantity: 1}}",
        ),
        "4:68: rules[0].threshold: ",
        "does not apply to demand_surge; remove it (it belongs to low_stock)",
    );
    assert_says(&rule_error("{id: a, kind: stock_out, kind: low_stock}"), "4:30: rules[0].kind: ", "appears twice");
}

#[test]
fn numbers_stay_in_their_range() {
    let threshold = |t: &str| rule_error(&format!("{{id: a, kind: low_stock, threshold: {{type: {t}}}}}"));
    let at = "rules[0].threshold.";
    for (level, reason) in [
        ("95", "95 is not between 0 and 1 (both excluded); write a fraction such as 0.95"),
        ("1", "1 is not between 0 and 1 (both excluded); write a fraction such as 0.99"),
        ("0", "write for example 0.95"),
        ("-0.5", "is not between 0 and 1"),
        (".nan", ".nan is not between"),
        (".inf", "is not between"),
        ("1e999", "1e999 is not between"),
        ("high", "`high` is not a number"),
        ("'0.95'", "is not a number"),
        ("[0.95]", "expected a single value, found a list"),
        ("~", "has no value"),
    ] {
        assert_says(&threshold(&format!("dynamic, service_level: {level}")), "4:", reason);
    }
    assert_says(&threshold("forecast, quantile: 1.0"), "4:68: rules[0].threshold.quantile: ", "between 0 and 1");
    for days in ["0", "-1", ".inf", "1e9"] {
        assert_says(&threshold(&format!("days_of_cover, days: {days}")), "4:", "is not above 0 and at most 3650");
    }
    for quantity in ["-1", "0.0001", "1e40", "many", ".nan"] {
        let refused = threshold(&format!("fixed, quantity: {quantity}"));
        assert_says(&refused, "4:", "is not a quantity; write units ≥ 0 with up to three decimals");
        assert!(refused.contains(at), "{refused}");
    }
    let surge = |rest: &str| rule_error(&format!("{{id: a, kind: demand_surge, {rest}}}"));
    assert_says(&surge("false_alarms_per_1000_sku_days: 0"), "4:", "is not above 0");
    assert_says(&surge("mode: active"), "4:5: rules[0]: ", "`false_alarms_per_1000_sku_days` is missing");
    assert_says(&surge("false_alarms_per_1000_sku_days: 1, minimum_lines: 0"), "4:", "not a whole number from 1");
    assert_says(&surge("false_alarms_per_1000_sku_days: 1, cool_down_hours: -1"), "4:", "is not between 0 and");
    let outbound = |rest: &str| rule_error(&format!("{{id: a, kind: abnormal_outbound, {rest}}}"));
    assert_says(&outbound("false_alarms_per_1000_lines: 0"), "4:", "is not above 0 and at most 1000");
    assert_says(&outbound("resolve_after_hours: 721"), "4:", "is not above 0 and at most 720");
    assert_says(&outbound("minimum_money: -1"), "4:", "is not between 0 and");
    assert_says(&outbound("false_alarms_per_1000_sku_days: 1"), "4:", "(it belongs to shrinkage, demand_surge)");
}

#[test]
fn thresholds_are_complete() {
    let rule = |rest: &str| rule_error(&format!("{{id: a, kind: low_stock{rest}}}"));
    assert_says(&rule(""), "4:5: rules[0]: ", "`threshold` is missing; add for example");
    assert_says(&rule(", threshold: 36"), "4:41: rules[0].threshold: ", "expected a mapping");
    assert_says(&rule(", threshold: {}"), "4:41: rules[0].threshold: ", "`type` is missing");
    assert_says(&rule(", threshold: {type: magic}"), "4:48: rules[0].threshold.type: ", "unknown threshold type");
    assert_says(&rule(", threshold: {type: dynamic}"), "4:41: rules[0].threshold: ", "`service_level` is missing");
    assert_says(
        &rule(", threshold: {type: fixed, quantity: 3, days: 7}"),
        "4:68: rules[0].threshold.days: ",
        "a threshold of type fixed takes `quantity`; remove this key or change the type",
    );
}

#[test]
fn scopes_are_checked() {
    let scope = |s: &str| rule_error(&format!("{{id: a, kind: stock_out, scope: {s}}}"));
    assert_says(&scope("{class: A}"), "4:38: rules[0].scope.class: ", "write abc: A, or xyz: [X, Y]");
    assert_says(&scope("{abc: D}"), "4:43: rules[0].scope.abc: ", "`D` is no class; write A, B, C");
    assert_says(&scope("{sku: []}"), "4:43: rules[0].scope.sku: ", "an empty list covers nothing");
    assert_says(&scope("{sku: [A, {}]}"), "4:47: rules[0].scope.sku[1]: ", "expected a single value");
    assert_says(&scope("{tag: ''}"), "4:43: rules[0].scope.tag: ", "has no value");
    assert_says(&scope("{category: a//b}"), "4:48: rules[0].scope.category: ", "has an empty level");
    assert_says(&scope("everything"), "4:37: rules[0].scope: ", "expected a mapping");
}

#[test]
fn all_errors_are_reported_in_the_order_of_the_text() {
    let text = "version: 0
id: d
rules:
  - id: a
    kind: low_stock
    threshold: {type: dynamic, service_level: 2}
  - id: a
    kind: nonsense
    scope: {class: A}
";
    let lines: Vec<String> = errors(text).iter().map(|e| e.split(": ").take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        lines,
        [
            "1:10 version",
            "6:47 rules[0].threshold.service_level",
            "7:9 rules[1].id",
            "8:11 rules[1].kind",
            "9:13 rules[1].scope.class"
        ]
    );
}

#[test]
fn an_error_in_an_alias_points_to_its_anchor() {
    let text = "version: 1
id: d
rules:
  - {id: a, kind: low_stock, threshold: &t {type: dynamic, service_level: 7}}
  - {id: b, kind: low_stock, threshold: *t}
";
    let found = errors(text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().all(|e| e.starts_with("4:75: ")), "{found:#?}");
}

#[test]
fn hostile_documents_are_bounded() {
    assert_says(&error(&"#".repeat(1 << 21)), "1:1: ", "the limit is 1048576; split it");
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb = format!("{bomb}a{level}: &a{level} [{below}]\n");
    }
    assert_says(&error(&bomb), "", "the document is too large");
    for deep in ["[", "- ", "{a: "] {
        assert_says(&error(&deep.repeat(100_000)), "1:", "");
    }
    assert_says(&error("a: &a [*a]"), "1:", "not valid YAML");
    assert_says(&error("version: 1\n<<: {id: d}\n"), "2:", "merge keys (`<<`) are not supported");
}

#[test]
fn promotions_are_read_and_refused_with_their_place() {
    let document = |promotion: &str| format!("version: 1\nid: d\npromotions:\n  - {promotion}\n");
    let plan = "{id: a, scope: {category: toys}, from: 2026-11-23, until: 2026-11-29, uplift: 2.5}";
    let read = parse("r.yaml", &document(plan)).unwrap();
    let [promotion] = &read.promotions[..] else { panic!("one promotion") };
    assert!(read.rules.is_empty(), "a document may hold plans alone");
    assert_eq!(
        (promotion.reference.rule.as_str(), promotion.uplift, promotion.until.0 - promotion.from.0),
        ("a", 2.5, 6)
    );
    assert_eq!(promotion.scope.category, ["toys"]);
    for (promotion, place, reason) in [
        ("{id: a, from: 23.11.2026, until: 2026-11-29, uplift: 2}", "4:19: promotions[0].from", "not a date"),
        ("{id: a, from: 2026-11-29, until: 2026-11-23, uplift: 2}", "4:5: promotions[0]", "is before `from`"),
        ("{id: a, from: 2026-11-29, until: 2026-11-30, uplift: 0.5}", "4:5: promotions[0].uplift", "does not lower"),
        ("{id: a, from: 2026-11-29, until: 2026-11-30}", "4:5: promotions[0]", "`uplift` is missing"),
        ("{id: a, from: 2026-11-29, until: 2026-11-30, uplift: 2, sku: B}", "4:", "unknown key"),
    ] {
        assert_says(&error(&document(promotion)), place, reason);
    }
    let twins = format!("{}  - {plan}\n", document(plan));
    assert_says(&error(&twins), "5:10: promotions[1].id", "taken by the promotion in line 4");
    assert_says(&error("version: 1\nid: d\npromotions: []\n"), "1:1", "`rules` is missing");
}
