//! An invoice, and four services that have to hear of it: called in line, or left a message?
//!
//! ```text
//!                         +--> [Tax] [PDF] [Email] [Ledger]       in line: the user waits for all
//!                         |
//!   user --> [Invoice API]+--> [outbox] --relay--> [ broker ]--+--> consumers of Tax
//!              202, come back later         partitions, or     +--> consumers of PDF
//!                                           a queue for each   +--> consumers of Email
//!                                                              +--> consumers of Ledger
//!                                                                        \--> dead letters
//! ```
//!
//! Every event of a saved invoice has a fate at each service that is reached by message: it takes
//! effect there, waits, lies with the dead letters, or is lost. What is lost is known the moment it
//! happens: nothing is left in any table, on any wire or in any hand that could still bring it.

mod api;
mod consumers;
mod declare;
mod look;
mod words;

pub use consumers::Doing;
pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{Health, Trail, Tube};
pub use words::{NAMES, doing_word};

use crate::armed::Armed;
use crate::blocks::consumer::{Commit, Topic};
use crate::blocks::load::Load;
use crate::blocks::outbox::{Outbox, Relay};
use crate::blocks::retry::{Backoff, Jitter, Retry};
use crate::blocks::server::Law;
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us, mix};
use crate::look::{Fate, Samples, Seconds};
use crate::measure::series::{Meters, Recent};
use crate::slab::Slab;
use api::Request;
use consumers::Subscriber;
use words::code;

/// Tax, PDF, email and ledger.
pub const SERVICES: usize = 4;
/// No event, no request.
pub const NONE: u32 = u32::MAX;

const REQUESTS_MAX: usize = 20_000;
const RELAY_BATCH: usize = 100;
/// Pauses between tries grow to this.
const PAUSE_MAX: Us = Us::s(60);
/// Invoices that a correction may be about.
const RECENT_MAX: usize = 24;
const CUSTOMERS: u64 = 100;
/// Events given up or lost that are remembered one by one.
const KEPT_MAX: usize = 20_000;
/// Requests a second, and in all, that the picture follows.
const DRAWN_PER_S: f32 = 2.0;
const DRAWN: u16 = 32;
const SECONDS_MAX: u32 = 1_200;
/// Looks in vain after which a user sends his invoice again, if nobody has told him anything.
const LOOKS: u8 = 3;
/// Looks in vain after which a user gives up looking.
const LOOKS_MAX: u8 = 200;
/// No message older than this: the backlog of a fault is gone.
const CAUGHT_UP: Us = Us::s(5);
/// Requests by hand, of a burst, and those that users repeat draw from stretches of the tape of their
/// own, so that one more shifts no other.
const SCRIPTED: u64 = 1 << 40;
const REPEATED: u64 = 1 << 41;

/// What is published: the event, and what its ordering key comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Msg {
    pub event: u32,
    pub key: u32,
}

/// Who published: a row of the outbox, or (with row 0) the API for a request that waits for the ack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct From {
    row: u32,
    slot: u32,
    request: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    Arrive(u32),
    /// The next of a burst: how many are left, and the gap between them in microseconds.
    Burst {
        left: u32,
        gap: u32,
    },
    /// The API has done its own work for a request.
    Own {
        slot: u32,
        request: u32,
    },
    /// A call in line is over.
    Called {
        slot: u32,
        request: u32,
        service: u8,
    },
    /// A published message reaches the broker.
    Publish {
        msg: Msg,
        from: From,
    },
    /// The broker's answer to it.
    Confirm {
        from: From,
        ok: bool,
    },
    PublishTimeout {
        slot: u32,
        request: u32,
    },
    /// The relay looks into the outbox.
    Poll,
    ApiUp(u16),
    RelayUp,
    BrokerUp,
    /// A consumer has come to the end of what it does: a fetch, a piece of work, a pause.
    Step {
        service: u8,
        member: u8,
        life: u16,
    },
    MemberUp {
        service: u8,
        member: u8,
        life: u16,
    },
    /// Has a dead consumer's session ended?
    Session {
        service: u8,
        member: u8,
        life: u16,
    },
    /// A hidden message of a queue may be back.
    Visible(u8),
    /// A user looks whether the invoice is there.
    Look(u32),
    /// The end of a second.
    Tick,
}

impl Trace for Ev {
    fn word(&self) -> u64 {
        let of = |kind: u64, a: u32, b: u32| kind | mix(u64::from(a) << 32 | u64::from(b)) << 8;
        let member = |kind, s: u8, m: u8, life: u16| of(kind, u32::from(s) << 8 | u32::from(m), u32::from(life));
        match *self {
            Ev::Arrive(generation) => of(1, generation, 0),
            Ev::Burst { left, gap } => of(2, left, gap),
            Ev::Own { slot, request } => of(3, slot, request),
            Ev::Called { request, service, .. } => of(4, request, u32::from(service)),
            Ev::Publish { msg, from } => of(5, msg.event, from.row),
            Ev::Confirm { from, ok } => of(6, from.row ^ from.request.rotate_left(16), u32::from(ok)),
            Ev::PublishTimeout { slot, request } => of(7, slot, request),
            Ev::Poll => 8,
            Ev::ApiUp(life) => of(9, u32::from(life), 0),
            Ev::RelayUp => 10,
            Ev::BrokerUp => 11,
            Ev::Step { service, member: m, life } => member(12, service, m, life),
            Ev::MemberUp { service, member: m, life } => member(13, service, m, life),
            Ev::Session { service, member: m, life } => member(14, service, m, life),
            Ev::Visible(service) => of(15, u32::from(service), 0),
            Ev::Look(event) => of(16, event, 0),
            Ev::Tick => 17,
        }
    }
}

/// How the four are reached, if by call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Invoice,
    Random,
    Customer,
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Services that are called in line, and those that get a message: a bit each.
    pub inline: u8,
    pub messaged: u8,
    pub parallel: bool,
    pub outbox: bool,
    pub log: bool,
    law: Law,
    own: Us,
    call: Us,
    timeout: Us,
    available: f64,
    /// One way between the API or the relay and the broker.
    hop: Us,
    publish_timeout: Us,
    relay: Us,
    pub partitions: usize,
    pub key: Key,
    big: f64,
    changes: f64,
    work: Us,
    commit: Commit,
    pub inbox: bool,
    retention: Us,
    retry: Retry,
    visibility: Us,
    poison: f64,
    session: Us,
    restart: Us,
    pub status: bool,
    refresh: Us,
    capacity: usize,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        let path = k.choice(knob::PATH);
        let mut messaged = 0;
        for (i, via) in [knob::TAX, knob::PDF, knob::EMAIL, knob::LEDGER].into_iter().enumerate() {
            let by_message = match k.choice(via) {
                0 => path == 2,
                other => other == 2,
            };
            messaged |= u8::from(by_message) << i;
        }
        Settings {
            inline: 0b1111 & !messaged,
            messaged,
            // With some of them by message, those in line are called one after another.
            parallel: path == 1,
            outbox: k.choice(knob::PUBLISH) == 1,
            log: k.choice(knob::STYLE) == 0,
            law: [Law::Exponential, Law::Fixed][k.choice(knob::LAW)],
            own: k.ms(knob::OWN),
            call: k.ms(knob::CALL),
            timeout: k.s(knob::TIMEOUT),
            available: k.share(knob::AVAILABLE),
            hop: Us(k.ms(knob::ACK).0 / 2),
            publish_timeout: k.s(knob::PUBLISH_TIMEOUT),
            relay: k.ms(knob::RELAY),
            partitions: k.int(knob::PARTITIONS) as usize,
            key: [Key::Invoice, Key::Random, Key::Customer][k.choice(knob::KEY)],
            big: k.share(knob::BIG),
            changes: k.share(knob::CHANGES),
            work: k.ms(knob::WORK),
            commit: [Commit::After, Commit::Before][k.choice(knob::COMMIT)],
            inbox: k.on(knob::INBOX),
            retention: k.s(knob::RETENTION),
            retry: Retry {
                attempts: k.int(knob::TRIES) as u8,
                backoff: Backoff::Exponential,
                jitter: Jitter::None,
                base: k.s(knob::PAUSE),
                cap: PAUSE_MAX,
            },
            visibility: k.s(knob::VISIBILITY),
            poison: k.share(knob::POISON),
            session: k.s(knob::SESSION),
            restart: k.s(knob::RESTART),
            status: k.on(knob::STATUS),
            refresh: k.s(knob::REFRESH),
            capacity: k.int(knob::CAPACITY) as usize,
        }
    }
}

/// What a saved invoice or correction has to tell, and who has heard it: a bit for each service.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub request: u32,
    pub invoice: u32,
    /// The event before it of the same invoice.
    after: u32,
    customer: u16,
    pub poison: u8,
    pub done: u8,
    pub dead: u8,
    pub lost: u8,
    /// Publishes that are under way, and whether the broker has it.
    air: u8,
    stored: bool,
    looks: u8,
    tape: u64,
    at: Us,
}

impl Event {
    /// Services that may still hear of it by themselves.
    fn pending(&self, messaged: u8) -> u8 {
        messaged & !(self.done | self.dead | self.lost)
    }
}

/// What the tape says of each request.
#[derive(Clone, Copy, Debug)]
struct Draws {
    own: Stream,
    service: Stream,
    fails: Stream,
    kind: Stream,
    which: Stream,
    customer: Stream,
    poison: Stream,
    poisoned: Stream,
}

/// The stored quantile that 64 fair bits spell, in [0, 1).
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// A service as everybody meets it, whoever asks.
#[derive(Clone, Copy, Debug, Default)]
struct Condition {
    slow: Us,
    slow_until: Us,
    down_until: Us,
}

/// Points where a crash can be placed: the indices of [`declare::AT`].
const BEFORE_COMMIT: u8 = 1;
const COMMITTED: u8 = 2;
const PUBLISHED: u8 = 3;
const RELAY: u8 = 4;
const BEFORE_WORK: u8 = 5;
const AFTER_WORK: u8 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Lose,
    Double,
    Delay(Us),
}

/// Kinds of message: the indices of [`declare::KINDS`].
const PUBLISH: u8 = 1;
const CONFIRM: u8 = 2;
const DELIVER: u8 = 3;
const ACK: u8 = 4;

/// Totals of a second of the run.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    ok: u32,
    failed: u32,
    handled: u32,
    /// Records by which the worst partition is behind, at the end of the second.
    behind: u32,
    /// The first event of the second, for the inbox to forget.
    event: u32,
}

const OK: usize = 0;
const FAILED: usize = 1;
const HANDLED: usize = 2;
const LOOKED: usize = 3;

#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub arrived: u64,
    pub ok: u64,
    pub failed: u64,
    pub saved: u64,
    pub lost: u64,
    pub doubled: u64,
    pub disorder: u64,
    pub recognised: u64,
    pub half: u64,
    pub ghosts: u64,
    pub again: u64,
    /// First effects, and events that were lost, by service.
    pub done: [u64; SERVICES],
    pub lost_by: [u64; SERVICES],
    pub repeats: u64,
    pub died: u64,
    /// Times that somebody has sent dead letters again.
    pub redrives: u64,
    /// Moments at which a crash could have been placed, and messages that could have been lost, for
    /// the enumeration.
    pub crash_points: u64,
    pub messages: u64,
    user_us: u64,
    done_us: u64,
    done_count: u64,
    stood: Us,
    lag_max: Us,
    second_lag_max: Us,
    backlog_max: u64,
}

type Cx<'a> = Ctx<'a, Ev>;

#[derive(Clone, Debug)]
pub struct QueueVsDirectCall {
    pub s: Settings,
    seed: u64,
    draws: Draws,
    luck: Stream,
    load: Load,
    scripted: u64,

    api_up: bool,
    api_life: u16,
    requests: Slab<Request>,
    next_request: u32,
    next_invoice: u32,
    /// (invoice, customer, its last event) of those saved last.
    recent: Deque<(u32, u16, u32)>,
    services: [Condition; SERVICES],

    outbox: Outbox<Msg>,
    relay: Relay,
    relay_up: bool,
    polling: bool,
    broker_down_until: Us,
    topic: Topic<Msg>,
    subs: Vec<Subscriber>,

    /// Events from `first_event` on; those before it that are not over everywhere are in `kept`.
    events: Deque<Event>,
    first_event: u32,
    kept: Deque<(u32, Event)>,

    /// Lost by a consumer that had acknowledged them, with perhaps another copy somewhere: (service, event).
    doubtful: Vec<(u8, u32)>,

    /// Crashes by their place, and messages singled out by their kind.
    crashes: Armed<u8>,
    singles: Armed<(u8, What)>,
    poisons: Vec<u8>,
    fault_end: Us,
    caught_up: Option<Us>,

    samples: Samples<Trail>,
    meters: Meters<4>,
    seconds: Seconds<Second>,
    user: Recent,
    done: Recent,
    pub tally: Tally,
}

impl QueueVsDirectCall {
    // ---- events and their fates ----

    fn kept_at(&self, id: u32) -> usize {
        self.kept.partition_point(|(k, _)| *k < id)
    }

    /// An event that is not over; `None` once every service has had it.
    pub fn event(&self, id: u32) -> Option<&Event> {
        match id.checked_sub(self.first_event) {
            Some(i) => self.events.get(i as usize),
            None => self.kept.get(self.kept_at(id)).filter(|(k, _)| *k == id).map(|(_, e)| e),
        }
    }
    fn event_mut(&mut self, id: u32) -> Option<&mut Event> {
        match id.checked_sub(self.first_event) {
            Some(i) => self.events.get_mut(i as usize),
            None => {
                let at = self.kept_at(id);
                self.kept.get_mut(at).filter(|(k, _)| *k == id).map(|(_, e)| e)
            }
        }
    }
    /// The request that an event is from, for stories; none once it is over.
    fn request_of(&self, event: u32) -> u32 {
        self.event(event).map_or(Line::NO_REQUEST, |e| e.request)
    }

    /// Forgets the events at the front that are over; those with something to remember are put aside.
    fn slide(&mut self) {
        let all = self.s.messaged;
        while self.events.front().is_some_and(|e| e.pending(all) == 0) {
            let Some(e) = self.events.pop_front() else { break };
            let id = self.first_event;
            self.first_event += 1;
            if e.done != all {
                if self.kept.len() == KEPT_MAX {
                    self.kept.pop_front();
                }
                self.kept.push_back((id, e));
            }
        }
    }

    /// A service has had this event for the first time.
    fn mark_done(&mut self, service: usize, id: u32, ctx: &mut Cx) {
        let all = self.s.messaged;
        let now = ctx.now;
        self.tally.done[service] += 1;
        self.saw(service, self.request_of(id), now, true);
        let Some(e) = self.event_mut(id) else { return };
        e.done |= 1 << service;
        e.dead &= !(1 << service);
        let (over, at, request) = (e.done == all, e.at, e.request);
        if !over {
            return;
        }
        let took = now.since(at);
        self.done.add(now, took);
        self.tally.done_us += took.0;
        self.tally.done_count += 1;
        ctx.step(Tone::Ok, code::ALL_DONE, request, took.0 as i64, 0);
        if id < self.first_event {
            let at = self.kept_at(id);
            self.kept.remove(at);
        }
        self.slide();
    }

    /// These services will never hear of this event.
    fn mark_lost(&mut self, services: u8, id: u32, ctx: &mut Cx) {
        let all = self.s.messaged;
        let Some(e) = self.event_mut(id) else { return };
        let new = services & e.pending(all);
        if new == 0 {
            return;
        }
        let first = e.lost == 0;
        e.lost |= new;
        let request = e.request;
        self.tally.lost += u64::from(first);
        for service in 0..SERVICES {
            if new & 1 << service != 0 {
                self.tally.lost_by[service] += 1;
                // Nothing waits for it any more.
                self.subs[service].effects.done(id);
            }
        }
        ctx.bad();
        ctx.log(Tone::Rejected, code::LOST, request, i64::from(new), 0);
        ctx.mix(u64::from(id) << 8 | u64::from(new));
        self.slide();
    }

    // ---- what can be broken ----

    /// Whether somebody placed a crash here.
    fn crash_here(&mut self, at: u8, request: u32, ctx: &mut Cx) -> bool {
        self.tally.crash_points += 1;
        if self.crashes.strikes(|place| *place == 0 || *place == at).is_none() {
            return false;
        }
        ctx.bad();
        ctx.log(Tone::Fault, code::CRASH, request, i64::from(at), self.s.restart.0 as i64);
        true
    }

    /// How many copies of a message arrive, and how much later than usual.
    fn fate(&mut self, kind: u8, request: u32, ctx: &mut Cx) -> (u8, Us) {
        self.tally.messages += 1;
        let hit = self.singles.strikes(|(which, _)| *which == 0 || *which == kind);
        let Some((_, what)) = hit else { return (1, Us::ZERO) };
        let (copies, late, word) = match what {
            What::Lose => (0, Us::ZERO, 0),
            What::Double => (2, Us::ZERO, 1),
            What::Delay(by) => (1, by, 2),
        };
        ctx.bad();
        ctx.log(Tone::Fault, code::SINGLED, request, i64::from(kind), word);
        (copies, late)
    }

    fn arm(&mut self, args: &[f64], skip: f64, what: What, ctx: &mut Cx) {
        self.singles.arm((args[0] as u8, what), skip as u32);
        ctx.log(Tone::Info, code::ARMED, Line::NO_REQUEST, args[0] as i64, 0);
    }

    /// A fault that lasts: when the last of them is over, the backlog can be seen to go.
    fn lasts(&mut self, until: Us) {
        self.fault_end = self.fault_end.max(until);
        self.caught_up = None;
    }

    fn is_down(&self, service: usize, now: Us) -> bool {
        now < self.services[service].down_until
    }
    pub fn broker_down(&self, now: Us) -> bool {
        now < self.broker_down_until
    }
    /// What this service takes for a request now, with this demand when it is well.
    fn takes(&self, service: usize, tape: u64, mean: Us, now: Us) -> Us {
        let c = &self.services[service];
        if now < c.slow_until {
            return c.slow;
        }
        self.s.law.demand(self.draws.service.at(tape * 4 + service as u64 + 1), mean)
    }

    // ---- seconds ----

    fn tick(&mut self, ctx: &mut Cx) {
        self.commit_again(ctx);
        self.settle_doubts(ctx);
        let (worst, second) = self.lags(ctx.now);
        let backlog = (0..SERVICES).map(|g| self.backlog(g)).max().unwrap_or(0);
        self.tally.lag_max = self.tally.lag_max.max(worst);
        self.tally.second_lag_max = self.tally.second_lag_max.max(second);
        self.tally.backlog_max = self.tally.backlog_max.max(backlog);
        // This is the end of the second before.
        self.seconds.at(ctx.now - Us(1)).behind = self.behind();
        self.seconds.at(ctx.now).event = self.first_event + self.events.len() as u32;
        if self.fault_end > Us::ZERO && ctx.now >= self.fault_end && self.caught_up.is_none() && worst < CAUGHT_UP {
            self.caught_up = Some(ctx.now - self.fault_end);
        }
        let forget = ctx.now.since(self.s.retention);
        if forget > Us::ZERO {
            let before = self.seconds.at(forget).event;
            self.subs.iter_mut().for_each(|sub| sub.inbox.forget_before(before));
        }
        ctx.after(Us::s(1), Ev::Tick);
    }

    // ---- users who look again ----

    /// Whether the invoice is there, for its user; `None` when it never will be by itself.
    fn is_there(&self, id: u32) -> Option<bool> {
        let Some(e) = self.event(id) else { return Some(true) };
        if e.pending(self.s.messaged) == 0 && e.dead != 0 && self.s.status { None } else { Some(false) }
    }

    fn look(&mut self, id: u32, again: bool, ctx: &mut Cx) {
        if self.is_there(id) != Some(false) {
            return;
        }
        self.meters.turn(ctx.now);
        self.meters.add(LOOKED, 1);
        let (status, refresh) = (self.s.status, self.s.refresh);
        let Some(e) = self.event_mut(id) else { return };
        e.looks = e.looks.saturating_add(1);
        let (looks, request, tape) = (e.looks, e.request, e.tape);
        ctx.step(Tone::Waiting, code::LOOKED, request, i64::from(looks), i64::from(status));
        if !status && looks == LOOKS && tape < REPEATED {
            self.tally.again += 1;
            ctx.log(Tone::Fault, code::SENT_AGAIN, request, 0, 0);
            self.arrive(REPEATED + u64::from(id), None, ctx);
        } else if again && looks < LOOKS_MAX {
            ctx.after(refresh, Ev::Look(id));
        }
    }
}

impl Model for QueueVsDirectCall {
    type Event = Ev;

    fn new(setup: &Setup) -> Self {
        let k = setup.knobs;
        let s = Settings::read(k);
        let tape = Tape::new(setup.seed);
        let rate = k.get(knob::RATE);
        let mut samples = Samples::new(DRAWN_PER_S, DRAWN);
        samples.pace(rate);
        let even = k.choice(knob::EVEN) == 1;
        QueueVsDirectCall {
            seed: setup.seed,
            draws: Draws {
                own: tape.purpose("own"),
                service: tape.purpose("service"),
                fails: tape.purpose("fails"),
                kind: tape.purpose("kind"),
                which: tape.purpose("which"),
                customer: tape.purpose("customer"),
                poison: tape.purpose("poison"),
                poisoned: tape.purpose("poisoned"),
            },
            luck: Stream::new(setup.seed, "queue", "broker", 0),
            load: if even { Load::even(tape, rate) } else { Load::new(tape, rate) },
            scripted: 0,
            api_up: true,
            api_life: 0,
            requests: Slab::default(),
            next_request: 0,
            // Invoices of other runs have other numbers, and other partitions with them.
            next_invoice: 1_000 + (mix(setup.seed) % 9_000) as u32,
            recent: Deque::new(),
            services: [Condition::default(); SERVICES],
            outbox: Outbox::new(s.capacity, RELAY_BATCH),
            relay: Relay::new(s.publish_timeout, k.on(knob::ORDERED)),
            relay_up: true,
            polling: false,
            broker_down_until: Us::ZERO,
            topic: Topic::new(s.partitions, s.capacity),
            subs: (0..SERVICES).map(|_| Subscriber::new(&s, k.int(knob::CONSUMERS) as usize)).collect(),
            events: Deque::new(),
            first_event: 0,
            kept: Deque::new(),
            doubtful: Vec::new(),
            crashes: Armed::default(),
            singles: Armed::default(),
            poisons: Vec::new(),
            fault_end: Us::ZERO,
            caught_up: None,
            samples,
            meters: Meters::new(Us::s(10)),
            seconds: Seconds::new(SECONDS_MAX),
            user: Recent::new(Us::s(12), 6),
            done: Recent::new(Us::s(12), 6),
            tally: Tally::default(),
            s,
        }
    }

    fn start(&mut self, ctx: &mut Cx) {
        self.next_arrival(ctx);
        ctx.at(Us::s(1), Ev::Tick);
    }

    fn on(&mut self, event: Ev, ctx: &mut Cx) {
        match event {
            Ev::Arrive(generation) => {
                if generation == self.load.generation {
                    let i = self.load.arrive(ctx.now);
                    self.arrive(i, None, ctx);
                    self.next_arrival(ctx);
                }
            }
            Ev::Burst { left, gap } => {
                self.scripted += 1;
                self.arrive(SCRIPTED + self.scripted, None, ctx);
                if left > 1 {
                    ctx.after(Us(u64::from(gap)), Ev::Burst { left: left - 1, gap });
                }
            }
            Ev::Own { slot, request } => self.own_done(slot, request, ctx),
            Ev::Called { slot, request, service } => self.called(slot, request, service, ctx),
            Ev::Publish { msg, from } => self.published(msg, from, ctx),
            Ev::Confirm { from, ok } => self.confirmed(from, ok, ctx),
            Ev::PublishTimeout { slot, request } => {
                if self.requests[slot as usize].awaits(request) {
                    self.fail(slot, code::NO_ACK, ctx);
                }
            }
            Ev::Poll => self.poll(ctx),
            Ev::ApiUp(life) => {
                if life == self.api_life {
                    self.api_up = true;
                    ctx.log(Tone::Info, code::API_UP, Line::NO_REQUEST, 0, 0);
                }
            }
            Ev::RelayUp => {
                self.relay_up = true;
                ctx.log(Tone::Info, code::RELAY_UP, Line::NO_REQUEST, self.outbox.len() as i64, 0);
                self.wake_relay(ctx);
            }
            Ev::BrokerUp => {
                if !self.broker_down(ctx.now) {
                    ctx.log(Tone::Info, code::BROKER_UP, Line::NO_REQUEST, 0, 0);
                    self.kick_all(ctx);
                }
            }
            Ev::Step { service, member, life } => self.member_step(service as usize, member as usize, life, ctx),
            Ev::MemberUp { service, member, life } => self.member_up(service as usize, member as usize, life, ctx),
            Ev::Session { service, member, life } => self.session_ends(service as usize, member as usize, life, ctx),
            Ev::Visible(service) => self.visible_again(service as usize, ctx),
            Ev::Look(event) => self.look(event, true, ctx),
            Ev::Tick => self.tick(ctx),
        }
    }

    fn act(&mut self, which: u8, args: &[f64], ctx: &mut Cx) {
        let now = ctx.now;
        match which as usize {
            act::SLOW => {
                let (g, until) = (args[0] as usize, now + Us::from_s(args[2]));
                self.services[g].slow = Us::from_ms(args[1]);
                self.services[g].slow_until = until;
                self.lasts(until);
                ctx.log(Tone::Fault, code::SLOW, Line::NO_REQUEST, args[0] as i64, Us::from_ms(args[1]).0 as i64);
            }
            act::DOWN => {
                let until = now + Us::from_s(args[1]);
                self.services[args[0] as usize].down_until = until;
                self.lasts(until);
                ctx.log(Tone::Fault, code::DOWN, Line::NO_REQUEST, args[0] as i64, Us::from_s(args[1]).0 as i64);
            }
            act::BROKER => {
                self.broker_down_until = self.broker_down_until.max(now + Us::from_s(args[0]));
                self.lasts(self.broker_down_until);
                ctx.at(self.broker_down_until, Ev::BrokerUp);
                ctx.log(Tone::Fault, code::BROKER_DOWN, Line::NO_REQUEST, Us::from_s(args[0]).0 as i64, 0);
            }
            act::POISON => {
                self.poisons.push(args[0] as u8);
                ctx.log(Tone::Info, code::ARMED_POISON, Line::NO_REQUEST, args[0] as i64, 0);
            }
            act::CRASH => {
                self.crashes.arm(args[0] as u8, args[1] as u32);
                ctx.log(Tone::Info, code::ARMED_CRASH, Line::NO_REQUEST, args[0] as i64, 0);
            }
            act::LOSE => self.arm(args, args[1], What::Lose, ctx),
            act::DOUBLE => self.arm(args, args[1], What::Double, ctx),
            act::DELAY => self.arm(args, args[2], What::Delay(Us::from_s(args[1])), ctx),
            act::KILL => {
                let g = args[0] as usize;
                let m = (args[1] as usize - 1) % self.subs[g].consumers();
                self.lasts(now + Us::from_s(args[2]));
                ctx.log(Tone::Fault, code::KILLED, Line::NO_REQUEST, args[0] as i64, m as i64 + 1);
                self.member_dies(g, m, Us::from_s(args[2]), ctx);
            }
            act::REDRIVE => {
                let chosen = args[0] as usize;
                self.tally.redrives += 1;
                for g in (0..SERVICES).filter(|g| chosen == 0 || chosen == g + 1) {
                    self.redrive(g, args[1] != 0.0, ctx);
                }
            }
            act::REFRESH => {
                let newest = self.first_event + self.events.len() as u32;
                let kept: Vec<u32> = self.kept.iter().map(|(id, _)| *id).collect();
                ctx.log(Tone::Info, code::ALL_LOOK, Line::NO_REQUEST, self.events.len() as i64, 0);
                for id in kept.into_iter().chain(self.first_event..newest) {
                    self.look(id, false, ctx);
                }
            }
            act::BURST => {
                let left = args[0] as u32;
                ctx.at(now, Ev::Burst { left, gap: 1_000_000 / left });
                ctx.log(Tone::Fault, code::BURST, Line::NO_REQUEST, i64::from(left), 0);
            }
            _ => {
                self.scripted += 1;
                self.arrive(SCRIPTED + self.scripted, Some(args[0] != 0.0), ctx);
            }
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Cx) {
        ctx.log_knob(code::KNOB, which, knobs);
        match which as usize {
            knob::RATE => {
                self.load.set_rate(ctx.now, knobs.get(knob::RATE));
                self.samples.pace(knobs.get(knob::RATE));
                self.next_arrival(ctx);
            }
            knob::CONSUMERS => {
                let count = knobs.int(knob::CONSUMERS) as usize;
                (0..SERVICES).for_each(|g| self.scale(g, count, ctx));
            }
            knob::BIG => self.s.big = knobs.share(knob::BIG),
            knob::CHANGES => self.s.changes = knobs.share(knob::CHANGES),
            knob::POISON => self.s.poison = knobs.share(knob::POISON),
            _ => self.s.available = knobs.share(knob::AVAILABLE),
        }
    }

    crate::in_files_of_their_own!();
    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.totals()
    }
    fn invariants(&self, now: Us) -> Result<(), String> {
        self.laws(now)
    }
    fn weight(&self) -> usize {
        self.bytes()
    }
    fn visible(event: &Ev) -> bool {
        matches!(
            event,
            Ev::Arrive(_)
                | Ev::Own { .. }
                | Ev::Called { .. }
                | Ev::Publish { .. }
                | Ev::Confirm { .. }
                | Ev::Step { .. }
                | Ev::Visible(_)
        )
    }
}

impl QueueVsDirectCall {
    fn in_words(&self, now: Us) -> Vec<(String, String)> {
        words::words(self, now)
    }
}
