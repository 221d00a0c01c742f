//! A clip: so many seconds of the stage from this moment on, as a video file.
//!
//! The run is replayed for it, with everything that was done to it later, so a reader can first break things, rewind,
//! and then record exactly that. Frames are drawn onto a canvas of their own at the pace of the wall clock. Where the
//! machine cannot hold that pace the clip has fewer frames, and still shows the run at its speed.

use super::Handle;
use super::player::Player;
use super::sheet::sheet;
use crate::draw::paint::paint;
use crate::draw::sheet::{Palette, Sheet};
use crate::ui::media::{self, Blob};
use sim::kernel::Us;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// What can be recorded, the best first. Safari has no WebM.
const KINDS: [&str; 4] = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];
/// Frames a second, if the machine can.
const FPS: f64 = 30.0;
const BITS_PER_SECOND: f64 = 4_000_000.0;
/// How long the last frame stays, so that a clip that ends early does not vanish.
const HOLD_MS: f64 = 700.0;

/// A recorded clip.
pub struct Clip {
    pub file: Blob,
    /// `webm` or `mp4`.
    pub ending: &'static str,
    pub seconds: f64,
    /// Frames a second that were drawn.
    pub fps: f64,
}

/// What this browser can record, if anything.
pub fn kind() -> Option<&'static str> {
    media::recordable(&KINDS)
}

/// What the stage looks like while it is recorded.
pub struct Look<'a> {
    pub canvas: &'a HtmlCanvasElement,
    pub on: &'a CanvasRenderingContext2d,
    pub palette: &'a Palette,
    pub narrow: bool,
    pub address: &'a str,
    /// Pixels a unit of the sheet.
    pub scale: f64,
}

impl Look<'_> {
    /// Gives the canvas the size of the sheet at this moment. Video wants even numbers.
    pub fn size(&self, p: &Player) {
        let made = self.sheet(p);
        let even = |units: f32| (f64::from(units) * self.scale / 2.0).ceil() as u32 * 2;
        self.canvas.set_width(even(made.width));
        self.canvas.set_height(even(made.height));
    }

    /// What the stage shows now.
    fn sheet(&self, p: &Player) -> Sheet {
        sheet(p, self.narrow, self.address)
    }

    fn paint(&self, made: &Sheet) {
        paint(self.on, made, self.palette, self.scale);
    }
}

/// Records up to so many seconds of the reader's time, from here to where play would stop. `progress` hears how far it
/// is, and says whether to go on. The player is brought back to where it was.
pub async fn record(
    h: Handle,
    look: &Look<'_>,
    seconds: f64,
    mut progress: impl FnMut(f64) -> bool,
) -> Result<Clip, String> {
    let failed = |_| "The browser refused to record.".to_owned();
    let kind = kind().ok_or("This browser cannot record clips.")?;
    let (start, end, speed, there) = h.with(|p| (p.now(), p.end(), p.speed, p.moments()));
    let mut made = h.with(|p| {
        look.size(p);
        look.sheet(p)
    });
    look.paint(&made);
    let recorder = media::recorder(look.canvas, kind, FPS, BITS_PER_SECOND).map_err(failed)?;
    recorder.start().map_err(failed)?;
    let begun = media::frame().await;
    let (mut frames, mut drawn, mut now) = (0u32, 0.0, begun);
    let mut over = None;
    while over.is_none_or(|at: f64| now - at < HOLD_MS) {
        now = media::frame().await;
        let elapsed = now - begun;
        // Frames come with the screen's; every second one of 60 is wanted, and one that is a little early will do.
        if elapsed - drawn < 1_000.0 / FPS - 4.0 {
            continue;
        }
        drawn = elapsed;
        if !h.alive() {
            break;
        }
        if over.is_none() {
            let at = (start + Us::from_us(elapsed * 1e3 * speed)).min(end);
            h.quietly(|p| p.seek(at));
            // Stopped at once it still holds: a file of no frames plays nowhere.
            let stopped = !progress((elapsed / (seconds * 1e3)).min(1.0));
            over = (stopped || at >= end || elapsed >= seconds * 1e3 - HOLD_MS).then_some(now);
            made = h.with(|p| look.sheet(p));
            if over.is_some() {
                // Before the last frame has been held: who stopped it may go on with the stage meanwhile.
                crate::ui::batch(|| h.change(|p| p.return_to(there)));
            }
        }
        look.paint(&made);
        frames += 1;
    }
    let file = media::finished(&recorder, kind).await.map_err(failed)?;
    if !h.alive() {
        return Err("The page has gone on.".to_owned());
    }
    let seconds = (now - begun) / 1e3;
    let ending = if kind.starts_with("video/mp4") { "mp4" } else { "webm" };
    Ok(Clip { file, ending, seconds, fps: f64::from(frames) / seconds.max(0.001) })
}
