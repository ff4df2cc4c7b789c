//! Medians and spread.

/// The figures of several runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures(Vec<f64>);

impl Figures {
    pub(super) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The middle one, or the mean of the middle two; NaN without any.
    pub(super) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        }
    }

    /// `median (least … greatest)`.
    pub(super) fn show(&self, decimals: usize) -> String {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!("{:.decimals$} ({least:.decimals$} … {greatest:.decimals$})", self.median())
    }
}

impl FromIterator<f64> for Figures {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(Figures::from_iter([4.0, 1.0, 3.0]).median().to_bits(), 3.0_f64.to_bits());
        assert_eq!(Figures::from_iter([4.0, 1.0, 3.0, 2.0]).show(1), "2.5 (1.0 … 4.0)");
        assert!(Figures::default().median().is_nan());
    }
}
