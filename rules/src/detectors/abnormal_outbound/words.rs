//! What people are told about stock that leaves unexplained.

use schemas::{AlertState, Message};

use crate::alerts::messages::{expired, number, of};
use crate::detectors::Sight;
use crate::detectors::worth::{money, worth};
use crate::outbound::{Kind, UNUSUAL, Unexplained};

pub(super) fn message(sight: &Sight<'_>, state: AlertState, lines: Option<&Unexplained>) -> Message {
    match (state, lines) {
        (AlertState::Expired, _) => expired(sight, "outbound", "异常出库"),
        (AlertState::Resolved, Some(lines)) if lines.is_settled() => {
            of(sight, "what left unexplained has come back. Nothing to do.", "异常出库的货品已退回,无需处理。")
        }
        (AlertState::Resolved, _) | (_, None) => {
            of(sight, "nothing more has left unexplained. Nothing to do.", "未再发现异常出库,无需处理。")
        }
        (_, Some(lines)) => of_lines(sight, lines),
    }
}

fn of_lines(sight: &Sight<'_>, lines: &Unexplained) -> Message {
    let (what, what_zh) = verb(lines.kind);
    let (why, why_zh) = why(lines);
    let (worth, worth_zh) = worth(money(sight, lines.remaining()));
    let (quantity, count, total) = (lines.quantity, lines.lines, lines.remaining());
    let (in_all, in_all_zh) = match count {
        1 => Default::default(),
        _ => (format!("; {total} in {count} such lines"), format!(";共 {count} 笔合计 {total}")),
    };
    of(
        sight,
        &format!("{quantity} {what}{why}{in_all}{worth}. Ask who booked it, and count the item."),
        &format!("{what_zh} {quantity}{why_zh}{in_all_zh}{worth_zh}。请核实经手人并盘点该商品。"),
    )
}

const fn verb(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Sale => ("sold", "销售出库"),
        Kind::Transfer => ("transferred out", "调拨出库"),
        Kind::Scrap => ("scrapped", "报废"),
        Kind::Correction => ("written off", "调减库存"),
    }
}

/// All that is unusual about the rarest of the lines.
fn why(lines: &Unexplained) -> (String, String) {
    let rare = |share: f32| f64::from(share) <= UNUSUAL;
    let surprise = &lines.surprise;
    let mut why = (String::new(), String::new());
    let mut say = |text: &str, text_zh: &str| {
        why.0.push_str(text);
        why.1.push_str(text_zh);
    };
    if surprise.document.is_some_and(rare) {
        match lines.kind {
            Kind::Sale => say(" without an order", ",无订单"),
            _ => say(" without a document", ",无单据"),
        }
    }
    if rare(surprise.size) {
        let (usual, times) = (number(lines.usual()), number(lines.quantity.as_f64() / lines.usual()));
        say(&format!(", {times} times the usual {usual}"), &format!(",为通常 {usual} 的 {times} 倍"));
    }
    if rare(surprise.hour) {
        say(", at an hour when hardly anything leaves", ",时段异常");
    }
    if surprise.reason.is_some_and(rare) {
        match lines.reason.as_deref() {
            Some(reason) => say(&format!(", for the rare reason \"{reason}\""), &format!(",原因「{reason}」少见")),
            None => say(", without a reason", ",未注明原因"),
        }
    }
    why
}
