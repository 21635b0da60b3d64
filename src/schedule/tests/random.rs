//! Random expressions that know what they mean, without the parser under test.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use proptest::prelude::*;

/// A field as text, and as the numbers that it names.
#[derive(Clone, Debug)]
pub(super) struct Field {
    text: String,
    values: Vec<i8>,
    marks: Vec<Mark>,
}

/// A mark as text, and which days it means.
#[derive(Clone)]
struct Mark {
    text: String,
    names: Arc<dyn Fn(Date) -> bool + Send + Sync>,
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Expression {
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    weekday: Field,
}

impl Field {
    fn begins_with_star(&self) -> bool {
        self.text.starts_with('*')
    }

    fn names(&self, value: i8) -> bool {
        self.values.contains(&value)
    }

    fn names_day(&self, value: i8, date: Date) -> bool {
        self.names(value) || self.marks.iter().any(|mark| (mark.names)(date))
    }
}

impl Expression {
    pub fn text(&self) -> String {
        [
            &self.minute,
            &self.hour,
            &self.day,
            &self.month,
            &self.weekday,
        ]
        .map(|field| field.text.as_str())
        .join(" ")
    }

    pub fn is_wild(&self) -> bool {
        self.minute.begins_with_star() || self.hour.begins_with_star()
    }

    pub fn names_day(&self, date: Date) -> bool {
        let (day, weekday) = self.day_fields_name(date);
        let days = if self.day.begins_with_star() || self.weekday.begins_with_star() {
            day && weekday
        } else {
            day || weekday
        };
        days && self.month.names(date.month())
    }

    /// Whether both fields for days do.
    pub fn names_day_twice(&self, date: Date) -> bool {
        let (day, weekday) = self.day_fields_name(date);
        day && weekday && self.month.names(date.month())
    }

    fn day_fields_name(&self, date: Date) -> (bool, bool) {
        let day = self.day.names_day(date.day(), date);
        let weekday = date.weekday().to_sunday_zero_offset();
        (day, self.weekday.names_day(weekday, date))
    }

    pub fn names_time(&self, wall: DateTime) -> bool {
        self.minute.names(wall.minute())
            && self.hour.names(wall.hour())
            && self.names_day(wall.date())
    }
}

fn element(limits: RangeInclusive<i8>) -> impl Strategy<Value = Field> {
    let (min, max) = (*limits.start(), *limits.end());
    (0..10, limits.clone(), limits, 1..=6i8).prop_map(move |(kind, a, b, step)| {
        let (low, high) = (a.min(b), a.max(b));
        let stepped = |first: i8, last: i8, step: i8| {
            (first..=last).step_by(step as usize).collect::<Vec<_>>()
        };
        let step = step.min(high - low + 1);
        let (text, values) = match kind {
            0 => (format!("*/{step}"), stepped(min, max, step)),
            1 => (format!("{low}-{high}/{step}"), stepped(low, high, step)),
            2 | 3 => (format!("{low}-{high}"), stepped(low, high, 1)),
            4 if max - low >= step => (format!("{low}/{step}"), stepped(low, max, step)),
            _ => (a.to_string(), vec![a]),
        };
        Field {
            text,
            values,
            marks: Vec::new(),
        }
    })
}

fn field(limits: RangeInclusive<i8>, stars: u32) -> impl Strategy<Value = Field> {
    let star = Field {
        text: "*".into(),
        values: limits.clone().collect(),
        marks: Vec::new(),
    };
    let list = prop::collection::vec(element(limits), 1..=3).prop_map(|elements| Field {
        text: elements
            .iter()
            .map(|element| element.text.as_str())
            .collect::<Vec<_>>()
            .join(","),
        values: elements
            .into_iter()
            .flat_map(|element| element.values)
            .collect(),
        marks: Vec::new(),
    });
    prop_oneof![stars => Just(star), 10 => list]
}

pub(super) fn expression(stars: u32) -> impl Strategy<Value = Expression> {
    // Six is the last weekday here: what 7 means has its own tests, and `5/1` reaches to it.
    let weekday = field(0..=6, stars).prop_filter("a step from a weekday", |field| {
        !field
            .text
            .split(',')
            .any(|element| element.contains('/') && !element.contains(['*', '-']))
    });
    (
        field(0..=59, 3),
        field(0..=4, 3),
        marked(field(1..=31, stars), day_mark()),
        field(1..=12, stars),
        marked(weekday, weekday_mark()),
    )
        .prop_map(|(minute, hour, day, month, weekday)| Expression {
            minute,
            hour: in_hours(hour),
            day,
            month,
            weekday,
        })
}

/// Early hours are where clocks change; but open ends reach to 23.
fn in_hours(hour: Field) -> Field {
    let mut values = hour.values;
    for element in hour
        .text
        .split(',')
        .filter(|element| !element.contains('-'))
    {
        let (base, step) = element.split_once('/').unwrap_or((element, "1"));
        let first = if base == "*" {
            0
        } else {
            base.parse().unwrap()
        };
        if base == "*" || element.contains('/') {
            values.extend((first..=23).step_by(step.parse().unwrap()));
        }
    }
    Field { values, ..hour }
}

/// A field in which now and then a mark stands beside other elements.
fn marked(
    field: impl Strategy<Value = Field>,
    mark: impl Strategy<Value = Mark>,
) -> impl Strategy<Value = Field> {
    (field, mark, 0..4).prop_map(|(mut field, mark, chance)| {
        if chance == 0 && !field.begins_with_star() {
            field.text = format!("{},{}", mark.text, field.text);
            field.marks.push(mark);
        }
        field
    })
}

fn day_mark() -> impl Strategy<Value = Mark> {
    (0..4, 0..=30i8).prop_map(|(kind, n)| match kind {
        0 => mark("LW", |date| {
            Some(date) == working_days(date).last().copied()
        }),
        1 => mark(&format!("L-{n}"), move |date| {
            date.day() == date.days_in_month() - n
        }),
        2 => mark("L", |date| date.day() == date.days_in_month()),
        _ => mark(&format!("{}W", n + 1), move |date| {
            let exists = n < date.days_in_month();
            let nearest = working_days(date)
                .into_iter()
                .min_by_key(|working| (working.day() - n - 1).abs());
            exists && Some(date) == nearest
        }),
    })
}

fn weekday_mark() -> impl Strategy<Value = Mark> {
    (0..=6i8, 1..=6i8).prop_map(|(weekday, nth)| {
        let is_it = move |date: Date| date.weekday().to_sunday_zero_offset() == weekday;
        match nth {
            6 => mark(&format!("{weekday}L"), move |date| {
                is_it(date) && date.day() + 7 > date.days_in_month()
            }),
            _ => mark(&format!("{weekday}#{nth}"), move |date| {
                is_it(date) && (date.day() + 6) / 7 == nth
            }),
        }
    })
}

fn mark(text: &str, names: impl Fn(Date) -> bool + Send + Sync + 'static) -> Mark {
    Mark {
        text: text.to_owned(),
        names: Arc::new(names),
    }
}

/// From Monday to Friday, in the month of a day.
fn working_days(date: Date) -> Vec<Date> {
    let days = date.first_of_month().series(1.day());
    days.take_while(|day| day.month() == date.month())
        .filter(|day| day.weekday().to_monday_zero_offset() < 5)
        .collect()
}
