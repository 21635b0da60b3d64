//! A pattern of wall-clock times: what every form of expression is in the end. A bit for every value.

use super::days::{Days, SECONDS_PER_DAY};

/// Wall-clock times, as days and as times of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub days: Days,
    pub times: Times,
}

/// Times of a day: every hour that is named with every minute and every second that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub seconds: u64,
    pub minutes: u64,
    pub hours: u32,
    pub watch: Watch,
}

/// Which time an expression watches when the clocks change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watch {
    /// Hour, minute or second begins with `*`: every real time that matches, both passes of a repeated hour.
    Wild,
    /// Times that a person chose: one run for each, whether its hour is left out or repeated.
    Fixed,
}

impl Pattern {
    /// The first wall-clock second in `from..until` that matches. Seconds are counted from 1970-01-01 on.
    pub fn first_in(&self, from: i64, until: i64) -> Option<i64> {
        if from >= until {
            return None;
        }
        self.first_from(from).filter(|found| *found < until)
    }

    /// The first one from a second on; none where none comes any more.
    pub fn first_from(&self, second: i64) -> Option<i64> {
        let today = second.div_euclid(SECONDS_PER_DAY);
        let time = self
            .times
            .first_from((second - today * SECONDS_PER_DAY) as u32);
        let day = self.days.first_from(today + i64::from(time.is_none()))?;
        let time = time
            .filter(|_| day == today)
            .unwrap_or_else(|| self.times.first());
        Some(day * SECONDS_PER_DAY + i64::from(time))
    }
}

impl Times {
    /// The first of them from a second of the day on.
    fn first_from(&self, second: u32) -> Option<u32> {
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        if self.hours >> hour & 1 == 0 {
            return self.in_hour_after(hour);
        }
        if self.minutes >> minute & 1 == 1 {
            let rest = self.seconds & (u64::MAX << second);
            if rest != 0 {
                return Some(hour * 3600 + minute * 60 + rest.trailing_zeros());
            }
        }
        match self.minutes & (u64::MAX << (minute + 1)) {
            0 => self.in_hour_after(hour),
            later => Some(hour * 3600 + later.trailing_zeros() * 60 + self.first_second()),
        }
    }

    fn in_hour_after(&self, hour: u32) -> Option<u32> {
        match self.hours & (u32::MAX << (hour + 1)) {
            0 => None,
            later => Some(later.trailing_zeros() * 3600 + self.within_hour()),
        }
    }

    fn first(&self) -> u32 {
        self.hours.trailing_zeros() * 3600 + self.within_hour()
    }

    fn within_hour(&self) -> u32 {
        self.minutes.trailing_zeros() * 60 + self.first_second()
    }

    fn first_second(&self) -> u32 {
        self.seconds.trailing_zeros()
    }
}
