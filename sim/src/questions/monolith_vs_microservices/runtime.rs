//! A request on its way through the modules: in one process, or over the network.
//!
//! ```text
//!   Web -> Catalog -> Search -> ...      one after the other: times add up
//!                        |-> a           the last few at once: the slowest counts
//!                        |-> b
//! ```
//!
//! A call from one module to the next costs a microsecond within a deployable and cannot fail alone. Between two
//! deployables it costs a network delay, and it fails if the other one is down. A worker is busy while it works, not
//! while it waits for an answer.

use super::look::{Segment, SegmentKind};
use super::{Ev, LINE_MAX, Product, code, meter};
use crate::blocks::server::Law;
use crate::declare::Tone;
use crate::kernel::{Ctx, Us};
use crate::look::Fate;

/// What a call within a process costs.
const IN_PROCESS: Us = Us(1);
/// How often a request is recorded for the picture, and how much of it.
const RECORD_EVERY: Us = Us::ms(900);
const SEGMENTS_MAX: usize = 160;

/// Why a page was not answered in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A deployable that it cannot do without was down.
    Down,
    /// Too many waited there.
    Full,
    Late,
}

/// A page on its way, as the picture draws it: which modules it needs, and how far it came.
#[derive(Clone, Copy, Debug)]
pub struct Trip {
    /// The second module on its path.
    pub from: u8,
    pub calls: u8,
    /// The place of the path at which it ended.
    pub reached: u8,
    /// When it was answered well: with how many gaps.
    pub gaps: u8,
}

/// A call in the line of a deployable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub slot: u32,
    pub place: u8,
    pub at: Us,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub id: u32,
    at: Us,
    /// The module it is for, if it is a call to the hot one.
    hot: Option<u8>,
    from: u8,
    /// The deployable that its sequential part is in; none before the first call.
    here: Option<u8>,
    /// When the calls that are open were made; how many they are: on their way, in a line or worked on.
    called: Us,
    open: u8,
    answered: bool,
    gaps: u8,
    slow_hop: bool,
    writes: bool,
    /// The deployable in which its first change is done.
    written: Option<u8>,
    /// Time on the critical path, and what of it was on the network. Then the longest of the calls made at once.
    path: Us,
    network: Us,
    longest: (Us, Us),
}

/// One page in full detail, for the ribbon: the one that is being recorded, and the last that was.
#[derive(Clone, Debug, Default)]
pub(super) struct Recording {
    slot: Option<u32>,
    next: Us,
    segments: Vec<Segment>,
    pub shown: Vec<Segment>,
    pub shown_id: u32,
}

impl Recording {
    pub fn weight(&self) -> usize {
        (self.segments.len() + self.shown.len()) * size_of::<Segment>()
    }
}

impl Product {
    /// The module at a place of a page's path. If a page needs fewer modules than there are, different pages need
    /// different ones: neighbours, beginning anywhere.
    fn module_at(&self, page: &Page, place: u8) -> u8 {
        page.hot.unwrap_or_else(|| self.nth(page.from, place))
    }
    pub(super) fn nth(&self, from: u8, place: u8) -> u8 {
        if place == 0 {
            return 0;
        }
        let others = self.s.modules as u32 - 1;
        (1 + (u32::from(from) + u32::from(place) - 2) % others) as u8
    }
    fn calls(&self, page: &Page) -> u8 {
        if page.hot.is_some() { 1 } else { self.s.calls as u8 }
    }
    /// The place of the first of the calls that are made at once.
    fn fan(&self, page: &Page) -> u8 {
        if page.hot.is_some() { 1 } else { (self.s.calls - self.s.parallel) as u8 }
    }

    pub(super) fn arrive(&mut self, ctx: &mut Ctx<Ev>) {
        let index = self.pages.arrive(ctx.now);
        self.schedule_page(ctx);
        let all = self.s.modules as u64;
        let whole = self.s.calls == self.s.modules;
        let from = if whole || all < 2 { 1 } else { 1 + self.paths.below_at(index + 1, all - 1) as u8 };
        let writes = self.writes.unit_at(index + 1) < self.s.atomic && self.s.calls > 2;
        let id = index as u32;
        let page = Page { writes, from, ..Page::new(id, ctx.now) };
        self.counts.pages += 1;
        self.counts.open += 1;
        self.seconds.at(ctx.now).arrived += 1;
        self.samples.begin(ctx.now, id, 0, Trip { from, calls: self.s.calls as u8, reached: 0, gaps: 0 });
        let slot = self.requests.insert(page);
        if self.recording.slot.is_none() && ctx.now >= self.recording.next {
            self.recording.slot = Some(slot);
            self.recording.segments.clear();
        }
        ctx.step(Tone::Info, code::ARRIVED, id, self.s.calls as i64, 0);
        self.call(slot, 0, ctx);
    }

    pub(super) fn arrive_hot(&mut self, ctx: &mut Ctx<Ev>) {
        // Far from the pages' numbers, so that their demands are others.
        let id = self.hot.arrive(ctx.now) as u32 | 1 << 30;
        self.schedule_hot(ctx);
        self.counts.hot_calls += 1;
        self.counts.hot_open += 1;
        let page = Page { hot: Some(self.hot_module), ..Page::new(id, ctx.now) };
        let slot = self.requests.insert(page);
        self.call(slot, 0, ctx);
    }

    /// What the call to this place costs on its way, and whether it is a network call.
    fn edge(&self, page: &Page, place: u8) -> (Us, bool) {
        let module = self.module_at(page, place);
        match page.here {
            // The way in is the same for every cut and is left out.
            None => (Us::ZERO, true),
            Some(here) if here == self.home(module) => (IN_PROCESS, false),
            Some(_) => (self.s.hop.draw(self.hops.at(u64::from(page.id) << 6 | u64::from(module))), true),
        }
    }

    fn call(&mut self, slot: u32, place: u8, ctx: &mut Ctx<Ev>) {
        let page = self.requests[slot as usize];
        let (takes, network) = self.edge(&page, place);
        let r = &mut self.requests[slot as usize];
        r.open += 1;
        r.called = ctx.now;
        r.slow_hop |= network && takes > self.s.hop.p99;
        if network && takes > Us::ZERO {
            let module = self.module_at(&page, place);
            ctx.step(Tone::Flight, code::HOP, page.id, module.into(), takes.0 as i64);
            self.record(slot, SegmentKind::Network, module, ctx.now, ctx.now + takes);
        }
        ctx.after(takes, Ev::Reach { slot, place });
    }

    pub(super) fn reach(&mut self, slot: u32, place: u8, ctx: &mut Ctx<Ev>) {
        let page = self.requests[slot as usize];
        let module = self.module_at(&page, place);
        let lane = self.home(module);
        if page.answered {
            self.close(slot);
            return;
        }
        // A call within the process finds it as it is.
        if page.here != Some(lane) && !self.is_up(lane, ctx.now) {
            self.missed(slot, place, Why::Down, ctx);
            return;
        }
        let d = &mut self.lanes[usize::from(lane)];
        if d.line.len() >= LINE_MAX {
            self.missed(slot, place, Why::Full, ctx);
            return;
        }
        d.line.push_back(Call { slot, place, at: ctx.now });
        self.kick(lane, ctx);
    }

    /// The call to this place came to nothing.
    fn missed(&mut self, slot: u32, place: u8, why: Why, ctx: &mut Ctx<Ev>) {
        let page = self.requests[slot as usize];
        let module = self.module_at(&page, place);
        ctx.step(Tone::Rejected, code::MISSED, page.id, module.into(), why as i64);
        ctx.mix(u64::from(page.id) << 8 | u64::from(module));
        if page.hot.is_none() && place > 0 && self.s.is_optional(module) {
            let fan = self.fan(&page);
            let edge = ctx.now.since(page.called);
            let r = &mut self.requests[slot as usize];
            r.gaps += 1;
            r.open -= 1;
            if place < fan {
                r.path += edge;
                r.network += edge;
                self.go_on(slot, place, ctx);
            } else {
                r.longest = r.longest.max((edge, edge));
                self.last_of_fan(slot, ctx);
            }
            return;
        }
        self.answer(slot, place, Err(why), ctx);
        self.close(slot);
    }

    /// Idle workers of a deployable take what waits.
    pub(super) fn kick(&mut self, lane: u8, ctx: &mut Ctx<Ev>) {
        loop {
            let d = &mut self.lanes[usize::from(lane)];
            if d.busy >= d.replicas {
                return;
            }
            let Some(call) = d.line.pop_front() else { return };
            if self.requests[call.slot as usize].answered {
                self.close(call.slot);
                continue;
            }
            self.begin(lane, call, ctx);
        }
    }

    /// A worker begins with a call. It goes on with the calls after it that stay in its process.
    fn begin(&mut self, lane: u8, call: Call, ctx: &mut Ctx<Ev>) {
        let page = self.requests[call.slot as usize];
        let fan = self.fan(&page);
        let waited = ctx.now.since(call.at);
        let edge = call.at.since(page.called);
        if waited > Us::ZERO {
            self.record(call.slot, SegmentKind::Wait, self.module_at(&page, call.place), call.at, ctx.now);
        }
        let (mut place, mut total) = (call.place, Us::ZERO);
        loop {
            let module = self.module_at(&page, place);
            let work = self.work_of(page.id, module);
            self.modules[usize::from(module)].asked += work;
            let from = ctx.now + total;
            self.record(call.slot, SegmentKind::Work, module, from, from + work);
            ctx.step(Tone::Info, code::WORK, page.id, module.into(), work.0 as i64);
            total += work;
            let next = place + 1;
            let same = next < fan && self.home(self.module_at(&page, next)) == lane;
            if !same {
                break;
            }
            place = next;
            total += IN_PROCESS;
        }
        let network = if edge > IN_PROCESS { edge } else { Us::ZERO };
        let r = &mut self.requests[call.slot as usize];
        if call.place < fan {
            r.path += edge + waited + total;
            r.network += network;
            r.here = Some(lane);
        } else {
            r.longest = r.longest.max((edge + waited + total, network));
        }
        self.lanes[usize::from(lane)].busy += 1;
        ctx.after(total, Ev::Worked { slot: call.slot, place, lane });
    }

    /// The same request is as heavy in every cut.
    fn work_of(&self, id: u32, module: u8) -> Us {
        let bits = self.demands.at(u64::from(id) << 6 | u64::from(module));
        let mean = Us::from_us(self.s.work.0 as f64 * self.modules[usize::from(module)].slow);
        Law::Exponential.demand(bits, mean)
    }

    pub(super) fn worked(&mut self, slot: u32, place: u8, lane: u8, ctx: &mut Ctx<Ev>) {
        self.lanes[usize::from(lane)].busy -= 1;
        self.kick(lane, ctx);
        let page = self.requests[slot as usize];
        let r = &mut self.requests[slot as usize];
        // The second module and the last one are those that a writing page changes.
        let (first, last) = (1, self.s.calls as u8 - 1);
        if page.writes && page.written.is_none() && place >= first && place < last {
            r.written = Some(lane);
        } else if page.writes && place == last {
            r.written = None;
            r.writes = false;
        }
        if page.answered {
            self.close(slot);
            return;
        }
        r.open -= 1;
        if place < self.fan(&page) {
            self.go_on(slot, place, ctx);
        } else {
            self.last_of_fan(slot, ctx);
        }
    }

    /// From this place of the sequential part to the next, or to all that are called at once.
    fn go_on(&mut self, slot: u32, place: u8, ctx: &mut Ctx<Ev>) {
        let page = self.requests[slot as usize];
        let (calls, fan, next) = (self.calls(&page), self.fan(&page), place + 1);
        if next >= calls {
            self.finish(slot, ctx);
        } else if next < fan {
            self.call(slot, next, ctx);
        } else {
            (next..calls).for_each(|place| self.call(slot, place, ctx));
        }
    }

    fn last_of_fan(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let r = &mut self.requests[slot as usize];
        if r.open == 0 {
            let (path, network) = core::mem::take(&mut r.longest);
            r.path += path;
            r.network += network;
            self.finish(slot, ctx);
        }
    }

    /// All that it needs is there.
    fn finish(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let page = self.requests[slot as usize];
        let took = ctx.now.since(page.at);
        self.counts.off += u64::from(took != page.path);
        let outcome = if took > self.s.patience { Err(Why::Late) } else { Ok(()) };
        let last = self.calls(&page) - 1;
        self.answer(slot, last, outcome, ctx);
        self.release(slot);
    }

    /// The caller hears something; what is still under way for it ends for nobody.
    fn answer(&mut self, slot: u32, place: u8, outcome: Result<(), Why>, ctx: &mut Ctx<Ev>) {
        let page = self.requests[slot as usize];
        if page.answered {
            return;
        }
        self.requests[slot as usize].answered = true;
        let took = ctx.now.since(page.at);
        let half = page.hot.is_none() && self.stays_half_done(&page);
        ctx.mix(u64::from(page.id) << 2 | u64::from(half) << 1 | u64::from(outcome.is_ok()));
        if page.hot.is_some() {
            self.counts.hot_open -= 1;
            let count = if outcome.is_ok() { &mut self.counts.hot_done } else { &mut self.counts.hot_lost };
            *count += 1;
            return;
        }
        self.counts.open -= 1;
        self.counts.half += u64::from(half);
        let second = self.seconds.at(page.at);
        second.half += u16::from(half);
        self.meters.turn(ctx.now);
        self.meters.add(meter::ARRIVED, 1);
        let fate = match outcome {
            Ok(()) => {
                self.counts.good += 1;
                second.good += 1;
                second.ms += took.as_ms() as f32;
                second.network_ms += page.network.as_ms() as f32;
                second.slow_hops += u16::from(page.slow_hop);
                self.meters.add(meter::GOOD, 1);
                self.meters.add(meter::NETWORK, (page.network.0 / 16) as u32);
                if page.gaps > 0 {
                    self.counts.gaps += 1;
                    second.gaps += 1;
                    self.meters.add(meter::GAPS, 1);
                }
                self.latency.add(ctx.now, took);
                ctx.step(Tone::Ok, code::ANSWERED, page.id, took.0 as i64, page.network.0 as i64);
                if page.gaps > 0 { Fate::Stale } else { Fate::Good }
            }
            Err(why) => {
                let count = match why {
                    Why::Down => &mut self.counts.down,
                    Why::Full => &mut self.counts.refused,
                    Why::Late => &mut self.counts.late,
                };
                *count += 1;
                ctx.bad();
                ctx.step(Tone::Rejected, code::FAILED, page.id, why as i64, i64::from(half));
                if why == Why::Late { Fate::Late } else { Fate::Failed }
            }
        };
        if let Some(s) = self.samples.find(page.id, 0) {
            (s.what.reached, s.what.gaps) = (place, page.gaps);
            s.close(ctx.now, fate);
        }
        // Only a whole page is shown.
        if self.recording.slot == Some(slot) && outcome.is_ok() {
            self.show(page.id, ctx.now);
        }
    }

    /// One module is changed, the other could not be, and they are in different deployables: no transaction holds both.
    fn stays_half_done(&self, page: &Page) -> bool {
        let last = self.module_at(page, self.calls(page) - 1);
        page.writes && page.written.is_some_and(|lane| lane != self.home(last))
    }

    /// One of the calls of an answered page is over.
    fn close(&mut self, slot: u32) {
        self.requests[slot as usize].open -= 1;
        self.release(slot);
    }

    fn release(&mut self, slot: u32) {
        if self.requests[slot as usize].open == 0 {
            self.requests.release(slot);
            if self.recording.slot == Some(slot) {
                self.recording.slot = None;
            }
        }
    }

    fn record(&mut self, slot: u32, kind: SegmentKind, module: u8, from: Us, to: Us) {
        let r = &mut self.recording;
        if r.slot == Some(slot) && r.segments.len() < SEGMENTS_MAX {
            r.segments.push(Segment { kind, module, from, to });
        }
    }

    fn show(&mut self, id: u32, now: Us) {
        let r = &mut self.recording;
        core::mem::swap(&mut r.shown, &mut r.segments);
        r.segments.clear();
        (r.slot, r.shown_id, r.next) = (None, id, now + RECORD_EVERY);
    }
}

impl Page {
    fn new(id: u32, at: Us) -> Page {
        Page {
            id,
            at,
            hot: None,
            from: 1,
            here: None,
            called: at,
            open: 0,
            answered: false,
            gaps: 0,
            slow_hop: false,
            writes: false,
            written: None,
            path: Us::ZERO,
            network: Us::ZERO,
            longest: (Us::ZERO, Us::ZERO),
        }
    }
}
