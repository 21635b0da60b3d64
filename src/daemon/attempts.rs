//! A run of several attempts: what is said and written between them.

use super::{Daemon, World};
use crate::config::format_duration;
use crate::ledger::{Failed, RunEnd};
use crate::run::{JobName, RunId, StopReason};
use crate::store::Record;

impl<W: World> Daemon<W> {
    /// Who waits for the run waits on; who follows it has followed this attempt to its end, and is told that another one
    /// follows.
    pub(super) fn record_failed(&mut self, job: &JobName, failed: Failed) {
        let Failed {
            end,
            attempt,
            attempts,
            delay,
            ..
        } = &failed;
        let (run, outcome) = (end.run, &end.outcome);
        let (delay, next) = (format_duration(*delay), attempt + 1);
        log::warn!(
            job:%, run:%;
            "attempt {attempt} of {attempts} ended: {outcome}; attempt {next} follows in {delay}"
        );
        self.followers.failed(&failed);
        self.waiters.failed(&failed);
        self.world.write(Record::Failed(failed));
    }

    pub(super) fn end_rest(&mut self, job: &JobName, end: RunEnd, note: Option<String>) {
        let why = match (&note, end.stopped_by) {
            (Some(note), _) => note,
            (None, Some(StopReason::Configuration)) => {
                "the configuration in force does not want it"
            }
            (None, _) => "somebody has ended it",
        };
        let (run, outcome) = (end.run, &end.outcome);
        log::warn!(job:%, run:%; "run ended: {outcome}; it is not tried again: {why}");
        self.waiters.ended(&end);
        self.followers.rest_ended(&end);
        if let Some(note) = note {
            let note = format!("not tried again: {note}");
            self.world.write(Record::Note(end.run, note));
        }
        self.world.write(Record::EndRest(end));
    }

    pub(super) fn put_off(&mut self, job: &JobName, run: RunId) {
        log::info!(job:%, run:%; "hupd is stopping; the next attempt follows when it has started again");
        let why = "hupd is stopping; the next attempt follows when it has started again";
        self.waiters.refused(run, why);
        self.followers.refused(run, why);
    }
}
