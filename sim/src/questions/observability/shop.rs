//! The shop: how a request goes from the balancer through the services and back.

use super::words::code;
use super::{Ev, Observability, Way};
use crate::blocks::server::{Job, Law, Line as Waiting, Offer, Rules, Workers};
use crate::declare::Tone;
use crate::kernel::{Ctx, Line, Us};
use crate::look::Fate;

/// A kind of machine: several instances with workers each.
pub struct Service {
    pub name: &'static str,
    /// Its first instance among the stations, and how many there are.
    pub first: u8,
    pub count: u8,
    workers: u8,
    mean: Us,
}

const fn service(name: &'static str, first: u8, count: u8, workers: u8, mean_ms: u64) -> Service {
    Service { name, first, count, workers, mean: Us::ms(mean_ms) }
}

/// Five services of ten instances, and the database with its connections.
pub static SERVICES: [Service; 6] = [
    service("web", 0, 4, 8, 1),
    service("catalog", 4, 2, 8, 6),
    service("cart", 6, 1, 8, 4),
    service("checkout", 7, 2, 8, 10),
    service("payment", 9, 1, 32, 40),
    service("database", 10, 1, 16, 8),
];
pub const WEB: usize = 0;
pub const DATABASE: u8 = 5;
pub const STATIONS: usize = 11;
/// The instances of `web`: what is measured is measured there.
pub const TARGETS: usize = 4;
/// A station turns away what would be more than this.
const WAITING_MAX: u32 = 2_000;
/// Who waits longer for a connection of the database gives up.
const CONNECTION_WAIT: Us = Us::s(1);
/// A crashed instance is back after this.
pub const RESTART: Us = Us::s(5);
/// What a request of the load tester takes.
const TEST_WORK: Us = Us::ms(1);
/// Stations on the way of a request, at most.
pub const STEPS: usize = 4;

/// What a request is for: its way through the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Browse,
    Cart,
    Checkout,
    /// From the load tester.
    Test,
    /// Takes what it was told to take.
    Given,
}

impl Kind {
    /// Of 100 requests 60 browse, 25 go to the cart and 15 to the checkout.
    pub(super) fn of(unit: f64) -> Kind {
        match unit {
            u if u < 0.6 => Kind::Browse,
            u if u < 0.85 => Kind::Cart,
            _ => Kind::Checkout,
        }
    }
    pub fn way(self) -> &'static [u8] {
        match self {
            Kind::Browse => &[0, 1, DATABASE],
            Kind::Cart => &[0, 2, DATABASE],
            Kind::Checkout => &[0, 3, 4, DATABASE],
            Kind::Test | Kind::Given => &[0],
        }
    }
    pub fn name(self) -> &'static str {
        ["GET /products", "GET /cart", "POST /checkout", "GET /ping", "GET /given"][self as usize]
    }
}

/// How a request ended inside the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Good,
    /// The release is bad, or this customer's data is.
    Bug,
    /// A queue had no room.
    Full,
    /// No connection of the database in time.
    NoConnection,
    /// No instance was up.
    NoInstance,
    /// The instance that held it died.
    Crashed,
}

impl End {
    pub const ALL: [End; 6] = [End::Good, End::Bug, End::Full, End::NoConnection, End::NoInstance, End::Crashed];
    pub fn words(self) -> &'static str {
        match self {
            End::Good => "200",
            End::Bug => "500 unexpected null",
            End::Full => "503 queue is full",
            End::NoConnection => "500 no connection within 1 s",
            End::NoInstance => "503 no instance is up",
            End::Crashed => "502 connection reset",
        }
    }
}

/// Where a request was, in µs since it came to the balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    pub station: u8,
    pub enter: u32,
    /// When a worker took it; `u32::MAX` while none has.
    pub begin: u32,
    /// When its own work was done.
    pub end: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub id: u32,
    pub user: u32,
    pub kind: Kind,
    /// Stations where its work is done, and stations it has come to.
    pub step: u8,
    pub hops: u8,
    /// Fails at the second station, without a query.
    doomed: bool,
    /// Its user still waits.
    pub(super) open: bool,
    /// When it came to the balancer.
    pub at: Us,
    pub marks: [Mark; STEPS],
}

impl Request {
    pub(super) fn new(id: u32, user: u32, kind: Kind, doomed: bool, at: Us) -> Request {
        Request { id, user, kind, step: 0, hops: 0, doomed, open: true, at, marks: [Mark::default(); STEPS] }
    }
    /// When its handler in `web` began, if it did.
    pub fn handled(&self) -> Option<Us> {
        (self.hops > 0 && self.marks[0].begin != u32::MAX).then(|| self.at + Us(self.marks[0].begin.into()))
    }
}

/// An instance, or the database.
#[derive(Clone, Debug)]
pub struct Station {
    pub(super) line: Waiting,
    pub(super) workers: Workers,
    pub up: bool,
    life: u16,
    /// How many times as long its work takes.
    pub factor: f64,
    /// It stands still: since when and until when.
    frozen: (Us, Us),
    /// Worker-microseconds up to the last scrape, and the share of the time busy before it.
    pub(super) worked: u64,
    pub(super) busy: f64,
    /// Requests that it could not serve, since the run began.
    pub errors: u32,
}

impl Station {
    pub(super) fn new(service: &Service) -> Station {
        Station {
            line: Waiting::default(),
            workers: Workers::new(service.workers),
            up: true,
            life: 0,
            factor: 1.0,
            frozen: (Us::ZERO, Us::ZERO),
            worked: 0,
            busy: 0.0,
            errors: 0,
        }
    }
    fn is_frozen(&self, now: Us) -> bool {
        now >= self.frozen.0 && now < self.frozen.1
    }
    pub(super) fn weight(&self) -> usize {
        self.line.weight() + self.workers.weight()
    }
}

/// The station's name: `web-1`, `database`.
pub fn station_name(station: usize) -> String {
    let s = service_of(station);
    if s.count == 1 && s.first == 10 { s.name.into() } else { format!("{}-{}", s.name, station - s.first as usize + 1) }
}

pub fn service_of(station: usize) -> &'static Service {
    let i = SERVICES.iter().rposition(|s| s.first as usize <= station).unwrap_or(0);
    &SERVICES[i]
}

fn rules(station: usize) -> Rules {
    let expire = (station == 10).then_some(CONNECTION_WAIT);
    Rules { bound: WAITING_MAX, expire, ..Rules::default() }
}

impl Observability {
    pub(super) fn schedule(&mut self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.load.due() {
            ctx.at(at, Ev::Arrive(self.load.generation as u16));
        }
    }

    /// The next request of the tape comes to the balancer.
    pub(super) fn arrive(&mut self, generation: u16, ctx: &mut Ctx<Ev>) {
        if generation != self.load.generation as u16 {
            return;
        }
        let i = self.load.arrive(ctx.now);
        self.schedule(ctx);
        self.patience_ends(ctx);
        let id = i as u32;
        let (user, kind) = (self.user_of(id), Kind::of(self.chance.kind.unit_at(i + 1)));
        let share = self.faults.errors;
        let fails = if self.s.even {
            // The n-th of every n: as even as the arrivals.
            ((i + 1) as f64 * share + 1e-9) as u64 > (i as f64 * share + 1e-9) as u64
        } else {
            self.chance.fails.unit_at(i + 1) < share
        };
        let doomed = fails || (self.faults.customer && user == super::CUSTOMER);
        self.counts.requests += 1;
        self.counts.open += 1;
        let what = Way::default();
        self.samples.begin(ctx.now, id, 1, what);
        ctx.step(Tone::Info, code::COMES, id, kind as i64, i64::from(user));
        if self.chance.lost.unit_at(i + 1) < self.faults.loss {
            return self.lost(id, user, ctx);
        }
        let slot = self.requests.insert(Request::new(id, user, kind, doomed, ctx.now));
        self.deadline(slot, id, ctx.now);
        self.hop(slot, ctx);
    }

    /// A large customer has a number of its own; all others are alike.
    pub(super) fn user_of(&self, id: u32) -> u32 {
        let i = u64::from(id) + 1;
        let large = self.chance.large.unit_at(i) < super::CUSTOMER_SHARE;
        if large { super::CUSTOMER } else { self.chance.user.below_at(i, self.s.users) as u32 }
    }

    /// The load tester sends its next request, if it is time.
    pub(super) fn test(&mut self, ctx: &mut Ctx<Ev>) {
        let Some(tester) = &mut self.tester else { return };
        match tester.due() {
            Some(at) if at <= ctx.now => {
                let id = super::TEST_IDS + tester.count();
                tester.sent(ctx.now);
                if let Some(at) = tester.due() {
                    ctx.at(at, Ev::Test);
                }
                self.samples.begin(ctx.now, id, 1, Way { test: true });
                let slot = self.requests.insert(Request::new(id, 0, Kind::Test, false, ctx.now));
                self.hop(slot, ctx);
            }
            Some(_) | None => {}
        }
    }

    /// To the next station on its way.
    fn hop(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let r = self.requests[slot as usize];
        let service = r.kind.way()[r.step as usize];
        let Some(station) = self.pick(service, &r) else {
            return self.finish(slot, End::NoInstance, ctx);
        };
        let enter = ctx.now.since(r.at).0 as u32;
        let mark = Mark { station: station as u8, enter, begin: u32::MAX, end: u32::MAX };
        let now_at = &mut self.requests[slot as usize];
        now_at.marks[r.step as usize] = mark;
        now_at.hops = r.step + 1;
        let st = &mut self.stations[station];
        match st.line.offer(ctx.now, Job::new(r.id, slot, 0, 0, ctx.now), &rules(station)) {
            Offer::Joined => self.feed(station, ctx),
            _ => {
                st.errors += 1;
                ctx.step(Tone::Rejected, code::FULL, r.id, station as i64, 0);
                self.finish(slot, End::Full, ctx);
            }
        }
    }

    /// One of the instances that are up, the same for the same request whatever the policies.
    fn pick(&self, service: u8, r: &Request) -> Option<usize> {
        let s = &SERVICES[service as usize];
        if r.kind == Kind::Test {
            return self.stations[WEB].up.then_some(WEB);
        }
        let all = s.first as usize..(s.first + s.count) as usize;
        let up = all.clone().filter(|i| self.stations[*i].up).count() as u64;
        if up == 0 {
            return None;
        }
        let which = self.chance.spread.below_at(u64::from(r.id) * STEPS as u64 + u64::from(r.step) + 1, up);
        all.filter(|i| self.stations[*i].up).nth(which as usize)
    }

    /// Idle workers take what waits.
    fn feed(&mut self, station: usize, ctx: &mut Ctx<Ev>) {
        let mut left = Vec::new();
        loop {
            let st = &mut self.stations[station];
            if !st.up || st.is_frozen(ctx.now) || st.workers.idle() == 0 {
                break;
            }
            let Some(job) = st.line.take(ctx.now, &rules(station), None, |job, _| left.push(job)) else { break };
            let Some(worker) = st.workers.begin(ctx.now, Some(job)) else { break };
            let (life, factor) = (st.life, st.factor);
            let r = &mut self.requests[job.slot as usize];
            let waited = ctx.now.since(job.at());
            r.marks[r.step as usize].begin = ctx.now.since(r.at).0 as u32;
            let r = *r;
            if r.step == 0 && r.kind != Kind::Test {
                self.trace_begins(r.id, ctx);
            }
            let bits = self.chance.work.at(u64::from(r.id) * STEPS as u64 + u64::from(r.step) + 1);
            let takes = match r.kind {
                Kind::Test => TEST_WORK,
                _ => Law::LogNormal.demand(bits, service_of(station).mean),
            };
            let takes = Us::from_us(takes.0 as f64 * factor);
            ctx.step(
                Tone::Flight,
                code::WORKS,
                r.id,
                station as i64,
                (waited.0 as i64) << 32 | takes.0.min(u64::from(u32::MAX)) as i64,
            );
            ctx.after(takes, Ev::Done { station: station as u8, worker, life });
        }
        for job in left {
            self.stations[station].errors += 1;
            self.finish(job.slot, End::NoConnection, ctx);
        }
    }

    /// A worker has done its own part; the request goes on, or its answer goes all the way back.
    pub(super) fn done(&mut self, station: u8, worker: u8, life: u16, ctx: &mut Ctx<Ev>) {
        let station = station as usize;
        let st = &mut self.stations[station];
        if life != st.life {
            return;
        }
        if st.is_frozen(ctx.now) {
            // It stands still in the middle of its work: what was left when it froze is still left then.
            let later = st.frozen.1 + ctx.now.since(st.frozen.0);
            return ctx.at(later, Ev::Done { station: station as u8, worker, life });
        }
        if let Some(job) = st.workers.end(ctx.now, worker) {
            let r = &mut self.requests[job.slot as usize];
            r.marks[r.step as usize].end = ctx.now.since(r.at).0 as u32;
            r.step += 1;
            if r.doomed && r.step == 2 {
                self.stations[station].errors += 1;
                self.finish(job.slot, End::Bug, ctx);
            } else if (r.step as usize) < r.kind.way().len() {
                self.hop(job.slot, ctx);
            } else {
                self.finish(job.slot, End::Good, ctx);
            }
        }
        self.feed(station, ctx);
    }

    /// The answer is at the balancer.
    fn finish(&mut self, slot: u32, end: End, ctx: &mut Ctx<Ev>) {
        self.patience_ends(ctx);
        let r = self.requests[slot as usize];
        self.requests[slot as usize].open = false;
        self.requests.release(slot);
        ctx.mix(u64::from(r.id) << 8 | end as u64);
        let took = ctx.now.since(r.at);
        let fate = if end == End::Good { Fate::Good } else { Fate::Failed };
        self.samples.end(ctx.now, r.id, 1, fate);
        let tone = if end == End::Good { Tone::Ok } else { Tone::Rejected };
        ctx.step(tone, code::ENDS, r.id, end as i64, took.0 as i64);
        if r.kind == Kind::Test {
            if let Some(tester) = &mut self.tester {
                tester.answered(ctx.now, took);
                if let Some(at) = tester.due().filter(|_| !tester.is_open()) {
                    ctx.at(at, Ev::Test);
                }
            }
            return;
        }
        if end != End::Good {
            ctx.bad();
        }
        self.observe(&r, end, ctx);
    }

    // What breaks.

    pub(super) fn crash(&mut self, station: usize, ctx: &mut Ctx<Ev>) {
        let st = &mut self.stations[station];
        if !st.up {
            return;
        }
        (st.up, st.life) = (false, st.life.wrapping_add(1));
        self.counts.crashes += 1;
        let mut lost = Vec::new();
        st.workers.clear(ctx.now, |job| lost.push(job));
        st.line.clear(|job| lost.push(job));
        ctx.log(Tone::Fault, code::CRASHED, Line::NO_REQUEST, station as i64, lost.len() as i64);
        if station < TARGETS {
            self.forget_counters(station);
        }
        for job in lost {
            self.finish(job.slot, End::Crashed, ctx);
        }
        let life = self.stations[station].life;
        ctx.after(RESTART, Ev::Restart { station: station as u8, life });
    }

    pub(super) fn restart(&mut self, station: usize, life: u16, ctx: &mut Ctx<Ev>) {
        let st = &mut self.stations[station];
        if life == st.life && !st.up {
            st.up = true;
            ctx.log(Tone::Info, code::BACK, Line::NO_REQUEST, station as i64, 0);
        }
    }

    pub(super) fn freeze(&mut self, lasts: Us, ctx: &mut Ctx<Ev>) {
        if self.stations[WEB].is_frozen(ctx.now) {
            return ctx.log(Tone::Fault, code::STILL, Line::NO_REQUEST, 0, 0);
        }
        for st in &mut self.stations[..TARGETS] {
            st.frozen = (ctx.now, ctx.now + lasts);
        }
        ctx.log(Tone::Fault, code::FROZEN, Line::NO_REQUEST, lasts.0 as i64, 0);
        ctx.after(lasts, Ev::Thaw);
    }

    pub(super) fn thaw(&mut self, ctx: &mut Ctx<Ev>) {
        for station in 0..TARGETS {
            self.feed(station, ctx);
        }
    }

    /// Factors back to 1, dead instances up. A pause ends by itself.
    pub(super) fn mend_stations(&mut self, ctx: &mut Ctx<Ev>) {
        for station in 0..STATIONS {
            let st = &mut self.stations[station];
            st.factor = 1.0;
            st.up = true;
            self.feed(station, ctx);
        }
    }
}
