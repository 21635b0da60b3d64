//! The file: any bytes become a configuration or problems.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hupd::config::{
    Accepted, Changes, Config, EnvValue, Job, LoadOutcome, Problem, Problems, Surroundings, Timing,
    load, runtime_dir_of,
};
use jiff::Timestamp;
use tempfile::TempDir;
use toml::de::DeTable;

use super::{is_clean, is_harmless};

/// Beside the file, for whatever it includes.
const INCLUDED: &str = "[jobs.included]\ncommand = \"true\"\nevery = \"1h\"\n";
const SECOND: Duration = Duration::from_secs(1);

/// Loads bytes as a file. What is accepted is right in every part; what is refused is told line by line.
pub fn file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if leaves_the_folder(&text) {
        return;
    }
    let folder = Folder::new();
    let outcome = folder.load(bytes);
    check_same(&outcome, &folder.load(bytes));
    check_shifted(&outcome, bytes, &folder);
    match outcome {
        Ok(Accepted { config, warnings }) => {
            check_problems(&warnings, &folder.main, &text);
            check_config(&config);
            let is_toml = DeTable::parse(text.strip_prefix('\u{feff}').unwrap_or(&text)).is_ok();
            assert!(is_toml && bytes == text.as_bytes());
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            check_problems(&problems, &folder.main, &text);
        }
    }
}

/// Where the file is, and another one beside it for whatever it includes.
struct Folder {
    _folder: TempDir,
    main: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        fs::write(folder.path().join("more.toml"), INCLUDED).expect("a file can be written");
        Self {
            main: folder.path().join("hupd.toml"),
            _folder: folder,
        }
    }

    fn load(&self, bytes: &[u8]) -> LoadOutcome {
        fs::write(&self.main, bytes).expect("a file can be written");
        let surroundings = Surroundings {
            is_root: true,
            ..Surroundings::default()
        };
        let runtime_dir = runtime_dir_of(&self.main, &surroundings);
        let outcome = load(&self.main, &surroundings, Timestamp::UNIX_EPOCH);
        if let Ok(accepted) = &outcome {
            assert_eq!(accepted.config.daemon.runtime_dir, runtime_dir);
        }
        outcome
    }
}

/// A comment above all moves every problem down by a line, and changes nothing else.
fn check_shifted(outcome: &LoadOutcome, bytes: &[u8], folder: &Folder) {
    let begins_with_mark = [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"];
    let is_blank = String::from_utf8_lossy(bytes).trim().is_empty();
    if is_blank || begins_with_mark.iter().any(|mark| bytes.starts_with(mark)) {
        return;
    }
    let shifted = folder.load(&[b"# above\n", bytes].concat());
    match (outcome, shifted) {
        (Ok(first), Ok(second)) => {
            let changes = Changes::between(&first.config, &second.config);
            assert!(changes.is_empty(), "{changes}");
            check_places(&first.warnings, &second.warnings);
        }
        (Err(first), Err(second)) => check_places(first, &second),
        _ => panic!("a comment decides whether it is accepted"),
    }
}

fn check_places(first: &Problems, shifted: &Problems) {
    let place = |problem: &Problem| (problem.line, problem.column);
    let moved = first.0.iter().map(|problem| {
        let is_main = problem.path.ends_with("hupd.toml");
        (
            problem.line.map(|line| line + usize::from(is_main)),
            problem.column,
        )
    });
    assert!(
        moved.eq(shifted.0.iter().map(place)),
        "{first}\n\n{shifted}"
    );
}

/// Whether patterns may lead to files that are not the test's: all that stands behind `include` and before the
/// first header.
fn leaves_the_folder(text: &str) -> bool {
    let Some((_, behind)) = text.split_once("lude") else {
        return false;
    };
    let entries = behind.split("\n[").next().unwrap_or_default();
    let ways_out = ["\"/", "'/", "..", "**", "\\"];
    ways_out.iter().any(|way| entries.contains(way))
}

fn check_same(first: &LoadOutcome, second: &LoadOutcome) {
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(first.warnings, second.warnings);
            assert_eq!(first.config.sources, second.config.sources);
            let changes = Changes::between(&first.config, &second.config);
            assert!(changes.is_empty(), "{changes}");
        }
        (Err(first), Err(second)) => assert_eq!(first, second),
        _ => panic!("accepted once, refused once"),
    }
}

fn check_problems(problems: &Problems, path: &Path, text: &str) {
    let mut shown = 0;
    for problem in &problems.0 {
        assert!(
            problem
                .path
                .starts_with(path.parent().expect("it has a folder")),
            "{problem:?}"
        );
        if problem.path == path {
            check_place(problem, text);
        }
        check_words(problem);
        shown += problem.message.len() + problem.rendered.len();
    }
    assert!(problems.0.len() <= 1001);
    // What is said grows with what is written, and not faster.
    assert!(
        shown <= 4000 * problems.0.len() + 30 * text.len(),
        "{shown} bytes"
    );
}

/// The line is there, and so is the column, or what is missing would stand right behind it.
fn check_place(problem: &Problem, text: &str) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    assert_eq!(problem.line.is_some(), problem.column.is_some());
    let (Some(line), Some(column)) = (problem.line, problem.column) else {
        return;
    };
    let written = line
        .checked_sub(1)
        .and_then(|before| text.split('\n').nth(before));
    let written = written.unwrap_or_else(|| panic!("no line {line}: {problem:?}"));
    let is_there = (1..=written.chars().count() + 1).contains(&column);
    assert!(is_there, "no column {column}: {problem:?}");
}

fn check_words(problem: &Problem) {
    assert!(is_clean(&problem.message), "{problem:?}");
    assert!(is_clean(&problem.one_line()), "{problem:?}");
    let rendered = &problem.rendered;
    assert!(
        rendered.chars().all(|c| c == '\n' || is_harmless(c)),
        "{rendered:?}"
    );
    assert!(rendered.contains(&problem.message), "{problem:?}");
    assert!(!rendered.ends_with('\n'), "{rendered:?}");
}

fn check_config(config: &Config) {
    let (daemon, history) = (&config.daemon, &config.history);
    assert!((1..=100_000).contains(&daemon.max_running));
    assert!(daemon.state_dir.is_absolute() && daemon.runtime_dir.is_absolute());
    assert!(daemon.socket().as_os_str().len() <= 107);
    assert!(config.log.file.iter().all(|file| file.is_absolute()));
    assert!(!config.log.level.trim().is_empty());
    assert!(history.keep >= SECOND && history.keep_runs >= 1);
    assert!((1 << 10..=64 << 20).contains(&history.output));
    assert!(!config.sources.is_empty());
    assert!(Changes::between(config, config).is_empty());
    assert!(Changes::fixed_settings(config, config).is_empty());
    for (name, job) in &config.jobs {
        assert_eq!(*name, job.name);
        check_job(job);
    }
}

fn check_job(job: &Job) {
    let name = job.name.as_str();
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    assert!(
        (1..=100).contains(&name.len()) && name.chars().all(is_allowed),
        "{name}"
    );
    assert!(!name.chars().all(|c| c.is_ascii_digit()), "{name}");
    assert!(
        job.command
            .first()
            .is_some_and(|program| !program.is_empty()),
        "{job:?}"
    );
    assert!(job.timeout.is_none_or(|limit| !limit.is_zero()), "{job:?}");
    assert!(job.working_dir.is_absolute(), "{job:?}");
    assert!(job.env.keys().all(|key| is_variable(key)), "{job:?}");
    let env = job.env.values().filter_map(|value| match value {
        EnvValue::Text(text) => Some(text),
        EnvValue::Credential(_) => None,
    });
    let texts = job.command.iter().chain(env);
    assert!(
        texts
            .chain([&job.description])
            .all(|text| !text.contains('\0')),
        "{job:?}"
    );
    check_timing(&job.timing);
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !name.starts_with("HUPD_")
}

fn check_timing(timing: &Timing) {
    match timing {
        Timing::Never => {}
        Timing::Every(interval) => assert!(*interval >= SECOND),
        Timing::Schedule(schedule) => {
            let now = "2026-11-23T07:00:00Z".parse().expect("it is a time");
            assert!(
                schedule.next_after(now).is_none_or(|next| next.at > now),
                "{schedule}"
            );
        }
    }
}
