//! The bytes of a link: whole numbers, decimals and times in as few of them as they need.

use crate::kernel::Us;

/// 10^n; exact for every `n` in use.
fn ten(n: u64) -> f64 {
    (0..n).fold(1.0, |power, _| power * 10.0)
}

/// Decimals of up to so many places have short forms.
const PLACES: u64 = 4;
const NEGATIVE: u64 = 5;
const THOUSANDS: u64 = 6;
/// The eight bytes of the double follow.
const RAW: u64 = 7;

/// What one step of a written time is worth, in microseconds: people act at round times, and hands at any.
const UNITS: [u64; 4] = [1, 1_000, 100_000, 1_000_000];

#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub fn pair(&mut self, word: u16) {
        self.0.extend(word.to_le_bytes());
    }

    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    pub fn whole(&mut self, mut n: u64) {
        while n >= 128 {
            self.0.push(n as u8 | 128);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    /// A decimal, to the last bit. The three lowest bits say what the others count: ones, tenths and so on, thousands.
    pub fn number(&mut self, v: f64) {
        if v < 0.0 {
            self.whole(NEGATIVE);
            return self.number(-v);
        }
        let exactly = |count: f64, back: fn(u64, u64) -> f64, tag: u64| {
            let n = (count + 0.5) as u64;
            (n < 1 << 53 && back(n, tag).to_bits() == v.to_bits()).then_some(n << 3 | tag)
        };
        let short = exactly(v / 1_000.0, |n, _| n as f64 * 1_000.0, THOUSANDS)
            .filter(|_| v > 0.0)
            .or_else(|| (0..=PLACES).find_map(|p| exactly(v * ten(p), |n, p| n as f64 / ten(p), p)));
        match short {
            Some(word) => self.whole(word),
            None => {
                self.whole(RAW);
                self.0.extend(v.to_bits().to_le_bytes());
            }
        }
    }

    /// A span of time, in the largest unit that has it whole.
    pub fn time(&mut self, t: Us) {
        let unit = UNITS.iter().rposition(|u| t.0.is_multiple_of(*u)).unwrap_or(0);
        self.whole((t.0 / UNITS[unit]).min(u64::MAX >> 2) << 2 | unit as u64);
    }
}

/// Reads what a [`Writer`] wrote. `None` where the bytes end too early or say nothing.
pub struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub fn pair(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }

    pub fn whole(&mut self) -> Option<u64> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 127);
            if bits << shift >> shift != bits {
                return None;
            }
            n |= bits << shift;
            if byte < 128 {
                return Some(n);
            }
        }
        None
    }

    pub fn number(&mut self) -> Option<f64> {
        let word = self.whole()?;
        if word == NEGATIVE { self.size().map(|v| -v) } else { self.unsigned(word) }
    }

    fn size(&mut self) -> Option<f64> {
        let word = self.whole()?;
        self.unsigned(word)
    }

    fn unsigned(&mut self, word: u64) -> Option<f64> {
        let (n, tag) = (word >> 3, word & 7);
        match tag {
            0..=PLACES => Some(n as f64 / ten(tag)),
            THOUSANDS => Some(n as f64 * 1_000.0),
            RAW => {
                let (bits, rest) = self.0.split_first_chunk::<8>()?;
                self.0 = rest;
                Some(f64::from_bits(u64::from_le_bytes(*bits)))
            }
            // A sign and nothing it belongs to.
            _ => None,
        }
    }

    pub fn time(&mut self) -> Option<Us> {
        let word = self.whole()?;
        (word >> 2).checked_mul(UNITS[(word & 3) as usize]).map(Us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(v: f64) -> (Option<f64>, usize) {
        let mut w = Writer::default();
        w.number(v);
        (Reader(&w.0).number(), w.0.len())
    }

    proptest! {
        #[test]
        fn every_double_comes_back_to_the_last_bit(bits: u64) {
            let v = f64::from_bits(bits);
            prop_assert_eq!(there_and_back(v).0.map(f64::to_bits), Some(bits));
        }

        #[test]
        fn what_people_set_is_short(n in -99_999i64..100_000, places in 0u64..5) {
            let v = n as f64 / ten(places);
            let (back, bytes) = there_and_back(v);
            prop_assert_eq!(back.map(f64::to_bits), Some(v.to_bits()));
            prop_assert!(bytes <= 4, "{} takes {} bytes", v, bytes);
        }

        #[test]
        fn times_and_whole_numbers_come_back(us in 0u64..1 << 60, n: u64) {
            let mut w = Writer::default();
            w.time(Us(us));
            w.whole(n);
            let mut r = Reader(&w.0);
            prop_assert_eq!((r.time(), r.whole()), (Some(Us(us)), Some(n)));
        }
    }

    #[test]
    fn round_values_take_one_byte_or_two() {
        for (v, bytes) in [(0.0, 1), (15.0, 1), (9_000.0, 1), (0.5, 1), (60_000.0, 2), (0.05, 1), (-3.0, 2)] {
            assert_eq!(there_and_back(v), (Some(v), bytes));
        }
        for (us, bytes) in [(0, 1), (12_000_000, 1), (500_000, 1), (62_000_000, 2), (59_900_000, 2)] {
            let mut w = Writer::default();
            w.time(Us(us));
            assert_eq!(w.0.len(), bytes, "{us}");
        }
    }
}
