//! What people are told, in English and in Chinese: the fact, and one thing to do.
//!
//! Names come from the catalogue, in the reader's language where it has one, else the SKU. Days are
//! the location's own. Never more than two sentences, and a third where another location can help out.

use schemas::time::DAY_MS;
use schemas::{AlertState, Day, Message, Quantity, Timestamp};

use crate::detectors::Sight;
use crate::network::Transfer;

/// Dates further away than this are not worth a promise.
const FURTHEST_DAYS: f64 = 3650.0;

/// The local day, `YYYY-MM-DD`, on which `days` from now fall; `None` in the far future.
#[must_use]
pub fn day_after(sight: &Sight<'_>, days: f64) -> Option<String> {
    if !(0.0..=FURTHEST_DAYS).contains(&days) {
        return None;
    }
    let then = sight.at.plus_ms((days * DAY_MS as f64) as i64);
    Some(iso(sight.env.place.zone.day_of(then)))
}

/// `YYYY-MM-DD`.
#[must_use]
pub fn iso(day: Day) -> String {
    let mut text = Timestamp::from_millis(i64::from(day.0).saturating_mul(DAY_MS)).to_string();
    text.truncate("2026-11-25".len());
    text
}

/// Figures of a low-stock message.
pub struct LowStock<'a> {
    pub reorder_point: Option<f64>,
    pub order: Option<Quantity>,
    /// `YYYY-MM-DD`.
    pub run_out: Option<String>,
    pub transfer: Option<Transfer<'a>>,
}

#[must_use]
pub fn low_stock(sight: &Sight<'_>, state: AlertState, figures: &LowStock<'_>) -> Message {
    let available = stock(sight.state.position.available());
    let on_order = sight.state.position.on_order();
    match state {
        AlertState::Resolved => of(
            sight,
            &format!(
                "stock is back above the reorder point, {available} available and {on_order} on order. Nothing to do."
            ),
            &format!("库存已回到补货点以上,可用 {available},在途 {on_order},无需处理。"),
        ),
        AlertState::Superseded => {
            of(sight, "low stock has become a stock-out; follow that alert.", "低库存已发展为缺货,请按缺货告警处理。")
        }
        AlertState::Expired => expired(sight, "low-stock", "低库存"),
        AlertState::Opened | AlertState::Updated | AlertState::Acknowledged => {
            let point = figures.reorder_point.map_or_else(String::new, threshold_number);
            let order = figures.order.map_or_else(String::new, |q| q.to_string());
            let (until, until_zh) = match &figures.run_out {
                Some(day) => (format!("; stock runs out on {day}"), format!(",预计 {} 售罄", chinese_day(day))),
                None => Default::default(),
            };
            let (or, or_zh) = transfer(figures.transfer.as_ref());
            of(
                sight,
                &format!(
                    "{available} available and {on_order} on order, reorder point {point}. Order {order} now{until}.{or}"
                ),
                &format!(
                    "可用 {available},在途 {on_order},已不高于补货点 {point}。请立即订货 {order}{until_zh}。{or_zh}"
                ),
            )
        }
    }
}

/// Figures of a stock-out message.
pub struct StockOut<'a> {
    /// Units a day; on the first day, those sold so far.
    pub velocity: f64,
    pub first_day: bool,
    pub money_per_day: Option<f64>,
    pub order: Option<Quantity>,
    pub transfer: Option<Transfer<'a>>,
}

#[must_use]
pub fn stock_out(sight: &Sight<'_>, state: AlertState, figures: &StockOut<'_>) -> Message {
    let on_hand = stock(sight.state.position.on_hand());
    match state {
        AlertState::Resolved => of(
            sight,
            &format!("in stock again, {on_hand} on hand. Nothing to do."),
            &format!("已恢复有货,当前库存 {on_hand},无需处理。"),
        ),
        AlertState::Expired => expired(sight, "stock-out", "缺货"),
        _ => {
            let (pace, pace_zh) = pace(figures);
            let on_order = sight.state.position.on_order();
            let (action, action_zh) = match figures.order {
                Some(q) => (format!("Order {q} now."), format!("请立即订货 {q}。")),
                None => (format!("{on_order} on order: chase the delivery."), format!("在途 {on_order},请催促到货。")),
            };
            let (or, or_zh) = transfer(figures.transfer.as_ref());
            of(
                sight,
                &format!("out of stock, {on_hand} on hand{pace}. {action}{or}"),
                &format!("已缺货,当前库存 {on_hand}{pace_zh}。{action_zh}{or_zh}"),
            )
        }
    }
}

/// How fast it sells and what that is worth, as far as there is anything to say.
fn pace(figures: &StockOut<'_>) -> (String, String) {
    let StockOut { velocity, first_day, money_per_day, .. } = *figures;
    if velocity <= 0.0 {
        return Default::default();
    }
    let units = number(velocity);
    let money = money_per_day.filter(|m| *m >= 0.005);
    let worth = money.map_or_else(String::new, |m| format!(", worth {m:.2}"));
    if first_day {
        let worth_zh = money.map_or_else(String::new, |m| format!(",销售额约 {m:.2}"));
        return (format!(", after {units} sold today{worth}"), format!(",今日已售 {units}{worth_zh}"));
    }
    let lost_zh = money.map_or_else(String::new, |m| format!(",每日销售额损失约 {m:.2}"));
    if velocity < 0.01 {
        return (format!(", while it sells less than 0.01 a day{worth}"), format!(",日均销量不足 0.01{lost_zh}"));
    }
    (format!(", while it sells {units} a day{worth}"), format!(",日均销量 {units}{lost_zh}"))
}

/// Who else has some.
fn transfer(transfer: Option<&Transfer<'_>>) -> (String, String) {
    let Some(Transfer { elsewhere, quantity }) = transfer else { return Default::default() };
    (
        format!(" {} can spare {quantity}.", elsewhere.display_name()),
        format!("{}可调拨 {quantity}。", elsewhere.display_name_zh()),
    )
}

/// Figures of a surge message.
pub struct Surge {
    pub lines: u32,
    pub expected: f64,
    pub days_left: Option<f64>,
}

#[must_use]
pub fn demand_surge(sight: &Sight<'_>, state: AlertState, figures: Option<&Surge>) -> Message {
    match (state, figures) {
        (AlertState::Expired, _) => expired(sight, "demand-surge", "需求激增"),
        (AlertState::Resolved, _) | (_, None) => {
            of(sight, "demand is back to normal. Nothing to do.", "需求已恢复正常,无需处理。")
        }
        (_, Some(figures)) => {
            let Surge { lines, expected, .. } = figures;
            let expected = number(*expected);
            let (action, action_zh) = match figures.days_left {
                Some(days) => {
                    let (left, left_zh) = duration(days);
                    (
                        format!("At this rate stock lasts {left}: reorder now."),
                        format!("按此速度库存可维持{left_zh},请立即补货。"),
                    )
                }
                None => ("Check the stock.".to_owned(), "请核实库存。".to_owned()),
            };
            of(
                sight,
                &format!("demand surge, {lines} order lines where {expected} were expected. {action}"),
                &format!("需求激增,已有 {lines} 笔订单,预期仅 {expected} 笔。{action_zh}"),
            )
        }
    }
}

pub(crate) fn expired(sight: &Sight<'_>, alert: &str, alert_zh: &str) -> Message {
    of(
        sight,
        &format!("the {alert} alert ended because it no longer applies. Nothing to do."),
        &format!("{alert_zh}告警已不再适用,已关闭,无需处理。"),
    )
}

/// An alert whose rule is gone.
#[must_use]
pub fn rule_gone(sight: &Sight<'_>) -> Message {
    of(
        sight,
        "the alert ended because its rule is no longer in force. Nothing to do.",
        "告警规则已失效,告警已关闭,无需处理。",
    )
}

/// `text` about the item at the place.
pub(crate) fn of(sight: &Sight<'_>, text: &str, text_zh: &str) -> Message {
    let (item, place) = (sight.env.item, sight.env.place);
    let name = item.name.as_deref().unwrap_or(&item.sku);
    let at = place.name.as_deref().unwrap_or(&place.location);
    let name_zh = item.name_zh.as_deref().unwrap_or(name);
    let at_zh = place.name_zh.as_deref().unwrap_or(at);
    Message { en: format!("{name} at {at}: {text}"), zh_cn: format!("{at_zh}「{name_zh}」:{text_zh}") }
}

fn stock(quantity: Option<Quantity>) -> String {
    quantity.map_or_else(|| "?".to_owned(), |q| q.to_string())
}

/// A threshold is rounded up, like the order it calls for; small ones keep a decimal.
fn threshold_number(units: f64) -> String {
    if units >= 10.0 { format!("{:.0}", units.ceil()) } else { number(units) }
}

/// A rate or an expectation, with as many decimals as mean something.
pub(crate) fn number(value: f64) -> String {
    let text = match value.abs() {
        size if size >= 10.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    match text.trim_end_matches('0').trim_end_matches('.') {
        short if text.contains('.') => short.to_owned(),
        _ => text,
    }
}

/// `2026-11-05` as `2026年11月5日`.
pub(crate) fn chinese_day(iso: &str) -> String {
    let mut parts = iso.splitn(3, '-').map(|part| part.trim_start_matches('0'));
    match (parts.next(), parts.next(), parts.next()) {
        (Some(year), Some(month), Some(day)) => format!("{year}年{month}月{day}日"),
        _ => iso.to_owned(),
    }
}

/// Hours below two days, days above.
fn duration(days: f64) -> (String, String) {
    if days < 2.0 {
        let hours = number((days * 24.0).floor());
        let unit = if hours == "1" { "hour" } else { "hours" };
        return (format!("{hours} {unit}"), format!("{hours}小时"));
    }
    let days = number(days.floor());
    (format!("{days} days"), format!("{days}天"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_say_what_they_know() {
        assert_eq!([0.0, 0.04, 0.5, 1.0, 1.25, 35.71].map(number), ["0", "0.04", "0.5", "1", "1.2", "36"]);
        assert_eq!([35.71, 9.26, 0.2].map(threshold_number), ["36", "9.3", "0.2"]);
        assert_eq!(number(120.0), "120");
    }

    #[test]
    fn days_and_durations_read_well() {
        assert_eq!(iso(Day(20_782)), "2026-11-25");
        assert_eq!(chinese_day("2026-11-05"), "2026年11月5日");
        assert_eq!(duration(0.05), ("1 hour".to_owned(), "1小时".to_owned()));
        assert_eq!(duration(3.9).0, "3 days");
    }
}
