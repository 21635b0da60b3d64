//! `hupctl reload`: reads the configuration again, and waits for the verdict.

use hupd::control::client::Client;
use hupd::protocol::{Earlier, Request, Verdict};

use crate::ending::{Ending, Failure};
use crate::screen::Screen;
use crate::times::duration;
use crate::visible::visible;

pub fn reload(client: &Client, screen: &mut Screen) -> Result<Ending, Failure> {
    told(client, screen, &Request::Reload)
}

/// Brings an earlier generation back, and waits for the verdict.
pub fn roll_back(client: &Client, screen: &mut Screen, to: Option<u64>) -> Result<Ending, Failure> {
    let to = to.map_or(Earlier::Before, Earlier::Number);
    told(client, screen, &Request::Rollback(to))
}

fn told(client: &Client, screen: &mut Screen, request: &Request) -> Result<Ending, Failure> {
    let answer = client.ask(request)?;
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
        screen.line(&accepted(&verdict))?;
        if verdict.text_of.is_some() {
            screen.aside(
                "hupctl: the file on disk is not in force now: 'hupctl reload' or a HUP reads it",
            )?;
        }
    }
    Ok(Ending::Done)
}

fn accepted(verdict: &Verdict) -> String {
    let what = match verdict.text_of {
        Some(text_of) => format!("rolled back to the text of generation {text_of}"),
        None => "reloaded".to_owned(),
    };
    format!(
        "{what}: generation {}: {} ({})",
        verdict.generation,
        visible(&verdict.summary),
        duration(verdict.seconds)
    )
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
    use crate::running::tests::verdict;

    #[test]
    fn the_verdict_names_the_generation_in_force() {
        let text = "reloaded: generation 4: 1 added, 2 unchanged (12 ms)";
        let mut verdict = verdict();
        verdict.summary = "1 added, 2 unchanged".into();
        assert_eq!(accepted(&verdict), text);
        verdict.summary = "2 problems".into();
        let text = "hupctl: reload refused: 2 problems; generation 4 stays in force";
        assert_eq!(refused(&verdict, &Request::Reload), text);
    }
}
