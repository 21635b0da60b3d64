//! What is due next, as the agenda stands now.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::agenda::Due;
use super::{Engine, due};
use crate::config::{Job, Timing};
use crate::forecast::{Forecast, Phase, Upcoming, counted_from};
use crate::ledger::Anchor;
use crate::run::JobName;

impl Engine {
    /// The coming instants of a job, or of all, as of `now`, for whoever has the time to look at them.
    pub fn forecast(&self, job: Option<&JobName>, now: Timestamp) -> Forecast {
        let instant = |(at, job): (Duration, &JobName)| {
            let instant = due::instant_of(at, self.clocks)?;
            Some((job.clone(), instant))
        };
        let mut intervals: HashMap<_, _> = match job.map(|job| (self.agenda.of(job), job)) {
            None => self.agenda.elapsed().filter_map(instant).collect(),
            Some((Due::Elapsed(at), job)) => instant((at, job)).into_iter().collect(),
            Some(_) => HashMap::new(),
        };
        intervals.extend(self.pauses.iter().filter_map(|pause| {
            let Timing::Every(every) = self.config.jobs.get(&pause.job)?.timing else {
                return None;
            };
            let known = self.anchors.get(&pause.job).map(phase);
            let at = counted_from(every, known, pause.until?.max(now));
            Some((pause.job.clone(), at))
        }));
        let pauses = self.pauses.iter();
        let pauses = pauses.map(|pause| (pause.job.clone(), pause.until));
        Forecast::new(Arc::clone(&self.config), now, intervals, pauses.collect())
    }

    /// From where the intervals of jobs are counted, as far as that is known.
    pub fn phases(&self) -> HashMap<JobName, Phase> {
        let known = self.anchors.iter();
        known
            .map(|(job, anchor)| (job.clone(), phase(anchor)))
            .collect()
    }

    /// What is due first of all.
    pub fn first_due(&self) -> Option<(&Job, Upcoming)> {
        let first = self.agenda.first().filter_map(|name| {
            let job = self.config.jobs.get(name)?;
            Some((&**job, self.instant_of(self.agenda.of(name))?))
        });
        first.min_by_key(|(job, next)| (next.at, &job.name))
    }

    /// The next instant of a job.
    pub fn next_due(&self, job: &JobName) -> Option<Timestamp> {
        self.instant_of(self.agenda.of(job)).map(|next| next.at)
    }

    fn instant_of(&self, due: Due) -> Option<Upcoming> {
        match due {
            Due::Never => None,
            Due::Wall(instant) => Some(Upcoming {
                at: instant.at,
                moved_from: instant.moved_from,
            }),
            Due::Elapsed(at) => Some(Upcoming {
                at: due::instant_of(at, self.clocks)?,
                moved_from: None,
            }),
        }
    }
}

fn phase(anchor: &Anchor) -> Phase {
    Phase {
        every: anchor.every,
        at: anchor.at,
    }
}
