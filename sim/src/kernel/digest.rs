//! One number that stands for a whole history of events: equal runs, equal digests.

use super::Us;

/// What an event contributes to the digest: its kind and everything that tells it from its peers.
pub trait Trace {
    fn word(&self) -> u64;
}

/// Folds 64 bits into 64 bits so that every input bit can change every output bit
/// (the finaliser of SplitMix64; Steele, Lea and Flood, OOPSLA 2014).
#[inline(always)]
pub const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(0x6a09_e667_f3bc_c908)
    }
}

impl Digest {
    /// Order matters: the rotation makes `a, b` differ from `b, a`.
    #[inline(always)]
    pub fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    #[inline(always)]
    pub fn event(&mut self, at: Us, word: u64) {
        self.add(at.0);
        self.add(word);
    }
    pub fn value(self) -> u64 {
        mix(self.0)
    }
}
