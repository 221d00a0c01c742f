//! Change an API without breaking people: clients, the versions they were written for, and how a version ends.
//!
//! ```text
//!   clients --"v1, please"--> [ shared cache ] --> [ API: newest shape ] --> adapters --> the shape of v1 --> client reads
//!      ^ by volume, each with its habits                                                          right / wrong / fails
//!      +-- moves to the newest version, some day --- changelog, header, e-mail, brownout, 410
//! ```
//!
//! A day of the calendar takes one second of the run ([`DAY`]). Every call is made, answered with a real document and
//! read by its client's code; an answer takes no time, since next to a day it has none.

mod clients;
mod declare;
mod look;
mod words;

pub use clients::Client;
pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{Tally, Verdict};

use crate::blocks::deprecation::{DAY, Hazards, Lifecycle};
use crate::blocks::http_cache::{self, Control, HttpCache, Look, Method, Response, Vary};
use crate::blocks::load::Load;
use crate::blocks::popularity::Zipf;
use crate::blocks::versions::{self, Harm, Order, Reader, Reading, Registry, What, Why, harm};
use crate::declare::{Knobs, Tone};
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us, mix};
use crate::look::Seconds;
use crate::measure::series::Rate;
use std::rc::Rc;
use words::code;

/// Orders that are asked for: few, as what a cache is for.
const ORDERS: u64 = 40;
/// Characters of the longest note that anybody writes.
const NOTE_MAX: u64 = 500;
/// What v2, v3, ... of the beginning changed, each in the version before it.
const PAST: [(What, u8); 7] = [
    (What::Async, 0),
    (What::Rename, versions::TOTAL),
    (What::Retype, versions::ID),
    (What::AddValue, 0),
    (What::Remove, versions::NOTE),
    (What::Remean, versions::TOTAL),
    (What::AddField, 0),
];
const WEEK: Us = Us(DAY.0 * 7);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    /// The next call of the tape.
    Call(u16),
    /// An hour of the calendar begins: a twenty-fourth of the clients thinks about moving.
    Hour(u32),
    /// So many weeks before its sunset, a brownout of this version.
    Brownout {
        version: u8,
        weeks: u8,
    },
    Sunset(u8),
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        match *self {
            Ev::Call(generation) => 1 | u64::from(generation) << 8,
            Ev::Hour(hour) => 2 | u64::from(hour) << 8,
            Ev::Brownout { version, weeks } => 3 | u64::from(version) << 8 | u64::from(weeks) << 16,
            Ev::Sunset(version) => 4 | u64::from(version) << 8,
        }
    }
}

/// Where a request names its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Path,
    Header,
    Query,
    Pin,
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub style: Style,
    /// A change makes a new version.
    pub new_version: bool,
    pub headers: bool,
    pub brownouts: u8,
    pub notice: Us,
    calls: f64,
    oldest_by_default: bool,
    hazards: Hazards,
    cadence: u32,
    brownout: Us,
    cache: Us,
    vary: bool,
    /// Hours a day.
    upkeep: f64,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        Settings {
            style: [Style::Path, Style::Header, Style::Query, Style::Pin][k.choice(knob::STYLE)],
            new_version: k.choice(knob::RELEASE) == 1,
            headers: k.on(knob::HEADERS),
            brownouts: k.int(knob::BROWNOUTS) as u8,
            notice: DAY * k.int(knob::NOTICE),
            calls: k.get(knob::CALLS),
            oldest_by_default: k.choice(knob::FALLBACK) == 1,
            hazards: Hazards {
                none: k.share(knob::NONE),
                header: k.share(knob::SEEN),
                email: k.share(knob::MAILED),
                brownout: k.share(knob::BROWNOUT),
                broken: k.share(knob::BROKEN),
            },
            cadence: (k.int(knob::CADENCE) as u32).max(1),
            brownout: Us::from_us(k.get(knob::HOURS) / 24.0 * DAY.0 as f64),
            cache: Us::from_us(k.get(knob::CACHE) / 1_440.0 * DAY.0 as f64),
            vary: k.on(knob::VARY),
            upkeep: k.get(knob::UPKEEP) / 7.0,
        }
    }
}

/// How a call ended for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Right,
    /// Read without an error, and wrong.
    Misled,
    Broken(Why),
    /// 410: the version has ended.
    Gone,
    /// 410 for a while, before the end.
    Brownout,
    /// 404: the version was withdrawn.
    Withdrawn,
}

impl Answer {
    /// Of no use to its client, and not for a while only.
    pub fn is_broken(self) -> bool {
        matches!(self, Answer::Broken(_) | Answer::Gone | Answer::Withdrawn)
    }
    fn code(self) -> u64 {
        match self {
            Answer::Right => 0,
            Answer::Misled => 1,
            Answer::Gone => 2,
            Answer::Brownout => 3,
            Answer::Withdrawn => 4,
            Answer::Broken(why) => 8 + why as u64,
        }
    }
    fn tone(self) -> Tone {
        match self {
            Answer::Right => Tone::Ok,
            Answer::Misled => Tone::Stale,
            Answer::Brownout => Tone::Waiting,
            _ => Tone::Rejected,
        }
    }
}

/// What a shared cache keeps of an order: the shape it was written in, and for which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    version: u8,
    shape: u8,
    statuses: u8,
}

/// Who calls: a client, or one of the two callers of the experiment.
#[derive(Clone, Copy, Debug)]
struct Caller {
    client: Option<u32>,
    reader: Reader,
    /// Named in the request; `None` if it names none.
    names: Option<u8>,
    /// What the cache can tell accounts apart by.
    account: u32,
}

/// The last response that the header inspector shows.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub call: u32,
    pub client: Option<u32>,
    pub at: Us,
    /// What the request named.
    pub names: Option<u8>,
    /// What it was answered as.
    pub version: u8,
    pub shape: u8,
    pub order: Order,
    pub creates: bool,
    pub answer: Answer,
    /// Its age, if a cache answered.
    pub age: Option<Us>,
    pub end: Lifecycle,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    calls: u64,
    right: u64,
    misled: u64,
    broken: u64,
    gone: u64,
    withdrawn: u64,
    brownout: u64,
    mixups: u64,
    hits: u64,
    reads: u64,
    moves: u64,
    mails: u64,
    changes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Second {
    calls: u32,
    broken: u32,
}

#[derive(Clone, Debug)]
struct Rates {
    broken: Rate,
    misled: Rate,
    brownout: Rate,
    right: Rate,
    old: Rate,
    hits: Rate,
    reads: Rate,
}

#[derive(Clone)]
pub struct ApiVersioning {
    s: Settings,
    seed: u64,
    load: Load,
    callers: Stream,
    orders: Stream,
    kinds: Stream,
    notes: Stream,
    volume: Zipf,
    /// What each client makes of all calls: asked for in every frame, and a power each.
    shares: Rc<[f64]>,

    registry: Registry,
    /// One for each version.
    ends: Vec<Lifecycle>,
    /// The version whose end was announced last.
    announced: Option<u8>,
    /// The version that was switched off last, if nothing was shipped since.
    switched_off: Option<u8>,
    clients: Vec<Client>,
    cache: HttpCache<Kept>,

    picked: u8,
    /// Somebody has looked who calls; the list is shown.
    looked: bool,
    listed: bool,
    /// There was a time when caches could not tell versions apart.
    was_blind: bool,
    /// Experiments with two callers so far: each has an order of its own.
    twos: u32,
    last_change: Option<(Us, versions::Change, bool)>,
    shown: Option<Shown>,

    /// Upkeep in hours up to `cost_at`.
    cost: f64,
    cost_at: Us,
    counts: Counts,
    rates: Rates,
    seconds: Seconds<Second>,
}

impl ApiVersioning {
    // Calls.

    fn schedule(&mut self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.load.due() {
            ctx.at(at, Ev::Call(self.load.generation as u16));
        }
    }

    fn next_call(&mut self, generation: u16, ctx: &mut Ctx<Ev>) {
        if generation != self.load.generation as u16 {
            return;
        }
        let i = self.load.arrive(ctx.now) + 1;
        let who = self.volume.rank(self.callers.at(i)) - 1;
        let client = &self.clients[who as usize];
        let reader = self.reader(client);
        let caller = Caller { client: Some(who), reader, names: self.named(client), account: who };
        let creates = reader.creates && self.kinds.at(i) & 1 == 1;
        let order = self.orders.below_at(i, ORDERS) as u32;
        let note = 1 + self.notes.below_at(i, NOTE_MAX) as u16;
        self.call(&caller, order, creates.then_some(note), ctx);
        self.schedule(ctx);
    }

    fn reader(&self, c: &Client) -> Reader {
        c.reader(*self.registry.schema(c.shape))
    }

    /// The version that a client's requests name.
    fn named(&self, c: &Client) -> Option<u8> {
        let can_be_left_out = matches!(self.s.style, Style::Header | Style::Query);
        (!(can_be_left_out && c.is_silent())).then_some(c.version)
    }

    fn oldest_live(&self) -> u8 {
        self.ends.iter().position(|e| !e.gone).unwrap_or(0) as u8 + 1
    }

    fn resolve(&self, named: Option<u8>) -> u8 {
        let default = if self.s.oldest_by_default { self.oldest_live() } else { self.registry.newest() };
        named.unwrap_or(default)
    }

    fn order(&self, number: u32, statuses: u8) -> Order {
        Order::new(number, mix(u64::from(number) ^ self.seed << 32), statuses)
    }

    /// The status line that a version answers with, if it does not serve.
    fn closed(&self, version: u8, now: Us) -> Option<Answer> {
        match self.ends.get(version as usize - 1) {
            None => Some(Answer::Withdrawn),
            Some(end) if end.gone => Some(Answer::Gone),
            Some(end) if !end.answers(now) => Some(Answer::Brownout),
            Some(_) => None,
        }
    }

    /// One call, from the request to what the client makes of the answer. `note` is that of a new order.
    fn call(&mut self, caller: &Caller, number: u32, note: Option<u16>, ctx: &mut Ctx<Ev>) {
        let id = self.counts.calls as u32;
        self.counts.calls += 1;
        let version = self.resolve(caller.names);
        let who = caller.client.map_or(-1, i64::from);
        let named = i64::from(caller.names.unwrap_or(0));
        ctx.step(Tone::Info, code::CALLS, id, who, i64::from(version) << 16 | named << 8 | i64::from(note.is_some()));
        let order = self.order(number, self.registry.head().statuses);
        let mut shown = Shown {
            call: id,
            client: caller.client,
            at: ctx.now,
            names: caller.names,
            version,
            shape: 0,
            order,
            creates: note.is_some(),
            answer: Answer::Right,
            age: None,
            end: self.ends.get(version as usize - 1).copied().unwrap_or_default(),
        };
        shown.answer = match note {
            Some(note) => self.create(caller, &mut shown, note, ctx),
            None => self.look_up(caller, &mut shown, ctx),
        };
        self.end(caller, &shown, ctx);
    }

    fn create(&mut self, caller: &Caller, shown: &mut Shown, note: u16, ctx: &mut Ctx<Ev>) -> Answer {
        if let Some(closed) = self.closed(shown.version, ctx.now) {
            return closed;
        }
        shown.shape = self.registry.shape_of(shown.version);
        let promised = *self.registry.schema(shown.shape);
        let client = &caller.reader.schema;
        if let Err(why) = versions::Request::new(client, note).check(&promised) {
            return Answer::Broken(why);
        }
        if promised.accepts != client.accepts {
            return Answer::Broken(Why::NotDoneYet);
        }
        if promised.accepts {
            return Answer::Right;
        }
        self.read(caller, shown, ctx)
    }

    fn look_up(&mut self, caller: &Caller, shown: &mut Shown, ctx: &mut Ctx<Ev>) -> Answer {
        self.counts.reads += 1;
        self.rates.reads.add(ctx.now, 1);
        let request = self.request(caller, shown.order.id);
        let kept = if self.s.cache > Us::ZERO { self.cache.look(ctx.now, &request) } else { Look::Pass };
        if let Look::Fresh(found) = kept {
            let k = found.body;
            self.counts.hits += 1;
            self.rates.hits.add(ctx.now, 1);
            ctx.step(Tone::Info, code::HIT, shown.call, i64::from(k.version), i64::from(shown.version));
            if caller.names.is_some_and(|v| v != k.version) {
                self.counts.mixups += 1;
                ctx.mix(9);
            }
            shown.age = Some(found.age);
            (shown.version, shown.shape) = (k.version, k.shape);
            // The order as it was known when this was written.
            shown.order = self.order(shown.order.id, k.statuses);
            shown.end = self.ends.get(k.version as usize - 1).copied().unwrap_or_default();
            return self.read(caller, shown, ctx);
        }
        let closed = self.closed(shown.version, ctx.now);
        if closed.is_none() {
            shown.shape = self.registry.shape_of(shown.version);
        }
        if !matches!(kept, Look::Pass) {
            let (status, control) = match closed {
                None => (200, Control::shared(self.s.cache, Us::ZERO)),
                Some(_) => (410, Control { no_store: true, ..Control::default() }),
            };
            let varies = self.s.vary && matches!(self.s.style, Style::Header | Style::Pin);
            let vary = if varies { Vary::Header } else { Vary::Nothing };
            let statuses = self.registry.head().statuses;
            let body = Kept { version: shown.version, shape: shown.shape, statuses };
            // What is refused here goes to the client all the same.
            let _ = self.cache.store(
                ctx.now,
                &request,
                &Response { status, control, etag: None, vary, age: Us::ZERO, body },
            );
        }
        match closed {
            Some(closed) => closed,
            None => self.read(caller, shown, ctx),
        }
    }

    /// The request as a cache sees it: path and query are part of the address, headers are not.
    fn request(&self, caller: &Caller, order: u32) -> http_cache::Request {
        let named = u32::from(caller.names.unwrap_or(0));
        let (in_url, header) = match self.s.style {
            Style::Path | Style::Query => (named, 0),
            Style::Header => (0, named),
            Style::Pin => (0, caller.account + 1),
        };
        http_cache::Request { header, authorized: true, ..http_cache::Request::new(Method::Get, order << 8 | in_url) }
    }

    /// The client's code reads the document that it was sent.
    fn read(&mut self, caller: &Caller, shown: &Shown, ctx: &mut Ctx<Ev>) -> Answer {
        let doc = match shown.age {
            // Kept in the shape that it was written in.
            Some(_) => self.registry.schema(shown.shape).render(&shown.order),
            None => {
                let adapters = self.registry.adapters(shown.version) as i64;
                ctx.step(Tone::Info, code::ADAPTED, shown.call, adapters, i64::from(shown.version));
                self.registry.serve(shown.version, &shown.order)
            }
        };
        match caller.reader.read(&doc, &shown.order) {
            Reading::Right => Answer::Right,
            Reading::Misled(field) => {
                ctx.step(Tone::Stale, code::MISLED, shown.call, i64::from(field), i64::from(shown.shape));
                Answer::Misled
            }
            Reading::Failed(why) => Answer::Broken(why),
        }
    }

    /// What the call was, and what it tells its client.
    fn end(&mut self, caller: &Caller, shown: &Shown, ctx: &mut Ctx<Ev>) {
        let (answer, now, c) = (shown.answer, ctx.now, &mut self.counts);
        let (total, rate) = match answer {
            Answer::Right => (&mut c.right, Some(&mut self.rates.right)),
            Answer::Misled => (&mut c.misled, Some(&mut self.rates.misled)),
            Answer::Brownout => (&mut c.brownout, Some(&mut self.rates.brownout)),
            Answer::Gone => (&mut c.gone, None),
            Answer::Withdrawn => (&mut c.withdrawn, None),
            Answer::Broken(_) => (&mut c.broken, None),
        };
        *total += 1;
        rate.unwrap_or(&mut self.rates.broken).add(now, 1);
        if shown.version != self.registry.newest() {
            self.rates.old.add(now, 1);
        }
        let second = self.seconds.at(now);
        second.calls += 1;
        second.broken += u32::from(answer.is_broken());
        ctx.mix(answer.code() << 32 | caller.client.map_or(0xffff, u64::from));
        let detail = if let Answer::Broken(why) = answer { why as i64 } else { 0 };
        ctx.step(answer.tone(), code::ENDED, shown.call, answer.code() as i64, detail);
        if answer != Answer::Right {
            ctx.bad();
        }
        if let Some(who) = caller.client {
            let told = self.s.headers && shown.end.deprecated.is_some() && !matches!(answer, Answer::Withdrawn);
            self.clients[who as usize].called(now, shown.call, answer, told);
        }
        // The inspector holds what says more for a day: what failed, and whatever speaks of an end.
        let speaks = |s: &Shown| 2 * u8::from(s.answer != Answer::Right) + u8::from(s.end.deprecated.is_some());
        if self.shown.as_ref().is_none_or(|s| speaks(shown) >= speaks(s) || now.since(s.at) > DAY) {
            self.shown = Some(*shown);
        }
    }

    // Clients and their days.

    fn hour(&mut self, hour: u32, ctx: &mut Ctx<Ev>) {
        let day = hour / 24;
        if hour.is_multiple_of(24) {
            self.settle(ctx.now);
            ctx.mix((self.cost * 100.0) as u64);
        }
        let (newest, shape) = (self.registry.newest(), self.registry.shape_of(self.registry.newest()));
        let (hazards, cadence, now) = (self.s.hazards, self.s.cadence, ctx.now);
        let mut moved = 0;
        for who in ((hour % 24) as usize..self.clients.len()).step_by(24) {
            let c = &mut self.clients[who];
            if c.thinks(now, newest, shape, &hazards, (self.seed, who as u64, u64::from(day)), cadence) {
                let from = c.version;
                c.move_to(now, newest, shape);
                moved += 1;
                ctx.mix(u64::from(from) << 32 | who as u64);
                ctx.step(Tone::Ok, code::MOVES, c.call, i64::from(from), i64::from(newest));
            }
        }
        self.counts.moves += moved;
        ctx.at(Us(u64::from(hour + 1) * DAY.0 / 24), Ev::Hour(hour + 1));
    }

    /// Upkeep up to now.
    fn settle(&mut self, now: Us) {
        self.cost = self.cost_by(now);
        self.cost_at = now;
    }
    fn live(&self) -> usize {
        self.ends.iter().filter(|e| !e.gone).count()
    }
    fn cost_by(&self, now: Us) -> f64 {
        let days = now.since(self.cost_at).0 as f64 / DAY.0 as f64;
        self.cost + days * self.s.upkeep * self.live() as f64
    }

    /// The version that is to go: the last one announced while it lives, or else the oldest that lives.
    pub fn target(&self) -> u8 {
        let announced = self.announced.filter(|v| (*v as usize) <= self.ends.len());
        announced.unwrap_or(self.oldest_live())
    }

    /// The oldest version that lives, if there is a newer one to move to.
    fn old_one(&self, ctx: &mut Ctx<Ev>) -> Option<u8> {
        let oldest = self.oldest_live();
        if oldest < self.registry.newest() {
            return Some(oldest);
        }
        ctx.log(Tone::Fault, code::NOWHERE, Line::NO_REQUEST, i64::from(oldest), 0);
        None
    }

    // What the reader does.

    fn announce(&mut self, ctx: &mut Ctx<Ev>) {
        let Some(version) = self.old_one(ctx) else { return };
        let end = &mut self.ends[version as usize - 1];
        end.announce(ctx.now, self.s.notice);
        let sunset = end.sunset.unwrap_or(ctx.now);
        self.announced = Some(version);
        ctx.mix(u64::from(self.s.brownouts));
        for weeks in 1..=self.s.brownouts {
            if sunset.0 > ctx.now.0 + WEEK.0 * u64::from(weeks) {
                ctx.at(Us(sunset.0 - WEEK.0 * u64::from(weeks)), Ev::Brownout { version, weeks });
            }
        }
        ctx.log(Tone::Fault, code::ANNOUNCED, Line::NO_REQUEST, i64::from(version), sunset.0 as i64);
        ctx.at(sunset, Ev::Sunset(version));
    }

    /// It lives, and there is a newer one.
    fn is_old(&self, version: u8) -> bool {
        version < self.registry.newest() && !self.ends[version as usize - 1].gone
    }

    /// The scheduled one; void if the sunset was moved, or has come.
    fn brownout_of(&mut self, version: u8, weeks: u8, ctx: &mut Ctx<Ev>) {
        let due = Some(Us(ctx.now.0 + WEEK.0 * u64::from(weeks)));
        if self.is_old(version) && self.ends[version as usize - 1].sunset == due {
            self.brown_out(version, ctx);
        }
    }

    fn brown_out(&mut self, version: u8, ctx: &mut Ctx<Ev>) {
        let until = ctx.now + self.s.brownout;
        self.ends[version as usize - 1].brownout_until = until;
        ctx.mix(until.0);
        ctx.log(Tone::Fault, code::BROWNOUT, Line::NO_REQUEST, i64::from(version), self.s.brownout.0 as i64);
    }

    fn sunset_of(&mut self, version: u8, ctx: &mut Ctx<Ev>) {
        if self.is_old(version) && self.ends[version as usize - 1].sunset == Some(ctx.now) {
            self.sunset(version, ctx);
        }
    }

    fn sunset(&mut self, version: u8, ctx: &mut Ctx<Ev>) {
        self.settle(ctx.now);
        let early = self.ends[version as usize - 1].end(ctx.now);
        self.announced = Some(version);
        self.switched_off = Some(version);
        let left = self.clients.iter().filter(|c| c.version == version).count() as i64;
        ctx.mix(left as u64);
        ctx.log(Tone::Fault, code::SUNSET, Line::NO_REQUEST, i64::from(version) << 1 | i64::from(early), left);
    }

    fn ship(&mut self, what: usize, field: usize, ctx: &mut Ctx<Ev>) {
        let what = What::ALL[what];
        let field = if field == 0 { self.picked } else { field as u8 - 1 };
        let said = (what as i64) << 8 | i64::from(field);
        let was = self.registry.newest();
        let Some(change) = self.registry.ship(what, field, self.s.new_version) else {
            return ctx.log(Tone::Fault, code::NO_CHANGE, Line::NO_REQUEST, said, i64::from(was));
        };
        self.settle(ctx.now);
        if self.s.new_version {
            self.ends.push(Lifecycle::default());
        }
        self.counts.changes += 1;
        self.switched_off = None;
        self.last_change = Some((ctx.now, change, self.s.new_version));
        let said = (change.what as i64) << 8 | i64::from(change.field);
        ctx.mix(said as u64);
        let newest = i64::from(self.registry.newest());
        ctx.log(Tone::Fault, code::SHIPPED, Line::NO_REQUEST, said, newest << 1 | i64::from(self.s.new_version));
    }

    fn pick(&mut self, field: u8, ctx: &mut Ctx<Ev>) {
        self.picked = field;
        ctx.mix(u64::from(field));
    }

    fn roll_back(&mut self, ctx: &mut Ctx<Ev>) {
        self.settle(ctx.now);
        if let Some(version) = self.switched_off.take() {
            self.ends[version as usize - 1].revive();
            ctx.mix(u64::from(version));
            return ctx.log(Tone::Undo, code::REVIVED, Line::NO_REQUEST, i64::from(version), 0);
        }
        // A version is not withdrawn if there would be none left.
        let last = self.registry.is_as_it_began() && self.ends.iter().rev().nth(1).is_none_or(|e| e.gone);
        let back = if last { None } else { self.registry.roll_back() };
        let Some(back) = back else {
            return ctx.log(Tone::Undo, code::NOTHING, Line::NO_REQUEST, 0, 0);
        };
        if back.withdrawn {
            self.ends.pop();
        }
        self.last_change = None;
        ctx.mix(back.change.what as u64);
        let said = (back.change.what as i64) << 8 | i64::from(back.change.field);
        ctx.log(Tone::Undo, code::TAKEN_BACK, Line::NO_REQUEST, said, i64::from(back.withdrawn));
    }

    /// The heaviest callers of the old version, or, if nobody has looked, the first of a list in no order.
    fn email(&mut self, count: usize, ctx: &mut Ctx<Ev>) {
        let target = self.target();
        let mut left: Vec<u32> = self.left_by_volume(target).collect();
        if !self.looked {
            let list = Stream::new(self.seed, "client", "address", 0);
            let mut keyed: Vec<(u64, u32)> = left.iter().map(|who| (list.at(u64::from(*who) + 1), *who)).collect();
            crate::order::sort(&mut keyed);
            left = keyed.into_iter().map(|k| k.1).collect();
        }
        let (mut written, mut read) = (0, 0);
        for who in left.iter().take(count) {
            written += 1;
            read += i64::from(self.clients[*who as usize].mailed());
            ctx.mix(u64::from(*who));
        }
        self.counts.mails += written as u64;
        let heaviest = i64::from(self.looked);
        ctx.log(Tone::Fault, code::MAILED, Line::NO_REQUEST, written << 1 | heaviest, read);
    }

    fn two(&mut self, ctx: &mut Ctx<Ev>) {
        self.twos += 1;
        let number = ORDERS as u32 + self.twos;
        let before = self.counts.mixups;
        for (i, version) in [self.oldest_live(), self.registry.newest()].into_iter().enumerate() {
            let schema = *self.registry.schema(self.registry.shape_of(version));
            let reader = Reader { schema, reads: 0x1ff, strict: false, exhaustive: false, creates: false };
            let account = (self.clients.len() + i) as u32;
            self.call(&Caller { client: None, reader, names: Some(version), account }, number, None, ctx);
        }
        let mixed = (self.counts.mixups - before) as i64;
        ctx.log(if mixed > 0 { Tone::Rejected } else { Tone::Ok }, code::TWO, Line::NO_REQUEST, mixed, 0);
    }

    /// What a change would do to the clients that ask for the newest version: how many it breaks and misleads.
    fn harmed(&self, what: What) -> Option<(u32, u32, u32)> {
        let newest = self.registry.newest();
        let (change, _) = self.registry.head().change(what, self.picked)?;
        let mut all = (0, 0, 0);
        for c in self.clients.iter().filter(|c| self.resolve(self.named(c)) == newest) {
            let harm = harm(change, &self.reader(c));
            all.0 += 1;
            all.1 += u32::from(harm == Harm::Breaks);
            all.2 += u32::from(harm == Harm::Misleads);
        }
        Some(all)
    }
}

impl Model for ApiVersioning {
    type Event = Ev;

    fn new(setup: &Setup) -> ApiVersioning {
        let k = setup.knobs;
        let s = Settings::read(k);
        let tape = Tape::new(setup.seed);
        let mut registry = Registry::new();
        for (what, field) in PAST.iter().take(k.int(knob::VERSIONS) as usize - 1) {
            registry.ship(*what, *field, true);
        }
        let versions = registry.newest();
        let mut clients = clients::population(setup.seed, k, s.cadence);
        for (who, c) in clients.iter_mut().enumerate() {
            c.version = 1 + (who % (versions as usize - 1).max(1)) as u8;
            c.shape = registry.shape_of(c.version);
        }
        let rate = || Rate::new(DAY);
        let volume = Zipf::new(clients.len() as u32, k.get(knob::SKEW));
        ApiVersioning {
            seed: setup.seed,
            load: Load::new(tape, s.calls / DAY.as_s()),
            callers: tape.purpose("client"),
            orders: tape.purpose("order"),
            kinds: tape.purpose("kind"),
            notes: tape.purpose("note"),
            shares: (1..=volume.keys()).map(|rank| volume.share(rank)).collect(),
            volume,
            ends: vec![Lifecycle::default(); versions as usize],
            registry,
            announced: None,
            switched_off: None,
            clients,
            cache: HttpCache::new(),
            picked: k.choice(knob::FIELD) as u8,
            looked: false,
            listed: false,
            was_blind: !s.vary,
            twos: 0,
            last_change: None,
            shown: None,
            cost: 0.0,
            cost_at: Us::ZERO,
            counts: Counts::default(),
            rates: Rates {
                broken: rate(),
                misled: rate(),
                brownout: rate(),
                right: rate(),
                old: rate(),
                hits: rate(),
                reads: rate(),
            },
            seconds: Seconds::new(900),
            s,
        }
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        // Who is there is part of the run, also of one in which it does not come to matter.
        ctx.mix(self.clients.iter().fold(0, |all, c| mix(all ^ c.habits())));
        self.schedule(ctx);
        ctx.at(Us::ZERO, Ev::Hour(0));
    }

    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Call(generation) => self.next_call(generation, ctx),
            Ev::Hour(hour) => self.hour(hour, ctx),
            Ev::Brownout { version, weeks } => self.brownout_of(version, weeks, ctx),
            Ev::Sunset(version) => self.sunset_of(version, ctx),
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        match act as usize {
            act::ANNOUNCE => self.announce(ctx),
            act::WHO => {
                self.looked = true;
                self.listed = !self.listed;
                let target = self.target();
                ctx.mix(u64::from(self.listed));
                let left = self.left_by_volume(target).count() as i64;
                ctx.log(Tone::Info, code::LOOKED, Line::NO_REQUEST, i64::from(target), left);
            }
            act::CHANGE => self.ship(args[0] as usize, args[1] as usize, ctx),
            act::EMAIL => self.email(args[0] as usize, ctx),
            act::BROWNOUT => {
                if let Some(version) = self.old_one(ctx) {
                    self.brown_out(version, ctx);
                }
            }
            act::SUNSET => {
                if let Some(version) = self.old_one(ctx) {
                    self.sunset(version, ctx);
                }
            }
            act::BACK => self.roll_back(ctx),
            act::TWO => self.two(ctx),
            act::PICK => self.pick(args[0] as u8, ctx),
            _ => {}
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        self.settle(ctx.now);
        self.s = Settings::read(knobs);
        self.was_blind |= !self.s.vary;
        match which as usize {
            knob::CALLS => {
                self.load.set_rate(ctx.now, self.s.calls / DAY.as_s());
                self.schedule(ctx);
            }
            knob::FIELD => self.pick(knobs.choice(knob::FIELD) as u8, ctx),
            _ => {}
        }
        ctx.log_knob(code::KNOB, which, knobs);
    }

    crate::in_files_of_their_own!();

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.totals()
    }
    fn invariants(&self, now: Us) -> Result<(), String> {
        self.laws(now)
    }

    fn weight(&self) -> usize {
        size_of::<ApiVersioning>()
            + self.registry.weight()
            + self.ends.len() * size_of::<Lifecycle>()
            + self.clients.len() * size_of::<Client>()
            + self.cache.weight()
            + self.seconds.weight()
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Hour(_))
    }
}
