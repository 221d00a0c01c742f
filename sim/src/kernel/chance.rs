//! Chance, in named streams.
//!
//! A stream is named by (seed, block, purpose, entity), and its k-th draw is a pure function of
//! that name and k (SplitMix64 used as a counter-based generator). So a change of policy in one
//! block cannot shift another block's draws, and the tape of arrivals needs no memory: draw k of
//! request 17's service demand is the same whoever asks, on side A and on side B.

use super::{Us, mix};
use std::sync::LazyLock;

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes a name at compile time (FNV-1a), so that streams are told apart by words, not numbers.
const fn name(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    let mut i = 0;
    while i < bytes.len() {
        h = (h ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    h
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: u64,
    drawn: u64,
}

impl Stream {
    pub const fn new(seed: u64, block: &str, purpose: &str, entity: u64) -> Stream {
        let key = mix(mix(seed.wrapping_add(GOLDEN)) ^ name(block));
        let key = mix(key ^ name(purpose).rotate_left(17));
        Stream { key: mix(key ^ mix(entity.wrapping_add(GOLDEN))), drawn: 0 }
    }

    /// 64 fair bits.
    #[inline(always)]
    pub fn bits(&mut self) -> u64 {
        self.drawn += 1;
        self.at(self.drawn)
    }

    /// The k-th draw without drawing it.
    #[inline(always)]
    pub const fn at(&self, k: u64) -> u64 {
        mix(self.key.wrapping_add(k.wrapping_mul(GOLDEN)))
    }

    /// Uniform in [0, 1), 53 bits.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        self.drawn += 1;
        self.unit_at(self.drawn)
    }

    /// The same for the k-th draw, without drawing it.
    #[inline]
    pub fn unit_at(&self, k: u64) -> f64 {
        (self.at(k) >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// True with probability `p`. Always draws once, so that moving `p` shifts nothing after it.
    #[inline]
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Uniform in 0..n by multiply-shift; the bias is below n / 2^64.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        self.drawn += 1;
        self.below_at(self.drawn, n)
    }

    /// The same for the k-th draw, without drawing it.
    #[inline]
    pub fn below_at(&self, k: u64, n: u64) -> u64 {
        ((u128::from(self.at(k)) * u128::from(n)) >> 64) as u64
    }

    /// Exponential with this mean.
    #[inline]
    pub fn exp(&mut self, mean: Us) -> Us {
        Us::from_us(unit_exp(self.bits()) * mean.0 as f64)
    }

    /// Standard normal (Marsaglia's polar method on `libm`).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * libm::sqrt(-2.0 * libm::log(s) / s);
            }
        }
    }
}

/// ln(1 + i/4096): filled once with basic arithmetic, which IEEE 754 fixes to the last bit.
static LN_1P: LazyLock<Box<[f64; 4097]>> =
    LazyLock::new(|| Box::new(core::array::from_fn(|i| ln_1p(i as f64 / 4096.0))));

/// ln(1+x) for 0 ≤ x ≤ 1 as 2·artanh(x/(2+x)); 24 terms reach the last bits since the argument is ≤ 1/3.
fn ln_1p(x: f64) -> f64 {
    let z = x / (2.0 + x);
    let z2 = z * z;
    let mut term = z;
    let mut sum = 0.0;
    for k in 0..24 {
        sum += term / f64::from(2 * k + 1);
        term *= z2;
    }
    2.0 * sum
}

/// The unit exponential's quantile: -ln(u) for the fraction u that 64 fair bits spell.
///
/// The count of leading zero bits gives multiples of ln 2, so the tail is not cut off; a
/// 4,096-point table with linear interpolation gives the rest (absolute error below 1e-8).
/// No call to a logarithm: those differ in the last bit between engines, and this is faster.
#[inline]
pub fn unit_exp(bits: u64) -> f64 {
    let zeros = bits.leading_zeros().min(63);
    // The bits below the leading one, moved to the top: x in [0, 1) with u = 2^-(zeros+1) * (1+x).
    let rest = (bits << zeros) << 1;
    let index = (rest >> 52) as usize;
    let fraction = ((rest << 12) >> 32) as f64 * (1.0 / 4_294_967_296.0);
    let (low, high) = (LN_1P[index], LN_1P[index + 1]);
    f64::from(zeros + 1) * core::f64::consts::LN_2 - (low + (high - low) * fraction)
}

/// The tape that both sides of an A|B read: what arrives, when, and how heavy it is.
///
/// Entry `i` is a pure function of (seed, i): no memory, no order of reading.
#[derive(Clone, Copy, Debug)]
pub struct Tape {
    gaps: Stream,
    seed: u64,
}

impl Tape {
    pub fn new(seed: u64) -> Tape {
        Tape { gaps: Stream::new(seed, "tape", "gap", 0), seed }
    }
    /// The unit-rate exponential gap before arrival `i`. Divide by the rate in force.
    #[inline]
    pub fn gap(&self, i: u64) -> f64 {
        unit_exp(self.gaps.at(i + 1))
    }
    /// The stored quantiles for one purpose ("service", "key", "tier"): `.at(i + 1)` is arrival i's.
    pub fn purpose(&self, purpose: &str) -> Stream {
        Stream::new(self.seed, "tape", purpose, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_exponential_is_the_logarithm() {
        let mut s = Stream::new(1, "test", "exp", 0);
        for _ in 0..100_000 {
            let bits = s.bits();
            let u = (bits as f64) / 18_446_744_073_709_551_616.0;
            let exact = -libm::log(u);
            assert!((unit_exp(bits) - exact).abs() < 2e-8, "{bits:x}: {} {exact}", unit_exp(bits));
        }
        assert!(unit_exp(1) > 44.0 && unit_exp(0).is_finite());
        assert!(unit_exp(u64::MAX) >= 0.0 && unit_exp(u64::MAX) < 1e-8);
    }

    #[test]
    fn moments_of_the_samplers() {
        let n = 400_000;
        let mut s = Stream::new(7, "test", "moments", 3);
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..n {
            let x = s.exp(Us(1_000)).0 as f64;
            sum += x;
            squares += x * x;
        }
        let mean = sum / n as f64;
        let variance = squares / n as f64 - mean * mean;
        assert!((mean / 1_000.0 - 1.0).abs() < 0.01, "mean {mean}");
        assert!((variance / 1e6 - 1.0).abs() < 0.02, "variance {variance}");
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..n {
            let x = s.normal();
            sum += x;
            squares += x * x;
        }
        assert!((sum / n as f64).abs() < 0.01);
        assert!((squares / n as f64 - 1.0).abs() < 0.01);
        let mut hits = [0u32; 7];
        for _ in 0..n {
            hits[s.below(7) as usize] += 1;
        }
        for h in hits {
            assert!((f64::from(h) / (n as f64 / 7.0) - 1.0).abs() < 0.02);
        }
    }

    #[test]
    fn streams_with_different_names_are_unrelated() {
        let names = [("a", "x", 0), ("a", "x", 1), ("a", "y", 0), ("b", "x", 0)];
        let mut firsts: Vec<u64> = names.iter().map(|(b, p, e)| Stream::new(1, b, p, *e).bits()).collect();
        firsts.push(Stream::new(2, "a", "x", 0).bits());
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 5);
    }
}
