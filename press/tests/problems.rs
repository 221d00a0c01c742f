//! Every mistake an author can make is named, in words, with its line.
//!
//! Each case is the fixture with one edit. The expected line is where `mark` stands in the edited text.

const TEXT: &str = include_str!("content/rate-limiter-design.md");
const FILE: &str = "rate-limiter-design.md";

fn problems(text: &str) -> Vec<(usize, String)> {
    match press::parse(FILE, text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .map(|p| {
                assert_eq!(p.file, FILE);
                (p.line, p.message)
            })
            .collect(),
    }
}

/// `TEXT` with the first `from` made `to` has a problem saying `says` on the line of `mark`, and no other.
#[track_caller]
fn mistake(from: &str, to: &str, mark: &str, says: &str) {
    assert!(TEXT.contains(from), "the fixture has no `{from}`");
    let text = TEXT.replacen(from, to, 1);
    let at = text.find(mark).unwrap_or_else(|| panic!("the edited text has no `{mark}`"));
    let line = text[..at].matches('\n').count() + 1;
    let found = problems(&text);
    assert!(
        matches!(&found[..], [(l, m)] if *l == line && m.contains(says)),
        "expected `{says}` on line {line}, found {found:#?}"
    );
}

/// Like [`mistake`], where the edit rightly causes other problems as well.
#[track_caller]
fn among_others(from: &str, to: &str, line: usize, says: &str) {
    let found = problems(&TEXT.replacen(from, to, 1));
    assert!(
        found.iter().any(|(l, m)| *l == line && m.contains(says)),
        "expected `{says}` on line {line}, found {found:#?}"
    );
}

#[test]
fn the_fixture_has_none() {
    assert_eq!(problems(TEXT), []);
}

#[test]
fn the_file_as_a_whole() {
    assert_eq!(problems("")[0].0, 1);
    assert!(problems("# Title\n")[0].1.contains("no front matter"));
    assert!(problems("+++\ntitle = \"x\"\n")[0].1.contains("no front matter"));
    let found = press::parse("rate-limiter.md", TEXT).unwrap_err();
    assert!(found[0].message.contains("no question is called `rate-limiter`"), "{found:#?}");
    // Windows line ends and a byte order mark are no mistakes.
    assert_eq!(problems(&format!("\u{feff}{}", TEXT.replace('\n', "\r\n"))), []);
}

#[test]
fn toml_itself() {
    mistake("minutes = 6", "minutes = = 6", "minutes = =", "the front matter is not TOML");
    mistake("minutes = 6", "minutes = 6\nminutes = 7", "minutes = 7", "the front matter is not TOML");
}

#[test]
fn keys() {
    mistake("minutes = 6\n", "minutes = 6\nlimt = 1\n", "limt", "unknown key `limt`; expected one of `title`");
    mistake("theme = ", "minutess = 1\ntheme = ", "minutess", "unknown key `minutess`; did you mean `minutes`?");
    mistake("by = \"M.", "author = \"M.", "author", "unknown key `author` in [[source]]");
    mistake("seed = 7", "seeds = 7", "seeds = 7", "unknown key `seeds` in [[preset]]; did you mean `seed`?");
    mistake("side = \"b\"", "sides = 1\nside = \"b\"", "sides", "unknown key `sides` in [[try]]");
    mistake("burst = 10 }\n", "burst = 10 }\n  ask = \"x\"\n", "  ask", "`ask` does not belong in [[try.check]]");
    mistake(
        "year = 2012",
        "year = 2012\nminutes = 6",
        "minutes = 6\n\n",
        "`minutes` does not belong in [[source]]; move it above",
    );
    mistake("title = \"How would you design a rate limiter for an API?\"\n", "", "+++", "missing key `title`");
    mistake("ask = \"How many get through within one second?\"\n", "", "[[try]]", "missing key `ask` in [[try]]");
    mistake("until = \"62s\"\n", "", "[[try]]", "missing key `until` in [[try]]");
    mistake(
        "after = \"Each window kept its promise. Nobody promised anything about the second between them.\"\n",
        "",
        "[[try]]",
        "missing key `after`",
    );
    mistake("  measure = \"max_in_window(1s)\"\n", "", "[[try.check]]", "missing key `measure` in [[try.check]]");
    mistake("id = \"edge\"\n", "", "[[preset]]", "missing key `id` in [[preset]]");
    mistake("url = \"https://www.rfc-editor.org/rfc/rfc6585\"\n", "", "[[source]]", "missing key `url` in [[source]]");
}

#[test]
fn the_lab() {
    mistake(
        "minutes = 6",
        "minutes = 6\nlab = \"sqlite\"",
        "lab = ",
        "`lab`: `sqlite` is not a lab; expected one of `sql`",
    );
    mistake("minutes = 6", "minutes = 6\nlab = \"sq\"", "lab = ", "did you mean `sql`?");
    mistake("minutes = 6", "minutes = 6\nlab = true", "lab = ", "`lab` is true; expected a string");
    mistake("year = 2012", "year = 2012\nlab = \"sql\"", "lab = ", "move it above the first `[[..]]` header");
}

#[test]
fn kinds_and_ranges() {
    mistake(
        "minutes = 6",
        "minutes = \"six\"",
        "minutes =",
        "`minutes` is the string \"six\"; expected a whole number from 1 to 60",
    );
    mistake("minutes = 6", "minutes = 0", "minutes =", "`minutes` is 0; expected a whole number from 1 to 60");
    mistake("level = \"Middle\"", "level = \"Midle\"", "level =", "`Midle` is not a level; did you mean `Middle`?");
    mistake("level = \"Middle\"", "level = 2", "level =", "`level` is 2; expected a string in quotes");
    mistake("short = \"Rate limiter\"", "short = \" \"", "short =", "`short` is empty");
    mistake(
        "short = \"Rate limiter\"",
        "short = \"A rate limiter for a public API, explained\"",
        "short =",
        "at most 32 fit",
    );
    mistake("summary = \"Pick", "summary = \"Pick\\nand", "summary =", "`summary` holds a line break");
    mistake("topics = [\"rate limiting\", \"429\"]", "topics = []", "topics =", "`topics` is missing or empty");
    mistake("topics = [\"rate limiting\", \"429\"]", "topics = \"429\"", "topics =", "expected an array");
    mistake("\"429\"]", "\"rate limiting\"]", "topics =", "`topics` names `rate limiting` twice");
    mistake("year = 2012", "year = 20012", "year =", "expected a whole number from 1900 to 2100");
    mistake("speed = 0.5", "speed = 0.01", "speed =", "`speed` is 0.01; expected a number from 0.05 to 64");
    mistake("speed = 0.5", "speed = nan", "speed =", "`speed` is nan");
    mistake("seed = 7", "seed = -7", "seed =", "`seed` is -7; expected a whole number from 0");
    mistake("seeds = 5", "seeds = 0", "seeds =", "expected a whole number from 1 to 1000");
    mistake("until = \"62s\"", "until = \"62\"", "until =", "`until`: `62` is not a duration: the unit is missing");
    mistake("until = \"10min\"", "until = \"0s\"", "until = \"0s", "a run of no time shows nothing");
    mistake("until = \"10min\"", "until = \"200h\"", "until = \"200h", "longer than a week");
    mistake("id = \"edge\"", "id = \"The Edge\"", "id = \"The", "`The Edge` is not an id");
    mistake(
        "https://www.rfc-editor.org/rfc/rfc6585",
        "www.rfc-editor.org",
        "url =",
        "`www.rfc-editor.org` is not a web address",
    );
    mistake("https://www.rfc-editor.org/rfc/rfc6585", "javascript:alert(1)", "url =", "is not a web address");
}

#[test]
fn names_of_questions() {
    mistake(
        "\"backpressure\"]",
        "\"backpresure\"]",
        "related",
        "`backpresure`, which is not a question; did you mean `backpressure`?",
    );
    mistake("\"backpressure\"]", "\"rate-limiter-design\"]", "related", "which is this question itself");
    mistake("\"backpressure\"]", "\"traffic-spike-10x\"]", "related", "`related` names `traffic-spike-10x` twice");
    mistake("(q:backpressure)", "(q:saga-consistency)", "related", "`backpressure`, but the text never links to it");
}

#[test]
fn themes() {
    mistake("traffic and overload", "traffic control", "theme =", "`traffic control` is not a theme; ");
}

#[test]
fn ids_are_distinct() {
    among_others(
        "id = \"nginx\"",
        "id = \"rfc6585\"",
        19,
        "the id `rfc6585` is already used by the [[source]] at line 12",
    );
    mistake(
        "id = \"recovery\"",
        "id = \"boundary\"",
        "id = \"boundary\"\ntitle = \"Does",
        "the id `boundary` is already used by the [[try]] at line 34",
    );
}

#[test]
fn setups() {
    mistake("jitter = 0.5", "Jitter = 0.5", "Jitter", "`Jitter` in `set` is not a knob's name");
    mistake("jitter = 0.5", "jitter = [1]", "jitter", "`jitter` in `set` is an array; expected a finite number");
    mistake("jitter = 0.5", "jitter = inf", "jitter", "`jitter` in `set` is inf");
    mistake("set_b = { limit = 50 }", "set_b = 50", "set_b = 50", "`set_b` is 50; expected a table");
    mistake("\"59.9s burst count=100\"", "\"burst count=100\"", "inputs", "`burst count=100` is not an input");
    mistake("\"59.9s burst count=100\"", "\"59.9s\"", "inputs", "the act is missing");
    mistake("\"59.9s burst count=100\"", "\"59.9s Burst\"", "inputs", "`Burst` is not the name of an act");
    mistake("\"59.9s burst count=100\"", "\"59.9s burst 100\"", "inputs", "`100` is not `name=value`");
    mistake("\"59.9s burst count=100\"", "\"59.9s burst n=1 n=2\"", "inputs", "`n` is given twice");
    mistake("\"59.9s burst count=100\"", "\"59.9s set a=1 b=2\"", "inputs", "`set` moves exactly one knob");
    mistake(
        "\"59.9s burst count=100\"",
        "\"61s burst count=100\"",
        "inputs",
        "`60s burst count=100` comes before the input above it",
    );
    mistake(
        "until = \"62s\"",
        "until = \"59.95s\"",
        "inputs = [\"59.9s burst count=100\", \"60s burst count=100\"]\nuntil",
        "comes after the run has ended",
    );
}

#[test]
fn claims() {
    mistake(
        "expect = \"== 200\"",
        "expect = \"200\"",
        "expect =",
        "`expect`: `200` is not a condition: the comparison is missing",
    );
    mistake("side = \"b\"", "side = \"c\"", "side =", "`c` is not a side; expected `a` or `b`");
    mistake("set_b = { limit = 50 }\n", "", "side =", "there is no B");
    mistake("measure = \"max_in_window(1s)\"", "measure = \"max_in_window(1s\"", "measure =", "is not a measure");
}

#[test]
fn choices() {
    mistake(
        "[\"100\", \"101\", \"200\"]",
        "[\"200\"]",
        "choices =",
        "`choices` has 1; an experiment asks between at least 2",
    );
    mistake("choices = [\"100\", \"101\", \"200\"]\n", "", "[[try]]", "`choices` has 0");
    mistake(
        "[\"100\", \"101\", \"200\"]",
        "[\"100\", \"101\"]",
        "choices =",
        "none of the choices is right when the run measures 200",
    );
    mistake(
        "[\"100\", \"101\", \"200\"]",
        "[\"100\", \"200\", \"200\"]",
        "choices =",
        "the choice `200` says the same as one before it",
    );
    mistake(
        "[\"100\", \"101\", \"200\"]",
        "[\"100\", \"It depends\"]",
        "choices =",
        "the choice `It depends` does not begin with a number",
    );
    mistake("[\"100\", \"101\", \"200\"]", "[\"100\", 200]", "choices =", "a choice is 200; expected a string");
    mistake("when = \"<= 10\"", "if = \"<= 10\", when = \"<= 10\"", "if =", "unknown key `if` in `choices`");
    mistake(", when = \"<= 10\"", "", "never", "missing key `when` in `choices`");
    mistake("when = \"<= 10\"", "when = \"ten\"", "when =", "`ten` is not a condition");
}

#[test]
fn sections() {
    mistake(
        "## The long answer",
        "## The longer answer",
        "## The longer",
        "unknown section `The longer answer`; did you mean `The long answer`?",
    );
    mistake("+++\n\n## The question", "+++\n\nHello.\n\n## The question", "Hello", "text before the first section");
    mistake(
        "Clocks that run backwards.\n",
        "",
        "## What this model",
        "the section `What this model leaves out` is empty",
    );
    mistake(
        "println!(\"{}\", 1 < 2); }\n```",
        "println!(\"{}\", 1 < 2); }\n```\n\n## The long answer\n\nx",
        "## The long answer\n\nx",
        "is already at line",
    );
}

#[test]
fn sections_missing_or_out_of_order() {
    let without = TEXT.replace("## What this model leaves out\n\nClocks that run backwards.\n", "");
    let found = problems(&without);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (found[0].0, found[0].1.as_str()),
        (without.lines().count(), "missing section `## What this model leaves out`")
    );

    let swapped = TEXT
        .replace("## Beyond the simulation", "## X")
        .replace("## The worked example", "## Beyond the simulation")
        .replace("## X", "## The worked example");
    let found = problems(&swapped);
    assert!(
        matches!(&found[..], [(_, m)] if m == "the section `The worked example` belongs before `Beyond the simulation`"),
        "{found:#?}"
    );
}

#[test]
fn a_fence_hides_headings() {
    assert_eq!(problems(&TEXT.replace("fn main()", "// \n## Not a heading\nfn main()")), []);
    let open = TEXT.replacen("1 < 2); }\n```\n", "1 < 2); }\n", 1);
    let line = open[..open.find("```rust").unwrap()].matches('\n').count() + 1;
    assert!(problems(&open).iter().any(|(l, m)| *l == line && m.contains("is never closed")));
}

#[test]
fn everything_at_once_in_the_order_of_the_file() {
    let text = TEXT
        .replace("minutes = 6", "minutes = 99")
        .replace("year = 2012", "year = 1")
        .replace("speed = 0.5", "speed = 99")
        .replace("## The long answer", "## Long");
    let found = problems(&text);
    let lines: Vec<usize> = found.iter().map(|(l, _)| *l).collect();
    assert!(lines.is_sorted());
    for says in [
        "`minutes` is 99",
        "`year` is 1",
        "`speed` is 99",
        "unknown section `Long`",
        "missing section `## The long answer`",
    ] {
        assert!(found.iter().any(|(_, m)| m.contains(says)), "{says}: {found:#?}");
    }
}

#[test]
fn a_directory_that_is_not_there() {
    let found = press::load_dir(std::path::Path::new("no/such/place")).unwrap_err();
    assert!(found[0].message.starts_with("cannot be read"), "{found:#?}");
}

#[cfg(feature = "html")]
mod text {
    use super::mistake;

    /// One paragraph of the long answer replaced.
    #[track_caller]
    fn wrong(markdown: &str, mark: &str, says: &str) {
        mistake("Per caller, see", &format!("{markdown}\n\nPer caller, see"), mark, says);
    }

    #[test]
    fn links() {
        wrong("[@rfc6586]", "[@rfc6586]", "no [[source]] has the id `rfc6586`; did you mean `rfc6585`?");
        wrong("[@nginx][@rfc]", "[@nginx][@rfc]", "no [[source]] has the id `rfc`");
        wrong("[x](try:bondary)", "try:bondary", "no [[try]] has the id `bondary`; did you mean `boundary`?");
        wrong("[x](q:backpresure)", "q:backpresure", "`backpresure` is not a question; did you mean `backpressure`?");
        wrong("[x](q:rate-limiter-design)", "q:rate", "leads to this question itself");
        wrong(
            "[x](#long-answer-which-kay)",
            "#long-answer-which-kay",
            "leads nowhere on this page; did you mean `#long-answer-which-key`?",
        );
        wrong("[x](../other.html)", "../other", "the link `../other.html` leads nowhere we know");
        wrong("[x](javascript:alert)", "javascript", "leads nowhere we know");
        wrong("<me@example.org>", "<me@", "leads nowhere we know");
        wrong("[](https://nginx.org)", "[](https", "has no text");
        wrong("one\n[x][nope]", "[x][nope]", "nothing defines the link `[nope]`");
    }

    #[test]
    fn numbers_that_disagree() {
        wrong(
            "[201](try:boundary)",
            "[201]",
            "the text says 201, but no claim of the experiment `boundary` agrees: max_in_window(1s) == 200; max_in_window(1s) <= 110",
        );
        wrong("[60](try:recovery)", "[60]", "the text says 60");
        wrong("[60 %](try:recovery)", "[60 %]", "the text says 60 %");
    }

    #[test]
    fn raw_html() {
        wrong("a <b>bold</b> word", "<b>", "raw HTML `<b>` is not allowed");
        wrong("<div>\nx\n</div>", "<div>", "raw HTML `<div>` is not allowed");
        wrong("<!-- a note -->", "<!--", "raw HTML");
        wrong("<script>alert(1)</script>", "<script>", "raw HTML");
    }

    #[test]
    fn blocks() {
        wrong("![a picture](x.png)", "![a", "images are not supported");
        wrong("```\nx\n```", "```\nx", "the code block names no language; expected one of `rust`");
        wrong("```rst\nx\n```", "```rst", "`rst` is not a language we colour");
        wrong("a\n\n    indented", "    indented", "a code block made by indentation has no language");
        wrong("a\n\n***\n\nb", "***", "a horizontal rule is not a heading");
    }

    #[test]
    fn headings() {
        wrong("# Big", "# Big", "is a heading of the top levels");
        wrong("Underlined\n---", "Underlined", "is a heading of the top levels");
        wrong("##### Deep", "##### Deep", "is a heading too deep");
        wrong("###", "###\n", "a heading is empty");
        wrong("> ### Quoted", "> ###", "a heading cannot stand inside a list or a quote");
        mistake("### Which key", "#### Which key", "#### Which key", "`#### Which key` has no `###` above it");
        mistake(
            "It is at least four.",
            "It is.\n\n### Four\n\nyes",
            "### Four",
            "the section `The question` has no headings of its own",
        );
    }

    #[test]
    fn follow_ups() {
        mistake(
            "### Junior: Why 429",
            "### Why 429",
            "### Why 429",
            "does not begin with a level; expected `### Junior: the question?`",
        );
        mistake("### Junior: Why 429", "### Jr: Why 429", "### Jr", "does not begin with a level");
        mistake(
            "Because the caller may try again.\n",
            "",
            "### Junior",
            "nothing stands below this heading; expected the answer",
        );
        mistake(
            "## Follow-ups\n",
            "## Follow-ups\n\nSome text.\n\nMore text.\n",
            "Some text",
            "text before the first entry of `Follow-ups`",
        );
        mistake(
            "### \"Sliding window is best.\"",
            "### Sliding window is best.",
            "### Sliding",
            "is not a claim in quotes; expected `### \"the claim\"`",
        );
        mistake("Best at what?\n", "", "### \"Sliding", "nothing stands below this heading");
        mistake(
            "### \"Sliding window is best.\"\n\nBest at what?",
            "Best at what?",
            "Best at what?",
            "text before the first entry of `Common wrong answers`",
        );
    }
}

/// A heading of the underlined kind may go over lines; the problem that quotes it stays one line.
#[test]
fn a_problem_is_one_line() {
    let text = TEXT.replacen("## The question\n", "## The question\n\none\ntwo\n---\n\n", 1);
    let found = problems(&text);
    assert!(found.iter().any(|(_, m)| m.contains("`one two`")), "{found:#?}");
    assert!(found.iter().all(|(_, m)| !m.contains('\n')), "{found:#?}");
}
