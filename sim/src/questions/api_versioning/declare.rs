//! What can be set, done, read and asked: the declaration of the question.

use super::ApiVersioning;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

indexed! {
    pub mod knob: Knob {
        STYLE = Knob::choice("style", "Version named in", &[("path", "The path"), ("header", "A header"), ("query", "The query"), ("pin", "The account")], 0).convention().main()
            .help("Where a request says which version it means: /v1/orders, Accept, ?version=1, or nowhere, since the account is pinned to one."),
        RELEASE = Knob::choice("release", "A change becomes", &[("in-place", "The same version"), ("new", "A new version")], 0).convention().live().main()
            .help("Whether a shipped change alters the newest version under its number, or makes a new version and leaves the others as they are."),
        HEADERS = Knob::toggle("headers", "Deprecation, Sunset", true).convention().live().main()
            .help("Responses of a version whose end is announced carry the header fields Deprecation, Sunset and Link."),
        BROWNOUTS = Knob::int("brownouts", "Brownouts", 0, 0, 12).unit("weekly").live().main()
            .help("That many weeks before the sunset, once a week, the version answers as it will after it. Set it before you announce. 0 has none."),
        NOTICE = Knob::int("notice", "Announced ahead", 180, 0, 730).unit("d").live().main()
            .help("From the announcement to the sunset. 0 is gone at once."),

        CLIENTS = Knob::int("clients", "Clients", 500, 10, 10_000)
            .help("Programs of other people that call the API."),
        CALLS = Knob::int("calls", "Calls", 1_000, 0, 20_000).unit("/d").live()
            .help("Calls a day of all clients together. Few, so that each can be simulated."),
        SKEW = Knob::float("skew", "Skew of the volume", 0.86, 0.0, 2.0, 0.01)
            .help("The client of rank r makes a share proportional to 1/r^skew of the calls. 0.86 is a Pareto law in which a fifth of the clients makes most of the calls; with 0 all call equally often."),
        VERSIONS = Knob::int("versions", "Versions to begin with", 2, 1, 8)
            .help("The newest has just been launched. Its clients are still on the others, spread evenly."),
        STRICT = Knob::float("strict", "Strict readers", 20.0, 0.0, 100.0, 1.0).unit("%")
            .help("They validate the whole document: no unknown field, all that is required, every type."),
        EXHAUSTIVE = Knob::float("exhaustive", "Switch without default", 10.0, 0.0, 60.0, 1.0).unit("%")
            .help("Clients that throw on a status they do not know. All of them read the status."),
        CREATES = Knob::float("creates", "Create orders", 40.0, 0.0, 100.0, 1.0).unit("%")
            .help("Clients half of whose calls are POST. The others only read."),
        READERS = Knob::float("readers", "Header readers", 30.0, 0.0, 100.0, 1.0).unit("%")
            .help("Clients whose developers see what the header fields say, in a log or a linter."),
        MAIL = Knob::float("mail", "Read their mail", 50.0, 0.0, 100.0, 1.0).unit("%")
            .help("Clients whose registered address reaches somebody."),
        SILENT = Knob::float("silent", "Send no version", 10.0, 0.0, 100.0, 1.0).unit("%")
            .help("Clients that leave the version out, where that is possible: with a header or a query."),
        FALLBACK = Knob::choice("fallback", "No version means", &[("newest", "The newest"), ("oldest", "The oldest that lives")], 0).convention()
            .help("What a request gets that names none."),
        NONE = Knob::float("h_none", "Moves: by itself", 0.1, 0.0, 50.0, 0.1).unit("%/d").live()
            .help("Chance a day that a client moves to the newest version although nothing but the changelog told it."),
        SEEN = Knob::float("h_header", "Moves: header seen", 0.5, 0.0, 50.0, 0.1).unit("%/d").live()
            .help("The same once its developers have seen the header fields."),
        MAILED = Knob::float("h_email", "Moves: e-mailed", 1.0, 0.0, 50.0, 0.1).unit("%/d").live()
            .help("The same once they have read an e-mail about it."),
        BROWNOUT = Knob::float("h_brownout", "Moves: brownout felt", 5.0, 0.0, 50.0, 0.1).unit("%/d").live()
            .help("On top, once, on the day after one of its calls met a brownout."),
        BROKEN = Knob::float("h_broken", "Moves: broken", 10.0, 0.0, 50.0, 0.1).unit("%/d").live()
            .help("On top, within a day of a call that failed for good."),
        CADENCE = Knob::int("cadence", "Clients release every", 7, 0, 90).unit("d")
            .help("A client that has decided to move does so with its next release. 0: the same day."),
        HOURS = Knob::float("hours", "A brownout lasts", 12.0, 0.1, 48.0, 0.1).unit("h").live().fact("GitHub's announcement of 1 March 2022: 12 hours, a week later 24")
            .help("Only those who call in it, and are not answered by a cache, notice it."),
        CACHE = Knob::int("cache", "Shared cache keeps", 60, 0, 1_440).unit("min").live()
            .help("For so long a shared cache may answer for the API (s-maxage). 0 has none."),
        VARY = Knob::toggle("vary", "Vary", true).fact("RFC 9110, section 12.5.5").live()
            .help("Responses name the request header that the version was chosen by, so that caches keep versions apart."),
        FIELD = Knob::choice("field", "Field in the editor", PICKS, 1).live()
            .help("The field that the verdicts are about, and that a change is made to. A click on a field of the order picks it too."),
        UPKEEP = Knob::float("upkeep", "Upkeep of a version", 4.0, 0.0, 40.0, 0.5).unit("h/week").live()
            .help("Tests, support and fixes for each version that lives."),
    }
}

const WHATS: &[(&str, &str)] = &[
    ("add", "Add an optional field"),
    ("add-value", "Add a status"),
    ("rename", "Rename"),
    ("remove", "Remove"),
    ("retype", "Change the type"),
    ("remean", "Change the meaning"),
    ("async", "201 becomes 202"),
    ("require", "Require a field"),
    ("allow", "Allow a field"),
    ("tighten", "Shorter notes"),
    ("loosen", "Longer notes"),
];
/// The fields by their first names: in the order of the schema.
macro_rules! fields {
    ($($before:expr)?) => {
        &[$($before,)? ("id", "id"), ("total", "total"), ("status", "status"), ("customer", "customer"), ("note", "note"),
            ("eta", "eta"), ("carrier", "carrier"), ("gift", "gift"), ("locale", "locale")]
    };
}
const PICKS: &[(&str, &str)] = fields!();
const FIELDS: &[(&str, &str)] = fields!(("picked", "The one picked"));

indexed! {
    pub mod act: Act {
        ANNOUNCE = Act { key: "announce", label: "Announce", hotkey: 'a', args: &[], fault: true,
            help: "Deprecate the oldest version that lives and say when it ends: in the changelog, and in header fields if they are on." },
        WHO = Act { key: "who", label: "Who calls?", hotkey: 'w', args: &[], fault: true,
            help: "Look up who still calls the old version, by volume. Once more hides the list." },
        CHANGE = Act { key: "change", label: "Ship a change", hotkey: 'c',
            args: &[Arg::choice("what", "What", WHATS, 2), Arg::choice("field", "Field", FIELDS, 0)], fault: true,
            help: "Change the newest version of the order, or make a new version: as the knob says." },
        EMAIL = Act { key: "email", label: "E-mail", hotkey: 'e',
            args: &[Arg::int("count", "How many", 10, 1, 10_000)], fault: true,
            help: "Write to those who call the old version most. If nobody has looked who calls, to the first on the list of addresses." },
        BROWNOUT = Act { key: "brownout", label: "Brownout", hotkey: 'b', args: &[], fault: true,
            help: "From now on, for as long as a brownout lasts, the old version answers 410." },
        SUNSET = Act { key: "sunset", label: "Sunset", hotkey: 'x', args: &[], fault: true,
            help: "Switch the oldest version off now, whatever was announced." },
        BACK = Act { key: "rollback", label: "Roll back", hotkey: 'r', args: &[], fault: true,
            help: "Take the last sunset back, or else the last change. Clients stay as they are." },
        TWO = Act { key: "two", label: "Two callers", hotkey: 't', args: &[], fault: true,
            help: "The oldest and then the newest version are asked for one and the same order." },
        PICK = Act { key: "pick", label: "Pick a field", hotkey: 'f',
            args: &[Arg::int("field", "Which", 2, 0, 8)], fault: false,
            help: "The field that the verdicts are about." },
    }
}

indexed! {
    pub mod number: Number {
        BROKEN = Number::new("broken", "Broken calls", "/d", Better::Down).main().plot("broken")
            .help("Calls of the last day that were of no use: refused for good, or with an answer that its client cannot read. Brownouts are counted apart."),
        LEFT = Number::new("left", "Clients left", "", Better::Down).main().plot("left")
            .help("Clients on the version whose end was announced last, or else on the oldest that lives, and on older ones."),
        VOLUME = Number::new("volume", "Their share of calls", "%", Better::Down).main().plot("share")
            .help("What the clients that are left make of all calls."),
        DAYS = Number::new("days", "Days to 1 %", "d", Better::Down).main()
            .help("Until 1 % of all clients is left, if what has reached each of them stays as it is now. Absent if that is more than a hundred years."),
        COST = Number::new("cost", "Upkeep to date", "h", Better::Down).main()
            .help("Hours of work for all versions that lived, since the run began."),
        MISLED = Number::new("misled", "Silently wrong", "/d", Better::Down).main().plot("broken")
            .help("Calls of the last day whose answer was read without an error and says something else than the order."),
        REFUSED = Number::new("brownout_calls", "In brownouts", "/d", Better::Neither)
            .help("Calls of the last day that met a brownout."),
        RIGHT = Number::new("right", "Right", "/d", Better::Up)
            .help("Calls of the last day that gave their client what it needs."),
        OLD = Number::new("old", "On old versions", "/d", Better::Down)
            .help("Calls of the last day for another version than the newest."),
        HITS = Number::new("hits", "From the cache", "%", Better::Up)
            .help("Share of the reads of the last day that a shared cache answered."),
    }
}

const NONE: &[&str] = &[];
const SPAN: &[&str] = &["duration", "duration"];

indexed! {
    pub mod measure: Measure {
        HURT = Measure::new("clients_hurt", NONE, "Clients of which at least one call was broken."),
        FOOLED = Measure::new("clients_misled", NONE, "Clients that at least once read something else than the order says, without an error."),
        SHARE = Measure::new("left_percent", NONE, "Clients that are left, in percent of all."),
        MOVED = Measure::new("moves", NONE, "Moves of clients from one version to another."),
        MIXUPS = Measure::new("mixups", NONE, "Answers for another version than the one asked for, from a shared cache."),
        ALL_BROKEN = Measure::new("broken_calls", SPAN, "Broken calls of the days from the first to the second."),
        ALL_CALLS = Measure::new("calls_made", SPAN, "Calls of the days from the first to the second."),
        FELT = Measure::new("felt_brownout", NONE, "Clients that met a brownout at least once."),
        REACHED = Measure::new("saw_header", NONE, "Clients that are left and have seen the header fields."),
        GONE = Measure::new("gone", NONE, "Calls that got 410 after a sunset."),
        LIVE = Measure::new("live_versions", NONE, "Versions that live."),
        WOULD = Measure::new("would_break", &["number"], "Clients of the newest version that the change of this number (0 is the first on the list) to the picked field would break."),
        SHARED = Measure::new("chain", NONE, "Adapters between the newest shape and the oldest version that lives."),
    }
}

pub static QUESTION: Question = Question {
    slug: "api-versioning",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["clients", "shared cache", "API", "adapters"],
    links: &[("clients", "shared cache"), ("shared cache", "API"), ("API", "adapters")],
    sample_every: Us::ms(500),
    horizon: Us::s(900),
    lifetime_max: Us::s(1),
    tap: None,
    code: &["versions", "deprecation", "http_cache"],
    make: make::<ApiVersioning>,
};

pub static TOLD: Told = told::<ApiVersioning>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<ApiVersioning>;
