//! The engine of Breakable: every request simulated, every run a value.
//!
//! `kernel` is the machine (time, events, chance, runs), `blocks` are the parts that backend
//! systems are made of, `questions` wire blocks into the simulations, `measure` and `theory`
//! say what a run shows and what it should show.
//!
//! Nothing in here reads a clock, a file or the network, or makes up chance of its own: the same
//! run value gives the same bits on every machine. `clippy.toml` beside this crate bans what would
//! break that.

#[cfg(feature = "runner")]
pub mod accuracy;
pub mod armed;
pub mod blocks;
#[cfg(feature = "runner")]
pub mod cores;
pub mod decimal;
pub mod declare;
pub mod deque;
pub mod golden;
#[cfg(feature = "runner")]
pub mod judge;
pub mod kernel;
pub mod link;
pub mod look;
pub mod measure;
pub mod order;
pub mod plain;
#[cfg(feature = "questions")]
pub mod questions;
pub mod rows;
pub mod script;
#[cfg(feature = "runner")]
pub mod seeds;
pub mod slab;
#[cfg(feature = "runner")]
pub mod soak;
pub mod text;
pub mod theory;

pub use declare::{Act, Arg, Better, Kind, Knob, Knobs, Measure, Number, Origin, Question, Tone};
pub use kernel::{Advance, Ctx, Input, Line, Live, Model, Moment, Queue, RunValue, Setup, Stream, Trace, Us, What};
pub use plain::{QueueReport, plain_queue};
