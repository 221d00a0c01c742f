//! A client that hears nothing sends again: how does the server act once?
//!
//! ```text
//!             lossy link      /-- node A --\      [key store: (customer, key) -> row]
//!   [client] ------------> --+              +---> [provider, with or without keys of its own]
//!                             \-- node B --/
//! ```
//!
//! An *intent* is what a customer wants once: this payment. The client makes its key, stores it, and
//! sends it with every attempt. A crashed node says nothing, and a lost message says nothing: the
//! client cannot tell them apart, and nothing here tells it. It listens to each attempt until its
//! timeout; what comes later reaches nobody.
//!
//! Something *about* an intent is a message, a piece of work at a node, or a timer. An intent about
//! which there is nothing any more will never change; only then is it forgotten.

mod declare;
mod server;
mod story;

pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use story::{answer_name, point_name};

use crate::armed::Armed;
use crate::blocks::idempotency::{Codes, KeyId, Row, Rules, Store, WhenFull, fingerprint};
use crate::blocks::load::Load;
use crate::blocks::network::{Delay, Fate, Link, Wire};
use crate::blocks::retry::{Backoff, Jitter, Retry};
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us, mix, unit_exp};
use crate::look::ms;
use crate::measure::hist::Hist;
use server::Handling;
use story::code;

pub const CLIENT: u8 = 0;
pub const NODE_A: u8 = 1;
pub const NODE_B: u8 = 2;
pub const STORE: u8 = 3;
pub const PROVIDER: u8 = 4;
const NODES: usize = 2;

/// The recovery point after the charge has been recorded.
pub const CHARGED: u8 = 1;

/// Customers of the tape; payments that the reader makes are [`YOU`]'s.
const CUSTOMERS: u64 = 40;
pub const YOU: u32 = CUSTOMERS as u32;
/// Payments known to clients or under way at one time. Beyond it the shop is closed to new ones.
const INTENTS_MAX: usize = 4_096;
/// The longest wait between two attempts of one round.
const BACKOFF_MAX: Us = Us::s(8);
/// The provider's own retention.
const PROVIDER_KEEPS: Us = Us::s(86_400);
/// More rows than a run can make.
const DATABASE_ROOM: usize = 1 << 20;
/// Scripted payments draw from their own stretch of the tape, so that making one shifts no other.
const SCRIPTED: u64 = 1 << 40;
/// What the picture remembers.
const FLIGHTS_MAX: usize = 600;
const MARKS_MAX: usize = 1_000;
const STATEMENT_MAX: usize = 64;
const RECENT_MAX: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    NoKey,
    CheckThenStore,
    ReserveFirst,
    RecoveryPoints,
    ProviderKey,
}

/// A reply as it is saved and sent: the same four values are the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// The provider's number of the charge; 0 when it was declined.
    pub charge: u32,
    pub cents: u32,
    /// When the provider decided.
    pub at: Us,
}

impl Reply {
    pub fn paid(&self) -> bool {
        self.status == 200
    }
    /// The body, byte for byte.
    pub fn body(&self) -> String {
        let (outcome, Reply { charge, cents, at, .. }) = (if self.paid() { "paid" } else { "declined" }, *self);
        format!("{{\"charge\":\"ch_{charge}\",\"outcome\":\"{outcome}\",\"cents\":{cents},\"at_us\":{}}}", at.0)
    }
    fn word(self) -> u64 {
        mix(u64::from(self.status) << 32 | u64::from(self.charge)) ^ mix(self.at.0 << 24 ^ u64::from(self.cents))
    }
}

/// What the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The outcome of the payment, new or replayed.
    Outcome { reply: Reply, replayed: bool },
    /// Another attempt is still at work.
    InProgress,
    /// The key stands for another payload.
    Mismatch,
    /// The request has no key and needs one.
    NoKey,
    /// The provider did not answer: nobody knows.
    Unknown,
    /// No room for the request, or for its key.
    Busy,
}

impl Answer {
    fn word(self) -> u64 {
        match self {
            Answer::Outcome { reply, replayed } => reply.word() ^ u64::from(replayed),
            Answer::InProgress => 1,
            Answer::Mismatch => 2,
            Answer::NoKey => 3,
            Answer::Unknown => 4,
            Answer::Busy => 5,
        }
    }
    /// Whether it settles what the client wanted to know.
    fn is_final(self) -> bool {
        matches!(self, Answer::Outcome { .. } | Answer::Mismatch | Answer::NoKey)
    }
}

/// What the provider answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Outcome { reply: Reply, replayed: bool },
    AtWork,
    Mismatch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Request,
    Answer(Answer),
    Call,
    Result(Said),
}

impl Body {
    fn word(self) -> u64 {
        match self {
            Body::Request => 1,
            Body::Answer(a) => 2 ^ a.word() << 3,
            Body::Call => 3,
            Body::Result(Said::Outcome { reply, replayed }) => 4 ^ reply.word() << 3 ^ u64::from(replayed) << 60,
            Body::Result(Said::AtWork) => 5,
            Body::Result(Said::Mismatch) => 6,
        }
    }
    /// Its index among the kinds that can be singled out.
    fn kind(self) -> u8 {
        match self {
            Body::Request => 1,
            Body::Answer(_) => 2,
            Body::Call => 3,
            Body::Result(_) => 4,
        }
    }
}

/// A message, between a client and a node or between a node and the provider.
#[derive(Clone, Copy, Debug)]
pub struct Msg {
    pub intent: u32,
    pub attempt: u16,
    pub node: u8,
    /// The key as it was sent. The client may use another for its next attempt.
    pub key: u32,
    /// The work at the node, for calls to the provider and their answers.
    pub handling: u32,
    /// Until when the client listens to this attempt.
    pub deadline: Us,
    pub body: Body,
}

impl Msg {
    /// From whom to whom.
    pub fn ends(&self) -> (u8, u8) {
        let node = NODE_A + self.node;
        match self.body {
            Body::Request => (CLIENT, node),
            Body::Answer(_) => (node, CLIENT),
            Body::Call => (node, PROVIDER),
            Body::Result(_) => (PROVIDER, node),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Event {
    Arrive(u32),
    Msg(Msg),
    /// A node is done with a store operation, a commit or a pause.
    Step {
        intent: u32,
        handling: u32,
    },
    /// A node has waited long enough for this call.
    NoAnswer {
        intent: u32,
        handling: u32,
        calls: u8,
    },
    /// The provider has decided about this call.
    Decided(Msg),
    /// The client stops listening to this attempt.
    Deaf {
        intent: u32,
        attempt: u16,
    },
    /// The client tries again, if it has not tried since.
    Retry {
        intent: u32,
        after: u16,
    },
    /// The second click.
    Click(u32),
    Restart {
        node: u8,
        incarnation: u32,
    },
}

impl Event {
    /// The intent it is about.
    fn intent(&self) -> Option<u32> {
        match *self {
            Event::Arrive(_) | Event::Restart { .. } => None,
            Event::Msg(m) | Event::Decided(m) => Some(m.intent),
            Event::Step { intent, .. }
            | Event::NoAnswer { intent, .. }
            | Event::Deaf { intent, .. }
            | Event::Retry { intent, .. }
            | Event::Click(intent) => Some(intent),
        }
    }
}

impl Trace for Event {
    fn word(&self) -> u64 {
        let (kind, rest) = match *self {
            Event::Arrive(g) => (1, u64::from(g)),
            Event::Msg(m) => {
                (2, u64::from(m.intent) << 24 ^ u64::from(m.attempt) << 8 ^ u64::from(m.node) ^ mix(m.body.word()))
            }
            Event::Step { intent, handling } => (3, u64::from(intent) << 32 | u64::from(handling)),
            Event::NoAnswer { handling, calls, .. } => (4, u64::from(handling) << 8 | u64::from(calls)),
            Event::Decided(m) => (5, u64::from(m.intent) << 32 | u64::from(m.handling)),
            Event::Deaf { intent, attempt } => (6, u64::from(intent) << 16 | u64::from(attempt)),
            Event::Retry { intent, after } => (7, u64::from(intent) << 16 | u64::from(after)),
            Event::Click(intent) => (8, u64::from(intent)),
            Event::Restart { node, incarnation } => (9, u64::from(node) << 32 | u64::from(incarnation)),
        };
        mix(rest).rotate_left(8) ^ kind
    }
}

/// What a client knows about its payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is trying.
    NotYet,
    /// It gave up: perhaps paid, perhaps not.
    Unresolved,
    Paid,
    Declined,
    /// The server did nothing and said why: another payload under this key, or no key.
    Refused,
}

impl Known {
    pub fn settled(self) -> bool {
        matches!(self, Known::Paid | Known::Declined | Known::Refused)
    }
}

/// Something a customer wants once.
#[derive(Clone, Debug)]
pub struct Intent {
    pub no: u32,
    pub at: Us,
    /// Its entry on the tape.
    tape: u64,
    pub customer: u32,
    pub key: u32,
    /// This client sends no key.
    pub keyless: bool,
    pub cents: u32,
    declined: bool,
    /// How long the provider takes, as a multiple of its mean.
    weight: f64,
    pub known: Known,
    /// The first outcome that the client heard.
    pub heard: Option<Reply>,
    pub attempts: u16,
    /// Attempts of this round, and attempts that the client still listens to.
    round: u16,
    listening: u16,
    /// Which of the last attempts have been answered, a bit each.
    answered: u64,
    last_wait: Us,
    pub charges: u16,
    pub charged_cents: u64,
    /// Events that are about it.
    pending: u32,
    /// When the client last learnt something.
    pub changed: Us,
}

impl Intent {
    pub fn id(&self) -> KeyId {
        KeyId { customer: self.customer, key: self.key }
    }
    fn fingerprint(&self) -> u64 {
        fingerprint(&[u64::from(self.customer), u64::from(self.cents)])
    }
}

#[derive(Clone, Copy, Debug)]
struct Single {
    kind: u8,
    twice: bool,
}

/// A message as the picture shows it.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    pub msg: Msg,
    pub sent: Us,
    /// When it arrives; if `lost`, when it would have.
    pub due: Us,
    pub lost: bool,
}

/// Something that happened at one of the parts, for the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A node at work, or the provider.
    Busy,
    Down,
    // At the key store.
    Nothing,
    Claimed,
    TakenOver(u8),
    Found,
    InProgress,
    Mismatch,
    /// A recovery point was written.
    Point,
    Saved,
    NotOwner,
    FailedOver,
    Expired,
    // At a node.
    Recorded,
    Crashed(u8),
    Gone,
    // At the provider.
    Charge(u16),
    Declined,
    Recognised,
    // At the client.
    Hears(Answer),
    Timeout,
    GaveUp,
}

#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// `Line::NO_REQUEST` for what concerns all.
    pub intent: u32,
    pub actor: u8,
    /// The node whose store operation this was.
    pub node: Option<u8>,
    pub sign: Sign,
    pub from: Us,
    pub to: Us,
}

/// A line of a customer's statement.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub at: Us,
    pub intent: u32,
    pub customer: u32,
    pub cents: u32,
    /// Which charge of this payment it is, from 1.
    pub nth: u16,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub arrived: u64,
    pub refused: u64,
    pub paid: u64,
    pub declined: u64,
    pub turned_down: u64,
    /// Intents that were charged at least once, and all charges.
    pub charged_intents: u64,
    pub charges: u64,
    pub charged_cents: u64,
    pub duplicate_cents: u64,
    pub succeeded_cents: u64,
    pub attempts: u64,
    pub timeouts: u64,
    pub replays: u64,
    pub provider_replays: u64,
    pub conflicts: u64,
    pub mismatches: u64,
    pub no_key: u64,
    pub differing: u64,
    pub misled: u64,
    pub unresolved: u64,
    pub open: u64,
    /// Payments carried out, and the time that they spent on keys.
    pub executed: u64,
    pub extra: Us,
    pub messages: u64,
    /// Moments at which a crash could have been placed, for the enumeration.
    pub crash_points: u64,
}

#[derive(Clone, Debug)]
pub struct IdempotentApi {
    pub mode: Mode,
    pub cached: bool,
    timeout: Us,
    attempts: u64,
    retry: Retry,
    recheck: Us,
    provider_mean: Us,
    provider_wait: Us,
    decline: f64,
    keyless: f64,
    store_time: Us,
    delay: Us,
    restart: Us,
    pub codes: Codes,
    seed: u64,

    tape: Tape,
    load: Load,
    requests: Link,
    replies: Link,
    /// Our keys, and the provider's.
    pub keys: Store<Reply>,
    pub provider: Store<Reply>,

    /// In the order of their numbers: those that can still change, and the latest.
    intents: Vec<Intent>,
    handlings: Vec<Handling>,
    next_intent: u32,
    next_handling: u32,
    next_charge: u32,
    next_key: [u32; CUSTOMERS as usize + 1],
    scripted: u64,
    pub recent: Deque<u32>,
    /// The reader's last payment: the acts are about it.
    pub mine: Option<u32>,

    pub up: [bool; NODES],
    pub down_since: [Us; NODES],
    incarnation: [u32; NODES],

    /// Crashes, by the step they wait for; 0 for any.
    crashes: Armed<u8>,
    singles: Armed<Single>,
    new_keys: u32,
    /// The strongest mode promises nothing any more: there was another key for the same payment, the
    /// provider has forgotten its keys, or payloads are not compared.
    beyond_promise: bool,

    pub flights: Deque<Flight>,
    pub marks: Deque<Mark>,
    pub statement: Deque<Entry>,
    /// The payment that something notable last happened to.
    pub notable: u32,
    pub tally: Tally,
    pub times: Hist,
}

type Cx<'a> = Ctx<'a, Event>;

impl IdempotentApi {
    pub fn intent(&self, no: u32) -> Option<&Intent> {
        self.intents.binary_search_by_key(&no, |i| i.no).ok().map(|at| &self.intents[at])
    }
    fn intent_mut(&mut self, no: u32) -> Option<&mut Intent> {
        self.intents.binary_search_by_key(&no, |i| i.no).ok().map(|at| &mut self.intents[at])
    }
    pub fn begun(&self) -> u32 {
        self.next_intent
    }
    fn keyed(&self) -> bool {
        self.mode != Mode::NoKey
    }
    /// Whether what happens in the store and in the payments' table is one transaction.
    fn one_transaction(&self) -> bool {
        self.mode >= Mode::RecoveryPoints && !self.cached
    }
    /// What the key store knows of a payment's key.
    pub fn row(&self, intent: &Intent, now: Us) -> Option<&Row<Reply>> {
        (self.keyed() && !intent.keyless).then(|| self.keys.get(intent.id(), now)).flatten()
    }

    // ---- bookkeeping ----

    /// Schedules an event; an intent that it is about cannot be forgotten before.
    fn later(&mut self, at: Us, event: Event, ctx: &mut Cx) {
        if let Some(i) = event.intent().and_then(|no| self.intent_mut(no)) {
            i.pending += 1;
        }
        ctx.at(at, event);
    }

    fn over(&mut self, no: u32) {
        if let Some(i) = self.intent_mut(no) {
            i.pending -= 1;
            self.forget(no);
        }
    }

    /// Forgets a payment that can no longer change, unless the picture still shows it.
    fn forget(&mut self, no: u32) {
        if self.recent.contains(&no) || self.mine == Some(no) {
            return;
        }
        if let Ok(at) = self.intents.binary_search_by_key(&no, |i| i.no)
            && self.intents[at].pending == 0
        {
            self.intents.remove(at);
        }
    }

    fn mark(&mut self, intent: u32, actor: u8, sign: Sign, from: Us, to: Us) {
        if self.marks.len() == MARKS_MAX {
            self.marks.pop_front();
        }
        self.marks.push_back(Mark { intent, actor, node: None, sign, from, to });
    }

    /// A sign at this moment.
    fn sign(&mut self, intent: u32, actor: u8, sign: Sign, ctx: &Cx) {
        self.mark(intent, actor, sign, ctx.now, ctx.now);
    }

    // ---- messages ----

    fn send(&mut self, msg: Msg, ctx: &mut Cx) {
        let Some(i) = self.intent(msg.intent) else { return };
        // The same attempt meets the same fate on both sides of a comparison.
        let index = i.tape << 8 | u64::from(msg.attempt & 0xff);
        self.tally.messages += 1;
        let fate = match msg.body {
            Body::Request => self.requests.send_as(ctx.now, 0, index),
            Body::Answer(_) => self.replies.send_as(ctx.now, 0, index),
            Body::Call | Body::Result(_) => Fate::Arrives(ctx.now + self.delay),
        };
        let kind = msg.body.kind();
        let single = self.singles.strikes(|s| s.kind == 0 || s.kind == kind).map(|s| s.twice);
        let due = ctx.now + self.delay;
        let lost = fate == Fate::Lost || single == Some(false);
        if self.flights.len() == FLIGHTS_MAX {
            self.flights.pop_front();
        }
        self.flights.push_back(Flight { msg, sent: ctx.now, due, lost });
        if lost {
            ctx.bad();
            self.notable = msg.intent;
            ctx.log(Tone::Rejected, code::LOST, msg.intent, i64::from(msg.body.kind()), i64::from(msg.attempt));
            return;
        }
        ctx.step(Tone::Flight, code::SENT, msg.intent, i64::from(msg.body.kind()), i64::from(msg.node));
        self.later(due, Event::Msg(msg), ctx);
        if single == Some(true) {
            let again = due + self.delay;
            self.notable = msg.intent;
            self.flights.push_back(Flight { msg, sent: ctx.now, due: again, lost: false });
            ctx.log(Tone::Fault, code::TWICE, msg.intent, i64::from(msg.body.kind()), 0);
            self.later(again, Event::Msg(msg), ctx);
        }
    }

    // ---- the client ----

    fn next_arrival(&mut self, ctx: &mut Cx) {
        if let Some(at) = self.load.due() {
            let generation = self.load.generation;
            self.later(at, Event::Arrive(generation), ctx);
        }
    }

    /// A customer wants to pay: from the tape, or as the reader says (card, cents, whose key).
    fn begin(&mut self, tape: u64, scripted: Option<(u8, u32, Option<KeyId>)>, ctx: &mut Cx) -> Option<u32> {
        self.tally.arrived += 1;
        if self.intents.len() >= INTENTS_MAX {
            self.tally.refused += 1;
            ctx.bad();
            ctx.log(Tone::Rejected, code::CLOSED, Line::NO_REQUEST, 0, 0);
            return None;
        }
        let draw = |purpose: &str| self.tape.purpose(purpose).at(tape + 1);
        let share = |bits: u64| (bits >> 11) as f64 / (1u64 << 53) as f64;
        let drawn = share(draw("card")) < self.decline;
        let mut intent = Intent {
            no: self.next_intent,
            at: ctx.now,
            tape,
            customer: ((u128::from(draw("customer")) * u128::from(CUSTOMERS)) >> 64) as u32,
            key: 0,
            keyless: share(draw("key")) < self.keyless,
            cents: 500 + (share(draw("amount")) * 10_000.0) as u32,
            declined: drawn,
            weight: 0.5 + 0.5 * unit_exp(draw("provider")),
            known: Known::NotYet,
            heard: None,
            attempts: 0,
            round: 0,
            listening: 0,
            answered: 0,
            last_wait: Us::ZERO,
            charges: 0,
            charged_cents: 0,
            pending: 0,
            changed: ctx.now,
        };
        let mut key = None;
        if let Some((card, cents, whose)) = scripted {
            (intent.customer, intent.keyless, intent.cents, intent.weight) = (YOU, false, cents, 1.0);
            intent.declined = if card == 0 { drawn } else { card == 1 };
            key = whose;
        }
        match key {
            Some(id) => (intent.customer, intent.key) = (id.customer, id.key),
            None => intent.key = self.make_key(intent.customer),
        }
        let no = intent.no;
        self.next_intent += 1;
        self.tally.open += 1;
        ctx.step(Tone::Info, code::BEGINS, no, i64::from(intent.cents), i64::from(intent.key));
        self.intents.push(intent);
        self.recent.push_back(no);
        if self.recent.len() > RECENT_MAX
            && let Some(old) = self.recent.pop_front()
        {
            self.forget(old);
        }
        Some(no)
    }

    /// Keys need to be unique for one customer only: two customers have the same ones here, always.
    fn make_key(&mut self, customer: u32) -> u32 {
        let next = &mut self.next_key[customer as usize];
        *next += 1;
        *next
    }

    /// A payment that the reader makes.
    fn script(&mut self, card: f64, cents: u32, key: Option<KeyId>, ctx: &mut Cx) -> Option<u32> {
        self.scripted += 1;
        let no = self.begin(SCRIPTED + self.scripted, Some((card as u8, cents, key)), ctx)?;
        if key.is_none()
            && let Some(old) = self.mine.replace(no)
        {
            self.forget(old);
        }
        self.notable = no;
        Some(no)
    }

    /// The client sends the next attempt, `copies` of it.
    fn attempt(&mut self, no: u32, copies: u8, ctx: &mut Cx) {
        let (timeout, up) = (self.timeout, self.up);
        let Some(i) = self.intent_mut(no) else { return };
        i.attempts += 1;
        i.round += 1;
        i.listening += 1;
        i.answered &= !(1 << (i.attempts % 64));
        let (attempt, key) = (i.attempts, i.key);
        // The balancer takes turns, and leaves out a node that is down.
        let turn = (no as usize + attempt as usize) % NODES;
        self.tally.attempts += 1;
        let deadline = ctx.now + timeout;
        for copy in 0..copies as usize {
            let node = (turn + copy) % NODES;
            let node = if up[node] || copies > 1 { node } else { (node + 1) % NODES };
            self.send(
                Msg { intent: no, attempt, node: node as u8, key, handling: 0, deadline, body: Body::Request },
                ctx,
            );
        }
        self.later(deadline, Event::Deaf { intent: no, attempt }, ctx);
    }

    /// The timeout of an attempt.
    fn deaf(&mut self, no: u32, attempt: u16, ctx: &mut Cx) {
        let Some(i) = self.intent_mut(no) else { return };
        if i.answered >> (attempt % 64) & 1 == 1 {
            return;
        }
        i.answered |= 1 << (attempt % 64);
        i.listening -= 1;
        self.tally.timeouts += 1;
        self.sign(no, CLIENT, Sign::Timeout, ctx);
        ctx.step(Tone::Waiting, code::TIMEOUT, no, i64::from(attempt), 0);
        self.failed(no, ctx);
    }

    /// An answer reaches the client.
    fn hears(&mut self, msg: Msg, answer: Answer, ctx: &mut Cx) {
        let no = msg.intent;
        if ctx.now > msg.deadline {
            ctx.step(Tone::Stale, code::TOO_LATE, no, i64::from(msg.attempt), 0);
            return;
        }
        self.sign(no, CLIENT, Sign::Hears(answer), ctx);
        ctx.mix(answer.word());
        let Some(i) = self.intent_mut(no) else { return };
        // A reply may come twice, and an attempt has one.
        let first = i.answered >> (msg.attempt % 64) & 1 == 0;
        if first {
            i.answered |= 1 << (msg.attempt % 64);
            i.listening -= 1;
        }
        let (status, a) = (self.status(answer), i64::from(msg.attempt));
        ctx.step(if answer.is_final() { Tone::Ok } else { Tone::Waiting }, code::HEARS, no, i64::from(status), a);
        if let Answer::Outcome { reply, .. } = answer {
            self.compare(no, reply, ctx);
        }
        if answer.is_final() {
            self.learns(no, answer, ctx);
        } else if first {
            self.failed(no, ctx);
        }
    }

    /// Whether an outcome is the one that this client has heard before, byte for byte.
    fn compare(&mut self, no: u32, reply: Reply, ctx: &mut Cx) {
        let Some(i) = self.intent_mut(no) else { return };
        match i.heard {
            None => i.heard = Some(reply),
            Some(heard) if heard == reply => return,
            Some(_) => {
                self.tally.differing += 1;
                ctx.log(Tone::Rejected, code::DIFFERS, no, 0, 0);
                return;
            }
        }
        if reply.paid() && reply.cents != i.cents {
            let asked = i64::from(i.cents);
            self.tally.misled += 1;
            self.notable = no;
            ctx.bad();
            ctx.log(Tone::Rejected, code::MISLED, no, asked, i64::from(reply.cents));
        }
    }

    /// The client knows the outcome.
    fn learns(&mut self, no: u32, answer: Answer, ctx: &mut Cx) {
        let now = ctx.now;
        let Some(i) = self.intent_mut(no) else { return };
        if i.known.settled() {
            return;
        }
        let was = i.known;
        i.known = match answer {
            Answer::Outcome { reply, .. } if reply.paid() => Known::Paid,
            Answer::Outcome { .. } => Known::Declined,
            _ => Known::Refused,
        };
        i.changed = now;
        let (known, cents, took) = (i.known, u64::from(i.cents), now.since(i.at));
        match known {
            Known::Paid => {
                self.tally.paid += 1;
                self.tally.succeeded_cents += cents;
            }
            Known::Declined => self.tally.declined += 1,
            _ => self.tally.turned_down += 1,
        }
        if was == Known::Unresolved {
            self.tally.unresolved -= 1;
        } else {
            self.tally.open -= 1;
        }
        self.times.add(took);
        ctx.mix(u64::from(no) << 8 | known as u64);
    }

    /// An attempt has failed. When the client listens to no other one, it waits and tries again, or
    /// gives up for now.
    fn failed(&mut self, no: u32, ctx: &mut Cx) {
        let (retry, most, recheck, keyed) = (self.retry, self.attempts, self.recheck, self.keyed());
        let seed = self.seed;
        let Some(i) = self.intent_mut(no) else { return };
        if i.known.settled() || i.listening > 0 {
            return;
        }
        let after = i.attempts;
        if u64::from(i.round) < most {
            let chance = Stream::new(seed, "client", "jitter", i.tape).at(u64::from(after) + 1);
            let chance = (chance >> 11) as f64 / (1u64 << 53) as f64;
            i.last_wait = retry.wait(i.round.min(60) as u8, i.last_wait, chance);
            let at = ctx.now + i.last_wait;
            self.later(at, Event::Retry { intent: no, after }, ctx);
            return;
        }
        i.round = 0;
        let asks = keyed && !i.keyless && recheck > Us::ZERO;
        if i.known == Known::NotYet {
            i.known = Known::Unresolved;
            i.changed = ctx.now;
            self.tally.unresolved += 1;
            self.tally.open -= 1;
            self.notable = no;
            self.sign(no, CLIENT, Sign::GaveUp, ctx);
            ctx.bad();
            ctx.log(Tone::Rejected, code::GAVE_UP, no, most as i64, i64::from(asks));
        }
        if asks {
            let at = ctx.now + recheck;
            self.later(at, Event::Retry { intent: no, after }, ctx);
        }
    }

    fn retries(&mut self, no: u32, after: u16, ctx: &mut Cx) {
        let Some(i) = self.intent(no).filter(|i| !i.known.settled() && i.attempts == after) else { return };
        let customer = i.customer;
        if self.new_keys > 0 && self.keyed() {
            self.new_keys -= 1;
            self.beyond_promise = true;
            let key = self.make_key(customer);
            if let Some(i) = self.intent_mut(no) {
                i.key = key;
            }
            self.notable = no;
            ctx.log(Tone::Fault, code::NEW_KEY, no, i64::from(key), 0);
        }
        self.attempt(no, 1, ctx);
    }

    /// The payment that acts are about: the reader's last one, or the newest.
    fn target(&self) -> Option<&Intent> {
        self.mine.or(self.recent.back().copied()).and_then(|no| self.intent(no))
    }

    fn set_knobs(&mut self, k: &Knobs) {
        self.timeout = k.s(knob::TIMEOUT);
        self.attempts = k.int(knob::ATTEMPTS);
        self.retry.base = k.s(knob::BACKOFF);
        self.recheck = k.s(knob::RECHECK);
        self.provider_mean = k.ms(knob::PROVIDER_MS);
        self.provider_wait = k.s(knob::PROVIDER_WAIT);
        self.decline = k.share(knob::DECLINE);
        self.keyless = k.share(knob::KEYLESS);
        self.store_time = k.ms(knob::STORE_MS);
        self.delay = k.ms(knob::DELAY_MS);
        self.restart = k.s(knob::RESTART);
        let wire = |loss| Wire { loss, ..Wire::new(Delay::Fixed(k.ms(knob::DELAY_MS))) };
        self.requests.wire = wire(k.share(knob::LOSE_REQUEST));
        self.replies.wire = wire(k.share(knob::LOSE_REPLY));
        let mismatch = k.choice(knob::MISMATCH);
        self.codes = Codes { mismatch: [422, 409, 400, 422][mismatch], ..Codes::DRAFT };
        let lease = k.s(knob::LEASE);
        let rules = &mut self.keys.rules;
        rules.lease = (lease > Us::ZERO).then_some(lease);
        rules.retention = k.s(knob::RETENTION);
        rules.compare = mismatch < 3;
        self.beyond_promise |= mismatch == 3;
        rules.lag = if self.cached { k.s(knob::LAG) } else { Us::ZERO };
    }
}

impl Model for IdempotentApi {
    type Event = Event;

    fn new(setup: &Setup) -> Self {
        let k = setup.knobs;
        let cached = k.choice(knob::STORE) == 1;
        let wire = Wire::new(Delay::Fixed(Us::ZERO));
        let rules = Rules {
            lease: None,
            retention: PROVIDER_KEEPS,
            compare: true,
            lag: Us::ZERO,
            rows_max: DATABASE_ROOM,
            when_full: WhenFull::Refuse,
        };
        let ours = if cached {
            Rules { rows_max: k.int(knob::ROOM) as usize, when_full: WhenFull::Evict, ..rules }
        } else {
            rules
        };
        let modes = [Mode::NoKey, Mode::CheckThenStore, Mode::ReserveFirst, Mode::RecoveryPoints, Mode::ProviderKey];
        let mut model = IdempotentApi {
            mode: modes[k.choice(knob::MODE)],
            cached,
            timeout: Us::ZERO,
            attempts: 0,
            retry: Retry {
                attempts: u8::MAX,
                backoff: Backoff::Exponential,
                jitter: Jitter::Full,
                base: Us::ZERO,
                cap: BACKOFF_MAX,
            },
            recheck: Us::ZERO,
            provider_mean: Us::ZERO,
            provider_wait: Us::ZERO,
            decline: 0.0,
            keyless: 0.0,
            store_time: Us::ZERO,
            delay: Us::ZERO,
            restart: Us::ZERO,
            codes: Codes::DRAFT,
            seed: setup.seed,
            tape: Tape::new(setup.seed),
            load: Load::new(Tape::new(setup.seed), k.get(knob::RATE)),
            requests: Link::new(setup.seed, "client", 0, wire),
            replies: Link::new(setup.seed, "client", 1, wire),
            keys: Store::new(ours),
            provider: Store::new(rules),
            intents: Vec::new(),
            handlings: Vec::new(),
            next_intent: 0,
            next_handling: 0,
            next_charge: 0,
            next_key: [0; CUSTOMERS as usize + 1],
            scripted: 0,
            recent: Deque::new(),
            mine: None,
            up: [true; NODES],
            down_since: [Us::ZERO; NODES],
            incarnation: [0; NODES],
            crashes: Armed::default(),
            singles: Armed::default(),
            new_keys: 0,
            beyond_promise: false,
            flights: Deque::new(),
            marks: Deque::new(),
            statement: Deque::new(),
            notable: Line::NO_REQUEST,
            tally: Tally::default(),
            times: Hist::new(),
        };
        model.set_knobs(k);
        model
    }

    fn start(&mut self, ctx: &mut Cx) {
        self.next_arrival(ctx);
    }

    fn on(&mut self, event: Event, ctx: &mut Cx) {
        match event {
            Event::Arrive(generation) => {
                if generation == self.load.generation {
                    let tape = self.load.arrive(ctx.now);
                    if let Some(no) = self.begin(tape, None, ctx) {
                        self.attempt(no, 1, ctx);
                    }
                    self.next_arrival(ctx);
                }
            }
            Event::Msg(msg) => match msg.body {
                Body::Request => self.requested(msg, ctx),
                Body::Answer(answer) => self.hears(msg, answer, ctx),
                Body::Call => self.called(msg, ctx),
                Body::Result(said) => self.told(msg, said, ctx),
            },
            Event::Step { handling, .. } => self.stepped(handling, ctx),
            Event::NoAnswer { handling, calls, .. } => self.no_answer(handling, calls, ctx),
            Event::Decided(msg) => self.decided(msg, ctx),
            Event::Deaf { intent, attempt } => self.deaf(intent, attempt, ctx),
            Event::Retry { intent, after } => self.retries(intent, after, ctx),
            Event::Click(intent) => self.attempt(intent, 1, ctx),
            Event::Restart { node, incarnation } => self.restarted(node, incarnation, ctx),
        }
        if let Some(no) = event.intent() {
            self.over(no);
        }
    }

    fn act(&mut self, which: u8, args: &[f64], ctx: &mut Cx) {
        let cents = |euros: f64| (euros * 100.0 + 0.5) as u32;
        match which as usize {
            act::PAY => {
                if let Some(no) = self.script(args[0], cents(args[1]), None, ctx) {
                    self.attempt(no, 1, ctx);
                }
            }
            act::TWICE => {
                if let Some(no) = self.script(args[1], 1_900, None, ctx) {
                    self.attempt(no, 1, ctx);
                    let at = ctx.now + Us::from_ms(args[0]);
                    self.later(at, Event::Click(no), ctx);
                }
            }
            act::BOTH => {
                if let Some(no) = self.script(args[0], 1_900, None, ctx) {
                    self.attempt(no, 2, ctx);
                }
            }
            act::AGAIN => match self.target().map(|i| i.no) {
                Some(no) => {
                    self.notable = no;
                    ctx.log(Tone::Info, code::AGAIN, no, 0, 0);
                    self.attempt(no, 1, ctx);
                }
                None => ctx.log(Tone::Info, code::NOTHING_YET, Line::NO_REQUEST, 0, 0),
            },
            act::DROP | act::DUPLICATE => {
                let twice = which as usize == act::DUPLICATE;
                self.singles.arm(Single { kind: args[0] as u8, twice }, args[1] as u32);
                ctx.log(Tone::Fault, code::ARMED_SINGLE, Line::NO_REQUEST, args[0] as i64, i64::from(twice));
            }
            act::CRASH => {
                self.crashes.arm(args[0] as u8, args[1] as u32);
                ctx.log(Tone::Fault, code::ARMED_CRASH, Line::NO_REQUEST, args[0] as i64, 0);
            }
            act::FAILOVER => {
                let lost = self.keys.failover(ctx.now);
                ctx.mix(lost);
                self.sign(Line::NO_REQUEST, STORE, Sign::FailedOver, ctx);
                ctx.log(Tone::Fault, code::FAILED_OVER, Line::NO_REQUEST, lost as i64, i64::from(self.cached));
            }
            act::AMOUNT => match self.target().map(|i| (i.no, i.id(), i.cents)) {
                Some((no, id, was)) => {
                    let other = cents((f64::from(was) / 100.0 + args[0]).max(0.01));
                    // The same amount would be the same payment.
                    let other = if other == was { was + 1 } else { other };
                    ctx.log(Tone::Fault, code::WRONG_CART, no, i64::from(other), 0);
                    if let Some(no) = self.script(2.0, other, Some(id), ctx) {
                        self.attempt(no, 1, ctx);
                    }
                }
                None => ctx.log(Tone::Info, code::NOTHING_YET, Line::NO_REQUEST, 0, 0),
            },
            act::NEW_KEY => {
                self.new_keys += args[0] as u32;
                ctx.log(Tone::Fault, code::ARMED_NEW_KEY, Line::NO_REQUEST, args[0] as i64, 0);
            }
            _ => {
                let both = args[0] != 0.0;
                let mut gone = self.keys.expire_all();
                if both {
                    gone += self.provider.expire_all();
                    self.beyond_promise = true;
                }
                ctx.mix(gone);
                self.sign(Line::NO_REQUEST, STORE, Sign::Expired, ctx);
                ctx.log(Tone::Fault, code::EXPIRED, Line::NO_REQUEST, gone as i64, i64::from(both));
            }
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Cx) {
        self.set_knobs(knobs);
        ctx.log_knob(code::KNOB, which, knobs);
        if which as usize == knob::RATE {
            self.load.set_rate(ctx.now, knobs.get(knob::RATE));
            self.next_arrival(ctx);
        }
    }

    fn number(&self, which: u8, _now: Us) -> Option<f64> {
        let t = &self.tally;
        let count = |n: u64| Some(n as f64);
        let euros = |cents: u64| Some(cents as f64 / 100.0);
        let ratio = |a: f64, b: u64| (b > 0).then(|| a / b as f64);
        match which as usize {
            number::PER_INTENT => ratio(t.charges as f64, t.charged_intents),
            number::DUPLICATE => euros(t.duplicate_cents),
            number::CONFLICTS => count(t.conflicts),
            number::MISMATCHES => count(t.mismatches),
            number::UNRESOLVED => count(t.unresolved),
            number::EXTRA => ratio(t.extra.as_ms(), t.executed),
            number::P50 => ms(self.times.quantile(0.5)),
            number::P99 => ms(self.times.quantile(0.99)),
            number::CHARGES => count(t.charges),
            number::CHARGED => euros(t.charged_cents),
            number::SUCCEEDED => euros(t.succeeded_cents),
            number::ATTEMPTS => ratio(t.attempts as f64, t.arrived - t.refused),
            number::REPLAYS => count(t.replays),
            number::DIFFERING => count(t.differing),
            number::MISLED => count(t.misled),
            number::KEYS => count(self.keys.len() as u64),
            _ => count(t.open),
        }
    }

    fn measure(&self, which: u8, _args: &[f64], _now: Us) -> Option<f64> {
        let t = &self.tally;
        let count = |n: u64| Some(n as f64);
        match which as usize {
            measure::DUPLICATES => count(t.charges - t.charged_intents),
            measure::TAKEN_OVER => count(self.keys.tally.taken_over),
            measure::EVICTED => count(self.keys.tally.evicted),
            measure::LOST_WRITES => count(self.keys.tally.lost),
            measure::PROVIDER_REPLAYS => count(t.provider_replays),
            measure::NO_KEY => count(t.no_key),
            measure::KNOWN => count(t.paid + t.declined + t.turned_down),
            measure::INTENTS => count(t.arrived - t.refused),
            measure::TIMEOUTS => count(t.timeouts),
            _ => Some((t.charged_cents as f64 - t.succeeded_cents as f64) / 100.0),
        }
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let t = &self.tally;
        vec![
            ("arrived", t.arrived),
            ("refused", t.refused),
            ("paid", t.paid),
            ("declined", t.declined),
            ("turned_down", t.turned_down),
            ("unresolved", t.unresolved),
            ("open", t.open),
            ("attempts", t.attempts),
            ("charges", t.charges),
            ("charged_cents", t.charged_cents),
            ("duplicate_cents", t.duplicate_cents),
            ("succeeded_cents", t.succeeded_cents),
            ("keys", self.keys.len() as u64),
        ]
    }

    fn invariants(&self, _now: Us) -> Result<(), String> {
        let t = &self.tally;
        let there = t.refused + t.paid + t.declined + t.turned_down + t.unresolved + t.open;
        if t.arrived != there {
            return Err(format!(
                "payments: {} arrived, but refused + settled + unresolved + open = {there}",
                t.arrived
            ));
        }
        let trying = self.intents.iter().filter(|i| i.known == Known::NotYet).count() as u64;
        if trying != t.open {
            return Err(format!("payments under way: counted {}, but {trying} are", t.open));
        }
        if let Some(i) = self.intents.iter().find(|i| i.known == Known::NotYet && i.pending == 0) {
            return Err(format!("payment {} is under way, and nothing will ever happen to it", i.no));
        }
        if self.mode == Mode::ProviderKey && !self.beyond_promise {
            if t.charges != t.charged_intents {
                return Err(format!("{} charges for {} payments", t.charges, t.charged_intents));
            }
            if t.differing > 0 || t.misled > 0 {
                return Err(format!("{} replies differed, {} misled", t.differing, t.misled));
            }
        }
        let copies = |i: &&Intent| i.charged_cents != u64::from(i.charges) * u64::from(i.cents);
        if let Some(i) = self.intents.iter().find(copies) {
            return Err(format!("payment {}: {} charges make {} cents", i.no, i.charges, i.charged_cents));
        }
        self.keys.invariants()?;
        self.provider.invariants()?;
        self.requests.invariants()?;
        self.replies.invariants()
    }

    fn weight(&self) -> usize {
        use core::mem::size_of;
        size_of::<Self>()
            + self.intents.capacity() * size_of::<Intent>()
            + self.handlings.capacity() * size_of::<Handling>()
            + self.keys.weight()
            + self.provider.weight()
            + self.flights.capacity() * size_of::<Flight>()
            + self.marks.capacity() * size_of::<Mark>()
            + self.statement.capacity() * size_of::<Entry>()
            + self.recent.capacity() * 4
            + self.crashes.weight()
            + self.singles.weight()
            + self.times.weight()
    }

    fn tell(line: &Line) -> String {
        story::tell(line)
    }

    fn words(&self, now: Us) -> Vec<(String, String)> {
        story::words(self, now)
    }

    fn visible(event: &Event) -> bool {
        !matches!(event, Event::NoAnswer { .. })
    }
}
