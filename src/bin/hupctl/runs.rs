//! `hupctl runs`: past and present runs.

use hupd::control::client::Client;
use hupd::protocol::{Request, RunFilter, RunRow};
use serde::Deserialize;

use crate::ending::{Ending, Failure};
use crate::screen::{Screen, View};
use crate::table::{Fit, Table};
use crate::times::{duration, size};
use crate::visible::visible;

#[derive(Deserialize)]
struct Runs {
    runs: Vec<RunRow>,
}

pub fn filter(job: Option<String>, failed: bool, limit: usize) -> RunFilter {
    RunFilter { job, failed, limit }
}

pub fn runs(client: &Client, screen: &mut Screen, filter: RunFilter) -> Result<Ending, Failure> {
    let nothing = no_runs(&filter);
    let answer = client.ask(&Request::Runs(filter))?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
        return Ok(Ending::Done);
    }
    match &*answer.json::<Runs>()?.runs {
        [] => screen.line(&nothing)?,
        rows => screen.bytes(runs_text(rows, &screen.view.clone()).as_bytes())?,
    }
    Ok(Ending::Done)
}

fn no_runs(filter: &RunFilter) -> String {
    let what = match filter.failed {
        true => "no failed run",
        false => "no run",
    };
    match &filter.job {
        Some(job) => format!("{what} of job '{}' is recorded", visible(job)),
        None => format!("{what} is recorded"),
    }
}

fn runs_text(rows: &[RunRow], view: &View) -> String {
    let mut table = Table::new(&[
        ("RUN", Fit::Whole),
        ("JOB", Fit::Cut),
        ("STARTED", Fit::Whole),
        ("DURATION", Fit::Whole),
        ("OUTCOME", Fit::Cut),
        ("TRIGGER", Fit::Spare),
        ("CPU", Fit::Spare),
        ("MEMORY", Fit::Spare),
        ("OUTPUT", Fit::Spare),
    ]);
    for run in rows {
        table.row([
            run.run.to_string(),
            visible(&run.job),
            view.times.at(run.started_at.unwrap_or(run.scheduled_for)),
            how_long(run, view),
            how_it_ended(run),
            run.trigger.to_string(),
            run.cpu_seconds.map(duration).unwrap_or_default(),
            memory(run),
            run.output_bytes.map(size).unwrap_or_default(),
        ]);
    }
    table.render(view.width)
}

/// A dash where it is over and the kernel could not tell.
fn memory(run: &RunRow) -> String {
    match (run.peak_memory_bytes, run.ended_at) {
        (Some(bytes), _) => size(bytes),
        (None, Some(_)) => "-".to_owned(),
        (None, None) => String::new(),
    }
}

fn how_long(run: &RunRow, view: &View) -> String {
    match (run.duration_seconds, run.started_at, run.ended_at) {
        (Some(seconds), _, _) => duration(seconds),
        (None, Some(start), None) => view.times.since(start),
        _ => "-".to_owned(),
    }
}

/// `exited 0`, `killed by TERM (request)`, `running`.
pub fn how_it_ended(run: &RunRow) -> String {
    let Some(outcome) = &run.outcome else {
        return match run.started_at {
            Some(_) => "running".to_owned(),
            None => "starting".to_owned(),
        };
    };
    let outcome = visible(outcome);
    match run.stopped_by.as_deref() {
        // "timed out" says it already.
        None | Some("time limit") => outcome,
        Some(reason) => format!("{outcome} ({})", visible(reason)),
    }
}

#[cfg(test)]
pub mod tests {
    use hupd::run::{RunId, Trigger};

    use super::*;
    use crate::running::tests::view;

    pub fn run(number: u64) -> RunRow {
        RunRow {
            run: RunId(number),
            job: "backup".into(),
            trigger: Trigger::Schedule,
            scheduled_for: "2026-11-23T05:58:00Z".parse().unwrap(),
            generation: 3,
            pid: Some(99),
            started_at: Some("2026-11-23T05:58:00Z".parse().unwrap()),
            ended_at: None,
            outcome: None,
            exit_code: None,
            signal: None,
            stopped_by: None,
            duration_seconds: None,
            cpu_seconds: None,
            peak_memory_bytes: None,
            output_bytes: None,
        }
    }

    pub fn ended(number: u64, outcome: &str) -> RunRow {
        RunRow {
            ended_at: Some("2026-11-23T05:58:01Z".parse().unwrap()),
            outcome: Some(outcome.into()),
            duration_seconds: Some(1.25),
            ..run(number)
        }
    }

    #[test]
    fn runs_say_how_long_and_how_they_ended() {
        let rows = [
            run(19),
            RunRow {
                started_at: None,
                pid: None,
                ..run(18)
            },
            RunRow {
                stopped_by: Some("request".into()),
                cpu_seconds: Some(0.31),
                peak_memory_bytes: Some(3 << 20),
                output_bytes: Some(0),
                ..ended(17, "killed by TERM")
            },
            RunRow {
                stopped_by: Some("time limit".into()),
                ..ended(16, "timed out")
            },
        ];
        let text = "
RUN  JOB     STARTED              DURATION  OUTCOME                   TRIGGER   CPU     MEMORY   OUTPUT
19   backup  2026-11-23 06:58:00  2 min     running                   schedule
18   backup  2026-11-23 06:58:00  -         starting                  schedule
17   backup  2026-11-23 06:58:00  1.2 s     killed by TERM (request)  schedule  310 ms  3.0 MiB  0 B
16   backup  2026-11-23 06:58:00  1.2 s     timed out                 schedule          -
";
        assert_eq!(runs_text(&rows, &view()), text.trim_start());
    }

    #[test]
    fn no_runs_are_a_sentence() {
        let all = RunFilter::default();
        assert_eq!(no_runs(&all), "no run is recorded");
        let failed = filter(Some("x".into()), true, 1);
        assert_eq!(no_runs(&failed), "no failed run of job 'x' is recorded");
    }
}
