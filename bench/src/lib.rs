//! What `cargo xtask bench` measures: the engine's plain queue, the same queue written by hand, the largest topology of
//! the questions, and seeking.
//!
//! The hand-written loop is the yardstick: what a careful programmer would write for this one queue and
//! nothing else. No tape, no digest, no checkpoints, no block, no trait.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// The queue that is compared: four servers at utilisation 0.8.
pub const SERVERS: u32 = 4;
pub const ARRIVALS_PER_S: f64 = 3_200.0;
pub const SERVICES_PER_S: f64 = 1_000.0;

/// M/M/4, first come first served, with std's heap of (time, sequence). Times in microseconds.
/// Returns the mean wait in seconds.
pub fn by_hand(customers: u64, seed: u64) -> f64 {
    const ARRIVAL: u8 = 0;
    const DEPARTURE: u8 = 1;
    let mut random = seed << 1 | 1;
    let mut exponential = |mean_us: f64| {
        // xorshift64*: shorter than any generator with a name people trust.
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        let bits = random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        -libm::log((bits as f64 + 0.5) / (1_u64 << 53) as f64) * mean_us
    };
    let (gap_us, service_us) = (1e6 / ARRIVALS_PER_S, 1e6 / SERVICES_PER_S);
    let mut heap = BinaryHeap::new();
    let mut line = VecDeque::new();
    let (mut sequence, mut arrived, mut busy, mut waited_us) = (0_u64, 0_u64, 0_u32, 0_u64);
    // Gaps are summed before they are rounded, as in the engine.
    let mut clock_us = exponential(gap_us);
    heap.push(Reverse((clock_us as u64, sequence, ARRIVAL)));
    while let Some(Reverse((now, _, kind))) = heap.pop() {
        if kind == ARRIVAL {
            arrived += 1;
            if arrived < customers {
                clock_us += exponential(gap_us);
                sequence += 1;
                heap.push(Reverse((clock_us as u64, sequence, ARRIVAL)));
            }
            line.push_back(now);
        } else {
            busy -= 1;
        }
        while busy < SERVERS {
            let Some(came) = line.pop_front() else { break };
            busy += 1;
            waited_us += now - came;
            sequence += 1;
            heap.push(Reverse((now + (exponential(service_us) + 0.5) as u64, sequence, DEPARTURE)));
        }
    }
    waited_us as f64 / 1e6 / customers as f64
}

/// The same queue on the engine, with everything it does for a question. Returns the mean wait in seconds.
pub fn by_engine(customers: u64, seed: u64) -> f64 {
    sim::plain_queue(SERVERS, ARRIVALS_PER_S, SERVICES_PER_S, None, customers, seed)
        .expect("these arguments make sense")
        .mean_wait_s
}

/// The mean wait of that queue in seconds, by Erlang C.
pub fn by_theory() -> f64 {
    sim::theory::mmc_wait_mean(SERVERS, ARRIVALS_PER_S, SERVICES_PER_S).expect("the queue is stable")
}

/// The question with the largest topology: edge, balancers, a hundred servers, cache cluster, sharded database, broker
/// and jobs, at 16,667 requests a second, each with the client's timer and a second one while it waits for the database.
pub const TOPOLOGY: &str = "million-rpm-architecture";

/// Runs it with its defaults and everything on. Returns how many events that took.
pub fn topology(seconds: u32, seed: u64) -> u64 {
    let question = sim::questions::find(TOPOLOGY).expect("the question exists");
    let mut value = sim::kernel::RunValue::new(question);
    value.seed = seed;
    let mut run = question.run(value);
    run.advance(sim::kernel::Us::s(u64::from(seconds)), u64::MAX);
    run.frontier().events
}

/// A run of a question that is sought through.
pub struct Seeker {
    run: Box<dyn sim::kernel::Live>,
}

impl Seeker {
    /// Runs the question with its defaults for `seconds`, or to its horizon if that comes first.
    pub fn new(slug: &str, seconds: u32) -> Result<Self, String> {
        let question = sim::questions::find(slug)?;
        let mut run = question.run(sim::kernel::RunValue::new(question));
        run.advance(sim::kernel::Us::s(u64::from(seconds)).min(question.horizon), u64::MAX);
        Ok(Self { run })
    }

    /// How far the run has come, in seconds.
    pub fn length_s(&self) -> f64 {
        self.run.frontier().at.as_s()
    }

    pub fn seek(&mut self, part: f64) {
        let at = self.run.frontier().at.0 as f64 * part.clamp(0.0, 1.0);
        self.run.seek(sim::kernel::Us(at as u64));
    }

    pub fn events(&self) -> u64 {
        self.run.frontier().events
    }

    pub fn checkpoint_bytes(&self) -> usize {
        self.run.checkpoint_bytes()
    }
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    pub fn by_hand(customers: u32, seed: u32) -> f64 {
        crate::by_hand(u64::from(customers), u64::from(seed))
    }

    #[wasm_bindgen]
    pub fn by_engine(customers: u32, seed: u32) -> f64 {
        crate::by_engine(u64::from(customers), u64::from(seed))
    }

    #[wasm_bindgen]
    pub fn topology(seconds: u32, seed: u32) -> f64 {
        crate::topology(seconds, u64::from(seed)) as f64
    }

    #[wasm_bindgen]
    pub fn slugs() -> Vec<String> {
        sim::questions::ALL.iter().map(|question| question.slug.to_owned()).collect()
    }

    #[wasm_bindgen]
    pub struct Seeker(crate::Seeker);

    #[wasm_bindgen]
    impl Seeker {
        #[wasm_bindgen(constructor)]
        pub fn new(slug: &str, seconds: u32) -> Result<Seeker, String> {
            crate::Seeker::new(slug, seconds).map(Seeker)
        }
        pub fn length_s(&self) -> f64 {
            self.0.length_s()
        }
        pub fn seek(&mut self, part: f64) {
            self.0.seek(part);
        }
        pub fn events(&self) -> f64 {
            self.0.events() as f64
        }
        pub fn checkpoint_bytes(&self) -> usize {
            self.0.checkpoint_bytes()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_queues_are_the_same_queue() {
        let theory = by_theory();
        for mean in [by_hand(600_000, 7), by_engine(600_000, 7)] {
            assert!((mean / theory - 1.0).abs() < 0.05, "{mean} against {theory}");
        }
    }
}
