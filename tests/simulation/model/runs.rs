//! Runs: whether they may begin, and how they come to their end.

use std::time::Duration;

use hupd::clock::Moment;
use hupd::config::Overlap;
use hupd::event::{ClaimVerdict, Claimed, Started};
use hupd::ledger::Fate;
use hupd::run::{Exit, JobName, Occurrence, Outcome, RunId, StopReason, Trigger};

use super::{Model, Phase, Run, Stage};
use crate::simulation::acts::{Act, Death};
use crate::simulation::jobs::JobSpec;
use crate::simulation::owed::micros;

impl Model {
    fn objects(&self, job: &JobSpec, name: &JobName) -> bool {
        let waiting = self.waiting.values().filter(|other| other.job == *name);
        match job.overlap {
            _ if self.phase != Phase::Serving => true,
            Overlap::Skip => self.is_running(name) || waiting.count() > 0,
            Overlap::Allow => waiting.count() >= 100,
        }
    }

    pub(super) fn is_running(&self, name: &JobName) -> bool {
        self.runs.values().any(|run| run.occurrence.job == *name)
    }

    fn has_place(&self) -> bool {
        self.runs.len() < self.file.max_running
    }

    pub(super) fn consider(&mut self, job: &JobSpec, occurrence: Occurrence) -> Act {
        if self.objects(job, &occurrence.job) {
            return self.fate(occurrence, Fate::Skipped);
        }
        let run = RunId(self.next_run);
        self.next_run += 1;
        if self.has_place() {
            return self.claim(run, job, occurrence);
        }
        let waits = self.fate(occurrence.clone(), Fate::Waiting);
        self.waiting.insert((occurrence.instant, run), occurrence);
        waits
    }

    fn claim(&mut self, run: RunId, job: &JobSpec, occurrence: Occurrence) -> Act {
        let begun = Run {
            occurrence: occurrence.clone(),
            job: job.clone(),
            stage: Stage::Claiming(None),
        };
        self.runs.insert(run, begun);
        Act::Claim {
            run,
            occurrence,
            generation: self.generation,
        }
    }

    pub(super) fn fate(&self, occurrence: Occurrence, fate: Fate) -> Act {
        Act::Fate {
            occurrence,
            fate,
            generation: self.generation,
            stands_for_more: false,
        }
    }

    pub(super) fn admit(&mut self) -> Vec<Act> {
        let mut acts = Vec::new();
        while self.has_place()
            && let Some(((_, run), occurrence)) = self.waiting.pop_first()
        {
            let job = self.job(&occurrence.job).expect("only jobs in force wait");
            let job = job.clone();
            let skips = job.overlap == Overlap::Skip;
            acts.push(match skips && self.is_running(&occurrence.job) {
                true => self.fate(occurrence, Fate::Skipped),
                false => self.claim(run, &job, occurrence),
            });
        }
        acts
    }

    pub(super) fn request(&mut self, name: &JobName, now: Moment) -> Vec<Act> {
        let Some(job) = self.job(name).cloned() else {
            return Vec::new();
        };
        let soonest = self.last_request + Duration::from_micros(1);
        let instant = micros(now.wall).max(soonest);
        self.last_request = instant;
        let occurrence = Occurrence {
            job: name.clone(),
            instant,
            trigger: Trigger::Request,
        };
        vec![self.consider(&job, occurrence)]
    }

    pub(super) fn claimed(&mut self, verdicts: &[ClaimVerdict]) -> Vec<Act> {
        let mut acts = Vec::new();
        for verdict in verdicts {
            if verdict.claimed == Claimed::AlreadyThere {
                self.runs.remove(&verdict.run);
                acts.extend(self.admit());
            } else if let Some(run) = self.runs.get_mut(&verdict.run)
                && let Stage::Claiming(stop) = run.stage
            {
                run.stage = Stage::Starting(stop);
                acts.push(Act::Spawn {
                    run: verdict.run,
                    occurrence: run.occurrence.clone(),
                });
            }
        }
        acts
    }

    pub(super) fn started(&mut self, started: &Started, now: Moment) -> Vec<Act> {
        let run = self.runs.get_mut(&started.run).expect("it was started");
        let Stage::Starting(stop) = run.stage else {
            panic!("{run:?} starts twice")
        };
        let limit = run.job.timeout.map(|limit| started.at.elapsed + limit);
        run.stage = Stage::Alive(limit);
        let mut acts = vec![Act::Begun { run: started.run }];
        acts.extend(match (self.phase, stop) {
            (Phase::Killing, _) => self.send_kill(started.run, now),
            (Phase::Stopping, _) => self.send_stop(started.run, StopReason::Shutdown, now),
            (_, Some(why)) => self.send_stop(started.run, why, now),
            (_, None) => Vec::new(),
        });
        acts
    }

    pub(super) fn ended(&mut self, death: &Death) -> Vec<Act> {
        let Some(run) = self.runs.get(&death.run) else {
            return Vec::new();
        };
        let stopped_by = match run.stage {
            Stage::Stopping(why, _) if death.was_signalled => Some(why),
            _ => None,
        };
        let outcome = match (stopped_by, death.exit) {
            (Some(StopReason::TimeLimit), _) => Outcome::TimedOut,
            (_, Exit::Code(code)) => Outcome::Exited(code),
            (_, Exit::Signal(signal)) => Outcome::Killed(signal),
        };
        self.over(death.run, outcome, stopped_by)
    }

    pub(super) fn over(
        &mut self,
        run: RunId,
        outcome: Outcome,
        stopped_by: Option<StopReason>,
    ) -> Vec<Act> {
        self.runs.remove(&run);
        let mut acts = vec![Act::End {
            run,
            outcome,
            stopped_by,
        }];
        acts.extend(self.admit());
        acts
    }
}
