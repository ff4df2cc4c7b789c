//! Draws the board on a terminal. Knows widgets and colours, and decides nothing.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line as Text, Span},
    widgets::{Block, Cell, Gauge, Paragraph, Row, Table},
};
use schemas::{AlertKind, Position, Quantity, Severity};

use super::board::{Board, Line};
use crate::demo::{
    report::kind_name,
    text::{grouped, short_time},
};

const QUIET: Style = Style::new().fg(Color::DarkGray);

/// The whole picture.
pub(super) fn draw(frame: &mut Frame<'_>, board: &Board) {
    let [flow_area, positions_area, alerts_area] =
        Layout::vertical([Constraint::Length(5), Constraint::Percentage(42), Constraint::Min(6)]).areas(frame.area());
    flow(frame, flow_area, board);
    positions(frame, positions_area, board);
    alerts(frame, alerts_area, board);
}

fn flow(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let title = board.language.pick((" Quartermaster demo · q quits ", " Quartermaster 演示 · 按 q 退出 "));
    let block = Block::bordered().title(title);
    let [bar, figures, planted] = Layout::vertical([Constraint::Length(1); 3]).areas(block.inner(area));
    frame.render_widget(block, area);
    let phase = if board.live() { ("live", "实时") } else { ("reading history", "读取历史") };
    let label = format!("{} UTC · {}", short_time(board.now()), board.language.pick(phase));
    let gauge = Gauge::default().ratio(board.progress()).label(label).gauge_style(Style::new().fg(Color::Cyan));
    frame.render_widget(gauge, bar);
    frame.render_widget(Paragraph::new(figures_line(board)), figures);
    frame.render_widget(Paragraph::new(planted_line(board)), planted);
}

fn figures_line(board: &Board) -> Text<'static> {
    let Some(clock) = board.clock else { return Text::raw("") };
    let names = board.language.pick((
        ["events", "/s", "lag", "transactions", "partitions", "dead letters"],
        ["事件", "/秒", "积压", "事务", "分区", "死信"],
    ));
    Text::from(format!(
        "{} {} ({}{}) · {} {} · {} {} · {} {} · {} {}",
        names[0],
        grouped(clock.events),
        grouped(board.events_per_s.max(0.0) as u64),
        names[1],
        names[2],
        grouped(clock.lag),
        names[3],
        grouped(clock.transactions),
        names[4],
        clock.partitions,
        names[5],
        clock.dead_letters,
    ))
}

fn planted_line(board: &Board) -> Text<'static> {
    let (caught, begun, all) = board.planted();
    let planted = match board.language {
        crate::demo::Language::En => format!("planted problems: {caught} caught · {begun} of {all} begun"),
        crate::demo::Language::ZhCn => format!("预设问题：已发现 {caught} · 已开始 {begun}/{all}"),
    };
    let counts = [AlertKind::LowStock, AlertKind::StockOut, AlertKind::DemandSurge]
        .map(|kind| format!("   {} {}", kind_name(kind, board.language), board.opened_by_kind(kind)));
    let history = board.language.pick(("   (in history: ", "  （历史中："));
    Text::from(vec![
        Span::styled(planted, Style::new().fg(Color::Green).add_modifier(Modifier::BOLD)),
        Span::raw(counts.concat()),
        Span::styled(format!("{history}{})", board.opened_in_history), QUIET),
    ])
}

fn positions(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let header = board.language.pick((
        ["item", "where", "on hand", "on order", "velocity/d", "reorder point", "cover, d"],
        ["商品", "地点", "在手", "在途", "日销", "再订货点", "可售天数"],
    ));
    let rows = board.hottest(area.height.saturating_sub(3).into()).into_iter().map(|p| position_row(board, p));
    let widths = [
        Constraint::Fill(3),
        Constraint::Fill(2),
        Constraint::Length(9),
        Constraint::Length(9),
        Constraint::Length(10),
        Constraint::Length(13),
        Constraint::Length(9),
    ];
    let table = Table::new(rows, widths)
        .header(Row::new(header).style(Style::new().add_modifier(Modifier::BOLD)))
        .block(Block::bordered().title(board.language.pick((" Hottest positions ", " 最紧张的库存 "))));
    frame.render_widget(table, area);
}

fn position_row<'a>(board: &'a Board, position: &'a Position<'_>) -> Row<'a> {
    let quantity =
        |q: Option<Quantity>| Cell::new(Text::from(q.map_or("?".to_owned(), |q| q.to_string())).right_aligned());
    let figure =
        |x: Option<f64>| Cell::new(Text::from(x.map_or("-".to_owned(), |x| format!("{x:.1}"))).right_aligned());
    let cells = [
        Cell::new(board.name(&position.sku)),
        Cell::new(board.name(&position.location)),
        quantity(position.on_hand),
        quantity(Some(position.on_order)),
        figure(Some(position.velocity_per_day)),
        figure(position.reorder_point),
        figure(position.days_of_cover),
    ];
    let style = match (position.open_alerts.is_empty(), position.on_hand) {
        (_, Some(on_hand)) if !on_hand.is_positive() => Style::new().fg(Color::Red),
        (false, _) => Style::new().fg(Color::Yellow),
        _ => Style::new(),
    };
    Row::new(cells).style(style)
}

fn alerts(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let lines: Vec<Text<'_>> = board.recent().take(area.height.into()).map(|line| alert_line(board, line)).collect();
    let title = board.language.pick((" Alerts, newest first ", " 告警（最新在上）"));
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(title)), area);
}

fn alert_line<'a>(board: &'a Board, line: &'a Line) -> Text<'a> {
    let alert = &line.alert;
    let caught = line.caught.as_ref().map_or(Span::raw("     "), |id| {
        Span::styled(format!("✔{id} "), Style::new().fg(Color::Green).add_modifier(Modifier::BOLD))
    });
    let kind = Span::styled(format!("{:<9} ", alert.severity.name()), severity_style(alert.severity));
    Text::from(vec![
        Span::styled(format!("{} ", short_time(alert.detected_at)), QUIET),
        caught,
        kind,
        Span::styled(format!("{}  ", kind_name(alert.kind, board.language)), Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(board.message(alert)),
    ])
}

fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Low => QUIET,
        Severity::Medium => Style::new().fg(Color::Yellow),
        Severity::High => Style::new().fg(Color::LightRed),
        Severity::Critical => Style::new().fg(Color::White).bg(Color::Red),
    }
}
