//! The special functions behind quantiles and tails, on `libm` alone.
//!
//! Those of statrs use the platform's elementary functions, whose last bits depend on the C library and on
//! the processor it finds itself on: two machines could disagree on which side of a threshold a score lies.
//! Formulas: Press et al. 2007, Numerical Recipes, §6.2 and §6.4. Tests hold them against statrs.

/// Relative size of a step that changes nothing any more.
const EPSILON: f64 = 1e-13;
/// Beyond this numerators and denominators are scaled back.
const LARGE: f64 = 1e15;
/// Stands for zero in a denominator.
const TINY: f64 = 1e-300;
/// Both expansions need about √(largest parameter) steps; beyond this the tail of an absurd input is cut.
const STEPS_MAX: u32 = 100_000;

/// ln Γ(x), x > 0.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// x^a e^−x ÷ Γ(a): the gamma density at `x`, times `x`. `ln_norm` is [`ln_gamma`] of `a`.
pub(crate) fn gamma_kernel(a: f64, x: f64, ln_norm: f64) -> f64 {
    libm::exp(a * libm::log(x) - x - ln_norm)
}

/// Regularised lower incomplete gamma function P(a, x), a and x > 0, from [`gamma_kernel`]. Without
/// cancellation, however small, for x < a + 1.
pub(crate) fn gamma_lower(a: f64, x: f64, kernel: f64) -> f64 {
    if x < a + 1.0 { kernel * gamma_series(a, x) } else { 1.0 - kernel * gamma_fraction(a, x) }
}

fn gamma_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0 / a, 1.0 / a);
    for step in 1..STEPS_MAX {
        term *= x / (a + f64::from(step));
        sum += term;
        if term <= sum * EPSILON {
            break;
        }
    }
    sum
}

/// By the forward recurrence of numerators and denominators: it divides once a step, and waits for it only to
/// see whether it is done. This one is evaluated for every key at every day close.
fn gamma_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 2.0 - a;
    let (mut p_before, mut p) = (1.0, x + 1.0);
    let (mut q_before, mut q) = (x, b * x);
    let mut h = p / q;
    for step in (1..STEPS_MAX).map(f64::from) {
        b += 2.0;
        let term = step * (step + 1.0 - a);
        (p_before, p) = (p, p * b - p_before * term);
        (q_before, q) = (q, q * b - q_before * term);
        if p.abs() > LARGE {
            (p_before, p) = (p_before / LARGE, p / LARGE);
            (q_before, q) = (q_before / LARGE, q / LARGE);
        }
        let next = p / q;
        let moved = (next - h).abs();
        h = next;
        if moved <= EPSILON * h {
            break;
        }
    }
    h
}

/// Regularised incomplete beta function I_x(a, b), a and b > 0, 0 ≤ x ≤ 1. Without cancellation, however
/// small, for x below the mean a ÷ (a + b). Of parameters of 10⁹ and more ln Γ leaves it six digits.
pub(crate) fn beta_regularised(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let ln_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * libm::log(x) + b * libm::log1p(-x);
    let front = libm::exp(ln_front);
    let tail = if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    };
    tail.clamp(0.0, 1.0)
}

/// By Lentz's method.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let (mut c, mut d) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut h = d;
    for m in (1..STEPS_MAX).map(f64::from) {
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            change = d * c;
            h *= change;
        }
        if (change - 1.0).abs() <= EPSILON {
            break;
        }
    }
    h
}

/// P(X ≥ x) of a count with this mean and variance, x above the mean: I_{m/(m+r)}(x, r) with r = m²/(v − m) of a
/// negative binomial; without overdispersion its Poisson limit P(x, m). 1 where nothing can be said.
pub(crate) fn count_tail(x: f64, mean: f64, variance: f64) -> f64 {
    let r = mean * mean / (variance - mean);
    let tail = if r > 0.0 && r < 1e7 {
        beta_regularised(x, r, mean / (mean + r))
    } else {
        gamma_lower(x, mean, gamma_kernel(x, mean, ln_gamma(x)))
    };
    if tail.is_finite() { tail.clamp(0.0, 1.0) } else { 1.0 }
}

fn away_from_zero(x: f64) -> f64 {
    if x.abs() < TINY { TINY } else { x }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use statrs::function::{beta, gamma};

    use super::*;

    fn lower(a: f64, x: f64) -> f64 {
        gamma_lower(a, x, gamma_kernel(a, x, ln_gamma(a)))
    }

    fn assert_close(ours: f64, oracle: f64) {
        assert!((ours - oracle).abs() <= 1e-9 * oracle.abs().max(1e-3), "{ours} against {oracle}");
    }

    proptest! {
        #[test]
        fn they_are_those_of_statrs(log_a in -2.0_f64..4.0, log_b in -2.0_f64..4.0, ratio in 0.05_f64..4.0, x in 0.001_f64..0.999) {
            let (a, b) = (libm::pow(10.0, log_a), libm::pow(10.0, log_b));
            assert_close(ln_gamma(a), gamma::ln_gamma(a));
            assert_close(lower(a, a * ratio), gamma::gamma_lr(a, a * ratio));
            assert_close(beta_regularised(a, b, x), beta::beta_reg(a, b, x));
        }

        #[test]
        fn they_are_probabilities_whatever_is_asked(log_a in -300.0_f64..9.0, log_b in -300.0_f64..9.0, log_x in -300.0_f64..9.0) {
            let (a, b, x) = (libm::pow(10.0, log_a), libm::pow(10.0, log_b), libm::pow(10.0, log_x));
            for p in [lower(a, x), beta_regularised(a, b, x / (x + b))] {
                prop_assert!(p.is_nan() || (-1e-6..=1.0 + 1e-6).contains(&p), "{p}");
            }
        }
    }

    #[test]
    fn small_tails_keep_their_digits() {
        // P(Poisson(1) ≥ 20) = Σ_{k≥20} e⁻¹ ÷ k!.
        let mut term = (2..=20).fold(libm::exp(-1.0), |t, k| t / f64::from(k));
        let mut sum = 0.0;
        for k in 21..60 {
            sum += term;
            term /= f64::from(k);
        }
        assert!((lower(20.0, 1.0) / sum - 1.0).abs() < 1e-12);
        assert_eq!((beta_regularised(2.0, 3.0, 0.0), beta_regularised(2.0, 3.0, 1.0)), (0.0, 1.0));
    }
}
