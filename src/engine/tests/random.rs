//! Random lives of an engine: whatever happens in whatever order, the promises hold.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::world::*;
use crate::config::{Config, Job, Overlap};
use crate::engine::line::Lane;
use crate::engine::{Effect, Engine, Send, State};
use crate::ledger::{Claim, ClaimVerdict, Claimed, Ended, Fate, NoStart, Started};
use crate::run::{Exit, GroupName, Occurrence, Output, RunId, Usage};

#[derive(Clone, Debug)]
enum Step {
    Pass(Duration),
    SetClock(i64),
    Request(usize),
    Adopt(usize, u8),
    Kill(usize),
    Pause(usize, Option<i64>),
    Resume(usize),
    /// The slow world gets round to one thing: a verdict, a start, an end.
    Claimed,
    Started,
    CouldNotStart,
    Shortage,
    Ended(usize),
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..5_000_u64).prop_map(|tenths| Step::Pass(Duration::from_millis(tenths * 100))),
        1 => (-100_000..100_000_i64).prop_map(Step::SetClock),
        4 => (0..4_usize).prop_map(Step::Request),
        2 => (1..4_usize, any::<u8>()).prop_map(|(places, bits)| Step::Adopt(places, bits)),
        2 => (0..9_usize).prop_map(Step::Kill),
        2 => (0..4_usize, prop::option::of(1..9_000_i64)).prop_map(|(job, time)| Step::Pause(job, time)),
        2 => (0..4_usize).prop_map(Step::Resume),
        8 => Just(Step::Claimed),
        8 => Just(Step::Started),
        1 => Just(Step::CouldNotStart),
        3 => Just(Step::Shortage),
        6 => (0..9_usize).prop_map(Step::Ended),
    ]
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What a job does that does not skip.
const OTHERWISE: [Overlap; 4] = [
    ALLOW,
    Overlap::Queue,
    Overlap::Replace,
    Overlap::Allow { most: 2 },
];

/// Four jobs, each one there or not, each with what it does beside itself, and half of them in a group.
fn some_config(places: usize, bits: u8) -> Config {
    let jobs = [
        every("a", 7 * SECOND),
        cron("b", "* * * * *"),
        cron("c", "*/5 * * * *"),
        job("d"),
    ];
    let kept = jobs.into_iter().enumerate();
    let kept = kept.filter(|(index, _)| bits >> index & 1 == 1);
    let mut config = config(kept.map(|(index, job)| {
        Job {
            overlap: match bits >> (4 + index) & 1 {
                1 => OTHERWISE[(index + places) % 4],
                _ => Overlap::Skip,
            },
            group: (index + places + usize::from(bits))
                .is_multiple_of(2)
                .then(|| GroupName::new("g")),
            timeout: (index == 0).then_some(MINUTE),
            ..job
        }
    }));
    config.daemon.max_running = places;
    config
}

/// What the world has been told and not done yet, and what is on record.
struct SlowWorld {
    engine: Engine,
    now: crate::clock::Moment,
    most: usize,
    claims: Vec<Claim>,
    starts: Vec<RunId>,
    alive: Vec<RunId>,
    ledger: HashMap<Occurrence, Fate>,
    ran: HashSet<Occurrence>,
    claimed: HashSet<(RunId, Occurrence)>,
    ended: HashSet<RunId>,
}

impl SlowWorld {
    fn new() -> Self {
        let world = World::of(some_config(2, 0b1010_1111));
        Self {
            engine: world.engine,
            now: world.now,
            most: 2,
            claims: Vec::new(),
            starts: Vec::new(),
            alive: Vec::new(),
            ledger: HashMap::new(),
            ran: HashSet::new(),
            claimed: HashSet::new(),
            ended: HashSet::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        let now = self.now;
        let effects = match step {
            Step::Pass(time) => {
                self.now.wall += *time;
                self.now.elapsed += *time;
                self.engine.wake(self.now)
            }
            Step::SetClock(seconds) => {
                self.now.wall += SignedDuration::from_secs(*seconds);
                self.engine.clock_set(self.now)
            }
            Step::Request(job) => self.engine.request(&name(NAMES[*job]), now).1,
            Step::Pause(job, seconds) => {
                let until = seconds.map(|seconds| now.wall + SignedDuration::from_secs(seconds));
                let paused = self.engine.pause(pause(NAMES[*job], until, now), now);
                paused.unwrap_or_default()
            }
            Step::Resume(job) => {
                let resumed = self.engine.resume(&name(NAMES[*job]), now);
                resumed.unwrap_or_default()
            }
            Step::Adopt(places, bits) => {
                let next = self.engine.generation().next();
                self.most = self.engine.runs().count().max(*places);
                let config = accepted(some_config(*places, *bits));
                let compared = config.beside(self.engine.config());
                self.engine.adopt(&compared, next, now)
            }
            Step::Kill(which) => {
                let run = self.engine.runs().nth(*which).map(|run| run.id);
                let effects = run.and_then(|run| self.engine.kill(run, now));
                effects.unwrap_or_default()
            }
            Step::Claimed if self.claims.is_empty() => Vec::new(),
            Step::Claimed => self.answer_claim(),
            Step::Started => self.start(),
            Step::CouldNotStart => match self.starts.pop() {
                Some(run) => self.engine.could_not_start(run, refused("why"), now),
                None => Vec::new(),
            },
            Step::Shortage => self.fall_short(),
            Step::Ended(which) => self.end(*which),
            Step::Stop => self.engine.stop(now),
        };
        effects.into_iter().for_each(|effect| self.note(effect));
        self.check(matches!(step, Step::Pass(_) | Step::SetClock(_)));
    }

    fn answer_claim(&mut self) -> Vec<Effect> {
        let claim = self.claims.remove(0);
        // What was missed may come again with a clock that was set back.
        let fate = self.ledger.get(&claim.occurrence);
        let is_new = fate.is_none_or(|fate| *fate == Fate::Missed)
            && self.ran.insert(claim.occurrence.clone());
        let claimed = match is_new {
            true => Claimed::Yes,
            false => Claimed::AlreadyThere,
        };
        let run = claim.run;
        self.engine
            .claimed(&[ClaimVerdict { run, claimed }], self.now)
    }

    fn start(&mut self) -> Vec<Effect> {
        let Some(run) = self.starts.pop() else {
            return Vec::new();
        };
        self.alive.push(run);
        let (pid, at) = (1, self.now);
        let started = Started {
            run,
            pid,
            at,
            birth: None,
        };
        self.engine.started(&started, self.now)
    }

    fn fall_short(&mut self) -> Vec<Effect> {
        let Some(run) = self.starts.pop() else {
            return Vec::new();
        };
        let why = NoStart::Shortage("no processes".to_owned());
        self.engine.could_not_start(run, why, self.now)
    }

    fn short(&self) -> usize {
        let runs = self.engine.runs();
        runs.filter(|run| run.state == State::Short).count()
    }

    fn end(&mut self, which: usize) -> Vec<Effect> {
        if self.alive.is_empty() {
            return Vec::new();
        }
        let run = self.alive.swap_remove(which % self.alive.len());
        self.engine.run_ended(
            Ended {
                run,
                exit: Exit::Code(0),
                was_signalled: false,
                usage: Usage::default(),
                survivors: Vec::new(),
                output: Output::default(),
                at: self.now,
            },
            self.now,
        )
    }

    fn note(&mut self, effect: Effect) {
        match effect {
            Effect::Claim(claim) => {
                let one = (claim.run, claim.occurrence.clone());
                assert!(self.claimed.insert(one), "{claim:?} claimed again");
                self.claims.push(claim);
            }
            Effect::Start(start) => self.starts.push(start.run),
            Effect::Signal(Send { run, .. }) => assert!(self.alive.contains(&run)),
            Effect::GiveUpStart { run, .. } => {
                self.starts.retain(|start| *start != run);
                let why = NoStart::GivenUp("no answer".to_owned());
                let mut effects = self.engine.could_not_start(run, why, self.now);
                effects.extend(self.engine.start_came_back(run, self.now));
                effects.into_iter().for_each(|effect| self.note(effect));
            }
            Effect::Record(entry) if entry.fate == Fate::Waiting => {}
            Effect::Record(entry) => {
                self.ledger.entry(entry.occurrence).or_insert(entry.fate);
            }
            Effect::RecordEnd { end, .. } => {
                assert!(self.ended.insert(end.run), "{end:?} ended again");
            }
            Effect::RecordLoss { .. } | Effect::RecordNote { .. } => {
                unreachable!("no hupd was before this one")
            }
            Effect::RecordHangup { .. } => unreachable!("nothing here ends by HUP"),
            Effect::RecordFailed { .. }
            | Effect::ClaimAttempt(_)
            | Effect::EndRest { .. }
            | Effect::PutOff { .. } => panic!("no job here is tried again: {effect:?}"),
            Effect::RecordStart(_)
            | Effect::RecordAnchor(_)
            | Effect::ForgetAnchor(_)
            | Effect::RecordTiming(..)
            | Effect::RecordPause(_)
            | Effect::ForgetPause(_)
            | Effect::RecordDecided(_) => {}
        }
    }

    fn check(&mut self, has_woken: bool) {
        let runs = self.engine.runs().count();
        assert!(runs <= self.most, "{runs} runs, {} places", self.most);
        assert_eq!(
            runs,
            self.claims.len() + self.starts.len() + self.alive.len() + self.short()
        );
        let is_short = self.engine.is_short();
        assert!(is_short || self.short() == 0);
        let wake = self.engine.next_wake();
        self.nobody_waits_for_nothing();
        if has_woken {
            assert!(wake.wall.is_none_or(|at| at > self.now.wall));
            assert!(wake.elapsed.is_none_or(|at| at > self.now.elapsed));
        }
    }

    /// Whoever is asked once more, and not only where something has happened, must wait all the same.
    fn nobody_waits_for_nothing(&self) {
        let mut engine = self.engine.clone();
        let jobs = &self.engine.config.jobs;
        engine.queue.rearrange(|job| Lane::of(&jobs[job]));
        assert_eq!(engine.admit_waiting(self.now), []);
    }

    /// Told to stop, and everything that is under way comes to its end.
    fn wind_down(&mut self) {
        self.take(&Step::Stop);
        let places = self.engine.runs().count();
        for _ in 0..places {
            let while_short = Step::Pass(5 * SECOND);
            for step in [while_short, Step::Claimed, Step::Started, Step::Ended(0)] {
                self.take(&step);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_life_keeps_the_promises(steps in prop::collection::vec(step(), 1..300)) {
        let mut world = SlowWorld::new();
        steps.iter().for_each(|step| world.take(step));
        world.wind_down();
        prop_assert!(world.engine.has_finished());
        prop_assert_eq!(world.engine.waiting(), 0);
    }
}
