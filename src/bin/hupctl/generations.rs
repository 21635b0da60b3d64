//! `hupctl generations`: what came into force, what did not, and which runs are left of what.

use std::fmt::Write;

use hupd::control::client::Client;
use hupd::protocol::{GenerationDetails, GenerationRow, Generations, LiveRun, Request};

use crate::ending::{Ending, Failure};
use crate::screen::{Screen, View};
use crate::table::{Fit, Table};
use crate::times::duration;
use crate::visible::{visible, visible_lines};

/// So many runs of a generation are named.
const NAMED: usize = 3;

/// Whether the problems of what was refused are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problems {
    Counted,
    Printed,
}

pub fn generations(
    client: &Client,
    screen: &mut Screen,
    (number, problems): (usize, Problems),
) -> Result<Ending, Failure> {
    let answer = client.ask(&Request::Generations(number))?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
        return Ok(Ending::Done);
    }
    let rows = answer.json::<Generations>()?.generations;
    let mut text = table(&rows, &screen.view);
    if problems == Problems::Printed {
        text.push_str(&of_refused(&rows, &screen.view));
    }
    screen.bytes(text.as_bytes())?;
    Ok(Ending::Done)
}

/// The files as they were accepted, byte for byte where there is one; more are told apart by a comment each.
pub fn show(client: &Client, screen: &mut Screen, number: u64) -> Result<Ending, Failure> {
    let answer = client.ask(&Request::ShowGeneration(number))?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
        return Ok(Ending::Done);
    }
    let files = answer.json::<GenerationDetails>()?.files;
    for (place, file) in files.iter().enumerate() {
        if files.len() > 1 {
            let gap = if place == 0 { "" } else { "\n" };
            screen
                .bytes(format!("{gap}# {}\n", visible(&file.path.to_string_lossy())).as_bytes())?;
        }
        screen.bytes(file.text.as_bytes())?;
    }
    Ok(Ending::Done)
}

fn table(rows: &[GenerationRow], view: &View) -> String {
    let mut table = Table::new(&[
        ("GENERATION", Fit::Whole),
        ("WHEN", Fit::Whole),
        ("VERDICT", Fit::Whole),
        ("RUNS", Fit::Whole),
        ("SUMMARY", Fit::Cut),
        ("TOOK", Fit::Spare),
        ("ASKED BY", Fit::Spare),
    ]);
    for row in rows {
        let verdict = &row.verdict;
        table.row([
            number(row),
            view.times.at(verdict.at),
            word(row).to_owned(),
            runs(&row.runs),
            visible(&verdict.summary),
            duration(verdict.seconds),
            visible(&verdict.asked_by),
        ]);
    }
    table.render(view.width)
}

/// What was refused became none.
fn number(row: &GenerationRow) -> String {
    match row.verdict.accepted {
        true => row.verdict.generation.to_string(),
        false => "-".to_owned(),
    }
}

fn word(row: &GenerationRow) -> &'static str {
    let had_to_be = row.verdict.confirm_by.is_some();
    let is_unconfirmed = had_to_be && row.confirmed_by.is_none();
    match (row.verdict.accepted, row.in_force) {
        (_, true) if is_unconfirmed => "UNCONFIRMED",
        (_, true) => "in force",
        (true, false) if is_unconfirmed => "not confirmed",
        (true, false) => "accepted",
        (false, false) => "REFUSED",
    }
}

/// `17 backup, 18 mail, 19 mail and 4 more`
fn runs(runs: &[LiveRun]) -> String {
    let first = runs.iter().take(NAMED);
    let first: Vec<_> = first
        .map(|run| format!("{} {}", run.run, visible(&run.job)))
        .collect();
    let names = first.join(", ");
    match runs.len().saturating_sub(NAMED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

fn of_refused(rows: &[GenerationRow], view: &View) -> String {
    let mut text = String::new();
    for row in rows.iter().filter(|row| !row.verdict.accepted) {
        let verdict = &row.verdict;
        let (at, who) = (view.times.both(verdict.at), visible(&verdict.asked_by));
        let problems = visible_lines(verdict.problems.trim_end());
        writeln!(text, "\nREFUSED {at}, {who}:\n{problems}").expect("a string takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use hupd::protocol::Verdict;
    use hupd::run::RunId;

    use super::*;
    use crate::running::tests::{verdict, view};

    fn row(generation: u64, runs: u64) -> GenerationRow {
        GenerationRow {
            verdict: Verdict {
                generation,
                ..verdict()
            },
            in_force: generation == 4,
            kept: true,
            confirmed_by: None,
            runs: (1..=runs)
                .map(|number| LiveRun {
                    run: RunId(number),
                    job: "backup".into(),
                })
                .collect(),
        }
    }

    fn refused() -> GenerationRow {
        let mut refused = row(3, 0);
        refused.verdict.accepted = false;
        refused.verdict.summary = "configuration has 1 problem".into();
        refused.verdict.problems = "error: unknown key\n --> h.toml:3:1\n".into();
        refused
    }

    #[test]
    fn each_attempt_is_a_line_and_what_is_left_of_it_is_named() {
        let rows = [row(4, 1), refused(), row(3, 5)];
        let lines = [
            "GENERATION WHEN VERDICT RUNS SUMMARY TOOK ASKED BY",
            "4 2026-11-23 06:55:00 in force 1 backup no change 12 ms signal from pid 1, uid 0",
            "- 2026-11-23 06:55:00 REFUSED configuration has 1 problem 12 ms signal from pid 1, uid 0",
            "3 2026-11-23 06:55:00 accepted 1 backup, 2 backup, 3 backup and 2 more no change 12 ms signal from pid 1, uid 0",
        ];
        let shown = table(&rows, &view());
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(shown.lines().map(words).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn what_has_to_be_confirmed_is_told_apart() {
        let to_confirm = |generation| {
            let mut row = row(generation, 0);
            row.verdict.confirm_by = Some("2026-11-23T06:00:00Z".parse().unwrap());
            row
        };
        assert_eq!(word(&to_confirm(4)), "UNCONFIRMED");
        assert_eq!(word(&to_confirm(3)), "not confirmed");
        for (generation, expected) in [(4, "in force"), (3, "accepted")] {
            let mut confirmed = to_confirm(generation);
            confirmed.confirmed_by = Some("hupctl from pid 1, uid 0".into());
            assert_eq!(word(&confirmed), expected);
        }
    }

    #[test]
    fn what_was_wrong_is_told_below() {
        let text = "
REFUSED 2026-11-23 06:55:00 (5 min ago), signal from pid 1, uid 0:
error: unknown key
 --> h.toml:3:1
";
        assert_eq!(of_refused(&[row(4, 0), refused()], &view()), text);
    }
}
