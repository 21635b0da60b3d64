//! Runs that an earlier hupd has left open: it was killed, and nobody saw their end.

use std::sync::Arc;
use std::time::Duration;

use super::owed::Pace;
use super::runs::{Process, Run, State};
use super::{Effect, Engine, Last};
use crate::clock::Moment;
use crate::config::{Job, Orphans};
use crate::ledger::{Gone, Loss, OpenRun, Remains};
use crate::run::{Outcome, StopReason};
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
                (Remains::Others(_), Orphans::Kill) => self.go_on(open, Duration::ZERO, now),
                (Remains::Others(pids), Orphans::Leave) => {
                    vec![lost(&open, now, &others(&pids))]
                }
                (Remains::Nothing, _) => vec![lost(&open, now, NOBODY_SAW)],
            });
        }
        effects
    }

    /// By what the file says of the job now; how it was defined then is not known.
    fn go_on(&mut self, open: OpenRun, age: Duration, now: Moment) -> Vec<Effect> {
        let (run, name) = (open.run, open.occurrence.job.clone());
        let start = open.start.expect("what there is was started");
        let job = self.job(&name);
        let job = job.unwrap_or_else(|| Arc::new(Job::forgotten(&name)));
        let since = Moment {
            wall: start.at,
            elapsed: now.elapsed.saturating_sub(age),
        };
        let alive = State::Alive {
            process: Process {
                pid: start.pid,
                since,
                birth: start.birth,
            },
            limit_at: job.timeout.map(|limit| since.elapsed.saturating_add(limit)),
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
            state: alive,
        });
        self.runs.set_state(run, alive);
        let note = format!(
            "hupd was killed, its process did not end with it: pid {}",
            start.pid
        );
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

    /// Nothing is left of a run that went on.
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
            note: went_on(stopped_by).to_owned(),
        };
        let mut effects = vec![Effect::RecordLoss { job, loss }];
        effects.extend(self.try_next(now));
        effects.extend(self.admit_waiting(now));
        effects
    }
}

fn lost(open: &OpenRun, now: Moment, note: &str) -> Effect {
    Effect::RecordLoss {
        job: open.occurrence.job.clone(),
        loss: Loss {
            run: open.run,
            at: now.wall,
            stopped_by: None,
            note: note.to_owned(),
        },
    }
}

fn others(pids: &[i32]) -> String {
    let pids: Vec<_> = pids.iter().map(ToString::to_string).collect();
    format!(
        "{NOBODY_SAW}; of its process group there still is: pid {}",
        pids.join(", ")
    )
}

fn went_on(stopped_by: Option<StopReason>) -> &'static str {
    match stopped_by {
        Some(StopReason::Orphan) => {
            "hupd was killed, its process was still there and was killed (orphans = \"kill\")"
        }
        Some(_) => "hupd was killed, its process went on and was stopped by the next hupd",
        None => "hupd was killed, its process went on and has ended, nobody saw how",
    }
}
