//! From text to tables, with every syntax error, and what these make unreliable.

use std::cell::LazyCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::DeTable;

use super::finding::{Cause, Finding, MOST_SHOWN};
use super::mend;
use super::source::Source;
use super::syntax_words::reworded;

/// Parses a file. Where the text is too broken to be understood behind the break, `mended` becomes
/// the text without the broken lines, at the same places, and is what the tables come from.
pub(super) fn parse<'t>(source: &'t Source, mended: &'t mut String) -> (DeTable<'t>, Damage) {
    let (tree, errors) = DeTable::parse_recoverable(source.text());
    let errors = in_order(source.text(), errors);
    let Some((text, found)) = mend::mend(source.text(), &errors) else {
        return (tree.into_inner(), Damage::new(source, errors));
    };
    drop(tree);
    *mended = text;
    let (tree, rest) = DeTable::parse_recoverable(mended);
    let all = found.into_iter().chain(in_order(mended, rest)).collect();
    (tree.into_inner(), Damage::new(source, all))
}

/// A syntax error as the parser tells it.
#[derive(Clone, Debug)]
pub(super) struct SyntaxError {
    pub at: Range<usize>,
    pub message: String,
}

pub(super) fn in_order(text: &str, errors: Vec<toml::de::Error>) -> Vec<SyntaxError> {
    // A key with too many parts is the one error that the parser gives no place.
    let deepest = LazyCell::new(|| most_dotted_line(text));
    let mut errors: Vec<SyntaxError> = errors
        .into_iter()
        .map(|error| SyntaxError {
            at: error.span().unwrap_or_else(|| deepest.clone()),
            message: error.message().to_owned(),
        })
        .collect();
    errors.sort_by_key(|error| error.at.start);
    errors
}

fn most_dotted_line(text: &str) -> Range<usize> {
    let mut end = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        end += line.len();
        (line.matches('.').count(), end - line.len()..end)
    });
    let deepest = lines.max_by_key(|(dots, line)| (*dots, Reverse(line.start)));
    deepest.map_or(0..0, |(_, line)| line)
}

/// The syntax errors of a file, and what else they explain.
#[derive(Debug)]
pub(super) struct Damage {
    findings: Vec<Finding>,
    /// Starts of the lines with an error.
    lines: BTreeSet<usize>,
    /// Starts of all sections: the lines with a header, and the first line.
    sections: Vec<usize>,
    /// Sections with an error, by their start.
    damaged: BTreeMap<usize, Header>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    Whole,
    /// What follows belongs nobody knows where.
    Broken,
}

impl Damage {
    fn new(source: &Source, mut errors: Vec<SyntaxError>) -> Self {
        errors.sort_by_key(|error| error.at.start);
        let mut damage = Self {
            findings: Vec::new(),
            lines: BTreeSet::new(),
            sections: Vec::new(),
            damaged: BTreeMap::new(),
        };
        if !errors.is_empty() {
            damage.sections = section_starts(source.text());
        }
        for error in &errors {
            damage.add(source, error);
        }
        damage
    }

    pub fn is_none(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether something is wrong in the section that holds `offset`.
    pub fn is_in_section_of(&self, offset: usize) -> bool {
        !self.is_none() && self.damaged.contains_key(&self.section_of(offset))
    }

    pub fn has_broken_header(&self) -> bool {
        self.damaged
            .values()
            .any(|header| *header == Header::Broken)
    }

    /// The first line with an error, from 1.
    pub fn first_line(&self, source: &Source) -> Option<usize> {
        let first = self.findings.first()?.at.as_ref()?;
        Some(source.position(first.start).line)
    }

    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// One error per line, and nothing below a broken header: the rest follows from the first.
    fn add(&mut self, source: &Source, error: &SyntaxError) {
        let line = source.line_at(error.at.start);
        let section = self.section_of(line.start);
        let below_broken = self.damaged.get(&section) == Some(&Header::Broken);
        if below_broken || !self.lines.insert(line.start) {
            return;
        }
        let header = match is_header(&source.text()[line.clone()]) {
            true => Header::Broken,
            false => Header::Whole,
        };
        self.damaged.insert(section, header);
        // What is never shown needs no good words: finding them takes time.
        let finding = match self.findings.len() < MOST_SHOWN {
            true => reworded(source, error),
            false => Finding::error("syntax error").at(error.at.clone()),
        };
        self.findings.push(finding);
    }

    /// Whether a finding is only the consequence of a syntax error.
    pub fn explains(&self, finding: &Finding, source: &Source) -> bool {
        if self.is_none() {
            return false;
        }
        let is_absence = finding.cause == Cause::Absent;
        let Some(at) = &finding.at else {
            return is_absence;
        };
        // Where there is no value at all, the parser has a number without a place instead.
        if *at == (0..0) {
            return true;
        }
        let in_damaged_section = match self.damaged.get(&self.section_of(at.start)) {
            Some(Header::Broken) => true,
            Some(Header::Whole) => is_absence,
            None => false,
        };
        in_damaged_section || self.lines.contains(&source.line_at(at.start).start)
    }

    fn section_of(&self, offset: usize) -> usize {
        let next = self.sections.partition_point(|start| *start <= offset);
        self.sections[next.saturating_sub(1)]
    }
}

fn section_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0 && is_header(line) {
            starts.push(at);
        }
        at += line.len();
    }
    starts
}

fn is_header(line: &str) -> bool {
    line.trim_start().starts_with('[')
}
