//! The runs that are alive, as `status` and `stop` show them.

use hupd::protocol::RunningRow;

use crate::screen::View;
use crate::table::{Fit, Table};
use crate::visible::visible;

pub fn running_text(runs: &[RunningRow], view: &View) -> String {
    let mut table = Table::new(&[
        ("RUN", Fit::Whole),
        ("JOB", Fit::Cut),
        ("PID", Fit::Whole),
        ("STATE", Fit::Whole),
        ("SINCE", Fit::Whole),
        ("", Fit::Spare),
        ("LIMIT", Fit::Whole),
        ("TRIGGER", Fit::Spare),
    ]);
    for run in runs {
        let since = run.started_at.unwrap_or(run.scheduled_for);
        let limit = run.limit_at.map(|at| view.times.relative(at));
        table.row([
            run.run.to_string(),
            visible(&run.job),
            run.pid
                .map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            state(run, view),
            view.times.at(since),
            view.times.relative(since),
            limit.unwrap_or_else(|| "none".to_owned()),
            run.trigger.to_string(),
        ]);
    }
    table.render(view.width)
}

/// `running`, `running, attempt 2 of 3`, `attempt 2 of 3 in 27 s`.
fn state(run: &RunningRow, view: &View) -> String {
    let (state, attempts) = (visible(&run.state), run.attempts);
    match run.next_attempt_at {
        Some(at) => {
            let (next, when) = (run.attempt + 1, view.times.relative(at));
            format!("attempt {next} of {attempts} {when}")
        }
        None if run.attempt > 1 => format!("{state}, attempt {} of {attempts}", run.attempt),
        None => state,
    }
}

#[cfg(test)]
pub mod tests {
    use hupd::protocol::Verdict;
    use hupd::run::{RunId, Trigger};
    use jiff::tz::{TimeZone, offset};

    use super::*;
    use crate::screen::Paint;
    use crate::times::Times;

    pub fn view() -> View {
        View {
            times: Times {
                now: "2026-11-23T06:00:00Z".parse().unwrap(),
                zone: TimeZone::fixed(offset(1)),
            },
            width: None,
            paint: Paint::Plain,
        }
    }

    pub fn verdict() -> Verdict {
        Verdict {
            at: "2026-11-23T05:55:00Z".parse().unwrap(),
            asked_by: "signal from pid 1, uid 0".into(),
            accepted: true,
            generation: 4,
            summary: "no change".into(),
            problems: String::new(),
            problem_count: 0,
            seconds: 0.012,
            spent: None,
            text_of: None,
            confirm_by: None,
        }
    }

    pub fn running(number: u64) -> RunningRow {
        RunningRow {
            run: RunId(number),
            job: "backup".into(),
            pid: Some(99),
            trigger: Trigger::Request,
            scheduled_for: "2026-11-23T05:58:00Z".parse().unwrap(),
            started_at: Some("2026-11-23T05:58:00Z".parse().unwrap()),
            starting_since: None,
            shortage: None,
            limit_at: Some("2026-11-23T06:00:30Z".parse().unwrap()),
            state: "running".into(),
            generation: 3,
            attempt: 1,
            attempts: 1,
            next_attempt_at: None,
        }
    }

    #[test]
    fn attempts_are_told_where_there_is_more_than_one() {
        let resting = RunningRow {
            attempts: 3,
            next_attempt_at: Some("2026-11-23T06:00:27Z".parse().unwrap()),
            ..running(17)
        };
        assert_eq!(state(&resting, &view()), "attempt 2 of 3 in 27 s");
        let second = RunningRow {
            attempt: 2,
            next_attempt_at: None,
            ..resting
        };
        assert_eq!(state(&second, &view()), "running, attempt 2 of 3");
        assert_eq!(state(&running(17), &view()), "running");
    }

    #[test]
    fn limits_and_processes_are_shown_where_there_are_any() {
        let young = RunningRow {
            pid: None,
            limit_at: None,
            state: "starting".into(),
            ..running(18)
        };
        let text = "
RUN  JOB     PID  STATE     SINCE                           LIMIT    TRIGGER
17   backup  99   running   2026-11-23 06:58:00  2 min ago  in 30 s  request
18   backup  -    starting  2026-11-23 06:58:00  2 min ago  none     request
";
        assert_eq!(
            running_text(&[running(17), young], &view()),
            text.trim_start()
        );
    }
}
