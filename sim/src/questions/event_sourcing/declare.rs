//! What can be set, done, read and asked: the declaration of the question.

use super::EventSourcing;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

indexed! {
    pub mod knob: Knob {
        RATE = Knob::float("rate", "Commands", 50.0, 0.0, 1_000.0, 1.0).unit("/s").live().main()
            .help("Commands a second to all accounts: deposits and withdrawals, some of which are refused."),
        SNAPSHOT = Knob::int("snapshot", "Snapshot every", 100, 0, 10_000).unit("events").live().main()
            .zero("off").help("Keep the state of an account after so many events. 0 folds from the first event every time."),
        SAFETY = Knob::choice("projector", "Projector", &[("naive", "Naive"), ("checked", "Checks positions"), ("atomic", "Writes table and checkpoint in one")], 1).convention().main()
            .help("What keeps an event that comes twice from counting twice in the read table."),
        DUPLICATE = Knob::float("duplicate", "Delivered twice", 1.0, 0.0, 50.0, 0.5).unit("%").live().main()
            .help("The share of events that reach the projector twice."),
        HISTORY = Knob::int("history", "History", 10_000_000, 0, 100_000_000).unit("events").main()
            .help("Events in the log when the run begins, of all streams. A rebuild reads every one of them. Never fewer than the accounts have; 0 means no others than theirs."),

        ACCOUNTS = Knob::int("accounts", "Accounts", 200, 1, 1_000)
            .help("Each account is a stream of its own."),
        OLDEST = Knob::int("oldest", "Events of account 1", 10_000, 1, 1_000_000).log()
            .help("The oldest account's events when the run begins. Account n has an n-th of it."),
        HOT = Knob::float("hot", "To account 1", 2.0, 0.0, 100.0, 0.5).unit("%")
            .help("Share of the commands that go to account 1 on top of its equal share."),
        READ = Knob::float("read", "Store read", 2.0, 0.0, 100.0, 0.1).unit("ms")
            .help("One read of the store: of the events, or of a snapshot."),
        FOLD = Knob::float("fold", "Fold", 20.0, 0.0, 1_000.0, 1.0).unit("µs/event")
            .help("Read, decode and apply one event."),
        EXPECT = Knob::toggle("expect", "Expected version", true).convention().live()
            .help("An append names the version it was decided on, and is refused if the stream has moved. Off, it is appended whatever has happened."),
        RETRIES = Knob::int("retries", "Tries again after a conflict", 2, 0, 10).convention().live()
            .help("Loads, decides and appends again so many times."),
        LAYOUT = Knob::toggle("layout", "Check a snapshot's schema", true).convention().live()
            .help("Ignore a snapshot in another layout than the code's. Off, its bytes are taken at their word."),
        SPEED = Knob::int("speed", "Projector reads", 20_000, 10, 1_000_000).unit("ev/s").log().live()
            .help("Events a second that a projector gets through, those of other streams included."),
        LIVE = Knob::int("live", "Live rate", 2_000, 0, 100_000).unit("ev/s").live()
            .help("Events a second that are appended to the whole log, those of the accounts included."),
        BATCH = Knob::int("batch", "Checkpoint every", 1_000, 1, 100_000).unit("events").log()
            .help("The most that a projector applies before it writes its checkpoint."),
        RESTART = Knob::float("restart", "Restart takes", 2.0, 0.1, 60.0, 0.1).unit("s")
            .help("From the crash of a projector until it reads again."),
        GUARD = Knob::toggle("guard", "Side effects only when live", true).convention().live()
            .help("A rebuild sends no e-mails. Off, the handlers do on a replay what they always do."),
        PERSONAL = Knob::choice("personal", "Names are", &[("plain", "In the events"), ("key", "In the events, encrypted"), ("outside", "Outside the log")], 1).convention()
            .help("Where personal data is kept. Encrypted means one key a person, which can be destroyed."),
    }
}

const WHERE: &[(&str, &str)] = &[("beside", "Beside the old one"), ("in-place", "In its place")];
const WHEN: &[(&str, &str)] = &[("before", "Before its checkpoint"), ("after", "After its checkpoint")];
const WHICH: &[(&str, &str)] = &[("live", "The live one"), ("rebuild", "The rebuild")];
const KINDS: &[(&str, &str)] = &[("deposit", "Deposit"), ("withdraw", "Withdraw"), ("correct", "Correct by")];

indexed! {
    pub mod act: Act {
        COMMAND = Act { key: "command", label: "Command", hotkey: 'c',
            args: &[Arg::choice("do", "What", KINDS, 0), Arg::int("amount", "Euros", 40, -10_000, 10_000), Arg::int("account", "Account", 1, 1, 1_000)], fault: true,
            help: "One command to one account. A correction adds what is missing, or with a minus takes what is too much." },
        REBUILD = Act { key: "rebuild", label: "Rebuild", hotkey: 'r',
            args: &[Arg::choice("where", "Where", WHERE, 0)], fault: true,
            help: "Right code reads the whole log again, into a table of its own or into the one that is in use." },
        ISSUE = Act { key: "issue", label: "Many commands", hotkey: 'm',
            args: &[Arg::int("count", "How many", 1_000, 1, 20_000)], fault: true,
            help: "So many commands, one each millisecond, round all accounts: 40 in, then 10 out." },
        TWO = Act { key: "two", label: "Two at once", hotkey: 'w', args: &[], fault: true,
            help: "Two commands at the same moment. Each wants the whole balance of account 1." },
        SWAP = Act { key: "swap", label: "Swap", hotkey: 'a', args: &[], fault: true,
            help: "Readers get the rebuilt table, as far as it is by now. The old one goes." },
        CRASH = Act { key: "crash", label: "Crash", hotkey: 'x',
            args: &[Arg::choice("when", "When", WHEN, 0), Arg::choice("which", "Which", WHICH, 0)], fault: true,
            help: "The projector dies at its next batch, just before or just after it writes its checkpoint." },
        TWICE = Act { key: "twice", label: "Deliver twice", hotkey: 'd',
            args: &[Arg::int("event", "Which event of account 1", 0, 0, 1_000_000)], fault: true,
            help: "An event of account 1 reaches the projector once more. 0 takes the last payment." },
        BUG = Act { key: "bug", label: "Ship a bug", hotkey: 'b', args: &[], fault: true,
            help: "The live projector adds withdrawals from now on, where it should subtract." },
        TRAVEL = Act { key: "travel", label: "Travel", hotkey: 't',
            args: &[Arg::float("back", "How far back", 5.0, 0.0, 900.0, 0.5).unit("s")], fault: true,
            help: "Ask what account 1 held so long ago, from its events. 0 comes back to the present." },
        FORGET = Act { key: "forget", label: "Forget", hotkey: 'f',
            args: &[Arg::int("account", "Account", 1, 1, 1_000)], fault: true,
            help: "The holder of an account asks for the erasure of the name." },
        SHAPE = Act { key: "shape", label: "New state", hotkey: 'h', args: &[], fault: true,
            help: "Code that keeps the state in another layout: snapshots in euros become stale, those it keeps are in cents. Once more goes back." },
        V2 = Act { key: "v2", label: "Event v2", hotkey: 'v', args: &[], fault: true,
            help: "Code that writes amounts in cents instead of whole euros, and turns v1 events into v2 when it reads them." },
        UPCASTER = Act { key: "no_upcaster", label: "No upcaster", hotkey: 'u', args: &[], fault: true,
            help: "Code that writes v2 and has no upcaster: it cannot read v1." },
        MEND = Act { key: "mend", label: "Mend", hotkey: 'e', args: &[], fault: true,
            help: "The upcaster is back, projectors run, their code is right. Tables stay as they are." },
    }
}

indexed! {
    pub mod number: Number {
        LAG = Number::new("lag", "Lag", "ms", Better::Down).main().plot("lag")
            .help("Age of the oldest event that is not in the read table yet. Absent while the table lacks events from before the run."),
        LEFT = Number::new("left", "Rebuild left", "s", Better::Down).main()
            .help("What is unread / (projector's rate - live rate). Absent without a rebuild, and when it will never end."),
        FOLDED = Number::new("folded", "Events per load", "", Better::Down).main().plot("folded")
            .help("Events read and folded for a command, mean of the last 10 s."),
        CONFLICTS = Number::new("conflicts", "Conflicts", "", Better::Down).main()
            .help("Appends that were refused because the stream had moved."),
        DIFFERENCE = Number::new("difference", "Table - fold", "EUR", Better::Down).main().plot("difference")
            .help("Sum over all accounts of how far the read table is from the fold of the events it has read. Lag is not part of it."),
        AGAIN = Number::new("mails_again", "E-mails sent again", "", Better::Down).main()
            .help("E-mails about a payment whose e-mail had been sent before."),
        LAG_EVENTS = Number::new("lag_events", "Lag in events", "", Better::Down)
            .help("Events of the whole log that the read table lacks."),
        LOAD = Number::new("load_p50", "Load p50", "ms", Better::Down).plot("load")
            .help("Time to get the state for a command, median of the last 10 s."),
        LOAD_95 = Number::new("load_p95", "Load p95", "ms", Better::Down).plot("load")
            .help("As the median above."),
        DONE = Number::new("done", "Appended", "/s", Better::Up)
            .help("Events of the accounts, over the last second."),
        REFUSED = Number::new("refused", "Refused", "/s", Better::Neither)
            .help("Commands that a rule refuses, over the last second: the balance is too low."),
        FAILED = Number::new("failed", "Failed", "/s", Better::Down)
            .help("Commands that fail for no fault of theirs, over the last second: conflicts to the end, unreadable events, no room."),
        MAILS = Number::new("mails", "E-mails sent", "", Better::Neither)
            .help("All e-mails since the run began, those sent again included."),
    }
}

const NONE: &[&str] = &[];
const ACCOUNT: &[&str] = &["number"];

indexed! {
    pub mod measure: Measure {
        OFF = Measure { key: "off", args: ACCOUNT, help: "Read table minus fold for an account, in euros, at the table's position." },
        BALANCE = Measure { key: "balance", args: ACCOUNT, help: "The fold of an account's events now, in euros." },
        IN_TABLE = Measure { key: "in_table", args: ACCOUNT, help: "What the read table says of an account, in euros." },
        VERSION = Measure { key: "version", args: ACCOUNT, help: "Events of an account." },
        SUCCEEDED = Measure { key: "succeeded", args: NONE, help: "Commands that appended their event." },
        GAVE_UP = Measure { key: "gave_up", args: NONE, help: "Commands that failed with a conflict, after all tries." },
        OVERDRAWN = Measure { key: "overdrawn", args: NONE, help: "Withdrawals that left an account below 0." },
        LOAD_MS = Measure { key: "load_ms", args: ACCOUNT, help: "The last load of an account for a command, in ms." },
        LOAD_EVENTS = Measure { key: "load_events", args: ACCOUNT, help: "Events that the last load of an account folded." },
        STALE = Measure { key: "stale_ignored", args: NONE, help: "Loads that found a snapshot of another layout and ignored it." },
        MISREAD = Measure { key: "misread", args: NONE, help: "Loads whose state was not the fold of the events." },
        UNREADABLE = Measure { key: "unreadable", args: NONE, help: "Commands that failed because no code could read an event." },
        TOOK = Measure { key: "rebuild_took", args: NONE, help: "From the start of the last rebuild until it had caught up with the log, in seconds." },
        CAUGHT_UP = Measure { key: "caught_up", args: NONE, help: "1 if the last rebuild has caught up with the log, 0 if not." },
        MAILS_REPLAY = Measure { key: "mails_replay", args: NONE, help: "E-mails that rebuilds sent." },
        LOG_SAME = Measure { key: "log_same", args: NONE, help: "1 if the events that were in the log when the last rebuild began have the same hash now, 0 if not." },
        REPEATS = Measure { key: "repeats_ignored", args: NONE, help: "Repeats that the projector recognised." },
        APPLIED_TWICE = Measure { key: "applied_twice", args: NONE, help: "Repeats that the projector applied again." },
        STALLED = Measure { key: "stalled", args: NONE, help: "1 while the live projector stands before an event that it cannot read." },
        READABLE = Measure { key: "readable", args: ACCOUNT, help: "Places where the name of an account's holder can be read: events and read tables." },
        AS_OF = Measure { key: "as_of", args: &["number", "duration"], help: "The fold of an account's events up to a moment of the run, in euros." },
        BEHIND = Measure { key: "missing", args: NONE, help: "Euros by which read table and fold of all events differ, over all accounts, lag included." },
    }
}

pub static QUESTION: Question = Question {
    slug: "event-sourcing",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["commands", "event log", "read table", "rebuilt table", "e-mail"],
    links: &[
        ("commands", "event log"),
        ("event log", "read table"),
        ("event log", "rebuilt table"),
        ("read table", "e-mail"),
    ],
    sample_every: Us::ms(500),
    horizon: Us::s(900),
    lifetime_max: Us::s(60),
    tap: Some(act::COMMAND as u8),
    code: &["event_store", "projector", "account"],
    make: make::<EventSourcing>,
};

pub static TOLD: Told = told::<EventSourcing>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<EventSourcing>;
