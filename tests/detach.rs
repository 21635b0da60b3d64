//! What a detached hupd has left behind: the terminal, the session, the folder, whatever was open or
//! set where it was started.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests start hupd as its users do"
)]

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::{
    Detached, Home, Told, bits, has_program, is_alive, proc_stat, proc_text, skip, wait_until,
};
use rustix::process::{Pid, Signal};

const IDLE: &str = "[jobs.look]\ncommand = \"true\"\nschedule = \"0 0 1 1 *\"\n";

const HUP: u64 = 1;
const PIPE: u64 = 1 << 12;
const TERM: u64 = 1 << 14;
/// 32 and 33, which the C library keeps for itself: its posix_spawn leaves them ignored, and no program
/// can ask it for anything else.
const INTERNAL: u64 = 1 << 31 | 1 << 32;

/// A shell script that launches hupd by `$HUPD`, in the folder of the home.
fn shell(home: &Home, script: &str) -> Command {
    let hupd = home.hupd();
    let line = format!(
        "exec {} -c {}",
        hupd.get_program().display(),
        home.config_file().display()
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &script.replace("$HUPD", &line)])
        .current_dir(home.path())
        .env_remove("NOTIFY_SOCKET")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

fn home(config: &str) -> Home {
    let home = Home::new();
    home.configure(config);
    home
}

/// Where all descriptors of a process lead.
fn descriptors(pid: Pid) -> Vec<(u32, String)> {
    let folder = format!("/proc/{}/fd", pid.as_raw_nonzero());
    let entries = fs::read_dir(folder).expect("the process is there");
    let mut all: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            let target = fs::read_link(entry.path()).ok()?;
            Some((number, target.display().to_string()))
        })
        .collect();
    all.sort();
    all
}

fn output_of(home: &Home, job: &str) -> String {
    let told = Told::from(home.hupctl(&["run", job, "--wait"]));
    assert_eq!(told.status, Some(0), "{told:?}");
    Told::from(home.hupctl(&["logs", job])).out
}

#[test]
fn the_daemon_has_a_session_of_its_own_without_a_terminal_and_stands_in_the_root_folder() {
    let hupd = Detached::start(IDLE);
    let stat = proc_stat(hupd.pid).expect("the daemon is there");
    let (parent, session, terminal) = (&stat[1], &stat[3], &stat[4]);

    assert_eq!(terminal, "0");
    // Not its leader, so that no terminal that it might open becomes its own; and the leader is gone.
    assert_ne!(*session, hupd.pid.as_raw_nonzero().to_string());
    assert!(!fs::exists(format!("/proc/{session}")).unwrap());
    let ours = proc_stat(rustix::process::getpid()).expect("that is us");
    assert_ne!(*session, ours[3]);
    assert_ne!(*parent, std::process::id().to_string());
    let folder = fs::read_link(format!("/proc/{}/cwd", hupd.pid.as_raw_nonzero()));
    assert_eq!(folder.unwrap().to_str(), Some("/"));
}

#[test]
fn the_standard_descriptors_are_dev_null_and_nobody_waits_for_their_end() {
    // That `output` returned at all shows that no pipe of ours is open any more.
    let logged = format!("[log]\nfile = \"hupd.log\"\n{IDLE}");
    let hupd = Detached::start(&logged);
    let open = descriptors(hupd.pid);
    let standard: Vec<_> = open.iter().take(3).cloned().collect();
    assert_eq!(standard, [0, 1, 2].map(|fd| (fd, "/dev/null".to_owned())));
    assert_eq!((&*hupd.told.out, &*hupd.told.aside), ("", ""));
}

#[test]
fn descriptors_that_were_inherited_are_open_neither_in_hupd_nor_in_its_jobs() {
    let config = "[jobs.look]\ncommand = \"ls -l /proc/$$/fd\"\nschedule = \"0 0 1 1 *\"\n";
    let home = home(config);
    home.write("secret", "");
    let command = shell(&home, "exec 3<secret 7<secret 9<secret; $HUPD");
    let hupd = Detached::start_by(home, command);

    let open = descriptors(hupd.pid);
    let inherited: Vec<_> = open
        .iter()
        .filter(|(_, to)| to.contains("secret"))
        .collect();
    assert!(inherited.is_empty(), "{inherited:?}");

    let seen = output_of(&hupd.home, "look");
    let numbers: Vec<_> = seen
        .lines()
        .filter(|line| line.contains(" -> "))
        .filter_map(|line| line.split(" -> ").next()?.rsplit(' ').next()?.parse().ok())
        .collect::<Vec<u32>>();
    assert_eq!(numbers, [0, 1, 2], "{seen}");
}

#[test]
fn a_hupd_in_the_foreground_closes_what_it_inherited_too() {
    let open = open_in_the_foreground("$HUPD --foreground");
    assert!(
        !open.iter().any(|(_, to)| to.contains("secret")),
        "{open:?}"
    );
}

#[test]
fn what_was_inherited_is_closed_where_the_kernel_has_no_close_range() {
    if !has_program("strace") {
        return skip("a kernel without close_range: strace is missing");
    }
    for error in ["ENOSYS", "EPERM"] {
        // strace itself in the background, so that our child becomes hupd.
        let strace = format!(
            "exec strace -D -qq -o strace -e inject=close_range:error={error} \
             -- sh -c '$HUPD --foreground'"
        );
        let open = open_in_the_foreground(&strace);
        assert!(
            !open.iter().any(|(_, to)| to.contains("secret")),
            "{error}: {open:?}"
        );
    }
}

/// What a hupd has open that inherited a file.
fn open_in_the_foreground(launch: &str) -> Vec<(u32, String)> {
    let home = home(IDLE);
    home.write("secret", "");
    let mut command = shell(&home, &format!("exec 8<secret 9<secret; {launch}"));
    let mut child = command.stderr(Stdio::null()).spawn().expect("hupd starts");
    let pid = Pid::from_child(&child);
    wait_until("hupd serves", || {
        home.hupctl(&["status"]).status.success().then_some(())
    });
    let open = descriptors(pid);
    rustix::process::kill_process(pid, Signal::TERM).expect("it is there");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    open
}

#[test]
fn a_caller_that_closed_the_standard_descriptors_gets_a_daemon_all_the_same() {
    let home = home(IDLE);
    let command = shell(&home, "exec <&- >&- 2>&-; $HUPD");
    let hupd = Detached::start_by(home, command);
    let open = descriptors(hupd.pid);
    let standard: Vec<_> = open.iter().take(3).cloned().collect();
    assert_eq!(standard, [0, 1, 2].map(|fd| (fd, "/dev/null".to_owned())));
    assert!(hupd.home.hupctl(&["status"]).status.success());
}

#[test]
fn relative_paths_are_those_of_the_file_although_the_daemon_stands_elsewhere() {
    let config = "include = [\"conf.d/*.toml\"]\n[daemon]\n[log]\nfile = \"hupd.log\"\n\
                  [jobs.here]\ncommand = \"pwd; cat note\"\nworking_dir = \"work\"\nschedule = \"0 0 1 1 *\"\n";
    let home = Home::new();
    // Tables follow the first key, so the folders are put in by hand.
    home.write(
        "hupd.toml",
        &config.replacen(
            "[daemon]\n",
            "[daemon]\nstate_dir = \"state\"\nruntime_dir = \"run\"\n",
            1,
        ),
    );
    home.write("work/note", "found");
    let hupd = home.hupd().get_program().to_owned();
    let mut command = Command::new(hupd);
    command
        .args(["-c", "../hupd.toml"])
        .current_dir(home.file("work"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    let hupd = Detached {
        told: command.output().expect("hupd runs").into(),
        pid: home.pid_in_file().expect("a pid file, in its place"),
        home,
    };
    assert_eq!(hupd.told.status, Some(0), "{:?}", hupd.told);

    let seen = output_of(&hupd.home, "here");
    let folder = fs::canonicalize(hupd.home.file("work")).unwrap();
    assert_eq!(seen, format!("{}\nfound", folder.display()));
    assert!(hupd.home.read("hupd.log").contains("run ended"));

    hupd.home.write(
        "conf.d/more.toml",
        "[jobs.more]\ncommand = \"true\"\nschedule = \"@daily\"\n",
    );
    let told = Told::from(hupd.home.hupctl(&["reload"]));
    assert_eq!(told.status, Some(0), "{told:?}");
    assert_eq!(hupd.home.json(&["status"])["jobs"], 2);
    hupd.stop();
}

#[test]
fn the_end_of_the_terminal_is_not_the_end_of_the_daemon() {
    if !has_program("script") {
        return skip("the terminal that closes: 'script' of util-linux is missing");
    }
    let home = home(IDLE);
    let launch = shell(&home, "$HUPD");
    let line = launch.get_args().nth(1).expect("the script").to_owned();
    let line = line.to_str().expect("text").replace("exec ", "");
    // Not detached, so it shows that the closing terminal does send HUP.
    let witness = "env --default-signal=HUP sleep 600 >/dev/null 2>&1 & echo $! >witness";
    let script = format!("tty >terminal; {witness}; {line}");
    let mut terminal = Command::new("script");
    terminal
        .args(["-qec", &script, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .current_dir(home.path())
        .stdin(Stdio::null());
    let hupd = Detached::start_by(home, terminal);

    assert!(hupd.home.read("terminal").starts_with("/dev/"));
    let witness = hupd.home.read("witness").trim().parse().expect("a pid");
    let witness = Pid::from_raw(witness).expect("a pid");
    wait_until("the terminal has closed", || {
        (!is_alive(witness)).then_some(())
    });

    assert!(is_alive(hupd.pid));
    assert_eq!(proc_stat(hupd.pid).expect("it is there")[4], "0");
    assert!(hupd.home.hupctl(&["status"]).status.success());
    hupd.stop();
}

#[test]
fn what_the_parent_blocked_or_ignored_does_not_matter() {
    let config =
        "[jobs.look]\ncommand = [\"cat\", \"/proc/self/status\"]\nschedule = \"0 0 1 1 *\"\n";
    for way in [
        "env --block-signal=HUP,TERM,INT,CHLD,USR1",
        "env --ignore-signal=HUP,TERM,INT,QUIT,CHLD,PIPE,USR1",
    ] {
        let home = home(config);
        let script = format!("exec {way} sh -c '$HUPD'");
        let hupd = {
            let command = shell(&home, &script);
            Detached::start_by(home, command)
        };
        let set =
            |name| bits(&proc_text(hupd.pid, "status").expect("hupd is there"), name) & !INTERNAL;
        assert_eq!(set("SigBlk"), 0, "{way}");
        assert_eq!(set("SigIgn"), PIPE, "{way}");
        assert_eq!(set("SigCgt") & (HUP | TERM), HUP | TERM);

        let seen = output_of(&hupd.home, "look");
        for name in ["SigBlk", "SigIgn"] {
            assert_eq!(bits(&seen, name) & !INTERNAL, 0, "{way}: {name}: {seen}");
        }

        hupd.home
            .configure(&config.replace("jobs.look", "jobs.other"));
        hupd.signal(Signal::HUP);
        wait_until("HUP has reloaded", || {
            let jobs = hupd.home.json(&["list"]).to_string();
            jobs.contains("other").then_some(())
        });
        hupd.stop();
        assert!(!hupd.home.socket().exists());
    }
}

#[test]
fn a_signal_that_waited_behind_the_mask_of_the_parent_does_not_kill() {
    let home = home(IDLE);
    let pending = "exec env --block-signal=HUP sh -c 'kill -HUP $$; $HUPD'";
    let command = shell(&home, pending);
    let hupd = Detached::start_by(home, command);
    wait_until("the HUP from before the start has reloaded", || {
        let status = hupd.home.json(&["status"]);
        (!status["last_reload"].is_null()).then_some(())
    });
}

#[test]
fn the_umask_of_the_caller_reaches_neither_the_files_of_hupd_nor_its_jobs() {
    use std::os::unix::fs::PermissionsExt;
    let config = "[jobs.look]\ncommand = \"umask\"\nschedule = \"0 0 1 1 *\"\n";
    for umask in ["000", "077", "777"] {
        let home = home(config);
        let command = shell(&home, &format!("umask {umask}; $HUPD"));
        let hupd = Detached::start_by(home, command);
        assert_eq!(output_of(&hupd.home, "look"), "0022\n");
        let modes = [
            "state",
            "run",
            "run/hupd.pid",
            "run/hupd.sock",
            "state/hupd.db",
        ]
        .map(|name| {
            let file = fs::metadata(hupd.home.file(name)).expect("it is there");
            format!("{name} {:o}", file.permissions().mode() & 0o7777)
        });
        let expected = [
            "state 700",
            "run 750",
            "run/hupd.pid 644",
            "run/hupd.sock 660",
            "state/hupd.db 600",
        ];
        assert_eq!(modes, expected, "umask {umask}");
    }
}

#[test]
fn the_notify_socket_still_hears_of_a_daemon_that_closed_what_it_inherited() {
    let home = home(IDLE);
    let heard = std::os::unix::net::UnixDatagram::bind(home.file("notify")).unwrap();
    let mut command = home.hupd();
    command.env("NOTIFY_SOCKET", home.file("notify"));
    let hupd = Detached::start_by(home, command);
    let mut buffer = [0; 4096];
    let length = heard.recv(&mut buffer).unwrap();
    assert!(common::text(&buffer[..length]).starts_with("READY=1\n"));
    hupd.stop();
    let length = heard.recv(&mut buffer).unwrap();
    assert!(common::text(&buffer[..length]).starts_with("STOPPING=1\n"));
    assert!(proc_text(hupd.pid, "stat").is_none() || !is_alive(hupd.pid));
}
