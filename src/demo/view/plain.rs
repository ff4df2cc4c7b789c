//! The demo as lines: one per alert, and one every five simulated days.

use std::{io, sync::mpsc::Receiver};

use schemas::{Timestamp, time::DAY_MS};

use super::{
    Ended,
    board::{Board, Line},
};
use crate::demo::{
    DemoEvent, Language,
    report::kind_name,
    text::{fit, grouped, short_time},
};

const PROGRESS_EVERY_MS: i64 = 5 * DAY_MS;

/// Prints until the channel closes. A reader that has seen enough (`| head`) ends it like a quit.
pub(super) fn run(mut board: Board, events: &Receiver<DemoEvent>, out: &mut impl io::Write) -> io::Result<Ended> {
    let mut next_progress = board.now().plus_ms(PROGRESS_EVERY_MS);
    while let Ok(event) = events.recv() {
        if matches!(event, DemoEvent::Finished) {
            break;
        }
        let language = board.language;
        let line = board.apply(event).map(|line| alert_line(line, language));
        let progress = due(&board, &mut next_progress).then(|| progress_line(&board));
        for line in progress.into_iter().chain(line) {
            match writeln!(out, "{line}").and_then(|()| out.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Ended::Quit),
                other => other?,
            }
        }
    }
    writeln!(out, "{}\n", progress_line(&board))?;
    Ok(Ended::Finished(board.into_opened()))
}

fn due(board: &Board, next: &mut Timestamp) -> bool {
    let due = board.now() >= *next;
    while board.now() >= *next {
        *next = next.plus_ms(PROGRESS_EVERY_MS);
    }
    due
}

fn alert_line(line: &Line, language: Language) -> String {
    let alert = &line.alert;
    let message = language.pick((&alert.message.en, &alert.message.zh_cn));
    let caught = line.caught.as_ref().map_or_else(String::new, |id| format!("  ✔ {id}"));
    let (severity, kind) = (fit(alert.severity.name(), 8), fit(kind_name(alert.kind, language), 9));
    format!("{}  {severity}  {kind}  {message}{caught}", short_time(alert.detected_at))
}

fn progress_line(board: &Board) -> String {
    let (caught, begun, all) = board.planted();
    let (events, lag) = board.clock.map_or((0, 0), |clock| (clock.events, clock.lag));
    let (now, events, lag) = (short_time(board.now()), grouped(events), grouped(lag));
    let history = if board.live() { "" } else { board.language.pick((" (history)", "（历史）")) };
    match board.language {
        Language::En => {
            format!(
                "── {now}{history} · {events} events · lag {lag} · planted problems: {caught} caught, {begun} of {all} begun"
            )
        }
        Language::ZhCn => {
            format!("── {now}{history} · 事件 {events} · 积压 {lag} · 预设问题：已发现 {caught}，已开始 {begun}/{all}")
        }
    }
}
