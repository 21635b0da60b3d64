//! Runs for which there is no process, no memory or no descriptor, as `status` and `show` tell of them: since when, why, and
//! when that is tried again.

use std::collections::BTreeMap;

use hupd::protocol::{RunningRow, Shortage};

use crate::screen::View;
use crate::visible::visible;

/// So many reasons are told.
const MOST: usize = 5;

type Short<'a> = (&'a RunningRow, &'a Shortage);

/// All of them, a line for each reason.
pub fn short(running: &[RunningRow], view: &View) -> Option<String> {
    let mut by_reason: BTreeMap<&str, Vec<Short<'_>>> = BTreeMap::new();
    for run in running {
        if let Some(shortage) = &run.shortage {
            let those = by_reason.entry(&shortage.reason).or_default();
            those.push((run, shortage));
        }
    }
    let more: usize = by_reason.values().skip(MOST).map(Vec::len).sum();
    let more = (more > 0).then(|| format!("and {more} more"));
    let groups = by_reason.values().take(MOST);
    let lines = groups.filter_map(|runs| line(runs, view)).chain(more);
    let lines: Vec<_> = lines.collect();
    (!lines.is_empty()).then(|| lines.join("\n    "))
}

/// Of those that wait for one reason.
fn line(runs: &[Short<'_>], view: &View) -> Option<String> {
    let (run, shortage) = runs.iter().min_by_key(|(_, shortage)| shortage.since)?;
    let name = format!("run {} of job '{}'", run.run, visible(&run.job));
    let who = match runs.len() {
        1 => format!("{name} waits"),
        count => format!("{count} runs wait, {name}"),
    };
    Some(format!("{who} {}", how(shortage, view)))
}

/// `it waits since …: no memory; the next try is at …`
pub fn of_run(shortage: &Shortage, view: &View) -> String {
    format!("it waits {}", how(shortage, view))
}

fn how(shortage: &Shortage, view: &View) -> String {
    let (since, reason) = (view.times.both(shortage.since), visible(&shortage.reason));
    let next = view.times.both(shortage.next_try_at);
    format!("for a process since {since}: {reason}; the next try is at {next}, or when a run ends")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::running::tests::{running, view};

    pub fn shortage(reason: &str) -> Shortage {
        Shortage {
            reason: reason.into(),
            since: "2026-11-23T05:58:00Z".parse().unwrap(),
            next_try_at: "2026-11-23T06:00:03Z".parse().unwrap(),
        }
    }

    fn waits(run: u64, reason: &str) -> RunningRow {
        RunningRow {
            shortage: Some(shortage(reason)),
            ..running(run)
        }
    }

    #[test]
    fn each_reason_is_told_once_with_how_many_wait_for_it() {
        let later = RunningRow {
            shortage: Some(Shortage {
                since: "2026-11-23T05:59:00Z".parse().unwrap(),
                ..shortage("no\u{1b}file")
            }),
            ..running(17)
        };
        let runs = [
            running(3),
            later,
            waits(18, "no\u{1b}file"),
            waits(19, "no memory"),
        ];
        let text = "\
2 runs wait, run 18 of job 'backup' for a process since 2026-11-23 06:58:00 (2 min ago): no\\u{1b}file; the next try is at \
2026-11-23 07:00:03 (in 3 s), or when a run ends
    run 19 of job 'backup' waits for a process since 2026-11-23 06:58:00 (2 min ago): no memory; the next try is at \
2026-11-23 07:00:03 (in 3 s), or when a run ends";
        assert_eq!(short(&runs, &view()).as_deref(), Some(text));
        assert_eq!(short(&[running(3)], &view()), None);
    }

    #[test]
    fn of_many_reasons_a_few_are_told() {
        let runs: Vec<_> = (1..=9)
            .map(|run| waits(run, &format!("reason {run}")))
            .collect();
        let text = short(&runs, &view()).unwrap();
        assert_eq!(text.lines().count(), 6);
        assert!(text.ends_with("\n    and 4 more"), "{text}");
    }
}
