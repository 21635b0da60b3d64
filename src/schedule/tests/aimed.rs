//! Random expressions that are aimed at a time on the wall, and know what they mean without the parser under test.

use jiff::civil::DateTime;
use proptest::prelude::*;
use proptest::sample::select;

/// A field as text, and as the numbers that it names.
#[derive(Clone, Debug)]
struct Field {
    text: String,
    values: Vec<i8>,
}

impl Field {
    fn new(text: impl Into<String>, values: Vec<i8>) -> Self {
        Self {
            text: text.into(),
            values,
        }
    }

    fn star(limits: (i8, i8)) -> Self {
        Self::new("*", (limits.0..=limits.1).collect())
    }

    fn begins_with_star(&self) -> bool {
        self.text.starts_with('*')
    }

    fn names(&self, value: i8) -> bool {
        self.values.contains(&value)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Expression {
    second: Option<Field>,
    minute: Field,
    hour: Field,
    /// Day of month, month, day of week.
    days: [Field; 3],
}

impl Expression {
    pub fn text(&self) -> String {
        let fields = self.second.iter().chain([&self.minute, &self.hour]);
        let fields = fields.chain(&self.days).map(|field| field.text.as_str());
        fields.collect::<Vec<_>>().join(" ")
    }

    pub fn has_seconds(&self) -> bool {
        self.second.is_some()
    }

    pub fn is_wild(&self) -> bool {
        let mut fields = self.second.iter().chain([&self.minute, &self.hour]);
        fields.any(Field::begins_with_star)
    }

    /// A second of the day.
    pub fn names_time(&self, second: i64) -> bool {
        let [hour, minute, second] = [second / 3600, second / 60 % 60, second % 60];
        let is_second = match &self.second {
            Some(field) => field.names(second as i8),
            None => second == 0,
        };
        is_second && self.minute.names(minute as i8) && self.hour.names(hour as i8)
    }

    pub fn names_day(&self, wall: DateTime) -> bool {
        let [day, month, weekday] = &self.days;
        let by_day = day.names(wall.day());
        let by_weekday = weekday.names(wall.weekday().to_sunday_zero_offset());
        let is_named = match day.begins_with_star() || weekday.begins_with_star() {
            true => by_day && by_weekday,
            false => by_day || by_weekday,
        };
        is_named && month.names(wall.month())
    }
}

/// Aimed at two times, the ends of what is left out or comes twice.
pub(super) fn expression(ends: [DateTime; 2]) -> impl Strategy<Value = Expression> {
    let minutes = ends.map(DateTime::minute);
    let hours = ends.map(DateTime::hour);
    let second = prop_oneof![11 => Just(None), 1 => field(vec![0, 1, 30, 59], 59).prop_map(Some)];
    let minute = field(around(minutes, 1, 59, &[0, 15, 30, 59]), 59);
    let hour = field(around(hours, 1, 23, &[]), 23);
    (second, minute, hour, days(ends)).prop_map(|(second, minute, hour, days)| Expression {
        second,
        minute,
        hour,
        days,
    })
}

/// Values up to so far from some, round the end, and a few others.
fn around(values: [i8; 2], reach: i8, last: i8, others: &[i8]) -> Vec<i8> {
    let near =
        |value: i8| (value - reach..=value + reach).map(move |near| near.rem_euclid(last + 1));
    let mut all: Vec<i8> = values.into_iter().flat_map(near).collect();
    all.extend(others);
    all.sort_unstable();
    all.dedup();
    all
}

fn field(near: Vec<i8>, last: i8) -> impl Strategy<Value = Field> {
    let list = prop::collection::vec(select(near.clone()), 1..=3).prop_map(|values| {
        let words: Vec<_> = values.iter().map(ToString::to_string).collect();
        Field::new(words.join(","), values)
    });
    let range = (select(near.clone()), select(near), 1..=2_usize).prop_map(|(one, other, step)| {
        let (first, last) = (one.min(other), one.max(other));
        match (last - first) as usize >= step {
            true => Field::new(
                format!("{first}-{last}/{step}"),
                (first..=last).step_by(step).collect(),
            ),
            false => Field::new(first.to_string(), vec![first]),
        }
    });
    let every = (2..=last / 2).prop_map(move |step| {
        let values = (0..=last).step_by(step as usize).collect();
        Field::new(format!("*/{step}"), values)
    });
    prop_oneof![8 => list, 3 => range, 2 => Just(Field::star((0, last))), 2 => every]
}

/// Every day mostly; else days of the two times, by one field, by two that must both match, or either.
fn days(ends: [DateTime; 2]) -> impl Strategy<Value = [Field; 3]> {
    let [any_day, any_month, any_weekday] = [(1, 31), (1, 12), (0, 6)].map(Field::star);
    let of = |end: DateTime| {
        let one = |value: i8| Field::new(value.to_string(), vec![value]);
        let weekday = end.weekday().to_sunday_zero_offset();
        [one(end.day()), one(end.month()), one(weekday)]
    };
    let odd = Field::new("*/2", (1..=31).step_by(2).collect());
    (0..12, select(ends.to_vec())).prop_map(move |(kind, end)| {
        let [day, month, weekday] = of(end);
        let (any_day, any_month) = (any_day.clone(), any_month.clone());
        match kind {
            0 => [day, any_month, any_weekday.clone()],
            1 => [day, month, any_weekday.clone()],
            2 => [any_day, any_month, weekday],
            3 => [day, any_month, weekday],
            4 => [odd.clone(), any_month, weekday],
            _ => [any_day, any_month, any_weekday.clone()],
        }
    })
}
