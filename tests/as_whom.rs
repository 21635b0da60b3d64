//! As whom a job runs, within which limits, and what it is given: on the real program.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests start hupd as its users do"
)]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use common::{Held, Home, Hupd, Told, has_program, proc_stat, proc_text, skip, text, wait_until};
use rustix::process::{Pid, geteuid};

/// What a job says of itself.
const LOOK: &str = r#"echo "$(id -u) $(id -g) $(id -G)" >/dev/stdout; env | sort; umask; pwd"#;

/// The kernel's own id of nobody, and of its group.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    geteuid().is_root()
}

/// A hupd, as root, for which the machine has a user `worker` and a user `other`.
fn hupd_with_users(home: Home) -> Option<Hupd> {
    home.write(
        "passwd",
        "root:x:0:0::/root:/bin/sh\nworker:x:4241:4242::/home/worker:/bin/worker-sh\n\
         other:x:4251:4252::/home/other:\n",
    );
    home.write(
        "group",
        "root:x:0:\nworkers:x:4242:\ndisks:x:4243:worker\nnets:x:4244:other,worker\nothers:x:4252:\n",
    );
    let folder = home.path().display();
    let mounts =
        format!("mount --bind {folder}/passwd /etc/passwd; mount --bind {folder}/group /etc/group");
    let command = home.hupd_after(&mounts)?;
    Some(Hupd::start_by(command, home))
}

fn home_with(config: &str) -> Home {
    let home = Home::new();
    home.configure(config);
    home
}

/// The job's own lines; those that hupd adds to each are left out.
fn said(home: &Home, job: &str) -> Vec<String> {
    let run = home.run_to_end(job);
    assert_eq!(run["outcome"], "exited 0", "{run}");
    let output = text(&home.output(job));
    let lines = output.lines().map(str::to_owned);
    lines
        .filter(|line| !line.starts_with("HUPD_") && !line.starts_with("PWD="))
        .collect()
}

fn outcome(home: &Home, job: &str) -> String {
    let run = home.run_to_end(job);
    run["outcome"].as_str().expect("it is over").to_owned()
}

#[test]
fn a_job_runs_as_its_user_with_all_that_belongs_to_it() {
    if !is_root() {
        return skip("jobs of other users: only root has them");
    }
    let jobs = format!(
        "[defaults]\numask = \"027\"\n\
         [jobs.worker]\ncommand = '{LOOK}'\nuser = \"worker\"\n\
         [jobs.number]\ncommand = '{LOOK}'\nuser = 4241\n\
         [jobs.group]\ncommand = '{LOOK}'\nuser = \"worker\"\ngroup_id = \"nets\"\n\
         [jobs.other]\ncommand = '{LOOK}'\nuser = \"other\"\numask = \"077\"\n\
         [jobs.nobody]\ncommand = '{LOOK}'\nuser = 4299\ngroup_id = 4298\n\
         [jobs.root]\ncommand = '{LOOK}'\n"
    );
    let Some(hupd) = hupd_with_users(home_with(&jobs)) else {
        return skip("jobs of other users: no mount namespace can be made here");
    };
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let worker = |ids: &str| {
        let variables = ["HOME=/home/worker", "LANG=C.UTF-8", "LOGNAME=worker", path];
        let rest = ["SHELL=/bin/worker-sh", "USER=worker", "0027", "/"];
        [&[ids], &variables[..], &rest[..]]
            .concat()
            .iter()
            .map(|line| (*line).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        said(&hupd.home, "worker"),
        worker("4241 4242 4242 4243 4244")
    );
    assert_eq!(
        said(&hupd.home, "number"),
        worker("4241 4242 4242 4243 4244")
    );
    assert_eq!(said(&hupd.home, "group"), worker("4241 4244 4244 4243"));
    let other = [
        "4251 4252 4252 4244",
        "HOME=/home/other",
        "LANG=C.UTF-8",
        "LOGNAME=other",
        path,
        "SHELL=/bin/sh",
        "USER=other",
        "0077",
        "/",
    ];
    assert_eq!(said(&hupd.home, "other"), other);
    let nobody = [
        "4299 4298 4298",
        "HOME=/",
        "LANG=C.UTF-8",
        "LOGNAME=4299",
        path,
        "SHELL=/bin/sh",
        "USER=4299",
        "0027",
        "/",
    ];
    assert_eq!(said(&hupd.home, "nobody"), nobody);
    assert!(said(&hupd.home, "root")[0].starts_with("0 0 "));
}

#[test]
fn a_user_that_is_removed_while_hupd_runs_stops_nobody_else() {
    if !is_root() {
        return skip("jobs of other users: only root has them");
    }
    let home = home_with(
        "[jobs.worker]\ncommand = [\"id\", \"-u\"]\nuser = \"worker\"\n\
         [jobs.grouped]\ncommand = [\"id\", \"-g\"]\ngroup_id = \"disks\"\n\
         [jobs.other]\ncommand = [\"id\", \"-u\"]\nuser = \"other\"\n",
    );
    let Some(hupd) = hupd_with_users(home) else {
        return skip("jobs of other users: no mount namespace can be made here");
    };
    assert_eq!(said(&hupd.home, "worker"), ["4241"]);
    assert_eq!(said(&hupd.home, "grouped"), ["4243"]);
    let (users, groups) = (hupd.home.read("passwd"), hupd.home.read("group"));
    let without = |text: &str, name: &str| {
        let lines = text.lines().filter(|line| !line.starts_with(name));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    hupd.home.write("passwd", &without(&users, "worker"));
    hupd.home.write("group", &without(&groups, "disks"));
    assert_eq!(
        outcome(&hupd.home, "worker"),
        "could not start: there is no user 'worker'"
    );
    assert_eq!(
        outcome(&hupd.home, "grouped"),
        "could not start: there is no group 'disks'"
    );
    assert_eq!(said(&hupd.home, "other"), ["4251"]);
    hupd.home.write("passwd", &users);
    assert_eq!(said(&hupd.home, "worker"), ["4241"]);
}

#[test]
fn a_working_directory_is_entered_as_the_user() {
    if !is_root() {
        return skip("jobs of other users: only root has them");
    }
    let home = Home::new();
    let config = format!(
        "[defaults]\nuser = {NOBODY}\ngroup_id = {NOBODY}\n\
         [jobs.closed]\ncommand = [\"pwd\"]\nworking_dir = \"closed\"\n\
         [jobs.open]\ncommand = [\"pwd\"]\nworking_dir = \"open\"\n\
         [jobs.program]\ncommand = [\"{0}/closed/program\"]\n\
         [jobs.named]\ncommand = [\"program\"]\nenv = {{ PATH = \"{0}/closed:{0}/open\" }}\n",
        home.path().display()
    );
    home.configure(&config);
    for (folder, mode) in [(".", 0o711), ("closed", 0o700), ("open", 0o755)] {
        fs::create_dir_all(home.file(folder)).expect("a folder");
        home.write(&format!("{folder}/program"), "#!/bin/sh\necho found\n");
        for path in [home.file(folder).join("program"), home.file(folder)] {
            let mode = if path.ends_with("program") {
                0o755
            } else {
                mode
            };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
        }
    }
    let folder = fs::canonicalize(home.path()).expect("a path");
    let hupd = Hupd::start_in(home);
    let place = folder.join("open").display().to_string();
    assert_eq!(said(&hupd.home, "open"), [place]);
    let closed = format!("{}/closed", hupd.home.path().display());
    let user = format!("permission denied (user '{}')", name_of_nobody());
    assert_eq!(
        outcome(&hupd.home, "closed"),
        format!("could not start: working directory '{closed}': {user}")
    );
    assert_eq!(
        outcome(&hupd.home, "program"),
        format!("could not start: command '{closed}/program': {user}")
    );
    // What the user may not see in one folder of PATH does not hide what is in the next one.
    assert_eq!(said(&hupd.home, "named"), ["found"]);
}

/// As this machine calls it.
fn name_of_nobody() -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut users = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let nobody = users.find(|user| user.get(2) == Some(&NOBODY.to_string().as_str()));
    nobody.map_or_else(|| NOBODY.to_string(), |user| user[0].to_owned())
}

/// Looks for a key that hupd has in its session, and says which session this is.
fn look_for_key() -> String {
    let keyctl = libc::SYS_keyctl;
    format!(
        "my ($type, $name) = (\"user\", \"secret\"); \
         my $found = syscall({keyctl}, 10, -3, $type, $name, 0); \
         print $found < 0 ? \"none\" : \"found\", \" \", syscall({keyctl}, 0, -3, 0), \"\\n\""
    )
}

/// A hupd with a session keyring that has a key in it. None where the kernel has no such thing, or nobody may use it.
fn hupd_with_key(home: Home) -> Option<Hupd> {
    let (keyctl, add_key) = (libc::SYS_keyctl, libc::SYS_add_key);
    let script = format!(
        "syscall({keyctl}, 1, 0) > 0 or exit 3; \
         my ($type, $name, $key) = (\"user\", \"secret\", \"x\"); \
         syscall({add_key}, $type, $name, $key, 1, -3) > 0 or exit 3; exec @ARGV"
    );
    let try_it = std::process::Command::new("perl")
        .args(["-e", &script, "true"])
        .status();
    if !try_it.is_ok_and(|status| status.success()) {
        return None;
    }
    let mut command = home.hupd_through("exec perl -e \"$SCRIPT\" \"$@\"");
    command.env("SCRIPT", script);
    Some(Hupd::start_by(command, home))
}

#[test]
fn the_keys_of_hupd_are_not_those_of_another_user() {
    if !is_root() {
        return skip("the keyring of another user: only root starts jobs for them");
    }
    let look = look_for_key();
    let home = home_with(&format!(
        "[jobs.own]\ncommand = ['perl', '-e', '{look}']\n\
         [jobs.other]\ncommand = ['perl', '-e', '{look}']\nuser = {NOBODY}\ngroup_id = {NOBODY}\n"
    ));
    let Some(hupd) = hupd_with_key(home) else {
        return skip("keyrings: there is no perl, or this kernel has none, or forbids them");
    };
    let own = said(&hupd.home, "own").join("");
    assert!(own.starts_with("found "), "{own}");
    let sessions = [said(&hupd.home, "other"), said(&hupd.home, "other")].map(|it| it.join(""));
    for session in &sessions {
        let id = session
            .strip_prefix("none ")
            .unwrap_or_else(|| panic!("{session}"));
        assert!(id.parse::<i32>().is_ok_and(|id| id > 0), "{session}");
    }
    assert_ne!(sessions[0], sessions[1], "each run has one of its own");
}

/// Whether nobody may open that file of a process.
fn is_open(pid: Pid, name: &str) -> bool {
    let open = format!(": </proc/{}/{name}", pid.as_raw_pid());
    let ids = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")];
    let mut command = std::process::Command::new("setpriv");
    command
        .args(ids)
        .args(["--clear-groups", "sh", "-c", &open]);
    command.output().expect("setpriv").status.success()
}

/// The child of hupd that belongs to nobody and is no program yet.
fn child_between(hupd: &Hupd) -> Option<Pid> {
    let parent = hupd.pid().as_raw_pid().to_string();
    let nobody = format!("Uid:\t{NOBODY}\t{NOBODY}\t{NOBODY}\t{NOBODY}\n");
    let pids = fs::read_dir("/proc").expect("processes").flatten();
    let pids = pids.filter_map(|it| it.file_name().to_str()?.parse().ok());
    pids.filter_map(Pid::from_raw).find(|pid| {
        let is_child = proc_stat(*pid).is_some_and(|stat| stat[1] == parent);
        is_child && proc_text(*pid, "status").is_some_and(|it| it.contains(&nobody))
    })
}

/// It has the memory of hupd then, with all that hupd knows of other jobs.
#[test]
fn before_its_program_a_child_of_another_user_shows_that_nothing() {
    if !is_root() || !may_run_hupd_as_nobody() {
        return skip("a child of another user: it takes root, and setpriv");
    }
    let home = Home::new();
    home.configure(&format!(
        "[defaults]\nuser = {NOBODY}\ngroup_id = {NOBODY}\n\
         [jobs.held]\ncommand = [\"{}/program\"]\n[jobs.open]\ncommand = [\"sleep\", \"1000\"]\n",
        home.path().display()
    ));
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let Some(held) = Held::in_home(&home) else {
        return;
    };
    let command = home.hupd_through("exec setpriv --regid=4242 --clear-groups \"$@\"");
    let hupd = Hupd::start_by(command, home);
    let owner = || {
        fs::metadata(hupd.proc("environ"))
            .expect("it is there")
            .gid()
    };
    assert_eq!(owner(), 4242, "the kernel counts it to its group");
    let mut run = hupd.home.hupctl_command();
    let mut run = run.args(["run", "held"]).spawn().expect("hupctl starts");
    let child = wait_until("it is about to be its program", || child_between(&hupd));
    let files = ["environ", "maps", "auxv", "mem"];
    for name in files {
        assert!(!is_open(child, name), "{name}");
    }
    assert_eq!(owner(), 0, "the mark of the memory is for both");
    drop(held);
    run.wait().expect("an end");
    let outcome = hupd.home.ended_run("held")["outcome"].to_string();
    assert!(outcome.contains("exited"), "{outcome}");
    hupd.home.hupctl(&["run", "open"]);
    let open = hupd.home.wait_running("open", 1)[0]["pid"].as_i64();
    let open = open.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let open = open.expect("it runs");
    // What a start waits for is closed before the memory of the program is everybody's.
    wait_until("a program shows that", || {
        let all = files.iter().all(|name| is_open(open, name));
        all.then_some(())
    });
}

#[test]
fn limits_and_niceness_hold_for_the_job_alone() {
    let hupd = Hupd::start(
        r#"
        [defaults]
        limits = { core = 0, stack = "16MiB" }
        [jobs.limited]
        command = "ulimit -v; ulimit -n; ulimit -t; ulimit -H -t; ulimit -c; ulimit -s; ulimit -f; nice"
        nice = 7
        limits = { memory = "2GiB", open_files = 64, cpu = "90s", file_size = "1MiB" }
        [jobs.busy]
        command = "while :; do :; done"
        limits = { cpu = "1s" }
        "#,
    );
    let expected = ["2097152", "64", "90", "95", "0", "16384", "2048", "7"];
    assert_eq!(said(&hupd.home, "limited"), expected);
    assert_eq!(outcome(&hupd.home, "busy"), "killed by XCPU");
    let limits = fs::read_to_string(hupd.proc("limits")).expect("hupd is there");
    let own = limits.lines().find(|line| line.starts_with("Max cpu time"));
    assert!(own.expect("a line").contains("unlimited"), "{limits}");
}

#[test]
fn what_hupd_has_raised_for_itself_is_not_raised_for_jobs() {
    let home = home_with(
        r#"
        [jobs.plain]
        command = "ulimit -S -n"
        [jobs.limited]
        command = "ulimit -S -n"
        limits = { open_files = 300 }
        "#,
    );
    let command = home.hupd_through("ulimit -S -n 111 && exec \"$@\"");
    let hupd = Hupd::start_by(command, home);
    let limits = fs::read_to_string(hupd.proc("limits")).expect("hupd is there");
    let own = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    assert!(!own.expect("a line").contains(" 111 "), "{limits}");
    assert_eq!(said(&hupd.home, "plain"), ["111"]);
    assert_eq!(said(&hupd.home, "limited"), ["300"]);
}

#[test]
fn limits_are_raised_while_there_are_the_rights_for_that() {
    if !is_root() {
        return skip("limits that are raised for another user: only root can");
    }
    let hupd = Hupd::start(&format!(
        "[jobs.job]\ncommand = \"nice; id -u\"\nuser = {NOBODY}\ngroup_id = {NOBODY}\nnice = -5\n"
    ));
    assert_eq!(said(&hupd.home, "job"), ["-5", &NOBODY.to_string()]);
}

#[test]
fn standard_input_is_a_text_of_any_length() {
    let long = "x".repeat(300_000);
    let hupd = Hupd::start(&format!(
        "[jobs.short]\ncommand = [\"cat\"]\nstdin = \"\"\"\none\ntwo\n\"\"\"\n\
         [jobs.long]\ncommand = \"wc -c\"\nstdin = '{long}'\n\
         [jobs.unread]\ncommand = \"true\"\nstdin = '{long}'\n\
         [jobs.written]\ncommand = \"echo y >&0 || echo refused\"\nstdin = 'x'\n"
    ));
    assert_eq!(said(&hupd.home, "short"), ["one", "two"]);
    assert_eq!(said(&hupd.home, "long"), ["300000"]);
    assert_eq!(said(&hupd.home, "unread"), [""; 0]);
    assert_eq!(
        said(&hupd.home, "written").last().map(String::as_str),
        Some("refused")
    );
}

#[test]
fn a_variable_comes_from_the_nearest_that_names_it() {
    let home = home_with(
        r#"
        [jobs.job]
        command = 'echo "$ONE $TWO $THREE $FOUR ${ABSENT-none}"'
        env_inherit = ["ONE", "TWO", "THREE", "ABSENT"]
        env_file = "secrets"
        env = { THREE = "env" }
        [jobs.plain]
        command = 'echo "${ONE-none}"'
        "#,
    );
    home.write(
        "secrets",
        "# of the job\nTWO=file\nTHREE=file\nFOUR=\" file \"\n",
    );
    let mut command = home.hupd();
    command
        .env("ONE", "hupd")
        .env("TWO", "hupd")
        .env("THREE", "hupd");
    let hupd = Hupd::start_by(command, home);
    assert_eq!(said(&hupd.home, "job"), ["hupd file env  file  none"]);
    assert_eq!(said(&hupd.home, "plain"), ["none"]);
}

#[test]
fn an_env_file_is_read_by_each_run_and_its_mistakes_end_only_that() {
    let home = home_with("[jobs.job]\ncommand = 'echo \"$TOKEN\"'\nenv_file = \"secrets\"\n");
    let checked = home.hupd().arg("--check").output().expect("hupd runs");
    let told = Told::from(checked);
    assert_eq!(told.status, Some(0), "{told:?}");
    let words = format!("{}{}", told.out, told.aside);
    assert!(words.contains("warning: env_file: cannot read"), "{words}");
    let hupd = Hupd::start_in(home);
    let path = hupd.home.file("secrets").display().to_string();
    let missing =
        format!("could not start: env_file: cannot read '{path}': no such file or directory");
    assert_eq!(outcome(&hupd.home, "job"), missing);
    for token in ["first", "second"] {
        hupd.home.write("secrets", &format!("TOKEN={token}\n"));
        assert_eq!(said(&hupd.home, "job"), [token]);
    }
    hupd.home.write("secrets", "TOKEN=third\nhunter2\n");
    let wrong =
        format!("could not start: env_file: '{path}', line 2: there is no '='; write NAME=value");
    assert_eq!(outcome(&hupd.home, "job"), wrong);
    assert!(!hupd.log().contains("hunter2"), "{}", hupd.log());
}

/// hupd as an ordinary user: the test's own, or else nobody.
fn ordinary(home: &Home) -> std::process::Command {
    let limited = "ulimit -t 800";
    if !is_root() {
        return home.hupd_through(&format!("{limited}; exec \"$@\""));
    }
    for path in [home.path().to_owned(), home.config_file()] {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("a new owner");
    }
    let folder = home.path().display();
    let drop = format!("setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups");
    home.hupd_through(&format!(
        "{limited}; cd {folder}; [ ! -e notify ] || chmod 666 notify; exec {drop} \"$@\""
    ))
}

fn may_run_hupd_as_nobody() -> bool {
    let program = Path::new(env!("CARGO_BIN_EXE_hupd"));
    let is_open = |path: &Path| {
        fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o005 == 0o005)
    };
    !is_root() || (has_program("setpriv") && program.ancestors().all(is_open))
}

#[test]
fn an_ordinary_user_can_be_nobody_else_and_is_told_so_by_a_check() {
    if !may_run_hupd_as_nobody() {
        return skip(
            "hupd as an ordinary user: setpriv is missing, or nobody may not execute hupd where it is",
        );
    }
    let home = home_with("[jobs.job]\ncommand = \"true\"\nuser = \"root\"\n");
    let told = Told::from(ordinary(&home).arg("--check").output().expect("hupd runs"));
    assert_eq!(told.status, Some(78), "{told:?}");
    let words = format!("{}{}", told.out, told.aside);
    assert!(
        words.contains("user: only root can run a job as user 'root'"),
        "{words}"
    );
}

#[test]
fn a_check_tells_an_ordinary_user_how_nice_its_jobs_must_be() {
    if !may_run_hupd_as_nobody() {
        return skip("hupd as an ordinary user, who may not be less nice: see above");
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nice).current;
    if limit.is_none_or(|limit| limit > 24) {
        return skip("nice below what a user may have: here that is no limit");
    }
    let config =
        "[jobs.job]\ncommand = \"true\"\nnice = -5\n[jobs.nicer]\ncommand = \"true\"\nnice = 19\n";
    let home = home_with(config);
    let told = Told::from(ordinary(&home).arg("--check").output().expect("hupd runs"));
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(
        told.aside.contains("warning: nice: -5 is below "),
        "{told:?}"
    );
    assert!(told.aside.contains("LimitNICE=-5 in its unit"), "{told:?}");
    assert!(!told.aside.contains("nice: 19"), "{told:?}");
    if is_root() {
        let told = Told::from(home.hupd().arg("--check").output().expect("hupd runs"));
        assert!(!told.aside.contains("nice: "), "root may: {told:?}");
    }
    let hupd = Hupd::start_by(ordinary(&home), home);
    assert_eq!(
        outcome(&hupd.home, "job"),
        "could not start: nice -5: permission denied"
    );
    assert_eq!(outcome(&hupd.home, "nicer"), "exited 0");
}

/// Of how many open files the kernel lets hupd give a process a billion: that is none of its own limits, or one.
fn most_files() -> String {
    let most = fs::read_to_string("/proc/sys/fs/nr_open").expect("a number");
    match most.trim() {
        most if most.len() < 10 => format!("a process can have {most} at most (fs.nr_open)"),
        _ => {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
            let hard = limit.maximum.expect("it has one");
            format!("the hard limit of hupd is {hard}, and it may not raise that")
        }
    }
}

#[test]
fn more_open_files_than_the_machine_gives_are_told_by_a_check() {
    let most = fs::read_to_string("/proc/sys/fs/nr_open").expect("a number");
    let most: u64 = most.trim().parse().expect("a number");
    if most >= 1 << 30 {
        return skip("more open files than the machine gives: no file can ask for that many");
    }
    let home = home_with(&format!(
        "[jobs.job]\ncommand = \"true\"\nlimits = {{ open_files = {} }}\n\
         [jobs.free]\ncommand = \"ulimit -n\"\nlimits = {{ open_files = \"none\" }}\n",
        most + 1
    ));
    let told = Told::from(home.hupd().arg("--check").output().expect("hupd runs"));
    assert_eq!(told.status, Some(0), "{told:?}");
    let words = format!("{}{}", told.out, told.aside);
    let problem = format!(
        "limits: open_files: {} is above {most}, which is what one process can have here",
        most + 1
    );
    assert!(words.contains(&problem), "{words}");
    let hupd = Hupd::start_in(home);
    let expected = format!(
        "could not start: limits.open_files {}: operation not permitted; a process can have {most} at most \
         (fs.nr_open)",
        most + 1
    );
    assert_eq!(outcome(&hupd.home, "job"), expected);
    // Where nobody may raise a limit, as in many containers, root is told that as well.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    match &*outcome(&hupd.home, "free") {
        "exited 0" => assert_eq!(said(&hupd.home, "free"), [most.to_string()]),
        refused => {
            let hard = limit.expect("it is refused");
            let reason = format!(
                "could not start: limits.open_files \"none\": operation not permitted; the hard limit of hupd is \
                 {hard}, and it may not raise that"
            );
            assert_eq!(refused, reason);
        }
    }
}

#[test]
fn whoever_is_root_already_needs_no_right_for_that() {
    if !is_root() || !has_program("setpriv") {
        return skip("a root without the right to change groups: it takes root, and setpriv");
    }
    let home = home_with(&format!(
        "[jobs.root]\ncommand = [\"id\", \"-u\"]\nuser = \"root\"\n\
         [jobs.nobody]\ncommand = [\"id\", \"-u\"]\nuser = {NOBODY}\ngroup_id = {NOBODY}\n"
    ));
    let root = "setpriv --reuid=0 --regid=0 --init-groups --bounding-set=-setgid";
    let command = home.hupd_through(&format!("exec {root} \"$@\""));
    let hupd = Hupd::start_by(command, home);
    assert_eq!(said(&hupd.home, "root"), ["0"]);
    let refused = outcome(&hupd.home, "nobody");
    for said in [
        "setgroups: operation not permitted",
        "hupd needs CAP_SETGID",
    ] {
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn an_ordinary_user_can_be_itself() {
    if !may_run_hupd_as_nobody() {
        return skip(
            "hupd as an ordinary user: setpriv is missing, or nobody may not execute hupd where it is",
        );
    }
    let uid = if is_root() {
        NOBODY
    } else {
        geteuid().as_raw()
    };
    let home = home_with(&format!(
        "[jobs.job]\ncommand = \"id -u; umask; nice; cat\"\nuser = {uid}\ngroup_id = {}\n\
         umask = \"077\"\nnice = 3\nstdin = \"read\"\nlimits = {{ open_files = 100 }}\n\
         [jobs.greedy]\ncommand = \"true\"\nlimits = {{ open_files = 1000000000 }}\n\
         [jobs.slow]\ncommand = \"true\"\nlimits = {{ cpu = \"900s\" }}\n\
         [jobs.first]\ncommand = \"true\"\nnice = -20\n",
        if is_root() {
            NOBODY
        } else {
            rustix::process::getegid().as_raw()
        }
    ));
    let mut command = ordinary(&home);
    command.env_remove("XDG_STATE_HOME");
    let hupd = Hupd::start_by(command, home);
    assert_eq!(
        said(&hupd.home, "job"),
        [&uid.to_string(), "0077", "3", "read"]
    );
    let not_permitted = "operation not permitted";
    assert_eq!(
        outcome(&hupd.home, "greedy"),
        format!(
            "could not start: limits.open_files 1000000000: {not_permitted}; {}",
            most_files()
        )
    );
    assert_eq!(
        outcome(&hupd.home, "slow"),
        format!(
            "could not start: limits.cpu 900: {not_permitted}; the hard limit of hupd is 800, and it may not \
             raise that"
        )
    );
    assert_eq!(
        outcome(&hupd.home, "first"),
        "could not start: nice -20: permission denied"
    );
}
