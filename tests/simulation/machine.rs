//! An invented machine: clocks, a disk, processes, a file that is edited, people who ask and signal. Everything
//! in it happens at an invented time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use hupd::clock::Wake;
use hupd::config::Config;
use hupd::event::{Event, Inbox, Meaning, Sender};
use hupd::protocol::Request;
use hupd::run::RunId;
use hupd::schedule::Zone;
use hupd::store::{Question, Receipt};
use hupd::system::spawn::SpawnOrder;

use super::acts::{Act, Told};
use super::clock::{Clock, Time};
use super::dice::Dice;
use super::disk::Disk;
use super::jobs::FileSpec;
use super::ledger::Ledger;
use super::plan::{Plan, Temper, What};
use super::process::Process;

pub(super) const MICROSECOND: Duration = Duration::from_micros(1);
pub(super) const MILLISECOND: Duration = Duration::from_millis(1);

/// The longest that a process takes to come to be, unless starting stalls.
pub const SLOWEST_BIRTH: Duration = Duration::from_secs(2);
/// The longest that a commit takes, unless the store stalls.
pub const SLOWEST_COMMIT: Duration = Duration::from_millis(50);
/// The longest that an alarm is late.
pub const LATEST_ALARM: Duration = Duration::from_millis(20);

pub(super) const SOMEBODY: Sender = Sender::new(77, 0);

/// Latencies of different things are rolled apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Latency {
    Alarm,
    Turn,
    Commit,
    Birth,
    Load,
    Crash,
    Sight,
}

/// What will happen by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Happening {
    /// The step of this number in the plan.
    Step(usize),
    /// hupd is told to stop, and no other one follows.
    End,
    /// HUP reaches hupd.
    Hangup,
    ProcessEnds(RunId),
    Birth(RunId),
    /// What was given up lets go of whoever was at it.
    ComesBack(RunId),
    Commit,
    /// The loader has read the file; then it has checked it.
    FilesRead,
    Loaded,
    FilesSettled,
}

impl Happening {
    /// Whether it happens while hupd is stopped by STOP: not what hupd does itself.
    fn is_of_the_machine(&self, plan: &Plan) -> bool {
        match self {
            Self::Step(step) => matches!(
                plan.steps[*step].what,
                What::Edit(_) | What::SetClock(_) | What::Drift(_) | What::Crash { .. }
            ),
            _ => false,
        }
    }
}

/// The file as it stands.
#[derive(Clone, Debug)]
pub(super) struct Disposition {
    pub(super) file: Arc<FileSpec>,
    pub(super) is_broken: bool,
    pub(super) is_forbidden: bool,
}

/// How far [`Machine::until_event`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// hupd has something to do.
    Event,
    /// hupd was killed, and is down for so long.
    Killed(Duration),
}

#[derive(Debug)]
pub struct Machine {
    pub(super) plan: Rc<Plan>,
    pub(super) zones: Rc<Vec<Zone>>,
    pub clock: Clock,
    pub disk: Disk,
    /// What the disk must hold by the rules, written down by somebody else.
    pub ledger: Ledger,
    pub(super) happenings: BinaryHeap<Reverse<(Time, u64, Happening)>>,
    pub(super) happened: u64,
    pub(super) alarm: Option<(Wake, Option<Time>)>,
    pub(super) frozen_until: Time,
    pub(super) spawn_stalled_until: Time,
    pub(super) short_until: Time,
    /// Pauses that hupd cannot be blamed for.
    pub excuses: Duration,
    pub(super) events: VecDeque<(Event, Told)>,
    pub(super) inbox: Inbox,
    pub(super) orders: BTreeMap<RunId, SpawnOrder>,
    pub(super) processes: BTreeMap<RunId, Process>,
    pub(super) disposition: Disposition,
    pub(super) read: Option<Disposition>,
    /// With what it is compared.
    pub(super) in_force: Option<Arc<Config>>,
    /// Every file that a hupd has read, by its text.
    pub(super) texts: BTreeMap<String, Arc<FileSpec>>,
    /// Questions that are answered when all before is written.
    pub(super) questions: Vec<Question>,
    /// What is told then whether it is written.
    pub(super) receipts: Vec<Receipt>,
    /// An answer that the store must not give.
    pub(super) wrong_answer: Option<String>,
    /// What the configuration that was loaded last asks for cannot be had.
    pub(super) refuses: bool,
    /// Whether hupd watches the file.
    pub(super) is_watching: bool,
    pub(super) killed: Option<Duration>,
    pub(super) is_up: bool,
    /// The plan is at its end: no hupd follows the one that lives.
    pub is_over: bool,
    pub(super) rolled: u64,
    pub(super) asked: u64,
    pub(super) answers: (mpsc::Sender<u64>, mpsc::Receiver<u64>),
    /// Requests that wait for their answer.
    pub unanswered: BTreeMap<u64, Request>,
    /// What hupd was told before it served.
    pub early: Vec<Told>,
    /// What hupd was told in this turn, and what it did about it, in its order.
    pub told: Told,
    pub acts: Vec<Act>,
}

impl Machine {
    pub fn new(plan: Rc<Plan>, zones: Rc<Vec<Zone>>) -> Self {
        let mut machine = Self {
            clock: Clock::new(plan.begins),
            disk: Disk::new(),
            ledger: Ledger::new(),
            happenings: BinaryHeap::new(),
            happened: 0,
            alarm: None,
            frozen_until: Time::ZERO,
            spawn_stalled_until: Time::ZERO,
            short_until: Time::ZERO,
            excuses: Duration::ZERO,
            events: VecDeque::new(),
            inbox: Inbox::new(),
            orders: BTreeMap::new(),
            processes: BTreeMap::new(),
            disposition: Disposition {
                file: Arc::new(plan.file.clone()),
                is_broken: false,
                is_forbidden: false,
            },
            read: None,
            in_force: None,
            texts: BTreeMap::new(),
            questions: Vec::new(),
            receipts: Vec::new(),
            wrong_answer: None,
            refuses: false,
            is_watching: false,
            killed: None,
            is_up: false,
            is_over: false,
            rolled: 0,
            asked: 0,
            answers: mpsc::channel(),
            unanswered: BTreeMap::new(),
            early: Vec::new(),
            told: Told::Begin,
            acts: Vec::new(),
            plan: Rc::clone(&plan),
            zones,
        };
        let began = machine.clock.now();
        for (number, step) in plan.steps.iter().enumerate() {
            machine.at(began + step.at, Happening::Step(number));
        }
        machine.at(began + plan.ends_after, Happening::End);
        machine
    }

    /// Pauses that are over; what an earlier hupd has left of one holds up the next as well.
    pub fn excuses_so_far(&self) -> Duration {
        let now = self.clock.now();
        let left = |until: Time| until.max(now) - now;
        let left = left(self.disk.stalled_until) + left(self.spawn_stalled_until);
        self.excuses.saturating_sub(left)
    }

    /// Whether what hupd is told next is that its file was read.
    pub fn next_is_a_file(&self) -> bool {
        matches!(self.events.front(), Some((Event::Loaded(_), _)))
    }

    /// Whether there is something that hupd has not heard.
    pub fn has_unheard(&self) -> bool {
        !self.events.is_empty()
    }

    /// Lets time pass until hupd has something to do.
    pub fn until_event(&mut self, wake: Wake) -> Arrival {
        loop {
            self.arm(wake);
            self.take_events_of_threads();
            if let Some(down) = self.killed.take() {
                return Arrival::Killed(down);
            }
            if !self.events.is_empty() {
                return Arrival::Event;
            }
            let alarm = self.alarm.as_ref().and_then(|(_, at)| *at);
            let next = self.happenings.peek().map(|Reverse((time, _, _))| *time);
            match (alarm, next) {
                (Some(alarm), next) if next.is_none_or(|next| alarm < next) => self.ring(alarm),
                (_, Some(_)) => self.take_happening(),
                _ => panic!("a hupd that waits for nothing never ends"),
            }
        }
    }

    pub(super) fn arm(&mut self, wake: Wake) {
        if self.alarm.as_ref().is_some_and(|(armed, _)| *armed == wake) {
            return;
        }
        let due = self.clock.when(wake);
        let late = self.latency(Latency::Alarm, Duration::ZERO, LATEST_ALARM);
        self.alarm = Some((wake, due.map(|due| due + late)));
    }

    pub(super) fn ring(&mut self, at: Time) {
        self.pass_to(at.max(self.frozen_until));
        self.alarm = None;
        self.tell(Event::Due, Told::Due);
    }

    pub(super) fn pass_to(&mut self, time: Time) {
        let now = self.clock.now();
        self.clock.pass_to(time.max(now));
    }

    pub(super) fn take_happening(&mut self) {
        let Some(Reverse((time, _, happening))) = self.happenings.pop() else {
            return;
        };
        if self.frozen_until > time && !happening.is_of_the_machine(&self.plan) {
            return self.at(self.frozen_until, happening);
        }
        self.pass_to(time);
        match happening {
            Happening::Step(number) => self.step(number),
            Happening::End => {
                self.is_over = true;
                self.signal_hupd(Meaning::Stop, Told::Stop);
            }
            Happening::Hangup => self.hang_up_hupd(),
            Happening::ProcessEnds(run) => self.end_process(run, time),
            Happening::Birth(run) => self.give_birth(run),
            Happening::ComesBack(run) => {
                self.tell(Event::CameBack { run }, Told::CameBack(run));
            }
            Happening::Commit => self.commit_in_time(),
            Happening::FilesRead => self.read_files(),
            Happening::Loaded => self.loaded(),
            Happening::FilesSettled => self.tell(Event::FilesChanged, Told::FilesChanged),
        }
    }

    pub(super) fn at(&mut self, time: Time, happening: Happening) {
        self.happened += 1;
        self.happenings
            .push(Reverse((time, self.happened, happening)));
    }

    pub(super) fn tell(&mut self, event: Event, told: Told) {
        if self.is_up {
            self.events.push_back((event, told));
        }
    }

    pub(super) fn dice(&mut self, of: Latency) -> Dice {
        self.rolled += 1;
        Dice::of(self.plan.seed, &[of as u64, self.rolled])
    }

    pub(super) fn latency(&mut self, of: Latency, least: Duration, most: Duration) -> Duration {
        match self.plan.temper {
            Temper::Calm => least.max(10 * MICROSECOND),
            Temper::Wild => self.dice(of).duration(least, most).max(least),
        }
    }
}
