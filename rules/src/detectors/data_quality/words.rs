//! What people are told about figures that contradict each other.

use schemas::{AlertState, Message};

use crate::alerts::messages::{expired, of};
use crate::detectors::Sight;
use crate::position::{Doubt, Fault};

pub(super) fn message(sight: &Sight<'_>, state: AlertState, doubt: Option<&Doubt>) -> Message {
    match (state, doubt) {
        (AlertState::Expired, _) => expired(sight, "data-quality", "数据质量"),
        (AlertState::Resolved, _) => of(sight, "the figures agree again. Nothing to do.", "数据已恢复一致,无需处理。"),
        (_, None) => of(
            sight,
            "an expiry or delivery date cannot be right and was left out. Correct it at the source.",
            "到期日或交货日不合理,已忽略。请在来源系统中更正。",
        ),
        (_, Some(Doubt { fault: Fault::BelowZero, book, .. })) => of(
            sight,
            &format!("the book says {book}, less than nothing. Count the item."),
            &format!("账面库存为 {book},低于零。请盘点。"),
        ),
        (_, Some(Doubt { stated, book, .. })) => of(
            sight,
            &format!("{stated} reported where the book says {book}. Count the item."),
            &format!("上报库存 {stated},账面为 {book}。请盘点。"),
        ),
    }
}
