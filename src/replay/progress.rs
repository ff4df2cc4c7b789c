//! A progress bar, for people only: how much of the input has been read, and where time stands.

use std::io::Read;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use schemas::Timestamp;

/// Telling more often only costs time.
const LINES_PER_UPDATE: u64 = 16_384;

pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Nothing is drawn unless `visible`.
    pub fn start(visible: bool) -> Self {
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {msg} {elapsed}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Counts what is read from a file of this length.
    pub fn watch(&self, file: Box<dyn Read>, length: u64) -> Box<dyn Read> {
        if self.bar.is_hidden() {
            return file;
        }
        self.bar.inc_length(length);
        Box::new(self.bar.wrap_read(file))
    }

    pub fn line(&self, lines: u64, at: Timestamp) {
        if lines.is_multiple_of(LINES_PER_UPDATE) && !self.bar.is_hidden() {
            self.bar.set_message(format!("{lines} lines, {at}"));
        }
    }

    /// Lets others write to the terminal without tearing the bar.
    pub fn pause(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
