//! What is said where there is no such job or run: the store knows what has run, the configuration what may run, and the
//! engine which numbers there have been.

use super::{Daemon, World};
use crate::event::Reply;
use crate::protocol::{Answer, OutputOf, Refusal, RefusalKind, Runs};
use crate::run::{JobName, RunId};

pub(super) fn no_job(name: &str) -> Answer {
    Answer::Refused(no_such_job(name))
}

pub(super) fn no_such_job(name: &str) -> Refusal {
    Refusal::new(RefusalKind::NotFound, format!("no job '{name}'"))
}

impl<W: World> Daemon<W> {
    /// What to say where the store has nothing of that.
    pub(super) fn missing(&self, of: &OutputOf) -> Refusal {
        let text = match of {
            OutputOf::Run(run) => self.no_run(*run),
            OutputOf::Attempt(run, attempt) => format!("no attempt {attempt} of a run {run}"),
            OutputOf::LastOf(job) if self.has_job(job) => format!("job '{job}' has no run yet"),
            OutputOf::LastOf(job) => return no_such_job(job),
        };
        Refusal::new(RefusalKind::NotFound, text)
    }

    /// A number is told as soon as a run is accepted, and is on record when it starts.
    fn no_run(&self, run: RunId) -> String {
        match run <= self.engine.last_run() {
            true => format!(
                "no run {run} is recorded: it has never started, or is not kept any more; 'hupctl why JOB' tells what \
                 became of what was due"
            ),
            false => format!("no run {run}"),
        }
    }

    fn has_job(&self, name: &str) -> bool {
        self.engine.config().jobs.contains_key(&JobName::new(name))
    }

    /// Passes an answer of the store on, but for one that nothing was found.
    pub(super) fn naming_what_is_missing(&self, of: &OutputOf, reply: Reply) -> Reply {
        let missing = self.missing(of);
        Reply::new(move |answer| match answer {
            Answer::Refused(refusal) if refusal.kind == RefusalKind::NotFound => {
                reply.send(Answer::Refused(missing));
            }
            answer => reply.send(answer),
        })
    }

    /// The same for the runs of a job: one that is not in force may have some.
    pub(super) fn naming_an_unknown_job(&self, job: Option<&str>, reply: Reply) -> Reply {
        let unknown = job.filter(|job| !self.has_job(job));
        let Some(name) = unknown.map(str::to_owned) else {
            return reply;
        };
        if !self.engine.runs_of(&JobName::new(&name)).is_empty() {
            return reply;
        }
        Reply::new(move |answer| match answer {
            Answer::Runs(found) if knows_nothing(&found) => reply.send(no_job(&name)),
            answer => reply.send(answer),
        })
    }
}

/// None of them is among the runs of another filter either.
fn knows_nothing(found: &Runs) -> bool {
    let ended = found.usual.as_ref().map_or(0, |usual| usual.ended);
    found.runs.is_empty() && ended == 0
}
