//! Event store: append-only streams, each with a version, and the fold that makes state of them.
//!
//! ```text
//!   command: load(stream) --> decide --> append(stream, expected version, event)
//!                 |                             | moved meanwhile? conflict
//!   [snapshot at v100] + events 101..123  <--  [ e1 e2 e3 ... ]  one log, never changed --> projectors
//! ```
//!
//! State is not stored. It is the fold of a stream's events, or of a snapshot and the events after it; a
//! snapshot is a fold that was kept, so it can be thrown away, and has to be when the code that reads it
//! expects another layout. *Optimistic concurrency*: an append names the version it was decided on and is
//! refused if the stream has moved.
//! Source: G. Young, *CQRS Documents* (2010), "Building an Event Storage"; EventStore documentation (hexdocs),
//! `append_to_stream`.
//!
//! What a stream held before the run began is a function, not a list: event `v` of stream `s` can be
//! written down at any time from the seed. So a history of ten million events costs no memory. Every event
//! that is appended in the run is kept. The log shares its full pages with every copy of itself, which
//! only a structure that never changes can do.
//!
//! Leaves out: transactions over several streams, retention, the disk.

use super::account::{Account, Codec, Event, Kind, Snapshot, Unreadable, Written, upcast};
use crate::kernel::{Stream as Chance, Us, mix};
use std::sync::Arc;

/// An event of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub at: Us,
    /// Its place in the log of all streams, from 1.
    pub position: u32,
    /// The command that caused it.
    pub command: u32,
    pub stream: u16,
    pub written: Written,
}

/// Events a page of the log holds.
const PAGE: usize = 256;

/// The events appended in this run. There is no way to change one.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Full pages: written once, shared by all copies.
    pages: Vec<Arc<[Stored]>>,
    tail: Vec<Stored>,
    hash: u64,
}

impl Log {
    pub fn push(&mut self, e: Stored) {
        self.hash = chain(self.hash, &e);
        self.tail.push(e);
        if self.tail.len() == PAGE {
            self.pages.push(Arc::from(&self.tail[..]));
            self.tail.clear();
        }
    }
    pub fn len(&self) -> usize {
        self.pages.len() * PAGE + self.tail.len()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    pub fn get(&self, i: usize) -> Option<&Stored> {
        match self.pages.get(i / PAGE) {
            Some(page) => page.get(i % PAGE),
            None => self.tail.get(i.checked_sub(self.pages.len() * PAGE)?),
        }
    }
    /// The events from number `i` on.
    pub fn from(&self, i: usize) -> impl DoubleEndedIterator<Item = &Stored> {
        (i..self.len()).filter_map(|i| self.get(i))
    }
    /// The number of the first event at this position of the whole log or after it.
    pub fn first_from(&self, position: u32) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.get(middle).is_some_and(|e| e.position < position) { low = middle + 1 } else { high = middle }
        }
        low
    }
    /// A number for the whole log; it changes with everything that is appended.
    pub fn hash(&self) -> u64 {
        self.hash
    }
    /// The same for its first `n` events, computed again from what is stored: what it was then, it is now.
    pub fn hash_of_first(&self, n: usize) -> u64 {
        (0..n).filter_map(|i| self.get(i)).fold(0, chain)
    }
    /// Bytes that a copy costs; the pages are shared.
    pub fn weight(&self) -> usize {
        self.pages.len() * core::mem::size_of::<Arc<[Stored]>>() + self.tail.len() * core::mem::size_of::<Stored>()
    }
}

fn chain(hash: u64, e: &Stored) -> u64 {
    let w = e.written;
    let content = u64::from(w.amount as u32) << 32 | u64::from(e.stream) << 16 | (w.kind as u64) << 8;
    mix(hash.rotate_left(7) ^ mix(content | u64::from(w.schema)) ^ mix(e.at.0 ^ u64::from(e.position).rotate_left(40)))
}

/// What was written before the run began: v1 events, a pure function of the seed. Stream `s` has an
/// (s + 1)-th of the oldest stream's events, and at least its first.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    chance: Chance,
    oldest: u32,
    streams: u32,
}

/// A place in the past, in the order in which it was written: every stream's first event, then every
/// stream's second, and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PastCursor {
    round: u32,
    stream: u32,
    /// How many events lie before it.
    pub passed: u32,
}

impl Past {
    pub fn new(seed: u64, oldest: u32, streams: u32) -> Past {
        Past { chance: Chance::new(seed, "event_store", "past", 0), oldest, streams }
    }
    /// No past at all.
    pub fn none() -> Past {
        Past::new(0, 0, 0)
    }

    /// Events of a stream.
    pub fn length(&self, stream: usize) -> u32 {
        if (stream as u32) < self.streams { (self.oldest / (stream as u32 + 1)).max(1) } else { 0 }
    }
    /// Events of all streams together.
    pub fn total(&self) -> u32 {
        (0..self.streams as usize).map(|s| self.length(s)).sum()
    }

    /// Event number `version` (from 1) of a stream. Withdrawals follow deposits that cover them.
    pub fn event(&self, stream: usize, version: u32) -> Written {
        let draw = |v: u32| self.chance.at((stream as u64) << 32 | u64::from(v));
        let euros = |bits: u64| 10 + (bits >> 32) % 91;
        let (kind, amount) = match version {
            1 => (Kind::Opened, 0),
            v if v % 2 == 0 => (Kind::Deposited, euros(draw(v))),
            v => (Kind::Withdrawn, 1 + (draw(v) >> 32) % euros(draw(v - 1))),
        };
        Written { kind, schema: 1, amount: amount as i32 }
    }

    /// How many streams are long enough for a round: the first ones, since lengths only shrink.
    fn width(&self, round: u32) -> u32 {
        if round == 0 { self.streams } else { self.streams.min(self.oldest / (round + 1)) }
    }

    /// The next event in the order of writing, as (stream, version); `None` at the end.
    pub fn peek(&self, cursor: &PastCursor) -> Option<(usize, u32)> {
        (cursor.stream < self.width(cursor.round)).then_some((cursor.stream as usize, cursor.round + 1))
    }

    /// The same, and moves on.
    pub fn next(&self, cursor: &mut PastCursor) -> Option<(usize, u32)> {
        let found = self.peek(cursor)?;
        cursor.passed += 1;
        cursor.stream += 1;
        if cursor.stream >= self.width(cursor.round) {
            (cursor.stream, cursor.round) = (0, cursor.round + 1);
        }
        Some(found)
    }

    /// How many events of the past were written before this one.
    pub fn before(&self, stream: usize, version: u32) -> u32 {
        let earlier: u32 = (0..self.streams as usize).map(|s| self.length(s).min(version - 1)).sum();
        earlier + stream as u32
    }
}

/// The stream is not where the writer thought it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub expected: u32,
    pub actual: u32,
}

#[derive(Clone, Debug, Default)]
struct Head {
    version: u32,
    /// Where its events of this run are in the log.
    index: Vec<u32>,
    snapshot: Option<Snapshot>,
}

/// How the code of today loads a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    pub codec: Codec,
    /// The layout in which it keeps and expects snapshots.
    pub layout: u8,
    /// Use snapshots at all.
    pub snapshots: bool,
    /// Ignore a snapshot of another layout. Without the check its bytes are taken at their word.
    pub check_layout: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Reader { codec: Codec::V1, layout: 1, snapshots: true, check_layout: true }
    }
}

/// What a load came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    pub state: Account,
    pub version: u32,
    /// Events folded.
    pub folded: u32,
    /// Reads of the store: the events, and the snapshot if there was one.
    pub reads: u32,
    /// A snapshot was found and ignored, since its layout was another.
    pub stale: bool,
}

impl Loaded {
    /// How long it takes.
    pub fn time(&self, read: Us, fold: Us) -> Us {
        read * u64::from(self.reads) + fold * u64::from(self.folded)
    }
}

#[derive(Clone, Debug)]
pub struct EventStore {
    pub past: Past,
    pub log: Log,
    heads: Vec<Head>,
    /// What the past of each stream folds to: it never changes, so it is worked out once. A load counts
    /// every event of it all the same.
    folded_past: Arc<[Account]>,
}

impl EventStore {
    pub fn new(streams: usize, past: Past) -> EventStore {
        let head = |s| Head { version: past.length(s), ..Head::default() };
        let fold = |s| (1..=past.length(s)).map(|v| upcast(past.event(s, v))).fold(Account::default(), Account::apply);
        EventStore {
            past,
            log: Log::default(),
            heads: (0..streams).map(head).collect(),
            folded_past: (0..streams).map(fold).collect(),
        }
    }

    pub fn streams(&self) -> usize {
        self.heads.len()
    }
    pub fn version(&self, stream: usize) -> u32 {
        self.heads[stream].version
    }
    pub fn snapshot(&self, stream: usize) -> Option<Snapshot> {
        self.heads[stream].snapshot
    }

    /// Adds one event to the end of its stream, if the stream is at `expected` (or whatever it is at, if
    /// nothing is expected). Returns the new version.
    pub fn append(&mut self, expected: Option<u32>, e: Stored) -> Result<u32, Conflict> {
        let head = &mut self.heads[e.stream as usize];
        if let Some(expected) = expected
            && expected != head.version
        {
            return Err(Conflict { expected, actual: head.version });
        }
        head.version += 1;
        head.index.push(self.log.len() as u32);
        self.log.push(e);
        Ok(self.heads[e.stream as usize].version)
    }

    /// Event number `version` (from 1) of a stream, as it was written.
    pub fn event(&self, stream: usize, version: u32) -> Option<Written> {
        let past = self.past.length(stream);
        if version == 0 {
            None
        } else if version <= past {
            Some(self.past.event(stream, version))
        } else {
            self.stored(stream, version).map(|e| e.written)
        }
    }

    /// An event of this run, with its time and place; `None` for the past.
    pub fn stored(&self, stream: usize, version: u32) -> Option<&Stored> {
        let i = version.checked_sub(self.past.length(stream) + 1)?;
        let at = self.heads[stream].index.get(i as usize)?;
        self.log.get(*at as usize)
    }

    /// The version that a stream had at a moment of this run: the temporal query's question.
    pub fn version_at(&self, stream: usize, at: Us) -> u32 {
        let index = &self.heads[stream].index;
        let before = index.partition_point(|i| self.log.get(*i as usize).is_some_and(|e| e.at <= at));
        self.past.length(stream) + before as u32
    }

    /// State = fold(events), up to `version`.
    pub fn fold(&self, stream: usize, version: u32, codec: Codec) -> Result<Account, Unreadable> {
        self.fold_from(Account::default(), stream, 0, version, codec)
    }

    fn fold_from(
        &self,
        mut state: Account,
        stream: usize,
        mut after: u32,
        version: u32,
        codec: Codec,
    ) -> Result<Account, Unreadable> {
        let past = self.past.length(stream);
        if after == 0 && 0 < past && past <= version {
            // The past is v1: whoever can read one event of it can read them all.
            codec.read(self.past.event(stream, 1))?;
            (state, after) = (self.folded_past[stream], past);
        }
        for v in after + 1..=version {
            let Some(written) = self.event(stream, v) else {
                break;
            };
            state = state.apply(codec.read(written)?);
        }
        Ok(state)
    }

    /// The state of a stream as a command handler gets it.
    pub fn load(&self, stream: usize, reader: &Reader) -> Result<Loaded, Unreadable> {
        let version = self.version(stream);
        let found = self.snapshot(stream).filter(|_| reader.snapshots);
        let usable = found.filter(|s| !reader.check_layout || s.layout == reader.layout);
        let (state, after) = usable.map_or((Account::default(), 0), |s| (s.read_as(reader.layout), s.version));
        Ok(Loaded {
            state: self.fold_from(state, stream, after, version, reader.codec)?,
            version,
            folded: version - after,
            reads: 1 + u32::from(found.is_some()),
            stale: found.is_some() && usable.is_none(),
        })
    }

    /// Keeps a snapshot if the stream is `every` events beyond its last usable one (0: never). The state
    /// is loaded as everybody loads it, so a state that was read wrongly is kept wrongly. A snapshot of
    /// another layout is of no use to this code and is replaced at once.
    pub fn keep_snapshot(&mut self, stream: usize, every: u32, reader: &Reader) -> bool {
        let head = &self.heads[stream];
        let last = head.snapshot.filter(|s| s.layout == reader.layout).map_or(0, |s| s.version);
        if every == 0 || head.version < last + every {
            return false;
        }
        let Ok(loaded) = self.load(stream, reader) else {
            return false;
        };
        self.put_snapshot(stream, Snapshot::of(loaded.state, loaded.version, reader.layout));
        true
    }

    /// Replaces the snapshot of a stream.
    pub fn put_snapshot(&mut self, stream: usize, snapshot: Snapshot) {
        self.heads[stream].snapshot = Some(snapshot);
    }

    /// Snapshots as they would stand if they had always been kept: at the last multiple of `every`.
    pub fn snapshots_of_the_past(&mut self, every: u32, layout: u8) {
        for s in 0..self.heads.len() {
            let at = self.version(s).checked_div(every).unwrap_or(0) * every;
            if at > 0
                && let Ok(state) = self.fold(s, at, Codec::V1)
            {
                self.put_snapshot(s, Snapshot::of(state, at, layout));
            }
        }
    }

    /// Bytes that a copy costs.
    pub fn weight(&self) -> usize {
        let index: usize = self.heads.iter().map(|h| h.index.len() * 4).sum();
        self.log.weight() + self.heads.len() * core::mem::size_of::<Head>() + index
    }
}

/// The places of the log that belong to other streams: no events, only how many there are.
///
/// The whole log grows at a steady rate, the appends of the streams that are looked at included. If those
/// alone are more, the log grows with them.
#[derive(Clone, Debug)]
pub struct Others {
    history: u32,
    /// Events of other streams since the run began, as of the last own append, and own ones.
    others: u32,
    own: u32,
    /// (since when, how many by then, how many a second): the rates there have been.
    rates: Vec<(Us, u32, u32)>,
}

/// Changes of rate that are remembered; times before the oldest are taken for its own.
const RATES: usize = 64;

impl Others {
    /// A log of `history` events that grows by `rate` a second.
    pub fn new(history: u32, rate: u32) -> Others {
        Others { history, others: 0, own: 0, rates: vec![(Us::ZERO, 0, rate)] }
    }

    pub fn set_rate(&mut self, now: Us, rate: u32) {
        let by_then = self.flown(now);
        if self.rates.len() == RATES {
            self.rates.remove(0);
        }
        self.rates.push((now, by_then, rate));
    }
    pub fn rate(&self) -> u32 {
        self.rates.last().map_or(0, |r| r.2)
    }
    pub fn history(&self) -> u32 {
        self.history
    }

    fn flown(&self, now: Us) -> u32 {
        self.rates.last().map_or(0, |(since, n, rate)| n + (now.since(*since).0 * u64::from(*rate) / 1_000_000) as u32)
    }
    fn others_now(&self, now: Us) -> u32 {
        self.others.max(self.flown(now).saturating_sub(self.own))
    }
    /// The position of the last event of the log.
    pub fn head(&self, now: Us) -> u32 {
        self.history + self.others_now(now) + self.own
    }
    /// One of ours is appended: its position.
    pub fn place(&mut self, now: Us) -> u32 {
        self.others = self.others_now(now);
        self.own += 1;
        self.history + self.others + self.own
    }
    /// When another stream's event came to stand at this position; `None` before the run.
    pub fn time_of(&self, position: u32) -> Option<Us> {
        let n = position.checked_sub(self.history + 1)? + 1;
        let (since, by_then, rate) = *self.rates.iter().rev().find(|r| r.1 < n).or(self.rates.first())?;
        let span = (u64::from(n.saturating_sub(by_then)) * 1_000_000).div_ceil(u64::from(rate.max(1)));
        Some(since + Us(span))
    }
}

/// One event on its way into the log, as a command handler makes it.
pub fn stored(stream: usize, e: Event, codec: Codec, at: Us, position: u32, command: u32) -> Stored {
    Stored { at, position, command, stream: stream as u16, written: codec.write(e) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A store with a past and some more events, in v1 up to the middle and in v2 from there.
    fn filled(past: u32, list: &[(usize, usize, i64)], every: u32) -> (EventStore, Vec<Account>) {
        let mut store = EventStore::new(4, Past::new(3, past, 4));
        let mut truth: Vec<Account> =
            (0..4).map(|s| store.fold(s, store.version(s), Codec::V1).expect("v1 reads v1")).collect();
        for (i, (s, kind, euros)) in list.iter().enumerate() {
            let e = Event { kind: Kind::ALL[*kind], cents: euros * 100 };
            let codec = if i < list.len() / 2 { Codec::V1 } else { Codec::V2 };
            let version = store.version(*s);
            let new = stored(*s, e, codec, Us::ms(i as u64), i as u32 + 1, i as u32);
            assert_eq!(store.append(Some(version), new), Ok(version + 1));
            truth[*s] = truth[*s].apply(e);
            store.keep_snapshot(*s, every, &Reader { codec: Codec::V2, ..Reader::default() });
        }
        (store, truth)
    }

    fn events() -> impl Strategy<Value = Vec<(usize, usize, i64)>> {
        prop::collection::vec((0usize..4, 0usize..6, 1i64..200), 0..80)
    }

    proptest! {
        /// fold(all) = fold(snapshot, tail) = what was added up along the way, whatever the versions.
        #[test]
        fn a_snapshot_and_its_tail_are_the_fold_of_all(past in 0u32..40, list in events(), every in 0u32..12) {
            let (store, truth) = filled(past, &list, every);
            for (s, truth) in truth.iter().enumerate() {
                let all = Reader { codec: Codec::V2, snapshots: false, ..Reader::default() };
                let kept = Reader { snapshots: true, ..all };
                prop_assert_eq!(store.load(s, &all).map(|l| l.state), Ok(*truth));
                let l = store.load(s, &kept).expect("upcast");
                prop_assert_eq!(l.state, *truth);
                prop_assert_eq!(l.version, store.version(s));
                if every > 0 && store.snapshot(s).is_some() {
                    prop_assert!(l.folded < every && l.reads == 2);
                }
                // Code with another layout ignores what it finds and folds everything.
                let newer = store.load(s, &Reader { layout: 2, ..kept }).expect("upcast");
                prop_assert_eq!(newer.state, *truth);
                prop_assert_eq!((newer.stale, newer.folded == newer.version), (store.snapshot(s).is_some(), true));
            }
        }

        /// The log only grows: the hash of every prefix stays what it was; versions are 1..n without gaps.
        #[test]
        fn every_prefix_stays_what_it_was(past in 0u32..20, list in events(), cut in 0usize..80) {
            let cut = cut.min(list.len());
            let (whole, _) = filled(past, &list, 0);
            let mut log = Log::default();
            whole.log.from(0).take(cut).for_each(|e| log.push(*e));
            prop_assert_eq!(whole.log.hash_of_first(cut), log.hash());
            prop_assert_eq!(whole.log.hash_of_first(list.len()), whole.log.hash());
            for s in 0..4 {
                let n = whole.version(s);
                prop_assert!((1..=n).all(|v| whole.event(s, v).is_some()));
                prop_assert_eq!((whole.event(s, 0), whole.event(s, n + 1)), (None, None));
            }
        }

        /// Of any number of writers that decided on one version, one wins.
        #[test]
        fn one_writer_wins_a_version(writers in 1usize..10, past in 0u32..50) {
            let mut store = EventStore::new(1, Past::new(1, past, 1));
            let seen = store.version(0);
            let e = stored(0, Event { kind: Kind::Deposited, cents: 100 }, Codec::V1, Us(1), 1, 0);
            let won = (0..writers).filter(|_| store.append(Some(seen), e).is_ok()).count();
            prop_assert_eq!((won, store.version(0)), (1, seen + 1));
            prop_assert_eq!(store.append(Some(seen), e), Err(Conflict { expected: seen, actual: seen + 1 }));
            prop_assert_eq!(store.append(None, e), Ok(seen + 2));
        }

        /// The past in its order of writing is the past stream by stream: every event once, versions rising.
        #[test]
        fn the_past_is_written_once(oldest in 0u32..60, streams in 1u32..9) {
            let past = Past::new(2, oldest, streams);
            let mut next = vec![1u32; streams as usize];
            let mut cursor = PastCursor::default();
            while let Some((s, v)) = past.next(&mut cursor) {
                prop_assert_eq!((v, past.before(s, v) + 1), (next[s], cursor.passed));
                next[s] += 1;
            }
            prop_assert_eq!(cursor.passed, past.total());
            for (s, n) in next.iter().enumerate() {
                prop_assert_eq!(*n, past.length(s) + 1);
                let store = EventStore::new(streams as usize, past);
                let mut state = Account::default();
                for v in 1..*n {
                    state = state.apply(Codec::V1.read(past.event(s, v)).expect("v1"));
                    prop_assert!(state.cents >= 0, "nobody was overdrawn in the past");
                }
                prop_assert_eq!(store.fold(s, *n - 1, Codec::V2), Ok(state));
            }
        }

        /// What an account held at a moment is the fold of what had happened by then.
        #[test]
        fn the_past_can_be_asked(list in events(), at in 0u64..80) {
            let (store, _) = filled(5, &list, 0);
            for s in 0..4 {
                let version = store.version_at(s, Us::ms(at));
                let happened = list.iter().take(at as usize + 1).filter(|e| e.0 == s).count();
                prop_assert_eq!(version as usize, store.past.length(s) as usize + happened);
            }
        }
    }

    proptest! {
        /// Positions rise one by one with the rate, whoever appends; each has the time at which it came.
        #[test]
        fn the_log_grows_at_its_rate(gaps in prop::collection::vec(1u64..3_000, 1..60), rate in 0u32..5_000, then in 0u32..5_000) {
            let mut log = Others::new(1_000, rate);
            let (mut now, mut last) = (0, 1_000);
            for (i, gap) in gaps.iter().enumerate() {
                now += gap;
                if i == 30 {
                    log.set_rate(Us(now), then);
                }
                let head = log.head(Us(now));
                prop_assert!(head >= last);
                let at = log.place(Us(now));
                prop_assert_eq!((at, log.head(Us(now))), (head + 1, head + 1));
                last = at;
                // Places that the rate has filled by now have their time; those of ours ahead of it do not.
                let flown = now * u64::from(rate) / 1_000_000;
                if i < 30 && u64::from(head - 1_000) <= flown {
                    prop_assert!(log.time_of(head).is_none_or(|t| t <= Us(now)), "{head}, {now}");
                }
            }
            let total = last - 1_000;
            let flown = now * u64::from(rate.max(then)) / 1_000_000;
            prop_assert!(u64::from(total) <= flown + gaps.len() as u64 + 1);
        }
    }

    /// Experiment 3's rate: 2,000 a second are 2,000 a second, with 50 of ours among them.
    #[test]
    fn own_appends_are_among_the_rate() {
        let mut log = Others::new(10, 2_000);
        for i in 0..500 {
            log.place(Us::ms(20 * i + 7));
        }
        assert_eq!(log.head(Us::s(10)), 10 + 20_000);
        assert_eq!((log.time_of(10), log.time_of(2_010)), (None, Some(Us::s(1))));
    }

    #[test]
    fn copies_share_full_pages() {
        let (store, _) = filled(0, &[(0, 1, 5); 700], 0);
        let copy = store.clone();
        assert!(Arc::ptr_eq(&store.log.pages[1], &copy.log.pages[1]));
        assert_eq!((store.log.len(), store.log.pages.len()), (700, 2));
        assert!(store.log.weight() < 700 * 16);
        assert_eq!(store.log.get(699).map(|e| e.command), Some(699));
        assert_eq!(store.log.get(700), None);
    }

    #[test]
    fn what_a_load_costs() {
        let mut store = EventStore::new(1, Past::new(1, 10_000, 1));
        let (read, fold) = (Us::ms(2), Us(20));
        let reader = Reader::default();
        assert_eq!(store.load(0, &reader).expect("v1").time(read, fold), Us::ms(202));
        store.snapshots_of_the_past(100, 1);
        assert_eq!(store.load(0, &reader).expect("v1").time(read, fold), Us::ms(4));
        // Just before the next snapshot: 99 events, never more.
        let mut state = store.load(0, &reader).expect("v1").state;
        let e = Event { kind: Kind::Deposited, cents: 100 };
        for i in 1..100u32 {
            assert!(store.append(None, stored(0, e, Codec::V1, Us(1), i, 0)).is_ok());
            state = state.apply(e);
            assert!(!store.keep_snapshot(0, 100, &reader));
        }
        assert_eq!(store.load(0, &reader).map(|l| l.state), Ok(state));
        assert_eq!(store.load(0, &reader).expect("v1").time(read, fold), Us(5_980));
    }
    /// Whatever is changed of an event that the log holds, or of their order, its hash is another.
    #[test]
    fn the_hash_tells_every_change() {
        let written = Written { kind: Kind::Deposited, schema: 1, amount: 5 };
        let e = Stored { at: Us(1), position: 1, command: 0, stream: 1, written };
        let others = [
            Stored { at: Us(2), ..e },
            Stored { position: 2, ..e },
            Stored { position: 1 + (1 << 24), ..e },
            Stored { stream: 2, ..e },
            Stored { written: Written { kind: Kind::Withdrawn, ..written }, ..e },
            Stored { written: Written { schema: 2, ..written }, ..e },
            Stored { written: Written { amount: 6, ..written }, ..e },
            Stored { written: Written { amount: -5, ..written }, ..e },
        ];
        let hash = |events: &[Stored]| {
            let mut log = Log::default();
            events.iter().for_each(|e| log.push(*e));
            log.hash()
        };
        let mut seen = std::collections::BTreeSet::from([hash(&[]), hash(&[e]), hash(&[e, e])]);
        assert_eq!(seen.len(), 3);
        for other in others {
            assert!(seen.insert(hash(&[other])) && seen.insert(hash(&[e, other])) && seen.insert(hash(&[other, e])));
        }
    }

    #[test]
    fn a_position_is_found_in_every_page() {
        let mut log = Log::default();
        assert!(log.is_empty());
        let e = Event { kind: Kind::Deposited, cents: 100 };
        // Every third place of the whole log is one of ours.
        (1..=600).for_each(|i| log.push(stored(0, e, Codec::V1, Us(1), 3 * i, 0)));
        assert!(!log.is_empty());
        for position in 0..=1_900u32 {
            assert_eq!(log.first_from(position), (position.saturating_sub(1) / 3).min(600) as usize, "{position}");
        }
    }

    /// A version in the middle of the past is its own fold, and who has no past needs no code that reads one.
    #[test]
    fn the_past_is_read_as_far_as_it_is_asked_for() {
        let past = Past::new(4, 50, 2);
        let mut store = EventStore::new(3, past);
        assert_eq!((store.streams(), [0, 1, 2, 3].map(|s| past.length(s))), (3, [50, 25, 0, 0]));
        let mut state = Account::default();
        for version in 1..=50 {
            state = state.apply(upcast(past.event(0, version)));
            assert_eq!(store.fold(0, version, Codec::V1), Ok(state));
        }
        let bare = Codec { schema: 2, upcaster: false };
        let e = Event { kind: Kind::Opened, cents: 0 };
        assert_eq!(store.append(Some(0), stored(2, e, bare, Us(1), 1, 0)), Ok(1));
        assert_eq!(store.fold(2, 1, bare), Ok(Account::default().apply(e)));
        assert_eq!(store.fold(0, 1, bare), Err(Unreadable { schema: 1 }));
    }

    /// A hundred a second for ten seconds, ten a second from then on; beyond the rates that are remembered the oldest
    /// of them is taken for all before.
    #[test]
    fn every_place_has_the_time_of_its_rate() {
        let mut log = Others::new(500, 100);
        log.set_rate(Us::s(10), 10);
        assert_eq!((log.rate(), log.head(Us::s(20))), (10, 500 + 1_100));
        let times = [1, 1_000, 1_001, 1_100].map(|n| log.time_of(500 + n));
        assert_eq!(times, [Us::ms(10), Us::s(10), Us::ms(10_100), Us::s(20)].map(Some));
        (1..=2 * RATES as u64).for_each(|i| log.set_rate(Us::s(20 + i), 10));
        assert_eq!(log.rates.len(), RATES);
        assert_eq!(log.time_of(log.head(Us::s(200))), Some(Us::s(200)));
    }

    /// Nothing that goes into the hash hides a bit of something else: of 300,000 logs that differ in one amount no two have
    /// the same. If half of the bits were hidden, it would be some ten pairs.
    #[test]
    fn no_two_logs_that_differ_in_one_event_have_one_hash() {
        let event = |amount| {
            let written = Written { kind: Kind::Deposited, schema: 1, amount };
            Stored { at: Us(2), position: 1, command: 0, stream: 1, written }
        };
        let hash = |amount| [event(7), event(amount)].iter().fold(0, chain);
        let hashes: std::collections::BTreeSet<u64> = (0..300_000).map(hash).collect();
        assert_eq!(hashes.len(), 300_000);
    }

    #[test]
    fn every_stream_has_a_past_of_its_own() {
        let past = Past::new(4, 50, 9);
        let amounts = |stream| (1..=50).map(|version| past.event(stream, version).amount).collect::<Vec<_>>();
        let pasts: std::collections::BTreeSet<_> = (0..9).map(amounts).collect();
        assert_eq!(pasts.len(), 9);
    }

    /// The last event under a rate keeps its time when the rate changes before the next one.
    #[test]
    fn a_change_of_rate_moves_no_event_that_has_been() {
        let mut log = Others::new(500, 100);
        log.set_rate(Us::ms(10_005), 10);
        let times = [999, 1_000, 1_001].map(|n| log.time_of(500 + n));
        assert_eq!(times, [Us::ms(9_990), Us::s(10), Us::ms(10_105)].map(Some));
    }
}
