//! What a check finds in one file: collected first, sorted and shown in the end.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::render::render;
use super::source::Source;
use super::syntax::Damage;
use super::words::counted;
use super::{Problem, Severity};

/// More than anybody reads, and little enough for every log and every answer on the socket.
pub(super) const MOST_SHOWN: usize = 1000;

/// One thing that is wrong with a file.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub severity: Severity,
    pub cause: Cause,
    /// None where the file as a whole is meant.
    pub at: Option<Range<usize>>,
    pub message: String,
    pub help: Option<String>,
    /// Another file, in which it may be mended.
    pub about: Option<PathBuf>,
}

/// Whether something wrong is there, or something right is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Present,
    /// Not worth telling where a syntax error may have swallowed it.
    Absent,
}

impl Finding {
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            cause: Cause::Present,
            at: None,
            message: message.into(),
            help: None,
            about: None,
        }
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(message)
        }
    }

    pub fn at(mut self, at: Range<usize>) -> Self {
        self.at = Some(at);
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn about(mut self, path: &Path) -> Self {
        self.about = Some(path.to_owned());
        self
    }

    pub fn absent(mut self) -> Self {
        self.cause = Cause::Absent;
        self
    }
}

/// Everything that was found in one file.
#[derive(Debug)]
pub(super) struct Findings {
    source: Rc<Source>,
    all: Vec<Finding>,
}

impl Findings {
    pub fn new(source: Rc<Source>) -> Self {
        let all = Vec::new();
        Self { source, all }
    }

    pub fn push(&mut self, finding: Finding) {
        self.all.push(finding);
    }

    /// What was found first, in words.
    pub fn first(&self) -> String {
        let first = self.all.first();
        first.map_or_else(String::new, |finding| finding.message.clone())
    }

    pub fn source(&self) -> &Rc<Source> {
        &self.source
    }

    /// Leaves out what is only the consequence of syntax errors, and adds those.
    pub fn add_damage(&mut self, damage: Damage) {
        let source = Rc::clone(&self.source);
        self.all
            .retain(|finding| !damage.explains(finding, &source));
        self.all.extend(damage.into_findings());
    }

    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    fn errors(&self) -> usize {
        let all = self.all.iter();
        all.filter(|finding| finding.severity == Severity::Error)
            .count()
    }

    /// In the order of their places, and only so many warnings as are left.
    fn sort(&mut self, left: &mut usize) {
        self.all
            .sort_by_key(|finding| finding.at.as_ref().map(|at| at.start));
        self.all.retain(|finding| {
            let is_kept = finding.severity == Severity::Error || *left > 0;
            if is_kept && finding.severity == Severity::Warning {
                *left -= 1;
            }
            is_kept
        });
    }

    fn into_problems(self) -> impl Iterator<Item = Problem> {
        let source = self.source;
        self.all
            .into_iter()
            .map(move |finding| render(&source, &finding))
    }
}

/// What was found in all files, as it is shown.
pub(super) fn into_problems(mut files: Vec<Findings>) -> Vec<Problem> {
    let errors = files.iter().map(Findings::errors).sum::<usize>();
    let total: usize = files.iter().map(|file| file.all.len()).sum();
    let more = total.checked_sub(MOST_SHOWN).filter(|more| *more > 0);
    let hidden = more.zip(files.first()).map(|(more, main)| {
        let finding = match errors {
            0 => Finding::warning(format!("{} not shown", counted(more, "more warning"))),
            _ => Finding::error(format!("{} not shown", counted(more, "more problem"))),
        };
        render(&main.source, &finding)
    });
    // Why a file is refused must not be lost behind warnings.
    let mut warnings = MOST_SHOWN.saturating_sub(errors);
    for file in &mut files {
        file.sort(&mut warnings);
    }
    let all = files.into_iter().flat_map(Findings::into_problems);
    all.take(MOST_SHOWN).chain(hidden).collect()
}
