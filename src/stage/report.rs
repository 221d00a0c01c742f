//! The numbers of a run as text that other programs read: the series as CSV, the present values as a Markdown table.

use super::player::{Player, Side};
use super::{numbers, sheet};
use sim::Number;
use sim::decimal::{self, fixed};
use sim::kernel::Us;
use sim::script;
use std::fmt::Write;

/// What the history keeps of a number, in digits: it is stored in single precision.
const DIGITS_KEPT: u32 = 7;
/// What is written of a number as it stands now.
const DIGITS_NOW: u32 = 12;

/// A number in so many digits, without needless ones; nothing where there is no number.
fn digits(v: f64, digits: u32) -> String {
    if !v.is_finite() {
        return String::new();
    }
    let (mut size, mut whole) = (v.abs(), 0);
    while size >= 1.0 {
        (size, whole) = (size / 10.0, whole + 1);
    }
    let text = fixed(v, digits.saturating_sub(whole)).to_string();
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// One cell of CSV, as RFC 4180 has it. A text never begins as a formula does: spreadsheets would run it.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && decimal::parse(text).is_none();
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) || text != text.trim() {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn sides(p: &Player) -> impl Iterator<Item = Side> {
    [Side::A, Side::B].into_iter().take(if p.two_sided() { 2 } else { 1 })
}

/// What the numbers belong to: line by line a name and what it says.
fn about(p: &Player, address: &str) -> Vec<(&'static str, String)> {
    let settings =
        |list: Vec<String>| if list.is_empty() { "all at their defaults".to_owned() } else { list.join("; ") };
    let mut lines = vec![
        ("Simulation", format!("{}: {}", p.meta.short, sheet::name(p))),
        ("Moment", format!("{} s", decimal::Plain(p.now().as_s()))),
        ("Seed", p.seed().to_string()),
        (if p.two_sided() { "Knobs of both sides" } else { "Knobs" }, settings(sheet::settings(p))),
    ];
    if p.two_sided() {
        for (name, side) in [("Knobs of A", Side::A), ("Knobs of B", Side::B)] {
            let own = sheet::own_settings(p, side);
            lines.push((name, if own.is_empty() { "as the other side's".to_owned() } else { own.join("; ") }));
        }
    }
    let done: Vec<String> = p.inputs().iter().map(|i| script::show_input(p.question, i)).collect();
    if !done.is_empty() {
        lines.push(("Done to it", done.join("; ")));
    }
    lines.push(("Address", address.to_owned()));
    lines
}

fn heading(n: &Number, side: Option<Side>) -> String {
    let side = side.map_or(String::new(), |s| format!("{} ", s.name()));
    let unit = if n.unit.is_empty() { String::new() } else { format!(" ({})", n.unit) };
    format!("{side}{}{unit}", n.key)
}

/// The series of every number up to now. The head is made of cells that begin with `#`; the last row is this moment.
pub fn csv(p: &Player, address: &str) -> String {
    let mut out = String::new();
    let mut line = |cells: &[String]| {
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    };
    for (name, says) in about(p, address) {
        line(&[cell(&format!("# {name}: {says}"))]);
    }
    let two = p.two_sided();
    let mut head = vec!["time (s)".to_owned()];
    for side in sides(p) {
        head.extend(p.question.numbers.iter().map(|n| cell(&heading(n, two.then_some(side)))));
    }
    line(&head);
    let history = p.a().history();
    // A row shows the moment just before its time; at its own time the present says more.
    let rows = (0..history.rows()).take_while(|row| history.time(*row) < p.now());
    for row in rows {
        let mut cells = vec![seconds(history.time(row))];
        for run in sides(p).filter_map(|side| p.run(side)) {
            let all = 0..p.question.numbers.len();
            cells.extend(all.map(|n| digits(f64::from(run.history().get(row, n)), DIGITS_KEPT)));
        }
        line(&cells);
    }
    let mut cells = vec![seconds(p.now())];
    for run in sides(p).filter_map(|side| p.run(side)) {
        let all = 0..p.question.numbers.len() as u8;
        cells.extend(all.map(|n| run.number(n).map_or(String::new(), |v| digits(v, DIGITS_NOW))));
    }
    line(&cells);
    out
}

fn seconds(at: Us) -> String {
    decimal::Plain(at.as_s()).to_string()
}

/// The numbers as they stand now, as a table with the head before it.
pub fn markdown(p: &Player, address: &str) -> String {
    let mut out = String::new();
    for (name, says) in about(p, address) {
        let says = if name == "Address" { format!("<{says}>") } else { escaped(&says) };
        _ = writeln!(out, "- {name}: {says}");
    }
    out.push_str(if p.two_sided() {
        "\n| Number | A | B |\n|---|--:|--:|\n"
    } else {
        "\n| Number | Value |\n|---|--:|\n"
    });
    for (i, n) in p.question.numbers.iter().enumerate() {
        _ = write!(out, "| {} |", escaped(n.label));
        for run in sides(p).filter_map(|side| p.run(side)) {
            _ = write!(out, " {} |", escaped(&numbers::shown(n, run.number(i as u8))));
        }
        out.push('\n');
    }
    out
}

/// Text that Markdown takes as text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '|' | '*' | '_' | '`' | '\\' | '<' | '[' | ']') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cells of a CSV text, by the rules of RFC 4180.
    fn parsed(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell)),
                '\r' if !quoted => {}
                '\n' if !quoted => {
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                c => cell.push(c),
            }
        }
        assert!(!quoted && cell.is_empty() && row.is_empty(), "the text ends with its last row");
        rows
    }

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("@cmd", "'@cmd"),
            ("+a,b", "\"'+a,b\""),
            ("-12.5", "-12.5"),
            ("-x", "'-x"),
            (" edge", "\" edge\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        for (v, n, text) in [
            (0.1f32 as f64, 7, "0.1"),
            (1234.5678, 12, "1234.5678"),
            (100.0, 7, "100"),
            (-2.5, 7, "-2.5"),
            (0.0, 7, "0"),
            (f64::NAN, 7, ""),
            (123_456_789.0, 7, "123456789"),
        ] {
            assert_eq!(digits(v, n), text);
        }
    }

    #[test]
    fn the_series_are_those_of_the_run() {
        let address = "https://example.org/q/x/?a=1,2#r=AA";
        for entry in crate::entries::ALL {
            let mut p = Player::new(entry);
            p.act_default(0, &[]);
            p.seek(Us(4_321_987));
            for _ in 0..2 {
                let rows = parsed(&csv(&p, address));
                let (head, table): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row[0].starts_with("# "));
                assert!(head.iter().all(|row| row.len() == 1) && head.last().is_some_and(|r| r[0].ends_with(address)));
                assert!(head.iter().any(|row| row[0] == format!("# Seed: {}", p.seed())));
                assert!(head.iter().any(|row| row[0].contains("Done to it: ")));
                let width = 1 + p.question.numbers.len() * if p.two_sided() { 2 } else { 1 };
                assert!(table.iter().all(|row| row.len() == width), "{}", p.question.slug);
                let times: Vec<f64> = table[1..].iter().map(|row| row[0].parse().expect("a time")).collect();
                assert!(times.is_sorted() && times.last() == Some(&p.now().as_s()), "{times:?}");
                for (i, n) in p.question.numbers.iter().enumerate() {
                    let now = p.a().number(i as u8).filter(|v| v.is_finite());
                    let last = table[table.len() - 1][i + 1].parse::<f64>().ok();
                    let near = |a: f64, b: f64| (a - b).abs() <= a.abs() * 1e-9 + 1e-9;
                    assert!(now.zip(last).map_or(now == last, |(a, b)| near(a, b)), "{}: {now:?}, {last:?}", n.key);
                }
                let text = markdown(&p, address);
                assert_eq!(text.lines().filter(|l| l.starts_with('|')).count(), p.question.numbers.len() + 2);
                assert!(text.contains(&format!("<{address}>")) && !text.contains("NaN"));
                p.toggle_sides();
            }
        }
    }
}
