//! At the edge: what the cache has, what it has to ask for, and the way back along the client's line.

use super::{Body, Call, Ev, How, Kind, NOBODY, Reply, Screens, code, half, meter};
use crate::blocks::http_cache::{Look, Response, Vary};
use crate::declare::Tone;
use crate::kernel::{Ctx, Us};

impl Screens {
    /// A client's request is here.
    pub(super) fn reach(&mut self, call: u32, ctx: &mut Ctx<Ev>) {
        self.counts.to_edge += 1;
        self.meters.turn(ctx.now);
        self.meters.add(meter::REQUESTS, 1);
        self.seconds.at(ctx.now).requests += 1;
        let Call { request, id, .. } = self.calls[call as usize];
        let allowed = self.edge.peek(&request).map(|e| e.control.lifetime() + e.control.stale_while_revalidate);
        let look = self.edge.look(ctx.now, &request);
        self.seen_at_edge(call, ctx.now);
        match look {
            Look::Fresh(found) | Look::Stale { found, .. } => {
                let behind = matches!(look, Look::Stale { .. });
                let (count, how) =
                    if behind { (&mut self.counts.stale, How::Stale) } else { (&mut self.counts.fresh, How::Fresh) };
                *count += 1;
                self.counts.too_old += u64::from(allowed.is_none_or(|most| found.age >= most));
                self.meters.add(meter::HITS, 1);
                self.seconds.at(ctx.now).hits += 1;
                let told = if behind { code::EDGE_STALE } else { code::EDGE_FRESH };
                ctx.step(Tone::Ok, told, id, found.age.0 as i64, 0);
                let Body { version, bytes } = found.body;
                let reply = Reply { status: 200, etag: found.etag, version, bytes, ..Reply::default() };
                self.calls[call as usize].reply = reply;
                self.serve(call, how, ctx);
                if let Look::Stale { first: true, .. } = look {
                    self.refresh_behind(call, found.etag, ctx);
                }
            }
            Look::Fetch { etag } => {
                self.counts.fetched += 1;
                let told = if etag.is_some() { code::EDGE_ASKS } else { code::EDGE_MISS };
                ctx.step(Tone::Waiting, told, id, etag.map_or(0, i64::from), 0);
                self.ask_origin(call, etag, ctx);
            }
            Look::Wait => {
                self.counts.waited += 1;
                ctx.step(Tone::Waiting, code::EDGE_WAITS, id, 0, 0);
                self.waiting.push(call);
            }
            Look::Pass => {
                self.counts.passed += 1;
                ctx.step(Tone::Waiting, code::EDGE_PASSES, id, 0, 0);
                self.ask_origin(call, None, ctx);
            }
        }
    }

    /// A client has the old copy; the edge asks for a new one in its own name.
    fn refresh_behind(&mut self, call: u32, etag: Option<u32>, ctx: &mut Ctx<Ev>) {
        self.counts.behind += 1;
        let mut own = self.calls[call as usize].clone();
        (own.screen, own.id, own.request.holds, own.span) = (NOBODY, u32::MAX, None, u8::MAX);
        let own = self.calls.insert(own);
        self.ask_origin(own, etag, ctx);
    }

    pub(super) fn ask_origin(&mut self, call: u32, etag: Option<u32>, ctx: &mut Ctx<Ev>) {
        self.counts.asked += 1;
        self.counts.under_way += 1;
        self.meters.turn(ctx.now);
        self.meters.add(meter::ORIGIN, 1);
        self.seconds.at(ctx.now).origin += 1;
        let c = &mut self.calls[call as usize];
        c.asks = etag;
        let (id, screen) = (c.id, c.screen);
        if screen != NOBODY {
            self.open[screen as usize].from_origin = true;
            if let Some(drawn) = self.samples.find(id, 1)
                && drawn.what.out == Us::MAX
            {
                drawn.what.out = ctx.now;
            }
        }
        ctx.after(half(self.s.origin_rtt), Ev::Ask(call));
    }

    /// The origin's answer is here.
    pub(super) fn back(&mut self, call: u32, ctx: &mut Ctx<Ev>) {
        self.counts.answered += 1;
        self.counts.under_way -= 1;
        let Call { request, id, mut reply, asks, screen, kind, .. } = self.calls[call as usize];
        ctx.mix(u64::from(reply.status) << 32 | u64::from(reply.bytes));
        let second = self.seconds.at(ctx.now);
        second.answers += 1;
        second.not_modified += u32::from(reply.status == 304);
        second.origin_bytes += if reply.status == 304 { 0.0 } else { reply.bytes as f32 };
        let failed = u32::from(reply.status >= 400);
        let partial = u32::from(reply.status == 200 && reply.errors > 0);
        second.partial += partial;
        second.errors += failed;
        self.meters.turn(ctx.now);
        self.meters.add(meter::PARTIAL, partial);
        self.meters.add(meter::FAILED, failed);
        if matches!(kind, Kind::Greedy(_)) {
            self.calls.release(call);
            return;
        }
        if request.method.is_safe() {
            let mut control = self.s.control;
            // Half an answer must not be kept for a minute.
            control.no_store = reply.errors > 0;
            if reply.status == 304 {
                let Some(body) = self.edge.refresh(ctx.now, &request, control) else {
                    return self.ask_again(call, ctx);
                };
                ctx.step(Tone::Ok, code::NOT_MODIFIED, id, 0, 0);
                reply = Reply { status: 200, etag: asks, version: body.version, bytes: body.bytes, ..Reply::default() };
            } else if reply.status == 200 {
                let body = Body { version: reply.version, bytes: reply.bytes };
                // What the edge may do with it later is decided here.
                let swr = control.stale_while_revalidate.0;
                ctx.mix(control.lifetime().0 << 20 ^ swr << 1 ^ u64::from(reply.etag.is_some()));
                let response =
                    Response { status: 200, control, etag: reply.etag, vary: Vary::Nothing, age: Us::ZERO, body };
                // Why it is not kept makes no difference here: whoever waits gets it.
                _ = self.edge.store(ctx.now, &request, &response);
            } else {
                self.edge.failed(ctx.now, &request);
            }
        }
        self.answer(call, reply, screen, How::Fetched, ctx);
        if request.method.is_safe() {
            let mut at = 0;
            while at < self.waiting.len() {
                let other = self.waiting[at];
                if self.calls[other as usize].request.url == request.url {
                    self.waiting.remove(at);
                    let screen = self.calls[other as usize].screen;
                    self.answer(other, reply, screen, How::Waited, ctx);
                } else {
                    at += 1;
                }
            }
        }
    }

    /// The copy that was asked about is gone: the edge was flushed or purged meanwhile.
    fn ask_again(&mut self, call: u32, ctx: &mut Ctx<Ev>) {
        let request = self.calls[call as usize].request;
        match self.edge.look(ctx.now, &request) {
            Look::Wait => self.waiting.push(call),
            _ => {
                self.counts.again += 1;
                self.ask_origin(call, None, ctx);
            }
        }
    }

    fn answer(&mut self, call: u32, reply: Reply, screen: u32, how: How, ctx: &mut Ctx<Ev>) {
        self.calls[call as usize].reply = reply;
        if screen == NOBODY {
            self.calls.release(call);
        } else {
            self.serve(call, how, ctx);
        }
    }

    /// An answer leaves the edge for its client, after those that are on the line already.
    fn serve(&mut self, call: u32, how: How, ctx: &mut Ctx<Ev>) {
        let Call { reply, request, screen: slot, id, kind, .. } = self.calls[call as usize];
        let unchanged = reply.status == 200 && reply.etag.is_some() && reply.etag == request.holds;
        let body = if unchanged { 0 } else { reply.bytes };
        let bytes = self.s.headers + body;
        let versions = self.versions;
        let screen = &mut self.open[slot as usize];
        let at = usize::from(screen.screen);
        let of_articles = matches!(kind, Kind::List | Kind::Screen) && reply.status == 200;
        if of_articles && reply.version < versions[at] {
            screen.is_old = true;
            self.stale_for = ctx.now.since(self.edited[at]);
        }
        screen.unchanged |= unchanged;
        screen.bytes += bytes;
        screen.bodies += body;
        let begins = if ctx.now > screen.line_free { ctx.now } else { screen.line_free };
        screen.line_free = begins + Us::from_us(f64::from(bytes) * 8.0 / self.s.bandwidth);
        let arrives = screen.line_free + half(self.s.rtt);
        let errors = reply.errors > 0 || reply.status >= 400;
        if let Some(drawn) = self.samples.find(id, 1) {
            if drawn.what.out != Us::MAX && drawn.what.back == Us::MAX {
                drawn.what.back = ctx.now;
            }
            drawn.what.errors |= errors;
        }
        self.served_span(call, how, bytes, unchanged, errors, ctx.now);
        ctx.step(Tone::Info, code::SERVED, id, i64::from(bytes), i64::from(unchanged));
        ctx.at(arrives, Ev::Got(call));
    }
}
