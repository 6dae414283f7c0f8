//! The simulator's own random numbers: the same for the same seed, on every machine.

/// Xorshift, 64 bits.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence for `seed`; neighbouring seeds give unrelated sequences.
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(7919).wrapping_add(12345).max(1));
        for _ in 0..20 {
            random.uniform();
        }
        random
    }

    /// Above 0 and below 1.
    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// True with probability `p`, 0 to 1.
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Exponential with this mean: spread as large as the mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.uniform().ln()
    }

    /// Gamma of shape 4 with this mean: spread half the mean, as of an ordinary handler.
    pub fn gamma(&mut self, mean: f64) -> f64 {
        let product = self.uniform() * self.uniform() * self.uniform() * self.uniform();
        -0.25 * mean * product.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distributions_have_their_mean_and_spread() {
        let mut random = Random::new(1);
        type Draw = fn(&mut Random) -> f64;
        let draws: [(Draw, f64); 2] = [(|r| r.exponential(2.0), 2.0), (|r| r.gamma(2.0), 1.0)];
        for (draw, spread) in draws {
            let n = 100_000.0;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..100_000 {
                let x = draw(&mut random);
                sum += x;
                squares += x * x;
            }
            let mean = sum / n;
            assert!((mean - 2.0).abs() < 0.05, "{mean}");
            assert!(((squares / n - mean * mean).sqrt() - spread).abs() < 0.05);
        }
    }
}
