//! The history as the daemon sees it: whether it is being recorded, and what a new one has to be told.

use crate::clock::Moment;
use crate::config::counted;
use crate::engine::{Run, State};
use crate::ledger::{Claim, RunStart};
use crate::protocol::{Unrecorded, Verdict};
use crate::store::Record;

use super::{Daemon, World};

impl<W: World> Daemon<W> {
    pub(super) fn store_failed(&mut self, reason: String, now: Moment) {
        let state_dir = self.engine.config().daemon.state_dir.display();
        log::error!("{state_dir}: history is not recorded: {reason}; jobs go on");
        self.store_failure = Some(reason);
        self.unrecorded = Some(Unrecorded {
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

    /// What the next hupd must find is told once more: the generation, what is due by what, and what runs.
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
        };
        let sources = self.engine.config().sources.clone();
        self.world.write(Record::Verdict(verdict, sources));
        let runs: Vec<_> = self.engine.runs().flat_map(retold).collect();
        for record in runs {
            self.world.write(record);
        }
        let effects = self.engine.retell(now);
        self.perform(effects);
    }
}

/// A run that goes on, for a ledger that has never heard of it.
fn retold(run: &Run) -> Vec<Record> {
    let claim = Record::Owed(Claim {
        run: run.id,
        occurrence: run.occurrence.clone(),
        generation: run.generation,
        reason: "claimed in a history that was moved aside since".to_owned(),
    });
    let start = match run.state {
        State::Alive { pid, since, .. } | State::Stopping { pid, since, .. } => {
            Some(Record::Start(RunStart {
                run: run.id,
                pid,
                at: since.wall,
                birth: None,
            }))
        }
        _ => None,
    };
    std::iter::once(claim).chain(start).collect()
}
