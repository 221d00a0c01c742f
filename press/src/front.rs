//! The front matter of a question: its types, and the reader that checks it.

use crate::expect::{Answer, Expect, Side};
use crate::lab::Lab;
use crate::problem::expected_one_of;
use crate::table::{Reader, Table, described, is_name};
use crate::units::{duration, leading_number};
use std::fmt;
use toml::de::{DeTable, DeValue};

/// What the questions are grouped by, in the order of the library.
pub const THEMES: [&str; 5] =
    ["traffic and overload", "data at scale", "correctness", "services and APIs", "running it"];

/// Every question there is or will be. `related` and links may name any of them; a file must be named after one.
pub const SLUGS: [&str; 19] = [
    "rest-vs-graphql",
    "service-communication",
    "distributed-rate-limit",
    "saga-consistency",
    "traffic-spike-10x",
    "monolith-vs-microservices",
    "slow-db-queries",
    "million-rpm-architecture",
    "db-bottleneck-spikes",
    "eventual-consistency",
    "caching-benefits",
    "rate-limiter-design",
    "debug-latency",
    "idempotent-api",
    "backpressure",
    "event-sourcing",
    "api-versioning",
    "queue-vs-direct-call",
    "observability",
];

/// Names with values, both as the engine reads them, in the order of the file.
pub type Pairs = Vec<(String, String)>;

/// The checked front matter of one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Front {
    /// The question itself.
    pub title: String,
    /// Two or three words for the stage's header and the navigation.
    pub short: String,
    pub level: Level,
    pub theme: String,
    pub topics: Vec<String>,
    /// Reading time, in minutes.
    pub minutes: u32,
    /// Members of [`SLUGS`]; some may not be written yet.
    pub related: Vec<String>,
    /// Where it says so.
    pub related_line: usize,
    /// One or two sentences for the library card and the page's description.
    pub summary: String,
    /// Where the reader works with the real thing.
    pub lab: Option<Lab>,
    pub sources: Vec<Source>,
    pub presets: Vec<Preset>,
    pub tries: Vec<Try>,
}

/// Who is usually asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Junior,
    Middle,
    Senior,
    Staff,
}

/// A document that the text refers to as `[@id]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub id: String,
    pub title: String,
    pub url: String,
    pub by: Option<String>,
    pub year: Option<u16>,
    pub note: Option<String>,
}

/// One side of a run: where its knobs start, and what is done to it when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    pub set: Pairs,
    pub inputs: Vec<Input>,
}

/// An act of the person at the controls, at a moment of simulated time. Only its shape is checked here; the engine
/// knows which acts exist. Moving a knob is the act `set`, whose one argument is the knob and its new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    pub at_us: u64,
    pub act: String,
    pub args: Pairs,
}

/// A prepared run to start from.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    pub id: String,
    pub title: String,
    pub a: Setup,
    /// Present when the preset is an A|B. Holds B in full: A's knobs with `set_b` laid over them, and A's inputs unless
    /// `inputs_b` gives others.
    pub b: Option<Setup>,
    pub seed: Option<u64>,
    /// Simulated seconds per second of the reader's time.
    pub speed: f64,
    pub until_us: Option<u64>,
    /// Line of the file, from 1.
    pub line: usize,
}

/// A run that the tests repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub a: Setup,
    /// As in [`Preset::b`].
    pub b: Option<Setup>,
    /// The first seed; the question's own default if absent.
    pub seed: Option<u64>,
    /// How many seeds are run, counting up from the first; a claim must hold for each.
    pub seeds: u32,
    pub until_us: u64,
}

/// What is read from a run and what it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    pub side: Side,
    /// A measure in the engine's words, such as `max_in_window(1s)`.
    pub measure: String,
    pub expect: Expect,
}

/// An experiment: a question to the reader that a run answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Try {
    pub id: String,
    pub title: String,
    pub plan: Plan,
    /// Simulated seconds per second of the reader's time.
    pub speed: f64,
    pub ask: String,
    /// At least two.
    pub choices: Vec<Choice>,
    /// The claim that decides which choice is right.
    pub claim: Claim,
    /// What happened and why; shown after the run.
    pub after: String,
    /// Further claims, for the tests only.
    pub checks: Vec<Check>,
    /// Line of the file, from 1.
    pub line: usize,
}

/// One of the answers that a reader can pick.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub label: String,
    pub answer: Answer,
}

/// A further claim of an experiment, with its run in full: what the `[[try.check]]` does not say is the experiment's.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub plan: Plan,
    pub claim: Claim,
    /// Line of the file, from 1.
    pub line: usize,
}

impl Try {
    /// The choice that a run with this outcome marks right, if any.
    pub fn right_choice(&self, measured: f64) -> Option<usize> {
        crate::expect::right_answer(self.choices.iter().map(|c| c.answer), measured)
    }

    /// Everything that the tests hold this experiment to: its own claim first, then its checks, each with its line.
    pub fn claims(&self) -> impl Iterator<Item = (usize, &Plan, &Claim)> {
        std::iter::once((self.line, &self.plan, &self.claim))
            .chain(self.checks.iter().map(|c| (c.line, &c.plan, &c.claim)))
    }
}

impl Level {
    pub const ALL: [Level; 4] = [Level::Junior, Level::Middle, Level::Senior, Level::Staff];

    pub fn name(self) -> &'static str {
        match self {
            Level::Junior => "Junior",
            Level::Middle => "Middle",
            Level::Senior => "Senior",
            Level::Staff => "Staff",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Level, String> {
        let names = Level::ALL.map(Level::name);
        Level::ALL
            .into_iter()
            .find(|l| l.name() == text)
            .ok_or_else(|| format!("`{text}` is not a level; {}", expected_one_of(text, &names)))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Input {
    /// Reads `<time> <act> [key=value]...`.
    ///
    /// # Errors
    /// A sentence that quotes the text and says what was expected.
    pub fn parse(text: &str) -> Result<Input, String> {
        let wrong = |why: String| {
            format!("`{text}` is not an input: {why}; write it like `12.5s kill node=2` or `30s set limit=50`")
        };
        let mut words = text.split_whitespace();
        let at_us = duration(words.next().unwrap_or_default()).map_err(&wrong)?;
        let act = words.next().ok_or_else(|| wrong("the act is missing".into()))?;
        if !is_name(act) {
            return Err(wrong(format!("`{act}` is not the name of an act")));
        }
        let mut args = Pairs::new();
        for word in words {
            match word.split_once('=') {
                Some((name, value)) if is_name(name) && !value.is_empty() => {
                    if args.iter().any(|(n, _)| n == name) {
                        return Err(wrong(format!("`{name}` is given twice")));
                    }
                    args.push((name.to_owned(), value.to_owned()));
                }
                _ => return Err(wrong(format!("`{word}` is not `name=value`"))),
            }
        }
        if act == "set" && args.len() != 1 {
            return Err(wrong("`set` moves exactly one knob".into()));
        }
        Ok(Input { at_us, act: act.to_owned(), args })
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", crate::units::duration_text(self.at_us), self.act)?;
        self.args.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

const TOP: [&str; 12] =
    ["title", "short", "level", "theme", "topics", "minutes", "related", "summary", "lab", "source", "preset", "try"];
const SOURCE: [&str; 6] = ["id", "title", "url", "by", "year", "note"];
const PRESET: [&str; 9] = ["id", "title", "set", "set_b", "inputs", "inputs_b", "seed", "speed", "until"];
const TRY: [&str; 17] = [
    "id", "title", "set", "set_b", "inputs", "inputs_b", "seed", "seeds", "speed", "until", "ask", "choices",
    "measure", "expect", "side", "after", "check",
];
const CHECK: [&str; 10] = ["set", "set_b", "inputs", "inputs_b", "seed", "seeds", "until", "side", "measure", "expect"];

/// The slowest and the fastest that the stage plays.
const SPEED: std::ops::RangeInclusive<f64> = 0.05..=64.0;
const SEED: std::ops::RangeInclusive<u64> = 0..=i64::MAX as u64;
/// Longer runs than this are a slip of the pen, and would keep the tests busy for minutes.
const UNTIL_MAX_US: u64 = 7 * 24 * 3_600_000_000;

/// Reads and checks the front matter. The result is meaningless if `r.problems` is not empty afterwards.
pub(crate) fn read(r: &mut Reader, slug: &str, text: &str) -> Option<Front> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let mut last = 0;
        for e in errors {
            let line = r.line(e.span().map_or(0, |s| s.start));
            // One slip makes the parser stumble several times on its line; the first message says it best.
            if line != last {
                r.problem(line, format!("the front matter is not TOML: {}", e.message()));
            }
            last = line;
        }
        // What was recovered may be missing half its keys; complaining about those would bury the cause.
        return None;
    }
    let mut t = Table::new(r, "", root.get_ref(), 0..0);
    // A missing key is reported at the opening `+++`.
    t.line = t.line.saturating_sub(1).max(1);
    t.only(r, &TOP, &[]);
    let front = Front {
        title: t.text(r, "title"),
        short: t.text(r, "short"),
        level: t.parsed(r, "level", Level::parse).unwrap_or(Level::Junior),
        theme: t.parsed(r, "theme", theme).unwrap_or_default(),
        topics: topics(r, &t),
        minutes: u32::try_from(t.integer(r, "minutes", 1..=60)).unwrap_or_default(),
        related: related(r, &t, slug),
        related_line: t.line_of(r, "related"),
        summary: t.text(r, "summary"),
        lab: t.optional_parsed(r, "lab", Lab::parse),
        sources: t.tables(r, "source", " in [[source]]").iter().map(|t| source(r, t)).collect(),
        presets: t.tables(r, "preset", " in [[preset]]").iter().map(|t| preset(r, t)).collect(),
        tries: t.tables(r, "try", " in [[try]]").iter().map(|t| experiment(r, t)).collect(),
    };
    at_most(r, &t, "short", &front.short, 32);
    at_most(r, &t, "title", &front.title, 160);
    at_most(r, &t, "summary", &front.summary, 320);
    for key in ["source", "preset", "try"] {
        distinct_ids(r, &t, key);
    }
    Some(front)
}

fn topics(r: &mut Reader, t: &Table) -> Vec<String> {
    let before = r.problems.len();
    let topics = t.texts(r, "topics");
    if topics.is_empty() && r.problems.len() == before {
        r.problem(
            t.line_of(r, "topics"),
            "`topics` is missing or empty; expected one or more: `topics = [\"rate limiting\"]`",
        );
    }
    distinct(r, "topics", &topics);
    topics.into_iter().map(|(topic, _)| topic).collect()
}

fn theme(text: &str) -> Result<String, String> {
    let known = THEMES.contains(&text);
    if known {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not a theme; {}", expected_one_of(text, &THEMES)))
    }
}

fn related(r: &mut Reader, t: &Table, slug: &str) -> Vec<String> {
    let related = t.texts(r, "related");
    distinct(r, "related", &related);
    for (name, line) in &related {
        if name == slug {
            r.problem(*line, format!("`related` names `{name}`, which is this question itself"));
        } else if !SLUGS.contains(&name.as_str()) {
            r.problem(
                *line,
                format!("`related` names `{name}`, which is not a question; {}", expected_one_of(name, &SLUGS)),
            );
        }
    }
    related.into_iter().map(|(name, _)| name).collect()
}

fn source(r: &mut Reader, t: &Table) -> Source {
    t.only(r, &SOURCE, &TOP);
    Source {
        id: id(r, t),
        title: t.text(r, "title"),
        url: t.parsed(r, "url", url).unwrap_or_default(),
        by: t.optional_text(r, "by"),
        year: t.optional_integer(r, "year", 1900..=2100).and_then(|y| u16::try_from(y).ok()),
        note: t.optional_text(r, "note"),
    }
}

fn preset(r: &mut Reader, t: &Table) -> Preset {
    t.only(r, &PRESET, &TOP);
    let until_us = until(r, t);
    let sides = Sides::default().overlaid(r, t, until_us);
    let (a, b) = sides.setups();
    Preset {
        id: id(r, t),
        title: t.text(r, "title"),
        a,
        b,
        seed: t.optional_integer(r, "seed", SEED),
        speed: t.optional_float(r, "speed", SPEED).unwrap_or(1.0),
        until_us,
        line: t.line,
    }
}

fn experiment(r: &mut Reader, t: &Table) -> Try {
    t.only(r, &TRY, &TOP);
    if !t.map.contains_key("until") {
        r.problem(t.line, "missing key `until` in [[try]]");
    }
    let until_us = until(r, t);
    let sides = Sides::default().overlaid(r, t, until_us);
    let (a, b) = sides.setups();
    let plan = Plan {
        a,
        b,
        seed: t.optional_integer(r, "seed", SEED),
        seeds: seeds(r, t).unwrap_or(1),
        until_us: until_us.unwrap_or_default(),
    };
    let claim = claim(r, t, &plan);
    let choices = choices(r, t);
    let answers = choices.iter().map(|c| c.answer);
    if let Some(x) = claim.expect.example()
        && !choices.is_empty()
        && crate::expect::right_answer(answers, x).is_none()
    {
        r.problem(
            t.line_of(r, "choices"),
            format!("none of the choices is right when the run measures {x}, as `expect` says it will"),
        );
    }
    let checks = t.tables(r, "check", " in [[try.check]]").iter().map(|c| check(r, c, &sides, &plan)).collect();
    Try {
        id: id(r, t),
        title: t.text(r, "title"),
        plan,
        speed: t.optional_float(r, "speed", SPEED).unwrap_or(1.0),
        ask: t.text(r, "ask"),
        choices,
        claim,
        after: t.text(r, "after"),
        checks,
        line: t.line,
    }
}

fn check(r: &mut Reader, t: &Table, of: &Sides, base: &Plan) -> Check {
    t.only(r, &CHECK, &TRY);
    let until_us = until(r, t).unwrap_or(base.until_us);
    let (a, b) = of.overlaid(r, t, Some(until_us)).setups();
    let plan = Plan {
        a,
        b,
        seed: t.optional_integer(r, "seed", SEED).or(base.seed),
        seeds: seeds(r, t).unwrap_or(base.seeds),
        until_us,
    };
    let claim = claim(r, t, &plan);
    Check { plan, claim, line: t.line }
}

/// The two sides as written, before B is filled up from A.
#[derive(Default, Clone)]
struct Sides {
    set: Pairs,
    inputs: Vec<Input>,
    set_b: Option<Pairs>,
    inputs_b: Option<Vec<Input>>,
}

impl Sides {
    /// What `t` says laid over `self`: knobs one by one, inputs as a whole.
    fn overlaid(&self, r: &mut Reader, t: &Table, until_us: Option<u64>) -> Sides {
        let mut sides = self.clone();
        if let Some(set) = t.optional_pairs(r, "set") {
            sides.set = laid_over(&sides.set, &set);
        }
        if t.map.contains_key("set_b") {
            let set_b = t.optional_pairs(r, "set_b").unwrap_or_default();
            sides.set_b = Some(laid_over(sides.set_b.as_deref().unwrap_or_default(), &set_b));
        }
        if t.map.contains_key("inputs") {
            sides.inputs = inputs(r, t, "inputs", until_us);
        }
        if t.map.contains_key("inputs_b") {
            sides.inputs_b = Some(inputs(r, t, "inputs_b", until_us));
        }
        sides
    }

    fn setups(&self) -> (Setup, Option<Setup>) {
        let a = Setup { set: self.set.clone(), inputs: self.inputs.clone() };
        let b = (self.set_b.is_some() || self.inputs_b.is_some()).then(|| Setup {
            set: laid_over(&self.set, self.set_b.as_deref().unwrap_or_default()),
            inputs: self.inputs_b.clone().unwrap_or_else(|| self.inputs.clone()),
        });
        (a, b)
    }
}

fn laid_over(below: &[(String, String)], above: &[(String, String)]) -> Pairs {
    let mut pairs = below.to_vec();
    for (name, value) in above {
        match pairs.iter_mut().find(|(n, _)| n == name) {
            Some(pair) => pair.1.clone_from(value),
            None => pairs.push((name.clone(), value.clone())),
        }
    }
    pairs
}

fn inputs(r: &mut Reader, t: &Table, key: &str, until_us: Option<u64>) -> Vec<Input> {
    let mut inputs: Vec<Input> = Vec::new();
    for (text, line) in t.texts(r, key) {
        match Input::parse(&text) {
            Ok(input) => {
                if until_us.is_some_and(|until| input.at_us > until) {
                    r.problem(line, format!("`{text}` comes after the run has ended (`until`)"));
                }
                if inputs.last().is_some_and(|last| last.at_us > input.at_us) {
                    r.problem(
                        line,
                        format!("`{text}` comes before the input above it; write inputs in the order of their times"),
                    );
                }
                inputs.push(input);
            }
            Err(message) => r.problem(line, message),
        }
    }
    inputs
}

fn until(r: &mut Reader, t: &Table) -> Option<u64> {
    t.optional_parsed(r, "until", |text| match duration(text)? {
        0 => Err("a run of no time shows nothing".into()),
        us if us > UNTIL_MAX_US => Err(format!("`{text}` is longer than a week")),
        us => Ok(us),
    })
}

fn seeds(r: &mut Reader, t: &Table) -> Option<u32> {
    t.optional_integer(r, "seeds", 1..=1_000).and_then(|n| u32::try_from(n).ok())
}

fn claim(r: &mut Reader, t: &Table, plan: &Plan) -> Claim {
    let side = t
        .optional_parsed(r, "side", |text| match text {
            "a" => Ok(Side::A),
            "b" => Ok(Side::B),
            _ => Err(format!("`{text}` is not a side; expected `a` or `b`")),
        })
        .unwrap_or(Side::A);
    if side == Side::B && plan.b.is_none() {
        r.problem(t.line_of(r, "side"), "`side` is `b`, but there is no B; give it a `set_b` or `inputs_b`");
    }
    Claim {
        side,
        measure: t.parsed(r, "measure", measure).unwrap_or_default(),
        expect: t.parsed(r, "expect", Expect::parse).unwrap_or(Expect::Above(f64::NEG_INFINITY)),
    }
}

/// The engine knows which measures exist; only a slip of the pen is caught here.
fn measure(text: &str) -> Result<String, String> {
    let mut open = 0_i32;
    for c in text.chars() {
        open += i32::from(c == '(') - i32::from(c == ')');
        if open < 0 {
            break;
        }
    }
    if open != 0 || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(format!("`{text}` is not a measure; write it like `admitted` or `max_in_window(1s)`"));
    }
    Ok(text.to_owned())
}

fn choices(r: &mut Reader, t: &Table) -> Vec<Choice> {
    let line = t.line_of(r, "choices");
    let mut choices = Vec::new();
    let mut wrong = false;
    for item in t.array(r, "choices").into_iter().flatten() {
        let before = r.problems.len();
        let choice = match item.get_ref() {
            DeValue::String(label) => number_choice(r, label.trim(), r.line(item.span().start)),
            DeValue::Table(map) => {
                let t = Table::new(r, " in `choices`", map, item.span());
                t.only(r, &["label", "when"], &[]);
                let label = t.text(r, "label");
                t.parsed(r, "when", Expect::parse).map(|when| Choice { label, answer: Answer::When(when) })
            }
            other => {
                r.problem(
                    r.line(item.span().start),
                    format!(
                        "a choice is {}; expected a string or `{{ label = \"..\", when = \"..\" }}`",
                        described(other)
                    ),
                );
                None
            }
        };
        wrong |= r.problems.len() > before;
        choices.extend(choice);
    }
    if wrong {
        return Vec::new();
    }
    if choices.len() < 2 {
        r.problem(line, format!("`choices` has {}; an experiment asks between at least 2", choices.len()));
        return Vec::new();
    }
    for (i, c) in choices.iter().enumerate() {
        if choices[..i].iter().any(|d| d.label == c.label || d.answer == c.answer) {
            r.problem(line, format!("the choice `{}` says the same as one before it", c.label));
        }
    }
    choices
}

fn number_choice(r: &mut Reader, label: &str, line: usize) -> Option<Choice> {
    match leading_number(label) {
        Some((value, decimals)) => Some(Choice { label: label.to_owned(), answer: Answer::Number { value, decimals } }),
        None => {
            r.problem(line, format!("the choice `{label}` does not begin with a number, so no run can mark it; write `{{ label = \"{label}\", when = \"<= 10\" }}`"));
            None
        }
    }
}

fn id(r: &mut Reader, t: &Table) -> String {
    t.parsed(r, "id", |text| {
        let plain = text
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        plain
            .then(|| text.to_owned())
            .ok_or_else(|| format!("`{text}` is not an id; expected lower-case words and digits joined by `-`"))
    })
    .unwrap_or_default()
}

fn url(text: &str) -> Result<String, String> {
    crate::units::web_address(text)
        .then(|| text.to_owned())
        .ok_or_else(|| format!("`{text}` is not a web address; expected one that starts with https:// or http://"))
}

fn at_most(r: &mut Reader, t: &Table, key: &str, text: &str, chars: usize) {
    let count = text.chars().count();
    if count > chars {
        r.problem(t.line_of(r, key), format!("`{key}` has {count} characters; at most {chars} fit where it is shown"));
    }
}

fn distinct(r: &mut Reader, key: &str, texts: &[(String, usize)]) {
    for (i, (text, line)) in texts.iter().enumerate() {
        if texts[..i].iter().any(|(t, _)| t == text) {
            r.problem(*line, format!("`{key}` names `{text}` twice"));
        }
    }
}

fn distinct_ids(r: &mut Reader, t: &Table, key: &str) {
    let mut seen: Vec<(&str, usize)> = Vec::new();
    let items = match t.map.get(key).map(|v| v.get_ref()) {
        Some(DeValue::Array(items)) => items,
        _ => return,
    };
    for item in items {
        let DeValue::Table(map) = item.get_ref() else {
            continue;
        };
        let Some(value) = map.get("id") else { continue };
        let DeValue::String(id) = value.get_ref() else {
            continue;
        };
        let line = r.line(value.span().start);
        match seen.iter().find(|(s, _)| s == &id.as_ref()) {
            Some((_, first)) => {
                r.problem(line, format!("the id `{id}` is already used by the [[{key}]] at line {first}"))
            }
            None => seen.push((id.as_ref(), line)),
        }
    }
}
