//! Columns that fit the width there is.

use std::fmt::Write;

/// What may happen to a column where there is no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Nothing: a number or a time says something else when it is cut.
    Whole,
    /// It is cut, and ends with `…`.
    Cut,
    /// It is cut first, and left out when little of it would remain.
    Spare,
}

/// The least that is shown of a column that is cut.
const LEAST: usize = 8;
const GAP: usize = 2;

/// Rows below a head line. Columns that are empty in every row are left out.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(&'static str, Fit)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(columns: &[(&'static str, Fit)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(cells.into());
    }

    /// The table in at most `width` columns, if that is possible; with no width, nothing is cut.
    pub fn render(&self, width: Option<usize>) -> String {
        let mut widths = self.natural_widths();
        if let Some(width) = width {
            self.shrink(&mut widths, width);
        }
        let mut text = String::new();
        let head: Vec<String> = self
            .columns
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        for cells in std::iter::once(&head).chain(&self.rows) {
            text.push_str(line(cells, &widths).trim_end());
            text.push('\n');
        }
        text
    }

    fn natural_widths(&self) -> Vec<usize> {
        let widest = |place: usize| self.rows.iter().map(|row| length(&row[place])).max();
        let natural = |(place, (name, _)): (usize, &(&str, Fit))| match widest(place) {
            None | Some(0) => 0,
            Some(widest) => widest.max(length(name)),
        };
        self.columns.iter().enumerate().map(natural).collect()
    }

    fn shrink(&self, widths: &mut [usize], room: usize) {
        for place in self.places(Fit::Spare).rev() {
            let rest = total(widths).saturating_sub(room);
            let left = widths[place].saturating_sub(rest);
            widths[place] = if left < LEAST.min(widths[place]) {
                0
            } else {
                left
            };
        }
        while total(widths) > room {
            let widest = self.places(Fit::Cut).max_by_key(|&place| widths[place]);
            match widest {
                Some(place) if widths[place] > LEAST => widths[place] -= 1,
                _ => return,
            }
        }
    }

    fn places(&self, fit: Fit) -> impl DoubleEndedIterator<Item = usize> {
        let same = move |(place, column): (usize, &(&str, Fit))| (column.1 == fit).then_some(place);
        self.columns.iter().enumerate().filter_map(same)
    }
}

fn total(widths: &[usize]) -> usize {
    let shown = widths.iter().filter(|&&width| width > 0);
    let sum: usize = shown.map(|width| width + GAP).sum();
    sum.saturating_sub(GAP)
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, &width) in cells.iter().zip(widths).filter(|&(_, &width)| width > 0) {
        let cell = cut(cell, width);
        let gap = " ".repeat(width - length(&cell) + GAP);
        write!(text, "{cell}{gap}").expect("a string takes everything");
    }
    text
}

/// With an ellipsis where it is longer.
pub fn cut(text: &str, width: usize) -> String {
    match length(text) <= width {
        true => text.to_owned(),
        false => text.chars().take(width - 1).chain(['…']).collect(),
    }
}

/// In characters.
pub fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[
            ("RUN", Fit::Whole),
            ("JOB", Fit::Cut),
            ("NEVER", Fit::Whole),
            ("DESCRIPTION", Fit::Spare),
        ]);
        let row = |run: &str, job: &str, text: &str| {
            [
                run.to_owned(),
                job.to_owned(),
                String::new(),
                text.to_owned(),
            ]
        };
        table.row(row("17", "backup-of-everything", "copies it all over"));
        table.row(row("123456", "größe", ""));
        table
    }

    fn rendered(width: usize) -> String {
        table().render(Some(width))
    }

    #[test]
    fn without_a_width_nothing_is_cut() {
        let text = "\
RUN     JOB                   DESCRIPTION
17      backup-of-everything  copies it all over
123456  größe
";
        assert_eq!(table().render(None), text);
        assert_eq!(rendered(48), text);
    }

    #[test]
    fn the_spare_column_is_cut_first() {
        let text = "\
RUN     JOB                   DESCRIPTION
17      backup-of-everything  copies it al…
123456  größe
";
        assert_eq!(rendered(43), text);
    }

    #[test]
    fn then_it_is_left_out() {
        let text = "\
RUN     JOB
17      backup-of-everything
123456  größe
";
        assert_eq!(rendered(36), text);
        assert_eq!(rendered(28), text);
    }

    #[test]
    fn then_names_are_cut_and_numbers_never() {
        let text = "\
RUN     JOB
17      backup-of-e…
123456  größe
";
        assert_eq!(rendered(20), text);
        let least = "\
RUN     JOB
17      backup-…
123456  größe
";
        assert_eq!(rendered(0), least);
    }
}
