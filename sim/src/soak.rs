//! A simulated day of a question: what stays in memory, whether the laws still hold, whether it is the same run again.
#![allow(clippy::disallowed_types, reason = "the tool is timed, not the run")]

use crate::declare::Question;
use crate::kernel::{CHECKPOINT_BYTES_MAX, Footprint, Live, RunValue, Us};
use std::time::Instant;

/// A day.
pub const DAY: Us = Us::s(86_400);
/// The run goes forward in so many stretches; after each the laws are asked.
const STRETCHES: u64 = 100;

/// What a run of this length came to.
pub struct Soaked {
    pub slug: &'static str,
    pub span: Us,
    pub events: u64,
    pub digest: u64,
    /// Whether the same run with detours through its past came to the same digest; `None` if it was not asked.
    pub same: Option<bool>,
    /// After a tenth of it, and at its end.
    pub tenth: Memory,
    pub end: Memory,
    pub seconds: f64,
}

/// What a run holds, and what the process holds because of it.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub run: Footprint,
    /// Resident bytes of the process, where the system says.
    pub resident: Option<u64>,
}

fn memory(run: &dyn Live) -> Memory {
    Memory { run: run.footprint(), resident: resident() }
}

/// Linux says it in kibibytes: `VmRSS:    123456 kB`.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Runs a question at its defaults for `span`, asking its laws at a hundred moments; then, if `again`, once more with
/// detours through the past, which must not show.
///
/// # Errors
/// The law that was broken and when, or that the checkpoints took more than they may.
pub fn soak(q: &'static Question, seed: u64, span: Us, again: bool) -> Result<Soaked, String> {
    let start = Instant::now();
    let value = RunValue { seed, ..RunValue::new(q) };
    let mut run = q.run(value.clone());
    let mut tenth = memory(&*run);
    for stretch in 1..=STRETCHES {
        let at = Us(span.0 / STRETCHES * stretch);
        run.advance(at, u64::MAX);
        run.invariants().map_err(|law| format!("{} at {at}: {law}", q.slug))?;
        let kept = run.footprint().checkpoints;
        if kept > CHECKPOINT_BYTES_MAX {
            return Err(format!("{} at {at}: the checkpoints take {kept} bytes of {CHECKPOINT_BYTES_MAX}", q.slug));
        }
        if stretch == STRETCHES / 10 {
            tenth = memory(&*run);
        }
    }
    run.advance(span, u64::MAX);
    let end = memory(&*run);
    let (digest, events) = (run.digest(), run.moment().events);
    drop(run);
    let same = again.then(|| with_detours(q.run(value), span) == (digest, events));
    Ok(Soaked { slug: q.slug, span, events, digest, same, tenth, end, seconds: start.elapsed().as_secs_f64() })
}

/// The same run, but at each quarter the reader goes back some way and looks at what was before.
fn with_detours(mut run: Box<dyn Live>, span: Us) -> (u64, u64) {
    for quarter in 1..=4 {
        let at = Us(span.0 / 4 * quarter);
        run.advance(at, u64::MAX);
        run.seek(Us(at.0 - span.0 / 32));
        run.step_back();
        run.seek(at);
    }
    run.seek(span);
    (run.digest(), run.moment().events)
}

impl Soaked {
    /// The heads of [`Soaked::row`].
    pub const HEAD: &str = "| question | simulated | events | wall | state 10 % | state 100 % | checkpoints | timeline | process 10 % | process 100 % | digest | twice |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|---|";

    /// A line of the table in RELIABILITY.md.
    pub fn row(&self) -> String {
        let share = self.span.as_s() * 100.0 / DAY.as_s();
        let simulated =
            if self.span == DAY { "a day".to_owned() } else { format!("{} ({share:.1} % of a day)", self.span) };
        let same = match self.same {
            None => "-",
            Some(true) => "same",
            Some(false) => "DIFFERS",
        };
        format!(
            "| {} | {simulated} | {} | {:.0} s | {} | {} | {} | {} | {} | {} | `{:016x}` | {same} |",
            self.slug,
            self.events,
            self.seconds,
            size(Some(self.tenth.run.state as u64)),
            size(Some(self.end.run.state as u64)),
            size(Some(self.end.run.checkpoints as u64)),
            size(Some(self.end.run.timeline as u64)),
            size(self.tenth.resident),
            size(self.end.resident),
            self.digest
        )
    }
}

fn size(bytes: Option<u64>) -> String {
    match bytes {
        None => "-".to_owned(),
        Some(bytes) if bytes < 1 << 20 => format!("{:.0} KiB", bytes as f64 / 1_024.0),
        Some(bytes) => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
