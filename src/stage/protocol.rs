//! What an embed and the page around it say to each other: messages in, read and checked; messages out, put together.
//! No web in here: a message is a [`Value`], and what it asks for is a [`Command`] or a sentence that says what was
//! wrong with it and what was expected. README.md has the table of it all, `xtask/web/embed.d.ts` the types.

use super::player::{Player, SPEEDS, Side};
use crate::prefs::Theme;
use sim::declare::{Kind, Knob, show};
use sim::kernel::{Input, Live, Moment, Us, What};
use sim::{Knobs, Question, decimal, link, script};

/// The version of the protocol: what `breakable` is in every message.
pub const VERSION: f64 = 1.0;
/// An object of a message has no more fields: no question has as many knobs.
pub const FIELDS_MAX: usize = 64;
/// Texts other than links are short: keys, values, ids, queries.
const TEXT_CHARS_MAX: usize = 4_096;
/// A caller's own mark for its message.
const ID_CHARS_MAX: usize = 64;
/// How often a host may ask to be told the state.
const EVERY_MS: std::ops::RangeInclusive<f64> = 100.0..=60_000.0;
/// The whole numbers that a browser's number holds exactly end here.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// What a message is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Nothing,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Fields(Vec<(String, Value)>),
    /// Something that no message holds, in words: "a list", "an object with more than 64 fields".
    Other(&'static str),
}

impl Value {
    /// The field of this name, if it is an object that has one.
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Fields(list) => list.iter().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }

    /// What it is, for a sentence.
    fn told(&self) -> String {
        match self {
            Value::Nothing => "nothing".into(),
            Value::Flag(v) => v.to_string(),
            Value::Number(v) => show(*v),
            Value::Text(text) => format!("\"{}\"", cut(text)),
            Value::List(_) => "a list".into(),
            Value::Fields(_) => "an object".into(),
            Value::Other(what) => (*what).into(),
        }
    }

    /// As an address would write it.
    fn written(&self) -> Option<String> {
        match self {
            Value::Flag(v) => Some(if *v { "on" } else { "off" }.into()),
            Value::Number(v) => Some(show(*v)),
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}
impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}
impl From<f64> for Value {
    fn from(number: f64) -> Value {
        if number.is_finite() { Value::Number(number) } else { Value::Nothing }
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Nothing, Into::into)
    }
}

/// The beginning of a text, for a sentence.
fn cut(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.into(),
    }
}

/// What a host asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The run of a link.
    Link(String),
    /// As if the embed's address had this query.
    Load(Vec<(String, String)>),
    Set(Changes),
    /// Now, or at this time of the run.
    Act {
        act: u8,
        args: [f64; 3],
        at: Option<Us>,
    },
    Play,
    Pause,
    Seek(Us),
    /// Exactly there, also between two events of one microsecond.
    SeekExact {
        moment: Moment,
        moment_b: Moment,
    },
    /// With how often the host wants to be told from now on, if it says so; 0 is never.
    Query {
        every_ms: Option<u32>,
    },
}

/// What `set` changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    pub knobs: Vec<(u8, f64)>,
    /// Of side B instead of A.
    pub side_b: bool,
    pub seed: Option<u64>,
    pub speed: Option<f64>,
    pub theme: Option<Theme>,
}

/// A message that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The caller's own mark, which the answer carries.
    pub id: Option<Value>,
    pub command: Command,
}

/// A message that was not.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    pub id: Option<Value>,
    pub why: String,
}

/// Reads a message. Nothing if it is none of ours: a page says many things to its frames.
pub fn read(message: &Value, p: &Player) -> Option<Result<Wanted, Refused>> {
    let version = message.field("breakable")?;
    let mut id = None;
    let command = own_mark(message).and_then(|mark| {
        id = mark;
        if *version != Value::Number(VERSION) {
            return Err(format!("breakable is {}; this embed speaks version 1 of the messages", version.told()));
        }
        command(message, p)
    });
    Some(match command {
        Ok(command) => Ok(Wanted { id, command }),
        Err(why) => Err(Refused { id, why }),
    })
}

fn own_mark(message: &Value) -> Result<Option<Value>, String> {
    match message.field("id") {
        None | Some(Value::Nothing) => Ok(None),
        Some(id @ Value::Number(n)) if n.is_finite() => Ok(Some(id.clone())),
        Some(id @ Value::Text(text)) if text.len() <= ID_CHARS_MAX => Ok(Some(id.clone())),
        Some(other) => {
            Err(format!("id is {}; expected a number or a text of at most {ID_CHARS_MAX} characters", other.told()))
        }
    }
}

/// The types of messages that an embed takes, with their fields beside `breakable`, `type` and `id`.
const TYPES: [(&str, &[&str]); 7] = [
    ("load", &["preset", "query", "link"]),
    ("set", &["knobs", "side", "seed", "speed", "theme"]),
    ("act", &["name", "args", "at"]),
    ("play", &[]),
    ("pause", &[]),
    ("seek", &["time", "exact"]),
    ("query", &["every"]),
];

fn command(message: &Value, p: &Player) -> Result<Command, String> {
    let q = p.question;
    let types = || TYPES.map(|(name, _)| name).join(", ");
    let kind = match message.field("type") {
        Some(Value::Text(kind)) => kind,
        Some(other) => return Err(format!("type is {}; expected one of {}", other.told(), types())),
        None => return Err(format!("the message has no type; expected one of {}", types())),
    };
    let Some((name, fields)) = TYPES.iter().find(|(name, _)| name == kind) else {
        return Err(format!("there is no message \"{}\"; expected one of {}", cut(kind), types()));
    };
    only(message, name, &[&["breakable", "type", "id"], *fields].concat(), fields)?;
    match *name {
        "load" => load(message, p),
        "set" => set(message, q),
        "act" => act(message, q),
        "play" => Ok(Command::Play),
        "pause" => Ok(Command::Pause),
        "seek" => seek(message, q),
        _ => query(message),
    }
}

/// Refuses fields that are not known.
fn only(object: &Value, name: &str, known: &[&str], expected: &[&str]) -> Result<(), String> {
    let Value::Fields(list) = object else {
        return Err(format!("{name} is {}; expected an object", object.told()));
    };
    match list.iter().find(|(field, _)| !known.contains(&field.as_str())) {
        None => Ok(()),
        Some((field, _)) if expected.is_empty() => {
            Err(format!("{name} has no field \"{}\"; it takes none", cut(field)))
        }
        Some((field, _)) => Err(format!("{name} has no field \"{}\"; expected {}", cut(field), expected.join(", "))),
    }
}

/// A field that may be left out; absent and null are the same.
fn given<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.field(name).filter(|v| **v != Value::Nothing)
}

fn text<'a>(object: &'a Value, name: &str, chars_max: usize) -> Result<Option<&'a str>, String> {
    match given(object, name) {
        None => Ok(None),
        Some(Value::Text(text)) if text.len() <= chars_max => Ok(Some(text)),
        Some(Value::Text(text)) => {
            Err(format!("{name} is {} characters long; expected at most {chars_max}", text.len()))
        }
        Some(other) => Err(format!("{name} is {}; expected a text", other.told())),
    }
}

fn load(message: &Value, p: &Player) -> Result<Command, String> {
    let preset = text(message, "preset", TEXT_CHARS_MAX)?;
    let query = text(message, "query", TEXT_CHARS_MAX)?;
    if let Some(code) = text(message, "link", link::LINK_CHARS_MAX)? {
        if preset.is_some() || query.is_some() {
            return Err("load has a link and something else; a link is a whole run, send it alone".into());
        }
        // Whatever stands before it: a whole address may be passed on.
        let code = code.find("#r=").map_or(code, |at| &code[at..]);
        return link::decode(p.question, code).map(|_| Command::Link(code.into()));
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    pairs.extend(preset.map(|id| ("preset".to_owned(), id.to_owned())));
    pairs.extend(query.map(pairs_of).unwrap_or_default());
    for (key, value) in &pairs {
        check_pair(p, key, value)?;
    }
    Ok(Command::Load(pairs))
}

/// The parts of a query string, decoded.
fn pairs_of(query: &str) -> Vec<(String, String)> {
    let parts = query.trim_start_matches('?').split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(key), decoded(value))
        })
        .collect()
}

/// Percent signs and pluses of a query, resolved.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        rest = after;
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether one part of a query can be used. `Player::load_query` takes what this lets through.
fn check_pair(p: &Player, key: &str, value: &str) -> Result<(), String> {
    let (q, meta) = (p.question, p.meta);
    match key {
        "preset" if meta.preset(value).is_some() || p.experiment(value).is_some() => Ok(()),
        "preset" => {
            let known: Vec<&str> = meta.presets.iter().map(|p| p.id).collect();
            Err(format!("there is no preset \"{}\"; expected one of {}", cut(value), known.join(", ")))
        }
        "seed" => seed(&Value::from(value)).map(|_| ()),
        "speed" => speed(&decimal::parse(value).map_or(Value::from(value), Value::Number)).map(|_| ()),
        "theme" => theme(&Value::from(value)).map(|_| ()),
        "autoplay" if matches!(value, "0" | "off" | "false" | "1" | "on" | "true") => Ok(()),
        "autoplay" => Err(format!("autoplay is \"{}\"; expected 0 or 1", cut(value))),
        _ => script::set_knob(q, &mut Knobs::defaults(q), key, value),
    }
}

fn seed(value: &Value) -> Result<u64, String> {
    let read = match value {
        Value::Number(n) if n.fract() == 0.0 && (0.0..=WHOLE_MAX).contains(n) => Some(*n as u64),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    read.ok_or_else(|| format!("seed is {}; expected a whole number from 0", value.told()))
}

fn speed(value: &Value) -> Result<f64, String> {
    let (least, most) = (SPEEDS[0], SPEEDS[SPEEDS.len() - 1]);
    match value {
        Value::Number(n) if (least..=most).contains(n) => Ok(*n),
        _ => Err(format!("speed is {}; expected a number from {} to {}", value.told(), show(least), show(most))),
    }
}

fn theme(value: &Value) -> Result<Theme, String> {
    let read = if let Value::Text(text) = value { Theme::parse(text) } else { None };
    read.ok_or_else(|| format!("theme is {}; expected light, dark or system", value.told()))
}

/// A knob's or an argument's value.
fn value_of(decl: &Knob, value: &Value) -> Result<f64, String> {
    match (value, value.written()) {
        // Exactly this number, not the one that it is written as.
        (Value::Number(n), _) if matches!(decl.kind, Kind::Int | Kind::Float) && decl.allows(*n) => Ok(*n),
        (_, Some(text)) => decl.parse(&cut(&text)),
        _ => Err(format!("{} is {}; expected {}", decl.key, value.told(), decl.accepts())),
    }
}

fn set(message: &Value, q: &'static Question) -> Result<Command, String> {
    let mut changes = Changes::default();
    if let Some(knobs) = given(message, "knobs") {
        let Value::Fields(list) = knobs else {
            return Err(format!("knobs is {}; expected an object of keys and values", knobs.told()));
        };
        for (key, value) in list {
            let knob = q.knob(&cut(key))?;
            changes.knobs.push((knob, value_of(&q.knobs[knob as usize], value)?));
        }
    }
    changes.side_b = match text(message, "side", TEXT_CHARS_MAX)? {
        None | Some("a") => false,
        Some("b") => true,
        Some(other) => return Err(format!("side is \"{}\"; expected a or b", cut(other))),
    };
    changes.seed = given(message, "seed").map(seed).transpose()?;
    changes.speed = given(message, "speed").map(speed).transpose()?;
    changes.theme = given(message, "theme").map(theme).transpose()?;
    let nothing = Changes { side_b: changes.side_b, ..Changes::default() };
    if changes == nothing && given(message, "knobs").is_none() {
        return Err("set changes nothing; expected knobs, seed, speed or theme".into());
    }
    Ok(Command::Set(changes))
}

fn act(message: &Value, q: &'static Question) -> Result<Command, String> {
    let name = text(message, "name", TEXT_CHARS_MAX)?;
    let known = || q.acts.iter().map(|a| a.key).collect::<Vec<_>>().join(", ");
    let name = name.ok_or_else(|| format!("act has no name; expected one of {}", known()))?;
    let act = q.act(&cut(name))?;
    let decl = &q.acts[act as usize];
    let mut args = [0.0; 3];
    for (slot, arg) in args.iter_mut().zip(decl.args) {
        *slot = arg.default;
    }
    if let Some(values) = given(message, "args") {
        let expected: Vec<&str> = decl.args.iter().map(|a| a.key).collect();
        only(values, &format!("args of {}", decl.key), &expected, &expected)?;
        for (slot, arg) in args.iter_mut().zip(decl.args) {
            if let Some(value) = given(values, arg.key) {
                *slot = value_of(arg, value)?;
            }
        }
    }
    let at = given(message, "at").map(|at| time(q, "at", at)).transpose()?;
    Ok(Command::Act { act, args, at })
}

/// A time of the run: seconds, or as the runner writes it (`59.9s`, `200ms`).
fn time(q: &'static Question, name: &str, value: &Value) -> Result<Us, String> {
    let wrong = || {
        format!(
            "{name} is {}; expected seconds from 0 to {}, or a time such as 59.9s",
            value.told(),
            show(q.horizon.as_s())
        )
    };
    let at = match value {
        Value::Number(s) if *s >= 0.0 && *s <= q.horizon.as_s() => Us((s * 1e6).round() as u64),
        Value::Text(text) => script::duration(&cut(text)).map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    if at > q.horizon { Err(wrong()) } else { Ok(at) }
}

fn seek(message: &Value, q: &'static Question) -> Result<Command, String> {
    match (given(message, "time"), given(message, "exact")) {
        (Some(at), None) => time(q, "time", at).map(Command::Seek),
        (None, Some(exact)) => {
            let keys = ["us", "events", "events_b"];
            only(exact, "exact", &keys, &keys)?;
            let whole = |name: &str, most: f64| match given(exact, name) {
                None if name == "events_b" => Ok(0),
                Some(Value::Number(n)) if n.fract() == 0.0 && (0.0..=most).contains(n) => Ok(*n as u64),
                other => {
                    let found = other.map_or("missing".to_owned(), Value::told);
                    Err(format!("{name} of exact is {found}; expected a whole number from 0 to {}", show(most)))
                }
            };
            let at = Us(whole("us", q.last().0 as f64)?);
            let moment = Moment { at, events: whole("events", link::EVENTS_MAX as f64)? };
            let moment_b = Moment { at, events: whole("events_b", link::EVENTS_MAX as f64)? };
            Ok(Command::SeekExact { moment, moment_b })
        }
        _ => Err("seek needs a time in seconds, or exact as a state has it, and not both".into()),
    }
}

fn query(message: &Value) -> Result<Command, String> {
    match given(message, "every") {
        None => Ok(Command::Query { every_ms: None }),
        Some(Value::Number(ms)) if *ms == 0.0 || EVERY_MS.contains(ms) => {
            Ok(Command::Query { every_ms: Some(*ms as u32) })
        }
        Some(other) => Err(format!(
            "every is {}; expected milliseconds from {} to {}, or 0 for not any more",
            other.told(),
            show(*EVERY_MS.start()),
            show(*EVERY_MS.end())
        )),
    }
}

/// A message of this type with these fields.
pub fn message(kind: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let head = [("breakable", Value::Number(VERSION)), ("type", Value::from(kind))];
    object(head.into_iter().chain(fields))
}

fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Fields(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub fn error(why: String, id: Option<Value>) -> Value {
    message("error", [("message", why.into())].into_iter().chain(id.map(|id| ("id", id))))
}

/// What there is to be driven: the first message of an embed.
pub fn ready(p: &Player) -> Value {
    let (q, meta) = (p.question, p.meta);
    let presets = meta.presets.iter().map(|s| object([("id", s.id.into()), ("title", s.title.into())])).collect();
    let acts = q.acts.iter().map(|a| {
        let args = Value::List(a.args.iter().map(declared).collect());
        object([("key", a.key.into()), ("label", a.label.into()), ("args", args)])
    });
    let numbers =
        q.numbers.iter().map(|n| object([("key", n.key.into()), ("label", n.label.into()), ("unit", n.unit.into())]));
    message(
        "ready",
        [
            ("question", q.slug.into()),
            ("title", meta.title.into()),
            ("version", f64::from(q.version).into()),
            ("presets", Value::List(presets)),
            ("knobs", Value::List(q.knobs.iter().map(declared).collect())),
            ("acts", Value::List(acts.collect())),
            ("numbers", Value::List(numbers.collect())),
        ],
    )
}

fn declared(k: &Knob) -> Value {
    let mut fields = vec![("key", Value::from(k.key)), ("label", k.label.into()), ("unit", k.unit.into())];
    match k.kind {
        Kind::Toggle => {}
        Kind::Choice(options) => {
            fields.push(("choices", Value::List(options.iter().map(|(key, _)| (*key).into()).collect())));
        }
        Kind::Int | Kind::Float => fields.extend([("min", k.min.into()), ("max", k.max.into())]),
    }
    fields.extend([("default", shown(k, k.default)), ("live", k.live.into())]);
    object(fields)
}

/// A knob's value as a host would write it.
fn shown(k: &Knob, v: f64) -> Value {
    match k.kind {
        Kind::Toggle => Value::Flag(v != 0.0),
        Kind::Choice(_) => k.show(v).into(),
        Kind::Int | Kind::Float => v.into(),
    }
}

/// Where the run stands.
pub fn state(p: &Player, theme: Theme, id: Option<Value>) -> Value {
    let seed = p.seed();
    let seed = if seed as f64 <= WHOLE_MAX { (seed as f64).into() } else { seed.to_string().into() };
    let mut exact = vec![("us", (p.now().0 as f64).into()), ("events", (p.a().moment().events as f64).into())];
    let mut fields = vec![
        ("question", Value::from(p.question.slug)),
        ("preset", p.preset.map(|i| p.meta.presets[i].id).into()),
        ("experiment", p.trial.map(|t| t.experiment.id).into()),
        ("seed", seed),
        ("speed", p.speed.into()),
        ("theme", theme.name().into()),
        ("playing", p.playing.into()),
        ("behind", p.behind.into()),
        ("time", p.now().as_s().into()),
    ];
    fields.extend(side(p.question, p.a()));
    if let Some(b) = p.run(Side::B) {
        exact.push(("events_b", (b.moment().events as f64).into()));
        fields.push(("b", object(side(p.question, b))));
    }
    fields.push(("exact", object(exact)));
    fields.push(("link", p.link().into()));
    fields.push(("notes", Value::List(p.notes.iter().map(|n| n.clone().into()).collect())));
    message("state", fields.into_iter().chain(id.map(|id| ("id", id))))
}

fn side(q: &'static Question, run: &dyn Live) -> [(&'static str, Value); 3] {
    let knobs = q.knobs.iter().enumerate().map(|(i, k)| (k.key, shown(k, run.knobs().get(i))));
    let numbers = q.numbers.iter().enumerate().map(|(i, n)| (n.key, run.number(i as u8).into()));
    [("knobs", object(knobs)), ("numbers", object(numbers)), ("digest", format!("{:016x}", run.digest()).into())]
}

/// What was last known of a player: from the difference to now comes what has happened.
pub struct Watch {
    started: Started,
    inputs: Vec<Input>,
    playing: bool,
    measured: bool,
    at: Us,
}

/// What makes a run another one.
#[derive(PartialEq)]
struct Started {
    preset: Option<usize>,
    experiment: Option<&'static str>,
    seed: u64,
    knobs: Knobs,
    knobs_b: Option<Knobs>,
}

impl Watch {
    pub fn of(p: &Player) -> Watch {
        Watch {
            started: Started {
                preset: p.preset,
                experiment: p.trial.map(|t| t.experiment.id),
                seed: p.seed(),
                knobs: p.a().value().knobs.clone(),
                knobs_b: p.run(Side::B).map(|b| b.value().knobs.clone()),
            },
            inputs: p.inputs().to_vec(),
            playing: p.playing,
            measured: p.trial.is_some_and(|t| t.measured.is_some()),
            at: p.now(),
        }
    }

    /// What has happened since, as messages, and remembers how it is now.
    pub fn news(&mut self, p: &Player) -> Vec<Value> {
        let old = std::mem::replace(self, Watch::of(p));
        let mut news = Vec::new();
        let mut tell = |name: &str, fields: Vec<(&'static str, Value)>| {
            let head = [("name", Value::from(name)), ("time", p.now().as_s().into())];
            news.push(message("event", head.into_iter().chain(fields)));
        };
        if self.started != old.started {
            let experiment = self.started.experiment.into();
            tell("load", vec![("preset", p.preset.map(|i| p.meta.presets[i].id).into()), ("experiment", experiment)]);
        } else {
            let new: Vec<&Input> = self.inputs.iter().filter(|i| !old.inputs.contains(i)).collect();
            for input in &new {
                let (name, fields) = told(p.question, input);
                tell(name, fields);
            }
            // While it plays, only going back is a jump.
            let moved = if old.playing { self.at < old.at } else { self.at != old.at && !self.playing };
            if moved && new.is_empty() {
                tell("seek", vec![("from", old.at.as_s().into())]);
            }
        }
        if self.playing != old.playing {
            let at_end = p.until.is_some_and(|until| self.at == until) || self.at >= p.question.horizon;
            let name = if self.playing { "play" } else { "pause" };
            tell(if !self.playing && at_end { "end" } else { name }, Vec::new());
        }
        if let Some(t) = p.trial.filter(|t| t.measured.is_some() && (!old.measured || self.started != old.started)) {
            let measured = t.measured.flatten();
            let right = measured.and_then(|m| t.experiment.right_choice(m));
            tell(
                "measured",
                vec![
                    ("experiment", t.experiment.id.into()),
                    ("measure", t.experiment.measure.into()),
                    ("value", measured.into()),
                    ("choice", right.map(|i| i as f64).into()),
                ],
            );
        }
        news
    }
}

/// What the reader or the host has done to the run.
fn told(q: &'static Question, input: &Input) -> (&'static str, Vec<(&'static str, Value)>) {
    let at = ("at", input.at.as_s().into());
    match input.what {
        What::Act { act, args } => {
            let decl = &q.acts[act as usize];
            let args = object(decl.args.iter().zip(args).map(|(arg, v)| (arg.key, shown(arg, v))));
            ("act", vec![("act", decl.key.into()), ("args", args), at])
        }
        What::Knob { knob, value } => {
            let k = &q.knobs[knob as usize];
            ("knob", vec![("knob", k.key.into()), ("value", shown(k, value)), at])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe::value;
    use super::*;

    fn player() -> Player {
        Player::new(crate::entries::find("rate-limiter-design").unwrap())
    }

    fn read_json(mut json: serde_json::Value) -> Result<Command, String> {
        let p = player();
        json["breakable"] = 1.into();
        read(&value(&json), &p).unwrap().map(|w| w.command).map_err(|r| r.why)
    }

    fn why(json: serde_json::Value) -> String {
        read_json(json.clone()).expect_err(&json.to_string())
    }

    /// A burst of so many requests, otherwise as declared.
    fn burst(count: u32) -> (u8, [f64; 3]) {
        match read_json(serde_json::json!({"type": "act", "name": "burst", "args": {"count": count}})) {
            Ok(Command::Act { act, args, .. }) => (act, args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_ours_is_nobodys_business() {
        let p = player();
        for json in [serde_json::json!(null), "x".into(), 7.into(), serde_json::json!({"type": "play"})] {
            assert_eq!(read(&value(&json), &p), None, "{json}");
        }
    }

    #[test]
    fn each_message_is_understood() {
        use serde_json::json;
        let p = player();
        let knob = |key: &str| p.question.knob(key).unwrap();
        assert_eq!(read_json(json!({"type": "play"})), Ok(Command::Play));
        assert_eq!(read_json(json!({"type": "pause", "id": null})), Ok(Command::Pause));
        assert_eq!(read_json(json!({"type": "seek", "time": 1.5})), Ok(Command::Seek(Us(1_500_000))));
        assert_eq!(read_json(json!({"type": "seek", "time": "59.9s"})), Ok(Command::Seek(Us(59_900_000))));
        let at = |events| Moment { at: Us(7), events };
        assert_eq!(
            read_json(json!({"type": "seek", "exact": {"us": 7, "events": 3}})),
            Ok(Command::SeekExact { moment: at(3), moment_b: at(0) })
        );
        assert_eq!(read_json(json!({"type": "query", "every": 250})), Ok(Command::Query { every_ms: Some(250) }));
        let set = read_json(
            json!({"type": "set", "knobs": {"limit": 5, "algorithm": "gcra"}, "seed": 7, "speed": 2, "theme": "dark"}),
        );
        let Ok(Command::Set(changes)) = set else { panic!("{set:?}") };
        assert_eq!(
            changes.knobs[0],
            (knob("algorithm"), p.question.knobs[knob("algorithm") as usize].parse("gcra").unwrap())
        );
        assert_eq!(changes.knobs[1], (knob("limit"), 5.0));
        assert_eq!((changes.seed, changes.speed, changes.theme), (Some(7), Some(2.0), Some(Theme::Dark)));
        let load = read_json(json!({"type": "load", "preset": "edge", "query": "?limit=5&seed=%37+"}));
        assert_eq!(load, Err("seed is \"7 \"; expected a whole number from 0".into()));
        let load = read_json(json!({"type": "load", "preset": "edge", "query": "?limit=5&seed=%37"}));
        let pairs = [("preset", "edge"), ("limit", "5"), ("seed", "7")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(load, Ok(Command::Load(pairs.into())));
        let link = p.link();
        assert_eq!(
            read_json(json!({"type": "load", "link": format!("https://x.example/q/a/?b=1{link}")})),
            Ok(Command::Link(link))
        );
        let burst = p.question.act("burst").unwrap();
        let Ok(Command::Act { act, args, at }) =
            read_json(json!({"type": "act", "name": "burst", "args": {"count": 3}, "at": 2}))
        else {
            panic!("an act")
        };
        assert_eq!((act, args[0], at), (burst, 3.0, Some(Us::s(2))));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_was_expected() {
        use serde_json::json;
        for (json, what, expected) in [
            (json!({}), "no type", "load, set, act"),
            (json!({"type": 7}), "type is 7", "load"),
            (json!({"type": "explode"}), "\"explode\"", "load"),
            (json!({"type": "play", "now": true}), "\"now\"", "none"),
            (json!({"type": "load", "presett": "edge"}), "\"presett\"", "preset, query, link"),
            (json!({"type": "load", "preset": "nowhere"}), "\"nowhere\"", "edge"),
            (json!({"type": "load", "preset": ["edge"]}), "a list", "a text"),
            (json!({"type": "load", "link": "#r=%%%"}), "damaged", "beginning"),
            (json!({"type": "load", "link": "x".repeat(1_000_000)}), "1000000 characters", "at most"),
            (json!({"type": "load", "link": "#r=AAAA", "preset": "edge"}), "something else", "alone"),
            (json!({"type": "load", "query": "nosuch=1"}), "\"nosuch\"", "limit"),
            (json!({"type": "load", "query": "speed=inf"}), "\"inf\"", "0.05 to 64"),
            (json!({"type": "load", "query": "autoplay=perhaps"}), "\"perhaps\"", "0 or 1"),
            (json!({"type": "set"}), "nothing", "knobs"),
            (json!({"type": "set", "knobs": [1]}), "a list", "an object"),
            (json!({"type": "set", "knobs": {"nosuch": 1}}), "\"nosuch\"", "limit"),
            (json!({"type": "set", "knobs": {"limit": -1}}), "-1", "whole number from"),
            (json!({"type": "set", "knobs": {"limit": 1.5}}), "1.5", "whole number"),
            (json!({"type": "set", "knobs": {"limit": {}}}), "an object", "whole number"),
            (json!({"type": "set", "knobs": {"algorithm": 2}}), "algorithm=2", "gcra"),
            (json!({"type": "set", "seed": -3}), "-3", "whole number from 0"),
            (json!({"type": "set", "seed": 1.5}), "1.5", "whole number from 0"),
            (json!({"type": "set", "speed": 99}), "99", "0.05 to 64"),
            (json!({"type": "set", "theme": "<dark>"}), "\"<dark>\"", "light, dark"),
            (json!({"type": "set", "side": "c", "seed": 1}), "\"c\"", "a or b"),
            (json!({"type": "act"}), "no name", "burst"),
            (json!({"type": "act", "name": "nosuch"}), "\"nosuch\"", "burst"),
            (json!({"type": "act", "name": "burst", "args": {"size": 1}}), "\"size\"", "count"),
            (json!({"type": "act", "name": "burst", "args": {"count": 1e9}}), "count", "from"),
            (json!({"type": "act", "name": "burst", "args": 7}), "args of burst is 7", "an object"),
            (json!({"type": "act", "name": "burst", "at": -1}), "-1", "seconds from 0"),
            (json!({"type": "act", "name": "burst", "at": "soon"}), "\"soon\"", "59.9s"),
            (json!({"type": "seek"}), "needs a time", "exact"),
            (json!({"type": "seek", "time": 1e300}), "1", "seconds from 0"),
            (json!({"type": "seek", "exact": {"us": 1}}), "missing", "whole number"),
            (json!({"type": "seek", "exact": {"us": 1, "events": 1e300}}), "events", "whole number"),
            (json!({"type": "seek", "exact": {"us": 1, "events": 1, "x": 1}}), "\"x\"", "us, events"),
            (json!({"type": "query", "every": 5}), "5", "100 to 60000"),
            (json!({"type": "query", "id": {"a": 1}}), "id is an object", "a number or a text"),
        ] {
            let why = why(json.clone());
            assert!(why.contains(what) && why.contains(expected), "{json}: {why}");
            assert!(why.chars().count() < 400, "{json}: {why}");
        }
        assert!(why(json!({"type": "y".repeat(5_000)})).chars().count() < 200);
        let p = player();
        let other = read(&value(&json!({"breakable": 2, "type": "play", "id": 9})), &p).unwrap();
        assert_eq!(other.unwrap_err().id, Some(Value::Number(9.0)));
    }

    #[test]
    fn a_query_that_was_let_through_is_used_whole() {
        for entry in crate::entries::ALL {
            let mut p = Player::new(entry);
            for preset in p.meta.presets {
                let query = format!("preset={}&seed=3&speed=0.5&autoplay=0", preset.id);
                let message = message("load", [("query", query.into())]);
                let Some(Ok(Wanted { command: Command::Load(pairs), .. })) = read(&message, &p) else {
                    panic!("{}", preset.id)
                };
                p.load_query(&pairs);
                assert_eq!(p.notes, Vec::<String>::new());
                assert_eq!((p.seed(), p.speed, p.playing), (3, 0.5, false));
            }
        }
    }

    #[test]
    fn a_state_says_the_same_as_the_runner() {
        let mut p = player();
        p.load_preset(0);
        let (act, args) = burst(5);
        p.act(act, args);
        p.seek(Us::s(2));
        let said = state(&p, Theme::Dark, Some(7.0.into()));
        let text = |name: &str| said.field(name).cloned().unwrap();
        assert_eq!(text("digest"), p.digest()[..16].into());
        assert_eq!((text("time"), text("id"), text("theme")), (2.0.into(), 7.0.into(), "dark".into()));
        assert_eq!(text("link"), p.link().into());
        let knobs = text("knobs");
        for (i, k) in p.question.knobs.iter().enumerate() {
            let value = knobs.field(k.key).unwrap();
            assert_eq!(value_of(k, value), Ok(p.a().knobs().get(i)), "{} comes back as it was told", k.key);
        }
    }

    fn names(news: &[Value]) -> Vec<String> {
        news.iter()
            .map(|n| match n.field("name") {
                Some(Value::Text(name)) => name.clone(),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn what_happens_is_told_once() {
        let mut p = player();
        let mut watch = Watch::of(&p);
        assert!(watch.news(&p).is_empty());
        p.playing = false;
        assert_eq!(names(&watch.news(&p)), ["pause"]);
        p.seek(Us::s(1));
        assert_eq!(names(&watch.news(&p)), ["seek"]);
        let (act, args) = burst(5);
        p.act(act, args);
        let news = watch.news(&p);
        assert_eq!(names(&news), ["act"]);
        assert_eq!(news[0].field("args").and_then(|a| a.field("count")), Some(&5.0.into()));
        let (act, args) = burst(6);
        p.put_act(Us::ms(500), act, args);
        let news = watch.news(&p);
        assert_eq!((names(&news), news[0].field("at")), (vec!["act".to_owned()], Some(&0.5.into())));
        p.load_preset(1);
        assert_eq!(names(&watch.news(&p)), ["load", "play"]);
        p.set_seed(9);
        assert_eq!(names(&watch.news(&p)), ["load"]);
        p.load_experiment(&p.tries[0], None);
        p.seek(Us(p.tries[0].until_us));
        p.playing = false;
        let news = watch.news(&p);
        assert_eq!(names(&news), ["load", "end", "measured"]);
        assert!(matches!(news[2].field("choice"), Some(Value::Number(_))), "{news:?}");
        assert!(watch.news(&p).is_empty());
    }

    #[test]
    fn going_there_in_steps_is_going_there() {
        let (mut steps, mut once) = (player(), player());
        for p in [&mut steps, &mut once] {
            let (act, args) = burst(50);
            p.put_act(Us::ms(1_500), act, args);
        }
        let mut turns = 0;
        while !steps.approach(Us::s(30), 20) {
            turns += 1;
        }
        once.seek(Us::s(30));
        assert!(turns > 2, "{turns}");
        assert_eq!((steps.now(), steps.digest()), (once.now(), once.digest()));
        assert!(steps.approach(Us::s(3), 1) && steps.now() == Us::s(3));
    }
}
