//! `hupctl reload`: reads the configuration again, and waits for the verdict.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use hupd::control::client::{Client, Response};
use hupd::protocol::{Confirmed, Earlier, Request, Status, Verdict};

use crate::ending::{Ending, Failure};
use crate::reloading::awaited;
use crate::screen::Screen;
use crate::times::{Times, duration};
use crate::visible::visible;

pub fn reload(
    client: &Client,
    screen: &mut Screen,
    confirm_within: Option<Duration>,
) -> Result<Ending, Failure> {
    told(client, screen, &Request::Reload { confirm_within })
}

/// What came into force stays.
pub fn confirm(client: &Client, screen: &mut Screen) -> Result<Ending, Failure> {
    let answer = client.ask(&Request::Confirm)?;
    let told: Confirmed = answer.json()?;
    match screen.is_for_programs() {
        true => screen.bytes(&answer.body)?,
        false => screen.line(&confirmed(&told))?,
    }
    let Some(why) = &told.not_recorded else {
        return Ok(Ending::Done);
    };
    screen.aside(&not_recorded(&told, why))?;
    Ok(Ending::NotRecorded)
}

fn confirmed(confirmed: &Confirmed) -> String {
    let (generation, before) = (confirmed.generation, confirmed.instead_of);
    format!(
        "confirmed: generation {generation} stays in force, and generation {before} does not come back"
    )
}

fn not_recorded(confirmed: &Confirmed, why: &str) -> String {
    let (why, before) = (visible(why), confirmed.instead_of);
    format!(
        "hupctl: that is not on record, for the history cannot be written: {why}; if hupd ends before it is, the next one \
         starts by the text of generation {before}: make room or mend that, and hupd writes it by itself, which has happened \
         when 'hupctl status' has no line HISTORY LOST any more"
    )
}

/// Brings an earlier generation back, and waits for the verdict.
pub fn roll_back(client: &Client, screen: &mut Screen, to: Option<u64>) -> Result<Ending, Failure> {
    let to = to.map_or(Earlier::Before, Earlier::Number);
    told(client, screen, &Request::Rollback(to))
}

/// So long nothing is said while the verdict is awaited.
const PATIENCE: Duration = Duration::from_secs(5);

/// Says once for what the verdict waits, where that takes long.
fn ask_patiently(
    client: &Client,
    screen: &mut Screen,
    request: &Request,
) -> Result<Response, Failure> {
    thread::scope(|scope| {
        let (sender, answer) = mpsc::channel();
        let ask = move || sender.send(client.ask(request));
        if thread::Builder::new().spawn_scoped(scope, ask).is_err() {
            return Ok(client.ask(request)?);
        }
        match answer.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Timeout) => screen.aside(&waiting(client, screen))?,
            Ok(answer) => return Ok(answer?),
            Err(RecvTimeoutError::Disconnected) => {}
        }
        Ok(answer.recv().expect("an answer or an error comes")?)
    })
}

fn waiting(client: &Client, screen: &Screen) -> String {
    let status = client.get::<Status>(&Request::Status);
    let reloading = status.ok().and_then(|status| status.reloading);
    match reloading {
        Some(reloading) => {
            let since = screen.view.times.at(reloading.reloading_since);
            let awaited = awaited(&reloading);
            format!("hupctl: no verdict yet: since {since} {awaited}; waiting for it")
        }
        None => "hupctl: no verdict yet; waiting for it".to_owned(),
    }
}

fn told(client: &Client, screen: &mut Screen, request: &Request) -> Result<Ending, Failure> {
    let answer = ask_patiently(client, screen, request)?;
    let verdict: Verdict = answer.json()?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
    }
    // Problems of a refused file, or warnings of one that was taken.
    if !verdict.problems.is_empty() {
        screen.aside(verdict.problems.trim_end_matches('\n'))?;
    }
    if !verdict.accepted {
        screen.aside(&refused(&verdict, request))?;
        return Ok(Ending::Failed);
    }
    if !screen.is_for_programs() {
        screen.line(&accepted(&verdict, request))?;
        if let Some(text) = to_confirm(&verdict, request, &screen.view.times) {
            screen.aside(&format!("hupctl: {text}"))?;
        }
        if verdict.text_of.is_some() {
            screen.aside(
                "hupctl: the file on disk is not in force now: 'hupctl reload' or a HUP reads it",
            )?;
        }
    }
    Ok(Ending::Done)
}

fn accepted(verdict: &Verdict, request: &Request) -> String {
    let what = match (request, verdict.text_of) {
        (_, Some(text_of)) => format!("rolled back to the text of generation {text_of}"),
        // There and back again.
        (Request::Rollback(_), None) => {
            "rolled back to what the file said when it was read last".to_owned()
        }
        _ => "reloaded".to_owned(),
    };
    format!(
        "{what}: generation {}: {} ({})",
        verdict.generation,
        visible(&verdict.summary),
        duration(verdict.seconds)
    )
}

/// What is to be done now, or need not be.
fn to_confirm(verdict: &Verdict, request: &Request, times: &Times) -> Option<String> {
    let wanted = matches!(
        request,
        Request::Reload {
            confirm_within: Some(_)
        }
    );
    match verdict.confirm_by {
        Some(by) => Some(format!(
            "what was in force before comes back unless 'hupctl confirm' comes by {}",
            times.both(by)
        )),
        None if wanted => {
            Some("nothing has to be confirmed: the files say what they said before".to_owned())
        }
        None => None,
    }
}

fn refused(verdict: &Verdict, request: &Request) -> String {
    let what = match request {
        Request::Rollback(_) => "rollback",
        _ => "reload",
    };
    format!(
        "hupctl: {what} refused: {}; generation {} stays in force",
        visible(&verdict.summary),
        verdict.generation
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::tests::{verdict, view};

    #[test]
    fn what_has_to_be_confirmed_is_told_until_when() {
        let mut verdict = verdict();
        let asked = |confirm_within| Request::Reload { confirm_within };
        let told = |verdict: &Verdict, time| to_confirm(verdict, &asked(time), &view().times);
        let time = Some(Duration::from_secs(60));
        assert_eq!(told(&verdict, None), None);
        let text = "nothing has to be confirmed: the files say what they said before";
        assert_eq!(told(&verdict, time).as_deref(), Some(text));
        verdict.confirm_by = Some("2026-11-23T06:01:00Z".parse().unwrap());
        let text = "what was in force before comes back unless 'hupctl confirm' comes by 2026-11-23 07:01:00 (in 60 s)";
        // Also to whoever reloads meanwhile.
        for time in [None, time] {
            assert_eq!(told(&verdict, time).as_deref(), Some(text));
        }
    }

    #[test]
    fn the_verdict_names_the_generation_in_force() {
        let text = "reloaded: generation 4: 1 added, 2 unchanged (12 ms)";
        let mut verdict = verdict();
        verdict.summary = "1 added, 2 unchanged".into();
        let reload = Request::Reload {
            confirm_within: None,
        };
        assert_eq!(accepted(&verdict, &reload), text);
        verdict.summary = "2 problems".into();
        let text = "hupctl: reload refused: 2 problems; generation 4 stays in force";
        assert_eq!(refused(&verdict, &reload), text);
    }
}
