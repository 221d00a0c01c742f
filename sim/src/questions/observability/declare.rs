//! What can be set, done, read and asked: the declaration of the question.

use super::Observability;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

indexed! {
    pub mod knob: Knob {
        RATE = Knob::float("rate", "Requests", 1_000.0, 0.0, 5_000.0, 10.0).unit("/s").live().main()
            .help("What users ask of the shop, all kinds together."),
        REPORT = Knob::choice("report", "p99 on the dashboard", &[("merged", "Of summed histograms"), ("average", "Mean of instances' p99"), ("weighted", "The same by requests")], 0).convention().live().main()
            .help("Summed: the buckets of all instances are added, then the quantile is estimated. The others take the p99 that each instance has worked out for itself."),
        POINT = Knob::choice("point", "Measured at", &[("server", "The handler"), ("balancer", "The balancer"), ("client", "The client")], 0).convention().live().main()
            .help("The handler sees what it has begun. The balancer also sees waits and refusals, the client also the way and its own patience."),
        SAMPLING = Knob::choice("sampling", "Traces kept", &[("head", "Head: a share"), ("tail", "Tail: after a look"), ("all", "All"), ("none", "None")], 0).convention().main()
            .help("Head decides before anything is known. Tail waits, then keeps what failed, what was slow, and a share of the rest."),
        USER = Knob::toggle("user_label", "User id as a label", false).live().main()
            .help("Puts the user's id on the metric, so that each user makes series of their own."),

        BOUNDS = Knob::choice("bounds", "Bucket bounds", &[("default", "Client library's: 5 ms to 10 s"), ("coarse", "100 ms, 1 s, 10 s"), ("double", "Powers of two from 1 ms"), ("fine", "Steps of 10 % from 1 ms")], 0).fact("Prometheus client libraries, default buckets")
            .help("The upper bounds of the histogram's buckets. \"Bucket edge\" adds one."),
        SCRAPE = Knob::float("scrape", "Scrape every", 15.0, 5.0, 60.0, 1.0).unit("s").convention()
            .help("How often the counters are read, on the telemetry clock. The dashboard looks back over eight scrapes."),
        CLOCK = Knob::int("clock", "Telemetry clock", 60, 1, 60).unit("x")
            .help("Scrapes and alert rules run so many times as fast as the shop: at 60, one of their hours is a minute of the run. 1 is real time. Requests, traces and load tests always take the time they take."),
        OBJECTIVE = Knob::float("slo", "Objective", 99.9, 99.0, 99.99, 0.01).unit("%")
            .help("The share of requests that shall succeed over 30 days. What is left to 100 % is the error budget."),
        PAGING = Knob::choice("paging", "Page on", &[("burn", "Burn rate"), ("share", "Errors > 1 % for 5 min"), ("cpu", "CPU > 80 % for 5 min")], 0).fact("Site Reliability Workbook, chapter 5").live()
            .help("What wakes somebody. Burn rate: 14.4 over 1 h and 5 min, or 6 over 6 h and 30 min; 1 over 3 d and 6 h makes a ticket."),
        SHORT = Knob::toggle("short", "Short window too", true).fact("Site Reliability Workbook, chapter 5").live()
            .help("A burn rate must be above its threshold over the short window too. Off, the long one decides alone."),
        HEAD = Knob::float("share", "Share of traces", 1.0, 0.0, 100.0, 0.1).unit("%")
            .help("What head sampling keeps, and tail sampling of those that are neither failed nor slow."),
        WAIT = Knob::float("wait", "Tail: decision after", 30.0, 1.0, 60.0, 1.0).unit("s").fact("OpenTelemetry Collector, tail sampling processor")
            .help("From a trace's first span to its decision. All spans are kept in memory meanwhile."),
        ROOM = Knob::int("room", "Tail: traces in memory", 50_000, 100, 100_000).log().fact("OpenTelemetry Collector, tail sampling processor")
            .help("When there are more, the oldest goes without a decision."),
        SLOW = Knob::int("slow", "Tail: keep slower than", 500, 0, 10_000).unit("ms").zero("never")
            .help("Keeps every trace that took longer. 0 keeps none for being slow."),
        SPANS = Knob::int("spans", "Spans a request", 20, 4, 200)
            .help("With those inside the services, which are not drawn. 500 bytes each."),
        LOGS = Knob::choice("logs", "Logs kept", &[("all", "All"), ("sampled", "Errors and a share"), ("errors", "Errors only"), ("none", "None")], 1).convention().live()
            .help("Each service writes a line for each request. A line is 400 bytes."),
        LOG_SHARE = Knob::float("log_share", "Share of good lines", 10.0, 0.0, 100.0, 1.0).unit("%").live()
            .help("What is kept of the lines of requests that went well, if they are sampled. All lines of a request or none."),
        LINES = Knob::choice("lines", "Log lines are", &[("text", "Plain text"), ("json", "JSON with fields"), ("ids", "JSON with the trace id")], 2).convention().live()
            .help("Fields can be searched and counted: the user, the route. The trace id leads from a trace to its lines and back."),
        METHODS = Knob::int("methods", "Label: methods", 5, 1, 10)
            .help("How many values this label has."),
        ROUTES = Knob::int("routes", "Label: routes", 20, 1, 500)
            .help("How many values this label has. A raw URL has no bound: use its pattern."),
        INSTANCES = Knob::int("instances", "Label: instances", 50, 1, 1_000)
            .help("How many values this label has, over the whole fleet. Four of them are drawn."),
        STATUSES = Knob::int("statuses", "Label: statuses", 12, 2, 60)
            .help("How many values this label has."),
        USERS = Knob::int("users", "Users", 100_000, 1, 1_000_000).log()
            .help("Who asks. As a label each of them is a value."),
        LIMIT = Knob::int("limit", "Series limit", 0, 0, 10_000_000).zero("none").live()
            .help("Above it the whole scrape is refused, as Prometheus does with sample_limit. 0 is no limit."),
        PATIENCE = Knob::float("patience", "Patience", 2.0, 0.0, 30.0, 0.1).unit("s").zero("endless")
            .help("A user who has no answer by then leaves. 0 waits for ever."),
        EVEN = Knob::toggle("even", "Even arrivals", false)
            .help("Requests at equal distances, and failures evenly among them, for experiments with one exact answer."),
        TESTER = Knob::choice("tester", "Load tester", &[("off", "Off"), ("open", "Open: by the clock"), ("closed", "Closed: one connection")], 0)
            .help("Tests web-1 for the first 100 s. It asks for what takes 1 ms. Closed, it waits for each answer before it sends the next."),
        TEST_RATE = Knob::float("test_rate", "Load test", 100.0, 1.0, 500.0, 1.0).unit("/s")
            .help("Requests a second that the test is meant to send."),
        PRICE = Knob::float("price", "Price of series", 8.0, 0.0, 100.0, 0.5).unit("$/1,000")
            .help("A month of a thousand active series."),
        PRICE_GB = Knob::float("price_gb", "Price of data", 0.5, 0.0, 10.0, 0.1).unit("$/GB")
            .help("To take in a gigabyte of logs or spans."),
    }
}

const STATIONS: &[(&str, &str)] = &[
    ("web-1", "web-1"),
    ("web-2", "web-2"),
    ("web-3", "web-3"),
    ("web-4", "web-4"),
    ("catalog-1", "catalog-1"),
    ("catalog-2", "catalog-2"),
    ("cart-1", "cart-1"),
    ("checkout-1", "checkout-1"),
    ("checkout-2", "checkout-2"),
    ("payment-1", "payment-1"),
];

indexed! {
    pub mod act: Act {
        ERRORS = Act { key: "errors", label: "Errors", hotkey: 'e',
            args: &[Arg::float("share", "Share", 10.0, 0.0, 100.0, 0.1).unit("%")], fault: true,
            help: "A bad release: this share of the requests fails, fast." },
        DATABASE = Act { key: "database", label: "Slow database", hotkey: 'd',
            args: &[Arg::float("factor", "Factor", 3.0, 1.0, 100.0, 0.5)], fault: true,
            help: "Every query takes so many times as long." },
        BAD = Act { key: "bad", label: "Slow instance", hotkey: 'b',
            args: &[Arg::choice("which", "Which", STATIONS, 0), Arg::float("factor", "Factor", 400.0, 1.0, 1_000.0, 1.0)], fault: true,
            help: "One of the ten instances takes so many times as long for its own work." },
        CRASH = Act { key: "crash", label: "Crash", hotkey: 'x',
            args: &[Arg::choice("which", "Which", STATIONS, 0)], fault: true,
            help: "An instance dies with what it holds and comes back after 5 s. Its counters begin at 0." },
        FREEZE = Act { key: "freeze", label: "Freeze", hotkey: 'f',
            args: &[Arg::float("for", "How long", 5.0, 0.1, 60.0, 0.1).unit("s")], fault: true,
            help: "All web instances stand still, as in a long garbage collection." },
        CUSTOMER = Act { key: "customer", label: "One customer", hotkey: 'c', args: &[], fault: true,
            help: "Everything fails for user 7, a large customer with 0.5 % of the requests." },
        NETWORK = Act { key: "network", label: "Bad network", hotkey: 'w',
            args: &[Arg::float("ms", "Longer by", 300.0, 0.0, 5_000.0, 10.0).unit("ms"), Arg::float("loss", "Lost", 2.0, 0.0, 100.0, 0.5).unit("%")], fault: true,
            help: "The way between users and the balancer is slow and loses requests." },
        SURGE = Act { key: "surge", label: "Traffic x", hotkey: 'r',
            args: &[Arg::float("factor", "Factor", 2.0, 0.0, 10.0, 0.1)], fault: true,
            help: "So many times as many requests." },
        BLIND = Act { key: "blind", label: "Monitor down", hotkey: 'm',
            args: &[Arg::float("for", "How long", 10.0, 0.1, 600.0, 0.1).unit("s")], fault: true,
            help: "Scrapes fail. The counters go on counting." },
        MEND = Act { key: "mend", label: "Mend", hotkey: 'a', args: &[], fault: true,
            help: "Everything that was broken is whole again." },
        BOUND = Act { key: "bound", label: "Bucket edge", hotkey: 'u',
            args: &[Arg::int("ms", "At", 300, 1, 60_000).unit("ms")], fault: true,
            help: "Adds a bound to the histogram, or takes it away if it is there. A new histogram begins empty." },
        OPEN = Act { key: "open", label: "Exemplar", hotkey: 'o',
            args: &[Arg::int("bucket", "Bucket", 0, 0, 101)], fault: true,
            help: "Opens the trace of an exemplar. Bucket 1 is the fastest, 0 takes the slowest bucket that has one." },
        WHO = Act { key: "who", label: "Which user?", hotkey: 'h', args: &[], fault: true,
            help: "Asks which users have had errors since the trouble began: what happened, and what logs and traces can say." },
        GIVEN = Act { key: "given", label: "Given requests", hotkey: 'g',
            args: &[Arg::int("count", "How many", 1_000, 1, 10_000), Arg::float("ms", "Each takes", 260.0, 0.1, 20_000.0, 0.1).unit("ms"), Arg::int("on", "On web", 1, 1, 4)], fault: true,
            help: "Requests that take exactly so long wherever they are measured." },
    }
}

indexed! {
    pub mod number: Number {
        REPORTED_99 = Number::new("reported_p99", "p99 reported", "ms", Better::Neither).main().plot("p99")
            .help("What the dashboard says, at the last scrape. No sample is too small for it."),
        TRUE_99 = Number::new("true_p99", "p99 in truth", "ms", Better::Down).main().plot("p99")
            .help("What users had to wait, over the same time. Absent below 1,000 requests."),
        DELAY = Number::new("delay", "Paged after", "min", Better::Down).main()
            .help("From the beginning of the trouble to the page, on the telemetry clock. Absent while nobody is paged."),
        BUDGET = Number::new("budget", "Error budget spent", "%", Better::Down).main()
            .help("Failed requests that were counted, over those that 30 days at the rate of the beginning allow."),
        SERIES = Number::new("series", "Series", "", Better::Down).main()
            .help("Time series that the labels have made since the run began, all buckets included. An estimate within 2 %."),
        COST = Number::new("cost", "Cost", "$/month", Better::Down).main()
            .help("Series so far, and logs and spans at the rate of the last 10 s, at the prices that are set."),
        REPORTED_50 = Number::new("reported_p50", "p50 reported", "ms", Better::Neither).plot("p50")
            .help("As the p99."),
        TRUE_50 = Number::new("true_p50", "p50 in truth", "ms", Better::Down).plot("p50")
            .help("As the p99. Absent below 20 requests."),
        REPORTED_95 = Number::new("reported_p95", "p95 reported", "ms", Better::Neither).plot("p95")
            .help("As the p99."),
        TRUE_95 = Number::new("true_p95", "p95 in truth", "ms", Better::Down).plot("p95")
            .help("As the p99. Absent below 200 requests."),
        REPORTED_BAD = Number::new("reported_errors", "Errors reported", "%", Better::Neither).plot("errors")
            .help("Share of failed requests that were counted, over eight scrapes."),
        TRUE_BAD = Number::new("true_errors", "Errors in truth", "%", Better::Down).plot("errors")
            .help("Share of users who got an error or left, over the last eight scrapes' time."),
        BURN_LONG = Number::new("burn_1h", "Burn rate, 1 h", "x", Better::Down).plot("burn")
            .help("Error share over an hour of the telemetry clock, over the share allowed."),
        BURN_SHORT = Number::new("burn_5m", "Burn rate, 5 min", "x", Better::Down).plot("burn")
            .help("The same over five minutes of it."),
        ANSWERED = Number::new("answered", "Answered well", "/s", Better::Up)
            .help("Requests whose user got the answer in time, over the last second."),
        KEPT = Number::new("kept", "Traces kept", "/s", Better::Neither)
            .help("Over the last 10 s."),
        BUFFER = Number::new("buffer", "Tail's memory", "MB", Better::Down)
            .help("Spans of traces that wait for their decision."),
        STORED = Number::new("stored", "Logs and spans", "GB/day", Better::Down)
            .help("At the rate of the last 10 s."),
        DB_BUSY = Number::new("db_busy", "Database busy", "%", Better::Neither).plot("database")
            .help("Connections at work, over the time between the last two scrapes: utilisation."),
        DB_WAITING = Number::new("db_waiting", "Wait for it", "", Better::Down)
            .help("Requests that wait for a connection now: saturation."),
    }
}

const NONE: &[&str] = &[];
const RULE: &[&str] = &["number"];

indexed! {
    pub mod measure: Measure {
        MEAN_99 = Measure::new("mean_p99", NONE, "Mean of the instances' own p99, in ms."),
        WEIGHTED_99 = Measure::new("weighted_p99", NONE, "The same weighted by their requests, in ms."),
        MERGED_99 = Measure::new("merged_p99", NONE, "p99 estimated from the summed histograms, in ms, at the last scrape."),
        HELD = Measure::new("held", RULE, "Minutes of the telemetry clock from the beginning of the trouble until rule 1, 2 or 3 holds for the requests as they were."),
        PAGED = Measure::new("fired_after", RULE, "Minutes of the telemetry clock from the beginning of the trouble until rule 1, 2 or 3 fired, at a scrape."),
        FIRED = Measure::new("fired", RULE, "1 if rule 1, 2 or 3 has fired since the trouble began, 0 if not."),
        FIRING = Measure::new("firing", RULE, "1 while rule 1, 2 or 3 fires, 0 while not."),
        LET_GO = Measure::new("let_go_after", RULE, "Minutes of the telemetry clock from the last mending until rule 1, 2 or 3 let go."),
        TEST_99 = Measure::new("test_p99", NONE, "p99 that the load tester reports, in ms."),
        TEST_CORRECTED = Measure::new("test_p99_corrected", NONE, "The same with the omitted requests put back, in ms."),
        TEST_SENT = Measure::new("test_sent", NONE, "Requests that the load tester has sent."),
        TEST_OMITTED = Measure::new("test_omitted", NONE, "Requests that it was meant to send by now and did not."),
        LABEL_SETS = Measure::new("label_sets", NONE, "The most label sets that the labels can make."),
        POSSIBLE = Measure::new("series_possible", NONE, "The most series of the histogram that they can make."),
        SEEN = Measure::new("label_sets_seen", NONE, "Label sets that have occurred, about."),
        BUFFERED = Measure::new("traces_waiting", NONE, "Traces that wait for tail sampling's decision."),
        EVICTED = Measure::new("traces_evicted", NONE, "Traces that were thrown away without a decision."),
        FAILED_KEPT = Measure::new("failed_kept", NONE, "Share of the failed requests whose trace was kept, in percent, of those decided."),
        AFFECTED = Measure::new("affected", NONE, "Users with an error since the trouble began."),
        IN_LOGS = Measure::new("affected_in_logs", NONE, "Of these, whom the logs can name."),
        IN_TRACES = Measure::new("affected_in_traces", NONE, "Of these, whom the traces can name."),
        LINES_FOUND = Measure::new("lines_found", NONE, "Log lines that the open trace's id leads to."),
        SPENT_TRUE = Measure::new("budget_in_truth", NONE, "Error budget that users have really lost, in percent."),
        LOST_COUNTS = Measure::new("lost_counts", NONE, "Requests that were counted and died with their counter before a scrape."),
        FAILED_SCRAPES = Measure::new("failed_scrapes", NONE, "Scrapes that failed."),
    }
}

pub static QUESTION: Question = Question {
    slug: "observability",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["users", "balancer", "web", "catalog", "cart", "checkout", "payment", "database", "monitor"],
    links: &[
        ("users", "balancer"),
        ("balancer", "web"),
        ("web", "catalog"),
        ("web", "cart"),
        ("web", "checkout"),
        ("checkout", "payment"),
        ("catalog", "database"),
        ("web", "monitor"),
    ],
    sample_every: Us::ms(250),
    horizon: Us::s(900),
    lifetime_max: Us::s(60),
    tap: None,
    code: &["metrics", "burn_rate", "load_tester", "tracer"],
    make: make::<Observability>,
};

pub static TOLD: Told = told::<Observability>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<Observability>;
