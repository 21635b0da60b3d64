//! Runs are found by all that can be asked of them, and without a look at all of them.

use super::super::search::tests::plan;
use super::*;

/// Of two jobs, by every trigger, with every outcome: run N is claimed at second N, and starts 100 s later if it does.
fn eventful(store: &Store) {
    let outcomes = [
        Some(Outcome::Exited(0)),
        Some(Outcome::Exited(1)),
        Some(Outcome::Exited(3)),
        Some(Outcome::Killed(Signal::TERM)),
        Some(Outcome::Killed(Signal::KILL)),
        Some(Outcome::TimedOut),
        Some(Outcome::CouldNotStart("no such file".to_owned())),
        Some(Outcome::Lost),
        None,
    ];
    for (run, outcome) in (1..).zip(outcomes.iter().cycle().take(54).cloned()) {
        let job = if run % 2 == 0 { "even" } else { "odd" };
        let mut claim = claim(run, job, run as i64);
        claim.occurrence.trigger = Trigger::ALL[run as usize % 4];
        store.claim(vec![claim]);
        if !matches!(outcome, Some(Outcome::CouldNotStart(_))) {
            store.run_started(RunStart {
                at: at(run as i64 + 100),
                ..start(run)
            });
        }
        if let Some(outcome) = outcome {
            store.run_ended(end(run, outcome));
        }
    }
}

/// Everything that can be asked, by itself and together.
fn every_filter() -> Vec<RunFilter> {
    let outcomes = [
        "running",
        "success",
        "failed",
        "exited-0",
        "exited-3",
        "exited-7",
        "killed",
        "killed-TERM",
        "timed-out",
        "could-not-start",
        "lost",
    ];
    let outcomes = outcomes.map(|text| text.parse().unwrap());
    let times = [
        (None, None),
        (Some(at(120)), None),
        (None, Some(at(120))),
        (Some(at(110)), Some(at(140))),
    ];
    let mut filters = vec![RunFilter {
        limit: 1000,
        ..RunFilter::default()
    }];
    also(&mut filters, &outcomes, |filter, outcome| {
        filter.outcome = Some(outcome);
    });
    also(&mut filters, &Trigger::ALL, |filter, trigger| {
        filter.trigger = Some(trigger);
    });
    also(&mut filters, &["even", "nobody"], |filter, job| {
        filter.job = Some(job.to_owned());
    });
    also(&mut filters, &times, |filter, (since, until)| {
        (filter.since, filter.until) = (since, until);
    });
    filters
}

/// Each of them as it is, and with each of these.
fn also<T: Copy>(filters: &mut Vec<RunFilter>, values: &[T], set: impl Fn(&mut RunFilter, T)) {
    for filter in filters.clone() {
        filters.extend(values.iter().map(|value| {
            let mut filter = filter.clone();
            set(&mut filter, *value);
            filter
        }));
    }
}

/// What a filter says, in the plainest way.
fn is_meant(row: &RunRow, filter: &RunFilter) -> bool {
    let text = row.outcome.as_deref();
    let outcome = |filter| match filter {
        OutcomeFilter::Running => text.is_none(),
        OutcomeFilter::Success => text == Some("exited 0"),
        OutcomeFilter::Failed => text.is_some_and(|text| text != "exited 0"),
        OutcomeFilter::Exited(code) => row.exit_code == Some(code),
        OutcomeFilter::Killed(None) => row.signal.is_some(),
        OutcomeFilter::Killed(Some(signal)) => row.signal == Some(signal.to_string()),
        OutcomeFilter::TimedOut => text == Some("timed out"),
        OutcomeFilter::CouldNotStart => {
            text.is_some_and(|text| text.starts_with("could not start"))
        }
        OutcomeFilter::Lost => text == Some("lost"),
    };
    // What did not start began when it was claimed, and the claims of a test are as old as the test.
    let began = row.started_at.unwrap_or(at(2_000_000_000));
    filter.job.as_ref().is_none_or(|job| row.job == *job)
        && filter.outcome.is_none_or(outcome)
        && filter.trigger.is_none_or(|trigger| row.trigger == trigger)
        && filter.since.is_none_or(|since| began >= since)
        && filter.until.is_none_or(|until| began < until)
}

#[test]
fn every_filter_finds_all_that_it_means_newest_first() {
    let place = Place::new();
    let store = place.store();
    eventful(&store);
    let all = runs(&store);
    assert_eq!(all.len(), 54);
    for filter in every_filter() {
        let meant = all.iter().filter(|row| is_meant(row, &filter));
        let expected: Vec<_> = meant.cloned().collect();
        assert_eq!(runs_of(&store, filter.clone()), expected, "{filter:?}");
    }
}

#[test]
fn no_more_than_so_many_are_found_the_newest_ones() {
    let place = Place::new();
    let store = place.store();
    eventful(&store);
    for filter in every_filter() {
        let newest = RunFilter {
            limit: 3,
            ..filter.clone()
        };
        let mut expected = runs_of(&store, filter);
        expected.truncate(3);
        let found = runs_of(&store, newest.clone());
        // Among times, those are newest that began last.
        match newest.since.or(newest.until) {
            None => assert_eq!(found, expected, "{newest:?}"),
            Some(_) => assert_eq!(found.len(), expected.len(), "{newest:?}"),
        }
    }
}

#[test]
fn what_is_asked_for_leads_to_the_rows_and_none_is_sorted() {
    let place = Place::new();
    let store = place.store();
    runs(&store);
    let shell = place.shell();
    for filter in every_filter() {
        let plan = plan(&shell, &filter);
        let sorts = |step: &String| step.contains("TEMP B-TREE");
        assert!(!plan.iter().any(sorts), "{filter:?}: {plan:?}");
        let usual = [OutcomeFilter::Success, OutcomeFilter::Exited(0)];
        let is_usual = filter
            .outcome
            .is_none_or(|outcome| usual.contains(&outcome));
        let times = (filter.since, filter.until);
        if is_usual && filter.job.is_none() && filter.trigger.is_none() && times == (None, None) {
            assert_eq!(plan, ["SCAN runs"], "nearly every run is meant");
            continue;
        }
        let indexed =
            |step: &String| step.contains("USING INDEX") || step.contains("USING COVERING INDEX");
        assert!(plan.iter().all(indexed), "{filter:?}: {plan:?}");
    }
}
