//! `hupctl run`: a run on request.

use hupd::clock::Moment;
use hupd::control::client::Client;
use hupd::protocol::{OutputOf, Patience, Request, RunFilter, RunRow, Runs, Usual};
use hupd::run::Survivor;

use crate::ending::{Ending, Failure};
use crate::follow::to_the_end;
use crate::live::Live;
use crate::runs::how_it_ended;
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
    let usual = match screen.is_watched() {
        true => Some(usual(client, &job)?),
        false => None,
    };
    let patience = Patience::UntilAccepted;
    let run: RunRow = client.get(&Request::Run { job, patience })?;
    screen.aside(&started(&run))?;
    let live = usual.map(|usual| Live::new(&run, &usual, Moment::now().wall));
    to_the_end(client, screen, (OutputOf::Run(run.run), live))
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

pub fn ended(run: &RunRow) -> String {
    let name = name(run);
    let how = how_it_ended(run);
    let left = left_behind(run).map_or_else(String::new, |left| format!("; left behind: {left}"));
    match run.duration_seconds {
        Some(seconds) if run.started_at.is_some() => {
            format!("{name} {how} after {}{left}", duration(seconds))
        }
        _ => format!("{name} {how}{left}"),
    }
}

/// `sh (pid 99), sleep (pid 100)`: what is left of it although hupd stopped it.
pub fn left_behind(run: &RunRow) -> Option<String> {
    let named = |one: &Survivor| format!("{} (pid {})", visible(&one.command), one.pid);
    let named: Vec<_> = run.survivors.iter().map(named).collect();
    (!named.is_empty()).then(|| named.join(", "))
}

/// `run 17 of job 'backup'`
pub fn name(run: &RunRow) -> String {
    format!("run {} of job '{}'", run.run, visible(&run.job))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::{ended as ended_row, run};

    #[test]
    fn a_run_is_told_with_its_number_and_its_end() {
        assert_eq!(started(&run(17)), "run 17 of job 'backup' started");
        let waiting = RunRow {
            started_at: None,
            ..run(17)
        };
        assert_eq!(started(&waiting), "run 17 of job 'backup' accepted");
        let text = "run 17 of job 'backup' exited 3 after 1.2 s";
        assert_eq!(ended(&ended_row(17, "exited 3")), text);
        let never = RunRow {
            started_at: None,
            ..ended_row(17, "could not start: no such file")
        };
        let text = "run 17 of job 'backup' could not start: no such file";
        assert_eq!(ended(&never), text);
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
        assert_eq!(ended(&run), text);
    }
}
