//! `hupctl runs`: past and present runs.

use hupd::control::client::Client;
use hupd::protocol::{OutcomeFilter, Request, RunFilter, RunRow, Runs, Usual};

use crate::arguments::RunsArguments;
use crate::ending::{Ending, Failure};
use crate::runs_chart::runs_chart;
use crate::screen::{Screen, View};
use crate::table::{Fit, Table};
use crate::times::{Times, duration, given, size};
use crate::usual::how_it_goes;
use crate::visible::visible;

pub fn runs(
    client: &Client,
    screen: &mut Screen,
    wanted: &RunsArguments,
) -> Result<Ending, Failure> {
    if wanted.chart && screen.is_for_programs() {
        let text = "--chart: is for people, and has no JSON; leave out one of the two";
        return Err(Failure::Usage(text.to_owned()));
    }
    let filter = filter(wanted, &screen.view.times)?;
    let nothing = no_runs(&filter, &screen.view.times);
    let answer = client.ask(&Request::Runs(filter))?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
        return Ok(Ending::Done);
    }
    let Runs { runs, usual } = answer.json()?;
    let view = &screen.view;
    let text = match wanted.chart {
        _ if runs.is_empty() => format!("{nothing}\n"),
        true => runs_chart(&runs, &usual.unwrap_or_default(), view),
        false => runs_text(&runs, view) + &usual.as_ref().map_or_else(String::new, footer),
    };
    screen.bytes(text.as_bytes())?;
    Ok(Ending::Done)
}

/// Whatever is wrong is told before anybody is asked.
fn filter(wanted: &RunsArguments, times: &Times) -> Result<RunFilter, Failure> {
    let time = |option: &str, text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| given(option, text, Some(times.zone.clone())))
            .transpose()
    };
    let (since, until) = (
        time("--since", &wanted.since)?,
        time("--until", &wanted.until)?,
    );
    if since
        .zip(until)
        .is_some_and(|(since, until)| until <= since)
    {
        let text = "--until: is not after --since";
        return Err(Failure::Usage(text.to_owned()));
    }
    Ok(RunFilter {
        job: wanted.job.clone(),
        outcome: wanted
            .outcome
            .or(wanted.failed.then_some(OutcomeFilter::Failed)),
        trigger: wanted.trigger,
        since,
        until,
        limit: wanted.number,
    })
}

/// `no failed run of job 'backup' by request since 2026-11-27 00:00:00 is recorded`
fn no_runs(filter: &RunFilter, times: &Times) -> String {
    let what = match filter.outcome {
        None => "no run".to_owned(),
        Some(OutcomeFilter::Failed) => "no failed run".to_owned(),
        Some(OutcomeFilter::Success) => "no successful run".to_owned(),
        Some(OutcomeFilter::Running) => "no run in progress".to_owned(),
        Some(outcome) => format!("no run with outcome {outcome}"),
    };
    let job = filter.job.as_ref();
    let details = [
        job.map(|job| format!("of job '{}'", visible(job))),
        filter.trigger.map(|trigger| format!("by {trigger}")),
        filter
            .since
            .map(|since| format!("since {}", times.at(since))),
        filter
            .until
            .map(|until| format!("before {}", times.at(until))),
    ];
    let words: Vec<String> = [what]
        .into_iter()
        .chain(details.into_iter().flatten())
        .collect();
    format!("{} is recorded", words.join(" "))
}

/// Below the runs of one job.
fn footer(usual: &Usual) -> String {
    match usual.ended {
        0 => String::new(),
        _ => format!("\n{}\n", how_it_goes(usual)),
    }
}

pub fn runs_text(rows: &[RunRow], view: &View) -> String {
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

/// `exited 0`, `killed by TERM (stopped on request)`, `running`.
pub fn how_it_ended(run: &RunRow) -> String {
    let Some(outcome) = &run.outcome else {
        return match (run.next_attempt_at, run.started_at) {
            (Some(_), _) => format!("waits for attempt {}", run.attempt + 1),
            (None, Some(_)) => "running".to_owned(),
            (None, None) => "starting".to_owned(),
        };
    };
    let outcome = match (run.attempt, run.next_attempt_at) {
        (1, None) => visible(outcome),
        (attempt, None) => format!("{}, attempt {attempt}", visible(outcome)),
        (attempt, Some(_)) => {
            let next = attempt + 1;
            format!(
                "{}, attempt {attempt}; attempt {next} follows",
                visible(outcome)
            )
        }
    };
    outcome + &why_stopped(run)
}

/// ` (stopped on request)`; nothing where hupd has not stopped it, and "timed out" says it already. JSON has a word for each.
pub fn why_stopped(run: &RunRow) -> String {
    let why = match run.stopped_by.as_deref() {
        None | Some("time limit") => return String::new(),
        Some("request") => "stopped on request".to_owned(),
        Some("shutdown") => "stopped with hupd".to_owned(),
        Some("orphan") => "stopped by orphans = \"kill\"".to_owned(),
        Some("configuration") => "the file wants no further attempt".to_owned(),
        Some(reason) => visible(reason),
    };
    format!(" ({why})")
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
            note: None,
            survivors: Vec::new(),
            success: None,
            attempt: 1,
            next_attempt_at: None,
        }
    }

    pub fn ended(number: u64, outcome: &str) -> RunRow {
        RunRow {
            ended_at: Some("2026-11-23T05:58:01Z".parse().unwrap()),
            outcome: Some(outcome.into()),
            success: Some(outcome == "exited 0"),
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
                note: None,
                survivors: Vec::new(),
                ..ended(17, "killed by TERM")
            },
            RunRow {
                stopped_by: Some("time limit".into()),
                ..ended(16, "timed out")
            },
        ];
        let text = "
RUN  JOB     STARTED              DURATION  OUTCOME                              TRIGGER   CPU     MEMORY   OUTPUT
19   backup  2026-11-23 06:58:00  2 min     running                              schedule
18   backup  2026-11-23 06:58:00  -         starting                             schedule
17   backup  2026-11-23 06:58:00  1.2 s     killed by TERM (stopped on request)  schedule  310 ms  3.0 MiB  0 B
16   backup  2026-11-23 06:58:00  1.2 s     timed out                            schedule          -
";
        assert_eq!(runs_text(&rows, &view()), text.trim_start());
    }

    #[test]
    fn no_runs_are_a_sentence() {
        let no_runs = |filter: &RunFilter| no_runs(filter, &view().times);
        let all = RunFilter::default();
        assert_eq!(no_runs(&all), "no run is recorded");
        let failed = RunFilter {
            job: Some("x".into()),
            outcome: Some(OutcomeFilter::Failed),
            ..RunFilter::default()
        };
        assert_eq!(no_runs(&failed), "no failed run of job 'x' is recorded");
        let narrow = RunFilter {
            outcome: Some(OutcomeFilter::Exited(3)),
            trigger: Some(Trigger::Request),
            since: Some("2026-11-23T05:00:00Z".parse().unwrap()),
            until: Some("2026-11-23T06:00:00Z".parse().unwrap()),
            ..failed
        };
        let text = "no run with outcome exited-3 of job 'x' by request since 2026-11-23 06:00:00 \
                    before 2026-11-23 07:00:00 is recorded";
        assert_eq!(no_runs(&narrow), text);
    }

    #[test]
    fn who_stopped_a_run_is_told_in_words() {
        for (word, words) in [
            ("request", " (stopped on request)"),
            ("shutdown", " (stopped with hupd)"),
            ("orphan", " (stopped by orphans = \"kill\")"),
            ("configuration", " (the file wants no further attempt)"),
            ("replaced by run 9", " (replaced by run 9)"),
            ("time limit", ""),
        ] {
            let run = RunRow {
                stopped_by: Some(word.into()),
                ..ended(17, "lost")
            };
            assert_eq!(why_stopped(&run), words);
        }
    }
}
