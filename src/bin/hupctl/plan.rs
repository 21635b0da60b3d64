//! `hupctl plan`: what a file would change, and what would follow from that; nothing is changed.

use std::path::{Path, PathBuf};

use hupd::config::{KeyChange, Surroundings};
use hupd::control::client::Client;
use hupd::forecast::Forecast;
use hupd::plan::{Change, InForce, JobPlan, Note, NoteKind, Plan, Portrait};
use hupd::protocol::{NextRow, Request};
use jiff::Timestamp;

use crate::arguments::PlanArguments;
use crate::ending::{Ending, Failure};
use crate::screen::{Mood, Screen, View};
use crate::show::labelled;
use crate::source::Source;
use crate::visible::visible;

/// Against the hupd that runs, read as that would read it.
pub fn plan(
    client: &Client,
    wanted: &PlanArguments,
    screen: &mut Screen,
) -> Result<Ending, Failure> {
    let old: Portrait = client.get(&Request::InForce)?;
    let file = wanted.file.clone();
    let file = file.unwrap_or_else(|| PathBuf::from(&old.config_file));
    let surroundings = old.surroundings.clone().unwrap_or_default();
    match candidate(&file, wanted, (&surroundings, screen))? {
        Ok(new) => show(&Plan::between(&old, new), wanted, screen),
        Err(ending) => Ok(ending),
    }
}

/// Between two files, of which nothing runs.
pub fn of_files(
    (old, new): (&Path, &Path),
    wanted: &PlanArguments,
    (surroundings, screen): (&Surroundings, &mut Screen),
) -> Result<Ending, Failure> {
    let old = match forecast((old, old), (surroundings, screen))? {
        Ok((file, old)) => InForce::of_file(file, old).portrait(),
        Err(ending) => return Ok(ending),
    };
    match candidate(new, wanted, (surroundings, screen))? {
        Ok(new) => show(&Plan::between(&old, new), wanted, screen),
        Err(ending) => Ok(ending),
    }
}

/// The file that is compared, in the place that it is meant for.
fn candidate(
    file: &Path,
    wanted: &PlanArguments,
    (surroundings, screen): (&Surroundings, &mut Screen),
) -> Result<Result<(String, Forecast), Ending>, Failure> {
    let place = wanted.place.as_deref().unwrap_or(file);
    let read = forecast((file, place), (surroundings, screen))?;
    if read.is_err() && place != file {
        let (file, place) = (file.display().to_string(), place.display().to_string());
        let (file, place) = (visible(&file), visible(&place));
        screen.aside(&format!(
            "hupctl: what is told of {place} was read from {file}"
        ))?;
    }
    Ok(read)
}

/// What is wrong with the file is told; then there is none.
fn forecast(
    (file, place): (&Path, &Path),
    (surroundings, screen): (&Surroundings, &mut Screen),
) -> Result<Result<(String, Forecast), Ending>, Failure> {
    let now = screen.view.times.now;
    let named = file.display().to_string();
    Ok(
        match Source::file((file, place), now, (surroundings, screen))? {
            Ok(Source::File(forecast)) => Ok((named, forecast)),
            Ok(Source::Hupd(_)) => unreachable!("a file is no hupd"),
            Err(ending) => Err(ending),
        },
    )
}

fn show(plan: &Plan, wanted: &PlanArguments, screen: &mut Screen) -> Result<Ending, Failure> {
    match screen.is_for_programs() {
        true => {
            let json = serde_json::to_value(plan).expect("rows have string keys, so they are JSON");
            screen.json(&json)?;
        }
        false => {
            let text = plan_text(plan, &screen.view);
            screen.bytes(text.as_bytes())?;
        }
    }
    for setting in &plan.refused {
        let setting = visible(setting);
        screen.aside(&format!(
            "hupctl: {setting} cannot change while hupd runs: a reload would be refused; restart it instead"
        ))?;
    }
    let is_failure = !plan.refused.is_empty() || (wanted.exit_code && plan.changes);
    Ok(match is_failure {
        true => Ending::Failed,
        false => Ending::Done,
    })
}

fn plan_text(plan: &Plan, view: &View) -> String {
    let mut text = String::new();
    for setting in &plan.settings {
        let change = change(setting);
        text += &format!("~ {} = {change}\n", visible(&setting.key));
    }
    for job in &plan.jobs {
        text += &job_text(job, view);
    }
    for note in &plan.notes {
        text += &format!("{}\n", sentence(note, view));
    }
    let against = match plan.generation {
        Some(generation) => format!("generation {generation}"),
        None => visible(&plan.against),
    };
    let (file, summary) = (visible(&plan.file), &plan.summary);
    text + &format!("{file} against {against}: {summary}\n")
}

fn job_text(plan: &JobPlan, view: &View) -> String {
    let (sign, mood) = match plan.change {
        Change::Added => ('+', Mood::Usual),
        Change::Changed => ('~', Mood::Unusual),
        Change::Removed => ('-', Mood::Bad),
    };
    let head = format!("{sign} {}", visible(&plan.job));
    let keys = plan.keys.iter().map(|key| match plan.change {
        Change::Added => format!("{} = {}", visible(&key.key), visible(&key.new)),
        _ => format!("{} = {}", visible(&key.key), change(key)),
    });
    let keys: Vec<_> = keys.collect();
    let notes: Vec<_> = plan.notes.iter().map(|note| sentence(note, view)).collect();
    let rows = labelled([
        ("keys", Some(keys.join("\n"))),
        ("next", Some(next(plan, view))),
        ("then", Some(notes.join("\n"))),
    ]);
    let rows: String = rows.lines().map(|line| format!("    {line}\n")).collect();
    format!("{}\n{rows}", view.paint.over(&head, mood))
}

fn change(key: &KeyChange) -> String {
    let (old, new) = (visible(&key.old), visible(&key.new));
    match key.secret {
        true if key.key == "schedule" || key.key.ends_with("timezone") => {
            format!("{new} (other rules)")
        }
        true => format!("{new} (another value)"),
        false => format!("{old} → {new}"),
    }
}

fn sentence(note: &Note, view: &View) -> String {
    let (word, mood) = match note.kind {
        NoteKind::Lost => ("lost", Mood::Bad),
        NoteKind::Starts => ("starts", Mood::Unusual),
        NoteKind::Overlaps => ("overlaps", Mood::Unusual),
        NoteKind::GoesOn => ("goes on", Mood::Usual),
    };
    format!("{}: {}", view.paint.over(word, mood), visible(&note.text))
}

/// When it is due, before and after.
fn next(plan: &JobPlan, view: &View) -> String {
    let at = |row: &Option<NextRow>| row.as_ref().map(|row| row.at);
    let told =
        |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| view.times.both(at));
    let (before, after) = (at(&plan.next_before), at(&plan.next_after));
    match plan.change {
        Change::Added => told(after),
        _ if before == after => told(after),
        _ => format!("{} → {}", told(before), told(after)),
    }
}
