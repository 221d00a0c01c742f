//! Waiting lines: Erlang, M/M/1/K, M/D/1, the operational laws, the price of a refusal.

use super::Tolerance::{Absolute, Percent};
use super::{Law, asked, together};
use crate::blocks::bulkhead::Bulkhead;
use crate::kernel::{Queue, Stream, Us};
use crate::questions::{
    backpressure, million_rpm_architecture as million, service_communication as communication, slow_db_queries as slow,
    traffic_spike_10x as spike,
};
use crate::{plain_queue, theory};

const BOOK: (&str, &str) = ("D. Gross, C. M. Harris: Fundamentals of Queueing Theory", "");
const KLEINROCK: (&str, &str) = ("L. Kleinrock: Queueing Systems, volume 1, 1975", "");
const LITTLE: (&str, &str) =
    ("J. D. C. Little: A Proof for the Queuing Formula L = λW, 1961", "https://doi.org/10.1287/opre.9.3.383");
const DENNING: (&str, &str) = (
    "P. J. Denning, J. P. Buzen: The Operational Analysis of Queueing Network Models, 1978",
    "https://doi.org/10.1145/356733.356735",
);
const GUNTHER: (&str, &str) =
    ("N. J. Gunther: Guerrilla Capacity Planning, 2007", "https://doi.org/10.1007/978-3-540-31010-5");

pub(super) fn laws() -> Vec<Law> {
    let mut laws: Vec<Law> = erlang_c().into();
    laws.extend(bounded());
    laws.extend([deterministic(), pool(), erlang_b(), interactive(), little(), utilisation(), little_plan()]);
    laws.extend([two_balances(), refusals()]);
    laws
}

/// n >= 20/(eps^2 (1-rho)^2) customers make eps two standard errors.
fn customers(rho: f64, eps: f64) -> u64 {
    libm::ceil(20.0 / (eps * eps * (1.0 - rho) * (1.0 - rho))) as u64
}

/// Mean and p99 of the wait for c servers at three loads.
fn erlang_c() -> [Law; 2] {
    let mut mean = Law::new("erlang-c", "Mean wait with several workers", Percent(3.0))
        .says("Poisson arrivals, exponential work, one line: the mean wait before service of c workers at load ρ.")
        .formula("C(c, λ/μ) / (cμ − λ)")
        .source(BOOK.0, BOOK.1)
        .unit("s");
    let mut tail = Law::new("erlang-c-p99", "The slowest hundredth", Percent(6.0))
        .says("The 99th percentile of the same waits: they are exponential for those who wait at all. Read from a histogram whose steps are 3 %.")
        .formula("ln(100 · C(c, λ/μ)) / (cμ − λ)")
        .source(BOOK.0, BOOK.1)
        .unit("s");
    for servers in [1u32, 4, 16] {
        for rho in [0.5, 0.8, 0.9] {
            let (mu, lambda) = (10.0, rho * 10.0 * f64::from(servers));
            // Where almost nobody waits (16 workers half busy: one in a hundred) the few waits need a longer run.
            let rare = theory::erlang_c(servers, lambda, mu).map_or(0.0, |waits| 1.0 / waits);
            let n = customers(rho, 0.03).max((rare * 60_000.0) as u64).max(400_000);
            let [waits, p99] = together(move |seed| {
                plain_queue(servers, lambda, mu, None, n, seed)
                    .map_or([f64::NAN; 2], |got| [got.mean_wait_s, got.p99_wait_s.unwrap_or(f64::NAN)])
            });
            let label = format!("c = {servers}, ρ = {rho}");
            let expected = |v: Option<f64>| v.unwrap_or(f64::NAN);
            mean = mean.case(&label, expected(theory::mmc_wait_mean(servers, lambda, mu)), waits);
            // With so few who wait the percentile lies at the edge of those who do not.
            if rare < 80.0 {
                tail = tail.case(label, expected(theory::mmc_wait_quantile(servers, lambda, mu, 0.99)), p99);
            }
        }
    }
    [mean, tail]
}

/// M/M/1/K and M/M/c/K: the plain queue, and the question about backpressure.
fn bounded() -> [Law; 2] {
    let mut loss = Law::new("mm1k-loss", "Bigger queue, same loss", Percent(3.0))
        .says("A room for K, those in service included: the share that is turned away. Above capacity it hardly depends on K.")
        .formula("P = (1 − ρ)ρᴷ / (1 − ρᴷ⁺¹); several workers: M/M/c/K")
        .source(KLEINROCK.0, KLEINROCK.1)
        .unit("%");
    let mut delay = Law::new("mm1k-delay", "Bigger queue, longer wait", Percent(3.0))
        .says("The same rooms: the mean time of those who are let in. What more room buys is this.")
        .formula("W = L / (λ(1 − P))")
        .source(KLEINROCK.0, KLEINROCK.1)
        .unit("ms");
    for (rho, room) in [(0.8, 3), (1.0, 5), (2.0, 10)] {
        let [blocked, waits] = together(move |seed| {
            plain_queue(1, rho * 10.0, 10.0, Some(room), 600_000, seed)
                .map_or([f64::NAN; 2], |got| [100.0 * got.blocked as f64 / got.customers as f64, 1e3 * got.mean_wait_s])
        });
        let law = theory::mm1k(rho * 10.0, 10.0, room);
        let label = format!("c = 1, ρ = {rho}, K = {room}");
        loss = loss.case(&label, law.map_or(f64::NAN, |l| 100.0 * l.blocked), blocked);
        delay = delay.case(label + ", before service", law.map_or(f64::NAN, |l| 1e3 * l.wait_mean), waits);
    }
    for (workers, rate, room, until) in [
        (1u32, 150u32, 10u32, 3_000u64),
        (1, 150, 100, 3_000),
        (1, 80, 10, 3_000),
        (10, 1_500, 20, 300),
        (10, 1_500, 60, 300),
    ] {
        let [lost, took] = together(move |seed| {
            let (c, rate, k) = (workers.to_string(), rate.to_string(), room.to_string());
            let knobs = [("workers", &*c), ("rate", &*rate), ("bound", &*k), ("db_share", "0")];
            let asks = [format!("loss(10s, {until}s)"), format!("delay_mean(10s, {until}s)")];
            asked(&backpressure::QUESTION, seed, &knobs, &[], Us::s(until), [&asks[0], &asks[1]])
        });
        let law = theory::mmck(workers, f64::from(rate), 100.0, room);
        let label = format!("question backpressure: c = {workers}, ρ = {}, K = {room}", rate / workers / 100);
        let label = if rate == 80 { label.replace("ρ = 0", "ρ = 0.8") } else { label.replace("ρ = 1", "ρ = 1.5") };
        loss = loss.case(&label, law.map_or(f64::NAN, |l| 100.0 * l.blocked), lost);
        // The question counts the service of 10 ms as well.
        delay = delay.case(label, law.map_or(f64::NAN, |l| 1e3 * l.wait_mean + 10.0), took);
    }
    [loss, delay]
}

fn deterministic() -> Law {
    let mut law = Law::new("md1", "Work that is always the same", Percent(3.0))
        .says("One worker, Poisson arrivals, every request exactly 10 ms: people wait half as long as with exponential work. The time includes the 10 ms.")
        .formula("W = ρS / (2(1 − ρ)) + S")
        .source(KLEINROCK.0, KLEINROCK.1)
        .unit("ms");
    for (rate, until) in [(50u32, 3_000u64), (80, 3_000), (90, 6_000)] {
        let expected = theory::md1_wait_mean(f64::from(rate), 100.0).map_or(f64::NAN, |w| 1e3 * w + 10.0);
        law = law.case(format!("ρ = {}", f64::from(rate) / 100.0), expected, move |seed| {
            let rate = rate.to_string();
            let knobs = [
                ("rate", &*rate),
                ("law", "fixed"),
                ("db_share", "0"),
                ("bound", "0"),
                ("memory", "200000"),
                ("patience", "60000"),
            ];
            let ask = format!("delay_mean(10s, {until}s)");
            asked(&backpressure::QUESTION, seed, &knobs, &[], Us::s(until), [&ask])[0]
        });
    }
    law
}

/// β = 0, α = 0 and no round trip: statements do not notice each other, and the pool is M/M/c.
fn pool() -> Law {
    let mut law = Law::new("pool-erlang-c", "A pool before a linear database", Percent(3.5))
        .says("Where statements do not slow each other down, a pool of c connections is an Erlang queue: the mean wait for one.")
        .formula("C(c, λ/μ) / (cμ − λ)")
        .source(BOOK.0, BOOK.1)
        .unit("ms");
    for (servers, rate, until) in [(2u32, 320u32, 1_500u64), (4, 640, 900), (8, 1_280, 450)] {
        let expected = theory::mmc_wait_mean(servers, f64::from(rate), 200.0).map_or(f64::NAN, |w| 1e3 * w);
        law = law.case(format!("c = {servers}, ρ = 0.8"), expected, move |seed| {
            let (c, load) = (servers.to_string(), rate.to_string());
            let knobs = [("pool", &*c), ("rate", &*load), ("alpha", "0"), ("beta", "0"), ("rtt", "0"), ("burst", "1")];
            let ask = format!("mean_ms(5s, {until}s)");
            // Without the 5 ms of the statement itself.
            asked(&slow::QUESTION, seed, &knobs, &[], Us::s(until), [&ask])[0] - 5.0
        });
    }
    law
}

/// Work that begins at once and leaves when it is done, whatever the other compartments do.
fn erlang_b() -> Law {
    let mut law = Law::new("erlang-b", "A bulkhead without a line", Percent(3.0))
        .says("A compartment of B places where nobody waits: the share refused, while the compartment beside it is full all the time.")
        .formula("B(c, a) by B(0) = 1, B(k) = aB(k−1) / (k + aB(k−1))")
        .source(BOOK.0, BOOK.1)
        .unit("%");
    for (room, erlangs) in [(10u32, 8u64), (5, 8), (20, 16)] {
        law = law.case(
            format!("{room} places, {erlangs} erlangs"),
            100.0 * theory::erlang_b(room, erlangs as f64),
            move |seed| {
                let mut gaps = Stream::new(seed, "accuracy", "gap", 0);
                let mut works = Stream::new(seed, "accuracy", "work", 0);
                let (mut places, mut queue) = (Bulkhead::new(room), Queue::default());
                let (mut offered, mut refused) = (0u64, 0u64);
                queue.push(Us::ZERO, 0u8);
                while places.enter(1) {}
                while let Some((now, what)) = queue.pop() {
                    if what == 1 {
                        places.leave(0);
                        continue;
                    }
                    offered += 1;
                    if places.enter(0) {
                        queue.push(now + works.exp(Us::ms(100 * erlangs)), 1);
                    } else {
                        refused += 1;
                    }
                    if offered < 400_000 {
                        queue.push(now + gaps.exp(Us::ms(100)), 0);
                    }
                }
                100.0 * refused as f64 / offered as f64
            },
        );
    }
    law
}

fn interactive() -> Law {
    let mut law = Law::new("interactive", "Users who wait and think", Percent(2.0))
        .says("N users who think for 550 ms between requests: throughput times (response + thinking) gives back the users. Before and beyond the database's knee.")
        .formula("X (R + Z) = N")
        .source(DENNING.0, DENNING.1)
        .unit("users");
    for (pool, users) in [("17", 400u32), ("17", 2_000), ("200", 2_000)] {
        law = law.case(format!("pool of {pool}, {users} users"), f64::from(users), move |seed| {
            let n = users.to_string();
            let knobs = [("arrivals", "closed"), ("users", &*n), ("pool", pool), ("burst", "1")];
            let asks = ["served_rate(60s, 120s)", "mean_ms(60s, 120s)"];
            let [rate, response] = asked(&slow::QUESTION, seed, &knobs, &[], Us::s(120), asks);
            rate * (response / 1e3 + 0.55)
        });
    }
    law
}

/// λW: 20 calls a second of 50 ms keep one worker, of a second twenty, and of 5 s a hundred, if there are so many.
fn little() -> Law {
    let mut law = Law::new("little-workers", "Workers that a slow call keeps", Percent(5.0))
        .says("20 calls a second that take W seconds each, enough workers: how many of them are waiting for an answer, looked at once a second.")
        .formula("L = λW")
        .source(LITTLE.0, LITTLE.1)
        .unit("workers")
        .seeds(4);
    for (seconds, workers) in [("1", 20.0), ("5", 100.0)] {
        law = law.case(format!("W = {seconds} s"), workers, move |seed| {
            let knobs =
                [("slow", seconds), ("fault_at", "0"), ("fault_for", "600"), ("workers", "500"), ("patience", "60000")];
            let q = &communication::QUESTION;
            let mut value = crate::kernel::RunValue::new(q);
            value.seed = seed;
            for (key, text) in knobs {
                crate::script::set_knob(q, &mut value.knobs, key, text).unwrap_or_else(|why| panic!("{why}"));
            }
            let mut run = q.run(value);
            let waiting = q.number("waiting_on").unwrap_or_default();
            let mut sum = 0.0;
            for second in 1..=400u64 {
                run.advance(Us::s(second), u64::MAX);
                sum += if second > 100 { run.number(waiting).unwrap_or(f64::NAN) } else { 0.0 };
            }
            sum / 300.0
        });
    }
    law
}

fn utilisation() -> Law {
    Law::new("utilisation", "How busy servers are", Percent(2.0))
        .says("Eight servers of 16 workers, 80 ms a request: the measured utilisation over what the measured throughput makes of it.")
        .formula("ρ = XS / c")
        .source(DENNING.0, DENNING.1)
        .unit("times the law")
        .seeds(3)
        .case("8 servers", 1.0, |seed| {
            let knobs = [
                ("rate", "800"),
                ("peak", "1"),
                ("keys", "2000"),
                ("db_rate", "400"),
                ("servers", "8"),
                ("service", "80"),
                ("hit", "0"),
                ("replicas", "9"),
            ];
            let asks = ["goodput_rate(10s, 90s)", "utilisation(10s, 90s)"];
            let [rate, busy] = asked(&million::QUESTION, seed, &knobs, &[], Us::s(90), asks);
            busy / (100.0 * rate * 0.080 / (8.0 * 16.0))
        })
}

/// The whiteboard's arithmetic, held against the question's plan.
fn little_plan() -> Law {
    let mut law = Law::new("little-plan", "A million a minute, on a napkin", Absolute(0.5))
        .says("16,667 requests a second of 100 ms, 16 workers a server, 5 % writes, two records a read, 95 % of them from the cache: what the planner of the question makes of it.")
        .formula("in flight = λS; servers = λS / (16u), and 3/2 of it to lose a zone; reads = 2λ(1 − w)(1 − h)")
        .source(LITTLE.0, LITTLE.1);
    for (label, ask, expected) in [
        ("requests in flight", "plan_in_flight", 1_667.0),
        ("servers at 100 %", "plan_servers_full", 105.0),
        ("servers at 70 %", "plan_servers_target", 149.0),
        ("servers at 70 % after a zone is lost", "plan_servers", 224.0),
        ("reads a second that miss the cache", "plan_reads", 1_583.0),
        ("reads a second with an empty cache", "plan_cold_reads", 31_667.0),
        ("writes a second", "plan_writes", 833.0),
        ("busy connections", "plan_busy_connections", 12.0),
    ] {
        law = law.case(label, expected, move |seed| {
            asked(&million::QUESTION, seed, &[("peak", "1")], &[], Us::s(0), [ask])[0]
        });
    }
    law
}

fn two_balances() -> Law {
    let db = crate::blocks::database::Usl { alone: 200.0, alpha: 0.05, beta: 0.0033 };
    let law = Law::new("usl", "A database with two balances", Percent(4.0))
        .says("The universal scalability law with α = 0.05, β = 0.0033: queries a second with n running at once, measured in a run that is stuck there after a burst.")
        .formula("X(n) = X(1) · n / (1 + α(n−1) + βn(n−1))")
        .source(GUNTHER.0, GUNTHER.1)
        .unit("queries a second");
    [60u32, 100, 200].into_iter().fold(law, |law, n| {
        law.case(format!("n = {n}"), db.throughput(f64::from(n)), move |seed| {
            let pool = n.to_string();
            // Without round trips all connections of a full pool are at work.
            let knobs = [("pool", &*pool), ("rtt", "0")];
            asked(&slow::QUESTION, seed, &knobs, &[], Us::s(60), ["served_rate(50s, 58s)"])[0]
        })
    })
}

fn refusals() -> Law {
    let law = Law::new("refusals", "What a refusal costs", Absolute(10.0))
        .says("Pods that can do 1,700 a second are offered 10,000, and each refusal costs the share κ of a request: what is still answered.")
        .formula("(C − κλ) / (1 − κ)")
        .source("arithmetic: C = g + κ(λ − g)", "")
        .unit("answers a second");
    [0u32, 2, 10, 17].into_iter().fold(law, |law, kappa| {
        let expected = theory::goodput_with_refusals(1_700.0, 10_000.0, f64::from(kappa) / 100.0);
        law.case(format!("κ = {kappa} %"), expected, move |seed| {
            let kappa = kappa.to_string();
            let knobs = [
                ("arrivals", "even"),
                ("law", "fixed"),
                ("attempts", "1"),
                ("bound", "17"),
                ("autoscale", "off"),
                ("spike_at", "0"),
                ("kappa", &*kappa),
            ];
            asked(&spike::QUESTION, seed, &knobs, &[], Us::s(62), ["goodput_rate(20s, 60s)"])[0]
        })
    })
}
