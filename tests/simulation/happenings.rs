//! What is done to a machine, and what happens on it by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hupd::config::{Accepted, Compared, Problem, Problems, Severity, Took};
use hupd::event::{
    Asked, Ended, Event, Gone, Loaded, Meaning, NoStart, Reply, SignalReceived, Started,
};
use hupd::protocol::{Answer, Earlier, Patience, PauseRequest, Request};
use hupd::run::{JobName, Output, RunId, Signal, Usage};
use hupd::store::{Question, show_generation};
use hupd::system::spawn::SpawnOrder;

use super::acts::{Death, Told};
use super::clock::Time;
use super::dice::Dice;
use super::jobs::{FileSpec, JobSpec};
use super::ledger::Durable;
use super::machine::{
    Disposition, Happening, Latency, MICROSECOND, MILLISECOND, Machine, SLOWEST_BIRTH,
    SLOWEST_COMMIT, SOMEBODY,
};
use super::plan::{Edit, What};
use super::process::{Birth, Process, Watcher};

pub(super) const FILE: &str = "/etc/hupd/hupd.toml";

/// Of a broken file, always the same.
pub(super) fn problems() -> Problems {
    Problems(vec![Problem {
        path: PathBuf::from(FILE),
        severity: Severity::Error,
        line: Some(3),
        column: None,
        about: None,
        message: "this is not right".to_owned(),
        rendered: "error: this is not right".to_owned(),
    }])
}

fn loaded(outcome: Result<Compared, Problems>) -> Event {
    Event::Loaded(Box::new(Loaded {
        outcome,
        took: Took::default(),
        diff: Duration::ZERO,
    }))
}

impl Machine {
    pub(super) fn step(&mut self, number: usize) {
        let what = self.plan.steps[number].what.clone();
        match what {
            What::Edit(edit) => self.edit(edit),
            What::SetClock(seconds) => self.set_clock(seconds),
            What::Drift(millionths) => {
                self.clock.drift(millionths);
                self.alarm = None;
            }
            What::Sleep(time, is_told) => self.sleep(time, is_told),
            _ if !self.is_up => {}
            What::Hangup(count) => self.burst(count, Meaning::Reload, &Told::Hangup),
            What::Terminate(count) => self.burst(count, Meaning::Stop, &Told::Stop),
            What::Quit => self.signal_hupd(Meaning::StopNow, Told::StopNow),
            What::HangupUnit(later) => {
                self.hang_up_processes();
                self.at(self.clock.now() + later, Happening::Hangup);
            }
            What::AskReload => self.ask(
                Request::Reload {
                    confirm_within: None,
                },
                Told::AskReload,
            ),
            What::ReloadToConfirm(time) => {
                let request = Request::Reload {
                    confirm_within: Some(time),
                };
                self.ask(request, Told::AskToConfirm(time));
            }
            What::Confirm => self.ask(Request::Confirm, Told::Confirm),
            What::RollBack(back) => {
                let number = |back: u8| self.ledger.generation.0.saturating_sub(back.into());
                let to = back.map_or(Earlier::Before, |back| Earlier::Number(number(back)));
                self.ask(Request::Rollback(to), Told::RollBack(to));
            }
            What::AskStatus => self.ask(Request::Status, Told::AskStatus),
            What::Request { job, waits } => self.ask_to_run(job, waits),
            What::Kill(which) => self.ask_to_kill(which),
            What::Pause { job, lasts } => self.ask_to_pause(job, lasts),
            What::Resume { job } => {
                let told = Told::Resume(JobName::new(&job));
                self.ask(Request::Resume { job }, told);
            }
            What::Freeze(time) => {
                self.frozen_until = self.clock.now() + time;
                self.excuses += time;
            }
            What::Crash { down } => self.killed = Some(down),
            What::StoreStalls(time) => {
                self.disk.stalled_until = self.clock.now() + time;
                self.excuses += time;
            }
            What::StoreFails(time) => self.disk.fails_until = self.clock.now() + time,
            What::RunsShort(time) => self.short_until = self.clock.now() + time,
            What::SpawnStalls(time) => {
                self.spawn_stalled_until = self.clock.now() + time;
                self.excuses += time;
            }
        }
    }

    fn burst(&mut self, count: u8, meaning: Meaning, told: &Told) {
        for _ in 0..count {
            self.signal_hupd(meaning, told.clone());
        }
    }

    pub(super) fn signal_hupd(&mut self, meaning: Meaning, told: Told) {
        let sender = Some(SOMEBODY);
        self.tell(
            Event::Signal(SignalReceived {
                meaning,
                sender,
                others: 0,
            }),
            told,
        );
    }

    /// Those of earlier hupds are not of this service.
    fn hang_up_processes(&mut self) {
        let now = self.clock.now();
        let ours = self.processes.iter_mut();
        let ours = ours.filter(|(_, process)| process.watched == Watcher::Parent);
        let ends = |(run, process): (&RunId, &mut Process)| {
            process.hang_up(now).then_some((*run, process.ends))
        };
        let hung_up: Vec<_> = ours.filter_map(ends).collect();
        for (run, ends) in hung_up {
            self.at(ends, Happening::ProcessEnds(run));
        }
    }

    pub(super) fn hang_up_hupd(&mut self) {
        if self.is_up {
            self.signal_hupd(Meaning::Reload, Told::Hangup);
        }
    }

    fn set_clock(&mut self, seconds: i64) {
        self.clock.set(seconds);
        self.alarm = None;
        self.tell(Event::ClockSet, Told::ClockSet);
    }

    /// All that is under way goes on when the machine wakes up.
    fn sleep(&mut self, time: Duration, is_told: bool) {
        let until = self.clock.now() + time;
        self.clock.sleep_to(until);
        self.alarm = None;
        if is_told {
            self.tell(Event::ClockSet, Told::ClockSet);
        }
    }

    fn ask_to_run(&mut self, job: String, waits: bool) {
        let patience = match waits {
            true => Patience::UntilEnded,
            false => Patience::UntilAccepted,
        };
        let told = Told::Run(JobName::new(&job));
        self.ask(Request::Run { job, patience }, told);
    }

    fn ask_to_pause(&mut self, job: String, lasts: Option<Duration>) {
        let until = lasts.map(|lasts| self.clock.moment().wall + lasts);
        let told = Told::Pause(JobName::new(&job), until);
        let pause = PauseRequest {
            job,
            until,
            reason: None,
        };
        self.ask(Request::Pause(pause), told);
    }

    /// One of the processes there are, or a run that is long over.
    fn ask_to_kill(&mut self, which: u8) {
        let runs = self.processes.keys().chain(self.orders.keys());
        let runs: Vec<_> = runs.chain(self.ledger.resting.keys()).collect();
        let run = match runs.is_empty() {
            true => RunId(u64::from(which)),
            false => *runs[usize::from(which) % runs.len()],
        };
        self.ask(Request::Kill { run }, Told::Kill(run));
    }

    fn ask(&mut self, request: Request, told: Told) {
        self.asked += 1;
        let (number, answers) = (self.asked, self.answers.0.clone());
        let reply = Reply::new(move |_: Answer| {
            // Nobody is there to hear it when the machine itself is gone.
            let _ = answers.send(number);
        });
        self.unanswered.insert(number, request.clone());
        let asked = Asked {
            request,
            caller: SOMEBODY,
            reply,
        };
        self.tell(Event::Asked(asked), told);
    }

    /// Takes note of answers; a second one to the same question is one too many.
    pub fn take_answers(&mut self) -> Result<(), String> {
        if let Some(wrong) = self.wrong_answer.take() {
            return Err(wrong);
        }
        for number in self.answers.1.try_iter() {
            if self.is_up && self.unanswered.remove(&number).is_none() {
                return Err(format!("request {number} was answered twice"));
            }
        }
        Ok(())
    }

    fn edit(&mut self, edit: Edit) {
        self.disposition.is_broken = matches!(edit, Edit::Break);
        self.disposition.is_forbidden = matches!(edit, Edit::Forbid);
        let file = Arc::make_mut(&mut self.disposition.file);
        match edit {
            Edit::Put(name, job) => {
                file.jobs.insert(name, job);
            }
            Edit::Adjust(name, job) => {
                if let Some(old) = file.jobs.get_mut(&name) {
                    let (due, enabled) = (old.due, old.enabled);
                    *old = JobSpec {
                        due,
                        enabled,
                        ..job
                    };
                }
            }
            Edit::Overlap(name, overlap, group) => {
                if let Some(job) = file.jobs.get_mut(&name) {
                    (job.overlap, job.group) = (overlap, group);
                }
            }
            Edit::Remove(name) => {
                file.jobs.remove(&name);
            }
            Edit::Toggle(name) => {
                if let Some(job) = file.jobs.get_mut(&name) {
                    job.enabled = !job.enabled;
                }
            }
            Edit::MaxRunning(most) => file.max_running = most,
            Edit::CatchUpLimit(most) => file.catch_up_limit = most,
            Edit::Grace(grace) => file.grace = grace,
            Edit::Watch(watch) => file.watch = watch,
            Edit::KeepRuns(runs) => file.keep_runs = runs,
            Edit::Remark => file.remarks += 1,
            Edit::StateDir(place) => file.state_dir = place,
            Edit::Touch | Edit::Break | Edit::Forbid => {}
        }
        if self.is_up && self.is_watching {
            let settled = self.latency(Latency::Sight, 200 * MILLISECOND, 2000 * MILLISECOND);
            self.at(self.clock.now() + settled, Happening::FilesSettled);
        }
    }

    pub(super) fn begin_load(&mut self) {
        let takes = self.latency(Latency::Load, 20 * MICROSECOND, 700 * MILLISECOND);
        self.at(self.clock.now() + takes, Happening::FilesRead);
    }

    pub(super) fn read_files(&mut self) {
        self.read = Some(self.disposition.clone());
        let takes = self.latency(Latency::Load, 20 * MICROSECOND, 700 * MILLISECOND);
        self.at(self.clock.now() + takes, Happening::Loaded);
    }

    pub(super) fn loaded(&mut self) {
        let read = self.read.take().expect("it was read");
        self.refuses = read.is_forbidden;
        let in_force = self.in_force.take().expect("it is told with each order");
        if read.is_broken {
            return self.tell(loaded(Err(problems())), Told::Loaded(None));
        }
        self.texts.insert(read.file.text(), Arc::clone(&read.file));
        let compared = self.accepted(&read.file).beside(&in_force);
        self.tell(loaded(Ok(compared)), Told::Loaded(Some(read.file)));
    }

    pub(super) fn accepted(&self, file: &FileSpec) -> Accepted {
        Accepted {
            config: file.config(&self.zones),
            warnings: Problems::default(),
        }
    }

    /// Rarely does what it asks for get refused by now.
    pub(super) fn load_kept(&mut self, text: &str) {
        let file = Arc::clone(&self.texts[text]);
        self.read = Some(Disposition {
            file,
            is_broken: false,
            is_forbidden: self.dice(Latency::Load).percent(10),
        });
        let takes = self.latency(Latency::Load, 20 * MICROSECOND, 700 * MILLISECOND);
        self.at(self.clock.now() + takes, Happening::Loaded);
    }

    /// As the store does: when all is written that was to be before. What it answers must be what was accepted.
    pub(super) fn answer_questions(&mut self) {
        if self.disk.queued() > 0 {
            return;
        }
        self.send_receipts();
        for question in std::mem::take(&mut self.questions) {
            let Question::ShowGeneration(which, standing, reply) = question else {
                unreachable!("other questions are not asked here");
            };
            let (time, now) = (self.clock.now(), self.clock.moment().wall);
            self.disk.look(time, now);
            let in_force = standing.in_force;
            let answer = show_generation(self.disk.database(), which, standing);
            let answer = answer.expect("what is on the disk can be read");
            if !self.disk.fails_at(time) {
                self.ledger.settle();
                self.check_answer(&answer, which, in_force);
            }
            reply.send(answer);
        }
    }

    fn send_receipts(&mut self) {
        for receipt in std::mem::take(&mut self.receipts) {
            let (time, now) = (self.clock.now(), self.clock.moment().wall);
            self.disk.look(time, now);
            if !self.disk.fails_at(time) {
                self.ledger.settle();
            }
            receipt.send(self.disk.on_record());
        }
    }

    /// The files of what is long past are gone.
    fn check_answer(&mut self, answer: &Answer, which: Earlier, in_force: u64) {
        let expected = self.ledger.earlier(which, in_force);
        let found = match answer {
            Answer::ShowGeneration(details) => Some(&*details.files[0].text),
            _ => None,
        };
        let is_long_past = self.ledger.accepted.len() > 40 && found.is_none();
        if !is_long_past && found != expected.map(|text| &**text) {
            self.wrong_answer = Some(format!("{which:?} is {found:?}, not {expected:?}"));
        }
    }

    pub(super) fn order(&mut self, order: SpawnOrder) {
        let takes = self.latency(Latency::Birth, 100 * MICROSECOND, SLOWEST_BIRTH);
        let at = self.clock.now().max(self.spawn_stalled_until) + takes;
        let run = order.run;
        self.orders.insert(run, order);
        self.at(at, Happening::Birth(run));
    }

    pub(super) fn give_birth(&mut self, run: RunId) {
        // One that was given up does not come to be.
        let Some(order) = self.orders.remove(&run) else {
            return;
        };
        if self.clock.now() < self.short_until && self.dice(Latency::Birth).percent(80) {
            let why = NoStart::Shortage("no process can be made".to_owned());
            let event = Event::CouldNotStart { run, why };
            return self.tell(event, Told::FellShort(run));
        }
        let luck = (self.plan.seed, self.plan.temper);
        match Birth::of((&order.occurrence, order.attempt), self.clock.now(), luck) {
            Birth::Fails => {
                let why = NoStart::Refused("no such file".to_owned());
                let event = Event::CouldNotStart { run, why };
                self.tell(event, Told::CouldNotStart(run));
            }
            Birth::Lives(process) => {
                let started = Started {
                    run,
                    pid: process.pid,
                    at: self.clock.moment(),
                    birth: None,
                };
                self.at(process.ends, Happening::ProcessEnds(run));
                self.processes.insert(run, process);
                self.tell(Event::Started(started.clone()), Told::Started(started));
            }
        }
    }

    /// Where there is a process already, that is what hupd hears of.
    pub(super) fn give_up(&mut self, run: RunId) {
        if self.orders.remove(&run).is_none() {
            return;
        }
        let (mut dice, why) = (self.dice(Latency::Birth), "no answer".to_owned());
        if dice.percent(10) {
            let why = NoStart::NoTurn(why);
            let event = Event::CouldNotStart { run, why };
            return self.tell(event, Told::StartHadNoTurn(run));
        }
        let why = NoStart::GivenUp(why);
        self.tell(Event::CouldNotStart { run, why }, Told::StartGivenUp(run));
        let longest = longest_hang(&mut dice);
        let hangs = dice.duration(MICROSECOND, longest);
        self.at(self.clock.now() + hangs, Happening::ComesBack(run));
    }

    pub(super) fn end_process(&mut self, run: RunId, time: Time) {
        // Another end came before this one, or this one is not to be.
        let is_its_end = |process: &Process| process.ends <= time;
        if !self.processes.get(&run).is_some_and(is_its_end) {
            return;
        }
        let process = self.processes.remove(&run).expect("it was there");
        match process.watched {
            Watcher::Parent => self.tell_end(run, &process),
            Watcher::Heir => {
                let gone = Gone {
                    run,
                    was_signalled: process.was_signalled,
                    survivors: Vec::new(),
                };
                self.tell(Event::Gone(gone.clone()), Told::Gone(gone));
            }
            Watcher::Nobody => {}
        }
    }

    fn tell_end(&mut self, run: RunId, process: &Process) {
        let ended = Ended {
            run,
            exit: process.exit,
            was_signalled: process.was_signalled,
            usage: Usage::default(),
            survivors: Vec::new(),
            output: Output::default(),
            at: self.clock.moment(),
        };
        let told = Told::Ended(Death::of(&ended));
        self.tell(Event::Ended(Box::new(ended)), told);
    }

    pub(super) fn signal_process(&mut self, run: RunId, signal: Signal) {
        let now = self.clock.now();
        let Some(process) = self.processes.get_mut(&run) else {
            return;
        };
        if process.signal(signal, now) {
            let ends = process.ends;
            self.at(ends, Happening::ProcessEnds(run));
        }
    }

    pub(super) fn schedule_commit(&mut self) {
        let takes = self.latency(Latency::Commit, 20 * MICROSECOND, SLOWEST_COMMIT);
        let at = self.clock.now().max(self.disk.stalled_until) + takes;
        self.at(at, Happening::Commit);
    }

    pub(super) fn commit_in_time(&mut self) {
        self.commit(usize::MAX);
        match self.disk.queued() {
            0 => self.answer_questions(),
            _ => self.schedule_commit(),
        }
    }

    /// Writes a batch of what is queued, by the real rules and by the other book-keeper's.
    pub(super) fn commit(&mut self, most: usize) {
        let (time, now) = (self.clock.now(), self.clock.moment().wall);
        let durable = match self.disk.fails_at(time) {
            true => Durable::NotYet,
            false => Durable::Yes,
        };
        self.ledger.commit_at(now);
        for record in self.disk.next_batch(most) {
            self.ledger.write(record, durable);
        }
        self.disk.write(most, time, now);
        self.take_events_of_threads();
    }

    fn fetched(&self, answer: &Answer) -> Option<Arc<FileSpec>> {
        match answer {
            Answer::ShowGeneration(details) => {
                Some(Arc::clone(&self.texts[&details.files[0].text]))
            }
            _ => None,
        }
    }

    /// Events of real code that runs inside the machine, such as the recorder's.
    pub(super) fn take_events_of_threads(&mut self) {
        while let Some(event) = self.inbox.try_next() {
            let told = match &event {
                Event::Fetched(answer) => Told::Fetched(self.fetched(answer)),
                Event::Recorded(on_record) => Told::Recorded(on_record.is_ok()),
                Event::Claimed(verdicts) => Told::Claimed(verdicts.clone()),
                Event::StoreFailed(_) => Told::StoreFailed,
                Event::StoreOwes { .. } => Told::StoreOwes,
                Event::StoreRecovered { .. } => Told::StoreRecovered,
                other => panic!("{other:?} comes from nobody"),
            };
            self.tell(event, told);
        }
    }
}

/// Most let go when they are told to; some never do in the life of a hupd.
fn longest_hang(dice: &mut Dice) -> Duration {
    match dice.below(10) {
        0..5 => 10 * MILLISECOND,
        5..8 => Duration::from_secs(600),
        _ => Duration::from_secs(30 * 86_400),
    }
}
