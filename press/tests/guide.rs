//! The author's guide, `content/README.md`, says what is so.

const GUIDE: &str = include_str!("../../content/README.md");
const FIXTURE: &str = include_str!("content/rate-limiter-design.md");

#[test]
fn its_examples_are_accepted() {
    let examples: Vec<&str> = GUIDE.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 2);
    let (top, rest) = FIXTURE.split_once("[[preset]]").unwrap();
    let recovery = &rest[rest.find("[[try]]\nid = \"recovery\"").unwrap()..];
    let text = format!("{top}{}\n{recovery}", examples.join("\n"));
    let article = press::parse("rate-limiter-design.md", &text).unwrap_or_else(|p| panic!("{p:#?}"));
    assert_eq!((article.front.presets.len(), article.front.tries.len()), (1, 2));
    assert_eq!(article.front.tries[0].checks.len(), 1);
}

#[test]
fn it_names_every_section_in_order() {
    let mut from = 0;
    for kind in press::Kind::ALL {
        let heading = format!("`## {}`", kind.title());
        from += GUIDE[from..].find(&heading).unwrap_or_else(|| panic!("{heading} is missing or out of order"));
        assert!(GUIDE.contains(&format!("`{}`", kind.id())), "{}", kind.id());
    }
}
