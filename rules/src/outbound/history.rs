//! What a key remembers of its outbound lines: how large those of a kind are and how many name no document, and the lines
//! that nothing explains.
//!
//! Sales leave no trace of their own here: how large they are follows from the key's demand. A day is learned when it
//! closes, so lines of one day are held against the same history, in whatever order they come.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::DAY_MS;
use schemas::{Mode, Quantity, StockChange, Timestamp};

use super::{Kind, Line, Surprise, brought_back};
use crate::codec::{list, push};
use crate::site::OutboundLevel;

/// Unexplained lines are remembered for this long after the last of them.
pub const REMEMBERED_DAYS: i64 = 30;
/// Lines that the usual size is worth before there is a history, and at most.
const PRIOR_LINES: f64 = 2.0;
const LINES_MAX: u16 = 20;
/// A day moves the usual size as if its mean were at most so many times it.
const CLIP_TIMES: f64 = 4.0;
/// Lines the site's share without a document is worth against a key's own, of which so many are kept.
const SITE_LINES: f64 = 50.0;
const KEPT_LINES: u16 = 200;
/// Of a reason or document, so many characters are kept.
const TEXT_MAX: usize = 64;

/// A key that has had other lines than sales, or one that nothing explains.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutboundState {
    histories: Vec<History>,
    /// By the rule in force of each mode: a shadow rule has its own budget, and never changes what an active one sees.
    unexplained: [Option<Box<Unexplained>>; 2],
}

/// Lines of one kind: of days that are closed, and of the open one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct History {
    kind: Kind,
    lines: u16,
    without_document: u16,
    /// Mean units of a line.
    usual: f32,
    today_lines: u16,
    today_without: u16,
    today_units: f32,
}

/// A line, and when it is heard of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted<'a> {
    pub line: Line<'a>,
    pub at: Timestamp,
    pub now: Timestamp,
}

/// Lines that nothing explains: the rarest of them, and how many there were.
#[derive(Clone, Debug, PartialEq)]
pub struct Unexplained {
    /// The rarest: when it left, what it was and what was usual.
    pub at: Timestamp,
    pub kind: Kind,
    pub quantity: Quantity,
    pub reason: Option<Box<str>>,
    pub document: Option<Box<str>>,
    usual: f32,
    pub surprise: Surprise,
    /// When the last of them was heard of.
    pub last: Timestamp,
    pub lines: u16,
    /// Of all of them, and what has come back since.
    pub total: Quantity,
    pub back: Quantity,
}

impl Unexplained {
    pub(crate) fn new(noted: &Noted<'_>, usual: f64, surprise: Surprise) -> Self {
        let short = |text: Option<&str>| text.map(|text| text.chars().take(TEXT_MAX).collect());
        let Noted { line, at, now } = *noted;
        Self {
            at,
            kind: line.kind,
            quantity: line.quantity,
            reason: short(line.reason),
            document: short(line.document),
            usual: usual as f32,
            surprise,
            last: now,
            lines: 1,
            total: line.quantity,
            back: Quantity::ZERO,
        }
    }

    /// Units of a usual line.
    #[must_use]
    pub fn usual(&self) -> f64 {
        f64::from(self.usual)
    }

    /// Missing still.
    #[must_use]
    pub fn remaining(&self) -> Quantity {
        self.total - self.back
    }

    /// Half of it has come back.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.remaining().as_f64() * 2.0 <= self.total.as_f64()
    }

    /// One more. The rarest stays the one that is told.
    fn join(&mut self, new: Self) {
        let (last, lines) = (self.last.max(new.last), self.lines.saturating_add(1));
        let (total, back) = (self.total + new.total, self.back);
        if new.surprise.p_value() < self.surprise.p_value() {
            *self = new;
        }
        (self.last, self.lines, self.total, self.back) = (last, lines, total, back);
    }

    fn note_back(&mut self, change: &StockChange<'_>) {
        let Some((quantity, named)) = brought_back(change, self.kind) else { return };
        let same = named.map(|named| named.chars().take(TEXT_MAX).collect()) == self.document;
        let is_its = match self.kind {
            Kind::Sale => same,
            // Stock comes in by transfers all the time.
            Kind::Transfer => same && named.is_some(),
            Kind::Scrap | Kind::Correction => true,
        };
        if is_its {
            self.back = (self.back + quantity).min(self.total);
        }
    }

    fn encode(&self, w: &mut RowWriter<'_>) {
        w.time(self.at);
        w.u8(self.kind as u8);
        w.quantity(self.quantity);
        for text in [&self.reason, &self.document] {
            w.option(text.as_deref(), RowWriter::text);
        }
        w.f32(self.usual);
        self.surprise.encode(w);
        w.signed(self.last.since(self.at));
        w.unsigned(u64::from(self.lines));
        w.quantity(self.total);
        w.quantity(self.back);
    }

    fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let at = r.time()?;
        Ok(Self {
            at,
            kind: kind(r)?,
            quantity: r.quantity()?,
            reason: r.option(|r| r.text().map(Into::into))?,
            document: r.option(|r| r.text().map(Into::into))?,
            usual: r.f32()?,
            surprise: Surprise::decode(r)?,
            last: at.plus_ms(r.signed()?),
            lines: r.unsigned()? as u16,
            total: r.quantity()?,
            back: r.quantity()?,
        })
    }
}

fn kind(r: &mut RowReader<'_>) -> Result<Kind, RowError> {
    Kind::ALL.get(usize::from(r.u8()?)).copied().ok_or_else(|| r.invalid("kind of outbound line"))
}

impl History {
    fn first(kind: Kind, usual: f64) -> Self {
        Self {
            kind,
            lines: 0,
            without_document: 0,
            usual: usual as f32,
            today_lines: 0,
            today_without: 0,
            today_units: 0.0,
        }
    }

    fn note(&mut self, line: &Line<'_>) {
        self.today_lines = self.today_lines.saturating_add(1);
        self.today_without = self.today_without.saturating_add(u16::from(line.document.is_none()));
        self.today_units += line.quantity.as_f64() as f32;
    }

    fn close_day(&mut self) {
        if self.today_lines == 0 {
            return;
        }
        let (lines, usual) = (f64::from(self.today_lines), f64::from(self.usual));
        let before = PRIOR_LINES + f64::from(self.lines.min(LINES_MAX));
        let mean = (f64::from(self.today_units) / lines).min(CLIP_TIMES * usual);
        self.usual = (usual + (mean - usual) * lines / (before + lines)) as f32;
        self.lines = self.lines.saturating_add(self.today_lines);
        self.without_document = self.without_document.saturating_add(self.today_without);
        while self.lines > KEPT_LINES {
            (self.lines, self.without_document) = (self.lines / 2, self.without_document / 2);
        }
        (self.today_lines, self.today_without, self.today_units) = (0, 0, 0.0);
    }

    fn encode(&self, w: &mut RowWriter<'_>) {
        let open = self.today_lines > 0;
        w.u8(self.kind as u8 | u8::from(open) << 7);
        w.unsigned(u64::from(self.lines));
        w.unsigned(u64::from(self.without_document));
        w.f32(self.usual);
        if open {
            w.unsigned(u64::from(self.today_lines));
            w.unsigned(u64::from(self.today_without));
            w.f32(self.today_units);
        }
    }

    fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let first = r.u8()?;
        let kind = *Kind::ALL.get(usize::from(first & 0x7f)).ok_or_else(|| r.invalid("kind of outbound line"))?;
        let (lines, without_document) = (r.unsigned()? as u16, r.unsigned()? as u16);
        let closed = Self { lines, without_document, ..Self::first(kind, f64::from(r.f32()?)) };
        if first & 0x80 == 0 {
            return Ok(closed);
        }
        let (today_lines, today_without) = (r.unsigned()? as u16, r.unsigned()? as u16);
        Ok(Self { today_lines, today_without, today_units: r.f32()?, ..closed })
    }
}

impl OutboundState {
    fn history(&self, kind: Kind) -> Option<&History> {
        self.histories.iter().find(|history| history.kind == kind)
    }

    /// Mean units of a line of the kind on days before today; `None` while the key has no history of it.
    #[must_use]
    pub fn usual(&self, kind: Kind) -> Option<f64> {
        self.history(kind).map(|history| f64::from(history.usual))
    }

    /// Share of lines of the kind without a document: the key's own, shrunk to the site's.
    #[must_use]
    pub fn share_without_document(&self, kind: Kind, site: &OutboundLevel) -> f64 {
        let (lines, without) = self.history(kind).map_or((0, 0), |h| (h.lines, h.without_document));
        (f64::from(without) + SITE_LINES * site.share_without_document(kind)) / (f64::from(lines) + SITE_LINES)
    }

    /// Takes note of a line that is no sale. Until there is a history of its kind, its usual size is `usual`.
    pub(crate) fn note(&mut self, line: &Line<'_>, usual: f64) {
        let at = self.histories.iter().position(|history| history.kind == line.kind).unwrap_or_else(|| {
            push(&mut self.histories, History::first(line.kind, usual));
            self.histories.len() - 1
        });
        self.histories[at].note(line);
    }

    /// What the rule of this mode cannot explain.
    #[must_use]
    pub fn unexplained(&self, mode: Mode) -> Option<&Unexplained> {
        self.unexplained[mode as usize].as_deref()
    }

    /// One more line that nothing explains. It begins anew after `over_ms` without one, or when half has come back.
    pub(crate) fn add_unexplained(&mut self, mode: Mode, new: Unexplained, over_ms: i64) {
        match &mut self.unexplained[mode as usize] {
            Some(before) if new.last.since(before.last) < over_ms && !before.is_settled() => before.join(new),
            before => *before = Some(Box::new(new)),
        }
    }

    /// A change may bring back what left unexplained: of a sale by the same order, of a transfer by the same document, of a
    /// write-off whatever it names.
    pub(crate) fn note_back(&mut self, change: &StockChange<'_>) {
        self.unexplained.iter_mut().flatten().for_each(|lines| lines.note_back(change));
    }

    /// Closes the open day, which ends at `end`.
    pub(crate) fn close_day(&mut self, end: Timestamp) {
        self.histories.iter_mut().for_each(History::close_day);
        // A day longer than it is looked at, so that its end is seen.
        for lines in &mut self.unexplained {
            lines.take_if(|lines| end.since(lines.last) > (REMEMBERED_DAYS + 1) * DAY_MS);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.histories.is_empty() && self.unexplained.iter().all(Option::is_none)
    }

    /// Layout: count and histories; presence and unexplained lines of the active rule, then of the shadow rule.
    pub(crate) fn encode(&self, w: &mut RowWriter<'_>) {
        w.unsigned(self.histories.len() as u64);
        self.histories.iter().for_each(|history| history.encode(w));
        for lines in &self.unexplained {
            w.option(lines.as_deref(), |w, lines| lines.encode(w));
        }
    }

    pub(crate) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let histories = list(r, History::decode)?;
        let mut lines = || Ok::<_, RowError>(r.option(Unexplained::decode)?.map(Box::new));
        Ok(Self { histories, unexplained: [lines()?, lines()?] })
    }
}
