//! What the refused client is told: the status, the header fields and the problem document.
//!
//! ```text
//!   [limiter] --decision--> [header writer] --429, Retry-After, RateLimit--> client
//! ```
//!
//! - `429 Too Many Requests`: RFC 6585, section 4. It may carry `Retry-After`.
//! - `Retry-After`: RFC 9110, section 10.2.3. Whole seconds (or a date), so a wait of 0.6 s has to
//!   be rounded **up**: rounded down, everybody comes back too early.
//! - `RateLimit-Policy` and `RateLimit`: draft-ietf-httpapi-ratelimit-headers-11, structured fields:
//!   `q` quota, `w` window in seconds, `r` remaining, `t` seconds until there is more. If both are
//!   there, `Retry-After` wins.
//! - `RateLimit-Limit`, `-Remaining`, `-Reset`: the three fields of earlier versions of the draft,
//!   still the most common. `Reset` speaks of the whole quota, not of the next request.
//! - The body is a problem document (RFC 9457) of the draft's type `quota-exceeded`.
//!
//! Leaves out: dates instead of seconds, partition keys (`pk`), several policies in one response.

use super::limiter::{Decision, Policy};
use crate::kernel::Us;

/// Which fields the service sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// `RateLimit-Policy`, `RateLimit` and, on a refusal, `Retry-After`.
    Draft,
    /// `RateLimit-Limit`, `-Remaining` and `-Reset`, and no `Retry-After`.
    Legacy,
    /// A bare 429.
    Bare,
}

impl Fields {
    pub const ALL: [Fields; 3] = [Fields::Draft, Fields::Legacy, Fields::Bare];
}

pub const PROBLEM_TYPE: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// A span in whole seconds, rounded up: a header must never invite anybody too early.
pub fn whole_seconds(span: Us) -> u64 {
    span.0.div_ceil(1_000_000)
}

/// How long a client that believes these fields waits after this refusal; `None` if they do not
/// say, because there are none or because the request can never pass.
pub fn told_to_wait(fields: Fields, decision: &Decision) -> Option<Us> {
    let seconds = match fields {
        Fields::Draft => decision.retry_after.map(whole_seconds),
        Fields::Legacy => decision.retry_after.map(|_| whole_seconds(decision.reset_after)),
        Fields::Bare => None,
    };
    seconds.map(Us::s)
}

/// The status of the answer: 200 stands for whatever the API says when it is asked.
pub fn status(decision: &Decision) -> u16 {
    if decision.admitted { 200 } else { 429 }
}

/// The header fields, in the order they are written.
pub fn fields(fields: Fields, policy: &Policy, d: &Decision) -> Vec<(&'static str, String)> {
    let window_s = whole_seconds(policy.window);
    let mut out = Vec::new();
    match fields {
        Fields::Draft => {
            if let (false, Some(after)) = (d.admitted, d.retry_after) {
                out.push(("Retry-After", whole_seconds(after).to_string()));
            }
            out.push(("RateLimit-Policy", format!("\"default\";q={};w={window_s}", policy.limit)));
            let t = d.more_after.map_or(String::new(), |t| format!(";t={}", whole_seconds(t)));
            out.push(("RateLimit", format!("\"default\";r={}{t}", d.remaining)));
        }
        Fields::Legacy => {
            out.push(("RateLimit-Limit", policy.limit.to_string()));
            out.push(("RateLimit-Remaining", d.remaining.to_string()));
            out.push(("RateLimit-Reset", whole_seconds(d.reset_after).to_string()));
        }
        Fields::Bare => {}
    }
    if !d.admitted {
        out.push(("Content-Type", "application/problem+json".to_string()));
    }
    out
}

/// The body of a refusal; `None` for a request that was admitted.
pub fn problem(d: &Decision) -> Option<String> {
    (!d.admitted).then(|| {
        format!(
            "{{\"type\": \"{PROBLEM_TYPE}\", \"title\": \"Quota exceeded\", \"status\": 429, \
             \"violated-policies\": [\"default\"]}}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::limiter::{Algorithm, Limiter};

    const POLICY: Policy = Policy { limit: 100, window: Us::s(60), burst: 10 };

    fn after_ten(algorithm: Algorithm) -> Decision {
        let mut l = Limiter::new(algorithm);
        for _ in 0..10 {
            l.ask(&POLICY, 0, 1);
        }
        l.ask(&POLICY, 0, 1)
    }

    #[test]
    fn a_refusal_in_the_current_draft() {
        let d = after_ten(Algorithm::Gcra);
        assert_eq!(status(&d), 429);
        let lines: Vec<String> = fields(Fields::Draft, &POLICY, &d).iter().map(|(k, v)| format!("{k}: {v}")).collect();
        assert_eq!(
            lines,
            [
                "Retry-After: 1",
                "RateLimit-Policy: \"default\";q=100;w=60",
                "RateLimit: \"default\";r=0;t=1",
                "Content-Type: application/problem+json",
            ]
        );
        assert!(problem(&d).is_some_and(|p| p.contains("#quota-exceeded")));
    }

    #[test]
    fn the_older_fields_speak_of_the_whole_quota() {
        let d = after_ten(Algorithm::Gcra);
        let lines = fields(Fields::Legacy, &POLICY, &d);
        // All ten are back after 6 s; the next one after 0.6 s. Legacy clients wait for all.
        assert_eq!(lines[2], ("RateLimit-Reset", "6".to_string()));
        assert_eq!(told_to_wait(Fields::Legacy, &d), Some(Us::s(6)));
        assert_eq!(told_to_wait(Fields::Draft, &d), Some(Us::s(1)));
        assert_eq!(told_to_wait(Fields::Bare, &d), None);
    }

    #[test]
    fn an_admitted_request_learns_what_remains() {
        let d = Limiter::new(Algorithm::FixedWindow).ask(&POLICY, 45_000_000, 1);
        assert_eq!(status(&d), 200);
        assert_eq!(fields(Fields::Draft, &POLICY, &d)[1], ("RateLimit", "\"default\";r=99;t=15".to_string()));
        assert_eq!(problem(&d), None);
    }

    /// Retry-After never invites earlier than the fields say there is more.
    #[test]
    fn retry_after_is_not_before_t() {
        for a in Algorithm::ALL {
            let mut l = Limiter::new(a);
            for i in 0..400i64 {
                let d = l.ask(&POLICY, i * 50_000, 1 + (i % 3) as u64);
                if let (Some(after), Some(more)) = (d.retry_after, d.more_after) {
                    assert!(whole_seconds(after) >= whole_seconds(more), "{a:?} {d:?}");
                }
            }
        }
    }
}
