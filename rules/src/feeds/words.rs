//! What people are told of a silent feed, in English and in Chinese.

use schemas::time::{HOUR_MS, MINUTE_MS};
use schemas::{AlertState, Message};

use super::Feed;
use super::stale::Silence;
use crate::place::Place;
use crate::ruleset::Rule;

pub(super) fn say(
    feed: &Feed<'_>,
    place: &Place,
    silence: &Silence,
    rule: Option<&Rule>,
    state: AlertState,
) -> Message {
    let (name, name_zh) = names(feed, place);
    let of = |en: &str, zh: &str| Message { en: format!("{name}: {en}"), zh_cn: format!("{name_zh}:{zh}") };
    if rule.is_none() {
        let en = "the alert ended because its rule is no longer in force. Nothing to do.";
        return of(en, "告警规则已失效,告警已关闭,无需处理。");
    }
    if matches!(state, AlertState::Resolved | AlertState::Expired) {
        return of("data arrive again. Nothing to do.", "数据已恢复,无需处理。");
    }
    let (long, long_zh) = duration(silence.silent_ms);
    let (usual, usual_zh) = match silence.usual_gap_ms() {
        Some(gap) => {
            let (gap, gap_zh) = duration(gap as i64);
            (format!(", where they usually come every {gap}"), format!(",平时每{gap_zh}就有数据"))
        }
        None => Default::default(),
    };
    of(
        &format!("no data for {long}{usual}. No alert from there means nothing: check the feed."),
        &format!("已{long_zh}没有数据{usual_zh}。没有告警不代表正常,请检查数据接入。"),
    )
}

fn names(feed: &Feed<'_>, place: &Place) -> (String, String) {
    match feed {
        Feed::Location(location) => {
            let name = place.name.as_deref().unwrap_or(location);
            (name.to_owned(), place.name_zh.as_deref().unwrap_or(name).to_owned())
        }
        Feed::Source { name, partition: 0 } => (format!("source {name}"), format!("数据源 {name}")),
        Feed::Source { name, partition } => {
            (format!("source {name}, partition {partition}"), format!("数据源 {name} 分区 {partition}"))
        }
    }
}

/// Minutes below two hours, hours below two days, days above.
fn duration(ms: i64) -> (String, String) {
    let (unit_ms, unit, unit_zh) = match ms {
        ..7_200_000 => (MINUTE_MS, "minute", "分钟"),
        7_200_000..172_800_000 => (HOUR_MS, "hour", "小时"),
        _ => (24 * HOUR_MS, "day", "天"),
    };
    let count = (ms / unit_ms).max(1);
    let plural = if count == 1 { "" } else { "s" };
    (format!("{count} {unit}{plural}"), format!("{count}{unit_zh}"))
}
