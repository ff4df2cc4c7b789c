//! A small chain of shops with known input: weekday pattern, deliveries, balances, returns, empty
//! shelves. The same text on every call.

use std::fmt::Write;

const SKUS: u64 = 40;
const SHOPS: u64 = 3;
pub const DAYS: i64 = 50;
/// 2026-03-01, a Sunday.
const FIRST_DAY: i64 = 20_513;

/// A generator good enough to scatter sales (Knuth, MMIX).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

pub fn time(day: i64, minute: i64) -> String {
    let at = civil_date(FIRST_DAY + day);
    format!("{at}T{:02}:{:02}:00Z", minute / 60, minute % 60)
}

/// The civil date of a day since 1970-01-01 (Howard Hinnant, `civil_from_days`).
fn civil_date(day: i64) -> String {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{:02}", doy - (153 * mp + 2) / 5 + 1)
}

/// Catalogue lines: every item has a lead time, a third are scored.
pub fn catalog() -> String {
    (0..SKUS).fold(String::new(), |mut out, sku| {
        let tags = if sku.is_multiple_of(3) { "\"scored\"" } else { "" };
        let _ = writeln!(
            out,
            "{{\"sku\":\"SKU-{sku}\",\"name\":\"item {sku}\",\"name_zh\":\"商品{sku}\",\"category\":\"c{}\",\"supplier\":\"S{}\",\
             \"unit_price\":\"{}.50\",\"lead_time_days\":{},\"tags\":[{tags}]}}",
            sku % 4,
            sku % 5,
            sku + 1,
            2 + sku % 7
        );
        out
    })
}

/// Location lines: two time zones, and one that is not said.
pub fn locations() -> String {
    "{\"location\":\"SHOP-0\",\"time_zone\":\"Asia/Shanghai\",\"kind\":\"store\"}\n\
     {\"location\":\"SHOP-1\",\"time_zone\":\"America/New_York\",\"kind\":\"store\"}\n"
        .to_owned()
}

/// Event lines in order of time.
pub fn events() -> String {
    let mut dice = Dice(7);
    let mut lines: Vec<(String, String)> = Vec::new();
    for day in 0..DAYS {
        let busy = if day % 7 == 6 { 2 } else { 1 };
        for sku in 0..SKUS {
            for shop in 0..SHOPS {
                day_of(&mut lines, &mut dice, (day, busy), sku, shop);
            }
        }
    }
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    lines.into_iter().map(|(_, line)| line).collect()
}

fn day_of(lines: &mut Vec<(String, String)>, dice: &mut Dice, (day, busy): (i64, u64), sku: u64, shop: u64) {
    let mut push = |minute: i64, change: String| {
        let (at, n) = (time(day, minute), lines.len());
        let line = format!(
            "{{\"event_id\":\"e{n}\",\"sku\":\"SKU-{sku}\",\"location\":\"SHOP-{shop}\",\"occurred_at\":\"{at}\",\"change\":{change}}}\n"
        );
        lines.push((at, line));
    };
    if day % 14 == (sku % 14) as i64 {
        push(5, format!("{{\"type\":\"balance_observed\",\"on_hand\":{}}}", 10 + dice.roll(60)));
    }
    if day == 30 && sku % 8 == 1 {
        push(6, "{\"type\":\"balance_observed\",\"on_hand\":0}".to_owned());
    }
    // A third of the items sell daily, the others now and then; one becomes the talk of the town.
    let talk_of_the_town = if sku == 3 && day > 40 { 8 } else { 1 };
    let sales = if sku.is_multiple_of(3) || dice.roll(5) == 0 { dice.roll(3 * busy) * talk_of_the_town } else { 0 };
    for sale in 0..sales {
        let minute = 480 + dice.roll(600) as i64;
        let change = format!(
            "{{\"type\":\"sold\",\"quantity\":{},\"order_id\":\"o-{day}-{sku}-{shop}-{sale}\"}}",
            1 + dice.roll(4)
        );
        push(minute, change);
    }
    if dice.roll(20) == 0 {
        push(1000, format!("{{\"type\":\"returned\",\"quantity\":1,\"order_id\":\"r-{day}-{sku}-{shop}\"}}"));
    }
    if dice.roll(12) == 0 {
        push(420, format!("{{\"type\":\"received\",\"quantity\":{}}}", 10 + dice.roll(30)));
    }
}
