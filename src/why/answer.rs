//! From what the ledger knows to the answer.

use super::point::Point;
use super::{Case, Found, Nearest};
use crate::config::Timing;
use crate::protocol::{OccurrenceRow, Why, WhyInstant};

impl Case {
    /// The answer, from what the ledger knows.
    pub fn answer(&self, mut found: Found) -> Why {
        let rows = std::mem::take(&mut found.at);
        let instants = self.points.iter().zip(rows);
        let instants = instants.map(|(point, rows)| self.instant(point, rows, &found));
        let job = &self.now.job;
        Why {
            job: job.name.to_string(),
            enabled: job.enabled,
            timing: job.timing.to_string(),
            timezone: self.zone.name().to_owned(),
            generation: self.now.generation.0,
            generation_since: self.now.since,
            started_at: self.now.started_at,
            oldest_kept: found.oldest,
            instants: instants.collect(),
            notes: self.notes(&found),
            newest: found.newest.rows,
            before: found.before.rows.pop(),
            after: found.after.rows.pop(),
            next: self.now.forecast.next_of(job),
        }
    }

    fn instant(&self, point: &Point, occurrences: Vec<OccurrenceRow>, found: &Found) -> WhyInstant {
        let mut notes = self.reasons(point, found, !occurrences.is_empty());
        if !point.put_off.is_zero() {
            notes.insert(0, "this is when it is due by 'spread'".to_owned());
        }
        WhyInstant {
            at: point.at(),
            local: self.zone.format(point.at()),
            named: point.named.is_some(),
            occurrences,
            notes,
        }
    }

    /// What holds whatever time was asked for.
    fn notes(&self, found: &Found) -> Vec<String> {
        let mut notes = Vec::new();
        let job = &self.now.job;
        if self.points.is_empty() {
            notes.extend(self.now.pause.as_ref().map(|pause| self.paused(pause)));
            if !job.enabled {
                notes.push("the job is switched off (enabled = false)".to_owned());
            } else if job.timing == Timing::Never {
                notes.push("the job runs on request only".to_owned());
            }
            if let Some(failure) = &self.now.store_failure {
                notes.push(format!("the history is not being recorded: {failure}"));
            }
        }
        let directions = [
            (&found.newest, "back to"),
            (&found.before, "back to"),
            (&found.after, "up to"),
        ];
        notes.extend(
            directions
                .into_iter()
                .filter_map(|(nearest, way)| self.bound(nearest, way)),
        );
        notes
    }

    fn bound(&self, nearest: &Nearest, way: &str) -> Option<String> {
        let bound = self.zone.format(nearest.looked_up_to?);
        Some(format!(
            "the rows of all jobs are many: those {way} {bound} were looked at, beyond it only what ran"
        ))
    }
}
