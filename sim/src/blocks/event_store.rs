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
//! Source: G. Young, *CQRS Documents* (2010), "Building an Event Storage"; KurrentDB documentation,
//! "Appending events: expected version".
//!
//! What a stream held before the run began is a function, not a list: event `v` of stream `s` can be
//! written down at any time from the seed. So a history of ten million events costs no memory. Every event
//! that is appended in the run is kept. The log shares its full pages with every copy of itself, which
//! only a structure that never changes can do.
//!
//! Leaves out: transactions over several streams, retention, the disk.

use super::account::{Account, Codec, Event, Kind, Snapshot, Unreadable, Written};
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
    mix(hash.rotate_left(7) ^ mix(content | u64::from(w.schema)) ^ mix(e.at.0 ^ u64::from(e.position) << 40))
}

/// What was written before the run began: v1 events, a pure function of the seed. Stream `s` has an
/// (s + 1)-th of the oldest stream's events.
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
        if (stream as u32) < self.streams { self.oldest / (stream as u32 + 1) } else { 0 }
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

    /// The next event in the order of writing: (stream, version), and moves on.
    pub fn next(&self, cursor: &mut PastCursor) -> Option<(usize, u32)> {
        // How many streams are long enough for this round: the first ones, since lengths only shrink.
        let wide = self.streams.min(self.oldest / (cursor.round + 1));
        if wide == 0 {
            return None;
        }
        let found = (cursor.stream as usize, cursor.round + 1);
        cursor.passed += 1;
        cursor.stream += 1;
        if cursor.stream >= wide {
            (cursor.stream, cursor.round) = (0, cursor.round + 1);
        }
        Some(found)
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
}

impl EventStore {
    pub fn new(streams: usize, past: Past) -> EventStore {
        let head = |s| Head { version: past.length(s), ..Head::default() };
        EventStore { past, log: Log::default(), heads: (0..streams).map(head).collect() }
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
        after: u32,
        version: u32,
        codec: Codec,
    ) -> Result<Account, Unreadable> {
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

    /// Keeps a snapshot if the stream is `every` events beyond its last usable one (0: never). A snapshot
    /// of another layout is replaced at once: it is of no use to this code.
    pub fn keep_snapshot(&mut self, stream: usize, every: u32, layout: u8, state: Account) -> bool {
        let head = &mut self.heads[stream];
        let last = head.snapshot.filter(|s| s.layout == layout).map_or(0, |s| s.version);
        let due = every > 0 && head.version >= last + every;
        if due {
            head.snapshot = Some(Snapshot::of(state, head.version, layout));
        }
        due
    }

    /// Snapshots as they would stand if they had always been kept: at the last multiple of `every`.
    pub fn snapshots_of_the_past(&mut self, every: u32, layout: u8) {
        for s in 0..self.heads.len() {
            let at = self.version(s).checked_div(every).unwrap_or(0) * every;
            if at > 0
                && let Ok(state) = self.fold(s, at, Codec::V1)
            {
                self.heads[s].snapshot = Some(Snapshot::of(state, at, layout));
            }
        }
    }

    /// Bytes that a copy costs.
    pub fn weight(&self) -> usize {
        let index: usize = self.heads.iter().map(|h| h.index.len() * 4).sum();
        self.log.weight() + self.heads.len() * core::mem::size_of::<Head>() + index
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
            let expected = Some(store.version(*s));
            let new = stored(*s, e, codec, Us::ms(i as u64), i as u32 + 1, i as u32);
            assert_eq!(store.append(expected, new), Ok(expected.unwrap_or(0) + 1));
            truth[*s] = truth[*s].apply(e);
            store.keep_snapshot(*s, every, 1, truth[*s]);
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
                prop_assert_eq!(v, next[s]);
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
            assert!(!store.keep_snapshot(0, 100, 1, state));
        }
        assert_eq!(store.load(0, &reader).expect("v1").time(read, fold), Us(5_980));
    }
}
