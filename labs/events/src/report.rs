//! What the page shows of the reader's events, and what becomes of an append.

use serde::Serialize;
use sim::blocks::account::{Account, Codec, Kind, Snapshot, Written};
use sim::blocks::event_store::{EventStore, Past, Reader, Stored};
use sim::kernel::Us;
use sim::questions::event_sourcing::euros;

use crate::form::{Draft, Form, Mistake, read};

/// The one stream that there is.
const STREAM: usize = 0;

/// An event, and the state once it is folded.
#[derive(Serialize)]
struct Row {
    version: usize,
    kind: &'static str,
    /// The bytes of the log, as JSON.
    stored: String,
    /// The same in today's shape, if today's code can read it.
    read: Option<String>,
    /// The balance after it; absent from the first event on that cannot be read.
    after: Option<String>,
    open: bool,
    /// What a command would have been told, had it come through the rules.
    refused: Option<&'static str>,
    /// The amount of a correction that takes it back.
    undo: Option<String>,
}

/// One way to get the state.
#[derive(Serialize)]
struct Way {
    /// The balance, or nothing if an event cannot be read.
    balance: Option<String>,
    open: bool,
    folded: u32,
    reads: u32,
}

#[derive(Serialize)]
struct Report {
    version: u32,
    /// A number for the whole log, in hexadecimal: it changes with any event.
    hash: String,
    rows: Vec<Row>,
    whole: Way,
    /// With the snapshot; absent if none is kept.
    kept: Option<Way>,
    /// The snapshot was found, and ignored for its layout.
    stale: bool,
    /// Whether both ways came to the same state.
    same: bool,
}

#[derive(Serialize)]
struct Wrong {
    mistake: Mistake,
}

#[derive(Serialize)]
struct Appended {
    version: u32,
}

/// A form as JSON in; a report, or `{ "mistake": .. }`, as JSON out.
pub fn fold(form: &str) -> String {
    said(read(form).and_then(|form| report(&form)))
}

/// A form with a draft as JSON in; `{ "version": .. }`, or `{ "mistake": .. }`, as JSON out.
pub fn append(form: &str) -> String {
    said(read(form).and_then(|form| appended(&form)))
}

fn said<T: Serialize>(answer: Result<T, Mistake>) -> String {
    let json = match answer {
        Ok(answer) => serde_json::to_string(&answer),
        Err(mistake) => serde_json::to_string(&Wrong { mistake }),
    };
    json.expect("text keys and whole numbers")
}

/// The simulation's store, with the reader's events appended one by one.
fn store(events: &[Written]) -> EventStore {
    let mut store = EventStore::new(1, Past::none());
    for (i, written) in events.iter().enumerate() {
        let place = i as u32 + 1;
        let e = Stored { at: Us(u64::from(place)), position: place, command: place, stream: 0, written: *written };
        // Each names the version before it, so nothing can be in the way.
        let _ = store.append(Some(i as u32), e);
    }
    store
}

fn codec(form: &Form) -> Codec {
    Codec { upcaster: form.upcaster, ..Codec::V2 }
}

fn report(form: &Form) -> Result<Report, Mistake> {
    let events = form.written()?;
    let at = form.snapshot_at()?;
    let mut store = store(&events);
    let reader = Reader { codec: codec(form), layout: form.expects, snapshots: false, check_layout: form.checks };
    let version = store.version(STREAM);
    let whole = way(&store, &reader);
    let (mut kept, mut stale) = (None, false);
    if at > 0 {
        // It was kept by the code of its day, which could read everything.
        let state = store.fold(STREAM, at, Codec::V2).unwrap_or_default();
        store.put_snapshot(STREAM, Snapshot::of(state, at, form.kept_in));
        let with = Reader { snapshots: true, ..reader };
        stale = store.load(STREAM, &with).is_ok_and(|l| l.stale);
        kept = Some(way(&store, &with));
    }
    Ok(Report {
        version,
        hash: format!("{:016x}", store.log.hash()),
        rows: rows(&store, &events, codec(form)),
        same: kept.as_ref().is_none_or(|k| (&k.balance, k.open) == (&whole.balance, whole.open)),
        whole,
        kept,
        stale,
    })
}

fn way(store: &EventStore, reader: &Reader) -> Way {
    match store.load(STREAM, reader) {
        Ok(l) => Way { balance: Some(euros(l.state.cents)), open: l.state.open, folded: l.folded, reads: l.reads },
        Err(_) => Way { balance: None, open: false, folded: 0, reads: 0 },
    }
}

fn rows(store: &EventStore, events: &[Written], codec: Codec) -> Vec<Row> {
    let mut state = Account::default();
    let mut readable = true;
    let row = |(i, written): (usize, &Written)| {
        let version = i + 1;
        let event = codec.read(*written).ok();
        let refused = event.filter(|_| readable).and_then(|e| state.decide(e).err()).map(|r| r.words());
        readable &= event.is_some();
        if readable && let Ok(folded) = store.fold(STREAM, version as u32, codec) {
            state = folded;
        }
        let undo = match written.kind {
            Kind::Deposited | Kind::Corrected => event.map(|e| euros(-e.cents)),
            Kind::Withdrawn => event.map(|e| euros(e.cents)),
            _ => None,
        };
        Row {
            version,
            kind: written.kind.name(),
            stored: stored(*written),
            read: event.map(|e| shape(e.kind, 2, e.cents)),
            after: readable.then(|| euros(state.cents)),
            open: state.open,
            refused,
            undo,
        }
    };
    events.iter().enumerate().map(row).collect()
}

/// An event as it lies in the log.
fn stored(written: Written) -> String {
    shape(written.kind, written.schema, i64::from(written.amount))
}

fn shape(kind: Kind, schema: u8, amount: i64) -> String {
    let field = if schema == 1 { "euros" } else { "cents" };
    let amount = if kind.has_amount() { format!(",\"{field}\":{amount}") } else { String::new() };
    format!("{{\"v\":{schema},\"kind\":\"{}\"{amount}}}", kind.name())
}

fn appended(form: &Form) -> Result<Appended, Mistake> {
    let draft: &Draft = form.draft.as_ref().ok_or_else(|| Mistake::new("", "There is no event to append."))?;
    let new = draft.written("draft.")?;
    let expected = form.expected_version()?;
    let mut store = store(&form.written()?);
    // The command decides on the state that it has read: the one at the version that it names.
    if form.decide {
        let seen = store.fold(STREAM, expected, codec(form)).map_err(|unreadable| {
            Mistake::new(
                "",
                format!("The account cannot be folded: no code here reads a v{} event.", unreadable.schema),
            )
        })?;
        let wanted = Codec::V2.read(new).unwrap_or(sim::blocks::account::Event { kind: new.kind, cents: 0 });
        if let Err(refusal) = seen.decide(wanted) {
            let says = format!(
                "Refused, and nothing is written: {}. At version {expected} it holds {}.",
                refusal.words(),
                euros(seen.cents)
            );
            return Err(Mistake::new("draft.amount", says));
        }
    }
    let place = store.version(STREAM) + 1;
    let e = Stored { at: Us(u64::from(place)), position: place, command: place, stream: 0, written: new };
    match store.append(Some(expected), e) {
        Ok(version) => Ok(Appended { version }),
        Err(conflict) => Err(Mistake::new(
            "expected",
            format!(
                "Conflict: expected version {}, but the stream is at {}. Look at the state again, decide again, then append.",
                conflict.expected, conflict.actual
            ),
        )),
    }
}
