//! `hupctl status`: what hupd is doing.

use std::fmt::Write;

use hupd::control::client::Client;
use hupd::protocol::{Because, Degraded, PhaseRow, Request, Status, Unconfirmed, Verdict};

use crate::ending::{Ending, Failure};
use crate::hanging::{hanging, no_starters};
use crate::reloading::reloading;
use crate::running::running_text;
use crate::screen::{Screen, View};
use crate::short::short;
use crate::times::duration;
use crate::visible::{visible, visible_lines};
use crate::waiting::{waiting, waiting_text};
use crate::watching::{configuration, watching};

pub fn status(client: &Client, screen: &mut Screen) -> Result<Ending, Failure> {
    let answer = client.ask(&Request::Status)?;
    let status = answer.json()?;
    match screen.is_for_programs() {
        true => screen.bytes(&answer.body)?,
        false => screen.bytes(status_text(&status, &screen.view).as_bytes())?,
    }
    Ok(match status.degraded {
        Some(_) => Ending::Failed,
        None => Ending::Done,
    })
}

fn status_text(status: &Status, view: &View) -> String {
    let lines = [
        ("phase", Some(phase(status, view))),
        (
            "HISTORY LOST",
            status
                .store_failure
                .as_ref()
                .map(|reason| lost_history(reason, status, view)),
        ),
        (
            "NO STARTS",
            status
                .no_starters
                .as_ref()
                .map(|held_up| no_starters(held_up, view)),
        ),
        ("HANGS", hanging(status, view)),
        ("SHORT", short(&status.running, view)),
        ("OLD HISTORY", status.history_moved.as_deref().map(visible)),
        ("DEGRADED", degraded(status, view)),
        ("NOT THE FILE", not_the_file(status)),
        (
            "UNCONFIRMED",
            status.unconfirmed.as_ref().map(|it| unconfirmed(it, view)),
        ),
        ("hupd", Some(program(status, view))),
        ("configuration", Some(configuration(status))),
        ("watch_config", status.watching.as_ref().map(watching)),
        ("generation", Some(generation(status, view))),
        reloading(status, view),
        (
            "last reload",
            status
                .last_reload
                .as_ref()
                .map(|verdict| reload(verdict, view)),
        ),
        ("jobs", Some(jobs(status))),
        ("next", Some(next(status, view))),
        ("waiting", waiting(status)),
        ("running", Some(number_of_runs(status))),
    ];
    let mut text = String::new();
    for (label, value) in lines {
        if let Some(value) = value {
            writeln!(text, "{label:<14} {value}").expect("a string takes everything");
        }
    }
    if !status.running.is_empty() {
        text.push('\n');
        text.push_str(&running_text(&status.running, view));
    }
    if !status.first_waiting.is_empty() {
        text.push('\n');
        text.push_str(&waiting_text(&status.first_waiting, view));
    }
    text
}

/// `serving`, `draining until …`, `stopping`.
pub fn phase(status: &Status, view: &View) -> String {
    match &status.phase {
        PhaseRow::Serving => "serving".to_owned(),
        PhaseRow::Draining { stop_signals_at } => {
            let until = view.times.both(*stop_signals_at);
            format!("draining until {until}, then what still runs gets its stop signal")
        }
        PhaseRow::Stopping => "stopping: the stop signals have been sent".to_owned(),
    }
}

/// Since when, and what that comes to.
fn lost_history(reason: &str, status: &Status, view: &View) -> String {
    let reason = visible(reason);
    let Some(unrecorded) = &status.unrecorded else {
        return format!("jobs run, but nothing is being recorded: {reason}");
    };
    let since = view.times.both(unrecorded.since);
    let (waiting, lost) = (unrecorded.waiting, unrecorded.lost);
    format!(
        "jobs run, but nothing is being recorded since {since}: {reason}; records that wait: {waiting}, lost: {lost}"
    )
}

/// A person must act, whatever is in force. What is wrong with the file stands there already where that was the last verdict.
fn degraded(status: &Status, view: &View) -> Option<String> {
    let Degraded { since, problems } = status.degraded.as_ref()?;
    let since = view.times.both(*since);
    let text = format!(
        "the file was not valid when hupd started, {since}, and has not been found right since: mend it and reload"
    );
    let last = status.last_reload.as_ref();
    let is_told = last.is_some_and(|last| last.problems == *problems);
    let problems = Some(problems).filter(|_| !is_told);
    Some(text + &problems.map_or_else(String::new, |problems| indented(problems)))
}

fn not_the_file(status: &Status) -> Option<String> {
    let text_of = status.text_of?;
    let why = match status.text_because {
        Some(Because::NotConfirmed) => ", for nobody confirmed what came after it",
        Some(Because::InvalidAtStart) => ", for that was not valid when hupd started",
        Some(Because::RolledBack) | None => "",
    };
    Some(format!(
        "the text of generation {text_of} is in force, not the file on disk{why}: 'hupctl reload' or a HUP reads that"
    ))
}

fn unconfirmed(unconfirmed: &Unconfirmed, view: &View) -> String {
    let (back_to, by) = (unconfirmed.back_to, view.times.both(unconfirmed.confirm_by));
    match &unconfirmed.failure {
        None => format!(
            "the text of generation {back_to} comes back unless 'hupctl confirm' comes by {by}"
        ),
        Some(why) => format!(
            "the text of generation {back_to} was to come back and could not: {}; next try at {by}, unless 'hupctl confirm' comes",
            visible(why)
        ),
    }
}

fn program(status: &Status, view: &View) -> String {
    let (version, pid) = (visible(&status.version), status.pid);
    let since = view.times.both(status.started_at);
    format!("{version}, pid {pid}, since {since}")
}

fn generation(status: &Status, view: &View) -> String {
    let since = view.times.both(status.generation_since);
    format!("{}, since {since}", status.generation)
}

fn reload(verdict: &Verdict, view: &View) -> String {
    let word = match verdict.accepted {
        true => "accepted",
        false => "REFUSED",
    };
    let at = view.times.both(verdict.at);
    let (who, summary) = (visible(&verdict.asked_by), visible(&verdict.summary));
    let took = duration(verdict.seconds);
    format!("{word} {at}, {who}: {summary} ({took})") + &indented(&verdict.problems)
}

/// Below the line that they belong to.
fn indented(problems: &str) -> String {
    let problems = visible_lines(problems);
    problems
        .lines()
        .map(|line| format!("\n    {line}"))
        .collect()
}

fn jobs(status: &Status) -> String {
    let of_them = [
        (status.disabled_jobs, "disabled"),
        (status.paused_jobs, "paused"),
    ];
    let of_them = of_them.into_iter().filter(|(count, _)| *count > 0);
    let of_them = of_them.map(|(count, how)| format!(", {count} of them {how}"));
    format!("{}{}", status.jobs, of_them.collect::<String>())
}

fn next(status: &Status, view: &View) -> String {
    match &status.next {
        Some(next) => format!("'{}' at {}", visible(&next.job), view.times.both(next.at)),
        None => "no job has a next time".to_owned(),
    }
}

fn number_of_runs(status: &Status) -> String {
    match status.running.len() {
        0 => "nothing".to_owned(),
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    }
}

#[cfg(test)]
pub mod tests {
    use hupd::protocol::{NextRow, Unrecorded, WaitingRow, Watching};
    use hupd::run::{RunId, Trigger};

    use super::*;
    use crate::running::tests::{running, verdict, view};

    pub fn quiet() -> Status {
        Status {
            version: "0.1.0".into(),
            pid: 4,
            started_at: "2026-11-20T05:00:00Z".parse().unwrap(),
            phase: PhaseRow::Serving,
            config_file: "/etc/hupd/hupd.toml".into(),
            generation: 3,
            generation_since: "2026-11-23T05:00:00Z".parse().unwrap(),
            text_of: None,
            text_because: None,
            degraded: None,
            unconfirmed: None,
            last_reload: None,
            jobs: 14,
            disabled_jobs: 0,
            paused_jobs: 0,
            waiting: 0,
            first_waiting: vec![],
            running: vec![],
            next: None,
            store_failure: None,
            unrecorded: None,
            history_moved: None,
            watch_config: false,
            watching: None,
            no_starters: None,
            hanging: vec![],
            reloading: None,
        }
    }

    pub fn waiting_row() -> WaitingRow {
        WaitingRow {
            run: RunId(18),
            job: "dump".into(),
            trigger: Trigger::Schedule,
            scheduled_for: "2026-11-23T05:58:00Z".parse().unwrap(),
            starts_at: None,
            why: "run 17 of job 'backup' is not over (group = \"disk\")".into(),
        }
    }

    #[test]
    fn a_quiet_hupd_is_told_in_few_lines() {
        let text = "
phase          serving
hupd           0.1.0, pid 4, since 2026-11-20 06:00:00 (3 d ago)
configuration  /etc/hupd/hupd.toml
generation     3, since 2026-11-23 06:00:00 (60 min ago)
jobs           14
next           no job has a next time
running        nothing
";
        assert_eq!(status_text(&quiet(), &view()), text.trim_start());
    }

    #[test]
    fn what_needs_attention_stands_out() {
        let verdict = Verdict {
            accepted: false,
            generation: 3,
            summary: "1 problem".into(),
            problems: "error: unknown key\n  --> h.toml:3\u{1b}\n".into(),
            ..verdict()
        };
        let next = NextRow {
            job: "mail".into(),
            at: "2026-11-23T06:01:30Z".parse().unwrap(),
            local: String::new(),
            moved_from: None,
        };
        let status = Status {
            phase: PhaseRow::Draining {
                stop_signals_at: "2026-11-23T06:00:30Z".parse().unwrap(),
            },
            last_reload: Some(verdict),
            store_failure: Some("disk full".into()),
            unrecorded: Some(Unrecorded {
                since: "2026-11-23T05:55:00Z".parse().unwrap(),
                waiting: 12,
                lost: 3,
            }),
            history_moved: Some("h.db: cannot be read".into()),
            disabled_jobs: 2,
            paused_jobs: 1,
            waiting: 3,
            first_waiting: vec![waiting_row()],
            running: vec![running(17)],
            next: Some(next),
            watch_config: true,
            watching: Some(Watching::Degraded {
                reason: "/etc/hupd: is on NFS".into(),
            }),
            ..quiet()
        };
        let text = r#"
phase          draining until 2026-11-23 07:00:30 (in 30 s), then what still runs gets its stop signal
HISTORY LOST   jobs run, but nothing is being recorded since 2026-11-23 06:55:00 (5 min ago): disk full; records that wait: 12, lost: 3
OLD HISTORY    h.db: cannot be read
hupd           0.1.0, pid 4, since 2026-11-20 06:00:00 (3 d ago)
configuration  /etc/hupd/hupd.toml, reloaded when it changes
watch_config   on, DEGRADED: the files are only looked through now and then: /etc/hupd: is on NFS
generation     3, since 2026-11-23 06:00:00 (60 min ago)
last reload    REFUSED 2026-11-23 06:55:00 (5 min ago), signal from pid 1, uid 0: 1 problem (12 ms)
    error: unknown key
      --> h.toml:3\u{1b}
jobs           14, 2 of them disabled, 1 of them paused
next           'mail' at 2026-11-23 07:01:30 (in 90 s)
waiting        3, of which the first 1:
running        1 run

RUN  JOB     PID  STATE    SINCE                           LIMIT    TRIGGER
17   backup  99   running  2026-11-23 06:58:00  2 min ago  in 30 s  request

WAITING  JOB   DUE                             FOR
18       dump  2026-11-23 06:58:00  2 min ago  run 17 of job 'backup' is not over (group = "disk")
"#;
        assert_eq!(status_text(&status, &view()), text.trim_start());
    }
}
