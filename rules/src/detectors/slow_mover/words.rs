//! What people are told about slow stock.

use schemas::{AlertState, Message};

use super::suggestion::Suggestion;
use super::{Reason, Slowness};
use crate::alerts::messages::{expired, number, of};
use crate::detectors::Sight;

/// Figures of the message.
pub(super) struct Told {
    pub(super) slowness: Slowness,
    pub(super) reason: Reason,
    pub(super) horizon_days: i32,
    pub(super) money: Option<f64>,
}

pub(super) fn message(sight: &Sight<'_>, state: AlertState, told: &Told, suggestion: &Suggestion<'_>) -> Message {
    match state {
        AlertState::Expired => return expired(sight, "slow-mover", "滞销"),
        AlertState::Resolved => return resolved(sight),
        _ => {}
    }
    let on_hand = number(super::on_hand(sight));
    let (worth, worth_zh) = match told.money {
        Some(money) => (format!(" worth {money:.2}"), format!(",价值 {money:.2}")),
        None => Default::default(),
    };
    let (fact, fact_zh) = fact(told);
    let (action, action_zh) = action(suggestion);
    of(
        sight,
        &format!("{on_hand} on hand{worth}, {fact}. {action}"),
        &format!("库存 {on_hand}{worth_zh},{fact_zh}。{action_zh}"),
    )
}

fn resolved(sight: &Sight<'_>) -> Message {
    if super::on_hand(sight) > 0.0 {
        of(sight, "it is no longer a slow mover. Nothing to do.", "已不再滞销,无需处理。")
    } else {
        of(sight, "the slow stock is gone. Nothing to do.", "滞销库存已清空,无需处理。")
    }
}

fn fact(told: &Told) -> (String, String) {
    let Slowness { no_sale_probability, days_of_cover, idle_days } = told.slowness;
    let horizon = told.horizon_days;
    match told.reason {
        Reason::NoSaleProbability => {
            let percent = number((no_sale_probability * 100.0).floor());
            (
                format!("idle for {idle_days} days, no sale expected in the next {horizon} (probability {percent} %)"),
                format!("已 {idle_days} 天无销售,未来 {horizon} 天无销售的概率为 {percent}%"),
            )
        }
        Reason::DaysOfCover if days_of_cover.is_finite() => {
            let days = number(days_of_cover.floor());
            (format!("enough for {days} days"), format!("可销 {days} 天"))
        }
        Reason::DaysOfCover => ("nothing sells".to_owned(), "没有销售".to_owned()),
        Reason::IdleDays => (format!("idle for {idle_days} days"), format!("已 {idle_days} 天无销售")),
    }
}

fn action(suggestion: &Suggestion<'_>) -> (String, String) {
    match suggestion {
        Suggestion::Relocate(transfer) => {
            let (to, quantity) = (transfer.elsewhere, transfer.quantity);
            let pace = number(to.velocity);
            (
                format!("Move {quantity} to {}, which sells {pace} a day.", to.display_name()),
                format!("建议调拨 {quantity} 到{},该处日均销量 {pace}。", to.display_name_zh()),
            )
        }
        Suggestion::Delist => {
            ("Clear it out and take it off the range.".to_owned(), "建议清仓并下架该商品。".to_owned())
        }
        Suggestion::Promote => ("Mark it down.".to_owned(), "建议降价促销。".to_owned()),
    }
}
