//! Tracer: what happened to one request, as spans, and which requests are remembered at all.
//!
//! ```text
//!   root     |--------------------------------------|      bold: the critical path
//!     a        |======|                                    a span is a start, an end, a host and the
//!     b               |-----------------|                  span that asked for it, its parent
//!     c               |=======================|
//!     d                                       |===|
//!
//!   finished traces --> [ head: by the number | tail: wait, then look ] --> kept, each with a weight
//! ```
//!
//! **Critical path.** Walk back from the end of the root: the child that ended last before this point held things
//! up, so go on inside it, and from its start on in its parent. Children that were still running then caused
//! nothing at that point. The segments sum to the duration of the root, always. This is the rule of Jaeger's
//! critical path and of CRISP (Zhang and others, "CRISP: Critical Path Analysis of Large-Scale Microservice
//! Architectures", USENIX ATC 2022). Time on the path is where to look; a long bar beside it is not.
//!
//! **Self time.** A span's duration less what its children cover: work of its own, or waiting that nobody measured.
//!
//! **Clock skew.** Each host stamps its spans with its own clock. Durations are right (both ends are read off the same
//! clock), positions are not: a child seems to start before its parent. [`straighten`] moves it back, with all that
//! its host did below it: into the middle of its parent, since nothing says how long each way took. That is what
//! Jaeger's adjuster does; it is a guess, and it hides a wait on one side only.
//!
//! **Sampling.** *Head*: a fixed share by the trace's number, decided before anything is known, the same on every
//! host. *Tail*: all spans go to one collector, which waits and then looks at the whole trace. The tail sampling processor
//! of the OpenTelemetry Collector waits 30 s from the first span and keeps 50,000 traces meanwhile; beyond that the
//! oldest goes undecided. A kept trace stands for 1/p traces, its weight, so that sums of weights are unbiased.
//!
//! The block keeps no clock and schedules nothing. Leaves out: the cost of making and sending spans, spans that get
//! lost, and links between traces.

use crate::deque::Deque;
use crate::kernel::{Us, mix};

/// One piece of work on behalf of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: Us,
    pub end: Us,
    /// The place of its parent in the list of spans, which comes before it.
    pub parent: u16,
    /// What was done, as its owner numbers it.
    pub name: u8,
    /// Whose clock it was stamped with.
    pub host: u8,
    pub failed: bool,
    /// Nobody waits for it: it may outlive its parent and is never on the critical path.
    pub detached: bool,
}

impl Span {
    /// The parent of the root.
    pub const NONE: u16 = u16::MAX;

    pub fn new(parent: u16, name: u8, host: u8, start: Us, end: Us) -> Span {
        Span { start, end, parent, name, host, failed: false, detached: false }
    }
    pub fn duration(&self) -> Us {
        self.end.since(self.start)
    }
    fn is_child_of(&self, parent: usize) -> bool {
        usize::from(self.parent) == parent
    }
}

/// A stretch of the critical path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The place of the span in the list.
    pub span: u16,
    pub from: Us,
    pub to: Us,
}

impl Segment {
    pub fn duration(&self) -> Us {
        self.to.since(self.from)
    }
}

/// The critical path of a finished trace, in order of time. The first span is the root.
///
/// ```
/// use sim::Us;
/// use sim::blocks::tracer::{Span, critical_path};
///
/// let ms = Us::ms;
/// let spans = [
///     Span::new(Span::NONE, 0, 0, ms(0), ms(320)),
///     Span::new(0, 1, 1, ms(10), ms(90)),
///     Span::new(0, 2, 2, ms(10), ms(310)),
/// ];
/// let path: Vec<_> = critical_path(&spans).iter().map(|s| (s.span, s.duration())).collect();
/// assert_eq!(path, [(0, ms(10)), (2, ms(300)), (0, ms(10))]);
/// ```
pub fn critical_path(spans: &[Span]) -> Vec<Segment> {
    let mut path = Vec::new();
    if let Some(root) = spans.first() {
        walk_back(spans, 0, root.end, &mut path);
        path.reverse();
    }
    path
}

/// Adds what is critical of span `at` up to `to`, latest first.
fn walk_back(spans: &[Span], at: usize, mut to: Us, path: &mut Vec<Segment>) {
    let me = &spans[at];
    loop {
        // Of what has ended by then, the child that ended last; of those, the one that began last.
        let ended =
            |s: &Span| s.is_child_of(at) && !s.detached && s.end <= to && s.end > s.start && s.start >= me.start;
        let mut last: Option<usize> = None;
        for (i, s) in spans.iter().enumerate().skip(at + 1).filter(|(_, s)| ended(s)) {
            if last.is_none_or(|l| (s.end, s.start) > (spans[l].end, spans[l].start)) {
                last = Some(i);
            }
        }
        let from = last.map_or(me.start, |l| spans[l].end);
        if to > from {
            path.push(Segment { span: at as u16, from, to });
        }
        let Some(child) = last else { return };
        walk_back(spans, child, spans[child].end, path);
        to = spans[child].start;
    }
}

/// How much of the critical path lies in each span.
pub fn critical_times(spans: &[Span]) -> Vec<Us> {
    let mut times = vec![Us::ZERO; spans.len()];
    for s in critical_path(spans) {
        times[usize::from(s.span)] += s.duration();
    }
    times
}

/// What of a span its children do not cover. Never negative, however they overlap or stick out.
pub fn self_time(spans: &[Span], at: usize) -> Us {
    let me = &spans[at];
    let mut covered: Vec<(Us, Us)> = spans
        .iter()
        .filter(|s| s.is_child_of(at))
        .map(|s| (s.start.max(me.start), s.end.min(me.end)))
        .filter(|(from, to)| from < to)
        .collect();
    crate::order::by_key(&mut covered, |c| c.0);
    let (mut own, mut reached) = (Us::ZERO, me.start);
    for (from, to) in covered {
        own += from.since(reached);
        reached = reached.max(to);
    }
    own + me.end.since(reached)
}

/// How far each host's clock is off, in microseconds: what it stamps is the true time plus this.
pub type Skew = [i32];

/// The spans as the hosts' clocks stamped them. Times are kept above zero by a common shift, which is returned.
pub fn stamped(spans: &[Span], skew_us: &Skew) -> (Vec<Span>, Us) {
    let off = |s: &Span| i64::from(skew_us.get(usize::from(s.host)).copied().unwrap_or(0));
    let earliest = spans.iter().map(|s| s.start.0 as i64 + off(s)).min().unwrap_or(0);
    let shift = (-earliest).max(0);
    let move_by = |t: Us, by: i64| Us((t.0 as i64 + by + shift) as u64);
    let seen = |s: &Span| Span { start: move_by(s.start, off(s)), end: move_by(s.end, off(s)), ..*s };
    (spans.iter().map(seen).collect(), Us(shift as u64))
}

/// Spans that do not lie within their parent, though their parent waited for them: a sign of clocks that differ.
pub fn misplaced(spans: &[Span]) -> usize {
    let inside = |s: &Span| spans.get(usize::from(s.parent)).is_none_or(|p| s.start >= p.start && s.end <= p.end);
    spans.iter().filter(|s| !s.detached && !inside(s)).count()
}

/// Moves spans of other hosts into their parents, each with what its host did below it. Returns how many were moved.
///
/// A span that fits its parent but lies outside is centred in it. One that is longer than its parent only gets the
/// parent's start, if it began before.
pub fn straighten(spans: &mut [Span]) -> usize {
    // How far each has been moved: what its host did below it goes along.
    let mut moved = vec![0i64; spans.len()];
    let mut count = 0;
    for i in 1..spans.len() {
        let p = usize::from(spans[i].parent);
        if p >= i {
            continue;
        }
        let parent = spans[p];
        let s = &mut spans[i];
        let by = if s.host == parent.host { moved[p] } else { needed(s, &parent) };
        if by != 0 {
            *s = shifted(s, by);
            moved[i] = by;
            count += usize::from(s.host != parent.host);
        }
    }
    count
}

/// The shift that brings a span into its parent.
fn needed(s: &Span, parent: &Span) -> i64 {
    let signed = |t: Us| t.0 as i64;
    if s.detached || (s.start >= parent.start && s.end <= parent.end) {
        return 0;
    }
    let room = signed(parent.duration()) - signed(s.duration());
    if room < 0 {
        return (signed(parent.start) - signed(s.start)).max(0);
    }
    signed(parent.start) + room / 2 - signed(s.start)
}

fn shifted(s: &Span, by: i64) -> Span {
    let by = |t: Us| Us((t.0 as i64 + by).max(0) as u64);
    Span { start: by(s.start), end: by(s.end), ..*s }
}

/// Whether a head sampler that keeps this share keeps this trace. A function of its number alone, so every service decides
/// alike; and what a small share keeps, every larger one keeps too.
pub fn head_keeps(trace: u64, share: f64) -> bool {
    // 53 bits of a hash against the share.
    ((mix(trace ^ 0x7472_6163_6572) >> 11) as f64) * (1.0 / 9_007_199_254_740_992.0) < share
}

/// Why a trace is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Failed,
    Slow,
    /// One of the rest, by chance.
    Chance,
}

/// What a tail sampler keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TailRules {
    /// From the first span of a trace to the decision.
    pub wait: Us,
    /// Traces that wait for their decision at most.
    pub room: u32,
    /// Keep every trace with an error.
    pub failed: bool,
    /// Keep every trace that took longer.
    pub slow: Option<Us>,
    /// And this share of all the others.
    pub rest: f64,
}

impl TailRules {
    /// `decision_wait` and `num_traces` of the OpenTelemetry Collector's tail sampling processor.
    pub const WAIT: Us = Us::s(30);
    pub const ROOM: u32 = 50_000;

    /// Why this trace is kept, if it is, and how many traces it stands for.
    pub fn judge(&self, trace: u64, took: Us, failed: bool) -> Option<(Kept, f64)> {
        if self.failed && failed {
            return Some((Kept::Failed, 1.0));
        }
        if self.slow.is_some_and(|slow| took > slow) {
            return Some((Kept::Slow, 1.0));
        }
        head_keeps(trace, self.rest).then(|| (Kept::Chance, 1.0 / self.rest))
    }
}

/// A trace in the collector's buffer.
#[derive(Clone, Copy, Debug)]
struct Pending {
    trace: u64,
    first: Us,
    took: Us,
    failed: bool,
}

/// What became of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    pub trace: u64,
    /// Why it is kept and its weight; `None` if it is not.
    pub kept: Option<(Kept, f64)>,
    /// The buffer was full: it was thrown away without a look.
    pub evicted: bool,
}

/// The collector of a tail sampler.
///
/// ```
/// use sim::Us;
/// use sim::blocks::tracer::{Kept, Tail, TailRules};
///
/// let rules = TailRules { wait: Us::s(30), room: 2, failed: true, slow: None, rest: 0.0 };
/// let mut tail = Tail::default();
/// assert_eq!(tail.begin(Us::s(0), 7, &rules), None);
/// tail.seen(7, Us::ms(80), true);
/// assert_eq!(tail.decide(Us::s(29), &rules), None);
/// assert_eq!(tail.decide(Us::s(30), &rules).unwrap().kept, Some((Kept::Failed, 1.0)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tail {
    /// In the order of their first spans.
    pending: Deque<Pending>,
}

impl Tail {
    /// The first span of a trace arrives. Returns the oldest one if it has to make room.
    pub fn begin(&mut self, now: Us, trace: u64, rules: &TailRules) -> Option<Verdict> {
        let full = self.pending.len() as u64 >= u64::from(rules.room.max(1));
        let evicted = if full { self.pending.pop_front() } else { None };
        self.pending.push_back(Pending { trace, first: now, took: Us::ZERO, failed: false });
        evicted.map(|p| Verdict { trace: p.trace, kept: None, evicted: true })
    }

    /// A span of a trace has ended, so long after the trace began. False if the trace has been decided or was thrown
    /// away: the span is late.
    pub fn seen(&mut self, trace: u64, took: Us, failed: bool) -> bool {
        let Some(p) = self.pending.iter_mut().rev().find(|p| p.trace == trace) else { return false };
        p.took = p.took.max(took);
        p.failed |= failed;
        true
    }

    /// When the next decision is due.
    pub fn due(&self, rules: &TailRules) -> Option<Us> {
        self.pending.front().map(|p| p.first + rules.wait)
    }

    /// The next decision that is due by now; call it until there is none.
    pub fn decide(&mut self, now: Us, rules: &TailRules) -> Option<Verdict> {
        if self.due(rules)? > now {
            return None;
        }
        let p = self.pending.pop_front()?;
        Some(Verdict { trace: p.trace, kept: rules.judge(p.trace, p.took, p.failed), evicted: false })
    }

    pub fn pending(&self) -> usize {
        self.pending.len()
    }
    pub fn weight(&self) -> usize {
        self.pending.len() * size_of::<Pending>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;
    use proptest::prelude::*;

    /// Children in parallel 40, 80 and 300 ms in a root of 320: only the 300 matters.
    #[test]
    fn the_longest_path_is_not_the_sum_of_the_bars() {
        let root = |durations: [u64; 3]| {
            let longest = durations.iter().max().unwrap();
            let mut spans = vec![Span::new(Span::NONE, 0, 0, Us::ZERO, Us::ms(20 + longest))];
            spans.extend(durations.iter().map(|d| Span::new(0, 1, 1, Us::ms(10), Us::ms(10 + d))));
            spans
        };
        let spans = root([40, 80, 300]);
        assert_eq!(critical_times(&spans), [20, 0, 0, 300].map(Us::ms));
        assert_eq!(self_time(&spans, 0), Us::ms(20));
        assert_eq!(root([40, 40, 300])[0].duration(), Us::ms(320));
        assert_eq!(root([40, 80, 150])[0].duration(), Us::ms(170));
    }

    /// A child that still ran when the next began did not hold that one up.
    #[test]
    fn what_is_still_running_caused_nothing() {
        let ms = Us::ms;
        let spans = [
            Span::new(Span::NONE, 0, 0, ms(0), ms(130)),
            Span::new(0, 1, 1, ms(0), ms(100)),
            Span::new(0, 2, 2, ms(90), ms(120)),
        ];
        assert_eq!(critical_times(&spans), [ms(100), ms(0), ms(30)]);
        // Work that nobody waits for is never on it.
        let mut beside = spans;
        beside[2].detached = true;
        assert_eq!(critical_times(&beside), [ms(30), ms(100), ms(0)]);
    }

    #[test]
    fn a_skewed_host_is_moved_as_one() {
        let ms = Us::ms;
        let truth = [
            Span::new(Span::NONE, 0, 0, ms(100), ms(200)),
            Span::new(0, 1, 1, ms(110), ms(170)),
            Span::new(1, 2, 1, ms(120), ms(150)),
            Span::new(1, 3, 2, ms(155), ms(165)),
        ];
        let (mut seen, shift) = stamped(&truth, &[0, -50_000, 0]);
        assert_eq!((shift, misplaced(&seen)), (Us::ZERO, 2));
        assert_eq!(straighten(&mut seen), 1);
        assert_eq!(misplaced(&seen), 0);
        // Centred: 20 ms on either side, where it was 10 and 30.
        assert_eq!((seen[1].start, seen[2].start), (ms(120), ms(130)));
    }

    /// The chance that head sampling of 1 % keeps any of ten failing traces of 10,000: 1 - 0.99^10.
    #[test]
    fn was_it_traced() {
        let (batches, mut any, mut kept) = (100_000u64, 0, 0);
        for b in 0..batches {
            let n = (0..10).filter(|i| head_keeps(b * 10_000 + i * 977, 0.01)).count();
            any += usize::from(n > 0);
            kept += n;
        }
        let share = any as f64 / batches as f64;
        assert!((share - 0.0956).abs() < 0.003, "{share}");
        assert!((kept as f64 / (batches as f64 * 0.1) - 1.0).abs() < 0.03);
    }

    /// A random tree: each child lies within its parent.
    fn tree(choices: &[(u16, u16, u16, u8)]) -> Vec<Span> {
        let mut spans = vec![Span::new(Span::NONE, 0, 0, Us(5_000), Us(105_000))];
        for (parent, from, to, host) in choices {
            let p = usize::from(*parent) % spans.len();
            let (start, room) = (spans[p].start.0, spans[p].duration().0);
            let place = |x: u16| Us(start + room * u64::from(x) / 65_535);
            let (a, b) = (place(*from.min(to)), place(*from.max(to)));
            // A host is a place: what a service does inside itself stays there.
            let host = if host % 3 == 0 { spans[p].host } else { host % 8 };
            spans.push(Span::new(p as u16, 1, host, a, b));
        }
        spans
    }

    proptest! {
        /// The path covers the root from its start to its end without gaps, each piece inside its span;
        /// self times are never negative, and with nothing in parallel they sum to the root as well.
        #[test]
        fn the_path_sums_to_the_root(choices in prop::collection::vec(any::<(u16, u16, u16, u8)>(), 0..40)) {
            let spans = tree(&choices);
            let path = critical_path(&spans);
            let mut at = spans[0].start;
            for s in &path {
                prop_assert_eq!(s.from, at);
                prop_assert!(s.to > s.from);
                let span = &spans[usize::from(s.span)];
                prop_assert!(s.from >= span.start && s.to <= span.end);
                at = s.to;
            }
            prop_assert_eq!(at, spans[0].end);
            let sum: u64 = critical_times(&spans).iter().map(|t| t.0).sum();
            prop_assert_eq!(sum, spans[0].duration().0);
            for i in 0..spans.len() {
                prop_assert!(self_time(&spans, i) <= spans[i].duration());
            }
            let selves: u64 = (0..spans.len()).map(|i| self_time(&spans, i).0).sum();
            prop_assert!(selves >= spans[0].duration().0);
        }

        /// Whatever the clocks say: durations are what they were, and after the correction each child lies within its
        /// parent.
        #[test]
        fn after_the_correction_children_lie_inside(
            choices in prop::collection::vec(any::<(u16, u16, u16, u8)>(), 0..30),
            skew in prop::array::uniform8(-200_000i32..200_000),
        ) {
            let truth = tree(&choices);
            let (mut seen, _) = stamped(&truth, &skew);
            straighten(&mut seen);
            prop_assert_eq!(misplaced(&seen), 0);
            for (a, b) in truth.iter().zip(&seen) {
                prop_assert_eq!(a.duration(), b.duration());
            }
            let sum: u64 = critical_times(&seen).iter().map(|t| t.0).sum();
            prop_assert_eq!(sum, seen[0].duration().0);
            // Clocks that agree are left alone.
            let mut same = truth.clone();
            prop_assert_eq!(straighten(&mut same), 0);
        }

        /// Every trace is decided once, waits for its decision, or was thrown out for lack of room; with
        /// room for all of them none that failed is missed.
        #[test]
        fn traces_are_decided_once(
            steps in prop::collection::vec((0u64..4_000, any::<bool>(), 0u64..900), 1..200),
            room in 1u32..60,
            rest in 0.0f64..1.0,
        ) {
            let rules = TailRules { wait: Us::s(2), room, failed: true, slow: Some(Us::ms(800)), rest };
            let mut tail = Tail::default();
            let (mut now, mut decided, mut evicted, mut failing, mut kept) = (Us::ZERO, 0usize, 0usize, 0usize, 0usize);
            let n = steps.len();
            for (i, (gap, failed, took)) in steps.into_iter().enumerate() {
                now += Us::ms(gap);
                while let Some(v) = tail.decide(now, &rules) {
                    decided += 1;
                    kept += usize::from(matches!(v.kept, Some((Kept::Failed, _))));
                }
                evicted += usize::from(tail.begin(now, i as u64, &rules).is_some());
                prop_assert!(tail.seen(i as u64, Us::ms(took), failed));
                failing += usize::from(failed);
                prop_assert!(tail.pending() <= room as usize);
                prop_assert_eq!(decided + evicted + tail.pending(), i + 1);
            }
            while let Some(v) = tail.decide(Us::MAX, &rules) {
                decided += 1;
                kept += usize::from(matches!(v.kept, Some((Kept::Failed, _))));
            }
            prop_assert_eq!(decided + evicted, n);
            if evicted == 0 {
                prop_assert_eq!(kept, failing);
            }
        }
    }

    /// Sums of weights are what was there, whatever the rules keep.
    #[test]
    fn weights_are_unbiased() {
        let mut chance = Stream::new(3, "test", "tracer", 0);
        for (slow, rest) in [(None, 0.1), (Some(Us::ms(230)), 0.02), (Some(Us::ms(50)), 0.5)] {
            let rules = TailRules { wait: Us::s(1), room: 9, failed: true, slow, rest };
            let (mut total, mut estimate) = (0.0, 0.0);
            for trace in 0..200_000u64 {
                let took = chance.exp(Us::ms(50));
                total += took.as_ms();
                let weight = rules.judge(trace, took, chance.chance(0.001)).map_or(0.0, |(_, w)| w);
                estimate += took.as_ms() * weight;
            }
            assert!((estimate / total - 1.0).abs() < 0.05, "{slow:?} {rest}: {}", estimate / total);
        }
    }

    #[test]
    fn of_twins_the_first_is_on_the_path() {
        let ms = Us::ms;
        let twin = Span::new(0, 1, 1, ms(10), ms(90));
        let spans = [Span::new(Span::NONE, 0, 0, ms(0), ms(100)), twin, twin];
        assert_eq!(critical_times(&spans), [ms(20), ms(80), ms(0)]);
    }

    /// What goes along is not counted: it was not misplaced in its parent.
    #[test]
    fn as_many_are_moved_as_other_hosts_were_off() {
        let ms = Us::ms;
        let mut spans = vec![Span::new(Span::NONE, 0, 0, ms(100), ms(200)), Span::new(0, 1, 1, ms(20), ms(80))];
        spans.extend((0..3).map(|i| Span::new(1, 2, 1, ms(30 + i), ms(40))));
        assert_eq!((straighten(&mut spans), misplaced(&spans)), (1, 0));
        assert_eq!(spans[4].start, ms(132), "with its parent");
    }

    #[test]
    fn what_is_longer_than_its_parent_begins_with_it_at_the_earliest() {
        let moved = |from: u64, to: u64| {
            let (root, child) = (Span::new(Span::NONE, 0, 0, Us(100), Us(200)), Span::new(0, 1, 1, Us(from), Us(to)));
            let mut spans = [root, child];
            let count = straighten(&mut spans);
            (spans[1].start.0, spans[1].end.0, count)
        };
        assert_eq!(moved(50, 200), (100, 250, 1), "it began before");
        assert_eq!(moved(130, 280), (130, 280, 0), "it began later");
        assert_eq!(moved(130, 230), (100, 200, 1), "as long as its parent: it fits");
    }

    #[test]
    fn what_took_longer_is_kept() {
        let rules = TailRules { wait: Us::s(1), room: 9, failed: false, slow: Some(Us(100)), rest: 0.0 };
        let kept = [0, 99, 100, 101, 900].map(|took| rules.judge(7, Us(took), true).map(|(why, _)| why));
        assert_eq!(kept, [None, None, None, Some(Kept::Slow), Some(Kept::Slow)]);
    }
}
