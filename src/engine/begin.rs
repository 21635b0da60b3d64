//! The beginning: what an earlier life has left behind, and what was missed since.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::agenda::Agenda;
use super::hangs::Hangs;
use super::hangup::Hangups;
use super::owed::{self, Absence, DOWN, ENDED, Pace};
use super::pause::{Paused, Pauses};
use super::runs::Runs;
use super::waiting::{Queue, Waiting};
use super::{Effect, Engine, Phase};
use crate::clock::Moment;
use crate::config::{Config, Job};
use crate::ledger::{Anchor, Fate, OpenRun, Pause, Remains, Resting, Waited};
use crate::run::{Generation, JobName, RunId, Trigger};
use crate::schedule::Watch;

/// What an engine starts from.
#[derive(Debug)]
pub struct Beginning {
    pub config: Arc<Config>,
    pub generation: Generation,
    /// The first number that no run has had.
    pub next_run: RunId,
    /// From where intervals were counted in an earlier life.
    pub anchors: BTreeMap<JobName, Anchor>,
    pub left: Left,
}

/// What an earlier life has not come to.
#[derive(Debug, Default)]
pub struct Left {
    /// Runs that were open, and what there still is of them.
    pub runs: Vec<(OpenRun, Remains)>,
    /// Occurrences that waited, by instant.
    pub waiting: Vec<Waited>,
    /// Runs that waited for their next attempt, by number.
    pub resting: Vec<Resting>,
    /// By what each job was due, as [`Timing::identity`](crate::config::Timing::identity) tells it.
    pub timings: HashMap<JobName, String>,
    /// Until when everything that was due is decided.
    pub decided: Option<Timestamp>,
    /// The latest that this has ever been.
    pub lived: Option<Timestamp>,
    /// Jobs that were paused.
    pub pauses: Vec<Pause>,
}

impl Engine {
    /// An engine in which every job waits for its first instant after `now`, and what was missed is decided.
    pub fn new(beginning: Beginning, now: Moment) -> (Self, Vec<Effect>) {
        let mut engine = Self {
            config: beginning.config,
            generation: beginning.generation,
            phase: Phase::Serving,
            agenda: Agenda::default(),
            pauses: Pauses::default(),
            queue: Queue::default(),
            runs: Runs::default(),
            hangs: Hangs::default(),
            shortage: None,
            hangups: Hangups::default(),
            anchors: beginning.anchors,
            last: HashMap::new(),
            next_run: beginning.next_run,
            last_request: Timestamp::MIN,
            clocks: now,
            lived: Timestamp::MIN,
            repeated: Timestamp::MIN,
        };
        engine.note_lived(beginning.left.lived.unwrap_or(Timestamp::MIN), now);
        let mut left = beginning.left;
        let mut effects = engine.take_over(std::mem::take(&mut left.runs), now);
        effects.extend(engine.forget_old_anchors());
        effects.extend(engine.go_on_with(std::mem::take(&mut left.resting), now));
        effects.extend(engine.catch_up(left, now));
        let jobs: Vec<_> = engine.config.jobs.values().cloned().collect();
        effects.extend(jobs.iter().flat_map(|job| engine.plan(job, now)));
        (engine, effects)
    }

    /// Of jobs that have gone while hupd was down.
    fn forget_old_anchors(&mut self) -> Vec<Effect> {
        let jobs = &self.config.jobs;
        let old = self.anchors.keys().filter(|job| !jobs.contains_key(*job));
        let old: Vec<_> = old.cloned().collect();
        old.iter()
            .filter_map(|job| self.forget_anchor(job))
            .collect()
    }

    /// What was due while hupd was down, or waited when it ended: it gets in line, and goes at the first wake. A job that
    /// was not due in the same way then has missed nothing: no edit makes a past instant due.
    fn catch_up(&mut self, left: Left, now: Moment) -> Vec<Effect> {
        let Left {
            waiting,
            mut timings,
            decided,
            pauses,
            ..
        } = left;
        let pauses = pauses.into_iter().map(|pause| (pause.job.clone(), pause));
        let mut pauses: BTreeMap<_, _> = pauses.collect();
        let (mut waiting, mut effects) = self.sort_out(waiting);
        let jobs: Vec<_> = self.config.jobs.values().cloned().collect();
        for job in jobs {
            let (before, timing) = (timings.remove(&job.name), timing_in_force(&job));
            let is_as_before = before == timing;
            let since = decided.filter(|_| before.is_some() && is_as_before);
            if !is_as_before {
                effects.push(Effect::RecordTiming(job.name.clone(), timing));
            }
            let waited = waiting.remove(&job.name).unwrap_or_default();
            effects.extend(match pauses.remove(&job.name) {
                Some(pause) if is_as_before => self.pause_further(Paused { pause, waited }, now),
                Some(pause) => self.pause_changed(Paused { pause, waited }, now),
                None => self.make_up(&job, (waited, since), now),
            });
        }
        effects.extend(self.set_pauses_back(now));
        effects.extend(pauses.into_keys().map(Effect::ForgetPause));
        let mut gone: Vec<_> = timings.into_keys().collect();
        gone.sort();
        let forgotten = gone.into_iter().map(|job| Effect::RecordTiming(job, None));
        effects.extend(forgotten);
        effects.push(Effect::RecordDecided(now.wall));
        effects
    }

    fn make_up(
        &mut self,
        job: &Arc<Job>,
        (waited, since): (Vec<Waited>, Option<Timestamp>),
        now: Moment,
    ) -> Vec<Effect> {
        let waited = self.delay_further(waited, now);
        let absence = Absence {
            anchor: self.anchors.get(&job.name),
            since,
            ended: ENDED,
            away: DOWN,
        };
        let owed = owed::settle_absence(job, waited, absence, (now.wall, self.around()));
        self.decide_owed(job, owed, now)
    }

    /// Those whose own time is still to come wait for it as before; the others are given back.
    pub(super) fn delay_further(&mut self, waited: Vec<Waited>, now: Moment) -> Vec<Waited> {
        let mut rest = Vec::new();
        for one in waited {
            // Never more than was drawn: the clock may have been ahead then.
            let until = one.starts_at.map(|at| {
                let drawn = at.duration_since(one.occurrence.instant);
                at.duration_since(now.wall).min(drawn)
            });
            let until = until.and_then(|until| Duration::try_from(until).ok());
            let Some(until) = until.filter(|until| !until.is_zero()) else {
                rest.push(one);
                continue;
            };
            let waiting = Waiting {
                run: self.new_run_id(),
                occurrence: one.occurrence,
                watch: Watch::Fixed,
                pace: Pace::InTime,
                starts_at: one.starts_at,
                note: String::new(),
            };
            self.queue.delay(waiting, now.elapsed + until);
        }
        rest
    }

    /// Those that waited, by job; nobody waits for a request or a change any more, nor for a job that is gone.
    fn sort_out(&self, waiting: Vec<Waited>) -> (HashMap<JobName, Vec<Waited>>, Vec<Effect>) {
        let mut by_job = HashMap::<_, Vec<_>>::new();
        let mut effects = Vec::new();
        for waited in waiting {
            let occurrence = &waited.occurrence;
            let job = self.config.jobs.get(&occurrence.job);
            let reason = match (occurrence.trigger, job) {
                (Trigger::Request | Trigger::Change, _) => ENDED.to_owned(),
                (_, None) => format!("{ENDED}, and the job is gone"),
                (_, Some(job)) if !job.enabled => {
                    format!("{ENDED}, and the job is switched off")
                }
                _ => {
                    let of_job = by_job.entry(occurrence.job.clone()).or_default();
                    of_job.push(waited);
                    continue;
                }
            };
            effects.push(self.record(waited.occurrence, Fate::Missed, &reason));
        }
        (by_job, effects)
    }
}

/// A job that is switched off is not due.
pub(super) fn timing_in_force(job: &Job) -> Option<String> {
    job.timing.identity().filter(|_| job.enabled)
}
