//! Runs that are tried again.

use std::time::Duration;

use hupd::clock::Moment;
use hupd::run::{Occurrence, Outcome, RunId, StopReason, Trigger};
use hupd::schedule::Seed;

use super::{Model, Phase, Run, Stage};
use crate::simulation::acts::Act;
use crate::simulation::jobs::JobSpec;
use crate::simulation::ledger::Rest;
use crate::simulation::owed::micros;

impl Model {
    pub(super) fn retry_after(
        &self,
        id: RunId,
        outcome: &Outcome,
        stopped_by: Option<StopReason>,
    ) -> Option<Duration> {
        let run = self.runs.get(&id)?;
        let is_let = stopped_by.is_none_or(|why| why == StopReason::TimeLimit);
        let job = self.wanted(&run.occurrence).filter(|_| is_let)?;
        delay_after(job, outcome, (&run.occurrence, id, run.attempt))
    }

    fn wanted(&self, occurrence: &Occurrence) -> Option<&JobSpec> {
        let job = self.job(&occurrence.job)?;
        (job.enabled || occurrence.trigger == Trigger::Request).then_some(job)
    }

    pub(super) fn rest(
        &mut self,
        id: RunId,
        (outcome, stopped_by): (Outcome, Option<StopReason>),
        delay: Duration,
        now: Moment,
    ) -> Act {
        let run = self.runs.get_mut(&id).expect("it was alive");
        let has_lived = matches!(run.stage, Stage::Alive(_) | Stage::Stopping(..));
        let attempt = run.attempt;
        run.is_late = false;
        run.failed = Some((outcome.clone(), stopped_by));
        run.stage = Stage::Resting(now.elapsed + delay);
        if !has_lived {
            self.end_shortage();
        }
        self.redefine(id);
        if self.phase != Phase::Serving {
            self.runs.remove(&id);
        }
        Act::Failed {
            run: id,
            attempt,
            outcome,
            stopped_by,
            delay,
            next_at: micros(now.wall + delay),
        }
    }

    fn redefine(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let job = self.wanted(&run.occurrence).expect("it goes on").clone();
        let generation = self.generation;
        let run = self.runs.get_mut(&id).expect("it is there");
        if run.job != job {
            run.job = job;
            run.generation = generation;
        }
    }

    fn first_resting(&self) -> Option<(Duration, RunId)> {
        let resting = self.runs.iter().filter_map(|(id, run)| match run.stage {
            Stage::Resting(until) => Some((until, *id)),
            _ => None,
        });
        resting.min()
    }

    pub(super) fn next_rested(&self) -> Option<Duration> {
        let (until, _) = self.first_resting()?;
        self.has_place().then_some(until)
    }

    pub(super) fn admit_rested(&mut self, now: Moment) -> Vec<Act> {
        let mut acts = Vec::new();
        while self.phase == Phase::Serving
            && let Some(until) = self.next_rested()
            && until <= now.elapsed
            && let Some((_, id)) = self.first_resting()
        {
            if self.hangs(&self.runs[&id].occurrence.job) {
                acts.extend(self.end_for_a_hang(id));
                continue;
            }
            let run = self.runs.get_mut(&id).expect("it rests");
            run.attempt += 1;
            run.failed = None;
            run.stage = Stage::Claiming(None);
            acts.push(Act::NextAttempt {
                run: id,
                attempt: run.attempt,
                generation: run.generation,
            });
        }
        acts
    }

    /// Its next attempt is not made: a start of its job hangs.
    fn end_for_a_hang(&mut self, id: RunId) -> [Act; 2] {
        let run = self.runs.remove(&id).expect("it rests");
        let (outcome, stopped_by) = run.failed.expect("it has failed");
        let end = Act::EndRest {
            run: id,
            outcome,
            stopped_by,
        };
        [Act::Note(id), end]
    }

    pub(super) fn end_rest(&mut self, id: RunId, why: StopReason) -> Act {
        let run = self.runs.remove(&id).expect("it rests");
        Act::EndRest {
            run: id,
            outcome: run.failed.expect("it has failed").0,
            stopped_by: Some(why),
        }
    }

    pub(super) fn revise_resting(&mut self) -> Vec<Act> {
        let resting = self.runs.iter();
        let resting = resting.filter(|(_, run)| matches!(run.stage, Stage::Resting(_)));
        let resting: Vec<_> = resting.map(|(id, _)| *id).collect();
        let mut acts = Vec::new();
        for id in resting {
            let (outcome, _) = self.runs[&id].failed.clone().expect("it has failed");
            match self.retry_after(id, &outcome, None) {
                Some(_) => self.redefine(id),
                None => acts.push(self.end_rest(id, StopReason::Configuration)),
            }
        }
        acts
    }

    pub(super) fn go_on_with(&mut self, left: &[Rest], now: Moment) -> Vec<Act> {
        let mut acts = Vec::new();
        for one in left {
            let of = (&one.occurrence, one.run, one.attempt);
            let job = self.wanted(&one.occurrence).cloned();
            let job = job.filter(|job| delay_after(job, &one.outcome, of).is_some());
            let Some(job) = job else {
                acts.push(Act::EndRest {
                    run: one.run,
                    outcome: one.outcome.clone(),
                    stopped_by: Some(StopReason::Configuration),
                });
                continue;
            };
            let rest = one.next_at.duration_since(now.wall);
            let rest = Duration::try_from(rest).unwrap_or_default().min(one.delay);
            let run = Run {
                occurrence: one.occurrence.clone(),
                job,
                generation: self.generation,
                is_late: false,
                is_wild: false,
                shortages: 0,
                attempt: one.attempt,
                failed: Some((one.outcome.clone(), None)),
                stage: Stage::Resting(now.elapsed + rest),
            };
            self.runs.insert(one.run, run);
        }
        acts
    }
}

/// Doubled after each attempt, up to the ceiling, and less up to a quarter of that.
fn delay_after(
    job: &JobSpec,
    outcome: &Outcome,
    (occurrence, run, attempt): (&Occurrence, RunId, u32),
) -> Option<Duration> {
    let retry = job.retry.as_ref()?;
    let code = match outcome {
        Outcome::Exited(code) => Some(*code),
        _ => None,
    };
    let is_success = code.is_some_and(|code| job.success.contains(&code));
    let is_meant = match &retry.on {
        Some(codes) => code.is_some_and(|code| codes.contains(&code)),
        None => true,
    };
    if is_success || !is_meant || attempt >= retry.attempts {
        return None;
    }
    let whole = (retry.delay * 2_u32.pow(attempt - 1)).min(retry.max_delay);
    let millis = whole.as_millis() as u64;
    let seed = Seed::of("host", occurrence.job.as_str());
    let purpose = format!("retry {run} after {attempt}");
    let less = seed.below((millis / 4).max(1), &purpose);
    Some(Duration::from_millis(millis - less))
}
