//! More jobs due at one second than may run at the same time: those above the limit wait, whatever the file says of
//! their times.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::finding::Finding;
use super::words::list;
use super::{Daemon, Job, Timing};
use crate::run::JobName;
use crate::schedule::Schedule;

const DAY: i64 = 24 * 3600;
/// Instants of one job that are looked at: those of a whole day where there is one every five minutes.
const MOST_OF_A_JOB: usize = 300;
/// Of all jobs together: a check must not get slow where there are very many.
const MOST_OF_ALL: usize = 1_000_000;
const NAMED: usize = 3;

type Jobs = BTreeMap<JobName, Arc<Job>>;

/// The worst second of the coming day, where more than `max_running` jobs are due. Intervals are left out: when they
/// begin is not known before hupd serves.
pub(super) fn crowd(jobs: &Jobs, daemon: &Daemon, now: Timestamp) -> Option<Finding> {
    let max_running = daemon.max_running;
    if scheduled(jobs).count() <= max_running {
        return None;
    }
    let second = worst_second(jobs, now)?;
    let mut due = scheduled(jobs).filter(|(_, schedule)| is_due(schedule, second));
    let names: Vec<_> = due
        .by_ref()
        .take(NAMED)
        .map(|(name, _)| name.as_str())
        .collect();
    let number = names.len() + due.count();
    let waiting = number
        .checked_sub(max_running)
        .filter(|waiting| *waiting > 0)?;
    let at = daemon.timezone.format(second);
    let named = list(names, "and");
    let message = format!(
        "{number} jobs are due at {at}, and {max_running} run at the same time at most ([daemon] max_running): \
         {waiting} will wait. Among them: {named}"
    );
    let help = "put them off with spread = \"10m\", write 'H' for the minute, choose other times, or raise max_running";
    Some(Finding::warning(message).help(help))
}

fn scheduled(jobs: &Jobs) -> impl Iterator<Item = (&JobName, &Schedule)> {
    jobs.iter().filter_map(|(name, job)| match &job.timing {
        Timing::Schedule(schedule) if job.enabled => Some((name, schedule)),
        _ => None,
    })
}

/// The first one of those with most instants.
fn worst_second(jobs: &Jobs, now: Timestamp) -> Option<Timestamp> {
    let first = now.as_second();
    let most = (MOST_OF_ALL / scheduled(jobs).count()).clamp(1, MOST_OF_A_JOB);
    let mut counts = vec![0_u32; DAY as usize];
    for (_, schedule) in scheduled(jobs) {
        let seconds = instants_after(schedule, now).map(|at| at.as_second() - first);
        let seconds = seconds.take_while(|second| *second < DAY).take(most);
        seconds.for_each(|second| counts[second as usize] += 1);
    }
    let worst = counts.iter().max().filter(|worst| **worst > 0)?;
    let second = counts.iter().position(|count| count == worst)?;
    Timestamp::from_second(first + second as i64).ok()
}

fn instants_after(schedule: &Schedule, time: Timestamp) -> impl Iterator<Item = Timestamp> {
    let next = |at: &Timestamp| Some(schedule.next_after(*at)?.at);
    iter::successors(next(&time), next)
}

fn is_due(schedule: &Schedule, second: Timestamp) -> bool {
    let before = second - SignedDuration::from_nanos(1);
    let next = schedule.next_after(before);
    next.is_some_and(|next| next.at.as_second() == second.as_second())
}
