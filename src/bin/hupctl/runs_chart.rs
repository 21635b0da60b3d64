//! `hupctl runs JOB --chart`: how long the runs of a job took, and how they ended, at a glance.

use std::fmt::Write;

use hupd::protocol::{RunRow, Usual};

use crate::runs::how_it_ended;
use crate::screen::{Mood, View};
use crate::table::{cut, length};
use crate::times::duration;
use crate::usual::how_it_goes;

/// So wide a chart is where there is no terminal.
const USUAL_WIDTH: usize = 80;
/// The least that there is of a bar, on however narrow a terminal, and what notes have at most.
const LEAST_BAR: usize = 10;
const LONGEST_NOTE: usize = 26;
const LEGEND: &str = "= succeeded, # failed, > running, | p95\n";
const GAP: &str = "  ";

/// One run, ready to be drawn.
struct Row {
    number: String,
    began: String,
    took: String,
    seconds: f64,
    /// What its bar is made of.
    fill: char,
    note: String,
    mood: Mood,
}

/// The newest last, as one reads time.
pub fn runs_chart(runs: &[RunRow], usual: &Usual, view: &View) -> String {
    let rows: Vec<Row> = runs.iter().rev().map(|run| row(run, usual, view)).collect();
    let widest = |text: fn(&Row) -> &str| rows.iter().map(|row| length(text(row))).max();
    let number = widest(|row| &row.number).unwrap_or(0).max(3);
    let took = widest(|row| &row.took).unwrap_or(0).max(8);
    let note = widest(|row| &row.note).unwrap_or(0).min(LONGEST_NOTE);
    let before = number + began_width() + took + 3 * GAP.len();
    let width = view.width.unwrap_or(USUAL_WIDTH);
    let bar = width
        .saturating_sub(before + GAP.len() + note)
        .max(LEAST_BAR);
    let scale = Scale::new(&rows, usual, bar);
    let mut text = format!("{}\n", how_it_goes(usual));
    let mut line = |cells: [&str; 4], rest: &str| {
        let [a, b, c, d] = cells;
        let began = began_width();
        let line = format!("{a:>number$}{GAP}{b:<began$}{GAP}{c:<took$}{GAP}{d:<bar$}{GAP}{rest}");
        writeln!(text, "{}", line.trim_end()).expect("a string takes everything");
    };
    line(["RUN", "STARTED", "DURATION", &scale.title()], "");
    for row in &rows {
        let drawn = scale.bar(row);
        let padded = format!("{drawn:<bar$}");
        let (bar, note) = (
            view.paint.over(&padded, row.mood),
            view.paint.over(&cut(&row.note, note.max(1)), row.mood),
        );
        line([&row.number, &row.began, &row.took, &bar], &note);
    }
    text.push_str(LEGEND);
    text
}

/// As the clocks of the reader show it, without the year.
fn began_width() -> usize {
    "11-23 06:58".len()
}

fn row(run: &RunRow, usual: &Usual, view: &View) -> Row {
    let seconds = run.duration_seconds.or_else(|| {
        let since = run.started_at?.duration_until(view.times.now);
        Some(since.as_secs_f64().max(0.0))
    });
    let began = view
        .times
        .zone
        .to_datetime(run.started_at.unwrap_or(run.scheduled_for));
    let is_long = usual
        .p95_seconds
        .zip(seconds)
        .is_some_and(|(p95, seconds)| seconds > p95);
    let is_over = run.outcome.is_some();
    let succeeded = run.success == Some(true);
    let mut notes = Vec::new();
    if !succeeded {
        notes.push(how_it_ended(run));
    }
    if is_long {
        notes.push("above p95".to_owned());
    }
    Row {
        number: run.run.to_string(),
        began: began.strftime("%m-%d %H:%M").to_string(),
        took: match (seconds, run.started_at) {
            (Some(seconds), Some(_)) => duration(seconds),
            _ => "-".to_owned(),
        },
        seconds: seconds.unwrap_or(0.0),
        fill: match (is_over, succeeded) {
            (true, true) => '=',
            (true, false) => '#',
            (false, _) => '>',
        },
        note: notes.join(", "),
        mood: match (is_over && !succeeded, is_long) {
            (true, _) => Mood::Bad,
            (false, true) => Mood::Unusual,
            (false, false) => Mood::Usual,
        },
    }
}

/// From seconds to columns.
struct Scale {
    longest: f64,
    columns: usize,
    /// Where a bar ends that is as long as the p95.
    p95: Option<usize>,
}

impl Scale {
    fn new(rows: &[Row], usual: &Usual, columns: usize) -> Self {
        let seconds = rows.iter().map(|row| row.seconds);
        let longest = seconds.chain(usual.p95_seconds).fold(0.0, f64::max);
        let mut scale = Self {
            longest,
            columns,
            p95: None,
        };
        scale.p95 = usual.p95_seconds.map(|p95| scale.length(p95));
        scale
    }

    /// What takes no time has no bar; whatever else there is can be seen.
    fn length(&self, seconds: f64) -> usize {
        if seconds <= 0.0 || self.longest <= 0.0 {
            return 0;
        }
        let share = seconds / self.longest * self.columns as f64;
        (share.round() as usize).clamp(1, self.columns)
    }

    /// With a mark at the p95, as far as it is behind the bar.
    fn bar(&self, row: &Row) -> String {
        let length = self.length(row.seconds);
        let mut bar = row.fill.to_string().repeat(length);
        if let Some(mark) = self.p95.filter(|mark| *mark > length) {
            bar.extend([" ".repeat(mark - length - 1).as_str(), "|"]);
        }
        bar
    }

    fn title(&self) -> String {
        cut(&format!("0 to {}", duration(self.longest)), self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::tests::view;
    use crate::runs::tests::{ended, run};
    use crate::screen::Paint;

    fn took(number: u64, outcome: &str, seconds: f64) -> RunRow {
        RunRow {
            duration_seconds: Some(seconds),
            ..ended(number, outcome)
        }
    }

    fn rows() -> Vec<RunRow> {
        let never = RunRow {
            started_at: None,
            ..took(16, "could not start: no such file or directory", 0.0)
        };
        vec![
            run(20),
            took(19, "exited 0", 500.0),
            took(18, "timed out", 60.0),
            took(17, "exited 0", 239.0),
            never,
            took(15, "exited 3", 0.2),
        ]
    }

    fn usual() -> Usual {
        Usual {
            ended: 20,
            succeeded: 19,
            success_rate: Some(0.95),
            median_seconds: Some(240.0),
            p95_seconds: Some(360.0),
        }
    }

    #[test]
    fn what_is_unusual_stands_out() {
        let text = "\
19 of 20 runs succeeded (95 %); usually 4 min, p95 6 min
RUN  STARTED      DURATION    0 to 8 min 20 s
 15  11-23 06:58  200 ms      #              |        exited 3
 16  11-23 06:58  -                          |        could not start: no such …
 17  11-23 06:58  3 min 59 s  ===========    |
 18  11-23 06:58  1 min       ###            |        timed out
 19  11-23 06:58  8 min 20 s  ======================  above p95
 20  11-23 06:58  2 min       >>>>>          |        running
= succeeded, # failed, > running, | p95
";
        let drawn = runs_chart(&rows(), &usual(), &view());
        assert_eq!(drawn, text);
        assert!(drawn.lines().all(|line| length(line) <= 80), "{drawn}");
    }

    #[test]
    fn colours_say_nothing_that_the_text_does_not_say() {
        let plain = runs_chart(&rows(), &usual(), &view());
        let coloured = View {
            paint: Paint::Coloured,
            width: Some(80),
            ..view()
        };
        let coloured = runs_chart(&rows(), &usual(), &coloured);
        let red = |line: &&str| line.contains("\u{1b}[31m");
        let failed: Vec<_> = coloured.lines().filter(red).collect();
        assert_eq!(failed.len(), 3, "{coloured}");
        assert_eq!(coloured.matches("\u{1b}[33m").count(), 2, "{coloured}");
        let bare = ["\u{1b}[31m", "\u{1b}[33m", "\u{1b}[0m"]
            .iter()
            .fold(coloured, |text, code| text.replace(code, ""));
        let trimmed: Vec<_> = bare.lines().map(str::trim_end).collect();
        assert_eq!(trimmed, plain.lines().collect::<Vec<_>>());
    }

    #[test]
    fn there_is_a_chart_on_every_terminal_and_of_a_job_that_never_succeeded() {
        let rows = [took(1, "exited 3", 0.0)];
        let narrow = View {
            width: Some(20),
            ..view()
        };
        let drawn = runs_chart(&rows, &Usual::of(1, vec![]), &narrow);
        assert!(
            drawn.contains("  1  11-23 06:58  0 ms                  exited 3\n"),
            "{drawn}"
        );
    }
}
