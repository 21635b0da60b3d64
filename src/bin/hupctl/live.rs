//! How long a run goes on, against what is usual, or what it waits for: the line that is written anew as long as somebody
//! waits.

use hupd::protocol::{FollowRow, RunningRow, Status, Usual};
use hupd::run::RunId;
use jiff::Timestamp;

use crate::run::name_of;
use crate::times::duration;
use crate::usual::usually;
use crate::visible::visible;

#[derive(Debug)]
pub struct Live {
    job: String,
    /// None until it is accepted.
    run: Option<RunId>,
    asked_at: Timestamp,
    usually: Option<String>,
    standing: Standing,
}

/// How far the run has come.
#[derive(Debug)]
enum Standing {
    /// For that, as far as it is known.
    Waits(Option<String>),
    Runs {
        attempt: u32,
        since: Timestamp,
    },
    /// Until its next attempt, which is this one.
    Rests {
        attempt: u32,
        until: Timestamp,
    },
}

impl Live {
    pub fn new(job: &str, usual: &Usual, now: Timestamp) -> Self {
        Self {
            job: job.to_owned(),
            run: None,
            asked_at: now,
            usually: usually(usual),
            standing: Standing::Waits(None),
        }
    }

    pub fn hear(&mut self, row: &FollowRow) {
        match row {
            FollowRow::Run { run } => self.run = Some(*run),
            FollowRow::Started {
                attempt,
                started_at,
                ..
            } => {
                self.standing = Standing::Runs {
                    attempt: *attempt,
                    since: *started_at,
                }
            }
            FollowRow::Failed { details, .. } => {
                self.standing = details
                    .next_attempt_at
                    .map_or(Standing::Waits(None), |until| Standing::Rests {
                        attempt: details.attempt + 1,
                        until,
                    });
            }
            FollowRow::Output { .. }
            | FollowRow::Lost { .. }
            | FollowRow::End { .. }
            | FollowRow::Never { .. } => {}
        }
    }

    /// Whether hupd has to be asked how it stands.
    pub fn is_unknown(&self, now: Timestamp) -> bool {
        match self.standing {
            Standing::Waits(_) => true,
            Standing::Runs { .. } => false,
            Standing::Rests { until, .. } => until <= now,
        }
    }

    /// What it waits for, where that is told.
    pub fn learn(&mut self, status: &Status) {
        let mut waiting = status.first_waiting.iter();
        let waits = waiting.find(|row| Some(row.run) == self.run);
        let mut running = status.running.iter();
        let begins = running.find(|row| Some(row.run) == self.run);
        let what = match (waits, begins) {
            (Some(row), _) => Some(row.why.clone()),
            (None, Some(row)) => begins_with(row),
            (None, None) => None,
        };
        if what.is_some() {
            self.standing = Standing::Waits(what);
        }
    }

    /// `run 20 of job 'backup' runs for 1 min 20 s (usually 4 min, p95 6 min)`
    pub fn text(&self, now: Timestamp) -> Option<String> {
        let name = name_of(self.run?, &self.job);
        let since = |time: Timestamp| whole_seconds(time.duration_until(now).as_secs());
        let so_far = match &self.standing {
            Standing::Runs {
                attempt: 1,
                since: start,
            } => format!("runs for {}", since(*start)),
            Standing::Runs {
                attempt,
                since: start,
            } => {
                format!("runs for {}, attempt {attempt}", since(*start))
            }
            Standing::Waits(None) => format!("was accepted {} ago", since(self.asked_at)),
            Standing::Waits(Some(what)) => {
                return Some(format!(
                    "{name} has waited for {}: {what}",
                    since(self.asked_at)
                ));
            }
            Standing::Rests { attempt, until } => {
                let left = whole_seconds(now.duration_until(*until).as_secs());
                return Some(format!("{name} waits for attempt {attempt}, in {left}"));
            }
        };
        let usually = self.usually.as_ref();
        let usually = usually.map_or_else(String::new, |usually| format!(" ({usually})"));
        Some(format!("{name} {so_far}{usually}"))
    }
}

/// What a run without a process waits for.
fn begins_with(row: &RunningRow) -> Option<String> {
    match (&row.shortage, &*row.state, row.pid) {
        (Some(shortage), ..) => Some(format!("a process: {}", visible(&shortage.reason))),
        (None, "starting", None) => Some("its process is being made".to_owned()),
        _ => None,
    }
}

/// It goes on by the second, so that no part of one is told.
fn whole_seconds(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        _ => duration(seconds as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::ended;
    use hupd::protocol::RunRow;

    fn live(usual: &Usual) -> Live {
        let mut live = Live::new("backup", usual, time("05:58:00"));
        assert_eq!(live.text(time("05:58:00")), None);
        live.hear(&FollowRow::Run { run: RunId(20) });
        live
    }

    fn time(text: &str) -> Timestamp {
        format!("2026-11-23T{text}Z").parse().unwrap()
    }

    fn started(attempt: u32, at: &str) -> FollowRow {
        FollowRow::Started {
            run: RunId(20),
            attempt,
            pid: 99,
            started_at: time(at),
        }
    }

    fn says(live: &Live, now: &str, text: &str) {
        let said = live.text(time(now)).unwrap();
        assert_eq!(said, format!("run 20 of job 'backup' {text}"));
    }

    #[test]
    fn a_run_is_told_against_what_is_usual() {
        let mut live = live(&Usual::of(2, vec![240.0, 360.0]));
        live.hear(&started(1, "05:58:00"));
        let text = "runs for 1 min 20 s (usually 5 min, p95 6 min)";
        says(&live, "05:59:20.9", text);
        assert!(!live.is_unknown(time("05:59:20.9")));
    }

    #[test]
    fn a_run_that_waits_says_for_what_as_far_as_that_is_known() {
        let mut live = live(&Usual::default());
        says(&live, "05:58:05.9", "was accepted 5 s ago");
        assert!(live.is_unknown(time("05:58:05.9")));
        live.standing = Standing::Waits(Some("max_running = 2 is reached".into()));
        says(
            &live,
            "05:58:06",
            "has waited for 6 s: max_running = 2 is reached",
        );
    }

    #[test]
    fn between_attempts_it_rests_and_each_one_counts_from_its_own_start() {
        let mut live = live(&Usual::default());
        live.hear(&started(1, "05:58:00"));
        let details = Box::new(RunRow {
            next_attempt_at: Some(time("05:58:10")),
            ..ended(20, "exited 75")
        });
        let run = RunId(20);
        live.hear(&FollowRow::Failed { run, details });
        says(&live, "05:58:07", "waits for attempt 2, in 3 s");
        assert!(!live.is_unknown(time("05:58:07")));
        assert!(live.is_unknown(time("05:58:10")));
        live.hear(&started(2, "05:58:11"));
        says(&live, "05:58:13", "runs for 2 s, attempt 2");
    }
}
