//! A real hupd in a folder of its own, and what a user does with it.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

use std::fs;
use std::os::unix::net::UnixDatagram;
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

    /// Runs hupctl on this home's socket.
    pub fn hupctl(&self, arguments: &[&str]) -> Output {
        let mut command = self.hupctl_command();
        command.args(arguments).output().expect("hupctl runs")
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
        let path = home.file("notify");
        let _ = fs::remove_file(&path);
        let notify = UnixDatagram::bind(&path).expect("a socket");
        notify.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(home.file("log"));
        let child = home
            .hupd()
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
        let mut buffer = [0; 8192];
        loop {
            let received = self.notify.recv(&mut buffer);
            let length = received.unwrap_or_else(|error| {
                panic!("no '{line}': {error}; the log is:\n{}", self.log());
            });
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.lines().any(|found| found == line) {
                return message;
            }
        }
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

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
