//! Starts that hang, as `status` and `show` tell of them: since when, and what is to be done.

use hupd::protocol::{HangingRow, NoStarters, RunDetails, RunningRow, Status};
use jiff::{SignedDuration, Timestamp};

use crate::screen::View;
use crate::visible::visible;

/// What takes no longer is no news.
const SOON: SignedDuration = SignedDuration::from_secs(2);
/// So many are named.
const MOST: usize = 5;

/// All of them, a line each.
pub fn hanging(status: &Status, view: &View) -> Option<String> {
    let starting = status.running.iter();
    let starting = starting.filter_map(|run| starting_long(run, view));
    let given_up = status.hanging.iter().map(|row| given_up(row, view));
    let lines: Vec<_> = starting.chain(given_up).collect();
    let more = lines.len().saturating_sub(MOST);
    let more = (more > 0).then(|| format!("and {more} more"));
    let lines: Vec<_> = lines.into_iter().take(MOST).chain(more).collect();
    (!lines.is_empty()).then(|| lines.join("\n    "))
}

fn starting_long(run: &RunningRow, view: &View) -> Option<String> {
    let since = run.starting_since?;
    let (number, job) = (run.run, visible(&run.job));
    let how = (view.times.now.duration_since(since) >= SOON)
        .then(|| being_started(&number.to_string(), since, view))?;
    Some(format!("run {number} of job '{job}' {how}"))
}

/// `is being started since …`, and what ends that.
fn being_started(run: &str, since: Timestamp, view: &View) -> String {
    let since = view.times.both(since);
    format!(
        "is being started since {since}: its program, a file or a folder does not answer, \
         or nobody is left to start it; 'hupctl kill {run}' gives it up"
    )
}

/// Of a start that was given up.
pub fn given_up(row: &HangingRow, view: &View) -> String {
    let (run, job) = (row.run, visible(&row.job));
    let since = view.times.both(row.since);
    format!(
        "the start of run {run} of job '{job}', since {since}, was given up and has not come back: \
         its program, a file or a folder does not answer, and until it does the job does not start"
    )
}

/// Of a run that is shown, where it is being started, or was and hangs on.
pub fn of_run(details: &RunDetails, view: &View) -> Option<String> {
    let (run, since) = (&details.run, details.starting_since?);
    Some(match run.ended_at {
        None => format!("it {}", being_started(&run.run.to_string(), since, view)),
        Some(_) => given_up(
            &HangingRow {
                run: run.run,
                job: run.job.clone(),
                since,
            },
            view,
        ),
    })
}

/// `all 64 threads that start runs are held up since …`
pub fn no_starters(held_up: &NoStarters, view: &View) -> String {
    let (starters, since) = (held_up.starters, view.times.both(held_up.since));
    let no_more = held_up.no_more.as_deref().map(visible);
    let no_more = no_more.map(|error| format!(", and another cannot be had: {error}"));
    let no_more = no_more.unwrap_or_default();
    format!(
        "all {starters} threads that start runs are held up since {since} by starts that hang{no_more}; \
         what waits starts when one of them has come back"
    )
}

#[cfg(test)]
mod tests {
    use hupd::run::RunId;

    use super::*;
    use crate::running::tests::{running, view};
    use crate::status::tests::quiet;

    fn starting(run: u64, since: &str) -> RunningRow {
        RunningRow {
            starting_since: Some(since.parse().unwrap()),
            ..running(run)
        }
    }

    #[test]
    fn starts_that_hang_are_told_with_what_is_to_be_done() {
        let status = Status {
            running: vec![
                starting(17, "2026-11-23T05:58:00Z"),
                starting(18, "2026-11-23T05:59:59Z"),
            ],
            hanging: vec![HangingRow {
                run: RunId(9),
                job: "mail".into(),
                since: "2026-11-23T04:00:00Z".parse().unwrap(),
            }],
            ..quiet()
        };
        let text = "\
run 17 of job 'backup' is being started since 2026-11-23 06:58:00 (2 min ago): its program, a file or a folder \
does not answer, or nobody is left to start it; 'hupctl kill 17' gives it up
    the start of run 9 of job 'mail', since 2026-11-23 05:00:00 (2 h ago), was given up and has not come back: \
its program, a file or a folder does not answer, and until it does the job does not start";
        assert_eq!(hanging(&status, &view()).as_deref(), Some(text));
        assert_eq!(hanging(&quiet(), &view()), None);
    }

    #[test]
    fn of_many_a_few_are_told() {
        let since = "2026-11-23T05:58:00Z";
        let status = Status {
            running: (1..=64).map(|run| starting(run, since)).collect(),
            ..quiet()
        };
        let text = hanging(&status, &view()).unwrap();
        assert_eq!(text.lines().count(), 6);
        assert!(text.ends_with("\n    and 59 more"), "{text}");
    }

    #[test]
    fn why_nobody_is_left_to_start_runs_is_told() {
        let held_up = |no_more: Option<&str>| NoStarters {
            since: "2026-11-23T05:58:00Z".parse().unwrap(),
            starters: 64,
            no_more: no_more.map(str::to_owned),
        };
        let begin = "all 64 threads that start runs are held up since 2026-11-23 06:58:00 (2 min ago) by starts that hang";
        let end = "; what waits starts when one of them has come back";
        let text = no_starters(&held_up(None), &view());
        assert_eq!(text, format!("{begin}{end}"));
        let text = no_starters(&held_up(Some("no\u{1b}")), &view());
        let more = ", and another cannot be had: no\\u{1b}";
        assert_eq!(text, format!("{begin}{more}{end}"));
    }
}
