//! `hupctl stop`: stops hupd, and says what it waits for.

use hupd::control::client::Client;
use hupd::protocol::{PhaseRow, Request, Status};

use crate::ending::{Ending, Failure};
use crate::running::running_text;
use crate::screen::{Screen, View};
use crate::status::phase;

pub fn stop(client: &Client, screen: &mut Screen) -> Result<Ending, Failure> {
    let answer = client.ask(&Request::Stop)?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
        return Ok(Ending::Done);
    }
    let text = stop_text(&answer.json()?, &screen.view);
    screen.bytes(text.as_bytes())?;
    Ok(Ending::Done)
}

fn stop_text(status: &Status, view: &View) -> String {
    let pid = status.pid;
    if status.running.is_empty() {
        return format!("hupd (pid {pid}) is stopping; nothing is running\n");
    }
    let phase = match &status.phase {
        PhaseRow::Serving => "stopping".to_owned(),
        _ => phase(status, view),
    };
    let running = running_text(&status.running, view);
    format!("hupd (pid {pid}) is {phase}; it waits for:\n\n{running}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::tests::{running, view};
    use crate::status::tests::quiet;

    #[test]
    fn what_is_awaited_is_told() {
        let text = "hupd (pid 4) is stopping; nothing is running\n";
        assert_eq!(stop_text(&quiet(), &view()), text);
        let status = Status {
            phase: PhaseRow::Draining {
                stop_signals_at: "2026-11-23T06:00:30Z".parse().unwrap(),
            },
            running: vec![running(17)],
            ..quiet()
        };
        let text = "
hupd (pid 4) is draining until 2026-11-23 07:00:30 (in 30 s), then what still runs gets its stop signal; it waits for:

RUN  JOB     PID  STATE    SINCE                           LIMIT    TRIGGER
17   backup  99   running  2026-11-23 06:58:00  2 min ago  in 30 s  request
";
        assert_eq!(stop_text(&status, &view()), text.trim_start());
    }
}
