//! Why there is, or is no, occurrence at an instant: one sentence for each thing that is known.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use super::point::Point;
use super::wanted::Meant;
use super::{Case, Found};
use crate::config::{Timing, format_duration};
use crate::ledger::Pause;
use crate::schedule::{Schedule, Shown};

impl Case {
    /// What is to be said of an instant, whether the ledger has it or not, and where it has not, why not.
    pub(super) fn reasons(&self, point: &Point, found: &Found, has_rows: bool) -> Vec<String> {
        let mut reasons: Vec<_> = self.clocks(point).into_iter().collect();
        if has_rows {
            return reasons;
        }
        reasons.extend(self.timing(point));
        reasons.extend(self.pause(point));
        let is_past = point.at() <= self.now.forecast.now();
        match is_past {
            false => reasons.push("it is still to come".to_owned()),
            true => reasons.extend(self.past(point, found)),
        }
        reasons
    }

    /// What the clocks of the job do then.
    fn clocks(&self, point: &Point) -> Option<String> {
        let zone = self.zone.name();
        match point.meant {
            Meant::Plain(_) => None,
            Meant::First(at) => {
                let second = match self.zone.shows(self.zone.wall(at)) {
                    Shown::Twice(_, second) => second,
                    Shown::Once(_) | Shown::Never { .. } => return None,
                };
                let second = self.zone.format(second);
                Some(format!(
                    "clocks in {zone} show this time twice: here first, again at {second}"
                ))
            }
            Meant::Second { first, .. } => {
                let first = self.zone.format(first);
                Some(format!(
                    "clocks in {zone} show this time twice: at {first}, and here again"
                ))
            }
            Meant::Lost { resumes, wall } => {
                let after = self.zone.wall(resumes);
                let moment = SignedDuration::from_secs(1);
                let before = resumes.checked_sub(moment).ok()?;
                let before = self.zone.wall(before).checked_add(moment).ok()?;
                let (wall, from, to) = (shown(wall), shown(before), shown(after));
                Some(format!(
                    "no clock in {zone} shows {wall}: they go from {from} to {to}, which is this instant"
                ))
            }
        }
    }

    /// What was due in a pause is decided when the pause ends.
    fn pause(&self, point: &Point) -> Option<String> {
        let pause = self.now.pause.as_ref()?;
        let is_in_it = point.at() > pause.since && pause.until.is_none_or(|end| point.at() <= end);
        is_in_it.then(|| self.paused(pause))
    }

    /// `the job is paused since … until …, by …: reason`
    pub(super) fn paused(&self, pause: &Pause) -> String {
        let since = self.zone.format(pause.since);
        let until = pause.until.map(|until| self.zone.format(until));
        let until = until.unwrap_or_else(|| "it is resumed".to_owned());
        let by = pause.by_whom();
        format!(
            "the job is paused since {since} until {until}, {by}; what it misses is decided then"
        )
    }

    /// What the timing in force makes of it.
    fn timing(&self, point: &Point) -> Option<String> {
        let (job, generation) = (&self.now.job, self.now.generation);
        let since = self.zone.format(self.now.since);
        if !job.enabled {
            return Some(format!(
                "the job is switched off (enabled = false) in generation {generation}, in force since {since}"
            ));
        }
        match &job.timing {
            Timing::Never => Some(
                "the job runs on request only: it has neither 'schedule' nor 'every'".to_owned(),
            ),
            Timing::Schedule(schedule) => self.schedule(point, schedule),
            Timing::Every(every) if point.named.is_none() => {
                let every = format_duration(*every);
                let next = self.names_next(point);
                Some(format!(
                    "'every = \"{every}\"', as it is counted now, does not name it{next}"
                ))
            }
            Timing::Every(_) => named(point),
        }
    }

    fn schedule(&self, point: &Point, schedule: &Schedule) -> Option<String> {
        if point.named.is_some() {
            return named(point);
        }
        if point.is_skipped(schedule) {
            return Some("what the clock change left out does not run: dst = \"skip\"".to_owned());
        }
        if let Meant::Second { first, .. } = point.meant
            && self.names(first)
        {
            return Some("a fixed time that comes twice runs the first time only".to_owned());
        }
        let (zone, next) = (&schedule.zone, self.names_next(point));
        Some(format!(
            "the schedule '{schedule}' ({zone}) does not name it{next}"
        ))
    }

    fn names(&self, at: Timestamp) -> bool {
        let points = Point::all_of(Meant::Plain(at), &self.now);
        points.iter().any(|point| point.named.is_some())
    }

    /// `; it names … next`
    fn names_next(&self, point: &Point) -> String {
        let next = self.now.forecast.next_after(&self.now.job, point.at());
        let next = next.map(|next| self.zone.format(next.at));
        next.map_or_else(String::new, |next| format!("; next it names {next}"))
    }

    /// Why the ledger may know nothing of an instant that has passed.
    fn past(&self, point: &Point, found: &Found) -> Vec<String> {
        let at = point.at();
        let mut reasons = Vec::new();
        if at < self.now.since {
            reasons.push(self.earlier_generation(found));
        }
        if at < self.now.started_at {
            let started = self.zone.format(self.now.started_at);
            reasons.push(format!(
                "the hupd that runs was started after it, at {started}"
            ));
        }
        match found.oldest {
            Some(oldest) if at < oldest => {
                let oldest = self.zone.format(oldest);
                reasons.push(format!(
                    "the oldest row that is kept, of any job, is of {oldest}"
                ));
            }
            Some(_) => {}
            None => reasons.push("no row of any job is kept".to_owned()),
        }
        if let Some(failure) = &self.now.store_failure {
            reasons.push(format!("the history is not being recorded: {failure}"));
        }
        let ought_to_be = self.now.job.enabled && point.named.is_some();
        if ought_to_be && reasons.is_empty() {
            reasons.push(
                "and yet no row of its own tells of it: the row before it may stand for it, or the history could not be written, or the clock was set".to_owned(),
            );
        }
        reasons
    }

    fn earlier_generation(&self, found: &Found) -> String {
        let (generation, since) = (self.now.generation, self.zone.format(self.now.since));
        let present = format!("generation {generation} came into force after it, at {since}");
        match found.generation {
            Some((earlier, since)) if earlier != generation.0 => {
                let since = self.zone.format(since);
                format!("{present}; generation {earlier}, of {since}, was the last one before it")
            }
            _ => format!("{present}; no earlier one is on record"),
        }
    }
}

fn named(point: &Point) -> Option<String> {
    let named = point.named?;
    let moved = named.moved_from.map(|from| {
        let from = shown(from);
        format!(", instead of {from}, which a clock change left out")
    });
    Some(format!(
        "the timing in force names it{}",
        moved.unwrap_or_default()
    ))
}

/// `2026-03-29 02:30:00`
fn shown(wall: DateTime) -> String {
    format!("{} {}", wall.date(), wall.time())
}
