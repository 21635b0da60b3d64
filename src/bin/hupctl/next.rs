//! `hupctl next`: when jobs run next.

use hupd::control::client::Client;
use hupd::protocol::{NextRow, Request};
use jiff::tz::Offset;
use serde::Deserialize;

use crate::ending::{Ending, Failure};
use crate::screen::{Screen, View};
use crate::table::{Fit, Table};
use crate::times::Times;
use crate::visible::visible;

#[derive(Deserialize)]
struct Next {
    next: Vec<NextRow>,
}

pub fn next(
    client: &Client,
    screen: &mut Screen,
    job: Option<String>,
    count: usize,
) -> Result<Ending, Failure> {
    let nothing = nothing_due(job.as_deref());
    let answer = client.ask(&Request::Next { job, count })?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
        return Ok(Ending::Done);
    }
    match &*answer.json::<Next>()?.next {
        [] => screen.line(&nothing)?,
        rows => screen.bytes(next_text(rows, &screen.view.clone()).as_bytes())?,
    }
    Ok(Ending::Done)
}

fn nothing_due(job: Option<&str>) -> String {
    match job {
        Some(job) => format!("job '{}' has no next time", visible(job)),
        None => "no job has a next time".to_owned(),
    }
}

fn next_text(rows: &[NextRow], view: &View) -> String {
    let mut table = Table::new(&[
        ("TIME", Fit::Whole),
        ("", Fit::Whole),
        ("JOB", Fit::Cut),
        ("NOTE", Fit::Cut),
    ]);
    for row in rows {
        table.row([
            view.times.at(row.at),
            view.times.relative(row.at),
            visible(&row.job),
            note(row, &view.times),
        ]);
    }
    table.render(view.width)
}

/// What is different about it: its zone, or a clock change.
fn note(row: &NextRow, times: &Times) -> String {
    let here = times.zone.to_offset(row.at);
    let there = format!("{} for the job", visible(&row.local));
    let zone = offset(&row.local)
        .is_some_and(|offset| offset != here)
        .then_some(there);
    let moved = row
        .moved_from
        .as_ref()
        .map(|from| format!("moved from {} by a clock change", visible(from)));
    let notes: Vec<String> = zone.into_iter().chain(moved).collect();
    notes.join(", ")
}

/// The offset that a time of RFC 3339 is written with.
fn offset(local: &str) -> Option<Offset> {
    let pieces = jiff::fmt::temporal::DateTimeParser::new()
        .parse_pieces(local)
        .ok()?;
    pieces.to_numeric_offset()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::tests::view;

    fn row(job: &str, at: &str, local: &str) -> NextRow {
        NextRow {
            job: job.into(),
            at: at.parse().unwrap(),
            local: local.into(),
            moved_from: None,
        }
    }

    #[test]
    fn what_is_different_is_noted() {
        let rows = [
            row("a", "2026-11-23T06:00:30Z", "2026-11-23T07:00:30+01:00"),
            row("b", "2026-11-23T07:00:00Z", "2026-11-23T07:00:00Z"),
            NextRow {
                moved_from: Some("2027-03-28T02:30:00".into()),
                ..row("c", "2027-03-28T01:00:00Z", "2027-03-28T03:00:00+02:00")
            },
        ];
        let text = "
TIME                            JOB  NOTE
2026-11-23 07:00:30  in 30 s    a
2026-11-23 08:00:00  in 60 min  b    2026-11-23T07:00:00Z for the job
2027-03-28 02:00:00  in 124 d   c    2027-03-28T03:00:00+02:00 for the job, moved from 2027-03-28T02:30:00 by a clock change
";
        assert_eq!(next_text(&rows, &view()), text.trim_start());
    }

    #[test]
    fn a_job_without_a_next_time_is_named() {
        assert_eq!(nothing_due(None), "no job has a next time");
        assert_eq!(nothing_due(Some("x")), "job 'x' has no next time");
    }
}
