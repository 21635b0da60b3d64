//! What a reload changes.

use std::sync::Arc;

use super::*;

fn names(jobs: &[JobName]) -> Vec<&str> {
    jobs.iter().map(JobName::as_str).collect()
}

#[test]
fn changes_are_counted_by_what_jobs_are() {
    let old = accepted(concat!(
        "[jobs.same]\ncommand = \"x\"\n[jobs.gone]\ncommand = \"x\"\n",
        "[jobs.other]\ncommand = \"x\"\n",
    ));
    let new = accepted(concat!(
        "# Comments and order change nothing.\n[daemon]\ngrace = \"5s\"\n",
        "[jobs.other]\ncommand = \"y\"\n[jobs.same]\ncommand = \"x\"\n",
        "[jobs.new]\ncommand = \"x\"\n",
    ));
    let changes = Changes::between(&old, &new);
    assert_eq!(names(&changes.added), ["new"]);
    assert_eq!(names(&changes.changed), ["other"]);
    assert_eq!(names(&changes.removed), ["gone"]);
    assert_eq!(
        changes.to_string(),
        "1 added (new), 1 changed (other), 1 unchanged, 1 removed (gone); [daemon] grace changed"
    );
}

#[test]
fn no_change_is_told_as_such() {
    let one = accepted("[jobs.a]\ncommand = \"x\"\n");
    assert_eq!(Changes::between(&one, &one).to_string(), "no change");
    let none = accepted("# none\n");
    let other = accepted("[log]\nlevel = \"warn\"\n[history]\nkeep = \"1d\"\n");
    assert_eq!(
        Changes::between(&none, &other).to_string(),
        "[log] level, [history] keep changed"
    );
}

#[test]
fn a_default_that_changes_changes_the_jobs_that_use_it() {
    let old = accepted("[jobs.a]\ncommand = \"x\"\n[jobs.b]\ncommand = \"x\"\ntimeout = \"1s\"\n");
    let new = accepted(concat!(
        "[defaults]\ntimeout = \"2s\"\n",
        "[jobs.a]\ncommand = \"x\"\n[jobs.b]\ncommand = \"x\"\ntimeout = \"1s\"\n",
    ));
    let changes = Changes::between(&old, &new);
    assert_eq!(changes.to_string(), "1 changed (a), 1 unchanged");
}

#[test]
fn of_many_jobs_the_first_are_named() {
    let jobs = |count: usize| {
        let text = |job: usize| format!("[jobs.j{job:02}]\ncommand = \"x\"\n");
        accepted(&format!(
            "# Jobs.\n{}",
            (0..count).map(text).collect::<String>()
        ))
    };
    let changes = Changes::between(&jobs(1), &jobs(43)).to_string();
    assert_eq!(
        changes,
        "42 added (j01, j02, j03, j04, j05 and 37 more), 1 unchanged"
    );
    let changes = Changes::between(&jobs(5), &jobs(0)).to_string();
    assert_eq!(changes, "5 removed (j00, j01, j02, j03, j04)");
}

#[test]
fn the_folders_of_a_running_daemon_are_fixed() {
    let old = accepted("[daemon]\nstate_dir = \"/a\"\nruntime_dir = \"/r\"\n");
    let new = accepted("# moved\n[daemon]\nstate_dir = \"/b\"\n");
    let problems = Changes::fixed_settings(&old, &new);
    let told: Vec<_> = problems
        .0
        .iter()
        .map(|p| (p.line, p.message.as_str()))
        .collect();
    let expected = [
        (
            None,
            "[daemon] runtime_dir: cannot change while hupd runs: restart it, or put back '/r'",
        ),
        (
            Some(3),
            "[daemon] state_dir: cannot change while hupd runs: restart it, or put back '/a'",
        ),
    ];
    assert_eq!(told, expected);
    assert!(problems.0[1].rendered.contains("3 | state_dir = \"/b\"\n"));
    assert!(Changes::fixed_settings(&old, &old).is_empty());
}

#[test]
fn what_is_equal_is_in_memory_once() {
    let old = accepted(
        "[jobs.a]\ncommand = \"x\"\n[jobs.c]\ncommand = \"x\"\n[jobs.d]\ncommand = \"x\"\n",
    );
    let text = "[jobs.a]\ncommand = \"x\"\n[jobs.b]\ncommand = \"x\"\n[jobs.d]\ncommand = \"y\"\n";
    let folder = folder(&[("hupd.toml", text)]);
    let load = || load_in(&folder).unwrap();
    let compared = load().beside(&old);
    assert_eq!(
        compared.changes.to_string(),
        "1 added (b), 1 changed (d), 1 unchanged, 1 removed (c)"
    );
    assert_eq!(*compared.config, load().config);
    let shared = |old: &Config, new: &Config| -> Vec<_> {
        let same = |name: &&JobName| Arc::ptr_eq(&old.jobs[*name], &new.jobs[*name]);
        let both = new.jobs.keys().filter(|name| old.jobs.contains_key(*name));
        both.filter(same).map(JobName::to_string).collect()
    };
    assert_eq!(shared(&old, &compared.config), ["a"]);
    let again = load().beside(&compared.config).config;
    assert_eq!(shared(&compared.config, &again), ["a", "b", "d"]);
    let text = |config: &Config| Arc::clone(&config.sources[0].text);
    assert!(Arc::ptr_eq(&text(&compared.config), &text(&again)));
}
