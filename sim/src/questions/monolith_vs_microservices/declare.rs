//! What can be set, done, read and asked: the declaration of the question.

use super::Product;
use crate::declare::{Act, Arg, Better, Help, Knob, Measure, Number, Question};
use crate::indexed;
use crate::kernel::{Read, Told, Us, make, read, told};

const ITS_OWN: &str = "one of its own";
const USL: &str = "Gunther, Universal Scalability Law";

indexed! {
    pub mod knob: Knob {
        LAYOUT = Knob::choice("layout", "Cut", &[("mud", "Monolith without inner walls"), ("modular", "Modular monolith"), ("hybrid", "Core and two services"), ("teams", "One service per team"), ("services", "One service per module")], 1).main()
            .help("Which modules are deployed together at the start. From there on you can carry them about."),
        DEVELOPERS = Knob::int("developers", "Developers", 12, 1, 200).log().live().main()
            .help("People who finish changes, spread evenly over the teams."),
        COUPLING = Knob::int("coupling", "Changes that touch two modules", 20, 0, 100).unit("%").live().main()
            .help("With good boundaries the second module is a neighbour of the first. Where the two are deployed apart, the change needs two releases."),
        OPTIONAL = Knob::int("optional", "Modules a page can do without", 0, 0, 49).live().main()
            .help("So many, counted from the last one: a call to them that fails leaves a gap in the page instead of an error."),
        BATCH = Knob::int("batch", "Changes in a pipeline run", 1, 1, 50).live().main()
            .help("The most changes that share a run. A red run is bisected."),

        MODULES = Knob::int("modules", "Modules", 10, 1, 50)
            .help("Parts of the product."),
        CALLS = Knob::int("calls", "Modules a page needs", 10, 1, 50)
            .help("Including the first, Web. If it is fewer than there are, different pages need different ones."),
        PARALLEL = Knob::int("parallel", "Of them at the same time", 0, 0, 49)
            .help("The last so many are called at once, and the page waits for the slowest. The others are called one after the other."),
        AVAILABILITY = Knob::float("availability", "Availability of a deployable", 99.9, 99.0, 99.999, 0.001).unit("%").live()
            .help("The share of time in which it is up, apart from what you and your releases do to it."),
        RESTORE = Knob::float("restore", "An outage lasts", 30.0, 1.0, 480.0, 1.0).unit("min").log().live()
            .help("On average; after a bad release exactly so long."),

        RATE = Knob::float("rate", "Pages", 40.0, 0.0, 200.0, 1.0).unit("req/s").live()
            .zero("no traffic").help("Requests a second. 0 leaves the calendar alone on the stage."),
        WORK = Knob::float("work", "Work in a module", 5.0, 0.5, 50.0, 0.5).unit("ms").log()
            .help("Processor time of one call, exponential around this mean."),
        HOP_P50 = Knob::float("hop_p50", "A network call, p50", 1.0, 0.1, 50.0, 0.1).unit("ms").log()
            .help("Half of the calls between deployables take less, there and back, without the work at the other end."),
        HOP_P99 = Knob::float("hop_p99", "A network call, p99", 10.0, 0.1, 1_000.0, 0.1).unit("ms").log()
            .help("One in a hundred takes longer. Both percentiles together make a lognormal delay."),
        PATIENCE = Knob::float("patience", "Callers wait", 2_000.0, 100.0, 10_000.0, 100.0).unit("ms").log()
            .help("A later answer counts as none."),
        ATOMIC = Knob::int("atomic", "Pages that change two modules", 10, 0, 100).unit("%").live()
            .help("Within one deployable that is one transaction. Across two it can stay half done."),

        CHANGES = Knob::float("changes", "Changes of a developer", 1.0, 0.1, 10.0, 0.05).unit("/day").live()
            .help("Finished changes per working day of one person working alone."),
        PIPELINE = Knob::float("pipeline", "A pipeline run", 30.0, 5.0, 180.0, 5.0).unit("min").live()
            .help("Build, tests, deployment. A deployable has one pipeline, and that does one run at a time."),
        FLAWED = Knob::float("flawed", "Changes with a flaw", 5.0, 0.0, 50.0, 0.5).unit("%").live()
            .help("Per release. The pipeline finds most of them, and reverts the change."),
        SLIPS = Knob::int("slips", "Flaws no test finds", 10, 0, 100).unit("%").live()
            .help("Of the flaws: these reach production, break the deployable and are rolled back."),
        TALK = Knob::float("talk", "Two teams agree in", 4.0, 0.0, 80.0, 0.5).unit("h").live()
            .help("Working hours until a change that two teams have to release can be merged."),
        TEAMS = Knob::int("teams", "Teams", 5, 1, 20).live()
            .help("Each owns a stretch of modules."),
        CONTENTION = Knob::float("contention", "Work that waits for one person", 0.0, 0.0, 50.0, 0.5).unit("%").live().fact(USL)
            .help("α: the share of a team's work that only one of them can do at a time."),
        CROSSTALK = Knob::float("crosstalk", "Crosstalk of a pair", 0.0, 0.0, 5.0, 0.1).unit("%").live().fact(USL)
            .help("β: what each pair in a team spends on keeping in step."),
        EROSION = Knob::int("erosion", "Walls erode by", 10, 0, 100).unit("points a month").live()
            .help("In a monolith without inner walls so many more changes touch a second module, any one, with each month of 20 days."),

        REPLICAS_MIN = Knob::int("replicas_min", "Replicas at least", 2, 1, 5).convention()
            .help("Of each deployable, however little it has to do."),
        UTILISATION = Knob::int("utilisation", "Replicas are busy", 60, 10, 100).unit("%").convention()
            .help("Each hour every deployable gets the replicas that bring it to this, a core each."),
        MEMORY_BASE = Knob::float("memory_base", "Memory of a replica", 0.3, 0.0, 4.0, 0.1).unit("GB")
            .help("Before any module is in it: runtime, libraries, agents."),
        MEMORY_MODULE = Knob::float("memory_module", "Memory of a module", 0.2, 0.0, 4.0, 0.1).unit("GB")
            .help("In each replica of the deployable that it is in."),
        CORE_PRICE = Knob::float("core_price", "A core", 25.0, 0.0, 200.0, 1.0).unit("$/month").help("Of a replica."),
        MEMORY_PRICE = Knob::float("memory_price", "A gigabyte", 4.0, 0.0, 50.0, 0.5).unit("$/month").help("Of memory."),
        ON_CALL = Knob::float("on_call", "Upkeep of a deployable", 6.0, 0.0, 80.0, 0.5).unit("h/month")
            .help("On call, upgrades, dashboards, certificates: what each deployable wants of somebody."),
        HOUR_PRICE = Knob::float("hour_price", "An hour of somebody", 80.0, 0.0, 500.0, 5.0).unit("$")
            .help("Of upkeep and of talk."),

        PICK = Knob::int("pick", "Module for the buttons", 7, 1, 50).live()
            .help("Move, Leak, Slow, Hot, Red main and Bad release take this one, or its deployable. 1 is Web."),
        INTO = Knob::int("into", "Move it into deployable", 0, 0, 50).live()
            .zero(ITS_OWN).help("Where the button Move puts it. 0 gives it a deployable of its own."),
        DAY = Knob::float("day", "A working day takes", 8.0, 1.0, 60.0, 1.0).unit("s")
            .help("The calendar runs that much faster than the requests: of each working hour only a moment of traffic is simulated, in its true milliseconds."),
        WORKDAY = Knob::int("workday", "Hours of a working day", 8, 1, 24).unit("h").convention()
            .help("Pipelines run while somebody is there to watch."),
    }
}

/// As an argument: the module of the knob `pick`, the deployable of the knob `into`, a deployable of its own.
pub const PICKED: u8 = 63;
pub const AS_SET: u8 = 62;
pub const OWN: u8 = 63;

const WHAT: Arg = Arg::int("what", "Module", PICKED as i64, 0, PICKED as i64).named(&[(PICKED, "picked by its knob")]);

indexed! {
    pub mod act: Act {
        MOVE = Act { key: "move", label: "Move module", hotkey: 'm',
            args: &[WHAT, Arg::int("to", "Into deployable", AS_SET as i64, 0, OWN as i64)
                .named(&[(AS_SET, "picked by its knob"), (OWN, "of its own")])], fault: true,
            help: "Carries a module into another deployable or one of its own, while all goes on. In the picture: drag it." },
        SPLIT = Act { key: "split", label: "Split all", hotkey: 'x', args: &[], fault: true,
            help: "Each module becomes a deployable." },
        LEAK = Act { key: "leak", label: "Leak", hotkey: 'c',
            args: &[WHAT, Arg::float("after", "Full after", 4.0, 0.5, 80.0, 0.5).unit("h")], fault: true,
            help: "A module leaks memory. The process that it is in dies when the memory is full, again and again." },
        SLOW = Act { key: "slow", label: "Slow module", hotkey: 'o',
            args: &[WHAT, Arg::float("times", "Times the work", 10.0, 1.0, 100.0, 1.0)], fault: true,
            help: "Each call to it costs more processor time." },
        WRONG = Act { key: "wrong", label: "Wrong boundary", hotkey: 'w',
            args: &[Arg::int("share", "Changes that touch two modules", 70, 0, 100).unit("%")], fault: true,
            help: "The boundary was wrong: from now on most changes touch two modules, and the second belongs to another team." },
        HOT = Act { key: "hot", label: "Hot module", hotkey: 'h',
            args: &[WHAT, Arg::float("times", "Times the calls", 10.0, 1.0, 50.0, 1.0)], fault: true,
            help: "It gets many more calls, from callers that need nothing else." },
        RED = Act { key: "red", label: "Red main", hotkey: 'r',
            args: &[WHAT, Arg::float("lasts", "Lasts", 4.0, 0.5, 80.0, 0.5).unit("h")], fault: true,
            help: "The pipeline of its deployable is red: nothing is released until somebody has found out why." },
        BAD = Act { key: "bad", label: "Bad release", hotkey: 'b', args: &[WHAT], fault: true,
            help: "Merges a change to it with a flaw that no test finds." },
        MERGE = Act { key: "merge", label: "Merge all", hotkey: 'e', args: &[], fault: true,
            help: "One deployable for all modules." },
        MEND = Act { key: "mend", label: "Mend", hotkey: 'f', args: &[], fault: true,
            help: "No leak, nothing slow, nothing hot, pipelines green. The boundary stays where it is." },
    }
}

indexed! {
    pub mod number: Number {
        P99 = Number::new("p99", "Page, p99", "ms", Better::Down).main().plot("time")
            .help("Time to a good answer, over the last 40 s of traffic."),
        DOWNTIME = Number::new("downtime", "Downtime", "h/yr", Better::Down).main().plot("downtime")
            .help("The share of pages that failed in the last ten working days, of the 8,760 hours of a year."),
        LEAD = Number::new("lead", "Lead time", "h", Better::Down).main().plot("lead")
            .help("Working hours from a finished change to its release, mean of those released in the last ten days."),
        RELEASES = Number::new("releases", "Releases", "/day", Better::Neither).main().plot("releases")
            .help("Green runs that put something into use, over the last ten days."),
        TWO_TEAMS = Number::new("two_teams", "Changes for two teams", "%", Better::Down).main().plot("teams")
            .help("Of the changes merged in the last ten days, those that two teams had to release."),
        COST = Number::new("cost", "Cost", "$/month", Better::Down).main().plot("cost")
            .help("Cores and memory, upkeep, and the hours that teams talk, as of now. Not the work itself."),
        P50 = Number::new("p50", "Page, p50", "ms", Better::Down).plot("time")
            .help("Time to a good answer, over the last 40 s of traffic."),
        NETWORK = Number::new("network", "Of it on the network", "ms", Better::Down)
            .help("Mean per page over the last ten days."),
        AVAILABILITY = Number::new("answered", "Pages answered", "%", Better::Up)
            .help("In time, gaps included, over the last ten days."),
        PAPER = Number::new("on_paper", "Availability on paper", "%", Better::Up)
            .help("The product of the availabilities of all deployables that a page cannot do without."),
        DEGRADED = Number::new("degraded", "Pages with a gap", "%", Better::Down)
            .help("Answered without a module that is optional, over the last ten days."),
        HALF = Number::new("half_done", "Half done", "", Better::Down)
            .help("Pages that changed one module and then could not change the other, since the start. Somebody has to undo them."),
        WAITING = Number::new("waiting", "Changes under way", "", Better::Down).plot("waiting")
            .help("Merged and not yet released: in talk, in a line, in a run."),
        BUSY = Number::new("pipelines", "Pipelines busy", "%", Better::Neither)
            .help("Of all deployables together, since the start."),
        COUPLED = Number::new("coupled", "Two modules", "%", Better::Down)
            .help("The share of changes that touch two modules now."),
        DEPLOYABLES = Number::new("deployables", "Deployables", "", Better::Neither).help("With at least one module in them."),
        REPLICAS = Number::new("replicas", "Replicas", "", Better::Down).help("Of all deployables; each has a core."),
        MEMORY = Number::new("memory", "Memory", "GB", Better::Down).help("Of all replicas."),
        PEOPLE = Number::new("people", "Upkeep and talk", "h/month", Better::Down)
            .help("Hours of people: upkeep of all deployables, and talk at the pace of the last ten days."),
        PAIRS = Number::new("pairs", "Pairs in teams", "", Better::Down)
            .help("n(n - 1)/2 in each team, and the same among the teams."),
    }
}

indexed! {
    pub mod measure: Measure {
        DOWNTIME_IN = Measure::new("downtime_in", &["duration", "duration"], "pages that failed, of those that arrived from one second to another, as hours of a year"),
        ANSWERED_IN = Measure::new("answered_in", &["duration", "duration"], "pages answered in time, in percent of those that arrived in these seconds"),
        DEGRADED_IN = Measure::new("degraded_in", &["duration", "duration"], "pages answered with a gap, in percent of those that arrived in these seconds"),
        PAPER_HOURS = Measure::new("on_paper_hours", &[], "hours of a year that the availability on paper leaves"),
        MEAN_MS = Measure::new("mean_ms", &["duration", "duration"], "mean time of pages that were answered, by arrival"),
        NETWORK_MS = Measure::new("network_ms", &["duration", "duration"], "mean time on the network of pages that were answered, by arrival"),
        SLOW_HOPS = Measure::new("slow_hops", &["duration", "duration"], "pages that met a network call beyond its p99, in percent of those answered, by arrival"),
        HALF_IN = Measure::new("half_done_in", &["duration", "duration"], "pages that stayed half done, by arrival"),
        LEAD_IN = Measure::new("lead_in", &["duration", "duration"], "mean lead time in working hours of changes released in these seconds"),
        WAIT_IN = Measure::new("wait_in", &["duration", "duration"], "mean minutes in lines of changes that ended in these seconds"),
        RELEASED_IN = Measure::new("released_in", &["duration", "duration"], "changes released per working day in these seconds"),
        MERGED_IN = Measure::new("merged_in", &["duration", "duration"], "changes merged per working day in these seconds"),
        TWO_IN = Measure::new("two_teams_in", &["duration", "duration"], "changes that needed two teams, in percent of those merged in these seconds"),
        TAKEN_BACK = Measure::new("taken_back", &["duration", "duration"], "changes reverted or rolled back, in percent of those that ended in these seconds"),
        GREEN = Measure::new("green", &[], "batches that were green at once, in percent"),
        RUNS = Measure::new("runs_per_batch", &[], "runs per batch, bisections included"),
        WAITING_MAX = Measure::new("waiting_max", &[], "the most changes that were under way at the end of any hour"),
        DOWN_MAX = Measure::new("modules_down_max", &[], "the most modules that were down at once"),
        MEMORY_MAX = Measure::new("memory_max", &[], "the most memory at the end of any hour, in GB"),
        MACHINES = Measure::new("machines", &[], "cores and memory, in $ a month, as of now"),
    }
}

pub static QUESTION: Question = Question {
    slug: "monolith-vs-microservices",
    version: 1,
    knobs: knob::ALL,
    acts: act::ALL,
    numbers: number::ALL,
    measures: measure::ALL,
    nodes: &["Callers", "Deployables", "Pipelines", "Teams"],
    links: &[("Callers", "Deployables"), ("Teams", "Pipelines"), ("Pipelines", "Deployables")],
    sample_every: Us::ms(500),
    horizon: Us::s(1_200),
    lifetime_max: Us::s(30),
    tap: None,
    code: &["delivery", "network", "server", "load"],
    make: make::<Product>,
};

pub static TOLD: Told = told::<Product>(Help { knobs: knob::HELP, acts: act::HELP, numbers: number::HELP });
/// Reads its measures.
pub static READ: Read = read::<Product>;
