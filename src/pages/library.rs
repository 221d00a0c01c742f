//! All questions, by theme and level, with a search, two filters and what the reader has done; and the door to an
//! interview: a random question with a clock.

use crate::app::use_root;
use crate::content::{CARDS, Listed};
use crate::fetch;
use crate::prefs::{Prefs, use_prefs};
use crate::records;
use crate::texts::{self, Found};
use crate::ui::el::{Piece, Tag, each, el, live, part};
#[cfg(feature = "csr")]
use crate::ui::location;
use crate::ui::{Kept, Signal, after, clear_timeout, effect, value_of, window};
use sim::order;
use std::rc::Rc;

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

    /// Whether it is of the level and the topic.
    fn admits_kind(&self, article: &Listed) -> bool {
        self.level.is_none_or(|level| level == article.level)
            && self.topic.is_none_or(|topic| article.topics.contains(&topic))
    }

    /// Every word must occur somewhere in what the card says.
    fn admits(&self, article: &Listed) -> bool {
        if !self.admits_kind(article) {
            return false;
        }
        let topics = article.topics;
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

/// The questions of each theme, easiest first. Themes stand in the order of [`press::THEMES`].
fn themes() -> Vec<(&'static str, Vec<&'static Listed>)> {
    let mut themes: Vec<(&str, Vec<&Listed>)> = Vec::new();
    for article in CARDS {
        match themes.iter_mut().find(|(theme, _)| *theme == article.theme) {
            Some((_, articles)) => articles.push(article),
            None => themes.push((article.theme, vec![article])),
        }
    }
    order::by_key(&mut themes, |(theme, _)| press::THEMES.iter().position(|t| t == theme));
    for (_, articles) in &mut themes {
        order::by_key(articles, |a| rank(a.level));
    }
    themes
}

pub fn library() -> Piece {
    let prefs = use_prefs();
    let filter = Signal::new(filter_in_address());
    let change = follow_with_address(filter);

    let texts = Signal::new(Texts::Unasked);
    effect(move || {
        if filter.with(|f| !f.text.trim().is_empty()) {
            fetch_texts(texts);
        }
    });
    let places = move || texts.with(|t| filter.with(|f| in_texts(t, f)));
    let found = move || {
        let cards = filter.with(|filter| CARDS.iter().filter(|a| filter.admits(a)).count());
        let (_, places) = places();
        match (counted(cards, "question"), counted(places, "place in the texts")) {
            (None, None) => "Nothing matches.".to_owned(),
            (Some(cards), None) => cards,
            (None, Some(places)) => places,
            (Some(cards), Some(places)) => format!("{cards}, {places}"),
        }
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
        // Whoever goes to the field is about to search.
        .on("focus", move |_| fetch_texts(texts))
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
    let kept = kept(prefs);
    let held = el("p")
        .class("held-against")
        .kid("How right is it? ")
        .kid(el("a").attr("href", use_root().link("accuracy/")).kid("Simulation against theory"))
        .kid(", with every figure.");
    let lead = "Each question comes with a system that runs in your browser. Load it, starve it, kill parts of it; \
                then rewind and see why it failed. Every number in the answers comes from a run you can repeat.";
    el("main")
        .attrs(&[("class", "library"), ("id", "content"), ("tabindex", "-1")])
        .kid(el("h1").attr("tabindex", "-1").kid("Backend interview questions you can break"))
        .kid(el("p").class("lead").kid(lead))
        .kid(filters)
        .kid(interview())
        .kid(groups)
        .kid(part(move || found_in_texts(places(), texts)))
        .kid(kept)
        .kid(held)
        .into()
}

/// What becomes of the reader's progress, and the way out of it, with a way back.
fn kept(prefs: Prefs) -> Tag {
    let root = use_root();
    let forgotten = Signal::new(None::<String>);
    let plain = || el("button").attrs(&[("type", "button"), ("class", "plain-button")]);
    let words = part(move || match forgotten.get() {
        Some(before) if !prefs.has_progress() => {
            let back = move || {
                prefs.change(&|text| records::merged(text, &before));
                forgotten.set(None);
            };
            let words: [Piece; 2] = ["Your progress is forgotten. ".into(), plain().click(back).kid("Undo").into()];
            Piece::from(words)
        }
        _ => {
            let forget = move || {
                forgotten.set(Some(prefs.text()));
                prefs.forget_progress();
            };
            let settings = el("a").attr("href", root.link("settings/#take-along")).kid("take it with you");
            let words: [Piece; 4] = [
                "What you opened and finished is kept in this browser and nowhere else. ".into(),
                // In the place of the way back, so that the focus stays on it.
                plain().click(forget).kid("Forget it").into(),
                " or ".into(),
                settings.into(),
            ];
            Piece::from(words)
        }
    });
    el("p")
        .class("kept needs-app")
        .attr("role", "status")
        .flag("hidden", move || !prefs.has_progress() && forgotten.with(Option::is_none))
        .kid(words)
}

/// What the articles say, once somebody searches.
#[derive(Clone)]
enum Texts {
    Unasked,
    Coming,
    There(Rc<str>),
    /// Why they could not be had, in words.
    Failed(String),
}

/// Downloads the texts, unless that has begun. What failed is tried again.
fn fetch_texts(texts: Signal<Texts>) {
    if !matches!(texts.get_untracked(), Texts::Unasked | Texts::Failed(_)) || cfg!(not(feature = "csr")) {
        return;
    }
    texts.set(Texts::Coming);
    let url = use_root().link("texts.txt");
    wasm_bindgen_futures::spawn_local(async move {
        texts.set(match fetch::text(&url).await {
            Ok(all) => Texts::There(all.into()),
            Err(why) => Texts::Failed(why.to_string()),
        });
    });
}

/// A place in a text that a search has found.
struct Place {
    card: &'static Listed,
    id: String,
    heading: String,
    excerpt: [String; 3],
}

/// Where the texts say it, the first few, and how many there are.
fn in_texts(texts: &Texts, filter: &Filter) -> (Vec<Place>, usize) {
    let Texts::There(all) = texts else { return (Vec::new(), 0) };
    let card_of = |slug: &str| CARDS.iter().find(|card| card.slug == slug).copied();
    let (found, count) =
        texts::find(all, &filter.text, |slug| card_of(slug).is_some_and(|card| filter.admits_kind(card)));
    let place = |found: &Found| {
        Some(Place {
            card: card_of(found.passage.slug)?,
            id: found.passage.id.to_owned(),
            heading: found.passage.heading.to_owned(),
            excerpt: found.excerpt.map(str::to_owned),
        })
    };
    (found.iter().filter_map(place).collect(), count)
}

fn found_in_texts((places, count): (Vec<Place>, usize), texts: Signal<Texts>) -> Option<Tag> {
    let root = use_root();
    if let Texts::Failed(why) = texts.get() {
        let said = format!("Only titles and summaries are searched: the texts could not be downloaded ({why}).");
        return Some(el("p").class("found").kid(said));
    }
    let more = (count > places.len()).then(|| {
        el("p").class("found").kid(format!("And {} more. Another word narrows it down.", count - places.len()))
    });
    let shown = each(places, |place| {
        let Place { card, id, heading, excerpt: [before, hit, after] } = place;
        let link = el("a").attr("href", format!("{}#{id}", root.question(card.slug)));
        let more = |text: &str| if text.is_empty() { "" } else { "…" };
        let (begins, ends) = (more(&before), more(&after));
        el("li")
            .kid(link.kid(el("span").class("quiet").kid(card.short).kid(" › ")).kid(heading))
            .kid(el("p").kid(begins).kid(before).kid(el("mark").kid(hit)).kid(after).kid(ends))
    });
    (count > 0).then(|| {
        el("section")
            .class("theme-group")
            .attr("aria-labelledby", "in-texts")
            .kid(el("h2").attr("id", "in-texts").kid("In the texts"))
            .kid(el("div").kid(el("ul").class("places").kid(shown)).kid(more))
    })
}

fn counted(n: usize, what: &str) -> Option<String> {
    match (n, what.split_once(' ')) {
        (0, _) => None,
        (1, _) => Some(format!("1 {what}")),
        (_, None) => Some(format!("{n} {what}s")),
        (_, Some((thing, rest))) => Some(format!("{n} {thing}s {rest}")),
    }
}

/// How long interviews can be, in minutes.
const MINUTES: [&str; 4] = ["10", "20", "30", "45"];

/// The door to an interview: a question drawn at random.
fn interview() -> Tag {
    let root = use_root();
    let prefs = use_prefs();
    let level = Signal::new(String::new());
    let minutes = Signal::new("20".to_owned());
    let start = move || {
        let level = level.get_untracked();
        let drawn = draw(CARDS, &level, |card| prefs.done(card.slug).is_some(), js_sys::Math::random());
        if let Some(card) = drawn {
            _ = window().location().set_href(&format!(
                "{}?interview={}",
                root.question(card.slug),
                minutes.get_untracked()
            ));
        }
    };
    let levels = each(levels(), |level| el("option").attr("value", level).kid(level));
    let minutes_each = each(MINUTES, |n| el("option").attr("value", n).kid(format!("{n} minutes")));
    let level_field = el("select")
        .attrs(&[("class", "field"), ("aria-label", "Level of the interview")])
        .kid(el("option").attr("value", "").kid("Any level"))
        .kid(levels)
        .value(move || level.get())
        .change(move |asked| level.set(asked));
    let minutes_field = el("select")
        .attrs(&[("class", "field"), ("aria-label", "Length of the interview")])
        .kid(minutes_each)
        .value(move || minutes.get())
        .change(move |asked| minutes.set(asked));
    el("section")
        .attrs(&[("class", "interview-me needs-app"), ("id", "interview"), ("aria-labelledby", "interview-me")])
        .kid(el("h2").attr("id", "interview-me").kid("Interview me"))
        .kid(el("p").kid("A question at random, a clock, and no answer in sight until you have given yours."))
        .kid(level_field)
        .kid(minutes_field)
        .kid(el("button").attrs(&[("type", "button"), ("class", "button")]).click(start).kid("Start"))
}

/// A card of this level (of any, if it is empty), by a number from 0 up to 1: one that was never opened, if there is any.
fn draw(
    cards: &[&'static Listed],
    level: &str,
    seen: impl Fn(&Listed) -> bool,
    chance: f64,
) -> Option<&'static Listed> {
    let of_level = || cards.iter().copied().filter(|card| level.is_empty() || card.level == level);
    let mut left: Vec<&Listed> = of_level().filter(|card| !seen(card)).collect();
    if left.is_empty() {
        left = of_level().collect();
    }
    left.get((chance * left.len() as f64) as usize).copied()
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

fn card(article: &'static Listed, filter: Signal<Filter>) -> Tag {
    let root = use_root();
    let prefs = use_prefs();
    let done = move || {
        prefs.done(article.slug).map(|done| {
            let all = article.experiments.len();
            let text = match article.experiments.iter().filter(|e| done.iter().any(|id| id == *e)).count() {
                0 => "opened".to_owned(),
                n => format!("{n} of {all} experiments done"),
            };
            let text = match prefs.grade(article.slug) {
                Some((had, of)) => format!("{text}, interview {had} of {of}"),
                None => text,
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
    use crate::content::Card;

    fn asked(pairs: &[(&'static str, &str)]) -> Filter {
        Filter::from_query(&|key| pairs.iter().find(|(k, _)| *k == key).map(|(_, value)| (*value).to_owned()))
    }

    const LIMITER: Listed = Listed {
        card: &Card {
            slug: "rate-limiter-design",
            title: "How would you design a rate limiter?",
            short: "Rate limiter",
            level: "Middle",
            theme: "traffic control",
            minutes: 6,
        },
        topics: &["429"],
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
    fn an_interview_draws_what_was_not_opened_first() {
        let slugs = |level: &str, seen: &dyn Fn(&Listed) -> bool| {
            (0..100)
                .filter_map(|i| draw(CARDS, level, seen, f64::from(i) / 100.0))
                .map(|card| card.slug)
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(slugs("", &|_| false).len(), CARDS.len());
        let seniors: Vec<&str> = CARDS.iter().filter(|card| card.level == "Senior").map(|card| card.slug).collect();
        assert_eq!(slugs("Senior", &|_| true).len(), seniors.len(), "all were opened, so any may come");
        assert_eq!(slugs("Senior", &|card| card.slug != seniors[0]).into_iter().collect::<Vec<_>>(), [seniors[0]]);
        assert!(draw(CARDS, "Wizard", |_| false, 0.5).is_none());
    }

    #[test]
    fn counts_are_said_as_people_say_them() {
        assert_eq!(counted(0, "question"), None);
        assert_eq!(counted(1, "place in the texts").unwrap(), "1 place in the texts");
        assert_eq!(counted(3, "place in the texts").unwrap(), "3 places in the texts");
        assert_eq!(counted(19, "question").unwrap(), "19 questions");
    }

    #[test]
    fn every_question_stands_under_one_theme() {
        let listed: usize = themes().iter().map(|(_, articles)| articles.len()).sum();
        assert_eq!(listed, CARDS.len());
    }
}
