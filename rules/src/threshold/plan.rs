//! The last computed threshold of a key, and the figures it was made of.

use schemas::Quantity;
use schemas::row::{RowError, RowReader, RowWriter};

use super::{Figures, LeadTime, reorder_point, safety_stock};
use crate::ruleset::Threshold;

/// How a plan's reorder point was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Method {
    /// Never computed.
    #[default]
    None = 0,
    Fixed = 1,
    DaysOfCover = 2,
    Dynamic = 3,
    Forecast = 4,
}

impl Method {
    const ALL: [Self; 5] = [Self::None, Self::Fixed, Self::DaysOfCover, Self::Dynamic, Self::Forecast];

    fn of(threshold: &Threshold) -> Self {
        match threshold {
            Threshold::Fixed { .. } => Self::Fixed,
            Threshold::DaysOfCover { .. } => Self::DaysOfCover,
            Threshold::Dynamic { .. } => Self::Dynamic,
            Threshold::Forecast { .. } => Self::Forecast,
        }
    }

    /// As rule documents write it; `None` before the first computation.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Fixed => Some(Threshold::TYPES[0]),
            Self::DaysOfCover => Some(Threshold::TYPES[1]),
            Self::Dynamic => Some(Threshold::TYPES[2]),
            Self::Forecast => Some(Threshold::TYPES[3]),
        }
    }
}

/// One computation of a reorder point. Inputs are kept at single precision, and the reorder point
/// is computed from what is kept: whoever reads the figures gets the same result.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Plan {
    /// Units; negative is "none".
    reorder_point: f32,
    velocity: f32,
    velocity_sd: f32,
    observed_days: f32,
    /// Days; negative is "no lead time".
    lead_time: f32,
    lead_time_sd: f32,
    lead_time_skew: SignedThousandths,
    weight: Thousandths,
    calibration: Thousandths,
    method: Method,
}

impl Plan {
    /// Computes the plan of `threshold` from `figures`; figures that are not finite or negative count as 0.
    #[must_use]
    pub fn new(threshold: &Threshold, figures: &Figures) -> Self {
        let mut plan = Self {
            reorder_point: -1.0,
            velocity: single(figures.velocity),
            velocity_sd: single(figures.velocity_sd),
            observed_days: single(figures.observed_days),
            lead_time: figures.lead_time.map_or(-1.0, |l| single(l.mean_days)),
            lead_time_sd: figures.lead_time.map_or(0.0, |l| single(l.sd_days)),
            lead_time_skew: figures.lead_time.map(|l| SignedThousandths::of(l.skew)).unwrap_or_default(),
            weight: Thousandths::of(figures.weight),
            calibration: Thousandths::of(figures.calibration),
            method: Method::of(threshold),
        };
        plan.reorder_point = reorder_point(threshold, &plan.figures()).map_or(-1.0, single);
        plan
    }

    /// Whether it has ever been computed.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.method != Method::None
    }

    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The figures it was made of.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let known = self.method != Method::None && self.lead_time >= 0.0;
        Figures {
            velocity: f64::from(self.velocity),
            velocity_sd: f64::from(self.velocity_sd),
            observed_days: f64::from(self.observed_days),
            lead_time: known.then(|| LeadTime {
                mean_days: f64::from(self.lead_time),
                sd_days: f64::from(self.lead_time_sd),
                skew: self.lead_time_skew.value(),
            }),
            weight: self.weight.value(),
            calibration: self.calibration.value(),
        }
    }

    /// Units; `None` before the first computation and without a lead time the method needs.
    #[must_use]
    pub fn reorder_point(&self) -> Option<f64> {
        (self.is_made() && self.reorder_point >= 0.0).then(|| f64::from(self.reorder_point))
    }

    #[must_use]
    pub fn safety_stock(&self) -> Option<f64> {
        safety_stock(self.reorder_point()?, &self.figures())
    }

    /// The lot this plan orders; see [`super::order_quantity`].
    #[must_use]
    pub fn order_quantity(&self, item: &crate::item::Item) -> Option<Quantity> {
        self.is_made().then(|| super::order_quantity::lot(f64::from(self.velocity), item))
    }

    /// Layout: method byte; unless it is 0, presence byte and reorder point, then velocity, its standard
    /// deviation, the days behind them, lead time and its standard deviation, each four
    /// bytes; from version 2 on weight, calibration and the skew of the lead time in thousandths.
    pub fn encode(&self, w: &mut RowWriter<'_>) {
        w.u8(self.method as u8);
        if self.method == Method::None {
            return;
        }
        w.option(Some(self.reorder_point).filter(|units| *units >= 0.0), RowWriter::f32);
        for figure in [self.velocity, self.velocity_sd, self.observed_days, self.lead_time, self.lead_time_sd] {
            w.f32(figure);
        }
        w.unsigned(u64::from(self.weight.0));
        w.unsigned(u64::from(self.calibration.0));
        w.signed(i64::from(self.lead_time_skew.0));
    }

    pub fn decode(r: &mut RowReader<'_>, version: u8) -> Result<Self, RowError> {
        let method = *Method::ALL.get(usize::from(r.u8()?)).ok_or_else(|| r.invalid("threshold method"))?;
        if method == Method::None {
            return Ok(Self::default());
        }
        Ok(Self {
            method,
            reorder_point: r.option(figure)?.unwrap_or(-1.0),
            velocity: figure(r)?,
            velocity_sd: figure(r)?,
            observed_days: figure(r)?,
            lead_time: figure(r)?,
            lead_time_sd: figure(r)?,
            weight: if version >= 2 { Thousandths(r.unsigned()? as u16) } else { Thousandths::ONE },
            calibration: if version >= 2 { Thousandths(r.unsigned()? as u16) } else { Thousandths::ONE },
            lead_time_skew: SignedThousandths(if version >= 2 { r.signed()? as i16 } else { 0 }),
        })
    }
}

/// A factor between 0.001 and 65.535.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Thousandths(u16);

impl Thousandths {
    const ONE: Self = Self(1000);

    /// The cast saturates, and takes NaN to 0.
    fn of(factor: f64) -> Self {
        Self(((factor * 1000.0).round() as u16).max(1))
    }

    fn value(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

/// A figure between ±32.767.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct SignedThousandths(i16);

impl SignedThousandths {
    /// The cast saturates, and takes NaN to 0.
    fn of(figure: f64) -> Self {
        Self((figure * 1000.0).round() as i16)
    }

    fn value(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

/// A figure of ours is never NaN.
fn figure(r: &mut RowReader<'_>) -> Result<f32, RowError> {
    let figure = r.f32()?;
    if figure.is_nan() { Err(r.invalid("figure")) } else { Ok(figure) }
}

/// To single precision; never NaN, infinite or negative.
fn single(figure: f64) -> f32 {
    if figure.is_finite() { figure.clamp(0.0, 1e30) as f32 } else { 0.0 }
}
