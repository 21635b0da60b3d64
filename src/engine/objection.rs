//! Why an occurrence may not run.

use std::fmt;
use std::time::Duration;

use super::hangs::{AFTER_HANG, Hang};
use super::owed::Pace;
use super::{Engine, Phase};
use crate::config::{Job, MAX_WAITING, Missed, Overlap};
use crate::ledger::Fate;
use crate::run::RunId;

/// Why an occurrence may not run.
#[derive(Debug)]
pub(super) enum Objection {
    Stopping,
    Paused,
    Runs(RunId),
    Hangs(Hang),
    EarlierWaits,
    ManyWait(usize),
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopping => f.write_str("hupd is stopping"),
            Self::Paused => f.write_str("the job is paused"),
            Self::Runs(run) => write!(f, "run {run} is not over (overlap = \"skip\")"),
            Self::Hangs(hang) => {
                let words = hang.words();
                write!(f, "{words} (overlap = \"skip\"){AFTER_HANG}")
            }
            Self::EarlierWaits => {
                f.write_str("an earlier occurrence still waits (overlap = \"skip\")")
            }
            Self::ManyWait(count) => write!(f, "{count} occurrences wait already"),
        }
    }
}

impl Engine {
    /// Why an occurrence of this job may not run, if it may not. What is made up for waits where what is in time
    /// would be skipped.
    pub(super) fn objection(
        &self,
        job: &Job,
        pace: Pace,
        delay: Option<Duration>,
    ) -> Option<Objection> {
        if self.phase != Phase::Serving {
            return Some(Objection::Stopping);
        }
        let waiting = self.queue.count_of(&job.name);
        // What is late and takes its turn is in nobody's way.
        let in_time = self.queue.count_in_time(&job.name);
        let many = (waiting >= MAX_WAITING).then_some(Objection::ManyWait(waiting));
        let patient = pace == Pace::CatchUp && job.missed != Missed::Skip;
        match job.overlap {
            Overlap::Skip if !patient => {
                // Whether it still runs is asked when the delay is over.
                let running = self.running_objection(job);
                let running = running.filter(|_| delay.is_none());
                let earlier = (in_time > 0).then_some(Objection::EarlierWaits);
                running.or(earlier).or(many)
            }
            _ => many,
        }
    }

    /// What hupd does not come to any more, or not for now, is made up for by the next one, where the job wants that.
    pub(super) fn fate_by(&self, objection: &Objection, missed: Missed) -> Fate {
        match (objection, missed) {
            (Objection::Stopping | Objection::Paused, Missed::Once | Missed::All(_)) => {
                Fate::Waiting
            }
            _ => Fate::Skipped,
        }
    }

    pub(super) fn running_objection(&self, job: &Job) -> Option<Objection> {
        match job.overlap {
            Overlap::Skip => {
                let run = self.runs.of_job(&job.name).next();
                let hang = || self.hangs.of(&job.name).cloned();
                run.map(Objection::Runs)
                    .or_else(|| hang().map(Objection::Hangs))
            }
            Overlap::Queue | Overlap::Replace | Overlap::Allow { .. } => None,
        }
    }
}
