//! Jobs that are paused: not due until they are resumed. What was due meanwhile is owed then, as it is after a
//! downtime: it was missed, and `missed` decides what is made up for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::due::micros;
use super::objection::Objection;
use super::owed::{self, Absence};
use super::{Effect, Engine, Phase};
use crate::clock::Moment;
use crate::config::{Job, Missed};
use crate::ledger::{Fate, Pause, Waited};
use crate::run::{JobName, Trigger};

/// A job that is paused, and what waited when it was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Paused {
    pub pause: Pause,
    pub waited: Vec<Waited>,
}

/// All jobs that are paused, by name and by the end of their pause.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pauses {
    by_job: BTreeMap<JobName, Paused>,
    ends: BTreeSet<(Timestamp, JobName)>,
}

/// Why a job cannot be paused or resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPaused {
    NoSuchJob,
    /// hupd is stopping: a job is resumed by the next one.
    Stopping,
    /// It is not paused.
    Already,
}

impl Pauses {
    pub fn of(&self, job: &JobName) -> Option<&Pause> {
        self.by_job.get(job).map(|paused| &paused.pause)
    }

    pub fn add(&mut self, paused: Paused) {
        let name = paused.pause.job.clone();
        self.remove(&name);
        let ends = paused.pause.until.map(|until| (until, name.clone()));
        self.ends.extend(ends);
        self.by_job.insert(name, paused);
    }

    pub fn remove(&mut self, job: &JobName) -> Option<Paused> {
        let paused = self.by_job.remove(job)?;
        if let Some(until) = paused.pause.until {
            self.ends.remove(&(until, job.clone()));
        }
        Some(paused)
    }

    /// When the first of them ends.
    pub fn next_end(&self) -> Option<Timestamp> {
        self.ends.first().map(|(until, _)| *until)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Pause> {
        self.by_job.values().map(|paused| &paused.pause)
    }

    pub fn len(&self) -> usize {
        self.by_job.len()
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pause> {
        self.by_job.values_mut().map(|paused| &mut paused.pause)
    }

    /// Takes one whose end has come.
    fn take_ended(&mut self, now: Timestamp) -> Option<Paused> {
        let (until, job) = self.ends.first()?;
        let job = (*until <= now).then(|| job.clone())?;
        self.remove(&job)
    }
}

impl Engine {
    /// From now on a job is not due by itself. One that is paused already keeps the beginning of its pause.
    pub fn pause(&mut self, pause: Pause, now: Moment) -> Result<Vec<Effect>, NotPaused> {
        let name = pause.job.clone();
        // As the store keeps it: a restart changes nothing.
        let pause = Pause {
            since: micros(now.wall),
            until: pause.until.map(micros),
            ..pause
        };
        if !self.config.jobs.contains_key(&name) {
            return Err(NotPaused::NoSuchJob);
        }
        // What is due by now is none of what is missed.
        let mut effects = self.decide_due(now);
        let paused = match self.pauses.remove(&name) {
            Some(Paused { pause: old, waited }) => Paused {
                pause: Pause {
                    since: old.since,
                    ..pause
                },
                waited,
            },
            None => {
                self.agenda.remove(&name);
                let (waited, left) = self.hold(&name);
                effects.extend(left);
                Paused { pause, waited }
            }
        };
        effects.push(Effect::RecordPause(paused.pause.clone()));
        self.pauses.add(paused);
        Ok(effects)
    }

    /// A job that is paused is due again.
    pub fn resume(&mut self, name: &JobName, now: Moment) -> Result<Vec<Effect>, NotPaused> {
        if !self.config.jobs.contains_key(name) {
            return Err(NotPaused::NoSuchJob);
        }
        if self.phase != Phase::Serving {
            return Err(NotPaused::Stopping);
        }
        let paused = self.pauses.remove(name).ok_or(NotPaused::Already)?;
        let mut effects = self.decide_due(now);
        effects.extend(self.end_pause(paused, now));
        effects.extend(self.admit_waiting(now));
        effects.push(Effect::RecordDecided(now.wall));
        Ok(effects)
    }

    /// All jobs that are paused, by name.
    pub fn pauses(&self) -> impl Iterator<Item = &Pause> {
        self.pauses.iter()
    }

    /// The pause of a job.
    pub fn pause_of(&self, job: &JobName) -> Option<&Pause> {
        self.pauses.of(job)
    }

    /// How many jobs are paused.
    pub fn paused(&self) -> usize {
        self.pauses.len()
    }

    /// When the next pause ends by itself.
    pub(super) fn next_end_of_pause(&self) -> Option<Timestamp> {
        self.pauses
            .next_end()
            .filter(|_| self.phase == Phase::Serving)
    }

    /// No pause has begun later than now: what a clock that was set back shows once more is missed as well.
    pub(super) fn set_pauses_back(&mut self, now: Moment) -> Vec<Effect> {
        let now = micros(now.wall);
        let later = self.pauses.iter_mut().filter(|pause| pause.since > now);
        let set_back = later.map(|pause| {
            pause.since = now;
            Effect::RecordPause(pause.clone())
        });
        set_back.collect()
    }

    /// Those whose end has come. A hupd that stops leaves them to the next one.
    pub(super) fn end_pauses(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.phase == Phase::Serving
            && let Some(paused) = self.pauses.take_ended(now.wall)
        {
            effects.extend(self.end_pause(paused, now));
        }
        effects
    }

    /// The job has missed what was due since its pause began.
    pub(super) fn end_pause(&mut self, paused: Paused, now: Moment) -> Vec<Effect> {
        let Paused { pause, waited } = paused;
        let job = self.job(&pause.job).expect("only jobs in force are paused");
        let waited = self.delay_further(waited, now);
        let owed = self.missed_in(&job, &pause, (waited, now));
        let mut effects = self.decide_owed(&job, owed, now);
        // After what it brings about: a crash in between repeats all of it.
        effects.push(Effect::ForgetPause(pause.job));
        effects.extend(self.plan(&job, now));
        effects
    }

    /// What comes into force now has missed nothing: what the old definition has missed in its pause is not made up for.
    pub(super) fn miss_in_pause(&mut self, old: &Job, now: Moment) -> Vec<Effect> {
        let Some(Paused { pause, waited }) = self.pauses.remove(&old.name) else {
            return Vec::new();
        };
        let old = Job {
            missed: Missed::Skip,
            ..old.clone()
        };
        let owed = self.missed_in(&old, &pause, (waited, now));
        let missed = owed.missed.into_iter();
        let mut effects: Vec<_> = missed
            .map(|(occurrence, reason)| self.record(occurrence, Fate::Missed, &reason))
            .collect();
        effects.push(match self.config.jobs.contains_key(&pause.job) {
            true => self.pause_anew(pause, now),
            false => Effect::ForgetPause(pause.job),
        });
        effects
    }

    /// A pause outlives hupd, and ends at its time whoever is there then.
    pub(super) fn pause_further(&mut self, paused: Paused, now: Moment) -> Vec<Effect> {
        match paused.pause.until {
            Some(until) if until <= now.wall => self.end_pause(paused, now),
            _ => {
                self.pauses.add(paused);
                Vec::new()
            }
        }
    }

    /// The job is not due any more as it was when hupd ended, and nobody knows how that was.
    pub(super) fn pause_changed(&mut self, paused: Paused, now: Moment) -> Vec<Effect> {
        let reason = paused.pause.to_string();
        let missed = paused.waited.into_iter();
        let missed = missed.map(|one| self.record(one.occurrence, Fate::Missed, &reason));
        let mut effects: Vec<_> = missed.collect();
        effects.push(self.pause_anew(paused.pause, now));
        effects
    }

    /// Goes on with a pause, as if it began now.
    fn pause_anew(&mut self, pause: Pause, now: Moment) -> Effect {
        let pause = Pause {
            since: micros(now.wall),
            ..pause
        };
        self.agenda.remove(&pause.job);
        self.pauses.add(Paused {
            pause: pause.clone(),
            waited: Vec::new(),
        });
        Effect::RecordPause(pause)
    }

    fn missed_in(
        &self,
        job: &Job,
        pause: &Pause,
        (waited, now): (Vec<Waited>, Moment),
    ) -> owed::Owed {
        let reason = pause.to_string();
        let absence = Absence {
            anchor: self.anchors.get(&job.name),
            since: job.enabled.then_some(pause.since),
            ended: &reason,
            away: &reason,
        };
        owed::settle_absence(job, waited, absence, (now.wall, self.around()))
    }

    /// What waits of a job that is paused now is kept where the job wants it made up for.
    fn hold(&mut self, name: &JobName) -> (Vec<Waited>, Vec<Effect>) {
        let waiting = self.queue.remove_if(|waiting| {
            waiting.occurrence.job == *name && waiting.occurrence.trigger != Trigger::Request
        });
        let (mut waited, mut effects) = (Vec::new(), Vec::new());
        for waiting in waiting {
            let effect = self.leave(&waiting, Objection::Paused);
            if matches!(&effect, Effect::Record(entry) if entry.fate == Fate::Waiting) {
                waited.push(Waited {
                    occurrence: waiting.occurrence,
                    starts_at: waiting.starts_at,
                });
            }
            effects.push(effect);
        }
        (waited, effects)
    }
}
