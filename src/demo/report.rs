//! The table at the end of the demo: every planted problem, then the totals, in plain text.

use std::io;

use schemas::AlertKind;

use super::{
    Language,
    score::{Counts, Outcome, Report, Verdict},
    text::{duration, short_time, table},
};

impl Report {
    /// Writes the table and the totals.
    pub fn print(&self, language: Language, out: &mut impl io::Write) -> io::Result<()> {
        let header = match language {
            Language::En => {
                ["", "planted problem", "alert", "where", "true since", "caught", "", "alert id", "verdict"]
            }
            Language::ZhCn => ["", "预设问题", "告警", "地点", "成立时间", "发现时间", "", "告警编号", "结果"],
        };
        let rows: Vec<Vec<String>> = self.outcomes.iter().map(|o| row(o, language)).collect();
        writeln!(out, "{}", table(&header, &rows))?;
        self.print_totals(language, out)
    }

    fn print_totals(&self, language: Language, out: &mut impl io::Write) -> io::Result<()> {
        let (caught, all) = (self.count(Verdict::Caught), self.outcomes.len());
        let (late, missed, absent) =
            (self.count(Verdict::Late), self.count(Verdict::Missed), self.count(Verdict::Absent));
        let say = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), |ms| duration(ms, language));
        let stock_out = say(self.median_delay_ms(AlertKind::StockOut));
        let surge = say(self.median_delay_ms(AlertKind::DemandSurge));
        let warning = say(self.median_warning_ms());
        let (empty, alerted) = self.stock_outs;
        match language {
            Language::En => {
                writeln!(out, "caught {caught}/{all} · late {late} · missed {missed} · did not come true {absent}")?;
                writeln!(
                    out,
                    "median delay: stock-outs {stock_out}, surges {surge} · low stock: {warning} before the shelf is empty"
                )?;
                writeln!(out, "items that sell ran out {empty} times, with a stock-out alert {alerted} times")?;
            }
            Language::ZhCn => {
                writeln!(out, "发现 {caught}/{all} · 过晚 {late} · 漏报 {missed} · 未发生 {absent}")?;
                writeln!(out, "发现延迟中位数：缺货 {stock_out}，激增 {surge} · 低库存提前量中位数 {warning}")?;
                writeln!(out, "在售商品断货 {empty} 次，其中有缺货告警 {alerted} 次")?;
            }
        }
        writeln!(out, "\n{}", self.other_alerts(language))
    }

    /// The alerts that caught nothing planted, judged by the books.
    fn other_alerts(&self, language: Language) -> String {
        let header = match language {
            Language::En => ["other alerts", "follow-up", "true, unplanned", "early", "false"],
            Language::ZhCn => ["其他告警", "连带", "属实但非预设", "偏早", "误报"],
        };
        let row = |(kind, counts): (&AlertKind, &Counts)| {
            let figures = [counts.follow_up, counts.unplanned, counts.early, counts.wrong];
            std::iter::once(kind_name(*kind, language).to_owned()).chain(figures.map(|n| n.to_string())).collect()
        };
        let rows: Vec<Vec<String>> = self.others.0.iter().map(row).collect();
        table(&header, &rows)
    }
}

fn row(outcome: &Outcome, language: Language) -> Vec<String> {
    let problem = &outcome.planted;
    let since = problem.from.map_or_else(|| "-".to_owned(), short_time);
    let (caught, id) = outcome.caught.map_or_else(
        || ("-".to_owned(), "-".to_owned()),
        |caught| (short_time(caught.at), caught.alert_id.simple().to_string()[..8].to_owned()),
    );
    vec![
        problem.id.clone(),
        language.pick(problem.story).to_owned(),
        kind_name(problem.kind, language).to_owned(),
        format!("{} {}", problem.sku, problem.location),
        since,
        caught,
        timing(outcome, language),
        id,
        verdict_name(outcome.verdict, language).to_owned(),
    ]
}

/// How long the warning was, or how long the discovery took.
fn timing(outcome: &Outcome, language: Language) -> String {
    let Some(caught) = outcome.caught else { return String::new() };
    let problem = &outcome.planted;
    match (problem.kind, problem.detect_by, problem.from) {
        (AlertKind::LowStock, Some(due), _) if due >= caught.at => {
            let ahead = duration(due.since(caught.at), language);
            language.pick((format!("{ahead} ahead"), format!("提前 {ahead}")))
        }
        (_, _, Some(from)) => {
            let after = duration(caught.at.since(from).max(0), language);
            language.pick((format!("after {after}"), format!("{after}后")))
        }
        _ => String::new(),
    }
}

/// The alert kind as people say it.
#[must_use]
pub fn kind_name(kind: AlertKind, language: Language) -> &'static str {
    match kind {
        AlertKind::LowStock => language.pick(("low stock", "低库存")),
        AlertKind::StockOut => language.pick(("stock-out", "缺货")),
        AlertKind::DemandSurge => language.pick(("surge", "销量激增")),
        other => other.name(),
    }
}

fn verdict_name(verdict: Verdict, language: Language) -> &'static str {
    language.pick(match verdict {
        Verdict::Caught => ("caught", "发现"),
        Verdict::Late => ("LATE", "过晚"),
        Verdict::Missed => ("MISSED", "漏报"),
        Verdict::Absent => ("did not come true", "未发生"),
    })
}
