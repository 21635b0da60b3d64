//! Loading as a whole: what files become, and that nothing in a file makes it panic.

mod changes;
mod credentials;
mod foresight;
mod keys;
mod process;
mod schema;

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::run::{JobName, Signal};

const EVERYTHING: &str = include_str!("../../config/hupd.toml");

fn root() -> Surroundings {
    Surroundings {
        is_root: true,
        ..Surroundings::default()
    }
}

fn now() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

/// A folder with `hupd.toml` and other files, as pairs of name and text.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load_in(folder: &TempDir) -> LoadOutcome {
    load_at(folder, now())
}

fn load_at(folder: &TempDir, now: Timestamp) -> LoadOutcome {
    load(&folder.path().join("hupd.toml"), &root(), now)
}

fn accepted(text: &str) -> Config {
    load_in(&folder(&[("hupd.toml", text)])).unwrap().config
}

fn refused(text: &str) -> Problems {
    load_in(&folder(&[("hupd.toml", text)])).unwrap_err()
}

fn job<'c>(config: &'c Config, name: &str) -> &'c Job {
    &config.jobs[&JobName::new(name)]
}

#[test]
fn a_job_that_says_nothing_has_the_documented_defaults() {
    let config = accepted("[jobs.a]\ncommand = \"echo x\"\n");
    let job = job(&config, "a");
    assert_eq!(job.command, ["/bin/sh", "-c", "echo x"]);
    assert_eq!(job.timing, Timing::Never);
    assert_eq!(job.overlap, Overlap::Skip);
    assert_eq!(job.timeout, None);
    assert_eq!(job.stop_signal, Signal::TERM);
    assert_eq!(job.kill_after, Duration::from_secs(10));
    assert_eq!(job.working_dir, Path::new("/"));
    assert!(job.env.is_empty() && job.enabled && job.description.is_empty());
    assert_eq!(job.output, OutputMode::Store);
}

#[test]
fn settings_that_are_not_written_have_the_documented_defaults() {
    let config = accepted("# no jobs yet\n");
    assert_eq!(config.daemon.max_running, 256);
    assert_eq!(config.daemon.grace, Duration::from_secs(30));
    assert!(!config.daemon.watch_config);
    assert_eq!(config.daemon.state_dir, Path::new("/var/lib/hupd"));
    assert_eq!(config.daemon.runtime_dir, Path::new("/run/hupd"));
    assert_eq!(config.log.level, "info");
    assert_eq!(config.log.file, None);
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!(config.history.keep, Duration::from_secs(90 * 86_400));
    assert_eq!(config.history.keep_runs, 1000);
    assert_eq!(config.history.output, 262_144);
}

#[test]
fn a_job_takes_from_defaults_what_it_does_not_say() {
    let config = accepted(concat!(
        "[defaults]\nshell = \"/bin/bash\"\ntimeout = \"1h\"\nenabled = false\n",
        "env = { A = \"default\", B = \"default\" }\n",
        "[jobs.a]\ncommand = \"x\"\n",
        "[jobs.b]\ncommand = [\"y\"]\ntimeout = \"none\"\nenabled = true\nenv = { B = \"own\" }\n",
    ));
    let (a, b) = (job(&config, "a"), job(&config, "b"));
    assert_eq!(a.command, ["/bin/bash", "-c", "x"]);
    assert_eq!(a.timeout, Some(Duration::from_secs(3600)));
    assert_eq!(
        (&a.env["A"], a.enabled),
        (&EnvValue::from("default"), false)
    );
    assert_eq!(b.command, ["y"]);
    assert_eq!((b.timeout, b.enabled), (None, true));
    assert_eq!(
        (&b.env["A"], &b.env["B"]),
        (&EnvValue::from("default"), &EnvValue::from("own"))
    );
}

#[test]
fn the_zone_of_a_schedule_is_the_nearest_one_written() {
    let config = accepted(concat!(
        "[daemon]\ntimezone = \"Europe/Berlin\"\n",
        "[jobs.a]\ncommand = \"x\"\nschedule = \"@daily\"\n",
        "[jobs.b]\ncommand = \"x\"\nschedule = \"@daily\"\ntimezone = \"Asia/Tokyo\"\n",
    ));
    let zone = |name: &str| match &job(&config, name).timing {
        Timing::Schedule(schedule) => schedule.zone.name().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(zone("a"), "Europe/Berlin");
    assert_eq!(zone("b"), "Asia/Tokyo");
}

#[test]
fn relative_paths_start_from_the_folder_of_their_file() {
    let folder = folder(&[
        (
            "hupd.toml",
            "include = [\"conf.d/*.toml\"]\n[log]\nfile = \"./hupd.log\"\n",
        ),
        (
            "conf.d/a.toml",
            "[jobs.a]\ncommand = \"x\"\nworking_dir = \"work\"\n",
        ),
    ]);
    let config = load_in(&folder).unwrap().config;
    assert_eq!(config.log.file, Some(folder.path().join("hupd.log")));
    let working_dir = &job(&config, "a").working_dir;
    assert_eq!(*working_dir, folder.path().join("conf.d/work"));
}

#[test]
fn files_are_read_in_the_order_of_their_names() {
    let folder = folder(&[
        (
            "hupd.toml",
            "include = [\"conf.d/*.toml\", \"last.toml\"]\n",
        ),
        ("last.toml", "[jobs.last]\ncommand = \"x\"\n"),
        ("conf.d/b.toml", "include = [\"sub/c.toml\"]\n"),
        ("conf.d/sub/c.toml", "[jobs.c]\ncommand = \"x\"\n"),
        ("conf.d/a.toml", "[jobs.a]\ncommand = \"x\"\n"),
    ]);
    let config = load_in(&folder).unwrap().config;
    let relative = |file: &SourceFile| {
        let path = file.path.strip_prefix(folder.path()).unwrap();
        path.display().to_string()
    };
    let read: Vec<String> = config.sources.iter().map(relative).collect();
    let order = [
        "hupd.toml",
        "conf.d/a.toml",
        "conf.d/b.toml",
        "conf.d/sub/c.toml",
        "last.toml",
    ];
    assert_eq!(read, order);
    assert_eq!(config.jobs.len(), 3);
}

#[test]
fn a_config_map_of_links_is_read() {
    let folder = folder(&[("..data/hupd.toml", "[jobs.a]\ncommand = \"x\"\n")]);
    let link = folder.path().join("hupd.toml");
    std::os::unix::fs::symlink("..data/hupd.toml", link).unwrap();
    assert_eq!(load_in(&folder).unwrap().config.jobs.len(), 1);
}

#[test]
fn warnings_are_among_the_problems_of_a_refused_file() {
    let problems = refused(concat!(
        "[jobs.a]\ncommand = \"x\"\ntimezone = \"UTC\"\n",
        "[jobs.b]\n",
    ));
    assert_eq!(
        problems.summary(),
        "configuration has 1 problem and 1 warning"
    );
    assert_eq!(problems.0[0].severity, Severity::Warning);
}

#[test]
fn a_file_of_nothing_but_errors_shows_a_thousand() {
    let problems = refused(&"x\n".repeat(5000));
    assert_eq!(problems.0.len(), 1001);
    assert_eq!(problems.0[1000].message, "4000 more problems not shown");
}

#[test]
fn without_a_home_the_state_folder_must_be_written() {
    let folder = folder(&[("hupd.toml", "# no jobs\n")]);
    let path = folder.path().join("hupd.toml");
    let problems = load(&path, &Surroundings::default(), now()).unwrap_err();
    assert!(
        problems.0[0]
            .message
            .starts_with("[daemon] state_dir: no default")
    );
}

#[test]
fn the_runtime_folder_is_found_in_a_broken_file() {
    let folder = folder(&[(
        "hupd.toml",
        "nonsense\n[daemon]\nruntime_dir = \"run\"\ngrase = 1\n",
    )]);
    let path = folder.path().join("hupd.toml");
    assert_eq!(runtime_dir_of(&path, &root()), folder.path().join("run"));
    let missing = folder.path().join("missing.toml");
    assert_eq!(runtime_dir_of(&missing, &root()), Path::new("/run/hupd"));
}

#[test]
fn the_reference_is_accepted_and_names_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/hupd.toml");
    let accepted = load(&path, &root(), now()).unwrap_or_else(|problems| panic!("{problems}"));
    // Who is not root may not make its log there.
    let (warnings, told) = (accepted.warnings.0.len(), accepted.warnings.to_string());
    let of_the_log =
        warnings == 1 && told.contains("[log] file: '/var/log/hupd.log' cannot be opened");
    let is_right = warnings == 0 || of_the_log && !rustix::process::geteuid().is_root();
    assert!(is_right, "{told}");
    let manual = include_str!("../../docs/hupd.toml.5");
    for key in every_key() {
        assert!(EVERYTHING.contains(&format!("{key} ")), "{key}");
        assert!(manual.contains(&format!(".It Ic {key}")), "{key}");
    }
}

/// The keys that a file with none of them right is told about.
fn every_key() -> Vec<String> {
    let wrong = "zzzzz = 1\n[daemon]\nzzzzz = 1\n[log]\nzzzzz = 1\n[history]\nzzzzz = 1\n\
        [defaults]\nzzzzz = 1\n[jobs.a]\ncommand = \"x\"\nzzzzz = 1\n";
    let problems = refused(wrong).to_string();
    let lists = problems.lines().filter(|line| line.contains("known here"));
    let words = lists.flat_map(|line| line.split('\'').skip(1).step_by(2));
    let sections = ["daemon", "log", "history", "defaults", "jobs"];
    let keys = words.filter(|word| !sections.contains(word));
    let keys: Vec<String> = keys.map(str::to_owned).collect();
    assert!(keys.len() > 30);
    keys
}

/// The reference with one piece of it replaced.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<Vec<u8>>(),
        "[\\[\\]{}\"'=#\\\\\n .a0-]{0,8}".prop_map(String::into_bytes),
    ];
    (0..EVERYTHING.len(), 0_usize..40, piece).prop_map(|(start, length, piece)| {
        let mut bytes = EVERYTHING.as_bytes().to_vec();
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, piece);
        bytes
    })
}

fn shows_only_harmless_text(bytes: &[u8]) {
    let folder = folder(&[]);
    let path = folder.path().join("hupd.toml");
    fs::write(&path, bytes).unwrap();
    let problems = match load(&path, &root(), now()) {
        Ok(accepted) => accepted.warnings,
        Err(problems) => {
            assert!(!problems.is_empty());
            problems
        }
    };
    let shown = problems.to_string();
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
    for problem in &problems.0 {
        assert!(!problem.one_line().contains('\n'));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        shows_only_harmless_text(&bytes);
    }

    #[test]
    fn no_text_panics(text in "(\\[jobs\\.a\\]\n)?([a-z\\[\\]{}\"'=#\\\\\n .0-9\u{0}-\u{ff}]{0,60})") {
        shows_only_harmless_text(text.as_bytes());
    }

    #[test]
    fn no_slip_of_the_hand_panics(bytes in mutated()) {
        shows_only_harmless_text(&bytes);
    }
}
