//! `hupctl show`: all that is known of one run, or of one job.

use std::fmt::Write;

use hupd::control::client::Client;
use hupd::protocol::{OutputOf, Request, RunDetails, RunRow};

use crate::ending::{Ending, Failure};
use crate::hanging::of_run;
use crate::logs::meaning;
use crate::run::left_behind;
use crate::runs::how_it_ended;
use crate::screen::{Screen, View};
use crate::short;
use crate::show_job::job_text;
use crate::times::{duration, size};
use crate::usual::usually;
use crate::visible::visible;

/// A number is a run, anything else a job: no job has a number for a name.
pub fn show(client: &Client, screen: &mut Screen, of: &str) -> Result<Ending, Failure> {
    let request = match meaning(of) {
        OutputOf::Run(run) | OutputOf::Attempt(run, _) => Request::ShowRun(run),
        OutputOf::LastOf(job) => Request::ShowJob(job),
    };
    let answer = client.ask(&request)?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
        return Ok(Ending::Done);
    }
    let text = match request {
        Request::ShowRun(_) => run_text(&answer.json()?, &screen.view),
        _ => job_text(&answer.json()?, &screen.view),
    };
    screen.bytes(text.as_bytes())?;
    Ok(Ending::Done)
}

/// Lines of a label and what is to be said, which may go on below it.
pub fn labelled<const N: usize>(lines: [(&str, Option<String>); N]) -> String {
    let mut text = String::new();
    for (label, value) in lines {
        let value = value.unwrap_or_default();
        for (place, line) in value.lines().enumerate() {
            let label = if place == 0 { label } else { "" };
            writeln!(text, "{label:<12} {line}").expect("a string takes everything");
        }
    }
    text
}

fn run_text(details: &RunDetails, view: &View) -> String {
    let run = &details.run;
    labelled([
        ("run", Some(run.run.to_string())),
        ("job", Some(visible(&run.job))),
        ("outcome", Some(how_it_ended(run))),
        ("note", run.note.as_deref().map(visible)),
        ("trigger", Some(trigger(details))),
        ("reason", details.reason.as_deref().map(visible)),
        ("generation", Some(run.generation.to_string())),
        ("claimed", Some(view.times.both(details.claimed_at))),
        ("started", Some(started(details, view))),
        ("HANGS", of_run(details, view)),
        (
            "SHORT",
            details.shortage.as_ref().map(|it| short::of_run(it, view)),
        ),
        ("ended", run.ended_at.map(|at| view.times.both(at))),
        ("duration", how_long(details, view)),
        ("pid", run.pid.map(|pid| pid.to_string())),
        ("cpu", run.cpu_seconds.map(duration)),
        ("memory", run.peak_memory_bytes.map(size)),
        ("output", output(details)),
        ("left behind", left_behind(run)),
        ("before", attempts(details, view)),
    ])
}

/// A line for each attempt that was followed by another one.
fn attempts(details: &RunDetails, view: &View) -> Option<String> {
    let line = |row: &RunRow| {
        let how = row.outcome.as_deref().map(visible).unwrap_or_default();
        let when = row.ended_at.map(|at| view.times.both(at));
        let when = when.unwrap_or_default();
        let read = match row.output_bytes {
            Some(bytes) if bytes > 0 => {
                format!(": hupctl logs {} --attempt {}", row.run, row.attempt)
            }
            _ => String::new(),
        };
        format!("attempt {}: {how}, {when}{read}", row.attempt)
    };
    let lines: Vec<_> = details.attempts.iter().map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn trigger(details: &RunDetails) -> String {
    let (trigger, due) = (details.run.trigger, visible(&details.scheduled_local));
    format!("{trigger}, due {due}")
}

fn started(details: &RunDetails, view: &View) -> String {
    let Some(at) = details.run.started_at else {
        return not_started(&details.run, view);
    };
    let at = view.times.both(at);
    match details.late_seconds {
        Some(late) if late >= 0.0 => format!("{at}, {} after it was due", duration(late)),
        Some(early) => format!("{at}, {} before it was due", duration(-early)),
        None => at,
    }
}

/// Those before it have their own lines.
fn not_started(run: &RunRow, view: &View) -> String {
    match (run.next_attempt_at, run.ended_at, run.attempt) {
        (Some(at), _, last) => format!("attempt {} {}", last + 1, view.times.relative(at)),
        (None, None, _) => "not yet".to_owned(),
        (None, Some(_), 1) => "never".to_owned(),
        (None, Some(_), last) => format!("attempt {last} never did"),
    }
}

fn how_long(details: &RunDetails, view: &View) -> Option<String> {
    let run = &details.run;
    let took = match (run.duration_seconds, run.started_at, run.ended_at) {
        (Some(seconds), _, _) => duration(seconds),
        (None, Some(start), None) => format!("{} so far", view.times.since(start)),
        _ => return None,
    };
    Some(match usually(&details.usual) {
        Some(usually) => format!("{took} ({usually})"),
        None => took,
    })
}

fn output(details: &RunDetails) -> Option<String> {
    let total = details.run.output_bytes?;
    let kept = match (details.output_kept_bytes, details.output_lost_bytes) {
        (_, 0) => String::new(),
        (0, _) => ", none of it kept".to_owned(),
        (kept, _) => format!(", {} of it kept", size(kept)),
    };
    let read = match details.output_kept_bytes {
        0 => String::new(),
        _ => format!(": hupctl logs {}", details.run.run),
    };
    Some(format!("{}{kept}{read}", size(total)))
}

#[cfg(test)]
mod tests {
    use hupd::protocol::Usual;

    use super::*;
    use crate::running::tests::view;
    use crate::runs::tests::{ended, run};
    use crate::short::tests::shortage;

    fn details() -> RunDetails {
        RunDetails {
            run: hupd::protocol::RunRow {
                note: Some("a process of it goes on: 4711".into()),
                cpu_seconds: Some(0.31),
                peak_memory_bytes: Some(3 << 20),
                output_bytes: Some(4096),
                ..ended(17, "exited 3")
            },
            scheduled_local: "2026-11-23T06:57:59+01:00".into(),
            claimed_at: "2026-11-23T05:58:00Z".parse().unwrap(),
            starting_since: None,
            shortage: None,
            late_seconds: Some(1.0),
            reason: Some("missed: late".into()),
            output_kept_bytes: 1024,
            output_lost_bytes: 3072,
            attempts: Vec::new(),
            usual: Usual::of(2, vec![240.0, 360.0]),
        }
    }

    #[test]
    fn all_of_a_run_is_told() {
        let text = "\
run          17
job          backup
outcome      exited 3
note         a process of it goes on: 4711
trigger      schedule, due 2026-11-23T06:57:59+01:00
reason       missed: late
generation   3
claimed      2026-11-23 06:58:00 (2 min ago)
started      2026-11-23 06:58:00 (2 min ago), 1.0 s after it was due
ended        2026-11-23 06:58:01 (119 s ago)
duration     1.2 s (usually 5 min, p95 6 min)
pid          99
cpu          310 ms
memory       3.0 MiB
output       4.0 KiB, 1.0 KiB of it kept: hupctl logs 17
";
        let text = text.replace("119 s ago", "1 min ago");
        assert_eq!(run_text(&details(), &view()), text);
    }

    #[test]
    fn what_has_not_started_is_told_apart_from_what_never_did() {
        let line = |attempt, next: Option<&str>, ended_at: Option<&str>| {
            let run = RunRow {
                started_at: None,
                attempt,
                next_attempt_at: next.map(|at| at.parse().unwrap()),
                ended_at: ended_at.map(|at| at.parse().unwrap()),
                ..run(18)
            };
            not_started(&run, &view())
        };
        let (next, ended_at) = ("2026-11-23T06:00:27Z", "2026-11-23T05:59:00Z");
        assert_eq!(line(2, Some(next), None), "attempt 3 in 27 s");
        assert_eq!(line(1, None, None), "not yet");
        assert_eq!(line(1, None, Some(ended_at)), "never");
        assert_eq!(line(3, None, Some(ended_at)), "attempt 3 never did");
    }

    #[test]
    fn a_start_that_hangs_is_told() {
        let hanging = RunDetails {
            run: hupd::protocol::RunRow {
                started_at: None,
                ..run(18)
            },
            starting_since: Some("2026-11-23T05:58:00Z".parse().unwrap()),
            ..details()
        };
        let text = run_text(&hanging, &view());
        let line = "HANGS        it is being started since 2026-11-23 06:58:00 (2 min ago): ";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("; 'hupctl kill 18' gives it up\n"), "{text}");
        let over = RunDetails {
            run: ended(18, "could not start: not within 1h"),
            ..hanging
        };
        let text = run_text(&over, &view());
        assert!(
            text.contains("HANGS        the start of run 18 of job"),
            "{text}"
        );
    }

    #[test]
    fn why_a_run_has_no_process_is_told() {
        let waits = RunDetails {
            run: hupd::protocol::RunRow {
                started_at: None,
                ..run(18)
            },
            shortage: Some(shortage("no memory")),
            ..details()
        };
        let text = run_text(&waits, &view());
        let line = "SHORT        it waits for a process since 2026-11-23 06:58:00 (2 min ago): no memory; ";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn of_a_run_that_goes_on_only_that_is_told_which_is_known() {
        let running = RunDetails {
            run: run(18),
            reason: None,
            output_kept_bytes: 0,
            output_lost_bytes: 0,
            usual: Usual::default(),
            ..details()
        };
        let text = run_text(&running, &view());
        assert!(text.contains("outcome      running\n"), "{text}");
        assert!(text.contains("duration     2 min so far\n"), "{text}");
        assert!(
            !text.contains("ended") && !text.contains("output"),
            "{text}"
        );
    }
}
