//! Percentiles of sorted figures. It must never guess between two of them.

/// By nearest rank, of sorted figures.
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!((percentile(&sorted, 50.0), percentile(&sorted, 99.0)), (100.0, 198.0));
        assert_eq!((percentile(&sorted, 100.0), percentile(&sorted[..1], 1.0)), (200.0, 1.0));
    }
}
