//! Runs that an earlier hupd has left open: it was killed, and nobody saw their end.

use std::sync::Arc;
use std::time::Duration;

use super::owed::Pace;
use super::runs::{Process, Run, State};
use super::{Effect, Engine, Last};
use crate::clock::Moment;
use crate::config::{Job, Orphans};
use crate::ledger::{Gone, Loss, OpenRun, Remains};
use crate::run::{Outcome, StopReason, Survivor};
use crate::schedule::Watch;

const NOBODY_SAW: &str = "hupd was killed while it ran, and nobody saw its end";

impl Engine {
    /// What still runs is a run like any other, but for its end; what does not is over.
    pub(super) fn take_over(&mut self, runs: Vec<(OpenRun, Remains)>, now: Moment) -> Vec<Effect> {
        let orphans = self.config.daemon.orphans;
        let mut effects = Vec::new();
        for (open, remains) in runs {
            effects.extend(match (remains, orphans) {
                (Remains::Process(age), _) => self.go_on(open, age, now),
                (Remains::Others(left), Orphans::Kill) => self.stop_the_rest(open, &left, now),
                (Remains::Others(left), Orphans::Leave) => vec![lost(&open, now, left)],
                (Remains::Nothing, _) => vec![lost(&open, now, Vec::new())],
                (Remains::Unseen, _) => vec![unseen(&open, now)],
            });
        }
        effects
    }

    fn go_on(&mut self, open: OpenRun, age: Duration, now: Moment) -> Vec<Effect> {
        let start = open.start.as_ref();
        let start = start.expect("a process that is known was recorded");
        let process = Process {
            pid: start.pid,
            since: Moment {
                wall: start.at,
                elapsed: now.elapsed.saturating_sub(age),
            },
        };
        let note = format!(
            "hupd was killed, its process did not end with it: pid {}",
            start.pid
        );
        self.go_on_as(process, open, note, now)
    }

    /// Its start may not be on record: hupd was killed in that moment.
    fn stop_the_rest(&mut self, open: OpenRun, left: &[Survivor], now: Moment) -> Vec<Effect> {
        let first = left.first().expect("nobody left is nothing").pid;
        let start = open.start.as_ref();
        let (pid, wall) = start.map_or((first, now.wall), |start| (start.pid, start.at));
        let note = format!("hupd was killed; {}", still_there(left));
        let process = Process {
            pid,
            since: Moment { wall, ..now },
        };
        self.go_on_as(process, open, note, now)
    }

    /// By what the file says of the job now; how it was defined then is not known.
    fn go_on_as(
        &mut self,
        process: Process,
        open: OpenRun,
        note: String,
        now: Moment,
    ) -> Vec<Effect> {
        let (run, name) = (open.run, open.occurrence.job.clone());
        let job = self.job(&name);
        let job = job.unwrap_or_else(|| Arc::new(Job::forgotten(&name)));
        let alive = State::Alive {
            process,
            limit_at: job
                .timeout
                .map(|limit| process.since.elapsed.saturating_add(limit)),
        };
        self.runs.add(Run {
            id: run,
            job,
            occurrence: open.occurrence,
            generation: open.generation,
            watch: Watch::Fixed,
            pace: Pace::InTime,
            joined: None,
            attempt: open.attempt,
            failed: None,
            shortages: 0,
            lack: None,
            state: alive,
        });
        self.runs.set_state(run, alive);
        let mut effects = vec![Effect::RecordNote {
            job: name,
            run,
            note,
        }];
        if self.config.daemon.orphans == Orphans::Kill {
            effects.extend(self.begin_stop(run, StopReason::Orphan, now));
        }
        effects
    }

    /// A run that went on is over.
    pub fn run_gone(&mut self, gone: Gone, now: Moment) -> Vec<Effect> {
        let Some(run) = self.remove_run(gone.run) else {
            return Vec::new();
        };
        let stopped_by = match run.state {
            State::Stopping { why, .. } if gone.was_signalled => Some(why),
            _ => None,
        };
        let job = run.job.name.clone();
        if self.config.jobs.contains_key(&job) {
            let last = Last {
                run: gone.run,
                outcome: Outcome::Lost,
                at: now.wall,
            };
            self.last.insert(job.clone(), last);
        }
        let loss = Loss {
            run: gone.run,
            at: now.wall,
            stopped_by,
            note: went_on(stopped_by, &gone.survivors),
            survivors: gone.survivors,
        };
        let mut effects = vec![Effect::RecordLoss { job, loss }];
        effects.extend(self.try_next(now));
        effects.extend(self.admit_waiting(now));
        effects
    }
}

fn lost(open: &OpenRun, now: Moment, left: Vec<Survivor>) -> Effect {
    let note = match &*left {
        [] => NOBODY_SAW.to_owned(),
        left => format!("{NOBODY_SAW}; {}", still_there(left)),
    };
    lost_with((note, left), open, now)
}

/// It stands in nobody's way: what does that is a process that is known, and no record of one.
fn unseen(open: &OpenRun, now: Moment) -> Effect {
    let note = format!("{NOBODY_SAW}; whether anything of it goes on cannot be seen");
    lost_with((note, Vec::new()), open, now)
}

fn lost_with((note, left): (String, Vec<Survivor>), open: &OpenRun, now: Moment) -> Effect {
    Effect::RecordLoss {
        job: open.occurrence.job.clone(),
        loss: Loss {
            run: open.run,
            at: now.wall,
            stopped_by: None,
            note,
            survivors: left,
        },
    }
}

fn still_there(left: &[Survivor]) -> String {
    let pids: Vec<_> = left.iter().map(|one| one.pid.to_string()).collect();
    format!("of its processes there still is: pid {}", pids.join(", "))
}

fn went_on(stopped_by: Option<StopReason>, left: &[Survivor]) -> String {
    let how = match (stopped_by, left) {
        (Some(StopReason::Orphan), []) => {
            "hupd was killed, its process was still there and was killed (orphans = \"kill\")"
        }
        (Some(StopReason::Orphan), _) => {
            "hupd was killed, its process was still there and was sent KILL (orphans = \"kill\")"
        }
        (Some(_), []) => "hupd was killed, its process went on and was stopped by the next hupd",
        (None, _) => "hupd was killed, its process went on and has ended, nobody saw how",
        (Some(_), _) => "hupd was killed, its process went on and was sent KILL by the next hupd",
    };
    match left {
        [] => how.to_owned(),
        left => format!("{how}; {}", still_there(left)),
    }
}
