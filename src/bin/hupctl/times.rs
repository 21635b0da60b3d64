//! Times, durations and sizes as people read them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::ending::Failure;
use crate::visible::visible;

/// The present, and the zone of whoever reads.
#[derive(Clone, Debug)]
pub struct Times {
    pub now: Timestamp,
    pub zone: TimeZone,
}

impl Times {
    /// `2026-11-23 07:00:00`, in the reader's zone.
    pub fn at(&self, time: Timestamp) -> String {
        let local = self.zone.to_datetime(time);
        local.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `in 3 h`, `2 min ago`, `now`.
    pub fn relative(&self, time: Timestamp) -> String {
        let seconds = time.as_second() - self.now.as_second();
        match seconds {
            0 => "now".to_owned(),
            1.. => format!("in {}", rough(seconds.unsigned_abs())),
            _ => format!("{} ago", rough(seconds.unsigned_abs())),
        }
    }

    /// `2026-11-23 07:00:00 (in 3 h)`
    pub fn both(&self, time: Timestamp) -> String {
        format!("{} ({})", self.at(time), self.relative(time))
    }

    /// How long ago that was.
    pub fn since(&self, time: Timestamp) -> String {
        duration(time.duration_until(self.now).as_secs_f64())
    }
}

/// A time that somebody wrote after an option: RFC 3339, or what the clocks of the zone show.
pub fn given(option: &str, text: &str, zone: Option<TimeZone>) -> Result<Timestamp, Failure> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let local: Option<DateTime> = text.parse().ok();
    let time = local
        .zip(zone)
        .and_then(|(local, zone)| zone.to_timestamp(local).ok());
    time.ok_or_else(|| {
        let text = visible(text);
        Failure::Usage(format!(
            "{option}: '{text}' is no time; write '2026-03-29T00:00:00Z', with another offset, \
             or '2026-03-29T00:00' on the clocks of the zone"
        ))
    })
}

/// One number and one unit.
fn rough(seconds: u64) -> String {
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6_000 => format!("{} min", seconds / 60),
        6_000..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `12 ms`, `1.2 s`, `3 min 5 s`, `2 h 7 min`, `3 d 4 h`.
pub fn duration(seconds: f64) -> String {
    let milliseconds = (seconds.max(0.0) * 1e3).round();
    if milliseconds < 1_000.0 {
        return format!("{milliseconds} ms");
    }
    if milliseconds < 59_950.0 {
        return format!("{:.1} s", milliseconds / 1e3);
    }
    two_units((milliseconds / 1e3).round() as u64)
}

fn two_units(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let (big, small) = match seconds {
        0..3_600 => ((minutes, "min"), (seconds % 60, "s")),
        3_600..86_400 => ((hours, "h"), (minutes % 60, "min")),
        _ => ((days, "d"), (hours % 24, "h")),
    };
    match small {
        (0, _) => format!("{} {}", big.0, big.1),
        _ => format!("{} {} {} {}", big.0, big.1, small.0, small.1),
    }
}

/// `812 B`, `1.5 KiB`, `256 MiB`.
pub fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut shown = "B";
    for unit in units {
        if value < 1023.5 {
            break;
        }
        (value, shown) = (value / 1024.0, unit);
    }
    match shown == "B" || value >= 9.95 {
        true => format!("{value:.0} {shown}"),
        false => format!("{value:.1} {shown}"),
    }
}

/// `1,234,567`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times() -> Times {
        Times {
            now: "2026-11-23T06:00:00Z".parse().unwrap(),
            zone: TimeZone::fixed(jiff::tz::offset(1)),
        }
    }

    fn relative(seconds: i64) -> String {
        let times = times();
        let time = Timestamp::from_second(times.now.as_second() + seconds).unwrap();
        times.relative(time)
    }

    #[test]
    fn times_are_shown_in_the_zone_of_the_reader() {
        let times = times();
        assert_eq!(times.at(times.now), "2026-11-23 07:00:00");
        assert_eq!(times.both(times.now), "2026-11-23 07:00:00 (now)");
    }

    #[test]
    fn relative_times_have_one_unit_that_fits() {
        let cases = [
            (0, "now"),
            (1, "in 1 s"),
            (99, "in 99 s"),
            (100, "in 1 min"),
            (5_999, "in 99 min"),
            (10_800, "in 3 h"),
            (172_799, "in 47 h"),
            (172_800, "in 2 d"),
            (-120, "2 min ago"),
            (-1, "1 s ago"),
            (-3_000_000, "34 d ago"),
        ];
        for (seconds, text) in cases {
            assert_eq!(relative(seconds), text);
        }
    }

    #[test]
    fn durations_have_as_much_precision_as_they_deserve() {
        let cases = [
            (0.0, "0 ms"),
            (-1.0, "0 ms"),
            (0.0123, "12 ms"),
            (0.9996, "1.0 s"),
            (1.234, "1.2 s"),
            (59.94, "59.9 s"),
            (59.96, "1 min"),
            (185.2, "3 min 5 s"),
            (3_599.9, "1 h"),
            (7_620.0, "2 h 7 min"),
            (273_600.0, "3 d 4 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn sizes_have_as_much_precision_as_they_deserve() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10 << 20, "10 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (u64::MAX, "16 EiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn long_numbers_are_grouped() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_234, "1,234"),
            (1_234_567, "1,234,567"),
        ];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }
}
