//! hupd as the first process of a container: it stays in the foreground and reaps orphans.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "these tests start hupd as its users do"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use common::{
    Held, Home, Told, delegated_cgroup, has_program, is_root, proc_stat, proc_text, skip,
    wait_until,
};
use rustix::process::{Pid, Signal};

const QUICK: &str = "[jobs.quick]\ncommand = \"exit 3\"\nschedule = \"0 0 1 1 *\"\n";

/// A process namespace whose first process is hupd, started without `--foreground`.
struct Container {
    home: Option<Home>,
    outside: Child,
    /// hupd, by the number that it has out here.
    hupd: Pid,
}

impl Container {
    /// None, said loudly, where no namespace can be made.
    fn start(config: &str) -> Option<Self> {
        let home = Home::new();
        home.configure(config);
        Self::start_in(home)
    }

    fn start_in(home: Home) -> Option<Self> {
        let command = unshare(&home)?;
        Some(Self::start_by(command, home))
    }

    fn start_by(mut command: Command, home: Home) -> Self {
        let mut outside = command.spawn().expect("unshare runs");
        wait_until("hupd serves", || {
            let ended = outside.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "{ended:?}: {}", home.read("log"));
            home.hupctl(&["status"]).status.success().then_some(())
        });
        let hupd = child_of(Pid::from_child(&outside)).expect("hupd is there");
        Self {
            home: Some(home),
            outside,
            hupd,
        }
    }

    fn home(&self) -> &Home {
        self.home.as_ref().expect("it is taken at the end")
    }

    /// Kills hupd, and with it all that runs in its namespace.
    fn crash(mut self) -> Home {
        self.signal(Signal::KILL);
        self.wait();
        self.home.take().expect("it is taken once")
    }

    fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.hupd, signal).expect("hupd is there");
    }

    fn wait(&mut self) -> ExitStatus {
        wait_until("hupd has ended", || {
            self.outside.try_wait().expect("a child")
        })
    }

    /// Processes that have ended and that hupd has not reaped.
    fn zombies(&self) -> usize {
        children_of(self.hupd)
            .filter(|fields| fields[0] == "Z")
            .count()
    }

    /// Waits until everything that ended has been reaped.
    fn wait_reaped(&self) {
        wait_until("no zombie is left", || (self.zombies() == 0).then_some(()));
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.home.as_ref().map(|home| home.read("log"));
            eprintln!("the log of hupd:\n{}", log.unwrap_or_default());
        }
        // With its first process the whole namespace ends, jobs included.
        if self.outside.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = rustix::process::kill_process(self.hupd, Signal::KILL);
        }
        let _ = self.outside.wait();
    }
}

fn unshare(home: &Home) -> Option<Command> {
    can_unshare().then(|| as_pid_1(Command::new("unshare"), home))
}

/// With this as the cgroup that it starts in.
fn unshare_in(cgroup: &Path, home: &Home) -> Command {
    let mut command = Command::new("sh");
    let script = "echo 0 >\"$1/cgroup.procs\" && shift && exec \"$@\"";
    command
        .args(["-c", script, "sh"])
        .arg(cgroup)
        .arg("unshare");
    as_pid_1(command, home)
}

const UNSHARED: [&str; 4] = ["--pid", "--fork", "--mount-proc", "--kill-child"];

fn can_unshare() -> bool {
    if !is_root() || !has_program("unshare") {
        skip("hupd as PID 1: it takes root and 'unshare' of util-linux");
        return false;
    }
    let tried = Command::new("unshare").args(UNSHARED).arg("true").output();
    let can = tried.is_ok_and(|tried| tried.status.success());
    if !can {
        skip("hupd as PID 1: no namespace can be made here");
    }
    can
}

fn as_pid_1(mut unshare: Command, home: &Home) -> Command {
    let hupd = home.hupd();
    let log = fs::File::create(home.file("log")).expect("a log");
    unshare
        .args(UNSHARED)
        .arg(hupd.get_program())
        .args(hupd.get_args())
        .env_remove("NOTIFY_SOCKET")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stderr(log);
    unshare
}

fn stats() -> impl Iterator<Item = (Pid, Vec<String>)> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter_map(|pid| Some((pid, proc_stat(pid)?)))
}

/// What `/proc/PID/stat` says of each child of this process.
fn children_of(parent: Pid) -> impl Iterator<Item = Vec<String>> {
    let parent = parent.as_raw_nonzero().to_string();
    stats()
        .map(|(_, fields)| fields)
        .filter(move |fields| fields[1] == parent)
}

fn child_of(parent: Pid) -> Option<Pid> {
    let parent = parent.as_raw_nonzero().to_string();
    let mut all = stats();
    all.find(|(_, fields)| fields[1] == parent)
        .map(|(pid, _)| pid)
}

#[test]
fn it_stays_in_the_foreground_by_itself_and_its_end_passes() {
    let Some(mut container) = Container::start(QUICK) else {
        return;
    };
    let status = proc_text(container.hupd, "status").expect("it is there");
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let inside = numbers.and_then(|numbers| numbers.split_whitespace().last());
    assert_eq!(inside, Some("1"), "{status}");
    assert_eq!(container.home().json(&["status"])["pid"], 1);

    let told = Told::from(container.home().hupctl(&["run", "quick", "--wait"]));
    assert!(told.aside.contains("exited 3"), "{told:?}");
    container.signal(Signal::TERM);
    assert_eq!(container.wait().code(), Some(0));
    let log = container.home().read("log");
    assert!(log.contains("serves 1 job "), "{log}");
    assert!(!container.home().socket().exists());
    assert!(!container.home().file("run/hupd.pid").exists());
}

#[test]
fn a_start_that_failed_passes_its_status_and_reason() {
    for (config, status, reason) in [
        ("[jobs.a]\nnonsense = 1\n", 78, "unknown key 'nonsense'"),
        (
            "[jobs.a]\ncommand = \"true\"\n",
            1,
            "/run: cannot make this folder",
        ),
    ] {
        let home = Home::new();
        home.configure(config);
        home.write("run", "in the way");
        let Some(mut command) = unshare(&home) else {
            return;
        };
        let told = command.status().expect("unshare runs");
        assert_eq!(told.code(), Some(status), "{}", home.read("log"));
        assert!(home.read("log").contains(reason), "{}", home.read("log"));
    }
}

#[test]
fn a_stop_from_inside_is_a_stop() {
    let config = "[jobs.suicide]\ncommand = \"kill -TERM 1\"\nschedule = \"0 0 1 1 *\"\n";
    let Some(mut container) = Container::start(config) else {
        return;
    };
    let _ = container.home().hupctl(&["run", "suicide"]);
    assert_eq!(container.wait().code(), Some(0));
    let log = container.home().read("log");
    assert!(log.contains("told to stop by a signal from pid "), "{log}");
}

#[test]
fn a_stop_waits_for_the_job_in_hand() {
    let config = "[jobs.slow]\ncommand = \"echo >begun; until [ -e go ]; do sleep 0.02; done; echo >done\"\n\
                  working_dir = \".\"\nschedule = \"0 0 1 1 *\"\n";
    let Some(mut container) = Container::start(config) else {
        return;
    };
    let told = Told::from(container.home().hupctl(&["run", "slow"]));
    assert_eq!(told.status, Some(0), "{told:?}");
    wait_until("the job runs", || {
        container.home().file("begun").exists().then_some(())
    });
    container.signal(Signal::TERM);
    wait_until("hupd drains", || {
        let status = container.home().json(&["status"]);
        (status["phase"] == "draining").then_some(())
    });
    container.home().write("go", "");
    assert_eq!(container.wait().code(), Some(0));
    assert!(container.home().file("done").exists());
}

#[test]
fn what_a_job_leaves_behind_is_reaped_when_it_ends() {
    // Twice forked: its parent is gone when it ends, so hupd inherits it.
    let config = "[jobs.parent]\n\
                  command = \"for n in 1 2 3 4 5; do (setsid sh -c 'until [ -e go ]; do sleep 0.02; done; echo >>orphans' >/dev/null 2>&1 &) ; done\"\n\
                  working_dir = \".\"\nschedule = \"0 0 1 1 *\"\n";
    let Some(container) = Container::start(config) else {
        return;
    };
    let told = Told::from(container.home().hupctl(&["run", "parent", "--wait"]));
    assert_eq!(told.status, Some(0), "{told:?}");
    wait_until("hupd has five orphans", || {
        (children_of(container.hupd).count() == 5).then_some(())
    });
    container.home().write("go", "");
    wait_until("all five have ended", || {
        (container.home().read("orphans").lines().count() == 5).then_some(())
    });
    wait_until("all five are reaped", || {
        (children_of(container.hupd).count() == 0).then_some(())
    });
}

#[test]
fn a_start_that_hangs_keeps_no_orphan_from_being_reaped() {
    let home = Home::new();
    let Some(held) = Held::in_home(&home) else {
        return;
    };
    let program = home.file("program");
    home.configure(&format!(
        "[jobs.held]\ncommand = [\"{}\"]\nworking_dir = \".\"\n\
         [jobs.parent]\ncommand = \"(setsid sleep 0 >/dev/null 2>&1 &)\"\n",
        program.display()
    ));
    let Some(mut container) = Container::start_in(home) else {
        return;
    };
    let mut asks = container.home().hupctl_command();
    let asks = asks.args(["run", "held"]).stdout(Stdio::null()).spawn();
    let mut asks = asks.expect("hupctl starts");
    wait_until("a process is on its way to its program", || {
        (children_of(container.hupd).count() == 1).then_some(())
    });
    for _ in 0..3 {
        let told = Told::from(container.home().hupctl(&["run", "parent", "--wait"]));
        assert_eq!(told.status, Some(0), "{told:?}");
    }
    wait_until("none is left but the start that hangs", || {
        (children_of(container.hupd).count() == 1).then_some(())
    });

    drop(held);
    wait_until("it has run", || {
        container.home().file("trace").exists().then_some(())
    });
    assert_eq!(container.home().ended_run("held")["outcome"], "exited 0");
    container.signal(Signal::TERM);
    assert_eq!(container.wait().code(), Some(0));
    asks.wait().expect("it was answered");
}

#[test]
fn among_many_orphans_every_run_is_recorded_as_it_ended() {
    let jobs: String = (0..30)
        .map(|n| {
            let orphans = "(sleep 0 >/dev/null 2>&1 &) ; (: &) ; (sleep 0.1 >/dev/null 2>&1 &)";
            format!(
                "[jobs.j{n}]\ncommand = \"{orphans}; exit {n}\"\nevery = \"1s\"\noverlap = \"allow\"\n"
            )
        })
        .collect();
    let Some(mut container) = Container::start(&jobs) else {
        return;
    };
    wait_until("many runs are over", || {
        let runs = container.home().json(&["runs", "-n", "1000"]);
        let over = runs["runs"].as_array()?.iter();
        (over.filter(|run| !run["outcome"].is_null()).count() >= 120).then_some(())
    });
    container.signal(Signal::TERM);
    assert_eq!(container.wait().code(), Some(0));

    let store =
        rusqlite::Connection::open(container.home().file("state/hupd.db")).expect("a store");
    let mut rows = store
        .prepare("SELECT job, outcome FROM runs")
        .expect("runs");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let rows: Vec<(String, String)> = rows.expect("rows").map(|row| row.expect("a row")).collect();
    assert!(rows.len() >= 120, "{}", rows.len());
    for (job, outcome) in rows {
        assert_eq!(outcome, format!("exited {}", &job[1..]), "{job}");
    }
    assert!(!container.home().read("log").contains("not known"));
}

#[test]
fn no_zombie_stays_however_many_end_at_once() {
    let config = "[jobs.storm]\n\
                  command = \"n=0; while [ $n -lt 500 ]; do (sh -c 'read line <gate' >/dev/null 2>&1 &); n=$((n+1)); done; exit 4\"\n\
                  working_dir = \".\"\nschedule = \"0 0 1 1 *\"\n[jobs.quick]\ncommand = \"exit 3\"\nschedule = \"0 0 1 1 *\"\n";
    let Some(container) = Container::start(config) else {
        return;
    };
    let made = Command::new("mkfifo")
        .arg(container.home().file("gate"))
        .status();
    assert!(made.expect("mkfifo runs").success());
    let told = Told::from(container.home().hupctl(&["run", "storm", "--wait"]));
    assert!(told.aside.contains("exited 4"), "{told:?}");
    wait_until("all orphans are hupd's", || {
        (children_of(container.hupd).count() == 500).then_some(())
    });
    // Readers of a FIFO end together when its last writer has gone.
    drop(open_gate(container.home()).expect("it is read"));
    let told = Told::from(container.home().hupctl(&["run", "quick", "--wait"]));
    assert!(told.aside.contains("exited 3"), "{told:?}");
    wait_until("all are gone", || {
        // One that opened the gate late still waits for a writer.
        drop(open_gate(container.home()));
        (children_of(container.hupd).count() == 0).then_some(())
    });
    container.wait_reaped();
}

/// A writer, if somebody reads.
fn open_gate(home: &Home) -> std::io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).expect("it fits");
    let mut options = fs::OpenOptions::new();
    options
        .write(true)
        .custom_flags(nonblocking)
        .open(home.file("gate"))
}

/// A cgroup that is delegated, and goes with the test.
struct Cgroup(PathBuf);

impl Cgroup {
    /// What lies in it, sorted.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a cgroup").flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("a name");
        let mut names: Vec<_> = folders.map(name).collect();
        names.sort();
        names
    }

    /// Makes one in it in which somebody lives.
    fn inhabited(&self, name: &str) -> Child {
        fs::create_dir(self.0.join(name)).expect("a cgroup");
        let child = Command::new("sleep").arg("1000").spawn().expect("it runs");
        let procs = self.0.join(name).join("cgroup.procs");
        fs::write(procs, child.id().to_string()).expect("it moves");
        child
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        wait_until("the cgroup is gone", || {
            for name in self.names() {
                let _ = fs::remove_dir(self.0.join(&name).join("within"));
                let _ = fs::remove_dir(self.0.join(name));
            }
            fs::remove_dir(&self.0).ok()
        });
    }
}

/// Each hupd of a container is process 1: that a cgroup has its number says nothing.
#[test]
fn cgroups_of_an_earlier_life_are_removed_once_nobody_lives_there() {
    let home = Home::new();
    home.configure(
        "[jobs.long]\ncommand = \"sleep 1000\"\n[jobs.where]\ncommand = \"cat /proc/self/cgroup\"\n",
    );
    if !can_unshare() {
        return;
    }
    let Some(cgroup) = delegated_cgroup().map(Cgroup) else {
        return skip("cgroups of hupd as PID 1: no cgroup2 can be delegated here");
    };
    let container = Container::start_by(unshare_in(&cgroup.0, &home), home);
    let told = Told::from(container.home().hupctl(&["run", "long"]));
    assert_eq!(told.status, Some(0), "{told:?}");
    container.home().wait_running("long", 1);
    let home = container.crash();
    let left = cgroup.names();
    assert!(
        left.len() == 1 && left[0].starts_with("hupd.1."),
        "{left:?}"
    );
    // What a job has made within goes as well; what others have made stays, and where somebody lives.
    fs::create_dir(cgroup.0.join(&left[0]).join("within")).expect("a cgroup");
    fs::create_dir(cgroup.0.join("hupd.1.x")).expect("a cgroup");
    let names = ["hupd.1.0", "hupd.1.1", "hupd.1.2"].map(str::to_owned);
    let taken = names.iter().filter(|name| !left.contains(name));
    let mut lives: Vec<_> = taken.map(|name| (name, cgroup.inhabited(name))).collect();
    let mut staying: Vec<_> = lives.iter().map(|(name, _)| (*name).clone()).collect();
    staying.push("hupd.1.x".to_owned());

    let container = Container::start_by(unshare_in(&cgroup.0, &home), home);

    wait_until("what was left is gone", || {
        (cgroup.names() == staying).then_some(())
    });
    for (name, child) in &mut lives {
        assert_eq!(child.try_wait().expect("a child"), None, "{name}");
    }
    container.home().run_to_end("where");
    let said = String::from_utf8(container.home().output("where")).expect("text");
    let own = said.lines().find_map(|line| line.rsplit_once("/hupd.1."));
    let (_, number) = own.unwrap_or_else(|| panic!("it has a cgroup of its own: {said}"));
    assert!(!staying.contains(&format!("hupd.1.{number}")), "{said}");
    drop(container);
    for (_, mut child) in lives {
        child.kill().expect("it lives");
        child.wait().expect("a child");
    }
}
