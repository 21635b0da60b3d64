//! Answers requests: each at once, or from the thread that knows.

use std::sync::Arc;
use std::time::Duration;

use super::askers::Asker;
use super::missing::{no_job, no_such_job};
use super::reload::Of;
use super::{Daemon, World, rows};
use crate::clock::Moment;
use crate::engine::{Phase, Refused, Request as Decision};
use crate::event::{Asked, Event, Reply, Sender};
use crate::forecast::Forecast;
use crate::protocol::{
    Answer, ChartFilter, Earlier, NextFilter, NextRow, OutputOf, Patience, Refusal, RefusalKind,
    Request, RunRow, Status, WhyFilter,
};
use crate::run::{JobName, RunId};
use crate::store::Question;
use crate::why::{Case, Circumstances};

/// So many of those that wait does a status name.
const MOST_WAITING: usize = 20;

impl<W: World> Daemon<W> {
    pub(super) fn asked(&mut self, asked: Asked, now: Moment) {
        let Asked {
            request,
            caller,
            reply,
        } = asked;
        match request {
            Request::Status => reply.send(Answer::Status(self.status(now))),
            Request::Jobs => reply.send(self.jobs()),
            Request::Next(filter) => reply.send(self.next(filter, now)),
            Request::Chart(filter) => reply.send(self.chart(filter, now)),
            Request::InForce => reply.send(self.in_force(now)),
            Request::Run { job, patience } => self.run_job(&job, (patience, reply), now),
            // Without a listener its end is all that can be told.
            Request::RunFollowed { job } => {
                self.run_job(&job, (Patience::UntilEnded, reply), now);
            }
            Request::Runs(filter) => {
                let reply = self.naming_an_unknown_job(filter.job.as_deref(), reply);
                self.world.ask(Question::Runs(filter, reply));
            }
            Request::ShowRun(run) => self.show_run(run, reply, now),
            Request::ShowJob(job) => self.show_job(&job, reply, now),
            Request::Generations(limit) => self.generations(limit, reply),
            Request::ShowGeneration(number) => self.show_generation(number, reply),
            // Whoever follows comes as an event of its own; without a listener it is a mere question.
            Request::Output(of) | Request::Follow(of) => self.output(of, caller, reply),
            Request::Why(filter) => self.why(&filter, reply, now),
            Request::Kill { run } => reply.send(self.kill(run, caller, now)),
            Request::Pause(pause) => reply.send(self.pause(pause, caller, now)),
            Request::Resume { job } => reply.send(self.resume(&job, caller, now)),
            Request::Reload { confirm_within } => {
                self.reload_for(confirm_within, (caller, reply), now);
            }
            Request::Confirm => self.confirm(caller, reply, now),
            Request::Rollback(to) => self.roll_back_for(to, (caller, reply), now),
            Request::Stop => {
                self.stop(&format!("by hupctl from {caller}"), now);
                reply.send(Answer::Stop(self.status(now)));
            }
        }
    }

    fn reload_for(
        &mut self,
        confirm_within: Option<Duration>,
        (caller, reply): (Sender, Reply),
        now: Moment,
    ) {
        let asker = format!("hupctl from {caller}");
        let of = confirm_within.map_or(Of::Disk, Of::ToConfirm);
        self.reload_of(of, (asker, reply), now);
    }

    fn roll_back_for(&mut self, to: Earlier, (caller, reply): (Sender, Reply), now: Moment) {
        let asker = format!("rollback by hupctl from {caller}");
        self.reload_of(Of::Kept(to), (asker, reply), now);
    }

    fn reload_of(&mut self, of: Of, (by, reply): (String, Reply), now: Moment) {
        if self.engine.phase() != Phase::Serving {
            let refusal = Refusal::new(RefusalKind::Conflict, "hupd is stopping");
            return reply.send(Answer::Refused(refusal));
        }
        self.begin_reload(of, Asker::waiting(by, reply), now);
    }

    fn status(&self, now: Moment) -> Status {
        let config = self.engine.config();
        let disabled = config.jobs.values().filter(|job| !job.enabled).count();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: self.began.at,
            phase: rows::phase(self.engine.phase(), now),
            config_file: self.began.file.display().to_string(),
            generation: self.engine.generation().0,
            generation_since: self.reloads.since,
            text_of: self.reloads.text_of(),
            text_because: self.reloads.brought_back.as_ref().map(|back| back.because),
            degraded: self.reloads.degraded(),
            unconfirmed: self.unconfirmed(now),
            last_reload: self.reloads.last.clone(),
            jobs: config.jobs.len(),
            disabled_jobs: disabled,
            paused_jobs: self.engine.paused(),
            waiting: self.engine.waiting(),
            first_waiting: self
                .engine
                .first_waiting(MOST_WAITING)
                .into_iter()
                .map(|waiting| rows::waiting(waiting, &self.engine))
                .collect(),
            running: self
                .engine
                .runs()
                .map(|run| rows::running(run, &self.engine, now))
                .collect(),
            next: self.next_start(),
            store_failure: self.store_failure.clone(),
            unrecorded: self.unrecorded.clone(),
            history_moved: self.history_moved.clone(),
            watch_config: config.daemon.watch_config,
            watching: self.watching_now(),
            no_starters: self.no_starters.clone(),
            hanging: self.engine.hangs().map(rows::hanging).collect(),
            reloading: self.reloading(),
        }
    }

    /// While hupd stops nothing starts, whatever is due.
    fn next_start(&self) -> Option<NextRow> {
        match self.engine.phase() {
            Phase::Serving => {
                let (job, next) = self.engine.first_due()?;
                Some(NextRow::new(self.engine.config(), job, next))
            }
            _ => None,
        }
    }

    fn jobs(&self) -> Answer {
        let jobs = self.engine.config().jobs.values();
        Answer::Jobs(jobs.map(|job| rows::job(job, &self.engine)).collect())
    }

    fn next(&self, filter: NextFilter, now: Moment) -> Answer {
        let from = filter.from.unwrap_or(now.wall);
        if filter.to.is_some_and(|to| to <= from) {
            let text = format!("'to' is not after {from}");
            return Answer::Refused(Refusal::new(RefusalKind::BadRequest, text));
        }
        self.of_jobs(filter.job.clone(), now, |forecast| {
            Answer::NextOf(forecast, filter)
        })
    }

    fn chart(&self, filter: ChartFilter, now: Moment) -> Answer {
        if let Err(text) = filter.span(now.wall) {
            return Answer::Refused(Refusal::new(RefusalKind::BadRequest, text));
        }
        self.of_jobs(filter.job.clone(), now, |forecast| {
            Answer::ChartOf(forecast, filter)
        })
    }

    /// What is to be found in the coming instants of the job of that name, or of all.
    fn of_jobs(
        &self,
        name: Option<String>,
        now: Moment,
        answer: impl FnOnce(Forecast) -> Answer,
    ) -> Answer {
        let job = name.as_deref().map(JobName::new);
        match (name, &job) {
            (Some(name), Some(job)) if !self.engine.config().jobs.contains_key(job) => {
                no_job(&name)
            }
            (_, job) => answer(self.engine.forecast(job.as_ref(), now.wall)),
        }
    }

    fn run_job(&mut self, name: &str, (patience, reply): (Patience, Reply), now: Moment) {
        let (decision, effects) = self.engine.request(&JobName::new(name), now);
        match accepted(name, decision) {
            Ok(run) => self.wait_for(run, patience, reply),
            Err(refusal) => reply.send(Answer::Refused(refusal)),
        }
        self.perform(effects);
    }

    /// A run that waits for a place is told of at once, unless its end is waited for.
    fn wait_for(&mut self, run: RunId, patience: Patience, reply: Reply) {
        if let Some(run) = self.engine.run(run) {
            return self.waiters.add(rows::run(run), patience, reply);
        }
        let occurrence = self
            .engine
            .waiting_for(run)
            .expect("what is accepted runs or waits");
        let row = rows::not_started(run, occurrence, self.engine.generation());
        match patience {
            Patience::UntilAccepted => reply.send(Answer::Run(row)),
            Patience::UntilEnded => self.waiters.add(row, patience, reply),
        }
    }

    fn kill(&mut self, run: RunId, caller: Sender, now: Moment) -> Answer {
        let row = match self.engine.waiting_for(run) {
            Some(waiting) => Some(rows::never_started(
                run,
                waiting,
                self.engine.generation(),
                now,
            )),
            None => self.engine.run(run).map(rows::run),
        };
        let (Some(row), Some(effects)) = (row, self.engine.kill(run, now)) else {
            let text = format!("run {run} is not running");
            return Answer::Refused(Refusal::new(RefusalKind::Conflict, text));
        };
        log::info!(run:%; "told to end a run, by hupctl from {caller}");
        self.perform(effects);
        // What has waited for a process or for its next attempt is over by this.
        let is_over = self.engine.run(run).is_none();
        let ended_at = is_over.then_some(now.wall);
        Answer::Kill(RunRow { ended_at, ..row })
    }

    /// Of a live run from the children, else from the store.
    fn output(&mut self, of: OutputOf, caller: Sender, reply: Reply) {
        match self.live_run(&of) {
            Some(run) => self.peek((run, of), caller, reply),
            None => {
                let reply = self.naming_what_is_missing(&of, reply);
                self.world.ask(Question::Output(of, reply));
            }
        }
    }

    /// The store knows what became of it, and works out the answer.
    fn why(&mut self, filter: &WhyFilter, reply: Reply, now: Moment) {
        let name = JobName::new(&filter.job);
        let Some(job) = self.engine.config().jobs.get(&name) else {
            return reply.send(no_job(&filter.job));
        };
        let wanted = match filter.at.as_deref().map(str::parse).transpose() {
            Ok(wanted) => wanted,
            Err(text) => {
                let refusal = Refusal::new(RefusalKind::BadRequest, format!("at: {text}"));
                return reply.send(Answer::Refused(refusal));
            }
        };
        let now = Circumstances {
            job: Arc::clone(job),
            forecast: self.engine.forecast(Some(&name), now.wall),
            generation: self.engine.generation(),
            since: self.reloads.since,
            started_at: self.began.at,
            store_failure: self.store_failure.clone(),
            pause: self.engine.pause_of(&name).cloned(),
        };
        let case = Box::new(Case::new(now, wanted));
        self.world.ask(Question::Why(case, reply));
    }

    fn live_run(&self, of: &OutputOf) -> Option<RunId> {
        let run = match of {
            OutputOf::Run(run) => Some(*run),
            OutputOf::Attempt(run, attempt) => {
                let now = self.engine.run(*run).map(|run| run.attempt);
                (now == Some(*attempt)).then_some(*run)
            }
            OutputOf::LastOf(job) => self.engine.runs_of(&JobName::new(job)).pop(),
        }?;
        self.engine.run(run)?.state.process().map(|_| run)
    }

    /// A run may end between the question and the answer; then the question comes again, behind its end.
    fn peek(&mut self, (run, of): (RunId, OutputOf), caller: Sender, reply: Reply) {
        let outbox = self.world.outbox();
        let retry = Reply::new(move |answer| match answer {
            Answer::Refused(_) => {
                let again = Asked {
                    request: Request::Output(of),
                    caller,
                    reply,
                };
                let _ = outbox.send(Event::Asked(again));
            }
            answer => reply.send(answer),
        });
        self.world.peek(run, retry);
    }
}

/// The run of this job that was asked for, or why there is none.
pub(super) fn accepted(name: &str, decision: Decision) -> Result<RunId, Refusal> {
    match decision {
        Decision::Accepted(run) => Ok(run),
        Decision::Refused(Refused::NoSuchJob) => Err(no_such_job(name)),
        Decision::Refused(Refused::Skipped(reason)) => {
            let text = format!("job '{name}' does not start: {reason}");
            Err(Refusal::new(RefusalKind::Conflict, text))
        }
    }
}
