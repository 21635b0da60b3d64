//! `hupctl reload`: reads the configuration again, and waits for the verdict.

use hupd::control::client::Client;
use hupd::protocol::{Request, Verdict};

use crate::ending::{Ending, Failure};
use crate::screen::Screen;
use crate::times::duration;
use crate::visible::visible;

pub fn reload(client: &Client, screen: &mut Screen) -> Result<Ending, Failure> {
    let answer = client.ask(&Request::Reload)?;
    let verdict: Verdict = answer.json()?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
    }
    // Problems of a refused file, or warnings of one that was taken.
    if !verdict.problems.is_empty() {
        screen.aside(verdict.problems.trim_end_matches('\n'))?;
    }
    if !verdict.accepted {
        screen.aside(&refused(&verdict))?;
        return Ok(Ending::Failed);
    }
    if !screen.is_for_programs() {
        screen.line(&accepted(&verdict))?;
    }
    Ok(Ending::Done)
}

fn accepted(verdict: &Verdict) -> String {
    format!(
        "reloaded: generation {}: {} ({})",
        verdict.generation,
        visible(&verdict.summary),
        duration(verdict.seconds)
    )
}

fn refused(verdict: &Verdict) -> String {
    format!(
        "hupctl: reload refused: {}; generation {} stays in force",
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
        assert_eq!(refused(&verdict), text);
    }
}
