//! `hupctl show JOB`: what is in force for a job, and how it goes.

use hupd::protocol::{JobDetails, PolicyRow};

use crate::hanging::given_up;
use crate::jobs::timing;
use crate::runs::runs_text;
use crate::screen::View;
use crate::show::labelled;
use crate::usual::how_it_goes;
use crate::visible::visible;

pub fn job_text(details: &JobDetails, view: &View) -> String {
    let job = &details.job;
    let running: Vec<String> = job.running.iter().map(ToString::to_string).collect();
    let mut text = labelled([
        ("job", Some(visible(&job.job))),
        ("description", Some(visible(&job.description))),
        ("command", Some(command(&job.command))),
        ("timing", Some(timing(job, view))),
        ("policies", Some(policies(&details.policies))),
        ("generation", Some(generation(details, view))),
        ("next", Some(coming(details, view))),
        ("running", Some(running.join(" "))),
        ("HANGS", job.hanging.as_ref().map(|row| given_up(row, view))),
        ("so far", Some(how_it_goes(&details.usual))),
    ]);
    if !details.runs.is_empty() {
        text.push('\n');
        text.push_str(&runs_text(&details.runs, view));
    }
    text
}

/// As an array of a file.
fn command(command: &[String]) -> String {
    let json = serde_json::to_string(command).expect("strings are always JSON");
    visible(&json)
}

/// Those that are not as they are where no file says anything.
fn policies(policies: &[PolicyRow]) -> String {
    let changed = policies.iter().filter(|row| row.value != row.default);
    let lines: Vec<String> = changed
        .map(|row| format!("{} = {}", visible(&row.key), visible(&row.value)))
        .collect();
    match lines.is_empty() {
        true => "all as they are by default".to_owned(),
        false => lines.join("\n"),
    }
}

fn generation(details: &JobDetails, view: &View) -> String {
    let since = view.times.both(details.generation_since);
    format!("{}, since {since}", details.generation)
}

fn coming(details: &JobDetails, view: &View) -> String {
    if !details.job.enabled {
        return "never: it is disabled".to_owned();
    }
    let times = details.coming.iter().map(|row| view.times.both(row.at));
    let times: Vec<String> = times.collect();
    match times.is_empty() {
        true => "never".to_owned(),
        false => times.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use hupd::protocol::{NextRow, Usual};

    use super::*;
    use crate::jobs::tests::job;
    use crate::running::tests::view;
    use crate::runs::tests::ended;

    #[test]
    fn all_of_a_job_is_told() {
        let policy = |key: &str, value: &str, default: &str| PolicyRow {
            key: key.into(),
            value: value.into(),
            default: default.into(),
        };
        let details = JobDetails {
            job: job("backup"),
            generation: 3,
            generation_since: "2026-11-23T05:00:00Z".parse().unwrap(),
            policies: vec![
                policy("timeout", "\"1h\"", "\"none\""),
                policy("overlap", "\"skip\"", "\"skip\""),
                policy("kill_after", "\"30s\"", "\"10s\""),
            ],
            coming: vec![NextRow {
                job: "backup".into(),
                at: "2026-11-24T01:30:00Z".parse().unwrap(),
                local: "2026-11-24T02:30:00+01:00".into(),
                moved_from: None,
            }],
            runs: vec![ended(17, "exited 0")],
            usual: Usual::of(2, vec![240.0]),
        };
        let text = "\
job          backup
command      [\"true\"]
timing       30 2 * * * (Europe/Berlin)
policies     timeout = \"1h\"
             kill_after = \"30s\"
generation   3, since 2026-11-23 06:00:00 (60 min ago)
next         2026-11-24 02:30:00 (in 19 h)
so far       1 of 2 runs succeeded (50 %); usually 4 min, p95 4 min

RUN  JOB     STARTED              DURATION  OUTCOME   TRIGGER   MEMORY
17   backup  2026-11-23 06:58:00  1.2 s     exited 0  schedule  -
";
        assert_eq!(job_text(&details, &view()), text);
    }
}
