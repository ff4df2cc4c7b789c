//! What people see while the demo runs: a live screen on a terminal, lines elsewhere.
//!
//! It only ever reads what the pipeline tells it, and leaves the terminal as it found it, also after
//! a panic. Closing it (`q`, Esc, Ctrl-C) drops the channel, which is how the pipeline hears of it.

mod board;
mod plain;
mod screen;

use std::{
    io::{self, IsTerminal},
    sync::mpsc::{Receiver, TryRecvError},
    time::Duration,
};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

pub use board::{Board, Directory};

use super::DemoEvent;

/// Time between two pictures.
const FRAME: Duration = Duration::from_millis(60);
/// Messages taken in before the next picture: a flood must not freeze the screen.
const MESSAGES_PER_FRAME: usize = 50_000;

/// How the view ended.
#[derive(Debug)]
pub enum Ended {
    /// Everything was shown; all alerts that were opened, in the order they came.
    Finished(Vec<schemas::Alert>),
    /// The viewer closed it.
    Quit,
}

/// Shows what comes until it ends.
pub fn run(board: Board, events: Receiver<DemoEvent>, plain: bool) -> io::Result<Ended> {
    if plain || !io::stdout().is_terminal() {
        return plain::run(board, &events, &mut io::stdout().lock());
    }
    let mut terminal = ratatui::try_init()?;
    let ended = live(&mut terminal, board, &events);
    // The receiver is dropped only after the terminal is itself again.
    ratatui::restore();
    drop(events);
    ended
}

fn live(terminal: &mut ratatui::DefaultTerminal, mut board: Board, events: &Receiver<DemoEvent>) -> io::Result<Ended> {
    loop {
        // Nothing is drawn after the end: a pipeline that panicked has given the terminal back already.
        if take_in(&mut board, events) {
            return Ok(Ended::Finished(board.into_opened()));
        }
        terminal.draw(|frame| screen::draw(frame, &board))?;
        if event::poll(FRAME)? && quits(&event::read()?) {
            return Ok(Ended::Quit);
        }
    }
}

/// True when nothing more will come.
fn take_in(board: &mut Board, events: &Receiver<DemoEvent>) -> bool {
    for _ in 0..MESSAGES_PER_FRAME {
        match events.try_recv() {
            Ok(DemoEvent::Finished) | Err(TryRecvError::Disconnected) => return true,
            Ok(event) => board.apply(event),
            Err(TryRecvError::Empty) => return false,
        };
    }
    false
}

/// In raw mode Ctrl-C is a key like any other.
fn quits(event: &Event) -> bool {
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) = event else { return false };
    let control_c = *code == KeyCode::Char('c') && modifiers.contains(KeyModifiers::CONTROL);
    control_c || matches!(code, KeyCode::Char('q') | KeyCode::Esc)
}

#[cfg(test)]
mod tests;
