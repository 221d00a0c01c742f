//! Everything that reads what somebody else wrote, and what must hold for whatever that is.
//!
//! A [`Probe`] takes any bytes. It panics when a law is broken, and so does what it calls when it meets something that it
//! was not made for. `tests/short.rs` tries some thousand cases of each; `cargo xtask fuzz` tries millions, with
//! `cargo-fuzz` where that is installed (each target of `fuzz/` is one probe).

mod kept;
mod labs;
mod links;
pub mod mutate;
mod stage;
mod words;

/// One reader, and inputs that it understands.
pub struct Probe {
    pub name: &'static str,
    /// What is read.
    pub about: &'static str,
    /// The laws; panics where one is broken.
    pub run: fn(&[u8]),
    /// Inputs that are right, from which others are made.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that matter to the reader.
    pub words: &'static [&'static str],
    /// How many cases the tests try: what takes about a second.
    pub short: u64,
}

/// All of them.
pub const ALL: &[Probe] = &[
    links::LINK,
    stage::QUERY,
    stage::MESSAGE,
    words::SCRIPT,
    words::CONDITION,
    words::ARTICLE,
    kept::RECORDS,
    kept::IMPORT,
    labs::GRAPH,
    labs::WIRE,
    labs::EVENTS,
];

/// The probe of this name.
pub fn find(name: &str) -> Option<&'static Probe> {
    ALL.iter().find(|probe| probe.name == name)
}

/// The first byte picks one of several, the rest is what it reads.
fn picked<'a, T>(bytes: &'a [u8], from: &'a [T]) -> Option<(&'a T, &'a [u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((from.get(usize::from(*first) % from.len())?, rest))
}

/// Any bytes as text: readers of text get what a browser would hand them.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// These texts as inputs, each behind the byte that [`picked`] takes.
fn behind(first: u8, texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| [&[first], text.as_bytes()].concat()).collect()
}
