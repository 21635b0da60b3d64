//! Keys: what makes two jobs different is told by a key, and by that one alone.

use super::super::{Changes, KeyChange};
use super::accepted;

/// One key, another value than where nothing is said.
const KEYS: [(&str, &str); 30] = [
    ("command", "command = \"y\""),
    ("timezone", "timezone = \"Europe/Berlin\""),
    ("dst", "dst = \"skip\""),
    ("jitter", "jitter = \"10s\""),
    ("missed", "missed = \"once\""),
    ("deadline", "deadline = \"1h\""),
    ("overlap", "overlap = \"queue\""),
    ("group", "group = \"g\""),
    ("timeout", "timeout = \"1s\""),
    ("stop_signal", "stop_signal = \"INT\""),
    ("kill_after", "kill_after = \"1s\""),
    ("working_dir", "working_dir = \"/tmp\""),
    ("umask", "umask = \"027\""),
    ("nice", "nice = 5"),
    ("limits", "limits = { open_files = 100 }"),
    ("env_file", "env_file = \"/dev/null\""),
    ("env_inherit", "env_inherit = [\"LANG\"]"),
    ("stdin", "stdin = \"x\""),
    ("env.A", "env = { A = \"1\" }"),
    ("output", "output = \"discard\""),
    ("retry", "retry = { attempts = 3 }"),
    ("success_exit_codes", "success_exit_codes = [0, 1]"),
    ("enabled", "enabled = false"),
    ("on_change", "on_change = true"),
    ("on_change", "on_change = [\"/etc/passwd\"]"),
    ("description", "description = \"x\""),
    ("schedule", "schedule = \"@hourly\""),
    ("schedule", "schedule = [\"@daily\", \"@yearly\"]"),
    ("schedule", "schedule = \"@monthly\""),
    ("schedule", "schedule = \"*-*-* 00:00:00\""),
];

fn told(old: &str, new: &str) -> (bool, Vec<String>) {
    let file = |keys: &str| {
        let with = |key: &str, line: &str| match keys.contains(&format!("{key} =")) {
            true => String::new(),
            false => format!("{line}\n"),
        };
        let command = with("command", "command = \"x\"");
        let schedule = with("schedule", "schedule = \"@daily\"");
        let head = "[daemon]\ntimezone = \"UTC\"\n";
        accepted(&format!("{head}[jobs.a]\n{command}{schedule}{keys}\n"))
    };
    let (old, new) = (file(old), file(new));
    let changed = !Changes::between(&old, &new).changed.is_empty();
    let jobs = [&old, &new].map(|config| config.jobs.values().next().unwrap().keys());
    let keys = KeyChange::between(&jobs[0], &jobs[1]).into_iter();
    (changed, keys.map(|change| change.key).collect())
}

#[test]
fn a_job_that_changes_has_a_key_that_changes_and_no_other_one() {
    for (key, line) in KEYS {
        assert_eq!(told("", line), (true, vec![key.to_owned()]), "{line}");
        assert_eq!(told(line, ""), (true, vec![key.to_owned()]), "{line}");
        assert_eq!(told(line, line), (false, vec![]), "{line}");
    }
}

#[test]
fn values_that_are_not_told_are_told_apart() {
    for [old, new] in [
        ["stdin = \"x\"", "stdin = \"y\""],
        ["env = { A = \"1\" }", "env = { A = \"2\" }"],
    ] {
        let (changed, keys) = told(old, new);
        assert!(changed && keys.len() == 1, "{old}: {keys:?}");
    }
}

#[test]
fn a_byte_more_is_told() {
    let file = |bytes: u32| {
        accepted(&format!(
            "[history]\noutput = \"{bytes}B\"\n[jobs.a]\ncommand = \"x\"\n"
        ))
    };
    let changes = KeyChange::between(&file(1 << 20).settings(), &file((1 << 20) + 1).settings());
    let told: Vec<_> = changes.iter().map(|it| (&*it.old, &*it.new)).collect();
    assert_eq!(told, [("\"1MiB\"", "\"1048577B\"")]);
}

#[test]
fn every_setting_is_told() {
    let old = accepted("[jobs.a]\ncommand = \"x\"\n");
    let new = accepted(concat!(
        "[daemon]\ntimezone = \"Asia/Tokyo\"\nmax_running = 7\ncatch_up_limit = 3\ngrace = \"1s\"\n",
        "watch_config = true\norphans = \"kill\"\non_invalid_start = \"last-good\"\nstate_dir = \"/s\"\nruntime_dir = \"/r\"\n",
        "[log]\nlevel = \"warn\"\nfile = \"/l\"\nformat = \"json\"\n",
        "[history]\nkeep = \"1d\"\nkeep_runs = 5\noutput = \"1KiB\"\n[jobs.a]\ncommand = \"x\"\n",
    ));
    let all: Vec<_> = new.settings().into_iter().map(|key| key.key).collect();
    assert_eq!(Changes::between(&old, &new).settings, all);
}
