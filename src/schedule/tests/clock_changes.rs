//! The days on which clocks are changed, each of them one that has really been or will be.

use std::time::Duration;

use jiff::civil::date;

use super::{calendar, moved, parse, runs, time};
use crate::schedule::{Dst, Effect, Rules, Schedule, Zone};

const NEW_YORK: &str = "America/New_York";
const LONDON: &str = "Europe/London";
const LORD_HOWE: &str = "Australia/Lord_Howe";

#[test]
fn a_fixed_time_in_a_gap_runs_once_at_its_end() {
    assert_eq!(
        runs("30 2 * * *", NEW_YORK, "2026-03-07T12:00:00Z", 2),
        ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"]
    );
    assert_eq!(
        moved("30 2 * * *", NEW_YORK, "2026-03-07T12:00:00Z"),
        Some(date(2026, 3, 8).at(2, 30, 0, 0))
    );
    assert_eq!(
        runs("15 1 * * *", LONDON, "2026-03-28T12:00:00Z", 1),
        ["2026-03-29T02:00:00+01:00"]
    );
}

#[test]
fn a_run_moved_to_the_end_of_a_gap_is_due_until_then() {
    let end_of_gap = ["2026-03-08T03:00:00-04:00"];
    for before in [
        "2026-03-08T01:59:59-05:00",
        "2026-03-08T01:59:59.999999999-05:00",
    ] {
        assert_eq!(runs("30 2 * * *", NEW_YORK, before, 1), end_of_gap);
    }
    for after in ["2026-03-08T03:00:00-04:00", "2026-03-08T03:00:00.5-04:00"] {
        assert_eq!(
            runs("30 2 * * *", NEW_YORK, after, 1),
            ["2026-03-09T02:30:00-04:00"]
        );
    }
}

#[test]
fn several_times_in_a_gap_make_one_run() {
    assert_eq!(
        runs("0,20,40 2 * * *", NEW_YORK, "2026-03-08T00:00:00-05:00", 2),
        ["2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00"]
    );
    assert_eq!(
        moved("0,20,40 2 * * *", NEW_YORK, "2026-03-08T00:00:00-05:00"),
        Some(date(2026, 3, 8).at(2, 0, 0, 0))
    );
}

#[test]
fn a_time_in_a_gap_and_one_at_its_end_make_one_run() {
    assert_eq!(
        runs("30 2,3 * * *", NEW_YORK, "2026-03-08T00:00:00-05:00", 2),
        ["2026-03-08T03:00:00-04:00", "2026-03-08T03:30:00-04:00"]
    );
    assert_eq!(
        runs("0 2,3 * * *", NEW_YORK, "2026-03-08T00:00:00-05:00", 2),
        ["2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00"]
    );
}

#[test]
fn a_run_that_was_not_moved_says_so() {
    assert_eq!(
        moved("0 3 * * *", NEW_YORK, "2026-03-08T00:00:00-05:00"),
        None
    );
}

#[test]
fn a_wild_schedule_skips_minutes_that_do_not_exist() {
    assert_eq!(
        runs("*/30 * * * *", NEW_YORK, "2026-03-08T01:00:00-05:00", 2),
        ["2026-03-08T01:30:00-05:00", "2026-03-08T03:00:00-04:00"]
    );
    assert_eq!(
        runs("30 * * * *", NEW_YORK, "2026-03-08T01:00:00-05:00", 2),
        ["2026-03-08T01:30:00-05:00", "2026-03-08T03:30:00-04:00"]
    );
    assert_eq!(
        runs("*/30 2 * * *", NEW_YORK, "2026-03-08T00:00:00-05:00", 1),
        ["2026-03-09T02:00:00-04:00"]
    );
}

#[test]
fn a_fixed_time_that_repeats_runs_in_the_first_pass_only() {
    assert_eq!(
        runs("30 1 * * *", NEW_YORK, "2026-11-01T00:00:00-04:00", 2),
        ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]
    );
    assert_eq!(
        runs("0 1,2 * * *", NEW_YORK, "2026-11-01T00:00:00-04:00", 3),
        [
            "2026-11-01T01:00:00-04:00",
            "2026-11-01T02:00:00-05:00",
            "2026-11-02T01:00:00-05:00"
        ]
    );
    assert_eq!(
        runs("15 1 * * *", LONDON, "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T01:15:00+01:00", "2026-10-26T01:15:00+00:00"]
    );
}

#[test]
fn between_the_passes_nothing_has_to_be_remembered() {
    assert_eq!(
        runs("30 1 * * *", NEW_YORK, "2026-11-01T01:45:00-04:00", 1),
        ["2026-11-02T01:30:00-05:00"]
    );
    assert_eq!(
        runs("30 1 * * *", NEW_YORK, "2026-11-01T01:00:00-05:00", 1),
        ["2026-11-02T01:30:00-05:00"]
    );
}

#[test]
fn a_wild_schedule_runs_in_both_passes() {
    assert_eq!(
        runs("0 * * * *", NEW_YORK, "2026-11-01T00:30:00-04:00", 3),
        [
            "2026-11-01T01:00:00-04:00",
            "2026-11-01T01:00:00-05:00",
            "2026-11-01T02:00:00-05:00"
        ]
    );
    assert_eq!(
        runs("*/30 1 * * *", NEW_YORK, "2026-11-01T00:30:00-04:00", 5)[..4],
        [
            "2026-11-01T01:00:00-04:00",
            "2026-11-01T01:30:00-04:00",
            "2026-11-01T01:00:00-05:00",
            "2026-11-01T01:30:00-05:00"
        ]
    );
}

#[test]
fn half_an_hour_of_lord_howe_is_lost_and_repeated() {
    assert_eq!(
        runs("15 2 * * *", LORD_HOWE, "2026-10-03T12:00:00Z", 2),
        ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]
    );
    assert_eq!(
        runs("*/15 * * * *", LORD_HOWE, "2026-04-05T01:15:00+11:00", 5),
        [
            "2026-04-05T01:30:00+11:00",
            "2026-04-05T01:45:00+11:00",
            "2026-04-05T01:30:00+10:30",
            "2026-04-05T01:45:00+10:30",
            "2026-04-05T02:00:00+10:30"
        ]
    );
    assert_eq!(
        runs("45 1 * * *", LORD_HOWE, "2026-04-05T00:00:00+11:00", 2),
        ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]
    );
}

#[test]
fn a_gap_at_midnight_moves_the_run_to_one_o_clock() {
    assert_eq!(
        runs("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00Z", 1),
        ["2026-04-24T01:00:00+03:00"]
    );
}

#[test]
fn a_run_pinned_to_a_date_survives_a_gap_at_its_midnight() {
    assert_eq!(
        runs("30 0 24 4 *", "Africa/Cairo", "2026-01-01T00:00:00Z", 1),
        ["2026-04-24T01:00:00+03:00"]
    );
}

#[test]
fn a_day_that_samoa_left_out_is_not_made_up_for() {
    assert_eq!(
        runs("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00-10:00", 2),
        ["2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"]
    );
    assert_eq!(
        runs("0 12 30 12 *", "Pacific/Apia", "2011-06-01T00:00:00Z", 1),
        ["2012-12-30T12:00:00+14:00"]
    );
}

#[test]
fn an_offset_that_changes_without_daylight_saving_counts_as_well() {
    assert_eq!(
        runs("45 2 * * *", "America/Caracas", "2016-04-30T12:00:00Z", 2),
        ["2016-05-01T03:00:00-04:00", "2016-05-02T02:45:00-04:00"]
    );
    assert_eq!(
        runs("45 23 * * *", "Asia/Pyongyang", "2015-08-14T12:00:00Z", 2),
        ["2015-08-14T23:45:00+09:00", "2015-08-15T23:45:00+08:30"]
    );
    assert_eq!(
        runs("45 23 * * *", "Asia/Pyongyang", "2018-05-04T12:00:00Z", 1),
        ["2018-05-05T00:00:00+09:00"]
    );
}

#[test]
fn clocks_still_change_in_the_far_future() {
    assert_eq!(
        runs("30 2 * * *", NEW_YORK, "2150-03-07T12:00:00Z", 1),
        ["2150-03-08T03:00:00-04:00"]
    );
    assert_eq!(
        runs("30 1 * * *", NEW_YORK, "2500-11-07T00:00:00-04:00", 2),
        ["2500-11-07T01:30:00-04:00", "2500-11-08T01:30:00-05:00"]
    );
}

#[test]
fn the_first_change_beyond_the_table_is_one_like_all_others() {
    for year in 2097..=2103 {
        let calendar = calendar("30 2 * * *", NEW_YORK);
        let moved = super::instants(&calendar, time(&format!("{year}-01-01T12:00:00Z")))
            .take(360)
            .filter(|instant| instant.moved_from.is_some());
        assert_eq!(moved.count(), 1, "{year}");
    }
}

#[test]
fn a_time_in_a_gap_may_be_skipped_instead() {
    let rules = Rules {
        dst: Dst::Skip,
        ..Rules::default()
    };
    let skipping = |expression: &str| {
        let zone = Zone::named(NEW_YORK).unwrap();
        Schedule::new([parse(expression).unwrap()], zone, rules)
    };
    for expression in ["30 2 * * *", "*-*-* 02:30"] {
        let next = skipping(expression).next_after(time("2026-03-07T12:00:00Z"));
        assert_eq!(
            next.map(|next| next.at),
            Some(time("2026-03-09T02:30:00-04:00")),
            "{expression}"
        );
    }
    // What comes twice runs once all the same.
    let next = skipping("30 1 * * *").next_after(time("2026-11-01T01:30:00-04:00"));
    let at = next.map(|next| next.at);
    assert_eq!(at, Some(time("2026-11-02T01:30:00-05:00")));
}

#[test]
fn an_offset_comes_after_all_that() {
    let rules = Rules {
        offset: Duration::from_millis(600_250),
        ..Rules::default()
    };
    let zone = Zone::named(NEW_YORK).unwrap();
    let schedule = Schedule::new([parse("30 2 * * *").unwrap()], zone, rules);
    let first = schedule
        .next_after(time("2026-03-08T00:00:00-05:00"))
        .unwrap();
    assert_eq!(first.at, time("2026-03-08T03:10:00.25-04:00"));
    assert_eq!(first.moved_from, Some(date(2026, 3, 8).at(2, 30, 0, 0)));
    let second = schedule.next_after(first.at).unwrap();
    assert_eq!(second.at, time("2026-03-09T02:40:00.25-04:00"));
    let again = schedule.next_after(second.at - Duration::from_nanos(1));
    assert_eq!(again, Some(second));
}

#[test]
fn what_the_next_changes_do_is_told() {
    let effects = |expression: &str, dst: Dst| {
        let expression = parse(expression).unwrap();
        let zone = Zone::named("Europe/Berlin").unwrap();
        let changes = expression.clock_changes(time("2026-01-01T00:00:00Z"), &zone, dst);
        let changes: Vec<_> = changes.take(2).collect();
        let spring = (changes[0].at, changes[0].before, changes[0].after);
        let three = date(2026, 3, 29).at(3, 0, 0, 0);
        let two = date(2026, 3, 29).at(2, 0, 0, 0);
        assert_eq!(spring, (time("2026-03-29T01:00:00Z"), two, three));
        [changes[0].effect, changes[1].effect]
    };
    let spring = date(2026, 3, 29).at(2, 30, 0, 0);
    let autumn = date(2026, 10, 25).at(2, 30, 0, 0);
    let fixed = effects("30 2 * * *", Dst::Once);
    assert_eq!(fixed, [Effect::MadeUp(spring), Effect::Once(autumn)]);
    let skipped = effects("30 2 * * *", Dst::Skip);
    assert_eq!(skipped, [Effect::LeftOut(spring), Effect::Once(autumn)]);
    let wild = effects("30 * * * *", Dst::Once);
    assert_eq!(wild, [Effect::LeftOut(spring), Effect::Twice(autumn)]);
    assert_eq!(effects("30 4 * * *", Dst::Once), [Effect::Nothing; 2]);
}
