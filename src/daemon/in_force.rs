//! What is in force now, and what there is of it: for whoever plans a reload.

use std::collections::HashMap;
use std::sync::Arc;

use super::launch::surroundings;
use super::{Daemon, World};
use crate::clock::Moment;
use crate::engine::{Pace, Run, State, Waiting};
use crate::plan::{InForce, Live, LiveRun};
use crate::protocol::Answer;
use crate::run::{JobName, Trigger};

impl<W: World> Daemon<W> {
    /// Only what runs, waits and is paused is looked at here: the jobs are for whoever writes the answer.
    pub(super) fn in_force(&self, now: Moment) -> Answer {
        let mut live: HashMap<JobName, Live> = HashMap::new();
        for run in self.engine.runs() {
            let live = live.entry(run.job.name.clone()).or_default();
            live.runs.push(live_run(run));
        }
        for waiting in self.engine.first_waiting(usize::MAX) {
            let live = live.entry(waiting.occurrence.job.clone()).or_default();
            add_waiting(live, waiting);
        }
        for hang in self.engine.hangs() {
            let live = live.entry(hang.job.clone()).or_default();
            live.hangs.get_or_insert(hang.run);
        }
        for pause in self.engine.pauses() {
            let live = live.entry(pause.job.clone()).or_default();
            (live.paused, live.paused_until) = (true, pause.until);
        }
        Answer::InForceOf(Arc::new(InForce {
            config_file: self.began.file.display().to_string(),
            generation: Some(self.engine.generation().0),
            surroundings: Some(surroundings()),
            forecast: self.engine.forecast(None, now.wall),
            phases: self.engine.phases(),
            live,
        }))
    }
}

fn live_run(run: &Run) -> LiveRun {
    LiveRun {
        run: run.id,
        generation: run.generation.0,
        groups: run.groups().map(ToString::to_string).collect(),
        rests: matches!(run.state, State::Resting { .. }),
        requested: run.occurrence.trigger == Trigger::Request,
    }
}

fn add_waiting(live: &mut Live, waiting: &Waiting) {
    match waiting.starts_at {
        Some(_) => live.delayed.push(waiting.run),
        None => live.waiting.push(waiting.run),
    }
    if waiting.pace == Pace::CatchUp {
        live.late.push(waiting.run);
    }
    if waiting.occurrence.trigger == Trigger::Request {
        live.requested.push(waiting.run);
    }
}
