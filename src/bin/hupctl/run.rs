//! `hupctl run`: a run on request.

use hupd::clock::Moment;
use hupd::control::client::Client;
use hupd::protocol::{Patience, Request, RunFilter, RunRow, Runs, Usual};
use hupd::run::{RunId, Survivor};
use jiff::Timestamp;

use crate::ending::{Ending, Failure};
use crate::follow::run_to_the_end;
use crate::live::Live;
use crate::runs::{how_it_ended, why_stopped};
use crate::screen::Screen;
use crate::times::duration;
use crate::visible::visible;

pub fn run(client: &Client, screen: &mut Screen, job: String) -> Result<Ending, Failure> {
    let answer = client.ask(&Request::Run {
        job,
        patience: Patience::UntilAccepted,
    })?;
    match screen.is_for_programs() {
        true => screen.bytes(&answer.body)?,
        false => screen.line(&started(&answer.json()?))?,
    }
    Ok(Ending::Done)
}

/// Ends as the run does. What it writes is passed on: all else that is said goes to standard error.
pub fn run_and_wait(client: &Client, screen: &mut Screen, job: String) -> Result<Ending, Failure> {
    if screen.is_for_programs() {
        return run_and_tell(client, screen, job);
    }
    // Before it starts: a run that has ended is one of those that say what is usual.
    let live = match screen.is_watched() {
        true => Some(Live::new(&job, &usual(client, &job)?, Moment::now().wall)),
        false => None,
    };
    run_to_the_end(client, screen, (job, live))
}

/// For programs: the run when it has ended, and nothing else.
fn run_and_tell(client: &Client, screen: &mut Screen, job: String) -> Result<Ending, Failure> {
    let patience = Patience::UntilEnded;
    let answer = client.ask(&Request::Run { job, patience })?;
    screen.bytes(&answer.body)?;
    Ok(Ending::of_run(&answer.json()?))
}

fn usual(client: &Client, job: &str) -> Result<Usual, Failure> {
    let runs: Runs = client.get(&Request::Runs(RunFilter {
        job: Some(job.to_owned()),
        limit: 1,
        ..RunFilter::default()
    }))?;
    Ok(runs.usual.unwrap_or_default())
}

fn started(run: &RunRow) -> String {
    let name = name(run);
    match (run.started_at, &run.outcome) {
        (Some(_), _) => format!("{name} started"),
        (None, _) => format!("{name} accepted"),
    }
}

/// `run 17 of job 'backup' exited 75 after 1.2 s, attempt 1; attempt 2 follows in 46 min`
pub fn ended(run: &RunRow, now: Timestamp) -> String {
    let name = name(run);
    let Some(outcome) = &run.outcome else {
        return format!("{name} {}", how_it_ended(run));
    };
    let (outcome, why) = (visible(outcome), why_stopped(run));
    let after = run.duration_seconds.filter(|_| run.started_at.is_some());
    let after = after.map(|seconds| format!(" after {}", duration(seconds)));
    let has_more = run.attempt > 1 || run.next_attempt_at.is_some();
    let attempt = has_more.then(|| format!(", attempt {}", run.attempt));
    let left = left_behind(run).map(|left| format!("; left behind: {left}"));
    let next = run.next_attempt_at.map(|at| next_attempt(run, at, now));
    let details = [after, attempt, left, next].map(Option::unwrap_or_default);
    format!("{name} {outcome}{why}{}", details.concat())
}

/// When it comes, unless it has come by now.
fn next_attempt(run: &RunRow, at: Timestamp, now: Timestamp) -> String {
    let next = run.attempt + 1;
    match now.duration_until(at).as_secs_f64() {
        ..=0.0 => format!("; attempt {next} follows"),
        seconds => format!("; attempt {next} follows in {}", duration(seconds)),
    }
}

/// `sh (pid 99), sleep (pid 100)`: what is left of it although hupd stopped it.
pub fn left_behind(run: &RunRow) -> Option<String> {
    let named = |one: &Survivor| format!("{} (pid {})", visible(&one.command), one.pid);
    let named: Vec<_> = run.survivors.iter().map(named).collect();
    (!named.is_empty()).then(|| named.join(", "))
}

pub fn name(run: &RunRow) -> String {
    name_of(run.run, &run.job)
}

/// `run 17 of job 'backup'`
pub fn name_of(run: RunId, job: &str) -> String {
    format!("run {run} of job '{}'", visible(job))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::{ended as ended_row, run};

    fn told(run: &RunRow) -> String {
        ended(run, "2026-11-23T06:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_run_is_told_with_its_number_and_its_end() {
        assert_eq!(started(&run(17)), "run 17 of job 'backup' started");
        let waiting = RunRow {
            started_at: None,
            ..run(17)
        };
        assert_eq!(started(&waiting), "run 17 of job 'backup' accepted");
        let text = "run 17 of job 'backup' exited 3 after 1.2 s";
        assert_eq!(told(&ended_row(17, "exited 3")), text);
        let never = RunRow {
            started_at: None,
            ..ended_row(17, "could not start: no such file")
        };
        let text = "run 17 of job 'backup' could not start: no such file";
        assert_eq!(told(&never), text);
    }

    #[test]
    fn an_attempt_is_told_with_when_the_next_one_comes() {
        let failed = RunRow {
            next_attempt_at: Some("2026-11-23T06:46:00Z".parse().unwrap()),
            ..ended_row(17, "exited 75")
        };
        let sentence = "run 17 of job 'backup' exited 75 after 1.2 s, attempt 1; attempt 2 follows";
        assert_eq!(told(&failed), format!("{sentence} in 46 min"));
        let late = "2026-11-23T06:47:00Z".parse().unwrap();
        assert_eq!(ended(&failed, late), sentence);
        let second = RunRow {
            attempt: 2,
            stopped_by: Some("request".into()),
            ..ended_row(17, "killed by TERM")
        };
        let text =
            "run 17 of job 'backup' killed by TERM (stopped on request) after 1.2 s, attempt 2";
        assert_eq!(told(&second), text);
    }

    #[test]
    fn what_is_left_of_it_is_named() {
        let left = |pid, command: &str| Survivor {
            pid,
            command: command.into(),
        };
        let run = RunRow {
            survivors: vec![left(99, "sh"), left(100, "\u{1b}x")],
            ..ended_row(17, "timed out")
        };
        let text = "run 17 of job 'backup' timed out after 1.2 s; \
             left behind: sh (pid 99), \\u{1b}x (pid 100)";
        assert_eq!(told(&run), text);
    }
}
