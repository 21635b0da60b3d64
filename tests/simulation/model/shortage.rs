//! Runs for which no process was to be had: the one that was tried least, and of those the earliest, is tried again after a while, or when something has ended.

use std::time::Duration;

use hupd::clock::Moment;
use hupd::config::format_duration;
use hupd::run::{Outcome, RunId, StopReason, Trigger};

use super::{Model, Phase, Stage};
use crate::simulation::acts::Act;
use crate::simulation::owed::signed;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

impl Model {
    pub(super) fn fell_short(&mut self, id: RunId, now: Moment) -> Vec<Act> {
        let run = self.runs.get_mut(&id).expect("it was started");
        let Stage::Starting(stop, _) = run.stage else {
            panic!("{run:?} falls short")
        };
        run.stage = Stage::Short;
        run.shortages += 1;
        let (at, delay) = self.shortage.unwrap_or((now.elapsed + FIRST, FIRST));
        let at = match at <= now.elapsed {
            true => now.elapsed + delay,
            false => at,
        };
        self.shortage = Some((at, delay));
        let is_too_late = matches!(self.phase, Phase::Stopping | Phase::Killing);
        match stop.or(is_too_late.then_some(StopReason::Shutdown)) {
            Some(why) => self.give_up(id, why, now),
            None => Vec::new(),
        }
    }

    pub(super) fn give_up(&mut self, id: RunId, why: StopReason, now: Moment) -> Vec<Act> {
        self.over(id, unmade(""), Some(why), now)
    }

    pub(super) fn next_try(&self) -> Option<Duration> {
        let (at, _) = self.shortage?;
        self.first_short().map(|_| at)
    }

    fn first_short(&self) -> Option<RunId> {
        let short = self.runs.iter();
        let short = short.filter(|(_, run)| matches!(run.stage, Stage::Short));
        let first = short.min_by_key(|(id, run)| (run.shortages, run.occurrence.instant, **id));
        first.map(|(id, _)| *id)
    }

    pub(super) fn try_in_time(&mut self, now: Moment) -> Vec<Act> {
        if self.next_try().is_none_or(|at| at > now.elapsed) {
            return Vec::new();
        }
        let delay = self.shortage.map_or(FIRST, |(_, delay)| delay);
        let delay = (delay * 2).min(LONGEST);
        self.shortage = Some((now.elapsed + delay, delay));
        self.try_next(now)
    }

    pub(super) fn try_next(&mut self, now: Moment) -> Vec<Act> {
        let mut acts = Vec::new();
        if matches!(self.phase, Phase::Stopping | Phase::Killing) {
            return acts;
        }
        while let Some(id) = self.first_short() {
            let run = self.runs.get_mut(&id).expect("it is there");
            let age = now.wall.duration_since(run.occurrence.instant);
            let most = run.job.deadline;
            let is_bound = run.occurrence.trigger != Trigger::Request && run.attempt == 1;
            let most = most.filter(|_| is_bound);
            if let Some(most) = most.filter(|most| age > signed(*most)) {
                let late = format!("older than its deadline of {}; ", format_duration(most));
                acts.push(self.close(id, unmade(&late), None));
                continue;
            }
            run.stage = run.starting(None, now);
            acts.push(Act::Spawn {
                run: id,
                occurrence: run.occurrence.clone(),
                attempt: run.attempt,
            });
            break;
        }
        acts
    }

    pub(super) fn end_shortage(&mut self) {
        if self.first_short().is_none() {
            self.shortage = None;
        }
    }
}

fn unmade(late: &str) -> Outcome {
    Outcome::CouldNotStart(format!("{late}no process can be made"))
}
