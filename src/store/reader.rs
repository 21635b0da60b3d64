//! The thread that answers clients, with a connection of its own: a slow question delays no claim.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::config::Config;
use crate::event::{Heard, Listener, Reply};
use crate::forecast::Forecast;
use crate::protocol::{
    Answer, Earlier, JobDetails, OutputOf, OutputRow, Refusal, RefusalKind, RunFilter, RunRow,
    Runs, Standing,
};
use crate::run::{Output, RunId, Survivor};
use crate::why::Case;

use super::attempts;
use super::columns::{Micros, TriggerName, Whole, seconds};
use super::kept;
use super::occurrences::find;
use super::opening::is_corrupt;
use super::search;
use super::show::{self, usual};
use super::story;

/// In the order in which `run_row` reads them.
pub(super) const SELECT_RUNS: &str =
    "SELECT id, job, trigger, instant, generation, pid, started_at, ended_at, outcome, exit_code,
       signal, stopped_by, duration, cpu, peak_memory, output_total, success, attempt, next_attempt_at,
       note, survivors
     FROM runs";

/// The newest run of a job, whether it has ended or not.
pub(super) const NEWEST_OF_JOB: &str = "id = (SELECT max(id) FROM (
       SELECT max(id) AS id FROM runs WHERE job = ?1 AND ended_at IS NULL
       UNION ALL SELECT max(id) FROM runs WHERE job = ?1 AND ended_at IS NOT NULL))";

/// What a client wants to know.
#[derive(Debug)]
pub enum Question {
    /// The runs, newest first.
    Runs(RunFilter, Reply),
    /// The output of a run that has ended; of one that has not, what is known: nothing.
    Output(OutputOf, Reply),
    /// The same of one attempt, for somebody who follows it, and how that ended: the first one that is there, from the
    /// one that is named on. Where there is none, what they hear instead.
    Follow {
        of: OutputOf,
        missing: Vec<Heard>,
        listener: Listener,
    },
    /// All that is known of a run, in words of these jobs.
    ShowRun(RunId, Arc<Config>, Reply),
    /// How the runs of a job went; what is coming is still to be found in the forecast.
    ShowJob(Box<JobDetails>, Forecast, Reply),
    /// So many of the newest generations.
    Generations(usize, Standing, Reply),
    /// One of them, with its files.
    ShowGeneration(Earlier, Standing, Reply),
    /// What became of occurrences of a job.
    Why(Box<Case>, Reply),
}

impl Question {
    fn refuse(self, refusal: Refusal) {
        match self {
            Self::Runs(_, reply)
            | Self::Output(_, reply)
            | Self::ShowRun(_, _, reply)
            | Self::ShowJob(_, _, reply)
            | Self::Generations(_, _, reply)
            | Self::ShowGeneration(_, _, reply)
            | Self::Why(_, reply) => reply.send(Answer::Refused(refusal)),
            Self::Follow { listener, .. } => listener.hear(Heard::Refused(refusal)),
        }
    }
}

/// Where answers come from.
#[derive(Debug)]
pub(super) enum Source {
    Store(Connection),
    /// There is none now, as this says.
    Nowhere(String),
}

/// The way to the thread that reads.
#[derive(Debug)]
pub(super) struct Reader {
    questions: Sender<Question>,
    thread: JoinHandle<()>,
    /// Found while answering, which only the thread that writes can do anything about.
    corruption: Receiver<rusqlite::Error>,
}

impl Reader {
    pub(super) fn start(source: Source) -> std::io::Result<Self> {
        let (questions, inbox) = mpsc::channel();
        let (found, corruption) = mpsc::channel();
        let desk = Desk { source, found };
        let thread = thread::Builder::new()
            .name("store reader".to_owned())
            .spawn(move || desk.answer_all(&inbox))?;
        Ok(Self {
            questions,
            thread,
            corruption,
        })
    }

    /// How it has shown that the store is corrupt, if it has.
    pub(super) fn corruption(&self) -> Option<rusqlite::Error> {
        self.corruption.try_recv().ok()
    }

    /// Answers from there from now on; the store before is closed.
    pub(super) fn turn_to(&mut self, source: Source) -> std::io::Result<()> {
        let before = std::mem::replace(self, Self::start(source)?);
        before.close();
        Ok(())
    }

    pub(super) fn ask(&self, question: Question) {
        // It only ends after this handle: a reply that is dropped tells its client so all the same.
        let _ = self.questions.send(question);
    }

    /// Answers what was asked and ends.
    pub(super) fn close(self) {
        drop(self.questions);
        let _ = self.thread.join();
    }
}

/// Where the thread answers.
#[derive(Debug)]
struct Desk {
    source: Source,
    found: Sender<rusqlite::Error>,
}

impl Desk {
    fn answer_all(&self, inbox: &Receiver<Question>) {
        while let Ok(question) = inbox.recv() {
            match &self.source {
                Source::Store(connection) => self.answer(question, connection),
                Source::Nowhere(why) => {
                    question.refuse(Refusal::new(RefusalKind::Failed, why.clone()));
                }
            }
        }
    }

    fn answer(&self, question: Question, connection: &Connection) {
        match question {
            Question::Runs(filter, reply) => {
                reply.send(self.answered(runs(connection, &filter)));
            }
            Question::Output(of, reply) => reply.send(self.answered(output(connection, &of))),
            Question::Follow {
                of,
                missing,
                listener,
            } => match story::of(connection, &of) {
                Ok(Some(story)) => listener.hear_all(story),
                Ok(None) => listener.hear_all(missing),
                Err(error) => listener.hear(Heard::Refused(self.cannot_read(error))),
            },
            Question::ShowRun(run, config, reply) => {
                reply.send(self.answered(show_run(connection, run, &config)));
            }
            Question::ShowJob(details, forecast, reply) => {
                let details = show::job(connection, details, &forecast);
                reply.send(self.answered(details.map(Answer::ShowJob)));
            }
            Question::Generations(limit, standing, reply) => {
                reply.send(self.answered(kept::list(connection, limit, standing)));
            }
            Question::ShowGeneration(which, standing, reply) => {
                reply.send(self.answered(kept::show(connection, which, standing)));
            }
            Question::Why(case, reply) => reply.send(self.answered(why(connection, &case))),
        }
    }

    fn answered(&self, result: rusqlite::Result<Answer>) -> Answer {
        result.unwrap_or_else(|error| Answer::Refused(self.cannot_read(error)))
    }

    fn cannot_read(&self, error: rusqlite::Error) -> Refusal {
        let message = format!("cannot read the history: {error}");
        if is_corrupt(&error) {
            // Nobody listens any more when the store is being closed.
            let _ = self.found.send(error);
        }
        Refusal::new(RefusalKind::Failed, message)
    }
}

fn runs(connection: &Connection, filter: &RunFilter) -> rusqlite::Result<Answer> {
    let job = filter.job.as_deref();
    Ok(Answer::Runs(Runs {
        runs: search::runs(connection, filter)?,
        usual: job.map(|job| usual(connection, job)).transpose()?,
    }))
}

fn show_run(connection: &Connection, run: RunId, config: &Config) -> rusqlite::Result<Answer> {
    let details = show::run(connection, run, config)?;
    Ok(details.map_or_else(
        || not_found(&OutputOf::Run(run)),
        |details| Answer::ShowRun(Box::new(details)),
    ))
}

fn why(connection: &Connection, case: &Case) -> rusqlite::Result<Answer> {
    let found = find(connection, case)?;
    Ok(Answer::Why(Box::new(case.answer(found))))
}

/// One run; none where its row is not kept any more.
pub(super) fn run(connection: &Connection, run: RunId) -> rusqlite::Result<Option<RunRow>> {
    connection
        .prepare_cached(&format!("{SELECT_RUNS} WHERE id = ?1"))?
        .query_row([run], run_row)
        .optional()
}

pub(super) fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        run: row.get(0)?,
        job: row.get(1)?,
        trigger: row.get::<_, TriggerName>(2)?.0,
        scheduled_for: row.get::<_, Micros>(3)?.0,
        generation: row.get::<_, Whole>(4)?.0,
        pid: row.get(5)?,
        started_at: row.get::<_, Option<Micros>>(6)?.map(|at| at.0),
        ended_at: row.get::<_, Option<Micros>>(7)?.map(|at| at.0),
        outcome: row.get(8)?,
        exit_code: row.get(9)?,
        signal: row.get(10)?,
        stopped_by: row.get(11)?,
        duration_seconds: row.get::<_, Option<i64>>(12)?.map(seconds),
        cpu_seconds: row.get::<_, Option<i64>>(13)?.map(seconds),
        peak_memory_bytes: row.get::<_, Option<Whole>>(14)?.map(|bytes| bytes.0),
        output_bytes: row.get::<_, Option<Whole>>(15)?.map(|bytes| bytes.0),
        success: row.get(16)?,
        attempt: row.get(17)?,
        next_attempt_at: row.get::<_, Option<Micros>>(18)?.map(|at| at.0),
        note: row.get(19)?,
        survivors: row
            .get::<_, Option<String>>(20)?
            .map_or_else(Vec::new, survivors),
    })
}

/// What is no JSON names nobody.
fn survivors(json: String) -> Vec<Survivor> {
    serde_json::from_str(&json).unwrap_or_default()
}

fn output(connection: &Connection, of: &OutputOf) -> rusqlite::Result<Answer> {
    let found = output_of(connection, of)?;
    Ok(found.map_or_else(|| not_found(of), Answer::Output))
}

pub(super) fn output_of(
    connection: &Connection,
    of: &OutputOf,
) -> rusqlite::Result<Option<OutputRow>> {
    let (condition, value): (_, &dyn ToSql) = match of {
        OutputOf::Run(run) => ("id = ?1", run),
        OutputOf::Attempt(run, attempt) => return attempts::output(connection, *run, *attempt),
        OutputOf::LastOf(job) => (NEWEST_OF_JOB, job),
    };
    // While a run waits for its next attempt, that of its last one.
    let sql = format!(
        "SELECT id, runs.ended_at IS NULL, coalesce(outputs.head, a.head),
           coalesce(outputs.tail, a.tail), coalesce(total, a.output_total)
         FROM runs LEFT JOIN outputs ON outputs.run = id
           LEFT JOIN attempts AS a ON a.run = id AND a.attempt = runs.attempt
         WHERE {condition}"
    );
    connection
        .prepare_cached(&sql)?
        .query_row([value], output_row)
        .optional()
}

pub(super) fn output_row(row: &Row<'_>) -> rusqlite::Result<OutputRow> {
    Ok(OutputRow {
        run: row.get(0)?,
        is_running: row.get(1)?,
        output: Output {
            head: row.get::<_, Option<_>>(2)?.unwrap_or_default(),
            tail: row.get::<_, Option<_>>(3)?.unwrap_or_default(),
            total: row.get::<_, Option<Whole>>(4)?.map_or(0, |total| total.0),
        },
    })
}

fn not_found(of: &OutputOf) -> Answer {
    let message = match of {
        OutputOf::Run(run) => format!("no run {run}"),
        OutputOf::Attempt(run, attempt) => format!("no attempt {attempt} of a run {run}"),
        OutputOf::LastOf(job) => format!("job '{job}' has no run yet"),
    };
    Answer::Refused(Refusal::new(RefusalKind::NotFound, message))
}
