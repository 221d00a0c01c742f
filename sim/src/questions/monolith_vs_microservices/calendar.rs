//! What happens by the calendar: changes and their pipelines, outages, leaks, what is carried where, and the bill of
//! each hour.

use super::{Ev, Leak, OWN, Product, REPLICAS_MAX, code, meter};
use crate::blocks::autoscaler::{self, Seen, desired};
use crate::blocks::delivery::{Change, Done, Flaw, Verdict, output};
use crate::declare::Tone;
use crate::kernel::{Ctx, Line, Us};

/// A process whose memory is full is killed, and back after so many hours.
const RESTART_HOURS: f64 = 1.0 / 3.0;

/// What the autoscaler's two averages look back on, in microseconds of traffic.
const FAST: f64 = 1e6;
const SLOW: f64 = 8e6;

/// Why a deployable is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    Not,
    /// By itself, as its availability says.
    Outage,
    BadRelease,
    OutOfMemory,
}

impl Product {
    /// Changes a day that all teams together finish.
    pub(super) fn changes_per_day(&self) -> f64 {
        let s = &self.s;
        let team = |t| output(s.team_size(t) as f64, s.contention, s.crosstalk);
        (0..s.teams).map(team).sum::<f64>() * s.changes
    }

    pub(super) fn set_work_rate(&mut self, ctx: &mut Ctx<Ev>) {
        let rate = self.changes_per_day() / self.s.day().as_s();
        self.work.set_rate(ctx.now, rate);
        self.schedule_change(ctx);
    }

    /// The share of changes that touch two modules now: with good or bad boundaries, and with what the mud adds.
    pub(super) fn coupled(&self) -> f64 {
        (self.coupling + self.eroded).min(1.0)
    }

    /// The second module of a change: a neighbour, or one of another team's.
    fn second(&self, first: u8, far: bool, bits: u64) -> u8 {
        let all = self.s.modules as u8;
        if all < 2 {
            return first;
        }
        let next = |step: u64| ((u64::from(first) + step) % u64::from(all)) as u8;
        if !far {
            return next(if bits & 1 == 0 { 1 } else { u64::from(all) - 1 });
        }
        let team = self.s.owner(first);
        let others = (0..all).filter(|m| self.s.owner(*m) != team).count() as u64;
        if others == 0 {
            return next(1 + bits % (u64::from(all) - 1));
        }
        let which = (bits % others) as usize;
        (0..all).filter(|m| self.s.owner(*m) != team).nth(which).unwrap_or(first)
    }

    /// A developer has finished a change.
    pub(super) fn change(&mut self, ctx: &mut Ctx<Ev>) {
        let index = self.work.arrive(ctx.now);
        self.schedule_change(ctx);
        let k = index * 4 + 1;
        let first = self.touched.below_at(k, self.s.modules as u64) as u8;
        let two = self.touched.unit_at(k + 1);
        let far = self.far || two >= self.coupling;
        let second = if two < self.coupled() { self.second(first, far, self.touched.at(k + 2)) } else { first };
        let flaw = |leg: u64| {
            let flawed = self.flaws.unit_at(k + leg) < self.s.flawed;
            let slips = self.flaws.unit_at(k + 2 + leg) < self.s.slips;
            match (flawed, slips) {
                (false, _) => Flaw::None,
                (true, false) => Flaw::Caught,
                (true, true) => Flaw::Slips,
            }
        };
        let change = Change { id: index as u32, parts: [first, second], flaws: [flaw(0), flaw(1)] };
        self.merge(change, ctx);
    }

    /// A change to this module that no test finds anything wrong with.
    pub(super) fn bad_change(&mut self, module: u8, ctx: &mut Ctx<Ev>) {
        let change = Change { id: u32::MAX, parts: [module; 2], flaws: [Flaw::Slips; 2] };
        ctx.log(Tone::Fault, code::BAD, Line::NO_REQUEST, module.into(), 0);
        self.merge(change, ctx);
    }

    fn merge(&mut self, change: Change, ctx: &mut Ctx<Ev>) {
        let [first, second] = change.parts;
        let two = self.delivery.crosses(&change) && self.s.owner(first) != self.s.owner(second);
        let rules = self.s.rules;
        self.counts.changes += 1;
        if !self.delivery.merge(ctx.now, change, two, &rules) {
            ctx.bad();
            return;
        }
        self.counts.two += u64::from(two);
        self.meters.turn(ctx.now);
        self.meters.add(meter::MERGED, 1);
        self.meters.add(meter::TWO, u32::from(two));
        let second = self.seconds.at(ctx.now);
        second.merged += 1;
        second.two += u16::from(two);
        self.settle(ctx);
    }

    pub(super) fn change_done(&mut self, done: Done, ctx: &mut Ctx<Ev>) {
        ctx.mix(u64::from(done.change.id) << 2 | done.verdict as u64);
        let lead = self.s.as_hours(done.lead);
        let waited = self.s.as_hours(done.waited) * 60.0;
        let second = self.seconds.at(ctx.now);
        second.waited_min += waited as f32;
        self.meters.turn(ctx.now);
        self.meters.add(meter::DECIDED, 1);
        if done.verdict == Verdict::Released {
            second.released += 1;
            second.lead_h += lead as f32;
            self.meters.add(meter::RELEASED, 1);
            self.meters.add(meter::LEAD, (lead * 60.0 + 0.5) as u32);
            return;
        }
        second.back += 1;
        if done.verdict == Verdict::RolledBack {
            self.counts.bad_releases += 1;
            let part = done.change.parts[usize::from(done.releases) - 1];
            ctx.log(Tone::Fault, code::BROKE, Line::NO_REQUEST, part.into(), done.lane.into());
            ctx.bad();
            self.take_down(done.lane, self.s.restore, Down::BadRelease, ctx);
        }
    }

    /// When this deployable goes down by itself the next time: exponential, so that it is up for the share of time that
    /// its availability says.
    pub(super) fn plan_outage(&mut self, lane: u8, ctx: &mut Ctx<Ev>) {
        let d = &mut self.lanes[usize::from(lane)];
        d.life = d.life.wrapping_add(1);
        let life = d.life;
        let down = 1.0 - self.s.availability;
        let up = Us::from_us(self.s.restore.0 as f64 * self.s.availability / down.max(1e-9));
        let at = ctx.now.max(d.down_until) + self.outages[usize::from(lane)].exp(up);
        // Whoever is down comes back first.
        if d.down_until > ctx.now {
            ctx.at(d.down_until, Ev::Back { lane, life });
        }
        ctx.at(at, Ev::Outage { lane, life });
    }

    pub(super) fn outage(&mut self, lane: u8, ctx: &mut Ctx<Ev>) {
        let lasts = self.outages[usize::from(lane)].exp(self.s.restore);
        self.counts.outages += 1;
        self.take_down(lane, lasts, Down::Outage, ctx);
    }

    fn take_down(&mut self, lane: u8, lasts: Us, why: Down, ctx: &mut Ctx<Ev>) {
        if !self.is_alive(lane) {
            return;
        }
        let d = &mut self.lanes[usize::from(lane)];
        d.down_until = d.down_until.max(ctx.now + lasts);
        d.down = why;
        ctx.mix(u64::from(lane) << 2 | why as u64);
        let down = (0..self.s.modules as u8).filter(|m| !self.is_up(self.home(*m), ctx.now)).count() as u64;
        self.counts.down_max = self.counts.down_max.max(down);
        self.plan_outage(lane, ctx);
    }

    pub(super) fn spring_leak(&mut self, module: u8, every: Us, ctx: &mut Ctx<Ev>) {
        self.leaks = self.leaks.wrapping_add(1);
        self.leak = Some(Leak { module, since: ctx.now, every });
        ctx.log(Tone::Fault, code::LEAK, Line::NO_REQUEST, module.into(), 0);
        ctx.after(every, Ev::Full(self.leaks));
    }

    /// The process that leaks is killed, with all modules in it.
    pub(super) fn out_of_memory(&mut self, ctx: &mut Ctx<Ev>) {
        let Some(leak) = &mut self.leak else { return };
        let back = self.s.hours(RESTART_HOURS);
        leak.since = ctx.now + back;
        let (module, every) = (leak.module, leak.every);
        let lane = self.home(module);
        self.counts.out_of_memory += 1;
        ctx.bad();
        let gone = self.inside(lane).count() as i64;
        ctx.log(Tone::Fault, code::KILLED, Line::NO_REQUEST, lane.into(), gone);
        self.take_down(lane, back, Down::OutOfMemory, ctx);
        ctx.after(back + every, Ev::Full(self.leaks));
    }

    pub(super) fn mend(&mut self, ctx: &mut Ctx<Ev>) {
        self.leak = None;
        self.leaks = self.leaks.wrapping_add(1);
        self.modules.iter_mut().for_each(|m| (m.slow, m.hot) = (1.0, 1.0));
        self.set_hot_rate(ctx);
        for lane in 0..self.lanes.len() as u8 {
            if self.delivery.red_until(usize::from(lane), ctx.now).is_some() {
                self.delivery.stop(ctx.now, lane, ctx.now);
            }
        }
        self.settle(ctx);
        ctx.log(Tone::Ok, code::MENDED, Line::NO_REQUEST, 0, 0);
    }

    /// A module is deployed elsewhere from now on.
    pub(super) fn carry(&mut self, module: u8, to: u8, ctx: &mut Ctx<Ev>) {
        let from = self.home(module);
        let alone = self.inside(from).count() == 1;
        let free = (0..self.lanes.len() as u8).find(|lane| !self.is_alive(*lane));
        let is_there = usize::from(to) < self.lanes.len() && self.is_alive(to);
        let to = if to == OWN || !is_there { free.filter(|_| !alone).unwrap_or(from) } else { to };
        if to != from {
            self.place(module, to, ctx);
            self.counts.moves += 1;
            ctx.log(Tone::Info, code::CARRIED, Line::NO_REQUEST, module.into(), to.into());
        }
        self.after_moving(ctx);
    }

    fn place(&mut self, module: u8, to: u8, ctx: &mut Ctx<Ev>) {
        let from = self.home(module);
        let is_new = !self.is_alive(to);
        let rules = self.s.rules;
        self.delivery.carry(ctx.now, module, to, &rules);
        if is_new {
            self.plan_outage(to, ctx);
        }
        if !self.is_alive(from) {
            // Nobody is there to go down; what is inside still ends.
            let d = &mut self.lanes[usize::from(from)];
            (d.life, d.down, d.down_until) = (d.life.wrapping_add(1), Down::Not, Us::ZERO);
        }
    }

    fn after_moving(&mut self, ctx: &mut Ctx<Ev>) {
        self.scale();
        for lane in 0..self.lanes.len() as u8 {
            self.kick(lane, ctx);
        }
        self.settle(ctx);
    }

    pub(super) fn split(&mut self, ctx: &mut Ctx<Ev>) {
        for module in 0..self.s.modules as u8 {
            let from = self.home(module);
            let free = (0..self.lanes.len() as u8).find(|lane| !self.is_alive(*lane));
            if let Some(to) = free.filter(|_| self.inside(from).count() > 1) {
                self.place(module, to, ctx);
                self.counts.moves += 1;
            }
        }
        ctx.log(Tone::Info, code::SPLIT, Line::NO_REQUEST, self.s.modules as i64, 0);
        self.after_moving(ctx);
    }

    pub(super) fn merge_all(&mut self, ctx: &mut Ctx<Ev>) {
        let to = self.home(0);
        for module in 1..self.s.modules as u8 {
            if self.home(module) != to {
                self.place(module, to, ctx);
                self.counts.moves += 1;
            }
        }
        ctx.log(Tone::Info, code::MERGED, Line::NO_REQUEST, self.s.modules as i64, 0);
        self.after_moving(ctx);
    }

    /// What a deployable is asked for, in cores.
    pub(super) fn asked(&self, lane: u8) -> f64 {
        self.inside(lane).map(|m| self.modules[usize::from(m)].load).sum()
    }

    /// Replicas for the load: those that the autoscaler arrives at within an hour of the calendar.
    pub(super) fn scale(&mut self) {
        let rules = autoscaler::Rules {
            target: self.s.utilisation,
            full: 1.0,
            tolerance: 0.1,
            replicas_min: self.s.replicas_min,
            replicas_max: REPLICAS_MAX,
        };
        for lane in 0..self.lanes.len() as u8 {
            let asked = self.asked(lane);
            let alive = self.is_alive(lane);
            let d = &mut self.lanes[usize::from(lane)];
            let now = d.replicas.max(1);
            let seen = Seen { ready: now, sum: asked, unready: 0, missing: 0 };
            let wanted = desired(now, &seen, &rules).max(rules.replicas_min).min(rules.replicas_max);
            // What is left in a deployable without modules still has to end.
            d.replicas = if alive { wanted } else { d.busy.max(1) };
        }
    }

    pub(super) fn memory_of(&self, lane: u8) -> f64 {
        let (base, module) = self.s.memory;
        let each = base + module * self.inside(lane).count() as f64;
        each * f64::from(self.lanes[usize::from(lane)].replicas)
    }
    pub(super) fn memory(&self) -> f64 {
        self.alive().map(|lane| self.memory_of(lane)).sum()
    }
    pub(super) fn replicas(&self) -> u32 {
        self.alive().map(|lane| self.lanes[usize::from(lane)].replicas).sum()
    }
    /// Hours that teams talk, a month, at the pace of the last days.
    pub(super) fn talk_hours(&self, now: Us) -> f64 {
        let two = self.meters.count(meter::TWO, now) as f64;
        let window = (self.s.day() * super::WINDOW_DAYS).min(now);
        let days = self.s.as_hours(window) / self.s.workday;
        let talk = self.s.as_hours(self.s.rules.talk);
        if days > 0.0 { two / days * super::MONTH * talk } else { 0.0 }
    }

    /// What a month costs at this moment, by part, in dollars: machines, upkeep, talk.
    pub(super) fn cost(&self, now: Us) -> [f64; 3] {
        let s = &self.s;
        let machines = f64::from(self.replicas()) * s.core_price + self.memory() * s.memory_price;
        let upkeep = self.alive().count() as f64 * s.on_call * s.hour_price;
        [machines, upkeep, self.talk_hours(now) * s.hour_price]
    }

    /// An hour is over: the bill, the autoscaler, and the erosion of walls that nothing holds up.
    pub(super) fn hour(&mut self, ctx: &mut Ctx<Ev>) {
        let span = self.s.hour.0 as f64;
        // A slow average, so that replicas stand still; a fast one that has left it behind takes its place. Both are of
        // traffic, so a short hour says less.
        let (fast, slow) = ((span / FAST).min(1.0), (span / SLOW).min(1.0));
        for m in &mut self.modules {
            let asked = m.asked.0 as f64 / span;
            m.asked = Us::ZERO;
            m.lately += fast * (asked - m.lately);
            m.load += slow * (asked - m.load);
            if m.lately > 2.0 * m.load {
                m.load = m.lately;
            }
        }
        self.scale();
        (0..self.lanes.len() as u8).for_each(|lane| self.kick(lane, ctx));
        let month = super::MONTH * self.s.workday;
        let parts = self.cost(ctx.now).map(|part| (part / month * 1e6 + 0.5) as u64);
        for (sum, part) in self.counts.bill.iter_mut().zip(parts) {
            *sum += part;
        }
        self.counts.billed += parts.iter().sum::<u64>();
        ctx.mix(self.counts.billed);
        ctx.mix(self.eroded.to_bits());
        self.counts.hours += 1;
        self.counts.waiting_max = self.counts.waiting_max.max(self.delivery.under_way());
        self.counts.memory_max = self.counts.memory_max.max(self.memory());
        // The network is a wall as well: there is nothing to erode where each module has its own deployable.
        if self.s.layout == super::Layout::Mud && self.alive().count() < self.s.modules {
            self.eroded = (self.eroded + self.s.erosion / self.s.workday).min(1.0 - self.coupling.min(1.0));
        }
        ctx.after(self.s.hour, Ev::Hour);
    }
}
