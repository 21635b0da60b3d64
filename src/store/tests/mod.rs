//! The store as the daemon uses it: what is written is found again, whatever happens in between.

mod failure;
mod history;
mod ledger;
mod opening;
mod recovery;
mod replaced;
mod retention;
mod search;
mod show;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::config::{History, SourceFile};
use crate::event::{ClaimVerdict, Claimed, Event, Inbox, Reply};
use crate::ledger::{Anchor, Birth, Claim, Entry, Fate, Home, Loss, RunEnd, RunStart};
use crate::protocol::{
    Answer, OutcomeFilter, OutputOf, OutputRow, RefusalKind, RunFilter, RunRow, Verdict,
};
use crate::run::{
    Generation, JobName, Occurrence, Outcome, Output, RunId, Signal, StopReason, Trigger, Usage,
};

use super::{Question, Record, Recovered, Store, StoreError};

/// A store in a folder of its own, and the inbox of a loop.
struct Place {
    folder: TempDir,
    inbox: Inbox,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            inbox: Inbox::new(),
        }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn file(&self) -> PathBuf {
        self.dir().join("hupd.db")
    }

    fn try_open(&self, dir: &Path) -> Result<(Store, Recovered), StoreError> {
        Store::open(dir, &history(), at(1000), self.inbox.outbox())
    }

    fn open(&self) -> (Store, Recovered) {
        self.try_open(&self.dir()).unwrap()
    }

    fn store(&self) -> Store {
        self.open().0
    }

    /// A connection as the `sqlite3` shell has one.
    fn shell(&self) -> Connection {
        Connection::open(self.file()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        self.shell()
            .prepare("SELECT concat_ws(' ', job, fate, reason, run) FROM ledger ORDER BY instant")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    fn verdicts(&self, count: usize) -> Vec<ClaimVerdict> {
        let mut verdicts = Vec::new();
        while verdicts.len() < count {
            match self.next() {
                Event::Claimed(more) => verdicts.extend(more),
                other => panic!("{other:?} instead of verdicts"),
            }
        }
        verdicts
    }

    /// The next event, but for how much is owed by now.
    fn next(&self) -> Event {
        loop {
            match self.inbox.next() {
                Event::StoreOwes { .. } => {}
                event => return event,
            }
        }
    }

    fn claim(&self, store: &Store, claim: Claim) -> Claimed {
        store.claim(vec![claim]);
        self.verdicts(1)[0].claimed
    }
}

/// The words of the tests for what is written.
impl Store {
    fn claim(&self, claims: Vec<Claim>) {
        claims
            .into_iter()
            .for_each(|claim| self.write(Record::Claim(claim)));
    }

    fn record(&self, entry: Entry) {
        self.write(Record::Entry(entry));
    }

    fn run_started(&self, start: RunStart) {
        self.write(Record::Start(start));
    }

    fn run_ended(&self, end: RunEnd) {
        self.write(Record::End(end));
    }

    fn anchor(&self, anchor: Anchor) {
        self.write(Record::Anchor(anchor));
    }

    fn verdict(&self, verdict: Verdict, sources: Vec<SourceFile>) {
        self.write(Record::Verdict(verdict, sources));
    }

    fn runs(&self, filter: RunFilter, reply: Reply) {
        self.ask(Question::Runs(filter, reply));
    }

    fn output(&self, of: OutputOf, reply: Reply) {
        self.ask(Question::Output(of, reply));
    }
}

/// Rules by which everything is kept.
fn history() -> History {
    History {
        keep: Duration::from_secs(1_000_000_000_000),
        keep_runs: 1000,
        output: 1024,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn occurrence(job: &str, second: i64) -> Occurrence {
    Occurrence {
        job: JobName::new(job),
        instant: at(second),
        trigger: Trigger::Schedule,
    }
}

fn claim(run: u64, job: &str, second: i64) -> Claim {
    Claim {
        run: RunId(run),
        occurrence: occurrence(job, second),
        generation: Generation(1),
        reason: String::new(),
    }
}

fn entry(job: &str, second: i64, fate: Fate, reason: &str) -> Entry {
    Entry {
        occurrence: occurrence(job, second),
        generation: Generation(1),
        fate,
        reason: reason.to_owned(),
        starts_at: None,
    }
}

fn start(run: u64) -> RunStart {
    RunStart {
        run: RunId(run),
        pid: 4000 + i32::try_from(run).unwrap(),
        at: at(70),
        birth: Some(Birth {
            boot: 7,
            by: Duration::from_secs(70),
            elapsed: Duration::from_secs(60),
            home: Some(Home {
                path: Path::new("/sys/fs/cgroup/hupd.9.1").into(),
                inode: 77 + run,
            }),
        }),
    }
}

fn end(run: u64, outcome: Outcome) -> RunEnd {
    RunEnd {
        run: RunId(run),
        at: at(90),
        duration: Duration::from_millis(1500),
        success: outcome == Outcome::Exited(0),
        outcome,
        stopped_by: None,
        usage: Usage {
            cpu: Duration::from_millis(250),
            peak_memory: Some(4096),
        },
        survivors: Vec::new(),
        output: Output::default(),
    }
}

fn verdict(generation: u64, accepted: bool) -> Verdict {
    Verdict {
        at: at(50),
        asked_by: "signal from pid 1, uid 0".to_owned(),
        accepted,
        generation,
        summary: "1 added".to_owned(),
        problems: String::new(),
        problem_count: 0,
        seconds: 0.25,
        spent: None,
        text_of: None,
        confirm_by: None,
    }
}

fn source(text: &str) -> SourceFile {
    SourceFile {
        path: "/etc/hupd/hupd.toml".into(),
        text: text.into(),
    }
}

/// Asks, and waits for the answer.
fn ask(question: impl FnOnce(Reply)) -> Answer {
    let (sender, answer) = mpsc::channel();
    question(Reply::new(move |answer| sender.send(answer).unwrap()));
    answer.recv().unwrap()
}

fn runs_of(store: &Store, filter: RunFilter) -> Vec<RunRow> {
    match ask(|reply| store.runs(filter, reply)) {
        Answer::Runs(rows) => rows.runs,
        other => panic!("{other:?}"),
    }
}

fn runs(store: &Store) -> Vec<RunRow> {
    let all = RunFilter {
        limit: 10_000,
        ..RunFilter::default()
    };
    runs_of(store, all)
}

fn output(store: &Store, of: OutputOf) -> OutputRow {
    match ask(|reply| store.output(of, reply)) {
        Answer::Output(row) => row,
        other => panic!("{other:?}"),
    }
}

/// What a `kill -9` leaves: everything committed, nothing closed.
fn kill(place: &Place, store: Store) -> Place {
    runs(&store);
    let after = Place::new();
    fs::create_dir(after.dir()).unwrap();
    for name in ["hupd.db", "hupd.db-wal"] {
        fs::copy(place.dir().join(name), after.dir().join(name)).unwrap();
    }
    std::mem::forget(store);
    after
}
