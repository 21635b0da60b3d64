//! The invented machine as the world of the real loop.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hupd::clock::{Moment, Wake};
use hupd::config::{Config, Orphans};
use hupd::daemon::{Load, Notice, World};
use hupd::event::{Event, Listener, Outbox, Reply};
use hupd::ledger::{OpenRun, Remains};
use hupd::protocol::{Answer, Refusal, RefusalKind};
use hupd::run::{RunId, Signal};
use hupd::store::{Question, Receipt, Record};
use hupd::system::spawn::SpawnOrder;

use super::acts::Act;
use super::machine::{Arrival, Latency, MICROSECOND, MILLISECOND, Machine};
use super::process::Watcher;

impl World for Machine {
    type Acquired = ();

    fn now(&self) -> Moment {
        self.clock.moment()
    }

    /// Whoever drives the loop lets time pass first, and sees to it that there is an event.
    fn next(&mut self, wake: Wake) -> Event {
        assert_eq!(self.until_event(wake), Arrival::Event);
        let turn = self.latency(Latency::Turn, MICROSECOND, MILLISECOND);
        self.pass_to(self.clock.now() + turn);
        let (event, told) = self.events.pop_front().expect("there is one");
        self.told = told;
        event
    }

    fn try_next(&mut self) -> Option<Event> {
        let (event, told) = self.events.pop_front()?;
        self.early.push(told);
        Some(event)
    }

    fn outbox(&self) -> Outbox {
        self.inbox.outbox()
    }

    fn spawn(&mut self, order: SpawnOrder) {
        self.acts.push(Act::Spawn {
            run: order.run,
            occurrence: order.occurrence.clone(),
            attempt: order.attempt,
        });
        self.order(order);
    }

    fn give_up_start(&mut self, run: RunId) {
        self.acts.push(Act::GiveUpStart(run));
        self.give_up(run);
    }

    fn history(&self) -> Arc<Path> {
        Path::new("/state").into()
    }

    fn take_over(&mut self, open: Vec<OpenRun>, _: Orphans) -> Vec<(OpenRun, Remains)> {
        let mut found = Vec::new();
        for open in open {
            let remains = self.remains_of(&open);
            if remains != Remains::Nothing
                && let Some(process) = self.processes.get_mut(&open.run)
            {
                process.watched = Watcher::Heir;
                process.was_signalled = false;
            }
            found.push((open, remains));
        }
        found
    }

    fn signal(&mut self, run: RunId, signal: Signal) {
        self.acts.push(Act::Signal { run, signal });
        self.signal_process(run, signal);
    }

    fn peek(&mut self, _: RunId, reply: Reply) {
        refuse(reply);
    }

    fn follow(&mut self, _: RunId, _: Listener) {}

    fn reap_orphans(&mut self) {}

    fn write(&mut self, record: Record) {
        self.acts.push(Act::of(&record));
        if self.disk.queue(record) {
            self.schedule_commit();
        }
    }

    fn ask(&mut self, question: Question) {
        match question {
            Question::Follow {
                missing, listener, ..
            } => listener.hear_all(missing),
            question @ Question::ShowGeneration(which, ..) => {
                self.acts.push(Act::Fetch(which));
                self.questions.push(question);
                self.answer_questions();
            }
            Question::Runs(_, reply)
            | Question::ShowRun(_, _, reply)
            | Question::ShowJob(_, _, reply)
            | Question::Generations(_, _, reply)
            | Question::Output(_, reply)
            | Question::Why(_, reply) => {
                refuse(reply);
            }
        }
    }

    fn certify(&mut self, receipt: Receipt) {
        self.receipts.push(receipt);
        self.answer_questions();
    }

    fn load(&mut self, what: Load, in_force: Arc<Config>) {
        self.in_force = Some(in_force);
        match what {
            Load::Disk => {
                self.acts.push(Act::Load);
                self.begin_load();
            }
            Load::Kept(files) => {
                let text = files[0].text.to_string();
                self.acts.push(Act::LoadKept(text.clone()));
                self.load_kept(&text);
            }
        }
    }

    fn let_go(&mut self, _: Arc<dyn Any + Send + Sync>) {}

    fn acquire(&mut self, _: &Config, _: &Config) -> Result<(), String> {
        match self.refuses {
            true => Err("/var/log/hupd.log: permission denied".to_owned()),
            false => Ok(()),
        }
    }

    fn switch(&mut self, (): (), config: &Config) {
        self.is_watching = config.daemon.watch_config;
        self.ledger.keep(config.history.keep_runs);
        self.disk.keep(config.history.clone());
    }

    fn watch_also(&mut self, _: &Config, _: Vec<PathBuf>) {}

    fn notify(&mut self, _: Notice<'_>) {}

    fn watchdog_interval(&self) -> Option<Duration> {
        None
    }

    fn reopen_log(&mut self) {}
}

/// No life asks for this.
fn refuse(reply: Reply) {
    let refusal = Refusal::new(RefusalKind::NotFound, "not here");
    reply.send(Answer::Refused(refusal));
}
