//! What has to be confirmed, what comes back, and what is in force in place of the file.

use std::sync::Arc;
use std::time::Duration;

use hupd::clock::Moment;

use super::{Last, Model, Of, Phase};
use crate::simulation::acts::Act;
use crate::simulation::jobs::FileSpec;
use crate::simulation::power::StartBy;

const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_PATIENCE: Duration = Duration::from_secs(3600);

/// The file that was confirmed last, while there may be something else in force.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    confirmed: Arc<FileSpec>,
    stage: Stage,
    patience: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Until(Duration),
    ComesBack,
    IsBack,
}

impl Model {
    /// What a hupd says first of the file.
    pub(super) fn begin_by(&mut self, by: &StartBy) -> Vec<Act> {
        if by.was_unconfirmed {
            self.trial = Some(Trial {
                confirmed: Arc::clone(&self.file),
                stage: Stage::IsBack,
                patience: PATIENCE,
            });
        }
        if by.on_disk.is_some() {
            return Vec::new();
        }
        self.last = Last::Broken;
        vec![Act::Verdict {
            accepted: false,
            generation: self.generation,
        }]
    }

    fn stage(&self) -> Option<Stage> {
        self.trial.as_ref().map(|trial| trial.stage)
    }

    pub(super) fn comes_back(&self) -> bool {
        self.stage() == Some(Stage::ComesBack)
    }

    pub(super) fn confirmed_text(&self) -> String {
        let trial = self.trial.as_ref();
        trial.map_or_else(|| self.file.text(), |trial| trial.confirmed.text())
    }

    /// By then hupd is awake, whatever else it waits for.
    pub fn end_of_trial(&self) -> Option<Duration> {
        match self.stage() {
            Some(Stage::Until(until)) if self.phase == Phase::Serving => Some(until),
            _ => None,
        }
    }

    pub(super) fn take_back(&mut self, now: Moment) -> Vec<Act> {
        match (self.end_of_trial(), &mut self.trial) {
            (Some(until), Some(trial)) if until <= now.elapsed => trial.stage = Stage::ComesBack,
            _ => return Vec::new(),
        }
        self.wish((Of::Confirmed, false))
    }

    pub(super) fn confirm(&mut self, now: Moment) -> Vec<Act> {
        if self.end_of_trial().is_none_or(|until| until <= now.elapsed) {
            return Vec::new();
        }
        self.trial = None;
        let mut acts = vec![Act::Confirmed(self.generation)];
        let reload = self.reload.as_ref();
        let is_of_trial = reload.is_some_and(|reload| matches!(reload.wish.0, Of::ToConfirm(_)));
        acts.extend(is_of_trial.then(|| Act::Unconfirmed(self.file.text())));
        acts
    }

    /// Nothing has to be confirmed after all.
    pub(super) fn withdraw(&mut self, of: Of) -> Vec<Act> {
        let is_over = matches!(of, Of::ToConfirm(_)) && self.trial.is_none();
        is_over.then_some(Act::NoUnconfirmed).into_iter().collect()
    }

    /// Before this, that was in force.
    pub(super) fn came_into_force(
        &mut self,
        of: Of,
        before: Arc<FileSpec>,
        now: Moment,
    ) -> Vec<Act> {
        let is_same = self.file == before;
        self.instead_of = match (of, self.instead_of.take()) {
            (Of::Disk | Of::ToConfirm(_), _) => None,
            (_, known) if is_same => known,
            (_, known) => Some(known.unwrap_or(Some(Arc::clone(&before)))),
        };
        // There and back again.
        self.instead_of
            .take_if(|on_disk| on_disk.as_ref() == Some(&self.file));
        match (of, self.stage()) {
            (Of::ToConfirm(time), _) => {
                self.try_out(before, now.elapsed + time);
                Vec::new()
            }
            (Of::Disk, Some(Stage::Until(_) | Stage::ComesBack)) => Vec::new(),
            (Of::Disk | Of::Earlier(_), _) => self.end_trial(),
            (Of::Confirmed, _) if self.instead_of.is_none() => self.end_trial(),
            (Of::Confirmed, _) => {
                self.set_stage(Stage::IsBack);
                Vec::new()
            }
        }
    }

    fn try_out(&mut self, before: Arc<FileSpec>, until: Duration) {
        let confirmed = self.trial.take().map_or(before, |trial| trial.confirmed);
        if self.file != confirmed {
            self.trial = Some(Trial {
                confirmed,
                stage: Stage::Until(until),
                patience: PATIENCE,
            });
        }
    }

    fn end_trial(&mut self) -> Vec<Act> {
        let was_one = self.trial.take();
        was_one.map(|_| Act::NoUnconfirmed).into_iter().collect()
    }

    fn set_stage(&mut self, stage: Stage) {
        if let Some(trial) = &mut self.trial {
            trial.stage = stage;
        }
    }

    /// What could not come back is tried again.
    pub(super) fn was_refused(&mut self, of: Of, now: Moment) -> Vec<Act> {
        if let (Of::Confirmed, Some(trial)) = (of, &mut self.trial) {
            trial.stage = Stage::Until(now.elapsed + trial.patience);
            trial.patience = LONGEST_PATIENCE.min(2 * trial.patience);
        }
        Vec::new()
    }
}
