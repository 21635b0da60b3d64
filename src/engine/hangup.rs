//! HUP to the whole unit, as `systemctl kill -s HUP` sends it: the jobs get it as well, and most end by it. Whether hupd
//! hears of its own or of their end first is chance.

use std::time::Duration;

use super::{Effect, Engine};
use crate::clock::Moment;
use crate::ledger::RunEnd;
use crate::run::{JobName, Outcome, RunId, Signal};

/// Whoever sends it to all sends it at once. What comes further apart has nothing to do with each other.
const TOGETHER: Duration = Duration::from_secs(1);

/// What was heard of HUP lately.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hangups {
    /// The last one to hupd: when, on the elapsed clock, and from whom.
    last: Option<(Duration, String)>,
    /// What has ended by one that hupd did not send, and has not had itself.
    ended: Vec<HungUp>,
}

/// A run that HUP has ended, or an attempt of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HungUp {
    run: RunId,
    job: JobName,
    /// On the elapsed clock.
    at: Duration,
}

impl Engine {
    /// hupd itself has got HUP: so it was no chance that some runs ended by one.
    pub fn hung_up(&mut self, from: &str, now: Moment) -> Vec<Effect> {
        self.hangups.last = Some((now.elapsed, from.to_owned()));
        let ended = std::mem::take(&mut self.hangups.ended).into_iter();
        let together = ended.filter(|run| is_together(run.at, now.elapsed));
        together.map(|run| note(run, from)).collect()
    }

    /// Whether an end is by HUP, and by none of ours; to be asked while the run is there.
    pub(super) fn hung_up_by_others(&self, end: &RunEnd, at: Moment) -> Option<HungUp> {
        let is_hangup = end.outcome == Outcome::Killed(Signal::HUP) && end.stopped_by.is_none();
        let run = self.runs.get(end.run).filter(|_| is_hangup)?;
        Some(HungUp {
            run: run.id,
            job: run.job.name.clone(),
            at: at.elapsed,
        })
    }

    /// Says of such an end that it was one of many, or waits for the HUP to hupd that says so.
    pub(super) fn explain_hangup(&mut self, run: HungUp) -> Option<Effect> {
        match &self.hangups.last {
            Some((last, from)) if is_together(run.at, *last) => Some(note(run, from)),
            _ => {
                self.hangups
                    .ended
                    .retain(|known| is_together(known.at, run.at));
                self.hangups.ended.push(run);
                None
            }
        }
    }
}

fn is_together(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) <= TOGETHER
}

fn note(HungUp { run, job, .. }: HungUp, from: &str) -> Effect {
    Effect::RecordHangup {
        job,
        run,
        note: format!("hangup sent to the whole unit, {from}"),
    }
}
