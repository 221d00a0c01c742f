//! Cases from a number: the same number makes the same case on every machine.

use crate::Probe;

/// A case is cut off here; the readers' own limits are tested with inputs made for them.
const BYTES_MAX: usize = 4_096;

/// SplitMix64.
struct Draw(u64);

impl Draw {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.word() % n.max(1) as u64) as usize
    }
}

/// Bytes that readers trip over.
const EDGES: [&[u8]; 24] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"\\",
    b"'",
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b")",
    b"=",
    b"&",
    b"%",
    b"%00",
    b"-1",
    b"1e309",
    b"18446744073709551616",
    b"NaN",
    b"\xff",
    b"\xc3\x28",
    "\u{2028}".as_bytes(),
    "é👩‍👩‍👧".as_bytes(),
];

/// Case number `number` of a probe: one of its seeds with a few slips, or two of them grown together, or words of its
/// own in any order. `seeds` are the probe's, made once.
pub fn case(probe: &Probe, seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut draw = Draw(number);
    let mut bytes = match (draw.below(8), seeds.is_empty()) {
        (0, _) | (_, true) => (0..draw.below(64)).map(|_| draw.word() as u8).collect(),
        (1, _) => (0..draw.below(24)).flat_map(|_| piece(probe, &mut draw)).collect(),
        (2, _) => {
            let (a, b) = (&seeds[draw.below(seeds.len())], &seeds[draw.below(seeds.len())]);
            let (from, to) = (draw.below(a.len() + 1), draw.below(b.len() + 1));
            [&a[..from], &b[to..]].concat()
        }
        _ => seeds[draw.below(seeds.len())].clone(),
    };
    for _ in 0..draw.below(6) {
        slip(probe, &mut bytes, &mut draw);
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn piece(probe: &Probe, draw: &mut Draw) -> Vec<u8> {
    let words = probe.words.len();
    match draw.below(words + EDGES.len()) {
        i if i < words => probe.words[i].as_bytes().to_vec(),
        i => EDGES[i - words].to_vec(),
    }
}

fn slip(probe: &Probe, bytes: &mut Vec<u8>, draw: &mut Draw) {
    let at = draw.below(bytes.len() + 1);
    let to = (at + draw.below(9)).min(bytes.len());
    match draw.below(7) {
        0 => drop(bytes.drain(at..to)),
        1 => drop(bytes.splice(at..at, piece(probe, draw))),
        2 => drop(bytes.splice(at..to, piece(probe, draw))),
        3 => {
            let stretch = bytes[at..to].to_vec();
            let times = 1 + draw.below(6);
            drop(bytes.splice(at..at, stretch.repeat(times)));
        }
        4 => bytes.truncate(at),
        5 => bytes[at..to].reverse(),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = if draw.below(2) == 0 { *byte ^ 1 << draw.below(8) } else { draw.word() as u8 };
            }
        }
    }
}
