//! What can be seen of a run: numbers, measures, and what the picture is drawn from.

use super::{
    Address, Body, Call, Flown, Kind, Mode, NOBODY, SCREENS_MAX, Screens, Settings, Upload, measure, meter, number,
};
use crate::blocks::http_cache::Entry;
use crate::blocks::resolver::Statement;
use crate::kernel::Us;
use crate::look::{Sample, ms, percent};
use crate::theory;

/// Calls of a screen and statements of an operation that are remembered for the picture.
const SPANS_MAX: usize = 32;
const STATEMENTS_MAX: usize = 128;
/// Screens are watched so far apart, so that each can be read.
const APART: Us = Us::ms(1_000);

/// How the edge answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Not yet.
    Open,
    Fresh,
    Stale,
    Fetched,
    Waited,
}

/// A call of the watched screen.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub kind: Kind,
    pub sent: Us,
    /// At the edge, answered from there, and at the client: [`Us::MAX`] until then.
    pub edge: Us,
    pub served: Us,
    pub got: Us,
    pub how: How,
    pub bytes: u32,
    pub unchanged: bool,
    pub errors: bool,
}

/// One screen, call by call.
#[derive(Clone, Debug)]
pub struct Watch {
    slot: u32,
    pub id: u32,
    pub mode: Mode,
    pub screen: u8,
    pub shape: u8,
    pub at: Us,
    pub end: Us,
    pub spans: Vec<Span>,
    /// Calls that had no place in it.
    pub more: u32,
    pub bytes: u32,
    pub needed: u32,
}

impl Default for Watch {
    fn default() -> Watch {
        let (at, end) = (Us::ZERO, Us::MAX);
        let (slot, id) = (NOBODY, u32::MAX);
        let (mode, screen, shape, more, bytes, needed) = (Mode::Rest, 0, 0, 0, 0, 0);
        Watch { slot, id, mode, screen, shape, at, end, spans: Vec::new(), more, bytes, needed }
    }
}

impl Watch {
    pub(super) fn weight(&self) -> usize {
        self.spans.len() * size_of::<Span>()
    }
}

/// A statement of the operation that is shown.
#[derive(Clone, Copy, Debug)]
pub struct SeenStatement {
    pub table: u8,
    pub field: u8,
    pub keys: u32,
    pub at: Us,
    /// [`Us::MAX`] while it is under way.
    pub end: Us,
    pub ok: bool,
}

/// What the API did for one screen.
#[derive(Clone, Debug)]
pub struct Operation {
    key: u32,
    /// Requests of that screen that are being worked on.
    open: u16,
    pub mode: Mode,
    pub kind: Kind,
    pub at: Us,
    pub end: Us,
    pub statements: Vec<SeenStatement>,
    pub more: u32,
}

impl Default for Operation {
    fn default() -> Operation {
        let (at, end) = (Us::ZERO, Us::ZERO);
        Operation { key: NOBODY, open: 0, mode: Mode::Rest, kind: Kind::List, at, end, statements: Vec::new(), more: 0 }
    }
}

impl Operation {
    pub(super) fn weight(&self) -> usize {
        self.statements.len() * size_of::<SeenStatement>()
    }
    pub fn total(&self) -> u32 {
        self.statements.len() as u32 + self.more
    }
}

/// Remembering the watched screen.
impl Screens {
    pub(super) fn begin_watch(&mut self, slot: u32, now: Us) {
        if self.watch.slot != NOBODY || (self.shown.end != Us::MAX && now < self.shown.at + APART) {
            return;
        }
        let screen = &self.open[slot as usize];
        let (id, mode, needed) = (screen.id, screen.mode, screen.needed);
        let (of, shape) = (screen.screen, screen.shape);
        self.watch = Watch { slot, id, mode, screen: of, shape, at: now, needed, ..Watch::default() };
    }

    pub(super) fn begin_span(&mut self, slot: u32, kind: Kind, now: Us) -> u8 {
        let never = Us::MAX;
        if self.watch.slot != slot {
            return u8::MAX;
        }
        if self.watch.spans.len() >= SPANS_MAX {
            self.watch.more += 1;
            return u8::MAX;
        }
        let (edge, served, got, how) = (never, never, never, How::Open);
        self.watch.spans.push(Span {
            kind,
            sent: now,
            edge,
            served,
            got,
            how,
            bytes: 0,
            unchanged: false,
            errors: false,
        });
        self.watch.spans.len() as u8 - 1
    }

    /// The span of a call, if its screen is watched.
    fn span(&mut self, span: u8, screen: u32) -> Option<&mut Span> {
        if self.watch.slot == screen { self.watch.spans.get_mut(usize::from(span)) } else { None }
    }

    pub(super) fn seen_at_edge(&mut self, call: u32, now: Us) {
        let Call { span, screen, .. } = self.calls[call as usize];
        if let Some(span) = self.span(span, screen) {
            span.edge = now;
        }
    }

    pub(super) fn served_span(&mut self, call: u32, how: How, bytes: u32, unchanged: bool, errors: bool, now: Us) {
        let Call { span, screen, .. } = self.calls[call as usize];
        if self.watch.slot == screen {
            self.watch.bytes += bytes;
        }
        if let Some(span) = self.span(span, screen) {
            (span.served, span.how, span.bytes, span.unchanged, span.errors) = (now, how, bytes, unchanged, errors);
        }
    }

    pub(super) fn end_span(&mut self, span: u8, screen: u32, now: Us) {
        if let Some(span) = self.span(span, screen) {
            span.got = now;
        }
    }

    pub(super) fn end_watch(&mut self, slot: u32, now: Us) {
        if self.watch.slot == slot {
            self.watch.end = now;
            self.shown = core::mem::take(&mut self.watch);
        }
    }

    /// The API begins to work on a request: shown if its screen is watched, or if nothing was for a while.
    pub(super) fn begin_operation(&mut self, call: u32, now: Us) {
        let Call { id, screen, mode, kind, .. } = self.calls[call as usize];
        if self.operation.key == NOBODY && id != NOBODY && self.operated.key == id {
            // The next call of the same screen.
            self.operation = core::mem::take(&mut self.operated);
        }
        let greedy = matches!(kind, Kind::Greedy(_));
        let is_next = greedy || self.watch.slot == screen && screen != NOBODY || now > self.operated.at + APART * 2;
        if self.operation.key == NOBODY && (screen != NOBODY || greedy) && is_next {
            // A greedy query has nobody's number.
            let key = if greedy { NOBODY - 1 } else { id };
            self.operation = Operation { key, mode, kind, at: now, end: Us::MAX, ..Operation::default() };
        }
        if self.is_shown(call) {
            self.operation.open += 1;
        }
    }

    fn is_shown(&self, call: u32) -> bool {
        let Call { id, kind, .. } = self.calls[call as usize];
        let key = if matches!(kind, Kind::Greedy(_)) { NOBODY - 1 } else { id };
        key != NOBODY && self.operation.key == key
    }

    pub(super) fn seen_statement(&mut self, call: u32, what: &Statement, now: Us) -> u8 {
        if !self.is_shown(call) {
            return u8::MAX;
        }
        if self.operation.statements.len() >= STATEMENTS_MAX {
            self.operation.more += 1;
            return u8::MAX;
        }
        let Statement { table, field, keys, .. } = *what;
        self.operation.statements.push(SeenStatement { table, field, keys, at: now, end: Us::MAX, ok: true });
        self.operation.statements.len() as u8 - 1
    }

    pub(super) fn statement_ended(&mut self, seen: u8, call: u32, now: Us, ok: bool) {
        if seen != u8::MAX
            && self.is_shown(call)
            && let Some(statement) = self.operation.statements.get_mut(usize::from(seen))
        {
            (statement.end, statement.ok) = (now, ok);
        }
    }

    pub(super) fn end_operation(&mut self, call: u32, now: Us) {
        if !self.is_shown(call) {
            return;
        }
        self.operation.open = self.operation.open.saturating_sub(1);
        self.operation.end = now;
        if self.operation.open == 0 {
            self.operated = core::mem::take(&mut self.operation);
        }
    }
}

/// What the picture shows.
impl Screens {
    pub fn mode(&self) -> Mode {
        self.s.mode
    }
    pub fn rtt(&self) -> Us {
        self.s.rtt
    }
    /// Megabits a second.
    pub fn bandwidth(&self) -> f64 {
        self.s.bandwidth
    }
    pub fn shapes(&self) -> u32 {
        if self.s.mode == Mode::Rest { 1 } else { self.s.shapes }
    }
    pub fn screens(&self) -> u8 {
        self.s.screens as u8
    }
    /// Where an entry stands on the shelf: rows are screens and columns shapes; of whole resources, the first row are
    /// the lists and the second the authors. Nothing of an older design.
    pub fn place(&self, entry: &Entry<Body>) -> Option<(u32, u32)> {
        let address = Address(entry.url);
        let screen = address.screen().map_or(0, u32::from);
        match (self.s.mode, address.space()) {
            (Mode::Rest, 0) => Some((0, screen)),
            (Mode::Rest, 1) => Some((1, address.number())),
            (Mode::Tailored, 3) | (Mode::Persisted, 4) if address.design() == self.design => {
                Some((screen, address.number()))
            }
            _ => None,
        }
    }
    /// What a shared cache hits in the long run with steady taps: λT/(1 + λT) for each address, by how often each is
    /// asked for.
    pub fn expected_hits(&self) -> f64 {
        let (tapped, screens) = (self.load.rate(), f64::from(self.s.screens));
        let ttl = self.ttl().as_s();
        let of_list = theory::ttl_hit(tapped / screens / f64::from(self.shapes()), ttl);
        match self.s.mode {
            mode if mode.is_post() => 0.0,
            Mode::Rest if self.s.author || self.s.comment => {
                let authors = f64::from(self.s.authors);
                let comments = if self.s.comment { f64::from(self.s.articles) } else { 0.0 };
                let of_authors = theory::ttl_hit(tapped, ttl);
                (of_list * (1.0 + comments) + of_authors * authors) / (1.0 + authors + comments)
            }
            _ => of_list,
        }
    }
    pub fn ttl(&self) -> Us {
        self.s.control.lifetime()
    }
    pub fn swr(&self) -> Us {
        self.s.control.stale_while_revalidate
    }
    /// What the edge keeps.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<Body>> + '_ {
        self.edge.entries()
    }
    pub fn fresh(&self, now: Us) -> usize {
        self.edge.fresh(now)
    }
    /// Whether an entry is from before the last edit.
    pub fn is_old(&self, entry: &Entry<Body>) -> bool {
        Address(entry.url).screen().is_some_and(|screen| entry.body.version < self.versions[usize::from(screen)])
    }
    /// When a screen's articles were edited last, if ever.
    pub fn edited(&self, screen: u8) -> Option<Us> {
        let at = usize::from(screen).min(SCREENS_MAX - 1);
        (self.versions[at] > 0).then_some(self.edited[at])
    }
    /// The screen that is under way, or the last that was.
    pub fn watched(&self) -> &Watch {
        if self.shown.end == Us::MAX { &self.watch } else { &self.shown }
    }
    pub fn operation(&self) -> &Operation {
        if self.operation.key == NOBODY { &self.operated } else { &self.operation }
    }
    /// Statements that run, and that wait.
    pub fn database(&self) -> (u32, usize) {
        (self.running, self.line.len())
    }
    pub fn connections(&self) -> u32 {
        self.s.db_connections
    }
    pub fn slow(&self) -> f64 {
        self.slow
    }
    pub fn authors_are_down(&self) -> bool {
        self.authors_down
    }
    /// How long the API's thread is still busy with answers.
    pub fn api_busy(&self, now: Us) -> Us {
        self.api_free.since(now)
    }
    /// Taps a second now, on all screens.
    pub fn tapped(&self) -> f64 {
        self.load.rate()
    }
    pub fn is_spiking(&self) -> bool {
        self.load.rate() > self.usual
    }
    pub fn uploads(&self) -> &[Upload] {
        &self.uploads
    }
    pub fn samples(&self) -> impl Iterator<Item = &Sample<Flown>> + '_ {
        self.samples.iter()
    }
    pub fn drawn_one_in(&self) -> u32 {
        self.samples.one_in()
    }
    /// Bytes of an article as a resource.
    pub fn whole_article(&self) -> f64 {
        f64::from(self.s.full)
    }
    /// Articles of a screen, and different authors.
    pub fn sizes(&self) -> (u32, u32) {
        let Settings { articles, authors, .. } = self.s;
        (articles, authors)
    }

    fn per_screen(&self, which: usize, now: Us) -> Option<f64> {
        let screens = self.meters.count(meter::COMPLETE, now) as f64;
        (screens > 0.0).then(|| self.meters.count(which, now) as f64 / screens)
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let count = |which| self.meters.count(which, now) as f64;
        match which {
            number::P50 => ms(self.latency.quantile(now, 0.5)),
            number::P95 => ms(self.latency.quantile(now, 0.95)),
            number::BYTES => self.per_screen(meter::BYTES, now),
            number::QUERIES => self.per_screen(meter::STATEMENTS, now),
            number::TRIPS => self.per_screen(meter::TRIPS, now),
            number::HITS => percent(count(meter::HITS), count(meter::REQUESTS)),
            number::ORIGIN => Some(self.meters.per_s(meter::ORIGIN, now)),
            number::USED => percent(count(meter::NEEDED), count(meter::BYTES)),
            number::STALE => percent(count(meter::OLD), count(meter::COMPLETE)),
            number::PARTIAL => Some(self.meters.per_s(meter::PARTIAL, now)),
            number::FAILED => Some(self.meters.per_s(meter::FAILED, now)),
            number::WAITING => Some(self.line.len() as f64),
            _ => None,
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], _now: Us) -> Option<f64> {
        let s = &self.seconds;
        match which {
            measure::MEAN_MS => s.mean(args, |s| s.ms.into(), |s| s.complete.into()),
            measure::BYTES_IN => s.mean(args, |s| s.bytes.into(), |s| s.complete.into()),
            measure::USED_IN => s.share(args, |s| s.needed.into(), |s| s.bytes.into()),
            measure::TRIPS_IN => s.mean(args, |s| s.trips.into(), |s| s.complete.into()),
            measure::QUERIES_IN => s.mean(args, |s| s.statements.into(), |s| s.complete.into()),
            measure::HIT_SHARE => s.share(args, |s| s.hits.into(), |s| s.requests.into()),
            measure::ORIGIN_IN => s.per_s(args, |s| s.origin.into()),
            measure::ORIGIN_BYTES => s.per_s(args, |s| s.origin_bytes.into()),
            measure::NOT_MODIFIED => s.share(args, |s| s.not_modified.into(), |s| s.answers.into()),
            measure::STATEMENTS_IN => s.per_s(args, |s| s.statements.into()),
            measure::STALE_SHARE => s.share(args, |s| s.old.into(), |s| s.complete.into()),
            measure::PARTIAL_IN => s.sum(args, |s| s.partial.into()),
            measure::FAILED_IN => s.sum(args, |s| s.errors.into()),
            measure::SHOWN => s.share(args, |s| s.complete.into(), |s| f64::from(s.complete + s.failed)),
            measure::LAST_QUERIES => (self.last.0 > 0).then_some(f64::from(self.last.0)),
            measure::LAST_KEYS => (self.last.0 > 0).then_some(f64::from(self.last.1)),
            measure::STALE_S => Some(self.stale_for.as_s()),
            measure::PURGED => Some(f64::from(self.purged)),
            measure::KEPT => Some(self.edge.len() as f64),
            measure::GREEDY_COST => Some(self.counts.greedy_cost as f64),
            measure::GREEDY_QUERIES => Some(self.counts.greedy_statements as f64),
            measure::UPLOAD_S => self.upload.map(|(took, _)| took.as_s()),
            measure::UPLOAD_API => self.upload.map(|(_, bytes)| bytes as f64),
            _ => None,
        }
    }
}
