//! What usually leaves the site: the yardstick of `abnormal_outbound`.
//!
//! Of lines of each kind: how many times their usual size they are and how many name no document; of scrap and
//! corrections the reason codes; of all but sales the hours, since stock may be written off at night and sold by day.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{Timestamp, Zone};

use super::EPOCH_MS;
use super::profile::{HOURS, Profile};
use crate::outbound::{Kind, Line};
use crate::stable_hash::stable_hash;

const KINDS: usize = Kind::ALL.len();
/// Sizes are counted by powers of two of the usual one; the last bin is open.
const SIZES: usize = 12;
/// Reason codes by their hash, no reason in the first: what shares a bin passes for less rare than it is.
const REASONS: usize = 32;
/// 0.5^(1/17280): half-life 180 days of 96 epochs.
const FADE: f32 = 0.999_959_9;
/// So many more lines are taken to be of a kind than were seen: what has never been is not impossible.
const KIND_PRIOR_LINES: f64 = 100.0;
/// Before a kind is known, n times the usual size comes 1 in n times, with the weight of so many lines.
const SIZE_PRIOR_LINES: f64 = 100.0;
/// Lines that the profile of sales is worth against the hours of other lines.
const HOUR_PRIOR_LINES: f64 = 100.0;

/// One partition's sums of one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundSums {
    sizes: [[i64; SIZES]; KINDS],
    without_document: [i64; KINDS],
    reasons: [i64; REASONS],
    alarms: i64,
}

impl OutboundSums {
    /// A line, so many times its usual size.
    pub fn record(&mut self, line: &Line<'_>, times_usual: f64) {
        let kind = line.kind as usize;
        self.sizes[kind][size_bin(times_usual)] += 1;
        self.without_document[kind] += i64::from(line.document.is_none());
        if line.kind.has_reason() {
            self.reasons[reason_bin(line.reason)] += 1;
        }
    }

    /// A line has opened an alert.
    pub fn record_alarm(&mut self) {
        self.alarms += 1;
    }

    pub(super) fn values(&self) -> impl Iterator<Item = i64> {
        self.sizes.into_iter().flatten().chain(self.without_document).chain(self.reasons).chain([self.alarms])
    }

    pub(super) fn from_totals(mut next: impl FnMut() -> i64) -> Self {
        Self {
            sizes: std::array::from_fn(|_| std::array::from_fn(|_| next())),
            without_document: std::array::from_fn(|_| next()),
            reasons: std::array::from_fn(|_| next()),
            alarms: next(),
        }
    }
}

/// Whole powers of two. NaN and what is below the usual size are in the first bin.
fn size_bin(times_usual: f64) -> usize {
    if times_usual >= 2.0 { (libm::ilogb(times_usual) as usize).min(SIZES - 1) } else { 0 }
}

fn reason_bin(reason: Option<&str>) -> usize {
    reason.map_or(0, |code| 1 + (stable_hash(code) % (REASONS as u64 - 1)) as usize)
}

/// Faded totals of all partitions.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboundLevel {
    sizes: [[f32; SIZES]; KINDS],
    without_document: [f32; KINDS],
    reasons: [f32; REASONS],
    /// Lines that have opened an alert.
    alarms: f32,
    /// Lines that are no sales, by hour of the week (UTC).
    hours: [f32; HOURS],
}

impl Default for OutboundLevel {
    fn default() -> Self {
        Self {
            sizes: [[0.0; SIZES]; KINDS],
            without_document: [0.0; KINDS],
            reasons: [0.0; REASONS],
            alarms: 0.0,
            hours: [0.0; HOURS],
        }
    }
}

impl OutboundLevel {
    pub(super) fn apply(&mut self, epoch: i64, sums: &OutboundSums) {
        for (faded, new) in self.figures_mut().zip(sums.values().map(Some).chain(std::iter::repeat(None))) {
            *faded = *faded * FADE + new.unwrap_or(0) as f32;
        }
        let others: i64 = sums.sizes[1..].iter().flatten().sum();
        let hour = Zone::UTC.hour_of_week(Timestamp::from_millis(epoch.saturating_mul(EPOCH_MS)));
        self.hours[hour] += others as f32;
    }

    fn figures_mut(&mut self) -> impl Iterator<Item = &mut f32> {
        let sums = self.sizes.iter_mut().flatten().chain(&mut self.without_document).chain(&mut self.reasons);
        sums.chain([&mut self.alarms]).chain(&mut self.hours)
    }

    fn lines_of(&self, kind: Kind) -> f64 {
        self.sizes[kind as usize].iter().map(|lines| f64::from(*lines)).sum()
    }

    /// Lines of all kinds, the latest weighted most.
    #[must_use]
    pub fn lines(&self) -> f64 {
        self.sizes.as_flattened().iter().map(|lines| f64::from(*lines)).sum()
    }

    /// Those of them that have opened an alert.
    #[must_use]
    pub fn alarms(&self) -> f64 {
        f64::from(self.alarms)
    }

    /// Share of lines that are of the kind.
    #[must_use]
    pub fn share_of_kind(&self, kind: Kind) -> f64 {
        (self.lines_of(kind) + KIND_PRIOR_LINES) / (self.lines() + KIND_PRIOR_LINES)
    }

    /// Share of lines of the kind that name no order or document; half while none is known.
    #[must_use]
    pub fn share_without_document(&self, kind: Kind) -> f64 {
        rarity(f64::from(self.without_document[kind as usize]), self.lines_of(kind))
    }

    /// Share of lines of the kind that are as many times their usual size, or more; 1 below twice the usual.
    #[must_use]
    pub fn share_as_large(&self, kind: Kind, times_usual: f64) -> f64 {
        let bin = size_bin(times_usual);
        if bin == 0 {
            return 1.0;
        }
        let as_large: f64 = self.sizes[kind as usize][bin..].iter().map(|lines| f64::from(*lines)).sum();
        let prior = SIZE_PRIOR_LINES / f64::from(1_u32 << bin);
        (as_large + prior) / (self.lines_of(kind) + SIZE_PRIOR_LINES)
    }

    /// Share of scrap and corrections whose reason is no more frequent than this one.
    #[must_use]
    pub fn share_as_rare(&self, reason: Option<&str>) -> f64 {
        let lines = self.reasons[reason_bin(reason)];
        let total: f64 = self.reasons.iter().map(|lines| f64::from(*lines)).sum();
        let as_rare = self.reasons.iter().filter(|other| **other <= lines).map(|lines| f64::from(*lines)).sum();
        rarity(as_rare, total)
    }

    /// Share of lines of the kind in hours of the week that are as quiet as that of `at`, each hour taken for as busy as
    /// the busiest of it and its neighbours. 1 until the hours of sales are known.
    pub(super) fn share_as_quiet(&self, kind: Kind, at: Timestamp, profile: &Profile) -> f64 {
        if !profile.is_learned() {
            return 1.0;
        }
        let sales = profile.lines_by_hour();
        let lines: [f64; HOURS] = if kind == Kind::Sale {
            sales
        } else {
            let scale = HOUR_PRIOR_LINES / sales.iter().sum::<f64>();
            std::array::from_fn(|hour| f64::from(self.hours[hour]) + scale * sales[hour])
        };
        let busy = |hour: usize| {
            let [before, after] = [HOURS - 1, 1].map(|by| lines[(hour + by) % HOURS]);
            lines[hour].max(before).max(after)
        };
        let limit = busy(Zone::UTC.hour_of_week(at));
        let as_quiet = (0..HOURS).filter(|hour| busy(*hour) <= limit).map(|hour| lines[hour]).sum();
        rarity(as_quiet, lines.iter().sum())
    }

    /// Layout: of sizes, lines without a document, reasons, alarms and hours, how many there are and each.
    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        for figures in [self.sizes.as_flattened(), &self.without_document, &self.reasons, &[self.alarms], &self.hours] {
            let used = figures.iter().rposition(|lines| *lines != 0.0).map_or(0, |last| last + 1);
            w.unsigned(used as u64);
            figures[..used].iter().for_each(|lines| w.f32(*lines));
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut level = Self::default();
        let Self { sizes, without_document, reasons, alarms, hours } = &mut level;
        for figures in [sizes.as_flattened_mut(), without_document, reasons, std::slice::from_mut(alarms), hours] {
            let used = r.unsigned()? as usize;
            for lines in figures.get_mut(..used).ok_or_else(|| r.invalid("count of outbound figures"))? {
                *lines = r.f32()?;
            }
        }
        Ok(level)
    }
}

/// A share of which little may be known: half while nothing is (Jeffreys 1946).
fn rarity(lines: f64, of: f64) -> f64 {
    ((lines + 0.5) / (of + 1.0)).clamp(f64::MIN_POSITIVE, 1.0)
}

#[cfg(test)]
mod tests {
    use schemas::{Quantity, StockChange};

    use super::*;

    fn scrap(reason: &'static str, document: Option<&'static str>) -> StockChange<'static> {
        let quantity = Quantity::from_units(1);
        StockChange::Scrapped { quantity, reason: Some(reason.into()), document: document.map(Into::into) }
    }

    /// A site that has scrapped so many lines of each reason, at hour 0 of the week, and of them one in a hundred
    /// without a document and one in ten ten times as large as usual.
    fn learned(reasons: &[(&'static str, usize)]) -> OutboundLevel {
        let mut sums = OutboundSums::default();
        for (reason, lines) in reasons {
            for i in 0..*lines {
                let change = scrap(reason, (i % 100 > 0).then_some("D-1"));
                sums.record(&Line::of(&change).unwrap(), if i % 10 == 0 { 10.0 } else { 1.0 });
            }
        }
        let mut level = OutboundLevel::default();
        level.apply(4 * 96, &sums); // A Monday.
        level
    }

    #[test]
    fn shares_are_those_of_the_lines() {
        let site = learned(&[("damaged", 6000), ("expired", 3000), ("sample", 1000)]);
        assert!((site.share_without_document(Kind::Scrap) - 0.01).abs() < 1e-4);
        assert_eq!(site.share_without_document(Kind::Transfer), 0.5, "nothing is known of transfers");
        assert_eq!(site.share_as_large(Kind::Scrap, 1.9), 1.0);
        assert!((site.share_as_large(Kind::Scrap, 8.0) - 0.1).abs() < 1e-3);
        assert!(site.share_as_large(Kind::Scrap, 16.0) < 1e-3);
        assert_eq!(site.share_as_large(Kind::Transfer, 8.0), 1.0 / 8.0);
        let rare = |reason| site.share_as_rare(Some(reason));
        assert!((rare("damaged") - 1.0).abs() < 1e-3 && (rare("expired") - 0.4).abs() < 1e-3);
        assert!((rare("sample") - 0.1).abs() < 1e-3 && rare("because") < 1e-4, "{}", rare("because"));
    }

    #[test]
    fn where_everything_is_said_in_free_words_a_new_one_is_nothing_new() {
        let words: Vec<String> = (0..2000).map(|i| format!("told {i}")).collect();
        let mut level = OutboundLevel::default();
        let mut sums = OutboundSums::default();
        for word in &words {
            let change =
                StockChange::Scrapped { quantity: Quantity::from_units(1), reason: Some(word.into()), document: None };
            sums.record(&Line::of(&change).unwrap(), 1.0);
        }
        level.apply(0, &sums);
        assert!(level.share_as_rare(Some("never heard")) > 0.02);
    }

    #[test]
    fn sums_and_rows_are_read_back() {
        let site = learned(&[("damaged", 70), ("expired", 30)]);
        let mut row = Vec::new();
        site.encode(&mut RowWriter::new(&mut row));
        assert_eq!(OutboundLevel::decode(&mut RowReader::new(&row)), Ok(site));
        let mut sums = OutboundSums::default();
        sums.record(&Line::of(&scrap("a", None)).unwrap(), f64::NAN);
        sums.record(&Line::of(&scrap("b", None)).unwrap(), f64::INFINITY);
        let mut values = sums.values();
        assert_eq!(OutboundSums::from_totals(|| values.next().unwrap()), sums.clone());
    }
}
