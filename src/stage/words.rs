//! The picture without seeing it: what it shows, in words, held still for as long as reading takes or read out now and
//! then; its charts as tables; and everything that a pointer does in it, as a form.

use super::numbers::fold;
use super::player::{Player, Side};
use super::{Handle, button, chart, numbers};
use crate::draw::number;
use crate::pages::focus_quietly;
use crate::ui::el::{Piece, Tag, each, el, live, part};
use crate::ui::{Signal, after, batch, document, effect, is_checked, memo, window};
use sim::declare::{Arg, show};
use sim::kernel::{Told, Us};
use sim::text::joined;
use sim::{Kind, script};

type Rows = Vec<(String, String)>;

/// How often what has changed is read out, in seconds; 0 for not at all.
const PACES: [(u32, &str); 4] = [(0, "never"), (5, "every 5 s"), (10, "every 10 s"), (30, "every 30 s")];
/// So many changes are read out at once; the others are counted.
const CHANGES_MAX: usize = 5;
/// A chart's table has so many rows, evenly over what has been run.
const MOMENTS_MAX: usize = 12;

/// What the picture shows, with everything that can be done about it.
pub fn view(h: Handle, told: &'static Told) -> Piece {
    // While it is held, the rows are those of the moment at which it was.
    let held = Signal::new(None::<[Option<Rows>; 2]>);
    let now = move || [Side::A, Side::B].map(|side| h.with(|p| p.run(side).map(|run| (told.words)(run))));
    let rows = memo(move || {
        h.live(|_| ());
        held.get().unwrap_or_else(now)
    });
    let hold = el("label")
        .attr("title", "The text stays as it is while the run goes on")
        .kid(el("input").attr("type", "checkbox").checked(move || held.get().is_some()).on("change", move |ev| {
            let on = is_checked(&ev);
            held.set(on.then(now));
        }))
        .kid(" Hold this text");
    let table = move |side: Side| {
        part(move || {
            rows()[side as usize].clone().map(|rows| {
                let caption = if h.shape(Player::two_sided) {
                    format!("Side {}", side.name())
                } else {
                    "What the picture shows".to_owned()
                };
                table(caption, &[], rows.into_iter().map(|(what, how)| vec![what, how]))
            })
        })
    };
    let head = el("div").class("log-head").kid(hold).kid(reading(h, now));
    Piece::List(vec![
        head.into(),
        table(Side::A),
        table(Side::B),
        fold("Charts as tables", charts(h)),
        fold("Do something, with its settings", doing(h)),
        fold("What you did", done(h)),
    ])
}

/// A table with a heading for each row, and for each column unless there are none.
fn table(caption: String, heads: &[String], rows: impl Iterator<Item = Vec<String>>) -> Tag {
    let heads = (!heads.is_empty())
        .then(|| el("thead").kid(el("tr").kid(each(heads, |h| el("th").attr("scope", "col").kid(h.clone())))));
    let rows = each(rows, |row| {
        el("tr").kid(each(row.into_iter().enumerate(), |(i, cell)| {
            if i == 0 { el("th").attr("scope", "row").kid(cell) } else { el("td").kid(cell) }
        }))
    });
    el("table").class("rest").kid(el("caption").kid(caption)).kid(heads).kid(el("tbody").kid(rows))
}

/// The switches of reading out: now, or what has changed at a steady pace.
fn reading(h: Handle, now: impl Fn() -> [Option<Rows>; 2] + Copy + 'static) -> Piece {
    let pace = Signal::new(0u32);
    let mut last = (0.0, now());
    effect(move || {
        h.live(|_| ());
        let every = pace.get();
        let ms = window().performance().map_or(0.0, |p| p.now());
        if every == 0 || ms - last.0 < f64::from(every) * 1e3 {
            return;
        }
        let rows = now();
        let changed = changes(&last.1, &rows);
        last = (ms, rows);
        if !changed.is_empty() {
            h.say(format!("{}. {changed}", clock(h)));
        }
    });
    let all = move || {
        let none = [None, None];
        h.say(format!("{}. {}", clock(h), sentences(&none, &now(), usize::MAX)));
    };
    let choice = el("select").class("field").change(move |wanted| {
        pace.set(wanted.parse().unwrap_or_default());
    });
    let choice = choice.kid(each(PACES, |(s, words)| el("option").attr("value", s.to_string()).kid(words)));
    Piece::List(vec![el("label").kid("Read out ").kid(choice).into(), button("Read out now").click(all).into()])
}

fn clock(h: Handle) -> String {
    h.with(|p| number::clock_us(p.now().0).to_string())
}

fn changes(before: &[Option<Rows>; 2], now: &[Option<Rows>; 2]) -> String {
    sentences(before, now, CHANGES_MAX)
}

/// What differs from before, in sentences, at most so many.
fn sentences(before: &[Option<Rows>; 2], now: &[Option<Rows>; 2], most: usize) -> String {
    let two = now[1].is_some();
    let mut said = Vec::new();
    for (i, side) in [Side::A, Side::B].into_iter().enumerate() {
        let old = before[i].as_deref().unwrap_or_default();
        for row in now[i].iter().flatten().filter(|row| !old.contains(row)) {
            let which = if two { format!("{}: ", side.name()) } else { String::new() };
            said.push(format!("{which}{}: {}.", row.0, row.1));
        }
    }
    let more = said.len().saturating_sub(most);
    said.truncate(most);
    if more > 0 {
        said.push(format!("And {more} more changed."));
    }
    joined(&said, " ")
}

/// Each chart as the table of its values.
fn charts(h: Handle) -> impl Fn() -> Piece {
    move || {
        // A table that somebody reads does not change under them: it is made anew when unfolded again.
        let groups = h.with(chart::groups);
        each(groups, |group| {
            let (heads, rows) = h.with(|p| chart_rows(p, group));
            table(group.to_owned(), &heads, rows.into_iter())
        })
    }
}

/// The columns of a chart and its values at some moments up to now; the last row is the latest that was noted.
fn chart_rows(p: &Player, group: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let numbers: Vec<_> = p.question.numbers.iter().enumerate().filter(|(_, n)| n.plot == group).collect();
    let sides: Vec<Side> = [Side::A, Side::B].into_iter().filter(|s| p.run(*s).is_some()).collect();
    let mut heads = vec!["At".to_owned()];
    for (_, n) in &numbers {
        heads.extend(
            sides.iter().map(
                |s| {
                    if sides.len() > 1 { format!("{}, {}", n.label, s.name()) } else { n.label.to_owned() }
                },
            ),
        );
    }
    let history = p.a().history();
    let until = p.now();
    let noted = (0..history.rows()).take_while(|r| history.time(*r) <= until).count();
    let stride = noted.div_ceil(MOMENTS_MAX).max(1);
    let rows = (0..noted).rev().step_by(stride).collect::<Vec<_>>().into_iter().rev().map(|r| {
        let mut row = vec![number::clock_us(history.time(r).0).to_string()];
        for (i, n) in &numbers {
            row.extend(sides.iter().map(|s| {
                let value =
                    p.run(*s).map(|run| run.history()).filter(|h| r < h.rows()).map(|h| f64::from(h.get(r, *i)));
                numbers::shown(n, value.filter(|v| v.is_finite()))
            }));
        }
        row
    });
    (heads, rows.collect())
}

/// Every act with its settings, also those that are otherwise done in the picture.
fn doing(h: Handle) -> impl Fn() -> Piece {
    move || {
        let acts = h.with(|p| p.question.acts);
        let chosen = Signal::new(0usize);
        let wrong = Signal::new(String::new());
        let values = Signal::new(defaults(acts[0].args));
        let at = Signal::new(String::new());
        let choice = el("select").class("field").attr("aria-label", "Act").change(move |wanted| {
            let i = wanted.parse::<usize>().unwrap_or_default().min(acts.len() - 1);
            batch(|| {
                values.set(defaults(acts[i].args));
                wrong.set(String::new());
                chosen.set(i);
            });
        });
        let choice =
            choice.kid(each(acts.iter().enumerate(), |(i, a)| el("option").attr("value", i.to_string()).kid(a.label)));
        let settings = part(move || {
            let act = &acts[chosen.get()];
            each(act.args.iter().enumerate(), |(i, arg)| {
                el("p").kid(el("label").kid(arg.label).kid(" ").kid(field(arg, i, values)))
            })
        });
        let moment = el("input")
            .attrs(&[
                ("class", "field"),
                ("type", "text"),
                ("inputmode", "decimal"),
                ("size", "8"),
                ("autocomplete", "off"),
            ])
            .change(move |text| at.set(text));
        let go = move || {
            let i = chosen.get_untracked();
            let asked = read(acts[i].args, &values.get_untracked())
                .and_then(|args| Ok((args, moment_of(&at.get_untracked(), h.with(|p| p.question.horizon))?)));
            match asked {
                Ok((args, at)) => {
                    wrong.set(String::new());
                    h.change(|p| match at {
                        Some(at) => p.put_act(at, i as u8, args),
                        None => p.act(i as u8, args),
                    });
                    let when = at.map_or_else(|| clock(h), |at| number::clock_us(at.0).to_string());
                    h.say(format!("{} at {when}", acts[i].label));
                }
                Err(why) => wrong.set(why),
            }
        };
        let said = el("p").attr("role", "alert").kid(live(move || wrong.get()));
        el("div")
            .class("doing")
            .attrs(&[("role", "group"), ("aria-label", "Do something, with its settings")])
            .kid(el("p").kid(choice))
            .kid(settings)
            .kid(el("p").kid(el("label").kid("At second (empty: now) ").kid(moment)))
            .kid(el("p").kid(button("Do it").click(go)))
            .kid(said)
            .into()
    }
}

fn defaults(args: &[Arg]) -> Vec<String> {
    args.iter().map(|a| a.show(a.default)).collect()
}

/// What stands in the fields, as the run takes it; or what is wrong with the first that it does not take.
fn read(args: &[Arg], values: &[String]) -> Result<[f64; 3], String> {
    let mut read = [0.0; 3];
    for ((slot, arg), text) in read.iter_mut().zip(args).zip(values) {
        *slot =
            arg.parse(text).map_err(|_| format!("{}: \"{text}\" will not do; expected {}.", arg.label, hint(arg)))?;
    }
    Ok(read)
}

/// A moment of the run, written as seconds; `None` for now.
fn moment_of(text: &str, end: Us) -> Result<Option<Us>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let written = if text.ends_with(|c: char| c.is_ascii_alphabetic()) { text.to_owned() } else { format!("{text}s") };
    let at = script::duration(&written).map_err(|why| format!("{why}."))?;
    if at > end { Err(format!("{text}: the run ends at {}.", number::clock_us(end.0))) } else { Ok(Some(at)) }
}

/// What a field takes: `a whole number from 0 to 63; 63: picked by its knob`.
fn hint(arg: &Arg) -> String {
    let named = arg.named.iter().map(|(value, name)| format!("; {value}: {name}"));
    [arg.accepts(), arg.unit.to_owned()].join(" ").trim_end().to_owned() + &named.collect::<String>()
}

/// The control of one setting.
fn field(arg: &'static Arg, i: usize, values: Signal<Vec<String>>) -> Tag {
    let set = move |text: String| values.update(|all| all[i] = text);
    match arg.kind {
        Kind::Choice(options) => {
            let default = arg.default as usize;
            el("select").class("field").change(set).kid(each(options.iter().enumerate(), |(n, (key, words))| {
                let option = el("option").attr("value", *key).kid(*words);
                if n == default { option.attr("selected", "") } else { option }
            }))
        }
        Kind::Toggle => {
            let on = arg.default != 0.0;
            el("input").attr("type", "checkbox").checked(move || on).on("change", move |ev| {
                set(if is_checked(&ev) { "on" } else { "off" }.to_owned());
            })
        }
        Kind::Int | Kind::Float => el("input")
            .attrs(&[
                ("class", "field"),
                ("type", "text"),
                ("inputmode", "decimal"),
                ("size", "8"),
                ("autocomplete", "off"),
            ])
            .attr("title", hint(arg))
            .attr("value", show(arg.default))
            .change(set),
    }
}

/// The reader's own acts, each to be moved in time or taken back: what is dragged on the timeline and in the lanes.
fn done(h: Handle) -> impl Fn() -> Piece {
    move || {
        part(move || -> Piece {
            let inputs =
                h.shape(|p| p.inputs().iter().map(|i| (i.at, script::tell_input(p.question, i))).collect::<Vec<_>>());
            if inputs.is_empty() {
                return el("p").class("quiet").kid("Nothing so far.").into();
            }
            let lines = each(inputs.into_iter().enumerate(), |(i, (at, told))| {
                let when = number::clock_us(at.0).to_string();
                let named = |words: &str| format!("{words}: {told} at {when}");
                let (earlier, later, back) = (named("Earlier"), named("Later"), named("Take back"));
                el("li")
                    .kid(el("span").kid(format!("{when} {told} ")))
                    .kid(button("Earlier").attr("aria-label", earlier).click(move || move_by(h, i, false)))
                    .kid(button("Later").attr("aria-label", later).click(move || move_by(h, i, true)))
                    .kid(button("Take back").attr("aria-label", back).click(move || take_back(h, i)))
            });
            el("ol").class("log").attr("id", DONE).kid(lines).into()
        })
    }
}

/// Half a per cent of the timeline, as an arrow key on it goes. The focus stays with the act, which may have passed
/// another.
fn move_by(h: Handle, input: usize, later: bool) {
    let moved = h.with(|p| {
        let (step, end) = (Us((p.span().0 / 200).max(1)), p.question.horizon);
        p.inputs().get(input).map(|i| (i.what, if later { (i.at + step).min(end) } else { i.at - step }))
    });
    let Some((what, to)) = moved else { return };
    h.change(|p| p.move_input(input, to));
    h.say(format!("Moved to {}", number::clock_us(to.0)));
    let stands = h.with(|p| p.inputs().iter().position(|i| i.what == what && i.at == to));
    focus_on(stands.unwrap_or(input), usize::from(later));
}

/// The focus goes on to the next act, or to what is left.
fn take_back(h: Handle, input: usize) {
    h.change(|p| p.remove_input(input));
    h.say("Taken back.");
    focus_on(input.min(h.with(|p| p.inputs().len()).saturating_sub(1)), 2);
}

/// The list of what the reader did.
const DONE: &str = "what-you-did";

/// Puts the focus on a button of this line of the list, or on what unfolds it when nothing is left in it.
fn focus_on(line: usize, button: usize) {
    after(0, move || {
        let nth = format!("#{DONE} > :nth-child({}) button:nth-of-type({})", line + 1, button + 1);
        let find = |selector: &str| document().query_selector(selector).ok().flatten();
        // Without a line left there is what unfolds the list.
        let found = find(&nth).or_else(|| find(".panel details:last-of-type > summary"));
        if let Some(element) = found {
            focus_quietly(&element);
        }
    });
}
