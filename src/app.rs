//! Which page is at which address, and the frame every page stands in.
//!
//! # One site under any path prefix
//!
//! The site is static files below some path that nobody knows at build time: `/`, `/breakable/`, a
//! preview folder. Every address ends in a slash and is a folder with one `index.html`, so relative
//! links work on a plain file server and without JavaScript:
//!
//! | file | address below the root | way back to the root |
//! |---|---|---|
//! | `index.html` | `` | `./` |
//! | `q/<slug>/index.html` | `q/<slug>/` | `../../` |
//! | `embed/<slug>/index.html` | `embed/<slug>/` | `../../` |
//! | `present/<slug>/index.html`, `speaker/...`, `candidate/...` | `present/<slug>/`, ... | `../../` |
//! | `accuracy/index.html` | `accuracy/` | `../` |
//! | `settings/index.html` | `settings/` | `../` |
//!
//! The HTML shell writes that way back on the container: `<div id="app" data-base="../../">`, the
//! value of [`base_of`]. In the browser [`Root::from_document`] resolves it against the page's own
//! address, which gives the absolute path of the root, and all links are made with [`Root::link`]. A page that may be served at any depth (`404.html`) cannot know its
//! way back; there the shell may write an absolute path instead, if the site's address is known.
//!
//! The shell also sets `data-static` on the container. The app removes it when it has mounted; until
//! then, and for ever without JavaScript, the style sheet hides the controls that only the app can
//! serve (class `needs-app`) but keeps their place, so nothing moves.

use crate::entries::Entry;
use crate::pages::settings::Settings;
#[cfg(feature = "csr")]
use crate::pages::site::{Around, Site};
use crate::pages::{Lists, embed::embed, present::Present};
#[cfg(not(feature = "csr"))]
use crate::pages::{candidate::candidate, header, question::question};
use crate::prefs::Prefs;
use crate::ui::el::Piece;
use crate::ui::{context, document, provide};
use std::sync::Arc;

/// The path of the page that says that there is no such page, as [`render_route`] takes it.
pub const NOT_FOUND_ROUTE: &str = "/404.html";

#[cfg(not(feature = "csr"))]
const SITE: &str = "Breakable";

/// What an address asks for, as its shape says; whether there is such a question is another matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    Library,
    /// The question with this slug: its text beside its simulation.
    Question(&'a str),
    /// The simulation of this slug alone, to be shown in a frame on somebody's page.
    Embed(&'a str),
    /// The question of this slug, presented to others.
    Present(&'a str),
    /// What only the speaker sees of that.
    Speaker(&'a str),
    /// A moment of it for somebody who is to see no answer.
    Candidate(&'a str),
    /// What the simulation is held against.
    Accuracy,
    /// What is remembered, and how the site behaves.
    Settings,
    Unknown,
}

impl<'a> Asked<'a> {
    /// What `path` asks for, which is relative to the site's root: `q/saga-consistency/`.
    pub fn at(path: &'a str) -> Asked<'a> {
        let path = path.strip_suffix("index.html").unwrap_or(path);
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => Asked::Library,
            (Some("q"), Some(slug), None) => Asked::Question(slug),
            (Some("embed"), Some(slug), None) => Asked::Embed(slug),
            (Some("present"), Some(slug), None) => Asked::Present(slug),
            (Some("speaker"), Some(slug), None) => Asked::Speaker(slug),
            (Some("candidate"), Some(slug), None) => Asked::Candidate(slug),
            (Some("accuracy"), None, None) => Asked::Accuracy,
            (Some("settings"), None, None) => Asked::Settings,
            _ => Asked::Unknown,
        }
    }

    /// The question that it is about.
    #[cfg(feature = "csr")]
    pub fn slug(self) -> Option<&'a str> {
        match self {
            Asked::Question(slug)
            | Asked::Embed(slug)
            | Asked::Present(slug)
            | Asked::Speaker(slug)
            | Asked::Candidate(slug) => Some(slug),
            Asked::Library | Asked::Accuracy | Asked::Settings | Asked::Unknown => None,
        }
    }
}

/// A page of the site, with what it is made of.
#[derive(Clone, Copy)]
pub enum Place {
    Library(&'static Lists),
    Question(&'static Entry, &'static Site),
    Embed(&'static Entry),
    Present(&'static Entry, &'static Present),
    Speaker(&'static Entry, &'static Present),
    Candidate(&'static Entry, &'static Site),
    Accuracy(&'static Lists),
    Settings(&'static Settings),
    NotFound(&'static Lists),
}

/// Natively everything is at hand.
#[cfg(not(feature = "csr"))]
#[derive(Clone, Copy)]
pub struct Site;

#[cfg(feature = "csr")]
impl Place {
    /// What the page has around what it shows; an embed and a talk have nothing.
    pub fn around(self) -> Option<&'static Around> {
        match self {
            Place::Question(_, site) | Place::Candidate(_, site) => Some(site.around),
            Place::Library(lists) | Place::Accuracy(lists) | Place::NotFound(lists) => Some(lists.around),
            Place::Settings(settings) => Some(settings.around),
            Place::Embed(_) | Place::Present(..) | Place::Speaker(..) => None,
        }
    }
}

#[cfg(not(feature = "csr"))]
impl Place {
    /// The page at `path`, which is relative to the site's root.
    pub fn at(path: &str) -> Place {
        use crate::{entries::find, pages::LISTS, pages::present::PRESENT};
        match Asked::at(path) {
            Asked::Library => Place::Library(&LISTS),
            Asked::Question(slug) => find(slug).map_or(Place::NotFound(&LISTS), |entry| Place::Question(entry, &Site)),
            Asked::Embed(slug) => find(slug).map_or(Place::NotFound(&LISTS), Place::Embed),
            Asked::Present(slug) => find(slug).map_or(Place::NotFound(&LISTS), |entry| Place::Present(entry, &PRESENT)),
            Asked::Speaker(slug) => find(slug).map_or(Place::NotFound(&LISTS), |entry| Place::Speaker(entry, &PRESENT)),
            Asked::Candidate(slug) => {
                find(slug).map_or(Place::NotFound(&LISTS), |entry| Place::Candidate(entry, &Site))
            }
            Asked::Accuracy => Place::Accuracy(&LISTS),
            Asked::Settings => Place::Settings(&crate::pages::settings::SETTINGS),
            Asked::Unknown => Place::NotFound(&LISTS),
        }
    }

    /// What belongs into the document's head.
    pub fn head(self) -> Head {
        match self {
            Place::Library(_) => Head {
                title: format!("{SITE}: backend interview questions you can break"),
                description: "Backend interview questions, each with a simulation that runs in your browser. \
                              Push it until it fails, rewind, and see why."
                    .into(),
                listed: true,
            },
            Place::Question(entry, _) => Head {
                title: format!("{} · {SITE}", entry.meta.title),
                description: entry.meta.listed.summary.into(),
                listed: true,
            },
            Place::Embed(entry) => Head {
                title: format!("{} · {SITE}", entry.meta.title),
                description: entry.meta.listed.summary.into(),
                listed: false,
            },
            Place::Present(entry, _) => Head {
                title: format!("Presenting: {} · {SITE}", entry.meta.short),
                description: "The question for a screen that is shared.".into(),
                listed: false,
            },
            Place::Speaker(entry, _) => Head {
                title: format!("Speaker: {} · {SITE}", entry.meta.short),
                description: "What only the speaker sees.".into(),
                listed: false,
            },
            // The summary of a question gives some of the answer away.
            Place::Candidate(entry, _) => Head {
                title: format!("{} · {SITE}", entry.meta.title),
                description: "A question, and a simulation to try things on.".into(),
                listed: false,
            },
            Place::Accuracy(_) => Head {
                title: format!("Simulation against theory · {SITE}"),
                description:
                    "What the simulations are held against: queueing theory, papers, specifications and every \
                              number of the articles, with what was measured."
                        .into(),
                listed: true,
            },
            Place::Settings(_) => Head {
                title: format!("Settings · {SITE}"),
                description: "How the site behaves, what this browser remembers, and how to take it along.".into(),
                listed: false,
            },
            Place::NotFound(_) => Head {
                title: format!("Nothing here · {SITE}"),
                description: "There is no page at this address.".into(),
                listed: false,
            },
        }
    }
}

/// The part of a page's head that depends on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Plain text of `<title>`.
    pub title: String,
    /// Plain text of `<meta name="description">`.
    pub description: String,
    /// Whether the page belongs into the sitemap; of the others all but the embeds say `noindex`.
    pub listed: bool,
}

/// Every address that gets an `index.html`, in the order of the library. [`NOT_FOUND_ROUTE`] is not among them.
pub fn routes() -> Vec<String> {
    let mut routes = vec!["/".to_owned()];
    routes.extend(crate::content::CARDS.iter().map(|a| format!("/q/{}/", a.slug)));
    routes.extend(crate::content::CARDS.iter().map(|a| format!("/embed/{}/", a.slug)));
    for kind in ["present", "speaker", "candidate"] {
        routes.extend(crate::content::CARDS.iter().map(|a| format!("/{kind}/{}/", a.slug)));
    }
    routes.push("/accuracy/".to_owned());
    routes.push("/settings/".to_owned());
    routes
}

/// The head of the page at `path`, which begins with a slash.
#[cfg(not(feature = "csr"))]
pub fn head_for(path: &str) -> Head {
    Place::at(path).head()
}

/// The relative way from the page at `path` back to the root: `./` or as many `../` as the path has folders.
pub fn base_of(path: &str) -> String {
    let folders = path.trim_start_matches('/').matches('/').count();
    if folders == 0 { "./".into() } else { "../".repeat(folders) }
}

/// The HTML that stands inside `#app` at `path`, a member of [`routes`] or [`NOT_FOUND_ROUTE`]. `results` are for the
/// page that shows them.
#[cfg(feature = "ssr")]
pub fn render_route(path: &str, results: Option<&crate::pages::accuracy::Results>) -> String {
    crate::ui::in_scope(|| {
        if let Some(results) = results {
            provide(results.clone());
        }
        let root = Root { at: "/".into(), href: base_of(path).into() };
        let path = path.trim_start_matches('/');
        app(root, Prefs::none(), Place::at(path), path).into_html()
    })
}

/// Where the site's root is, seen from the page.
#[derive(Clone, Debug)]
pub struct Root {
    /// The root within the host: an absolute path that begins and ends with a slash.
    at: Arc<str>,
    /// What a link to a page of the site begins with; relative in prerendered pages.
    href: Arc<str>,
}

impl Root {
    /// Reads the way to the root from the `data-base` that the shell wrote on `host`.
    pub fn from_document(host: &web_sys::Element) -> Root {
        let base = host.get_attribute("data-base").unwrap_or_else(|| "/".into());
        let here = document().base_uri().ok().flatten().unwrap_or_default();
        let path = web_sys::Url::new_with_base(&base, &here).map_or_else(|_| "/".into(), |url| url.pathname());
        let at: Arc<str> = if path.ends_with('/') { path.into() } else { format!("{path}/").into() };
        Root { href: at.clone(), at }
    }

    /// `path` without the root in front: what [`Asked::at`] takes.
    pub fn strip<'a>(&self, path: &'a str) -> &'a str {
        // `/breakable` without its last slash is the root too.
        path.strip_prefix(&*self.at).unwrap_or_else(|| if path.len() + 1 == self.at.len() { "" } else { path })
    }

    /// The address of `path`, which is relative to the root and does not begin with a slash.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.href)
    }

    /// The address of a question's page.
    pub fn question(&self, slug: &str) -> String {
        self.link(&format!("q/{slug}/"))
    }
}

/// The site's root; available in every component.
pub fn use_root() -> Root {
    context().expect("every page hands down the root")
}

/// The page at `path`, with its header if it has one, which is relative to the root: what [`Root::strip`] returns.
///
/// Every page is a file of its own, so a link loads the next one: here is nothing that moves between pages.
pub fn app(root: Root, prefs: Prefs, place: Place, path: &str) -> Piece {
    provide(root);
    provide(prefs);
    match place {
        Place::Library(lists) => (lists.library)(),
        #[cfg(feature = "csr")]
        Place::Question(entry, site) => (site.question)(entry),
        #[cfg(not(feature = "csr"))]
        Place::Question(entry, _) => [header::header(header::Above::Question), question(entry)].into(),
        Place::Embed(entry) => embed(entry),
        Place::Present(entry, present) => (present.audience)(entry),
        Place::Speaker(entry, present) => (present.speaker)(entry),
        #[cfg(feature = "csr")]
        Place::Candidate(entry, site) => (site.candidate)(entry),
        #[cfg(not(feature = "csr"))]
        Place::Candidate(entry, _) => candidate(entry),
        Place::Accuracy(lists) => (lists.accuracy)(),
        Place::Settings(settings) => (settings.page)(),
        Place::NotFound(lists) => (lists.not_found)(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_their_pages() {
        for path in ["", "/", "index.html"] {
            assert_eq!(Asked::at(path), Asked::Library);
        }
        for path in ["accuracy", "accuracy/", "/accuracy/index.html"] {
            assert_eq!(Asked::at(path), Asked::Accuracy, "{path}");
        }
        assert_eq!(Asked::at("settings/"), Asked::Settings);
        for path in ["q", "q/", "about/", "404.html", "q/x/more", "accuracy/more"] {
            assert_eq!(Asked::at(path), Asked::Unknown, "{path}");
        }
        for path in ["q/x", "q/x/", "/q/x/index.html"] {
            assert_eq!(Asked::at(path), Asked::Question("x"), "{path}");
        }
        assert_eq!(Asked::at("embed/x/"), Asked::Embed("x"));
        for card in crate::content::CARDS {
            let (q, e) = (format!("q/{}/", card.slug), format!("embed/{}/", card.slug));
            assert!(matches!(Place::at(&q), Place::Question(entry, _) if entry.meta.slug == card.slug));
            assert!(matches!(Place::at(&e), Place::Embed(entry) if entry.meta.slug == card.slug));
        }
        assert!(matches!(Place::at("q/unknown/"), Place::NotFound(_)));
    }

    #[test]
    fn every_route_knows_its_way_back() {
        assert_eq!(base_of("/"), "./");
        assert_eq!(base_of("/404.html"), "./");
        assert_eq!(base_of("/q/x/"), "../../");
        for route in routes() {
            assert!(!matches!(Place::at(&route), Place::NotFound(_)), "{route}");
        }
    }

    #[test]
    fn a_prefix_is_stripped_with_and_without_its_slash() {
        let root = Root { at: "/site/".into(), href: "/site/".into() };
        assert_eq!(root.strip("/site/q/x/"), "q/x/");
        assert_eq!(root.strip("/site"), "");
        assert_eq!(root.link("q/x/"), "/site/q/x/");
    }
}
