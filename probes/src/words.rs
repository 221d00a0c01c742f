//! The words in which runs, conditions and articles are written.

use crate::{Probe, behind, picked, text};
use sim::declare::{Knobs, Question};
use sim::kernel::Us;
use sim::{golden, questions, script};

pub const SCRIPT: Probe = Probe {
    name: "script",
    about: "acts, knobs, times and measures as the runner, addresses and articles write them",
    run: |bytes| {
        if let Some((q, rest)) = picked(bytes, questions::ALL) {
            script(q, &text(rest));
        }
    },
    seeds: || {
        let all = questions::ALL.iter().enumerate();
        all.flat_map(|(i, q)| {
            let inputs = golden::value(q, 1).inputs;
            let mut lines: Vec<String> = inputs.iter().map(|input| script::show_input(q, input)).collect();
            lines.extend(q.measures.iter().map(|m| {
                let args: Vec<&str> = m.args.iter().map(|kind| if *kind == "duration" { "1s" } else { "2" }).collect();
                format!("{}({})", m.key, args.join(", "))
            }));
            lines.extend(q.knobs.iter().map(|k| format!("{}={}", k.key, k.show(k.default))));
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            behind(i as u8, &lines)
        })
        .collect()
    },
    words: &["s", "ms", "us", "µs", "min", "h", " ", "=", "set ", "12.5s", "0.000001s", "1_000", "(", ")", ",", "."],
    short: 40_000,
};

fn script(q: &'static Question, line: &str) {
    // The refusal may name what was written, so it is as long as that at most, and what was expected.
    let short = |why: &str| assert!(!why.is_empty() && why.len() < 2_000 + 4 * line.len(), "{why}");
    match script::duration(line) {
        Ok(at) => assert!(at.0 <= 1 << 53),
        Err(why) => short(&why),
    }
    match script::parse_input(q, line) {
        // What was read and written again is the same.
        Ok(input) => {
            assert_eq!(script::parse_input(q, &script::show_input(q, &input)), Ok(input));
            assert!(!script::tell_input(q, &input).is_empty());
        }
        Err(why) => short(&why),
    }
    if let Err(why) = script::parse_ask(q, line) {
        short(&why);
    }
    if let Some((key, value)) = line.split_once('=') {
        let mut knobs = Knobs::defaults(q);
        if let Err(why) = script::set_knob(q, &mut knobs, key, value) {
            short(&why);
        }
        assert!(q.knobs.iter().zip(knobs.values()).all(|(k, v)| k.allows(*v)));
    }
}

pub const CONDITION: Probe = Probe {
    name: "condition",
    about: "conditions, times and inputs of an article's experiments",
    run: |bytes| {
        let line = text(bytes);
        if let Ok(expect) = press::Expect::parse(&line) {
            for x in [0.0, 1.0, -1.5, f64::INFINITY, f64::NAN] {
                expect.holds(x);
            }
            assert_eq!(press::Expect::parse(&expect.to_string()), Ok(expect), "{line}");
        }
        if let Ok(us) = press::duration(&line) {
            // The engine reads a time of an article as press does, if a run can be as long.
            assert_eq!(press::duration(&press::duration_text(us)), Ok(us));
            if let Ok(at) = script::duration(&line) {
                assert_eq!(at, Us(us), "{line}");
            }
        }
        drop(press::Input::parse(&line));
    },
    seeds: || {
        let lines = [
            "== 1_050",
            "401 +- 60",
            "10.7 ± 2.5",
            "<= 0.05",
            "> 20",
            "0.1 .. 3",
            "12.5s kill node=2",
            "59.9s",
            "10min",
            "1s set limit=50",
        ];
        lines.iter().map(|line| line.as_bytes().to_vec()).collect()
    },
    words: &[
        "==", "<=", ">=", "<", ">", "+-", "±", "..", "%", " ", "1", "-", ".", "_", "e5", "s", "ms", "us", "min", "h",
        "=",
    ],
    short: 60_000,
};

const FIXTURE: &str = include_str!("../../press/tests/content/rate-limiter-design.md");

pub const ARTICLE: Probe = Probe {
    name: "article",
    about: "articles: front matter, experiments, sections, and the HTML that is made of them",
    run: |bytes| article(&text(bytes)),
    seeds: || {
        let (front, rest) = FIXTURE.split_once("## The question").unwrap_or((FIXTURE, ""));
        let whole = FIXTURE.as_bytes().to_vec();
        vec![whole, front.as_bytes().to_vec(), rest.as_bytes().to_vec()]
    },
    words: &[
        "+++\n",
        "## The question\n",
        "## Follow-ups\n",
        "### ",
        "```rust\n",
        "```\n",
        "[@rfc6585]",
        "](",
        "try:",
        "q:",
        "<b>",
        "<script>",
        "<!--",
        "javascript:",
        "| a |\n|--|\n",
        "> ",
        "- ",
        "1. ",
        "[[try]]\n",
        "[[try.check]]\n",
        "set = { a = 1 }\n",
        "expect = \"== ",
        "choices = [",
        "until = \"1s\"\n",
        "&lt;",
        "\" onload=\"",
    ],
    short: 300,
};

/// Each tag without its brackets and quoted values: `a href="" rel=""`. Between tags a quote is a quote, and the words
/// of an attribute are text.
fn tags(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut chars = html.chars();
    while chars.by_ref().any(|c| c == '<') {
        let (mut tag, mut quoted) = (String::new(), false);
        for c in chars.by_ref() {
            quoted ^= c == '"';
            if c == '>' && !quoted {
                break;
            }
            if c == '"' || !quoted {
                tag.push(c);
            }
        }
        tags.push(tag);
    }
    tags
}

fn article(source: &str) {
    let lines = source.lines().count() + 2;
    match press::parse("rate-limiter-design.md", source) {
        Ok(article) => {
            assert_eq!(article.sections.len(), press::Kind::ALL.len());
            let html = press::article_html(&article, &press::Known::default()).to_lowercase();
            for tag in tags(&html) {
                for markup in ["script", " style=", " onload="] {
                    assert!(!tag.contains(markup), "{markup} in <{tag}> of {html}");
                }
            }
            assert!(!html.contains("href=\"javascript"), "{html}");
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for p in problems {
                assert!((1..=lines).contains(&p.line) && !p.message.contains('\n'), "{p} of {lines} lines");
            }
        }
    }
}
