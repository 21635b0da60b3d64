//! The verdict on a reload: where it is kept, and who is told.

use std::collections::BTreeSet;
use std::path::PathBuf;

use log::Level;

use super::askers::who;
use super::confirm::to_the_second;
use super::reload::{Committed, UnderWay};
use super::spent::log_spent;
use super::{Daemon, Notice, World};
use crate::clock::Moment;
use crate::config::{Problems, counted};
use crate::engine::Effect;
use crate::protocol::{Unconfirmed, Verdict};
use crate::store::Record;

/// Why a loaded configuration does not come into force.
pub(super) struct Rejected {
    pub summary: String,
    pub problems: String,
    pub count: usize,
    /// The files that have to be mended.
    pub broken: Vec<PathBuf>,
    /// The files were not read, and nothing is known of them.
    pub is_unread: bool,
}

impl<W: World> Daemon<W> {
    /// What is to be told of a reload that is decided, and what is to be done.
    pub(super) fn verdict_on(
        &self,
        under_way: &UnderWay,
        decided: Result<Committed, Rejected>,
        now: Moment,
    ) -> (Verdict, Vec<Effect>) {
        let verdict = Verdict {
            at: now.wall,
            asked_by: who(&under_way.wish.askers),
            accepted: decided.is_ok(),
            generation: self.engine.generation().0,
            text_of: match decided {
                Ok(_) => self.reloads.text_of(),
                Err(_) => under_way.text_of,
            },
            confirm_by: self.unconfirmed(now).map(|trial| trial.confirm_by),
            summary: String::new(),
            problems: String::new(),
            problem_count: 0,
            seconds: self.elapsed_since(under_way.began).as_secs_f64(),
            spent: None,
        };
        match decided {
            Ok(committed) => {
                let verdict = Verdict {
                    summary: committed.summary,
                    problem_count: committed.warnings.0.len(),
                    problems: committed.warnings.to_string(),
                    ..verdict
                };
                (verdict, committed.effects)
            }
            Err(rejected) => {
                let verdict = Verdict {
                    summary: rejected.summary,
                    problem_count: rejected.count,
                    problems: rejected.problems,
                    ..verdict
                };
                (verdict, Vec::new())
            }
        }
    }

    pub(super) fn keep_verdict(&mut self, verdict: &Verdict) {
        let sources = match verdict.accepted {
            true => self.engine.config().sources.clone(),
            false => Vec::new(),
        };
        self.world.write(Record::Verdict(verdict.clone(), sources));
    }

    /// In the log, and to the service manager.
    pub(super) fn announce(&mut self, verdict: &Verdict) {
        let Verdict {
            generation,
            summary,
            asked_by,
            ..
        } = verdict;
        let seconds = to_the_millisecond(verdict.seconds);
        log_problems(&verdict.problems);
        if verdict.accepted {
            log::info!(generation, seconds; "reload accepted, {asked_by}: {summary}");
            if let Some(text_of) = self.reloads.text_of() {
                log::warn!(generation; "the text of generation {text_of} is in force, not the file on disk: the next reload reads that");
            }
            if let Some(unconfirmed) = self.unconfirmed(self.world.now()) {
                log::warn!(generation; "{}", taken_back(&unconfirmed));
            }
        } else {
            log::error!(
                generation, seconds;
                "reload refused, {asked_by}: {summary}; generation {generation} goes on unchanged"
            );
        }
        verdict.spent.iter().for_each(log_spent);
        self.tell_status();
    }

    /// To the service manager.
    pub(super) fn tell_status(&mut self) {
        let text = self.status_text();
        self.world.notify(Notice::Ready(&text));
    }

    /// What `systemctl status` shows.
    pub(super) fn status_text(&self) -> String {
        let generation = self.engine.generation();
        let jobs = counted(self.engine.config().jobs.len(), "job");
        let degraded = match self.reloads.is_degraded() {
            true => "DEGRADED: ",
            false => "",
        };
        let mut serving = format!("{degraded}generation {generation}, {jobs}");
        if let Some(text_of) = self.reloads.text_of() {
            serving += &format!(", by the text of generation {text_of} and not the file on disk");
        }
        if let Some(unconfirmed) = self.unconfirmed(self.world.now()) {
            serving += &format!(", not confirmed yet: {}", taken_back(&unconfirmed));
        }
        match &self.reloads.last {
            None => serving,
            Some(last) if last.accepted => format!("{serving}; last reload: {}", last.summary),
            Some(last) => format!("{serving}; last reload refused: {}", last.summary),
        }
    }
}

fn taken_back(unconfirmed: &Unconfirmed) -> String {
    let by = to_the_second(unconfirmed.confirm_by);
    let back_to = unconfirmed.back_to;
    format!("the text of generation {back_to} comes back unless 'hupctl confirm' comes by {by}")
}

impl Rejected {
    pub(super) fn by_problems(problems: &Problems) -> Self {
        Self {
            summary: problems.summary(),
            problems: problems.to_string(),
            count: problems.0.len(),
            broken: broken(problems),
            is_unread: false,
        }
    }

    /// Where it is about what is kept, there is nothing to mend in the file on disk.
    pub(super) fn of_text(mut self, kept: Option<u64>) -> Self {
        let Some(generation) = kept else {
            return self;
        };
        self.summary = format!(
            "the text of generation {generation}, as it is kept: {}",
            self.summary
        );
        self.problems = format!(
            "{}\n\nThat is what the text of generation {generation} says, as it is kept, and not the file on disk: mend \
             what it names, or name another generation that 'hupctl generations' shows.\n",
            self.problems.trim_end()
        );
        self
    }

    pub(super) fn by_failure(failure: impl ToString) -> Self {
        let failure = failure.to_string();
        Self {
            summary: failure.clone(),
            problems: format!("error: {failure}\n"),
            count: 1,
            broken: Vec::new(),
            is_unread: false,
        }
    }
}

/// As a log has them: each line has its own head, by the problem that it belongs to. An empty one would be nothing but that.
pub(super) fn log_problems(problems: &str) {
    let mut level = Level::Error;
    for line in problems.lines().filter(|line| !line.is_empty()) {
        let heads = [("error: ", Level::Error), ("warning: ", Level::Warn)];
        let begun = heads
            .into_iter()
            .find_map(|(head, level)| Some((line.strip_prefix(head)?, level)));
        let text = begun.map_or(line, |(text, _)| text);
        level = begun.map_or(level, |(_, level)| level);
        log::log!(level, "{text}");
    }
}

/// Nobody needs more of it in a log.
fn to_the_millisecond(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

/// Each file once.
fn broken(problems: &Problems) -> Vec<PathBuf> {
    let files = problems
        .0
        .iter()
        .flat_map(|it| [Some(&it.path), it.about.as_ref()]);
    let files: BTreeSet<_> = files.flatten().cloned().collect();
    files.into_iter().collect()
}
