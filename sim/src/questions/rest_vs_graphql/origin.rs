//! At the origin: the API turns a request into statements, and the database answers them.

use super::{
    Address, Call, Ev, FAILS_AFTER, Kind, Mode, NOBODY, OBJECTS_MAX, Pending, Reply, STATEMENTS_MAX, Screens,
    Validator, WAITING_MAX, Work, code, greedy, half, meter, resolvers, resource, table,
};
use crate::blocks::http_cache::{Method, Request};
use crate::blocks::resolver::{Execution, Over, Query};
use crate::blocks::server::{Job, Offer, Rules};
use crate::declare::Tone;
use crate::kernel::{Ctx, Line, Us};

impl Screens {
    /// A request has come to the API.
    pub(super) fn ask(&mut self, call: u32, ctx: &mut Ctx<Ev>) {
        let Call { mode, kind, asks, .. } = self.calls[call as usize];
        let query = self.wanted(kind);
        if let Some(status) = self.turned_away(mode, kind, &query, call, ctx) {
            let reply = Reply { status, ..Reply::default() };
            return self.reply(call, reply, ctx.now, ctx);
        }
        let checking = asks.is_some() && self.s.validator == Validator::Version;
        self.begin_operation(call, ctx.now);
        let query = if checking { resource(table::ARTICLES, 0) } else { query };
        self.calls[call as usize].work = Some(Box::new(Work {
            execution: Execution::new(query, resolvers(mode), STATEMENTS_MAX),
            checking,
            version: 0,
            lost: false,
            keys: 0,
        }));
        self.go_on(call, ctx);
    }

    fn wanted(&self, kind: Kind) -> Query {
        let s = &self.s;
        match kind {
            Kind::List => {
                let mut query = Query::default();
                query.push(s.list());
                query
            }
            Kind::Author(_) => resource(table::AUTHORS, s.author_bytes),
            Kind::Comment(_) => resource(table::COMMENTS, super::COMMENT_BYTES.0),
            Kind::Screen => s.query(),
            Kind::Greedy(levels) => greedy(levels.into(), s.authors),
        }
    }

    /// What never runs: a query over a limit, one that is not on the list, an address that there is not.
    fn turned_away(&self, mode: Mode, kind: Kind, query: &Query, call: u32, ctx: &mut Ctx<Ev>) -> Option<u16> {
        let id = self.calls[call as usize].id;
        let greedy = matches!(kind, Kind::Greedy(_));
        let (status, why) = match mode {
            Mode::Rest | Mode::Tailored if greedy => (404, 0),
            Mode::Persisted if greedy => (400, 1),
            Mode::Plain | Mode::Loader => match self.s.limits.check(query.depth(), query.cost()) {
                Ok(()) => return None,
                Err(Over::Depth) => (400, 2),
                Err(Over::Cost) => (400, 3),
            },
            _ => return None,
        };
        ctx.step(Tone::Rejected, code::TURNED_AWAY, id, status, why);
        if greedy {
            ctx.log(Tone::Rejected, code::TURNED_AWAY, Line::NO_REQUEST, status, why);
        }
        Some(status as u16)
    }

    /// Somebody wants everything about everything.
    pub(super) fn greedy(&mut self, levels: u32, ctx: &mut Ctx<Ev>) {
        let cost = greedy(levels, self.s.authors).cost();
        self.counts.greedy_cost = cost;
        self.counts.greedy += 1;
        ctx.log(Tone::Fault, code::GREEDY, Line::NO_REQUEST, i64::from(levels), cost.min(1 << 60) as i64);
        let method = if self.s.mode.is_post() { Method::Post } else { Method::Get };
        let call = self.calls.insert(Call {
            screen: NOBODY,
            id: u32::MAX,
            mode: self.s.mode,
            kind: Kind::Greedy(levels as u8),
            request: Request::new(method, u32::MAX),
            asks: None,
            work: None,
            reply: Reply::default(),
            span: u8::MAX,
        });
        self.ask_origin(call, None, ctx);
    }

    /// One tick of execution: everything that can be asked for now.
    fn go_on(&mut self, call: u32, ctx: &mut Ctx<Ev>) {
        while let Some(what) = self.calls[call as usize].work.as_mut().and_then(|w| w.execution.next()) {
            let (id, is_greedy) =
                (self.calls[call as usize].id, matches!(self.calls[call as usize].kind, Kind::Greedy(_)));
            self.counts.statements += 1;
            self.counts.greedy_statements += u64::from(is_greedy);
            self.meters.turn(ctx.now);
            self.meters.add(meter::STATEMENTS, 1);
            self.seconds.at(ctx.now).statements += 1;
            ctx.step(Tone::Flight, code::STATEMENT, id, i64::from(what.table), i64::from(what.keys));
            let seen = self.seen_statement(call, &what, ctx.now);
            let slot = self.statements.insert(Pending { call, what, ok: true, seen });
            let rules = Rules { bound: WAITING_MAX, ..Rules::default() };
            let offer = self.line.offer(ctx.now, Job::new(id, slot, 1, 0, ctx.now), &rules);
            if offer == Offer::Refused {
                self.counts.statements_refused += 1;
                self.statements.release(slot);
                self.statement_ended(seen, call, ctx.now, false);
                self.settle(call, slot, false);
            }
        }
        self.run_statements(ctx);
        let done = self.calls[call as usize].work.as_ref().is_some_and(|w| w.execution.is_done());
        if done {
            self.executed(call, ctx);
        }
    }

    /// Free connections take what waits.
    pub(super) fn run_statements(&mut self, ctx: &mut Ctx<Ev>) {
        while self.running < self.s.db_connections {
            let Some(job) = self.line.take(ctx.now, &Rules::default(), None, |_, _| {}) else { return };
            self.running += 1;
            let statement = &mut self.statements[job.slot as usize];
            statement.ok = !(self.authors_down && statement.what.table == table::AUTHORS);
            let rows = statement.what.rows.saturating_sub(1);
            let takes = self.s.db + Us::from_us(self.s.row.0 as f64 * f64::from(rows));
            let takes = if statement.ok { Us::from_us(takes.0 as f64 * self.slow) } else { FAILS_AFTER };
            ctx.after(takes, Ev::Done(job.slot));
        }
    }

    /// The database is done with a statement.
    pub(super) fn done(&mut self, slot: u32, ctx: &mut Ctx<Ev>) {
        let Pending { call, ok, seen, .. } = self.statements[slot as usize];
        self.running -= 1;
        self.statements.release(slot);
        *(if ok { &mut self.counts.statements_ok } else { &mut self.counts.statements_failed }) += 1;
        self.statement_ended(seen, call, ctx.now, ok);
        self.settle(call, slot, ok);
        self.go_on(call, ctx);
    }

    /// What a statement was for goes on without it, or with its rows.
    fn settle(&mut self, call: u32, slot: u32, ok: bool) {
        let what = self.statements[slot as usize].what;
        let c = &mut self.calls[call as usize];
        let version = Address(c.request.url).screen().map_or(0, |screen| self.versions[usize::from(screen)]);
        let Some(work) = &mut c.work else { return };
        if what.field == 0 {
            (work.version, work.lost) = (version, !ok);
        }
        work.execution.done(&what, ok);
        work.keys = what.keys;
    }

    /// Everything that was asked for is there, or will never be.
    fn executed(&mut self, call: u32, ctx: &mut Ctx<Ev>) {
        let Some(work) = self.calls[call as usize].work.take() else { return };
        let c = &self.calls[call as usize];
        let (id, mode, kind, asks) = (c.id, c.mode, c.kind, c.asks);
        let Work { execution, checking, version, lost, keys } = *work;
        if checking && !lost && asks != Some(version) {
            // Another version: now the answer itself.
            let query = self.wanted(kind);
            let execution = Execution::new(query, resolvers(mode), STATEMENTS_MAX);
            let work = Work { execution, checking: false, version, lost: false, keys: 0 };
            self.calls[call as usize].work = Some(Box::new(work));
            return self.go_on(call, ctx);
        }
        self.end_operation(call, ctx.now);
        self.last = (execution.statements(), keys);
        let query = execution.query();
        let too_large = execution.was_stopped() || query.cost() > OBJECTS_MAX;
        let errors = execution.nulls().min(u32::MAX.into()) as u32;
        ctx.step(Tone::Info, code::EXECUTED, id, i64::from(execution.statements()), i64::from(errors));
        if let Kind::Greedy(_) = kind {
            let (statements, cost) = (execution.statements(), query.cost().min(1 << 60));
            ctx.log(Tone::Rejected, code::GREEDY_DONE, Line::NO_REQUEST, statements.into(), cost as i64);
        }
        // The API's one thread puts the answer together, one operation after the other.
        let objects =
            if execution.was_stopped() { u64::from(execution.statements()) } else { query.cost().min(OBJECTS_MAX) };
        let begins = if ctx.now > self.api_free { ctx.now } else { self.api_free };
        self.api_free = begins + Us::from_us(objects as f64 * self.s.resolve);
        let sparse = kind == Kind::Screen;
        let whole = !mode.is_graphql();
        let etag = (self.s.validator != Validator::None && !mode.is_post()).then_some(version);
        let status = match (lost || too_large, errors > 0) {
            (true, _) if whole || too_large => 503,
            // A handler that is written for the screen has one status for all of it.
            (_, true) if whole => 503,
            _ if errors == 0 && !lost && asks.is_some() && asks == etag => 304,
            _ => 200,
        };
        let bytes = match status {
            200 if !lost => query.bytes(sparse).min(u32::MAX.into()) as u32,
            _ => 0,
        };
        // Without the list there is `data: null`; without some authors the rest is there.
        let reply = Reply { status, etag, version, bytes, errors, lost };
        self.reply(call, reply, self.api_free, ctx);
    }

    fn reply(&mut self, call: u32, reply: Reply, at: Us, ctx: &mut Ctx<Ev>) {
        self.calls[call as usize].reply = reply;
        ctx.at(at + half(self.s.origin_rtt), Ev::Back(call));
    }
}
