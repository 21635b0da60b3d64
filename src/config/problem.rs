//! What is wrong with a file, where, and how it is told.

use std::fmt;
use std::path::PathBuf;

use super::words::{counted, visible};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub path: PathBuf,
    /// From 1; none where the file as a whole is meant.
    pub line: Option<usize>,
    /// From 1, in characters.
    pub column: Option<usize>,
    pub message: String,
    /// Another file, in which it may be mended.
    pub about: Option<PathBuf>,
    /// The whole report as people read it: place, the line itself with a mark, help. No newline at
    /// its end.
    pub rendered: String,
}

impl Problem {
    /// Place and message on one line, as logs want it: `/etc/hupd/hupd.toml:9:1: unknown key …`.
    pub fn one_line(&self) -> String {
        let mut place = visible(&self.path.to_string_lossy());
        for number in [self.line, self.column].into_iter().flatten() {
            place.push_str(&format!(":{number}"));
        }
        format!("{place}: {}", self.message)
    }
}

/// All problems of a configuration, in the order of files and places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `configuration has 2 problems`; errors and warnings are counted apart.
    pub fn summary(&self) -> String {
        let warnings = self.count(Severity::Warning);
        let counts = match (self.count(Severity::Error), warnings) {
            (0, 0) => "no problems".to_owned(),
            (0, warnings) => counted(warnings, "warning"),
            (errors, 0) => counted(errors, "problem"),
            (errors, warnings) => {
                let errors = counted(errors, "problem");
                format!("{errors} and {}", counted(warnings, "warning"))
            }
        };
        format!("configuration has {counts}")
    }

    fn count(&self, severity: Severity) -> usize {
        let same = self.0.iter().filter(|problem| problem.severity == severity);
        same.count()
    }
}

/// All reports with a blank line between them; no newline at the end.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            let gap = if position == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{}", problem.rendered)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(severity: Severity) -> Problem {
        Problem {
            severity,
            path: PathBuf::from("/etc/hupd/hupd.toml"),
            line: Some(9),
            column: Some(1),
            message: "unknown key 'shedule' in [jobs.backup]".to_owned(),
            about: None,
            rendered: "report".to_owned(),
        }
    }

    #[test]
    fn a_problem_fits_one_log_line() {
        assert_eq!(
            problem(Severity::Error).one_line(),
            "/etc/hupd/hupd.toml:9:1: unknown key 'shedule' in [jobs.backup]"
        );
    }

    #[test]
    fn the_summary_counts_errors_and_warnings_apart() {
        let error = problem(Severity::Error);
        let warning = problem(Severity::Warning);
        for (problems, summary) in [
            (vec![], "configuration has no problems"),
            (vec![error.clone()], "configuration has 1 problem"),
            (vec![warning.clone()], "configuration has 1 warning"),
            (
                vec![error.clone(), warning, error],
                "configuration has 2 problems and 1 warning",
            ),
        ] {
            assert_eq!(Problems(problems).summary(), summary);
        }
    }

    #[test]
    fn reports_have_a_blank_line_between_them() {
        let two = vec![problem(Severity::Error), problem(Severity::Error)];
        assert_eq!(Problems(two).to_string(), "report\n\nreport");
    }
}
