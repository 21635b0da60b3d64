//! A real hupd in a folder of its own, and what a user does with it.

#![allow(dead_code, unused_imports, reason = "each test file uses its part")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod dice;
mod held;
mod store;

pub use dice::Dice;
pub use held::Held;
pub use store::{
    copied_store, cut_off, database, fates, mode, open_runs, run, scribble, state_files, store,
    wait_for_recovery,
};

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

/// How long a condition may take to come true before a test gives up: far beyond what it needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` gives something. For conditions that nothing can tell us of, such as the
/// content of a file.
pub fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A folder with a configuration that keeps everything inside it.
pub struct Home {
    dir: TempDir,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("hupd-")
            .tempdir()
            .expect("a folder");
        Self { dir }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn config_file(&self) -> PathBuf {
        self.file("hupd.toml")
    }

    pub fn socket(&self) -> PathBuf {
        self.file("run/hupd.sock")
    }

    /// The whole file, with `[daemon]` added where the text does not bring its own.
    pub fn configure(&self, text: &str) {
        let daemon = "[daemon]\nstate_dir = \"state\"\nruntime_dir = \"run\"\n";
        let text = match text.contains("[daemon]") {
            true => text.replacen("[daemon]\n", daemon, 1),
            false => format!("{daemon}{text}"),
        };
        self.write("hupd.toml.new", &text);
        fs::rename(self.file("hupd.toml.new"), self.config_file()).expect("renamed");
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// A command line of hupd on this home's file.
    pub fn hupd(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hupd"));
        command
            .arg("-c")
            .arg(self.config_file())
            .stdin(Stdio::null());
        clean(&mut command);
        command
    }

    /// A command line of hupd on this home's file, as "$@" of a shell script.
    pub fn hupd_through(&self, script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_hupd"), "-c"])
            .arg(self.config_file())
            .stdin(Stdio::null());
        clean(&mut command);
        command
    }

    /// Runs hupctl on this home's socket.
    pub fn hupctl(&self, arguments: &[&str]) -> Output {
        let mut command = self.hupctl_command();
        command.args(arguments).output().expect("hupctl runs")
    }

    /// A shell in a mount namespace of its own that does this, and then becomes hupd. `$STATE` is the state
    /// folder, which exists. Nothing where such a namespace cannot be made.
    pub fn hupd_after(&self, shell: &str) -> Option<Command> {
        let state = self.file("state");
        fs::create_dir_all(&state).expect("a folder");
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--propagation", "private"]);
        if !rustix::process::geteuid().is_root() {
            unshare.arg("--map-root-user");
        }
        let mut attempt = Command::new(unshare.get_program());
        attempt.args(unshare.get_args());
        attempt.args(["mount", "-t", "tmpfs", "none"]).arg(&state);
        if !attempt.output().is_ok_and(|output| output.status.success()) {
            return None;
        }
        let script = format!("set -e; {shell}; exec \"$@\"");
        let hupd = self.hupd();
        unshare
            .args(["sh", "-c", &script, "sh"])
            .arg(hupd.get_program())
            .args(hupd.get_args())
            .env("STATE", state)
            .stdin(Stdio::null());
        clean(&mut unshare);
        Some(unshare)
    }

    pub fn hupctl_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hupctl"));
        command
            .arg("--socket")
            .arg(self.socket())
            .stdin(Stdio::null());
        clean(&mut command);
        command
    }

    /// `hupctl` by somebody who may use the socket and is neither root nor the user of hupd. Only root can be that.
    pub fn hupctl_of_a_stranger(&self) -> Command {
        let open = |path: PathBuf, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).expect("permitted");
        };
        open(self.path().to_owned(), 0o755);
        open(self.file("run"), 0o755);
        open(self.socket(), 0o666);
        let program = self.file("hupctl");
        // By another process: a file that this one had open for writing while a parallel test forked cannot be executed.
        let mut copy = Command::new("cp");
        let copied = copy
            .arg(env!("CARGO_BIN_EXE_hupctl"))
            .arg(&program)
            .status();
        assert!(copied.expect("cp runs").success());
        let mut stranger = Command::new(&program);
        stranger.uid(54_321).gid(54_321);
        stranger.arg("--socket").arg(self.socket());
        stranger
    }

    /// What `hupctl --json` prints.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.hupctl(&[&["--json"], arguments].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("hupctl {arguments:?}: {error}: {output:?}"))
    }

    /// Waits until the named job has a run with an outcome, and gives the newest such run.
    pub fn ended_run(&self, job: &str) -> Value {
        wait_until(&format!("a run of '{job}' has ended"), || {
            self.runs(job)
                .into_iter()
                .find(|run| !run["outcome"].is_null())
        })
    }

    /// Runs a job to its end, and gives the run.
    pub fn run_to_end(&self, job: &str) -> Value {
        let mut command = self.hupctl_command();
        command.args(["--json", "run", "--wait", job]);
        let mut hupctl = command.stdout(Stdio::piped()).spawn().expect("hupctl runs");
        wait_until(&format!("a run of '{job}' has ended"), || {
            hupctl.try_wait().expect("a child")
        });
        let output = hupctl.wait_with_output().expect("its output");
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("hupctl run --wait {job}: {error}: {output:?}"))
    }

    /// What a run, or the newest run of a job, wrote.
    pub fn output(&self, of: &str) -> Vec<u8> {
        let output = self.hupctl(&["logs", of]);
        assert!(output.status.success(), "{output:?}");
        output.stdout
    }

    /// The live runs of a job whose processes exist.
    pub fn running(&self, job: &str) -> Vec<Value> {
        let status = self.json(&["status"]);
        let running = status["running"].as_array().cloned().unwrap_or_default();
        let is_meant = |run: &Value| run["job"] == job && !run["pid"].is_null();
        running.into_iter().filter(is_meant).collect()
    }

    /// Waits until a job has so many live runs.
    pub fn wait_running(&self, job: &str, count: usize) -> Vec<Value> {
        wait_until(&format!("{count} runs of '{job}' are alive"), || {
            Some(self.running(job)).filter(|runs| runs.len() == count)
        })
    }

    /// The ledger of a job, oldest first: trigger, fate, reason, run.
    pub fn ledger(&self, job: &str) -> Vec<(String, String, String, Option<i64>)> {
        let store = rusqlite::Connection::open(self.file("state/hupd.db")).expect("a store");
        let sql = "SELECT trigger, fate, reason, run FROM ledger WHERE job = ?1 ORDER BY instant";
        let mut rows = store.prepare(sql).expect("a ledger");
        let rows = rows.query_map([job], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        });
        rows.and_then(Iterator::collect).expect("rows")
    }

    /// A FIFO: `cat NAME` in this folder does not end before it is opened.
    pub fn gate(&self, name: &str) {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, self.file(name), fifo, mode, 0).expect("a FIFO");
    }

    /// Lets those go on who wait at the gate now; whether anybody was there.
    pub fn open_gate(&self, name: &str) -> bool {
        let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
        rustix::fs::open(self.file(name), flags, rustix::fs::Mode::empty()).is_ok()
    }

    /// The jobs in force, as `hupctl list` has them.
    pub fn job_names(&self) -> Vec<String> {
        let rows = self.json(&["list"]);
        let rows = rows["jobs"].as_array().expect("rows");
        let name = |row: &Value| row["job"].as_str().expect("a name").to_owned();
        rows.iter().map(name).collect()
    }

    pub fn runs(&self, job: &str) -> Vec<Value> {
        let runs = self.json(&["runs", job, "-n", "1000"]);
        runs["runs"].as_array().cloned().unwrap_or_default()
    }
}

/// What the caller's environment has must not decide a test.
fn clean(command: &mut Command) {
    for name in [
        "RUST_LOG",
        "HUPD_SOCKET",
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "JOURNAL_STREAM",
    ] {
        command.env_remove(name);
    }
}

/// A hupd in the foreground.
pub struct Hupd {
    pub home: Home,
    child: Child,
    notify: UnixDatagram,
}

impl Hupd {
    /// Starts hupd on this configuration and waits until it serves.
    pub fn start(config: &str) -> Self {
        let home = Home::new();
        home.configure(config);
        Self::start_in(home)
    }

    pub fn start_in(home: Home) -> Self {
        let hupd = Self::launch(home);
        hupd.wait_notified("READY=1");
        hupd
    }

    /// Starts hupd and waits for nothing.
    pub fn launch(home: Home) -> Self {
        let command = home.hupd();
        Self::launch_by(home, command)
    }

    /// Starts hupd by a command line of the test's own, and waits until it serves.
    pub fn start_by(command: Command, home: Home) -> Self {
        let hupd = Self::launch_by(home, command);
        hupd.wait_notified("READY=1");
        hupd
    }

    /// Starts hupd by a command that becomes it, such as one that a shell has prepared something for.
    pub fn launch_by(home: Home, mut command: Command) -> Self {
        let path = home.file("notify");
        let _ = fs::remove_file(&path);
        let notify = UnixDatagram::bind(&path).expect("a socket");
        notify.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(home.file("log"));
        let child = command
            .arg("--foreground")
            .env("NOTIFY_SOCKET", &path)
            .stdout(Stdio::null())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("hupd starts");
        Self {
            home,
            child,
            notify,
        }
    }

    /// Waits for a message to the service manager that has this line, and gives the whole message.
    pub fn wait_notified(&self, line: &str) -> String {
        self.wait_message(line, |message| message.lines().any(|found| found == line))
    }

    /// Waits for a message to the service manager whose status has these words, and gives all of it.
    pub fn wait_notified_status(&self, words: &str) -> String {
        let has = |line: &str| line.starts_with("STATUS=") && line.contains(words);
        self.wait_message(words, |message| message.lines().any(has))
    }

    fn wait_message(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let mut buffer = [0; 8192];
        loop {
            let received = self.notify.recv(&mut buffer);
            // A child of another test may have ended.
            if matches!(&received, Err(error) if error.kind() == io::ErrorKind::Interrupted) {
                continue;
            }
            let length = received.unwrap_or_else(|error| {
                panic!("no '{what}': {error}; the log is:\n{}", self.log());
            });
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if is_it(&message) {
                return message;
            }
        }
    }

    /// Waits for a message that begins like this, and gives its first line.
    pub fn wait_notified_beginning(&self, beginning: &str) -> String {
        let mut buffer = [0; 8192];
        loop {
            let length = self.notify.recv(&mut buffer).expect("another message");
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.starts_with(beginning) {
                return message.lines().next().expect("a line").to_owned();
            }
        }
    }

    /// What has been told to the service manager since, each message whole; waits for nothing.
    pub fn notified(&self) -> Vec<String> {
        let mut buffer = [0; 8192];
        self.notify.set_nonblocking(true).expect("a mode");
        let received = std::iter::from_fn(|| {
            self.notify
                .recv(&mut buffer)
                .ok()
                .map(|n| text(&buffer[..n]))
        });
        let messages = received.collect();
        self.notify.set_nonblocking(false).expect("a mode");
        messages
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("hupd is there");
    }

    /// Sends HUP and waits for the verdict: the message to the service manager.
    pub fn reload(&self) -> String {
        self.signal(Signal::HUP);
        self.wait_notified("READY=1")
    }

    pub fn status(&self) -> Value {
        self.home.json(&["status"])
    }

    pub fn generation(&self) -> u64 {
        self.status()["generation"].as_u64().expect("a number")
    }

    /// A file of `/proc/PID`.
    pub fn proc(&self, name: &str) -> PathBuf {
        Path::new("/proc")
            .join(self.pid().as_raw_nonzero().to_string())
            .join(name)
    }

    pub fn log(&self) -> String {
        self.home.read("log")
    }

    pub fn wait_log(&self, text: &str) {
        wait_until(&format!("the log says '{text}'"), || {
            self.log().contains(text).then_some(())
        });
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        wait_until("hupd has ended", || self.child.try_wait().expect("a child"))
    }

    /// TERM, and the end.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// KILL, and the end: what a crash is like.
    pub fn crash(mut self) -> Home {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
        std::mem::replace(&mut self.home, Home::new())
    }
}

impl Drop for Hupd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of hupd:\n{}", self.log());
        }
        // Third signal: everything gets KILL, so that no job outlives its test.
        for _ in 0..3 {
            if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
                let _ = rustix::process::kill_process(self.pid(), Signal::QUIT);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Who sends the signals of a test, as the log names it.
pub fn me() -> String {
    let uid = rustix::process::getuid().as_raw();
    let pid = rustix::process::getpid();
    let name = proc_text(pid, "comm").expect("a name");
    format!(
        "pid {}, uid {uid} ({})",
        pid.as_raw_nonzero(),
        name.trim_end()
    )
}

/// A FIFO at which a job waits, so that its run goes on until the test lets it end.
pub fn make_gate(path: &Path) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).expect("a FIFO");
}

/// Lets what waits at the gate go on.
pub fn open_gate(path: &Path) {
    fs::write(path, "go\n").expect("somebody waits at the gate");
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Says loudly that something was not proved here, and fails where everything must be.
pub fn skip(why: &str) {
    let must_run = std::env::var_os("HUPD_REQUIRE_SYSTEMD").is_some_and(|value| value == "1");
    assert!(
        !must_run,
        "HUPD_REQUIRE_SYSTEMD=1, and a test cannot run: {why}"
    );
    // Not `eprintln!`: the test runner swallows that, and nobody would know.
    let _ = writeln!(io::stderr(), "SKIPPED: {why}");
}

/// A cgroup in which hupd may make others. None where there can be none.
pub fn delegated_cgroup() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    let point = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let point = fields.next()?;
        (fields.next()? == "cgroup2").then_some(point)
    })?;
    let place = Path::new(point).join(format!("hupd-test-{}", std::process::id()));
    fs::create_dir(&place).ok()?;
    // As systemd marks what it delegates.
    let (mark, flags) = ("trusted.delegate", rustix::fs::XattrFlags::empty());
    rustix::fs::setxattr(&place, mark, b"1", flags).ok()?;
    Some(place)
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether what root demands of files can be tried out here; said loudly where it cannot.
pub fn can_try_as_root() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_root = is_root() && map.split_whitespace().eq(["0", "0", "4294967295"]);
    if !is_root {
        skip("what root demands of its files: only root can try that");
    }
    is_root
}

pub fn set_mode(home: &Home, name: &str, mode: u32) {
    fs::set_permissions(home.file(name), Permissions::from_mode(mode)).expect("a mode");
}

/// Whether this program is there to be used.
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// What `/proc` says of a process; none when it is gone.
pub fn proc_text(pid: Pid, name: &str) -> Option<String> {
    let bytes = fs::read(format!("/proc/{}/{name}", pid.as_raw_nonzero())).ok()?;
    Some(text(&bytes))
}

/// The fields of `/proc/PID/stat` from the third on, see proc(5): the state, the parent, the group, the
/// session, the terminal.
pub fn proc_stat(pid: Pid) -> Option<Vec<String>> {
    let stat = proc_text(pid, "stat")?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Whether the process is there and has not ended.
pub fn is_alive(pid: Pid) -> bool {
    proc_stat(pid).is_some_and(|fields| fields[0] != "Z" && fields[0] != "X")
}

/// A value of `/proc/PID/status` that is in hexadecimal, such as a set of signals.
pub fn bits(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let digits = line.expect("a line of that name").trim_start_matches(':');
    u64::from_str_radix(digits.trim(), 16).expect("a hexadecimal number")
}

/// What a command said and how it ended, for a test that expects it to end by itself.
#[derive(Debug)]
pub struct Told {
    pub status: Option<i32>,
    pub out: String,
    pub aside: String,
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            out: text(&output.stdout),
            aside: text(&output.stderr),
        }
    }
}

impl Told {
    /// What hupctl says to somebody whose clock is on UTC.
    pub fn by_hupctl(home: &Home, arguments: &[&str]) -> Self {
        let mut command = home.hupctl_command();
        command.args(arguments).env("TZ", "UTC");
        Self::from(command.output().expect("hupctl runs"))
    }

    /// What it prints where all is well and nothing is said beside.
    pub fn of_success(home: &Home, arguments: &[&str]) -> String {
        let told = Self::by_hupctl(home, arguments);
        assert_eq!((told.status, &*told.aside), (Some(0), ""), "{arguments:?}");
        told.out
    }
}

/// A hupd in the background.
pub struct Detached {
    pub home: Home,
    pub pid: Pid,
    /// What the launcher said.
    pub told: Told,
}

impl Detached {
    pub fn start(config: &str) -> Self {
        let home = Home::new();
        home.configure(config);
        Self::start_in(home)
    }

    pub fn start_in(home: Home) -> Self {
        let command = home.hupd();
        Self::start_by(home, command)
    }

    /// Runs a command that launches hupd on the file of this home, which must succeed.
    pub fn start_by(home: Home, mut command: Command) -> Self {
        let told = Told::from(command.output().expect("the command runs"));
        assert_eq!(told.status, Some(0), "{told:?}");
        let pid = home.pid_in_file().expect("a pid file");
        Self { home, pid, told }
    }

    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid, signal).expect("hupd is there");
    }

    pub fn wait(&self) {
        wait_until("hupd has ended", || (!is_alive(self.pid)).then_some(()));
    }

    pub fn stop(&self) {
        self.signal(Signal::TERM);
        self.wait();
    }
}

impl Home {
    /// The number in the pid file.
    pub fn pid_in_file(&self) -> Option<Pid> {
        let number = self.read("run/hupd.pid").trim().parse().ok()?;
        Pid::from_raw(number)
    }

    /// Every hupd that was started on the file of this home and has not ended.
    pub fn processes(&self) -> Vec<Pid> {
        let file = self.config_file().display().to_string();
        let is_ours = |&pid: &Pid| {
            is_alive(pid)
                && proc_text(pid, "comm").is_some_and(|name| name == "hupd\n")
                && proc_text(pid, "cmdline").is_some_and(|line| line.contains(&file))
        };
        let entries = fs::read_dir("/proc").expect("/proc").flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.filter_map(Pid::from_raw).filter(is_ours).collect()
    }
}

/// However a test ends, nothing that it started goes on: neither hupd nor its runs.
impl Drop for Home {
    fn drop(&mut self) {
        for signal in [Signal::QUIT, Signal::QUIT, Signal::QUIT, Signal::KILL] {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            for pid in left {
                let _ = rustix::process::kill_process(pid, signal);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
