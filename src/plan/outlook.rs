//! What becomes of what runs and waits, when a file comes into force: lost, started, or beside each other.

use std::collections::HashMap;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::live::{Live, LiveRun};
use super::portrait::{JobPortrait, Portrait};
use crate::config::{Config, Job, Key, KeyChange, Overlap, counted};
use crate::run::{GroupName, JobName, RunId};

/// One consequence, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub kind: NoteKind,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// It will not run, or is forgotten.
    Lost,
    /// It starts, at once unless it says for what it waits.
    Starts,
    /// It runs beside another one that it would otherwise not run beside.
    Overlaps,
    /// It goes on as it is.
    GoesOn,
}

/// What runs now, and what will be in force.
pub struct Outlook<'p> {
    old: &'p Portrait,
    new: &'p Config,
    /// Runs that take a place: what waits for its next attempt does not.
    alive: usize,
    /// The runs that are in the way of each group once the file is in force, with the names of their jobs.
    in_groups: HashMap<&'p str, Vec<(&'p str, &'p LiveRun)>>,
    /// The first that waits in each group then.
    wait_in_groups: HashMap<&'p str, RunId>,
}

impl<'p> Outlook<'p> {
    pub fn new(old: &'p Portrait, new: &'p Config) -> Self {
        let runs = all_live(old).flat_map(|(_, live)| &live.runs);
        Self {
            old,
            new,
            alive: runs.filter(|run| !run.rests).count(),
            in_groups: in_groups(old, new),
            wait_in_groups: wait_in_groups(old, new),
        }
    }

    /// So many runs take a place, of so many places then.
    pub(super) fn alive(&self) -> usize {
        self.alive
    }

    pub(super) fn places(&self) -> usize {
        self.new.daemon.max_running
    }

    pub(super) fn first_waiting(&self, group: &str) -> Option<RunId> {
        self.wait_in_groups.get(group).copied()
    }

    /// What there is of a job that is in force now.
    pub(super) fn of_known(&self, job: &JobName) -> Option<&'p Live> {
        self.old.jobs.get(job.as_str()).map(|job| &job.live)
    }

    /// Of a job that is new or changed.
    pub fn of_job(&self, job: &Job, changed: &[KeyChange]) -> Vec<Note> {
        let Some(live) = self.live(job.name.as_str()) else {
            return Vec::new();
        };
        let mut notes = goes_on(live);
        if live.paused {
            notes.push(Note::goes_on("it stays paused"));
            let before = self.old.jobs.get(job.name.as_str());
            let loses = before.is_some_and(|old| old.makes_up() && !old.keeps_time(job));
            notes.extend(loses.then(not_made_up));
        }
        notes.extend(resting(live).map(|run| of_rest(job, run, changed)));
        notes.extend(self.of_waiting(job, live));
        if !job.enabled {
            notes.extend(switched_off(live));
        }
        notes.extend(self.beside(job, live));
        notes
    }

    /// Of a job that the file does not have.
    pub fn of_removed(&self, job: &JobPortrait) -> Vec<Note> {
        let live = &job.live;
        let mut notes = Vec::new();
        let waiting = live.all_waiting().count();
        if waiting > 0 {
            let what = counted(waiting, "waiting occurrence");
            notes.push(Note::lost(format!(
                "{what} will not run: {}",
                runs(live.all_waiting())
            )));
        }
        if live.paused {
            notes.push(Note::lost("its pause is forgotten"));
            notes.extend(job.makes_up().then(not_made_up));
        }
        notes.extend(resting(live).map(|run| Note::lost(of_resting(run, "it is not tried again"))));
        notes.extend(goes_on(live));
        notes
    }

    /// Of all jobs together.
    pub fn of_all(&self) -> Vec<Note> {
        let most = self.new.daemon.max_running;
        let alive = self.alive;
        match self.changes("[daemon] max_running") {
            true if alive > most => vec![Note::goes_on(format!(
                "{} now, more than max_running = {most}: nothing starts before fewer do",
                counted(alive, "run")
            ))],
            true if self.waits_for_a_place() && alive < most => {
                vec![Note::starts(
                    "what waits for max_running alone starts at once",
                )]
            }
            _ => Vec::new(),
        }
    }

    fn live(&self, job: &str) -> Option<&Live> {
        let of_jobs = self.old.jobs.get(job).map(|job| &job.live);
        of_jobs.or_else(|| self.old.others.get(job))
    }

    fn changes(&self, setting: &str) -> bool {
        let new = self.new.settings();
        let new = new.iter().find(|key| key.key == setting);
        let old = self.old.settings.iter().find(|key| key.key == setting);
        old != new
    }

    fn waits_for_a_place(&self) -> bool {
        all_live(self.old).any(|(_, live)| !live.waiting.is_empty())
    }

    /// What waits goes by the new definition.
    fn of_waiting(&self, job: &Job, live: &Live) -> Option<Note> {
        // Those that somebody asked for run also where it is switched off.
        let waiting = live.waiting.iter();
        let waiting = waiting.filter(|run| job.enabled || live.requested.contains(run));
        let waiting: Vec<_> = waiting.collect();
        let (first, waiting) = (*waiting.first()?, runs(waiting.iter().copied()));
        let has_place = self.alive < self.new.daemon.max_running;
        Some(match self.in_the_way(job, live) {
            Some(run) => Note::goes_on(format!("{waiting} still waits for run {run}")),
            None if has_place => {
                Note::starts(format!("run {first}, which waits, may start at once"))
            }
            None => Note::goes_on(format!("{waiting} still waits for max_running")),
        })
    }

    /// The run for which what waits of a job has to wait, in its new place.
    pub(super) fn in_the_way(&self, job: &Job, live: &Live) -> Option<RunId> {
        if let Some(group) = &job.group {
            return self
                .in_group(group.as_str())
                .iter()
                .map(|(_, run)| run.run)
                .min();
        }
        let is_full = live.runs.len() >= job.overlap.most();
        live.runs.first().filter(|_| is_full).map(|run| run.run)
    }

    fn in_group(&self, group: &str) -> &[(&'p str, &'p LiveRun)] {
        self.in_groups.get(group).map_or(&[], Vec::as_slice)
    }

    /// Runs beside each other that the new definition would not have let start so.
    fn beside(&self, job: &Job, live: &Live) -> Vec<Note> {
        let mut notes = Vec::new();
        let (count, most) = (live.runs.len(), job.overlap.most());
        if count > most {
            let overlap = job.overlap;
            let what = counted(count, "run");
            notes.push(Note::overlaps(format!(
                "{what} of it go on beside each other, though overlap = \"{overlap}\" lets in {most}"
            )));
        }
        if job.overlap == Overlap::Replace && count > 0 && self.changes_overlap(job) {
            let text = "what is due next stops what runs (overlap = \"replace\")";
            notes.push(Note::goes_on(text));
        }
        notes.extend(self.beside_in_group(job, live));
        notes
    }

    fn changes_overlap(&self, job: &Job) -> bool {
        let overlap = |keys: &[Key]| keys.iter().find(|key| key.key == "overlap").cloned();
        let old = self.old.jobs.get(job.name.as_str());
        old.is_some_and(|old| overlap(&old.keys) != overlap(&job.keys()))
    }

    fn beside_in_group(&self, job: &Job, live: &Live) -> Option<Note> {
        let group = job.group.as_ref()?.as_str();
        let own = live.runs.first()?;
        let (other, run) = self
            .in_group(group)
            .iter()
            .find(|(name, _)| *name != job.name.as_str())?;
        Some(Note::overlaps(format!(
            "run {} goes on beside run {} of job '{other}', though both are in group \"{group}\"; \
             others of the group wait for both",
            own.run, run.run
        )))
    }
}

fn all_live(old: &Portrait) -> impl Iterator<Item = (&str, &Live)> {
    let of_jobs = old.jobs.iter().map(|(name, job)| (name, &job.live));
    let all = of_jobs.chain(&old.others);
    all.map(|(name, live)| (name.as_str(), live))
}

/// A run is in the way of the group that it began in, and of that in which its job is then.
fn in_groups<'p>(
    old: &'p Portrait,
    new: &'p Config,
) -> HashMap<&'p str, Vec<(&'p str, &'p LiveRun)>> {
    let mut in_groups: HashMap<_, Vec<_>> = HashMap::new();
    for (name, live) in all_live(old).filter(|(_, live)| !live.runs.is_empty()) {
        let job = new.jobs.get(&JobName::new(name));
        let joins = job
            .and_then(|job| job.group.as_ref())
            .map(GroupName::as_str);
        for run in &live.runs {
            let began = run.groups.first().map(String::as_str);
            let other = began.filter(|began| joins != Some(began));
            for group in joins.into_iter().chain(other) {
                in_groups.entry(group).or_default().push((name, run));
            }
        }
    }
    in_groups
}

fn wait_in_groups<'p>(old: &'p Portrait, new: &'p Config) -> HashMap<&'p str, RunId> {
    let mut first = HashMap::new();
    for (name, live) in all_live(old).filter(|(_, live)| !live.waiting.is_empty()) {
        let job = new.jobs.get(&JobName::new(name));
        let (Some(group), Some(run)) = (
            job.and_then(|job| job.group.as_ref()),
            live.waiting.iter().min(),
        ) else {
            continue;
        };
        let first = first.entry(group.as_str()).or_insert(*run);
        *first = *run.min(first);
    }
    first
}

/// Those that somebody asked for run all the same.
fn switched_off(live: &Live) -> Option<Note> {
    let lost = live.all_waiting();
    let lost: Vec<_> = lost.filter(|run| !live.requested.contains(run)).collect();
    (!lost.is_empty()).then(|| {
        let what = counted(lost.len(), "waiting occurrence");
        let runs = runs(lost.iter().copied());
        Note::lost(format!(
            "{what} will not run, for it is switched off: {runs}"
        ))
    })
}

fn goes_on(live: &Live) -> Vec<Note> {
    let runs = live.runs.iter().filter(|run| !run.rests);
    runs.map(|run| {
        let (number, generation) = (run.run, run.generation);
        Note::goes_on(format!(
            "run {number} goes on as it began, by generation {generation}"
        ))
    })
    .collect()
}

fn resting(live: &Live) -> impl Iterator<Item = &LiveRun> {
    live.runs.iter().filter(|run| run.rests)
}

fn of_resting(run: &LiveRun, what: &str) -> String {
    format!("run {} waits for its next attempt: {what}", run.run)
}

/// What it waits for is by the new definition.
fn of_rest(job: &Job, run: &LiveRun, changed: &[KeyChange]) -> Note {
    let judges = |key: &KeyChange| ["retry", "success_exit_codes"].contains(&&*key.key);
    if !job.enabled && !run.requested {
        let what = "it is not tried again, for it is switched off";
        return Note::lost(of_resting(run, what));
    }
    match changed.iter().any(judges) {
        true => {
            let what = "its retries are judged by the new definition";
            Note::lost(of_resting(run, what))
        }
        false => Note::goes_on(of_resting(run, "that begins as the file says")),
    }
}

fn not_made_up() -> Note {
    Note::lost("what it has missed in its pause is not made up for")
}

/// `run 4, run 5`
fn runs<'r>(runs: impl IntoIterator<Item = &'r RunId>) -> String {
    let runs: Vec<String> = runs.into_iter().map(|run| format!("run {run}")).collect();
    runs.join(", ")
}

impl Note {
    fn new(kind: NoteKind, text: impl Display) -> Self {
        Self {
            kind,
            text: text.to_string(),
        }
    }

    pub(super) fn lost(text: impl Display) -> Self {
        Self::new(NoteKind::Lost, text)
    }

    pub(super) fn starts(text: impl Display) -> Self {
        Self::new(NoteKind::Starts, text)
    }

    fn overlaps(text: impl Display) -> Self {
        Self::new(NoteKind::Overlaps, text)
    }

    fn goes_on(text: impl Display) -> Self {
        Self::new(NoteKind::GoesOn, text)
    }
}
