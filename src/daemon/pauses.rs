//! Jobs are paused and resumed on request.

use super::missing::no_job;
use super::{Daemon, World, rows};
use crate::clock::Moment;
use crate::engine::{Effect, NotPaused};
use crate::event::Sender;
use crate::ledger::Pause;
use crate::protocol::{Answer, PauseRequest, Refusal, RefusalKind};
use crate::run::JobName;

impl<W: World> Daemon<W> {
    pub(super) fn pause(&mut self, wanted: PauseRequest, caller: Sender, now: Moment) -> Answer {
        if let Some(until) = wanted.until.filter(|until| *until <= now.wall) {
            let text = format!("until: {until} is not after now");
            return Answer::Refused(Refusal::new(RefusalKind::BadRequest, text));
        }
        let job = JobName::new(&wanted.job);
        let pause = Pause {
            job: job.clone(),
            since: now.wall,
            until: wanted.until,
            by: format!("hupctl from {caller}"),
            reason: wanted.reason.unwrap_or_default(),
        };
        let decision = self.engine.pause(pause, now);
        self.paused_or_resumed(&job, decision)
    }

    pub(super) fn resume(&mut self, job: &str, caller: Sender, now: Moment) -> Answer {
        let job = JobName::new(job);
        let decision = self.engine.resume(&job, now);
        if decision.is_ok() {
            log::info!(job:%; "told to resume the job, by hupctl from {caller}");
        }
        self.paused_or_resumed(&job, decision)
    }

    fn paused_or_resumed(
        &mut self,
        job: &JobName,
        decision: Result<Vec<Effect>, NotPaused>,
    ) -> Answer {
        match decision {
            Ok(effects) => self.perform(effects),
            Err(NotPaused::NoSuchJob) => return no_job(job.as_str()),
            Err(NotPaused::Stopping) => return conflict("hupd is stopping"),
            Err(NotPaused::Already) => return conflict(&format!("job '{job}' is not paused")),
        }
        let job = &self.engine.config().jobs[job];
        Answer::Job(Box::new(rows::job(job, &self.engine)))
    }
}

fn conflict(text: &str) -> Answer {
    Answer::Refused(Refusal::new(RefusalKind::Conflict, text))
}
