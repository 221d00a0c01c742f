//! How the site behaves, what it remembers, and how to take that along, bring it back or throw it away.
//!
//! A part of the program of its own.

pub mod exchange;
mod forget;
mod offline;
mod transfer;

use crate::app::use_root;
use crate::content::{CARDS, Listed};
use crate::keeping::{self, counted};
use crate::pages::header::{Above, header};
use crate::prefs::{Keeping, Prefs, Switch, Theme, use_prefs};
use crate::records;
use crate::ui::el::{Piece, Tag, each, el, live, part};
use crate::ui::{NodeRef, Signal, after, effect, is_checked};
use web_sys::HtmlElement;

/// The door of this part.
pub struct Settings {
    #[cfg(feature = "csr")]
    pub around: &'static crate::pages::site::Around,
    pub page: fn() -> Piece,
}

pub static SETTINGS: Settings = Settings {
    #[cfg(feature = "csr")]
    around: &crate::pages::site::AROUND,
    page: || [header(Above::Settings), page()].into(),
};

/// The settings' part of the program.
#[cfg(feature = "csr")]
#[wasm_split_helpers::wasm_split(settings, fallible)]
pub fn settings() -> Result<&'static Settings, wasm_split_helpers::SplitLoaderError> {
    Ok(&SETTINGS)
}

fn page() -> Piece {
    #[cfg(feature = "csr")]
    if crate::ui::is_framed() {
        return refused();
    }
    let prefs = use_prefs();
    let lead = "All of this stays in this browser. Nothing is sent anywhere.";
    el("main")
        .attrs(&[("class", "settings"), ("id", "content"), ("tabindex", "-1")])
        .kid(el("h1").attr("tabindex", "-1").kid("Settings"))
        .kid(el("p").class("lead").kid(lead))
        .kid(el("noscript").kid(el("p").class("notice").kid("The settings need JavaScript. The texts do not.")))
        .kid(trouble(prefs))
        .kid(section("behaviour", "How it looks and behaves", behaviour(prefs)))
        .kid(section("remembered", "What is remembered", remembered(prefs)))
        .kid(section("take-along", "Take it with you", transfer::view(prefs)))
        .kid(section("forget", "Forget", forget::view(prefs)))
        .kid(section("offline", "Without a network", offline::view()))
        .into()
}

/// A page around this one could lay its own words over these buttons, and lead a hand to "Forget everything".
#[cfg(feature = "csr")]
fn refused() -> Piece {
    let link = el("a").attr("href", use_root().link("settings/")).attr("target", "_top").kid("Open the settings");
    el("main")
        .attrs(&[("class", "settings"), ("id", "content"), ("tabindex", "-1")])
        .kid(el("h1").attr("tabindex", "-1").kid("Settings"))
        .kid(el("p").class("notice").kid("Within another page the settings do nothing. ").kid(link).kid("."))
        .into()
}

fn section(id: &'static str, title: &'static str, inside: Piece) -> Tag {
    let title = el("h2").attr("id", id).kid(title);
    el("section").attr("aria-labelledby", id).kid(title).kid(el("div").class("setting-group needs-app").kid(inside))
}

fn button(words: &'static str) -> Tag {
    el("button").attrs(&[("type", "button"), ("class", "button")]).kid(words)
}

/// Moves the focus to what stands when this event is over.
fn focus_soon(node: NodeRef<HtmlElement>) {
    after(0, move || {
        if let Some(node) = node.get_untracked() {
            super::focus_quietly(&node);
        }
    });
}

/// Why something is not kept, if that is so, with what can be done.
fn trouble(prefs: Prefs) -> Piece {
    let words = part(move || {
        keeping::sentence(prefs.keeping()).map(|sentence| {
            let again = (prefs.keeping() == Keeping::Full)
                .then(|| button("Try to store it again").click(move || prefs.change(&str::to_owned)));
            el("div").class("notice").kid(el("p").kid(sentence)).kid(again)
        })
    });
    el("div").attr("role", "status").kid(words).into()
}

fn behaviour(prefs: Prefs) -> Piece {
    let themes = each([Theme::System, Theme::Light, Theme::Dark], move |theme| {
        let words = match theme {
            Theme::System => "As the system",
            Theme::Light => "Light",
            Theme::Dark => "Dark",
        };
        let choice = el("input")
            .attrs(&[("type", "radio"), ("name", "theme")])
            .checked(move || prefs.theme() == theme)
            .on("change", move |_| prefs.set_theme(theme));
        el("label").kid(choice).kid(el("span").kid(words))
    });
    let theme =
        el("fieldset").class("setting").kid(el("legend").kid("Colours")).kid(el("div").class("segmented").kid(themes));
    [
        theme,
        switch(
            prefs,
            Switch::Autoplay,
            "Simulations begin to run by themselves",
            "Off: they wait for the play button. A link that says autoplay=1 starts its own.",
        ),
        switch(
            prefs,
            Switch::Still,
            "Still pictures instead of motion",
            "On: a run is shown in stills, two a second. Off: as your system says.",
        ),
        switch(
            prefs,
            Switch::Keys,
            "Single keys act",
            "Space plays, the letters break things, / searches. Turn it off if you dictate, or press keys by accident.",
        ),
    ]
    .into()
}

fn switch(prefs: Prefs, switch: Switch, words: &'static str, more: &'static str) -> Tag {
    let id = switch.words()[0];
    let field = el("input")
        .attrs(&[("type", "checkbox"), ("role", "switch")])
        .attr("aria-describedby", format!("about-{id}"))
        .checked(move || prefs.is_on(switch))
        .on("change", move |ev| prefs.turn(switch, is_checked(&ev)));
    el("div")
        .class("setting")
        .kid(el("label").class("switch").kid(field).kid(el("span").kid(words)))
        .kid(el("p").attr("id", format!("about-{id}")).kid(more))
}

/// What is known of a question, in words; nothing if it is nothing.
fn known_of(text: &str, card: &Listed) -> Option<(String, String)> {
    let get = |kind: &str| records::get(text, &format!("{kind}/{}", card.slug));
    let done = card.experiments.iter().filter(|id| records::get(text, &format!("done/{}/{id}", card.slug)).is_some());
    let mut said = Vec::new();
    match (done.count(), get("seen")) {
        (0, None) => {}
        (0, Some(_)) => said.push("opened".to_owned()),
        (n, _) => said.push(format!("{n} of {} experiments done", card.experiments.len())),
    }
    if let Some((had, of)) = get("interview").and_then(crate::prefs::grade) {
        said.push(format!("last interview: {had} of {of} follow-ups"));
    }
    let notes = get("notes").map(records::unfolded).unwrap_or_default();
    if said.is_empty() && notes.is_empty() {
        return None;
    }
    Some((said.join(", "), notes))
}

fn remembered(prefs: Prefs) -> Piece {
    let root = use_root();
    let list = part(move || {
        prefs.kept(|text| {
            let known = CARDS.iter().filter_map(|card| Some((*card, known_of(text, card)?)));
            let rows: Vec<Piece> =
                known.map(|(card, known)| row(root.question(card.slug), card, known).into()).collect();
            if rows.is_empty() {
                return Piece::from(el("p").kid(
                    "Nothing yet. The questions you open, the experiments you do, and the results and notes of your \
                     interviews will be listed here.",
                ));
            }
            el("ul").class("remembered").kid(rows).into()
        })
    });
    let aside = Signal::new(String::new());
    effect(move || {
        keeping::mend(prefs);
        aside.set(keeping::aside());
    });
    [list, part(move || (!aside.with(String::is_empty)).then(|| unread(aside)))].into()
}

fn row(address: String, card: &'static Listed, (said, notes): (String, String)) -> Tag {
    let words = notes.split_whitespace().count();
    let notes = (words > 0).then(|| {
        el("details")
            .kid(el("summary").kid(format!("Your notes, {}", counted(words, "word", "words"))))
            .kid(el("p").class("own-notes").kid(notes))
    });
    el("li").kid(el("a").attr("href", address).kid(card.title)).kid(el("p").kid(said)).kid(notes)
}

/// The lines that nobody can read, to look at and to throw away.
fn unread(aside: Signal<String>) -> Tag {
    let count = move || {
        let lines = aside.with(|text| text.lines().count());
        counted(lines, "line could not be read and was set aside", "lines could not be read and were set aside")
    };
    let text = el("pre").attrs(&[("tabindex", "0"), ("aria-label", "Lines that could not be read")]);
    let throw = button("Throw these lines away").click(move || {
        if crate::prefs::storage::write(keeping::ASIDE_KEY, None).is_ok() {
            aside.set(String::new());
        }
    });
    el("details")
        .class("unread")
        .kid(el("summary").kid(live(count)))
        .kid(el("p").kid("Something has damaged them, or another program wrote them. They change nothing."))
        .kid(text.kid(live(move || aside.get())))
        .kid(throw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_question_is_said_in_words() {
        let card = CARDS.iter().find(|card| card.experiments.len() > 1).unwrap();
        let (slug, first) = (card.slug, card.experiments[0]);
        let of = |lines: &str| known_of(&lines.replace('@', slug), card);
        assert_eq!(of("1 seen/other="), None);
        assert_eq!(of("1 seen/@=").unwrap().0, "opened");
        assert_eq!(
            of(&format!("1 seen/@=\n1 done/@/{first}=\n1 done/@/no-longer=\n1 interview/@=2 7")).unwrap().0,
            format!("1 of {} experiments done, last interview: 2 of 7 follow-ups", card.experiments.len())
        );
        assert_eq!(of("1 notes/@=one\\ntwo").unwrap(), (String::new(), "one\ntwo".to_owned()));
    }
}
