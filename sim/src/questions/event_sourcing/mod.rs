//! Keep the events: commands, the log, read tables and what becomes of them.
//!
//! ```text
//!   commands --> load, decide --> append --> [ log ] --at least once--> projector --> read table
//!                  ^   fold         | conflict     \                       |  checkpoint
//!              snapshots            +--> again      +--> rebuild --swap-->-+      +--> e-mails
//! ```
//!
//! The accounts are followed event by event, those of their past included. All other streams of the log are
//! a count with a rate: a projector has to read past them, and that is all that they do here.

mod declare;
mod look;
mod projection;
mod words;

pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{Cell, Progress};
pub use projection::{Rebuild, Worker};
pub use words::euros;

use crate::blocks::account::{Account, Codec, Event, Kind, Refusal};
use crate::blocks::event_store::{EventStore, Loaded, Others, Past, Reader, stored};
use crate::blocks::load::Load;
use crate::blocks::projector::Safety;
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us};
use crate::measure::series::{Rate, Recent};
use crate::slab::Slab;
use words::code;

/// Commands that may be at work at once.
const IN_FLIGHT_MAX: usize = 4_000;
/// Share of the commands that withdraw.
const WITHDRAW: f64 = 0.45;
/// Amounts are whole euros up to this.
const EUROS_MAX: u64 = 100;
/// What the picture remembers: things that went wrong, and what the read table said of account 1.
const MARKS_MAX: usize = 96;
const TRAIL_MAX: usize = 96;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    /// The next command of the tape.
    Arrive(u16),
    /// The next of many commands; so many are left.
    Issue(u32),
    /// A command has its state.
    Loaded(u32),
    /// A projector has applied its batch, or looks for the next.
    Poll { beside: bool, life: u16 },
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        match *self {
            Ev::Arrive(generation) => 1 | u64::from(generation) << 8,
            Ev::Issue(left) => 2 | u64::from(left) << 8,
            Ev::Loaded(slot) => 3 | u64::from(slot) << 8,
            Ev::Poll { beside, life } => 4 | u64::from(beside) << 8 | u64::from(life) << 16,
        }
    }
}

/// Where personal data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personal {
    Plain,
    /// Encrypted in the events, with a key a person.
    Key,
    Outside,
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    rate: f64,
    snapshot: u32,
    safety: Safety,
    duplicate: f64,
    accounts: usize,
    hot: f64,
    read: Us,
    fold: Us,
    expect: bool,
    retries: u8,
    check_layout: bool,
    speed: u32,
    live: u32,
    batch: u32,
    restart: Us,
    guard: bool,
    personal: Personal,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        Settings {
            rate: k.get(knob::RATE),
            snapshot: k.int(knob::SNAPSHOT) as u32,
            safety: [Safety::Naive, Safety::Checked, Safety::Atomic][k.choice(knob::SAFETY)],
            duplicate: k.share(knob::DUPLICATE),
            accounts: k.int(knob::ACCOUNTS) as usize,
            hot: k.share(knob::HOT),
            read: k.ms(knob::READ),
            fold: Us(k.int(knob::FOLD)),
            expect: k.on(knob::EXPECT),
            retries: k.int(knob::RETRIES) as u8,
            check_layout: k.on(knob::LAYOUT),
            speed: k.int(knob::SPEED) as u32,
            live: k.int(knob::LIVE) as u32,
            batch: k.int(knob::BATCH) as u32,
            restart: k.s(knob::RESTART),
            guard: k.on(knob::GUARD),
            personal: [Personal::Plain, Personal::Key, Personal::Outside][k.choice(knob::PERSONAL)],
        }
    }
}

/// A command at work.
#[derive(Clone, Copy, Debug)]
struct Command {
    id: u32,
    account: u16,
    attempt: u8,
    wanted: Event,
    /// The state that it decides on.
    loaded: Loaded,
}

/// Why something that happened to an event or a command is marked in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Conflict,
    Refused,
    Unreadable,
    /// Came twice and counted twice.
    Repeated,
}

#[derive(Clone, Copy, Debug)]
pub struct Mark {
    pub at: Us,
    pub command: u32,
    pub account: u16,
    pub what: What,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    commands: u64,
    succeeded: u64,
    refused: u64,
    gave_up: u64,
    unreadable: u64,
    busy: u64,
    conflicts: u64,
    overdrawn: u64,
    stale: u64,
    misread: u64,
    crashes: u64,
    mails_first: u64,
    mails_again: u64,
    mails_replay: u64,
}

#[derive(Clone, Debug)]
struct Rates {
    done: Rate,
    refused: Rate,
    failed: Rate,
    loads: Rate,
    folded: Rate,
}

/// The last load of an account for a command.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastLoad {
    pub folded: u32,
    pub reads: u32,
    pub stale: bool,
    time: Us,
}

#[derive(Clone)]
pub struct EventSourcing {
    s: Settings,
    load: Load,
    hot: Stream,
    places: Stream,
    amounts: Stream,
    kinds: Stream,
    repeats: Stream,

    /// The code that is deployed: how it reads events, and the layout of the state that it keeps.
    codec: Codec,
    layout: u8,
    store: EventStore,
    others: Others,
    /// The fold of every account, kept up with each append: what everything else is held against.
    truth: Vec<Account>,
    /// Accounts whose key was destroyed, or whose row outside the log was deleted.
    erased: Vec<bool>,

    commands: Slab<Command>,
    issued: u32,
    last: Vec<LastLoad>,

    /// The projector in use, and a rebuild beside it. Taken out while it works.
    workers: [Option<Worker>; 2],
    /// Processes that there have been.
    lives: u16,
    /// Of the events of this run, how many have had their e-mail.
    mailed: u32,
    /// A bug was shipped: differences are no longer a defect of the projector's safety.
    was_wrong: bool,
    /// Appends were not checked for a while: an account may be overdrawn.
    was_blind: bool,
    last_rebuild: Option<Rebuild>,

    cursor: Option<Us>,
    counts: Counts,
    rates: Rates,
    loads: Recent,
    marks: Deque<Mark>,
    trail: Deque<(Us, i64)>,
}

impl EventSourcing {
    fn reader(&self) -> Reader {
        Reader {
            codec: self.codec,
            layout: self.layout,
            snapshots: self.s.snapshot > 0,
            check_layout: self.s.check_layout,
        }
    }

    fn mark(&mut self, mark: Mark) {
        if self.marks.len() == MARKS_MAX {
            self.marks.pop_front();
        }
        self.marks.push_back(mark);
    }

    // Commands.

    fn schedule(&mut self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.load.due() {
            ctx.at(at, Ev::Arrive(self.load.generation as u16));
        }
    }

    fn arrive(&mut self, generation: u16, ctx: &mut Ctx<Ev>) {
        if generation != self.load.generation as u16 {
            return;
        }
        let i = self.load.arrive(ctx.now) + 1;
        let to_first = self.hot.unit_at(i) < self.s.hot;
        let account = if to_first { 0 } else { self.places.below_at(i, self.s.accounts as u64) as usize };
        let kind = if self.kinds.unit_at(i) < WITHDRAW { Kind::Withdrawn } else { Kind::Deposited };
        let euros = 1 + self.amounts.below_at(i, EUROS_MAX);
        self.command(account, Event { kind, cents: euros as i64 * 100 }, ctx);
        self.schedule(ctx);
    }

    /// Many commands, round all accounts: each gets 40 in its odd rounds and loses 10 in its even ones.
    fn issue(&mut self, left: u32, ctx: &mut Ctx<Ev>) {
        let accounts = self.s.accounts as u32;
        let (account, round) = (self.issued % accounts, self.issued / accounts);
        self.issued += 1;
        let (kind, cents) = if round.is_multiple_of(2) { (Kind::Deposited, 4_000) } else { (Kind::Withdrawn, 1_000) };
        self.command(account as usize, Event { kind, cents }, ctx);
        if left > 1 {
            ctx.after(Us::ms(1), Ev::Issue(left - 1));
        }
    }

    fn command(&mut self, account: usize, wanted: Event, ctx: &mut Ctx<Ev>) {
        let id = self.counts.commands as u32;
        self.counts.commands += 1;
        let account = account % self.s.accounts;
        ctx.step(Tone::Info, code::COMES, id, wanted.cents, (account as i64 + 1) << 8 | wanted.kind as i64);
        if self.commands.used() >= IN_FLIGHT_MAX {
            self.counts.busy += 1;
            self.rates.failed.add(ctx.now, 1);
            ctx.step(Tone::Rejected, code::BUSY, id, 0, 0);
            return ctx.bad();
        }
        let empty = Loaded { state: Account::default(), version: 0, folded: 0, reads: 0, stale: false };
        let command = Command { id, account: account as u16, attempt: 0, wanted, loaded: empty };
        let slot = self.commands.insert(command);
        self.begin_load(slot, ctx);
    }

    /// Reads the stream as it is now; folding takes its time, and the stream may move meanwhile.
    fn begin_load(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let c = self.commands[slot as usize];
        let account = c.account as usize;
        match self.store.load(account, &self.reader()) {
            Err(unreadable) => {
                self.commands.release(slot);
                self.counts.unreadable += 1;
                self.rates.failed.add(ctx.now, 1);
                self.mark(Mark { at: ctx.now, command: c.id, account: c.account, what: What::Unreadable });
                ctx.step(Tone::Rejected, code::CANNOT_READ, c.id, i64::from(unreadable.schema), 0);
                ctx.bad();
            }
            Ok(loaded) => {
                let time = loaded.time(self.s.read, self.s.fold);
                self.counts.stale += u64::from(loaded.stale);
                self.counts.misread += u64::from(loaded.state != self.truth[account]);
                self.rates.loads.add(ctx.now, 1);
                self.rates.folded.add(ctx.now, loaded.folded);
                self.loads.add(ctx.now, time);
                self.last[account] = LastLoad { folded: loaded.folded, reads: loaded.reads, stale: loaded.stale, time };
                let found = if loaded.stale { 2 } else { loaded.reads - 1 };
                ctx.step(
                    Tone::Flight,
                    code::LOADS,
                    c.id,
                    i64::from(loaded.folded),
                    (time.0 as i64) << 2 | i64::from(found),
                );
                self.commands[slot as usize] = Command { loaded, attempt: c.attempt + 1, ..c };
                ctx.after(time, Ev::Loaded(slot));
            }
        }
    }

    /// The state is there: decide, and append what was decided.
    fn loaded(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let c = self.commands[slot as usize];
        let account = c.account as usize;
        let event = match c.loaded.state.decide(c.wanted) {
            Ok(event) => event,
            Err(refusal) => return self.refuse(slot, c, refusal, ctx),
        };
        let (version, actual) = (c.loaded.version, self.store.version(account));
        if self.s.expect && version != actual {
            return self.conflict(slot, c, ctx);
        }
        let position = self.others.place(ctx.now);
        let new = stored(account, event, self.codec, ctx.now, position, c.id);
        // What was checked above is checked again here: nothing else appends.
        let Ok(version) = self.store.append(self.s.expect.then_some(version), new) else {
            return;
        };
        self.commands.release(slot);
        self.truth[account] = self.truth[account].apply(event);
        self.counts.succeeded += 1;
        self.counts.overdrawn += u64::from(event.kind == Kind::Withdrawn && self.truth[account].cents < 0);
        self.rates.done.add(ctx.now, 1);
        ctx.mix(u64::from(position) << 20 | u64::from(version));
        ctx.step(Tone::Ok, code::APPENDED, c.id, i64::from(version), i64::from(position));
        if event.kind == Kind::Forgotten {
            self.erase(account, ctx);
        }
        let reader = self.reader();
        if self.store.keep_snapshot(account, self.s.snapshot, &reader) {
            ctx.mix(7);
            ctx.step(Tone::Info, code::KEPT, c.id, i64::from(version), 0);
        }
    }

    fn refuse(&mut self, slot: u32, c: Command, refusal: Refusal, ctx: &mut Ctx<Ev>) {
        self.commands.release(slot);
        self.counts.refused += 1;
        self.rates.refused.add(ctx.now, 1);
        self.mark(Mark { at: ctx.now, command: c.id, account: c.account, what: What::Refused });
        ctx.mix(refusal as u64);
        ctx.step(Tone::Rejected, code::REFUSED, c.id, refusal as i64, c.loaded.state.cents);
    }

    /// The stream has moved since it was read.
    fn conflict(&mut self, slot: u32, c: Command, ctx: &mut Ctx<Ev>) {
        let (version, actual) = (i64::from(c.loaded.version), i64::from(self.store.version(c.account as usize)));
        self.counts.conflicts += 1;
        self.mark(Mark { at: ctx.now, command: c.id, account: c.account, what: What::Conflict });
        ctx.mix(actual as u64);
        ctx.bad();
        let tone = Tone::Waiting;
        if c.attempt <= self.s.retries {
            ctx.log(tone, code::CONFLICT, c.id, version, actual);
            return self.begin_load(slot, ctx);
        }
        ctx.log(Tone::Rejected, code::GAVE_UP, c.id, version, actual);
        self.commands.release(slot);
        self.counts.gave_up += 1;
        self.rates.failed.add(ctx.now, 1);
    }

    /// The holder's wish is on the log. What else can be done depends on where the name is.
    fn erase(&mut self, account: usize, ctx: &mut Ctx<Ev>) {
        self.erased[account] = self.s.personal != Personal::Plain;
        ctx.mix(self.s.personal as u64);
        ctx.log(Tone::Undo, code::ERASED, Line::NO_REQUEST, account as i64 + 1, self.s.personal as i64);
    }

    /// Whether the name in an account's events can be read.
    fn name_readable(&self, account: usize) -> bool {
        self.s.personal != Personal::Outside && !self.erased[account]
    }

    // What the reader does.

    fn ship_v2(&mut self, upcaster: bool, ctx: &mut Ctx<Ev>) {
        self.codec = Codec { schema: 2, upcaster };
        ctx.log(Tone::Fault, code::SHIPPED, Line::NO_REQUEST, i64::from(upcaster), 0);
        self.wake(ctx);
    }

    fn two(&mut self, ctx: &mut Ctx<Ev>) {
        let all = Event { kind: Kind::Withdrawn, cents: self.truth[0].cents };
        ctx.log(Tone::Fault, code::TWO, Line::NO_REQUEST, all.cents, i64::from(self.store.version(0)));
        self.command(0, all, ctx);
        self.command(0, all, ctx);
    }

    fn travel(&mut self, back: Us, ctx: &mut Ctx<Ev>) {
        self.cursor = (back > Us::ZERO).then(|| ctx.now - back);
        let Some(then) = self.cursor else {
            return ctx.log(Tone::Fault, code::PRESENT, Line::NO_REQUEST, 0, 0);
        };
        let version = self.store.version_at(0, then);
        let cents = self.store.fold(0, version, Codec::V2).map_or(0, |a| a.cents);
        ctx.mix(cents as u64 ^ u64::from(version) << 32);
        ctx.log(Tone::Fault, code::TRAVELLED, Line::NO_REQUEST, cents, i64::from(version));
    }
}

impl Model for EventSourcing {
    type Event = Ev;

    fn new(setup: &Setup) -> EventSourcing {
        let s = Settings::read(setup.knobs);
        let tape = Tape::new(setup.seed);
        let past = Past::new(setup.seed, setup.knobs.int(knob::OLDEST) as u32, s.accounts as u32);
        let mut store = EventStore::new(s.accounts, past);
        store.snapshots_of_the_past(s.snapshot, 1);
        let fold = |a| store.fold(a, store.version(a), Codec::V1).unwrap_or_default();
        let truth: Vec<Account> = (0..s.accounts).map(fold).collect();
        let history = (setup.knobs.int(knob::HISTORY) as u32).max(past.total());
        let live = Worker::at_head(&truth, &past, history, s.safety, s.personal != Personal::Outside);
        let rate = |span| Rate::new(span);
        EventSourcing {
            s,
            load: Load::new(tape, s.rate),
            hot: tape.purpose("hot"),
            places: tape.purpose("account"),
            amounts: tape.purpose("amount"),
            kinds: tape.purpose("kind"),
            repeats: Stream::new(setup.seed, "delivery", "repeat", 0),
            codec: Codec::V1,
            layout: 1,
            others: Others::new(history, s.live),
            trail: Deque::from([(Us::ZERO, truth[0].cents)]),
            store,
            truth,
            erased: vec![false; s.accounts],
            commands: Slab::default(),
            issued: 0,
            last: vec![LastLoad::default(); s.accounts],
            workers: [Some(live), None],
            lives: 0,
            mailed: 0,
            was_wrong: false,
            was_blind: !s.expect,
            last_rebuild: None,
            cursor: None,
            counts: Counts::default(),
            rates: Rates {
                done: rate(Us::s(1)),
                refused: rate(Us::s(1)),
                failed: rate(Us::s(1)),
                loads: rate(Us::s(10)),
                folded: rate(Us::s(10)),
            },
            loads: Recent::new(Us::s(10), 10),
            marks: Deque::new(),
        }
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule(ctx);
        ctx.at(Us::ZERO, Ev::Poll { beside: false, life: 0 });
    }

    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Arrive(generation) => self.arrive(generation, ctx),
            Ev::Issue(left) => self.issue(left, ctx),
            Ev::Loaded(slot) => self.loaded(slot, ctx),
            Ev::Poll { beside, life } => self.poll(usize::from(beside), life, ctx),
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        match act as usize {
            act::COMMAND => {
                let kind = [Kind::Deposited, Kind::Withdrawn, Kind::Corrected][args[0] as usize];
                self.command(args[2] as usize - 1, Event { kind, cents: args[1] as i64 * 100 }, ctx);
            }
            act::V2 => self.ship_v2(true, ctx),
            act::UPCASTER => self.ship_v2(false, ctx),
            act::ISSUE => {
                ctx.log(Tone::Fault, code::MANY, Line::NO_REQUEST, args[0] as i64, 0);
                self.issue(args[0] as u32, ctx);
            }
            act::TWO => self.two(ctx),
            act::CRASH => self.crash(args[1] as usize, args[0] == 0.0, ctx),
            act::TWICE => self.twice(args[0] as u32, ctx),
            act::BUG => self.ship_bug(ctx),
            act::REBUILD => self.rebuild(args[0] == 0.0, ctx),
            act::SWAP => self.swap(ctx),
            act::SHAPE => {
                self.layout = 3 - self.layout;
                ctx.log(Tone::Fault, code::SHAPE, Line::NO_REQUEST, i64::from(self.layout), 0);
            }
            act::TRAVEL => self.travel(Us::from_s(args[0]), ctx),
            act::FORGET => {
                let account = (args[0] as usize - 1) % self.s.accounts;
                ctx.log(Tone::Fault, code::FORGET, Line::NO_REQUEST, account as i64 + 1, 0);
                self.command(account, Event { kind: Kind::Forgotten, cents: 0 }, ctx);
            }
            act::MEND => self.mend(ctx),
            _ => {}
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        self.s = Settings::read(knobs);
        match which as usize {
            knob::RATE => {
                self.load.set_rate(ctx.now, self.s.rate);
                self.schedule(ctx);
            }
            knob::EXPECT => self.was_blind = true,
            knob::LIVE => self.others.set_rate(ctx.now, self.s.live),
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
        core::mem::size_of::<EventSourcing>()
            + self.store.weight()
            + self.truth.len() * (core::mem::size_of::<Account>() + core::mem::size_of::<LastLoad>() + 1)
            + self.commands.weight()
            + self.workers.iter().flatten().map(Worker::weight).sum::<usize>()
            + self.loads.weight()
            + self.marks.len() * core::mem::size_of::<Mark>()
            + self.trail.len() * 16
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Poll { .. })
    }
}
