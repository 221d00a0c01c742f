//! What a question declares about itself, as data. From this one declaration come the sliders and
//! selects, the parsing of addresses and its error messages, the runner's flags, the keyboard help,
//! the screen reader's table and the tests over all questions.

use crate::kernel::{Live, RunValue, Us};
use crate::text::joined;

/// How a thing that happened is coloured and which glyph it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Ok,
    Rejected,
    Waiting,
    Flight,
    Stale,
    Undo,
    /// The reader broke something, or a scheduled fault began or ended.
    Fault,
    Info,
}

/// Where a knob's default comes from: shown beside it, so that nobody takes a guess for a fact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Origin {
    /// From a standard, a paper or documentation, named here.
    Fact(&'static str),
    /// What most systems do.
    Convention,
    /// Ours: *our assumption* on screen.
    Assumption,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Int,
    Float,
    /// The value is the index into these (key, label) pairs.
    Choice(&'static [(&'static str, &'static str)]),
    /// 0 or 1.
    Toggle,
}

/// One setting of a model.
#[derive(Clone, Copy, Debug)]
pub struct Knob {
    pub key: &'static str,
    pub label: &'static str,
    pub unit: &'static str,
    pub kind: Kind,
    pub default: f64,
    pub min: f64,
    pub max: f64,
    pub step: f64,
    /// The slider moves by ratios.
    pub log: bool,
    pub origin: Origin,
    /// Can be moved while the run goes on (becomes an input); otherwise a change starts anew.
    pub live: bool,
    /// Among the few shown first; the rest fold away.
    pub main: bool,
    /// One sentence on what it does.
    pub help: &'static str,
    /// What 0 means, if it is not a number like the others: `no bound`.
    pub zero: &'static str,
    /// Values that stand for something else than a number: `(63, "the picked one")`.
    pub named: &'static [(u8, &'static str)],
}

impl Knob {
    const fn new(key: &'static str, label: &'static str, kind: Kind, default: f64) -> Knob {
        Knob {
            key,
            label,
            unit: "",
            kind,
            default,
            min: 0.0,
            max: 1.0,
            step: 1.0,
            log: false,
            origin: Origin::Assumption,
            live: false,
            main: false,
            help: "",
            zero: "",
            named: &[],
        }
    }
    pub const fn int(key: &'static str, label: &'static str, default: i64, min: i64, max: i64) -> Knob {
        let mut k = Knob::new(key, label, Kind::Int, default as f64);
        k.min = min as f64;
        k.max = max as f64;
        k
    }
    pub const fn float(key: &'static str, label: &'static str, default: f64, min: f64, max: f64, step: f64) -> Knob {
        let mut k = Knob::new(key, label, Kind::Float, default);
        k.min = min;
        k.max = max;
        k.step = step;
        k
    }
    pub const fn choice(
        key: &'static str,
        label: &'static str,
        options: &'static [(&'static str, &'static str)],
        default: usize,
    ) -> Knob {
        let mut k = Knob::new(key, label, Kind::Choice(options), default as f64);
        k.max = (options.len() - 1) as f64;
        k
    }
    pub const fn toggle(key: &'static str, label: &'static str, default: bool) -> Knob {
        Knob::new(key, label, Kind::Toggle, if default { 1.0 } else { 0.0 })
    }
    pub const fn unit(mut self, unit: &'static str) -> Knob {
        self.unit = unit;
        self
    }
    pub const fn step(mut self, step: f64) -> Knob {
        self.step = step;
        self
    }
    pub const fn log(mut self) -> Knob {
        self.log = true;
        self
    }
    pub const fn fact(mut self, source: &'static str) -> Knob {
        self.origin = Origin::Fact(source);
        self
    }
    pub const fn convention(mut self) -> Knob {
        self.origin = Origin::Convention;
        self
    }
    pub const fn live(mut self) -> Knob {
        self.live = true;
        self
    }
    pub const fn main(mut self) -> Knob {
        self.main = true;
        self
    }
    /// What 0 means: shown in its place.
    pub const fn zero(mut self, zero: &'static str) -> Knob {
        self.zero = zero;
        self
    }
    pub const fn named(mut self, named: &'static [(u8, &'static str)]) -> Knob {
        self.named = named;
        self
    }
    pub const fn help(mut self, help: &'static str) -> Knob {
        self.help = help;
        self
    }

    /// What would be accepted, in words: for error messages and `describe`.
    pub fn accepts(&self) -> String {
        match self.kind {
            Kind::Int => format!("a whole number from {} to {}", show(self.min), show(self.max)),
            Kind::Float => format!("a number from {} to {}", show(self.min), show(self.max)),
            Kind::Toggle => "on or off".to_string(),
            Kind::Choice(options) => {
                let keys: Vec<&str> = options.iter().map(|(k, _)| *k).collect();
                format!("one of {}", joined(&keys, ", "))
            }
        }
    }

    /// Reads a value as people and addresses write it.
    pub fn parse(&self, text: &str) -> Result<f64, String> {
        let wrong = |why: &str| Err(format!("{}={text}: {why}; expected {}", self.key, self.accepts()));
        let text = text.trim_ascii();
        match self.kind {
            Kind::Toggle => match text {
                "1" | "on" | "true" | "yes" => Ok(1.0),
                "0" | "off" | "false" | "no" => Ok(0.0),
                _ => wrong("not a switch position"),
            },
            Kind::Choice(options) => match options.iter().position(|(k, _)| *k == text) {
                Some(i) => Ok(i as f64),
                None => wrong("no such choice"),
            },
            Kind::Int | Kind::Float => {
                let Some(v) = crate::decimal::parse(&text.chars().filter(|c| *c != '_').collect::<String>()) else {
                    return wrong("not a number");
                };
                if !v.is_finite() {
                    return wrong("not a number");
                }
                if self.kind == Kind::Int && v % 1.0 != 0.0 {
                    return wrong("not a whole number");
                }
                // As many digits as `show` writes, or the value would be another one when it is read again.
                let v = if v.abs() < 1.0 { (v * 1e15).round() / 1e15 } else { v };
                if v < self.min || v > self.max {
                    return wrong("out of range");
                }
                Ok(v)
            }
        }
    }

    /// Whether a value (of a link, say) is one this knob can take.
    pub fn allows(&self, v: f64) -> bool {
        let whole = self.kind == Kind::Float || v % 1.0 == 0.0;
        v.is_finite() && whole && v >= self.min && v <= self.max
    }

    /// The value as `parse` reads it.
    pub fn show(&self, v: f64) -> String {
        match self.kind {
            Kind::Toggle => if v == 0.0 { "off" } else { "on" }.to_string(),
            Kind::Choice(options) => options.get(v as usize).map_or("?", |(k, _)| k).to_string(),
            _ => show(v),
        }
    }
}

impl Knob {
    /// The value as people read it, with its name if it has one.
    pub fn tell(&self, v: f64) -> String {
        let name = self.named.iter().find(|(value, _)| f64::from(*value) == v);
        name.map_or_else(|| self.show(v), |(_, name)| (*name).to_string())
    }
}

/// A number without needless digits: `100`, `0.05`.
pub fn show(v: f64) -> String {
    crate::decimal::Plain(v).to_string()
}

/// An argument of an act, described like a knob.
pub type Arg = Knob;

/// Something the reader can do to a run: break a part, send a burst, mend it again.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    pub key: &'static str,
    pub label: &'static str,
    /// One letter, unique within the question.
    pub hotkey: char,
    pub args: &'static [Arg],
    /// On the fault bar. Others (a tap, a step) are done on the picture or by presets.
    pub fault: bool,
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Up,
    Down,
    Neither,
}

/// A number on screen, measured in the run.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    pub key: &'static str,
    pub label: &'static str,
    /// "req/s", "ms", "s", "%", "B", "" for a plain count.
    pub unit: &'static str,
    pub better: Better,
    /// Among the few shown large.
    pub main: bool,
    /// Numbers with the same plot name are drawn in one chart over time.
    pub plot: &'static str,
    pub help: &'static str,
}

impl Number {
    pub const fn new(key: &'static str, label: &'static str, unit: &'static str, better: Better) -> Number {
        Number { key, label, unit, better, main: false, plot: "", help: "" }
    }
    pub const fn main(mut self) -> Number {
        self.main = true;
        self
    }
    pub const fn plot(mut self, plot: &'static str) -> Number {
        self.plot = plot;
        self
    }
    pub const fn help(mut self, help: &'static str) -> Number {
        self.help = help;
        self
    }
}

/// What an experiment may ask of a run. Every number is a measure of the same key too.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    pub key: &'static str,
    /// What each argument is: "duration" (given as `1s`, passed as seconds) or "number".
    pub args: &'static [&'static str],
    /// For whoever writes an experiment.
    pub help: &'static str,
}

impl Measure {
    pub const fn new(key: &'static str, args: &'static [&'static str], help: &'static str) -> Measure {
        Measure { key, args, help }
    }
}

/// Everything there is to know about a question without running it.
#[derive(Debug)]
pub struct Question {
    pub slug: &'static str,
    /// Grows whenever the same value gives another run; old links are then migrated or refused.
    pub version: u16,
    pub knobs: &'static [Knob],
    pub acts: &'static [Act],
    pub numbers: &'static [Number],
    pub measures: &'static [Measure],
    /// Names of the parts in the picture, for arguments that name a node and for the text table.
    pub nodes: &'static [&'static str],
    pub links: &'static [(&'static str, &'static str)],
    /// How often the numbers go into the history.
    pub sample_every: Us,
    /// Where the timeline ends and play stops.
    pub horizon: Us,
    /// No request lives longer: how far back to look for one's story.
    pub lifetime_max: Us,
    /// The act that a click on a lane or on the picture's empty space performs, if any.
    pub tap: Option<u8>,
    /// The blocks whose source the page shows: file names in `blocks/` without `.rs`.
    pub code: &'static [&'static str],
    pub make: fn(RunValue) -> Box<dyn Live>,
}

impl Question {
    /// The last moment there is: what is done at the end of the timeline takes a microsecond each time, and
    /// nobody does a thousand things there.
    pub fn last(&self) -> Us {
        self.horizon + Us::ms(1)
    }
    pub fn knob(&self, key: &str) -> Result<u8, String> {
        find("knob", key, self.knobs.iter().map(|k| k.key))
    }
    pub fn act(&self, key: &str) -> Result<u8, String> {
        find("act", key, self.acts.iter().map(|a| a.key))
    }
    pub fn number(&self, key: &str) -> Result<u8, String> {
        find("number", key, self.numbers.iter().map(|n| n.key))
    }
    pub fn run(&'static self, value: RunValue) -> Box<dyn Live> {
        (self.make)(value)
    }
}

fn find<'a>(what: &str, key: &str, keys: impl Iterator<Item = &'a str>) -> Result<u8, String> {
    let keys: Vec<&str> = keys.collect();
    match keys.iter().position(|k| *k == key) {
        Some(i) => Ok(i as u8),
        None => Err(format!("unknown {what} \"{key}\"; expected one of {}", joined(&keys, ", "))),
    }
}

/// The values of a question's knobs, in the order of its declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Knobs(Vec<f64>);

impl Knobs {
    pub fn defaults(question: &Question) -> Knobs {
        Knobs(question.knobs.iter().map(|k| k.default).collect())
    }
    pub fn set(&mut self, knob: u8, value: f64) {
        self.0[knob as usize] = value;
    }
    pub fn get(&self, knob: usize) -> f64 {
        self.0[knob]
    }
    pub fn int(&self, knob: usize) -> u64 {
        self.0[knob] as u64
    }
    pub fn on(&self, knob: usize) -> bool {
        self.0[knob] != 0.0
    }
    pub fn choice(&self, knob: usize) -> usize {
        self.0[knob] as usize
    }
    /// A knob given in percent, as a fraction.
    pub fn share(&self, knob: usize) -> f64 {
        self.0[knob] / 100.0
    }
    /// A knob given in milliseconds.
    pub fn ms(&self, knob: usize) -> Us {
        Us::from_ms(self.0[knob])
    }
    /// A knob given in seconds.
    pub fn s(&self, knob: usize) -> Us {
        Us::from_s(self.0[knob])
    }
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}

/// What the entries of a question's lists are for, each list in its order.
#[derive(Clone, Copy, Debug)]
pub struct Help {
    pub knobs: &'static [&'static str],
    pub acts: &'static [&'static str],
    pub numbers: &'static [&'static str],
}

/// A page that loads has no room for help: it comes with [`Told`](crate::kernel::Told) when the reader turns to the
/// stage.
macro_rules! spare {
    ($($ty:ty),*) => { $(
        impl $ty {
            #[doc(hidden)]
            pub const fn spare(self) -> Self {
                if cfg!(target_arch = "wasm32") { Self { help: "", ..self } } else { self }
            }
        }
    )* };
}
spare!(Knob, Act, Number, Measure);

/// Declares a list and the index of each entry by name in one go:
/// `indexed! { pub mod knob: Knob { LIMIT = Knob::int(..), .. } }` gives `knob::ALL` and
/// `knob::LIMIT: usize`, so that a model reads `knobs.int(knob::LIMIT)`, and `knob::HELP`.
#[macro_export]
macro_rules! indexed {
    ($(#[$meta:meta])* $vis:vis mod $module:ident: $ty:ty { $($name:ident = $value:expr),* $(,)? }) => {
        $(#[$meta])*
        #[allow(dead_code)]
        $vis mod $module {
            #[allow(unused_imports)]
            use super::*;
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum Index { $($name),* }
            $(pub const $name: usize = Index::$name as usize;)*
            pub static ALL: &[$ty] = &[$(<$ty>::spare($value)),*];
            /// What each is for, in a sentence.
            pub static HELP: &[&str] = &[$($value.help),*];
        }
    };
}
