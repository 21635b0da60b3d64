//! What an earlier hupd, which was killed, has left running.

use std::time::Duration;

use hupd::clock::Moment;
use hupd::config::{Missed, Orphans, Overlap};
use hupd::event::Gone;
use hupd::ledger::{OpenRun, Remains};
use hupd::run::{Signal, StopReason};

use super::{Model, Run, Stage};
use crate::simulation::acts::Act;
use crate::simulation::jobs::{Due, JobSpec};

impl Model {
    /// What still lives is a run, and is stopped where the file says so; what does not is lost.
    pub(super) fn take_over(&mut self, left: &[(OpenRun, Remains)], now: Moment) -> Vec<Act> {
        let mut acts = Vec::new();
        for (open, remains) in left {
            let Remains::Process(age) = remains else {
                acts.push(Act::Loss {
                    run: open.run,
                    stopped_by: None,
                });
                continue;
            };
            let job = self.job(&open.occurrence.job).cloned();
            let job = job.unwrap_or_else(unknown);
            let began = now.elapsed.saturating_sub(*age);
            let run = Run {
                occurrence: open.occurrence.clone(),
                stage: Stage::Alive(job.timeout.map(|limit| began + limit)),
                job,
                generation: open.generation,
                is_late: false,
                is_wild: false,
                shortages: 0,
                attempt: open.attempt,
                failed: None,
            };
            self.runs.insert(open.run, run);
            acts.push(Act::Note(open.run));
            if self.file.orphans == Orphans::Kill {
                acts.extend(self.send_stop(open.run, StopReason::Orphan, now));
            }
        }
        acts
    }

    pub(super) fn gone(&mut self, gone: &Gone, now: Moment) -> Vec<Act> {
        let run = self.runs.remove(&gone.run).expect("it went on");
        let stopped_by = match run.stage {
            Stage::Stopping(why, _) if gone.was_signalled => Some(why),
            _ => None,
        };
        let mut acts = vec![Act::Loss {
            run: gone.run,
            stopped_by,
        }];
        acts.extend(self.try_next(now));
        acts.extend(self.admit(now));
        acts
    }
}

/// A job that the file does not describe any more.
fn unknown() -> JobSpec {
    JobSpec {
        due: Due::OnRequest,
        jitter: Duration::ZERO,
        missed: Missed::Skip,
        deadline: None,
        overlap: Overlap::Skip,
        group: None,
        timeout: None,
        stop_signal: Signal::TERM,
        kill_after: Duration::from_secs(10),
        retry: None,
        success: [0].into(),
        enabled: true,
        on_change: None,
        edition: 0,
    }
}
