//! Closed forms: overlays on screen, oracles in tests.
//!
//! Notation is that of the textbooks (Kleinrock, *Queueing Systems*, 1975; Gross and Harris,
//! *Fundamentals of Queueing Theory*): λ arrivals a second, μ the rate of one server, c servers,
//! ρ = λ/(cμ). Times are in seconds. `None` where no steady state exists.

/// Erlang C: the probability that an arrival at an M/M/c queue has to wait.
pub fn erlang_c(servers: u32, lambda: f64, mu: f64) -> Option<f64> {
    let a = lambda / mu;
    let rho = a / f64::from(servers);
    if servers == 0 || lambda < 0.0 || mu <= 0.0 || rho >= 1.0 {
        return None;
    }
    // Erlang B by its recursion, which neither overflows nor cancels; then B turns into C.
    let mut b = 1.0;
    for k in 1..=servers {
        b = a * b / (f64::from(k) + a * b);
    }
    Some(b / (1.0 - rho * (1.0 - b)))
}

/// Mean wait before service of M/M/c.
pub fn mmc_wait_mean(servers: u32, lambda: f64, mu: f64) -> Option<f64> {
    Some(erlang_c(servers, lambda, mu)? / (f64::from(servers) * mu - lambda))
}

/// The p-quantile of the wait before service of M/M/c, first in, first out: zero for the share that
/// does not wait, exponential with rate cμ - λ for the rest.
pub fn mmc_wait_quantile(servers: u32, lambda: f64, mu: f64, p: f64) -> Option<f64> {
    let waits = erlang_c(servers, lambda, mu)?;
    if !(0.0..1.0).contains(&p) {
        return None;
    }
    if waits <= 1.0 - p {
        return Some(0.0);
    }
    Some(libm::log(waits / (1.0 - p)) / (f64::from(servers) * mu - lambda))
}

/// The p-quantile of the time in an M/M/c system, wait and service together: of those who wait, the sum of two
/// exponentials with rates cμ - λ and μ (Gross and others, *Fundamentals of Queueing Theory*, 2008, section 2.3).
pub fn mmc_sojourn_quantile(servers: u32, lambda: f64, mu: f64, p: f64) -> Option<f64> {
    let waits = erlang_c(servers, lambda, mu)?;
    if !(0.0..1.0).contains(&p) {
        return None;
    }
    let delta = f64::from(servers) * mu - lambda;
    let longer = |t: f64| {
        let both = if (delta - mu).abs() < 1e-9 * mu {
            (1.0 + mu * t) * libm::exp(-mu * t)
        } else {
            (delta * libm::exp(-mu * t) - mu * libm::exp(-delta * t)) / (delta - mu)
        };
        (1.0 - waits) * libm::exp(-mu * t) + waits * both
    };
    let (mut low, mut high) = (0.0, 1.0 / mu);
    while longer(high) > 1.0 - p {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if longer(middle) > 1.0 - p { low = middle } else { high = middle }
    }
    Some(high)
}

/// The chance that at least one of n is, if each is with probability p: that any of n servers is slow, or that any of
/// n traces is kept.
pub fn any_of(n: u32, p: f64) -> f64 {
    1.0 - libm::pow(1.0 - p, f64::from(n))
}

/// M/M/1/K (room for K in all, the one in service included).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mm1k {
    /// Share of arrivals that find it full.
    pub blocked: f64,
    /// Mean wait before service of those who get in.
    pub wait_mean: f64,
    /// Completions a second.
    pub throughput: f64,
}

/// Defined for every load: the bound makes it stable.
pub fn mm1k(lambda: f64, mu: f64, room: u32) -> Option<Mm1k> {
    if room == 0 || lambda <= 0.0 || mu <= 0.0 {
        return None;
    }
    let rho = lambda / mu;
    // The weights are summed as they are: no closed form that cancels near ρ = 1.
    let (mut weight, mut total, mut waiting) = (1.0, 1.0, 0.0);
    for n in 1..=room {
        weight *= rho;
        total += weight;
        waiting += f64::from(n - 1) * weight;
        if total > 1e200 {
            (weight, total, waiting) = (weight / 1e200, total / 1e200, waiting / 1e200);
        }
    }
    let blocked = weight / total;
    let throughput = lambda * (1.0 - blocked);
    Some(Mm1k { blocked, wait_mean: waiting / total / throughput, throughput })
}

/// Erlang B: the share of arrivals that find all of c servers busy and leave (M/M/c/c), at a load of
/// `erlangs` = λ/μ.
pub fn erlang_b(servers: u32, erlangs: f64) -> f64 {
    (1..=servers).fold(1.0, |b, k| erlangs * b / (f64::from(k) + erlangs * b))
}

/// M/M/c/K: c servers and room for K in all, those in service included (K at least c).
pub fn mmck(servers: u32, lambda: f64, mu: f64, room: u32) -> Option<Mm1k> {
    if servers == 0 || room < servers || lambda <= 0.0 || mu <= 0.0 {
        return None;
    }
    // As for one server: each state's weight from the one before, and nothing that cancels.
    let (mut weight, mut total, mut waiting) = (1.0, 1.0, 0.0);
    for n in 1..=room {
        weight *= lambda / (f64::from(n.min(servers)) * mu);
        total += weight;
        waiting += f64::from(n.saturating_sub(servers)) * weight;
        if total > 1e200 {
            (weight, total, waiting) = (weight / 1e200, total / 1e200, waiting / 1e200);
        }
    }
    let blocked = weight / total;
    let throughput = lambda * (1.0 - blocked);
    Some(Mm1k { blocked, wait_mean: waiting / total / throughput, throughput })
}

/// Mean wait before service of M/D/1: half of M/M/1's.
pub fn md1_wait_mean(lambda: f64, mu: f64) -> Option<f64> {
    let rho = lambda / mu;
    (mu > 0.0 && (0.0..1.0).contains(&rho)).then(|| rho / (2.0 * mu * (1.0 - rho)))
}

/// Relative standard error of the mean wait over one M/M/1 run of `customers`.
pub fn mm1_wait_error(rho: f64, customers: f64) -> f64 {
    let idle = 1.0 - rho;
    libm::sqrt((2.0 + 5.0 * rho - 4.0 * rho * rho + rho * rho * rho) / (rho * idle * idle * customers))
}

/// Goodput of a server of capacity C offered λ, when each refusal costs the share κ of a request.
pub fn goodput_with_refusals(capacity: f64, lambda: f64, kappa: f64) -> f64 {
    if lambda <= capacity {
        return lambda;
    }
    crate::order::between((capacity - kappa * lambda) / (1.0 - kappa), 0.0, capacity)
}

/// Interactive response time law: N users who think for Z between requests that take R complete
/// N/(Z+R) a second (Denning and Buzen, "The Operational Analysis of Queueing Network Models", 1978).
pub fn interactive_throughput(users: f64, think: f64, response: f64) -> f64 {
    users / (think + response)
}

/// So many keys that each get this share of all requests: Zipf's law, or any other, in a few pieces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class {
    pub keys: f64,
    pub share: f64,
}

/// A cache of fixed size under independent requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Characteristic {
    /// How many requests pass before an entry that is not asked for again is gone.
    pub requests: f64,
    /// Share of requests that hit.
    pub hit: f64,
}

/// LRU by Che's approximation (Fricker, Robert and Roberts, "A versatile and accurate approximation
/// for LRU cache performance", ITC 2012): every entry stays for the same characteristic time t since
/// its last use, so a key of share q is there with probability 1 - e^(-qt), and t is such that the
/// entries fill the cache. `None` when every key fits.
pub fn che(classes: &[Class], capacity: f64) -> Option<Characteristic> {
    characteristic(classes, capacity, lru_present)
}

/// First in, first out: the time counts from when an entry came in, so a key is there with
/// probability qt/(1 + qt), as with a time to live.
pub fn fifo(classes: &[Class], capacity: f64) -> Option<Characteristic> {
    characteristic(classes, capacity, fifo_present)
}

fn lru_present(x: f64) -> f64 {
    -libm::expm1(-x)
}

fn fifo_present(x: f64) -> f64 {
    x / (1.0 + x)
}

/// (entries, hit ratio) when every key is there with probability `present(qt)`.
fn filled(classes: &[Class], t: f64, present: fn(f64) -> f64) -> (f64, f64) {
    classes.iter().fold((0.0, 0.0), |(entries, hit), c| {
        let p = present(c.share * t);
        (entries + c.keys * p, hit + c.keys * c.share * p)
    })
}

fn characteristic(classes: &[Class], capacity: f64, present: fn(f64) -> f64) -> Option<Characteristic> {
    // Keys that nobody asks for never come in.
    let keys: f64 = classes.iter().filter(|c| c.share > 0.0).map(|c| c.keys).sum();
    if capacity <= 0.0 || capacity >= keys {
        return None;
    }
    let (mut low, mut high) = (0.0, capacity);
    while filled(classes, high, present).0 < capacity {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if filled(classes, middle, present).0 < capacity {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(Characteristic { requests: high, hit: filled(classes, high, present).1 })
}

/// (entries, hit ratio) for caches from one entry to all keys: the whole curve without solving for
/// anything, since each characteristic time has its size.
pub fn hit_curve(classes: &[Class], points: usize, lru: bool) -> Vec<(f64, f64)> {
    let keys: f64 = classes.iter().map(|c| c.keys).sum();
    let present = if lru { lru_present } else { fifo_present };
    let mut curve = Vec::with_capacity(points + 1);
    let mut t = 1.0;
    while curve.len() < points {
        let (entries, hit) = filled(classes, t, present);
        if entries >= 0.999 * keys {
            break;
        }
        curve.push((entries, hit));
        t *= 1.35;
    }
    curve.push((keys, 1.0));
    curve
}

/// The most that any cache of this size can hit when requests are independent: it holds the most
/// popular keys for ever.
pub fn static_best(classes: &[Class], capacity: f64) -> f64 {
    let mut room = capacity;
    classes.iter().fold(0.0, |hit, c| {
        let keys = c.keys.min(room);
        room -= keys;
        hit + keys * c.share
    })
}

/// Chance that a read τ seconds after a write misses it, on a copy that is late by an exponential time
/// of mean D: e^(-τ/D).
pub fn stale_after(tau: f64, mean_lag: f64) -> f64 {
    if mean_lag > 0.0 { libm::exp(-tau / mean_lag) } else { 0.0 }
}

/// Reads a second that `nodes` can do together, each of C units a second, when every one of them
/// repeats all w writes: nodes·(C - w). More copies never raise what can be written.
pub fn read_capacity(nodes: f64, capacity: f64, writes: f64) -> f64 {
    nodes * (capacity - writes).max(0.0)
}

/// How many times one machine any number of shards can do while one key, on one of them, gets this
/// share of all requests.
pub fn shard_speed_up_max(top_share: f64) -> f64 {
    1.0 / top_share
}

/// Hit ratio of one key that is asked for `rate` times a second and kept for `ttl` seconds.
pub fn ttl_hit(rate: f64, ttl: f64) -> f64 {
    rate * ttl / (1.0 + rate * ttl)
}

/// Misses a second when nothing is evicted and entries live for `ttl` seconds: never more than one
/// per key and lifetime.
pub fn ttl_misses(classes: &[Class], rate: f64, ttl: f64) -> f64 {
    classes.iter().map(|c| c.keys * rate * c.share / (1.0 + rate * c.share * ttl)).sum()
}

/// XFetch (Vattani, Chierichetti and Lowenstein, VLDB 2015): how many recompute around one expiry.
///
/// With x left until expiry a read recomputes with probability e^(-x/(βδ)), so reads of rate λ have
/// triggered Λ(x) = λβδ·e^(-x/(βδ)) times on average. The first trigger comes when Λ reaches a unit
/// exponential E. The value arrives δ later, and until then others trigger too: E·(e^(1/β) - 1) of
/// them. The mean of E is 1, so the mean of all is e^(1/β): neither λ nor δ matters, as long as
/// λβδ is large and the old value is served meanwhile.
pub fn xfetch_recomputations(beta: f64) -> f64 {
    libm::exp(1.0 / beta)
}

/// How long before the expiry the first of them comes, in the unit of `delta`: βδ(ln(λβδ) + γ),
/// since the mean of -ln E is Euler's constant.
pub fn xfetch_lead(rate: f64, delta: f64, beta: f64) -> f64 {
    beta * delta * (libm::log(rate * beta * delta) + 0.577_215_664_901_532_9)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean wait in units of the service time: rows c = 1, 2, 4, 8, 16, 32.
    #[test]
    fn erlang_c_table() {
        let loads = [0.5, 0.7, 0.8, 0.9, 0.95];
        let table: [(u32, [Option<f64>; 5], f64); 6] = [
            (1, [Some(1.0), Some(2.333), Some(4.0), Some(9.0), Some(19.0)], 0.0006),
            (2, [Some(0.333), Some(0.961), Some(1.778), Some(4.263), Some(9.256)], 0.0006),
            (4, [Some(0.0870), Some(0.357), Some(0.746), Some(1.969), Some(4.457)], 0.0006),
            (8, [Some(0.0148), Some(0.113), Some(0.286), Some(0.877), Some(2.110)], 0.0006),
            (16, [Some(0.0011), Some(0.027), Some(0.0953), Some(0.370), Some(0.975)], 0.0006),
            (32, [None, Some(0.004), Some(0.025), Some(0.143), Some(0.435)], 0.0006),
        ];
        for (c, row, tolerance) in table {
            for (rho, expected) in loads.iter().zip(row) {
                let got = mmc_wait_mean(c, rho * f64::from(c), 1.0).unwrap();
                if let Some(e) = expected {
                    assert!((got - e).abs() < tolerance, "c={c} rho={rho}: {got} for {e}");
                }
            }
        }
        assert_eq!(mmc_wait_mean(2, 2.0, 1.0), None);
    }

    #[test]
    fn quantiles_invert_the_tail() {
        // M/M/1 at 0.8: P(wait > t) = 0.8 exp(-0.2 t).
        let t = mmc_wait_quantile(1, 0.8, 1.0, 0.99).unwrap();
        assert!((0.8 * libm::exp(-0.2 * t) - 0.01).abs() < 1e-12);
        assert_eq!(mmc_wait_quantile(4, 2.0, 1.0, 0.5), Some(0.0));
    }

    #[test]
    fn bounded_queues() {
        // At ρ = 1 all K+1 states are equally likely.
        let q = mm1k(1.0, 1.0, 4).unwrap();
        assert!((q.blocked - 0.2).abs() < 1e-12);
        assert!((q.wait_mean - (6.0 / 5.0) / 0.8).abs() < 1e-12);
        // Far above capacity throughput is the capacity; far below nobody is blocked.
        assert!((mm1k(10.0, 1.0, 500).unwrap().throughput - 1.0).abs() < 1e-9);
        assert!(mm1k(0.1, 1.0, 50).unwrap().blocked < 1e-12);
        assert!((mm1k(0.8, 1.0, 400).unwrap().wait_mean - 4.0).abs() < 1e-9);
        assert!((md1_wait_mean(0.8, 1.0).unwrap() - 2.0).abs() < 1e-12);
    }

    #[test]
    fn bounded_queues_of_many_servers() {
        // One server is M/M/1/K; no room to wait is Erlang's B.
        let (one, many) = (mm1k(1.5, 1.0, 10).unwrap(), mmck(1, 1.5, 1.0, 10).unwrap());
        assert!((one.blocked - many.blocked).abs() < 1e-12 && (one.wait_mean - many.wait_mean).abs() < 1e-12);
        assert!((mmck(10, 8.0, 1.0, 10).unwrap().blocked - erlang_b(10, 8.0)).abs() < 1e-12);
        assert!((erlang_b(1, 1.0) - 0.5).abs() < 1e-12);
        // 15 erlangs for ten servers: six times the room, the same loss, six times the wait.
        let (small, large) = (mmck(10, 15.0, 1.0, 20).unwrap(), mmck(10, 15.0, 1.0, 60).unwrap());
        assert!((small.blocked - 0.334).abs() < 0.0005 && (small.wait_mean - 0.81).abs() < 0.005);
        assert!((large.blocked - 0.333).abs() < 0.0005 && (large.wait_mean - 4.8).abs() < 0.05);
        assert_eq!(mmck(10, 1.0, 1.0, 9), None);
    }

    #[test]
    fn the_price_of_no() {
        let at = |kappa| goodput_with_refusals(1_700.0, 10_000.0, kappa);
        assert_eq!(at(0.0).round(), 1_700.0);
        assert_eq!(at(0.02).round(), 1_531.0);
        assert_eq!(at(0.10).round(), 778.0);
        assert_eq!(at(0.17).round(), 0.0);
        assert_eq!(goodput_with_refusals(1_700.0, 1_000.0, 0.5), 1_000.0);
    }

    /// Oracle's demonstration: 9,600 threads that think 550 ms, with a pool of 2,048 and one of 96.
    #[test]
    fn the_interactive_law() {
        assert!((interactive_throughput(9_600.0, 0.550, 0.033 + 0.077) - 14_545.0).abs() < 1.0);
        assert!((interactive_throughput(9_600.0, 0.550, 0.001 + 0.002) - 17_360.0).abs() < 1.0);
    }

    #[test]
    fn the_error_of_a_run() {
        assert!((mm1_wait_error(0.8, 50_000.0) - 0.0507).abs() < 0.0011);
    }

    #[test]
    fn caches_by_formula() {
        let same = [Class { keys: 100.0, share: 0.01 }];
        // All equally popular: any policy hits what its share of the keys is.
        for hit in [che(&same, 40.0).unwrap().hit, fifo(&same, 40.0).unwrap().hit, static_best(&same, 40.0)] {
            assert!((hit - 0.4).abs() < 1e-9, "{hit}");
        }
        assert_eq!((che(&same, 100.0), che(&same, 0.0)), (None, None));
        let one = [Class { keys: 1.0, share: 1.0 }, Class { keys: 99.0, share: 0.0 }];
        assert_eq!((che(&one, 10.0), static_best(&one, 10.0)), (None, 1.0));
        for lru in [true, false] {
            let curve = hit_curve(&same, 60, lru);
            assert!(curve.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1));
            assert!(curve.iter().all(|(c, hit)| (hit - c / 100.0).abs() < 1e-6));
        }
        assert!((ttl_misses(&same, 1_000.0, 60.0) - 100.0 / 60.1).abs() < 1e-9);
    }
}
