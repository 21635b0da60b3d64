//! The policies once more, as the manual tells them and as simply as can be: lists that are searched, and the
//! oracle for schedules. What hupd does in a turn must be what this expects, in this order.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hupd::clock::{Moment, Wake};
use hupd::config::Overlap;
use hupd::event::{ClaimVerdict, Claimed, Started};
use hupd::ledger::Fate;
use hupd::run::{
    Exit, Generation, JobName, Occurrence, Outcome, RunId, Signal, StopReason, Trigger,
};
use jiff::Timestamp;

use super::acts::{Act, Death, Told};
use super::jobs::{Due, FileSpec, JobSpec};
use super::life::Inheritance;
use super::oracle::Oracle;
use super::owed::{Next, Owed, first, micros, owed, steady, wall_of};

/// KILL is repeated after that time.
const KILL_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Serving,
    Draining(Duration),
    Stopping,
    Killing,
}

#[derive(Clone, Debug)]
struct Run {
    occurrence: Occurrence,
    /// The definition that it began under.
    job: JobSpec,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Claiming(Option<StopReason>),
    Starting(Option<StopReason>),
    Alive(Option<Duration>),
    Stopping(StopReason, Duration),
}

#[derive(Clone, Copy, Debug)]
struct Reload {
    /// Nobody asked: the files changed.
    for_news_only: bool,
    again: Option<bool>,
}

#[derive(Debug)]
pub struct Model {
    oracle: Rc<Oracle>,
    pub file: Arc<FileSpec>,
    pub generation: Generation,
    pub phase: Phase,
    next_run: u64,
    pub next: BTreeMap<JobName, Next>,
    anchors: BTreeMap<JobName, (Duration, Timestamp)>,
    runs: BTreeMap<RunId, Run>,
    waiting: BTreeMap<(Timestamp, RunId), Occurrence>,
    clocks: Moment,
    last_request: Timestamp,
    reload: Option<Reload>,
    last_verdict: Option<bool>,
}

impl Model {
    /// A hupd that begins to serve, and what it does first.
    pub fn begin(
        oracle: Rc<Oracle>,
        file: Arc<FileSpec>,
        inherited: Inheritance,
        now: Moment,
    ) -> (Self, Vec<Act>) {
        let mut model = Self {
            oracle,
            file: Arc::clone(&file),
            generation: inherited.generation,
            phase: Phase::Serving,
            next_run: inherited.next_run,
            next: BTreeMap::new(),
            anchors: inherited.anchors,
            runs: BTreeMap::new(),
            waiting: BTreeMap::new(),
            clocks: now,
            last_request: Timestamp::MIN,
            reload: None,
            last_verdict: None,
        };
        let mut acts = model.forget_anchors();
        let jobs = file.jobs.iter();
        acts.extend(jobs.filter_map(|(name, job)| model.plan(&JobName::new(name), job, now)));
        acts.push(Act::Verdict {
            accepted: true,
            generation: model.generation,
        });
        (model, acts)
    }

    /// What hupd must do when it is told this.
    pub fn told(&mut self, told: &Told, refuses: bool, now: Moment) -> Vec<Act> {
        match told {
            Told::Begin | Told::StoreFailed | Told::StoreRecovered | Told::AskStatus => Vec::new(),
            Told::Due => claims_last(self.wake(now)),
            Told::ClockSet => claims_last(self.clock_set(now)),
            Told::Stop => self.stop(now),
            Told::StopNow => self.stop_now(now),
            Told::Hangup | Told::AskReload => self.wish(false),
            Told::FilesChanged => self.wish(true),
            Told::Loaded(file) => self.loaded(file.as_ref(), refuses, now),
            Told::Claimed(verdicts) => claims_last(self.claimed(verdicts)),
            Told::Started(started) => self.started(started, now),
            Told::CouldNotStart(run) => {
                let outcome = Outcome::CouldNotStart("no such file".to_owned());
                claims_last(self.over(*run, outcome, None))
            }
            Told::Ended(death) => claims_last(self.ended(death)),
            Told::Run(job) => self.request(job, now),
            Told::Kill(run) => self.kill(*run, now),
        }
    }

    /// Of jobs that are gone.
    fn forget_anchors(&mut self) -> Vec<Act> {
        let jobs = &self.file.jobs;
        let is_gone = |name: &JobName| !jobs.contains_key(name.as_str());
        let gone = self.anchors.extract_if(.., |name, _| is_gone(name));
        gone.map(|(name, _)| Act::NoAnchor(name)).collect()
    }

    fn job(&self, name: &JobName) -> Option<&JobSpec> {
        self.file.jobs.get(name.as_str())
    }

    /// When a job that comes into force is due first, and from where its interval is counted.
    fn plan(&mut self, name: &JobName, job: &JobSpec, now: Moment) -> Option<Act> {
        let anchor = self.anchors.get(name).copied();
        let next = first(job, anchor, &self.oracle, now);
        self.next.remove(name);
        self.next.extend(next.map(|next| (name.clone(), next)));
        let (Some(Next::Elapsed(at)), Due::Every(every)) = (next, job.due) else {
            return None;
        };
        if anchor.is_some_and(|(known, since)| known == every && since <= now.wall) {
            return None;
        }
        let since = wall_of(at.saturating_sub(every), self.clocks);
        self.anchors.insert(name.clone(), (every, since));
        let job = name.clone();
        Some(Act::Anchor { job, every })
    }

    /// When something is due next, by either clock.
    pub fn next_wake(&self) -> Wake {
        let wall = self.next.values().filter_map(|next| match next {
            Next::Wall(at) => Some(*at),
            Next::Elapsed(_) => None,
        });
        let elapsed = self.next.values().filter_map(|next| match next {
            Next::Wall(_) => None,
            Next::Elapsed(at) => Some(*at),
        });
        let limits = self.deadlines().map(|(at, ..)| at);
        let grace = match self.phase {
            Phase::Draining(until) => Some(until),
            _ => None,
        };
        Wake {
            wall: wall.min(),
            elapsed: elapsed.chain(limits).chain(grace).min(),
        }
    }

    fn wake(&mut self, now: Moment) -> Vec<Act> {
        self.clocks = steady(self.clocks, now);
        let mut acts = self.enforce(now);
        let mut due: Vec<_> = self
            .next
            .iter()
            .filter(|(_, next)| next.has_come(now))
            .map(|(name, next)| (next.on_the_wall(self.clocks), name.clone(), *next))
            .collect();
        due.sort();
        for (_, name, next) in due {
            let job = self.job(&name).expect("only jobs in force are due").clone();
            let owed = owed(&job, next, &self.oracle, (now, self.clocks));
            acts.extend(self.decide(&name, &job, owed));
        }
        acts
    }

    fn clock_set(&mut self, now: Moment) -> Vec<Act> {
        self.last_request = Timestamp::MIN;
        let oracle = Rc::clone(&self.oracle);
        for (name, next) in &mut self.next {
            let job = &self.file.jobs[name.as_str()];
            if let (Next::Wall(at), Due::At(schedule)) = (&next, job.due)
                && let Some(first) = oracle.next_after(schedule, now.wall)
                && first < *at
            {
                *next = Next::Wall(first);
            }
        }
        self.wake(now)
    }

    /// Grace periods and time limits, the earliest first.
    fn enforce(&mut self, now: Moment) -> Vec<Act> {
        let mut acts = Vec::new();
        if matches!(self.phase, Phase::Draining(until) if until <= now.elapsed) {
            acts.extend(self.stop_all(now));
        }
        while let Some((run, is_stopping)) = self.overdue(now) {
            match is_stopping {
                true => acts.extend(self.send_kill(run, now)),
                false => acts.extend(self.send_stop(run, StopReason::TimeLimit, now)),
            }
        }
        acts
    }

    fn overdue(&self, now: Moment) -> Option<(RunId, bool)> {
        let (at, run, is_stopping) = self.deadlines().min()?;
        (at <= now.elapsed).then_some((run, is_stopping))
    }

    /// Of every run that has one; whether it has been told to stop.
    fn deadlines(&self) -> impl Iterator<Item = (Duration, RunId, bool)> {
        self.runs.iter().filter_map(|(id, run)| match run.stage {
            Stage::Alive(limit) => limit.map(|at| (at, *id, false)),
            Stage::Stopping(_, at) => Some((at, *id, true)),
            Stage::Claiming(_) | Stage::Starting(_) => None,
        })
    }

    fn decide(&mut self, name: &JobName, job: &JobSpec, owed: Owed) -> Vec<Act> {
        self.next.remove(name);
        self.next.extend(owed.next.map(|next| (name.clone(), next)));
        let trigger = match job.due {
            Due::Every(_) => Trigger::Every,
            _ => Trigger::Schedule,
        };
        let occurrence = |instant| Occurrence {
            job: name.clone(),
            instant,
            trigger,
        };
        let mut acts = Vec::new();
        for (instant, stands_for_more) in owed.missed {
            acts.push(Act::Fate {
                occurrence: occurrence(instant),
                fate: Fate::Missed,
                generation: self.generation,
                stands_for_more,
            });
        }
        let instant = owed.instant.map(occurrence);
        // Named again after a step back: it is due already.
        let waits = |one: &Occurrence| self.waiting.values().any(|waiting| waiting == one);
        let instant = instant.filter(|one| !waits(one));
        acts.extend(instant.map(|instant| self.consider(job, instant)));
        acts
    }

    fn consider(&mut self, job: &JobSpec, occurrence: Occurrence) -> Act {
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

    fn objects(&self, job: &JobSpec, name: &JobName) -> bool {
        let waiting = self.waiting.values().filter(|other| other.job == *name);
        match job.overlap {
            _ if self.phase != Phase::Serving => true,
            Overlap::Skip => self.is_running(name) || waiting.count() > 0,
            Overlap::Allow => waiting.count() >= 100,
        }
    }

    fn is_running(&self, name: &JobName) -> bool {
        self.runs.values().any(|run| run.occurrence.job == *name)
    }

    fn has_place(&self) -> bool {
        self.runs.len() < self.file.max_running
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

    fn fate(&self, occurrence: Occurrence, fate: Fate) -> Act {
        Act::Fate {
            occurrence,
            fate,
            generation: self.generation,
            stands_for_more: false,
        }
    }

    fn admit(&mut self) -> Vec<Act> {
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

    fn request(&mut self, name: &JobName, now: Moment) -> Vec<Act> {
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

    fn kill(&mut self, run: RunId, now: Moment) -> Vec<Act> {
        let waits = self
            .waiting
            .iter()
            .find(|((_, waiting), _)| *waiting == run);
        if let Some((key, _)) = waits.map(|(key, occurrence)| (*key, occurrence.clone())) {
            let occurrence = self.waiting.remove(&key).expect("it was there");
            return vec![self.fate(occurrence, Fate::Skipped)];
        }
        self.send_stop(run, StopReason::Request, now)
    }

    fn claimed(&mut self, verdicts: &[ClaimVerdict]) -> Vec<Act> {
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

    fn started(&mut self, started: &Started, now: Moment) -> Vec<Act> {
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

    fn ended(&mut self, death: &Death) -> Vec<Act> {
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

    fn over(&mut self, run: RunId, outcome: Outcome, stopped_by: Option<StopReason>) -> Vec<Act> {
        self.runs.remove(&run);
        let mut acts = vec![Act::End {
            run,
            outcome,
            stopped_by,
        }];
        acts.extend(self.admit());
        acts
    }

    fn send_stop(&mut self, id: RunId, why: StopReason, now: Moment) -> Vec<Act> {
        let Some(run) = self.runs.get_mut(&id) else {
            return Vec::new();
        };
        match &mut run.stage {
            Stage::Claiming(stop) | Stage::Starting(stop) => {
                *stop = stop.or(Some(why));
                Vec::new()
            }
            Stage::Stopping(..) => Vec::new(),
            Stage::Alive(_) => {
                run.stage = Stage::Stopping(why, now.elapsed + run.job.kill_after);
                vec![Act::Signal {
                    run: id,
                    signal: run.job.stop_signal,
                }]
            }
        }
    }

    fn send_kill(&mut self, id: RunId, now: Moment) -> Vec<Act> {
        let run = self.runs.get_mut(&id).expect("it is not over");
        let why = match run.stage {
            Stage::Claiming(_) | Stage::Starting(_) => return Vec::new(),
            Stage::Alive(_) => StopReason::Shutdown,
            Stage::Stopping(why, _) => why,
        };
        run.stage = Stage::Stopping(why, now.elapsed + KILL_AGAIN);
        vec![Act::Signal {
            run: id,
            signal: Signal::KILL,
        }]
    }

    fn stop(&mut self, now: Moment) -> Vec<Act> {
        match self.phase {
            Phase::Serving => self.drain(now),
            _ => self.stop_now(now),
        }
    }

    fn stop_now(&mut self, now: Moment) -> Vec<Act> {
        let mut acts = match self.phase {
            Phase::Serving => self.drain(now),
            _ => Vec::new(),
        };
        acts.extend(match self.phase {
            Phase::Stopping | Phase::Killing => self.kill_all(now),
            _ => self.stop_all(now),
        });
        acts
    }

    fn drain(&mut self, now: Moment) -> Vec<Act> {
        self.phase = Phase::Draining(now.elapsed + self.file.grace);
        let waiting = std::mem::take(&mut self.waiting).into_values();
        waiting.map(|one| self.fate(one, Fate::Skipped)).collect()
    }

    fn stop_all(&mut self, now: Moment) -> Vec<Act> {
        self.phase = Phase::Stopping;
        let runs: Vec<_> = self.runs.keys().copied().collect();
        runs.into_iter()
            .flat_map(|run| self.send_stop(run, StopReason::Shutdown, now))
            .collect()
    }

    fn kill_all(&mut self, now: Moment) -> Vec<Act> {
        self.phase = Phase::Killing;
        let runs: Vec<_> = self.runs.keys().copied().collect();
        runs.into_iter()
            .flat_map(|run| self.send_kill(run, now))
            .collect()
    }

    /// A reload is wanted: one at a time, and all wishes that come meanwhile are one.
    fn wish(&mut self, for_news_only: bool) -> Vec<Act> {
        match &mut self.reload {
            _ if self.phase != Phase::Serving => return Vec::new(),
            Some(reload) => {
                reload.again = Some(reload.again.unwrap_or(true) && for_news_only);
                return Vec::new();
            }
            None => {}
        }
        self.reload = Some(Reload {
            for_news_only,
            again: None,
        });
        vec![Act::Load]
    }

    fn loaded(&mut self, file: Option<&Arc<FileSpec>>, refuses: bool, now: Moment) -> Vec<Act> {
        let reload = self
            .reload
            .take()
            .expect("only what was asked for is loaded");
        if self.phase != Phase::Serving {
            return Vec::new();
        }
        let mut acts = Vec::new();
        if !reload.for_news_only || self.is_news(file) {
            acts = self.judge(file, refuses, now);
        }
        if let Some(for_news_only) = reload.again {
            acts.extend(self.wish(for_news_only));
        }
        acts
    }

    fn is_news(&self, file: Option<&Arc<FileSpec>>) -> bool {
        match file {
            Some(file) => self.last_verdict == Some(false) || *file != self.file,
            None => self.last_verdict != Some(false),
        }
    }

    fn judge(&mut self, file: Option<&Arc<FileSpec>>, refuses: bool, now: Moment) -> Vec<Act> {
        let is_right = |file: &&Arc<FileSpec>| file.state_dir == self.file.state_dir && !refuses;
        let mut acts = match file.filter(is_right) {
            Some(file) => {
                self.last_verdict = Some(true);
                claims_last(self.adopt(Arc::clone(file), now))
            }
            None => {
                self.last_verdict = Some(false);
                Vec::new()
            }
        };
        acts.push(Act::Verdict {
            accepted: self.last_verdict == Some(true),
            generation: self.generation,
        });
        acts
    }

    fn adopt(&mut self, file: Arc<FileSpec>, now: Moment) -> Vec<Act> {
        let mut acts = self.wake(now);
        let old = std::mem::replace(&mut self.file, Arc::clone(&file));
        for name in old
            .jobs
            .keys()
            .filter(|name| !file.jobs.contains_key(*name))
        {
            self.next.remove(&JobName::new(name));
        }
        acts.extend(self.forget_anchors());
        for (name, job) in &file.jobs {
            let before = old.jobs.get(name);
            if !before.is_some_and(|old| (old.due, old.enabled) == (job.due, job.enabled)) {
                acts.extend(self.plan(&JobName::new(name), job, now));
            }
        }
        acts.extend(self.skip_unwanted());
        if *old != *file {
            self.generation = Generation(self.generation.0 + 1);
        }
        acts.extend(self.admit());
        acts
    }

    /// What waits of jobs that are gone, or are switched off and nobody asked for.
    fn skip_unwanted(&mut self) -> Vec<Act> {
        let file = Arc::clone(&self.file);
        let is_unwanted = |one: &Occurrence| match file.jobs.get(one.job.as_str()) {
            Some(job) => !job.enabled && one.trigger != Trigger::Request,
            None => true,
        };
        let unwanted = self.waiting.extract_if(.., |_, one| is_unwanted(one));
        let unwanted: Vec<_> = unwanted.map(|(_, one)| one).collect();
        unwanted
            .into_iter()
            .map(|one| self.fate(one, Fate::Skipped))
            .collect()
    }
}

/// Claims of one turn are written together, after everything else.
fn claims_last(acts: Vec<Act>) -> Vec<Act> {
    let is_claim = |act: &Act| matches!(act, Act::Claim { .. });
    let (claims, mut others): (Vec<_>, Vec<_>) = acts.into_iter().partition(is_claim);
    others.extend(claims);
    others
}
