//! The calendar by its own arithmetic, beside that of jiff.

use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::schedule::gregorian::{Month, YearKinds, weekday};

const EPOCH: Date = date(1970, 1, 1);

/// More than a cycle, and both ends of time.
fn days() -> impl Iterator<Item = Date> {
    let cycle = date(1599, 1, 1).series(1.day());
    let first = Date::MIN.series(1.day()).take(800);
    let last = date(9997, 12, 1).series(1.day());
    let cycle = cycle.take_while(|day| day.year() < 2101);
    first.chain(cycle).chain(last)
}

fn number(date: Date) -> i64 {
    i64::from(date.since(EPOCH).unwrap().get_days())
}

#[test]
fn each_day_is_in_the_month_in_which_it_is() {
    for date in days() {
        let (month, day) = Month::of(number(date));
        let found = (month.year, month.number, day);
        let expected = (date.year().into(), date.month() as u32, date.day() as u32);
        assert_eq!(found, expected);
        assert_eq!(month.first_day, number(date.first_of_month()), "{date}");
        assert_eq!(month.length(), date.days_in_month() as u32, "{date}");
        let sunday_is_0 = date.weekday().to_sunday_zero_offset() as u32;
        assert_eq!(weekday(number(date)), sunday_is_0, "{date}");
    }
}

#[test]
fn each_month_begins_when_it_does() {
    for date in days().filter(|date| date.day() == 1) {
        let month = Month::new(date.year().into(), date.month() as u32);
        assert_eq!(month.first_day, number(date));
    }
}

#[test]
fn years_of_one_kind_have_the_same_weekdays() {
    let leap_day_on_monday = YearKinds::that(|year| {
        let day = date(year as i16, 2, 1).last_of_month();
        day.day() == 29 && weekday(number(day)) == 1
    });
    let mut year = 1996;
    let mut found = Vec::new();
    while found.len() < 5 {
        year = leap_day_on_monday.first_from(year + 1).unwrap();
        found.push(year);
    }
    assert_eq!(found, [2016, 2044, 2072, 2112, 2140]);
}
