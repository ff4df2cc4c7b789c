//! How rare a line is among those of the site.
//!
//! ```text
//! p = 8 w d F(s, h, r)                     at most 1
//! F = e^−y Σ_{i<k} yⁱ/i!,  y = −Σ ln p      Fisher's method of the k p-values s, h and r (Fisher 1932)
//! w   share of lines that are of its kind
//! d   share of them without a document; 1 for a line with one
//! s   share of lines that are as many times their usual size
//! h   share of lines in hours of the week as quiet
//! r   share of lines with a reason as rare; scrap and corrections only
//! ```
//!
//! Each is a frequency that the site has shown, of lines of the kind but for w. What a line is, and whether it names a
//! document, multiplies; each of the eight ways (four kinds, with a document and without) gets an eighth of the budget
//! (Bonferroni). If s, h and r are independent, p bounds the share of all lines that are as rare as this one.

use schemas::row::{RowError, RowReader, RowWriter};

/// Shares up to this are worth a word, and a look at the rest.
pub(crate) const UNUSUAL: f64 = 0.05;

/// Four kinds, with a document and without.
const WAYS: f64 = 8.0;

/// The shares of a line, each in (0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surprise {
    pub kind: f32,
    /// `None`: it names an order or document.
    pub document: Option<f32>,
    pub size: f32,
    pub hour: f32,
    /// `None`: lines of its kind have no reason.
    pub reason: Option<f32>,
}

impl Surprise {
    /// P(a line is as rare as this), at most.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        let shares = [Some(self.size), Some(self.hour), self.reason].into_iter().flatten();
        let (mut y, mut count) = (0.0, 0);
        for share in shares {
            y -= libm::log(f64::from(share));
            count += 1;
        }
        let (mut term, mut sum) = (1.0, 1.0);
        for i in 1..count {
            term *= y / f64::from(i);
            sum += term;
        }
        let way = f64::from(self.kind) * self.document.map_or(1.0, f64::from);
        (WAYS * way * libm::exp(-y) * sum).min(1.0)
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.f32(self.kind);
        w.option(self.document, RowWriter::f32);
        w.f32(self.size);
        w.f32(self.hour);
        w.option(self.reason, RowWriter::f32);
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let surprise = Self {
            kind: r.f32()?,
            document: r.option(RowReader::f32)?,
            size: r.f32()?,
            hour: r.f32()?,
            reason: r.option(RowReader::f32)?,
        };
        let shares =
            [Some(surprise.kind), surprise.document, Some(surprise.size), Some(surprise.hour), surprise.reason];
        let valid = shares.into_iter().flatten().all(|share| share > 0.0 && share <= 1.0);
        if valid { Ok(surprise) } else { Err(r.invalid("share of lines")) }
    }
}
