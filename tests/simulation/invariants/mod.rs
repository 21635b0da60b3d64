//! What must be true after every step of every life. Each is one sentence, and a failure names it.
//!
//! Whatever hupd does is looked at in the turn in which it does it. What takes a look at every job is looked at after
//! each reload and every 64 turns, the time of its next wake-up every 8 turns, and the disk at the end of each hupd.

mod attempts;
mod beside;
mod confirm;
mod leftovers;
mod reloads;
mod starts;
mod stops;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hupd::clock::Moment;
use hupd::config::Job;
use hupd::daemon::Daemon;
use hupd::engine::{Engine, Phase, Run, State};
use hupd::ledger::Fate;
use hupd::run::{Generation, JobName, Occurrence, RunId, Trigger};
use jiff::Timestamp;

use super::acts::{Act, Named, Told};
use super::jobs::{Due, FileSpec};
use super::life::Inheritance;
use super::machine::Machine;
use super::oracle::{Oracle, Schedule};
use confirm::Promise;
use reloads::bounded;

pub const ONE_FATE: &str = "an occurrence has exactly one fate";
pub const SUCCESSOR: &str = "a store that takes the place of another has what is not over";
pub const ONCE: &str = "no (job, instant) starts twice over the whole life, crashes included";
pub const CLAIMED_FIRST: &str = "a process starts only after its claim is on record";
pub const NEVER_EARLY: &str = "nothing starts early";
pub const NOTHING_FORGOTTEN: &str =
    "every instant that the schedule in force names has a row or is still due";
pub const PAUSED: &str = "a job that is paused does not start by itself, and is not due";
pub const WAITS: &str = "what waits is claimed or skipped in the end, and never missed";
pub const PLACES: &str = "there are never more runs than places";
pub const TURNS: &str = "no more runs make up for what is late than may at once";
pub const OVERLAP: &str = "a job that may not overlap does not";
pub const AT_ONCE: &str = "no job has more runs at once than it may";
pub const APART: &str = "runs of one group are never alive at the same time";
pub const IN_ORDER: &str = "what is in time starts in order of due time within a group";
pub const NEWEST: &str = "of a job that replaces, nothing starts that waited when a newer one came";
pub const FOR_NEWER: &str = "no run is stopped for one that was due earlier";
pub const ATTEMPTS: &str = "the attempts of a run come one after another, after failures, and are no more than its job wants";
pub const QUIET: &str = "nothing new is claimed while hupd stops";
pub const UNMOVED: &str = "the next instant of an unchanged job does not move at a reload";
pub const GENERATIONS: &str = "generations and the numbers of runs only go up";
pub const UNTOUCHED: &str = "after a refused reload the engine is equal to before";
pub const TAKEN_BACK: &str =
    "what nobody has confirmed in time is not in force, nor is it by a start";
pub const DRAINED: &str = "a drain ends within its bound";
pub const SIGNALS: &str = "stop signals come in order, and never to a run that has ended";
pub const ALONE: &str =
    "nothing of a job begins while a start of it that was given up has not come back";
pub const PATIENT: &str = "no start is given up before its time, and none that is over";
pub const BOUNDED: &str = "tables do not grow beyond what is in force";
pub const AWAKE: &str = "nothing that is due is left when hupd goes to sleep";
pub const WOKEN: &str = "hupd sleeps until the next thing is due, and no longer";
pub const LEFT: &str =
    "what an earlier hupd has left running is a run until it has ended, or is stopped at once";
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

#[derive(Debug)]
struct Open {
    job: Arc<Job>,
    is_alive: bool,
    /// It waits for its next attempt.
    is_resting: bool,
    stopped_at: Option<Duration>,
    killed_at: Option<Duration>,
}

/// Watches one machine over all its hupds.
#[derive(Debug)]
pub struct Invariants {
    oracle: Rc<Oracle>,
    /// Up to which attempt.
    started: HashMap<Occurrence, u32>,
    /// What is being started in the life of this hupd, and since when.
    starting: BTreeMap<RunId, (Occurrence, Duration)>,
    /// Whose starts were given up and have not come back, and of which jobs.
    hanging: BTreeMap<RunId, JobName>,
    /// The schedule of each job and the next instant that it names.
    expected: HashMap<JobName, (Schedule, Timestamp)>,
    /// Occurrences that had to wait for a place: they have had their turn.
    waiting: HashSet<Occurrence>,
    /// Those of them that still wait, and since which turn.
    queued: HashMap<Occurrence, u64>,
    /// The newest of each job that has come, and in which turn.
    newest: HashMap<JobName, (Timestamp, u64)>,
    /// The clock was set back in the life of this hupd, or while it was down.
    went_back: bool,
    /// Both clocks, as they were read last.
    read: Option<Moment>,
    /// Jobs that have not always had the same policy.
    mixed: HashSet<JobName>,
    /// Runs that are not over in the life of this hupd.
    open: BTreeMap<RunId, Open>,
    /// Those of them whose claim was not granted.
    refused: HashSet<RunId>,
    /// So many there were at once.
    pub most_at_once: usize,
    /// So many there may be; at a reload what was due before it is decided by the old number.
    places: usize,
    /// So many runs may make up for what is late.
    turns_to_take: usize,
    /// What must come back unless somebody confirms something else.
    promise: Option<Promise>,
    /// The longest time in the life of this hupd within which somebody was to confirm.
    longest: Duration,
    /// Something is being loaded.
    is_loading: bool,
    generation: Generation,
    /// The one that was written last.
    written: Generation,
    /// By when, in the phase in which hupd stops.
    must_end: Option<(Phase, Duration)>,
    excused: Duration,
    turns: u64,
    /// In this turn another file may have come into force.
    is_reload: bool,
    /// In this turn it was paused: what was due before has been started first.
    pausing: Option<JobName>,
}

impl Invariants {
    pub fn new(oracle: Rc<Oracle>) -> Self {
        Self {
            oracle,
            started: HashMap::new(),
            starting: BTreeMap::new(),
            hanging: BTreeMap::new(),
            expected: HashMap::new(),
            waiting: HashSet::new(),
            queued: HashMap::new(),
            newest: HashMap::new(),
            went_back: false,
            read: None,
            mixed: HashSet::new(),
            open: BTreeMap::new(),
            refused: HashSet::new(),
            most_at_once: 0,
            places: 0,
            turns_to_take: 0,
            promise: None,
            longest: Duration::ZERO,
            is_loading: false,
            generation: Generation(0),
            written: Generation(0),
            must_end: None,
            excused: Duration::ZERO,
            turns: 0,
            is_reload: false,
            pausing: None,
        }
    }

    /// Nobody can know of these any more: they may start again.
    pub fn forget(&mut self, occurrences: Vec<Occurrence>) {
        for occurrence in occurrences {
            self.started.remove(&occurrence);
        }
    }

    /// Nobody can know of their last attempts.
    pub fn forget_attempts(&mut self, occurrences: Vec<Occurrence>) {
        for occurrence in occurrences {
            self.take_back(&occurrence);
        }
    }

    fn take_back(&mut self, occurrence: &Occurrence) {
        match self.started.get_mut(occurrence) {
            Some(attempt) if *attempt > 1 => *attempt -= 1,
            _ => drop(self.started.remove(occurrence)),
        }
    }

    /// A hupd has begun to serve.
    pub fn begin(
        &mut self,
        daemon: &Daemon<Machine>,
        (file, left): (&FileSpec, &Inheritance),
        now: Moment,
    ) -> Verdict {
        let generation = daemon.engine().generation();
        // One that could not be written before hupd was killed is known to nobody.
        let last = daemon.world().ledger.generation;
        if generation != last.next() {
            return broken(GENERATIONS, format!("{generation} after {last}"));
        }
        self.generation = generation;
        self.begin_trials(left);
        self.open.clear();
        self.starting.clear();
        self.hanging.clear();
        self.refused.clear();
        self.places = file.max_running;
        self.turns_to_take = file.catch_up_limit;
        let is_left = |run: &&Run| match run.state {
            State::Resting { .. } => true,
            State::Claiming { .. } => run.attempt > 1,
            _ => false,
        };
        for run in daemon.engine().runs().filter(is_left) {
            let open = Open::of(Arc::clone(&run.job), true);
            self.open.insert(run.id, open);
        }
        self.waiting = left
            .waiting
            .iter()
            .map(|one| one.occurrence.clone())
            .collect();
        self.queued.clear();
        self.newest.clear();
        self.went_back = left.lived.is_some_and(|lived| lived > now.wall);
        self.read = Some(now);
        self.mixed.clear();
        self.is_reload = false;
        self.must_end = None;
        self.excused = daemon.world().excuses_so_far();
        self.take_over(daemon, file, left)?;
        self.expected.clear();
        for (name, job) in &daemon.engine().config().jobs {
            let before = left.timings.get(name).cloned();
            let is_same = before.is_some() && before == job.timing.identity() && job.enabled;
            // What came since is not forgotten; no edit makes a past instant due.
            let pause = left.pauses.get(name).map(|pause| pause.since);
            let since = pause.or(left.decided);
            let since = since.filter(|since| is_same && *since < now.wall);
            let due = file.jobs[name.as_str()].due;
            let due = job.enabled.then_some(due);
            self.expect(name, due, since.unwrap_or(now.wall));
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

    fn waits(
        &mut self,
        (occurrence, starts_at): (&Occurrence, Option<Timestamp>),
        fate: Fate,
        phase: Phase,
    ) -> Verdict {
        match fate {
            // It is left to the next hupd.
            Fate::Waiting if phase != Phase::Serving => drop(self.queued.remove(occurrence)),
            Fate::Waiting => {
                self.waiting.insert(occurrence.clone());
                self.queued.insert(occurrence.clone(), self.turns);
                if starts_at.is_none() {
                    self.has_come(occurrence);
                }
            }
            Fate::Skipped | Fate::Replaced => drop(self.queued.remove(occurrence)),
            Fate::Missed if self.queued.contains_key(occurrence) => {
                return broken(WAITS, Named(occurrence));
            }
            Fate::Missed => {}
        }
        Ok(())
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
        self.read_clocks(now);
        let told = &daemon.world().told;
        match told {
            Told::ClockSet => self.clock_set(now),
            Told::Ended(death) => self.died(death.run),
            Told::Gone(gone) => self.died(gone.run),
            Told::Claimed(verdicts) => self.claimed(verdicts),
            Told::FellShort(run) => self.fell_short(*run),
            Told::StartGivenUp(run) => self.hangs(*run),
            Told::CameBack(run) => drop(self.hanging.remove(run)),
            Told::AskToConfirm(time) => self.longest = self.longest.max(*time),
            Told::Loaded(_) | Told::Fetched(None) | Told::Recorded(false) => self.loaded(now),
            _ => {}
        }
        let daemon_settings = &daemon.engine().config().daemon;
        self.places = daemon_settings.max_running;
        self.turns_to_take = daemon_settings.catch_up_limit;
        if let Some((_, [old, _])) = reload {
            self.places = self.places.max(old.max_running);
            self.turns_to_take = self.turns_to_take.max(old.catch_up_limit);
        }
        self.is_reload = reload.is_some();
        self.pausing = match told {
            Told::Pause(job, _) => Some(job.clone()),
            _ => None,
        };
        if let Some((_, [old, new])) = reload {
            self.forget_newest((old, new));
        }
        self.acts(daemon, now)?;
        if let Some((before, [old, new])) = reload {
            self.adopted((old, new), now);
            self.reloaded(daemon, before, now)?;
        }
        self.taken_back(daemon, now)?;
        self.stopping(daemon, now)?;
        if let Told::Due | Told::ClockSet = told {
            awake(daemon.engine(), now)?;
        }
        bounded(daemon.engine())?;
        // Not every time: the oracle looks at every job.
        match reload.is_some() || self.turns.is_multiple_of(64) {
            true => self.all_is_due(daemon.engine(), now),
            false => Ok(()),
        }
    }

    fn died(&mut self, run: RunId) {
        if let Some(open) = self.open.get_mut(&run) {
            open.is_alive = false;
        }
    }

    fn hangs(&mut self, run: RunId) {
        if let Some(open) = self.open.get(&run) {
            self.hanging.insert(run, open.job.name.clone());
        }
    }

    /// Whether a start of that job was given up and has not come back.
    fn is_hanging(&self, job: &JobName) -> bool {
        self.hanging.values().any(|hanging| hanging == job)
    }

    /// No process came to be: it may be tried again.
    fn fell_short(&mut self, run: RunId) {
        if let Some((occurrence, _)) = self.starting.remove(&run) {
            self.take_back(&occurrence);
        }
    }

    /// A step back names instants again that lie ahead now.
    pub fn clock_set(&mut self, now: Moment) {
        for (schedule, expected) in self.expected.values_mut() {
            let first = self.oracle.next_after(*schedule, now.wall);
            *expected = first.map_or(*expected, |first| first.min(*expected));
        }
    }

    fn acts(&mut self, daemon: &Daemon<Machine>, now: Moment) -> Verdict {
        for act in &daemon.world().acts {
            match act {
                Act::Claim {
                    run,
                    occurrence,
                    generation,
                } => {
                    if *generation > self.written {
                        return broken(GENERATIONS, format!("run {run} before {generation}"));
                    }
                    self.claim(daemon.engine(), *run, occurrence, now)?;
                }
                Act::Fate {
                    occurrence,
                    fate,
                    stands_for_more,
                    starts_at,
                    ..
                } => {
                    self.is_next(occurrence, *stands_for_more, now)?;
                    let one = (occurrence, *starts_at);
                    self.waits(one, *fate, daemon.engine().phase())?;
                }
                Act::Spawn {
                    run,
                    occurrence,
                    attempt,
                } => self.spawn(daemon, *run, (occurrence, *attempt))?,
                Act::Failed { run, .. } => self.failed(daemon.engine(), *run),
                Act::NextAttempt { run, attempt, .. } => {
                    self.next_attempt(daemon.engine(), *run, *attempt)?;
                }
                Act::EndRest { run, .. } => {
                    self.open.remove(run);
                }
                Act::Begun { run } => self.begun(*run)?,
                Act::GiveUpStart(run) => self.gives_up(*run, daemon.engine().phase(), now)?,
                Act::Signal { run, signal } => {
                    self.makes_way(daemon.engine(), *run)?;
                    self.signal(*run, *signal, daemon.engine().phase(), now)?;
                }
                Act::End { run, .. } => {
                    self.open.remove(run);
                }
                Act::Loss { run, .. } => self.lose(daemon.world(), *run)?,
                // What waits is left to the end of the pause.
                Act::Pause(job, ..) => self
                    .queued
                    .retain(|one, _| one.job != *job || one.trigger == Trigger::Request),
                Act::Verdict { generation, .. } => self.written = *generation,
                Act::Load | Act::LoadKept(_) | Act::Fetch(_) => self.is_loading = true,
                Act::Unconfirmed(text) => {
                    self.is_loading = true;
                    self.promise(text, now);
                }
                Act::NoUnconfirmed | Act::Confirmed(_) => self.promise = None,
                Act::Note(_)
                | Act::HungUp(_)
                | Act::Anchor { .. }
                | Act::NoAnchor(_)
                | Act::NoPause(_)
                | Act::Timing(..)
                | Act::Decided(_) => {}
            }
        }
        Ok(())
    }
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
