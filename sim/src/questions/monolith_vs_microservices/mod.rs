//! One deployable or many: the same modules, teams and traffic, cut in different ways.
//!
//! ```text
//!   pages --> [ Web | Catalog | Search ]==network==>[ Payment ]==network==>[ Stock | Shipping ]
//!             '---- a deployable: one process, one pipeline, its own replicas ----'
//!
//!   teams --change--> line --> ( pipeline ) --> deployable      one each
//! ```
//!
//! Two times meet on one clock. Requests live in true milliseconds. The calendar (changes, pipeline runs, outages, the
//! bill) runs faster: a working day of 8 hours passes in 8 seconds, 3,600 times as fast. So of each working hour one
//! second of traffic is simulated, request by request: a sample of one in 3,600. What belongs to both, such as an
//! outage, lasts its time of the calendar, and a request meets it with the probability that it would meet it with in
//! truth. To keep that so, a request that is inside a deployable when it goes down is not killed: in truth a moment of
//! 50 ms hardly ever falls on the edge of an outage of half an hour.

mod calendar;
mod declare;
mod look;
mod runtime;
mod words;

pub use calendar::Down;
pub use declare::{OWN, PICKED, QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{DeployableView, ModuleView, Segment, SegmentKind, module_name};
pub use runtime::{Trip, Why};

use crate::blocks::delivery::{Delivery, Rules, Step};
use crate::blocks::load::Load;
use crate::blocks::network::TwoPoint;
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us};
use crate::look::{Samples, Seconds};
use crate::measure::series::{Meters, Recent};
use crate::slab::Slab;
use declare::AS_SET;
use runtime::{Call, Page, Recording};
use words::code;

/// Modules, and so deployables, at most; one deployable more is there for a module that moves out.
pub const MODULES_MAX: usize = 50;
/// Working days of a month.
const MONTH: f64 = 20.0;
/// Hours of a year.
const YEAR: f64 = 8_760.0;
/// What the windows of the calendar's numbers cover.
const WINDOW_DAYS: u64 = 10;
const REPLICAS_MAX: u32 = 60;
/// Requests that may wait in a deployable; one more is refused.
const LINE_MAX: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    /// A page is asked for, and a call to the hot module.
    Arrive(u16),
    Hot(u16),
    /// A call comes to the deployable of the module at this place of the path.
    Reach {
        slot: u32,
        place: u8,
    },
    /// A worker is done with the module at this place.
    Worked {
        slot: u32,
        place: u8,
        lane: u8,
    },
    /// A developer has finished a change.
    Change(u16),
    Delivery(Step),
    /// A deployable goes down by itself; void if its life has moved on.
    Outage {
        lane: u8,
        life: u16,
    },
    Back {
        lane: u8,
        life: u16,
    },
    /// The memory of a leaking process is full.
    Full(u16),
    /// An hour of the calendar is over.
    Hour,
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        let at = |kind: u64, who: u64, more: u64| kind | who << 8 | more << 40;
        match *self {
            Ev::Arrive(g) => at(1, g.into(), 0),
            Ev::Hot(g) => at(2, g.into(), 0),
            Ev::Reach { slot, place } => at(3, slot.into(), place.into()),
            Ev::Worked { slot, place, lane } => at(4, slot.into(), u64::from(place) << 8 | u64::from(lane)),
            Ev::Change(g) => at(5, g.into(), 0),
            Ev::Delivery(Step::Talked(slot)) => at(6, slot.into(), 0),
            Ev::Delivery(Step::RunEnds { lane, life }) => at(7, life.into(), lane.into()),
            Ev::Delivery(Step::Mended { lane, life }) => at(8, life.into(), lane.into()),
            Ev::Outage { lane, life } => at(9, life.into(), lane.into()),
            Ev::Back { lane, life } => at(10, life.into(), lane.into()),
            Ev::Full(g) => at(11, g.into(), 0),
            Ev::Hour => 12,
        }
    }
}

/// The cut to start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Mud,
    Modular,
    Hybrid,
    Teams,
    Services,
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
struct Settings {
    layout: Layout,
    modules: usize,
    calls: usize,
    parallel: usize,
    optional: usize,
    availability: f64,
    restore: Us,
    rate: f64,
    work: Us,
    hop: TwoPoint,
    patience: Us,
    atomic: f64,
    developers: u64,
    teams: usize,
    changes: f64,
    contention: f64,
    crosstalk: f64,
    coupling: f64,
    flawed: f64,
    slips: f64,
    /// Points a day.
    erosion: f64,
    rules: Rules,
    hour: Us,
    workday: f64,
    replicas_min: u32,
    utilisation: f64,
    memory: (f64, f64),
    core_price: f64,
    memory_price: f64,
    on_call: f64,
    hour_price: f64,
    pick: u8,
    into: u8,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        let workday = k.get(knob::WORKDAY);
        let hour = Us::from_s(k.get(knob::DAY) / workday);
        let hours = |h: f64| Us::from_us(h * hour.0 as f64);
        let modules = k.int(knob::MODULES) as usize;
        let calls = (k.int(knob::CALLS) as usize).min(modules);
        let p50 = k.ms(knob::HOP_P50);
        Settings {
            layout: [Layout::Mud, Layout::Modular, Layout::Hybrid, Layout::Teams, Layout::Services]
                [k.choice(knob::LAYOUT)],
            modules,
            calls,
            // The first is called alone: it is the one that calls the others.
            parallel: (k.int(knob::PARALLEL) as usize).min(calls - 1),
            optional: (k.int(knob::OPTIONAL) as usize).min(modules - 1),
            availability: k.share(knob::AVAILABILITY),
            restore: hours(k.get(knob::RESTORE) / 60.0),
            rate: k.get(knob::RATE),
            work: k.ms(knob::WORK),
            hop: TwoPoint { p50, p99: k.ms(knob::HOP_P99).max(p50) },
            patience: k.ms(knob::PATIENCE),
            atomic: k.share(knob::ATOMIC),
            developers: k.int(knob::DEVELOPERS),
            teams: k.int(knob::TEAMS) as usize,
            changes: k.get(knob::CHANGES),
            contention: k.share(knob::CONTENTION),
            crosstalk: k.share(knob::CROSSTALK),
            coupling: k.share(knob::COUPLING),
            flawed: k.share(knob::FLAWED),
            slips: k.share(knob::SLIPS),
            erosion: k.share(knob::EROSION) / MONTH,
            rules: Rules {
                run: hours(k.get(knob::PIPELINE) / 60.0),
                batch: k.int(knob::BATCH) as u16,
                talk: hours(k.get(knob::TALK)),
            },
            hour,
            workday,
            replicas_min: k.int(knob::REPLICAS_MIN) as u32,
            utilisation: k.share(knob::UTILISATION),
            memory: (k.get(knob::MEMORY_BASE), k.get(knob::MEMORY_MODULE)),
            core_price: k.get(knob::CORE_PRICE),
            memory_price: k.get(knob::MEMORY_PRICE),
            on_call: k.get(knob::ON_CALL),
            hour_price: k.get(knob::HOUR_PRICE),
            pick: k.int(knob::PICK) as u8 - 1,
            into: k.int(knob::INTO) as u8,
        }
    }

    /// So many hours of the calendar, on the clock.
    fn hours(&self, h: f64) -> Us {
        Us::from_us(h * self.hour.0 as f64)
    }
    /// A span of the clock in hours of the calendar.
    fn as_hours(&self, span: Us) -> f64 {
        span.0 as f64 / self.hour.0 as f64
    }
    fn day(&self) -> Us {
        self.hours(self.workday)
    }
    /// The team that a module belongs to.
    fn owner(&self, module: u8) -> usize {
        usize::from(module) * self.teams / self.modules
    }
    /// People in a team.
    fn team_size(&self, team: usize) -> u64 {
        let (each, more) = (self.developers / self.teams as u64, self.developers % self.teams as u64);
        each + u64::from((team as u64) < more)
    }
    /// The share of pages that need a module.
    fn needed(&self, module: usize) -> f64 {
        match (module, self.modules) {
            (0, _) => 1.0,
            (_, all) => (self.calls - 1) as f64 / (all - 1) as f64,
        }
    }
    fn is_optional(&self, module: u8) -> bool {
        usize::from(module) >= self.modules - self.optional
    }

    /// The deployable of each module at the start.
    fn homes(&self) -> Vec<u8> {
        let home = |module: u8| match self.layout {
            Layout::Mud | Layout::Modular => 0,
            // Payment and Mail of the ten; the two that lie as far along in another number of modules.
            Layout::Hybrid => match usize::from(module) {
                i if i == self.modules * 6 / 10 && i > 0 => 1,
                i if i + 1 == self.modules && i > 1 => 2,
                _ => 0,
            },
            // With more teams than modules, some teams own nothing.
            Layout::Teams => (self.owner(module) as u8).min(module),
            Layout::Services => module,
        };
        (0..self.modules as u8).map(home).collect()
    }
}

#[derive(Clone, Copy, Debug)]
struct Module {
    /// Times its work, and its calls.
    slow: f64,
    hot: f64,
    /// Worker time begun in this hour; and in the hours before, in cores: lately and for longer.
    asked: Us,
    lately: f64,
    load: f64,
}

/// A deployable: a process in some replicas.
#[derive(Clone, Debug)]
struct Deployable {
    replicas: u32,
    busy: u32,
    line: Deque<Call>,
    life: u16,
    down_until: Us,
    down: Down,
}

#[derive(Clone, Copy, Debug)]
struct Leak {
    module: u8,
    since: Us,
    every: Us,
}

/// Totals of a second: pages by their arrival, changes by their end, merges by themselves.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    arrived: u16,
    good: u16,
    gaps: u16,
    slow_hops: u16,
    half: u16,
    merged: u16,
    two: u16,
    released: u16,
    back: u16,
    ms: f32,
    network_ms: f32,
    /// Of released changes, in hours; of all that ended, in minutes.
    lead_h: f32,
    waited_min: f32,
}

/// What the meters count, over the calendar's window.
mod meter {
    pub const ARRIVED: usize = 0;
    pub const GOOD: usize = 1;
    pub const GAPS: usize = 2;
    /// Sum of the time on the network of good pages, in µs/16.
    pub const NETWORK: usize = 3;
    pub const MERGED: usize = 4;
    pub const TWO: usize = 5;
    pub const RELEASED: usize = 6;
    /// Sum of the lead times, in minutes of the calendar.
    pub const LEAD: usize = 7;
    pub const DEPLOYED: usize = 8;
    pub const DECIDED: usize = 9;
    pub const COUNT: usize = 10;
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    pages: u64,
    good: u64,
    gaps: u64,
    down: u64,
    refused: u64,
    late: u64,
    open: u64,
    half: u64,
    hot_calls: u64,
    hot_done: u64,
    hot_lost: u64,
    hot_open: u64,
    changes: u64,
    two: u64,
    moves: u64,
    outages: u64,
    bad_releases: u64,
    out_of_memory: u64,
    /// Pages whose time was not the sum of its parts: must stay 0.
    off: u64,
    waiting_max: u64,
    down_max: u64,
    hours: u64,
    /// In millionths of a dollar, of all hours so far: machines, upkeep, talk; and all of it.
    bill: [u64; 3],
    billed: u64,
    memory_max: f64,
}

#[derive(Clone)]
pub struct Product {
    s: Settings,
    /// The path of a page, its demands, its network, and whether it changes two modules.
    paths: Stream,
    demands: Stream,
    hops: Stream,
    writes: Stream,
    /// What a change touches and what is wrong with it.
    touched: Stream,
    flaws: Stream,
    outages: Vec<Stream>,

    pages: Load,
    hot: Load,
    hot_module: u8,
    work: Load,
    requests: Slab<Page>,

    modules: Vec<Module>,
    lanes: Vec<Deployable>,
    delivery: Delivery,
    /// The boundary was wrong: a second module is one of another team's.
    far: bool,
    coupling: f64,
    eroded: f64,
    leak: Option<Leak>,
    leaks: u16,

    counts: Counts,
    meters: Meters<{ meter::COUNT }>,
    latency: Recent,
    seconds: Seconds<Second>,
    samples: Samples<Trip>,
    recording: Recording,
}

impl Product {
    /// The deployable that a module is in.
    fn home(&self, module: u8) -> u8 {
        self.delivery.home(module)
    }
    fn is_up(&self, lane: u8, now: Us) -> bool {
        self.lanes[usize::from(lane)].down_until <= now
    }
    /// The modules in a deployable.
    fn inside(&self, lane: u8) -> impl Iterator<Item = u8> + '_ {
        (0..self.s.modules as u8).filter(move |m| self.home(*m) == lane)
    }
    fn is_alive(&self, lane: u8) -> bool {
        self.inside(lane).next().is_some()
    }
    fn alive(&self) -> impl Iterator<Item = u8> + '_ {
        (0..self.lanes.len() as u8).filter(|lane| self.is_alive(*lane))
    }
    /// The module that an act is about.
    fn chosen(&self, what: f64) -> u8 {
        let what = what as u8;
        let what = if what == PICKED { self.s.pick } else { what };
        what.min(self.s.modules as u8 - 1)
    }

    fn schedule_page(&self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.pages.due() {
            ctx.at(at, Ev::Arrive(self.pages.generation as u16));
        }
    }
    fn schedule_hot(&self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.hot.due() {
            ctx.at(at, Ev::Hot(self.hot.generation as u16));
        }
    }
    fn schedule_change(&self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.work.due() {
            ctx.at(at, Ev::Change(self.work.generation as u16));
        }
    }
    fn set_hot_rate(&mut self, ctx: &mut Ctx<Ev>) {
        let module = usize::from(self.hot_module);
        let rate = (self.modules[module].hot - 1.0) * self.s.rate * self.s.needed(module);
        self.hot.set_rate(ctx.now, rate);
        self.schedule_hot(ctx);
    }
    /// What was scheduled by the pipelines, and what came out of them.
    fn settle(&mut self, ctx: &mut Ctx<Ev>) {
        let mut due = core::mem::take(&mut self.delivery.due);
        due.drain(..).for_each(|(at, step)| ctx.at(at, Ev::Delivery(step)));
        self.delivery.due = due;
        let mut done = core::mem::take(&mut self.delivery.done);
        done.drain(..).for_each(|done| self.change_done(done, ctx));
        self.delivery.done = done;
    }
}

impl Model for Product {
    type Event = Ev;

    fn new(setup: &Setup) -> Product {
        let s = Settings::read(setup.knobs);
        let tape = Tape::new(setup.seed);
        let lanes = MODULES_MAX.min(s.modules) + 1;
        let deployable = Deployable {
            replicas: s.replicas_min,
            busy: 0,
            line: Deque::new(),
            life: 0,
            down_until: Us::ZERO,
            down: Down::Not,
        };
        let mut samples = Samples::new(6.0, 96);
        samples.pace(s.rate);
        let module = |i: usize| {
            let load = s.rate * s.needed(i) * s.work.as_s();
            Module { slow: 1.0, hot: 1.0, asked: Us::ZERO, lately: load, load }
        };
        let mut product = Product {
            paths: tape.purpose("path"),
            demands: tape.purpose("service"),
            hops: tape.purpose("hop"),
            writes: tape.purpose("writes"),
            touched: tape.purpose("touched"),
            flaws: tape.purpose("flaw"),
            outages: (0..lanes as u64).map(|lane| Stream::new(setup.seed, "deployable", "outage", lane)).collect(),
            pages: Load::new(tape, s.rate),
            hot: Load::new(Tape::new(setup.seed ^ 0x5_0000), 0.0),
            hot_module: 0,
            work: Load::new(Tape::new(setup.seed ^ 0x9_0000), 0.0),
            requests: Slab::default(),
            modules: (0..s.modules).map(module).collect(),
            lanes: vec![deployable; lanes],
            delivery: Delivery::new(&s.homes(), lanes),
            far: false,
            coupling: s.coupling,
            eroded: 0.0,
            leak: None,
            leaks: 0,
            counts: Counts::default(),
            meters: Meters::new(s.day() * WINDOW_DAYS),
            latency: Recent::new(Us::s(40), 10),
            seconds: Seconds::new(3_600),
            samples,
            recording: Recording::default(),
            s,
        };
        product.scale();
        product
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule_page(ctx);
        self.set_work_rate(ctx);
        for lane in self.alive().collect::<Vec<_>>() {
            self.plan_outage(lane, ctx);
        }
        ctx.after(self.s.hour, Ev::Hour);
    }

    #[inline]
    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Arrive(g) if g == self.pages.generation as u16 => self.arrive(ctx),
            Ev::Hot(g) if g == self.hot.generation as u16 => self.arrive_hot(ctx),
            Ev::Change(g) if g == self.work.generation as u16 => self.change(ctx),
            Ev::Reach { slot, place } => self.reach(slot, place, ctx),
            Ev::Worked { slot, place, lane } => self.worked(slot, place, lane, ctx),
            Ev::Delivery(step) => {
                let rules = self.s.rules;
                let before = self.delivery.counts().deployments;
                self.delivery.on(ctx.now, step, &rules);
                self.meters.turn(ctx.now);
                self.meters.add(meter::DEPLOYED, (self.delivery.counts().deployments - before) as u32);
                self.settle(ctx);
            }
            Ev::Outage { lane, life } if life == self.lanes[usize::from(lane)].life => self.outage(lane, ctx),
            Ev::Back { lane, life } if life == self.lanes[usize::from(lane)].life => {
                self.lanes[usize::from(lane)].down = Down::Not;
            }
            Ev::Full(g) if g == self.leaks => self.out_of_memory(ctx),
            Ev::Hour => self.hour(ctx),
            Ev::Arrive(_) | Ev::Hot(_) | Ev::Change(_) | Ev::Outage { .. } | Ev::Back { .. } | Ev::Full(_) => {}
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        match act as usize {
            act::MOVE => {
                let module = self.chosen(args[0]);
                let to = match args[1] as u8 {
                    AS_SET if self.s.into == 0 => OWN,
                    AS_SET => self.s.into - 1,
                    to => to,
                };
                self.carry(module, to, ctx);
            }
            act::SPLIT => self.split(ctx),
            act::MERGE => self.merge_all(ctx),
            act::WRONG => {
                (self.far, self.coupling) = (true, args[0] / 100.0);
                ctx.log(Tone::Fault, code::WRONG, Line::NO_REQUEST, args[0] as i64, 0);
            }
            act::LEAK => self.spring_leak(self.chosen(args[0]), self.s.hours(args[1]), ctx),
            act::SLOW => {
                let module = self.chosen(args[0]);
                self.modules[usize::from(module)].slow = args[1];
                ctx.log(Tone::Fault, code::SLOW, Line::NO_REQUEST, module.into(), args[1] as i64);
            }
            act::HOT => {
                self.modules[usize::from(self.hot_module)].hot = 1.0;
                self.hot_module = self.chosen(args[0]);
                self.modules[usize::from(self.hot_module)].hot = args[1];
                self.set_hot_rate(ctx);
                ctx.log(Tone::Fault, code::HOT, Line::NO_REQUEST, self.hot_module.into(), args[1] as i64);
            }
            act::RED => {
                let lane = self.home(self.chosen(args[0]));
                self.delivery.stop(ctx.now, lane, ctx.now + self.s.hours(args[1]));
                ctx.log(Tone::Fault, code::RED, Line::NO_REQUEST, lane.into(), (args[1] * 10.0) as i64);
                self.settle(ctx);
            }
            act::BAD => self.bad_change(self.chosen(args[0]), ctx),
            act::MEND => self.mend(ctx),
            _ => {}
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        let before = self.s;
        self.s = Settings::read(knobs);
        match which as usize {
            knob::RATE => {
                self.pages.set_rate(ctx.now, self.s.rate);
                self.samples.pace(self.s.rate);
                self.schedule_page(ctx);
                self.set_hot_rate(ctx);
            }
            knob::COUPLING => (self.far, self.coupling) = (false, self.s.coupling),
            knob::AVAILABILITY => {
                for lane in self.alive().collect::<Vec<_>>() {
                    self.plan_outage(lane, ctx);
                }
            }
            _ => {}
        }
        let paces = |s: &Settings| (s.developers, s.teams, s.changes, s.contention, s.crosstalk);
        if paces(&before) != paces(&self.s) {
            self.set_work_rate(ctx);
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
        size_of::<Product>()
            + self.requests.weight()
            + self.modules.len() * size_of::<Module>()
            + self.outages.len() * size_of::<Stream>()
            + self.lanes.iter().map(|l| size_of::<Deployable>() + l.line.len() * size_of::<Call>()).sum::<usize>()
            + self.delivery.weight()
            + self.latency.weight()
            + self.seconds.weight()
            + self.samples.weight()
            + self.recording.weight()
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Hour)
    }
}
