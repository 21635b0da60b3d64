//! One life of one machine, from a plan to its end: the real loop on an invented world, with every step checked
//! against the invariants and the reference model.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hupd::clock::{Moment, Wake};
use hupd::daemon::{Daemon, Origin};
use hupd::ledger::{OpenRun, Pause, Remains, Waited};
use hupd::protocol::Request;
use hupd::run::{Generation, JobName};
use hupd::schedule::Zone;
use jiff::Timestamp;

use super::acts::{Act, Told};
use super::clock::Time;
use super::dice::Dice;
use super::invariants::{
    ANSWERED, BOUNDED, Broken, Invariants, MODEL, NO_PANIC, ONE_FATE, SUCCESSOR, TAKEN_BACK,
    Verdict, WOKEN, broken,
};
use super::jobs::{EXPRESSIONS, ZONES};
use super::ledger::{Counted, Rest};
use super::machine::{Arrival, Machine};
use super::model::Model;
use super::oracle::Oracle;
use super::plan::Plan;
use super::power::StartBy;
use super::tally::Tally;

/// How long hupd is down after it was killed at a turn.
const SHORTLY: Duration = Duration::from_secs(2);

/// What all lives share, for it is dear to make and does not change.
#[derive(Clone, Debug)]
pub struct Universe {
    oracle: Rc<Oracle>,
    zones: Rc<Vec<Zone>>,
}

/// What a hupd has from the one before.
#[derive(Clone, Debug)]
pub struct Inheritance {
    pub by: StartBy,
    pub generation: Generation,
    pub next_run: u64,
    pub anchors: BTreeMap<JobName, Counted>,
    pub timings: BTreeMap<JobName, String>,
    pub decided: Option<Timestamp>,
    pub lived: Option<Timestamp>,
    pub waiting: Vec<Waited>,
    /// Runs that were open, and what there is of them.
    pub open: Vec<(OpenRun, Remains)>,
    pub pauses: BTreeMap<JobName, Pause>,
    pub resting: Vec<Rest>,
}

impl Inheritance {
    fn of(machine: &Machine) -> Self {
        let ledger = &machine.ledger;
        let is_resting = |open: &&OpenRun| ledger.resting.contains_key(&open.run);
        let open = ledger.open.values().filter(|open| !is_resting(open));
        Self {
            by: machine.start(),
            generation: ledger.generation.next(),
            next_run: ledger.last_run.0 + 1,
            anchors: ledger.anchors.clone(),
            timings: ledger.timings.clone(),
            decided: ledger.decided,
            lived: ledger.lived,
            waiting: ledger.waited(),
            open: open
                .map(|open| (open.clone(), machine.remains_of(open)))
                .collect(),
            pauses: ledger.pauses.clone(),
            resting: ledger.resting.values().cloned().collect(),
        }
    }
}

/// A life that went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    pub broken: Broken,
    /// After the beginning.
    pub at: Duration,
}

/// Whether a life is written down as it is lived.
#[derive(Clone, Debug)]
pub enum Trace {
    Off,
    On(Vec<String>),
}

impl Universe {
    pub fn new() -> Self {
        let zone = |name: &&str| Zone::named(name).expect("the tz database has it");
        Self {
            oracle: Rc::new(Oracle::new(&EXPRESSIONS, &ZONES)),
            zones: Rc::new(ZONES.iter().map(zone).collect()),
        }
    }

    pub fn live(&self, plan: &Plan) -> Result<Tally, Failure> {
        self.live_with(plan, &mut Trace::Off)
    }

    pub fn live_with(&self, plan: &Plan, trace: &mut Trace) -> Result<Tally, Failure> {
        let mut life = Life::new(self.clone(), plan, trace);
        let lived = catch_unwind(AssertUnwindSafe(|| life.live()));
        let broken = match lived {
            Ok(Ok(())) => return Ok(life.tally),
            Ok(Err(broken)) => broken,
            Err(panic) => Broken {
                invariant: NO_PANIC,
                what: panic_text(&*panic),
            },
        };
        let at = life.now - life.began;
        Err(Failure { broken, at })
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "without words".to_owned())
}

struct Life<'t> {
    universe: Universe,
    plan: Rc<Plan>,
    /// Nowhere while a hupd has it.
    machine: Option<Machine>,
    invariants: Invariants,
    trace: &'t mut Trace,
    began: Time,
    now: Time,
    tally: Tally,
    was_killed: bool,
    /// As the file in force had it when the last hupd ended.
    keep_runs: u64,
}

/// How the life of a hupd ended.
enum End {
    InOrder,
    Killed(Duration),
}

impl<'t> Life<'t> {
    fn new(universe: Universe, plan: &Plan, trace: &'t mut Trace) -> Self {
        let plan = Rc::new(plan.clone());
        let machine = Machine::new(Rc::clone(&plan), Rc::clone(&universe.zones));
        let began = machine.clock.now();
        Self {
            invariants: Invariants::new(Rc::clone(&universe.oracle)),
            universe,
            plan,
            machine: Some(machine),
            trace,
            began,
            now: began,
            tally: Tally::default(),
            was_killed: false,
            keep_runs: 0,
        }
    }

    fn live(&mut self) -> Verdict {
        loop {
            let (end, mut machine) = self.serve()?;
            let down = match end {
                End::InOrder => {
                    let most = machine.shut_down();
                    self.kept(most.unwrap_or(0))?;
                    let mut dice = Dice::of(self.plan.seed, &[self.tally.hupds]);
                    dice.duration(Duration::from_millis(1), Duration::from_secs(7200))
                }
                End::Killed(down) => {
                    machine.crash();
                    self.say("killed by KILL", &[]);
                    down
                }
            };
            let forgotten = std::mem::take(&mut machine.ledger.forgotten);
            self.invariants
                .forget_attempts(std::mem::take(&mut machine.ledger.forgotten_attempts));
            self.invariants.forget(forgotten);
            self.books(&machine)?;
            if machine.is_over {
                return Ok(());
            }
            machine.be_down(down);
            self.now = machine.clock.now();
            let is_over = machine.is_over;
            self.machine = Some(machine);
            if is_over {
                return Ok(());
            }
        }
    }

    /// A job is trimmed when a sixteenth more than it may keep has begun; what has not ended then is not counted.
    fn kept(&self, most: u64) -> Verdict {
        let at_once = self.invariants.most_at_once as u64;
        match most <= self.keep_runs + self.keep_runs / 16 + 1 + at_once {
            true => Ok(()),
            false => broken(
                BOUNDED,
                format!("{most} runs, of {} to keep", self.keep_runs),
            ),
        }
    }

    /// What is on the disk is what must be there.
    fn books(&mut self, machine: &Machine) -> Verdict {
        self.tally.rows = machine.ledger.rows;
        let same = machine.ledger.compare(machine.disk.database());
        same.or_else(|what| broken(ONE_FATE, what))
    }

    /// One hupd, from its start to its end.
    fn serve(&mut self) -> Result<(End, Machine), Broken> {
        let mut machine = self.machine.take().expect("the last hupd left it behind");
        self.tally.hupds += 1;
        let (origin, recovered) = machine.boot();
        if let Some(what) = machine.disk.difference.take() {
            broken(SUCCESSOR, what)?;
        }
        let start = Inheritance::of(&machine);
        let by = start.by.clone();
        let Some(file) = by
            .file
            .filter(|file| *file.text() == *origin.config.sources[0].text)
        else {
            return Err(starts_wrong(&origin));
        };
        machine.acts.clear();
        let mut daemon = Daemon::begin(machine, origin, recovered);
        let now = daemon.world().clock.moment();
        let oracle = Rc::clone(&self.universe.oracle);
        let universe = (oracle, Rc::clone(&self.universe.zones));
        let (mut model, acts) = Model::begin(universe, Arc::clone(&file), start.clone(), now);
        let acts = [acts, early_acts(&mut model, daemon.world(), now)].concat();
        self.say_turn(daemon.world(), now);
        agree(&acts, &daemon)?;
        self.invariants.begin(&daemon, (&file, &start), now)?;
        while !daemon.engine().has_finished() {
            if self.plan.killed_after == Some(self.tally.turns) && self.is_first_time() {
                return Ok((End::Killed(SHORTLY), daemon.into_world()));
            }
            let wake = daemon.next_wake();
            // Not every time: the model asks every job.
            if self.tally.turns.is_multiple_of(8) {
                // Who waits for an answer is the loop's own business.
                sleeps_until(model.next_wake(), daemon.engine().next_wake())?;
            }
            wakes_by(model.end_of_trial(), wake)?;
            let before = self.now;
            if let Arrival::Killed(down) = daemon.world_mut().until_event(wake) {
                return Ok((End::Killed(down), daemon.into_world()));
            }
            self.turn(&mut daemon, &mut model)?;
            let jobs = u32::try_from(model.next.len()).expect("few jobs");
            self.tally.time += self.now - before;
            self.tally.job_time += (self.now - before) * jobs;
        }
        self.keep_runs = model.file.keep_runs;
        self.farewell(&daemon)?;
        Ok((End::InOrder, daemon.into_world()))
    }

    fn is_first_time(&mut self) -> bool {
        !std::mem::replace(&mut self.was_killed, true)
    }

    fn turn(&mut self, daemon: &mut Daemon<Machine>, model: &mut Model) -> Verdict {
        self.tally.turns += 1;
        let before = daemon
            .world()
            .next_is_a_file()
            .then(|| daemon.engine().clone());
        daemon.world_mut().acts.clear();
        daemon.turn();
        let machine = daemon.world();
        self.now = machine.clock.now();
        let now = machine.clock.moment();
        self.say_turn(machine, now);
        self.verdicts(daemon)?;
        let file = Arc::clone(&model.file);
        let acts = model.told(&daemon.world().told, daemon.world().refuses, now);
        agree(&acts, daemon)?;
        let reload = before
            .as_ref()
            .map(|engine| (engine, [&*file, &*model.file]));
        if model.went_back {
            self.invariants.clock_set(now);
        }
        self.invariants.after(daemon, reload, now)?;
        let answers = daemon.world_mut().take_answers();
        answers.or_else(|what| broken(ANSWERED, what))
    }

    /// What the store has answered is what the other book-keeper says.
    fn verdicts(&self, daemon: &mut Daemon<Machine>) -> Verdict {
        let Told::Claimed(verdicts) = daemon.world().told.clone() else {
            return Ok(());
        };
        for verdict in verdicts {
            let expected = daemon.world_mut().ledger.next_verdict();
            if expected != Some(verdict) {
                return broken(ONE_FATE, format!("{verdict:?}, not {expected:?}"));
            }
        }
        Ok(())
    }

    /// Who has asked has been answered, but for what hupd did not come to any more.
    fn farewell(&self, daemon: &Daemon<Machine>) -> Verdict {
        let mut unanswered = daemon.world().unanswered.values();
        match unanswered.find(|request| !waits_for_a_verdict(request)) {
            Some(request) if !daemon.world().has_unheard() => {
                broken(ANSWERED, format!("{request:?} was not"))
            }
            _ => Ok(()),
        }
    }

    fn say_turn(&mut self, machine: &Machine, now: Moment) {
        if let Trace::On(_) = self.trace {
            let told = format!("{} {}", now.wall, machine.told);
            let acts: Vec<_> = machine.acts.iter().map(ToString::to_string).collect();
            self.say(&told, &acts);
        }
    }

    fn say(&mut self, told: &str, acts: &[String]) {
        let since = self.now - self.began;
        if let Trace::On(lines) = self.trace {
            lines.push(format!("{:>16.6} s  {told}", since.as_secs_f64()));
            lines.extend(acts.iter().map(|act| format!("{:20}→ {act}", "")));
        }
    }
}

/// Of what came before hupd served a stop counts first, and after that nothing else; else what is late goes.
fn early_acts(model: &mut Model, machine: &Machine, now: Moment) -> Vec<Act> {
    let is_stop = |told: &&Told| matches!(told, Told::Stop);
    let (stops, rest): (Vec<_>, Vec<_>) = machine.early.iter().partition(is_stop);
    let told = match stops.is_empty() {
        true => [vec![&Told::Due], rest].concat(),
        false => stops,
    };
    let told = told.into_iter();
    told.flat_map(|told| model.told(told, false, now)).collect()
}

/// Or for the store, to the end of which nobody looks: they do not come any more where hupd stops.
fn waits_for_a_verdict(request: &Request) -> bool {
    matches!(
        request,
        Request::Reload { .. } | Request::Rollback(_) | Request::Confirm
    )
}

fn starts_wrong(origin: &Origin) -> Broken {
    Broken {
        invariant: TAKEN_BACK,
        what: format!("a start by {:?}", origin.instead),
    }
}

fn wakes_by(end: Option<Duration>, wake: Wake) -> Verdict {
    match (end, wake.elapsed) {
        (None, _) => Ok(()),
        (Some(end), Some(at)) if at <= end => Ok(()),
        (Some(end), at) => broken(WOKEN, format!("{at:?}, after {end:?}")),
    }
}

fn sleeps_until(expected: Wake, wake: Wake) -> Verdict {
    match wake == expected {
        true => Ok(()),
        false => broken(WOKEN, format!("{wake:?}, not {expected:?}")),
    }
}

fn agree(expected: &[Act], daemon: &Daemon<Machine>) -> Verdict {
    let acts = &daemon.world().acts;
    if acts == expected {
        return Ok(());
    }
    let list = |acts: &[Act]| {
        acts.iter()
            .map(|act| format!("\n    {act}"))
            .collect::<String>()
    };
    let told = &daemon.world().told;
    let (expected, found) = (list(expected), list(acts));
    broken(
        MODEL,
        format!("{told}\n  the model:{expected}\n  hupd:{found}"),
    )
}
