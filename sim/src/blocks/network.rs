//! Network link: a one-way path that delays messages and may lose, repeat or reorder them.
//!
//! ```text
//!   sender --> [queue at the bandwidth] --> [wire: delay, loss, duplicate, reorder] --> receiver
//!                                                 x cut
//! ```
//!
//! The link decides a message's fate when it is sent and says when each copy arrives; the model
//! schedules the arrivals. The kinds of misbehaviour are those of the *fair-lossy link* (Cachin,
//! Guerraoui and Rodrigues, *Reliable and Secure Distributed Programming*, 2011, section 2.4).
//! A message of b bytes on a free link of w bytes a second takes b/w + delay.
//!
//! Loss, delay, duplicate and reorder are separate streams read at the message's own index, so
//! moving the loss rate does not change how long the surviving messages take.
//!
//! A [`Fate`] is for pictures and logs. No part of a modelled system may look at it: a sender
//! that hears nothing cannot know whether its message, or the answer, was lost or is only late.
//!
//! Leaves out: congestion control and retransmission (a transport's business), losses that come
//! in bursts, corrupted messages.

use super::server::probit;
use crate::kernel::{Stream, Us, unit_exp};

/// How long the wire takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    Fixed(Us),
    /// Exponential with this mean: many fast, a few very late.
    Exp(Us),
}

impl Delay {
    pub fn mean(self) -> Us {
        match self {
            Delay::Fixed(us) | Delay::Exp(us) => us,
        }
    }
    /// The same distribution, `k` times as slow.
    pub fn times(self, k: f64) -> Delay {
        let scale = |us: Us| Us::from_us(us.0 as f64 * k);
        match self {
            Delay::Fixed(us) => Delay::Fixed(scale(us)),
            Delay::Exp(us) => Delay::Exp(scale(us)),
        }
    }
    fn draw(self, bits: u64) -> Us {
        match self {
            Delay::Fixed(us) => us,
            Delay::Exp(mean) => Us::from_us(unit_exp(bits) * mean.0 as f64),
        }
    }
}

/// A delay that is known by two of its percentiles, as dashboards show it: lognormal between and beyond them.
///
/// ```
/// use sim::Us;
/// use sim::blocks::network::TwoPoint;
///
/// let hop = TwoPoint { p50: Us::ms(1), p99: Us::ms(10) };
/// // The same bits are late under every spread: few leading bits set is a short delay.
/// assert_eq!(hop.draw(1 << 63), Us::ms(1));
/// assert!((hop.mean_ms() - 1.632).abs() < 0.001);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwoPoint {
    pub p50: Us,
    /// At least `p50`.
    pub p99: Us,
}

/// The standard normal quantile of 99 %.
const Z99: f64 = 2.326_347_874_040_841;

impl TwoPoint {
    /// Standard deviation of the logarithm.
    fn sigma(self) -> f64 {
        libm::log(self.p99.0.max(1) as f64 / self.p50.0.max(1) as f64) / Z99
    }
    /// The delay at the quantile that 64 fair bits spell, counted down from the top.
    pub fn draw(self, bits: u64) -> Us {
        let upper = ((bits >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0);
        Us::from_us(libm::exp(-probit(upper) * self.sigma()) * self.p50.0 as f64)
    }
    /// The median times e^(σ²/2).
    pub fn mean_ms(self) -> f64 {
        let sigma = self.sigma();
        self.p50.as_ms() * libm::exp(sigma * sigma / 2.0)
    }
}

/// How a link behaves. Everything here may change while the run goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wire {
    pub delay: Delay,
    /// Chance that a message vanishes.
    pub loss: f64,
    /// Chance that a message that survives arrives twice, the second time with its own delay.
    pub duplicate: f64,
    /// Chance that a message goes its own way and may overtake others. 0: first in, first out, as
    /// in one TCP connection. 1: each for itself, as datagrams.
    pub reorder: f64,
    /// Bytes a second; `None`: sending takes no time.
    pub bandwidth: Option<u64>,
    /// Most time a message may wait for the bandwidth; beyond it the queue is full and drops it.
    pub wait_max: Us,
}

impl Wire {
    /// A wire that only delays, each message on its own.
    pub const fn new(delay: Delay) -> Wire {
        Wire { delay, loss: 0.0, duplicate: 0.0, reorder: 1.0, bandwidth: None, wait_max: Us::s(1) }
    }
    pub const fn in_order(mut self) -> Wire {
        self.reorder = 0.0;
        self
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Arrives(Us),
    /// Two copies.
    Twice(Us, Us),
    Lost,
    /// The link was cut when it was sent.
    Cut,
    /// The queue for the bandwidth was full.
    Full,
}

impl Fate {
    /// When the copies arrive: none, one or two.
    pub fn arrivals(self) -> impl Iterator<Item = Us> {
        let (first, second) = match self {
            Fate::Arrives(at) => (Some(at), None),
            Fate::Twice(a, b) => (Some(a), Some(b)),
            Fate::Lost | Fate::Cut | Fate::Full => (None, None),
        };
        first.into_iter().chain(second)
    }
}

/// What has happened on a link, in whole messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub sent: u64,
    pub arriving: u64,
    pub duplicated: u64,
    pub lost: u64,
    pub cut: u64,
    pub full: u64,
}

/// A one-way link.
#[derive(Clone, Debug)]
pub struct Link {
    pub wire: Wire,
    up: bool,
    /// When the bandwidth is free again, and when the last message in order arrives.
    free: Us,
    last: Us,
    traffic: Traffic,
    loss: Stream,
    delay: Stream,
    duplicate: Stream,
    again: Stream,
    reorder: Stream,
}

impl Link {
    /// `entity` tells this link from the others of the same block.
    pub fn new(seed: u64, block: &str, entity: u64, wire: Wire) -> Link {
        let stream = |purpose| Stream::new(seed, block, purpose, entity);
        Link {
            wire,
            up: true,
            free: Us::ZERO,
            last: Us::ZERO,
            traffic: Traffic::default(),
            loss: stream("loss"),
            delay: stream("delay"),
            duplicate: stream("duplicate"),
            again: stream("again"),
            reorder: stream("reorder"),
        }
    }

    pub fn is_up(&self) -> bool {
        self.up
    }
    /// Cuts the link or mends it. What is already on the wire still arrives.
    pub fn set_up(&mut self, up: bool) {
        self.up = up;
    }
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Sends the next message: its index is how many went before it.
    pub fn send(&mut self, now: Us, bytes: u64) -> Fate {
        self.send_as(now, bytes, self.traffic.sent)
    }

    /// Sends a message whose chance is that of `index`. Give the same message the same index on
    /// both sides of a comparison and it meets the same delay there, however much else is sent.
    pub fn send_as(&mut self, now: Us, bytes: u64, index: u64) -> Fate {
        self.traffic.sent += 1;
        if !self.up {
            self.traffic.cut += 1;
            return Fate::Cut;
        }
        let Some(sent) = self.transmit(now, bytes) else {
            self.traffic.full += 1;
            return Fate::Full;
        };
        if chance(self.loss.at(index + 1), self.wire.loss) {
            self.traffic.lost += 1;
            return Fate::Lost;
        }
        let own_way = chance(self.reorder.at(index + 1), self.wire.reorder);
        let first = self.arrival(sent, self.delay.at(index + 1), own_way);
        self.traffic.arriving += 1;
        if !chance(self.duplicate.at(index + 1), self.wire.duplicate) {
            return Fate::Arrives(first);
        }
        self.traffic.arriving += 1;
        self.traffic.duplicated += 1;
        // The copy is made behind the original's last bottleneck: it costs no bandwidth here.
        Fate::Twice(first, self.arrival(sent, self.again.at(index + 1), own_way).max(first))
    }

    /// When the last byte leaves, or `None` if the queue is full.
    fn transmit(&mut self, now: Us, bytes: u64) -> Option<Us> {
        let Some(bandwidth) = self.wire.bandwidth else {
            return Some(now);
        };
        let start = self.free.max(now);
        if start.since(now) > self.wire.wait_max {
            return None;
        }
        self.free = start + transfer(bytes, bandwidth);
        Some(self.free)
    }

    fn arrival(&mut self, sent: Us, bits: u64, own_way: bool) -> Us {
        let at = sent + self.wire.delay.draw(bits);
        if own_way {
            return at;
        }
        self.last = self.last.max(at);
        self.last
    }

    /// Conservation: every message and every copy of one is accounted for.
    pub fn invariants(&self) -> Result<(), String> {
        let t = self.traffic;
        let (there, accounted) = (t.sent + t.duplicated, t.arriving + t.lost + t.cut + t.full);
        if there == accounted {
            Ok(())
        } else {
            Err(format!(
                "link: sent {} + duplicated {} = {there}, but arriving {} + lost {} + cut {} + full {} = {accounted}",
                t.sent, t.duplicated, t.arriving, t.lost, t.cut, t.full
            ))
        }
    }
}

/// Time to put `bytes` on a link of `bandwidth` bytes a second, rounded up to a microsecond.
pub fn transfer(bytes: u64, bandwidth: u64) -> Us {
    let micros = (u128::from(bytes) * 1_000_000).div_ceil(u128::from(bandwidth.max(1)));
    Us(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// Whether fair bits fall under a probability.
fn chance(bits: u64, p: f64) -> bool {
    ((bits >> 11) as f64) * (1.0 / 9_007_199_254_740_992.0) < p
}

/// A link each way between every two of `n` nodes.
#[derive(Clone, Debug)]
pub struct Mesh {
    n: usize,
    /// `from * n + to`; those from a node to itself are never used.
    links: Vec<Link>,
}

impl Mesh {
    /// `wire(from, to)` says how each link behaves.
    pub fn new(seed: u64, block: &str, n: usize, wire: impl Fn(usize, usize) -> Wire) -> Mesh {
        let links = (0..n * n).map(|i| Link::new(seed, block, i as u64, wire(i / n, i % n))).collect();
        Mesh { n, links }
    }

    pub fn nodes(&self) -> usize {
        self.n
    }
    pub fn link(&self, from: usize, to: usize) -> &Link {
        &self.links[from * self.n + to]
    }
    pub fn link_mut(&mut self, from: usize, to: usize) -> &mut Link {
        &mut self.links[from * self.n + to]
    }
    /// Every link, for a change that concerns all of them.
    pub fn links_mut(&mut self) -> impl Iterator<Item = (usize, usize, &mut Link)> {
        let n = self.n;
        self.links.iter_mut().enumerate().map(move |(i, link)| (i / n, i % n, link))
    }

    /// Cuts or mends both directions between two nodes.
    pub fn set_pair(&mut self, a: usize, b: usize, up: bool) {
        self.link_mut(a, b).set_up(up);
        self.link_mut(b, a).set_up(up);
    }

    /// Cuts every link between nodes that `group` puts into different groups; mends all others.
    pub fn partition(&mut self, group: impl Fn(usize) -> usize) {
        for (from, to, link) in self.links_mut() {
            link.set_up(group(from) == group(to));
        }
    }

    pub fn heal(&mut self) {
        self.partition(|_| 0);
    }

    /// Which nodes can reach each other, directly or through others, over links that are up both
    /// ways: the least index of its component for each node. For pictures and numbers; no node of
    /// a modelled system can know this.
    pub fn components(&self) -> Vec<usize> {
        const NONE: usize = usize::MAX;
        let mut label = vec![NONE; self.n];
        let mut frontier = Vec::new();
        for start in 0..self.n {
            if label[start] != NONE {
                continue;
            }
            label[start] = start;
            frontier.push(start);
            while let Some(a) = frontier.pop() {
                for (b, label) in label.iter_mut().enumerate() {
                    let joined = a != b && self.link(a, b).is_up() && self.link(b, a).is_up();
                    if joined && *label == NONE {
                        *label = start;
                        frontier.push(b);
                    }
                }
            }
        }
        label
    }

    pub fn traffic(&self) -> Traffic {
        let mut sum = Traffic::default();
        for t in self.links.iter().map(Link::traffic) {
            sum.sent += t.sent;
            sum.arriving += t.arriving;
            sum.duplicated += t.duplicated;
            sum.lost += t.lost;
            sum.cut += t.cut;
            sum.full += t.full;
        }
        sum
    }

    pub fn invariants(&self) -> Result<(), String> {
        self.links.iter().try_for_each(Link::invariants)
    }

    /// Bytes on the heap, for `Model::weight`.
    pub fn weight(&self) -> usize {
        self.links.capacity() * core::mem::size_of::<Link>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn link(wire: Wire) -> Link {
        Link::new(3, "test", 0, wire)
    }

    #[test]
    fn a_transfer_takes_the_delay_and_eight_bits_a_byte_over_the_bandwidth() {
        // 1 MB at 8 Mbit/s (1,000,000 B/s) and 40 ms: 1.04 s; the second message waits its turn.
        let mut l =
            link(Wire { bandwidth: Some(1_000_000), wait_max: Us::s(2), ..Wire::new(Delay::Fixed(Us::ms(40))) });
        assert_eq!(l.send(Us::ZERO, 1_000_000), Fate::Arrives(Us::ms(1_040)));
        assert_eq!(l.send(Us::ZERO, 500_000), Fate::Arrives(Us::ms(1_540)));
        assert_eq!(transfer(1, 3), Us(333_334));
    }

    /// A log-normal delay has the median and the 99th percentile that it is given, and the mean that follows from them.
    #[test]
    fn two_points_make_a_delay() {
        let point = TwoPoint { p50: Us::ms(20), p99: Us::ms(100) };
        let mut bits = crate::kernel::Stream::new(1, "test", "two points", 0);
        let mut drawn: Vec<f64> = (0..200_000).map(|_| point.draw(bits.bits()).as_ms()).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        assert!((mean / point.mean_ms() - 1.0).abs() < 0.01, "{mean} for {}", point.mean_ms());
        drawn.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| drawn[(drawn.len() as f64 * share) as usize];
        assert!((at(0.5) / 20.0 - 1.0).abs() < 0.02 && (at(0.99) / 100.0 - 1.0).abs() < 0.03);
        assert_eq!(TwoPoint { p99: point.p50, ..point }.mean_ms(), 20.0, "no spread");
        let falling = [0, 1 << 20, 1 << 40, 1 << 60, 1 << 63, 3 << 62].map(|bits| point.draw(bits));
        assert!(falling.windows(2).all(|w| w[0] > w[1]), "{falling:?}: counted down from the top");
    }

    #[test]
    fn a_full_queue_drops_and_says_so() {
        let mut l = link(Wire { bandwidth: Some(1_000), wait_max: Us::ms(1_500), ..Wire::new(Delay::Fixed(Us::ZERO)) });
        let fates: Vec<Fate> = (0..4).map(|_| l.send(Us::ZERO, 1_000)).collect();
        assert_eq!(fates, [Fate::Arrives(Us::s(1)), Fate::Arrives(Us::s(2)), Fate::Full, Fate::Full]);
        // The most time that a message may wait is not too long.
        l.wire.wait_max = Us::s(2);
        assert_eq!([(); 2].map(|()| l.send(Us::ZERO, 1_000)), [Fate::Arrives(Us::s(3)), Fate::Full]);
    }

    #[test]
    fn rates_and_means_are_as_declared() {
        let mut l = link(Wire { loss: 0.1, duplicate: 0.2, ..Wire::new(Delay::Exp(Us::ms(40))) });
        let n = 200_000;
        let mut sum = 0.0;
        for _ in 0..n {
            match l.send(Us::ZERO, 0) {
                Fate::Arrives(at) => sum += at.as_ms(),
                Fate::Twice(at, again) => {
                    assert!(again >= at);
                    sum += at.as_ms();
                }
                Fate::Lost => {}
                fate => panic!("{fate:?}"),
            }
        }
        let t = l.traffic();
        let survived = (n - t.lost) as f64;
        assert!((t.lost as f64 / n as f64 - 0.1).abs() < 0.003);
        assert!((t.duplicated as f64 / survived - 0.2).abs() < 0.004);
        assert!((sum / survived / 40.0 - 1.0).abs() < 0.01);
    }

    /// Every message has one fate, and the mesh's counts are those of its links.
    #[test]
    fn traffic_adds_up_over_all_links() {
        let wire = |from: usize, to: usize| Wire {
            loss: if from == 0 { 0.3 } else { 0.0 },
            duplicate: if to == 0 { 0.3 } else { 0.0 },
            bandwidth: (from == 1).then_some(1_000),
            wait_max: Us::ms(100),
            ..Wire::new(Delay::Fixed(Us::ms(1)))
        };
        assert_eq!((Delay::Fixed(Us(5)).mean(), Delay::Exp(Us(7)).mean()), (Us(5), Us(7)));
        let mut mesh = Mesh::new(1, "test", 3, wire);
        mesh.set_pair(1, 2, false);
        let mut seen = Traffic::default();
        for i in 0..600 {
            let (from, to) = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)][i % 6];
            seen.sent += 1;
            match mesh.link_mut(from, to).send(Us::ms(i as u64), 10) {
                Fate::Arrives(_) => seen.arriving += 1,
                Fate::Twice(..) => (seen.arriving, seen.duplicated) = (seen.arriving + 2, seen.duplicated + 1),
                Fate::Lost => seen.lost += 1,
                Fate::Cut => seen.cut += 1,
                Fate::Full => seen.full += 1,
            }
        }
        assert_eq!((mesh.traffic(), mesh.invariants()), (seen, Ok(())));
        assert!([seen.duplicated, seen.lost, seen.cut, seen.full].iter().all(|n| *n > 9), "{seen:?}");
        mesh.links[3].traffic.sent += 1;
        assert!(mesh.invariants().is_err(), "one message has no fate");
    }

    #[test]
    fn components_follow_paths_not_only_links() {
        let mut mesh = Mesh::new(1, "test", 4, |_, _| Wire::new(Delay::Fixed(Us::ms(1))));
        assert_eq!((mesh.nodes(), mesh.components()), (4, vec![0, 0, 0, 0]));
        mesh.set_pair(0, 3, false);
        assert_eq!(mesh.components(), [0, 0, 0, 0], "3 is still reached through 1");
        mesh.partition(|i| usize::from(i >= 2));
        assert_eq!(mesh.components(), [0, 0, 2, 2]);
        assert_eq!(mesh.link_mut(0, 2).send(Us::ZERO, 0), Fate::Cut);
        mesh.heal();
        assert_eq!(mesh.link_mut(0, 2).send(Us::ZERO, 0), Fate::Arrives(Us::ms(1)));
        // Who is only heard by the others, or only hears them, is not with them.
        for heard in [true, false] {
            mesh.partition(|i| usize::from(i == 3));
            for other in 0..3 {
                let (from, to) = if heard { (3, other) } else { (other, 3) };
                mesh.link_mut(from, to).set_up(true);
            }
            assert_eq!(mesh.components(), [0, 0, 0, 3]);
        }
    }

    proptest! {
        /// With no message going its own way, arrivals keep the order of sending.
        #[test]
        fn in_order_links_never_reorder(
            seed in 0u64..1_000,
            gaps in prop::collection::vec(0u64..5_000, 1..200),
            loss in 0.0..0.5f64,
            duplicate in 0.0..0.5f64,
        ) {
            let wire = Wire { loss, duplicate, ..Wire::new(Delay::Exp(Us::ms(20))).in_order() };
            let mut l = Link::new(seed, "test", 0, wire);
            let (mut now, mut last) = (Us::ZERO, Us::ZERO);
            for gap in gaps {
                now += Us(gap);
                for at in l.send(now, 100).arrivals() {
                    prop_assert!(at >= last && at >= now);
                    last = at;
                }
            }
            prop_assert!(l.invariants().is_ok());
        }

        /// More loss only removes messages: the survivors arrive when they did before.
        #[test]
        fn loss_leaves_the_survivors_delay(seed in 0u64..1_000, loss in 0.0..1.0f64) {
            let wire = Wire::new(Delay::Exp(Us::ms(20)));
            let mut clean = Link::new(seed, "test", 0, wire);
            let mut lossy = Link::new(seed, "test", 0, Wire { loss, ..wire });
            for i in 0..100u64 {
                let (a, b) = (clean.send(Us(i), 0), lossy.send(Us(i), 0));
                prop_assert!(b == a || b == Fate::Lost);
            }
        }

        /// Cut, lost, full or there: nothing else happens to a message.
        #[test]
        fn every_message_is_accounted_for(
            seed in 0u64..1_000,
            sends in prop::collection::vec((0u64..3_000, 0u64..3_000, any::<bool>()), 1..200),
        ) {
            let wire = Wire {
                loss: 0.2,
                duplicate: 0.2,
                reorder: 0.5,
                bandwidth: Some(1_000_000),
                wait_max: Us::ms(3),
                ..Wire::new(Delay::Exp(Us::ms(5)))
            };
            let mut l = Link::new(seed, "test", 0, wire);
            let (mut now, mut arrivals) = (Us::ZERO, 0);
            for (gap, bytes, up) in sends {
                now += Us(gap);
                l.set_up(up);
                let fate = l.send(now, bytes);
                prop_assert_eq!(fate == Fate::Cut, !up);
                arrivals += fate.arrivals().count() as u64;
            }
            prop_assert_eq!(l.invariants(), Ok(()));
            prop_assert_eq!(arrivals, l.traffic().arriving);
        }
    }
}
