//! What people and programs are told of a file: the same from `hupd --check` and `hupctl check`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::config::{
    Ignored, LoadOutcome, Loaded, Problem, Problems, Severity, Surroundings, load_with_ignored,
};

/// What is to be said of a file.
#[derive(Clone, Debug)]
pub struct Report {
    path: PathBuf,
    /// How many jobs it has; none where it is not valid.
    jobs: Option<usize>,
    problems: Problems,
    ignored: Vec<Ignored>,
}

/// Reads a file, and all that it includes, as a start and a reload do: by its absolute path, so that
/// what is said of it is the same.
pub fn check(path: &Path, surroundings: &Surroundings, now: Timestamp) -> Report {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let Loaded {
        outcome, ignored, ..
    } = load_with_ignored(&path, surroundings, now);
    Report {
        ignored,
        ..Report::new(&path, outcome)
    }
}

impl Report {
    /// What is to be said of what loading `path` came to.
    pub fn new(path: &Path, outcome: LoadOutcome) -> Self {
        let (jobs, problems) = match outcome {
            Ok(accepted) => (Some(accepted.config.jobs.len()), accepted.warnings),
            Err(problems) => (None, problems),
        };
        Self {
            path: path.to_path_buf(),
            jobs,
            problems,
            ignored: Vec::new(),
        }
    }

    /// Whether hupd would take the file.
    pub fn is_ok(&self) -> bool {
        self.jobs.is_some()
    }

    /// For people: files that are ignored, and a valid file in one line on `out`; all problems, and their number, on
    /// `aside`.
    pub fn write(&self, out: &mut impl Write, aside: &mut impl Write) -> io::Result<()> {
        if !self.problems.is_empty() {
            writeln!(aside, "{}", self.problems)?;
        }
        for ignored in &self.ignored {
            writeln!(out, "{ignored}")?;
        }
        let file = self.path.display();
        match self.jobs {
            Some(jobs) => writeln!(out, "{file}: configuration OK: {}", count(jobs, "job")),
            None => writeln!(aside, "{file}: {}", self.summary()),
        }
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let problems: Vec<Value> = self.problems.0.iter().map(problem_json).collect();
        let ignored: Vec<Value> = self.ignored.iter().map(ignored_json).collect();
        json!({ "ok": self.is_ok(), "jobs": self.jobs, "problems": problems, "ignored": ignored })
    }

    fn summary(&self) -> String {
        let number = |severity| {
            let same = |problem: &&Problem| problem.severity == severity;
            self.problems.0.iter().filter(same).count()
        };
        let errors = count(number(Severity::Error), "error");
        match number(Severity::Warning) {
            0 => errors,
            warnings => format!("{errors}, {}", count(warnings, "warning")),
        }
    }
}

fn ignored_json(ignored: &Ignored) -> Value {
    json!({ "path": ignored.path.display().to_string(), "why": ignored.why })
}

fn problem_json(problem: &Problem) -> Value {
    json!({
        "severity": match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "path": problem.path.display().to_string(),
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "rendered": problem.rendered,
    })
}

/// `1 job`, `2 jobs`.
fn count(number: usize, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(severity: Severity) -> Problem {
        Problem {
            severity,
            path: "h.toml".into(),
            line: Some(3),
            column: None,
            message: "unknown key".into(),
            about: None,
            rendered: "error: unknown key".into(),
        }
    }

    fn report(jobs: Option<usize>, problems: Vec<Problem>) -> Report {
        Report {
            path: "h.toml".into(),
            jobs,
            problems: Problems(problems),
            ignored: Vec::new(),
        }
    }

    fn written(report: &Report) -> (String, String) {
        let (mut out, mut aside) = (Vec::new(), Vec::new());
        report.write(&mut out, &mut aside).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(out), text(aside))
    }

    #[test]
    fn a_valid_file_is_one_line() {
        let report = report(Some(1), vec![]);
        assert!(report.is_ok());
        let line = "h.toml: configuration OK: 1 job\n".to_owned();
        assert_eq!(written(&report), (line, String::new()));
    }

    #[test]
    fn the_problems_are_shown_and_counted() {
        let problems = vec![problem(Severity::Error), problem(Severity::Warning)];
        let report = report(None, problems);
        assert!(!report.is_ok());
        let text = "error: unknown key\n\nerror: unknown key\nh.toml: 1 error, 1 warning\n";
        assert_eq!(written(&report), (String::new(), text.to_owned()));
    }

    #[test]
    fn programs_get_every_part_of_a_problem() {
        let report = report(None, vec![problem(Severity::Error)]);
        let expected = json!({
            "ok": false,
            "jobs": null,
            "problems": [{
                "severity": "error", "path": "h.toml", "line": 3, "column": null,
                "message": "unknown key", "rendered": "error: unknown key",
            }],
            "ignored": [],
        });
        assert_eq!(report.to_json(), expected);
    }
}
