//! The simulation's one source of chance: xoshiro256++ (Blackman & Vigna 2019), seeded by splitmix64.
//!
//! Written out because the demo promises the same day for the same seed on every machine and in every
//! version, which a generator crate does not promise for its distributions. It must never be used for
//! anything but simulation.

/// A stream of pseudo-random numbers.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let mut mix = seed;
        let mut next = || {
            mix = mix.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = mix;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Self { state: [next(), next(), next(), next()] }
    }

    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `[0, bound)`; 0 for a bound of 0. The bias of the multiplication is below 2⁻³².
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Uniform whole number in `[low, high]`.
    pub fn whole(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as usize) as i64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Standard normal, by the sum of twelve uniforms: tails end at ±6, which a simulation can do without.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// Poisson, by inversion (Knuth 1969); means here are tens at most.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        let limit = libm::exp(-mean.clamp(0.0, 500.0));
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_seed_others() {
        let draw = |seed| {
            let mut r = Random::seeded(seed);
            (0..8).map(|_| r.next_u64()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn poisson_has_its_mean_and_variance() {
        let mut r = Random::seeded(1);
        let draws: Vec<f64> = (0..20_000).map(|_| f64::from(r.poisson(3.0))).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 20_000.0;
        assert!((mean - 3.0).abs() < 0.06, "mean {mean}");
        assert!((variance - 3.0).abs() < 0.15, "variance {variance}");
    }

    #[test]
    fn whole_numbers_stay_inside_their_bounds() {
        let mut r = Random::seeded(2);
        assert!((0..1000).map(|_| r.whole(-2, 3)).all(|x| (-2..=3).contains(&x)));
        assert_eq!(r.below(0), 0);
    }
}
