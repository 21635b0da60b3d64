//! `hupctl schema`: the same keys as the parser and the manual page, and no file that one takes and the other does not.
#![allow(clippy::disallowed_methods, reason = "a test stands outside hupd")]

mod json_schema;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use json_schema::{of_toml, problems};
use serde_json::Value;

const PAGE: &str = include_str!("../docs/hupd.toml.5");
const EXAMPLE: &str = include_str!("../config/hupd.toml");

/// Wrong files in which no schema can see what is wrong: it takes the machine, an expression, two keys, two files or the
/// bytes. What is no TOML at all is not even here.
const UNSEEN: &[&str] = &[
    "as_a_user",
    "as_a_user_without_home",
    "blank",
    "command_with_nul",
    "empty",
    "hangup_and_stop_signal_of_defaults",
    "include_directory",
    "include_itself",
    "include_latin1",
    "include_loop",
    "include_nothing_there",
    "include_settings",
    "include_syntax",
    "include_too_deep",
    "include_twice",
    "job_three_times",
    "log_folder_missing",
    "log_level_list",
    "log_no_file",
    "same_job_in_two_files",
    "schedule_and_every",
    "schedule_calendar_more_wrong",
    "schedule_calendar_wrong",
    "schedule_cron_wrong",
    "schedule_in_escapes",
    "schedule_list_wrong",
    "schedule_wrong",
    "socket_path_too_long",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn printed() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_hupctl"))
        .arg("schema")
        .output();
    let output = output.expect("hupctl runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it is text")
}

fn schema() -> Value {
    serde_json::from_str(&printed()).expect("it is JSON")
}

/// What the schema finds; nothing where the file is no TOML.
fn found(schema: &Value, file: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(file).ok()?;
    let table: toml::Table = toml::from_str(&text).ok()?;
    Some(problems(schema, &of_toml(&toml::Value::Table(table))))
}

/// `HUPD_BLESS=1 cargo test --test schema` writes it.
#[test]
fn the_shipped_copy_is_what_is_printed() {
    let copy = root().join("docs/hupd.schema.json");
    if std::env::var_os("HUPD_BLESS").is_some() {
        fs::write(&copy, printed()).expect("written");
    }
    let copy = fs::read_to_string(copy).expect("it is there");
    assert!(copy == printed(), "docs/hupd.schema.json is another one");
}

#[test]
fn the_shipped_files_are_valid_and_the_example_names_the_schema() {
    let schema = schema();
    for file in [
        "hupd.toml",
        "server.toml",
        "demo.toml",
        "conf.d/10-example.toml",
    ] {
        let found = found(&schema, &root().join("config").join(file));
        assert_eq!(found, Some(vec![]), "{file}");
    }
    let first = EXAMPLE.lines().next().expect("a line");
    assert_eq!(first, "#:schema /usr/local/share/hupd/hupd.schema.json");
}

/// The golden files: what was accepted, and the main or only file of what was not.
fn golden() -> Vec<(String, PathBuf, bool)> {
    let folder = root().join("tests/messages");
    let files = fs::read_dir(&folder).expect("a folder");
    let mut golden: Vec<_> = files
        .filter_map(|file| {
            let expected = file.expect("an entry").path();
            let name = expected
                .file_name()?
                .to_str()?
                .strip_suffix(".expected")?
                .to_owned();
            let text = fs::read_to_string(&expected).expect("it is there");
            let accepted = text.lines().last()?.starts_with("accepted: ");
            let alone = folder.join(format!("{name}.toml"));
            let one = if alone.exists() {
                alone
            } else {
                folder.join(&name).join("hupd.toml")
            };
            Some((name, one, accepted))
        })
        .collect();
    golden.sort();
    golden
}

#[test]
fn what_hupd_accepts_is_valid_and_what_it_refuses_is_not_as_far_as_a_schema_can_see() {
    let schema = schema();
    let mut seen = 0;
    let mut unseen = Vec::new();
    for (name, file, accepted) in golden() {
        let Some(found) = found(&schema, &file) else {
            continue;
        };
        match (accepted, found.is_empty()) {
            (true, true) => {}
            (true, false) => panic!("{name} is accepted: {found:#?}"),
            (false, true) => unseen.push(name),
            (false, false) => seen += 1,
        }
    }
    assert_eq!(
        unseen, UNSEEN,
        "let the schema see it, or name it in UNSEEN"
    );
    assert!(seen >= 50, "{seen}");
}

/// Each kind of mistake is told where it is.
#[test]
fn a_mistake_is_found_at_its_place() {
    let schema = schema();
    for (text, place) in [
        ("[daemon]\ngrase = \"1s\"", ".daemon: unknown key 'grase'"),
        (
            "[daemon]\nmax_running = 0",
            ".daemon.max_running: minimum 1",
        ),
        (
            "[daemon]\nmax_running = \"9\"",
            ".daemon.max_running: type \"integer\"",
        ),
        ("[log]\nformat = \"jsno\"", ".log.format: enum"),
        ("[jobs.a]\nevery = \"1h\"", ".jobs.a: required"),
        (
            "[jobs.\"a b\"]\ncommand = \"x\"",
            ".jobs: unknown key 'a b'",
        ),
        (
            "[jobs.a]\ncommand = \"x\"\ntimeout = \"90\"",
            ".jobs.a.timeout: pattern",
        ),
        ("[jobs.a]\ncommand = []", ".jobs.a.command: anyOf"),
        (
            "[defaults]\nlimits = { memory = \"1K\" }",
            ".defaults.limits.memory: anyOf",
        ),
        (
            "[defaults]\ncommand = \"x\"",
            ".defaults: unknown key 'command'",
        ),
    ] {
        let table: toml::Table = toml::from_str(text).expect("it is TOML");
        let found = problems(&schema, &of_toml(&toml::Value::Table(table)));
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(found[0].starts_with(place), "{text}: {found:#?}");
    }
}

/// The keys of a table, and of the tables that its keys are.
fn keys_of(table: &Value, keys: &mut BTreeSet<String>) {
    for (key, value) in table["properties"].as_object().into_iter().flatten() {
        keys.insert(key.clone());
        keys_of(value, keys);
        for form in value["anyOf"].as_array().into_iter().flatten() {
            keys_of(form, keys);
        }
    }
}

/// The keys that the manual page has an entry for in one of its sections.
fn described(section: &str) -> BTreeSet<String> {
    let (_, below) = PAGE
        .split_once(&format!(".Sh {section}\n"))
        .expect("the section");
    let text = below.split("\n.Sh ").next().expect("a text");
    let keys = text.lines().filter_map(|line| line.strip_prefix(".It Ic "));
    keys.map(str::to_owned).collect()
}

#[test]
fn the_manual_page_has_an_entry_for_each_key_of_the_schema_and_for_no_other() {
    let schema = schema();
    let jobs = &schema["properties"]["jobs"]["patternProperties"];
    let job = jobs
        .as_object()
        .expect("jobs")
        .values()
        .next()
        .expect("a job");
    for (section, table) in [
        ("[daemon]", &schema["properties"]["daemon"]),
        ("[log]", &schema["properties"]["log"]),
        ("[history]", &schema["properties"]["history"]),
        ("[jobs.NAME]", job),
    ] {
        let mut keys = BTreeSet::new();
        keys_of(table, &mut keys);
        // Its one form with a key is explained where the word is.
        keys.remove("all");
        assert_eq!(described(section), keys, "{section}");
    }
}

#[test]
fn the_example_says_each_key() {
    let schema = schema();
    let mut keys = BTreeSet::new();
    keys_of(&schema, &mut keys);
    let words = EXAMPLE.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let words: BTreeSet<&str> = words.collect();
    let says = |key: &&String| words.contains(key.as_str());
    let silent: Vec<_> = keys.iter().filter(|key| !says(key)).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn each_key_is_described_in_one_line() {
    fn check(table: &Value) {
        for (key, value) in table["properties"].as_object().into_iter().flatten() {
            let about = value["description"].as_str().unwrap_or_default();
            assert!(
                !about.is_empty() && !about.contains('\n') && !about.ends_with('.'),
                "{key}: {about}"
            );
            check(value);
        }
    }
    let schema = schema();
    check(&schema["properties"]["jobs"]["patternProperties"]);
    for section in ["daemon", "log", "history", "defaults"] {
        check(&schema["properties"][section]);
    }
    check(&schema);
}
