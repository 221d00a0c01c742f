//! Reads a deflate stream (RFC 1951) symbol by symbol, to say what its bits mean.
//!
//! ```text
//! stream = blocks; block = 3 bits of header, for a dynamic one its code lengths, then symbols up to "end of block"
//! symbol = a byte as it is | copy L bytes from D bytes back
//! ```
//!
//! Codes are canonical Huffman codes: shorter ones first, equal lengths in the order of the symbols. That is why the
//! lengths alone describe a code.

/// What some bits of the stream say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// How the block is coded: 0 stored, 1 fixed codes, 2 codes of its own.
    Header {
        last: bool,
        kind: u8,
    },
    /// The lengths of the block's own codes.
    Codes,
    /// The length of a stored block, which starts at a whole byte.
    Stored {
        length: usize,
    },
    Byte(u8),
    Copy {
        length: usize,
        back: usize,
    },
    End,
}

/// Some bits of the stream, from `from` up to `to`, counted as deflate counts them: a byte's lowest bit first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub from: usize,
    pub to: usize,
    pub what: What,
}

/// The symbols of a raw deflate stream, and the bytes that it stands for; nothing if it is not one.
pub fn symbols(stream: &[u8]) -> Option<(Vec<Symbol>, Vec<u8>)> {
    let mut bits = Bits { stream, at: 0 };
    let (mut symbols, mut out) = (Vec::new(), Vec::new());
    loop {
        let from = bits.at;
        let last = bits.take(1)? == 1;
        let kind = u8::try_from(bits.take(2)?).ok()?;
        symbols.push(Symbol { from, to: bits.at, what: What::Header { last, kind } });
        let from = bits.at;
        let (bytes, distances) = match kind {
            0 => {
                stored(&mut bits, &mut symbols, &mut out)?;
                if last {
                    return Some((symbols, out));
                }
                continue;
            }
            1 => fixed(),
            2 => {
                let codes = dynamic(&mut bits)?;
                symbols.push(Symbol { from, to: bits.at, what: What::Codes });
                codes
            }
            _ => return None,
        };
        while symbols.last().is_some_and(|symbol| symbol.what != What::End) {
            let from = bits.at;
            let what = symbol(&mut bits, &bytes, &distances)?;
            match what {
                What::Byte(byte) => out.push(byte),
                What::Copy { length, back } => {
                    for _ in 0..length {
                        out.push(*out.get(out.len().checked_sub(back)?)?);
                    }
                }
                _ => {}
            }
            symbols.push(Symbol { from, to: bits.at, what });
        }
        if last {
            return Some((symbols, out));
        }
    }
}

struct Bits<'a> {
    stream: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next bits as a number, the first bit lowest.
    fn take(&mut self, count: usize) -> Option<usize> {
        let mut value = 0;
        for place in 0..count {
            let byte = *self.stream.get(self.at / 8)?;
            value |= usize::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Some(value)
    }
}

/// A canonical Huffman code: how many codes have each length, and their symbols in order.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[usize]) -> Code {
        let mut counts = [0; 16];
        for length in lengths {
            counts[*length] += 1;
        }
        let of_length = |wanted: usize| lengths.iter().enumerate().filter(move |(_, length)| **length == wanted);
        let symbols = (1..16).flat_map(|length| of_length(length).map(|(symbol, _)| symbol)).collect();
        Code { counts, symbols }
    }

    /// Bit by bit: a code of this length is either among those of the length or longer.
    fn read(&self, bits: &mut Bits) -> Option<usize> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.take(1)?;
            if code < first + count {
                return self.symbols.get(index + code - first).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

/// Lengths to copy: symbol 257 and up, each with the bits that follow it.
const LENGTHS: [(usize, usize); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

fn symbol(bits: &mut Bits, bytes: &Code, distances: &Code) -> Option<What> {
    match bytes.read(bits)? {
        byte @ 0..=255 => Some(What::Byte(u8::try_from(byte).ok()?)),
        256 => Some(What::End),
        symbol => {
            let &(base, more) = LENGTHS.get(symbol - 257)?;
            let length = base + bits.take(more)?;
            let symbol = distances.read(bits)?;
            // Two symbols for each doubling of the distance.
            let more = (symbol / 2).saturating_sub(1);
            let base = if symbol < 4 { symbol } else { (2 + symbol % 2) << more };
            Some(What::Copy { length, back: 1 + base + bits.take(more)? })
        }
    }
}

/// The codes that need not be told.
fn fixed() -> (Code, Code) {
    let lengths: Vec<usize> = (0..288)
        .map(|symbol| match symbol {
            0..=143 => 8,
            144..=255 => 9,
            256..=279 => 7,
            _ => 8,
        })
        .collect();
    (Code::new(&lengths), Code::new(&[5; 30]))
}

/// The codes of a block: their lengths, written in a code of lengths whose own lengths come first.
fn dynamic(bits: &mut Bits) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (bytes, distances, told) = (257 + bits.take(5)?, 1 + bits.take(5)?, 4 + bits.take(4)?);
    let mut lengths = [0; 19];
    for symbol in &ORDER[..told] {
        lengths[*symbol] = bits.take(3)?;
    }
    let code = Code::new(&lengths);
    let mut lengths = Vec::new();
    while lengths.len() < bytes + distances {
        let (length, times) = match code.read(bits)? {
            16 => (*lengths.last()?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length, 1),
        };
        lengths.extend(std::iter::repeat_n(length, times));
    }
    let (of_bytes, rest) = lengths.split_at_checked(bytes)?;
    Some((Code::new(of_bytes), Code::new(rest.get(..distances)?)))
}

/// A block that is not compressed: at the next whole byte a length, the same with every bit turned, the bytes.
fn stored(bits: &mut Bits, symbols: &mut Vec<Symbol>, out: &mut Vec<u8>) -> Option<()> {
    let from = bits.at;
    bits.at = bits.at.next_multiple_of(8);
    let length = bits.take(16)?;
    if bits.take(16)? != !length & 0xffff {
        return None;
    }
    symbols.push(Symbol { from, to: bits.at, what: What::Stored { length } });
    for _ in 0..length {
        let from = bits.at;
        let byte = u8::try_from(bits.take(8)?).ok()?;
        out.push(byte);
        symbols.push(Symbol { from, to: bits.at, what: What::Byte(byte) });
    }
    Some(())
}
