//! Real processes for tests: started, watched and ended as in the daemon.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::{Jitter, Job, Missed, OutputMode, Overlap, Timing};
use crate::event::{Ended, Event, Inbox, NoStart, Reply, Started};
use crate::protocol::Answer;
use crate::run::{Generation, JobName, Occurrence, Output, RunId, Signal, Trigger};
use crate::schedule::Seed;
use crate::system::children::Children;
use crate::system::identity::Identity;
use crate::system::spawn::{SpawnOrder, Spawners};

/// Bytes of output that are kept in tests.
pub(crate) const KEPT: usize = 64 * 1024;

pub(crate) struct Machine {
    inbox: Inbox,
    pub(crate) children: Children,
    spawners: RefCell<Spawners>,
    next_run: RefCell<u64>,
    arrived: RefCell<Vec<Event>>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let inbox = Inbox::new();
        let children = Children::start(inbox.outbox()).unwrap();
        let spawners =
            Spawners::start(2, children.handle(), Identity::of_process(), inbox.outbox());
        Self {
            inbox,
            children,
            spawners: RefCell::new(spawners.unwrap()),
            next_run: RefCell::new(1),
            arrived: RefCell::default(),
        }
    }

    pub(crate) fn start(&self, job: Job) -> RunId {
        let run = RunId(self.next_run.replace_with(|&mut run| run + 1));
        self.spawners.borrow_mut().spawn(order(run, job));
        run
    }

    pub(crate) fn start_shell(&self, script: &str) -> RunId {
        self.start(shell(script))
    }

    /// Runs a job to its end.
    pub(crate) fn run(&self, job: Job) -> Ended {
        let run = self.start(job);
        self.ended(run)
    }

    pub(crate) fn started(&self, of: RunId) -> Started {
        self.wait(|event| match event {
            Event::Started(started) if started.run == of => Some(started.clone()),
            _ => None,
        })
    }

    pub(crate) fn ended(&self, of: RunId) -> Ended {
        let position =
            self.wait_for(|event| matches!(event, Event::Ended(ended) if ended.run == of));
        match self.arrived.borrow_mut().remove(position) {
            Event::Ended(ended) => *ended,
            _ => unreachable!(),
        }
    }

    /// Why a job cannot be started.
    pub(crate) fn failure(&self, job: Job) -> String {
        let of = self.start(job);
        self.wait(|event| match event {
            Event::CouldNotStart { run, why } if *run == of => Some(match why {
                NoStart::Refused(reason)
                | NoStart::Shortage(reason)
                | NoStart::NoTurn(reason)
                | NoStart::GivenUp(reason) => reason.clone(),
            }),
            Event::Started(started) if started.run == of => panic!("it has started"),
            _ => None,
        })
    }

    pub(crate) fn peek(&self, run: RunId) -> Option<Output> {
        let (deliver, answer) = mpsc::channel();
        let reply = Reply::new(move |answer| deliver.send(answer).unwrap());
        self.children.peek(run, reply);
        match answer.recv().unwrap() {
            Answer::Output(row) => Some(row.output),
            Answer::Refused(_) => None,
            other => panic!("not an answer to this: {other:?}"),
        }
    }

    /// Waits until a run has written something.
    pub(crate) fn wait_for_output(&self, run: RunId, text: &str) {
        self.started(run);
        until(|| written(&self.peek(run).expect("it runs")).contains(text));
    }

    /// Sends a signal when the run is ready for it.
    pub(crate) fn signal_when_ready(&self, run: RunId, signal: Signal) {
        self.wait_for_output(run, "ready");
        self.children.signal(run, signal);
    }

    fn wait<T>(&self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let position = self.wait_for(|event| wanted(event).is_some());
        wanted(&self.arrived.borrow()[position]).unwrap()
    }

    fn wait_for(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        loop {
            if let Some(position) = self.arrived.borrow().iter().position(&wanted) {
                return position;
            }
            let event = self.inbox.next();
            self.arrived.borrow_mut().push(event);
        }
    }
}

pub(crate) fn order(run: RunId, job: Job) -> SpawnOrder {
    SpawnOrder {
        run,
        occurrence: Occurrence {
            job: job.name.clone(),
            instant: Timestamp::UNIX_EPOCH,
            trigger: Trigger::Schedule,
        },
        job: Arc::new(job),
        attempt: 1,
        generation: Generation(3),
        keep_output: KEPT,
        state_dir: Path::new("/var/lib/hupd").into(),
    }
}

pub(crate) fn job(command: &[&str]) -> Job {
    Job {
        name: JobName::new("test"),
        command: command.iter().map(|&word| word.to_owned()).collect(),
        timing: Timing::Never,
        jitter: Jitter {
            below: Duration::ZERO,
            seed: Seed::of("host", "test"),
        },
        missed: Missed::Skip,
        deadline: None,
        overlap: Overlap::Skip,
        group: None,
        timeout: None,
        stop_signal: Signal::TERM,
        kill_after: Duration::from_secs(10),
        working_dir: PathBuf::from("/"),
        process: Arc::default(),
        env: BTreeMap::new(),
        output: OutputMode::Store,
        retry: None,
        success_exit_codes: [0].into(),
        enabled: true,
        on_change: None,
        description: String::new(),
    }
}

pub(crate) fn shell(script: &str) -> Job {
    job(&["/bin/sh", "-c", script])
}

pub(crate) fn job_in(place: &Path, command: &[&str]) -> Job {
    Job {
        working_dir: place.to_owned(),
        ..job(command)
    }
}

/// All that is kept of an output, as text.
pub(crate) fn written(output: &Output) -> String {
    String::from_utf8([output.head.as_slice(), &output.tail].concat()).unwrap()
}

/// Waits for a condition that nothing tells of.
pub(crate) fn until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}
