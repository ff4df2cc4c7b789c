//! Words and alignment for terminals: durations, dates, padding that knows wide Chinese characters.

use schemas::{
    Timestamp,
    time::{DAY_MS, HOUR_MS, MINUTE_MS},
};
use unicode_width::UnicodeWidthStr;

use super::Language;

/// `3.2 d`, `5.0 h`, `12 min`, `40 s`; `3.2 天` in Chinese.
#[must_use]
pub fn duration(ms: i64, language: Language) -> String {
    let magnitude = ms.abs();
    let [days, hours, minutes, seconds] = language.pick((["d", "h", "min", "s"], ["天", "小时", "分钟", "秒"]));
    if magnitude >= 2 * DAY_MS {
        format!("{:.1} {days}", ms as f64 / DAY_MS as f64)
    } else if magnitude >= 2 * HOUR_MS {
        format!("{:.1} {hours}", ms as f64 / HOUR_MS as f64)
    } else if magnitude >= 2 * MINUTE_MS {
        format!("{} {minutes}", ms / MINUTE_MS)
    } else {
        format!("{} {seconds}", ms / 1000)
    }
}

/// `10-05 14:30`, UTC.
#[must_use]
pub fn short_time(at: Timestamp) -> String {
    let full = at.to_string();
    match (full.get(5..10), full.get(11..16)) {
        (Some(date), Some(time)) => format!("{date} {time}"),
        _ => full,
    }
}

/// `1,234,567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Pads with spaces to a width in terminal columns; longer text is cut with `…`.
#[must_use]
pub fn fit(text: &str, columns: usize) -> String {
    let width = text.width();
    if width <= columns {
        return format!("{text}{}", " ".repeat(columns - width));
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let next = c.encode_utf8(&mut [0; 4]).width();
        if used + next + 1 > columns {
            break;
        }
        out.push(c);
        used += next;
    }
    format!("{out}…{}", " ".repeat(columns.saturating_sub(used + 1)))
}

/// Rows under a header, each column as wide as its widest cell, two spaces between.
#[must_use]
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..header.len())
        .map(|c| rows.iter().map(|row| row[c].width()).chain([header[c].width()]).max().unwrap_or(0))
        .collect();
    let line = |cells: Vec<&str>| {
        let cells: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| fit(cell, *width)).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    let mut out = line(header.to_vec());
    out += &line(widths.iter().map(|w| "─".repeat(*w)).collect::<Vec<_>>().iter().map(String::as_str).collect());
    for row in rows {
        out += &line(row.iter().map(String::as_str).collect());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_characters_take_two_columns() {
        assert_eq!(fit("茶", 4), "茶  ");
        assert_eq!(fit("手机壳", 5), "手机…");
        assert_eq!(fit("phone case", 6), "phone…");
    }

    #[test]
    fn durations_are_rounded_to_what_people_say() {
        assert_eq!(duration(3 * DAY_MS + 5 * HOUR_MS, Language::En), "3.2 d");
        assert_eq!(duration(5 * HOUR_MS, Language::En), "5.0 h");
        assert_eq!(duration(12 * MINUTE_MS, Language::En), "12 min");
        assert_eq!(duration(40_000, Language::ZhCn), "40 秒");
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![vec!["P01".to_owned(), "茶叶".to_owned()], vec!["P02".to_owned(), "x".to_owned()]];
        assert_eq!(table(&["id", "name"], &rows), "id   name\n───  ────\nP01  茶叶\nP02  x\n");
    }
}
