//! HTTP cache: answers kept where many clients pass by, for as long as their sender allows.
//!
//! ```text
//!   client --GET, If-None-Match--> [ shared cache ] --miss, or If-None-Match--> origin
//!                                    |  fresh: answered from here  <--200, ETag, Cache-Control-- |
//!                                    |  stale: answered from here, asked again behind <---304--- |
//! ```
//!
//! The rules are those of RFC 9111 (sections in brackets), for a cache that many clients share:
//!
//! - *What is kept* [3]: a 200 to a GET, unless it says `no-store` or `private`, or is the answer to a
//!   request with `Authorization` and does not say that it may be shared. Some freshness or a validator
//!   must come with it, or keeping it would be of no use. The answer to a POST is passed on.
//! - *The key* [2, 4.1]: the address, and the values of the request headers that `Vary` names. A response
//!   that depends on a header and does not say so is served to those who sent another one.
//! - *Freshness* [4.2]: `s-maxage`, or else `max-age`, counted from when the origin made the answer.
//! - *Validation* [4.3]: one that is no longer fresh is asked about with its `ETag`. A 304 makes it fresh
//!   again without its body crossing the line a second time.
//! - *Invalidation* [4.4]: a successful answer to an unsafe method forgets what was kept of its address.
//! - *Stale answers*: `stale-while-revalidate` and `stale-if-error` (RFC 5861) allow an old answer for a
//!   while longer, while a new one is fetched, or while there is none to be had.
//! - *Collapsing* [4]: requests that come while the same answer is being fetched wait for that one.
//!
//! For Poisson requests of rate λ for one key and a lifetime T the share answered from a fresh entry is
//! λT/(1 + λT): each cycle is one fetch and the λT requests that its answer serves. Spread over S keys,
//! each has λ/S. The block keeps no clock and fetches nothing.
//!
//! Leaves out: the heuristic lifetime of answers that name none, range requests, weak validators, dates
//! instead of ages, and the bound on room (see `cache` for what that does).

use crate::kernel::Us;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// A safe method asks for nothing to be changed (RFC 9110, section 9.2.1).
    pub fn is_safe(self) -> bool {
        matches!(self, Method::Get | Method::Head)
    }
}

/// What a cache looks at in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// The address with its query, as a number of the owner's.
    pub url: u32,
    /// The value of the header that responses may vary by, as a number of the owner's.
    pub header: u32,
    /// `If-None-Match`: the validator of the copy that the client holds.
    pub holds: Option<u32>,
    /// It carries `Authorization`.
    pub authorized: bool,
    /// `Cache-Control: no-cache` in the request: do not answer without asking the origin.
    pub reload: bool,
}

impl Request {
    pub fn new(method: Method, url: u32) -> Request {
        Request { method, url, header: 0, holds: None, authorized: false, reload: false }
    }
    pub fn get(url: u32) -> Request {
        Request::new(Method::Get, url)
    }
}

/// Which request headers chose this response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Vary {
    /// None, or so it says.
    #[default]
    Nothing,
    /// The one in [`Request::header`].
    Header,
    /// `*`: something that is not in the request. Such a response answers no other request.
    Anything,
}

/// `Cache-Control` of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Control {
    pub max_age: Option<Us>,
    /// For shared caches, and before `max-age`.
    pub s_maxage: Option<Us>,
    pub stale_while_revalidate: Us,
    pub stale_if_error: Us,
    pub public: bool,
    pub private: bool,
    pub no_store: bool,
    /// Kept, but never used without asking.
    pub no_cache: bool,
    /// Once stale, never used without asking: overrides the two permissions above.
    pub must_revalidate: bool,
}

impl Control {
    /// `s-maxage=<ttl>, stale-while-revalidate=<swr>`.
    pub fn shared(ttl: Us, stale_while_revalidate: Us) -> Control {
        Control { s_maxage: Some(ttl), stale_while_revalidate, ..Control::default() }
    }

    /// How long a shared cache may use it.
    pub fn lifetime(&self) -> Us {
        if self.no_cache { Us::ZERO } else { self.s_maxage.or(self.max_age).unwrap_or(Us::ZERO) }
    }
}

/// What a cache looks at in a response, and what of it the owner wants back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<V> {
    pub status: u16,
    pub control: Control,
    pub etag: Option<u32>,
    pub vary: Vary,
    /// `Age`: how old it was when it came; 0 straight from the origin.
    pub age: Us,
    pub body: V,
}

/// A response that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<V> {
    pub url: u32,
    /// The header value that chose it; `None` if it did not vary.
    pub header: Option<u32>,
    pub control: Control,
    pub etag: Option<u32>,
    /// When the origin made it, or last vouched for it.
    pub made: Us,
    pub body: V,
    /// It was declared out of date before its time, by a 4.4 or a soft purge.
    outdated: bool,
    anything: bool,
}

impl<V> Entry<V> {
    pub fn age(&self, now: Us) -> Us {
        now.since(self.made)
    }
    pub fn is_fresh(&self, now: Us) -> bool {
        !self.outdated && self.age(now) < self.control.lifetime()
    }
    /// Whether it may still be used as an old answer, with this much patience beyond its lifetime.
    fn is_within(&self, now: Us, grace: Us) -> bool {
        let c = &self.control;
        let allowed = !self.outdated && !c.must_revalidate && !c.no_cache;
        allowed && self.age(now) < c.lifetime() + grace
    }
}

/// What a request finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look<V> {
    /// Answer with it.
    Fresh(Found<V>),
    /// Answer with it, and if `first` ask the origin behind the client's back.
    Stale { found: Found<V>, first: bool },
    /// Ask the origin, with `If-None-Match` if there is a validator. [`HttpCache::store`],
    /// [`HttpCache::refresh`] or [`HttpCache::failed`] must follow.
    Fetch { etag: Option<u32> },
    /// The same answer is being fetched: wait for it.
    Wait,
    /// None of the cache's business: pass the request on, and its answer back.
    Pass,
}

/// A response from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<V> {
    pub body: V,
    pub etag: Option<u32>,
    /// What the cache writes into `Age`.
    pub age: Us,
    /// The client's own copy is this one: 304, without a body.
    pub not_modified: bool,
}

/// Why a response was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// POST and other methods whose answers are about what they did.
    Method,
    Status,
    NoStore,
    Private,
    Authorized,
    /// `Vary: *`, without a validator to ask with.
    Varies,
    /// No lifetime and no validator.
    Useless,
}

/// A shared cache. `V` is what stands for a body.
///
/// ```
/// use sim::Us;
/// use sim::blocks::http_cache::{Control, HttpCache, Look, Request, Response, Vary};
///
/// let mut cache: HttpCache<&str> = HttpCache::new();
/// let page = Request::get(7);
/// assert_eq!(cache.look(Us::ZERO, &page), Look::Fetch { etag: None });
/// let control = Control::shared(Us::s(60), Us::ZERO);
/// let response = Response { status: 200, control, etag: Some(1), vary: Vary::Nothing, age: Us::ZERO, body: "news" };
/// cache.store(Us::ZERO, &page, &response).unwrap();
/// assert!(matches!(cache.look(Us::s(59), &page), Look::Fresh(found) if found.body == "news"));
/// // After a minute it is asked about, and a 304 makes it good for another.
/// assert_eq!(cache.look(Us::s(60), &page), Look::Fetch { etag: Some(1) });
/// assert_eq!(cache.refresh(Us::s(60), &page, control), Some("news"));
/// assert!(matches!(cache.look(Us::s(119), &page), Look::Fresh(_)));
/// ```
#[derive(Clone, Debug)]
pub struct HttpCache<V> {
    /// In the order of (url, header).
    entries: Vec<Entry<V>>,
    /// (url, header) of what is being fetched.
    pending: Vec<(u32, u32)>,
}

impl<V: Copy> Default for HttpCache<V> {
    fn default() -> HttpCache<V> {
        HttpCache::new()
    }
}

impl<V: Copy> HttpCache<V> {
    pub fn new() -> HttpCache<V> {
        HttpCache { entries: Vec::new(), pending: Vec::new() }
    }

    /// What this request gets from here. A `HEAD` is answered from what a `GET` left.
    pub fn look(&mut self, now: Us, request: &Request) -> Look<V> {
        if !request.method.is_safe() {
            return Look::Pass;
        }
        let entry = self.find(request).map(|at| &self.entries[at]);
        let found = entry.map(|e| Found {
            body: e.body,
            etag: e.etag,
            age: e.age(now),
            not_modified: e.etag.is_some() && e.etag == request.holds,
        });
        if let (Some(found), Some(e)) = (found, entry) {
            let usable = !request.reload && !e.anything;
            if usable && e.is_fresh(now) {
                return Look::Fresh(found);
            }
            if usable && e.is_within(now, e.control.stale_while_revalidate) {
                return Look::Stale { found, first: self.is_first(request) };
            }
        }
        let etag = found.and_then(|f| f.etag);
        if self.is_first(request) { Look::Fetch { etag } } else { Look::Wait }
    }

    /// Whether nobody fetches this yet; from now on somebody does.
    fn is_first(&mut self, request: &Request) -> bool {
        let key = (request.url, request.header);
        let first = !self.pending.contains(&key);
        if first {
            self.pending.push(key);
        }
        first
    }

    fn fetched(&mut self, request: &Request) {
        self.pending.retain(|key| *key != (request.url, request.header));
    }

    /// The origin's answer to a request that found nothing it could use.
    ///
    /// # Errors
    ///
    /// Why it is not kept. It goes to the client all the same, and to those who waited for it, unless the
    /// reason is one that makes it this client's own.
    pub fn store(&mut self, now: Us, request: &Request, response: &Response<V>) -> Result<(), Refused> {
        self.fetched(request);
        let c = &response.control;
        let shareable = c.public || c.s_maxage.is_some() || c.must_revalidate;
        let refused = match request.method {
            Method::Get if response.status != 200 => Some(Refused::Status),
            Method::Get if c.no_store => Some(Refused::NoStore),
            Method::Get if c.private => Some(Refused::Private),
            Method::Get if request.authorized && !shareable => Some(Refused::Authorized),
            Method::Get if response.vary == Vary::Anything && response.etag.is_none() => Some(Refused::Varies),
            Method::Get if c.lifetime() == Us::ZERO && response.etag.is_none() => Some(Refused::Useless),
            Method::Get => None,
            _ => Some(Refused::Method),
        };
        if let Some(why) = refused {
            return Err(why);
        }
        let entry = Entry {
            url: request.url,
            header: (response.vary == Vary::Header).then_some(request.header),
            control: *c,
            etag: response.etag,
            made: Us(now.0.saturating_sub(response.age.0)),
            body: response.body,
            outdated: false,
            anything: response.vary == Vary::Anything,
        };
        let key = (entry.url, entry.header);
        match self.entries.binary_search_by(|e| (e.url, e.header).cmp(&key)) {
            Ok(at) => self.entries[at] = entry,
            Err(at) => self.entries.insert(at, entry),
        }
        Ok(())
    }

    /// The origin has answered 304: what is kept is good again. Returns it, if it is still there.
    pub fn refresh(&mut self, now: Us, request: &Request, control: Control) -> Option<V> {
        self.fetched(request);
        let at = self.find(request)?;
        let e = &mut self.entries[at];
        (e.made, e.control, e.outdated) = (now, control, false);
        Some(e.body)
    }

    /// The origin could not be had, or answered with an error: an old answer, if the last one allowed that.
    pub fn failed(&mut self, now: Us, request: &Request) -> Option<V> {
        self.fetched(request);
        let e = &self.entries[self.find(request)?];
        (e.is_within(now, e.control.stale_if_error)).then_some(e.body)
    }

    /// A request with an unsafe method was answered without an error: what was kept of its address may be wrong.
    pub fn invalidate(&mut self, url: u32) {
        for e in self.entries.iter_mut().filter(|e| e.url == url) {
            e.outdated = true;
        }
    }

    /// Forgets the addresses that somebody names; returns how many entries that were.
    pub fn purge(&mut self, mut which: impl FnMut(u32) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|e| !which(e.url));
        before - self.entries.len()
    }

    /// Forgets everything. What is being fetched still comes.
    pub fn flush(&mut self) {
        self.entries.clear();
    }

    /// In the order of their addresses.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<V>> + '_ {
        self.entries.iter()
    }

    /// The entry that this request would be answered with, fresh or not.
    pub fn peek(&self, request: &Request) -> Option<&Entry<V>> {
        self.find(request).map(|at| &self.entries[at])
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    pub fn fresh(&self, now: Us) -> usize {
        self.entries.iter().filter(|e| e.is_fresh(now)).count()
    }
    /// Answers that are being fetched.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Of an address with several entries, one that did not vary answers everybody; else the header decides.
    fn find(&self, request: &Request) -> Option<usize> {
        let first = self.entries.partition_point(|e| e.url < request.url);
        let mut of_url = self.entries[first..].iter().take_while(|e| e.url == request.url);
        of_url.position(|e| e.header.is_none_or(|header| header == request.header)).map(|at| first + at)
    }

    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.entries.len() * size_of::<Entry<V>>() + self.pending.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;
    use proptest::prelude::*;

    const TTL: Us = Us::s(60);

    fn response(control: Control, etag: Option<u32>, body: u32) -> Response<u32> {
        Response { status: 200, control, etag, vary: Vary::Nothing, age: Us::ZERO, body }
    }
    fn plain(body: u32) -> Response<u32> {
        response(Control::shared(TTL, Us::ZERO), Some(body), body)
    }
    fn body(look: Look<u32>) -> Option<u32> {
        match look {
            Look::Fresh(found) | Look::Stale { found, .. } => Some(found.body),
            _ => None,
        }
    }

    /// RFC 9111, section 3, rule by rule.
    #[test]
    fn what_may_be_kept() {
        let get = Request::get(1);
        let s = Control::shared(TTL, Us::ZERO);
        let max = Control { max_age: Some(TTL), ..Control::default() };
        let cases = [
            (Request::new(Method::Post, 1), plain(1), Err(Refused::Method)),
            (get, Response { status: 404, ..plain(1) }, Err(Refused::Status)),
            (get, response(Control { no_store: true, ..s }, Some(1), 1), Err(Refused::NoStore)),
            (get, response(Control { private: true, ..s }, Some(1), 1), Err(Refused::Private)),
            (Request { authorized: true, ..get }, response(max, Some(1), 1), Err(Refused::Authorized)),
            (Request { authorized: true, ..get }, plain(1), Ok(())),
            (Request { authorized: true, ..get }, response(Control { public: true, ..max }, None, 1), Ok(())),
            (get, Response { vary: Vary::Anything, etag: None, ..plain(1) }, Err(Refused::Varies)),
            (get, response(Control::default(), None, 1), Err(Refused::Useless)),
            (get, response(Control::default(), Some(1), 1), Ok(())),
            (get, response(max, None, 1), Ok(())),
        ];
        for (request, response, expected) in cases {
            assert_eq!(HttpCache::new().store(Us::ZERO, &request, &response), expected, "{request:?} {response:?}");
        }
    }

    #[test]
    fn the_shared_lifetime_goes_before_the_other_and_age_counts() {
        let mut cache = HttpCache::new();
        let control = Control { max_age: Some(Us::s(600)), ..Control::shared(TTL, Us::ZERO) };
        let old = Response { age: Us::s(20), ..response(control, None, 5) };
        cache.store(Us::s(100), &Request::get(1), &old).unwrap();
        let Look::Fresh(found) = cache.look(Us::s(139), &Request::get(1)) else { panic!("it is fresh") };
        assert_eq!(found.age, Us::s(59));
        assert_eq!(cache.look(Us::s(140), &Request::get(1)), Look::Fetch { etag: None });
    }

    /// One key for each header value, if the response says so; if it does not, the first one's answer for all.
    #[test]
    fn a_response_that_varies_in_secret_is_served_to_the_wrong_client() {
        let asks = |header| Request { header, ..Request::get(1) };
        for (vary, second) in [(Vary::Header, None), (Vary::Nothing, Some(10))] {
            let mut cache = HttpCache::new();
            cache.store(Us::ZERO, &asks(1), &Response { vary, ..plain(10) }).unwrap();
            assert_eq!(body(cache.look(Us::s(1), &asks(1))), Some(10));
            assert_eq!(body(cache.look(Us::s(1), &asks(2))), second, "{vary:?}");
        }
    }

    #[test]
    fn old_answers_need_a_permission() {
        let swr = Control::shared(TTL, Us::s(30));
        let mut cache = HttpCache::new();
        let get = Request::get(1);
        cache.store(Us::ZERO, &get, &response(swr, Some(1), 1)).unwrap();
        assert!(matches!(cache.look(Us::s(70), &get), Look::Stale { first: true, .. }));
        assert!(matches!(cache.look(Us::s(71), &get), Look::Stale { first: false, .. }));
        // The revalidation is still under way when the grace ends: now they wait for it.
        assert_eq!(cache.look(Us::s(90), &get), Look::Wait);
        assert_eq!(cache.failed(Us::s(90), &get), None);

        let strict = Control { must_revalidate: true, stale_if_error: Us::s(100), ..swr };
        cache.store(Us::ZERO, &get, &response(strict, Some(1), 1)).unwrap();
        assert_eq!(cache.look(Us::s(70), &get), Look::Fetch { etag: Some(1) });
        assert_eq!(cache.failed(Us::s(70), &get), None);
        let lenient = Control { stale_if_error: Us::s(100), ..Control::shared(TTL, Us::ZERO) };
        cache.store(Us::ZERO, &get, &response(lenient, Some(1), 2)).unwrap();
        assert_eq!(cache.failed(Us::s(159), &get), Some(2));
        assert_eq!(cache.failed(Us::s(160), &get), None);
    }

    #[test]
    fn a_client_with_the_same_copy_gets_no_body() {
        let mut cache = HttpCache::new();
        cache.store(Us::ZERO, &Request::get(1), &plain(8)).unwrap();
        for (holds, expected) in [(Some(8), true), (Some(7), false), (None, false)] {
            let Look::Fresh(found) = cache.look(Us::s(1), &Request { holds, ..Request::get(1) }) else { panic!() };
            assert_eq!(found.not_modified, expected);
        }
    }

    #[test]
    fn unsafe_methods_pass_and_their_success_invalidates() {
        let mut cache = HttpCache::new();
        cache.store(Us::ZERO, &Request::get(1), &plain(8)).unwrap();
        for method in [Method::Post, Method::Put, Method::Patch, Method::Delete] {
            assert_eq!(cache.look(Us::s(1), &Request::new(method, 1)), Look::Pass);
        }
        assert_eq!(body(cache.look(Us::s(1), &Request::new(Method::Head, 1))), Some(8));
        cache.invalidate(1);
        assert_eq!(cache.look(Us::s(1), &Request::get(1)), Look::Fetch { etag: Some(8) });
        assert_eq!(cache.refresh(Us::s(1), &Request::get(1), Control::shared(TTL, Us::ZERO)), Some(8));
        assert_eq!(body(cache.look(Us::s(2), &Request::get(1))), Some(8));
        let reload = Request { reload: true, ..Request::get(1) };
        assert_eq!(cache.look(Us::s(2), &reload), Look::Fetch { etag: Some(8) });
        assert_eq!((cache.purge(|url| url == 1), cache.len()), (1, 0));
        assert!(cache.is_empty());
        (1..=5).for_each(|url| cache.store(Us::s(10 * u64::from(url)), &Request::get(url), &plain(url)).unwrap());
        assert_eq!([Us::s(69), Us::s(70), Us::s(90), Us::s(200)].map(|at| cache.fresh(at)), [5, 4, 2, 0]);
        assert_eq!((cache.purge(|url| url % 2 == 1), cache.len(), cache.is_empty()), (3, 2, false));
    }

    /// λT/(1 + λT), for one shape, ten and a hundred: two requests a second, kept for a minute.
    #[test]
    fn the_hit_ratio_is_the_closed_form() {
        for shapes in [1u64, 10, 100] {
            let expected = crate::theory::ttl_hit(2.0 / shapes as f64, TTL.as_s());
            let mut cache = HttpCache::new();
            let mut chance = Stream::new(4, "test", "http", shapes);
            let (mut now, mut hits, mut all) = (Us::ZERO, 0.0, 0.0);
            while now < Us::s(40_000) {
                now += chance.exp(Us::ms(500));
                let get = Request::get(chance.below(shapes) as u32);
                match cache.look(now, &get) {
                    Look::Fresh(_) => hits += 1.0,
                    _ => cache.store(now, &get, &plain(1)).unwrap(),
                }
                all += 1.0;
            }
            assert!((hits / all - expected).abs() < 0.008, "{shapes}: {} for {expected}", hits / all);
        }
    }

    proptest! {
        /// Whatever happens: nothing is served older than its permission, nothing that was never stored for that
        /// key, and at most one fetch of a key is under way.
        #[test]
        fn nothing_older_than_allowed(
            acts in prop::collection::vec((0u64..40, 0u32..3, 0u32..3, 0u8..10, 0u64..50, 0u64..30), 1..120),
            varies: bool,
        ) {
            let mut cache = HttpCache::new();
            let mut now = Us::ZERO;
            let mut under_way: Vec<Request> = Vec::new();
            // (url, header, body) of what was ever stored.
            let mut stored: Vec<(u32, u32, u32)> = Vec::new();
            let mut next = 0;
            for (gap, url, header, what, ttl, swr) in acts {
                now += Us::s(gap);
                let request = Request { header, ..Request::get(url) };
                let control = Control::shared(Us::s(ttl), Us::s(swr));
                match what {
                    0 => cache.flush(),
                    1 => cache.invalidate(url),
                    2 => _ = cache.purge(|u| u == url),
                    3 | 4 if !under_way.is_empty() => {
                        let request = under_way.swap_remove(gap as usize % under_way.len());
                        if what == 3 {
                            next += 1;
                            let vary = if varies { Vary::Header } else { Vary::Nothing };
                            let response = Response { vary, ..response(control, Some(next), next) };
                            cache.store(now, &request, &response).unwrap();
                            stored.push((request.url, request.header, next));
                        } else {
                            cache.refresh(now, &request, control);
                        }
                    }
                    5 if !under_way.is_empty() => _ = cache.failed(now, &under_way.swap_remove(0)),
                    _ => {
                        let kept = cache.peek(&request).copied();
                        match cache.look(now, &request) {
                            Look::Fresh(found) => {
                                let kept = kept.unwrap();
                                prop_assert!(found.age < kept.control.lifetime());
                                prop_assert!(stored.iter().any(|s| s.2 == found.body && s.0 == url && (!varies || s.1 == header)));
                            }
                            Look::Stale { found, first } => {
                                let kept = kept.unwrap();
                                prop_assert!(found.age < kept.control.lifetime() + kept.control.stale_while_revalidate);
                                if first { under_way.push(request) }
                            }
                            Look::Fetch { .. } => under_way.push(request),
                            Look::Wait => prop_assert!(under_way.contains(&request)),
                            Look::Pass => prop_assert!(false),
                        }
                    }
                }
                prop_assert_eq!(cache.pending(), under_way.len());
            }
        }
    }
}
