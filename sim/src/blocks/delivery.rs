//! Delivery: how a finished change gets to its users, and whom it waits for on the way.
//!
//! ```text
//!   change --touches one part----------> [ w w w ] --batch--> ( pipeline run ) --green--> released
//!      |                                   line of the deployable      | red: halve it, run both halves
//!      '--touches two, of two teams--> talk --^                        '--red and alone--> reverted
//!                                        (released here, then through the line of the other deployable)
//! ```
//!
//! - Each deployable has one pipeline, and a pipeline does one run at a time. A run takes the same
//!   time whatever is in it, so with batches of one it is the queue M/D/1: the mean wait is
//!   ρS / (2(1 - ρ)) (Pollaczek and Khinchine; Gross et al., *Fundamentals of Queueing Theory*).
//! - A run carries up to `batch` changes. It is green if none of them breaks it: with probability
//!   (1 - p)^k. A red run is bisected: both halves are run again, and so on, until a single change is
//!   red. That one is reverted and the others are released.
//! - A change that touches parts of two deployables is released twice, one deployable after the other
//!   (the provider first, then the consumer), and may break either run. If the parts belong to two
//!   teams, these first agree: a fixed time of talk that no pipeline can shorten.
//! - A change with a flaw that no test finds is released, breaks in use, and is rolled back.
//! - A red main (somebody else's mistake, a flaky test) stops a pipeline; the run in hand is lost.
//!
//! Time here is working time: nobody pushes or watches a release at night.
//!
//! How much a team produces is the Universal Scalability Law (Gunther, *Guerrilla Capacity Planning*,
//! 2007): [`output`]. How many pairs of people can talk is Brooks' n(n - 1)/2 (*The Mythical
//! Man-Month*, 1975): [`pairs`].
//!
//! Leaves out: conflicts between changes, priorities, hotfixes that jump the line, the time to write
//! a reverted change again, and undoing the first release of a change whose second one failed.

use crate::deque::Deque;
use crate::kernel::Us;
use crate::slab::Slab;

/// Changes that can be under way in all; one more is turned away, and its author has to come back.
pub const ROOM: usize = 4_000;
/// Finished runs that are remembered for pictures.
pub const RUNS_SEEN: usize = 240;

/// What is wrong with a change, in one of its releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// The pipeline finds it: the run is red.
    Caught,
    /// No test finds it: it breaks in use.
    Slips,
}

/// A finished piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub id: u32,
    /// The part it touches, and the other one; twice the same if there is no other.
    pub parts: [u8; 2],
    /// What is wrong with it in its first release, and in its second.
    pub flaws: [Flaw; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub run: Us,
    /// The most changes in a run.
    pub batch: u16,
    /// Before a change that needs two teams can be merged.
    pub talk: Us,
}

/// How a change ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Released,
    /// It was alone in a red run.
    Reverted,
    /// It was released, broke in use and was taken back.
    RolledBack,
}

/// A change that is done, with what it went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    pub change: Change,
    pub verdict: Verdict,
    /// The deployable in whose pipeline it ended.
    pub lane: u8,
    /// From the finished change to the end: lead time, talk included.
    pub lead: Us,
    /// Time in lines, until the run that carried it began.
    pub waited: Us,
    pub releases: u8,
    pub talked: bool,
}

/// What the owner schedules and hands back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Two teams have agreed about the change in this slot.
    Talked(u32),
    /// A run ends, or a pipeline can run again; void if the lane's life has moved on.
    RunEnds {
        lane: u8,
        life: u32,
    },
    Mended {
        lane: u8,
        life: u32,
    },
}

/// A finished run, for pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSeen {
    pub lane: u8,
    pub from: Us,
    pub to: Us,
    pub changes: u16,
    pub green: bool,
}

/// What has happened to changes. `merged` is all of them; the others are its parts, with those that
/// are still under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub merged: u64,
    pub released: u64,
    pub reverted: u64,
    pub rolled_back: u64,
    pub turned_away: u64,
    /// Batches, those of them that were green at once, and all runs, those of bisections included.
    pub batches: u64,
    pub green: u64,
    pub runs: u64,
    /// Releases: runs that put something into use.
    pub deployments: u64,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    change: Change,
    at: Us,
    queued: Us,
    waited: Us,
    /// Which release it is at: 0 or 1.
    leg: u8,
    talked: bool,
}

/// The pipeline of one deployable.
#[derive(Clone, Debug, Default)]
struct Lane {
    waiting: Deque<u32>,
    /// What the present batch is made of, and the parts of it that are still to be run, last one first.
    batch: Vec<u32>,
    open: Vec<(u16, u16)>,
    /// The part that is being run, and since when.
    run: Option<((u16, u16), Us)>,
    life: u32,
    red_until: Us,
    /// Time in runs, those that were lost included.
    busy: Us,
}

/// All pipelines, and the changes on their way through them.
#[derive(Clone, Debug)]
pub struct Delivery {
    lanes: Vec<Lane>,
    /// The deployable that each part is in.
    home: Vec<u8>,
    rows: Slab<Row>,
    talking: u64,
    counts: Counts,
    seen: Deque<RunSeen>,
    /// To be scheduled by the owner, who empties it.
    pub due: Vec<(Us, Step)>,
    /// Changes that are done, for the owner, who empties it.
    pub done: Vec<Done>,
}

impl Delivery {
    /// `home` says which deployable each part is in; there are as many pipelines as `lanes`.
    pub fn new(home: &[u8], lanes: usize) -> Delivery {
        Delivery {
            lanes: vec![Lane::default(); lanes],
            home: home.to_vec(),
            rows: Slab::default(),
            talking: 0,
            counts: Counts::default(),
            seen: Deque::new(),
            due: Vec::new(),
            done: Vec::new(),
        }
    }

    pub fn home(&self, part: u8) -> u8 {
        self.home[usize::from(part)]
    }
    pub fn counts(&self) -> Counts {
        self.counts
    }
    /// Whether the change needs two releases as things are.
    pub fn crosses(&self, change: &Change) -> bool {
        self.home(change.parts[0]) != self.home(change.parts[1])
    }
    /// Changes that wait for a pipeline's next batch.
    pub fn waiting(&self, lane: usize) -> usize {
        self.lanes[lane].waiting.len()
    }
    /// Changes in the batch that is being run or bisected.
    pub fn in_batch(&self, lane: usize) -> usize {
        self.lanes[lane].batch.len()
    }
    /// Changes about which two teams are still talking.
    pub fn talking(&self) -> u64 {
        self.talking
    }
    /// Merged and neither released nor taken back.
    pub fn under_way(&self) -> u64 {
        self.rows.used() as u64
    }
    /// Since when a run is going on, and with how many changes.
    pub fn running(&self, lane: usize) -> Option<(Us, u16)> {
        self.lanes[lane].run.map(|((from, to), since)| (since, to - from))
    }
    /// Until when a pipeline is red.
    pub fn red_until(&self, lane: usize, now: Us) -> Option<Us> {
        Some(self.lanes[lane].red_until).filter(|until| *until > now)
    }
    /// Pipeline time so far, over all lanes.
    pub fn busy(&self, now: Us) -> Us {
        self.lanes.iter().fold(Us::ZERO, |sum, l| sum + l.busy + l.run.map_or(Us::ZERO, |(_, since)| now.since(since)))
    }
    /// The last finished runs, oldest first.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &RunSeen> + '_ {
        self.seen.iter()
    }

    /// A change is finished and wants to get out; false if there is no room. `talk`: two teams have to agree first.
    pub fn merge(&mut self, now: Us, change: Change, talk: bool, rules: &Rules) -> bool {
        if self.rows.used() >= ROOM {
            self.counts.turned_away += 1;
            return false;
        }
        self.counts.merged += 1;
        let row = Row { change, at: now, queued: now, waited: Us::ZERO, leg: 0, talked: talk };
        let slot = self.rows.insert(row);
        if talk {
            self.talking += 1;
            self.due.push((now + rules.talk, Step::Talked(slot)));
        } else {
            self.enqueue(now, slot, rules);
        }
        true
    }

    /// What was scheduled has come.
    pub fn on(&mut self, now: Us, step: Step, rules: &Rules) {
        match step {
            Step::Talked(slot) => {
                self.talking -= 1;
                self.enqueue(now, slot, rules);
            }
            Step::RunEnds { lane, life } if self.lanes[usize::from(lane)].life == life => {
                self.run_ends(now, lane, rules);
            }
            Step::Mended { lane, life } if self.lanes[usize::from(lane)].life == life => self.start(now, lane, rules),
            Step::RunEnds { .. } | Step::Mended { .. } => {}
        }
    }

    fn enqueue(&mut self, now: Us, slot: u32, rules: &Rules) {
        let row = &mut self.rows[slot as usize];
        row.queued = now;
        let lane = self.home[usize::from(row.change.parts[usize::from(row.leg)])];
        self.lanes[usize::from(lane)].waiting.push_back(slot);
        self.start(now, lane, rules);
    }

    /// Begins the next run: of what is left of a red batch, or of a new one.
    fn start(&mut self, now: Us, lane: u8, rules: &Rules) {
        let l = &mut self.lanes[usize::from(lane)];
        if l.run.is_some() || l.red_until > now {
            return;
        }
        if l.open.is_empty() {
            let many = l.waiting.len().min(usize::from(rules.batch.max(1)));
            if many == 0 {
                return;
            }
            l.batch.clear();
            l.batch.extend(l.waiting.drain(..many));
            l.open.push((0, many as u16));
            self.counts.batches += 1;
            for slot in &l.batch {
                let row = &mut self.rows[*slot as usize];
                row.waited += now.since(row.queued);
            }
        }
        if let Some(part) = l.open.pop() {
            l.run = Some((part, now));
            self.due.push((now + rules.run, Step::RunEnds { lane, life: l.life }));
        }
    }

    fn run_ends(&mut self, now: Us, lane: u8, rules: &Rules) {
        let l = &mut self.lanes[usize::from(lane)];
        let Some(((from, to), since)) = l.run.take() else { return };
        l.busy += now.since(since);
        let whole = to - from == l.batch.len() as u16;
        let slots = l.batch[usize::from(from)..usize::from(to)].to_vec();
        let flaw = |row: &Row| row.change.flaws[usize::from(row.leg)];
        let green = slots.iter().all(|s| flaw(&self.rows[*s as usize]) != Flaw::Caught);
        self.counts.runs += 1;
        self.counts.green += u64::from(green && whole);
        self.counts.deployments += u64::from(green);
        if self.seen.len() == RUNS_SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(RunSeen { lane, from: since, to: now, changes: to - from, green });
        if !green && slots.len() > 1 {
            let half = from + (to - from).div_ceil(2);
            l.open.push((half, to));
            l.open.push((from, half));
        }
        if l.open.is_empty() {
            l.batch.clear();
        }
        if green {
            slots.iter().for_each(|slot| self.passed(now, lane, *slot, rules));
        } else if let [slot] = slots[..] {
            self.finish(now, lane, slot, Verdict::Reverted);
        }
        self.start(now, lane, rules);
    }

    /// A change is in use. If it touches a part that is elsewhere by now, that has to follow.
    fn passed(&mut self, now: Us, lane: u8, slot: u32, rules: &Rules) {
        let row = &mut self.rows[slot as usize];
        let (change, leg) = (row.change, usize::from(row.leg));
        if change.flaws[leg] == Flaw::Slips {
            self.finish(now, lane, slot, Verdict::RolledBack);
        } else if leg == 0 && self.home[usize::from(change.parts[1])] != lane {
            row.leg = 1;
            self.enqueue(now, slot, rules);
        } else {
            self.finish(now, lane, slot, Verdict::Released);
        }
    }

    fn finish(&mut self, now: Us, lane: u8, slot: u32, verdict: Verdict) {
        let row = self.rows[slot as usize];
        match verdict {
            Verdict::Released => self.counts.released += 1,
            Verdict::Reverted => self.counts.reverted += 1,
            Verdict::RolledBack => self.counts.rolled_back += 1,
        }
        self.rows.release(slot);
        self.done.push(Done {
            change: row.change,
            verdict,
            lane,
            lead: now.since(row.at),
            waited: row.waited,
            releases: row.leg + 1,
            talked: row.talked,
        });
    }

    /// Main is red until then: no run begins, and the one in hand has to be done again.
    pub fn stop(&mut self, now: Us, lane: u8, until: Us) {
        let l = &mut self.lanes[usize::from(lane)];
        l.life += 1;
        l.red_until = until;
        if let Some((part, since)) = l.run.take() {
            l.open.push(part);
            l.busy += now.since(since);
        }
        self.due.push((until, Step::Mended { lane, life: l.life }));
    }

    /// A part is in another deployable from now on. Changes that wait to be released with it move along.
    pub fn carry(&mut self, now: Us, part: u8, to: u8, rules: &Rules) {
        let from = usize::from(self.home[usize::from(part)]);
        self.home[usize::from(part)] = to;
        if from == usize::from(to) {
            return;
        }
        let waiting = core::mem::take(&mut self.lanes[from].waiting);
        for slot in waiting {
            let row = &self.rows[slot as usize];
            let moves = row.change.parts[usize::from(row.leg)] == part;
            let lane = if moves { usize::from(to) } else { from };
            self.lanes[lane].waiting.push_back(slot);
        }
        self.start(now, to, rules);
    }

    pub fn weight(&self) -> usize {
        let lane = |l: &Lane| size_of::<Lane>() + (l.waiting.len() + l.batch.len()) * 4 + l.open.len() * 4;
        self.lanes.iter().map(lane).sum::<usize>()
            + self.home.len()
            + self.rows.weight()
            + self.seen.len() * size_of::<RunSeen>()
    }

    pub fn invariants(&self) -> Result<(), String> {
        let c = &self.counts;
        let in_lanes: usize = self.lanes.iter().map(|l| l.waiting.len() + Delivery::unfinished(l)).sum();
        let under_way = in_lanes as u64 + self.talking;
        let parts = [
            ("released", c.released),
            ("reverted", c.reverted),
            ("rolled back", c.rolled_back),
            ("waiting, running or talked about", under_way),
        ];
        crate::measure::conserve::balance("changes merged", c.merged, &parts)?;
        if under_way != self.rows.used() as u64 {
            return Err(format!("{under_way} changes in lines and {} in hand", self.rows.used()));
        }
        if c.green > c.batches || c.batches > c.runs + self.lanes.len() as u64 {
            return Err(format!("{} green of {} batches in {} runs", c.green, c.batches, c.runs));
        }
        Ok(())
    }

    /// Changes of the batch in hand that have no verdict yet.
    fn unfinished(l: &Lane) -> usize {
        let open: usize = l.open.iter().map(|(from, to)| usize::from(to - from)).sum();
        open + l.run.map_or(0, |((from, to), _)| usize::from(to - from))
    }
}

/// Chance that a batch of `k` changes is green when each breaks it with probability `p`: (1 - p)^k.
///
/// ```
/// let green = sim::blocks::delivery::green(0.05, 10);
/// assert!((green - 0.5987).abs() < 0.0001);
/// ```
pub fn green(p: f64, k: u32) -> f64 {
    (0..k).fold(1.0, |all, _| all * (1.0 - p))
}

/// Mean number of runs that a batch of `k` takes, its bisection included: a part is run if the part that it is half of
/// was red, so each part of more than one adds two runs with its own chance of being red.
///
/// ```
/// use sim::blocks::delivery::runs_per_batch;
/// assert_eq!(runs_per_batch(0.05, 1), 1.0);
/// assert!((runs_per_batch(0.05, 10) - 4.06).abs() < 0.01);
/// ```
pub fn runs_per_batch(p: f64, k: u32) -> f64 {
    fn halves(p: f64, k: u32) -> f64 {
        if k < 2 { 0.0 } else { 2.0 * (1.0 - green(p, k)) + halves(p, k.div_ceil(2)) + halves(p, k / 2) }
    }
    1.0 + halves(p, k)
}

/// What `n` people get done together, in units of one of them: n / (1 + α(n - 1) + βn(n - 1)). α is what they queue up
/// for, β what each pair of them has to keep in step.
///
/// ```
/// use sim::blocks::delivery::output;
/// assert_eq!(output(12.0, 0.0, 0.0), 12.0);
/// // With β = 0.5 %, fourteen get most done, and twice as many get less.
/// assert!(output(14.0, 0.0, 0.005) > output(28.0, 0.0, 0.005));
/// ```
pub fn output(n: f64, contention: f64, crosstalk: f64) -> f64 {
    n / (1.0 + contention * (n - 1.0) + crosstalk * n * (n - 1.0)).max(1e-9)
}

/// How many people get most done: √((1 - α)/β).
pub fn output_peak(contention: f64, crosstalk: f64) -> f64 {
    libm::sqrt((1.0 - contention) / crosstalk)
}

/// Pairs among `n` people.
pub fn pairs(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Stream, unit_exp};
    use crate::theory;
    use proptest::prelude::*;

    const RULES: Rules = Rules { run: Us::s(30), batch: 1, talk: Us::s(240) };

    fn plain(id: u32, part: u8) -> Change {
        Change { id, parts: [part, part], flaws: [Flaw::None; 2] }
    }

    /// Everything that is due by then, in order of time; ties as they were scheduled.
    fn run_to(d: &mut Delivery, agenda: &mut Vec<(Us, Step)>, until: Us, rules: &Rules) {
        loop {
            agenda.append(&mut d.due);
            let next = (0..agenda.len()).filter(|i| agenda[*i].0 <= until).min_by_key(|i| agenda[*i].0);
            let Some(next) = next else { return };
            let (at, step) = agenda.remove(next);
            d.on(at, step, rules);
        }
    }

    /// Poisson changes into one pipeline; their mean wait in seconds and how many runs there were.
    fn poisson(per_s: f64, n: u32, p: f64, rules: &Rules) -> (f64, Counts) {
        let (mut d, mut agenda, mut waited) = (Delivery::new(&[0], 1), Vec::new(), Us::ZERO);
        let (mut gaps, mut flaws) = (Stream::new(1, "test", "gap", 0), Stream::new(1, "test", "flaw", 0));
        let mut at = Us::ZERO;
        for id in 0..n {
            at += Us::from_s(unit_exp(gaps.bits()) / per_s);
            run_to(&mut d, &mut agenda, at, rules);
            let flaw = if flaws.chance(p) { Flaw::Caught } else { Flaw::None };
            d.merge(at, Change { flaws: [flaw; 2], ..plain(id, 0) }, false, rules);
            waited += d.done.drain(..).fold(Us::ZERO, |sum, done| sum + done.waited);
        }
        run_to(&mut d, &mut agenda, Us::MAX, rules);
        waited += d.done.drain(..).fold(Us::ZERO, |sum, done| sum + done.waited);
        (waited.as_s() / f64::from(n), d.counts())
    }

    /// 30 minutes a run, at 80 % and at 90 %: the waits of M/D/1.
    #[test]
    fn single_changes_wait_as_in_md1() {
        for (load, n) in [(0.5, 40_000), (0.8, 120_000), (0.9, 400_000)] {
            let (wait, _) = poisson(load / 30.0, n, 0.05, &RULES);
            let expected = theory::md1_wait_mean(load / 30.0, 1.0 / 30.0).unwrap();
            assert!((wait / expected - 1.0).abs() < 0.04, "{load}: {wait} for {expected}");
        }
    }

    /// Full batches of ten with 5 % bad ones: 59.9 % green, 4.06 runs each.
    #[test]
    fn red_batches_cost_their_bisection() {
        for (p, k) in [(0.05, 10), (0.05, 2), (0.2, 7), (0.01, 64)] {
            let rules = Rules { batch: k, ..RULES };
            let (mut d, mut agenda) = (Delivery::new(&[0], 1), Vec::new());
            let mut flaws = Stream::new(7, "test", "flaw", 0);
            let batches = 20_000 / u32::from(k).min(10);
            for id in 0..batches * u32::from(k) {
                let flaw = if flaws.chance(p) { Flaw::Caught } else { Flaw::None };
                d.merge(Us::ZERO, Change { flaws: [flaw; 2], ..plain(id, 0) }, false, &rules);
                if (id + 1).is_multiple_of(u32::from(k)) && d.under_way() > 3_000 {
                    run_to(&mut d, &mut agenda, Us::MAX, &rules);
                }
            }
            run_to(&mut d, &mut agenda, Us::MAX, &rules);
            let c = d.counts();
            let (share, runs) = (c.green as f64 / c.batches as f64, c.runs as f64 / c.batches as f64);
            assert!((share - green(p, k.into())).abs() < 0.03, "{p}, {k}: {share} green");
            assert!((runs / runs_per_batch(p, k.into()) - 1.0).abs() < 0.05, "{p}, {k}: {runs} runs");
        }
    }

    /// Talk, a release, a release: 4 h + 30 min + 30 min where nobody waits.
    #[test]
    fn a_change_across_two_deployables_takes_talk_and_two_releases() {
        let mut d = Delivery::new(&[0, 1, 1], 2);
        let mut agenda = Vec::new();
        d.merge(Us::ZERO, Change { parts: [0, 1], ..plain(1, 0) }, true, &RULES);
        d.merge(Us::ZERO, Change { parts: [1, 2], ..plain(2, 1) }, false, &RULES);
        run_to(&mut d, &mut agenda, Us::MAX, &RULES);
        let seen: Vec<_> = d.done.iter().map(|done| (done.change.id, done.releases, done.lead)).collect();
        assert_eq!(seen, [(2, 1, Us::s(30)), (1, 2, Us::s(300))]);
        // Put together again, the same change needs one run.
        d.done.clear();
        d.carry(Us::s(400), 0, 1, &RULES);
        d.merge(Us::s(400), Change { parts: [0, 1], ..plain(3, 0) }, false, &RULES);
        run_to(&mut d, &mut agenda, Us::MAX, &RULES);
        assert_eq!((d.done[0].releases, d.done[0].lead), (1, Us::s(30)));
    }

    #[test]
    fn a_red_main_loses_the_run_in_hand() {
        let (mut d, mut agenda) = (Delivery::new(&[0], 1), Vec::new());
        d.merge(Us::ZERO, plain(1, 0), false, &RULES);
        d.stop(Us::s(20), 0, Us::s(100));
        d.merge(Us::s(21), plain(2, 0), false, &RULES);
        run_to(&mut d, &mut agenda, Us::MAX, &RULES);
        let leads: Vec<Us> = d.done.iter().map(|done| done.lead).collect();
        assert_eq!(leads, [Us::s(130), Us::s(139)]);
    }

    /// What is seen of a pipeline at work: who waits, who is in its run and since when, until when it stands.
    #[test]
    fn a_pipeline_says_what_it_is_at() {
        let rules = Rules { batch: 4, ..RULES };
        let (mut d, mut agenda) = (Delivery::new(&[0, 1, 1], 2), Vec::new());
        assert_eq!([0, 1, 2].map(|part| d.home(part)), [0, 1, 1]);
        let across = |parts| Change { parts, ..plain(9, 0) };
        assert!(d.crosses(&across([0, 1])) && !d.crosses(&across([1, 2])));
        d.merge(Us::ZERO, across([0, 1]), true, &rules);
        d.merge(Us::ZERO, across([0, 2]), true, &rules);
        assert_eq!((d.talking(), d.running(0), d.busy(Us::s(5))), (2, None, Us::ZERO));
        (1..=4).for_each(|id| assert!(d.merge(Us::ZERO, plain(id, 0), false, &rules)));
        assert_eq!((d.running(0), d.in_batch(0), d.waiting(0)), (Some((Us::ZERO, 1)), 1, 3));
        run_to(&mut d, &mut agenda, Us::s(30), &rules);
        assert_eq!((d.running(0), d.in_batch(0), d.waiting(0)), (Some((Us::s(30), 3)), 3, 0));
        assert_eq!((d.busy(Us::s(40)), d.running(1), d.under_way()), (Us::s(40), None, 5));
        d.stop(Us::s(45), 0, Us::s(100));
        assert_eq!((d.running(0), d.busy(Us::s(60))), (None, Us::s(45)), "what was lost took its time too");
        assert_eq!((d.red_until(0, Us::s(99)), d.red_until(0, Us::s(100))), (Some(Us::s(100)), None));
        run_to(&mut d, &mut agenda, Us::MAX, &rules);
        assert_eq!((d.talking(), d.under_way(), d.counts().released), (0, 0, 6));
        assert_eq!(d.runs().map(|run| run.changes).collect::<Vec<_>>(), [1, 3, 1, 1, 1, 1]);
    }

    #[test]
    fn where_there_is_no_room_changes_are_turned_away_and_counted() {
        let mut d = Delivery::new(&[0], 1);
        assert!((0..ROOM as u32).all(|id| d.merge(Us::ZERO, plain(id, 0), true, &RULES)));
        assert!((0..2).all(|id| !d.merge(Us::ZERO, plain(id, 0), false, &RULES)));
        assert_eq!((d.counts().turned_away, d.counts().merged, d.invariants()), (2, ROOM as u64, Ok(())));
        let breaks: [fn(&mut Delivery); 3] =
            [|d| d.counts.released += 1, |d| (d.talking, d.counts.merged) = (0, 0), |d| d.counts.green += 1];
        for breaks in breaks {
            let mut broken = d.clone();
            breaks(&mut broken);
            assert!(broken.invariants().is_err());
        }
    }

    #[test]
    fn most_is_done_at_the_peak() {
        let peak = output_peak(0.1, 0.002);
        let best = output(peak, 0.1, 0.002);
        for n in 1..200 {
            assert!(output(f64::from(n), 0.1, 0.002) <= best + 1e-9);
        }
        assert_eq!(output(1.0, 0.3, 0.2), 1.0, "who is alone waits for nobody");
        assert_eq!((pairs(0), pairs(1), pairs(12)), (0, 0, 66));
    }

    proptest! {
        /// Whatever is merged, carried and stopped, and in whatever batches: every change gets one verdict, the one
        /// that its flaws deserve, and nothing is lost on the way.
        #[test]
        fn every_change_gets_the_verdict_it_deserves(
            changes in prop::collection::vec((0u8..6, 0u8..6, 0u8..8, 0u8..8, any::<bool>(), 0u64..90), 1..120),
            moves in prop::collection::vec((0usize..120, 0u8..6, 0u8..4), 0..12),
            stops in prop::collection::vec((0usize..120, 0u8..4, 1u64..500), 0..6),
            batch in 1u16..12,
        ) {
            let rules = Rules { batch, ..RULES };
            let flaw = |n: u8| [Flaw::Caught, Flaw::Slips].get(usize::from(n)).copied().unwrap_or(Flaw::None);
            let (mut d, mut agenda, mut now) = (Delivery::new(&[0, 0, 1, 1, 2, 3], 4), Vec::new(), Us::ZERO);
            let mut done = Vec::new();
            for (i, (a, b, first, second, talk, gap)) in changes.iter().enumerate() {
                now += Us::s(*gap);
                run_to(&mut d, &mut agenda, now, &rules);
                for (_, part, to) in moves.iter().filter(|m| m.0 == i) {
                    d.carry(now, *part, *to, &rules);
                }
                for (_, lane, lasts) in stops.iter().filter(|s| s.0 == i) {
                    d.stop(now, *lane, now + Us::s(*lasts));
                }
                let change = Change { id: i as u32, parts: [*a, *b], flaws: [flaw(*first), flaw(*second)] };
                prop_assert!(d.merge(now, change, *talk, &rules));
                prop_assert_eq!(d.invariants(), Ok(()));
                done.append(&mut d.done);
            }
            run_to(&mut d, &mut agenda, Us::MAX, &rules);
            prop_assert_eq!(d.invariants(), Ok(()));
            done.append(&mut d.done);
            prop_assert_eq!(d.under_way(), 0);
            let mut ids: Vec<u32> = done.iter().map(|d| d.change.id).collect();
            ids.sort_unstable();
            prop_assert_eq!(ids, (0..changes.len() as u32).collect::<Vec<_>>());
            for d in &done {
                let met = &d.change.flaws[..usize::from(d.releases)];
                let deserved = match met.iter().find(|f| **f != Flaw::None) {
                    Some(Flaw::Caught) => Verdict::Reverted,
                    Some(Flaw::Slips) => Verdict::RolledBack,
                    _ => Verdict::Released,
                };
                prop_assert_eq!(d.verdict, deserved);
                let least = rules.run * u64::from(d.releases) + if d.talked { rules.talk } else { Us::ZERO };
                prop_assert!(d.lead >= least + d.waited);
            }
        }
    }

    /// A red batch is halved, and each part is a run of its own: as many changes as are in it, and a deployment if it
    /// is green.
    #[test]
    fn every_part_of_a_red_batch_is_a_run_of_its_own() {
        let rules = Rules { batch: 4, ..RULES };
        let (mut d, mut agenda) = (Delivery::new(&[0], 1), Vec::new());
        d.stop(Us::ZERO, 0, Us::s(10));
        for id in 1..=4 {
            let flaw = if id == 3 { Flaw::Caught } else { Flaw::None };
            d.merge(Us::ZERO, Change { flaws: [flaw; 2], ..plain(id, 0) }, false, &rules);
        }
        for (at, part) in [(10, 4), (40, 2), (70, 2), (100, 1), (130, 1)] {
            run_to(&mut d, &mut agenda, Us::s(at), &rules);
            assert_eq!(d.running(0), Some((Us::s(at), part)));
        }
        run_to(&mut d, &mut agenda, Us::MAX, &rules);
        let runs: Vec<_> = d.runs().map(|run| (run.changes, run.green)).collect();
        assert_eq!(runs, [(4, false), (2, true), (2, false), (1, false), (1, true)]);
        let c = d.counts();
        assert_eq!((c.batches, c.green, c.runs, c.deployments, c.released, c.reverted), (1, 0, 5, 2, 3, 1));
    }
}
