//! All questions, by theme and level, with a search, two filters and what the reader has done.

use crate::app::use_root;
use crate::content::{CARDS, Card};
use crate::prefs::use_prefs;
use crate::ui::el::{Piece, Tag, each, el, live, part};
#[cfg(feature = "csr")]
use crate::ui::location;
use crate::ui::{Kept, Signal, after, clear_timeout, value_of, window};
use sim::order;

/// How long the typing must rest before the address follows it. Browsers refuse an address that changes with every key.
const ADDRESS_FOLLOWS_AFTER_MS: i32 = 400;

/// What the reader wants to see; kept in the address as `?q=...&level=...&topic=...`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Filter {
    text: String,
    level: Option<&'static str>,
    topic: Option<&'static str>,
}

impl Filter {
    /// Levels and topics that no question has are left out: they can only come from an old or mistyped address.
    ///
    /// `param` gives the decoded value of a parameter.
    #[cfg(any(feature = "csr", test))]
    fn from_query(param: &dyn Fn(&str) -> Option<String>) -> Filter {
        let asked = |key| param(key).unwrap_or_default().to_lowercase();
        Filter {
            text: param("q").unwrap_or_default(),
            level: levels().into_iter().find(|level| level.to_lowercase() == asked("level")),
            topic: topics().into_iter().find(|topic| topic.to_lowercase() == asked("topic")),
        }
    }

    fn to_query(&self) -> String {
        let mut query = String::new();
        let given = [("q", self.text.trim()), ("level", self.level.unwrap_or("")), ("topic", self.topic.unwrap_or(""))];
        for (key, value) in given.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(key);
            query.push('=');
            // What was typed stays as it is; the names of levels and topics look better small.
            if key == "q" { escape(value, &mut query) } else { escape(&value.to_lowercase(), &mut query) }
        }
        query
    }

    fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.level.is_none() && self.topic.is_none()
    }

    /// Every word must occur somewhere in what the card says.
    fn admits(&self, article: &Card) -> bool {
        let topics = article.topics;
        if self.level.is_some_and(|level| level != article.level)
            || self.topic.is_some_and(|topic| !topics.contains(&topic))
        {
            return false;
        }
        let text = self.text.to_lowercase();
        let mut said = String::new();
        for part in [article.title, article.summary, article.theme, article.level, article.slug].iter().chain(topics) {
            said.push_str(&part.to_lowercase());
            said.push('\n');
        }
        text.split_whitespace().all(|word| said.contains(word))
    }
}

/// Appends `text` as a part of a query string: everything but ASCII letters, digits and `-_.~` as `%XX` of its UTF-8.
fn escape(text: &str, query: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            query.extend(['%', char::from(HEX[usize::from(byte >> 4)]), char::from(HEX[usize::from(byte & 15)])]);
        }
    }
}

/// The filter that the address asks for.
#[cfg(feature = "csr")]
fn filter_in_address() -> Filter {
    let search = location().search().unwrap_or_default();
    web_sys::UrlSearchParams::new_with_str(&search)
        .map_or_else(|_| Filter::default(), |params| Filter::from_query(&|key| params.get(key)))
}

/// A prerendered page shows everything.
#[cfg(not(feature = "csr"))]
fn filter_in_address() -> Filter {
    Filter::default()
}

/// The levels that occur, easiest first.
fn levels() -> Vec<&'static str> {
    let mut levels: Vec<&str> = CARDS.iter().map(|a| a.level).collect();
    order::by_key(&mut levels, |level| rank(level));
    levels.dedup();
    levels
}

fn rank(level: &str) -> usize {
    ["Junior", "Middle", "Senior", "Staff"].iter().position(|l| *l == level).unwrap_or(usize::MAX)
}

fn topics() -> Vec<&'static str> {
    let mut topics: Vec<&str> = CARDS.iter().flat_map(|a| a.topics.iter().copied()).collect();
    order::by_key(&mut topics, |topic| topic.to_ascii_lowercase());
    topics.dedup();
    topics
}

/// The questions of each theme, easiest first. Themes stand in the order in which the content names them.
fn themes() -> Vec<(&'static str, Vec<&'static Card>)> {
    let mut themes: Vec<(&str, Vec<&Card>)> = Vec::new();
    for article in CARDS {
        match themes.iter_mut().find(|(theme, _)| *theme == article.theme) {
            Some((_, articles)) => articles.push(article),
            None => themes.push((article.theme, vec![article])),
        }
    }
    for (_, articles) in &mut themes {
        order::by_key(articles, |a| rank(a.level));
    }
    themes
}

pub fn library() -> Piece {
    let prefs = use_prefs();
    let filter = Signal::new(filter_in_address());
    let change = follow_with_address(filter);

    let found = move || match filter.with(|filter| CARDS.iter().filter(|a| filter.admits(a)).count()) {
        0 => "No question matches.".to_owned(),
        1 => "1 question".to_owned(),
        n => format!("{n} questions"),
    };
    let groups = each(themes(), |(theme, articles)| {
        let cards = each(articles.iter().copied(), |article| card(article, filter));
        el("section")
            .class("theme-group")
            .flag("hidden", move || filter.with(|filter| !articles.iter().any(|a| filter.admits(a))))
            .kid(el("h2").kid(theme))
            .kid(el("ul").class("cards").kid(cards))
    });

    let search = el("input")
        .attrs(&[
            ("id", "search"),
            ("class", "field search"),
            ("type", "search"),
            ("placeholder", "Search questions"),
            ("aria-label", "Search questions"),
            ("aria-keyshortcuts", "/"),
            ("autocomplete", "off"),
            ("spellcheck", "false"),
        ])
        .value(move || filter.with(|f| f.text.clone()))
        .on("input", move |ev| change(&|f: &mut Filter| f.text = value_of(&ev)));
    let level = each(std::iter::once(None).chain(levels().into_iter().map(Some)), |level| {
        let button = el("input")
            .attrs(&[("type", "radio"), ("name", "level")])
            .checked(move || filter.with(|f| f.level == level))
            .on("change", move |_| change(&|f: &mut Filter| f.level = level));
        el("label").kid(button).kid(el("span").kid(level.unwrap_or("Any level")))
    });
    let topic = el("select")
        .attrs(&[("class", "field"), ("aria-label", "Topic")])
        .kid(el("option").attr("value", "").kid("Any topic"))
        .kid(each(topics(), |topic| el("option").attr("value", topic).kid(topic)))
        .value(move || filter.with(|f| f.topic.unwrap_or_default().to_owned()))
        .change(move |asked| change(&|f: &mut Filter| f.topic = topics().into_iter().find(|t| *t == asked)));
    let all = el("button")
        .attrs(&[("type", "button"), ("class", "plain-button")])
        .flag("hidden", move || filter.with(Filter::is_empty))
        .click(move || change(&|f: &mut Filter| *f = Filter::default()))
        .kid("Show all");
    let filters = el("form")
        .attrs(&[("class", "filters needs-app"), ("role", "search")])
        .on("submit", |ev| ev.prevent_default())
        .kid(search)
        .kid(el("fieldset").class("segmented").kid(el("legend").class("visually-hidden").kid("Level")).kid(level))
        .kid(topic)
        .kid(el("p").attrs(&[("class", "found"), ("role", "status")]).kid(live(found)))
        .kid(all);
    let forget = el("button")
        .attrs(&[("type", "button"), ("class", "plain-button")])
        .click(move || prefs.forget_progress())
        .kid("Forget it");
    let kept = el("p")
        .class("kept needs-app")
        .flag("hidden", move || !prefs.has_progress())
        .kid("What you opened and finished is kept in this browser and nowhere else. ")
        .kid(forget);
    let lead = "Each question comes with a system that runs in your browser. Load it, starve it, kill parts of it; \
                then rewind and see why it failed. Every number in the answers comes from a run you can repeat.";
    el("main")
        .attrs(&[("class", "library"), ("id", "content"), ("tabindex", "-1")])
        .kid(el("h1").attr("tabindex", "-1").kid("Backend interview questions you can break"))
        .kid(el("p").class("lead").kid(lead))
        .kid(filters)
        .kid(groups)
        .kid(kept)
        .into()
}

/// Returns what changes the filter; the address follows when the changes rest.
fn follow_with_address(filter: Signal<Filter>) -> impl Fn(&dyn Fn(&mut Filter)) + Copy + 'static {
    let home = Kept::new(use_root().link(""));
    let timer = Kept::new(None::<i32>);
    move |change| {
        filter.update(change);
        if let Some(timer) = timer.update(Option::take) {
            clear_timeout(timer);
        }
        let follow = move || {
            let address = home.with(String::clone) + &filter.with_untracked(Filter::to_query);
            if let Ok(history) = window().history() {
                _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address));
            }
        };
        timer.set(after(ADDRESS_FOLLOWS_AFTER_MS, follow));
    }
}

fn card(article: &'static Card, filter: Signal<Filter>) -> Tag {
    let root = use_root();
    let prefs = use_prefs();
    let done = move || {
        prefs.done(article.slug).map(|done| {
            let all = article.experiments.len();
            let text = match article.experiments.iter().filter(|e| done.iter().any(|id| id == *e)).count() {
                0 => "opened".to_owned(),
                n => format!("{n} of {all} experiments done"),
            };
            el("span").kid(" · ").kid(el("span").class("seen").kid("✓ ").kid(text))
        })
    };
    let poster = article.poster.map(|preset| {
        el("img")
            .attrs(&[
                ("class", "poster"),
                ("alt", ""),
                ("width", "390"),
                ("height", "240"),
                ("loading", "lazy"),
                ("decoding", "async"),
            ])
            .attr("src", root.link(&format!("posters/{}/{}-narrow.svg", article.slug, preset)))
    });
    let crumbs = el("p")
        .class("crumbs")
        .kid(el("b").kid(article.level))
        .kid(format!(" · {} min", article.minutes))
        .kid(part(done));
    let words = el("div")
        .kid(crumbs)
        .kid(el("h3").kid(el("a").attr("href", root.question(article.slug)).kid(article.title)))
        .kid(el("p").class("summary").kid(article.summary))
        .kid(el("p").class("topics").kid(article.topics.join(" · ")));
    el("li").class("card").flag("hidden", move || filter.with(|f| !f.admits(article))).kid(poster).kid(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &str)]) -> Filter {
        Filter::from_query(&|key| pairs.iter().find(|(k, _)| *k == key).map(|(_, value)| (*value).to_owned()))
    }

    const LIMITER: Card = Card {
        slug: "rate-limiter-design",
        title: "How would you design a rate limiter?",
        short: "Rate limiter",
        level: "Middle",
        theme: "traffic control",
        topics: &["429"],
        minutes: 6,
        summary: "Pick which burst you allow.",
        poster: None,
        experiments: &[],
    };

    #[test]
    fn a_filter_goes_into_the_address() {
        let filter = Filter { text: " burst ".into(), level: Some("Middle"), topic: None };
        assert_eq!(filter.to_query(), "?q=burst&level=middle");
        assert_eq!(Filter::default().to_query(), "");
        let filter = Filter { text: "a&b=c ü".into(), level: None, topic: Some("Rate limiting") };
        assert_eq!(filter.to_query(), "?q=a%26b%3Dc%20%C3%BC&topic=rate%20limiting");
    }

    #[test]
    fn what_no_question_has_is_left_out_of_the_filter() {
        assert!(asked(&[("level", "wizard"), ("topic", "none has this"), ("q", " ")]).is_empty());
        for level in levels() {
            assert_eq!(asked(&[("level", &level.to_uppercase())]).level, Some(level));
        }
    }

    #[test]
    fn all_words_must_occur() {
        let words = |text: &str| Filter { text: text.into(), ..Default::default() };
        for text in ["", "RATE limiter", "burst middle", "429"] {
            assert!(words(text).admits(&LIMITER), "{text}");
        }
        assert!(!words("rate zebra").admits(&LIMITER));
        let senior = Filter { level: Some("Senior"), ..Default::default() };
        assert!(!senior.admits(&LIMITER));
        let topic = Filter { topic: Some("429"), level: Some("Middle"), ..Default::default() };
        assert!(topic.admits(&LIMITER));
    }

    #[test]
    fn every_question_stands_under_one_theme() {
        let listed: usize = themes().iter().map(|(_, articles)| articles.len()).sum();
        assert_eq!(listed, CARDS.len());
    }
}
