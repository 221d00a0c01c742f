//! The stage on one sheet of paper: what is run, how it is set, the drawings, the numbers, and where to find it.

use super::player::{Player, Side};
use super::{knobs, numbers, picture, tries};
use crate::draw::sheet::{Layer, Sheet};
use crate::draw::{Font, NARROW, Scene, Tone, View, WIDE, fits, number, text_width};
use sim::declare::show;

const MARGIN: f32 = 20.0;
const LINE: f32 = 18.0;
/// Longer addresses are left out of a picture: nobody types them.
const ADDRESS_MAX: usize = 320;

/// What a knob stands at, in words.
fn setting(p: &Player, knob: usize, value: f64) -> String {
    let decl = &p.question.knobs[knob];
    format!("{} {}", decl.label, knobs::shown(decl, value))
}

/// The name of what is running: the preset's, the experiment's, or that it is the reader's own.
pub fn name(p: &Player) -> String {
    match (p.preset.and_then(|i| p.meta.presets.get(i)), p.trial) {
        (Some(preset), _) => preset.title.to_owned(),
        // The words of experiments are in the article; an embed has none.
        (None, Some(t)) => {
            Some(tries::words(t.experiment).title).filter(|w| !w.is_empty()).unwrap_or("An experiment".to_owned())
        }
        (None, None) => "A run of your own".to_owned(),
    }
}

/// The knobs that are not at their defaults, on both sides the same.
pub fn settings(p: &Player) -> Vec<String> {
    let differing = p.differing();
    (0..p.question.knobs.len())
        .filter(|i| !differing.iter().any(|(d, ..)| usize::from(*d) == *i))
        .map(|i| (i, p.knob(Side::A, i as u8)))
        .filter(|(i, v)| *v != p.question.knobs[*i].default)
        .map(|(i, v)| setting(p, i, v))
        .collect()
}

/// The knobs in which this side differs from the other.
pub fn own_settings(p: &Player, side: Side) -> Vec<String> {
    let of = |(i, a, b)| setting(p, usize::from(i), if side == Side::A { a } else { b });
    p.differing().into_iter().map(of).collect()
}

/// The moment and the luck: `at 12.418 s, seed 7`.
pub fn moment(p: &Player) -> String {
    format!("at {}, seed {}", number::clock_us(p.now().0), p.seed())
}

/// Breaks a text into lines that fit, between words where it can.
fn wrapped(text: &str, size: f32, width: f32, font: Font) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive([' ', '/']) {
        let mut rest = word.to_owned();
        loop {
            let line = lines.last_mut().expect("never empty");
            if text_width(&format!("{line}{rest}"), size, font) <= width {
                line.push_str(&rest);
                break;
            }
            if !line.is_empty() && text_width(&rest, size, font) <= width {
                lines.push(rest);
                break;
            }
            // Longer than a line: as many letters as there is room for.
            let letters = rest.chars().count();
            let fit = |n: &usize| {
                let head: String = rest.chars().take(*n).collect();
                text_width(&format!("{line}{head}"), size, font) <= width
            };
            let keep = (0..letters).take_while(fit).last().unwrap_or(0);
            if keep == 0 && line.is_empty() {
                line.push_str(&rest);
                break;
            }
            line.extend(rest.chars().take(keep));
            rest = rest.chars().skip(keep).collect();
            lines.push(String::new());
        }
    }
    lines
}

/// Where the pen is.
struct Pen {
    scene: Scene,
    width: f32,
    y: f32,
}

impl Pen {
    fn lines(&mut self, text: &str, size: f32, tone: Tone, mono: bool) {
        let font = Font::of(mono, false);
        for line in wrapped(text, size, self.width - 2.0 * MARGIN, font) {
            self.y += LINE;
            let item = self.scene.text(MARGIN, self.y, size, line.trim_end()).tone(tone);
            if mono {
                item.mono();
            }
        }
    }
}

/// The whole stage at this moment. `address` is where this moment is to be found.
pub fn sheet(p: &Player, narrow: bool, address: &str) -> Sheet {
    let width = if narrow { NARROW } else { WIDE } + 2.0 * MARGIN;
    let mut pen = Pen { scene: Scene::new(), width, y: MARGIN };
    let mut view = if narrow { View::narrow(0.0) } else { View::wide(0.0) };
    // As tall as it may become; the sheet ends where the pen does.
    (view.width, view.height) = (width, 10_000.0);
    pen.scene.begin(&view);
    pen.scene.rect(0.0, 0.0, width, view.height).fill(Tone::Panel);
    let title = format!("{}: {}", p.meta.short, name(p));
    head(&mut pen, p, &title);
    let mut layers = Vec::new();
    for side in [Side::A, Side::B].into_iter().take(if p.two_sided() { 2 } else { 1 }) {
        layers.push(drawing(&mut pen, p, side, narrow));
    }
    figures(&mut pen, p, if narrow { 3 } else { 5 });
    pen.y += 6.0;
    let page = address.split(['?', '#']).next().unwrap_or(address);
    pen.lines(if address.len() > ADDRESS_MAX { page } else { address }, 11.0, Tone::Ink3, true);
    let height = (pen.y + MARGIN).ceil();
    pen.scene.set_height(height);
    layers.insert(0, Layer { scene: pen.scene, x: 0.0, y: 0.0 });
    Sheet { title: format!("{title}, {}", moment(p)), width, height, layers }
}

fn head(pen: &mut Pen, p: &Player, title: &str) {
    pen.y += 16.0;
    let room = pen.width - 2.0 * MARGIN;
    pen.scene.text(MARGIN, pen.y, 19.0, fits(title, 19.0, room, Font::SansBold)).bold();
    pen.y += 6.0;
    let when = moment(p);
    let when = format!("A{}, {}\u{d7}", when.trim_start_matches('a'), show(p.speed));
    pen.lines(&when, 13.0, Tone::Ink2, false);
    let set = settings(p);
    if !set.is_empty() {
        pen.lines(&set.join(" \u{b7} "), 13.0, Tone::Ink2, false);
    }
    pen.y += 12.0;
}

fn drawing(pen: &mut Pen, p: &Player, side: Side, narrow: bool) -> Layer {
    if p.two_sided() {
        let own = own_settings(p, side).join(" \u{b7} ");
        pen.y += 14.0;
        pen.scene.text(MARGIN, pen.y, 13.0, side.name()).bold();
        let own = if own.is_empty() { "the same so far" } else { &own };
        pen.scene.text(MARGIN + 18.0, pen.y, 13.0, fits(own, 13.0, pen.width - 2.0 * MARGIN - 18.0, Font::Sans));
        pen.y += 8.0;
    }
    let mut scene = Scene::new();
    picture::draw(p, side, picture::Look { narrow, ..Default::default() }, &mut scene);
    pen.scene.rect(MARGIN, pen.y, scene.width(), scene.height()).round(8.0).fill(Tone::Sunk);
    let y = pen.y;
    pen.y += scene.height() + 12.0;
    Layer { scene, x: MARGIN, y }
}

/// The main numbers, so many a row; with two sides the second below the first.
fn figures(pen: &mut Pen, p: &Player, a_row: usize) {
    let main: Vec<_> = p.question.numbers.iter().enumerate().filter(|(_, n)| n.main).collect();
    let column = (pen.width - 2.0 * MARGIN) / a_row as f32;
    for row in main.chunks(a_row) {
        pen.y += 14.0;
        for (place, (_, n)) in row.iter().enumerate() {
            let x = MARGIN + place as f32 * column;
            pen.scene.text(x, pen.y, 11.0, fits(n.label, 11.0, column - 8.0, Font::Sans)).tone(Tone::Ink2);
        }
        for side in [Side::A, Side::B] {
            let Some(run) = p.run(side) else { continue };
            pen.y += LINE;
            for (place, (i, n)) in row.iter().enumerate() {
                let x = MARGIN + place as f32 * column;
                let which = if p.two_sided() { format!("{} ", side.name()) } else { String::new() };
                let value = format!("{which}{}", numbers::shown(n, run.number(*i as u8)));
                pen.scene.text(x, pen.y, 14.0, fits(&value, 14.0, column - 8.0, Font::MonoBold)).mono().bold();
            }
        }
        pen.y += 8.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::sheet::Palette;
    use crate::draw::{check, svg};

    /// Every question, one side and two, wide and narrow: the file says what it shows and nothing sticks out of it.
    #[test]
    fn a_sheet_says_what_it_shows() {
        let address = "https://example.org/some/prefix/q/a-question/#r=".to_owned() + &"Az0_".repeat(37);
        let palette = Palette::new(|variable| format!("#{:06x}", variable.len() * 99_991));
        for entry in crate::entries::ALL {
            let mut p = Player::new(entry);
            p.seek(sim::kernel::Us::s(2));
            for narrow in [false, true] {
                let two = p.two_sided();
                for _ in 0..2 {
                    let made = sheet(&p, narrow, &address);
                    let text = svg::file(&made, &palette);
                    for words in [p.meta.short, "seed ", &number::clock_us(p.now().0).to_string(), "#r="] {
                        assert!(text.contains(words), "{}: no {words}", p.question.slug);
                    }
                    for (from, to) in [("var(", "a variable"), ("class=", "a class"), ("http://example", "a reference")]
                    {
                        assert!(!text.contains(from), "{}: {to}", p.question.slug);
                    }
                    let drawn = made.layers.iter().all(|l| {
                        l.x + l.scene.width() <= made.width + 0.5 && l.y + l.scene.height() <= made.height + 0.5
                    });
                    assert!(drawn, "{}: a drawing sticks out", p.question.slug);
                    assert_eq!(
                        check::text_problems(&made.layers[0].scene),
                        Vec::<String>::new(),
                        "{}",
                        p.question.slug
                    );
                    p.toggle_sides();
                }
                assert_eq!(p.two_sided(), two);
            }
        }
    }

    #[test]
    fn lines_break_between_words_and_within_long_ones() {
        let lines = wrapped("one two three", 12.0, 50.0, Font::Sans);
        assert!(lines.len() > 1 && lines.concat() == "one two three", "{lines:?}");
        let long = "#r=".to_owned() + &"x".repeat(100);
        let lines = wrapped(&long, 11.0, 120.0, Font::Mono);
        assert_eq!(lines.concat(), long);
        assert!(lines.iter().all(|l| text_width(l, 11.0, Font::Mono) <= 120.0), "{lines:?}");
    }
}
