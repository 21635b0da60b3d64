//! Answers what is known of one run or one job: the store has the most of it.

use std::sync::Arc;

use super::missing::no_job;
use super::{Daemon, World, rows};
use crate::clock::Moment;
use crate::event::Reply;
use crate::protocol::{Answer, JobDetails, OutputOf, Refusal, RefusalKind, RunDetails, Usual};
use crate::run::{JobName, RunId};
use crate::store::Question;

impl<W: World> Daemon<W> {
    pub(super) fn show_run(&mut self, run: RunId, reply: Reply, now: Moment) {
        if self.engine.waiting_for(run).is_some() {
            let text = format!("run {run} waits, and has not begun");
            let refusal = Refusal::new(RefusalKind::Conflict, text);
            return reply.send(Answer::Refused(refusal));
        }
        let config = Arc::clone(self.engine.config());
        let reply = self.naming_what_is_missing(&OutputOf::Run(run), reply);
        let reply = self.telling_of_its_start(run, (reply, now));
        self.world.ask(Question::ShowRun(run, config, reply));
    }

    /// Since when it is being started only the engine knows, and why it has no process.
    fn telling_of_its_start(&self, run: RunId, (reply, now): (Reply, Moment)) -> Reply {
        let entry = self.engine.run(run);
        let shortage = entry.and_then(|run| rows::shortage(run, &self.engine, now));
        let starting = entry.and_then(rows::starting_since);
        let mut hangs = self.engine.hangs();
        let hangs = hangs.find(|hang| hang.run == run).map(|hang| hang.since);
        let starting_since = starting.or(hangs);
        Reply::new(move |answer| match answer {
            Answer::ShowRun(details) => reply.send(Answer::ShowRun(Box::new(RunDetails {
                starting_since,
                shortage,
                ..*details
            }))),
            answer => reply.send(answer),
        })
    }

    pub(super) fn show_job(&mut self, name: &str, reply: Reply, now: Moment) {
        let job_name = JobName::new(name);
        let Some(job) = self.engine.config().jobs.get(&job_name) else {
            return reply.send(no_job(name));
        };
        let details = Box::new(JobDetails {
            job: rows::job(job, &self.engine),
            generation: self.engine.generation().0,
            generation_since: self.reloads.since,
            policies: rows::policies(job),
            coming: Vec::new(),
            runs: Vec::new(),
            usual: Usual::default(),
        });
        let forecast = self.engine.forecast(Some(&job_name), now.wall);
        self.world.ask(Question::ShowJob(details, forecast, reply));
    }
}
