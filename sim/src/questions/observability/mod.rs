//! What to measure: a shop that runs, and what metrics, logs, traces and alerts make of it.
//!
//! ```text
//!   users --> balancer --> web --> catalog | cart | checkout --> payment --> database
//!     |          |          |
//!     client   balancer   handler: where it is measured --> histograms --scrape--> dashboard, alert rules --> page
//!                           \--> spans --> head or tail sampling --> traces     (exemplars point to them)
//!                            \-> lines --> log store                            (the trace id leads there)
//! ```
//!
//! The simulator knows every request: that is the truth. Beside it stands what is reported of it. Scrapes and alert
//! rules may run on a faster clock than the shop (knob `clock`), since their windows are hours and a run is minutes.

mod declare;
mod look;
mod shop;
mod telemetry;
mod words;

pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{ExemplarView, Use};
pub use shop::{DATABASE, End, Kind, SERVICES, STATIONS, station_name};
pub use telemetry::{Alert, Opened, Record, Trace as TraceState};
pub use words::hex;

use crate::blocks::load::Load;
use crate::blocks::load_tester::Tester;
use crate::blocks::metrics::{Bounds, Prices};
use crate::blocks::tracer::TailRules;
use crate::declare::{Knobs, Tone};
use crate::deque::Deque;
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us};
use crate::look::Samples;
use crate::measure::series::Rate;
use crate::slab::Slab;
use shop::{Request, Station};
use telemetry::Telemetry;
use words::code;

/// The dashboard looks back over so many scrapes.
pub const RANGE: usize = 8;
/// How often what has no event of its own is looked after.
const TICK: Us = Us::ms(100);
/// The load test lasts so long.
pub const TEST_LASTS: Us = Us::s(100);
/// The large customer, and its share of the requests.
pub const CUSTOMER: u32 = 7;
const CUSTOMER_SHARE: f64 = 0.005;
/// Numbers of requests that are not on the tape.
const TEST_IDS: u32 = 0x8000_0000;
const GIVEN_IDS: u32 = 0xc000_0000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    /// The next request of the tape.
    Arrive(u16),
    /// The load tester's next request may be due.
    Test,
    /// A worker has done its part of a request.
    Done {
        station: u8,
        worker: u8,
        life: u16,
    },
    /// Given requests have taken their time.
    Given {
        count: u32,
        us: u32,
        on: u8,
    },
    Scrape,
    Tick,
    /// What stood still goes on.
    Thaw,
    Restart {
        station: u8,
        life: u16,
    },
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        match *self {
            Ev::Arrive(generation) => 1 | u64::from(generation) << 8,
            Ev::Test => 2,
            Ev::Done { station, worker, life } => {
                3 | u64::from(station) << 8 | u64::from(worker) << 16 | u64::from(life) << 24
            }
            Ev::Given { count, us, on } => 4 | u64::from(on) << 8 | u64::from(count) << 16 | u64::from(us) << 32,
            Ev::Scrape => 5,
            Ev::Tick => 6,
            Ev::Thaw => 7,
            Ev::Restart { station, life } => 8 | u64::from(station) << 8 | u64::from(life) << 16,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    Merged,
    Average,
    Weighted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    Server,
    Balancer,
    Client,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    Head,
    Tail,
    All,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    Burn,
    Share,
    Cpu,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logs {
    All,
    Sampled,
    Errors,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    Text,
    Json,
    Ids,
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    rate: f64,
    report: Report,
    point: Point,
    sampling: Sampling,
    user_label: bool,
    /// From one scrape to the next in the time of the run.
    scrape: Us,
    clock: u64,
    /// The share of requests that may fail.
    budget: f64,
    paging: Paging,
    short: bool,
    /// Share of the traces that chance keeps.
    share: f64,
    tail: TailRules,
    spans: f64,
    logs: Logs,
    log_share: f64,
    lines: Lines,
    /// Methods, routes, instances, statuses.
    labels: [u64; 4],
    users: u64,
    limit: u64,
    patience: Us,
    even: bool,
    prices: Prices,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        let clock = k.int(knob::CLOCK);
        let share = k.share(knob::HEAD);
        let slow = k.int(knob::SLOW);
        Settings {
            rate: k.get(knob::RATE),
            report: [Report::Merged, Report::Average, Report::Weighted][k.choice(knob::REPORT)],
            point: [Point::Server, Point::Balancer, Point::Client][k.choice(knob::POINT)],
            sampling: [Sampling::Head, Sampling::Tail, Sampling::All, Sampling::None][k.choice(knob::SAMPLING)],
            user_label: k.on(knob::USER),
            scrape: Us::from_s(k.get(knob::SCRAPE) / clock as f64),
            clock,
            budget: 1.0 - k.share(knob::OBJECTIVE),
            paging: [Paging::Burn, Paging::Share, Paging::Cpu][k.choice(knob::PAGING)],
            short: k.on(knob::SHORT),
            share,
            tail: TailRules {
                wait: k.s(knob::WAIT),
                room: k.int(knob::ROOM) as u32,
                failed: true,
                slow: (slow > 0).then(|| Us::ms(slow)),
                rest: share,
            },
            spans: k.get(knob::SPANS),
            logs: [Logs::All, Logs::Sampled, Logs::Errors, Logs::None][k.choice(knob::LOGS)],
            log_share: k.share(knob::LOG_SHARE),
            lines: [Lines::Text, Lines::Json, Lines::Ids][k.choice(knob::LINES)],
            labels: [knob::METHODS, knob::ROUTES, knob::INSTANCES, knob::STATUSES].map(|label| k.int(label)),
            users: k.int(knob::USERS),
            limit: k.int(knob::LIMIT),
            patience: k.s(knob::PATIENCE),
            even: k.on(knob::EVEN),
            prices: Prices { series_1000: k.get(knob::PRICE), gigabyte: k.get(knob::PRICE_GB) },
        }
    }
}

fn bounds(k: &Knobs) -> Bounds {
    match k.choice(knob::BOUNDS) {
        0 => Bounds::client_default(),
        1 => Bounds::exponential(Us::ms(100), 10.0, 3),
        2 => Bounds::exponential(Us::ms(1), 2.0, 15),
        _ => Bounds::exponential(Us::ms(1), 1.1, 98),
    }
}

/// What each request is, from the tape; and where it goes.
#[derive(Clone, Copy, Debug)]
struct Chance {
    kind: Stream,
    user: Stream,
    large: Stream,
    fails: Stream,
    lost: Stream,
    spread: Stream,
    work: Stream,
    labels: Stream,
}

/// What is broken.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    pub errors: f64,
    pub customer: bool,
    /// Of the way between users and balancer.
    pub delay: Us,
    pub loss: f64,
    pub surge: f64,
    pub blind_until: Us,
}

impl Faults {
    const NONE: Faults =
        Faults { errors: 0.0, customer: false, delay: Us::ZERO, loss: 0.0, surge: 1.0, blind_until: Us::ZERO };
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    // Requests of users, given ones included.
    requests: u64,
    open: u64,
    good: u64,
    failed: u64,
    /// Their users left before the answer came.
    left: u64,
    lost: u64,
    crashes: u64,
    // Of what was counted: read by a scrape, gone with its counter.
    counted: u64,
    read: u64,
    unread_lost: u64,
    failed_scrapes: u64,
    // Traces.
    evicted: u64,
    failed_traces: u64,
    failed_kept: u64,
}

/// What the picture wants to know of a request besides its fate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Way {
    pub test: bool,
}

#[derive(Clone)]
pub struct Observability {
    s: Settings,
    chance: Chance,
    load: Load,
    faults: Faults,
    /// When what is broken was broken, and mended.
    trouble: Option<Us>,
    mended: Option<Us>,
    stations: Vec<Station>,
    requests: Slab<Request>,
    /// When the users of these leave, in that order: (when, slot, id).
    deadlines: Deque<(Us, u32, u32)>,
    tester: Option<Tester>,
    /// Requests given so far.
    given: u32,
    bounds: Bounds,
    told: Telemetry,
    over_limit: bool,
    /// The last answer to "which user?": (when, affected, in logs, in traces).
    answer: Option<(Us, [u64; 3])>,
    counts: Counts,
    answered: Rate,
    samples: Samples<Way>,
}

impl Observability {
    fn set_rate(&mut self, now: Us, ctx: &mut Ctx<Ev>) {
        let rate = self.s.rate * self.faults.surge;
        self.load.set_rate(now, rate);
        self.samples.pace(rate);
        self.schedule(ctx);
    }

    fn mend(&mut self, ctx: &mut Ctx<Ev>) {
        let blind_until = self.faults.blind_until.min(ctx.now);
        self.faults = Faults { blind_until, ..Faults::NONE };
        if self.trouble.is_some() && self.mended.is_none() {
            self.mended = Some(ctx.now);
        }
        ctx.log(Tone::Info, code::MENDED, Line::NO_REQUEST, 0, 0);
        self.set_rate(ctx.now, ctx);
        self.mend_stations(ctx);
    }

    fn who(&mut self, ctx: &mut Ctx<Ev>) {
        let known = [0, 1, 2].map(|i| self.told.affected[i].count());
        self.answer = Some((ctx.now, known));
        ctx.mix(known[0] << 40 ^ known[1] << 20 ^ known[2]);
        let rest = known[1] << 32 | known[2];
        ctx.log(Tone::Info, code::WHO, Line::NO_REQUEST, known[0] as i64, rest as i64);
    }

    /// What the reader breaks, with its line in the log. The numbers in the line are the arguments in thousandths.
    fn breaks(&mut self, act: usize, args: &[f64], ctx: &mut Ctx<Ev>) {
        self.trouble_begins(ctx.now);
        let thousandths = |i: usize| args.get(i).map_or(0, |a| (a * 1_000.0) as i64);
        let said = act != act::CRASH && act != act::FREEZE;
        if said {
            ctx.log(Tone::Fault, code::BROKEN + act as u8, Line::NO_REQUEST, thousandths(0), thousandths(1));
        }
        match act {
            act::ERRORS => self.faults.errors = args[0] / 100.0,
            act::DATABASE => self.stations[shop::STATIONS - 1].factor = args[0],
            act::BAD => self.stations[args[0] as usize].factor = args[1],
            act::CRASH => self.crash(args[0] as usize, ctx),
            act::FREEZE => self.freeze(Us::from_s(args[0]), ctx),
            act::CUSTOMER => self.faults.customer = true,
            act::NETWORK => (self.faults.delay, self.faults.loss) = (Us::from_ms(args[0]), args[1] / 100.0),
            act::SURGE => {
                self.faults.surge = args[0];
                self.set_rate(ctx.now, ctx);
            }
            _ => {}
        }
    }
}

impl Model for Observability {
    type Event = Ev;

    fn new(setup: &Setup) -> Observability {
        let s = Settings::read(setup.knobs);
        let tape = Tape::new(setup.seed);
        let mut samples = Samples::new(24.0, 640);
        samples.pace(s.rate);
        let stations = shop::SERVICES.iter().flat_map(|s| (0..s.count).map(|_| Station::new(s)));
        let interval = Us::from_s(1.0 / setup.knobs.get(knob::TEST_RATE));
        let tester = match setup.knobs.choice(knob::TESTER) {
            0 => None,
            which => Some(Tester::new(which == 1, interval, Us::ZERO, TEST_LASTS)),
        };
        Observability {
            load: if s.even { Load::even(tape, s.rate) } else { Load::new(tape, s.rate) },
            chance: Chance {
                kind: tape.purpose("kind"),
                user: tape.purpose("user"),
                large: tape.purpose("large"),
                fails: Stream::new(setup.seed, "release", "fails", 0),
                lost: Stream::new(setup.seed, "network", "lost", 0),
                spread: Stream::new(setup.seed, "balancer", "spread", 0),
                work: tape.purpose("work"),
                labels: tape.purpose("labels"),
            },
            faults: Faults::NONE,
            trouble: None,
            mended: None,
            stations: stations.collect(),
            requests: Slab::default(),
            deadlines: Deque::new(),
            tester,
            given: 0,
            bounds: bounds(setup.knobs),
            told: Telemetry::new(&s),
            over_limit: false,
            answer: None,
            counts: Counts::default(),
            answered: Rate::new(Us::s(1)),
            samples,
            s,
        }
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule(ctx);
        ctx.at(Us::ZERO, Ev::Tick);
        ctx.at(self.told.every, Ev::Scrape);
        if self.tester.is_some() {
            ctx.at(Us::ZERO, Ev::Test);
        }
    }

    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Arrive(generation) => self.arrive(generation, ctx),
            Ev::Test => self.test(ctx),
            Ev::Done { station, worker, life } => self.done(station, worker, life, ctx),
            Ev::Given { count, us, on } => self.given(count, us, on, ctx),
            Ev::Scrape => self.scrape(ctx),
            Ev::Tick => self.tick(ctx),
            Ev::Thaw => self.thaw(ctx),
            Ev::Restart { station, life } => self.restart(station as usize, life, ctx),
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        match act as usize {
            act::BLIND => {
                self.faults.blind_until = self.faults.blind_until.max(ctx.now + Us::from_s(args[0]));
                ctx.log(Tone::Fault, code::BLIND, Line::NO_REQUEST, (args[0] * 1e6) as i64, 0);
            }
            act::BOUND => {
                let bound = Us::ms(args[0] as u64);
                if self.bounds.toggle(bound) {
                    self.new_histogram();
                }
                ctx.log(Tone::Info, code::BOUND, Line::NO_REQUEST, args[0] as i64, self.bounds.all().len() as i64);
            }
            act::OPEN => self.open(args[0] as usize, ctx),
            act::WHO => self.who(ctx),
            act::GIVEN => self.give(args[0] as u32, Us::from_ms(args[1]).0 as u32, args[2] as u8 - 1, ctx),
            act::MEND => self.mend(ctx),
            act => self.breaks(act, args, ctx),
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        self.s = Settings::read(knobs);
        if which as usize == knob::RATE {
            self.set_rate(ctx.now, ctx);
        }
        ctx.log_knob(code::KNOB, which, knobs);
    }

    fn number(&self, which: u8, now: Us) -> Option<f64> {
        self.read_number(which as usize, now)
    }
    fn measure(&self, which: u8, args: &[f64], now: Us) -> Option<f64> {
        self.read_measure(which as usize, args, now)
    }
    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.totals()
    }
    fn invariants(&self, _now: Us) -> Result<(), String> {
        self.laws()
    }

    fn weight(&self) -> usize {
        size_of::<Observability>()
            + self.stations.iter().map(|s| size_of::<Station>() + s.weight()).sum::<usize>()
            + self.requests.weight()
            + self.deadlines.len() * 16
            + self.tester.as_ref().map_or(0, Tester::weight)
            + self.bounds.all().len() * 8
            + self.told.weight()
            + self.samples.weight()
    }

    fn tell(line: &Line) -> String {
        words::tell(line)
    }
    fn words(&self, now: Us) -> Vec<(String, String)> {
        self.in_words(now)
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Tick)
    }
}
