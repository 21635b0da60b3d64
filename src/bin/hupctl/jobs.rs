//! `hupctl list`: all jobs.

use hupd::control::client::Client;
use hupd::protocol::{JobRow, Request};
use serde::Deserialize;

use crate::ending::{Ending, Failure};
use crate::screen::{Screen, View};
use crate::table::{Fit, Table};
use crate::visible::visible;

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<JobRow>,
}

pub fn list(client: &Client, screen: &mut Screen) -> Result<Ending, Failure> {
    let answer = client.ask(&Request::Jobs)?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
        return Ok(Ending::Done);
    }
    let text = jobs_text(&answer.json::<Jobs>()?.jobs, &screen.view);
    screen.bytes(text.as_bytes())?;
    Ok(Ending::Done)
}

fn jobs_text(jobs: &[JobRow], view: &View) -> String {
    if jobs.is_empty() {
        return "the configuration has no jobs\n".to_owned();
    }
    let mut table = Table::new(&[
        ("JOB", Fit::Cut),
        ("TIMING", Fit::Cut),
        ("NEXT", Fit::Whole),
        ("", Fit::Spare),
        ("LAST", Fit::Cut),
        ("RUNNING", Fit::Cut),
        ("DESCRIPTION", Fit::Spare),
    ]);
    for job in jobs {
        table.row([
            visible(&job.job),
            timing(job, view),
            next(job, view),
            next_relative(job, view),
            last(job, view),
            running(job),
            visible(&job.description),
        ]);
    }
    table.render(view.width)
}

/// With the zone where it is not the reader's: NEXT is in the reader's.
pub fn timing(job: &JobRow, view: &View) -> String {
    let timing = visible(&job.timing);
    let is_local = is_same_zone(
        view.times.zone.iana_name().unwrap_or_default(),
        &job.timezone,
    );
    let has_zone = !job.timezone.is_empty() && !job.timing.starts_with("every ");
    match (timing.is_empty(), has_zone && !is_local) {
        (true, _) => "on request".to_owned(),
        (false, true) => format!("{timing} ({})", visible(&job.timezone)),
        (false, false) => timing,
    }
}

fn is_same_zone(one: &str, other: &str) -> bool {
    let bare = |name: &str| name.strip_prefix("Etc/").unwrap_or(name).to_owned();
    bare(one) == bare(other)
}

fn next(job: &JobRow, view: &View) -> String {
    match job.next {
        _ if !job.enabled => "disabled".to_owned(),
        _ if job.paused.is_some() => "paused".to_owned(),
        Some(at) => view.times.at(at),
        None => "-".to_owned(),
    }
}

fn next_relative(job: &JobRow, view: &View) -> String {
    let next = job.next.filter(|_| job.enabled);
    next.map_or_else(String::new, |at| view.times.relative(at))
}

fn last(job: &JobRow, view: &View) -> String {
    let Some(outcome) = &job.last_outcome else {
        return "-".to_owned();
    };
    let outcome = visible(outcome);
    match job.last_ended_at {
        Some(at) => format!("{outcome}, {}", view.times.relative(at)),
        None => outcome,
    }
}

fn running(job: &JobRow) -> String {
    let runs: Vec<String> = job.running.iter().map(ToString::to_string).collect();
    let runs = Some(runs.join(" ")).filter(|runs| !runs.is_empty());
    let waiting = Some(job.waiting.len()).filter(|count| *count > 0);
    let waiting = waiting.map(|count| format!("{count} waiting"));
    let parts: Vec<_> = runs.into_iter().chain(waiting).collect();
    parts.join(", ")
}

#[cfg(test)]
pub mod tests {
    use hupd::run::RunId;

    use super::*;
    use crate::running::tests::view;
    use crate::status::tests::waiting_row;

    pub fn job(name: &str) -> JobRow {
        JobRow {
            job: name.into(),
            description: String::new(),
            enabled: true,
            paused: None,
            timing: "30 2 * * *".into(),
            timezone: "Europe/Berlin".into(),
            command: vec!["true".into()],
            next: None,
            running: vec![],
            waiting: vec![],
            hanging: None,
            last_outcome: None,
            last_ended_at: None,
        }
    }

    #[test]
    fn every_job_has_a_line() {
        let jobs = [
            JobRow {
                next: Some("2026-11-24T01:30:00Z".parse().unwrap()),
                last_outcome: Some("exited 0".into()),
                last_ended_at: Some("2026-11-23T05:58:00Z".parse().unwrap()),
                description: "copies\u{1b}[31m all".into(),
                running: vec![RunId(17), RunId(18)],
                waiting: vec![waiting_row()],
                ..job("backup")
            },
            JobRow {
                timing: "every 15m".into(),
                last_outcome: Some("could not start: no such file".into()),
                ..job("mail")
            },
            JobRow {
                timing: String::new(),
                enabled: false,
                waiting: vec![waiting_row()],
                ..job("manual")
            },
        ];
        let text = r"
JOB     TIMING                      NEXT                          LAST                           RUNNING           DESCRIPTION
backup  30 2 * * * (Europe/Berlin)  2026-11-24 02:30:00  in 19 h  exited 0, 2 min ago            17 18, 1 waiting  copies\u{1b}[31m all
mail    every 15m                   -                             could not start: no such file
manual  on request                  disabled                      -                              1 waiting
";
        assert_eq!(jobs_text(&jobs, &view()), text.trim_start());
    }

    #[test]
    fn no_jobs_are_a_sentence() {
        assert_eq!(jobs_text(&[], &view()), "the configuration has no jobs\n");
    }
}
