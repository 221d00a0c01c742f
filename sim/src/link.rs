//! A shared run: everything that a link restores, packed into the address's fragment.
//!
//! `#r=` + base64url of: one byte for the version of this format, then the version's body. Version 3 (written today) is
//! made for shortness without help from anything but the question's declaration: side A is what sets it apart from the
//! defaults, side B and each run that was left behind are what sets them apart from A. In order:
//!
//! | what | how |
//! |---|---|
//! | the declaration | two bytes that change when a knob, an act or a default does; the question's version |
//! | flags | two sides, playing, whole moments, an end, a preset or experiment, runs left behind |
//! | the moment | the clock; within a microsecond also how many events have happened; how far the run had been |
//! | play | speed, where it stops by itself |
//! | where it began | two bytes of the preset's or experiment's name, and the guess |
//! | check | two bytes of the digests at the moment: whoever restores it knows whether it is the same run |
//! | the runs | A, B, those left behind with the time they were left at |
//!
//! What is on screen beside the run is not part of it: which panel is open, whose knobs are shown, the theme.
//!
//! Version 2 (postcard of knobs and inputs by index) and version 1 (knobs and acts by their keys, as one readable text)
//! are still read. Nothing in a link is trusted: each value is checked against the declaration, what cannot be used is
//! named in a sentence and left out, and no link costs more than a few megabytes and [`EVENTS_MAX`] events.

mod older;
mod side;
mod wire;

pub use side::INPUTS_MAX;

use crate::declare::{Kind, Question};
use crate::kernel::{Moment, RunValue, Us, What};
use base64ct::{Base64UrlUnpadded, Encoding};
use wire::{Reader, Writer};

pub const FORMAT: u8 = 3;
/// Longer fragments are not read: no browser keeps them, and nobody made them by hand.
pub const LINK_CHARS_MAX: usize = 200_000;
/// A link cannot ask for more work than this to be restored.
pub const EVENTS_MAX: u64 = 200_000_000;
/// At most so many left-behind runs are kept; the oldest goes first.
pub const FUTURES_MAX: usize = 8;
/// Enough to understand what is wrong with a link; the others are counted.
const NOTES_MAX: usize = 6;

const BROKEN: &str =
    "The link is damaged (perhaps it was cut off when it was copied), so the run starts at its beginning.";

/// What is said when [`check`] does not come to what the link has.
pub const ANOTHER_RUN: &str =
    "This run is not quite the one that was shared: the simulation has been changed since the link was made.";

/// A run that was left behind when the reader acted in the past.
#[derive(Clone, Debug, PartialEq)]
pub struct Future {
    pub forked_at: Us,
    pub value: RunValue,
}

/// What a run began as. Names are given by their [`hash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Preset(u16),
    /// With the choice that the reader had picked, if any.
    Experiment(u16, Option<u8>),
}

/// What a link holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    pub a: RunValue,
    pub b: Option<RunValue>,
    /// `u64::MAX` events: all that happen up to and at this time.
    pub moment: Moment,
    /// Event count of side B at the same clock reading.
    pub moment_b: Moment,
    /// How far the run had been: a timeline that was rewound shows what lies ahead.
    pub furthest: Us,
    /// Thousandths of simulated seconds per second.
    pub speed_milli: u32,
    pub playing: bool,
    /// Play stops here by itself.
    pub until: Option<Us>,
    pub origin: Option<Origin>,
    /// The runs left behind, the oldest first.
    pub futures: Vec<Future>,
    /// [`check`] of the digests at the moment.
    pub check: Option<u16>,
}

impl Shared {
    /// One run at one moment, standing, at normal speed.
    pub fn one(a: RunValue, moment: Moment) -> Shared {
        Shared {
            a,
            b: None,
            moment,
            moment_b: Moment::default(),
            furthest: moment.at,
            speed_milli: 1_000,
            playing: false,
            until: None,
            origin: None,
            futures: Vec::new(),
            check: None,
        }
    }
}

/// Two bytes of the digests of both sides: what a restored run is held against. Never 0, which stands for none.
pub fn check(a: u64, b: Option<u64>) -> u16 {
    fold(a ^ b.map_or(0, |b| b.rotate_left(23) ^ 1)).max(1)
}

/// Two bytes of a name. Within a question the names of presets and experiments differ in them; a test sees to it.
pub fn hash(name: &str) -> u16 {
    fold(fnv(BASIS, name.bytes()))
}

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(from: u64, bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(from, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

fn fold(word: u64) -> u16 {
    (word ^ word >> 16 ^ word >> 32 ^ word >> 48) as u16
}

/// Two bytes that change when what a link leaves unsaid would mean something else: knobs, acts, choices, defaults.
fn declaration(q: &Question) -> u16 {
    let knob = |h: u64, k: &crate::declare::Knob| {
        let h = fnv(h, k.key.bytes().chain(k.default.to_bits().to_le_bytes()));
        match k.kind {
            Kind::Choice(options) => options.iter().fold(h, |h, (key, _)| fnv(h, key.bytes())),
            _ => h,
        }
    };
    let h = q.knobs.iter().fold(BASIS, knob);
    fold(q.acts.iter().fold(h, |h, act| act.args.iter().fold(fnv(h, act.key.bytes()), knob)))
}

const TWO: u8 = 1;
const PLAYING: u8 = 2;
/// All events of the moment's time have happened, so that they need no count.
const WHOLE_A: u8 = 4;
const WHOLE_B: u8 = 8;
const UNTIL: u8 = 16;
const PRESET: u8 = 32;
const EXPERIMENT: u8 = 64;
const FUTURES: u8 = 128;

/// The fragment without `#r=`. A link that would be too long to be read leaves out the oldest runs left behind.
pub fn encode(shared: &Shared) -> String {
    let mut futures = &shared.futures[shared.futures.len().saturating_sub(FUTURES_MAX)..];
    loop {
        let text = Base64UrlUnpadded::encode_string(&body(shared, futures));
        match futures.split_first() {
            Some((_, rest)) if text.len() > LINK_CHARS_MAX => futures = rest,
            _ => return text,
        }
    }
}

fn body(shared: &Shared, futures: &[Future]) -> Vec<u8> {
    let q = shared.a.question;
    let mut w = Writer::default();
    w.byte(FORMAT);
    w.pair(declaration(q));
    w.whole(u64::from(q.version));
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    let (whole_a, whole_b) = (shared.moment.events == u64::MAX, shared.moment_b.events == u64::MAX);
    w.byte(
        flag(shared.b.is_some(), TWO)
            | flag(shared.playing, PLAYING)
            | flag(whole_a, WHOLE_A)
            | flag(whole_b, WHOLE_B)
            | flag(shared.until.is_some(), UNTIL)
            | flag(matches!(shared.origin, Some(Origin::Preset(_))), PRESET)
            | flag(matches!(shared.origin, Some(Origin::Experiment(..))), EXPERIMENT)
            | flag(!futures.is_empty(), FUTURES),
    );
    w.time(shared.moment.at);
    if !whole_a {
        w.whole(shared.moment.events);
    }
    if shared.b.is_some() && !whole_b {
        w.whole(shared.moment_b.events);
    }
    w.time(shared.furthest - shared.moment.at);
    w.number(f64::from(shared.speed_milli));
    if let Some(until) = shared.until {
        w.time(until);
    }
    match shared.origin {
        None => {}
        Some(Origin::Preset(name)) => w.pair(name),
        Some(Origin::Experiment(name, guess)) => {
            w.pair(name);
            w.byte(guess.map_or(0, |g| g.saturating_add(1)));
        }
    }
    w.pair(shared.check.unwrap_or(0));
    side::write(&mut w, &shared.a, &RunValue::new(q));
    if let Some(b) = &shared.b {
        side::write(&mut w, b, &shared.a);
    }
    if !futures.is_empty() {
        w.byte(futures.len() as u8);
    }
    for future in futures {
        w.time(future.forked_at);
        side::write(&mut w, &future.value, &shared.a);
    }
    w.0
}

/// Reads a fragment (with or without `#r=`). `Err` when nothing can be used; otherwise the run and
/// a sentence for each thing that was left out.
pub fn decode(q: &'static Question, text: &str) -> Result<(Shared, Vec<String>), String> {
    let text = text.trim().trim_start_matches('#');
    let text = text.strip_prefix("r=").unwrap_or(text);
    if text.len() > LINK_CHARS_MAX {
        return Err(format!(
            "The link is {} characters long; a run fits into {LINK_CHARS_MAX}. It was ignored.",
            text.len()
        ));
    }
    let bytes = Base64UrlUnpadded::decode_vec(text).map_err(|_| BROKEN.to_string())?;
    let (version, body) = bytes.split_first().ok_or_else(|| BROKEN.to_string())?;
    let mut notes = Notes::default();
    let read = match version {
        0 => None,
        1 => older::text(q, body, &mut notes),
        2 => older::postcard(q, body, &mut notes),
        3 => today(q, body, &mut notes),
        v => {
            return Err(format!(
                "The link was made by a newer version of this page (format {v}; this page reads up to {FORMAT}), so the run starts at its beginning."
            ));
        }
    };
    read.unwrap_or_else(|| Err(BROKEN.to_string())).map(|shared| (shared, notes.sentences()))
}

/// What was read; a sentence why nothing of it can be used; or `None`, when it is no link at all.
type Read = Option<Result<Shared, String>>;

fn today(q: &'static Question, body: &[u8], notes: &mut Notes) -> Read {
    let mut r = Reader(body);
    let declared = r.pair()?;
    let version = r.whole()?;
    let flags = r.byte()?;
    let set = |bit: u8| flags & bit != 0;
    let at = r.time()?;
    let mut events = |whole: bool| if whole { Some(u64::MAX) } else { r.whole() };
    let events_a = events(set(WHOLE_A))?;
    let events_b = if set(TWO) { events(set(WHOLE_B))? } else { u64::MAX };
    let furthest = at + r.time()?;
    let speed = r.number()?;
    let until = if set(UNTIL) { Some(r.time()?) } else { None };
    let origin = if set(PRESET) {
        Some(Origin::Preset(r.pair()?))
    } else if set(EXPERIMENT) {
        Some(Origin::Experiment(r.pair()?, r.byte()?.checked_sub(1)))
    } else {
        None
    };
    let check = r.pair()?;
    if let Err(why) = of_this_version(q, version, [events_a, events_b]) {
        return Some(Err(why));
    }
    let same = version == u64::from(q.version) && declared == declaration(q);
    if version == u64::from(q.version) && !same {
        notes.add(|| "The question has been changed since the link was made: what the link says is kept, but the run may differ in detail.".to_string());
    } else if !same {
        notes.older();
    }
    let a = side::read(&mut r, &RunValue::new(q), notes)?;
    let b = if set(TWO) { Some(side::read(&mut r, &a, notes)?) } else { None };
    let futures = if set(FUTURES) { left_behind(&mut r, &a, notes)? } else { Vec::new() };
    if !r.0.is_empty() {
        return None;
    }
    // Eight bytes can be what is no number.
    let speed = if speed.is_nan() { 1_000.0 } else { speed };
    let speed_milli = crate::order::between(speed, 50.0, 64_000.0) as u32;
    let shared = Shared { speed_milli, playing: set(PLAYING), origin, futures, ..Shared::one(a, Moment::default()) };
    let shared = Shared { b, until: until.filter(|t| *t <= q.horizon), ..shared };
    let moments = [(at, events_a), (at, events_b)].map(|(at, events)| moment(same, at, events));
    Some(Ok(Shared { check: Some(check).filter(|c| same && *c != 0), ..placed(q, shared, moments, furthest, notes) }))
}

fn left_behind(r: &mut Reader, a: &RunValue, notes: &mut Notes) -> Option<Vec<Future>> {
    let count = r.byte()? as usize;
    if count > FUTURES_MAX {
        return None;
    }
    (0..count).map(|_| Some(Future { forked_at: r.time()?, value: side::read(r, a, notes)? })).collect()
}

/// Event counts only mean something to the version that counted them.
fn moment(same: bool, at: Us, events: u64) -> Moment {
    Moment { at, events: if same { events } else { u64::MAX } }
}

/// Why a link of this version of the question, at these event counts, cannot be used.
fn of_this_version(q: &Question, version: u64, events: [u64; 2]) -> Result<(), String> {
    if version > u64::from(q.version) {
        return Err(
            "The link was made by a newer version of this question, so the run starts at its beginning.".to_string()
        );
    }
    if events.into_iter().any(|n| n > EVENTS_MAX && n != u64::MAX) {
        return Err(
            "The link asks for a moment further into a run than this page goes, so the run starts at its beginning."
                .to_string(),
        );
    }
    Ok(())
}

/// Puts the moments into a run, none of them beyond the end of the timeline. What would be done after it never is.
fn placed(q: &Question, mut shared: Shared, moments: [Moment; 2], furthest: Us, notes: &mut Notes) -> Shared {
    let (mut late, last) = (0, q.last());
    let values = shared.futures.iter_mut().map(|future| {
        future.forked_at = future.forked_at.min(last);
        &mut future.value
    });
    for run in values.chain([&mut shared.a]).chain(&mut shared.b) {
        let all = run.inputs.len();
        run.inputs.retain(|input| input.at <= last);
        late += all - run.inputs.len();
    }
    if late > 0 {
        notes.add(|| format!("The link has acts after the end of the timeline ({late}), which were left out."));
    }
    let beyond = moments[0].at > last;
    if beyond {
        notes.add(|| format!("The link points beyond the end of the timeline; it shows {} instead.", q.horizon));
    }
    let [moment, moment_b] = moments.map(|m| Moment { at: if beyond { q.horizon } else { m.at }, ..m });
    let moment_b = if shared.b.is_some() { moment_b } else { Moment::default() };
    Shared { moment, moment_b, furthest: furthest.min(last).max(moment.at), ..shared }
}

/// The knob of this number, if there is one and it can take the value.
fn knob_of(q: &Question, index: u64, value: f64) -> Option<u8> {
    let decl = q.knobs.get(usize::try_from(index).ok()?)?;
    decl.allows(value).then_some(index as u8)
}

/// The act of this number with its first arguments given, the others as declared, if the question has it.
fn act_of(q: &Question, index: u64, given: &[f64]) -> Option<What> {
    let decl = q.acts.get(usize::try_from(index).ok()?)?;
    if given.len() > decl.args.len() {
        return None;
    }
    let mut args = [0.0; 3];
    for (i, (slot, arg)) in args.iter_mut().zip(decl.args).enumerate() {
        *slot = given.get(i).copied().unwrap_or(arg.default);
        if !arg.allows(*slot) {
            return None;
        }
    }
    Some(What::Act { act: index as u8, args })
}

/// What of a link was left out, in sentences: a forged one could make thousands.
#[derive(Default)]
pub(crate) struct Notes {
    said: Vec<String>,
    more: usize,
}

impl Notes {
    fn add(&mut self, sentence: impl FnOnce() -> String) {
        if self.said.len() < NOTES_MAX {
            self.said.push(sentence());
        } else {
            self.more += 1;
        }
    }

    fn knob(&mut self, run: &RunValue, index: u64, value: f64) {
        self.add(|| match usize::try_from(index).ok().and_then(|i| run.question.knobs.get(i)) {
            Some(k) => format!(
                "The link sets {} to {}, which is out of range; it stays at {}.",
                k.label,
                crate::decimal::Plain(value),
                k.show(run.knobs.get(index as usize))
            ),
            None => format!("The link sets knob number {index}, which this question does not have; it was left out."),
        });
    }

    fn older(&mut self) {
        self.add(|| "The link was made by an older version of this question: the knobs and acts are kept, but the run may differ in detail.".to_string());
    }

    fn sentences(mut self) -> Vec<String> {
        if self.more > 0 {
            self.said.push(format!("{} more things in the link could not be used and were left out.", self.more));
        }
        self.said
    }
}

#[cfg(all(test, feature = "questions"))]
mod tests;
