//! What the simulation is held against, with what was measured.
//!
//! The page is text: the program that runs in the browser does not have it, only a place for it, into which
//! [`take_over`](super::article::take_over) moves what was prerendered.

use crate::ui::el::{Piece, el};

#[cfg(feature = "ssr")]
pub use report::Results;
#[cfg(feature = "ssr")]
use report::report;

pub fn accuracy() -> Piece {
    let place = el("div").attrs(&[("class", "article"), ("data-article", "accuracy"), ("data-part", "all")]);
    el("main").attrs(&[("class", "accuracy"), ("id", "content"), ("tabindex", "-1")]).kid(place.kid(report())).into()
}

/// The page has it.
#[cfg(not(feature = "ssr"))]
fn report() -> Option<Piece> {
    None
}

#[cfg(feature = "ssr")]
mod report {
    use crate::app::use_root;
    use crate::content::{ARTICLES, ArticleMeta};
    use crate::ui::context;
    use crate::ui::el::{Piece, Tag, each, el};
    use serde_json::Value;
    use std::path::Path;
    use std::rc::Rc;
    use std::{fs, io};

    /// What the runner measured: see `xtask/src/results.rs`.
    #[derive(Clone)]
    pub struct Results(Rc<Files>);

    struct Files {
        laws: Value,
        experiments: Value,
        golden: Value,
    }

    impl Results {
        pub fn read(folder: &Path) -> io::Result<Results> {
            let file = |name: &str| -> io::Result<Value> {
                Ok(serde_json::from_str(&fs::read_to_string(folder.join(name))?)?)
            };
            Ok(Results(Rc::new(Files {
                laws: file("laws.json")?,
                experiments: file("experiments.json")?,
                golden: file("golden.json")?,
            })))
        }
    }

    pub fn report() -> Piece {
        let title = el("h1").attr("tabindex", "-1").kid("Simulation against theory");
        let lead = "A simulation that teaches has to be right. This one is held against closed forms from the textbooks, \
                    against figures from papers and specifications, and every number that an article takes from a run is \
                    run again. All of it is part of the tests, and this page shows what they measured.";
        let Some(Results(results)) = context() else {
            let missing = "This copy of the site was made without measuring. The command cargo xtask dist makes one with \
                           all figures.";
            return [title, el("p").class("lead").kid(lead), el("p").class("notice").kid(missing), how_to_run()]
                .map(Piece::from)
                .into();
        };
        let families = rows(&results.laws);
        let claims = claims(&results.experiments);
        let contents = each(families, |family| entry(text(family, "id"), text(family, "title").to_owned()));
        let contents = el("nav").attr("aria-label", "On this page").kid(
            el("ul")
                .kid(contents)
                .kid(entry("experiments", "The experiments".to_owned()))
                .kid(entry("digests", "Golden digests".to_owned()))
                .kid(entry("yourself", "Run it yourself".to_owned())),
        );
        let parts: Vec<Piece> = vec![
            title.into(),
            el("p").class("lead").kid(lead).into(),
            summary(families, &claims, rows_of(&results.golden)).into(),
            contents.into(),
            how_to_read().into(),
            each(families, family),
            experiments(&claims).into(),
            digests(&results.golden).into(),
            how_to_run().into(),
        ];
        parts.into()
    }

    fn entry(id: &str, title: String) -> Tag {
        el("li").kid(el("a").attr("href", format!("#{id}")).kid(title))
    }

    fn rows(value: &Value) -> &[Value] {
        value.as_array().map_or(&[], Vec::as_slice)
    }

    fn rows_of(value: &Value) -> usize {
        value.as_object().map_or(0, serde_json::Map::len)
    }

    fn text<'a>(value: &'a Value, key: &str) -> &'a str {
        value[key].as_str().unwrap_or_default()
    }

    fn number(value: &Value, key: &str) -> f64 {
        value[key].as_f64().unwrap_or(f64::NAN)
    }

    fn passed(value: &Value) -> bool {
        value["passed"] == true
    }

    /// Four digits that matter, or all of a whole number.
    fn figure(value: f64) -> String {
        if !value.is_finite() {
            return "none".to_owned();
        }
        if (value - value.round()).abs() < 1e-9 && value.abs() < 1e15 {
            return sim::decimal::grouped(value.round() as i64);
        }
        let decimals = (0..8).find(|d| value.abs() * 10f64.powi(*d) >= 999.5).unwrap_or(8) as u32;
        if decimals == 0 {
            sim::decimal::grouped(value.round() as i64)
        } else {
            sim::decimal::fixed(value, decimals).to_string()
        }
    }

    fn range(least: f64, most: f64) -> String {
        let (a, b) = (figure(least), figure(most));
        if a == b { a } else { format!("{a} to {b}") }
    }

    /// A condition of the front matter as people write it: `<= 2500` becomes `≤ 2,500`.
    fn condition(expect: &str) -> String {
        let word = |word: &str| match word {
            "==" => None,
            "!=" => Some("≠".to_owned()),
            "<=" => Some("≤".to_owned()),
            ">=" => Some("≥".to_owned()),
            "+-" => Some("±".to_owned()),
            ".." => Some("to".to_owned()),
            other => Some(other.parse().map_or(other.to_owned(), sim::decimal::grouped)),
        };
        expect.split(' ').filter_map(word).collect::<Vec<_>>().join(" ")
    }

    /// A table that scrolls in its own box where it is too wide.
    fn table(label: String, heads: &[&'static str], rows: Piece) -> Tag {
        let heads = each(heads.iter().copied(), |head| el("th").attr("scope", "col").kid(head));
        let inner = el("table").kid(el("thead").kid(el("tr").kid(heads))).kid(el("tbody").kid(rows));
        el("div")
            .attrs(&[("class", "table"), ("role", "region"), ("tabindex", "0"), ("data-scrolls", "")])
            .attr("aria-label", label)
            .kid(inner)
    }

    fn cell(kid: impl Into<Piece>) -> Tag {
        el("td").kid(kid)
    }

    /// The glyph and the word: colour is never alone.
    fn verdict(passed: bool) -> Tag {
        let (class, glyph, word) = if passed { ("held", "✓", " holds") } else { ("failed", "✗", " FAILS") };
        el("td").class(class).kid(el("span").attr("aria-hidden", "true").kid(glyph)).kid(word)
    }

    fn summary(families: &[Value], claims: &[Claim], golden: usize) -> Tag {
        let laws: Vec<&Value> = families.iter().flat_map(|family| rows(&family["laws"])).collect();
        let cases: Vec<&Value> = laws.iter().flat_map(|law| rows(&law["cases"])).collect();
        let failed = cases.iter().filter(|case| !passed(case)).count() + claims.iter().filter(|c| !c.passed).count();
        let end = if failed == 0 { "All of them hold.".to_owned() } else { format!("{failed} of them FAIL.") };
        let runs: usize = claims.iter().map(|c| c.seeds).sum();
        el("p").class("summary").kid(format!(
            "{} laws in {} cases, {} claims of the articles in {} runs, {golden} golden runs. {end}",
            laws.len(),
            cases.len(),
            claims.len(),
            sim::decimal::grouped(runs as i64),
        ))
    }

    fn how_to_read() -> Tag {
        let expected = "Expected is what the formula or the source says for this case. Measured is what a run came to; \
                        where several seeds were run it is their mean, with the least and the most in brackets.";
        let tolerance = "The tolerance says how far measured may lie from expected before the tests fail. It is fixed \
                         before the run, from what chance alone does to a run of that length: for a queue at load ρ, \
                         20 / (ε²(1 − ρ)²) customers make ε two standard errors of the mean wait. “Exact” means the same \
                         number with every seed. “At most” is for bounds, which no seed may exceed.";
        let figures =
            "Where the expected figure is our own, because a source has a curve and no number, the text says so.";
        el("section")
            .kid(el("h2").attr("id", "reading").kid("How to read it"))
            .kid(el("p").kid(expected))
            .kid(el("p").kid(tolerance))
            .kid(el("p").kid(figures))
    }

    fn how_to_run() -> Tag {
        let commands = "cargo run -q --release -p sim -- accuracy\n\
                        cargo run -q --release -p sim -- accuracy erlang-c\n\
                        cargo run -q --release -p sim -- check\n\
                        cargo run -q --release -p sim -- check rate-limiter-design --json\n\
                        cargo run -q --release -p sim -- golden";
        let what = "In a copy of the repository, with a Rust toolchain and nothing else. A run is a value: the same seed \
                    gives the same digits on every machine, so what you see should be what stands here. The laws are \
                    declared in sim/src/accuracy/, the experiments in the front matter of content/.";
        el("section")
            .kid(el("h2").attr("id", "yourself").kid("Run it yourself"))
            .kid(el("p").kid(what))
            .kid(el("pre").attr("tabindex", "0").kid(el("code").kid(commands)))
    }

    fn family(family: &Value) -> Tag {
        el("section")
            .class("family")
            .kid(el("h2").attr("id", text(family, "id").to_owned()).kid(text(family, "title").to_owned()))
            .kid(each(rows(&family["laws"]), law))
    }

    fn law(law: &Value) -> Tag {
        let seeds = law["seeds"].as_u64().unwrap_or(1);
        let seeds = if seeds == 1 { "seed 1".to_owned() } else { format!("seeds 1 to {seeds}") };
        let unit = text(law, "unit");
        let unit = if unit.is_empty() { String::new() } else { format!("in {unit}; ") };
        let (source, url) = (text(law, "source").to_owned(), text(law, "url").to_owned());
        let source: Piece = if url.is_empty() {
            source.into()
        } else {
            el("a").attr("href", url).attr("rel", "noopener").kid(source).into()
        };
        let terms = format!("{unit}tolerance {}; {seeds}", text(law, "tolerance"));
        let name = text(law, "name").to_owned();
        let says = el("div")
            .class("says")
            .kid(el("h3").attr("id", text(law, "id").to_owned()).kid(name.clone()))
            .kid(el("p").kid(text(law, "says").to_owned()))
            .kid(el("p").class("formula").kid(el("code").kid(text(law, "formula").to_owned())))
            .kid(el("p").class("source").kid(source));
        let cases = each(rows(&law["cases"]), |case| {
            let (expected, measured) = (number(case, "expected"), number(case, "measured"));
            let (least, most) = (number(case, "least"), number(case, "most"));
            let spread =
                if figure(least) == figure(most) { String::new() } else { format!(" ({})", range(least, most)) };
            el("tr")
                .kid(el("th").attr("scope", "row").kid(text(case, "label").to_owned()))
                .kid(cell(figure(expected)).class("right"))
                .kid(cell(figure(measured)).class("right").kid(el("span").class("spread").kid(spread)))
                .kid(cell(off(expected, measured, text(law, "tolerance"))).class("right"))
                .kid(verdict(passed(case)))
        });
        el("section").class("law").kid(says).kid(
            el("div").class("cases").kid(el("p").class("terms").kid(terms)).kid(table(
                name,
                &["Case", "Expected", "Measured", "Off by", "Result"],
                cases,
            )),
        )
    }

    /// The deviation in the way the tolerance is meant.
    fn off(expected: f64, measured: f64, tolerance: &str) -> String {
        let by = if tolerance.ends_with('%') { 100.0 * (measured / expected - 1.0) } else { measured - expected };
        let unit = if tolerance.ends_with('%') { " %" } else { "" };
        if by.abs() < 1e-9 {
            return "0".to_owned();
        }
        let size =
            if tolerance.ends_with('%') { sim::decimal::fixed(by.abs(), 2).to_string() } else { figure(by.abs()) };
        format!("{}{size}{unit}", if by < 0.0 { "−" } else { "+" })
    }

    /// One claim of an experiment with all its seeds.
    struct Claim {
        slug: String,
        experiment: String,
        index: u64,
        with: String,
        measure: String,
        expect: String,
        least: f64,
        most: f64,
        seeds: usize,
        passed: bool,
    }

    fn claims(runs: &Value) -> Vec<Claim> {
        let mut claims: Vec<Claim> = Vec::new();
        for run in rows(runs) {
            let (slug, experiment) = (text(run, "slug"), text(run, "experiment"));
            let (index, measured) = (run["claim"].as_u64().unwrap_or_default(), number(run, "measured"));
            if let Some(last) =
                claims.last_mut().filter(|c| c.slug == slug && c.experiment == experiment && c.index == index)
            {
                last.least = last.least.min(measured);
                last.most = last.most.max(measured);
                last.seeds += 1;
                last.passed &= passed(run);
                continue;
            }
            claims.push(Claim {
                slug: slug.to_owned(),
                experiment: experiment.to_owned(),
                index,
                with: text(run, "with").to_owned(),
                measure: text(run, "measure").to_owned(),
                expect: text(run, "expect").to_owned(),
                least: measured,
                most: measured,
                seeds: 1,
                passed: passed(run),
            });
        }
        claims
    }

    fn experiments(claims: &[Claim]) -> Tag {
        let what = "Each article asks its readers what a run will do, and the run decides. These are those runs: the \
                    measure that decides, what the text expects of it, and what the seeds came to. The checks below an \
                    experiment are what the text says around it.";
        el("section")
            .class("experiments")
            .kid(el("h2").attr("id", "experiments").kid("The experiments of the articles"))
            .kid(el("p").kid(what))
            .kid(each(ARTICLES.iter().copied(), |article| question(article, claims)))
    }

    fn question(article: &'static ArticleMeta, claims: &[Claim]) -> Tag {
        let root = use_root();
        let own: Vec<&Claim> = claims.iter().filter(|c| c.slug == article.slug).collect();
        let (first, further): (Vec<&Claim>, Vec<&Claim>) = own.into_iter().partition(|c| c.index == 0);
        let name = |claim: &Claim| -> Piece {
            let words =
                article.experiment(&claim.experiment).map_or(claim.experiment.clone(), |t| t.words.title.to_owned());
            let address = format!("{}#try-{}", root.question(article.slug), claim.experiment);
            el("a").attr("href", address).kid(words).into()
        };
        let row = |claim: &Claim, lead: Piece| {
            el("tr")
                .kid(el("th").attr("scope", "row").kid(lead))
                .kid(cell(el("code").kid(claim.measure.clone())))
                .kid(cell(condition(&claim.expect)).class("right"))
                .kid(cell(range(claim.least, claim.most)).class("right"))
                .kid(cell(claim.seeds.to_string()).class("right"))
                .kid(verdict(claim.passed))
        };
        let heads = ["Measure", "Expected", "Measured", "Seeds", "Result"];
        let main = each(first.iter().copied(), |claim| row(claim, name(claim)));
        let checks = each(further.iter().copied(), |claim| {
            let with = if claim.with.is_empty() { String::new() } else { format!(": {}", claim.with) };
            row(claim, [name(claim), with.into()].into())
        });
        let heads: Vec<&'static str> = std::iter::once("Experiment").chain(heads).collect();
        let failed = further.iter().filter(|c| !c.passed).count();
        let all = match (failed, further.len()) {
            (0, 1) => "holds".to_owned(),
            (0, _) => "all hold".to_owned(),
            (n, _) => format!("{n} FAIL"),
        };
        let folded = (!further.is_empty()).then(|| {
            let title = match further.len() {
                1 => format!("1 further check, {all}"),
                n => format!("{n} further checks, {all}"),
            };
            el("details").kid(el("summary").kid(title)).kid(table(
                format!("Further checks of {}", article.short),
                &heads,
                checks,
            ))
        });
        el("section")
            .class("of-question")
            .kid(el("h3").kid(el("a").attr("href", root.question(article.slug)).kid(article.title)))
            .kid(table(format!("Experiments of {}", article.short), &heads, main))
            .kid(folded)
    }

    fn digests(golden: &Value) -> Tag {
        let root = use_root();
        let what = "Each question at its defaults with everything broken once, in two seeds. A digest is a hash of every \
                    event of the run, so two runs with the same digest are the same run. The tests open each of these \
                    links in a browser, where the engine runs as WebAssembly, and it has to come to the digest that the \
                    native build came to, by way of a rewind.";
        let runs = golden.as_object().into_iter().flatten();
        let rows = each(runs, |(name, run)| {
            let (slug, seed) = name.split_once('/').unwrap_or((name, ""));
            let short = ARTICLES.iter().find(|a| a.slug == slug).map_or(slug.to_owned(), |a| a.short.to_owned());
            let address = format!("{}{}", root.question(slug), text(run, "link"));
            el("tr")
                .kid(
                    el("th")
                        .attr("scope", "row")
                        .kid(el("a").attr("href", address).kid(format!("{short}, seed {seed}"))),
                )
                .kid(cell(el("code").kid(text(run, "digest").to_owned())))
        });
        el("section")
            .class("digests")
            .kid(el("h2").attr("id", "digests").kid("Golden digests"))
            .kid(el("p").kid(what))
            .kid(table("Golden digests".to_owned(), &["Run", "Digest after 20 s"], rows))
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::app::{self, base_of};

        #[test]
        fn figures_have_four_digits_that_matter() {
            for (value, shown) in [
                (0.0, "0"),
                (401.0, "401"),
                (31_667.3, "31,667"),
                (1_600.0, "1,600"),
                (12.345_6, "12.35"),
                (0.008_696, "0.008696"),
                (-0.5, "-0.5000"),
                (f64::NAN, "none"),
            ] {
                assert_eq!(figure(value), shown, "{value}");
            }
            let conditions = [
                ("== 1923", "1,923"),
                ("<= 0.5", "≤ 0.5"),
                ("1020 +- 2", "1,020 ± 2"),
                ("25 .. 65", "25 to 65"),
                ("> 40", "> 40"),
            ];
            for (written, shown) in conditions {
                assert_eq!(condition(written), shown);
            }
            assert_eq!(range(1.0, 1.0), "1");
            assert_eq!(range(1.0, 2.0), "1 to 2");
            assert_eq!(off(4.0, 3.96, "± 3 %"), "−1.00 %");
            assert_eq!(off(4.0, 4.5, "± 1"), "+0.5000");
        }

        fn sample() -> Results {
            let laws = serde_json::json!([{ "id": "queues", "title": "Queues", "laws": [{
                "id": "erlang", "name": "Wait & see", "says": "Says.", "formula": "a < b", "source": "A book", "url": "",
                "unit": "s", "tolerance": "± 3 %", "seeds": 2,
                "cases": [{ "label": "c = 1", "expected": 1.0, "measured": 1.01, "least": 1.0, "most": 1.02, "passed": true }],
            }] }]);
            let run = |claim: u64, seed: u64, measured: f64, passed: bool| {
                serde_json::json!({ "slug": ARTICLES[0].slug, "experiment": ARTICLES[0].tries[0].id, "claim": claim,
                    "with": "limit = 3", "measure": "x(1s)", "expect": "== 1", "seed": seed, "measured": measured,
                    "passed": passed })
            };
            let experiments = serde_json::json!([run(0, 1, 1.0, true), run(0, 2, 3.0, false), run(1, 1, 1.0, true)]);
            let golden =
                serde_json::json!({ format!("{}/7", ARTICLES[0].slug): { "digest": "00ff", "link": "#r=abc" } });
            Results(Rc::new(Files { laws, experiments, golden }))
        }

        #[test]
        fn the_page_shows_what_was_measured() {
            let html = app::render_route("/accuracy/", Some(&sample()));
            for part in ["Wait &amp; see", "a &lt; b", "tolerance ± 3 %; seeds 1 to 2", "+1.00 %", "1.010", "00ff"] {
                assert!(html.contains(part), "{part}: {html}");
            }
            let address = format!("{}q/{}/#try-{}", base_of("/accuracy/"), ARTICLES[0].slug, ARTICLES[0].tries[0].id);
            assert!(html.contains(&address), "{address}");
            // Two seeds are one claim, and one that fails makes it fail.
            assert!(
                html.contains("1 to 3") && html.contains("1 of them FAIL") && html.contains("1 further check, holds")
            );
        }

        #[test]
        fn without_results_it_says_so() {
            let html = app::render_route("/accuracy/", None);
            assert!(html.contains("without measuring") && html.contains("accuracy erlang-c"));
        }
    }
}
