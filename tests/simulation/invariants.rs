//! What must be true after every step of every life. Each is one sentence, and a failure names it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use hupd::clock::Moment;
use hupd::config::{Job, Overlap, Timing};
use hupd::daemon::Daemon;
use hupd::engine::{Engine, Phase};
use hupd::event::{ClaimVerdict, Claimed};
use hupd::ledger::Fate;
use hupd::run::{Generation, JobName, Occurrence, RunId, Signal, Trigger};
use jiff::Timestamp;

use super::acts::{Act, Named, Told};
use super::jobs::{Due, FileSpec};
use super::machine::{LATEST_ALARM, Machine, SLOWEST_BIRTH, SLOWEST_COMMIT};
use super::oracle::{Oracle, Schedule};
use super::process::SLOWEST_DEATH;

pub const ONE_FATE: &str = "an occurrence has exactly one fate";
pub const ONCE: &str = "no (job, instant) starts twice over the whole life, crashes included";
pub const CLAIMED_FIRST: &str = "a process starts only after its claim is on record";
pub const NEVER_EARLY: &str = "nothing starts early";
pub const NOTHING_FORGOTTEN: &str =
    "every instant that the schedule in force names has a row or is still due";
pub const PLACES: &str = "there are never more runs than places";
pub const OVERLAP: &str = "a job that may not overlap does not";
pub const QUIET: &str = "nothing new is claimed while hupd stops";
pub const UNMOVED: &str = "the next instant of an unchanged job does not move at a reload";
pub const GENERATIONS: &str = "generations and the numbers of runs only go up";
pub const UNTOUCHED: &str = "after a refused reload the engine is equal to before";
pub const DRAINED: &str = "a drain ends within its bound";
pub const SIGNALS: &str = "stop signals come in order, and never to a run that has ended";
pub const BOUNDED: &str = "tables do not grow beyond what is in force";
pub const AWAKE: &str = "nothing that is due is left when hupd goes to sleep";
pub const WOKEN: &str = "hupd sleeps until the next thing is due, and no longer";
pub const ANSWERED: &str = "every request is answered exactly once";
pub const MODEL: &str = "hupd does what the reference model does";
pub const NO_PANIC: &str = "no panic is reachable";

/// What went wrong.
#[derive(Clone, Debug)]
pub struct Broken {
    pub invariant: &'static str,
    pub what: String,
}

pub type Verdict = Result<(), Broken>;

pub fn broken(invariant: &'static str, what: impl ToString) -> Verdict {
    Err(Broken {
        invariant,
        what: what.to_string(),
    })
}

/// An instant told by two clocks may be off by as much as they drift apart before hupd takes notice.
const CATCH_UP: Duration = Duration::from_secs(3 * 3600);
const TREMBLE: Duration = Duration::from_millis(10);
/// What the loop itself may take, over all its turns.
const TURNS: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Open {
    job: std::sync::Arc<Job>,
    is_alive: bool,
    stopped_at: Option<Duration>,
    killed_at: Option<Duration>,
}

/// Watches one machine over all its hupds.
#[derive(Debug)]
pub struct Invariants {
    oracle: Rc<Oracle>,
    started: HashSet<Occurrence>,
    /// The schedule of each job and the next instant that it names.
    expected: HashMap<JobName, (Schedule, Timestamp)>,
    /// Occurrences that had to wait for a place: they have had their turn.
    waiting: HashSet<Occurrence>,
    /// Runs that are not over in the life of this hupd.
    open: BTreeMap<RunId, Open>,
    /// By the file that was in force before this turn.
    places: usize,
    /// So many there were at once.
    pub most_at_once: usize,
    generation: Generation,
    must_end_by: Option<Duration>,
    excused: Duration,
    turns: u64,
}

impl Invariants {
    pub fn new(oracle: Rc<Oracle>) -> Self {
        Self {
            oracle,
            started: HashSet::new(),
            expected: HashMap::new(),
            waiting: HashSet::new(),
            open: BTreeMap::new(),
            places: 0,
            most_at_once: 0,
            generation: Generation(0),
            must_end_by: None,
            excused: Duration::ZERO,
            turns: 0,
        }
    }

    /// Nobody can know of these any more: they may start again.
    pub fn forget(&mut self, occurrences: Vec<Occurrence>) {
        for occurrence in occurrences {
            self.started.remove(&occurrence);
        }
    }

    /// A hupd has begun to serve.
    pub fn begin(&mut self, daemon: &Daemon<Machine>, file: &FileSpec, now: Moment) -> Verdict {
        let generation = daemon.engine().generation();
        // One that could not be written before hupd was killed is known to nobody.
        let last = daemon.world().ledger.generation;
        if generation != last.next() {
            return broken(GENERATIONS, format!("{generation} after {last}"));
        }
        self.generation = generation;
        self.open.clear();
        self.most_at_once = 0;
        self.waiting.clear();
        self.places = daemon.engine().config().daemon.max_running;
        self.must_end_by = None;
        self.excused = daemon.world().excuses;
        self.expected.clear();
        for (name, job) in &file.jobs {
            self.expect(
                &JobName::new(name),
                job.enabled.then_some(job.due),
                now.wall,
            );
        }
        self.acts(daemon, now)
    }

    fn expect(&mut self, job: &JobName, due: Option<Due>, after: Timestamp) {
        self.expected.remove(job);
        if let Some(Due::At(schedule)) = due {
            let next = self.oracle.next_after(schedule, after);
            let next = next.map(|next| (job.clone(), (schedule, next)));
            self.expected.extend(next);
        }
    }

    /// After a turn of the loop. Where the loader was done: the engine before, and the files in force before
    /// and after.
    pub fn after(
        &mut self,
        daemon: &Daemon<Machine>,
        reload: Option<(&Engine, [&FileSpec; 2])>,
        now: Moment,
    ) -> Verdict {
        self.turns += 1;
        let told = &daemon.world().told;
        match told {
            Told::ClockSet => self.clock_set(now),
            Told::Ended(death) => self.died(death.run),
            Told::Claimed(verdicts) => self.claimed(verdicts),
            _ => {}
        }
        self.acts(daemon, now)?;
        self.places = daemon.engine().config().daemon.max_running;
        if let Some((before, [old, new])) = reload {
            self.adopted((old, new), now);
            self.reloaded(daemon, before, now)?;
        }
        self.stopping(daemon, now)?;
        if let Told::Due | Told::ClockSet = told {
            awake(daemon.engine(), now)?;
        }
        match reload.is_some() || self.turns.is_multiple_of(64) {
            true => self.all_is_due(daemon.engine(), now),
            false => Ok(()),
        }
    }

    /// A claim that was refused never becomes a process.
    fn claimed(&mut self, verdicts: &[ClaimVerdict]) {
        for verdict in verdicts {
            if verdict.claimed == Claimed::AlreadyThere {
                self.open.remove(&verdict.run);
            }
        }
    }

    fn died(&mut self, run: RunId) {
        if let Some(open) = self.open.get_mut(&run) {
            open.is_alive = false;
        }
    }

    /// A step back names instants again that lie ahead now.
    fn clock_set(&mut self, now: Moment) {
        for (schedule, expected) in self.expected.values_mut() {
            let first = self.oracle.next_after(*schedule, now.wall);
            *expected = first.map_or(*expected, |first| first.min(*expected));
        }
    }

    fn acts(&mut self, daemon: &Daemon<Machine>, now: Moment) -> Verdict {
        for act in &daemon.world().acts {
            match act {
                Act::Claim {
                    run, occurrence, ..
                } => {
                    self.claim(daemon.engine(), *run, occurrence, now)?;
                }
                Act::Fate {
                    occurrence,
                    fate,
                    stands_for_more,
                    ..
                } => {
                    self.is_next(occurrence, *stands_for_more, now)?;
                    if *fate == Fate::Waiting {
                        self.waiting.insert(occurrence.clone());
                    }
                }
                Act::Spawn { run, occurrence } => self.spawn(daemon.world(), *run, occurrence)?,
                Act::Begun { run } => self.begun(*run)?,
                Act::Signal { run, signal } => {
                    self.signal(*run, *signal, daemon.engine().phase(), now)?;
                }
                Act::End { run, .. } => {
                    self.open.remove(run);
                }
                Act::Verdict { .. } | Act::Load | Act::Anchor { .. } | Act::NoAnchor(_) => {}
            }
        }
        Ok(())
    }

    fn claim(
        &mut self,
        engine: &Engine,
        run: RunId,
        occurrence: &Occurrence,
        now: Moment,
    ) -> Verdict {
        if engine.phase() != Phase::Serving {
            return broken(QUIET, Named(occurrence));
        }
        let early = occurrence.instant.duration_since(now.wall);
        let is_early = match occurrence.trigger {
            Trigger::Every => early > TREMBLE.try_into().expect("it is short"),
            Trigger::Schedule => early.is_positive(),
            Trigger::Request => false,
        };
        // What has waited was due before somebody set the clock back.
        if is_early && !self.waiting.contains(occurrence) {
            return broken(NEVER_EARLY, format!("{} by {early}", Named(occurrence)));
        }
        self.is_next(occurrence, false, now)?;
        // A reload decides first what is due: by the definition and the places that it takes away.
        let Some(job) = engine.run(run).map(|run| &run.job) else {
            return broken(ONE_FATE, format!("run {run} is claimed and forgotten"));
        };
        let same = |open: &Open| open.job.name == occurrence.job;
        if job.overlap == Overlap::Skip && self.open.values().any(same) {
            return broken(OVERLAP, Named(occurrence));
        }
        if self.open.len() >= self.places.max(engine.config().daemon.max_running) {
            let runs = self.open.len() + 1;
            return broken(PLACES, format!("run {run} is one of {runs}"));
        }
        let open = Open {
            job: job.clone(),
            is_alive: false,
            stopped_at: None,
            killed_at: None,
        };
        let before = self.open.insert(run, open);
        self.most_at_once = self.most_at_once.max(self.open.len());
        match before {
            None => Ok(()),
            Some(_) => broken(GENERATIONS, format!("run {run} twice")),
        }
    }

    /// Whether no instant of the job's schedule was left out before this one.
    fn is_next(&mut self, occurrence: &Occurrence, stands_for_more: bool, now: Moment) -> Verdict {
        let Occurrence { job, instant, .. } = occurrence;
        let Some((schedule, expected)) = self.expected_of(job) else {
            return Ok(());
        };
        let has_waited = self.waiting.contains(occurrence);
        if has_waited || occurrence.trigger != Trigger::Schedule || *instant < expected {
            return Ok(());
        }
        if *instant > expected {
            let what = format!("{}, but {expected} came first", Named(occurrence));
            return broken(NOTHING_FORGOTTEN, what);
        }
        let after = match stands_for_more {
            true => now.wall - CATCH_UP - Duration::from_nanos(1),
            false => *instant,
        };
        self.expect(job, Some(Due::At(schedule)), after.max(*instant));
        Ok(())
    }

    /// The next instant that a job's schedule names, but for one that has waited already and is named again by a
    /// clock that was set back.
    fn expected_of(&self, job: &JobName) -> Option<(Schedule, Timestamp)> {
        let &(schedule, mut expected) = self.expected.get(job)?;
        let mut one = Occurrence {
            job: job.clone(),
            instant: expected,
            trigger: Trigger::Schedule,
        };
        while self.waiting.contains(&one) {
            expected = self.oracle.next_after(schedule, expected)?;
            one.instant = expected;
        }
        Some((schedule, expected))
    }

    fn spawn(&mut self, machine: &Machine, run: RunId, occurrence: &Occurrence) -> Verdict {
        let line = machine.ledger.line(occurrence);
        if line.is_none_or(|line| (line.fate, line.run) != ("ran", Some(run))) {
            let what = format!("run {run} of {}: {line:?}", Named(occurrence));
            return broken(CLAIMED_FIRST, what);
        }
        match self.started.insert(occurrence.clone()) {
            true => Ok(()),
            false => broken(ONCE, Named(occurrence)),
        }
    }

    fn begun(&mut self, run: RunId) -> Verdict {
        match self.open.get_mut(&run) {
            Some(open) => {
                open.is_alive = true;
                Ok(())
            }
            None => broken(ONCE, format!("run {run} starts after its end")),
        }
    }

    /// First the stop signal of the job, after `kill_after` KILL, and KILL again; KILL at once only where somebody
    /// said so three times.
    fn signal(&mut self, run: RunId, signal: Signal, phase: Phase, now: Moment) -> Verdict {
        let Some(open) = self.open.get_mut(&run).filter(|open| open.is_alive) else {
            return broken(
                SIGNALS,
                format!("{signal} to run {run}, which does not live"),
            );
        };
        let is_hurried = phase == Phase::Killing;
        let is_right = match (open.stopped_at, open.killed_at) {
            (None, None) if signal == open.job.stop_signal => {
                open.stopped_at = Some(now.elapsed);
                true
            }
            (None, None) => is_hurried && signal == Signal::KILL,
            (Some(at), None) => {
                let has_come = now.elapsed >= at + open.job.kill_after;
                signal == Signal::KILL && (is_hurried || has_come)
            }
            (_, Some(_)) => signal == Signal::KILL,
        };
        if signal == Signal::KILL {
            open.killed_at = Some(now.elapsed);
        }
        match is_right {
            true => Ok(()),
            false => broken(SIGNALS, format!("{signal} to run {run}: {open:?}")),
        }
    }

    /// The loader was done: accepted, refused, or no news.
    fn reloaded(&mut self, daemon: &Daemon<Machine>, before: &Engine, now: Moment) -> Verdict {
        let engine = daemon.engine();
        if engine.generation() < self.generation {
            return broken(GENERATIONS, engine.generation());
        }
        self.generation = engine.generation();
        let is_accepted = |act: &Act| matches!(act, Act::Verdict { accepted: true, .. });
        if !daemon.world().acts.iter().any(is_accepted) {
            return match engine == before {
                true => Ok(()),
                false => broken(UNTOUCHED, format!("{before:?}\nis now\n{engine:?}")),
            };
        }
        self.unmoved(engine, before, now)?;
        bounded(engine)
    }

    fn unmoved(&self, engine: &Engine, before: &Engine, now: Moment) -> Verdict {
        for (name, job) in &engine.config().jobs {
            let old = before.config().jobs.get(name);
            let is_same = old.is_some_and(|old| is_due_alike(old, job));
            let next = before.next_due(name).filter(|next| *next > now.wall);
            let is_kept = next.is_none() || next == engine.next_due(name);
            if is_same && matches!(job.timing, Timing::Calendar(_)) && !is_kept {
                return broken(UNMOVED, format!("{name}: {next:?}"));
            }
        }
        Ok(())
    }

    /// What came into force is due from now on, what is gone is not.
    fn adopted(&mut self, (before, after): (&FileSpec, &FileSpec), now: Moment) {
        for name in before
            .jobs
            .keys()
            .filter(|name| !after.jobs.contains_key(*name))
        {
            self.expected.remove(&JobName::new(name));
        }
        for (name, job) in &after.jobs {
            let old = before.jobs.get(name);
            if !old.is_some_and(|old| (old.due, old.enabled) == (job.due, job.enabled)) {
                self.expect(
                    &JobName::new(name),
                    job.enabled.then_some(job.due),
                    now.wall,
                );
            }
        }
    }

    fn stopping(&mut self, daemon: &Daemon<Machine>, now: Moment) -> Verdict {
        let (engine, machine) = (daemon.engine(), daemon.world());
        if engine.phase() == Phase::Serving {
            return Ok(());
        }
        let longest = engine.runs().map(|run| run.job.kill_after).max();
        let bound = engine.config().daemon.grace + longest.unwrap_or_default();
        let slack = SLOWEST_BIRTH + SLOWEST_COMMIT + 2 * SLOWEST_DEATH + 4 * LATEST_ALARM + TURNS;
        let by = *self.must_end_by.get_or_insert(now.elapsed + bound + slack);
        let excuses = machine.excuses.saturating_sub(self.excused);
        match now.elapsed <= by + excuses {
            true => Ok(()),
            false => broken(DRAINED, format!("{:?} after {by:?}", now.elapsed)),
        }
    }

    /// The engine and the oracle agree on what is due next, job by job.
    fn all_is_due(&self, engine: &Engine, now: Moment) -> Verdict {
        for (job, (_, expected)) in &self.expected {
            let next = engine.next_due(job);
            if *expected > now.wall && next != Some(*expected) {
                let what = format!("{job} must be due at {expected}, and is at {next:?}");
                return broken(NOTHING_FORGOTTEN, what);
            }
        }
        Ok(())
    }
}

fn is_due_alike(old: &Job, new: &Job) -> bool {
    old.timing == new.timing && old.enabled == new.enabled
}

fn awake(engine: &Engine, now: Moment) -> Verdict {
    let wake = engine.next_wake();
    let is_ahead =
        wake.wall.is_none_or(|at| at > now.wall) && wake.elapsed.is_none_or(|at| at > now.elapsed);
    match is_ahead {
        true => Ok(()),
        false => broken(AWAKE, format!("{wake:?} at {now:?}")),
    }
}

fn bounded(engine: &Engine) -> Verdict {
    let sizes = engine.sizes();
    let jobs = engine.config().jobs.len();
    let is_bounded = sizes.due <= jobs
        && sizes.anchors <= jobs
        && sizes.last <= jobs
        && sizes.waiting <= 100 * (jobs + 1)
        && sizes.deadlines <= sizes.runs;
    match is_bounded {
        true => Ok(()),
        false => broken(BOUNDED, format!("{sizes:?} for {jobs} jobs")),
    }
}
