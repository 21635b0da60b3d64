//! `hupctl pause`, `hupctl resume`: a job is not due by itself for a while.

use std::time::Duration;

use hupd::control::client::Client;
use hupd::protocol::{JobRow, PauseRequest, PauseRow, Request};
use jiff::Timestamp;

use crate::ending::{Ending, Failure};
use crate::screen::Screen;
use crate::times::{Times, given};
use crate::visible::visible;

/// When a pause ends by itself, if somebody said so.
pub fn until(
    until: Option<&str>,
    time: Option<Duration>,
    times: &Times,
) -> Result<Option<Timestamp>, Failure> {
    if let Some(text) = until {
        let until = given("--until", text, Some(times.zone.clone()))?;
        return match until > times.now {
            true => Ok(Some(until)),
            false => Err(Failure::Usage("--until: is not after now".to_owned())),
        };
    }
    let Some(time) = time else { return Ok(None) };
    let until = times.now.checked_add(time);
    let beyond = |_| Failure::Usage("--for: ends after the year 9999".to_owned());
    until.map(Some).map_err(beyond)
}

pub fn pause(client: &Client, screen: &mut Screen, pause: PauseRequest) -> Result<Ending, Failure> {
    tell(client, screen, &Request::Pause(pause))
}

pub fn resume(client: &Client, screen: &mut Screen, job: String) -> Result<Ending, Failure> {
    tell(client, screen, &Request::Resume { job })
}

fn tell(client: &Client, screen: &mut Screen, request: &Request) -> Result<Ending, Failure> {
    let answer = client.ask(request)?;
    match screen.is_for_programs() {
        true => screen.bytes(&answer.body)?,
        false => screen.line(&told(&answer.json()?, &screen.view.times))?,
    }
    Ok(Ending::Done)
}

fn told(job: &JobRow, times: &Times) -> String {
    let name = visible(&job.job);
    if let Some(pause) = &job.paused {
        return format!("job '{name}' {}", paused(pause, times));
    }
    match job.next {
        Some(next) => format!(
            "job '{name}' is resumed; its next time is {}",
            times.both(next)
        ),
        None => format!("job '{name}' is resumed; it has no next time"),
    }
}

/// `is paused until 2026-11-23 07:00:00 (in 3 h), by …: reason`
pub fn paused(pause: &PauseRow, times: &Times) -> String {
    let until = match pause.until {
        Some(until) => format!("until {}", times.both(until)),
        None => "until it is resumed".to_owned(),
    };
    let by = visible(&pause.by);
    match &*visible(&pause.reason) {
        "" => format!("is paused {until}, by {by}"),
        reason => format!("is paused {until}, by {by}: {reason}"),
    }
}
