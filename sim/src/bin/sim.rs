//! The headless runner: the same engine as the page, without the page.

use sim::declare::{Kind, Origin, Question};
use sim::kernel::{Live, RunValue, Us};
use sim::link::{self, Shared};
use sim::seeds::{self, Asked, Done, Tally, Together};
use sim::{golden, judge, questions, script, soak};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
sim list [--json]                          the questions
sim describe <slug> [--json]               its knobs, acts, numbers and measures
sim run <slug> [--set key=value]... [--seed N] [--act \"12.5s kill node=2\"]... [--for 60s] [--json]
sim run <slug> --link '#r=...' [--json]    replays a shared link (--side b for its other side)
sim check [<slug>] [--content DIR] [--json]  runs the experiments of content/
sim check [<slug>] --seeds N [--into FILE] the same at the seeds 1 to N, as a table; goes on where FILE ends
sim presets [--content DIR] [--json]       what each preset asks of the machine: events a second of it
sim accuracy [<law>] [--json]              holds the engine against theory and published figures
sim soak [<slug>] [--for 86400s] [--seed N] [--once]  a simulated day: memory, laws, the same digest twice
sim golden [--lines]                       digests of the golden runs, as JSON or as the lines of golden.txt
sim queue --servers C --arrival-rate L --service-rate M [--capacity K] --customers N [--seed S] [--json]
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.first().map(String::as_str) {
        Some("list") => list(&args[1..]),
        Some("describe") => describe(&args[1..]),
        Some("run") => run(&args[1..]),
        Some("check") => check(&args[1..]),
        Some("presets") => presets(&args[1..]),
        Some("accuracy") => accuracy(&args[1..]),
        Some("soak") => soak(&args[1..]),
        Some("golden") => golden(&args[1..]),
        Some("queue") => queue(&args[1..]),
        Some("help" | "--help" | "-h") | None => {
            out(USAGE.trim_end());
            Ok(())
        }
        Some(other) => Err(format!(
            "unknown command \"{other}\"; expected list, describe, run, check, presets, accuracy, soak, golden or queue"
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

/// Prints a line; a reader that has gone away (`| head`) ends the program quietly.
fn out(text: &str) {
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// The flags of one command, taken off one by one.
struct Flags<'a> {
    rest: &'a [String],
}

impl<'a> Flags<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }
    fn value(&mut self, flag: &str, expected: &str) -> Result<&'a str, String> {
        self.next().ok_or_else(|| format!("{flag} lacks its value; expected {expected}"))
    }
    fn number<T: std::str::FromStr>(&mut self, flag: &str, expected: &str) -> Result<T, String> {
        let text = self.value(flag, expected)?;
        text.replace('_', "").parse().map_err(|_| format!("{flag} {text}: expected {expected}"))
    }
}

fn unknown(flag: &str, expected: &str) -> String {
    format!("unknown argument \"{flag}\"; expected {expected}")
}

fn golden(args: &[String]) -> Result<(), String> {
    match args {
        [] => out(&golden::json(questions::ALL)),
        [flag] if flag == "--json" => out(&golden::json(questions::ALL)),
        [flag] if flag == "--lines" => out(golden::lines(questions::ALL).trim_end()),
        [other, ..] => return Err(unknown(other, "--json or --lines")),
    }
    Ok(())
}

fn list(args: &[String]) -> Result<(), String> {
    match args {
        [] => questions::ALL.iter().for_each(|q| out(q.slug)),
        [flag] if flag == "--json" => {
            let all: Vec<_> =
                questions::ALL.iter().map(|q| serde_json::json!({"slug": q.slug, "version": q.version})).collect();
            out(&serde_json::Value::from(all).to_string());
        }
        [other, ..] => return Err(unknown(other, "--json")),
    }
    Ok(())
}

fn origin(o: Origin) -> String {
    match o {
        Origin::Fact(source) => format!("fact: {source}"),
        Origin::Convention => "convention".to_string(),
        Origin::Assumption => "our assumption".to_string(),
    }
}

fn knob_json(k: &sim::Knob) -> serde_json::Value {
    let mut v = serde_json::json!({
        "key": k.key, "label": k.label, "unit": k.unit, "default": k.show(k.default), "live": k.live,
        "origin": origin(k.origin), "help": k.help,
    });
    match k.kind {
        Kind::Choice(options) => v["choices"] = options.iter().map(|(key, _)| *key).collect(),
        Kind::Toggle => v["choices"] = vec!["off", "on"].into(),
        _ => {
            v["min"] = k.min.into();
            v["max"] = k.max.into();
            v["step"] = k.step.into();
        }
    }
    v
}

fn describe(args: &[String]) -> Result<(), String> {
    let (slug, json) = match args {
        [slug] => (slug, false),
        [slug, flag] if flag == "--json" => (slug, true),
        [] => {
            return Err("describe lacks its question; expected a slug, see `sim list`".to_string());
        }
        [_, other, ..] => return Err(unknown(other, "--json")),
    };
    let q = questions::find(slug)?;
    if json {
        let acts: Vec<_> = q
            .acts
            .iter()
            .map(|a| {
                serde_json::json!({
                    "key": a.key, "label": a.label, "hotkey": a.hotkey.to_string(), "fault": a.fault, "help": a.help,
                    "args": a.args.iter().map(knob_json).collect::<Vec<_>>(),
                })
            })
            .collect();
        let numbers: Vec<_> = q.numbers.iter().map(|n| serde_json::json!({
            "key": n.key, "label": n.label, "unit": n.unit, "better": format!("{:?}", n.better).to_lowercase(), "help": n.help,
            "main": n.main, "plot": n.plot,
        })).collect();
        let measures: Vec<_> =
            q.measures.iter().map(|m| serde_json::json!({"key": m.key, "args": m.args, "help": m.help})).collect();
        out(&serde_json::json!({
            "slug": q.slug, "version": q.version, "nodes": q.nodes, "links": q.links,
            "knobs": q.knobs.iter().map(knob_json).collect::<Vec<_>>(),
            "acts": acts, "numbers": numbers, "measures": measures,
        })
        .to_string());
        return Ok(());
    }
    out(&format!("{} (version {})\n\nKnobs", q.slug, q.version));
    for k in q.knobs {
        let live = if k.live { ", can be moved during a run" } else { "" };
        out(&format!(
            "  {:<18} {} {}, default {} {} ({}{live})",
            k.key,
            k.label,
            k.accepts(),
            k.show(k.default),
            k.unit,
            origin(k.origin)
        ));
    }
    out("\nActs");
    for a in q.acts {
        let args: Vec<String> = a.args.iter().map(|g| format!("{}={}", g.key, g.show(g.default))).collect();
        out(&format!("  {:<18} {} [{}] {}", a.key, a.label, a.hotkey, args.join(" ")));
    }
    out("\nNumbers");
    for n in q.numbers {
        out(&format!("  {:<18} {} {}", n.key, n.label, n.unit));
    }
    out("\nMeasures");
    for m in q.measures {
        out(&format!("  {:<18} {}", format!("{}({})", m.key, m.args.join(", ")), m.help));
    }
    Ok(())
}

fn run(args: &[String]) -> Result<(), String> {
    let mut flags = Flags { rest: args };
    let slug = flags.value("run", "the slug of a question, see `sim list`")?;
    let q: &'static Question = questions::find(slug)?;
    let mut value = RunValue::new(q);
    let mut until = Us::s(60).min(q.horizon);
    let (mut json, mut shared, mut side_b) = (false, None, false);
    while let Some(flag) = flags.next() {
        match flag {
            "--set" => {
                let text = flags.value(flag, "key=value")?;
                let (key, v) = text.split_once('=').ok_or_else(|| format!("--set {text}: expected key=value"))?;
                script::set_knob(q, &mut value.knobs, key, v).map_err(|e| format!("--set {e}"))?;
            }
            "--seed" => value.seed = flags.number(flag, "a whole number")?,
            "--act" => {
                let text = flags.value(flag, "a time and an act, such as \"12.5s kill node=2\"")?;
                value.inputs.push(script::parse_input(q, text).map_err(|e| format!("--act {e}"))?);
            }
            "--for" => {
                until = script::duration(flags.value(flag, "a time such as 60s")?).map_err(|e| format!("--for {e}"))?
            }
            "--link" => {
                let text = flags.value(flag, "the part of an address from #r= on")?;
                let (link, notes) = link::decode(q, text).map_err(|e| format!("--link: {e}"))?;
                for note in notes {
                    eprintln!("{note}");
                }
                shared = Some(link);
            }
            "--side" => {
                side_b = match flags.value(flag, "a or b")? {
                    "a" => false,
                    "b" => true,
                    other => return Err(format!("--side {other}: expected a or b")),
                }
            }
            "--json" => json = true,
            other => {
                return Err(unknown(other, "--set, --seed, --act, --for, --link, --side or --json"));
            }
        }
    }
    value.inputs.sort_by_key(|i| i.at);
    let live = match shared {
        None => {
            let mut live = q.run(value);
            live.advance(until, u64::MAX);
            live
        }
        Some(link) => restore(link, side_b)?,
    };
    live.invariants().map_err(|law| format!("invariant broken: {law}"))?;
    if json {
        out(&judge::report(&*live).to_string());
        return Ok(());
    }
    out(&format!(
        "{} at {} (seed {}, {} events, digest {:016x})",
        q.slug,
        live.moment().at,
        live.value().seed,
        live.moment().events,
        live.digest()
    ));
    for (i, n) in q.numbers.iter().enumerate() {
        let shown = live.number(i as u8).map_or("too few samples".to_string(), |v| format!("{v:.3} {}", n.unit));
        out(&format!("  {:<28} {shown}", n.label));
    }
    for (key, n) in live.counts() {
        out(&format!("  {key:<28} {n}"));
    }
    Ok(())
}

/// One side of a link's run at its moment; says so when the run is not the one that the link was made from.
fn restore(link: Shared, side_b: bool) -> Result<Box<dyn Live>, String> {
    let at = |value: RunValue, moment| {
        let mut live = value.question.run(value);
        live.seek_moment(moment);
        live
    };
    let a = at(link.a, link.moment);
    let b = link.b.map(|b| at(b, link.moment_b));
    let check = link::check(a.digest(), b.as_ref().map(|b| b.digest()));
    if link.check.is_some_and(|expected| expected != check) {
        eprintln!("{}", link::ANOTHER_RUN);
    }
    if side_b { b.ok_or_else(|| "--side b: the link has one side only".to_string()) } else { Ok(a) }
}

fn content_dir() -> PathBuf {
    let here = Path::new("content");
    if here.is_dir() { here.to_path_buf() } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("../content") }
}

fn check(args: &[String]) -> Result<(), String> {
    let mut flags = Flags { rest: args };
    let (mut only, mut dir, mut json) = (None, content_dir(), false);
    let (mut seeds, mut into) = (None, PathBuf::from("target/seeds.tsv"));
    while let Some(flag) = flags.next() {
        match flag {
            "--seeds" => seeds = Some(flags.number::<u64>(flag, "a whole number from 1")?),
            "--into" => into = PathBuf::from(flags.value(flag, "a file")?),
            "--content" => dir = PathBuf::from(flags.value(flag, "a folder")?),
            "--json" => json = true,
            slug if !slug.starts_with('-') => only = Some(questions::find(slug)?),
            other => return Err(unknown(other, "a slug, --content, --seeds, --into or --json")),
        }
    }
    let list = |problems: Vec<press::Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let articles = press::load_dir(&dir).map_err(list)?;
    let asked: Vec<&'static Question> =
        questions::ALL.iter().copied().filter(|q| only.is_none_or(|o| o.slug == q.slug)).collect();
    if let Some(seeds) = seeds {
        return many_seeds(&seeds::asked(&asked, &articles).map_err(list)?, seeds, &into);
    }
    let judged = judge::judge_all(&asked, &articles).map_err(list)?;
    let (mut passed, mut failed) = (0, 0);
    for (q, verdicts) in &judged {
        for v in verdicts {
            *if v.passed { &mut passed } else { &mut failed } += 1;
            let measured = v.measured.map_or("nothing".to_string(), |m| m.to_string());
            if json {
                continue;
            }
            if v.passed {
                out(&format!("ok      {}/{} {} = {measured} ({})", q.slug, v.experiment, v.measure, v.expect));
            } else {
                let choice = if v.right.is_none() && v.claim == 0 { "; no choice on screen fits" } else { "" };
                out(&format!(
                    "FAILED  content/{}.md:{}: {} {} (seed {}): expected {}, measured {measured}{choice}",
                    q.slug, v.line, v.experiment, v.measure, v.seed, v.expect
                ));
            }
        }
    }
    if json {
        out(&judge::to_json(&judged).to_string());
    } else {
        out(&format!("{passed} passed, {failed} failed"));
    }
    if failed > 0 {
        std::process::exit(1)
    }
    Ok(())
}

/// So many simulated seconds of each preset are run to see how much happens in them.
const PRESET_S: u64 = 20;

/// The events of a preset, of both sides of an A|B, in a simulated second and in one on screen.
fn presets(args: &[String]) -> Result<(), String> {
    let mut flags = Flags { rest: args };
    let (mut dir, mut json) = (content_dir(), false);
    while let Some(flag) = flags.next() {
        match flag {
            "--content" => dir = PathBuf::from(flags.value(flag, "a folder")?),
            "--json" => json = true,
            other => return Err(unknown(other, "--content or --json")),
        }
    }
    let list = |problems: Vec<press::Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let mut rows = Vec::new();
    for article in press::load_dir(&dir).map_err(list)? {
        let q: &'static Question = questions::find(&article.slug)?;
        for preset in &article.front.presets {
            let until = preset.until_us.map_or(Us::s(PRESET_S), Us).min(Us::s(PRESET_S)).min(q.horizon);
            let mut events = 0;
            for setup in std::iter::once(&preset.a).chain(&preset.b) {
                let mut run = q.run(judge::value(q, setup, preset.seed.unwrap_or(1))?);
                run.advance(until, u64::MAX);
                events += run.moment().events;
            }
            let per_second = events as f64 / until.as_s();
            if json {
                rows.push(serde_json::json!({
                    "slug": q.slug, "preset": preset.id, "speed": preset.speed, "events_per_s": per_second,
                }));
            } else {
                let shown = per_second * preset.speed;
                out(&format!(
                    "{:<26} {:<20} {per_second:>9.0} a simulated second, {shown:>9.0} on screen",
                    q.slug, preset.id
                ));
            }
        }
    }
    if json {
        out(&serde_json::Value::from(rows).to_string());
    }
    Ok(())
}

/// Runs what is not in the file yet and prints the tables of all: first what decides which choice of an experiment is
/// right, and of that and of the rest the quick ones first.
fn many_seeds(asked: &[Asked], seeds: u64, into: &Path) -> Result<(), String> {
    let mut done = Done::read(into);
    let mut measure = |group: &Together, seeds: u64| {
        let mut tallies: Vec<Tally> = group.claims.iter().map(|claim| done.get(&claim.key())).collect();
        if tallies.iter().any(|tally| tally.seeds < seeds) {
            group.run(&mut tallies, seeds)?;
            for (claim, tally) in group.claims.iter().zip(&tallies) {
                eprintln!("{:>4} of {:>4}  {}", tally.held, tally.seeds, claim.key());
                done.put(claim.key(), tally.clone());
            }
            done.write(into)?;
        }
        Ok::<f64, String>(tallies.iter().map(|tally| tally.seconds / tally.seeds.max(1) as f64).sum())
    };
    let groups = seeds::together(asked);
    let mut costs = Vec::new();
    for group in &groups {
        let further = !group.claims.iter().any(|claim| claim.decides());
        costs.push((further, measure(group, 1)?, group));
    }
    costs.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    for (_, _, group) in costs {
        measure(group, seeds)?;
    }
    out(sim::seeds::markdown(asked, &done).trim_end());
    Ok(())
}

fn accuracy(args: &[String]) -> Result<(), String> {
    let mut flags = Flags { rest: args };
    let (mut only, mut json) = (None, false);
    while let Some(flag) = flags.next() {
        match flag {
            "--json" => json = true,
            id if !id.starts_with('-') => only = Some(id),
            other => return Err(unknown(other, "the id of a law or --json")),
        }
    }
    let families = sim::accuracy::run(only)?;
    let (mut passed, mut failed) = (0, 0);
    for (law, outcomes) in families.iter().flat_map(|(_, laws)| laws) {
        for (case, outcome) in law.cases.iter().zip(outcomes) {
            *if outcome.passed { &mut passed } else { &mut failed } += 1;
            if !json {
                out(&sim::accuracy::line(law, case, outcome));
            }
        }
    }
    if json {
        out(&sim::accuracy::to_json(&families).to_string());
    } else {
        out(&format!("{passed} passed, {failed} failed"));
    }
    if failed > 0 {
        std::process::exit(1)
    }
    Ok(())
}

/// One question in this process; all of them in a process each, so that what one takes is not counted for the next.
fn soak(args: &[String]) -> Result<(), String> {
    let mut flags = Flags { rest: args };
    let (mut only, mut span, mut seed, mut again, mut bare) = (None, soak::DAY, 1, true, false);
    while let Some(flag) = flags.next() {
        match flag {
            "--for" => {
                span =
                    script::duration(flags.value(flag, "a time such as 86400s")?).map_err(|e| format!("--for {e}"))?
            }
            "--seed" => seed = flags.number(flag, "a whole number")?,
            "--once" => again = false,
            "--no-head" => bare = true,
            slug if !slug.starts_with('-') => only = Some(questions::find(slug)?),
            other => return Err(unknown(other, "a slug, --for, --seed or --once")),
        }
    }
    if !bare {
        out(soak::Soaked::HEAD);
    }
    let Some(q) = only else { return soak_each(args) };
    let soaked = soak::soak(q, seed, span, again)?;
    out(&soaked.row());
    if soaked.same == Some(false) { Err(format!("{}: the second time it was another run", q.slug)) } else { Ok(()) }
}

fn soak_each(args: &[String]) -> Result<(), String> {
    let this = std::env::current_exe().map_err(|why| why.to_string())?;
    let mut failed = Vec::new();
    for q in questions::ALL {
        let status = std::process::Command::new(&this).args(["soak", q.slug, "--no-head"]).args(args).status();
        if !status.map_err(|why| format!("{}: {why}", this.display()))?.success() {
            failed.push(q.slug);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn queue(args: &[String]) -> Result<(), String> {
    let mut flags = Flags { rest: args };
    let (mut servers, mut arrival, mut service, mut customers) = (None, None, None, None);
    let (mut capacity, mut seed, mut json) = (None, 1u64, false);
    while let Some(flag) = flags.next() {
        match flag {
            "--servers" => servers = Some(flags.number::<u32>(flag, "a whole number from 1")?),
            "--arrival-rate" => arrival = Some(flags.number::<f64>(flag, "customers a second")?),
            "--service-rate" => service = Some(flags.number::<f64>(flag, "customers a second and server")?),
            "--capacity" => capacity = Some(flags.number::<u32>(flag, "how many fit, servers included")?),
            "--customers" => customers = Some(flags.number::<u64>(flag, "a whole number")?),
            "--seed" => seed = flags.number(flag, "a whole number")?,
            "--json" => json = true,
            other => {
                return Err(unknown(
                    other,
                    "--servers, --arrival-rate, --service-rate, --capacity, --customers, --seed or --json",
                ));
            }
        }
    }
    let need = |flag: &str| format!("queue lacks {flag}");
    let servers = servers.ok_or_else(|| need("--servers C"))?;
    let arrival = arrival.ok_or_else(|| need("--arrival-rate L"))?;
    let service = service.ok_or_else(|| need("--service-rate M"))?;
    let customers = customers.ok_or_else(|| need("--customers N"))?;
    // The one clock in the runner: how long the machine took, reported and never simulated.
    #[allow(clippy::disallowed_types)]
    let begun = std::time::Instant::now();
    let r = sim::plain_queue(servers, arrival, service, capacity, customers, seed)?;
    let wall_ms = begun.elapsed().as_secs_f64() * 1e3;
    if json {
        out(&serde_json::json!({
            "mean_wait": r.mean_wait_s, "p50_wait": r.p50_wait_s, "p99_wait": r.p99_wait_s, "blocked": r.blocked,
            "customers": r.customers, "events": r.events, "wall_ms": wall_ms,
        })
        .to_string());
    } else {
        out(&format!(
            "mean wait {:.6} s, {} of {} blocked, {} events in {wall_ms:.1} ms",
            r.mean_wait_s, r.blocked, r.customers, r.events
        ));
    }
    Ok(())
}
