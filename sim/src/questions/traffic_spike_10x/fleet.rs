//! How many pods there are: starting, dying, health checks and the autoscaler.

use super::*;

impl Spike {
    pub(super) fn count(&self, stage: Stage) -> u32 {
        self.pods.iter().filter(|p| p.stage == stage).count() as u32
    }

    /// Pods that the deployment counts: ready or starting.
    pub(super) fn replicas(&self) -> u32 {
        self.count(Stage::Ready) + self.count(Stage::Booting)
    }

    /// Changes a pod's stage and keeps the cost meter and the rotation in step.
    pub(super) fn leave(&mut self, p: usize, to: Stage, now: Us) {
        self.paid_time += self.paid * now.since(self.paid_since).0;
        self.paid_since = now;
        let pod = &mut self.pods[p];
        pod.stage = to;
        pod.since = now;
        if to == Stage::Stopping || to == Stage::Gone {
            self.rotate(p, false);
        }
        self.paid = self.pods.iter().filter(|p| p.stage.costs()).count() as u64;
    }

    pub(super) fn rotate(&mut self, p: usize, into: bool) {
        self.pods[p].in_rotation = into;
        self.rotation.retain(|r| *r != p as u8);
        if into {
            self.rotation.push(p as u8);
            crate::order::sort(&mut self.rotation);
        }
    }

    pub(super) fn start_pod(&mut self, now: Us, ready_after: Option<Us>, ctx: Option<&mut Ctx<Ev>>) {
        let free = self.pods.iter().position(|p| p.stage == Stage::Gone);
        let p = match free {
            Some(p) => p,
            None if self.pods.len() < SLOTS_MAX => {
                self.pods.push(Pod {
                    stage: Stage::Gone,
                    life: 0,
                    since: now,
                    in_rotation: false,
                    checks_failed: 0,
                    slow: false,
                    line: Waiting::default(),
                    workers: Workers::new(self.s.workers),
                });
                self.pods.len() - 1
            }
            None => return,
        };
        let pod = &mut self.pods[p];
        pod.life = pod.life.wrapping_add(1);
        pod.workers = Workers::new(self.s.workers);
        (pod.checks_failed, pod.slow) = (0, false);
        let life = pod.life;
        match (ready_after, ctx) {
            (Some(after), Some(ctx)) => {
                self.leave(p, Stage::Booting, now);
                ctx.after(after, Ev::Ready { pod: p as u8, life });
            }
            _ => {
                self.leave(p, Stage::Ready, now);
                self.rotate(p, true);
            }
        }
    }

    pub(super) fn pod_ready(&mut self, pod: u8, life: u16, ctx: &mut Ctx<Ev>) {
        let p = pod as usize;
        if !self.alive(pod, life) || self.pods[p].stage != Stage::Booting {
            return;
        }
        self.leave(p, Stage::Ready, ctx.now);
        self.rotate(p, true);
        ctx.mix(u64::from(pod));
        let (ready, booting) = (self.count(Stage::Ready), self.count(Stage::Booting));
        if booting == 0 || ready.is_multiple_of(10) {
            ctx.log(Tone::Ok, code::PODS_READY, Line::NO_REQUEST, i64::from(ready), i64::from(booting));
        }
        self.look_whether_passed(ctx);
        self.kick(p, ctx);
    }

    pub(super) fn capacity(&self) -> f64 {
        f64::from(self.count(Stage::Ready)) * self.s.pod_capacity()
    }

    /// Notes when capacity first covers the spike.
    pub(super) fn look_whether_passed(&mut self, ctx: &mut Ctx<Ev>) {
        if self.spiking && self.passed.is_none() && self.capacity() >= self.load.rate() {
            self.passed = Some(ctx.now);
            let after = ctx.now.since(self.spike_at);
            ctx.log(Tone::Ok, code::PASSED, Line::NO_REQUEST, after.0 as i64, self.capacity() as i64);
        }
    }

    /// A pod dies with all it holds.
    pub(super) fn die(&mut self, p: usize, of: Death, ctx: &mut Ctx<Ev>) {
        self.meter(ctx.now);
        let mut lost = Vec::new();
        let pod = &mut self.pods[p];
        pod.life = pod.life.wrapping_add(1);
        let life = pod.life;
        pod.line.clear(|job| lost.push((job, false)));
        let busy = pod.workers.busy() as u64;
        pod.workers.clear(ctx.now, |job| lost.push((job, true)));
        let mut asked = Vec::new();
        self.asking.retain(|a| {
            let stays = a.pod as usize != p;
            if !stays {
                asked.push(a.permit);
            }
            stays
        });
        // Those who waited for a connection were not counted as working.
        self.working -= busy - asked.len() as u64;
        asked.into_iter().for_each(|permit| self.tell_breaker(permit, false, ctx));
        self.counts.killed += 1;
        let held = lost.len() as i64;
        if self.pods[p].stage == Stage::Stopping {
            self.leave(p, Stage::Gone, ctx.now);
        } else if of == Death::Memory {
            // The container starts again where it was.
            ctx.log(Tone::Fault, code::OUT_OF_MEMORY, Line::NO_REQUEST, p as i64 + 1, held);
            self.leave(p, Stage::Booting, ctx.now);
            ctx.after(self.s.ready, Ev::Ready { pod: p as u8, life });
        } else {
            ctx.log(Tone::Fault, code::KILLED, Line::NO_REQUEST, p as i64 + 1, held);
            self.leave(p, Stage::Dead, ctx.now);
            let ready = self.s.ready;
            self.start_pod(ctx.now, Some(ready), Some(ctx));
        }
        for (job, in_service) in lost {
            match (job.class, in_service) {
                // Promises are durable: another worker will keep this one.
                (LATER, _) => {
                    self.counts.later_in_service -= 1;
                    self.backlog += 1;
                    continue;
                }
                (_, true) => self.counts.in_service -= 1,
                (_, false) => self.counts.queued -= 1,
            }
            self.counts.lost += 1;
            self.attempt_failed(job, Why::Lost, ctx);
        }
    }

    /// Health checks: who may get requests.
    pub(super) fn check(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(self.s.check, Ev::Check);
        for p in 0..self.pods.len() {
            let pod = &self.pods[p];
            let oldest = pod.line.oldest().map_or(Us::ZERO, |job| ctx.now.since(job.at()));
            let healthy = pod.stage.serves() && (self.s.health != 1 || oldest < PROBE_PATIENCE);
            if self.s.health == 2 {
                let unnoticed = pod.in_rotation && !pod.stage.serves();
                if unnoticed && ctx.now.since(pod.since) >= NODE_GRACE {
                    self.take_out(p, ctx);
                }
                continue;
            }
            if healthy {
                self.pods[p].checks_failed = 0;
                if !self.pods[p].in_rotation && self.pods[p].stage == Stage::Ready {
                    self.rotate(p, true);
                    ctx.log(Tone::Ok, code::BACK, Line::NO_REQUEST, p as i64 + 1, 0);
                }
            } else if pod.in_rotation {
                self.pods[p].checks_failed += 1;
                if self.pods[p].checks_failed >= CHECKS_FAILED {
                    self.take_out(p, ctx);
                }
            }
        }
        let out = self.pods.iter().filter(|p| p.stage == Stage::Ready && !p.in_rotation).count();
        self.counts.ejected_max = self.counts.ejected_max.max(out as u64);
    }

    pub(super) fn take_out(&mut self, p: usize, ctx: &mut Ctx<Ev>) {
        let busy = self.pods[p].stage.serves();
        self.rotate(p, false);
        ctx.log(Tone::Fault, code::TAKEN_OUT, Line::NO_REQUEST, p as i64 + 1, i64::from(busy));
        ctx.mix(p as u64);
        if self.pods[p].stage == Stage::Dead {
            self.leave(p, Stage::Gone, ctx.now);
        }
    }

    /// The end of a second.
    pub(super) fn tick(&mut self, ctx: &mut Ctx<Ev>) {
        ctx.after(Us::s(1), Ev::Tick);
        self.meter(ctx.now);
        self.metrics.push_back((self.worked, self.counts.attempts));
        if self.metrics.len() > (self.s.lag.max(METRIC_WINDOW) + 1) as usize {
            self.metrics.pop_front();
        }
        self.counts.queue_max = self.counts.queue_max.max(self.counts.queued);
        let seconds = ctx.now.0 / 1_000_000;
        if self.s.autoscale && seconds.is_multiple_of(self.s.sync) && ctx.now >= self.blind_until {
            self.scale(ctx);
        }
        self.note_collapse(ctx);
        self.samples.pace(self.rates.attempts.per_s(ctx.now));
    }

    /// Says so in the log when most answers are lost, and when that is over.
    pub(super) fn note_collapse(&mut self, ctx: &mut Ctx<Ev>) {
        let (good, offered) = (self.rates.good.per_s(ctx.now), self.rates.offered.per_s(ctx.now));
        let share = good / offered.max(1.0);
        let busy = self.count(Stage::Ready) == 0 || self.counts.queued > 0;
        if !self.collapsed && share < 0.5 && offered > 1.0 && busy {
            self.collapsed = true;
            ctx.log(Tone::Rejected, code::COLLAPSED, Line::NO_REQUEST, good as i64, offered as i64);
        } else if self.collapsed && share > 0.9 {
            self.collapsed = false;
            ctx.log(Tone::Ok, code::RECOVERED, Line::NO_REQUEST, good as i64, offered as i64);
        }
    }

    /// One look of the autoscaler at metrics that are `lag` seconds old.
    pub(super) fn scale(&mut self, ctx: &mut Ctx<Ev>) {
        let lag = self.s.lag as usize;
        let n = self.metrics.len();
        if n <= lag {
            return;
        }
        let old = self.metrics[n - 1 - lag];
        let new = self.metrics[n - 1 - lag + METRIC_WINDOW as usize];
        let window_us = METRIC_WINDOW as f64 * 1e6;
        let ready = self.count(Stage::Ready);
        // Both metrics as shares of what a pod can do, so that one target serves for both.
        let sum = if self.s.on_requests {
            (new.1 - old.1) as f64 / METRIC_WINDOW as f64 / self.s.pod_capacity()
        } else {
            // Pods that died within the window must not make the others look more than busy.
            ((new.0 - old.0) as f64 / window_us / f64::from(self.s.workers)).min(f64::from(ready))
        };
        let seen = autoscaler::Seen { ready, sum, unready: self.count(Stage::Booting), missing: 0 };
        let rules = autoscaler::Rules {
            target: self.s.target,
            full: 1.0,
            tolerance: self.s.tolerance,
            replicas_min: self.s.pods,
            replicas_max: self.s.pods_max.max(self.s.pods),
        };
        let current = self.replicas();
        let wanted = self.autoscaler.sync(ctx.now, current, &seen, &rules);
        if wanted == current {
            return;
        }
        ctx.mix(u64::from(wanted));
        let percent = (sum / f64::from(ready.max(1)) * 100.0 + 0.5) as i64;
        let step = i64::from(current) << 32 | i64::from(wanted);
        ctx.log(Tone::Info, code::SCALED, Line::NO_REQUEST, step, percent);
        if self.steps.len() < 1_000 {
            self.steps.push((ctx.now, wanted as u16));
        }
        for _ in current..wanted {
            let ready = self.s.ready;
            self.start_pod(ctx.now, Some(ready), Some(ctx));
        }
        for _ in wanted..current {
            self.stop_one(ctx);
        }
    }

    /// The newest that is still starting goes first, then the newest that is ready.
    pub(super) fn stop_one(&mut self, ctx: &mut Ctx<Ev>) {
        let last = |stage| self.pods.iter().rposition(|p| p.stage == stage);
        if let Some(p) = last(Stage::Booting) {
            self.pods[p].life = self.pods[p].life.wrapping_add(1);
            self.leave(p, Stage::Gone, ctx.now);
        } else if let Some(p) = last(Stage::Ready) {
            self.leave(p, Stage::Stopping, ctx.now);
            self.after_work(p, ctx);
        }
    }
}
