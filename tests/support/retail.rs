//! The real retail movements as canonical lines, where the data set is at hand.
//!
//! Converted here and not by the script beside the data, so that the tests need no Python. A void
//! keeps its own document instead of being matched to its sale: nothing tested here depends on it.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::chain;

/// The development split, or `None` where there is none: then a test says so and passes.
pub fn split() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("QM_SHARED").map_or(beside, PathBuf::from);
    let split = shared.join("data/retail/dev");
    if split.is_dir() {
        return Some(split);
    }
    #[allow(clippy::print_stderr)]
    {
        eprintln!("SKIPPED: no retail data in {}; set QM_SHARED", split.display());
    }
    None
}

pub fn catalog(split: &Path) -> String {
    let mut out = String::new();
    for row in rows(&split.join("skus.csv")) {
        let [sku, supplier, lead_time, category, price] = fields(&row);
        let _ = writeln!(
            out,
            "{{\"sku\":\"{sku}\",\"category\":\"{category}\",\"supplier\":\"{supplier}\",\"unit_price\":\"{price}\",\
             \"lead_time_days\":{lead_time},\"tags\":[\"scored\"]}}"
        );
    }
    out
}

/// Every movement, in order of time.
pub fn movements(split: &Path) -> String {
    let mut out = String::new();
    for (n, row) in rows(&split.join("movements.csv.gz")).iter().enumerate() {
        let [at, sku, kind, quantity, document, customer, price, _note] = fields(row);
        let size = quantity.trim_start_matches('-');
        let order = format!("\"order_id\":\"{document}\",\"customer\":\"{customer}\",\"unit_price\":\"{price}\"");
        let change = match kind {
            "SALE" => format!("\"sold\",\"quantity\":{size},{order}"),
            "VOID" => format!("\"sale_cancelled\",\"quantity\":{size},{order}"),
            "ADJUST" => format!("\"adjusted\",\"quantity\":{quantity},\"document\":\"{document}\""),
            _ => format!("\"returned\",\"quantity\":{size},{order}"),
        };
        let _ = write_event(&mut out, n, sku, at, &change);
    }
    out
}

/// Daily sales with shortages: what is left in the morning, the sales at noon, and plenty again on
/// the morning after a shortage.
pub fn censored(split: &Path) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut short: Option<(String, i64)> = None;
    let push = |lines: &mut Vec<(String, String)>, sku: &str, day: i64, minute: i64, change: &str| {
        let (at, mut line) = (chain::time(day - DAY_SHIFT, minute), String::new());
        let _ = write_event(&mut line, lines.len(), sku, &at, change);
        lines.push((at, line));
    };
    for row in rows(&split.join("censored_daily.csv.gz")) {
        let [sku, day, quantity, out_of_stock] = fields(&row);
        let (day, out_of_stock) = (day.parse::<i64>().unwrap(), out_of_stock == "1");
        if let Some((short_sku, last)) = short.take_if(|(s, last)| *s != sku || day > *last + 1 || !out_of_stock) {
            push(&mut lines, &short_sku, last + 1, 5, "\"balance_observed\",\"on_hand\":1000000");
        }
        if out_of_stock {
            push(&mut lines, sku, day, 5, &format!("\"balance_observed\",\"on_hand\":{quantity}"));
            short = Some((sku.to_owned(), day));
        }
        if quantity != "0" {
            push(&mut lines, sku, day, 720, &format!("\"sold\",\"quantity\":{quantity},\"order_id\":\"{sku}-{day}\""));
        }
    }
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Day 0 of the data set, 2009-12-01, before day 0 of [`chain`].
const DAY_SHIFT: i64 = 5_934;

fn write_event(out: &mut String, n: usize, sku: &str, at: &str, change: &str) -> std::fmt::Result {
    writeln!(
        out,
        "{{\"event_id\":\"mv/{n}\",\"sku\":\"{sku}\",\"location\":\"MAIN\",\"occurred_at\":\"{at}\",\"change\":{{\"type\":{change}}}}}"
    )
}

/// The lines of a CSV file, plain or gzip, without its header.
fn rows(path: &Path) -> Vec<String> {
    let mut text = String::new();
    let mut file = File::open(path).unwrap();
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        file.read_to_string(&mut text).unwrap();
    }
    text.lines().skip(1).map(str::to_owned).collect()
}

/// The first fields of a row. Only the last one is ever quoted in these files.
fn fields<const N: usize>(row: &str) -> [&str; N] {
    let mut fields = row.splitn(N, ',');
    std::array::from_fn(|_| fields.next().unwrap())
}
