//! What can be set, done, read and asked: the declaration of the question.

use super::{SCREENS_MAX, SHAPES_MAX, Screens};
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const RFC: &str = "RFC 9111";
const STALE: &str = "RFC 5861";

indexed! {
    pub mod knob: Knob {
        MODE = Knob::choice("mode", "The API is", &[
                ("rest", "REST, whole resources"),
                ("tailored", "REST, tailored: include=, fields="),
                ("plain", "GraphQL POST, plain resolvers"),
                ("loader", "GraphQL POST, with a loader"),
                ("persisted", "GraphQL GET, persisted, with a loader"),
            ], 0).live().main()
            .help("Who decides the shape of the answer, and whether a cache can know it again."),
        SHAPES = Knob::int("shapes", "Query shapes", 10, 1, SHAPES_MAX as i64).log().live().main()
            .help("Client teams that each ask for their own fields. Every shape is an address of its own; whole resources have one shape for all."),
        RTT = Knob::float("rtt", "Round trip to the edge", 50.0, 5.0, 400.0, 5.0).unit("ms").live().main()
            .help("From the client to the edge and back, without the bytes."),
        BANDWIDTH = Knob::float("bandwidth", "Client's bandwidth", 10.0, 0.4, 100.0, 0.1).unit("Mbit/s").log().live().main()
            .help("What the bytes of an answer are divided by."),
        TTL = Knob::float("ttl", "Fresh for", 60.0, 0.0, 3_600.0, 1.0).unit("s").live().main().fact(RFC)
            .zero("ask each time").help("s-maxage: how long the edge may answer from its copy. 0 means that it keeps the copy and asks the origin each time."),
        SWR = Knob::float("swr", "And stale for", 0.0, 0.0, 3_600.0, 1.0).unit("s").live().fact(STALE)
            .zero("no permission").help("stale-while-revalidate: for so much longer the edge answers with the old copy and fetches a new one behind it. 0 means that it may not."),
        PURGE = Knob::toggle("purge", "Purge after an edit", false).live()
            .help("Whoever edits an article tells the edge, which forgets every address that shows it."),
        VALIDATOR = Knob::choice("validator", "ETag", &[("body", "A hash of the answer"), ("version", "The version in the database"), ("none", "None")], 0).live().convention()
            .help("How the origin knows whether a copy is still good. For a hash it makes the whole answer first; for a version it asks the database once."),
        RETURNS = Knob::int("returns", "Readers who come back", 0, 0, 100).unit("%").live()
            .help("They hold a copy of a minute ago and say so with If-None-Match. If it is still the same, no body crosses their line."),

        AUTHOR = Knob::toggle("author", "Show the author", true).live()
            .help("Each article with its author's name: another object behind each."),
        COMMENT = Knob::toggle("comment", "Show the newest comment", false).live()
            .help("Each article with its newest comment and that comment's author: two more levels."),
        BODY = Knob::toggle("body", "Show the whole text", false).live()
            .help("The screen needs all there is of an article, as in a content management system."),
        ARTICLES = Knob::int("articles", "Articles on a screen", 20, 1, 100).live()
            .help("N: the entries of the list."),
        AUTHORS = Knob::int("authors", "Different authors", 5, 1, 100).live()
            .help("D: how many people wrote them; at most one each."),
        FULL = Knob::int("full", "A whole article", 12_000, 200, 100_000).unit("B").log().live()
            .help("What the resource has."),
        NEEDED = Knob::int("needed", "What a screen shows of it", 1_200, 20, 100_000).unit("B").log().live()
            .help("Title, teaser, number of comments and the author's name. At most the whole article."),
        AUTHOR_BYTES = Knob::int("author_bytes", "An author's resource", 800, 20, 100_000).unit("B").log().live()
            .help("What a call for an author brings, of which the screen shows the name."),
        HEADERS = Knob::int("headers", "Header fields", 300, 0, 4_000).unit("B").live()
            .zero("not counted").help("What each answer adds to its body. 0 leaves them out, for figures that can be checked by hand."),

        RATE = Knob::float("rate", "Taps on each screen", 2.0, 0.01, 200.0, 0.01).unit("/s").log()
            .help("How often somebody opens each of the screens, through this edge."),
        SCREENS = Knob::int("screens", "Screens", 4, 1, SCREENS_MAX as i64)
            .help("Lists that can be opened: politics, sport, and so on."),
        ARRIVALS = Knob::choice("arrivals", "They come", &[("poisson", "Poisson: independent readers"), ("even", "Evenly spaced")], 0).convention()
            .help("Independent readers come in clumps. Even spacing is for experiments with one exact answer."),
        ORIGIN_RTT = Knob::float("origin_rtt", "Round trip to the origin", 20.0, 1.0, 200.0, 1.0).unit("ms").live()
            .help("From the edge to the API and back."),
        CONNECTIONS = Knob::choice("connections", "To the edge", &[("http2", "HTTP/2: all at once"), ("http1", "HTTP/1.1: six connections")], 0).live().convention()
            .help("With HTTP/1.1 a browser has at most six requests to a host under way."),
        DB = Knob::float("db", "A database query", 2.0, 0.2, 50.0, 0.1).unit("ms").log().live()
            .help("A statement that yields one row."),
        ROW = Knob::float("row", "Each further row", 0.05, 0.0, 5.0, 0.01).unit("ms").live()
            .help("What a statement takes longer for each row after the first."),
        DB_CONNECTIONS = Knob::int("db_connections", "Database connections", 20, 1, 200).live()
            .help("Statements that run at the same time. The others wait, up to 5,000 of them."),
        RESOLVE = Knob::float("resolve", "Work for each object", 1.0, 0.0, 100.0, 0.5).unit("µs").live()
            .help("What the API's one thread does for each object of an answer, once the database has answered."),
        DEPTH = Knob::int("depth", "Depth limit", 0, 0, 20).unit("levels").live()
            .zero("no limit").help("GraphQL by POST: a query nested deeper is refused before it runs. 0 means no limit."),
        COST = Knob::int("cost", "Cost limit", 0, 0, 1_000_000).unit("objects").live()
            .zero("no limit").help("GraphQL by POST: a query that could yield more objects is refused before it runs. 0 means no limit."),
    }
}

indexed! {
    pub mod act: Act {
        EDIT = Act { key: "edit", label: "Edit an article", hotkey: 'e',
            args: &[Arg::int("screen", "On screen", 1, 1, SCREENS_MAX as i64)], fault: true,
            help: "An article of this screen is changed at the origin. Copies elsewhere are old from now on." },
        FLUSH = Act { key: "flush", label: "Flush the edge", hotkey: 'f', args: &[], fault: true,
            help: "The edge forgets everything." },
        SLOW = Act { key: "slow", label: "Slow database", hotkey: 'd',
            args: &[Arg::float("times", "Times as slow", 10.0, 1.0, 50.0, 1.0), Arg::float("for", "For", 20.0, 1.0, 600.0, 1.0).unit("s")], fault: true,
            help: "Every statement takes longer for a while." },
        AUTHORS = Act { key: "authors", label: "Authors down", hotkey: 'a',
            args: &[Arg::float("for", "For", 20.0, 1.0, 600.0, 1.0).unit("s")], fault: true,
            help: "What has the authors answers with an error for a while; articles are well." },
        GREEDY = Act { key: "greedy", label: "Greedy query", hotkey: 'g',
            args: &[Arg::int("levels", "Levels", 6, 2, 12)], fault: true,
            help: "Somebody asks for a hundred articles, their authors, a hundred articles of each, and so on." },
        UPLOAD = Act { key: "upload", label: "Upload a file", hotkey: 'u',
            args: &[Arg::float("mb", "Megabytes", 5.0, 0.1, 100.0, 0.1)], fault: true,
            help: "REST takes it through the API. GraphQL hands out a signed address, and the file goes straight to the storage." },
        SPIKE = Act { key: "spike", label: "Spike", hotkey: 'x',
            args: &[Arg::float("times", "Times the traffic", 10.0, 0.0, 20.0, 0.5), Arg::float("for", "For", 20.0, 0.5, 600.0, 0.5).unit("s")], fault: true,
            help: "More taps for a while." },
    }
}

indexed! {
    pub mod number: Number {
        P50 = Number::new("p50", "Screen, p50", "ms", Better::Down).main().plot("time")
            .help("From the tap to the last byte of the screen, over the last 10 s."),
        BYTES = Number::new("bytes", "Bytes of a screen", "B", Better::Down).main().plot("bytes")
            .help("What crossed the client's line for a screen, header fields included, over the last 10 s."),
        QUERIES = Number::new("queries", "Database queries", "/screen", Better::Down).main().plot("queries")
            .help("Statements over screens, both of the last 10 s."),
        HITS = Number::new("hits", "Edge hit ratio", "%", Better::Up).main().plot("hits")
            .help("Of the requests that came to the edge in the last 10 s, those answered from its copy without asking."),
        ORIGIN = Number::new("origin", "Requests to the origin", "/s", Better::Down).main().plot("origin")
            .help("What the edge passed on or asked, over the last 10 s."),
        P95 = Number::new("p95", "Screen, p95", "ms", Better::Down).plot("time")
            .help("The same time, for the slowest twentieth."),
        USED = Number::new("used", "Bytes that are shown", "%", Better::Up)
            .help("Of the bytes that crossed the line in the last 10 s, those the screen needed."),
        TRIPS = Number::new("trips", "Round trips", "/screen", Better::Down)
            .help("Requests of a screen that had to wait for one another, over the last 10 s."),
        STALE = Number::new("stale", "Old screens", "%", Better::Down)
            .help("Of the screens of the last 10 s, those that showed an article from before its last edit."),
        PARTIAL = Number::new("partial", "200 with errors", "/s", Better::Down)
            .help("Answers with status 200 that had errors in them, over the last 10 s."),
        FAILED = Number::new("failed", "4xx and 5xx", "/s", Better::Down)
            .help("Answers whose status says that they failed, over the last 10 s."),
        WAITING = Number::new("waiting", "Queries waiting", "", Better::Down)
            .help("Statements that wait for a database connection."),
    }
}

indexed! {
    pub mod measure: Measure {
        MEAN_MS = Measure::new("mean_ms", &["duration", "duration"], "mean time of the screens that were complete in these seconds, in ms"),
        BYTES_IN = Measure::new("bytes_in", &["duration", "duration"], "bytes over the client's line for each of them"),
        USED_IN = Measure::new("used_in", &["duration", "duration"], "of those bytes, the percentage that the screens needed"),
        TRIPS_IN = Measure::new("trips_in", &["duration", "duration"], "round trips of each of them"),
        QUERIES_IN = Measure::new("queries_in", &["duration", "duration"], "database statements of these seconds for each screen complete in them"),
        HIT_SHARE = Measure::new("hit_share", &["duration", "duration"], "requests answered from the edge's copy, in percent of those that came to it in these seconds"),
        ORIGIN_IN = Measure::new("origin_in", &["duration", "duration"], "requests a second from the edge to the origin"),
        ORIGIN_BYTES = Measure::new("origin_bytes", &["duration", "duration"], "bytes of bodies a second from the origin to the edge"),
        NOT_MODIFIED = Measure::new("not_modified", &["duration", "duration"], "answers of the origin that were 304, in percent of its answers"),
        STATEMENTS_IN = Measure::new("statements_in", &["duration", "duration"], "database statements a second"),
        STALE_SHARE = Measure::new("stale_share", &["duration", "duration"], "screens that showed an old article, in percent"),
        PARTIAL_IN = Measure::new("partial_in", &["duration", "duration"], "answers with status 200 and errors in them"),
        FAILED_IN = Measure::new("failed_in", &["duration", "duration"], "answers with status 4xx or 5xx"),
        SHOWN = Measure::new("shown", &["duration", "duration"], "screens with all their articles, in percent of those decided in these seconds"),
        LAST_QUERIES = Measure::new("last_queries", &[], "statements of the last operation that the origin answered"),
        LAST_KEYS = Measure::new("last_keys", &[], "keys in the last statement of that operation"),
        STALE_S = Measure::new("stale_s", &[], "how long after an edit the last old screen was shown, in seconds"),
        PURGED = Measure::new("purged", &[], "entries that the last purge took"),
        KEPT = Measure::new("kept", &[], "entries at the edge now"),
        GREEDY_COST = Measure::new("greedy_cost", &[], "objects that the last greedy query could have yielded"),
        GREEDY_QUERIES = Measure::new("greedy_queries", &[], "statements that greedy queries made"),
        UPLOAD_S = Measure::new("upload_s", &[], "how long the last upload took, in seconds"),
        UPLOAD_API = Measure::new("upload_api", &[], "bytes of uploaded files that went through the API"),
    }
}

pub static QUESTION: Question = Question {
    slug: "rest-vs-graphql",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Clients", "Edge", "API", "Database"],
    links: &[("Clients", "Edge"), ("Edge", "API"), ("API", "Database")],
    sample_every: Us::ms(500),
    horizon: Us::s(600),
    lifetime_max: Us::s(120),
    tap: None,
    code: &["resolver", "http_cache"],
    make: make::<Screens>,
};

pub static TOLD: Told = told::<Screens>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<Screens>;
