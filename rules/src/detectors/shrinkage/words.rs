//! What people are told about stock that goes missing.

use schemas::{AlertState, Message};

use crate::alerts::messages::{chinese_day, expired, iso, number, of};
use crate::detectors::Sight;
use crate::detectors::worth::{money, worth};
use crate::losses::{Bleed, Shortfall};

pub(super) fn message(
    sight: &Sight<'_>,
    state: AlertState,
    stocktake: Option<&Shortfall>,
    bleed: Option<&Bleed>,
) -> Message {
    match (state, stocktake, bleed) {
        (AlertState::Expired, ..) => expired(sight, "shrinkage", "损耗"),
        (AlertState::Resolved, ..) | (_, None, None) => {
            of(sight, "nothing more has gone missing. Nothing to do.", "未再发现损耗,无需处理。")
        }
        (_, Some(shortfall), _) => of_stocktake(sight, shortfall),
        (_, None, Some(bleed)) => of_bleed(sight, bleed),
    }
}

fn of_stocktake(sight: &Sight<'_>, shortfall: &Shortfall) -> Message {
    let (missing, book) = (shortfall.remaining(), shortfall.book);
    let (worth, worth_zh) = worth(money(sight, missing));
    let usual = number(shortfall.expected());
    of(
        sight,
        &format!(
            "{missing} of {book} missing at the count{worth}, where {usual} is usual. Count again and find out why."
        ),
        &format!("盘点短少 {missing}(账面 {book}){worth_zh},通常约 {usual}。请复盘并查明原因。"),
    )
}

fn of_bleed(sight: &Sight<'_>, bleed: &Bleed) -> Message {
    let Bleed { units, loss_days, .. } = bleed;
    let days = u32::from(*loss_days) + u32::from(bleed.quiet_days);
    let (worth, worth_zh) = worth(money(sight, *units));
    let since = iso(bleed.since);
    of(
        sight,
        &format!("{units} lost since {since}{worth}, on {loss_days} of {days} days. Find out why."),
        &format!(
            "自{}起累计损耗 {units}{worth_zh},{days} 天中有 {loss_days} 天发生。请查明原因。",
            chinese_day(&since)
        ),
    )
}
