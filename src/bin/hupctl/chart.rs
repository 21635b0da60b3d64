//! `hupctl next --chart`: the coming day at a glance.

use std::fmt::Write;

use hupd::forecast::{FULL, MOST_SLICES};
use hupd::protocol::{Chart, ChartFilter, Request};
use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::{SignedDuration, Timestamp, tz::Offset};

use crate::ending::{Ending, Failure};
use crate::next::{Span, nothing_due};
use crate::screen::{Screen, View};
use crate::source::Source;
use crate::table::{cut, length};
use crate::times;
use crate::visible::visible;

/// So wide a chart is where there is no terminal: a day in half hours, with a part of one at its end.
const USUAL_ROOM: i64 = 49;
/// The least room that there is, on however narrow a terminal.
const LEAST_ROOM: i64 = 13;
/// What is kept free for the names of jobs, and between them and the chart.
const NAME: usize = 16;
const GAP: usize = 2;

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// How long a slice may be, in seconds: what divides an hour or a day.
const SLICES: [i64; 21] = [
    1,
    2,
    5,
    10,
    15,
    20,
    30,
    60,
    2 * 60,
    5 * 60,
    10 * 60,
    15 * 60,
    20 * 60,
    30 * 60,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    8 * HOUR,
    12 * HOUR,
];

pub fn chart(
    source: &Source<'_>,
    job: Option<String>,
    span: Span,
    screen: &mut Screen,
) -> Result<Ending, Failure> {
    let from = span.from.unwrap_or(screen.view.times.now);
    let day = from.checked_add(SignedDuration::from_secs(DAY));
    let to = span.to.unwrap_or(day.unwrap_or(Timestamp::MAX));
    let filter = ChartFilter {
        job: job.clone(),
        from: span.from,
        to: span.to,
        slice: slice(to.duration_since(from).as_secs(), room(&screen.view)),
    };
    let chart: Chart = source.ask(&Request::Chart(filter))?.json()?;
    if chart.rows.is_empty() {
        let span = Span {
            from: Some(from),
            to: Some(to),
        };
        screen.line(&nothing_due(job.as_deref(), span, &screen.view.times))?;
    } else {
        screen.bytes(chart_text(&chart, screen.view.width).as_bytes())?;
    }
    Ok(Ending::Done)
}

/// How many columns there are for slices.
fn room(view: &View) -> i64 {
    let Some(width) = view.width else {
        return USUAL_ROOM;
    };
    let room = width.saturating_sub(NAME + GAP);
    i64::try_from(room).unwrap_or(i64::MAX).max(LEAST_ROOM)
}

/// The shortest slices of which there is room for all, with a part of one at either end.
fn slice(span: i64, room: i64) -> u32 {
    let fits = |slice: &i64| (span + slice - 1) / slice < room.min(MOST_SLICES);
    let slice = SLICES.into_iter().find(fits).unwrap_or_else(|| {
        let days = (1..).find(|days| fits(&(days * DAY)));
        days.unwrap_or(1) * DAY
    });
    u32::try_from(slice).unwrap_or(u32::MAX)
}

fn chart_text(chart: &Chart, width: Option<usize>) -> String {
    let slices = chart.bounds.len().saturating_sub(1);
    let names: Vec<String> = chart.rows.iter().map(|row| visible(&row.job)).collect();
    let longest = names.iter().map(|name| length(name)).max().unwrap_or(0);
    let column = longest.max(length(SUM)).min(match width {
        Some(width) => width.saturating_sub(slices + GAP).max(length(SUM)),
        None => usize::MAX,
    });
    let mut text = title(chart);
    let mut line = |name: &str, cells: &str| {
        let name = cut(name, column);
        let gap = " ".repeat(column - length(&name) + GAP);
        let line = format!("{name}{gap}{cells}");
        writeln!(text, "{}", line.trim_end()).expect("a string takes everything");
    };
    line("JOB", &ruler(chart));
    for (name, row) in names.iter().zip(&chart.rows) {
        let cells: String = row.counts.iter().copied().map(cell).collect();
        line(name, &cells);
    }
    let (tens, ones) = sums(chart, slices);
    if !tens.trim().is_empty() {
        line("", &tens);
    }
    line(SUM, &ones);
    text
}

/// No job has a name with a blank in it.
const SUM: &str = "all jobs";

fn title(chart: &Chart) -> String {
    let shown = |bound: Option<&String>| {
        let local = bound.and_then(|bound| local(bound)).unwrap_or_default();
        local.strftime("%Y-%m-%d %H:%M").to_string()
    };
    let (from, to) = (shown(chart.bounds.first()), shown(chart.bounds.last()));
    let (zone, slice) = (
        visible(&chart.timezone),
        times::duration(f64::from(chart.slice_seconds)),
    );
    format!("{from} to {to} in {zone}, {slice} a column; + is 10 or more\n")
}

fn cell(count: u8) -> char {
    match count {
        0 => '·',
        1..=9 => char::from(b'0' + count),
        _ => '+',
    }
}

/// The tens, where there are any, and the ones of each sum, to be read from top to bottom. It is `+` where a cell
/// is full, so that nobody knows, or there is no room for its digits.
fn sums(chart: &Chart, slices: usize) -> (String, String) {
    let of = |slice: usize| -> Option<u8> {
        let counts = chart.rows.iter().filter_map(|row| row.counts.get(slice));
        let add = |sum: u8, count: &u8| (*count < FULL).then(|| sum.checked_add(*count))?;
        let mut counts = counts;
        counts.try_fold(0, add).filter(|sum| *sum < 100)
    };
    let digits = |sum: Option<u8>| match sum {
        None => ('+', '+'),
        Some(sum @ 0..10) => (' ', cell(sum)),
        Some(sum) => (char::from(b'0' + sum / 10), char::from(b'0' + sum % 10)),
    };
    (0..slices).map(of).map(digits).unzip()
}

/// The hours, minutes or days at which slices begin, as many as there is room for.
fn ruler(chart: &Chart) -> String {
    let bounds: Vec<i64> = chart
        .bounds
        .iter()
        .filter_map(|bound| Some(seconds(local(bound)?)))
        .collect();
    let step = step(i64::from(chart.slice_seconds));
    let mut ruler = String::new();
    for (place, pair) in bounds.windows(2).enumerate() {
        // The clock goes back within a slice where it is changed; the slice begins when it begins.
        let mark = (pair[0] + step - 1).div_euclid(step) * step;
        if mark < pair[1] && length(&ruler) <= place {
            let gap = place - length(&ruler);
            ruler.extend([" ".repeat(gap), label(mark, step), " ".to_owned()]);
        }
    }
    ruler
}

/// From one label to the next.
fn step(slice: i64) -> i64 {
    let steps = [
        60,
        5 * 60,
        10 * 60,
        15 * 60,
        30 * 60,
        HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
        DAY,
    ];
    let has_room = |step: &i64| {
        let width = length(&label(0, *step)) as i64;
        step % slice == 0 && step / slice > width
    };
    let days = || (1..).map(|days| days * DAY).find(has_room);
    steps
        .into_iter()
        .find(has_room)
        .or_else(days)
        .unwrap_or(DAY)
}

/// What a clock, or a calendar, shows then.
fn label(mark: i64, step: i64) -> String {
    let time = Timestamp::from_second(mark).unwrap_or_default();
    let form = match step {
        ..HOUR => "%H:%M",
        HOUR..DAY => "%H",
        _ => "%m-%d",
    };
    Offset::UTC.to_datetime(time).strftime(form).to_string()
}

/// What the clocks of the zone show at a time of RFC 3339.
fn local(bound: &str) -> Option<DateTime> {
    let pieces = DateTimeParser::new().parse_pieces(bound).ok()?;
    Some(pieces.date().to_datetime(pieces.time()?))
}

fn seconds(local: DateTime) -> i64 {
    Offset::UTC
        .to_timestamp(local)
        .map_or(0, |time| time.as_second())
}

#[cfg(test)]
mod tests {
    use hupd::protocol::ChartRow;

    use super::*;

    fn chart(first: &str, slice: i64, rows: &[(&str, &[u8])]) -> Chart {
        let first = seconds(first.parse().unwrap());
        let bound = |number: usize| {
            let time = Timestamp::from_second(first + slice * number as i64).unwrap();
            format!("{}+00:00", Offset::UTC.to_datetime(time))
        };
        let rows = rows.iter().map(|(job, counts)| ChartRow {
            job: (*job).to_owned(),
            counts: counts.to_vec(),
        });
        let rows: Vec<_> = rows.collect();
        Chart {
            timezone: "UTC".into(),
            slice_seconds: u32::try_from(slice).unwrap(),
            bounds: (0..=rows[0].counts.len()).map(bound).collect(),
            rows,
        }
    }

    #[test]
    fn collisions_are_seen_at_a_glance() {
        let backup = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mail = [1; 14];
        let poll = [9, 10, 9, 9, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8];
        let rows: [(&str, &[u8]); 3] = [("backup", &backup), ("mail", &mail), ("poll", &poll)];
        let text = "\
2026-11-27 14:30 to 2026-11-27 21:30 in UTC, 30 min a column; + is 10 or more
JOB        15    18    21
backup    ···1··········
mail      11111111111111
poll      9+998888888888
          1+11
all jobs  0+019999999999
";
        let chart = chart("2026-11-27T14:30", 1_800, &rows);
        assert_eq!(chart_text(&chart, None), text);
    }

    #[test]
    fn sums_are_told_as_far_as_anybody_knows_them() {
        let nines = [("a", &[9, 0, 9, 0][..]); 11];
        let of = |slots: usize, rows: &[(&str, &[u8])]| {
            sums(&chart("2026-11-27T14:00", 3_600, rows), slots)
        };
        assert_eq!(of(4, &nines[..1]), ("    ".into(), "9·9·".into()));
        assert_eq!(of(4, &nines), ("9 9 ".into(), "9·9·".into()));
        let more = [&nines[..], &[("b", &[1, FULL, 0, 1])]].concat();
        assert_eq!(of(4, &more), ("++9 ".into(), "++91".into()));
    }

    #[test]
    fn long_names_are_cut_on_a_terminal_and_nowhere_else() {
        let rows: [(&str, &[u8]); 1] = [("backup-of-everything", &[1, 0, 0])];
        let chart = chart("2026-11-27T14:00", 3_600, &rows);
        let row = |width| {
            let text = chart_text(&chart, width);
            text.lines().nth(2).unwrap().to_owned()
        };
        assert_eq!(row(None), "backup-of-everything  1··");
        assert_eq!(row(Some(20)), "backup-of-ever…  1··");
        assert_eq!(row(Some(4)), "backup-…  1··");
    }

    #[test]
    fn labels_have_room_and_say_as_much_as_they_must() {
        let ruler = |first: &str, slice| ruler(&chart(first, slice, &[("a", &[0; 30])]));
        assert_eq!(
            ruler("2026-11-27T14:58", 60),
            "  15:00     15:10     15:20 "
        );
        assert_eq!(
            ruler("2026-11-27T14:45", 900),
            " 15  16  17  18  19  20  21  22 "
        );
        assert_eq!(
            ruler("2026-11-27T22:00", 12 * HOUR),
            "    11-30 12-03 12-06 12-09 12-12 "
        );
    }

    #[test]
    fn slices_are_as_short_as_there_is_room_for() {
        let cases = [
            (DAY, 49, 1_800),
            (DAY, 48, 3_600),
            (DAY, 97, 900),
            (DAY, 13, 2 * HOUR),
            (20, 49, 1),
            (7 * DAY, 49, 4 * HOUR),
            (366 * DAY, 49, 8 * DAY),
            (8_000 * 366 * DAY, 13, 225_231 * DAY),
        ];
        for (span, room, expected) in cases {
            assert_eq!(
                i64::from(slice(span, room)),
                expected.min(i64::from(u32::MAX)),
                "{span}"
            );
        }
    }
}
