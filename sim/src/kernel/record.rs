//! What is remembered of a run besides its state: the log, the history of the numbers, the marks.
//!
//! A recorder only listens beyond its frontier, the furthest moment the run has reached. So going
//! back and running forward again adds nothing twice, and acting in the past cuts it off there.

use super::Us;
use crate::declare::Tone;
use std::collections::VecDeque;

/// One thing that happened, as a code and two numbers; words are made when somebody reads it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    pub at: Us,
    /// How many events had been processed when it happened.
    pub events: u64,
    pub tone: Tone,
    /// The question's own code; `Model::tell` turns it into a sentence.
    pub code: u8,
    /// The request it is about, or `NO_REQUEST`.
    pub request: u32,
    pub a: i64,
    pub b: i64,
}

impl Line {
    pub const NO_REQUEST: u32 = u32::MAX;
}

/// The numbers of a run, sampled at fixed simulated intervals.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub every: Us,
    pub width: usize,
    /// Row after row of `width` values; NaN where a number had too few samples.
    pub values: Vec<f32>,
    /// Refusals, failures and the like since the row before, for the marks on the timeline.
    pub bad: Vec<u32>,
}

impl History {
    pub fn rows(&self) -> usize {
        self.bad.len()
    }
    /// The time of row `i`, which shows the state just before it.
    pub fn time(&self, row: usize) -> Us {
        self.every * (row as u64 + 1)
    }
    pub fn get(&self, row: usize, number: usize) -> f32 {
        self.values.get(row * self.width + number).copied().unwrap_or(f32::NAN)
    }
}

/// The path of one request, from `Live::story`.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub lines: Vec<Line>,
}

/// At most this many log lines are kept; older ones go first and are counted in `forgotten`.
pub const LOG_LINES_MAX: usize = 4_000;

#[derive(Clone, Debug, Default)]
pub struct Recorder {
    pub log: VecDeque<Line>,
    pub forgotten: u64,
    pub history: History,
    bad_now: u32,
}

impl Recorder {
    pub fn new(every: Us, width: usize) -> Recorder {
        Recorder { history: History { every, width, ..History::default() }, ..Recorder::default() }
    }

    /// Bytes of what is kept.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn weight(&self) -> usize {
        let history = size_of_val(&*self.history.values) + size_of_val(&*self.history.bad);
        history + self.log.len() * size_of::<Line>()
    }

    pub fn line(&mut self, line: Line) {
        if self.log.len() == LOG_LINES_MAX {
            self.log.pop_front();
            self.forgotten += 1;
        }
        self.log.push_back(line);
    }

    #[inline(always)]
    pub fn bad(&mut self) {
        self.bad_now += 1;
    }

    pub fn row(&mut self, values: impl Iterator<Item = f32>) {
        self.history.values.extend(values);
        self.history.bad.push(self.bad_now);
        self.bad_now = 0;
    }

    /// Forgets everything after this moment: the reader has acted there, and the future is another.
    pub fn cut(&mut self, at: Us, events: u64) {
        while self.log.back().is_some_and(|l| l.at > at || l.events > events) {
            self.log.pop_back();
        }
        let rows = at.0.checked_div(self.history.every.0).unwrap_or(0) as usize;
        let rows = rows.min(self.history.rows());
        self.history.bad.truncate(rows);
        self.history.values.truncate(rows * self.history.width);
        self.bad_now = 0;
    }
}
