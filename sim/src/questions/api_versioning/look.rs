//! What can be seen of a run: numbers, measures, laws, and what the picture is drawn from.

use super::{Answer, ApiVersioning, Client, Settings, Shown, Style, measure, number};
use crate::blocks::deprecation::{DAY, Lifecycle, Reached, days_until};
use crate::blocks::versions::{Change, Registry, What, Why};
use crate::kernel::Us;
use crate::look::percent;
use crate::measure::conserve::balance;

/// A version and who is on it.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    pub version: u8,
    pub clients: u32,
    pub end: Lifecycle,
}

/// What a change of the picked field would do to the clients of the newest version.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub what: What,
    /// Clients that ask for the newest version, and of these the broken and the misled.
    pub of: u32,
    pub breaks: u32,
    pub misleads: u32,
}

impl ApiVersioning {
    pub fn settings(&self) -> &Settings {
        &self.s
    }
    /// By volume, the heaviest first.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }
    /// The share of all calls that this client makes.
    pub fn share(&self, who: usize) -> f64 {
        self.shares.get(who).copied().unwrap_or(0.0)
    }
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
    pub fn picked(&self) -> u8 {
        self.picked
    }
    pub fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref()
    }
    pub fn end_of(&self, version: u8) -> Lifecycle {
        self.ends.get(version as usize - 1).copied().unwrap_or_default()
    }
    /// When, what, and whether it made a version.
    pub fn last_change(&self) -> Option<(Us, Change, bool)> {
        self.last_change
    }
    /// The list of who still calls is wanted.
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// Every version that there is, with its clients; those of a withdrawn version count with the newest.
    pub fn tallies(&self) -> Vec<Tally> {
        let newest = self.registry.newest();
        let mut all: Vec<Tally> = (1..=newest).map(|v| Tally { version: v, clients: 0, end: self.end_of(v) }).collect();
        for c in &self.clients {
            all[c.version.min(newest) as usize - 1].clients += 1;
        }
        all
    }

    /// The verdicts on every change that can be made, in the order of the list.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let verdict = |what| self.harmed(what).map(|(of, breaks, misleads)| Verdict { what, of, breaks, misleads });
        What::ALL.into_iter().filter_map(verdict).collect()
    }

    /// The clients on this version or an older one, the heaviest first.
    pub fn left_by_volume(&self, target: u8) -> impl Iterator<Item = u32> {
        (0u32..).zip(&self.clients).filter(move |(_, c)| c.version <= target).map(|(who, _)| who)
    }

    fn left(&self) -> u32 {
        let target = self.target();
        self.clients.iter().filter(|c| c.version <= target).count() as u32
    }

    /// Days until one in a hundred is left.
    fn days_to_one_percent(&self, now: Us) -> Option<f64> {
        let target = self.target();
        let mut groups = [(0.0, 0.0); 4];
        for c in self.clients.iter().filter(|c| c.version <= target) {
            let r = c.reached(now);
            let which = usize::from(r.header) + 2 * usize::from(r.email);
            let standing = Reached { header: r.header, email: r.email, ..Reached::default() };
            groups[which].0 += 1.0;
            groups[which].1 = self.s.hazards.standing(standing);
        }
        if target >= self.registry.newest() {
            return None;
        }
        days_until(&groups, self.clients.len() as f64, 0.01)
    }

    /// The response in the inspector, line by line: the request, an empty line, the response.
    pub fn exchange(&self, s: &Shown) -> Vec<String> {
        let mut out = Vec::new();
        let account = s.client.map_or(s.call, |c| c + 1);
        let named = s.names.unwrap_or(0);
        let version = match (self.s.style, s.names) {
            (Style::Path, _) => format!("/v{named}/orders"),
            _ => "/orders".into(),
        };
        let query = if self.s.style == Style::Query && named > 0 { format!("?version={named}") } else { String::new() };
        if s.creates {
            out.push(format!("POST {version}{query}"));
        } else {
            out.push(format!("GET {version}/{}{query}", s.order.id));
        }
        match self.s.style {
            Style::Header if named > 0 => out.push(format!("Accept: application/vnd.shop.v{named}+json")),
            Style::Pin => out.push(format!("Authorization: Bearer client-{account}")),
            _ => {}
        }
        out.push(String::new());
        let promised = self.registry.schema(s.shape);
        let status = match s.answer {
            Answer::Gone | Answer::Brownout => "410 Gone",
            Answer::Withdrawn => "404 Not Found",
            Answer::Broken(Why::FieldRequired | Why::NoteTooLong) => "400 Bad Request",
            _ if s.creates && promised.accepts => "202 Accepted",
            _ if s.creates => "201 Created",
            _ => "200 OK",
        };
        out.push(format!("HTTP/1.1 {status}"));
        if self.s.headers {
            out.extend(s.end.fields(s.version).into_iter().map(|(name, value)| format!("{name}: {value}")));
        }
        let good = status.starts_with('2');
        if !s.creates && self.s.cache > Us::ZERO {
            if good {
                out.push(format!("Cache-Control: s-maxage={}", seconds(self.s.cache)));
                match self.s.style {
                    Style::Header if self.s.vary => out.push("Vary: Accept".into()),
                    Style::Pin if self.s.vary => out.push("Vary: Authorization".into()),
                    _ => {}
                }
            } else {
                out.push("Cache-Control: no-store".into());
            }
        }
        if let Some(age) = s.age {
            out.push(format!("Age: {}", seconds(age)));
        }
        if status.starts_with("202") {
            out.push(format!("Location: {version}/{}/status", s.order.id));
        } else if good {
            out.push(promised.render(&s.order).json());
        }
        out
    }

    pub(super) fn read_number(&self, which: usize, now: Us) -> Option<f64> {
        let r = &self.rates;
        let a_day = |rate: &crate::measure::series::Rate| Some(rate.count(now) as f64);
        match which {
            number::BROKEN => a_day(&r.broken),
            number::LEFT => Some(f64::from(self.left())),
            number::VOLUME => {
                let share: f64 = self.left_by_volume(self.target()).map(|who| self.share(who as usize)).sum();
                Some(100.0 * share)
            }
            number::DAYS => self.days_to_one_percent(now),
            number::COST => Some(self.cost_by(now)),
            number::MISLED => a_day(&r.misled),
            number::REFUSED => a_day(&r.brownout),
            number::RIGHT => a_day(&r.right),
            number::OLD => a_day(&r.old),
            number::HITS => percent(r.hits.count(now) as f64, r.reads.count(now) as f64),
            _ => None,
        }
    }

    pub(super) fn read_measure(&self, which: usize, args: &[f64], _now: Us) -> Option<f64> {
        let count = |of: fn(&Client) -> bool| self.clients.iter().filter(|c| of(c)).count() as f64;
        Some(match which {
            measure::HURT => count(|c| c.was_hurt),
            measure::FOOLED => count(|c| c.was_misled),
            measure::SHARE => 100.0 * f64::from(self.left()) / self.clients.len() as f64,
            measure::MOVED => self.counts.moves as f64,
            measure::MIXUPS => self.counts.mixups as f64,
            measure::ALL_BROKEN => self.seconds.sum(args, |s| s.broken.into())?,
            measure::ALL_CALLS => self.seconds.sum(args, |s| s.calls.into())?,
            measure::FELT => count(|c| c.felt_brownout),
            measure::REACHED => count(|c| c.seen_header),
            measure::GONE => self.counts.gone as f64,
            measure::LIVE => self.live() as f64,
            measure::WOULD => f64::from(self.harmed(*What::ALL.get(*args.first()? as usize)?)?.1),
            measure::SHARED => self.registry.adapters(self.oldest_live()) as f64,
            _ => return None,
        })
    }

    pub(super) fn totals(&self) -> Vec<(&'static str, u64)> {
        let c = &self.counts;
        vec![
            ("calls", c.calls),
            ("right", c.right),
            ("misled", c.misled),
            ("broken", c.broken),
            ("gone", c.gone),
            ("withdrawn", c.withdrawn),
            ("brownout", c.brownout),
            ("mixups", c.mixups),
            ("hits", c.hits),
            ("reads", c.reads),
            ("moves", c.moves),
            ("mails", c.mails),
            ("changes", c.changes),
        ]
    }

    /// Laws that hold after every event.
    pub(super) fn laws(&self, now: Us) -> Result<(), String> {
        let c = &self.counts;
        let parts = [
            ("right", c.right),
            ("misled", c.misled),
            ("broken", c.broken),
            ("gone", c.gone),
            ("withdrawn", c.withdrawn),
            ("in a brownout", c.brownout),
        ];
        balance("calls", c.calls, &parts)?;
        let on: u64 = self.tallies().iter().map(|t| u64::from(t.clients)).sum();
        balance("clients", self.clients.len() as u64, &[("on their versions", on)])?;
        for (i, e) in self.ends.iter().enumerate() {
            if let Some(sunset) = e.sunset
                && e.deprecated.is_none_or(|d| d > sunset)
            {
                return Err(format!("v{}: the sunset is before the deprecation", i + 1));
            }
        }
        // What each version is sent is what its own renderer writes, and valid there.
        let order = self.order((now.0 % 1_009) as u32, self.registry.head().statuses);
        for v in 1..=self.registry.newest() {
            let schema = self.registry.schema(self.registry.shape_of(v));
            let served = self.registry.serve(v, &order);
            if served != schema.render(&order) || !schema.admits(&served) {
                return Err(format!(
                    "v{v} is sent {}, it was promised {}",
                    served.json(),
                    schema.render(&order).json()
                ));
            }
        }
        let keeps_apart = self.s.vary || matches!(self.s.style, Style::Path | Style::Query);
        if keeps_apart && !self.was_blind && c.mixups > 0 && self.s.style != Style::Pin {
            return Err(format!("{} answers for another version although caches can tell them apart", c.mixups));
        }
        if c.changes == 0 && c.broken + c.misled > 0 && c.mixups == 0 && !self.may_be_surprised() {
            return Err(format!("{} calls broken, {} misled, and nothing was shipped", c.broken, c.misled));
        }
        Ok(())
    }

    /// Clients that name no version are sent one that they were not written for.
    fn may_be_surprised(&self) -> bool {
        matches!(self.s.style, Style::Header | Style::Query)
    }
}

/// A span of the calendar in whole seconds.
fn seconds(span: Us) -> u64 {
    span.0 * 86_400 / DAY.0
}
