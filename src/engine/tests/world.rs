//! Jobs, moments and a small world around the engine that does what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Moment;
use crate::config::{
    Accepted, Config, Daemon, History, Jitter, Job, Log, LogFormat, Missed, OnInvalidStart,
    Orphans, OutputMode, Overlap, Problems, Timing,
};
use crate::engine::{Beginning, Effect, Engine, Left, Request};
use crate::ledger::{
    Anchor, ClaimVerdict, Claimed, Ended, Failed, Fate, Loss, NoStart, Pause, RunEnd, Started,
};
use crate::run::{Exit, Generation, JobName, Output, RunId, Signal, Usage};
use crate::schedule::{Expression, Rules, Schedule, Seed, Zone};

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);

pub const ALLOW: Overlap = Overlap::Allow {
    most: Overlap::ANY_NUMBER,
};

/// 2026-06-01T12:00:00Z, after five days of uptime.
pub fn noon() -> Moment {
    Moment {
        wall: "2026-06-01T12:00:00Z".parse().expect("a time"),
        elapsed: 120 * HOUR,
    }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub fn name(job: &str) -> JobName {
    JobName::new(job)
}

/// By somebody, from now on.
pub fn pause(job: &str, until: Option<Timestamp>, now: Moment) -> Pause {
    Pause {
        job: name(job),
        since: now.wall,
        until,
        by: "somebody".to_owned(),
        reason: String::new(),
    }
}

pub fn job(name: &str) -> Job {
    Job {
        name: JobName::new(name),
        command: vec!["/bin/true".to_owned()],
        timing: Timing::Never,
        jitter: Jitter {
            below: Duration::ZERO,
            seed: Seed::of("host", name),
        },
        missed: Missed::Skip,
        deadline: None,
        overlap: Overlap::Skip,
        group: None,
        timeout: None,
        stop_signal: Signal::TERM,
        kill_after: 10 * SECOND,
        working_dir: PathBuf::from("/"),
        process: Arc::default(),
        env: Default::default(),
        output: OutputMode::Store,
        retry: None,
        success_exit_codes: [0].into(),
        enabled: true,
        on_change: None,
        description: String::new(),
    }
}

pub fn refused(why: &str) -> NoStart {
    NoStart::Refused(why.to_owned())
}

pub fn every(name: &str, every: Duration) -> Job {
    Job {
        timing: Timing::Every(every),
        ..job(name)
    }
}

pub fn cron(name: &str, expression: &str) -> Job {
    let expression = Expression::parse(expression, Seed::of("host", name));
    let schedule = Schedule::new(expression, Zone::utc(), Rules::default());
    Job {
        timing: Timing::Schedule(schedule),
        ..job(name)
    }
}

pub fn config(jobs: impl IntoIterator<Item = Job>) -> Config {
    let jobs = jobs
        .into_iter()
        .map(|job| (job.name.clone(), Arc::new(job)));
    Config {
        daemon: Daemon {
            orphans: Orphans::Leave,
            on_invalid_start: OnInvalidStart::Refuse,
            timezone: Zone::utc(),
            max_running: 256,
            catch_up_limit: 4,
            grace: 30 * SECOND,
            watch_config: false,
            state_dir: PathBuf::from("/state"),
            runtime_dir: PathBuf::from("/run"),
        },
        log: Log {
            level: "info".to_owned(),
            file: None,
            format: LogFormat::Text,
        },
        history: History {
            keep: 24 * HOUR,
            keep_runs: 10,
            output: 1024,
        },
        jobs: jobs.collect(),
        sources: Vec::new(),
        include_folders: Vec::new(),
    }
}

/// An engine and a world in which claims succeed and processes start at once.
pub struct World {
    pub engine: Engine,
    pub now: Moment,
    /// Effects of the world's own steps, newest last.
    pub ends: Vec<RunEnd>,
    pub losses: Vec<Loss>,
    pub hangups: Vec<(RunId, String)>,
    pub failed: Vec<Failed>,
    pub put_off: Vec<RunId>,
    pub fates: Vec<(JobName, Timestamp, Fate)>,
    pub signals: Vec<(RunId, Signal)>,
    pub started: Vec<(RunId, JobName, Timestamp)>,
    /// Jobs whose starts hang.
    pub hanging: BTreeSet<JobName>,
    /// Why runs were not tried again.
    pub notes: Vec<String>,
}

impl World {
    pub fn of(config: Config) -> Self {
        Self::after(config, BTreeMap::new(), Left::default())
    }

    /// After an earlier life that has left this behind.
    pub fn after(config: Config, anchors: BTreeMap<JobName, Anchor>, left: Left) -> Self {
        let beginning = Beginning {
            config: Arc::new(config),
            generation: Generation(1),
            next_run: RunId(1),
            anchors,
            left,
        };
        let (engine, effects) = Engine::new(beginning, noon());
        let mut world = Self {
            engine,
            now: noon(),
            ends: Vec::new(),
            losses: Vec::new(),
            hangups: Vec::new(),
            failed: Vec::new(),
            put_off: Vec::new(),
            fates: Vec::new(),
            signals: Vec::new(),
            started: Vec::new(),
            hanging: BTreeSet::new(),
            notes: Vec::new(),
        };
        world.perform(effects);
        world
    }

    /// Lets time pass on both clocks and wakes the engine once.
    pub fn pass(&mut self, time: Duration) {
        self.now.wall += time;
        self.now.elapsed += time;
        self.wake();
    }

    /// Sets the wall clock.
    pub fn set_clock(&mut self, wall: &str) {
        self.now.wall = at(wall);
        let effects = self.engine.clock_set(self.now);
        self.perform(effects);
    }

    pub fn wake(&mut self) {
        let effects = self.engine.wake(self.now);
        self.perform(effects);
    }

    pub fn request(&mut self, job: &str) -> Request {
        let (request, effects) = self.engine.request(&name(job), self.now);
        self.perform(effects);
        request
    }

    pub fn stop(&mut self) {
        let effects = self.engine.stop(self.now);
        self.perform(effects);
    }

    pub fn pause(&mut self, job: &str, until: Option<Timestamp>) {
        let effects = self.engine.pause(pause(job, until, self.now), self.now);
        self.perform(effects.expect("a job that there is"));
    }

    pub fn resume(&mut self, job: &str) {
        let effects = self.engine.resume(&name(job), self.now);
        self.perform(effects.expect("a job that is paused"));
    }

    pub fn kill(&mut self, run: u64) -> bool {
        let effects = self.engine.kill(RunId(run), self.now);
        let known = effects.is_some();
        self.perform(effects.unwrap_or_default());
        known
    }

    /// The start of a run that was given up comes back.
    pub fn come_back(&mut self, run: u64) {
        let effects = self.engine.start_came_back(RunId(run), self.now);
        self.perform(effects);
    }

    pub fn adopt(&mut self, config: Config) {
        let next = self.engine.generation().next();
        let compared = accepted(config).beside(self.engine.config());
        let effects = self.engine.adopt(&compared, next, self.now);
        self.perform(effects);
    }

    pub fn end(&mut self, run: u64, exit: Exit) {
        let run = RunId(run);
        let effects = self.engine.run_ended(
            Ended {
                run,
                exit,
                was_signalled: self.signals.iter().any(|(signalled, _)| *signalled == run),
                usage: Usage::default(),
                survivors: Vec::new(),
                output: Output::default(),
                at: self.now,
            },
            self.now,
        );
        self.perform(effects);
    }

    /// Does at once what the engine wants, as a fast world would.
    pub fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let more = self.perform_one(effect);
            self.perform(more);
        }
    }

    fn perform_one(&mut self, effect: Effect) -> Vec<Effect> {
        match effect {
            Effect::Claim(claim) => {
                let verdict = ClaimVerdict {
                    run: claim.run,
                    claimed: Claimed::Yes,
                };
                return self.engine.claimed(&[verdict], self.now);
            }
            Effect::Start(start) if self.hanging.contains(&start.job.name) => {}
            Effect::Start(start) => {
                let occurrence = start.occurrence;
                self.started
                    .push((start.run, occurrence.job, occurrence.instant));
                let pid = 1000 + i32::try_from(start.run.0).expect("few runs");
                let started = Started {
                    run: start.run,
                    pid,
                    at: self.now,
                    birth: None,
                };
                return self.engine.started(&started, self.now);
            }
            Effect::Signal(send) => self.signals.push((send.run, send.signal)),
            Effect::GiveUpStart { run, job } => {
                let why = NoStart::GivenUp("no answer".to_owned());
                let mut effects = self.engine.could_not_start(run, why, self.now);
                if !self.hanging.contains(&job) {
                    effects.extend(self.engine.start_came_back(run, self.now));
                }
                return effects;
            }
            Effect::Record(entry) => {
                let occurrence = entry.occurrence;
                self.fates
                    .push((occurrence.job, occurrence.instant, entry.fate));
            }
            Effect::RecordEnd { end, .. } => self.ends.push(end),
            Effect::EndRest { end, note, .. } => {
                self.ends.push(end);
                self.notes.extend(note);
            }
            Effect::RecordFailed { failed, .. } => self.failed.push(failed),
            Effect::ClaimAttempt(next) => {
                let verdict = ClaimVerdict {
                    run: next.run,
                    claimed: Claimed::Yes,
                };
                return self.engine.claimed(&[verdict], self.now);
            }
            Effect::PutOff { run, .. } => self.put_off.push(run),
            Effect::RecordLoss { loss, .. } => self.losses.push(loss),
            Effect::RecordHangup { run, note, .. } => self.hangups.push((run, note)),
            Effect::RecordNote { .. }
            | Effect::RecordStart(_)
            | Effect::RecordAnchor(_)
            | Effect::ForgetAnchor(_)
            | Effect::RecordTiming(..)
            | Effect::RecordPause(_)
            | Effect::ForgetPause(_)
            | Effect::RecordDecided(_) => {}
        }
        Vec::new()
    }

    /// The jobs whose runs have started, in order.
    pub fn jobs_started(&self) -> Vec<&str> {
        let started = self.started.iter();
        started.map(|(_, job, _)| job.as_str()).collect()
    }

    /// What the first of a job waits for.
    pub fn why_waits(&self, job: &str) -> String {
        let waiting = self.engine.waiting_of(&name(job));
        waiting
            .first()
            .map_or_else(String::new, |waiting| self.engine.why_waits(waiting))
    }

    /// The instants at which runs of a job have started.
    pub fn instants_of(&self, job: &str) -> Vec<String> {
        let of_job = self
            .started
            .iter()
            .filter(|(_, started, _)| started.as_str() == job);
        of_job.map(|(_, _, instant)| instant.to_string()).collect()
    }

    pub fn fates_of(&self, job: &str) -> Vec<Fate> {
        let of_job = self
            .fates
            .iter()
            .filter(|(recorded, _, _)| recorded.as_str() == job);
        of_job.map(|(_, _, fate)| *fate).collect()
    }
}

/// As the loader gives it to the loop.
pub fn accepted(config: Config) -> Accepted {
    Accepted {
        config,
        warnings: Problems::default(),
    }
}
