//! The run in words: log lines, the story of a page, and the picture as rows of text.

use super::look::module_name;
use super::{Down, Product, Why, knob, number};
use crate::decimal::grouped;
use crate::kernel::{Line, Us};
use crate::look::{knob_now, span, tenths};

/// Codes of what can happen. The first group is about one page.
pub(super) mod code {
    pub const ARRIVED: u8 = 0;
    pub const HOP: u8 = 1;
    pub const WORK: u8 = 2;
    pub const MISSED: u8 = 3;
    pub const ANSWERED: u8 = 4;
    pub const FAILED: u8 = 5;

    pub const WRONG: u8 = 20;
    pub const LEAK: u8 = 21;
    pub const KILLED: u8 = 22;
    pub const SLOW: u8 = 23;
    pub const HOT: u8 = 24;
    pub const RED: u8 = 25;
    pub const BAD: u8 = 26;
    pub const BROKE: u8 = 27;
    pub const MENDED: u8 = 28;
    pub const CARRIED: u8 = 29;
    pub const SPLIT: u8 = 30;
    pub const MERGED: u8 = 31;
    pub const KNOB: u8 = 40;
}

const WHYS: [(Why, &str); 3] = [
    (Why::Down, "its deployable was down"),
    (Why::Full, "too many were waiting there"),
    (Why::Late, "the answer came after the caller had stopped waiting"),
];

fn why(n: i64) -> &'static str {
    WHYS.iter().find(|(w, _)| *w as i64 == n).map_or("", |(_, text)| text)
}

fn name(n: i64) -> String {
    module_name(n as u8)
}

pub(super) fn tell(line: &Line) -> String {
    let (a, b) = (line.a, line.b);
    match line.code {
        code::ARRIVED => format!("a page is asked for; it needs {a} modules"),
        code::HOP => format!("over the network to {}: {}", name(a), span(b)),
        code::WORK => format!("{} works on it for {}", name(a), span(b)),
        code::MISSED => format!("no answer of {}: {}", name(a), why(b)),
        code::ANSWERED => format!("answered after {}, {} of it on the network", span(a), span(b)),
        code::FAILED if b == 1 => format!("an error: {}; one module is changed and the other is not", why(a)),
        code::FAILED => format!("an error: {}", why(a)),
        code::WRONG => format!("the boundary was wrong: {a} % of changes touch two modules, of two teams"),
        code::LEAK => format!("{} leaks memory", name(a)),
        code::KILLED if b == 1 => format!("deployable {} is out of memory and killed, with the module in it", a + 1),
        code::KILLED => format!("deployable {} is out of memory and killed, with all {b} modules in it", a + 1),
        code::SLOW => format!("{} needs {b} times its processor time", name(a)),
        code::HOT => format!("{} gets {b} times its calls", name(a)),
        code::RED => format!("the pipeline of deployable {} is red for {} hours", a + 1, tenths(b)),
        code::BAD => format!("a change to {} is merged, with a flaw that no test finds", name(a)),
        code::BROKE => format!("a released change to {} breaks deployable {}; it is rolled back", name(a), b + 1),
        code::MENDED => "no leak, nothing slow, nothing hot, pipelines green".into(),
        code::CARRIED => format!("{} is in deployable {} now", name(a), b + 1),
        code::SPLIT => format!("{a} modules, {a} deployables"),
        code::MERGED => format!("{a} modules, one deployable"),
        code::KNOB => knob_now(knob::ALL, a, b),
        _ => String::new(),
    }
}

impl Product {
    pub(super) fn in_words(&self, now: Us) -> Vec<(String, String)> {
        let whole = |v: f64| grouped((v + 0.5) as i64);
        let mut rows = Vec::new();
        let (day, hour, of) = self.calendar(now);
        rows.push((
            "Calendar".into(),
            format!(
                "day {}, hour {} of {}; it runs {} times as fast as the requests",
                grouped(day as i64 + 1),
                grouped(hour as i64 + 1),
                whole(of),
                whole(self.pace())
            ),
        ));
        for d in self.deployables(now) {
            let modules: Vec<String> = self.modules_of(d.lane).map(|m| module_name(m.module)).collect();
            let state = match d.down {
                Down::Not => "up".to_string(),
                Down::Outage => "down".into(),
                Down::BadRelease => "down after a bad release".into(),
                Down::OutOfMemory => "down, out of memory".into(),
            };
            let red = if d.red_until.is_some() { ", pipeline red" } else { "" };
            rows.push((
                format!("Deployable {}", d.lane + 1),
                format!(
                    "{}: {state}, {} replicas, {} changes in line, {} in a run{red}",
                    modules.join(", "),
                    d.replicas,
                    d.waiting,
                    d.in_batch
                ),
            ));
        }
        rows.push(("Talk".into(), format!("{} changes wait until two teams agree", grouped(self.talking() as i64))));
        let [machines, upkeep, talk] = self.costs(now);
        rows.push((
            "A month".into(),
            format!("$ {} machines, $ {} upkeep, $ {} talk", whole(machines), whole(upkeep), whole(talk)),
        ));
        if let Some(share) = self.read_number(number::COUPLED, now) {
            let whose = if self.is_wrong() { "of another team's" } else { "a neighbour" };
            rows.push(("Boundaries".into(), format!("{} % of changes touch a second module, {whose}", whole(share))));
        }
        rows
    }
}
