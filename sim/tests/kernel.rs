//! The promises of the kernel, held against a small queueing model and random orders of visits.

use proptest::prelude::*;
use sim::kernel::{Tape, make, unit_exp};
use sim::{
    Act, Arg, Better, Ctx, Input, Knob, Knobs, Line, Live, Model, Moment, Number, Question, RunValue, Setup, Stream,
    Tone, Trace, Us, What, indexed,
};

indexed! { pub mod knob: Knob { RATE = Knob::float("rate", "Rate", 50.0, 0.0, 500.0, 1.0).live() } }
indexed! { pub mod act: Act {
    BURST = Act { key: "burst", label: "Burst", hotkey: 'b', fault: true, help: "",
        args: &[Arg::int("count", "Requests", 10, 1, 1000)] }
} }
indexed! { pub mod number: Number { SERVED = Number::new("served", "served", "", Better::Up) } }

static TOY: Question = Question {
    slug: "toy",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: &[],
    nodes: &["server"],
    links: &[],
    sample_every: Us::ms(100),
    horizon: Us::s(60),
    lifetime_max: Us::s(5),
    tap: None,
    code: &[],
    make: make::<Toy>,
};

#[derive(Clone, Copy)]
enum Event {
    Arrive(u32),
    Done(u32),
}
impl Trace for Event {
    fn word(&self) -> u64 {
        match *self {
            Event::Arrive(g) => u64::from(g),
            Event::Done(r) => 1 << 40 | u64::from(r),
        }
    }
}

/// One server, one line, Poisson arrivals: enough to make ties, backlogs and idle stretches.
#[derive(Clone)]
struct Toy {
    load: sim::blocks::load::Load,
    service: Stream,
    waiting: std::collections::VecDeque<u32>,
    busy: bool,
    next: u32,
    served: u64,
}

impl Toy {
    fn offer(&mut self, ctx: &mut Ctx<Event>) {
        let id = self.next;
        self.next += 1;
        ctx.step(Tone::Info, 0, id, 0, 0);
        if self.busy {
            self.waiting.push_back(id);
            ctx.bad();
        } else {
            self.serve(id, ctx);
        }
    }
    fn serve(&mut self, id: u32, ctx: &mut Ctx<Event>) {
        self.busy = true;
        let demand = Us::from_us(unit_exp(self.service.at(u64::from(id) + 1)) * 15_000.0);
        ctx.after(demand, Event::Done(id));
    }
}

impl Model for Toy {
    type Event = Event;
    fn new(setup: &Setup) -> Toy {
        let tape = Tape::new(setup.seed);
        Toy {
            load: sim::blocks::load::Load::new(tape, setup.knobs.get(knob::RATE)),
            service: tape.purpose("service"),
            waiting: Default::default(),
            busy: false,
            next: 0,
            served: 0,
        }
    }
    fn start(&mut self, ctx: &mut Ctx<Event>) {
        if let Some(t) = self.load.due() {
            ctx.at(t, Event::Arrive(self.load.generation));
        }
    }
    fn on(&mut self, event: Event, ctx: &mut Ctx<Event>) {
        match event {
            Event::Arrive(g) if g == self.load.generation => {
                self.load.arrive(ctx.now);
                self.offer(ctx);
                self.start(ctx);
            }
            Event::Arrive(_) => {}
            Event::Done(id) => {
                self.served += 1;
                ctx.step(Tone::Ok, 1, id, 0, 0);
                if self.served.is_multiple_of(50) {
                    ctx.log(Tone::Ok, 2, id, self.served as i64, 0);
                }
                self.busy = false;
                if let Some(id) = self.waiting.pop_front() {
                    self.serve(id, ctx);
                }
            }
        }
    }
    fn act(&mut self, _act: u8, args: &[f64], ctx: &mut Ctx<Event>) {
        ctx.log(Tone::Fault, 3, Line::NO_REQUEST, args[0] as i64, 0);
        for _ in 0..args[0] as u64 {
            self.offer(ctx);
        }
    }
    fn knob(&mut self, _knob: u8, knobs: &Knobs, ctx: &mut Ctx<Event>) {
        self.load.set_rate(ctx.now, knobs.get(knob::RATE));
        self.start(ctx);
    }
    fn number(&self, _number: u8, _now: Us) -> Option<f64> {
        Some(self.served as f64)
    }
    fn measure(&self, _measure: u8, _args: &[f64], _now: Us) -> Option<f64> {
        None
    }
    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![("offered", u64::from(self.next)), ("served", self.served), ("waiting", self.waiting.len() as u64)]
    }
    fn invariants(&self, _now: Us) -> Result<(), String> {
        let here = self.served + self.waiting.len() as u64 + u64::from(self.busy);
        (here == u64::from(self.next))
            .then_some(())
            .ok_or_else(|| format!("offered {} but accounted {here}", self.next))
    }
    fn weight(&self) -> usize {
        size_of::<Self>() + self.waiting.len() * 4
    }
    fn tell(line: &Line) -> String {
        format!("code {}", line.code)
    }
    fn words(&self, _now: Us) -> Vec<(String, String)> {
        vec![]
    }
}

fn run(seed: u64, inputs: Vec<Input>) -> Box<dyn Live> {
    let mut value = RunValue::new(&TOY);
    value.seed = seed;
    value.inputs = inputs;
    TOY.run(value)
}
fn burst(at: u64, count: u64) -> Input {
    Input { at: Us(at), what: What::Act { act: 0, args: [count as f64, 0.0, 0.0] } }
}
/// What must be equal for two runs to be at the same point of the same history.
fn face(r: &dyn Live) -> (Moment, u64, Vec<(&'static str, u64)>) {
    (r.moment(), r.digest(), r.counts())
}
fn shape(r: &dyn Live) -> (usize, usize, Vec<u32>) {
    (r.history().rows(), r.log().len(), r.history().values.iter().map(|v| v.to_bits()).collect())
}

#[derive(Clone, Debug)]
enum Move {
    Seek(u64),
    Forward,
    Back,
    Advance(u64),
    Budget(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec(
        prop_oneof![
            (0u64..20_000_000).prop_map(Move::Seek),
            Just(Move::Forward),
            Just(Move::Back),
            Just(Move::Back),
            (0u64..3_000_000).prop_map(Move::Advance),
            (1u64..500).prop_map(Move::Budget),
        ],
        1..25,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// However one gets to a moment, it is the same moment; and the record is the same too.
    #[test]
    fn any_way_to_a_moment_shows_the_same(seed in 0u64..1000, ways in moves(), at in 0u64..20_000_000,
        bursts in prop::collection::vec((0u64..20_000_000, 1u64..30), 0..6)) {
        let mut inputs: Vec<Input> = bursts.into_iter().map(|(t, n)| burst(t, n)).collect();
        inputs.sort_by_key(|i| i.at);
        let mut wandering = run(seed, inputs.clone());
        for way in ways {
            match way {
                Move::Seek(t) => wandering.seek(Us(t)),
                Move::Forward => { wandering.step_forward(); }
                Move::Back => { wandering.step_back(); }
                Move::Advance(d) => { let t = wandering.moment().at + Us(d); wandering.advance(t, u64::MAX); }
                Move::Budget(n) => { let t = wandering.moment().at + Us::s(5); wandering.advance(t, n); }
            }
        }
        let furthest = wandering.frontier().at.max(Us(at));
        wandering.seek(Us(at));
        let mut straight = run(seed, inputs.clone());
        straight.advance(Us(at), u64::MAX);
        prop_assert_eq!(face(&*wandering), face(&*straight));
        wandering.seek(furthest);
        straight.seek(furthest);
        prop_assert_eq!(face(&*wandering), face(&*straight));
        prop_assert_eq!(shape(&*wandering), shape(&*straight));
    }

    /// Stepping back undoes stepping forward, and a moment (clock and event count) can be found again.
    #[test]
    fn steps_and_moments_are_exact(seed in 0u64..1000, at in 1u64..10_000_000, steps in 1usize..30) {
        let mut r = run(seed, vec![burst(2_000_000, 20), burst(2_000_000, 5)]);
        r.seek(Us(at));
        let mut seen = vec![face(&*r)];
        for _ in 0..steps { prop_assert!(r.step_forward()); seen.push(face(&*r)); }
        let (moment, ..) = seen[steps].clone();
        let mut other = run(seed, r.value().inputs.clone());
        other.seek_moment(moment);
        prop_assert_eq!(face(&*other), seen[steps].clone());
        for i in (1..steps).rev() {
            prop_assert!(r.step_back());
            prop_assert_eq!(&face(&*r).1, &seen[i].1, "after stepping back to step {}", i);
        }
    }

    /// An act becomes part of the value: replaying the value lands on the same history.
    #[test]
    fn an_act_is_replayed_where_it_happened(seed in 0u64..1000, acts in prop::collection::vec((0u64..8_000_000, 1u64..40, 0usize..4), 1..6)) {
        let mut r = run(seed, vec![]);
        for (t, n, steps) in acts {
            r.seek(Us(t));
            for _ in 0..steps { r.step_forward(); }
            r.act(What::Act { act: 0, args: [n as f64, 0.0, 0.0] });
        }
        r.act(What::Knob { knob: 0, value: 120.0 });
        let end = r.moment().at + Us::s(3);
        r.advance(end, u64::MAX);
        let mut again = TOY.run(r.value().clone());
        again.advance(end, u64::MAX);
        prop_assert_eq!(face(&*r), face(&*again));
        prop_assert_eq!(shape(&*r), shape(&*again));
    }

    /// Moving an input is the same as having made it there in the first place.
    #[test]
    fn a_moved_input_is_as_if_it_had_been_there(seed in 0u64..1000, from in 0u64..9_000_000, to in 0u64..9_000_000) {
        let mut r = run(seed, vec![burst(from, 9), burst(9_500_000, 3)]);
        r.advance(Us::s(10), u64::MAX);
        r.set_inputs(vec![burst(to, 9), burst(9_500_000, 3)]);
        let mut straight = run(seed, vec![burst(to, 9), burst(9_500_000, 3)]);
        straight.advance(Us::s(10), u64::MAX);
        prop_assert_eq!(face(&*r), face(&*straight));
    }
}

#[test]
fn acting_in_the_past_forks_and_hands_back_the_old_future() {
    let mut r = run(3, vec![]);
    r.advance(Us::s(10), u64::MAX);
    let end = r.digest();
    r.seek(Us::s(4));
    let old = r.act(What::Act { act: 0, args: [50.0, 0.0, 0.0] }).expect("there was a future");
    assert!(old.inputs.is_empty());
    assert!(r.history().rows() <= 40, "the record of the old future is gone");
    r.advance(Us::s(10), u64::MAX);
    assert_ne!(r.digest(), end);
    let mut back = TOY.run(old);
    back.advance(Us::s(10), u64::MAX);
    assert_eq!(back.digest(), end);
    assert!(r.act(What::Act { act: 0, args: [1.0, 0.0, 0.0] }).is_none(), "nothing lies beyond the frontier");
}

#[test]
fn an_act_leaves_the_rest_of_the_script_in_place() {
    let script = vec![burst(5_000_000, 20), burst(8_000_000, 5)];
    let mut r = run(3, script.clone());
    r.advance(Us::s(2), u64::MAX);
    assert!(r.act(What::Act { act: 0, args: [7.0, 0.0, 0.0] }).is_none(), "the script to come is no past");
    r.advance(Us::s(10), u64::MAX);
    assert_eq!(r.value().inputs.len(), 3);
    let mut straight = run(3, vec![burst(2_000_001, 7), script[0], script[1]]);
    straight.advance(Us::s(10), u64::MAX);
    assert_eq!(face(&*r), face(&*straight));
}

#[test]
fn the_story_of_a_request_is_found_again_by_running_again() {
    let mut r = run(3, vec![]);
    r.advance(Us::s(50), u64::MAX);
    let story = r.story(1_000, Us::s(20));
    let codes: Vec<u8> = story.lines.iter().map(|l| l.code).collect();
    assert_eq!(codes[0], 0);
    assert!(codes.contains(&1), "{codes:?}");
    assert!(story.lines.iter().all(|l| l.request == 1_000));
}

#[test]
fn checkpoints_stay_within_their_bound_and_make_seeking_cheap() {
    let mut r = run(1, vec![Input { at: Us::ZERO, what: What::Knob { knob: 0, value: 500.0 } }]);
    // Overloaded on purpose: the line grows to millions of bytes a checkpoint.
    r.advance(Us::s(4_000), u64::MAX);
    assert!(r.moment().events > 2_000_000);
    assert!(r.checkpoint_bytes() <= sim::kernel::CHECKPOINT_BYTES_MAX, "{}", r.checkpoint_bytes());
    let end = face(&*r);
    r.seek(Us::s(1_234));
    r.seek(Us::s(4_000));
    assert_eq!(face(&*r), end);
}
