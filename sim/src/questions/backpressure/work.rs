//! Work, whoever asked for it: a worker's own part, and a query before it.

use super::*;

/// What a worker holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    Request(Job),
    Record {
        member: u8,
        partition: u8,
        offset: u32,
        /// The partition's owner was this one at the time: see `Consumers::reign`.
        reign: u32,
    },
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// `None` for a free place.
    task: Option<Task>,
    /// Grows with every task: what was scheduled for an earlier one is void.
    life: u16,
    /// Whether it waits for a connection, holds one, or neither.
    query: Query,
    /// The worker's own part, to come after the query.
    own: Us,
    /// The query, in seconds of one that runs alone.
    work: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Query {
    None,
    Waiting,
    Running,
}

/// All tasks that workers hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Works {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Works {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
    pub(super) fn weight(&self) -> usize {
        self.slots.len() * core::mem::size_of::<Slot>() + self.free.len() * 4
    }
    pub(super) fn tasks(&self) -> impl Iterator<Item = Task> + '_ {
        self.slots.iter().filter_map(|s| s.task)
    }

    fn put(&mut self, task: Task, own: Us, work: f64) -> u32 {
        let new = Slot { task: Some(task), life: 0, query: Query::None, own, work };
        match self.free.pop() {
            Some(i) => {
                let life = self.slots[i as usize].life;
                self.slots[i as usize] = Slot { life, ..new };
                i
            }
            None => {
                self.slots.push(new);
                self.slots.len() as u32 - 1
            }
        }
    }

    fn take(&mut self, i: u32) -> Option<Task> {
        let slot = &mut self.slots[i as usize];
        let task = slot.task.take()?;
        slot.life = slot.life.wrapping_add(1);
        self.free.push(i);
        Some(task)
    }
}

impl Backpressure {
    /// A worker takes a task that needs this long when nothing disturbs it.
    pub(super) fn begin(&mut self, task: Task, demand: Us, ctx: &mut Ctx<Ev>) {
        let query = demand.as_s() * self.s.db_share;
        let own = Us::from_us(demand.0 as f64 * (1.0 - self.s.db_share));
        let i = self.works.put(task, own, query);
        if self.s.db_share <= 0.0 {
            self.own_part(i, ctx);
        } else if self.db_running < self.s.db_pool {
            self.query(i, ctx);
        } else {
            self.works.slots[i as usize].query = Query::Waiting;
            self.db_waiting.push_back(i);
        }
    }

    fn own_part(&mut self, i: u32, ctx: &mut Ctx<Ev>) {
        let slot = &self.works.slots[i as usize];
        ctx.after(slot.own, Ev::Worked { task: i, life: slot.life });
    }

    fn query(&mut self, i: u32, ctx: &mut Ctx<Ev>) {
        let slot = &mut self.works.slots[i as usize];
        slot.query = Query::Running;
        self.db_running += 1;
        self.db.begin(ctx.now, i, slot.work);
        self.schedule_query(ctx);
    }

    pub(super) fn schedule_query(&mut self, ctx: &mut Ctx<Ev>) {
        if let Some(at) = self.db.due() {
            ctx.at(at, Ev::Query(self.db.generation));
        }
    }

    /// Queries that are done by now make room for those that wait for a connection.
    pub(super) fn query_done(&mut self, ctx: &mut Ctx<Ev>) {
        while let Some(i) = self.db.finish(ctx.now) {
            self.db_running -= 1;
            self.works.slots[i as usize].query = Query::None;
            self.own_part(i, ctx);
        }
        self.next_queries(ctx);
        self.schedule_query(ctx);
    }

    fn next_queries(&mut self, ctx: &mut Ctx<Ev>) {
        while self.db_running < self.s.db_pool
            && let Some(i) = self.db_waiting.pop_front()
        {
            self.query(i, ctx);
        }
    }

    /// A worker has done its own part, unless nothing moves just now.
    pub(super) fn worked(&mut self, i: u32, life: u16, ctx: &mut Ctx<Ev>) {
        let slot = &self.works.slots[i as usize];
        if slot.life != life || slot.task.is_none() {
            return;
        }
        let still_until = match slot.task {
            _ if self.is_stalled(ctx.now) => self.stalled.1,
            Some(Task::Record { member, .. }) => self.consumers.members[member as usize].frozen_until,
            _ => self.frozen_until,
        };
        if still_until > ctx.now {
            return ctx.at(still_until, Ev::Worked { task: i, life });
        }
        self.task_done(i, ctx);
    }

    fn task_done(&mut self, i: u32, ctx: &mut Ctx<Ev>) {
        match self.works.take(i) {
            Some(Task::Request(job)) => self.request_done(job, ctx),
            Some(Task::Record { member, partition, offset, reign }) => {
                self.record_done(member as usize, partition as usize, offset, reign, ctx);
            }
            None => {}
        }
    }

    /// Workers die with what they hold: all of the service's, or those of one consumer.
    pub(super) fn lose_work(&mut self, of: Option<usize>, ctx: &mut Ctx<Ev>) -> Vec<Task> {
        let mut lost = Vec::new();
        for i in 0..self.works.slots.len() as u32 {
            let slot = self.works.slots[i as usize];
            let theirs = match slot.task {
                Some(Task::Request(_)) => of.is_none(),
                Some(Task::Record { member, .. }) => of == Some(member as usize),
                None => false,
            };
            if !theirs {
                continue;
            }
            match slot.query {
                Query::Running => {
                    self.db.cancel(ctx.now, i);
                    self.db_running -= 1;
                }
                Query::Waiting => self.db_waiting.retain(|w| *w != i),
                Query::None => {}
            }
            lost.extend(self.works.take(i));
        }
        self.next_queries(ctx);
        self.schedule_query(ctx);
        lost
    }
}
