//! The machine under every simulation.
//!
//! A run is a value: (question, version, seed, knobs, inputs). The kernel turns that value into a
//! history of events, ordered by (time, sequence), and can visit any moment of it.

mod chance;
mod digest;
mod queue;
mod record;
mod run;
mod time;

pub use chance::{Stream, Tape, unit_exp};
pub use digest::{Digest, Trace, mix};
pub use queue::Queue;
pub use record::{History, Line, Recorder, Story};
pub use run::{
    Advance, CHECKPOINT_BYTES_MAX, Ctx, Footprint, Input, Live, Model, Moment, Read, Run, RunValue, Setup, Told, What,
    make, read, told,
};
pub use time::Us;
