//! All questions, by theme and level, with a search, two filters and what the reader has done.

use crate::app::use_root;
use crate::content::{ARTICLES, ArticleMeta};
use crate::fixed::{Fixed, fixed};
use crate::prefs::use_prefs;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use std::time::Duration;

/// How long the typing must rest before the address follows it. Browsers refuse an address that changes with every key.
const ADDRESS_FOLLOWS_AFTER: Duration = Duration::from_millis(400);

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
    fn admits(&self, article: &ArticleMeta) -> bool {
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
    let mut levels: Vec<&str> = ARTICLES.iter().map(|a| a.level).collect();
    levels.sort_by_key(|level| rank(level));
    levels.dedup();
    levels
}

fn rank(level: &str) -> usize {
    ["Junior", "Middle", "Senior", "Staff"].iter().position(|l| *l == level).unwrap_or(usize::MAX)
}

fn topics() -> Vec<&'static str> {
    let mut topics: Vec<&str> = ARTICLES.iter().flat_map(|a| a.topics.iter().copied()).collect();
    topics.sort_by_key(|topic| topic.to_lowercase());
    topics.dedup();
    topics
}

/// The questions of each theme, easiest first. Themes stand in the order in which the content names them.
fn themes() -> Vec<(&'static str, Vec<&'static ArticleMeta>)> {
    let mut themes: Vec<(&str, Vec<&ArticleMeta>)> = Vec::new();
    for article in ARTICLES {
        match themes.iter_mut().find(|(theme, _)| *theme == article.theme) {
            Some((_, articles)) => articles.push(article),
            None => themes.push((article.theme, vec![article])),
        }
    }
    for (_, articles) in &mut themes {
        articles.sort_by_key(|a| rank(a.level));
    }
    themes
}

pub fn library() -> Fixed {
    let prefs = use_prefs();
    let filter = RwSignal::new(filter_in_address());
    let change = follow_with_address(filter);

    let found = move || {
        let filter = filter.read();
        match ARTICLES.iter().filter(|a| filter.admits(a)).count() {
            0 => "No question matches.".to_owned(),
            1 => "1 question".to_owned(),
            n => format!("{n} questions"),
        }
    };
    let groups = themes().into_iter().map(|(theme, articles)| {
        let shown = articles.clone();
        view! {
            <section class="theme-group" hidden=move || !shown.iter().any(|a| filter.read().admits(a))>
                <h2>{theme}</h2>
                <ul class="cards">
                    {articles.into_iter().map(|article| card(article, filter)).collect_view()}
                </ul>
            </section>
        }
    });

    fixed(view! {
        <main class="library" id="content" tabindex="-1">
            <h1 tabindex="-1">"Backend interview questions you can break"</h1>
            <p class="lead">
                "Each question comes with a system that runs in your browser. Load it, starve it, kill parts of it; \
                 then rewind and see why it failed. Every number in the answers comes from a run you can repeat."
            </p>
            <form class="filters needs-app" role="search" on:submit=|ev| ev.prevent_default()>
                <input
                    id="search"
                    class="field search"
                    type="search"
                    placeholder="Search questions"
                    aria-label="Search questions"
                    aria-keyshortcuts="/"
                    autocomplete="off"
                    spellcheck="false"
                    prop:value=move || filter.read().text.clone()
                    on:input:target=move |ev| change(&|f: &mut Filter| f.text = ev.target().value())
                />
                <fieldset class="segmented">
                    <legend class="visually-hidden">"Level"</legend>
                    {std::iter::once(None).chain(levels().into_iter().map(Some)).map(|level| view! {
                        <label>
                            <input
                                type="radio"
                                name="level"
                                prop:checked=move || filter.read().level == level
                                on:change=move |_| change(&|f: &mut Filter| f.level = level)
                            />
                            <span>{level.unwrap_or("Any level")}</span>
                        </label>
                    }).collect_view()}
                </fieldset>
                <select
                    class="field"
                    aria-label="Topic"
                    prop:value=move || filter.read().topic.unwrap_or_default()
                    on:change:target=move |ev| {
                        let asked = ev.target().value();
                        change(&|f: &mut Filter| f.topic = topics().into_iter().find(|t| *t == asked));
                    }
                >
                    <option value="">"Any topic"</option>
                    {topics().into_iter().map(|topic| view! { <option value=topic>{topic}</option> }).collect_view()}
                </select>
                <p class="found" role="status">{found}</p>
                <button
                    type="button"
                    class="plain-button"
                    hidden=move || filter.read().is_empty()
                    on:click=move |_| change(&|f: &mut Filter| *f = Filter::default())
                >
                    "Show all"
                </button>
            </form>
            {groups.collect_view()}
            <p class="kept needs-app" hidden=move || !prefs.has_progress()>
                "What you opened and finished is kept in this browser and nowhere else. "
                <button type="button" class="plain-button" on:click=move |_| prefs.forget_progress()>"Forget it"</button>
            </p>
        </main>
    })
}

/// Returns what changes the filter; the address follows when the changes rest.
fn follow_with_address(filter: RwSignal<Filter>) -> impl Fn(&dyn Fn(&mut Filter)) + Copy + Send + Sync + 'static {
    let home = StoredValue::new(use_root().link(""));
    let timer = StoredValue::new(None::<TimeoutHandle>);
    move |change| {
        filter.update(change);
        if let Some(timer) = timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
        let follow = move || {
            let address = home.read_value().clone() + &filter.read_untracked().to_query();
            if let Ok(history) = window().history() {
                _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address));
            }
        };
        timer.set_value(set_timeout_with_handle(follow, ADDRESS_FOLLOWS_AFTER).ok());
    }
}

fn card(article: &'static ArticleMeta, filter: RwSignal<Filter>) -> Fixed {
    let root = use_root();
    let prefs = use_prefs();
    let done = move || {
        prefs.done(article.slug).map(|done| {
            let all = article.tries.len();
            let text = match article.tries.iter().filter(|t| done.iter().any(|id| id == t.id)).count() {
                0 => "opened".to_owned(),
                n => format!("{n} of {all} experiments done"),
            };
            view! { " · " <span class="seen">"✓ " {text}</span> }
        })
    };
    // A question without a picture yet has no poster.
    let drawn = crate::widgets::find(article.slug).is_some();
    let poster = article.presets.first().filter(|_| drawn).map(|preset| {
        let src = root.link(&format!("posters/{}/{}-narrow.svg", article.slug, preset.id));
        view! { <img class="poster" src=src alt="" width="390" height="240" loading="lazy" decoding="async"/> }
    });
    fixed(view! {
        <li class="card" hidden=move || !filter.read().admits(article)>
            {poster}
            <div>
                <p class="crumbs"><b>{article.level}</b>{format!(" · {} min", article.minutes)}{done}</p>
                <h3><a href=root.question(article.slug)>{article.title}</a></h3>
                <p class="summary">{article.summary}</p>
                <p class="topics">{article.topics.join(" · ")}</p>
            </div>
        </li>
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &str)]) -> Filter {
        Filter::from_query(&|key| pairs.iter().find(|(k, _)| *k == key).map(|(_, value)| (*value).to_owned()))
    }

    const LIMITER: ArticleMeta = ArticleMeta {
        slug: "rate-limiter-design",
        title: "How would you design a rate limiter?",
        short: "Rate limiter",
        level: "Middle",
        theme: "traffic control",
        topics: &["429"],
        minutes: 6,
        summary: "Pick which burst you allow.",
        related: &[],
        presets: &[],
        tries: &[],
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
        assert_eq!(listed, ARTICLES.len());
    }
}
