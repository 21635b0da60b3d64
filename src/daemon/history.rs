//! The history as the daemon sees it: whether it is being recorded, and what a new one has to be told.

use crate::clock::Moment;
use crate::config::counted;
use crate::protocol::{Unrecorded, Verdict};
use crate::store::Record;

use super::{Daemon, World};

impl<W: World> Daemon<W> {
    pub(super) fn store_failed(&mut self, reason: String, now: Moment) {
        let state_dir = self.engine.config().daemon.state_dir.display();
        log::error!("{state_dir}: history is not recorded: {reason}; jobs go on");
        self.store_failure = Some(reason);
        self.unrecorded.get_or_insert(Unrecorded {
            since: now.wall,
            waiting: 0,
            lost: 0,
        });
    }

    pub(super) fn store_owes(&mut self, waiting: usize, lost: u64) {
        if let Some(unrecorded) = &mut self.unrecorded {
            unrecorded.waiting = waiting;
            unrecorded.lost = lost;
        }
    }

    pub(super) fn store_recovered(&mut self, lost: u64) {
        match lost {
            0 => log::info!("history is recorded again; nothing was lost"),
            lost => log::warn!("history is recorded again; records lost meanwhile: {lost}"),
        }
        self.store_failure = None;
        self.unrecorded = None;
    }

    /// What the next hupd must find is told once more: the generation, what would come back, what is due by what, and what is
    /// paused. What runs, is to be tried again or waits is on record already.
    pub(super) fn store_replaced(&mut self, moved: String, now: Moment) {
        log::error!("{moved}; jobs go on");
        self.history_moved = Some(moved);
        let verdict = Verdict {
            at: now.wall,
            asked_by: "a new history".to_owned(),
            accepted: true,
            generation: self.engine.generation().0,
            summary: counted(self.engine.config().jobs.len(), "job"),
            problems: String::new(),
            problem_count: 0,
            seconds: 0.0,
            spent: None,
            text_of: self.reloads.text_of(),
            confirm_by: self.unconfirmed(now).map(|trial| trial.confirm_by),
        };
        let sources = self.engine.config().sources.clone();
        self.world.write(Record::Verdict(verdict, sources));
        self.repeat_promise();
        self.world.write(Record::LastRun(self.engine.last_run()));
        for pause in self.engine.pauses().cloned() {
            self.world.write(Record::Pause(pause));
        }
        let effects = self.engine.retell(now);
        self.perform(effects);
    }
}
