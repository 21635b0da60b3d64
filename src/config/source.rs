//! The text of one file, and where in it a byte is.

use std::cell::OnceCell;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::secrets::Secrets;

const BOM: char = '\u{feff}';

/// One file as it was read. Offsets count from behind the byte order mark, if there is one.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    whole: Arc<str>,
    line_starts: OnceCell<Vec<usize>>,
    secrets: OnceCell<Secrets>,
}

/// A place as people count: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub line: usize,
    pub column: usize,
}

impl Source {
    pub fn new(path: &Path, whole: Arc<str>) -> Self {
        Self {
            path: path.to_owned(),
            whole,
            line_starts: OnceCell::new(),
            secrets: OnceCell::new(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What relative paths in this file start from.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    pub fn whole(&self) -> Arc<str> {
        Arc::clone(&self.whole)
    }

    pub fn text(&self) -> &str {
        self.whole.strip_prefix(BOM).unwrap_or(&self.whole)
    }

    pub fn position(&self, offset: usize) -> Position {
        let line = self.line_at(offset);
        let before = &self.text()[line.start..self.floor(offset).min(line.end)];
        Position {
            line: self.line_number(line.start),
            column: before.chars().count() + 1,
        }
    }

    /// `path:line:column`, for a message about another place.
    pub fn place(&self, offset: usize) -> String {
        let Position { line, column } = self.position(offset);
        format!("{}:{line}:{column}", self.path.display())
    }

    /// The bytes of the line that holds `offset`, without its end.
    pub fn line_at(&self, offset: usize) -> Range<usize> {
        let text = self.text();
        let starts = self.line_starts();
        let number = starts.partition_point(|start| *start <= offset).max(1) - 1;
        let start = starts[number];
        let end = starts.get(number + 1).map_or(text.len(), |next| next - 1);
        // Nothing is on the empty line behind the last newline: the line before is meant.
        if start == text.len() && number > 0 {
            return self.line_at(start - 1);
        }
        let line = text[start..end].trim_end_matches('\r');
        start..start + line.len()
    }

    /// Whether the line that holds `offset` has values that are told to nobody.
    pub fn has_secrets_at(&self, offset: usize) -> bool {
        let secrets = self.secrets.get_or_init(|| Secrets::of(self.text()));
        secrets.are_in(&self.line_at(offset))
    }

    fn line_number(&self, start: usize) -> usize {
        self.line_starts().partition_point(|other| *other <= start)
    }

    fn line_starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let newlines = self.text().match_indices('\n');
            std::iter::once(0)
                .chain(newlines.map(|(at, _)| at + 1))
                .collect()
        })
    }

    /// The start of the character that holds `offset`.
    fn floor(&self, offset: usize) -> usize {
        self.text().floor_char_boundary(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, offset: usize) -> (usize, usize) {
        let source = Source::new(Path::new("/hupd.toml"), text.into());
        let position = source.position(offset);
        (position.line, position.column)
    }

    #[test]
    fn places_count_lines_and_characters_from_one() {
        assert_eq!(at("", 0), (1, 1));
        assert_eq!(at("ab\ncd", 4), (2, 2));
        assert_eq!(at("äö = 1", 4), (1, 3));
        assert_eq!(at("a\r\nb", 1), (1, 2));
    }

    #[test]
    fn the_end_of_a_file_is_on_its_last_line() {
        assert_eq!(at("ab\ncd\n", 6), (2, 3));
        assert_eq!(at("\n", 1), (1, 1));
    }

    #[test]
    fn a_byte_order_mark_is_not_counted() {
        assert_eq!(at("\u{feff}ab", 1), (1, 2));
    }
}
