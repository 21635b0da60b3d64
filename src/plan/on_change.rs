//! Runs by `on_change`, one after the other, as a reload begins them: whether they start, wait or are skipped, as things
//! are now.

use std::collections::HashMap;

use super::live::Live;
use super::outlook::{Note, Outlook};
use crate::config::{Job, KeyChange, MAX_WAITING, OnChange, Overlap};
use crate::run::{JobName, RunId};

/// Each that starts takes a place that those after it do not have.
pub struct RunsOnChange<'o, 'p> {
    outlook: &'o Outlook<'p>,
    begun: usize,
    /// Which job begins one, by group.
    in_groups: HashMap<String, JobName>,
}

impl<'o, 'p> RunsOnChange<'o, 'p> {
    pub fn new(outlook: &'o Outlook<'p>) -> Self {
        Self {
            outlook,
            begun: 0,
            in_groups: HashMap::new(),
        }
    }

    /// Of a job that changes so. One that is new has not changed.
    pub fn of(&mut self, job: &Job, keys: &[KeyChange]) -> Option<Note> {
        job.on_change.as_ref().filter(|_| job.enabled)?;
        let live = self.outlook.of_known(&job.name)?;
        let what = OnChange::causes(keys)?;
        if let Some(why) = never(job, live) {
            return Some(Note::lost(format!("its run on change, {why}: {what}")));
        }
        let when = self.waits_until(job, live).unwrap_or_else(|| {
            self.begin(job);
            "at once".to_owned()
        });
        Some(Note::starts(format!("{when}, for this changes: {what}")))
    }

    fn begin(&mut self, job: &Job) {
        self.begun += 1;
        if let Some(group) = &job.group {
            let group = group.as_str().to_owned();
            self.in_groups.insert(group, job.name.clone());
        }
    }

    /// For what it waits, in words that follow "starts".
    fn waits_until(&self, job: &Job, live: &Live) -> Option<String> {
        if let Some(run) = live.hangs {
            return Some(format!("when the start of run {run} has come back"));
        }
        let most = self.outlook.places();
        self.behind_runs(job, live)
            .or_else(|| self.behind_those_that_wait(job, live))
            .or_else(|| {
                let is_full = self.outlook.alive() + self.begun >= most;
                is_full.then(|| format!("when there is a place (max_running = {most})"))
            })
    }

    fn behind_runs(&self, job: &Job, live: &Live) -> Option<String> {
        let overlap = job.overlap;
        let run = self.outlook.in_the_way(job, live);
        let is_own = run.is_some_and(|run| live.runs.iter().any(|own| own.run == run));
        let begins = || {
            let other = self.in_groups.get(job.group.as_ref()?.as_str())?;
            Some(format!("after that of job '{other}', in the same group"))
        };
        match (run, &job.group, overlap) {
            (None, ..) => begins(),
            (Some(run), _, Overlap::Replace) if is_own => {
                Some(format!("when run {run} is over, which it stops"))
            }
            (Some(run), Some(group), _) => {
                Some(format!("when run {run} is over (group = \"{group}\")"))
            }
            (Some(_), None, Overlap::Allow { most }) => Some(format!(
                "when one of its runs is over (max_running = {most})"
            )),
            (Some(run), None, _) => {
                Some(format!("when run {run} is over (overlap = \"{overlap}\")"))
            }
        }
    }

    /// In a group nobody is overtaken; elsewhere those that are late are in nobody's way.
    fn behind_those_that_wait(&self, job: &Job, live: &Live) -> Option<String> {
        let first = match &job.group {
            Some(group) => self.outlook.first_waiting(group.as_str()),
            // It takes the place of its own.
            None if job.overlap == Overlap::Replace => None,
            None => live.waiting_in_time().next(),
        };
        first.map(|run| format!("after run {run}, which waits"))
    }
}

/// Why it is skipped, unless that is over by then.
fn never(job: &Job, live: &Live) -> Option<String> {
    if live.paused {
        return Some("for it is paused".to_owned());
    }
    let waiting = live.all_waiting().count();
    let many =
        (waiting >= MAX_WAITING).then(|| format!("for {waiting} occurrences of it wait already"));
    if job.overlap != Overlap::Skip {
        return many;
    }
    let running = live.runs.first().map(|run| run.run);
    let running = running.map(|run| format!("if run {run} is not over then (overlap = \"skip\")"));
    let hangs = |run: RunId| format!("if the start of run {run} still hangs then");
    let earlier = live.earlier().next();
    let earlier = earlier.map(|run| format!("if run {run} still waits then (overlap = \"skip\")"));
    running.or(live.hangs.map(hangs)).or(earlier).or(many)
}
