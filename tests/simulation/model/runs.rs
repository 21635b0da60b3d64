//! Runs: whether they may begin, and how they come to their end.

use std::time::Duration;

use hupd::clock::Moment;
use hupd::config::{Missed, Overlap};
use hupd::event::{ClaimVerdict, Claimed, Started};
use hupd::ledger::Fate;
use hupd::run::{Exit, JobName, Occurrence, Outcome, RunId, StopReason, Trigger};
use hupd::schedule::Seed;
use jiff::Timestamp;

use super::{Model, Phase, Run, Stage, Waiting, claims_last};
use crate::simulation::acts::{Act, Death};
use crate::simulation::jobs::JobSpec;
use crate::simulation::owed::{micros, signed};

impl Model {
    /// What is made up for waits where another one is skipped.
    /// Whether it still runs counts when the delay is over.
    pub(super) fn objects(&self, job: &JobSpec, waiting: &Waiting, is_delayed: bool) -> bool {
        let name = &waiting.occurrence.job;
        let others = self.waiting.values().chain(self.delayed.values());
        let others = others.filter(|other| other.occurrence.job == *name);
        let is_patient = waiting.is_late && job.missed != Missed::Skip;
        match job.overlap {
            Overlap::Skip if !is_patient => {
                let is_in_the_way = others.clone().any(|other| !other.is_late);
                !is_delayed && self.is_taken(name) || is_in_the_way || others.count() >= 100
            }
            _ => others.count() >= 100,
        }
    }

    /// Whether it runs, or a start of it hangs.
    fn is_taken(&self, name: &JobName) -> bool {
        let mut runs = self.runs.values();
        self.hangs(name) || runs.any(|run| run.occurrence.job == *name)
    }

    pub(super) fn has_place(&self) -> bool {
        let is_placed = |run: &&Run| !matches!(run.stage, Stage::Resting(_));
        self.runs.values().filter(is_placed).count() < self.file.max_running
    }

    pub(super) fn consider(&mut self, job: &JobSpec, waiting: Waiting, now: Moment) -> Vec<Act> {
        if self.phase != Phase::Serving {
            return vec![self.leave(waiting)];
        }
        let delay = delay(job, &waiting, now);
        if self.objects(job, &waiting, delay.is_some()) {
            return vec![self.fate(waiting.occurrence, Fate::Skipped)];
        }
        let run = RunId(self.next_run);
        self.next_run += 1;
        if let Some(delay) = delay {
            let waiting = Waiting {
                starts_at: Some(micros(now.wall + delay)),
                ..waiting
            };
            let waits = self.waits_until(&waiting);
            self.delayed.insert((now.elapsed + delay, run), waiting);
            return vec![waits];
        }
        self.start_or_wait(run, job, waiting, now)
    }

    /// What waits of the job and will never start is not in the way of what comes.
    pub(super) fn drop_too_old(&mut self, name: &JobName, job: &JobSpec, now: Moment) -> Vec<Act> {
        let is_old = |one: &Waiting| {
            let age = now.wall.duration_since(one.occurrence.instant);
            let is_requested = one.occurrence.trigger == Trigger::Request;
            let is_older = job.deadline.is_some_and(|most| age > signed(most));
            one.occurrence.job == *name && is_older && !is_requested
        };
        let old = self.all_waiting(is_old).into_iter();
        old.map(|one| self.fate(one.occurrence, Fate::Skipped))
            .collect()
    }

    fn waits_until(&self, waiting: &Waiting) -> Act {
        Act::Fate {
            occurrence: waiting.occurrence.clone(),
            fate: Fate::Waiting,
            generation: self.generation,
            stands_for_more: false,
            starts_at: waiting.starts_at,
        }
    }

    /// What has waited for its own time.
    pub(super) fn start_delayed(&mut self, now: Moment) -> Vec<Act> {
        let mut acts = Vec::new();
        while let Some(((at, run), _)) = self.delayed.first_key_value()
            && *at <= now.elapsed
        {
            let run = *run;
            let (_, waiting) = self.delayed.pop_first().expect("there is one");
            let name = &waiting.occurrence.job;
            let job = self.job(name).expect("only jobs in force wait").clone();
            let overlaps = job.overlap == Overlap::Skip && self.is_taken(name);
            let age = now.wall.duration_since(waiting.occurrence.instant);
            let is_old = job.deadline.is_some_and(|most| age > signed(most));
            if overlaps || is_old {
                acts.push(self.fate(waiting.occurrence, Fate::Skipped));
                continue;
            }
            let waiting = Waiting {
                starts_at: None,
                ..waiting
            };
            acts.extend(self.start_or_wait(run, &job, waiting, now));
        }
        acts
    }

    pub(super) fn start_or_wait(
        &mut self,
        run: RunId,
        job: &JobSpec,
        waiting: Waiting,
        now: Moment,
    ) -> Vec<Act> {
        let mut acts = Vec::new();
        if job.overlap == Overlap::Replace {
            if self.is_overtaken(run, &waiting.occurrence, now) {
                return vec![self.fate(waiting.occurrence, Fate::Replaced)];
            }
            acts = self.replace_older(run, &waiting.occurrence, now);
        }
        let is_free = !waiting.is_late && self.has_place() && !self.is_blocked(&waiting);
        if is_free && !self.is_somebody_ahead(&waiting) {
            acts.push(self.claim(run, job, waiting));
            return acts;
        }
        acts.push(self.fate(waiting.occurrence.clone(), Fate::Waiting));
        self.waiting
            .insert((waiting.occurrence.instant, run), waiting);
        acts
    }

    /// Whether one of its job that is newer runs, or has come and waits. Whoever asks for a run has the newest.
    fn is_overtaken(&self, run: RunId, one: &Occurrence, now: Moment) -> bool {
        let runs = self.runs.iter().map(|(id, run)| (*id, &run.occurrence));
        let waiting = self.waiting.iter();
        let waiting = waiting.map(|((_, id), one)| (*id, &one.occurrence));
        let mut others = runs.chain(waiting).filter(|(_, it)| it.job == one.job);
        one.trigger != Trigger::Request
            && others.any(|(id, it)| newness(id, it, now) > newness(run, one, now))
    }

    /// All that waits and is older makes way, and all that runs.
    fn replace_older(&mut self, by: RunId, one: &Occurrence, now: Moment) -> Vec<Act> {
        let is_older = |run: RunId, it: &Occurrence| {
            it.job == one.job && newness(run, it, now) < newness(by, one, now)
        };
        let waiting = self
            .waiting
            .extract_if(.., |(_, run), it| is_older(*run, &it.occurrence));
        let mut older: Vec<_> = waiting.map(|((_, run), it)| (run, it.occurrence)).collect();
        let delayed = self
            .delayed
            .extract_if(.., |(_, run), it| is_older(*run, &it.occurrence));
        older.extend(delayed.map(|((_, run), it)| (run, it.occurrence)));
        older.sort_by_key(|(run, it)| (it.instant, *run));
        let older = older.into_iter();
        let mut acts: Vec<_> = older.map(|(_, it)| self.fate(it, Fate::Replaced)).collect();
        let runs = self.runs.iter();
        let runs = runs.filter(|(_, run)| run.occurrence.job == one.job);
        for run in runs.map(|(id, _)| *id).collect::<Vec<_>>() {
            acts.extend(self.send_stop(run, StopReason::ReplacedBy(by), now));
        }
        acts
    }

    /// Whether runs are in its way: of its group, or where it has none of its job.
    fn is_blocked(&self, waiting: &Waiting) -> bool {
        let name = &waiting.occurrence.job;
        let job = self.job(name).expect("only jobs in force wait");
        if self.hangs(name) {
            // One that is in time is skipped then.
            return waiting.is_late || job.overlap != Overlap::Skip;
        }
        if job.group.is_some() {
            return self
                .runs
                .values()
                .any(|run| self.is_in_group(run, job.group));
        }
        let alive = self.runs.values();
        let alive = alive.filter(|run| run.occurrence.job == *name).count();
        match job.overlap {
            // One that is in time is skipped then.
            Overlap::Skip => waiting.is_late && alive > 0,
            Overlap::Queue | Overlap::Replace => alive > 0,
            Overlap::Allow { most } => alive >= most,
        }
    }

    /// By the definition that it began under, or by the one in force.
    fn is_in_group(&self, run: &Run, group: Option<u8>) -> bool {
        let now = self.job(&run.occurrence.job).and_then(|job| job.group);
        run.job.group == group || now == group
    }

    /// In a group nobody is overtaken who has come before; beside that, nobody of the job who is in time.
    fn is_somebody_ahead(&self, waiting: &Waiting) -> bool {
        let group_of = |one: &Waiting| self.job(&one.occurrence.job).and_then(|job| job.group);
        let group = group_of(waiting).filter(|_| !self.hangs(&waiting.occurrence.job));
        self.waiting.values().any(|other| match group {
            // Who waits for a start that hangs is ahead of nobody else.
            Some(_) => group_of(other) == group && !self.hangs(&other.occurrence.job),
            None => other.occurrence.job == waiting.occurrence.job && !other.is_late,
        })
    }

    /// hupd does not come to it any more: the next one makes up for it, where the job wants that.
    pub(super) fn leave(&self, waiting: Waiting) -> Act {
        let occurrence = &waiting.occurrence;
        let job = self.job(&occurrence.job).expect("a job in force");
        let is_of_timing = !matches!(occurrence.trigger, Trigger::Request | Trigger::Change);
        let is_wanted = is_of_timing && job.missed != Missed::Skip;
        match is_wanted || waiting.starts_at.is_some() {
            true => self.waits_until(&waiting),
            false => self.fate(waiting.occurrence, Fate::Skipped),
        }
    }

    fn claim(&mut self, run: RunId, job: &JobSpec, waiting: Waiting) -> Act {
        let Waiting {
            occurrence,
            is_late,
            is_wild,
            ..
        } = waiting;
        let begun = Run {
            occurrence: occurrence.clone(),
            job: job.clone(),
            generation: self.generation,
            is_late,
            is_wild,
            shortages: 0,
            attempt: 1,
            failed: None,
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
            starts_at: None,
        }
    }

    pub(super) fn admit(&mut self, now: Moment) -> Vec<Act> {
        let mut acts = self.admit_rested(now);
        while self.phase == Phase::Serving
            && self.has_place()
            && let Some(((_, run), waiting)) = self.next_waiting()
        {
            let occurrence = &waiting.occurrence;
            let job = self.job(&occurrence.job).expect("only jobs in force wait");
            let job = job.clone();
            let overlaps = job.overlap == Overlap::Skip && self.is_taken(&occurrence.job);
            let is_requested = occurrence.trigger == Trigger::Request;
            let age = now.wall.duration_since(occurrence.instant);
            let is_old = job.deadline.is_some_and(|most| age > signed(most));
            acts.push(match overlaps || is_old && !is_requested {
                true => self.fate(waiting.occurrence, Fate::Skipped),
                false => self.claim(run, &job, waiting),
            });
        }
        acts
    }

    /// What is late goes when it has its turn, and nothing else of its job is in its way.
    fn next_waiting(&mut self) -> Option<((Timestamp, RunId), Waiting)> {
        let late = self.runs.values().filter(|run| run.is_late).count();
        let may_go = |waiting: &Waiting| {
            let has_turn = !waiting.is_late || late < self.file.catch_up_limit;
            has_turn && !self.is_blocked(waiting)
        };
        let (place, _) = self.waiting.iter().find(|(_, waiting)| may_go(waiting))?;
        let place = *place;
        self.waiting.remove_entry(&place)
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
        let waiting = Waiting {
            occurrence,
            is_late: false,
            is_wild: false,
            starts_at: None,
        };
        claims_last(self.request_run(&job, waiting, now))
    }

    /// Nobody who asks is made to wait by a jitter.
    fn request_run(&mut self, job: &JobSpec, waiting: Waiting, now: Moment) -> Vec<Act> {
        let mut acts = self.drop_too_old(&waiting.occurrence.job, job, now);
        if self.phase != Phase::Serving || self.objects(job, &waiting, false) {
            acts.push(self.fate(waiting.occurrence, Fate::Skipped));
            return acts;
        }
        let run = RunId(self.next_run);
        self.next_run += 1;
        acts.extend(self.start_or_wait(run, job, waiting, now));
        acts.extend(self.admit(now));
        acts
    }

    pub(super) fn claimed(&mut self, verdicts: &[ClaimVerdict], now: Moment) -> Vec<Act> {
        let mut acts = Vec::new();
        for verdict in verdicts {
            if verdict.claimed == Claimed::AlreadyThere {
                acts.extend(self.refused(verdict.run, now));
            } else if let Some(run) = self.runs.get_mut(&verdict.run)
                && let Stage::Claiming(stop) = run.stage
            {
                run.stage = run.starting(stop, now);
                acts.push(Act::Spawn {
                    run: verdict.run,
                    occurrence: run.occurrence.clone(),
                    attempt: run.attempt,
                });
            }
        }
        acts
    }

    /// It has had its run. Where the clock shows a time once more, what is wild has another one.
    fn refused(&mut self, id: RunId, now: Moment) -> Vec<Act> {
        let run = self.runs.get_mut(&id).expect("it was claimed");
        let at = run.occurrence.instant;
        let is_again = at <= self.lived && at > self.repeated && self.phase == Phase::Serving;
        if is_again && run.is_wild && !run.is_late {
            run.occurrence.instant += Duration::from_micros(1);
            return vec![Act::Claim {
                run: id,
                occurrence: run.occurrence.clone(),
                generation: run.generation,
            }];
        }
        self.runs.remove(&id);
        self.admit(now)
    }

    pub(super) fn started(&mut self, started: &Started, now: Moment) -> Vec<Act> {
        let run = self.runs.get_mut(&started.run).expect("it was started");
        let Stage::Starting(stop, _) = run.stage else {
            panic!("{run:?} starts twice")
        };
        let limit = run.job.timeout.map(|limit| started.at.elapsed + limit);
        run.stage = Stage::Alive(limit);
        let mut acts = vec![Act::Begun { run: started.run }];
        self.end_shortage();
        acts.extend(self.try_next(now));
        acts.extend(match (self.phase, stop) {
            (Phase::Killing, _) => self.send_kill(started.run, now),
            (Phase::Stopping, _) => self.send_stop(started.run, StopReason::Shutdown, now),
            (_, Some(why)) => self.send_stop(started.run, why, now),
            (_, None) => Vec::new(),
        });
        acts.extend(self.admit(now));
        acts
    }

    pub(super) fn ended(&mut self, death: &Death, now: Moment) -> Vec<Act> {
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
        self.over(death.run, outcome, stopped_by, now)
    }

    pub(super) fn over(
        &mut self,
        run: RunId,
        outcome: Outcome,
        stopped_by: Option<StopReason>,
        now: Moment,
    ) -> Vec<Act> {
        let acts = match self.retry_after(run, &outcome, stopped_by) {
            Some(delay) => self.rest(run, (outcome, stopped_by), delay, now),
            None => self.close(run, outcome, stopped_by),
        };
        let mut acts = vec![acts];
        acts.extend(self.try_next(now));
        acts.extend(self.admit(now));
        acts
    }

    pub(super) fn close(
        &mut self,
        run: RunId,
        outcome: Outcome,
        stopped_by: Option<StopReason>,
    ) -> Act {
        let closed = self.runs.remove(&run).expect("it was not over");
        if !matches!(closed.stage, Stage::Alive(_) | Stage::Stopping(..)) {
            self.end_shortage();
        }
        Act::End {
            run,
            outcome,
            stopped_by,
        }
    }
}

/// By what is due later; what lies ahead has come before the clock was set back.
fn newness(run: RunId, one: &Occurrence, now: Moment) -> (bool, Timestamp, RunId) {
    let ahead = one.instant.duration_since(now.wall);
    (ahead.as_nanos() <= 10_000_000, one.instant, run)
}

/// How long an occurrence that has come in time waits, if it does.
fn delay(job: &JobSpec, waiting: &Waiting, now: Moment) -> Option<Duration> {
    let Occurrence {
        job: name, instant, ..
    } = &waiting.occurrence;
    let below = job.jitter.as_millis() as u64;
    if below == 0 || waiting.is_late {
        return None;
    }
    let purpose = format!("jitter {}", instant.as_microsecond());
    let drawn = Seed::of("host", name.as_str()).below(below, &purpose);
    let starts_at = *instant + Duration::from_millis(drawn);
    let rest = starts_at.duration_since(now.wall.max(*instant));
    Duration::try_from(rest).ok().filter(|rest| !rest.is_zero())
}
