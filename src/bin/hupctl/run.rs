//! `hupctl run`: a run on request.

use hupd::control::client::Client;
use hupd::protocol::{Patience, Request, RunRow};

use crate::ending::{Ending, Failure};
use crate::runs::how_it_ended;
use crate::screen::Screen;
use crate::times::duration;
use crate::visible::visible;

pub const SUCCESS: &str = "exited 0";

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

/// Done only where the run exited 0.
pub fn run_and_wait(client: &Client, screen: &mut Screen, job: String) -> Result<Ending, Failure> {
    screen.progress(&format!("waiting for the end of a run of job '{job}'"))?;
    let answer = client.ask(&Request::Run {
        job,
        patience: Patience::UntilEnded,
    })?;
    let run: RunRow = answer.json()?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
    } else {
        screen.line(&started(&run))?;
        screen.line(&ended(&run))?;
    }
    if run.outcome.as_deref() == Some(SUCCESS) {
        return Ok(Ending::Done);
    }
    if !screen.is_for_programs() && run.output_bytes.is_some_and(|bytes| bytes > 0) {
        screen.aside(&format!("its output: hupctl logs {}", run.run))?;
    }
    Ok(Ending::Failed)
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
    match run.duration_seconds {
        Some(seconds) if run.started_at.is_some() => {
            format!("{name} {how} after {}", duration(seconds))
        }
        _ => format!("{name} {how}"),
    }
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
}
