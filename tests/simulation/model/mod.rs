//! The policies once more, as the manual tells them and as simply as can be: lists that are searched, and the
//! oracle for schedules. What hupd does in a turn must be what this expects, in this order.

mod change;
mod downtime;
mod due;
mod hangup;
mod leftover;
mod pause;
mod reload;
mod retries;
mod runs;
mod shortage;
mod stop;
mod trial;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hupd::clock::Moment;
use hupd::ledger::Waited;
use hupd::protocol::Earlier;
use hupd::run::{Generation, JobName, Occurrence, Outcome, RunId, StopReason};
use hupd::schedule::Zone;
use jiff::Timestamp;

use super::acts::{Act, Told};
use super::jobs::{FileSpec, JobSpec};
use super::life::Inheritance;
use super::oracle::Oracle;
use super::owed::Next;
use trial::Trial;

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
    generation: Generation,
    is_late: bool,
    is_wild: bool,
    attempt: u32,
    /// How its last attempt ended, while it waits for the next one.
    failed: Option<(Outcome, Option<StopReason>)>,
    /// How often there was no process for it.
    shortages: u32,
    stage: Stage,
}

#[derive(Clone, Debug)]
struct Waiting {
    occurrence: Occurrence,
    is_late: bool,
    is_wild: bool,
    /// When it is to start, where it waits for that.
    starts_at: Option<Timestamp>,
}

/// A job that is paused, and what waited then and is to be made up for.
#[derive(Clone, Debug)]
struct Paused {
    since: Timestamp,
    until: Option<Timestamp>,
    waited: Vec<Waited>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Claiming(Option<StopReason>),
    /// And when that is given up.
    Starting(Option<StopReason>, Option<Duration>),
    /// There was no process for it.
    Short,
    /// Its next attempt comes then.
    Resting(Duration),
    Alive(Option<Duration>),
    Stopping(StopReason, Duration),
}

/// What is wanted, and whether nobody asked: the files changed.
type Wish = (Of, bool);

#[derive(Clone, Debug)]
struct Reload {
    wish: Wish,
    again: Vec<Wish>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Disk,
    ToConfirm(Duration),
    Earlier(Earlier),
    Confirmed,
}

/// What came of a load.
#[derive(Clone, Debug)]
enum Loaded {
    Right(Arc<FileSpec>),
    Broken,
    /// Of what was to come back nothing is kept, or it is not on record what would.
    Nothing,
}

/// How the last load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Accepted,
    /// For what the file says.
    Broken,
    /// For what it asks for.
    Refused,
}

impl Last {
    fn is_refused(self) -> bool {
        self != Self::Accepted
    }
}

#[derive(Debug)]
pub struct Model {
    oracle: Rc<Oracle>,
    zones: Rc<Vec<Zone>>,
    pub file: Arc<FileSpec>,
    pub generation: Generation,
    pub phase: Phase,
    next_run: u64,
    pub next: BTreeMap<JobName, Next>,
    pauses: BTreeMap<JobName, Paused>,
    anchors: BTreeMap<JobName, (Duration, Timestamp)>,
    runs: BTreeMap<RunId, Run>,
    /// Whose starts were given up and have not come back, and of which jobs.
    hanging: BTreeMap<RunId, JobName>,
    /// When what is short is tried again, and how long after that once more.
    shortage: Option<(Duration, Duration)>,
    /// The last HUP to hupd, on the elapsed clock.
    hangup: Option<Duration>,
    /// What ended by HUP, and has no note.
    hung_up: Vec<(Duration, RunId)>,
    waiting: BTreeMap<(Timestamp, RunId), Waiting>,
    /// By when they start, on the elapsed clock.
    delayed: BTreeMap<(Duration, RunId), Waiting>,
    clocks: Moment,
    /// How far the clock on the wall had come before somebody set it back.
    lived: Timestamp,
    /// It was set back by a little from there: what it showed again until then has just been.
    repeated: Timestamp,
    /// Somebody had set it back when it was read last.
    pub went_back: bool,
    last_request: Timestamp,
    reload: Option<Reload>,
    last: Last,
    /// A kept text is in force, and what the disk says meanwhile, as far as that was right.
    instead_of: Option<Option<Arc<FileSpec>>>,
    trial: Option<Trial>,
    store_fails: bool,
}

impl Model {
    /// A hupd that begins to serve, and what it does first.
    pub fn begin(
        (oracle, zones): (Rc<Oracle>, Rc<Vec<Zone>>),
        file: Arc<FileSpec>,
        inherited: Inheritance,
        now: Moment,
    ) -> (Self, Vec<Act>) {
        let mut model = Self {
            oracle,
            zones,
            file: Arc::clone(&file),
            generation: inherited.generation,
            phase: Phase::Serving,
            next_run: inherited.next_run,
            next: BTreeMap::new(),
            pauses: BTreeMap::new(),
            anchors: inherited.anchors.clone(),
            runs: BTreeMap::new(),
            hanging: BTreeMap::new(),
            shortage: None,
            hangup: None,
            hung_up: Vec::new(),
            waiting: BTreeMap::new(),
            delayed: BTreeMap::new(),
            clocks: now,
            lived: Timestamp::MIN,
            repeated: Timestamp::MIN,
            went_back: false,
            last_request: Timestamp::MIN,
            reload: None,
            last: Last::Accepted,
            instead_of: inherited
                .by
                .is_instead
                .then(|| inherited.by.on_disk.clone()),
            trial: None,
            store_fails: false,
        };
        model.note_lived(inherited.lived.unwrap_or(Timestamp::MIN), now);
        let mut acts = model.begin_by(&inherited.by);
        acts.push(Act::Verdict {
            accepted: true,
            generation: model.generation,
        });
        let mut begun = model.take_over(&inherited.open, now);
        begun.extend(model.forget_anchors());
        begun.extend(model.go_on_with(&inherited.resting, now));
        begun.extend(model.make_up(inherited, now));
        let jobs = file.jobs.iter();
        begun.extend(jobs.filter_map(|(name, job)| model.plan(&JobName::new(name), job, now)));
        acts.extend(claims_last(begun));
        (model, acts)
    }

    /// What hupd must do when it is told this.
    pub fn told(&mut self, told: &Told, refuses: bool, now: Moment) -> Vec<Act> {
        self.went_back = false;
        match told {
            Told::Begin | Told::StoreOwes | Told::AskStatus => Vec::new(),
            Told::StoreFailed => {
                self.store_fails = true;
                Vec::new()
            }
            Told::StoreRecovered => {
                self.store_fails = false;
                Vec::new()
            }
            Told::Due => {
                let mut acts = claims_last(self.wake(now));
                acts.extend(self.take_back(now));
                acts
            }
            Told::ClockSet => claims_last(self.clock_set(now)),
            Told::Stop => claims_last(self.stop(now)),
            Told::StopNow => claims_last(self.stop_now(now)),
            Told::Hangup => [self.hung_up(now), self.wish((Of::Disk, false))].concat(),
            Told::AskReload => self.wish((Of::Disk, false)),
            Told::FilesChanged => self.wish((Of::Disk, true)),
            Told::AskToConfirm(time) => self.wish((Of::ToConfirm(*time), false)),
            Told::RollBack(to) => self.wish((Of::Earlier(*to), false)),
            Told::Confirm => self.confirm(now),
            Told::Fetched(Some(file)) => vec![Act::LoadKept(file.text())],
            Told::Recorded(true) => vec![Act::Load],
            Told::Fetched(None) | Told::Recorded(false) => {
                self.loaded(Loaded::Nothing, refuses, now)
            }
            Told::Loaded(Some(file)) => self.loaded(Loaded::Right(Arc::clone(file)), refuses, now),
            Told::Loaded(None) => self.loaded(Loaded::Broken, refuses, now),
            Told::Claimed(verdicts) => claims_last(self.claimed(verdicts, now)),
            Told::Started(started) => claims_last(self.started(started, now)),
            Told::CouldNotStart(run) => {
                let outcome = Outcome::CouldNotStart("no such file".to_owned());
                claims_last(self.over(*run, outcome, None, now))
            }
            Told::StartHadNoTurn(run) => claims_last(self.gave_up(*run, now)),
            Told::StartGivenUp(run) => {
                let job = self.runs[run].occurrence.job.clone();
                self.hanging.insert(*run, job);
                claims_last(self.gave_up(*run, now))
            }
            Told::CameBack(run) => {
                self.hanging.remove(run);
                claims_last(self.admit(now))
            }
            Told::FellShort(run) => claims_last(self.fell_short(*run, now)),
            Told::Ended(death) => {
                let was_hung_up = self.was_hung_up(death);
                let mut acts = self.ended(death, now);
                if was_hung_up {
                    acts.extend(self.note_hangup(death));
                }
                claims_last(acts)
            }
            Told::Gone(gone) => claims_last(self.gone(gone, now)),
            Told::Run(job) => self.request(job, now),
            Told::Kill(run) => self.kill(*run, now),
            Told::Pause(job, until) => claims_last(self.pause(job, *until, now)),
            Told::Resume(job) => claims_last(self.resume(job, now)),
        }
    }

    /// Whether a start of that job hangs.
    fn hangs(&self, name: &JobName) -> bool {
        self.hanging.values().any(|job| job == name)
    }

    fn job(&self, name: &JobName) -> Option<&JobSpec> {
        self.file.jobs.get(name.as_str())
    }
}

/// Claims of one turn are written together, after everything else; that all is decided comes last of all.
fn claims_last(acts: Vec<Act>) -> Vec<Act> {
    let is_claim = |act: &Act| matches!(act, Act::Claim { .. });
    let is_decided = |act: &Act| matches!(act, Act::Decided(_));
    let (decided, others): (Vec<_>, Vec<_>) = acts.into_iter().partition(is_decided);
    let (claims, mut acts): (Vec<_>, Vec<_>) = others.into_iter().partition(is_claim);
    acts.extend(claims);
    acts.extend(decided.into_iter().next_back());
    acts
}
