//! REST or GraphQL: who decides the shape of an answer, and whether a cache on the way can know it again.
//!
//! ```text
//!   tap --> client ==its line==> [ edge: HTTP cache ] --miss, If-None-Match, POST--> API: resolvers --> [ database ]
//! ```
//!
//! A *screen* is a list of N articles, each with its author's name. Whole resources take a call for the list and one for
//! each author; everything else takes one call. Each request is simulated: along the client's line, through the cache by
//! its rules, through the resolvers statement by statement.

mod declare;
mod edge;
mod look;
mod origin;
mod words;

pub use declare::{QUESTION, READ, TOLD, act, knob, measure, number};
pub use look::{How, Operation, SeenStatement, Span, Watch};

use crate::blocks::http_cache::{Control, HttpCache, Method, Request};
use crate::blocks::load::Load;
use crate::blocks::resolver::{Execution, Field, Limits, Query, Resolvers, Statement};
use crate::blocks::server::Line as Waiting;
use crate::declare::{Knobs, Tone};
use crate::kernel::{Ctx, Line, Model, Setup, Stream, Tape, Trace, Us};
use crate::look::{Fate, Samples, Seconds};
use crate::measure::series::{Meters, Recent};
use crate::slab::Slab;
use words::code;

pub const SCREENS_MAX: usize = 12;
pub const SHAPES_MAX: u32 = 200;
/// A browser's connections to one host with HTTP/1.1.
const CONNECTIONS: u16 = 6;
/// Statements that may wait for a connection, and those that one operation may make.
const WAITING_MAX: u32 = 5_000;
const STATEMENTS_MAX: u32 = 10_000;
/// Objects that the API puts into one answer before its own guard ends it.
const OBJECTS_MAX: u64 = 5_000_000;
/// A table that is down says so after this long.
const FAILS_AFTER: Us = Us::ms(1);
/// How old the copy is that a reader who comes back holds.
const AWAY: Us = Us::s(60);
/// A comment as a resource, and what a screen shows of it.
const COMMENT_BYTES: (u32, u32) = (600, 200);
/// Nobody's screen.
const NOBODY: u32 = u32::MAX;

/// What each table holds, for statements.
pub mod table {
    pub const ARTICLES: u8 = 0;
    pub const AUTHORS: u8 = 1;
    pub const COMMENTS: u8 = 2;
    /// Articles by their author, which only a greedy query asks for.
    pub const BY_AUTHOR: u8 = 3;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ev {
    Tap(u16),
    /// A request has come to the edge.
    Reach(u32),
    /// It has come to the API.
    Ask(u32),
    /// The origin's answer has come to the edge.
    Back(u32),
    /// The last byte of an answer has come to the client.
    Got(u32),
    /// The database is done with a statement.
    Done(u32),
    /// The edge hears that a screen's articles were edited.
    Purge(u8),
    SlowOver(u16),
    AuthorsBack(u16),
    SpikeOver(u16),
    Uploaded(u8),
}

impl Trace for Ev {
    #[inline(always)]
    fn word(&self) -> u64 {
        let (kind, n) = match *self {
            Ev::Tap(g) => (1, u32::from(g)),
            Ev::Reach(call) => (2, call),
            Ev::Ask(call) => (3, call),
            Ev::Back(call) => (4, call),
            Ev::Got(call) => (5, call),
            Ev::Done(statement) => (6, statement),
            Ev::Purge(screen) => (7, u32::from(screen)),
            Ev::SlowOver(n) => (8, u32::from(n)),
            Ev::AuthorsBack(n) => (9, u32::from(n)),
            Ev::SpikeOver(n) => (10, u32::from(n)),
            Ev::Uploaded(n) => (11, u32::from(n)),
        };
        kind | u64::from(n) << 8
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Whole resources.
    Rest,
    Tailored,
    Plain,
    Loader,
    Persisted,
}

impl Mode {
    const ALL: [Mode; 5] = [Mode::Rest, Mode::Tailored, Mode::Plain, Mode::Loader, Mode::Persisted];

    pub fn is_graphql(self) -> bool {
        self as u8 >= Mode::Plain as u8
    }
    pub fn is_post(self) -> bool {
        matches!(self, Mode::Plain | Mode::Loader)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validator {
    /// A hash of the answer: it has to be made first.
    Body,
    /// The database is asked for the version.
    Version,
    None,
}

/// The knobs, in the units the model computes with.
#[derive(Clone, Copy, Debug)]
struct Settings {
    mode: Mode,
    shapes: u32,
    rtt: Us,
    /// Bits a microsecond.
    bandwidth: f64,
    control: Control,
    purge: bool,
    validator: Validator,
    returns: f64,
    author: bool,
    comment: bool,
    articles: u32,
    authors: u32,
    full: u32,
    needed: u32,
    author_bytes: u32,
    headers: u32,
    rate: f64,
    screens: u32,
    origin_rtt: Us,
    connections: u16,
    db: Us,
    row: Us,
    db_connections: u32,
    resolve: f64,
    limits: Limits,
}

impl Settings {
    fn read(k: &Knobs) -> Settings {
        let full = k.int(knob::FULL) as u32;
        let articles = k.int(knob::ARTICLES) as u32;
        let needed = if k.on(knob::BODY) { full } else { (k.int(knob::NEEDED) as u32).min(full) };
        Settings {
            mode: Mode::ALL[k.choice(knob::MODE)],
            shapes: k.int(knob::SHAPES) as u32,
            rtt: k.ms(knob::RTT),
            bandwidth: k.get(knob::BANDWIDTH),
            control: Control::shared(k.s(knob::TTL), k.s(knob::SWR)),
            purge: k.on(knob::PURGE),
            validator: [Validator::Body, Validator::Version, Validator::None][k.choice(knob::VALIDATOR)],
            returns: k.share(knob::RETURNS),
            author: k.on(knob::AUTHOR),
            comment: k.on(knob::COMMENT),
            articles,
            authors: (k.int(knob::AUTHORS) as u32).min(articles),
            full,
            needed,
            author_bytes: k.int(knob::AUTHOR_BYTES) as u32,
            headers: k.int(knob::HEADERS) as u32,
            rate: k.get(knob::RATE) * k.get(knob::SCREENS),
            screens: k.int(knob::SCREENS) as u32,
            origin_rtt: k.ms(knob::ORIGIN_RTT),
            connections: if k.choice(knob::CONNECTIONS) == 0 { u16::MAX } else { CONNECTIONS },
            db: k.ms(knob::DB),
            row: k.ms(knob::ROW),
            db_connections: k.int(knob::DB_CONNECTIONS) as u32,
            resolve: k.get(knob::RESOLVE),
            limits: Limits { depth: k.int(knob::DEPTH) as u32, cost: k.int(knob::COST) },
        }
    }

    /// The screen as one query.
    fn query(&self) -> Query {
        let mut query = Query::default();
        let articles = query.push(self.list());
        let author = |parent| Field {
            parent: Some(parent),
            table: table::AUTHORS,
            many: 1,
            distinct: self.authors,
            full: self.author_bytes,
            // The name counts with the article.
            wanted: 0,
        };
        if self.author {
            query.push(author(articles));
        }
        if self.comment {
            let (full, wanted) = COMMENT_BYTES;
            let parent = Some(articles);
            let comment = query.push(Field { parent, table: table::COMMENTS, many: 1, distinct: 0, full, wanted });
            query.push(author(comment));
        }
        query
    }

    fn list(&self) -> Field {
        Field {
            parent: None,
            table: table::ARTICLES,
            many: self.articles,
            distinct: 1,
            full: self.full,
            wanted: self.needed,
        }
    }

    /// Bytes that the screen shows.
    fn shown(&self) -> u32 {
        self.query().bytes(true) as u32
    }
}

/// One object of one table, as a resource has it.
fn resource(table: u8, full: u32) -> Query {
    let mut query = Query::default();
    query.push(Field { parent: None, table, many: 1, distinct: 1, full, wanted: full });
    query
}

/// A hundred articles, their authors, a hundred articles of each, and so on.
fn greedy(levels: u32, authors: u32) -> Query {
    let mut query = Query::default();
    let mut parent = None;
    for level in 0..levels {
        let (table, many, distinct) = match level {
            0 => (table::ARTICLES, 100, 1),
            l if l % 2 == 1 => (table::AUTHORS, 1, authors),
            _ => (table::BY_AUTHOR, 100, authors),
        };
        parent = Some(query.push(Field { parent, table, many, distinct, full: 100, wanted: 20 }));
    }
    query
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The list of whole articles.
    List,
    Author(u8),
    Comment(u8),
    /// All of the screen at once.
    Screen,
    Greedy(u8),
}

/// A body, as far as anybody looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    /// Of the screen's articles.
    pub version: u32,
    pub bytes: u32,
}

/// The addresses of what can be asked for: design, screen and shape or number in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub u32);

impl Address {
    fn new(space: u32, design: u8, screen: u8, n: u32) -> Address {
        Address(space << 24 | u32::from(design) << 16 | u32::from(screen) << 12 | n)
    }
    fn space(self) -> u32 {
        self.0 >> 24
    }
    fn design(self) -> u8 {
        (self.0 >> 16) as u8
    }
    /// The screen whose articles stand there.
    pub fn screen(self) -> Option<u8> {
        matches!(self.space(), 0 | 3 | 4).then_some((self.0 >> 12 & 15) as u8)
    }
    /// Which shape or which object it is.
    pub fn number(self) -> u32 {
        self.0 & 0xfff
    }
}

/// A screen that somebody waits for.
#[derive(Clone, Copy, Debug)]
struct Screen {
    id: u32,
    at: Us,
    mode: Mode,
    screen: u8,
    shape: u8,
    /// The screen's as it was when it was opened; what is designed anew meanwhile may answer with less.
    design: u8,
    returning: bool,
    /// Calls under way, and those still to be made after the list: authors, then comments.
    open: u16,
    authors: u8,
    comments: u8,
    next: u16,
    trips: u16,
    /// Until when the client's line is busy with its answers.
    line_free: Us,
    bytes: u32,
    bodies: u32,
    needed: u32,
    unchanged: bool,
    from_origin: bool,
    is_old: bool,
    nulls: u32,
    failed: bool,
}

/// A request, from the client or from the edge itself.
#[derive(Clone, Debug)]
struct Call {
    screen: u32,
    id: u32,
    mode: Mode,
    kind: Kind,
    request: Request,
    /// The validator that the edge sends along.
    asks: Option<u32>,
    /// What the origin does for it; boxed, since most calls never come there.
    work: Option<Box<Work>>,
    reply: Reply,
    span: u8,
}

#[derive(Clone, Debug)]
struct Work {
    execution: Execution,
    /// The version alone is asked for, to see whether the copy is still good.
    checking: bool,
    version: u32,
    lost: bool,
    /// Keys in its last statement.
    keys: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Reply {
    status: u16,
    etag: Option<u32>,
    version: u32,
    bytes: u32,
    /// Entries of `errors`.
    errors: u32,
    /// Not even the list is there.
    lost: bool,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    call: u32,
    what: Statement,
    ok: bool,
    seen: u8,
}

/// A file on its way up.
#[derive(Clone, Copy, Debug)]
pub struct Upload {
    pub at: Us,
    pub until: Us,
    pub bytes: u32,
    /// Straight to the storage, with a signed address.
    pub signed: bool,
    number: u8,
}

/// Totals of what ended in a second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    complete: u32,
    failed: u32,
    ms: f32,
    bytes: f32,
    needed: f32,
    trips: u32,
    statements: u32,
    requests: u32,
    hits: u32,
    origin: u32,
    answers: u32,
    not_modified: u32,
    origin_bytes: f32,
    old: u32,
    partial: u32,
    errors: u32,
}

/// What the meters count.
mod meter {
    pub const COMPLETE: usize = 0;
    pub const BYTES: usize = 1;
    pub const NEEDED: usize = 2;
    pub const TRIPS: usize = 3;
    pub const STATEMENTS: usize = 4;
    pub const REQUESTS: usize = 5;
    pub const HITS: usize = 6;
    pub const ORIGIN: usize = 7;
    pub const OLD: usize = 8;
    pub const PARTIAL: usize = 9;
    pub const FAILED: usize = 10;
    pub const COUNT: usize = 11;
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    taps: u64,
    complete: u64,
    partial: u64,
    failed: u64,
    // Requests of clients.
    calls: u64,
    to_edge: u64,
    fresh: u64,
    stale: u64,
    waited: u64,
    fetched: u64,
    passed: u64,
    // Requests of the edge to the origin.
    asked: u64,
    behind: u64,
    again: u64,
    greedy: u64,
    answered: u64,
    under_way: u64,
    // Statements.
    statements: u64,
    statements_ok: u64,
    statements_failed: u64,
    statements_refused: u64,
    greedy_statements: u64,
    greedy_cost: u64,
    // Laws broken.
    too_old: u64,
    too_short: u64,
}

#[derive(Clone)]
pub struct Screens {
    s: Settings,
    topics: Stream,
    shapes: Stream,
    returns: Stream,
    load: Load,
    usual: f64,
    spikes: u16,

    open: Slab<Screen>,
    calls: Slab<Call>,
    edge: HttpCache<Body>,
    /// Calls that wait at the edge for another one's answer.
    waiting: Vec<u32>,
    /// Grows when the screens are designed anew: tailored answers then have other addresses.
    design: u8,
    /// Grows when there are other articles: an answer about the old ones that is still on its way has another address.
    stock: u8,
    /// Versions of the articles of each screen, and when the last edit was.
    versions: [u32; SCREENS_MAX],
    edited: [Us; SCREENS_MAX],

    line: Waiting,
    running: u32,
    statements: Slab<Pending>,
    slow: f64,
    slows: u16,
    authors_down: bool,
    downs: u16,
    /// Until when the API's thread is busy.
    api_free: Us,
    uploads: Vec<Upload>,
    uploaded: u8,

    counts: Counts,
    meters: Meters<{ meter::COUNT }>,
    latency: Recent,
    seconds: Seconds<Second>,
    last: (u32, u32),
    stale_for: Us,
    purged: u32,
    upload: Option<(Us, u64)>,
    samples: Samples<Flown>,
    watch: Watch,
    shown: Watch,
    operation: Operation,
    operated: Operation,
}

/// When a drawn tap went on from the edge to the origin, and came back.
#[derive(Clone, Copy, Debug)]
pub struct Flown {
    pub out: Us,
    pub back: Us,
    pub errors: bool,
}

impl Screens {
    fn schedule_tap(&self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.load.due() {
            ctx.at(at, Ev::Tap(self.load.generation as u16));
        }
    }

    fn set_rate(&mut self, rate: f64, ctx: &mut Ctx<Ev>) {
        self.load.set_rate(ctx.now, rate);
        self.samples.pace(rate);
        self.schedule_tap(ctx);
    }

    /// Somebody opens a screen.
    fn tap(&mut self, ctx: &mut Ctx<Ev>) {
        let index = self.load.arrive(ctx.now);
        self.schedule_tap(ctx);
        let (s, id) = (self.s, index as u32);
        let resources = s.mode == Mode::Rest;
        let screen = Screen {
            id,
            at: ctx.now,
            mode: s.mode,
            screen: self.topics.below_at(index + 1, u64::from(s.screens)) as u8,
            shape: self.shapes.below_at(index + 1, u64::from(s.shapes)) as u8,
            design: self.design,
            returning: self.returns.unit_at(index + 1) < s.returns,
            open: 0,
            authors: if resources && (s.author || s.comment) { s.authors as u8 } else { 0 },
            comments: if resources && s.comment { s.articles as u8 } else { 0 },
            next: 0,
            trips: 1,
            line_free: ctx.now,
            bytes: 0,
            bodies: 0,
            needed: s.shown(),
            unchanged: false,
            from_origin: false,
            is_old: false,
            nulls: 0,
            failed: false,
        };
        self.counts.taps += 1;
        self.samples.begin(ctx.now, id, 1, Flown { out: Us::MAX, back: Us::MAX, errors: false });
        ctx.step(Tone::Info, code::TAPPED, id, i64::from(screen.screen) + 1, i64::from(screen.shape) + 1);
        let slot = self.open.insert(screen);
        self.begin_watch(slot, ctx.now);
        self.send(slot, if resources { Kind::List } else { Kind::Screen }, ctx);
    }

    /// The client sends a request of its screen.
    fn send(&mut self, slot: u32, kind: Kind, ctx: &mut Ctx<Ev>) {
        let screen = &mut self.open[slot as usize];
        screen.open += 1;
        let s = *screen;
        let request = self.request(s.mode, s.screen, s.shape, kind, s.returning, ctx.now);
        let span = self.begin_span(slot, kind, ctx.now);
        let call = self.calls.insert(Call {
            screen: slot,
            id: s.id,
            mode: s.mode,
            kind,
            request,
            asks: None,
            work: None,
            reply: Reply::default(),
            span,
        });
        self.counts.calls += 1;
        ctx.after(half(self.s.rtt), Ev::Reach(call));
    }

    fn request(&self, mode: Mode, screen: u8, shape: u8, kind: Kind, returning: bool, now: Us) -> Request {
        let address = match kind {
            Kind::List => Address::new(0, self.stock, screen, 0),
            Kind::Author(n) => Address::new(1, self.stock, 0, n.into()),
            Kind::Comment(n) => Address::new(2, self.stock, screen, n.into()),
            Kind::Screen if mode.is_graphql() => Address::new(4, self.design, screen, shape.into()),
            Kind::Screen => Address::new(3, self.design, screen, shape.into()),
            Kind::Greedy(_) => Address::new(5, 0, 0, 0),
        };
        let mut request = Request::new(if mode.is_post() { Method::Post } else { Method::Get }, address.0);
        if returning && !mode.is_post() && self.s.validator != Validator::None {
            // The copy of a minute ago: the one before, if an edit came since. Authors and comments stay as they are.
            let at = usize::from(screen);
            let since = self.edited[at] + AWAY > now && self.versions[at] > 0;
            let of_articles = matches!(kind, Kind::List | Kind::Screen);
            request.holds = Some(if of_articles { self.versions[at] - u32::from(since) } else { 0 });
        }
        request
    }

    /// The last byte of an answer is there.
    fn got(&mut self, call: u32, ctx: &mut Ctx<Ev>) {
        let Call { screen: slot, kind, reply, span, .. } = self.calls[call as usize];
        self.calls.release(call);
        self.end_span(span, slot, ctx.now);
        let limit = self.s.connections;
        let screen = &mut self.open[slot as usize];
        screen.open -= 1;
        if reply.status >= 400 || reply.lost {
            match kind {
                Kind::List | Kind::Screen => screen.failed = true,
                _ => screen.nulls += 1,
            }
        } else {
            screen.nulls += reply.errors;
        }
        let all = u16::from(screen.authors) + u16::from(screen.comments);
        if matches!(kind, Kind::List) && !screen.failed && all > 0 {
            screen.trips += all.div_ceil(limit);
            ctx.step(Tone::Info, code::NEXT, screen.id, i64::from(all), i64::from(all.min(limit)));
        }
        while !self.open[slot as usize].failed {
            let screen = &mut self.open[slot as usize];
            if screen.next >= all || screen.open >= limit {
                break;
            }
            let n = screen.next;
            screen.next += 1;
            let authors = u16::from(screen.authors);
            let kind = if n < authors { Kind::Author(n as u8) } else { Kind::Comment((n - authors) as u8) };
            self.send(slot, kind, ctx);
        }
        if self.open[slot as usize].open == 0 {
            self.finish(slot, ctx);
        }
    }

    /// The screen is complete, or will never be.
    fn finish(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let screen = self.open[slot as usize];
        self.open.release(slot);
        self.end_watch(slot, ctx.now);
        let took = ctx.now.since(screen.at);
        let partial = screen.nulls > 0;
        ctx.mix(
            u64::from(screen.id) << 20
                ^ u64::from(screen.bytes) << 2
                ^ u64::from(screen.failed) << 1
                ^ u64::from(partial),
        );
        let second = self.seconds.at(ctx.now);
        if screen.failed {
            self.counts.failed += 1;
            second.failed += 1;
            ctx.bad();
            ctx.step(Tone::Rejected, code::FAILED, screen.id, took.0 as i64, 0);
            return self.samples.end(ctx.now, screen.id, 1, Fate::Failed);
        }
        second.complete += 1;
        second.ms += took.as_ms() as f32;
        second.bytes += screen.bytes as f32;
        second.needed += screen.needed.min(screen.bytes) as f32;
        second.trips += u32::from(screen.trips);
        second.old += u32::from(screen.is_old);
        self.latency.add(ctx.now, took);
        self.meters.turn(ctx.now);
        self.meters.add(meter::COMPLETE, 1);
        self.meters.add(meter::BYTES, screen.bytes);
        self.meters.add(meter::NEEDED, screen.needed.min(screen.bytes));
        self.meters.add(meter::TRIPS, u32::from(screen.trips));
        self.meters.add(meter::OLD, u32::from(screen.is_old));
        if screen.bodies < screen.needed && !screen.unchanged && !partial && screen.design == self.design {
            self.counts.too_short += 1;
        }
        let fate = if partial {
            self.counts.partial += 1;
            ctx.bad();
            ctx.step(Tone::Rejected, code::PARTIAL, screen.id, took.0 as i64, i64::from(screen.nulls));
            Fate::Failed
        } else {
            self.counts.complete += 1;
            ctx.step(Tone::Ok, code::COMPLETE, screen.id, took.0 as i64, i64::from(screen.bytes));
            match (screen.is_old, screen.from_origin) {
                (true, _) => Fate::Stale,
                (_, true) => Fate::Loaded,
                _ => Fate::Good,
            }
        };
        self.samples.end(ctx.now, screen.id, 1, fate);
    }

    /// An article is changed at the origin.
    fn edit(&mut self, which: usize, ctx: &mut Ctx<Ev>) {
        let screen = which.saturating_sub(1) % self.s.screens as usize;
        self.versions[screen] += 1;
        self.edited[screen] = ctx.now;
        self.stale_for = Us::ZERO;
        ctx.mix(screen as u64);
        ctx.log(Tone::Fault, code::EDITED, Line::NO_REQUEST, screen as i64 + 1, i64::from(self.s.purge));
        if self.s.purge {
            ctx.after(half(self.s.origin_rtt), Ev::Purge(screen as u8));
        }
    }

    fn purge(&mut self, screen: u8, ctx: &mut Ctx<Ev>) {
        self.purged = self.edge.purge(|url| Address(url).screen() == Some(screen)) as u32;
        ctx.mix(u64::from(self.purged));
        ctx.log(Tone::Info, code::PURGED, Line::NO_REQUEST, i64::from(screen) + 1, i64::from(self.purged));
    }

    fn upload(&mut self, megabytes: f64, ctx: &mut Ctx<Ev>) {
        let s = &self.s;
        let signed = s.mode.is_graphql();
        let line = Us::from_us(megabytes * 8e6 / s.bandwidth);
        // Through the API: one request with the file in it. Signed: a mutation for the address, then the file to the
        // storage, which is as near as the edge.
        let way = if signed { s.rtt + s.origin_rtt + s.db + s.rtt } else { s.rtt + s.origin_rtt };
        let number = self.uploaded;
        self.uploaded = self.uploaded.wrapping_add(1);
        if self.uploads.len() == 8 {
            self.uploads.remove(0);
        }
        let until = ctx.now + line + way;
        let bytes = (megabytes * 1e6) as u32;
        self.uploads.push(Upload { at: ctx.now, until, bytes, signed, number });
        ctx.mix(u64::from(bytes) << 1 | u64::from(signed));
        ctx.log(Tone::Info, code::UPLOAD, Line::NO_REQUEST, i64::from(signed), i64::from(bytes));
        ctx.at(until, Ev::Uploaded(number));
    }

    fn uploaded(&mut self, number: u8, ctx: &mut Ctx<Ev>) {
        let Some(at) = self.uploads.iter().position(|u| u.number == number) else { return };
        let upload = self.uploads.remove(at);
        let through = if upload.signed { 0 } else { u64::from(upload.bytes) };
        let before = self.upload.map_or(0, |(_, bytes)| bytes);
        let took = ctx.now.since(upload.at);
        self.upload = Some((took, before + through));
        ctx.log(Tone::Ok, code::UPLOADED, Line::NO_REQUEST, took.0 as i64, through as i64);
    }
}

impl Model for Screens {
    type Event = Ev;

    fn new(setup: &Setup) -> Screens {
        let s = Settings::read(setup.knobs);
        let tape = Tape::new(setup.seed);
        let even = setup.knobs.choice(knob::ARRIVALS) == 1;
        let mut samples = Samples::new(16.0, 96);
        samples.pace(s.rate);
        Screens {
            s,
            topics: tape.purpose("screen"),
            shapes: tape.purpose("shape"),
            returns: tape.purpose("returns"),
            load: if even { Load::even(tape, s.rate) } else { Load::new(tape, s.rate) },
            usual: s.rate,
            spikes: 0,
            open: Slab::default(),
            calls: Slab::default(),
            edge: HttpCache::new(),
            waiting: Vec::new(),
            design: 0,
            stock: 0,
            versions: [0; SCREENS_MAX],
            edited: [Us::ZERO; SCREENS_MAX],
            line: Waiting::default(),
            running: 0,
            statements: Slab::default(),
            slow: 1.0,
            slows: 0,
            authors_down: false,
            downs: 0,
            api_free: Us::ZERO,
            uploads: Vec::new(),
            uploaded: 0,
            counts: Counts::default(),
            meters: Meters::new(Us::s(10)),
            latency: Recent::new(Us::s(10), 10),
            seconds: Seconds::new(3_600),
            last: (0, 0),
            stale_for: Us::ZERO,
            purged: 0,
            upload: None,
            samples,
            watch: Watch::default(),
            shown: Watch::default(),
            operation: Operation::default(),
            operated: Operation::default(),
        }
    }

    fn start(&mut self, ctx: &mut Ctx<Ev>) {
        self.schedule_tap(ctx);
    }

    fn on(&mut self, event: Ev, ctx: &mut Ctx<Ev>) {
        match event {
            Ev::Tap(g) => {
                if g == self.load.generation as u16 {
                    self.tap(ctx);
                }
            }
            Ev::Reach(call) => self.reach(call, ctx),
            Ev::Ask(call) => self.ask(call, ctx),
            Ev::Back(call) => self.back(call, ctx),
            Ev::Got(call) => self.got(call, ctx),
            Ev::Done(statement) => self.done(statement, ctx),
            Ev::Purge(screen) => self.purge(screen, ctx),
            Ev::SlowOver(n) if n == self.slows => {
                self.slow = 1.0;
                ctx.log(Tone::Info, code::SLOW_OVER, Line::NO_REQUEST, 0, 0);
            }
            Ev::AuthorsBack(n) if n == self.downs => {
                self.authors_down = false;
                ctx.log(Tone::Info, code::AUTHORS_BACK, Line::NO_REQUEST, 0, 0);
            }
            Ev::SpikeOver(n) if n == self.spikes => {
                self.set_rate(self.usual, ctx);
                ctx.log(Tone::Info, code::SPIKE_OVER, Line::NO_REQUEST, self.usual as i64, 0);
            }
            Ev::Uploaded(number) => self.uploaded(number, ctx),
            Ev::SlowOver(_) | Ev::AuthorsBack(_) | Ev::SpikeOver(_) => {}
        }
    }

    fn act(&mut self, act: u8, args: &[f64], ctx: &mut Ctx<Ev>) {
        let tone = Tone::Fault;
        match act as usize {
            act::EDIT => self.edit(args[0] as usize, ctx),
            act::FLUSH => {
                ctx.log(tone, code::FLUSHED, Line::NO_REQUEST, self.edge.len() as i64, 0);
                ctx.mix(self.edge.len() as u64);
                self.edge.flush();
            }
            act::SLOW => {
                self.slow = args[0];
                self.slows += 1;
                ctx.log(tone, code::SLOW, Line::NO_REQUEST, args[0] as i64, args[1] as i64);
                ctx.after(Us::from_s(args[1]), Ev::SlowOver(self.slows));
            }
            act::AUTHORS => {
                self.authors_down = true;
                self.downs += 1;
                ctx.log(tone, code::AUTHORS_DOWN, Line::NO_REQUEST, args[0] as i64, 0);
                ctx.after(Us::from_s(args[0]), Ev::AuthorsBack(self.downs));
            }
            act::GREEDY => self.greedy(args[0] as u32, ctx),
            act::UPLOAD => self.upload(args[0], ctx),
            act::SPIKE => {
                self.spikes += 1;
                let rate = self.usual * args[0];
                ctx.log(tone, code::SPIKE, Line::NO_REQUEST, rate as i64, self.usual as i64);
                self.set_rate(rate, ctx);
                ctx.after(Us::from_s(args[1]), Ev::SpikeOver(self.spikes));
            }
            _ => {}
        }
    }

    fn knob(&mut self, which: u8, knobs: &Knobs, ctx: &mut Ctx<Ev>) {
        self.s = Settings::read(knobs);
        match which as usize {
            knob::AUTHOR | knob::COMMENT | knob::BODY | knob::NEEDED => self.design = self.design.wrapping_add(1),
            // Other articles altogether.
            knob::ARTICLES | knob::AUTHORS | knob::FULL | knob::AUTHOR_BYTES => {
                self.design = self.design.wrapping_add(1);
                self.stock = self.stock.wrapping_add(1);
                self.edge.flush();
            }
            _ => {}
        }
        self.run_statements(ctx);
        ctx.log_knob(code::KNOB, which, knobs);
    }

    fn number(&self, which: u8, now: Us) -> Option<f64> {
        self.read_number(which as usize, now)
    }
    fn measure(&self, which: u8, args: &[f64], now: Us) -> Option<f64> {
        self.read_measure(which as usize, args, now)
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        vec![
            ("taps", c.taps),
            ("complete", c.complete),
            ("partial", c.partial),
            ("failed", c.failed),
            ("requests", c.to_edge),
            ("fresh", c.fresh),
            ("stale", c.stale),
            ("waited", c.waited),
            ("fetched", c.fetched),
            ("passed", c.passed),
            ("behind", c.behind),
            ("asked", c.asked),
            ("answered", c.answered),
            ("statements", c.statements),
            ("statements_failed", c.statements_failed),
            ("statements_refused", c.statements_refused),
        ]
    }

    fn invariants(&self, _now: Us) -> Result<(), String> {
        use crate::measure::conserve::balance;
        let c = &self.counts;
        let ends =
            [("complete", c.complete), ("partial", c.partial), ("failed", c.failed), ("open", self.open.used() as u64)];
        balance("taps", c.taps, &ends)?;
        let looks = [
            ("fresh", c.fresh),
            ("stale", c.stale),
            ("waited", c.waited),
            ("fetched", c.fetched),
            ("passed", c.passed),
        ];
        balance("requests at the edge", c.to_edge, &looks)?;
        let under_way = [("answered", c.answered), ("at the origin or on the way", c.under_way)];
        balance("requests to the origin", c.asked, &under_way)?;
        balance(
            "requests to the origin",
            c.asked,
            &[
                ("fetched", c.fetched),
                ("passed", c.passed),
                ("behind a client's back", c.behind),
                ("once more", c.again),
                ("greedy", c.greedy),
            ],
        )?;
        let statements = [
            ("answered", c.statements_ok),
            ("failed", c.statements_failed),
            ("refused", c.statements_refused),
            ("running", u64::from(self.running)),
            ("waiting", self.line.len() as u64),
        ];
        balance("statements", c.statements, &statements)?;
        if c.too_old > 0 {
            return Err(format!("{} answers were older than the edge was allowed", c.too_old));
        }
        if c.too_short > 0 {
            return Err(format!("{} screens got fewer bytes than they show", c.too_short));
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        size_of::<Screens>()
            + self.open.weight()
            + self.calls.weight()
            + self
                .calls
                .iter()
                .filter_map(|c| c.work.as_ref())
                .map(|w| size_of::<Work>() + w.execution.weight())
                .sum::<usize>()
            + self.edge.weight()
            + self.waiting.len() * 4
            + self.line.weight()
            + self.statements.weight()
            + self.uploads.len() * size_of::<Upload>()
            + self.latency.weight()
            + self.seconds.weight()
            + self.samples.weight()
            + self.watch.weight()
            + self.shown.weight()
            + self.operation.weight()
            + self.operated.weight()
    }

    fn tell(line: &Line) -> String {
        words::tell(line)
    }
    fn words(&self, now: Us) -> Vec<(String, String)> {
        self.in_words(now)
    }

    fn visible(event: &Ev) -> bool {
        !matches!(event, Ev::Uploaded(_))
    }
}

/// For the resolvers of a mode.
fn resolvers(mode: Mode) -> Resolvers {
    if mode == Mode::Plain { Resolvers::Plain } else { Resolvers::Loader }
}

/// One way of a round trip.
fn half(trip: Us) -> Us {
    Us(trip.0 / 2)
}
