//! Deprecation: how the end of a version is announced, and what makes its clients move.
//!
//! ```text
//!   announce ------------------------- brownout -- brownout -- sunset
//!      |  Deprecation: @1735689600     answers as after          410 Gone
//!      |  Sunset: Mon, 30 Jun 2025 00:00:00 GMT     the sunset, for a while
//!      +--> changelog (everybody, nobody reads it) / header / e-mail / a call that fails
//! ```
//!
//! - `Deprecation` is a date as a structured field, `@` and seconds since 1970 (RFC 9745, section 2.1). It may lie in
//!   the future, and it changes nothing about the resource (section 5). The link relation `deprecation` leads to what
//!   there is to read about it (section 3).
//! - `Sunset` is an HTTP-date, so it ends in `GMT` (RFC 8594, section 3; RFC 9110, section 5.6.7). From then on the
//!   resource is expected to be unresponsive. It must not be before the date of the deprecation (RFC 9745, section 4).
//! - What is gone answers 410 (RFC 9110, section 15.5.11), and 410 may be stored by caches unless it says otherwise: a
//!   brownout's must say `no-store`, or it outlives the brownout.
//!
//! Clients move by *hazards*: each day a client that has not moved yet moves with a probability, which depends on what
//! has reached it. After n days at hazard h a share of (1-h)^n is left. The strongest of the standing reminders counts,
//! and a day on which a call failed comes on top. The probabilities are assumptions; the formula is not.
//!
//! Leaves out: contracts and invoices, which move clients better than any header.

use crate::kernel::Us;
use crate::order::between;

/// A day of the calendar takes one second of the run.
pub const DAY: Us = Us::s(1);
/// When runs begin: 1 January 2025, 00:00 UTC, in seconds since 1970.
pub const EPOCH_S: u64 = 1_735_689_600;

/// The moment of a run as seconds since 1970.
pub fn unix_s(at: Us) -> u64 {
    EPOCH_S + at.0 / 1_000 * 86_400 / 1_000
}

/// Year, month and day of a count of days since 1 January 1970 (the proleptic Gregorian calendar; H. Hinnant,
/// "chrono-compatible low-level date algorithms", `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the day that is sometimes there comes last.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The preferred form of an HTTP-date: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn http_date(unix_s: u64) -> String {
    let (days, s) = (unix_s / 86_400, unix_s % 86_400);
    let (year, month, day) = civil(days);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(days % 7) as usize];
    let month = MONTHS[month as usize - 1];
    format!("{weekday}, {day:02} {month} {year} {:02}:{:02}:{:02} GMT", s / 3_600, s / 60 % 60, s % 60)
}

/// A day of the calendar in short: `28 Jun 2025`.
pub fn day_name(at: Us) -> String {
    let (year, month, day) = civil(unix_s(at) / 86_400);
    format!("{day} {} {year}", MONTHS[month as usize - 1])
}

/// What is said of the end of a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    pub deprecated: Option<Us>,
    pub sunset: Option<Us>,
    /// It answers 410.
    pub gone: bool,
    /// Until when it answers as if it were gone.
    pub brownout_until: Us,
}

impl Lifecycle {
    /// The end is announced: deprecated from now on, and gone after the notice.
    pub fn announce(&mut self, now: Us, notice: Us) {
        let since = *self.deprecated.get_or_insert(now);
        self.sunset = Some(since.max(now + notice));
    }

    /// The version is switched off, whatever was promised. True if a later date had been announced.
    pub fn end(&mut self, now: Us) -> bool {
        let early = self.sunset.is_some_and(|s| s > now);
        self.deprecated.get_or_insert(now);
        self.sunset = Some(now);
        self.gone = true;
        early
    }

    /// It is back, and its end is open again.
    pub fn revive(&mut self) {
        *self = Lifecycle { deprecated: self.deprecated, ..Lifecycle::default() };
    }

    pub fn answers(&self, now: Us) -> bool {
        !self.gone && now >= self.brownout_until
    }

    /// The header fields that say so, in the order they are written; `number` is that of the version.
    pub fn fields(&self, number: u8) -> Vec<(&'static str, String)> {
        let mut out = Vec::new();
        if let Some(at) = self.deprecated {
            out.push(("Deprecation", format!("@{}", unix_s(at))));
        }
        if let Some(at) = self.sunset {
            out.push(("Sunset", http_date(unix_s(at))));
        }
        if self.deprecated.is_some() {
            out.push(("Link", format!("</changes/v{number}>; rel=\"deprecation\"")));
        }
        out
    }
}

/// Probabilities a day that a client moves, by what has reached it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hazards {
    pub none: f64,
    /// Its developers have seen the header fields.
    pub header: f64,
    pub email: f64,
    /// A call met a brownout on the day before.
    pub brownout: f64,
    /// Calls fail for good.
    pub broken: f64,
}

/// What has reached a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    pub header: bool,
    pub email: bool,
    pub brownout: bool,
    pub broken: bool,
}

impl Hazards {
    /// The standing reminder that counts.
    pub fn standing(&self, r: Reached) -> f64 {
        let header = if r.header { self.header } else { 0.0 };
        let email = if r.email { self.email } else { 0.0 };
        self.none.max(header).max(email)
    }

    /// Whether a client moves today, given three draws in [0, 1). The same draws and more reminders never move it later.
    pub fn moves(&self, r: Reached, draws: [f64; 3]) -> bool {
        let brownout = r.brownout && draws[1] < self.brownout;
        let broken = r.broken && draws[2] < self.broken;
        draws[0] < self.standing(r) || brownout || broken
    }
}

/// Days until a share of `target` of all clients is left, if nothing else happens: groups of (how many, hazard a day),
/// of `all`. `None` if that is never.
pub fn days_until(groups: &[(f64, f64)], all: f64, target: f64) -> Option<f64> {
    // It is asked with each sample of the run, and powers are dear: a group that nobody is in costs none.
    let some = || groups.iter().filter(|(n, _)| *n > 0.0);
    let left = |days: f64| some().map(|(n, h)| n * libm::pow(1.0 - between(*h, 0.0, 1.0), days)).sum::<f64>();
    let goal = target * all;
    if left(0.0) <= goal {
        return Some(0.0);
    }
    // Beyond a hundred years nobody plans.
    let (mut low, mut high) = (0.0, 36_525.0);
    if left(high) > goal {
        return None;
    }
    for _ in 0..48 {
        let middle = (low + high) / 2.0;
        *(if left(middle) > goal { &mut low } else { &mut high }) = middle;
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of RFC 9110 (5.6.7) and RFC 9745 (2.1: 30 June 2023, 23:59:59), and the days around a leap day.
    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(1_688_169_599), "Fri, 30 Jun 2023 23:59:59 GMT");
        assert_eq!(http_date(1_709_164_800), "Thu, 29 Feb 2024 00:00:00 GMT");
        assert_eq!(http_date(EPOCH_S), "Wed, 01 Jan 2025 00:00:00 GMT");
        assert_eq!(http_date(unix_s(DAY * 59)), "Sat, 01 Mar 2025 00:00:00 GMT");
        assert_eq!(http_date(unix_s(Us::ms(180_500))), "Mon, 30 Jun 2025 12:00:00 GMT");
        assert_eq!(day_name(DAY * 365), "1 Jan 2026");
        // A century has no leap day, every fourth one has.
        assert_eq!(http_date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(http_date(4_102_358_400), "Thu, 31 Dec 2099 00:00:00 GMT");
        assert_eq!(http_date(4_107_542_400 - 1), "Sun, 28 Feb 2100 23:59:59 GMT");
        assert_eq!(http_date(4_107_542_400), "Mon, 01 Mar 2100 00:00:00 GMT");
        assert_eq!(http_date(13_574_563_200), "Tue, 29 Feb 2400 00:00:00 GMT");
    }

    #[test]
    fn the_fields_are_those_of_the_standards() {
        let mut l = Lifecycle::default();
        assert_eq!(l.fields(1), []);
        l.announce(DAY * 10, DAY * 180);
        let lines: Vec<String> = l.fields(1).iter().map(|(k, v)| format!("{k}: {v}")).collect();
        assert_eq!(
            lines,
            [
                "Deprecation: @1736553600",
                "Sunset: Thu, 10 Jul 2025 00:00:00 GMT",
                "Link: </changes/v1>; rel=\"deprecation\"",
            ]
        );
        assert!(l.answers(DAY * 189) && l.end(DAY * 20) && !l.answers(DAY * 20));
        l.announce(DAY * 30, DAY * 5);
        let mut on_time = l;
        assert!(!on_time.end(DAY * 35), "on the day that was promised");
        l.revive();
        assert!(l.answers(DAY * 20) && l.sunset.is_none() && l.deprecated == Some(DAY * 10));
    }

    #[test]
    fn days_until_one_per_cent() {
        let days = |h: f64| days_until(&[(500.0, h)], 500.0, 0.01).unwrap();
        assert!((days(0.001) - libm::log(0.01) / libm::log(0.999)).abs() < 1e-3);
        assert!((days(0.005) - 918.7).abs() < 0.1);
        assert_eq!(days_until(&[(500.0, 0.0)], 500.0, 0.01), None);
        assert_eq!(days_until(&[(4.0, 0.0)], 500.0, 0.01), Some(0.0));
        // A mixture is slower than its mean hazard: those who hear nothing stay.
        let mixed = days_until(&[(250.0, 0.001), (250.0, 0.009)], 500.0, 0.01).unwrap();
        assert!(mixed > 3.0 * days(0.005), "{mixed}");
    }

    proptest! {
        /// Deprecated before gone, whatever is announced, ended and revived in whatever order.
        #[test]
        fn a_sunset_is_never_before_the_deprecation(acts in prop::collection::vec((0u8..3, 0u64..90, 0u64..400), 0..12)) {
            let (mut l, mut now) = (Lifecycle::default(), Us::ZERO);
            for (act, wait, notice) in acts {
                now += DAY * wait;
                match act {
                    0 => l.announce(now, DAY * notice),
                    1 => drop(l.end(now)),
                    _ => l.revive(),
                }
                if let Some(sunset) = l.sunset {
                    prop_assert!(l.deprecated.is_some_and(|d| d <= sunset));
                }
            }
        }

        /// More reminders never keep a client longer.
        #[test]
        fn more_reminders_move_no_later(h in prop::array::uniform5(0.0f64..0.5), draws in prop::array::uniform3(0.0f64..1.0), bits: u8) {
            let h = Hazards { none: h[0], header: h[1], email: h[2], brownout: h[3], broken: h[4] };
            let reached = |b: u8| Reached { header: b & 1 > 0, email: b & 2 > 0, brownout: b & 4 > 0, broken: b & 8 > 0 };
            for more in 0..4 {
                let (few, many) = (reached(bits), reached(bits | 1 << more));
                prop_assert!(!h.moves(few, draws) || h.moves(many, draws));
            }
        }
    }
}
