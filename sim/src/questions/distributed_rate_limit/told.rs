//! What happened, in words: log lines, stories of requests, the text of the picture.

use super::declare::knob;
use super::{By, DistributedLimit, Fallback, Fate, Mode, Verdict};
use crate::blocks::limit_code::IN_NODE;
use crate::blocks::limit_store::{Answer, Command, Reply};
use crate::kernel::{Line, Us};
use crate::look::{capital, span};

pub(super) mod code {
    pub const ARRIVES: u8 = 0;
    pub const NO_NODE: u8 = 1;
    pub const NO_ROOM: u8 = 2;
    pub const SENDS: u8 = 3;
    pub const ANSWERS: u8 = 4;
    pub const REFUSED_CONNECTION: u8 = 5;
    pub const SILENCE: u8 = 6;
    pub const ADMITTED: u8 = 7;
    pub const REFUSED: u8 = 8;
    pub const LOST: u8 = 9;
    pub const ADMITTING: u8 = 10;
    pub const REFUSING: u8 = 11;
    pub const OVER: u8 = 12;
    pub const FALSE_DENIAL: u8 = 13;
    pub const BURST: u8 = 14;
    pub const TRAP: u8 = 15;
    pub const CRASHED: u8 = 16;
    pub const KILLED: u8 = 17;
    pub const NODE_UP: u8 = 18;
    pub const PAUSED: u8 = 19;
    pub const CUT: u8 = 20;
    pub const MENDED: u8 = 21;
    pub const SKEWED: u8 = 22;
    pub const NO_SUCH_NODE: u8 = 23;
    pub const STORE_DOWN: u8 = 24;
    pub const STORE_UP: u8 = 25;
    pub const STORE_SLOW: u8 = 26;
    pub const STORE_FAST: u8 = 27;
    pub const FAILED_OVER: u8 = 28;
    pub const FLUSHED: u8 = 29;
    pub const SURGE: u8 = 30;
    pub const SURGE_ENDS: u8 = 31;
    pub const KNOB: u8 = 32;
}

/// "the abuser" or "user 7".
pub fn user_name(user: usize) -> String {
    if user == 0 { "the abuser".to_string() } else { format!("user {user}") }
}

fn name(user: i64) -> String {
    user_name(user.max(0) as usize)
}

pub(super) fn command_code(command: &Command) -> i64 {
    match command {
        Command::Get(_) => 0,
        Command::Set { .. } => 1,
        Command::Incr { .. } => 2,
        Command::Expire { .. } => 3,
        Command::Eval { .. } => 4,
    }
}
const COMMANDS: [&str; 5] = ["GET", "SET", "INCR", "EXPIRE", "the script"];

fn command(code: i64) -> &'static str {
    COMMANDS[code.clamp(0, 4) as usize]
}

/// Kind and number of an answer in one value.
pub(super) fn answer_code(answer: &Answer) -> i64 {
    let (kind, n) = match answer.reply {
        Reply::Nil => (0, 0),
        Reply::Done => (1, 0),
        Reply::Count(n) => (2, n),
        Reply::Decision(d) if d.admitted => (3, d.remaining),
        Reply::Decision(d) => (4, d.remaining),
    };
    kind << 40 | n.min(1 << 36) as i64
}

fn answer(code: i64) -> String {
    let n = code & ((1 << 40) - 1);
    match code >> 40 {
        0 => "there is no such key".to_string(),
        1 => "done".to_string(),
        2 => format!("the count is {n}"),
        3 => format!("allowed, {n} remain"),
        _ => "not allowed".to_string(),
    }
}

/// Who decided and whether it was right, in one value.
pub(super) fn by_code(by: By, verdict: Verdict) -> i64 {
    let by = match by {
        By::Plan => 0,
        By::Nobody => 1,
        By::Fallback(f) => 2 + f as i64,
    };
    by << 4 | verdict as i64
}

/// The half sentence after a decision: who made it without the store, and what the truth was.
fn and_why(code: i64) -> String {
    let by = match code >> 4 {
        2 => " The node decided by its own part, N/k.",
        3 => " The node decided by a full limit of its own.",
        4 => " The policy is to let everything through.",
        5 => " The policy is to refuse everything.",
        _ => "",
    };
    let verdict = match code & 15 {
        1 => " One true counter had no room for it: over-admitted.",
        2 => " One true counter had room for it: a false denial.",
        _ => "",
    };
    format!("{by}{verdict}")
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    match line.code {
        code::ARRIVES => format!("A request of {} reaches node {}.", name(a), b + 1),
        code::NO_NODE => "No node is up.".to_string(),
        code::NO_ROOM => format!("503: node {} has too many requests under way.", a + 1),
        code::SENDS => format!("Node {} sends {}.", a + 1, command(b)),
        code::ANSWERS => format!("The store has run {}: {}.", command(a), answer(b)),
        code::REFUSED_CONNECTION => "The store refuses the connection.".to_string(),
        code::SILENCE => format!("No answer within {}: node {} goes on without the store.", span(b), a + 1),
        code::ADMITTED => format!("Admitted; {a} remain as far as the node knows.{}", and_why(b)),
        code::REFUSED if a < 0 => format!("Refused, with no time to come back.{}", and_why(b)),
        code::REFUSED => format!("Refused; the next would pass in {}.{}", span(a), and_why(b)),
        code::LOST => format!("Lost with node {}: the client hears of a broken connection.", a + 1),
        code::ADMITTING => format!("{} is let through again, after {b} refusals.", capital(&name(a))),
        code::REFUSING if b < 0 => format!("{} is refused from here on.", capital(&name(a))),
        code::REFUSING => format!("{} is refused from here on; the next would pass in {}.", capital(&name(a)), span(b)),
        code::OVER => format!("{} is let through beyond {b}: one true counter had no room.", capital(&name(a))),
        code::FALSE_DENIAL => format!("{} is refused although one true counter had room.", capital(&name(a))),
        code::BURST => format!("A burst of {a} requests from {}.", name(b)),
        code::TRAP => format!("The next node that opens a window for {} will die after its first answer.", name(a)),
        code::CRASHED => {
            let (line, mode) = (b >> 8, b & 255);
            let after = match mode {
                m if m == Mode::IncrExpire as i64 => "after INCR and before EXPIRE: the key has no expiry".to_string(),
                m if m == Mode::Script as i64 => "after its script: count and expiry are both there".to_string(),
                m if m == Mode::GetSet as i64 => "after GET and before SET: nothing was written".to_string(),
                _ => format!("after line {}, with the counts in its memory", line + 1),
            };
            format!("Node {} dies {after}.", a + 1)
        }
        code::KILLED => format!("Node {} is killed, with what it was doing and what it had counted.", a + 1),
        code::NODE_UP => format!("Node {} is back.", a + 1),
        code::PAUSED => format!("Node {} stands still for {b} ms.", a + 1),
        code::CUT => format!("Node {} cannot reach the store for {b} s.", a + 1),
        code::MENDED => format!("Node {} reaches the store again.", a + 1),
        code::SKEWED if b < 0 => format!("The clock of node {} falls back by {} s.", a + 1, -b),
        code::SKEWED => format!("The clock of node {} jumps ahead by {b} s.", a + 1),
        code::NO_SUCH_NODE => format!("There is no node {} to hurt.", a + 1),
        code::STORE_DOWN if b == 1 => format!("The store is silent for {a} s."),
        code::STORE_DOWN => format!("The store refuses connections for {a} s."),
        code::STORE_UP => "The store answers again, with what it knew.".to_string(),
        code::STORE_SLOW => format!("Network and store take {a} times as long for {b} s."),
        code::STORE_FAST => "Network and store are as fast as before.".to_string(),
        code::FAILED_OVER => format!("The replica takes over without the last {a} ms: {b} writes are forgotten."),
        code::FLUSHED => "The store restarts with nothing.".to_string(),
        code::SURGE => format!("Everybody sends {a} times as much for {b} s."),
        code::SURGE_ENDS => "Traffic is back to normal.".to_string(),
        code::KNOB => {
            let k = &knob::ALL[(a.max(0) as usize).min(knob::ALL.len() - 1)];
            format!("{} is now {}.", k.label, k.show(b as f64 / 1_000.0))
        }
        _ => String::new(),
    }
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::IncrExpire => "INCR, then EXPIRE",
            Mode::Script => "One atomic script",
            Mode::GetSet => "GET, then SET",
            Mode::Local => "Alone, N each",
            Mode::Split => "Alone, N/k each",
            Mode::Async => "Exchange every s",
            Mode::Gateway => "Managed gateway",
        }
    }
}

impl Fallback {
    pub fn name(self) -> &'static str {
        match self {
            Fallback::Split => "alone, N/k each",
            Fallback::Local => "alone, N each",
            Fallback::Open => "let all through",
            Fallback::Closed => "refuse all",
        }
    }
}

impl DistributedLimit {
    /// What a node does with a request, line by line; see `Code::listing`.
    pub fn listing(&self) -> &'static [(&'static str, u8)] {
        match self.mode {
            Mode::IncrExpire | Mode::Script | Mode::GetSet => self.code().listing(),
            Mode::Local => &[("n = own count", IN_NODE), ("n >= N ? refuse", IN_NODE), ("own count += 1", IN_NODE)],
            Mode::Split => &[("n = own count", IN_NODE), ("n >= N / k ? refuse", IN_NODE), ("own count += 1", IN_NODE)],
            Mode::Async => &[
                ("n = own + told by others", IN_NODE),
                ("n >= N ? refuse", IN_NODE),
                ("own += 1", IN_NODE),
                ("every s: tell the others", 0),
            ],
            Mode::Gateway => &[
                ("own bucket, B and N / W", IN_NODE),
                ("no token ? refuse", IN_NODE),
                ("tokens -= 1", IN_NODE),
                ("every s: hear of the others", 0),
            ],
        }
    }

    /// The algorithm that is at work, in a word or two.
    pub fn algorithm_name(&self) -> &'static str {
        match self.mode {
            Mode::IncrExpire | Mode::GetSet => "Window from the first request",
            Mode::Async => "Fixed window",
            Mode::Gateway => "Token bucket",
            Mode::Local | Mode::Split if self.algorithm() == 0 => "Fixed window",
            _ => [
                "Window from the first request",
                "Fixed window",
                "Sliding log",
                "Sliding counter",
                "Token bucket",
                "GCRA",
            ][self.algorithm().min(5)],
        }
    }

    /// What nodes do when the store is not there.
    pub fn fallback_name(&self) -> &'static str {
        self.fallback.name()
    }

    /// A key's expiry in words: "expires in 12 s", "never expires".
    pub fn expiry(&self, user: usize, now: Us) -> Option<String> {
        let entry = self.store.peek(now, self.key_of(user, now))?;
        Some(match entry.expires {
            Some(at) => format!("expires in {}", tenths(at - now)),
            None => "never expires".to_string(),
        })
    }

    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        let mut row = |what: &str, how: String| rows.push((what.to_string(), how));
        let p = &self.users[0].policy;
        row("Promise", format!("{} per {} for each user, over {} nodes", p.limit, p.window, self.k()));
        row("Where the count lives", format!("{}; {}", self.mode.name(), self.algorithm_name()));
        for (i, (line, _)) in self.listing().iter().enumerate() {
            row(&format!("Line {}", i + 1), (*line).to_string());
        }
        if let Some(c) = self.crash {
            row("Crash", format!("node {} died after line {} at {}", c.node + 1, c.line + 1, c.at));
        }
        if let Some(user) = self.trap {
            let who = user_name(user as usize);
            row("Prepared", format!("the next node that opens a window for {who} dies after its first answer"));
        }
        if self.mode.asks() || self.mode == Mode::Async {
            let state = match self.down_until {
                Some(until) => format!("down until {until}; nodes then: {}", self.fallback.name()),
                None if self.slow > 1 => format!("{} times slower", self.slow),
                None => "up".to_string(),
            };
            row("Store", state);
            let count = self.counted(0, now).map_or("no key".to_string(), |n| format!("{} used", n as u64));
            let ends = self.expiry(0, now).unwrap_or_default();
            row("The abuser's key", format!("{count} of {}; {ends}", p.limit));
        }
        for (i, n) in self.nodes.iter().enumerate().take(self.k()) {
            let state = match n.up {
                false => "down".to_string(),
                true if n.paused_until > now => format!("stands still until {}", n.paused_until),
                true if n.cut => "cannot reach the store".to_string(),
                true => "up".to_string(),
            };
            let believes =
                self.believed(i, 0, now).map_or(String::new(), |b| format!("; counts {} for the abuser", b as u64));
            let clock = if n.skew == 0 { String::new() } else { format!("; clock {} ms off", n.skew / 1_000) };
            row(&format!("Node {}", i + 1), format!("{state}{believes}{clock}"));
        }
        let abuser = &self.users[0];
        row(
            "The abuser",
            format!(
                "{} admitted, {} refused, {} lost; {} in the last {}, at most {} in any; {} over-admitted in all",
                abuser.admitted,
                abuser.refused,
                abuser.lost,
                abuser.window.count(now),
                p.window,
                abuser.window.worst(),
                self.over
            ),
        );
        let (ok, not) = self.others(false);
        row("Other users", format!("{ok} requests admitted, {not} not; {} false denials in all", self.false_denials));
        if let Some(mark) = self.last_refusal {
            let mut text = self.status(&mark).to_string();
            for (name, value) in self.response(&mark) {
                text += &format!("; {name}: {value}");
            }
            let body = self.body(&mark);
            if !body.is_empty() {
                text += &format!("; body {body}");
            }
            row("Last refusal", text);
        }
        rows
    }
}

/// A span in tenths of a second: "12.3 s".
pub fn tenths(span: Us) -> String {
    let t = span.0 / 100_000;
    format!("{}.{} s", t / 10, t % 10)
}

impl Fate {
    pub fn word(self) -> &'static str {
        match self {
            Fate::Admitted => "let through",
            Fate::Refused => "refused",
            Fate::Lost => "lost",
        }
    }
}
