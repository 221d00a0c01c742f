//! The nodes: what each knows by itself, what it tells the others, and what can happen to it.

use super::declare::{USERS_MAX, act, knob};
use super::told::code;
use super::{Crash, DistributedLimit, Event, Fallback, MAILS_MAX, Mode};
use crate::blocks::limit_store::{Command, Key};
use crate::blocks::limit_sync::{SharedBucket, Tally, share};
use crate::blocks::limiter::{Decision, Limiter, Policy};
use crate::declare::Tone;
use crate::kernel::{Ctx, Line, Us};

#[derive(Clone, Debug)]
pub struct Node {
    pub up: bool,
    generation: u32,
    pub paused_until: Us,
    /// It cannot reach the store.
    pub cut: bool,
    cut_generation: u32,
    /// What its clock shows beyond the true time, in microseconds.
    pub skew: i64,
    /// What it keeps when it counts alone, one for each user.
    alone: Vec<Limiter>,
    /// What it keeps in the exchange.
    pub tallies: Vec<Tally>,
    buckets: Vec<SharedBucket>,
    /// Requests it has decided.
    pub decided: u64,
}

impl Node {
    /// The reading of its clock.
    pub fn clock(&self, now: Us) -> i64 {
        now.0 as i64 + self.skew
    }

    pub fn weight(&self) -> usize {
        let heap: usize = self.alone.iter().map(Limiter::heap_bytes).sum();
        size_of::<Node>()
            + self.alone.len() * size_of::<Limiter>()
            + self.tallies.len() * size_of::<Tally>()
            + self.buckets.len() * size_of::<SharedBucket>()
            + heap
    }
}

/// A batch of counts under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Mail {
    from: u8,
    generation: u32,
    /// (user, window, how many).
    counts: Vec<(u8, i64, u64)>,
    /// Receivers that it has not reached yet; free at zero.
    left: u8,
}

impl Mail {
    pub(super) fn weight(&self) -> usize {
        size_of::<Mail>() + self.counts.len() * size_of::<(u8, i64, u64)>()
    }
}

impl DistributedLimit {
    fn fresh_node(&self, i: usize) -> Node {
        let users = USERS_MAX + 1;
        let skew = if i % 2 == 1 { (self.knobs.get(knob::SKEW) * 1e6) as i64 } else { 0 };
        let gateway = self.mode == Mode::Gateway;
        Node {
            up: true,
            generation: 0,
            paused_until: Us::ZERO,
            cut: false,
            cut_generation: 0,
            skew,
            alone: vec![Limiter::new(self.kept()); if self.mode.exchanges() { 0 } else { users }],
            tallies: vec![Tally::default(); users],
            buckets: vec![SharedBucket::default(); if gateway { users } else { 0 }],
            decided: 0,
        }
    }

    /// As many nodes as there should be. Those beyond get no more requests.
    pub(super) fn grow(&mut self) {
        for i in self.nodes.len()..self.k() {
            let node = self.fresh_node(i);
            self.nodes.push(node);
        }
    }

    /// What a node that counts alone may give: all of the limit, or its part of it.
    fn part(&self, policy: &Policy, node: u8, split: bool) -> Policy {
        if !split {
            return *policy;
        }
        let (k, i) = (self.k() as u64, u64::from(node));
        // Only buckets have a size to split.
        let burst = if self.has_bucket() { share(policy.burst, k, i) } else { policy.burst };
        Policy { limit: share(policy.limit, k, i), burst, ..*policy }
    }

    /// Whether a node that counts alone, by plan or for want of a store, has only its part.
    fn splits(&self) -> bool {
        self.mode == Mode::Split || (self.mode.asks() && self.fallback == Fallback::Split)
    }

    /// A node decides from its own memory. The flag says whether it found nothing there.
    pub(super) fn ask_alone(&mut self, node: u8, user: u8, split: bool, now: Us) -> (Decision, bool) {
        let part = self.part(&self.users[user as usize].policy, node, split);
        let n = &mut self.nodes[node as usize];
        let clock = n.clock(now);
        // A part can be nothing at all, and no limiter divides by it.
        if part.limit == 0 || part.burst == 0 {
            return (super::nothing_known(false), false);
        }
        let limiter = &mut n.alone[user as usize];
        let fresh = limiter.used(&part, clock) == 0.0;
        (limiter.ask(&part, clock, 1), fresh)
    }

    /// The modes without a store in the way of a request.
    pub(super) fn ask_node(&mut self, node: u8, user: u8, ctx: &mut Ctx<Event>) -> (Decision, bool) {
        self.last_line = Some((0, node));
        let policy = self.users[user as usize].policy;
        let n = &mut self.nodes[node as usize];
        let clock = n.clock(ctx.now);
        match self.mode {
            Mode::Async => {
                let tally = &mut n.tallies[user as usize];
                let said = tally.ask(&policy, clock);
                (said, said.admitted && tally.known() == 1)
            }
            Mode::Gateway => {
                let bucket = &mut n.buckets[user as usize];
                let fresh = bucket.used(&policy, clock) == 0.0;
                (bucket.ask(&policy, clock), fresh)
            }
            mode => self.ask_alone(node, user, mode == Mode::Split, ctx.now),
        }
    }

    /// What a node believes a user has used, where it believes anything by itself.
    pub fn believed(&self, node: usize, user: usize, now: Us) -> Option<f64> {
        let n = &self.nodes[node];
        let policy = &self.users[user].policy;
        match self.mode {
            Mode::Async => Some(n.tallies[user].known() as f64),
            Mode::Gateway => Some(n.buckets[user].used(policy, n.clock(now))),
            _ => {
                let split = self.splits();
                let part = self.part(policy, node as u8, split);
                let used = (part.limit > 0 && part.burst > 0).then(|| n.alone[user].used(&part, n.clock(now)))?;
                (!self.mode.asks() || used > 0.0).then_some(used)
            }
        }
    }

    /// What a node may give to a user by itself.
    pub fn own_limit(&self, node: usize, user: usize) -> u64 {
        let part = self.part(&self.users[user].policy, node as u8, self.splits());
        if self.has_bucket() { part.burst } else { part.limit }
    }

    // ------------------------------------------------------------------ the exchange

    /// Nodes take turns within the interval, so that they do not all talk at once.
    pub(super) fn start_exchanges(&self, from: usize, ctx: &mut Ctx<Event>) {
        if !self.mode.exchanges() {
            return;
        }
        let (k, every) = (self.k() as u64, self.exchange_every());
        for i in from..self.k() {
            let first = Us(every.0 * (i as u64 + 1) / k);
            ctx.after(first, Event::Exchange { node: i as u8, generation: self.nodes[i].generation });
        }
    }

    pub(super) fn exchange(&mut self, node: u8, generation: u32, ctx: &mut Ctx<Event>) {
        let n = &self.nodes[node as usize];
        if generation != n.generation || !n.up {
            return;
        }
        ctx.after(self.exchange_every(), Event::Exchange { node, generation });
        let gateway = self.mode == Mode::Gateway;
        let busy = n.paused_until > ctx.now || (n.cut && !gateway);
        let Some(place) = (!busy).then(|| self.mail_place()).flatten() else {
            return;
        };
        let n = &mut self.nodes[node as usize];
        let mut counts = Vec::new();
        for user in 0..=USERS_MAX {
            let told = if gateway { n.buckets[user].tell().map(|c| (0, c)) } else { n.tallies[user].tell() };
            if let Some((window, count)) = told {
                counts.push((user as u8, window, count));
            }
        }
        if counts.is_empty() {
            return;
        }
        ctx.mix(counts.iter().map(|c| c.2).sum::<u64>() << 8 | u64::from(node));
        self.mails[place as usize] = Mail { from: node, generation, counts, left: 1 };
        if gateway {
            // Inside the gateway nodes talk to each other: a round trip's worth of delay.
            self.post(place, self.one_way() * 2, ctx);
        } else {
            ctx.after(self.one_way(), Event::MailAtStore { mail: place });
        }
    }

    fn mail_place(&mut self) -> Option<u16> {
        if let Some(i) = self.mails.iter().position(|m| m.left == 0) {
            return Some(i as u16);
        }
        (self.mails.len() < MAILS_MAX).then(|| {
            self.mails.push(Mail::default());
            (self.mails.len() - 1) as u16
        })
    }

    /// To everybody but its sender.
    fn post(&mut self, place: u16, delay: Us, ctx: &mut Ctx<Event>) {
        let from = self.mails[place as usize].from;
        let to: Vec<u8> = (0..self.nodes.len() as u8).filter(|i| *i != from).collect();
        self.mails[place as usize].left = to.len() as u8;
        for node in to {
            ctx.after(delay, Event::MailAtNode { mail: place, node });
        }
    }

    /// The store adds up and tells everybody.
    pub(super) fn mail_at_store(&mut self, place: u16, ctx: &mut Ctx<Event>) {
        let mail = core::mem::take(&mut self.mails[place as usize]);
        if self.down_until.is_some() {
            let n = &mut self.nodes[mail.from as usize];
            if n.generation == mail.generation {
                for (user, window, count) in mail.counts {
                    n.tallies[user as usize].untell(window, count);
                }
            }
            return;
        }
        for (user, window, count) in &mail.counts {
            let key = Key { user: u32::from(*user), window: *window };
            self.store.execute(ctx.now, Command::Incr { key, by: *count });
            let keep = self.users[*user as usize].policy.window * 2;
            self.store.execute(ctx.now, Command::Expire { key, span: keep });
        }
        let work = Us(self.work().0 * mail.counts.len() as u64);
        self.busy_until = self.busy_until.max(ctx.now) + work;
        let delay = self.busy_until - ctx.now + self.one_way();
        self.mails[place as usize] = mail;
        self.post(place, delay, ctx);
    }

    pub(super) fn mail_at_node(&mut self, place: u16, node: u8, ctx: &mut Ctx<Event>) {
        let DistributedLimit { mails, nodes, users, mode, .. } = self;
        let (mail, n) = (&mut mails[place as usize], &mut nodes[node as usize]);
        mail.left -= 1;
        let gateway = *mode == Mode::Gateway;
        if n.up && (gateway || !n.cut) {
            let clock = n.clock(ctx.now);
            for (user, window, count) in &mail.counts {
                let user = *user as usize;
                if gateway {
                    n.buckets[user].hear(&users[user].policy, clock, *count);
                } else {
                    n.tallies[user].hear(*window, *count);
                }
            }
        }
        if mail.left == 0 {
            mail.counts = Vec::new();
        }
    }

    /// A node that was away reads the totals from the store.
    fn catch_up(&mut self, node: usize, now: Us) {
        if self.mode != Mode::Async || self.down_until.is_some() {
            return;
        }
        for user in 0..=USERS_MAX {
            let window = self.nodes[node].clock(now).div_euclid(self.users[user].policy.window.0 as i64);
            let total = self.store.peek(now, Key { user: user as u32, window }).map_or(0, |e| e.count());
            self.nodes[node].tallies[user].catch_up(window, total);
        }
    }

    // ------------------------------------------------------------------ what happens to nodes

    /// Whether the prepared crash happens to this request.
    pub(super) fn springs(&mut self, user: u8) -> bool {
        let hit = self.trap == Some(user);
        if hit {
            self.trap = None;
        }
        hit
    }

    /// The node dies between two lines of the code.
    pub(super) fn crash_at(&mut self, node: u8, line: u8, ctx: &mut Ctx<Event>) {
        self.crash = Some(Crash { at: ctx.now, node, line });
        // Lost units and lost counts: an atomic script stays exact all the same.
        let mode = i64::from(line) << 8 | self.mode as i64;
        ctx.log(Tone::Fault, code::CRASHED, Line::NO_REQUEST, i64::from(node), mode);
        self.stop(node as usize, ctx);
    }

    fn stop(&mut self, node: usize, ctx: &mut Ctx<Event>) {
        let fresh = self.fresh_node(node);
        let n = &mut self.nodes[node];
        let (generation, cut_generation) = (n.generation + 1, n.cut_generation);
        // Its memory is gone; its clock, its cable and its name are not.
        *n = Node { up: false, generation, cut: n.cut, cut_generation, skew: n.skew, decided: n.decided, ..fresh };
        for slot in 0..self.flights.len() as u16 {
            let f = self.flights[slot as usize];
            if f.used && !f.settled && f.node as usize == node {
                self.flights[slot as usize].settled = true;
                self.forget_if_settled(slot);
                self.lose(f.request, f.user, f.node, ctx);
            }
        }
        ctx.after(self.knobs.s(knob::RESTART), Event::NodeUp { node: node as u8, generation });
    }

    pub(super) fn node_up(&mut self, node: u8, generation: u32, ctx: &mut Ctx<Event>) {
        let n = &mut self.nodes[node as usize];
        if n.generation != generation || n.up {
            return;
        }
        n.up = true;
        ctx.log(Tone::Fault, code::NODE_UP, Line::NO_REQUEST, i64::from(node), 0);
        self.catch_up(node as usize, ctx.now);
        if self.mode.exchanges() {
            ctx.after(self.exchange_every(), Event::Exchange { node, generation });
        }
    }

    pub(super) fn mended(&mut self, node: u8, generation: u32, ctx: &mut Ctx<Event>) {
        let n = &mut self.nodes[node as usize];
        if n.cut_generation != generation {
            return;
        }
        n.cut = false;
        ctx.log(Tone::Fault, code::MENDED, Line::NO_REQUEST, i64::from(node), 0);
        self.catch_up(node as usize, ctx.now);
    }

    /// The faults that are about one node. One that does not exist cannot be hurt.
    pub(super) fn hurt(&mut self, which: usize, node: usize, arg: f64, ctx: &mut Ctx<Event>) {
        let mut log = |code, b| ctx.log(Tone::Fault, code, Line::NO_REQUEST, node as i64, b);
        if node >= self.nodes.len() || !self.nodes[node].up {
            log(code::NO_SUCH_NODE, 0);
            return;
        }
        match which {
            act::KILL => {
                log(code::KILLED, 0);
                self.stop(node, ctx);
            }
            act::PAUSE => {
                log(code::PAUSED, arg as i64);
                let until = ctx.now + Us::from_ms(arg);
                self.nodes[node].paused_until = until;
            }
            act::CUT => {
                log(code::CUT, arg as i64);
                let n = &mut self.nodes[node];
                n.cut = true;
                n.cut_generation += 1;
                let generation = n.cut_generation;
                ctx.after(Us::from_s(arg), Event::Mended { node: node as u8, generation });
            }
            _ => {
                log(code::SKEWED, arg as i64);
                self.nodes[node].skew += (arg * 1e6) as i64;
            }
        }
    }
}
