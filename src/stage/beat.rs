//! What is drawn in which frame while a run plays.
//!
//! Whatever changes on the page makes the browser style, lay out and paint, and all changes at once would be too much for
//! one frame. So they are spread over six: only even ones touch the page, as far as possible, and in the odd ones between
//! it rests while particles move on. A device that does not keep up gets a round of twelve, in which the picture changes
//! in every third frame, and figures and chart have frames of their own.

/// How often the numbers on screen change while time passes.
const TICK_MS: f64 = 100.0;
/// Frames from one change of the numbers to the next, at least.
const BEATS: u32 = 6;
/// The same on a device that does not keep up.
const SLOW_BEATS: u32 = 12;
/// A frame at sixty a second.
const FRAME_MS: f64 = 1e3 / 60.0;
/// How long a device is taken to be slow that was for once, as any is while a page comes.
const SPARED_MS: f64 = 3_000.0;
/// The same at most, where it was slow again whenever it was tried.
const SPARED_MS_MAX: f64 = 48_000.0;
/// The share of late frames that makes it slow: two in a second.
const LATE: f64 = 0.03;

/// Counts the frames of a stage.
pub struct Beats {
    frame: f64,
    count: u32,
    ticked: f64,
    /// Whether the run has gone on in the last frame.
    pub runs: bool,
    /// The share of the last second's frames that were late.
    late: f64,
    slow_until: f64,
    /// How long it is spared.
    spared: f64,
    /// What lies between two frames that are not late; more than [`FRAME_MS`] on a slower display.
    usual: f64,
}

impl Default for Beats {
    fn default() -> Beats {
        Beats {
            frame: 0.0,
            count: BEATS,
            ticked: 0.0,
            runs: false,
            late: 0.0,
            slow_until: f64::NEG_INFINITY,
            spared: SPARED_MS,
            usual: FRAME_MS,
        }
    }
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    count: u32,
    /// Whether frames come as they should.
    pub keeps_up: bool,
}

impl Beats {
    /// The frame of this time, in ms: the same for all that ask in it, whoever is first.
    pub fn at(&mut self, now: f64) -> Beat {
        if now != self.frame {
            self.judge(now, now - self.frame);
            self.frame = now;
            self.count = self.count.saturating_add(1);
            let beats = if now >= self.slow_until { BEATS } else { SLOW_BEATS };
            // A little early is better than a frame late.
            let due = self.count >= beats && self.count.is_multiple_of(2) && now - self.ticked >= TICK_MS - 4.0;
            if self.runs && due {
                (self.count, self.ticked) = (0, now);
            }
        }
        Beat { count: self.count, keeps_up: now >= self.slow_until }
    }

    fn judge(&mut self, now: f64, elapsed: f64) {
        // A page that was not looked at gets no frames, which says nothing of the device.
        if elapsed > 250.0 {
            return;
        }
        let usual = self.usual;
        // A display that has become quicker again.
        if elapsed < usual * 0.7 {
            self.usual = elapsed.max(FRAME_MS);
        }
        self.late += (if elapsed > usual * 1.3 { 1.0 } else { 0.0 } - self.late) / 60.0;
        if self.late > 0.9 {
            // Sparing the device has not helped: the display itself, or what saves its power, takes so long.
            (self.usual, self.late, self.slow_until) = (elapsed, 0.0, now);
        } else if self.late > LATE {
            let well = now - self.slow_until;
            if well > 2.0 * self.spared {
                self.spared = SPARED_MS;
            } else if well >= 0.0 {
                self.spared = (2.0 * self.spared).min(SPARED_MS_MAX);
            }
            self.slow_until = now + self.spared;
        }
    }
}

impl Beat {
    /// Whether the picture's items rest if they can.
    pub fn rests(self) -> bool {
        !self.count.is_multiple_of(if self.keeps_up { 2 } else { 3 })
    }
    /// Which half of the picture's texts changes.
    pub fn texts(self) -> Option<usize> {
        [0, if self.keeps_up { 4 } else { 6 }].iter().position(|at| *at == self.count)
    }
    /// Whether the figures around the picture change.
    pub fn figures(self) -> bool {
        self.count == if self.keeps_up { 2 } else { 4 }
    }
    /// Whether the chart changes: it follows the figures.
    pub fn chart(self) -> bool {
        self.count == if self.keeps_up { 4 } else { 10 }
    }
    /// Whether the head of the timeline moves.
    pub fn timeline(self) -> bool {
        if self.keeps_up { !self.rests() } else { self.chart() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a frame has something of its own.
    type Has = fn(Beat) -> bool;

    /// A run that plays at frames of these lengths in ms.
    fn play(beats: &mut Beats, from: f64, gaps: impl IntoIterator<Item = f64>) -> Vec<(f64, Beat)> {
        beats.runs = true;
        let mut now = from;
        let frame = |gap| {
            now += gap;
            let beat = beats.at(now);
            assert_eq!(beats.at(now), beat, "one frame is one beat, however many ask");
            (now, beat)
        };
        gaps.into_iter().map(frame).collect()
    }

    #[test]
    fn everything_has_its_frame_and_no_other() {
        // Sixty a second with a jitter, twice as many, a display of half of them, and a device that does not keep up.
        let jitter = |i: u32| FRAME_MS + [0.0, 2.0, -2.0, 0.4, -0.4][i as usize % 5];
        let late = |i: u32| if i.is_multiple_of(4) { 2.0 * FRAME_MS } else { FRAME_MS };
        for (gaps, keeps_up, most_ms) in [
            (Vec::from_iter((0..600).map(jitter)), true, 140.0),
            (vec![8.3; 1200], true, 140.0),
            (vec![33.4; 600], true, 210.0),
            (Vec::from_iter((0..600).map(late)), false, 290.0),
        ] {
            let frames = play(&mut Beats::default(), 1e3, gaps);
            // What the device is like shows in its first frames.
            let frames = &frames[200..];
            assert!(frames.iter().all(|(_, beat)| beat.keeps_up == keeps_up));
            let of = |what: Has| Vec::from_iter(frames.iter().filter(|(_, beat)| what(*beat)).map(|(now, _)| *now));
            // The timeline moves in every frame that does not rest while there is time for it.
            let least_ms = TICK_MS - 10.0;
            let parts: [(Has, f64); 5] = [
                (Beat::figures, least_ms),
                (Beat::chart, least_ms),
                (Beat::timeline, 0.0),
                (|b| b.texts() == Some(0), least_ms),
                (|b| b.texts() == Some(1), least_ms),
            ];
            for (what, least_ms) in parts {
                let times = of(what);
                assert!(times.len() > 10);
                for pair in times.windows(2) {
                    let gap = pair[1] - pair[0];
                    assert!((least_ms..=most_ms).contains(&gap), "{gap} ms");
                }
            }
            for (_, beat) in frames {
                assert!(!beat.rests() || beat.texts().is_none(), "{beat:?}");
                if keeps_up {
                    assert!(!beat.rests() || !(beat.figures() || beat.chart() || beat.timeline()), "{beat:?}");
                } else {
                    let parts = [!beat.rests(), beat.figures(), beat.chart()];
                    assert!(parts.iter().filter(|part| **part).count() <= 1, "one thing at a time: {beat:?}");
                }
                assert!(!beat.figures() || beat.texts().is_none(), "{beat:?}");
            }
            let rests = frames.iter().filter(|(_, beat)| beat.rests()).count() as f64 / frames.len() as f64;
            let wanted = if keeps_up { 1.0 / 2.0 } else { 2.0 / 3.0 };
            assert!((rests - wanted).abs() < 0.01, "{rests}");
        }
    }

    #[test]
    fn nothing_is_due_while_nothing_goes_on() {
        let mut beats = Beats::default();
        play(&mut beats, 1e3, [FRAME_MS; 100]);
        beats.runs = false;
        let later = (1..100).map(|i| beats.at(5e3 + f64::from(i) * FRAME_MS)).filter(|beat| beat.count == 0);
        assert_eq!(later.count(), 0);
    }

    #[test]
    fn late_frames_spare_the_device_for_a_while() {
        let mut beats = Beats::default();
        let keeps_up = |frames: &[(f64, Beat)]| frames.last().is_some_and(|(_, beat)| beat.keeps_up);
        assert!(keeps_up(&play(&mut beats, 1e3, [FRAME_MS; 120])));
        let one_in_four = (0..120).map(|i| if i % 4 == 0 { 33.3 } else { FRAME_MS });
        assert!(!keeps_up(&play(&mut beats, 3.1e3, one_in_four)));
        assert!(!keeps_up(&play(&mut beats, 6e3, [FRAME_MS; 60])));
        assert!(keeps_up(&play(&mut beats, 12e3, [FRAME_MS; 600])));
        // Nobody looked.
        assert!(keeps_up(&play(&mut beats, 22.1e3, [5_000.0, FRAME_MS, 5_000.0, FRAME_MS])));
    }

    #[test]
    fn a_device_that_is_slow_again_whenever_it_is_tried_is_spared_longer() {
        // Late as long as it is not spared.
        let (mut beats, mut now, mut keeps_up) = (Beats::default(), 1e3, true);
        beats.runs = true;
        let mut tried = Vec::new();
        for i in 0..60 * 180 {
            now += if keeps_up && i % 6 == 0 { 2.0 * FRAME_MS } else { FRAME_MS };
            let beat = beats.at(now);
            if beat.keeps_up && !keeps_up {
                tried.push(now);
            }
            keeps_up = beat.keeps_up;
        }
        let gaps = Vec::from_iter(tried.windows(2).map(|pair| pair[1] - pair[0]));
        assert!(gaps[1] > 1.5 * gaps[0] && gaps.iter().all(|gap| *gap < SPARED_MS_MAX + 5e3), "{gaps:?}");
        assert!((4..12).contains(&tried.len()), "{tried:?}");
        // When it was well for long, what comes once is forgotten soon.
        let frames = play(&mut beats, now + 60e3, [FRAME_MS; 6000]);
        assert!(frames[5999].1.keeps_up);
        let frames = play(&mut beats, now + 170e3, (0..400).map(|i| if i < 20 { 33.3 } else { FRAME_MS }));
        assert!(!frames[100].1.keeps_up && frames[399].1.keeps_up);
    }

    #[test]
    fn a_display_of_thirty_a_second_is_not_a_slow_device() {
        let mut beats = Beats::default();
        let frames = play(&mut beats, 1e3, [33.4; 600]);
        assert!(frames.iter().any(|(_, beat)| !beat.keeps_up));
        assert!(frames[300..].iter().all(|(_, beat)| beat.keeps_up));
        // Back at sixty, what is late then is late.
        let frames = play(&mut beats, 30e3, (0..600).map(|i| if i % 4 == 0 { 33.3 } else { FRAME_MS }));
        assert!(!frames[599].1.keeps_up);
    }
}
