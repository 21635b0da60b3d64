//! `hupctl why`: what became of an instant of a job, and why.

use std::fmt::Write;

use hupd::control::client::Client;
use hupd::protocol::{OccurrenceRow, Request, Why, WhyFilter, WhyInstant};
use hupd::why::WantedTime;

use crate::ending::{Ending, Failure};
use crate::runs::how_it_ended;
use crate::screen::{Screen, View};
use crate::table::{Fit, Table};
use crate::times::duration;
use crate::visible::visible;

pub fn why(
    client: &Client,
    screen: &mut Screen,
    job: String,
    at: Option<String>,
) -> Result<Ending, Failure> {
    if let Some(Err(text)) = at.as_deref().map(str::parse::<WantedTime>) {
        return Err(Failure::Usage(text));
    }
    let answer = client.ask(&Request::Why(WhyFilter { job, at }))?;
    if screen.is_for_programs() {
        screen.bytes(&answer.body)?;
        return Ok(Ending::Done);
    }
    let text = why_text(&answer.json()?, &screen.view);
    screen.bytes(text.as_bytes())?;
    Ok(Ending::Done)
}

fn why_text(why: &Why, view: &View) -> String {
    let mut text = String::new();
    match &*why.instants {
        [] => newest(&mut text, why, view),
        instants => {
            for instant in instants {
                at_instant(&mut text, instant, view);
            }
        }
    }
    for note in &why.notes {
        line(&mut text, &visible(note));
    }
    nearest(&mut text, "before", why.before.as_ref(), view);
    nearest(&mut text, "after", why.after.as_ref(), view);
    let next = why.next.as_ref().map(|next| {
        let moved = next.moved_from.as_ref();
        let moved = moved.map(|from| format!(", moved from {} by a clock change", visible(from)));
        let relative = view.times.relative(next.at);
        format!(
            "{}  {relative}{}",
            visible(&next.local),
            moved.unwrap_or_default()
        )
    });
    let next = next.unwrap_or_else(|| "none".to_owned());
    line(&mut text, &labelled("next", &next));
    text
}

fn newest(text: &mut String, why: &Why, view: &View) {
    if why.newest.is_empty() {
        line(
            text,
            &format!("no occurrence of job '{}' is recorded", visible(&why.job)),
        );
    } else {
        text.push_str(&occurrences_text(&why.newest, view));
    }
    text.push('\n');
}

fn occurrences_text(rows: &[OccurrenceRow], view: &View) -> String {
    let mut table = Table::new(&[
        ("TIME", Fit::Whole),
        ("", Fit::Spare),
        ("FATE", Fit::Whole),
        ("WHY", Fit::Cut),
        ("TRIGGER", Fit::Spare),
        ("GENERATION", Fit::Spare),
    ]);
    for row in rows {
        table.row([
            visible(&row.local),
            view.times.relative(row.at),
            visible(&row.fate),
            what(row),
            visible(&row.trigger),
            row.generation.to_string(),
        ]);
    }
    table.render(view.width)
}

/// `run 17 exited 0, moved from …`, or the reason alone.
fn what(row: &OccurrenceRow) -> String {
    let run = row.run.map(|run| match &row.details {
        Some(details) => format!("run {run} {}", how_it_ended(details)),
        None => format!("run {run}, which is not kept any more"),
    });
    let reason = Some(visible(&row.reason)).filter(|reason| !reason.is_empty());
    let both: Vec<_> = run.into_iter().chain(reason).collect();
    both.join("; ")
}

/// `skipped: run 16 is not over`
fn fate(row: &OccurrenceRow) -> String {
    let (fate, what) = (visible(&row.fate), what(row));
    match what.is_empty() {
        true => fate,
        false => format!("{fate}: {what}"),
    }
}

fn at_instant(text: &mut String, instant: &WhyInstant, view: &View) {
    if instant.occurrences.is_empty() {
        line(text, &format!("{}  no occurrence", visible(&instant.local)));
    }
    for row in &instant.occurrences {
        line(text, &format!("{}  {}", visible(&row.local), fate(row)));
        details(text, row, view);
    }
    for note in &instant.notes {
        line(text, &format!("  {}", visible(note)));
    }
    text.push('\n');
}

fn details(text: &mut String, row: &OccurrenceRow, view: &View) {
    let times = &view.times;
    let run = row.details.as_ref();
    let started = run.and_then(|run| run.started_at).map(|at| times.both(at));
    let ended = run.and_then(|run| {
        let took = run.duration_seconds.map(duration);
        let took = took.map_or_else(String::new, |took| format!(", after {took}"));
        Some(format!("{}{took}", times.both(run.ended_at?)))
    });
    let decided = format!(
        "{}, in generation {}",
        times.both(row.decided_at),
        row.generation
    );
    let lines = [
        ("trigger", Some(visible(&row.trigger))),
        ("decided", Some(decided)),
        ("started", started),
        ("ended", ended),
    ];
    for (label, value) in lines {
        if let Some(value) = value {
            line(text, &format!("  {}", labelled(label, &value)));
        }
    }
}

fn nearest(text: &mut String, label: &str, row: Option<&OccurrenceRow>, view: &View) {
    if let Some(row) = row {
        let (local, relative) = (visible(&row.local), view.times.relative(row.at));
        let value = format!("{local}  {relative}, {}", fate(row));
        line(text, &labelled(label, &value));
    }
}

fn labelled(label: &str, value: &str) -> String {
    format!("{label:<8} {value}")
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use hupd::protocol::NextRow;
    use hupd::run::RunId;

    use super::*;
    use crate::running::tests::view;
    use crate::runs::tests::ended;

    fn row(local: &str, fate: &str, reason: &str) -> OccurrenceRow {
        OccurrenceRow {
            at: local.parse().unwrap(),
            local: local.into(),
            trigger: "schedule".into(),
            fate: fate.into(),
            reason: reason.into(),
            generation: 3,
            decided_at: local.parse().unwrap(),
            run: None,
            details: None,
        }
    }

    fn why() -> Why {
        Why {
            job: "backup".into(),
            enabled: true,
            timing: "30 2 * * *".into(),
            timezone: "Europe/Berlin".into(),
            generation: 3,
            generation_since: "2026-11-20T06:00:00Z".parse().unwrap(),
            started_at: "2026-11-20T06:00:00Z".parse().unwrap(),
            oldest_kept: None,
            instants: vec![],
            newest: vec![],
            before: None,
            after: None,
            next: None,
            notes: vec![],
        }
    }

    #[test]
    fn the_newest_occurrences_are_a_table() {
        let ran = OccurrenceRow {
            run: Some(RunId(17)),
            details: Some(ended(17, "exited 0")),
            ..row("2026-11-23T06:58:00+01:00", "ran", "moved from \u{1b}")
        };
        let forgotten = OccurrenceRow {
            run: Some(RunId(1)),
            ..row("2026-11-21T07:00:00+01:00", "ran", "")
        };
        let skipped = row("2026-11-22T07:00:00+01:00", "skipped", "run 16 is not over");
        let why = Why {
            newest: vec![ran, skipped, forgotten],
            next: Some(NextRow {
                job: "backup".into(),
                at: "2026-11-23T06:02:00Z".parse().unwrap(),
                local: "2026-11-23T07:02:00+01:00".into(),
                moved_from: None,
            }),
            ..why()
        };
        let text = r"
TIME                                  FATE     WHY                                 TRIGGER   GENERATION
2026-11-23T06:58:00+01:00  2 min ago  ran      run 17 exited 0; moved from \u{1b}  schedule  3
2026-11-22T07:00:00+01:00  24 h ago   skipped  run 16 is not over                  schedule  3
2026-11-21T07:00:00+01:00  2 d ago    ran      run 1, which is not kept any more   schedule  3

next     2026-11-23T07:02:00+01:00  in 2 min
";
        assert_eq!(why_text(&why, &view()), text.trim_start());
    }

    #[test]
    fn nothing_recorded_is_a_sentence() {
        let text = "no occurrence of job 'backup' is recorded\n\nnext     none\n";
        assert_eq!(why_text(&why(), &view()), text);
    }

    #[test]
    fn an_instant_is_told_with_its_run_or_with_reasons() {
        let ran = OccurrenceRow {
            run: Some(RunId(17)),
            details: Some(ended(17, "exited 0")),
            ..row("2026-11-23T06:58:00+01:00", "ran", "")
        };
        let instant = |occurrences, notes: &[&str]| WhyInstant {
            at: "2026-11-23T05:58:00Z".parse().unwrap(),
            local: "2026-11-23T06:58:00+01:00".into(),
            named: true,
            occurrences,
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
        };
        let why = Why {
            instants: vec![
                instant(vec![ran], &[]),
                instant(
                    vec![],
                    &["the schedule does not name it", "it is still to come"],
                ),
            ],
            before: Some(row("2026-11-22T07:00:00+01:00", "missed", "asleep")),
            ..why()
        };
        let text = "
2026-11-23T06:58:00+01:00  ran: run 17 exited 0
  trigger  schedule
  decided  2026-11-23 06:58:00 (2 min ago), in generation 3
  started  2026-11-23 06:58:00 (2 min ago)
  ended    2026-11-23 06:58:01 (1 min ago), after 1.2 s

2026-11-23T06:58:00+01:00  no occurrence
  the schedule does not name it
  it is still to come

before   2026-11-22T07:00:00+01:00  24 h ago, missed: asleep
next     none
";
        assert_eq!(why_text(&why, &view()), text.trim_start());
    }
}
