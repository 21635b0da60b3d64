//! `hupctl next`: when jobs run next.

use hupd::config::Surroundings;
use hupd::control::MOST_ROWS;
use hupd::control::client::Client;
use hupd::protocol::{NextFilter, NextRow, NextRows, Request};
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::arguments::{NextArguments, USUAL_TIMES};
use crate::chart::chart;
use crate::ending::{Ending, Failure};
use crate::screen::{Screen, View};
use crate::source::Source;
use crate::table::{Fit, Table};
use crate::times::{Times, given};
use crate::visible::visible;

/// Between which times, as far as somebody said so.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// What the hupd that runs will do.
pub fn next(
    client: &Client,
    wanted: &NextArguments,
    screen: &mut Screen,
) -> Result<Ending, Failure> {
    let span = span(wanted, screen)?;
    show(&Source::Hupd(client), wanted, span, screen)
}

/// What a hupd would do that starts with a file.
pub fn of_file(
    wanted: &NextArguments,
    surroundings: &Surroundings,
    screen: &mut Screen,
) -> Result<Ending, Failure> {
    let span = span(wanted, screen)?;
    let file = wanted.file.as_deref().expect("a file is named");
    let from = span.from.unwrap_or(screen.view.times.now);
    match Source::file((file, file), from, (surroundings, screen))? {
        Ok(source) => show(&source, wanted, span, screen),
        Err(ending) => Ok(ending),
    }
}

/// Also that a chart is not for programs: whatever is wrong is told before anybody is asked.
fn span(wanted: &NextArguments, screen: &Screen) -> Result<Span, Failure> {
    if wanted.chart && screen.is_for_programs() {
        let text = "--chart: is for people, and has no JSON; leave out one of the two";
        return Err(Failure::Usage(text.to_owned()));
    }
    let times = &screen.view.times;
    let time = |option: &str, text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| given(option, text, Some(times.zone.clone())))
            .transpose()
    };
    let (from, to) = (time("--from", &wanted.from)?, time("--to", &wanted.to)?);
    if to.is_some_and(|to| to <= from.unwrap_or(times.now)) {
        let text = match from {
            Some(_) => "--to: is not after --from",
            None => "--to: is not after now",
        };
        return Err(Failure::Usage(text.to_owned()));
    }
    Ok(Span { from, to })
}

fn show(
    source: &Source<'_>,
    wanted: &NextArguments,
    span: Span,
    screen: &mut Screen,
) -> Result<Ending, Failure> {
    if wanted.chart {
        return chart(source, wanted.job.clone(), span, screen);
    }
    let usual = match span.to {
        Some(_) => MOST_ROWS,
        None => USUAL_TIMES,
    };
    let filter = NextFilter {
        job: wanted.job.clone(),
        from: span.from,
        to: span.to,
        count: wanted.number.unwrap_or(usual),
    };
    let answer = source.ask(&Request::Next(filter))?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
        return Ok(Ending::Done);
    }
    let rows: NextRows = answer.json()?;
    match &*rows.next {
        [] => screen.line(&nothing_due(
            wanted.job.as_deref(),
            span,
            &screen.view.times,
        ))?,
        rows => screen.bytes(next_text(rows, &screen.view.clone()).as_bytes())?,
    }
    if rows.more && span.to.is_some() && wanted.number.is_none() {
        let shown = rows.next.len();
        screen.aside(&format!(
            "hupctl: these are the first {shown}, there are more up to --to"
        ))?;
    }
    Ok(Ending::Done)
}

/// `no job has a next time`; where an end is given, between which times that is so.
pub fn nothing_due(job: Option<&str>, span: Span, times: &Times) -> String {
    let job = job.map(|job| format!("job '{}'", visible(job)));
    let Some(to) = span.to else {
        return match job {
            Some(job) => format!("{job} has no next time"),
            None => "no job has a next time".to_owned(),
        };
    };
    let (from, to) = (times.at(span.from.unwrap_or(times.now)), times.at(to));
    match job {
        Some(job) => format!("{job} is not due after {from} and up to {to}"),
        None => format!("no job is due after {from} and up to {to}"),
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
        let times = view().times;
        let always = Span {
            from: None,
            to: None,
        };
        let nothing_due = |job, span| super::nothing_due(job, span, &times);
        assert_eq!(nothing_due(None, always), "no job has a next time");
        assert_eq!(nothing_due(Some("x"), always), "job 'x' has no next time");
        let today = Span {
            to: Some("2026-11-23T23:00:00Z".parse().unwrap()),
            ..always
        };
        let after = "after 2026-11-23 07:00:00 and up to 2026-11-24 00:00:00";
        assert_eq!(nothing_due(None, today), format!("no job is due {after}"));
        assert_eq!(
            nothing_due(Some("x"), today),
            format!("job 'x' is not due {after}")
        );
    }
}
