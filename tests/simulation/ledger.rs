//! What the store must hold, by a book-keeper of its own: an occurrence has its first fate for ever, one that
//! waits is still open, and what hupd did not live to write is not there.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hupd::event::{ClaimVerdict, Claimed};
use hupd::ledger::{Claim, Failed, Fate, OpenRun, Pause, RunStart, Waited};
use hupd::protocol::Earlier;
use hupd::run::{Generation, JobName, Occurrence, Outcome, RunId};
use hupd::store::Record;
use jiff::Timestamp;
use rusqlite::Connection;

use super::acts::Named;
use super::jobs::KEEP;

/// What was due later than that is not old when it has ended, wherever the clock was set.
const SURELY_KEPT: Duration = Duration::from_secs(350 * 86_400);

/// Whether a record is on the disk for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    Yes,
    /// The disk refuses: it waits in the memory of hupd.
    NotYet,
}

/// One line: `waiting`, `ran`, `skipped` or `missed`, and the run if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub fate: &'static str,
    pub run: Option<RunId>,
    /// When it is to start, where it waits for that.
    pub starts_at: Option<Timestamp>,
}

/// A change that is not on the disk yet, the way back.
#[derive(Debug)]
enum Undo {
    Line(Occurrence, Option<Line>),
    Forget(RunId),
    Reopen(OpenRun),
    Unstart(RunId),
    Rest(RunId, Option<Rest>),
    /// It may begin once more.
    Attempt(RunId),
    Generation(Generation),
    Accepted,
    Confirmed(Option<Arc<str>>),
    Number(RunId),
    Anchor(JobName, Option<Counted>),
    Timing(JobName, Option<String>),
    Pause(JobName, Option<Pause>),
    Decided(Option<Timestamp>, Option<Timestamp>),
}

/// A run that waits for its next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    pub run: RunId,
    pub occurrence: Occurrence,
    /// The last one.
    pub attempt: u32,
    pub outcome: Outcome,
    pub delay: Duration,
    pub next_at: Timestamp,
}

/// An interval, and from where it is counted.
pub type Counted = (Duration, Timestamp);

#[derive(Debug)]
pub struct Ledger {
    /// The latest that the clock on the wall has ever been at a commit: by that, rows may have been removed.
    latest: Timestamp,
    lines: HashMap<Occurrence, Line>,
    waiting: BTreeSet<Occurrence>,
    /// How each run has ended, if it has.
    runs: BTreeMap<RunId, Option<String>>,
    pub open: BTreeMap<RunId, OpenRun>,
    /// What each run is for.
    occurrences: BTreeMap<RunId, Occurrence>,
    /// Runs that wait for their next attempt.
    pub resting: BTreeMap<RunId, Rest>,
    /// The highest that was accepted.
    pub generation: Generation,
    /// So many runs of a job every file so far has kept.
    fewest: usize,
    /// The highest number of a run.
    pub last_run: RunId,
    pub anchors: BTreeMap<JobName, Counted>,
    /// By what jobs are due.
    pub timings: BTreeMap<JobName, String>,
    pub pauses: BTreeMap<JobName, Pause>,
    /// Until when all is decided, and the latest that this has ever been.
    pub decided: Option<Timestamp>,
    pub lived: Option<Timestamp>,
    /// All that was accepted, by its text, under the number of its generation.
    pub accepted: Vec<(u64, Arc<str>)>,
    /// What the next start takes in place of the file.
    pub confirmed: Option<Arc<str>>,
    owed: Vec<Undo>,
    verdicts: VecDeque<ClaimVerdict>,
    /// What ran while nothing could be written, and hupd did not live to write: nobody can know of it.
    pub forgotten: Vec<Occurrence>,
    /// What was told once more of what is so old that its line may be gone: it is there by either.
    told_again: HashMap<Occurrence, Line>,
    /// The same of their last attempts.
    pub forgotten_attempts: Vec<Occurrence>,
    pub rows: u64,
}

impl Ledger {
    pub fn new() -> Self {
        Self {
            latest: Timestamp::MIN,
            lines: HashMap::new(),
            waiting: BTreeSet::new(),
            runs: BTreeMap::new(),
            open: BTreeMap::new(),
            occurrences: BTreeMap::new(),
            resting: BTreeMap::new(),
            generation: Generation(0),
            fewest: usize::MAX,
            last_run: RunId(0),
            anchors: BTreeMap::new(),
            timings: BTreeMap::new(),
            pauses: BTreeMap::new(),
            decided: None,
            lived: None,
            accepted: Vec::new(),
            confirmed: None,
            owed: Vec::new(),
            verdicts: VecDeque::new(),
            forgotten: Vec::new(),
            told_again: HashMap::new(),
            forgotten_attempts: Vec::new(),
            rows: 0,
        }
    }

    /// From now on by a file that keeps so many runs of a job.
    pub fn keep(&mut self, runs: u64) {
        self.fewest = self.fewest.min(runs as usize);
    }

    pub fn commit_at(&mut self, now: Timestamp) {
        self.latest = self.latest.max(now);
    }

    pub fn line(&self, occurrence: &Occurrence) -> Option<Line> {
        self.lines.get(occurrence).copied()
    }

    /// What waits, and when it is to start, where it waits for that.
    pub fn waited(&self) -> Vec<Waited> {
        let waited = |occurrence: &Occurrence| Waited {
            occurrence: occurrence.clone(),
            starts_at: self.line(occurrence).and_then(|line| line.starts_at),
        };
        self.waiting.iter().map(waited).collect()
    }

    pub fn write(&mut self, record: &Record, durable: Durable) {
        self.rows += 1;
        if durable == Durable::Yes {
            self.settle();
        }
        match record {
            Record::Claim(claim) => {
                let (run, occurrence) = (claim.run, &claim.occurrence);
                let claimed = self.put(occurrence, ("ran", None), Some(run));
                // What is refused while nothing can be written leaves no trace.
                if durable == Durable::Yes || claimed == Claimed::Yes {
                    self.owed.push(Undo::Number(self.last_run));
                    self.last_run = self.last_run.max(run);
                }
                if claimed == Claimed::Yes {
                    self.runs.insert(run, None);
                    self.open.insert(run, open(claim));
                    self.occurrences.insert(run, occurrence.clone());
                    self.owed.push(Undo::Forget(run));
                }
                self.verdicts.push_back(ClaimVerdict { run, claimed });
            }
            Record::Entry(entry) => {
                let fate = (fate_name(entry.fate), entry.starts_at);
                self.put(&entry.occurrence, fate, None);
            }
            Record::Verdict(verdict, sources) => {
                if verdict.accepted {
                    let text = Arc::clone(&sources[0].text);
                    self.accepted.push((verdict.generation, text));
                    self.owed.push(Undo::Accepted);
                }
                // One that is refused names a generation as well, which no other may be then.
                self.owed.push(Undo::Generation(self.generation));
                self.generation = self.generation.max(Generation(verdict.generation));
            }
            Record::Unconfirmed(kept) => self.await_confirmation(Some(&kept.files[0].text)),
            Record::NoUnconfirmed | Record::Confirmed(..) => self.await_confirmation(None),
            Record::Start(start) => self.start(start),
            Record::End(end) => self.end(end.run, end.outcome.to_string()),
            Record::Loss(loss) => self.end(loss.run, "lost".to_owned()),
            Record::Failed(failed) => self.failed(failed),
            Record::NextAttempt(next) => {
                let (run, claimed) = (next.run, Claimed::Yes);
                self.set_rest(run, None);
                self.change_open(run, |open| {
                    open.attempt = next.attempt;
                    open.generation = next.generation;
                });
                self.owed.push(Undo::Attempt(run));
                self.verdicts.push_back(ClaimVerdict { run, claimed });
            }
            Record::EndRest(end) => {
                self.set_rest(end.run, None);
                self.end(end.run, end.outcome.to_string());
            }
            Record::Anchor(anchor) => {
                self.count(&anchor.job, Some((anchor.every, anchor.at)));
            }
            Record::NoAnchor(job) => self.count(job, None),
            Record::Timing(job, timing) => {
                let before = self.set_timing(job.clone(), timing.clone());
                self.owed.push(Undo::Timing(job.clone(), before));
            }
            Record::Pause(pause) => self.pause(&pause.job, Some(pause.clone())),
            Record::NoPause(job) => self.pause(job, None),
            Record::Decided(at) => {
                self.owed.push(Undo::Decided(self.decided, self.lived));
                self.decided = Some(*at);
                self.lived = self.lived.max(Some(*at));
            }
            _ => {}
        }
        if durable == Durable::Yes {
            self.settle();
        }
    }

    fn put(
        &mut self,
        occurrence: &Occurrence,
        (fate, starts_at): (&'static str, Option<Timestamp>),
        run: Option<RunId>,
    ) -> Claimed {
        let before = self.line(occurrence);
        let is_open = |line: &Line| match line.fate {
            "waiting" => true,
            // It comes again with a clock that was set back.
            "missed" => fate != "missed",
            _ => false,
        };
        let line = Line {
            fate,
            run,
            starts_at,
        };
        if before.is_some_and(|line| !is_open(&line)) {
            if self.may_be_gone(occurrence) {
                self.told_again.insert(occurrence.clone(), line);
            }
            return Claimed::AlreadyThere;
        }
        self.owed.push(Undo::Line(occurrence.clone(), before));
        self.set(occurrence, Some(line));
        Claimed::Yes
    }

    /// What is found to wait at a start, though something else was decided of it: its line was gone when it was told again.
    pub fn learn(&mut self, waiting: &[Waited]) {
        for Waited { occurrence, .. } in waiting {
            let line = self.told_again.remove(occurrence);
            if let Some(line) = line.filter(|line| line.fate == "waiting") {
                self.set(occurrence, Some(line));
            }
        }
    }

    fn may_be_gone(&self, occurrence: &Occurrence) -> bool {
        let age = self.latest.duration_since(occurrence.instant);
        age.unsigned_abs() >= KEEP
    }

    fn set(&mut self, occurrence: &Occurrence, line: Option<Line>) {
        match line {
            Some(line) => self.lines.insert(occurrence.clone(), line),
            None => self.lines.remove(occurrence),
        };
        match line.is_some_and(|line| line.fate == "waiting") {
            true => self.waiting.insert(occurrence.clone()),
            false => self.waiting.remove(occurrence),
        };
    }

    fn count(&mut self, job: &JobName, counted: Option<Counted>) {
        let before = self.anchors.get(job).copied();
        self.owed.push(Undo::Anchor(job.clone(), before));
        self.set_anchor(job.clone(), counted);
    }

    fn set_anchor(&mut self, job: JobName, counted: Option<Counted>) {
        match counted {
            Some(counted) => self.anchors.insert(job, counted),
            None => self.anchors.remove(&job),
        };
    }

    fn set_timing(&mut self, job: JobName, timing: Option<String>) -> Option<String> {
        match timing {
            Some(timing) => self.timings.insert(job, timing),
            None => self.timings.remove(&job),
        }
    }

    fn pause(&mut self, job: &JobName, pause: Option<Pause>) {
        let before = self.set_pause(job.clone(), pause);
        self.owed.push(Undo::Pause(job.clone(), before));
    }

    fn set_pause(&mut self, job: JobName, pause: Option<Pause>) -> Option<Pause> {
        match pause {
            Some(pause) => self.pauses.insert(job, pause),
            None => self.pauses.remove(&job),
        }
    }

    fn failed(&mut self, failed: &Failed) {
        let run = failed.end.run;
        self.change_open(run, |open| open.start = None);
        let rest = Rest {
            run,
            occurrence: self.occurrences[&run].clone(),
            attempt: failed.attempt,
            outcome: failed.end.outcome.clone(),
            delay: failed.delay,
            next_at: failed.next_at,
        };
        self.set_rest(run, Some(rest));
    }

    fn change_open(&mut self, run: RunId, change: impl FnOnce(&mut OpenRun)) {
        if let Some(open) = self.open.get_mut(&run) {
            self.owed.push(Undo::Reopen(open.clone()));
            change(open);
        }
    }

    fn set_rest(&mut self, run: RunId, rest: Option<Rest>) {
        let before = match rest {
            Some(rest) => self.resting.insert(run, rest),
            None => self.resting.remove(&run),
        };
        self.owed.push(Undo::Rest(run, before));
    }

    fn end(&mut self, run: RunId, outcome: String) {
        if let Some(ended) = self.runs.get_mut(&run) {
            *ended = Some(outcome);
            let open = self.open.remove(&run);
            self.owed.extend(open.map(Undo::Reopen));
        }
    }

    fn start(&mut self, start: &RunStart) {
        if let Some(open) = self.open.get_mut(&start.run) {
            open.start = Some(start.clone());
            self.owed.push(Undo::Unstart(start.run));
        }
    }

    /// Nothing is owed any more.
    pub fn settle(&mut self) {
        self.owed.clear();
    }

    fn await_confirmation(&mut self, text: Option<&Arc<str>>) {
        let before = std::mem::replace(&mut self.confirmed, text.cloned());
        self.owed.push(Undo::Confirmed(before));
    }

    /// The text that comes back by that; none where none such was ever accepted.
    pub fn earlier(&self, which: Earlier, in_force: u64) -> Option<&Arc<str>> {
        let of = |number| self.accepted.iter().rev().find(|(one, _)| *one == number);
        let (_, text) = match which {
            Earlier::Number(number) => of(number)?,
            Earlier::Before => {
                let (_, now) = of(in_force)?;
                let mut earlier = self.accepted.iter().rev();
                earlier.find(|(number, text)| *number < in_force && text != now)?
            }
        };
        Some(text)
    }

    /// What the store must answer next.
    pub fn next_verdict(&mut self) -> Option<ClaimVerdict> {
        self.verdicts.pop_front()
    }

    /// What was only owed is lost.
    pub fn crash(&mut self) {
        self.verdicts.clear();
        for undo in std::mem::take(&mut self.owed).into_iter().rev() {
            match undo {
                Undo::Line(occurrence, line) => {
                    self.set(&occurrence, line);
                    self.forgotten.push(occurrence);
                }
                Undo::Forget(run) => {
                    self.runs.remove(&run);
                    self.open.remove(&run);
                }
                Undo::Rest(run, Some(rest)) => drop(self.resting.insert(run, rest)),
                Undo::Rest(run, None) => drop(self.resting.remove(&run)),
                Undo::Attempt(run) => self.forgotten_attempts.push(self.occurrences[&run].clone()),
                Undo::Generation(generation) => self.generation = generation,
                Undo::Accepted => drop(self.accepted.pop()),
                Undo::Confirmed(text) => self.confirmed = text,
                Undo::Number(run) => self.last_run = run,
                Undo::Anchor(job, counted) => self.set_anchor(job, counted),
                Undo::Timing(job, timing) => drop(self.set_timing(job, timing)),
                Undo::Pause(job, pause) => drop(self.set_pause(job, pause)),
                Undo::Decided(decided, lived) => (self.decided, self.lived) = (decided, lived),
                Undo::Reopen(open) => {
                    self.runs.insert(open.run, None);
                    self.open.insert(open.run, open);
                }
                Undo::Unstart(run) => {
                    if let Some(open) = self.open.get_mut(&run) {
                        open.start = None;
                    }
                }
            }
        }
    }

    /// Compares with what is on the disk; old rows may have been removed.
    pub fn compare(&self, database: &Connection) -> Result<(), String> {
        self.compare_lines(database)?;
        self.compare_runs(database)?;
        self.compare_resting(database)?;
        self.compare_newest_runs(database)
    }

    fn compare_lines(&self, database: &Connection) -> Result<(), String> {
        let mut rows = prepared(
            database,
            "SELECT job, instant, trigger, fate, run FROM ledger",
        );
        let rows = rows.query_map([], |row| {
            let key: (String, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((
                key,
                (row.get::<_, String>(3)?, row.get::<_, Option<i64>>(4)?),
            ))
        });
        let mut found: HashMap<_, _> = rows
            .and_then(Iterator::collect)
            .map_err(|error| error.to_string())?;
        for (occurrence, line) in &self.lines {
            let (job, trigger) = (occurrence.job.to_string(), occurrence.trigger.to_string());
            let row = found.remove(&(job, occurrence.instant.as_microsecond(), trigger));
            let told = |line: &Line| (line.fate.to_owned(), line.run.map(|run| run.0 as i64));
            let expected = told(line);
            let again = self.told_again.get(occurrence).map(told);
            match row {
                Some(row) if row == expected || Some(&row) == again.as_ref() => {}
                None if self.may_be_gone(occurrence) => {}
                other => {
                    let name = Named(occurrence);
                    return Err(format!("{name} must be {expected:?}, and is {other:?}"));
                }
            }
        }
        match found.into_iter().next() {
            None => Ok(()),
            Some(row) => Err(format!("{row:?} was never written")),
        }
    }

    fn compare_runs(&self, database: &Connection) -> Result<(), String> {
        let mut rows = prepared(database, "SELECT id, outcome FROM runs");
        let rows = rows.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)));
        let rows: Vec<(i64, Option<String>)> = rows
            .and_then(Iterator::collect)
            .map_err(|error| error.to_string())?;
        let is_there = |run: &&RunId| rows.iter().any(|(id, _)| *id as u64 == run.0);
        if let Some(run) = self.open.keys().find(|run| !is_there(run)) {
            return Err(format!("run {run} has not ended, and is not there"));
        }
        for (run, outcome) in rows {
            let expected = self.runs.get(&RunId(run as u64));
            if expected != Some(&outcome) {
                return Err(format!(
                    "run {run} must be {expected:?}, and is {outcome:?}"
                ));
            }
        }
        Ok(())
    }

    /// A run that waits for its next attempt is such on the disk, with the attempts that it has had.
    fn compare_resting(&self, database: &Connection) -> Result<(), String> {
        let sql =
            "SELECT id, attempt, (SELECT count(*) FROM attempts WHERE run = id), next_attempt_at
             FROM runs WHERE next_attempt_at IS NOT NULL ORDER BY id";
        let mut rows = prepared(database, sql);
        let rows = rows.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        });
        let found: Vec<(i64, u32, u32, i64)> = rows
            .and_then(Iterator::collect)
            .map_err(|error| error.to_string())?;
        let expected = self.resting.values().map(|rest| {
            let (attempt, next_at) = (rest.attempt, rest.next_at.as_microsecond());
            (rest.run.0 as i64, attempt, attempt, next_at)
        });
        let expected: Vec<_> = expected.collect();
        match expected == found {
            true => Ok(()),
            false => Err(format!(
                "these wait for their next attempt: {expected:?}, not {found:?}"
            )),
        }
    }

    /// The newest runs of a job that have ended stay, as many as every file so far has kept.
    fn compare_newest_runs(&self, database: &Connection) -> Result<(), String> {
        let mut row = prepared(database, "SELECT 1 FROM runs WHERE id = ?1");
        for runs in self.ended_runs().into_values() {
            for (Reverse(run), instant) in runs.into_iter().take(self.fewest) {
                let age = self.latest.duration_since(instant).unsigned_abs();
                if age < SURELY_KEPT && !row.exists([run]).map_err(|error| error.to_string())? {
                    let fewest = self.fewest;
                    return Err(format!("run {run}, of the newest {fewest}, is not there"));
                }
            }
        }
        Ok(())
    }

    /// The newest first, with what each is for.
    fn ended_runs(&self) -> HashMap<&JobName, BTreeMap<Reverse<RunId>, Timestamp>> {
        let mut ended: HashMap<_, BTreeMap<_, _>> = HashMap::new();
        for (occurrence, line) in &self.lines {
            if let Some(run) = line.run
                && self.runs.get(&run).is_some_and(Option::is_some)
            {
                let of_job = ended.entry(&occurrence.job).or_default();
                of_job.insert(Reverse(run), occurrence.instant);
            }
        }
        ended
    }
}

fn prepared<'d>(database: &'d Connection, sql: &str) -> rusqlite::Statement<'d> {
    database.prepare(sql).expect("the table is there")
}

fn open(claim: &Claim) -> OpenRun {
    OpenRun {
        run: claim.run,
        occurrence: claim.occurrence.clone(),
        generation: claim.generation,
        attempt: 1,
        start: None,
    }
}

fn fate_name(fate: Fate) -> &'static str {
    match fate {
        Fate::Waiting => "waiting",
        Fate::Skipped => "skipped",
        Fate::Missed => "missed",
        Fate::Replaced => "replaced",
    }
}
