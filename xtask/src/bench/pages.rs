//! What the pages cost a reader: frames, embeds, loads.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Deserialize;

use super::Section;
use super::contest::{Preset, presets};
use super::document::table;
use super::session::Session;
use super::statistics::{median, quantile};

/// What the slow device of the tests is like.
const THROTTLE: f64 = 4.0;
/// The aims: work a frame at the median, unthrottled and throttled, and how long no frame may take.
const WORK_MS_MAX: f64 = 4.0;
const WORK_THROTTLED_MS_MAX: f64 = 8.0;
const FRAME_MS_MAX: f64 = 50.0;
/// Frames a second that count as sixty: one in sixty may come late.
const FPS_MIN: f64 = 59.0;

/// One window of frames, as `frames.js` saw it.
#[derive(Deserialize)]
struct Window {
    throttle: f64,
    first: f64,
    work: Vec<f64>,
    gaps: Vec<f64>,
    cpu: BTreeMap<String, f64>,
}

impl Window {
    fn fps(&self) -> f64 {
        1e3 * self.gaps.len() as f64 / self.gaps.iter().sum::<f64>()
    }
    /// Frames that the page itself held up for too long.
    fn long(&self) -> usize {
        self.work.iter().filter(|ms| **ms > FRAME_MS_MAX).count()
    }
    fn columns(&self) -> [String; 5] {
        let three = |values: &[f64]| format!("{:.1} / {:.1}", quantile(values, 0.5), quantile(values, 0.95));
        [
            format!("{} / {:.1}", three(&self.work), quantile(&self.work, 1.0)),
            format!("{:.1}", self.cpu.get("task").copied().unwrap_or(f64::NAN)),
            three(&self.gaps),
            format!("{:.0}", self.fps()),
            format!("{} of {}", self.long(), self.work.len()),
        ]
    }
}

fn watch(session: &mut Session, preset: &Preset, seconds: [f64; 2]) -> anyhow::Result<Vec<Window>> {
    let site = session.site()?;
    let windows = [(1.0, seconds[0]), (THROTTLE, seconds[1])];
    let windows = windows.iter().filter(|(_, seconds)| *seconds > 0.0);
    let windows: Vec<_> =
        windows.map(|(throttle, seconds)| serde_json::json!({"throttle": throttle, "seconds": seconds})).collect();
    session
        .ask(&serde_json::json!({
            "do": "frames", "site": site, "slug": preset.slug, "preset": preset.preset, "windows": windows,
        }))
        .with_context(|| format!("{} {}", preset.slug, preset.preset))
}

/// The first preset of each question, and the one in which most happens on screen.
fn default_and_heaviest(all: &[Preset]) -> Vec<(&Preset, &Preset)> {
    let load = |preset: &Preset| preset.events_per_s * preset.speed;
    let of = |slug: &str| all.iter().filter(|preset| preset.slug == *slug).collect::<Vec<_>>();
    press::SLUGS
        .iter()
        .filter_map(|slug| {
            let presets = of(slug);
            let heaviest = presets.iter().max_by(|a, b| load(a).total_cmp(&load(b)))?;
            Some((*presets.first()?, *heaviest))
        })
        .collect()
}

/// Frames of every question, at its default and at its heaviest preset, with and without throttling.
pub fn frames(session: &mut Session) -> anyhow::Result<Section> {
    let all = presets(session)?;
    let (default_s, heaviest_s) = if session.quick { ([1.5, 1.5], [1.0, 1.0]) } else { ([3.0, 4.0], [2.0, 3.0]) };
    let (mut rows, mut heavy, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    let mut held = Held::default();
    for (default, heaviest) in default_and_heaviest(&all) {
        match watch(session, default, default_s) {
            Ok(windows) => {
                held.note(&windows);
                rows.push(row(default, &windows));
            }
            Err(error) => problems.push(format!("{error:#}")),
        }
        if heaviest.preset == default.preset {
            continue;
        }
        match watch(session, heaviest, heaviest_s) {
            Ok(windows) => heavy.push(row(heaviest, &windows)),
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    let head = |what| {
        let columns = ["work ms p50 / p95 / max", "main thread ms", "gap ms p50 / p95", "fps", "over 50 ms"];
        let throttled = columns.map(|name| format!("×4: {name}"));
        let mut head: Vec<String> = vec![what, "preset".into(), "events/s on screen".into(), "first ms".into()];
        head.extend(columns.map(str::to_owned));
        head.extend(throttled);
        head
    };
    let told = |what: &str, rows: &[Vec<String>]| {
        let head = head(what.to_owned());
        table(&head.iter().map(String::as_str).collect::<Vec<_>>(), rows)
    };
    let text = format!(
        "Headless Chromium at 1440 × 900 without a graphics card, the run playing; a run that ends is started again. \
         *Work* is the time that all callbacks of a frame take: simulation and drawing. *Main thread* is the processor \
         time that the browser's main thread spends on a frame in all, with its own style, layout and painting. *Gap* is \
         the time between frames. *First* is the longest callback before the watch began three seconds after the page, \
         which is the first frame or a moment of the page's start. What a first visit keeps for offline is not kept \
         here. ×4 is with fourfold CPU throttling; a throttled page gets a quarter of what the machine has left. The heaviest preset is the one with the most events in a second on screen, both sides of an \
         A|B together, as `sim presets` counts them; it is left out where it is the default.\n\n{}\n\
         At the defaults:\n\n{}\nAt the heaviest presets:\n\n{}\n{}",
        held.told(),
        told("question", &rows),
        told("question", &heavy),
        ELSEWHERE_FRAMES
    );
    Ok(Section { text, breaches: problems })
}

const ELSEWHERE_FRAMES: &str = "\
Measured elsewhere, on a machine like CI's in headless Chromium, frames a second, with fourfold throttling in brackets: \
samwho's queueing page 58 (23); a React Flow system-design simulator 56 (20); raftscope 60 (43); a bare page of 24 KB wasm \
and canvas that simulates 16,667 requests a second one by one 60 (60).
";

fn row(preset: &Preset, windows: &[Window]) -> Vec<String> {
    let first = windows.first().map_or(f64::NAN, |window| window.first);
    let mut row = vec![
        preset.slug.clone(),
        preset.preset.clone(),
        format!("{:.0}", preset.events_per_s * preset.speed),
        format!("{first:.0}"),
    ];
    row.extend(windows.iter().flat_map(Window::columns));
    row
}

/// How many of the questions keep what was aimed for.
#[derive(Default)]
struct Held {
    questions: usize,
    work: usize,
    work_throttled: usize,
    fps: usize,
    fps_throttled: usize,
    long: usize,
}

impl Held {
    fn note(&mut self, windows: &[Window]) {
        self.questions += 1;
        for window in windows {
            let (work, fps) = (median(&window.work), usize::from(window.fps() >= FPS_MIN));
            self.long += window.long();
            if window.throttle > 1.0 {
                self.work_throttled += usize::from(work < WORK_THROTTLED_MS_MAX);
                self.fps_throttled += fps;
            } else {
                self.work += usize::from(work < WORK_MS_MAX);
                self.fps += fps;
            }
        }
    }
    fn told(&self) -> String {
        let rows = [
            (format!("work under {WORK_MS_MAX} ms a frame at the median"), self.work),
            (format!("work under {WORK_THROTTLED_MS_MAX} ms with fourfold throttling"), self.work_throttled),
            ("60 frames a second".to_owned(), self.fps),
            ("60 frames a second with fourfold throttling".to_owned(), self.fps_throttled),
        ];
        let rows: Vec<_> =
            rows.into_iter().map(|(what, held)| vec![what, format!("{held} of {}", self.questions)]).collect();
        format!(
            "{}\nFrames whose work took over {FRAME_MS_MAX} ms, of all at the defaults, throttled ones included: {}.\n",
            table(&["aim, at the default", "questions that keep it"], &rows),
            self.long
        )
    }
}

/// A whole minute of each question: is any frame long?
pub fn minute(session: &mut Session) -> anyhow::Result<Section> {
    let all = presets(session)?;
    let seconds = if session.quick { 10.0 } else { 60.0 };
    let mut rows = Vec::new();
    let mut breaches = Vec::new();
    for (default, _) in default_and_heaviest(&all) {
        match watch(session, default, [seconds, 0.0]) {
            Ok(windows) => rows.push(row(default, &windows)),
            Err(error) => breaches.push(format!("{error:#}")),
        }
    }
    let head = [
        "question",
        "preset",
        "events/s on screen",
        "first ms",
        "work ms p50 / p95 / max",
        "main thread ms",
        "gap ms p50 / p95",
        "fps",
        "over 50 ms",
    ];
    let text = format!(
        "{seconds} seconds of each question at its default, columns as above. Wanted: no frame over 50 ms.\n\n{}",
        table(&head, &rows)
    );
    Ok(Section { text, breaches })
}

#[derive(Deserialize)]
struct Embeds {
    loading: Vec<f64>,
    there: Vec<f64>,
    busy: f64,
    busy_scripts: f64,
    shift: f64,
    wasm_files: u32,
    wasm_twice: u32,
    complaints: Vec<String>,
}

/// A post with ten embeds, scrolled.
pub fn embeds(session: &mut Session) -> anyhow::Result<Section> {
    let site = session.site()?;
    let watched_s = if session.quick { 2 } else { 5 };
    let seen: Embeds = session.ask(&serde_json::json!({"do": "embeds", "site": site, "watched_s": watched_s}))?;
    let row = |what: &str, gaps: &[f64]| {
        let late = gaps.iter().filter(|gap| **gap > 25.0).count();
        let mut row = vec![what.to_owned(), gaps.len().to_string()];
        row.extend([0.5, 0.95, 0.99, 1.0].map(|part| format!("{:.1}", quantile(gaps, part))));
        row.push(format!("{:.1} %", 100.0 * late as f64 / gaps.len().max(1) as f64));
        row
    };
    let head = ["scrolling", "frames", "gap ms p50", "p95", "p99", "max", "later than 25 ms"];
    let rows = [row("first way down, all of it loading", &seen.loading), row("second way down", &seen.there)];
    let breaches = seen.complaints.iter().map(|said| format!("the page of ten embeds complained: {said}")).collect();
    let text = format!(
        "The post of `examples/blog/` in Chromium, scrolled by 12 pixels a frame.\n\n{}\n\
         With all ten out of sight the main thread is {:.1} % busy, {:.1} % in scripts. Layout shift: {:.4}. Files of \
         wasm: {}, asked for more than once: {}. Console messages: {}.\n",
        table(&head, &rows),
        seen.busy * 100.0,
        seen.busy_scripts * 100.0,
        seen.shift,
        seen.wasm_files,
        seen.wasm_twice,
        seen.complaints.len()
    );
    Ok(Section { text, breaches })
}

#[derive(Deserialize)]
struct Weights {
    page: f64,
    style: f64,
    script: f64,
    wasm: f64,
    other: f64,
    article: f64,
    requests: u32,
}

#[derive(Deserialize)]
struct Load {
    text: Option<f64>,
    usable: f64,
}

fn routes() -> Vec<String> {
    let mut routes = vec![String::new()];
    for kind in ["q", "embed"] {
        routes.extend(press::SLUGS.iter().map(|slug| format!("{kind}/{slug}/")));
    }
    routes.extend(["settings/", "accuracy/"].map(str::to_owned));
    let one = press::SLUGS[0];
    routes.extend(["present", "speaker", "candidate"].map(|kind| format!("{kind}/{one}/")));
    routes
}

/// What every route weighs and how long it takes to come.
pub fn load(session: &mut Session) -> anyhow::Result<Section> {
    let site = session.site()?;
    let visits = if session.quick { 1 } else { 3 };
    let routes = routes();
    let mut times: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    let mut breaches = Vec::new();
    for _ in 0..visits {
        for route in &routes {
            let ask = serde_json::json!({"do": "load", "site": site, "route": route});
            match session.ask::<Load>(&ask).with_context(|| format!("/{route}")) {
                Ok(load) => {
                    let (text, usable) = times.entry(route).or_default();
                    text.extend(load.text);
                    usable.push(load.usable);
                }
                Err(error) => breaches.push(format!("{error:#}")),
            }
        }
    }
    let mut rows = Vec::new();
    for route in &routes {
        let ask = serde_json::json!({"do": "weights", "site": site, "route": route});
        let weights: Weights = match session.ask(&ask).with_context(|| format!("/{route}")) {
            Ok(weights) => weights,
            Err(error) => {
                breaches.push(format!("{error:#}"));
                continue;
            }
        };
        let Weights { page, style, script, wasm, other, article, requests } = weights;
        let mut row = vec![format!("/{route}"), format!("{:.1}", (page + style + script + wasm + other) / 1e3)];
        row.extend([page, style, script, wasm, other, article].map(|bytes| format!("{:.1}", bytes / 1e3)));
        row.push(requests.to_string());
        let (text, usable) = times.get(route.as_str()).map(|(a, b)| (median(a), median(b))).unwrap_or_default();
        row.extend([text, usable].map(|ms| format!("{ms:.0}")));
        rows.push(row);
    }
    let head = [
        "route",
        "kB in all",
        "page",
        "style",
        "scripts",
        "wasm",
        "other",
        "article",
        "requests",
        "first text ms",
        "usable ms",
    ];
    let text = format!(
        "A first visit with nothing cached. Kilobytes are those of every file the visit asks for, after brotli at quality \
         11; the text of the article is apart and not in the sum. Times are medians of {visits} visits in Chromium from \
         a server on the same machine: until the first text is painted, and until the app has taken the page over.\n\n{}\n\
         Measured elsewhere: samwho's queueing page 373 KB, blocking time 422 ms; a React Flow system-design simulator \
         297 KB, 64 ms; raftscope 89 KB, 2 ms.\n",
        table(&head, &rows)
    );
    Ok(Section { text, breaches })
}
