//! The dialog for passing a moment on: as a link, as a picture, as a clip, as numbers.
//!
//! It is a part of the program of its own, downloaded when the reader first opens it. While it is open the run stands:
//! what is shared is the moment that the dialog was opened at.

use super::clip::{self, Look};
use super::player::Player;
use super::sheet::sheet;
use super::{Handle, button, report, share};
use crate::draw::sheet::{Palette, Sheet};
use crate::draw::{number, paint::paint, svg};
use crate::ui::el::{Piece, Tag, each, el, live};
use crate::ui::media::{self, Blob};
use crate::ui::{Kept, NodeRef, Signal, document, window};
use sim::decimal::fixed;
use std::cell::RefCell;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlDialogElement, HtmlInputElement};

/// The door of this part.
pub struct Sharing {
    /// The dialog, closed.
    pub dialog: fn(Handle) -> Piece,
    pub open: fn(Handle),
}

pub static SHARING: Sharing = Sharing { dialog, open };

/// Some chat programs cut a message at this length.
const MESSAGE_MAX: usize = 2_000;
/// Pixels a unit in a picture, and in a clip of the wide layout: 1,280 across.
const PICTURE_SCALE: f64 = 2.0;
const CLIP_SCALE: f64 = 1.422;
/// How long a clip may be, in seconds.
const SECONDS: [u32; 5] = [5, 10, 20, 30, 60];

/// What the dialog's functions work on.
#[derive(Clone, Copy)]
struct Open {
    h: Handle,
    dialog: NodeRef<HtmlDialogElement>,
    field: NodeRef<HtmlInputElement>,
    canvas: NodeRef<HtmlCanvasElement>,
    /// The address of the moment that is shared.
    address: Signal<String>,
    /// What has been done, in a sentence.
    said: Signal<String>,
    seconds: Signal<u32>,
    /// How far a recording is, from 0 to 1.
    recording: Signal<Option<f64>>,
    /// Whether the recording is to go on.
    wanted: Kept<bool>,
    /// Whether the run played when the dialog was opened.
    resume: Kept<bool>,
}

thread_local! {
    /// The dialog of this page, for the function that opens it.
    static DIALOG: RefCell<Option<Open>> = const { RefCell::new(None) };
}

/// Opens the dialog for the moment that is shown.
fn open(h: Handle) {
    let Some(o) = DIALOG.with(|d| *d.borrow()) else { return };
    o.resume.set(h.with(|p| p.playing));
    h.change(|p| p.playing = false);
    o.address.set(share::address(h));
    o.said.set(String::new());
    if let Some(dialog) = o.dialog.get_untracked() {
        _ = dialog.show_modal();
    }
    preview(o);
}

/// The narrow layout where that is on screen.
fn narrow() -> bool {
    let picture = document().query_selector(".stage-picture").ok().flatten();
    picture.is_some_and(|p| f64::from(p.client_width()) < super::frame::NARROW_BELOW_PX)
}

/// The theme that is on screen.
fn palette() -> Palette {
    let root = document().document_element();
    let style = root.and_then(|root| window().get_computed_style(&root).ok().flatten());
    Palette::new(|variable| {
        let value = style.as_ref().and_then(|s| s.get_property_value(variable).ok()).unwrap_or_default();
        value.trim().to_owned()
    })
}

fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok().flatten().map(JsCast::unchecked_into)
}

fn made(o: Open) -> Sheet {
    o.address.with_untracked(|address| o.h.with(|p| sheet(p, narrow(), address)))
}

/// Paints the picture into a canvas of its own size.
fn painted(o: Open, canvas: &HtmlCanvasElement, scale: f64) {
    let sheet = made(o);
    canvas.set_width((f64::from(sheet.width) * scale).round() as u32);
    canvas.set_height((f64::from(sheet.height) * scale).round() as u32);
    if let Some(on) = context(canvas) {
        paint(&on, &sheet, &palette(), scale);
    }
}

/// What the picture will look like.
fn preview(o: Open) {
    if let Some(canvas) = o.canvas.get_untracked() {
        _ = canvas.set_attribute("aria-label", &format!("The picture: {}", made(o).title));
        painted(o, &canvas, PICTURE_SCALE);
    }
}

/// `rate-limiter-design-12.418s.png`
fn file_name(o: Open, ending: &str) -> String {
    let (slug, at) = o.h.with(|p| (p.question.slug, p.now()));
    format!("{slug}-{}s.{ending}", fixed(at.as_s(), 3))
}

/// Says something in the dialog, where it is also read out.
fn say(o: Open, text: impl Into<String>) {
    o.said.set(text.into());
}

fn save(o: Open, file: &Blob, ending: &str, before: &str) {
    let name = file_name(o, ending);
    say(
        o,
        match media::download(file, &name) {
            Ok(()) => format!("{before}Downloaded as {name}."),
            Err(_) => format!("{before}The browser refused the download of {name}."),
        },
    );
}

const CLOSED: &str = "This page may not use the clipboard. ";

fn copy_link(o: Open) {
    spawn_local(async move {
        if share::write_clipboard(&o.address.get_untracked()).await {
            return say(o, "Link copied.");
        }
        if let Some(field) = o.field.get_untracked() {
            _ = field.focus();
            field.select();
        }
        say(o, format!("{CLOSED}The link is selected: copy it by hand."));
    });
}

fn picture_file(o: Open) -> js_sys::Promise {
    let canvas: HtmlCanvasElement = document().create_element("canvas").expect("a canvas").unchecked_into();
    painted(o, &canvas, PICTURE_SCALE);
    media::png(&canvas)
}

fn copy_picture(o: Open) {
    let picture = picture_file(o);
    spawn_local(async move {
        match media::copy_picture(&picture).await {
            Ok(()) => say(o, "Picture copied."),
            Err(_) => save_picture(o, picture, CLOSED).await,
        }
    });
}

async fn save_picture(o: Open, picture: js_sys::Promise, before: &str) {
    match JsFuture::from(picture).await {
        Ok(file) if file.is_object() => save(o, file.unchecked_ref(), "png", before),
        _ => say(o, "The browser could not make a PNG of this picture. The SVG may work."),
    }
}

fn save_text(o: Open, text: &str, kind: &str, ending: &str, before: &str) {
    match media::file(text.as_bytes(), kind) {
        Ok(file) => save(o, &file, ending, before),
        Err(_) => say(o, "The browser refused to make a file."),
    }
}

fn save_svg(o: Open) {
    save_text(o, &svg::file(&made(o), &palette()), "image/svg+xml", "svg", "");
}

/// The numbers in one of the two forms: text, kind of file, ending.
fn numbers(o: Open, csv: bool) -> (String, &'static str, &'static str) {
    let address = o.address.get_untracked();
    o.h.with(|p| {
        if csv {
            (report::csv(p, &address), "text/csv;charset=utf-8", "csv")
        } else {
            (report::markdown(p, &address), "text/markdown;charset=utf-8", "md")
        }
    })
}

fn copy_numbers(o: Open, csv: bool) {
    let (text, kind, ending) = numbers(o, csv);
    spawn_local(async move {
        if share::write_clipboard(&text).await {
            say(o, if csv { "The series are copied as CSV." } else { "The numbers are copied as a Markdown table." });
        } else {
            save_text(o, &text, kind, ending, CLOSED);
        }
    });
}

/// Records, or stops the recording there is.
fn record(o: Open) {
    if o.recording.get_untracked().is_some() {
        return o.wanted.set(false);
    }
    let Some(canvas) = o.canvas.get_untracked() else { return };
    let Some(on) = context(&canvas) else { return };
    o.wanted.set(true);
    o.recording.set(Some(0.0));
    say(o, "Recording. Keep this page in front.");
    spawn_local(async move {
        let narrow = narrow();
        let address = o.address.get_untracked();
        let scale = if narrow { PICTURE_SCALE } else { CLIP_SCALE };
        let look = Look { canvas: &canvas, on: &on, palette: &palette(), narrow, address: &address, scale };
        let seconds = f64::from(o.seconds.get_untracked());
        let made = clip::record(o.h, &look, seconds, |part| {
            if !o.h.alive() {
                return false;
            }
            // Ten times a second is often enough for a bar.
            if part - o.recording.get_untracked().unwrap_or(0.0) >= 0.1 / seconds {
                crate::ui::batch(|| o.recording.set(Some(part)));
            }
            o.wanted.with(|wanted| *wanted)
        });
        let made = made.await;
        if !o.h.alive() {
            return;
        }
        crate::ui::batch(|| {
            o.recording.set(None);
            preview(o);
            if o.dialog.get_untracked().is_some_and(|d| !d.open()) {
                closed(o);
            }
            match made {
                Err(why) => say(o, why),
                Ok(clip) => {
                    let told = format!(
                        "{} s at {} frames a second, {}. ",
                        fixed(clip.seconds, 1),
                        fixed(clip.fps, 0),
                        number::bytes(clip.file.size() as u64)
                    );
                    save(o, &clip.file, clip.ending, &told);
                }
            }
        });
    });
}

fn section(title: &'static str) -> Tag {
    el("section").attr("aria-label", title).kid(el("h3").kid(title))
}

fn row() -> Tag {
    el("p").class("dialog-row")
}

fn link_part(o: Open) -> Tag {
    let field = el("input")
        .attrs(&[("class", "field wide"), ("type", "text"), ("readonly", ""), ("aria-label", "Link")])
        .node_ref(o.field)
        .value(move || o.address.get());
    let length = move || {
        let characters = o.address.with(String::len);
        let long =
            if characters > MESSAGE_MAX { " Some chat programs cut so long a message: send it by mail." } else { "" };
        format!(
            "{} characters. Runs, acts, forks and this very moment are in it; nothing is stored anywhere.{long}",
            number::count(characters as u64)
        )
    };
    section("Link")
        .kid(row().kid(field).kid(button("Copy the link").click(move || copy_link(o))))
        .kid(el("p").class("quiet").kid(live(length)))
}

fn picture_part(o: Open) -> Tag {
    let canvas = el("canvas").attrs(&[("class", "share-preview"), ("role", "img")]).node_ref(o.canvas);
    section("Picture").kid(canvas).kid(
        row()
            .kid(button("Copy picture").click(move || copy_picture(o)))
            .kid(button("Download PNG").click(move || {
                let picture = picture_file(o);
                spawn_local(async move { save_picture(o, picture, "").await });
            }))
            .kid(button("Download SVG").click(move || save_svg(o))),
    )
}

fn clip_part(o: Open) -> Tag {
    if clip::kind().is_none() {
        return section("Clip").kid(row().kid(button("This browser cannot record").attr("disabled", ""))).kid(
            el("p")
                .class("quiet")
                .kid("A clip needs a browser with MediaRecorder. Pictures, numbers and links work here."),
        );
    }
    let options = each(SECONDS, |s| {
        el("option")
            .attr("value", s.to_string())
            .flag("selected", move || o.seconds.get() == s)
            .kid(format!("{s} seconds"))
    });
    let length = el("select").class("field").attr("aria-label", "Length of the clip").change(move |value| {
        if let Some(s) = SECONDS.iter().find(|s| s.to_string() == value) {
            o.seconds.set(*s);
        }
    });
    let words = move || if o.recording.get().is_some() { "Stop" } else { "Record a clip" }.to_owned();
    let bar = el("progress")
        .attr("aria-label", "Recorded")
        .attr("max", "1")
        .flag("hidden", move || o.recording.get().is_none())
        .live("value", move || fixed(o.recording.get().unwrap_or(0.0), 2).to_string());
    section("Clip")
        .kid(row().kid(length.kid(options)).kid(button(live(words)).click(move || record(o))).kid(bar))
        .kid(el("p").class("quiet").kid("A video of the run from this moment on, with what was done to it later."))
}

fn numbers_part(o: Open) -> Tag {
    section("Numbers").kid(
        row()
            .kid(button("Copy table (Markdown)").click(move || copy_numbers(o, false)))
            .kid(button("Copy series (CSV)").click(move || copy_numbers(o, true)))
            .kid(button("Download CSV").click(move || {
                let (text, kind, ending) = numbers(o, true);
                save_text(o, &text, kind, ending, "");
            })),
    )
}

/// Lets the run go on if it was going; a recording ends first.
fn closed(o: Open) {
    o.wanted.set(false);
    if o.recording.get_untracked().is_some() {
        return;
    }
    if o.resume.with(|resume| *resume) {
        o.h.change(|p| p.playing = true);
    }
}

fn dialog(h: Handle) -> Piece {
    let o = Open {
        h,
        dialog: NodeRef::new(),
        field: NodeRef::new(),
        canvas: NodeRef::new(),
        address: Signal::new(String::new()),
        said: Signal::new(String::new()),
        seconds: Signal::new(10),
        recording: Signal::new(None),
        wanted: Kept::new(false),
        resume: Kept::new(false),
    };
    DIALOG.with(|d| *d.borrow_mut() = Some(o));
    let when = move || {
        o.address.track();
        h.with(|p: &Player| format!("Share the moment at {}", number::clock_us(p.now().0)))
    };
    let said = el("p").attrs(&[("class", "share-said"), ("role", "status")]).kid(live(move || o.said.get()));
    share::dialog_of(o.dialog, "Share")
        .on("close", move |_| closed(o))
        .kid(el("h2").kid(live(when)))
        .kid(link_part(o))
        .kid(picture_part(o))
        .kid(clip_part(o))
        .kid(numbers_part(o))
        .kid(el("div").class("share-foot").kid(said).kid(share::close_button(o.dialog)))
        .into()
}
