//! What the process of a job is: as whom, within which limits, and what it is given.

use std::sync::Arc;

use super::super::{Process, Resource, Surroundings, Who, load};
use super::{accepted, folder, job, now, refused};

/// What an ordinary user is told of a job; empty where it is accepted.
fn told_to_a_user(text: &str) -> String {
    let folder = folder(&[("hupd.toml", text)]);
    let surroundings = Surroundings {
        uid: 4711,
        gid: 4712,
        home: Some("/home/u".into()),
        ..Surroundings::default()
    };
    match load(&folder.path().join("hupd.toml"), &surroundings, now()) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn a_process_of_which_nothing_is_said_is_like_hupd() {
    let config = accepted("[jobs.a]\ncommand = \"x\"\n");
    let process = &job(&config, "a").process;
    assert_eq!((&process.user, &process.group), (&None, &None));
    assert_eq!((process.umask, process.nice), (0o022, None));
    assert_eq!(**process, Process::default());
}

#[test]
fn everything_can_be_said() {
    let config = accepted(concat!(
        "[jobs.a]\ncommand = \"x\"\nuser = \"root\"\ngroup_id = 7\numask = \"027\"\nnice = -5\n",
        "limits = { memory = \"2GiB\", open_files = 64, cpu = \"90500ms\", core = 0, stack = \"none\" }\n",
        "env_inherit = [\"LANG\", \"SSH_AUTH_SOCK\"]\nstdin = \"yes\\n\"\n",
    ));
    let process = &job(&config, "a").process;
    assert_eq!(process.user, Some(Who::Name("root".into())));
    assert_eq!(process.group, Some(Who::Id(7)));
    assert_eq!((process.umask, process.nice), (0o027, Some(-5)));
    let limits: Vec<_> = process.limits.clone().into_iter().collect();
    let expected = [
        (Resource::Memory, Some(2 << 30)),
        (Resource::OpenFiles, Some(64)),
        (Resource::Cpu, Some(91)),
        (Resource::Core, Some(0)),
        (Resource::Stack, None),
    ];
    assert_eq!(limits, expected);
    assert_eq!(process.env_inherit, ["LANG", "SSH_AUTH_SOCK"]);
    assert_eq!(process.stdin, "yes\n");
}

#[test]
fn jobs_share_what_defaults_say_and_limits_add_up() {
    let config = accepted(concat!(
        "[defaults]\nuser = \"root\"\ngroup_id = 7\nlimits = { core = 0, open_files = 64 }\n",
        "[jobs.a]\ncommand = \"x\"\n[jobs.b]\ncommand = \"x\"\n",
        "[jobs.c]\ncommand = \"x\"\nlimits = { open_files = 65, cpu = \"1s\" }\n",
    ));
    let process = |name: &str| &job(&config, name).process;
    assert!(Arc::ptr_eq(process("a"), process("b")));
    let limits = &process("c").limits;
    assert_eq!(limits[&Resource::Core], Some(0));
    assert_eq!(limits[&Resource::OpenFiles], Some(65));
    assert_eq!(limits[&Resource::Cpu], Some(1));
    assert_eq!(process("c").group, Some(Who::Id(7)));
}

#[test]
fn a_job_of_another_user_does_not_get_the_group_of_defaults() {
    let config = accepted(concat!(
        "[defaults]\nuser = \"daemon\"\ngroup_id = 7\nenv_file = \"/dev/null/x\"\n",
        "[jobs.a]\ncommand = \"x\"\nuser = \"root\"\nenv_file = \"none\"\n",
        "[jobs.b]\ncommand = \"x\"\nuser = \"root\"\ngroup_id = 8\n",
    ));
    assert_eq!(job(&config, "a").process.group, None);
    assert_eq!(job(&config, "a").process.env_file, None);
    assert_eq!(job(&config, "b").process.group, Some(Who::Id(8)));
}

#[test]
fn a_user_without_a_name_needs_a_group() {
    let problems = refused("[jobs.a]\ncommand = \"x\"\nuser = 4294000000\n").to_string();
    let message = "user: '4294000000' is in no database of users, so it has no group";
    assert!(problems.contains(message), "{problems}");
    assert!(
        problems.contains("write group_id = NUMBER as well"),
        "{problems}"
    );
    accepted("[jobs.a]\ncommand = \"x\"\nuser = 4294000000\ngroup_id = 7\n");
    accepted("[defaults]\ngroup_id = 7\n[jobs.a]\ncommand = \"x\"\nuser = \"root\"\n");
}

#[test]
fn only_root_can_become_somebody_else() {
    let problems = told_to_a_user("[jobs.a]\ncommand = \"x\"\nuser = \"root\"\n");
    let message = "user: only root can run a job as user 'root'; hupd has the id 4711 (id -u)";
    assert!(problems.contains(message), "{problems}");
    let problems = told_to_a_user("[jobs.a]\ncommand = \"x\"\ngroup_id = 7\n");
    let message = "group_id: only root can run a job as group '7'; hupd has the id 4712 (id -g)";
    assert!(problems.contains(message), "{problems}");
    assert!(
        problems.contains("start hupd as root, or leave the key out"),
        "{problems}"
    );
}

#[test]
fn everybody_can_be_oneself() {
    let file = "[jobs.a]\ncommand = \"x\"\nuser = 4711\ngroup_id = 4712\n";
    assert_eq!(told_to_a_user(file), "");
}
