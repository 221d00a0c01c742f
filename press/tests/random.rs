//! No text makes the reader or the writer panic, and every problem has a line of the file.

use proptest::prelude::*;

const FIXTURE: &str = include_str!("content/rate-limiter-design.md");

/// Pieces that matter to the format, so that random text gets past the first line.
const PIECES: [&str; 48] = [
    "+++\n",
    "\n",
    "\r\n",
    "\n\n",
    "## The question\n",
    "## The long answer\n",
    "## Follow-ups\n",
    "## ",
    "### Junior: x?\n",
    "### \"x\"\n",
    "#### ",
    "# ",
    "```rust\n",
    "```\n",
    "~~~",
    "[@",
    "[@rfc6585]",
    "][",
    "](",
    "try:boundary)",
    "q:backpressure)",
    "#question)",
    "[",
    "]",
    "<b>",
    "</b>",
    "<!--",
    "| a | b |\n|--|-:|\n",
    "> ",
    "- ",
    "1. ",
    "    ",
    "`",
    "*",
    "&amp;",
    "\\",
    "[[try]]\n",
    "[[try.check]]\n",
    "set = { a = 1 }\n",
    "inputs = [\"1s a\"]\n",
    "expect = \"== ",
    "choices = [",
    "until = \"1s\"\n",
    "\"",
    "é",
    "\u{2028}",
    "\u{0}",
    "👩‍👩‍👧",
];

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(PIECES.as_slice()).prop_map(str::to_owned), 1 => any::<String>()]
}

/// The fixture with a few cuts and insertions: nearly right, as real mistakes are.
fn edited() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0..40_usize, piece());
    prop::collection::vec(edit, 1..8).prop_map(|edits| {
        let mut chars: Vec<char> = FIXTURE.chars().collect();
        for (at, cut, insert) in edits {
            let start = at.index(chars.len() + 1);
            let end = (start + cut).min(chars.len());
            chars.splice(start..end, insert.chars());
        }
        chars.into_iter().collect()
    })
}

fn survives(text: &str) -> Result<(), TestCaseError> {
    let lines = text.lines().count() + 2;
    match press::parse("rate-limiter-design.md", text) {
        Ok(article) => {
            prop_assert_eq!(article.sections.len(), press::Kind::ALL.len());
            for t in &article.front.tries {
                prop_assert!(t.choices.len() >= 2);
            }
            #[cfg(feature = "html")]
            {
                let html = press::article_html(&article, &press::Known::default());
                prop_assert!(!html.contains("<script") && !html.contains(" style="));
            }
        }
        Err(problems) => {
            prop_assert!(!problems.is_empty());
            for p in problems {
                prop_assert!((1..=lines).contains(&p.line), "{} of {} lines: {}", p.line, lines, p);
                prop_assert!(!p.message.contains('\n'), "{}", p);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        survives(&text)?;
        survives(&format!("+++\n{text}\n+++\n{text}"))?;
    }

    #[test]
    fn pieces(pieces in prop::collection::vec(piece(), 0..60)) {
        let text = pieces.concat();
        survives(&text)?;
        let (front, _) = FIXTURE.split_once("## The question").unwrap();
        survives(&format!("{front}{text}"))?;
    }

    #[test]
    fn a_fixture_with_mistakes(text in edited()) {
        survives(&text)?;
    }

    #[test]
    fn conditions_and_durations(text in ".{0,24}", x in any::<f64>(), us in any::<u64>()) {
        if let Ok(expect) = press::Expect::parse(&text) {
            let _ = expect.holds(x);
            prop_assert_eq!(press::Expect::parse(&expect.to_string()), Ok(expect));
        }
        let _ = press::duration(&text);
        let _ = press::Input::parse(&text);
        prop_assert_eq!(press::duration(&press::duration_text(us)), Ok(us));
    }
}
