//! The coming instants of an engine's jobs.

use jiff::Timestamp;

use super::world::*;
use crate::config::{Config, Job, Timing};
use crate::forecast::{Chart, ChartFilter, FULL, Forecast, NextFilter, NextRows};
use crate::schedule::{Expression, Rules, Schedule, Seed, Zone};

fn forecast(config: Config) -> Forecast {
    let world = World::of(config);
    world.engine.forecast(None, world.now.wall)
}

/// Three jobs that are due together now and then, and one that never is.
fn some_jobs() -> Config {
    config([
        cron("a", "*/20 * * * *"),
        every("b", 15 * MINUTE),
        job("never"),
        cron("c", "20 12 * * *"),
    ])
}

fn first(count: usize) -> NextFilter {
    NextFilter {
        count,
        ..NextFilter::default()
    }
}

fn told(rows: &NextRows) -> Vec<String> {
    let rows = rows.next.iter();
    rows.map(|row| format!("{} {}", row.job, row.at)).collect()
}

#[test]
fn what_comes_over_all_jobs_is_in_order_of_time_and_name() {
    let forecast = forecast(some_jobs());
    let none = forecast.next(&first(0)).unwrap();
    assert_eq!((told(&none), none.more), (vec![], true));
    assert_eq!(
        told(&forecast.next(&first(5)).unwrap()),
        [
            "b 2026-06-01T12:15:00Z",
            "a 2026-06-01T12:20:00Z",
            "c 2026-06-01T12:20:00Z",
            "b 2026-06-01T12:30:00Z",
            "a 2026-06-01T12:40:00Z",
        ]
    );
}

#[test]
fn instants_come_strictly_after_one_time_and_not_after_another() {
    let forecast = forecast(some_jobs());
    let filter = NextFilter {
        from: Some(at("2027-01-01T12:20:00Z")),
        to: Some(at("2027-01-01T13:00:00Z")),
        ..first(100)
    };
    let rows = forecast.next(&filter).unwrap();
    assert_eq!(
        told(&rows),
        [
            "b 2027-01-01T12:30:00Z",
            "a 2027-01-01T12:40:00Z",
            "b 2027-01-01T12:45:00Z",
            "a 2027-01-01T13:00:00Z",
            "b 2027-01-01T13:00:00Z",
        ]
    );
    assert!(!rows.more);
    let fewer = NextFilter { count: 4, ..filter };
    assert!(forecast.next(&fewer).unwrap().more);
}

#[test]
fn intervals_are_counted_in_both_directions() {
    let mut world = World::of(config([every("poll", 40 * MINUTE)]));
    world.pass(50 * MINUTE);
    let forecast = world.engine.forecast(None, world.now.wall);
    let from = |from: &str| {
        let filter = NextFilter {
            job: Some("poll".into()),
            from: Some(at(from)),
            ..first(2)
        };
        told(&forecast.next(&filter).unwrap())
    };
    let before = ["poll 2026-06-01T10:40:00Z", "poll 2026-06-01T11:20:00Z"];
    assert_eq!(from("2026-06-01T10:39:59.999Z"), before);
    let after = ["poll 2026-06-01T13:20:00Z", "poll 2026-06-01T14:00:00Z"];
    assert_eq!(from("2026-06-01T12:40:00Z"), after);
    assert_eq!(told(&forecast.next(&first(2)).unwrap()), after);
}

#[test]
fn a_job_that_is_switched_off_or_unknown_has_none() {
    let off = Job {
        enabled: false,
        ..cron("off", "* * * * *")
    };
    let forecast = forecast(config([off]));
    assert_eq!(forecast.next(&first(3)), Some(NextRows::default()));
    let unknown = NextFilter {
        job: Some("unknown".into()),
        ..first(3)
    };
    assert_eq!(forecast.next(&unknown), None);
}

/// Ten thousand of each of ten thousand jobs would take minutes, and gigabytes.
#[test]
fn many_instants_of_many_jobs_are_no_more_work_than_they_are_instants() {
    let jobs = (0..10_000).map(|number| cron(&format!("j{number}"), "0 3 * * *"));
    let rows = forecast(config(jobs)).next(&first(10_000)).unwrap();
    assert_eq!((rows.next.len(), rows.more), (10_000, true));
}

#[test]
fn coming_instants_end_with_the_calendar() {
    let century = 36_525 * 24 * HOUR;
    let rows = forecast(config([every("rare", century)])).next(&first(1_000));
    let rows = rows.unwrap().next;
    assert_eq!(rows.len(), 79);
    assert!(rows.is_sorted_by_key(|row| row.at));
}

#[test]
fn what_is_due_first_of_all_is_on_either_clock() {
    let jobs = [cron("late", "0 13 * * *"), every("b", HOUR / 2)];
    let world = World::of(config(jobs));
    let (first, next) = world.engine.first_due().unwrap();
    assert_eq!(
        (&first.name, next.at),
        (&name("b"), at("2026-06-01T12:30:00Z"))
    );
    let jobs = [cron("z", "30 12 * * *"), every("b", HOUR), job_of("a", 30)];
    let world = World::of(config(jobs));
    assert_eq!(world.engine.first_due().unwrap().0.name, name("a"));
    assert_eq!(World::of(config([job("never")])).engine.first_due(), None);
}

fn job_of(name: &str, minute: u32) -> Job {
    cron(name, &format!("{minute} * * * *"))
}

fn chart(config: Config, (from, to): (&str, &str), slice: u32) -> Chart {
    let filter = ChartFilter {
        job: None,
        from: Some(at(from)),
        to: Some(at(to)),
        slice,
    };
    forecast(config).chart(&filter).unwrap()
}

fn counts(chart: &Chart) -> Vec<(&str, &[u8])> {
    let rows = chart.rows.iter();
    rows.map(|row| (&*row.job, &*row.counts)).collect()
}

#[test]
fn a_chart_counts_the_instants_of_each_slice_of_the_clock() {
    // From 12:10, after it, to 13:00, with it; the slices begin at 12:10, 12:15, 12:30 and 12:45.
    let span = ("2026-06-01T12:10:00Z", "2026-06-01T13:00:00Z");
    let jobs = [
        cron("begin", "10 12 * * *"),
        cron("end", "0 13 * * *"),
        cron("fives", "*/5 * * * *"),
        every("quarters", 15 * MINUTE),
        job("never"),
    ];
    let chart = chart(config(jobs), span, 15 * 60);
    assert_eq!(
        counts(&chart),
        [
            ("end", &[0, 0, 0, 1][..]),
            ("fives", &[0, 3, 3, 4]),
            ("quarters", &[0, 1, 1, 2]),
        ]
    );
    let bounds = ["12:10", "12:15", "12:30", "12:45", "13:00"];
    let bounds = bounds.map(|time| format!("2026-06-01T{time}:00+00:00"));
    assert_eq!(chart.bounds, bounds);
}

#[test]
fn a_slice_is_full_with_ten_and_the_next_ones_are_looked_at_all_the_same() {
    let span = ("2026-06-01T12:00:00Z", "2026-06-01T13:00:00Z");
    let jobs = [
        every("always", SECOND),
        cron("nine", "0-8 0-59 12 * * *"),
        cron("ten", "0-9 10-59 12 * * *"),
    ];
    let chart = chart(config(jobs), span, 20 * 60);
    let full = [FULL; 3];
    assert_eq!(
        counts(&chart),
        [("always", &full[..]), ("nine", &full), ("ten", &full)]
    );
}

/// A year has 31 million seconds.
#[test]
fn a_chart_of_jobs_that_are_always_due_is_no_more_work_than_it_has_cells() {
    let jobs = (0..20).flat_map(|number| {
        let cron = cron(&format!("c{number}"), "* * * * * *");
        [cron, every(&format!("e{number}"), SECOND)]
    });
    let span = ("2026-06-01T12:00:00Z", "2027-06-01T12:00:00Z");
    let chart = chart(config(jobs), span, 24 * 3600);
    assert_eq!(chart.rows.len(), 40);
    let is_full = |count: &u8| *count == FULL;
    assert!(chart.rows.iter().all(|row| row.counts.iter().all(is_full)));
}

#[test]
fn slices_follow_the_clocks_of_the_zone_up_to_a_change_and_keep_their_length() {
    let mut config = config([job("never")]);
    config.daemon.timezone = Zone::named("Europe/Berlin").unwrap();
    let span = ("2026-03-28T23:30:00Z", "2026-03-29T02:00:00Z");
    let chart = chart(config, span, 3600);
    assert_eq!(
        chart.bounds,
        [
            "2026-03-29T00:30:00+01:00",
            "2026-03-29T01:00:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-29T04:00:00+02:00",
        ]
    );
    assert_eq!(chart.timezone, "Europe/Berlin");
}

#[test]
fn a_span_that_ends_before_it_begins_or_has_too_many_slices_is_no_chart() {
    let now = at("2026-06-01T12:00:00Z");
    let span = |to: Option<Timestamp>, slice| {
        let filter = ChartFilter {
            job: None,
            from: None,
            to,
            slice,
        };
        filter.span(now)
    };
    assert_eq!(span(None, 1_800), Ok((now, at("2026-06-02T12:00:00Z"))));
    assert_eq!(
        span(Some(now), 1_800).unwrap_err(),
        "'to' is not after 2026-06-01T12:00:00Z"
    );
    assert!(span(None, 173).is_ok());
    assert_eq!(
        span(None, 172).unwrap_err(),
        "a chart has at most 500 slices; ask for longer ones"
    );
}

#[test]
fn what_a_clock_change_moves_is_marked() {
    let expression = Expression::parse("30 2 * * *", Seed::of("host", "x"));
    let zone = Zone::named("Europe/Berlin").unwrap();
    let moved = Job {
        timing: Timing::Schedule(Schedule::new(expression, zone, Rules::default())),
        ..job("moved")
    };
    let filter = NextFilter {
        from: Some(at("2027-03-28T00:00:00Z")),
        ..first(2)
    };
    let rows = forecast(config([moved])).next(&filter).unwrap().next;
    assert_eq!(rows[0].local, "2027-03-28T03:00:00+02:00");
    assert_eq!(rows[0].moved_from.as_deref(), Some("2027-03-28T02:30:00"));
    assert_eq!(rows[1].local, "2027-03-29T02:30:00+02:00");
    assert_eq!(rows[1].moved_from, None);
}

#[test]
fn an_interval_that_changes_in_a_pause_is_counted_from_its_end() {
    let until = at("2026-06-01T14:10:00Z");
    for (pause, expected) in [
        (
            Some(until),
            &["b 2026-06-01T14:30:00Z", "b 2026-06-01T14:50:00Z"][..],
        ),
        (None, &[]),
    ] {
        let mut world = World::of(config([every("b", 15 * MINUTE)]));
        world.pass(5 * MINUTE);
        world.pause("b", pause);
        world.adopt(config([every("b", 20 * MINUTE)]));
        let forecast = world.engine.forecast(None, world.now.wall);
        assert_eq!(told(&forecast.next(&first(2)).unwrap()), expected);
        // Minute by minute, for a pause ends when the engine is woken.
        (0..130).for_each(|_| world.pass(MINUTE));
        let next = world.engine.next_due(&name("b"));
        let next = next.map(|next| format!("b {next}"));
        assert_eq!(next.as_deref(), expected.first().copied());
    }
}

#[test]
fn an_interval_that_is_the_same_after_a_pause_keeps_its_rhythm() {
    let mut world = World::of(config([every("b", 15 * MINUTE)]));
    world.pause("b", Some(at("2026-06-01T14:10:00Z")));
    let forecast = world.engine.forecast(None, world.now.wall);
    let expected = ["b 2026-06-01T14:15:00Z", "b 2026-06-01T14:30:00Z"];
    assert_eq!(told(&forecast.next(&first(2)).unwrap()), expected);
}
