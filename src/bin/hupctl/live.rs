//! How long a run goes on, against what is usual: the line that is written anew as long as somebody waits.

use hupd::protocol::{RunRow, Usual};
use jiff::Timestamp;

use crate::run::name;
use crate::times::duration;
use crate::usual::usually;

#[derive(Debug)]
pub struct Live {
    name: String,
    /// None where it was not started when it was accepted.
    started_at: Option<Timestamp>,
    accepted_at: Timestamp,
    usually: Option<String>,
}

impl Live {
    pub fn new(run: &RunRow, usual: &Usual, now: Timestamp) -> Self {
        Self {
            name: name(run),
            started_at: run.started_at,
            accepted_at: now,
            usually: usually(usual),
        }
    }

    /// `run 20 of job 'backup' runs for 1 min 20 s (usually 4 min, p95 6 min)`
    pub fn text(&self, now: Timestamp) -> String {
        let since = |time: Timestamp| whole_seconds(time.duration_until(now).as_secs());
        let so_far = match self.started_at {
            Some(start) => format!("runs for {}", since(start)),
            None => format!("was accepted {} ago", since(self.accepted_at)),
        };
        let usually = self.usually.as_ref();
        let usually = usually.map_or_else(String::new, |usually| format!(" ({usually})"));
        format!("{} {so_far}{usually}", self.name)
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
    use crate::runs::tests::run;

    #[test]
    fn a_run_is_told_against_what_is_usual() {
        let now = "2026-11-23T05:59:20.9Z".parse().unwrap();
        let usual = Usual::of(2, vec![240.0, 360.0]);
        let live = Live::new(&run(20), &usual, now);
        let text = "run 20 of job 'backup' runs for 1 min 20 s (usually 5 min, p95 6 min)";
        assert_eq!(live.text(now), text);
        let waiting = RunRow {
            started_at: None,
            ..run(20)
        };
        let live = Live::new(&waiting, &Usual::default(), now);
        let later = "2026-11-23T05:59:25.9Z".parse().unwrap();
        assert_eq!(
            live.text(later),
            "run 20 of job 'backup' was accepted 5 s ago"
        );
    }
}
