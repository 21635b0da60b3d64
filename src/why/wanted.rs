//! A time as somebody asks for it, and the instants that it means.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use crate::config::visible;
use crate::schedule::{Shown, Zone};

/// A time that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedTime {
    Instant(Timestamp),
    /// What a clock on the wall of the job shows.
    Wall(DateTime),
    /// The last time that it showed that.
    Daily(Time),
}

/// An instant that is meant, and what the clocks of the job do then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant {
    Plain(Timestamp),
    /// A clock shows the same once more later.
    First(Timestamp),
    /// A clock showed the same before.
    Second {
        at: Timestamp,
        first: Timestamp,
    },
    /// No clock shows what was asked for; this is the first instant after it.
    Lost {
        resumes: Timestamp,
        wall: DateTime,
    },
}

impl FromStr for WantedTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let instant = text.parse().map(Self::Instant).ok();
        let wall = || text.parse().map(Self::Wall).ok();
        // A mere number is a time of the day, too, for ISO 8601; whoever writes it means a run.
        let daily = || text.parse().ok().filter(|_| text.contains(':'));
        let daily = || daily().map(Self::Daily);
        instant.or_else(wall).or_else(daily).ok_or_else(|| {
            let text = visible(text);
            format!(
                "'{text}' is no time; write '2026-03-29T02:30:00+01:00', '2026-03-29 02:30' on the clocks of the \
                 job, or '02:30' for the last one that has passed"
            )
        })
    }
}

impl WantedTime {
    /// The instants that it means in a zone: two where it comes twice.
    pub(super) fn instants(self, zone: &Zone, now: Timestamp) -> Vec<Meant> {
        match self {
            Self::Instant(at) => vec![pass(at, zone)],
            Self::Wall(wall) => shown(wall, zone),
            Self::Daily(time) => {
                let today = zone.wall(now).date();
                let has_passed = |meant: &Meant| meant.at() <= now;
                let on = |date: Date| shown(date.to_datetime(time), zone);
                let meant: Vec<_> = on(today).into_iter().filter(has_passed).collect();
                match (meant.is_empty(), today.yesterday()) {
                    (true, Ok(yesterday)) => on(yesterday),
                    _ => meant,
                }
            }
        }
    }
}

impl Meant {
    pub(super) fn at(self) -> Timestamp {
        match self {
            Self::Plain(at) | Self::First(at) | Self::Second { at, .. } => at,
            Self::Lost { resumes, .. } => resumes,
        }
    }
}

fn shown(wall: DateTime, zone: &Zone) -> Vec<Meant> {
    match zone.shows(wall) {
        Shown::Once(at) => vec![Meant::Plain(at)],
        Shown::Twice(first, at) => vec![Meant::First(first), Meant::Second { at, first }],
        Shown::Never { resumes } => vec![Meant::Lost { resumes, wall }],
    }
}

/// An instant may be one of two at which a clock shows the same.
fn pass(at: Timestamp, zone: &Zone) -> Meant {
    let twice = shown(zone.wall(at), zone);
    let same = twice.into_iter().find(|meant| meant.at() == at);
    same.unwrap_or(Meant::Plain(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    /// What is meant in Berlin at some time.
    fn meant(text: &str, now: &str) -> Vec<Meant> {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let wanted: WantedTime = text.parse().unwrap();
        wanted.instants(&zone, at(now))
    }

    #[test]
    fn a_time_is_an_instant_or_what_the_clocks_show() {
        let plain = vec![Meant::Plain(at("2026-11-27T01:30:00Z"))];
        for text in [
            "2026-11-27T01:30:00Z",
            "2026-11-27T02:30:00+01:00",
            "2026-11-27T02:30:00",
            "2026-11-27 02:30",
        ] {
            assert_eq!(meant(text, "2020-01-01T00:00:00Z"), plain, "{text}");
        }
        for text in ["", "yesterday", "25:00", "2026-02-30 12:00", "17"] {
            let error = text.parse::<WantedTime>().unwrap_err();
            assert!(
                error.contains(&format!("'{text}' is no time; write ")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_time_that_no_clock_shows_means_the_first_instant_after_it() {
        let lost = Meant::Lost {
            resumes: at("2026-03-29T01:00:00Z"),
            wall: "2026-03-29T02:30".parse().unwrap(),
        };
        for now in ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"] {
            assert_eq!(meant("02:30", now), [lost], "{now}");
        }
        assert_eq!(meant("2026-03-29 02:30", "2026-01-01T00:00:00Z"), [lost]);
        let before = meant("02:30", "2026-03-29T00:59:59Z");
        assert_eq!(before, [Meant::Plain(at("2026-03-28T01:30:00Z"))]);
    }

    #[test]
    fn a_time_that_comes_twice_means_both_and_as_an_instant_one() {
        let first = at("2026-10-25T00:30:00Z");
        let second = Meant::Second {
            at: at("2026-10-25T01:30:00Z"),
            first,
        };
        let both = [Meant::First(first), second];
        assert_eq!(meant("2026-10-25 02:30", "2026-01-01T00:00:00Z"), both);
        assert_eq!(
            meant("2026-10-25T01:30:00Z", "2026-01-01T00:00:00Z"),
            both[1..]
        );
        assert_eq!(
            meant("2026-10-25T00:30:00Z", "2026-01-01T00:00:00Z"),
            both[..1]
        );
        // By now it has come but once.
        assert_eq!(meant("02:30", "2026-10-25T01:10:00Z"), both[..1]);
        assert_eq!(meant("02:30", "2026-10-25T01:30:00Z"), both);
    }

    #[test]
    fn a_time_of_day_means_the_last_one_that_has_passed() {
        let cases = [
            ("2026-11-27T01:29:59Z", "2026-11-26T01:30:00Z"),
            ("2026-11-27T01:30:00Z", "2026-11-27T01:30:00Z"),
            // The day begins with the clocks of the zone.
            ("2026-11-27T23:30:00Z", "2026-11-27T01:30:00Z"),
        ];
        for (now, expected) in cases {
            assert_eq!(meant("02:30", now), [Meant::Plain(at(expected))], "{now}");
        }
    }
}
