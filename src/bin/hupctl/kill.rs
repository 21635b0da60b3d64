//! `hupctl kill`: ends a run.

use hupd::control::client::Client;
use hupd::protocol::{Request, RunRow};
use hupd::run::RunId;

use crate::ending::{Ending, Failure};
use crate::run::name;
use crate::screen::Screen;

pub fn kill(client: &Client, screen: &mut Screen, run: u64) -> Result<Ending, Failure> {
    let answer = client.ask(&Request::Kill { run: RunId(run) })?;
    match screen.is_for_programs() {
        true => screen.bytes(&answer.body)?,
        false => screen.line(&killed(&answer.json()?))?,
    }
    Ok(Ending::Done)
}

fn killed(run: &RunRow) -> String {
    let name = name(run);
    match (run.pid, run.ended_at) {
        (Some(pid), _) => format!("stop signal sent to {name} (pid {pid})"),
        (None, Some(_)) => format!("{name} waited, and will not start"),
        (None, None) => format!("{name} will be stopped as soon as it has started"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::run;

    #[test]
    fn the_run_and_its_process_are_named() {
        let text = "stop signal sent to run 17 of job 'backup' (pid 99)";
        assert_eq!(killed(&run(17)), text);
        let starting = RunRow {
            pid: None,
            ..run(17)
        };
        let text = "run 17 of job 'backup' will be stopped as soon as it has started";
        assert_eq!(killed(&starting), text);
    }
}
