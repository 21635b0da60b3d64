//! One finding as people read it: message, place, the line itself with a mark, help.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::finding::Finding;
use super::source::{Position, Source};
use super::words::{steers, visible};
use super::{Problem, Severity};

/// Characters of a line that are shown: before the place and from it on.
const BEFORE: usize = 60;
const BEHIND: usize = 80;

const CUT: &str = "...";

pub(super) fn render(source: &Source, finding: &Finding) -> Problem {
    let position = finding
        .at
        .as_ref()
        .map(|at| source.position(at.start.min(source.text().len())));
    let rendered = match (&finding.at, position) {
        (Some(at), Some(position)) if source.has_secrets_at(at.start) => {
            without_line(finding, &place(source, position))
        }
        (Some(at), Some(position)) => with_line(source, finding, at, position),
        _ => without_line(finding, &shown(source)),
    };
    Problem {
        severity: finding.severity,
        path: source.path().to_owned(),
        line: position.map(|position| position.line),
        column: position.map(|position| position.column),
        message: finding.message.clone(),
        about: finding.about.clone(),
        rendered,
    }
}

fn title(finding: &Finding) -> annotate_snippets::Title<'_> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    level.primary_title(finding.message.as_str())
}

fn with_line(source: &Source, finding: &Finding, at: &Range<usize>, position: Position) -> String {
    let excerpt = Excerpt::new(source, at);
    let snippet = Snippet::source(excerpt.text.as_str())
        .line_start(position.line)
        .annotation(AnnotationKind::Primary.span(excerpt.mark.clone()));
    let report = with_help(title(finding).element(snippet), finding);
    // The place is written by hand: the excerpt may be cut, and its columns are not the file's.
    let gutter = " ".repeat(position.line.to_string().len());
    insert_place(&draw(report), &gutter, &place(source, position))
}

/// Where there is none, or none that may be told: logs and `hupctl generations` are read by others than the file is.
fn without_line(finding: &Finding, place: &str) -> String {
    let report = with_help(Group::with_title(title(finding)), finding);
    insert_place(&draw(report), " ", place)
}

fn with_help<'a>(group: Group<'a>, finding: &'a Finding) -> Group<'a> {
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

fn draw(report: Group<'_>) -> String {
    Renderer::plain().render(&[report])
}

fn place(source: &Source, position: Position) -> String {
    format!("{}:{}:{}", shown(source), position.line, position.column)
}

fn shown(source: &Source) -> String {
    visible(&source.path().to_string_lossy())
}

/// Puts the place below the title. Lines end without blanks.
fn insert_place(drawn: &str, gutter: &str, place: &str) -> String {
    let mut lines = drawn.lines();
    let title = lines.next().unwrap_or_default();
    let mut out = format!("{title}\n{gutter}--> {place}");
    for line in lines {
        out.push('\n');
        out.push_str(line.trim_end());
    }
    out
}

/// The part of a line that is shown, and the mark in it.
struct Excerpt {
    text: String,
    mark: Range<usize>,
}

impl Excerpt {
    fn new(source: &Source, at: &Range<usize>) -> Self {
        let text = source.text();
        let line = source.line_at(at.start.min(text.len()));
        let start = text
            .floor_char_boundary(at.start)
            .clamp(line.start, line.end);
        let end = text.ceil_char_boundary(at.end).clamp(start, line.end);
        let mut excerpt = Self {
            text: String::new(),
            mark: 0..0,
        };
        excerpt.push_before(&text[line.start..start]);
        excerpt.push_behind(&text[start..line.end], end - start);
        excerpt
    }

    fn push_before(&mut self, before: &str) {
        let kept = before.char_indices().rev().take(BEFORE).last();
        let from = kept.map_or(before.len(), |(at, _)| at);
        if from > 0 {
            self.text.push_str(CUT);
        }
        self.text.extend(before[from..].chars().map(harmless));
        self.mark = self.text.len()..self.text.len();
    }

    fn push_behind(&mut self, behind: &str, marked: usize) {
        let mut chars = behind.char_indices();
        for (at, c) in chars.by_ref().take(BEHIND) {
            self.text.push(harmless(c));
            if at < marked {
                self.mark.end = self.text.len();
            }
        }
        if chars.next().is_some() {
            self.text.push_str(CUT);
        }
    }
}

/// A character that shows where another one is that must not reach a terminal.
fn harmless(c: char) -> char {
    match c {
        '\t' => ' ',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        c if steers(c) => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn rendered(text: &str, at: Range<usize>) -> String {
        let source = Source::new(Path::new("/etc/hupd.toml"), text.into());
        let finding = Finding::error("wrong").at(at).help("write right");
        render(&source, &finding).rendered
    }

    #[test]
    fn the_mark_is_under_the_place() {
        assert_eq!(
            rendered("a = 1\nbee = 2\n", 12..13),
            "error: wrong\n --> /etc/hupd.toml:2:7\n  |\n2 | bee = 2\n  |       ^\n  |\n  = help: write right"
        );
    }

    #[test]
    fn what_steers_a_terminal_is_not_printed() {
        let shown = rendered("a = \"\u{1b}[31m\u{9b}\u{202e}\u{7}\"", 4..5);
        assert!(
            shown.contains("1 | a = \"␛[31m\u{fffd}\u{fffd}␇\""),
            "{shown}"
        );
        assert!(shown.chars().all(|c| c == '\n' || !steers(c)));
    }

    #[test]
    fn a_line_with_a_secret_is_not_printed() {
        let text = "[jobs.a]\nenv = { TOKEN = \"x\", PORT = 1 }\nb = 2\n";
        assert_eq!(
            rendered(text, 37..38),
            "error: wrong\n --> /etc/hupd.toml:2:29\n |\n = help: write right"
        );
        assert!(rendered(text, 43..44).contains("3 | b = 2"));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{} here {}", "x".repeat(100_000), "y".repeat(100_000));
        let shown = rendered(&line, 100_001..100_005);
        assert!(shown.contains("/etc/hupd.toml:1:100002"));
        assert!(shown.contains("x here y"));
        assert!(shown.lines().all(|line| line.chars().count() < 160));
    }

    #[test]
    fn a_mark_over_many_lines_stays_on_the_first() {
        let shown = rendered("a = [\n 1,\n 2\n]\n", 4..14);
        assert!(shown.contains("1 | a = [\n  |     ^\n"));
    }

    #[test]
    fn a_mark_at_the_end_of_a_file_is_on_its_last_line() {
        let shown = rendered("a = \"\"\"x\n", 9..9);
        assert!(
            shown.contains("1 | a = \"\"\"x\n  |         ^\n"),
            "{shown}"
        );
    }
}
