//! One limit, many servers.
//!
//! ```text
//!   the abuser --\                 /--> node 1 --\                    /--> API
//!                 +--> balancer --+---> node 2 ---+--> shared store   |
//!   20 users ----/                 \--> node k --/     (or none) -----/
//! ```
//!
//! Blocks: `limit_store` (the store), `limit_code` (what a node runs against it, line by line),
//! `limit_sync` (counters that are exchanged late), `limiter` (what a script or a lone node keeps),
//! `headers` (what the client is told). This file passes requests through them and counts; `nodes`
//! is what servers do and suffer, `judge` holds every decision against one true counter.

pub mod declare;
mod judge;
mod nodes;
mod told;

use crate::blocks::headers::{self, Fields};
use crate::blocks::limit_code::{Call, Code, Step};
use crate::blocks::limit_store::{Answer, Clock, Command, Key, LimitStore, Reply, Script, Value};
use crate::blocks::limiter::{Algorithm, Decision, Policy};
use crate::blocks::load::Load;
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Tape, Trace, Us, mix};
use crate::measure::bracket::Bracket;
use crate::measure::conserve::balance;
use crate::measure::hist::Hist;
pub use declare::{QUESTION, READ, TOLD};
use declare::{act, knob, measure, number};
use judge::Truths;
pub use judge::Verdict;
use nodes::Mail;
pub use nodes::Node;
use told::code;
pub use told::{tenths, user_name};

/// Requests under way at once; one more is refused for want of room.
const FLIGHTS_MAX: usize = 4_096;
/// Batches of counts on the wires at once; one more stays with its sender.
const MAILS_MAX: usize = 4_096;
/// Decisions remembered for the picture.
pub const RECENT_MAX: usize = 2_400;
const SECOND: Us = Us::s(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    IncrExpire,
    Script,
    GetSet,
    Local,
    Split,
    Async,
    Gateway,
}

impl Mode {
    const ALL: [Mode; 7] =
        [Mode::IncrExpire, Mode::Script, Mode::GetSet, Mode::Local, Mode::Split, Mode::Async, Mode::Gateway];

    /// Whether each request asks the store.
    pub fn asks(self) -> bool {
        matches!(self, Mode::IncrExpire | Mode::Script | Mode::GetSet)
    }
    pub fn exchanges(self) -> bool {
        matches!(self, Mode::Async | Mode::Gateway)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    Split,
    Local,
    Open,
    Closed,
}

const FALLBACKS: [Fallback; 4] = [Fallback::Split, Fallback::Local, Fallback::Open, Fallback::Closed];

#[derive(Clone, Copy, Debug)]
pub enum Event {
    Arrive {
        user: u8,
        generation: u32,
    },
    /// Request `sent` of `count`, evenly from `start` on.
    Volley {
        user: u8,
        sent: u32,
        count: u32,
        start: Us,
        spread: Us,
    },
    /// A paused node takes up a request that came meanwhile.
    Begin {
        slot: u16,
        request: u32,
    },
    AtStore {
        slot: u16,
        request: u32,
    },
    /// The store's turn for this command has come to its end.
    Execute {
        slot: u16,
        request: u32,
    },
    Reply {
        slot: u16,
        request: u32,
    },
    Timeout {
        slot: u16,
        request: u32,
        line: u8,
    },
    /// A node tells the others what it has admitted.
    Exchange {
        node: u8,
        generation: u32,
    },
    MailAtStore {
        mail: u16,
    },
    MailAtNode {
        mail: u16,
        node: u8,
    },
    NodeUp {
        node: u8,
        generation: u32,
    },
    Mended {
        node: u8,
        generation: u32,
    },
    StoreUp {
        generation: u32,
    },
    StoreFast {
        generation: u32,
    },
    SurgeEnds {
        generation: u32,
    },
}

impl Trace for Event {
    fn word(&self) -> u64 {
        let of = |kind: u64, a: u64, b: u64| kind << 56 | a << 40 | b;
        match *self {
            Event::Arrive { user, generation } => of(0, u64::from(user), u64::from(generation)),
            Event::Volley { user, sent, .. } => of(1, u64::from(user), u64::from(sent)),
            Event::Begin { slot, request } => of(2, u64::from(slot), u64::from(request)),
            Event::AtStore { slot, request } => of(3, u64::from(slot), u64::from(request)),
            Event::Execute { slot, request } => of(4, u64::from(slot), u64::from(request)),
            Event::Reply { slot, request } => of(5, u64::from(slot), u64::from(request)),
            Event::Timeout { slot, request, .. } => of(6, u64::from(slot), u64::from(request)),
            Event::Exchange { node, generation } => of(7, u64::from(node), u64::from(generation)),
            Event::MailAtStore { mail } => of(8, 0, u64::from(mail)),
            Event::MailAtNode { mail, node } => of(9, u64::from(node), u64::from(mail)),
            Event::NodeUp { node, generation } => of(10, u64::from(node), u64::from(generation)),
            Event::Mended { node, generation } => of(11, u64::from(node), u64::from(generation)),
            Event::StoreUp { generation } => of(12, 0, u64::from(generation)),
            Event::StoreFast { generation } => of(13, 0, u64::from(generation)),
            Event::SurgeEnds { generation } => of(14, 0, u64::from(generation)),
        }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Admitted,
    Refused,
    /// Its node died, or there was none.
    Lost,
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The code with the store's answer, or a node that counts by itself as planned.
    Plan,
    /// The failure policy, after a refused connection or a silence.
    Fallback(Fallback),
    /// Nobody: no room, or no node.
    Nobody,
}

/// One request as picture and inspector need it.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// When it was decided.
    pub at: Us,
    pub request: u32,
    pub user: u8,
    pub node: u8,
    pub fate: Fate,
    pub by: By,
    pub verdict: Verdict,
    pub said: Decision,
    pub took: Us,
}

/// A request that a node is working on.
#[derive(Clone, Copy, Debug)]
struct Flight {
    request: u32,
    user: u8,
    node: u8,
    line: u8,
    used: bool,
    /// Decided or lost; kept only until its message has found its end.
    settled: bool,
    on_wire: bool,
    /// What an earlier line has read.
    count: u64,
    came: Us,
    /// When the store executed the first command.
    executed: Us,
    command: Command,
    answer: Option<Answer>,
    verdict: Verdict,
}

#[derive(Clone, Debug)]
pub struct User {
    pub policy: Policy,
    pub admitted: u64,
    pub refused: u64,
    pub lost: u64,
    /// What went on to the API.
    pub window: Bracket,
    pub second: Bracket,
    truth: Truths,
    /// The totals when the last fault began.
    since: (u64, u64, u64),
    streak: u64,
    told_over: bool,
}

/// The crash that was last seen, for the picture.
#[derive(Clone, Copy, Debug)]
pub struct Crash {
    pub at: Us,
    pub node: u8,
    /// After which line of the code.
    pub line: u8,
}

#[derive(Clone)]
pub struct DistributedLimit {
    knobs: Knobs,
    pub mode: Mode,
    pub fields: Fields,
    fallback: Fallback,
    senders: Vec<Load>,
    pub users: Vec<User>,
    pub nodes: Vec<Node>,
    pub store: LimitStore,
    down_until: Option<Us>,
    silent: bool,
    down_generation: u32,
    slow: u64,
    slow_generation: u32,
    surge: f64,
    surge_generation: u32,
    /// When the store has worked off what it has.
    busy_until: Us,
    flights: Vec<Flight>,
    free: Vec<u16>,
    mails: Vec<Mail>,
    /// The user whose next new window kills its node.
    trap: Option<u8>,
    pub crash: Option<Crash>,
    turn: u64,
    next_request: u32,
    arrivals: u64,
    under_way: u64,
    pub recent: Deque<Mark>,
    pub last_refusal: Option<Mark>,
    took: Hist,
    took_sum: u64,
    decided: u64,
    pub over: u64,
    pub false_denials: u64,
    fallbacks: u64,
    /// Whether anything has happened after which the atomic modes promise nothing.
    tampered: bool,
    /// The line of the code at which something last happened, and where.
    pub last_line: Option<(u8, u8)>,
}

impl DistributedLimit {
    /// Nodes that get requests.
    pub fn k(&self) -> usize {
        self.knobs.int(knob::NODES) as usize
    }
    pub fn algorithm(&self) -> usize {
        self.knobs.choice(knob::ALGORITHM)
    }
    pub fn store_down_until(&self) -> Option<Us> {
        self.down_until
    }
    pub fn is_slow(&self) -> bool {
        self.slow > 1
    }
    pub fn arrivals(&self) -> u64 {
        self.arrivals
    }
    /// The user for whom a crash is prepared.
    pub fn trap(&self) -> Option<u8> {
        self.trap
    }
    /// How long a node waits for the store.
    pub fn patience(&self) -> Us {
        self.knobs.ms(knob::TIMEOUT)
    }
    pub fn exchange_every(&self) -> Us {
        self.knobs.s(knob::SYNC)
    }

    fn policy_for(knobs: &Knobs, user: usize) -> Policy {
        let pays = user > 0 && user as u64 <= knobs.int(knob::PAYING);
        let factor = if pays { knobs.int(knob::PAID) } else { 1 };
        Policy {
            limit: knobs.int(knob::LIMIT) * factor,
            window: knobs.s(knob::WINDOW),
            burst: knobs.int(knob::BURST) * factor,
        }
    }

    /// The limiter that a script or a lone node keeps; a window from the first request is only for
    /// a store's keys, whose expiry ends it, so a lone node takes the calendar's.
    fn kept(&self) -> Algorithm {
        match self.mode {
            Mode::Gateway => Algorithm::TokenBucket,
            Mode::IncrExpire | Mode::GetSet | Mode::Async => Algorithm::FixedWindow,
            _ => match self.algorithm() {
                0 | 1 => Algorithm::FixedWindow,
                2 => Algorithm::SlidingLog,
                3 => Algorithm::SlidingCounter,
                4 => Algorithm::TokenBucket,
                _ => Algorithm::Gcra,
            },
        }
    }

    /// Whether a window begins with a user's first request.
    fn begins_first(&self) -> bool {
        matches!(self.mode, Mode::IncrExpire | Mode::GetSet) || (self.mode == Mode::Script && self.algorithm() == 0)
    }

    /// Whether each user has a bucket, whose level is the thing to show.
    pub fn has_bucket(&self) -> bool {
        matches!(self.kept(), Algorithm::TokenBucket | Algorithm::Gcra)
    }

    /// Whether windows end by the calendar.
    pub fn has_calendar(&self) -> bool {
        !self.begins_first() && self.kept() == Algorithm::FixedWindow
    }

    fn script(&self) -> Script {
        match (self.algorithm(), self.knobs.choice(knob::CLOCK)) {
            (0, _) => Script::FromFirst,
            (1, _) => Script::Calendar,
            (4, 2) => Script::TrustingBucket,
            _ => Script::Limiter(self.kept()),
        }
    }

    /// The code that the nodes run against the store.
    pub fn code(&self) -> Code {
        match self.mode {
            Mode::IncrExpire => Code::IncrThenExpire,
            Mode::GetSet => Code::GetThenSet,
            _ => Code::OneScript(self.script()),
        }
    }

    fn call(&self, user: u8, node: u8, now: Us) -> Call {
        let clock = match self.knobs.choice(knob::CLOCK) {
            0 => Clock::Store,
            _ => Clock::Caller(self.nodes[node as usize].clock(now)),
        };
        Call { user: u32::from(user), policy: self.users[user as usize].policy, clock }
    }

    /// The key that holds a user's count now, if the store has one.
    pub fn key_of(&self, user: usize, now: Us) -> Key {
        let calendar = self.mode == Mode::Async || (self.mode == Mode::Script && self.algorithm() == 1);
        let window = if calendar { now.0 / self.users[user].policy.window.0 } else { 0 };
        Key { user: user as u32, window: window as i64 }
    }

    /// What the store says a user has used, in requests.
    pub fn counted(&self, user: usize, now: Us) -> Option<f64> {
        let entry = self.store.peek(now, self.key_of(user, now))?;
        let policy = &self.users[user].policy;
        Some(match &entry.value {
            Value::Count(n) => *n as f64,
            Value::Limiter(l) => l.used(policy, now.0 as i64),
            Value::Trusting(_) => return None,
        })
    }

    /// One way over the network, and the store's time for a command.
    fn one_way(&self) -> Us {
        Us(self.knobs.ms(knob::RTT).0 / 2 * self.slow)
    }
    fn work(&self) -> Us {
        Us(self.knobs.int(knob::OP) * self.slow)
    }

    fn rate(&self, user: usize) -> f64 {
        self.surge * self.knobs.get(if user == 0 { knob::ABUSER } else { knob::USER_RATE })
    }

    fn pace(&mut self, user: usize, ctx: &mut Ctx<Event>) {
        let rate = self.rate(user);
        self.senders[user].set_rate(ctx.now, rate);
        self.next_arrival(user, ctx);
    }

    fn pace_all(&mut self, ctx: &mut Ctx<Event>) {
        for user in 0..self.present() {
            self.pace(user, ctx);
        }
    }

    /// The abuser and the users who were asked for; others exist for bursts only.
    pub fn present(&self) -> usize {
        1 + self.knobs.int(knob::USERS) as usize
    }

    fn next_arrival(&self, user: usize, ctx: &mut Ctx<Event>) {
        let load = &self.senders[user];
        if let Some(at) = load.due() {
            ctx.at(at, Event::Arrive { user: user as u8, generation: load.generation });
        }
    }

    /// A request reaches the balancer, which gives it to a node.
    fn arrive(&mut self, user: u8, ctx: &mut Ctx<Event>) {
        let request = self.next_request;
        self.next_request += 1;
        self.arrivals += 1;
        self.under_way += 1;
        let Some(node) = self.pick(user) else {
            ctx.step(Tone::Rejected, code::NO_NODE, request, i64::from(user), 0);
            self.lose(request, user, 0, ctx);
            return;
        };
        ctx.step(Tone::Flight, code::ARRIVES, request, i64::from(user), i64::from(node));
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.flights.len() < FLIGHTS_MAX => {
                self.flights.push(Flight::UNUSED);
                (self.flights.len() - 1) as u16
            }
            None => {
                ctx.step(Tone::Rejected, code::NO_ROOM, request, i64::from(node), 0);
                let said = nothing_known(false);
                self.settle(request, user, node, ctx.now, By::Nobody, said, Verdict::Fair, ctx);
                return;
            }
        };
        self.flights[slot as usize] =
            Flight { request, user, node, used: true, came: ctx.now, executed: ctx.now, ..Flight::UNUSED };
        let paused = self.nodes[node as usize].paused_until;
        if paused > ctx.now {
            ctx.at(paused, Event::Begin { slot, request });
        } else {
            self.begin(slot, ctx);
        }
    }

    fn flight(&mut self, slot: u16, request: u32) -> Option<&mut Flight> {
        self.flights.get_mut(slot as usize).filter(|f| f.used && f.request == request)
    }

    /// The node takes the request up: it asks the store, or decides from what it knows.
    fn begin(&mut self, slot: u16, ctx: &mut Ctx<Event>) {
        let f = self.flights[slot as usize];
        if f.settled {
            self.release(slot);
            return;
        }
        if self.mode.asks() {
            let command = self.code().first(&self.call(f.user, f.node, ctx.now));
            self.send(slot, command, ctx);
            return;
        }
        let (said, fresh) = self.ask_node(f.node, f.user, ctx);
        if fresh && self.springs(f.user) {
            self.crash_at(f.node, 0, ctx);
            self.release(slot);
            return;
        }
        self.decide(slot, By::Plan, said, ctx);
    }

    /// Sends the next command and starts to wait for its answer.
    fn send(&mut self, slot: u16, command: Command, ctx: &mut Ctx<Event>) {
        let wait = self.patience();
        let one_way = self.one_way();
        let f = &mut self.flights[slot as usize];
        f.command = command;
        f.answer = None;
        let (request, line, node) = (f.request, f.line, f.node);
        let reachable = !self.nodes[node as usize].cut;
        self.flights[slot as usize].on_wire = reachable;
        ctx.step(Tone::Flight, code::SENDS, request, i64::from(node), told::command_code(&command));
        if reachable {
            ctx.after(one_way, Event::AtStore { slot, request });
        }
        ctx.after(wait, Event::Timeout { slot, request, line });
    }

    /// A command arrives at the store and waits for its turn.
    fn at_store(&mut self, slot: u16, request: u32, ctx: &mut Ctx<Event>) {
        if self.flight(slot, request).is_none() {
            return;
        }
        if self.down_until.is_some() {
            self.no_store(slot, request, ctx);
            return;
        }
        self.busy_until = self.busy_until.max(ctx.now) + self.work();
        ctx.at(self.busy_until, Event::Execute { slot, request });
    }

    /// Nobody is there: the connection is refused, or nothing happens at all.
    fn no_store(&mut self, slot: u16, request: u32, ctx: &mut Ctx<Event>) {
        if self.silent {
            self.flights[slot as usize].on_wire = false;
            self.forget_if_settled(slot);
        } else {
            ctx.after(self.one_way(), Event::Reply { slot, request });
        }
    }

    fn execute(&mut self, slot: u16, request: u32, ctx: &mut Ctx<Event>) {
        let Some(&mut f) = self.flight(slot, request) else {
            return;
        };
        if self.down_until.is_some() {
            self.no_store(slot, request, ctx);
            return;
        }
        let answer = self.store.execute(ctx.now, f.command);
        ctx.mix(told::answer_code(&answer) as u64);
        self.last_line = Some((f.line, f.node));
        ctx.step(Tone::Info, code::ANSWERS, request, told::command_code(&f.command), told::answer_code(&answer));
        let mut verdict = f.verdict;
        // A script has decided here and now; what it has given away is given away.
        if let (Mode::Script, Reply::Decision(d)) = (self.mode, answer.reply) {
            verdict = self.judge(f.user, ctx.now, d.admitted);
        }
        let flight = &mut self.flights[slot as usize];
        flight.answer = Some(answer);
        flight.verdict = verdict;
        if f.line == 0 {
            flight.executed = ctx.now;
        }
        ctx.after(self.one_way(), Event::Reply { slot, request });
    }

    /// An answer arrives: the next line of the code, unless nobody is there to run it.
    fn reply(&mut self, slot: u16, request: u32, ctx: &mut Ctx<Event>) {
        let Some(&mut f) = self.flight(slot, request) else {
            return;
        };
        let node = &self.nodes[f.node as usize];
        if !f.settled && node.paused_until > ctx.now {
            ctx.at(node.paused_until, Event::Reply { slot, request });
            return;
        }
        self.flights[slot as usize].on_wire = false;
        if f.settled {
            self.release(slot);
            return;
        }
        if node.cut {
            return;
        }
        let Some(answer) = f.answer else {
            ctx.step(Tone::Fault, code::REFUSED_CONNECTION, request, i64::from(f.node), 0);
            self.fall_back(slot, ctx);
            return;
        };
        if f.line == 0 && answer.fresh && self.springs(f.user) {
            self.crash_at(f.node, f.line, ctx);
            return;
        }
        let call = self.call(f.user, f.node, ctx.now);
        match self.code().next(&call, f.line, f.count, &answer) {
            (Step::Send(command), count) => {
                let flight = &mut self.flights[slot as usize];
                flight.line += 1;
                flight.count = count;
                self.send(slot, command, ctx);
            }
            (Step::Decide(said), _) => self.decide(slot, By::Plan, said, ctx),
        }
    }

    fn timeout(&mut self, slot: u16, request: u32, line: u8, ctx: &mut Ctx<Event>) {
        let Some(&mut f) = self.flight(slot, request) else {
            return;
        };
        if f.settled || f.line != line {
            return;
        }
        let paused = self.nodes[f.node as usize].paused_until;
        if paused > ctx.now {
            ctx.at(paused, Event::Timeout { slot, request, line });
            return;
        }
        ctx.step(Tone::Fault, code::SILENCE, request, i64::from(f.node), self.patience().0 as i64);
        self.fall_back(slot, ctx);
    }

    /// The store has not answered: the failure policy decides.
    fn fall_back(&mut self, slot: u16, ctx: &mut Ctx<Event>) {
        let f = self.flights[slot as usize];
        self.fallbacks += 1;
        self.tampered = true;
        let said = match self.fallback {
            Fallback::Open => nothing_known(true),
            Fallback::Closed => nothing_known(false),
            Fallback::Local => self.ask_alone(f.node, f.user, false, ctx.now).0,
            Fallback::Split => self.ask_alone(f.node, f.user, true, ctx.now).0,
        };
        self.decide(slot, By::Fallback(self.fallback), said, ctx);
    }

    /// The node knows what to do with a request.
    fn decide(&mut self, slot: u16, by: By, said: Decision, ctx: &mut Ctx<Event>) {
        let f = self.flights[slot as usize];
        let verdict = match (by, self.mode) {
            (By::Plan, Mode::Script) => f.verdict,
            (By::Plan, Mode::IncrExpire) => self.judge(f.user, f.executed, said.admitted),
            _ => self.judge(f.user, ctx.now, said.admitted),
        };
        self.flights[slot as usize].settled = true;
        self.forget_if_settled(slot);
        self.settle(f.request, f.user, f.node, f.came, by, said, verdict, ctx);
    }

    fn forget_if_settled(&mut self, slot: u16) {
        let f = &self.flights[slot as usize];
        if f.used && f.settled && !f.on_wire {
            self.release(slot);
        }
    }

    fn release(&mut self, slot: u16) {
        let f = &mut self.flights[slot as usize];
        if f.used {
            *f = Flight::UNUSED;
            self.free.push(slot);
        }
    }

    /// Counts a decision and shows it.
    #[expect(clippy::too_many_arguments, reason = "the parts of one mark, gathered in one place")]
    fn settle(
        &mut self,
        request: u32,
        user: u8,
        node: u8,
        came: Us,
        by: By,
        said: Decision,
        verdict: Verdict,
        ctx: &mut Ctx<Event>,
    ) {
        self.under_way -= 1;
        self.decided += 1;
        self.nodes[node as usize].decided += 1;
        let took = ctx.now - came;
        self.took.add(took);
        self.took_sum += took.0;
        ctx.mix(u64::from(said.admitted) << 1 | said.remaining << 8 | u64::from(node) << 40);
        ctx.mix(said.more_after.map_or(0, |t| t.0));
        let fate = if said.admitted { Fate::Admitted } else { Fate::Refused };
        let mark = Mark { at: ctx.now, request, user, node, fate, by, verdict, said, took };
        self.remember(mark);
        let u = &mut self.users[user as usize];
        if said.admitted {
            u.admitted += 1;
            u.window.add(ctx.now, 1);
            u.second.add(ctx.now, 1);
            let streak = core::mem::take(&mut u.streak);
            let over = verdict == Verdict::Over && !u.told_over;
            u.told_over |= over;
            let limit = u.policy.limit;
            if streak > 0 && user == 0 {
                ctx.log(Tone::Ok, code::ADMITTING, request, i64::from(user), streak as i64);
            }
            if over {
                ctx.log(Tone::Stale, code::OVER, request, i64::from(user), limit as i64);
            }
            ctx.step(Tone::Ok, code::ADMITTED, request, said.remaining as i64, told::by_code(by, verdict));
            return;
        }
        u.refused += 1;
        u.streak += 1;
        ctx.bad();
        self.last_refusal = Some(mark);
        // What the client makes of it is part of what happened.
        let told = if self.response(&mark).is_empty() { None } else { headers::told_to_wait(self.fields, &said) };
        ctx.mix(told.map_or(0, |t| t.0));
        let u = &self.users[user as usize];
        let after = said.retry_after.map_or(-1, |t| t.0 as i64);
        if u.streak == 1 && user == 0 {
            ctx.log(Tone::Rejected, code::REFUSING, request, i64::from(user), after);
        }
        if verdict == Verdict::FalseDenial && self.false_denials == 1 {
            ctx.log(Tone::Stale, code::FALSE_DENIAL, request, i64::from(user), 0);
        }
        ctx.step(Tone::Rejected, code::REFUSED, request, after, told::by_code(by, verdict));
    }

    fn remember(&mut self, mark: Mark) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(mark);
    }

    fn lose(&mut self, request: u32, user: u8, node: u8, ctx: &mut Ctx<Event>) {
        self.under_way -= 1;
        self.users[user as usize].lost += 1;
        ctx.bad();
        ctx.mix(u64::from(user) << 8 | 3);
        self.remember(Mark {
            at: ctx.now,
            request,
            user,
            node,
            fate: Fate::Lost,
            by: By::Nobody,
            verdict: Verdict::Fair,
            said: nothing_known(false),
            took: Us::ZERO,
        });
        ctx.step(Tone::Rejected, code::LOST, request, i64::from(node), 0);
    }

    /// From here on the reader looks at what a fault does.
    fn mark_fault(&mut self) {
        for u in &mut self.users {
            u.since = (u.admitted, u.refused, u.lost);
        }
    }

    /// Admitted and not admitted of the users who behave.
    fn others(&self, since: bool) -> (u64, u64) {
        self.users[1..].iter().fold((0, 0), |(ok, no), u| {
            let (a, r, l) = if since { u.since } else { (0, 0, 0) };
            (ok + u.admitted - a, no + (u.refused - r) + (u.lost - l))
        })
    }

    /// The status line that answers a request.
    pub fn status(&self, mark: &Mark) -> &'static str {
        match (mark.fate, mark.by) {
            (Fate::Admitted, _) => "200 OK",
            (Fate::Lost, By::Nobody) => "502 Bad Gateway",
            (_, By::Nobody | By::Fallback(Fallback::Closed)) => "503 Service Unavailable",
            // The sample returns an object; nobody sets a status.
            (_, By::Plan) if self.mode == Mode::IncrExpire => "200 OK",
            _ => "429 Too Many Requests",
        }
    }

    /// The fields of the answer, as they are written on the wire. The code made of single commands
    /// sets none, and without an answer of the store there is nothing to say.
    pub fn response(&self, mark: &Mark) -> Vec<(&'static str, String)> {
        let silent = matches!(self.mode, Mode::IncrExpire | Mode::GetSet);
        match mark.by {
            By::Plan if silent => Vec::new(),
            By::Nobody | By::Fallback(Fallback::Open | Fallback::Closed) => Vec::new(),
            _ => headers::fields(self.fields, &self.users[mark.user as usize].policy, &mark.said),
        }
    }

    /// The body of a refusal, in short.
    pub fn body(&self, mark: &Mark) -> &'static str {
        match (mark.fate, mark.by) {
            (Fate::Refused, By::Plan) if self.mode == Mode::IncrExpire => "{error: 'Rate limit exceeded'}",
            (Fate::Refused, By::Plan | By::Fallback(Fallback::Local | Fallback::Split)) => "#quota-exceeded",
            _ => "",
        }
    }
}

impl Flight {
    const UNUSED: Flight = Flight {
        request: 0,
        user: 0,
        node: 0,
        line: 0,
        used: false,
        settled: false,
        on_wire: false,
        count: 0,
        came: Us::ZERO,
        executed: Us::ZERO,
        command: Command::Get(Key::of(0)),
        answer: None,
        verdict: Verdict::Fair,
    };
}

/// A decision without any count behind it.
fn nothing_known(admitted: bool) -> Decision {
    Decision { admitted, wait: Us::ZERO, remaining: 0, retry_after: None, more_after: None, reset_after: Us::ZERO }
}

impl Model for DistributedLimit {
    type Event = Event;

    fn new(setup: &Setup) -> DistributedLimit {
        let knobs = setup.knobs.clone();
        let even = knobs.choice(knob::PATTERN) == 0;
        let users = declare::USERS_MAX + 1;
        // Each user has a tape of its own: one user's traffic never shifts another's.
        let senders = (0..users as u64)
            .map(|u| {
                let tape = Tape::new(mix(setup.seed.wrapping_add(u << 32)));
                if u == 0 && even { Load::even(tape, 0.0) } else { Load::new(tape, 0.0) }
            })
            .collect();
        let mut model = DistributedLimit {
            mode: Mode::ALL[knobs.choice(knob::MODE)],
            fields: Fields::ALL[knobs.choice(knob::FIELDS)],
            fallback: FALLBACKS[knobs.choice(knob::FALLBACK)],
            senders,
            users: Vec::new(),
            nodes: Vec::new(),
            store: LimitStore::default(),
            down_until: None,
            silent: false,
            down_generation: 0,
            slow: 1,
            slow_generation: 0,
            surge: 1.0,
            surge_generation: 0,
            busy_until: Us::ZERO,
            flights: Vec::new(),
            free: Vec::new(),
            mails: Vec::new(),
            trap: None,
            crash: None,
            turn: 0,
            next_request: 0,
            arrivals: 0,
            under_way: 0,
            recent: Deque::new(),
            last_refusal: None,
            took: Hist::new(),
            took_sum: 0,
            decided: 0,
            over: 0,
            false_denials: 0,
            fallbacks: 0,
            tampered: false,
            last_line: None,
            knobs,
        };
        model.users = (0..users)
            .map(|u| {
                let policy = Self::policy_for(&model.knobs, u);
                User {
                    policy,
                    admitted: 0,
                    refused: 0,
                    lost: 0,
                    window: Bracket::new(policy.window),
                    second: Bracket::new(SECOND),
                    truth: Truths::new(model.begins_first(), model.kept()),
                    since: (0, 0, 0),
                    streak: 0,
                    told_over: false,
                }
            })
            .collect();
        model.grow();
        model
    }

    fn start(&mut self, ctx: &mut Ctx<Event>) {
        self.pace_all(ctx);
        self.start_exchanges(0, ctx);
    }

    fn on(&mut self, event: Event, ctx: &mut Ctx<Event>) {
        match event {
            Event::Arrive { user, generation } => {
                let sender = &mut self.senders[user as usize];
                if generation == sender.generation {
                    sender.arrive(ctx.now);
                    self.arrive(user, ctx);
                    self.next_arrival(user as usize, ctx);
                }
            }
            Event::Volley { user, sent, count, start, spread } => {
                if sent + 1 < count {
                    let at = start + Us(spread.0 * u64::from(sent + 1) / u64::from(count));
                    ctx.at(at, Event::Volley { user, sent: sent + 1, count, start, spread });
                }
                self.arrive(user, ctx);
            }
            Event::Begin { slot, request } => {
                if self.flight(slot, request).is_some() {
                    self.begin(slot, ctx);
                }
            }
            Event::AtStore { slot, request } => self.at_store(slot, request, ctx),
            Event::Execute { slot, request } => self.execute(slot, request, ctx),
            Event::Reply { slot, request } => self.reply(slot, request, ctx),
            Event::Timeout { slot, request, line } => self.timeout(slot, request, line, ctx),
            Event::Exchange { node, generation } => self.exchange(node, generation, ctx),
            Event::MailAtStore { mail } => self.mail_at_store(mail, ctx),
            Event::MailAtNode { mail, node } => self.mail_at_node(mail, node, ctx),
            Event::NodeUp { node, generation } => self.node_up(node, generation, ctx),
            Event::Mended { node, generation } => self.mended(node, generation, ctx),
            Event::StoreUp { generation } => {
                if generation == self.down_generation {
                    self.down_until = None;
                    ctx.log(Tone::Fault, code::STORE_UP, Line::NO_REQUEST, 0, 0);
                }
            }
            Event::StoreFast { generation } => {
                if generation == self.slow_generation {
                    self.slow = 1;
                    ctx.log(Tone::Fault, code::STORE_FAST, Line::NO_REQUEST, 0, 0);
                }
            }
            Event::SurgeEnds { generation } => {
                if generation == self.surge_generation {
                    self.surge = 1.0;
                    self.pace_all(ctx);
                    ctx.log(Tone::Fault, code::SURGE_ENDS, Line::NO_REQUEST, 0, 0);
                }
            }
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Event>) {
        let arg = |i: usize| args.get(i).copied().unwrap_or(0.0);
        let whole = |i: usize| arg(i) as i64;
        let span = |i: usize| Us::from_s(arg(i));
        let act = act as usize;
        if act != act::TAP && act != act::BURST {
            self.mark_fault();
        }
        match act {
            act::TAP => self.arrive(whole(0) as u8, ctx),
            act::BURST => {
                fault(ctx, code::BURST, whole(0), whole(2));
                let (count, spread, user) = (arg(0) as u32, Us::from_ms(arg(1)), arg(2) as u8);
                ctx.at(ctx.now, Event::Volley { user, sent: 0, count, start: ctx.now, spread });
            }
            act::CRASH => {
                fault(ctx, code::TRAP, whole(0), 0);
                self.trap = Some(arg(0) as u8);
            }
            act::KILL | act::PAUSE | act::CUT | act::SKEW => self.hurt(act, whole(0) as usize - 1, arg(1), ctx),
            act::DOWN => {
                self.tampered = true;
                self.silent = arg(1) != 0.0;
                self.down_until = Some(ctx.now + span(0));
                self.down_generation += 1;
                fault(ctx, code::STORE_DOWN, whole(0), i64::from(self.silent));
                ctx.after(span(0), Event::StoreUp { generation: self.down_generation });
            }
            act::SLOW => {
                self.slow = arg(0) as u64;
                self.slow_generation += 1;
                fault(ctx, code::STORE_SLOW, whole(0), whole(1));
                ctx.after(span(1), Event::StoreFast { generation: self.slow_generation });
            }
            act::FAILOVER => {
                self.tampered = true;
                let lost = self.store.fail_over(ctx.now, Us::from_ms(arg(0)));
                ctx.mix(lost);
                fault(ctx, code::FAILED_OVER, whole(0), lost as i64);
            }
            act::FLUSH => {
                self.tampered = true;
                self.store.flush();
                fault(ctx, code::FLUSHED, 0, 0);
            }
            act::SURGE => {
                self.surge = arg(0);
                self.surge_generation += 1;
                fault(ctx, code::SURGE, whole(0), whole(1));
                self.pace_all(ctx);
                ctx.after(span(1), Event::SurgeEnds { generation: self.surge_generation });
            }
            _ => {}
        }
    }

    fn knob(&mut self, knob: u8, knobs: &Knobs, ctx: &mut Ctx<Event>) {
        self.knobs = knobs.clone();
        self.fields = Fields::ALL[knobs.choice(knob::FIELDS)];
        self.fallback = FALLBACKS[knobs.choice(knob::FALLBACK)];
        match knob as usize {
            knob::NODES => {
                let before = self.nodes.len();
                self.grow();
                self.start_exchanges(before, ctx);
            }
            knob::ABUSER | knob::USER_RATE => self.pace_all(ctx),
            // Buckets of two kinds under one name: whoever changes the code in flight gets what he asked for.
            knob::CLOCK => self.tampered = true,
            _ => {}
        }
        ctx.log_knob(code::KNOB, knob, knobs);
    }

    fn number(&self, number: u8, now: Us) -> Option<f64> {
        let abuser = &self.users[0];
        let sum = |of: fn(&User) -> u64| self.users.iter().map(of).sum::<u64>() as f64;
        Some(match number as usize {
            number::WORST_WINDOW => abuser.window.worst() as f64,
            number::OVER => self.over as f64,
            number::FALSE_DENIALS => self.false_denials as f64,
            number::NORMAL_OK => share(self.others(false))?,
            number::ADDED if self.decided > 0 => self.took_sum as f64 / self.decided as f64 / 1e3,
            number::STUCK => self.store.stuck(now, SECOND) as f64,
            number::IN_WINDOW => abuser.window.count(now) as f64,
            number::KNOWN if self.mode.asks() || self.mode == Mode::Async => self.counted(0, now).unwrap_or(0.0),
            number::ADMITTED => sum(|u| u.admitted),
            number::REFUSED => sum(|u| u.refused),
            number::LOST => sum(|u| u.lost),
            number::WORST_SECOND => abuser.second.worst() as f64,
            number::ADDED_P99 if self.decided >= 1_000 => self.took.quantile(0.99)?.as_ms(),
            number::COMMANDS if self.decided > 0 => self.store.commands as f64 / self.decided as f64,
            number::WITHOUT => self.fallbacks as f64,
            number::LOST_UPDATES => self.store.lost_updates as f64,
            number::UNTOLD if self.mode == Mode::Async => {
                self.nodes.iter().map(|n| n.tallies[0].unsent()).sum::<u64>() as f64
            }
            _ => return None,
        })
    }

    fn measure(&self, measure: u8, args: &[f64], _now: Us) -> Option<f64> {
        let arg = args.first().copied().unwrap_or(0.0);
        let user = || (arg >= 0.0).then(|| self.users.get(arg as usize)).flatten();
        Some(match measure as usize {
            measure::MAX_IN_WINDOW => match Us::from_s(arg) {
                w if w == self.users[0].policy.window => self.users[0].window.worst(),
                SECOND => self.users[0].second.worst(),
                _ => return None,
            },
            measure::USER_ADMITTED => user()?.admitted,
            measure::USER_REFUSED => user()?.refused,
            measure::SINCE_ADMITTED => user()?.admitted - user()?.since.0,
            measure::SINCE_NORMAL => return share(self.others(true)),
            _ => return None,
        } as f64)
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let sum = |of: fn(&User) -> u64| self.users.iter().map(of).sum::<u64>();
        vec![
            ("arrivals", self.arrivals),
            ("admitted", sum(|u| u.admitted)),
            ("refused", sum(|u| u.refused)),
            ("lost", sum(|u| u.lost)),
            ("under_way", self.under_way),
            ("commands", self.store.commands),
            ("fallbacks", self.fallbacks),
            ("over", self.over),
            ("false_denials", self.false_denials),
        ]
    }

    fn invariants(&self, _now: Us) -> Result<(), String> {
        let sum = |of: fn(&User) -> u64| self.users.iter().map(of).sum::<u64>();
        let parts = [
            ("admitted", sum(|u| u.admitted)),
            ("refused", sum(|u| u.refused)),
            ("lost", sum(|u| u.lost)),
            ("under way", self.under_way),
        ];
        balance("arrivals", self.arrivals, &parts)?;
        let open = self.flights.iter().filter(|f| f.used && !f.settled).count() as u64;
        if open != self.under_way {
            return Err(format!("{} requests under way, but {open} flights are open", self.under_way));
        }
        // One script by the store's clock is one counter: it cannot be wrong in either direction.
        let exact = self.mode == Mode::Script && self.knobs.choice(knob::CLOCK) == 0 && !self.tampered;
        if exact && (self.over > 0 || self.false_denials > 0) {
            return Err(format!(
                "{} over-admitted and {} false denials by an atomic script",
                self.over, self.false_denials
            ));
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        let users: usize = self
            .users
            .iter()
            .map(|u| u.window.heap_bytes() + u.second.heap_bytes() + u.truth.heap_bytes() + size_of::<User>())
            .sum();
        size_of::<Self>()
            + size_of_val(self.knobs.values())
            + self.senders.len() * size_of::<Load>()
            + self.nodes.iter().map(Node::weight).sum::<usize>()
            + self.store.weight()
            + self.flights.len() * size_of::<Flight>()
            + self.free.len() * 2
            + self.mails.iter().map(Mail::weight).sum::<usize>()
            + self.recent.len() * size_of::<Mark>()
            + self.took.weight()
            + users
    }

    fn tell(line: &Line) -> String {
        told::tell(line)
    }

    fn words(&self, now: Us) -> Vec<(String, String)> {
        self.in_words(now)
    }
}

/// Something that was done to the system, or its end.
fn fault(ctx: &mut Ctx<Event>, code: u8, a: i64, b: i64) {
    ctx.log(Tone::Fault, code, Line::NO_REQUEST, a, b);
}

/// A share in percent, of what went well and what did not.
fn share((ok, not): (u64, u64)) -> Option<f64> {
    (ok + not > 0).then(|| 100.0 * ok as f64 / (ok + not) as f64)
}
