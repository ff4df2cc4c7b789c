//! What a customer did not get of the order that emptied the shelf.
//!
//! Hours out of stock are no exposure, so that nothing need be guessed of those who would have come in them. But the sale
//! that took the last of it was the served part of an order, and the large ones are cut off most: an order met by a
//! shelf is longer than others, and so is the rest of it. Renewal theory (Cox 1962, Renewal Theory, §5.4): demand that
//! comes in orders X passes a level by E[X²] ÷ 2E[X] − ½ units on average, and E[X²] ÷ E[X] is the variance-to-mean ratio
//! φ of a day's demand (a compound Poisson process). The rest of an order is taken to be exponential: its square is
//! twice that of its mean.

/// √e: from the geometric mean of a lognormal with variance 1 to its mean. φ is shrunk in logarithms, and the few
/// items that are much lumpier than φ says lose most.
const GEOMETRIC_TO_MEAN: f64 = 1.648_721_270_700_128_2;
/// Units lost for each that was sold on that day, at most: φ grows with what is taken for lost, and where no
/// population holds it the loop must end.
const LOST_PER_SOLD_MAX: f64 = 3.0;

/// Units to expect of the order beyond what was there, by the variance ÷ mean of daily demand; none where orders are
/// of single units.
pub(super) fn rest_of_order(dispersion: f64) -> f64 {
    0.5 * GEOMETRIC_TO_MEAN * (dispersion - 1.0).max(0.0)
}

/// What counts of it on a day that sold `units`, cancellations taken back.
pub(super) fn bounded(rest: f64, units: f64) -> f64 {
    rest.min(LOST_PER_SOLD_MAX * units)
}

/// Units² that a mean of `lost` adds to the square of the day beside its own.
pub(super) fn variance(lost: f64) -> f64 {
    lost * lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_dispersion_and_is_bounded_by_what_was_sold() {
        assert_eq!([0.0, 0.5, 1.0].map(rest_of_order), [0.0; 3]);
        assert!((rest_of_order(11.0) - 5.0 * 0.5_f64.exp()).abs() < 1e-12);
        assert_eq!((bounded(8.0, 100.0), bounded(8.0, 2.0), bounded(8.0, 0.0)), (8.0, 6.0, 0.0));
    }

    #[test]
    fn orders_of_one_size_lose_half_of_one() {
        // Orders of 9 units met by every level: 0 to 8 are missing, 4 on average. √e is for φ that is not known.
        let rests = (1..=900).map(|shelf: i32| (9 - shelf % 9) % 9);
        let mean = f64::from(rests.sum::<i32>()) / 900.0;
        assert!((rest_of_order(9.0) / GEOMETRIC_TO_MEAN - mean).abs() < 1e-12);
    }
}
