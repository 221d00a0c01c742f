//! The clients: what their code reads, what they hear, and when they move.

use super::{Answer, knob};
use crate::blocks::deprecation::{DAY, Hazards, Reached};
use crate::blocks::versions::{FIELDS, Reader, STATUS, Schema};
use crate::declare::Knobs;
use crate::kernel::{Stream, Us};

/// Of a hundred clients, how many use each field.
const READ_BY: [f64; FIELDS as usize] = [1.0, 0.9, 0.6, 0.4, 0.1, 0.2, 0.2, 0.2, 0.2];

const STRICT: u16 = 1 << 9;
const EXHAUSTIVE: u16 = 1 << 10;
const CREATES: u16 = 1 << 11;
const SEES_HEADERS: u16 = 1 << 12;
const READS_MAIL: u16 = 1 << 13;
const SILENT: u16 = 1 << 14;

/// A moment that has not come.
const NEVER: u32 = u32::MAX;

/// A program that calls the API. Its number is its rank by volume.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Fields that it uses, one bit each, then its habits.
    habits: u16,
    /// The version that its code was written for, and the shape that this version had then.
    pub version: u8,
    pub shape: u8,
    /// The version before its last move, and when that was, in ms.
    pub from: u8,
    moved_ms: u32,
    pub last: Option<Answer>,
    /// Its last call.
    pub call: u32,
    refused_ms: u32,
    failed_ms: u32,
    pub seen_header: bool,
    pub mailed: bool,
    /// It will move with its next release.
    pub decided: bool,
    pub was_hurt: bool,
    pub was_misled: bool,
    pub felt_brownout: bool,
    /// The day of its releases, counted from the first.
    phase: u8,
}

fn ms(at: Us) -> u32 {
    (at.0 / 1_000) as u32
}

/// Of the calendar.
fn day(at: Us) -> u64 {
    at.0 / DAY.0
}

/// Within the last day.
fn lately(now: Us, then_ms: u32) -> bool {
    then_ms != NEVER && now.0 <= u64::from(then_ms) * 1_000 + DAY.0
}

impl Client {
    pub fn reader(&self, schema: Schema) -> Reader {
        let is = |bit| self.habits & bit != 0;
        let reads = self.habits & 0x1ff;
        Reader { schema, reads, strict: is(STRICT), exhaustive: is(EXHAUSTIVE), creates: is(CREATES) }
    }
    pub(super) fn habits(&self) -> u64 {
        self.habits.into()
    }
    pub fn is_silent(&self) -> bool {
        self.habits & SILENT != 0
    }
    /// The part of a move that is over, after so long.
    pub fn moved(&self, now: Us, takes: Us) -> f32 {
        if self.moved_ms == NEVER {
            return 1.0;
        }
        let since = now.0.saturating_sub(u64::from(self.moved_ms) * 1_000);
        if since >= takes.0 { 1.0 } else { since as f32 / takes.0 as f32 }
    }
    pub fn reached(&self, now: Us) -> Reached {
        Reached {
            header: self.seen_header,
            email: self.mailed,
            brownout: self.refused_ms != NEVER && day(Us::ms(self.refused_ms.into())) + 1 == day(now),
            broken: lately(now, self.failed_ms),
        }
    }

    /// One of its calls has ended.
    pub(super) fn called(&mut self, now: Us, call: u32, answer: Answer, told_of_the_end: bool) {
        (self.last, self.call) = (Some(answer), call);
        self.seen_header |= told_of_the_end && self.habits & SEES_HEADERS != 0;
        self.was_misled |= answer == Answer::Misled;
        if answer == Answer::Brownout {
            self.refused_ms = ms(now);
            self.felt_brownout = true;
        }
        if answer.is_broken() {
            self.failed_ms = ms(now);
            self.was_hurt = true;
        }
    }

    /// An e-mail comes; true if somebody reads it.
    pub(super) fn mailed(&mut self) -> bool {
        let reads = self.habits & READS_MAIL != 0;
        self.mailed |= reads;
        reads
    }

    /// Once a day: whether its developers release a move today. `name` is (seed, client, day).
    ///
    /// A brownout is talked about on the day after it, once.
    pub(super) fn thinks(
        &mut self,
        now: Us,
        newest: u8,
        shape: u8,
        h: &Hazards,
        name: (u64, u64, u64),
        cadence: u32,
    ) -> bool {
        let reached = self.reached(now);
        // On another version, or broken under the number that it has.
        let has_reason = self.version != newest || (reached.broken && self.shape != shape);
        if !has_reason {
            self.decided = false;
            return false;
        }
        if !self.decided {
            let draws = Stream::new(name.0, "client", "moves", name.1);
            self.decided = h.moves(reached, [0, 1, 2].map(|i| draws.unit_at(name.2 * 3 + i + 1)));
        }
        self.decided && (name.2 as u32 + u32::from(self.phase)).is_multiple_of(cadence)
    }

    /// New code, for the newest version as it is now.
    pub(super) fn move_to(&mut self, now: Us, version: u8, shape: u8) {
        (self.from, self.moved_ms) = (self.version, ms(now));
        (self.version, self.shape, self.last) = (version, shape, None);
        (self.refused_ms, self.failed_ms) = (NEVER, NEVER);
        (self.seen_header, self.mailed, self.decided) = (false, false, false);
    }
}

/// Exactly the shares that the knobs say, given out at random: each trait by a shuffle of its own.
pub(super) fn population(seed: u64, k: &Knobs, cadence: u32) -> Vec<Client> {
    let n = k.int(knob::CLIENTS) as usize;
    let mut habits = vec![0u16; n];
    for (f, share) in READ_BY.iter().enumerate() {
        give(seed, &mut habits, 1 << f, *share, 0, f as u64);
    }
    let shares = [
        (STRICT, knob::STRICT, 0),
        // A switch over the status is written by those who read it.
        (EXHAUSTIVE, knob::EXHAUSTIVE, 1 << STATUS),
        (CREATES, knob::CREATES, 0),
        (SEES_HEADERS, knob::READERS, 0),
        (READS_MAIL, knob::MAIL, 0),
        (SILENT, knob::SILENT, 0),
    ];
    for (i, (bit, knob, among)) in shares.into_iter().enumerate() {
        give(seed, &mut habits, bit, k.share(knob), among, 20 + i as u64);
    }
    let phases = Stream::new(seed, "client", "release", 0);
    let client = |(who, habits)| Client {
        habits,
        version: 1,
        shape: 0,
        from: 1,
        moved_ms: NEVER,
        last: None,
        call: 0,
        refused_ms: NEVER,
        failed_ms: NEVER,
        seen_header: false,
        mailed: false,
        decided: false,
        was_hurt: false,
        was_misled: false,
        felt_brownout: false,
        phase: phases.below_at(who + 1, u64::from(cadence)) as u8,
    };
    (0u64..).zip(habits).map(client).collect()
}

/// Gives a trait to this share of all, among those who have all bits of `among`.
fn give(seed: u64, habits: &mut [u16], bit: u16, share: f64, among: u16, which: u64) {
    let mut wanted = (share * habits.len() as f64 + 0.5) as usize;
    let mut order: Vec<u32> = (0..habits.len() as u32).collect();
    let mut chance = Stream::new(seed, "client", "trait", which);
    for i in (1..order.len()).rev() {
        order.swap(i, chance.below(i as u64 + 1) as usize);
    }
    for who in order {
        let h = &mut habits[who as usize];
        if wanted > 0 && *h & among == among {
            *h |= bit;
            wanted -= 1;
        }
    }
}
