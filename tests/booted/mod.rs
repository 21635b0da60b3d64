//! A machine of its own with the real systemd, booted in a box by `tests/box/boot`. Needs root.
#![allow(
    dead_code,
    reason = "each test file that boots a box uses a part of it"
)]

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes: a test that waits for so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `tests/box/boot` exits with where it can do nothing.
const IMPOSSIBLE: i32 = 77;

/// Where the files of systemd/ go, but for the drop-ins, which are options.
const UNITS: [(&str, &str); 5] = [
    ("systemd/hupd.service", "etc/systemd/system/hupd.service"),
    ("systemd/hupd@.service", "etc/systemd/system/hupd@.service"),
    ("systemd/user/hupd.service", "etc/systemd/user/hupd.service"),
    ("systemd/sysusers.d/hupd.conf", "etc/sysusers.d/hupd.conf"),
    ("systemd/tmpfiles.d/hupd.conf", "etc/tmpfiles.d/hupd.conf"),
];

/// A machine of its own with systemd, hupd and the unit; ends when it is dropped.
pub struct SystemdBox {
    /// `tests/box/boot`: the box lives as long as its standard input is open.
    keeper: Child,
    /// systemd, as this machine sees it.
    pid: String,
    /// What was laid over `/`.
    _files: TempDir,
}

impl SystemdBox {
    /// A booted box with the service stopped; nothing where that is impossible and not required.
    pub fn boot(config: &str) -> Option<Self> {
        let files = lay_out(config);
        let mut keeper = Command::new(checkout().join("tests/box/boot"))
            .arg(files.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script is executable");
        let mut pid = String::new();
        let said = keeper.stdout.take().expect("it is piped");
        BufReader::new(said)
            .read_line(&mut pid)
            .expect("the script prints text");
        if pid.is_empty() {
            return no_box(keeper.wait().expect("it is our child").code());
        }
        Some(Self {
            keeper,
            pid: pid.trim().to_owned(),
            _files: files,
        })
    }

    pub fn started(config: &str) -> Option<Self> {
        let systemd = Self::boot(config)?;
        systemd.succeeds(&["systemctl", "start", "hupd"]);
        Some(systemd)
    }

    pub fn run(&self, command: &[&str]) -> Output {
        Command::new("nsenter")
            .args(["--target", &self.pid, "--all", "--"])
            .args(command)
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .stdin(Stdio::null())
            .output()
            .expect("nsenter is there")
    }

    pub fn succeeds(&self, command: &[&str]) -> String {
        let output = self.run(command);
        assert!(
            output.status.success(),
            "{command:?}: {}\n{}\n{}",
            output.status,
            text(&output),
            self.describe()
        );
        String::from_utf8(output.stdout).expect("programs print UTF-8")
    }

    pub fn fails(&self, command: &[&str]) {
        let output = self.run(command);
        assert!(
            !output.status.success(),
            "{command:?} succeeds\n{}\n{}",
            text(&output),
            self.describe()
        );
    }

    pub fn configure(&self, config: &str) {
        self.write("/etc/hupd/hupd.toml", config);
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("the box is writable");
        fs::write(path, content).expect("the box is writable");
    }

    pub fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    /// Where this machine sees a path of the box.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.pid))
    }

    pub fn property(&self, name: &str) -> String {
        self.property_of("hupd", name)
    }

    pub fn property_of(&self, unit: &str, name: &str) -> String {
        let option = format!("--property={name}");
        self.succeeds_quietly(&["systemctl", "show", "--value", &option, unit])
    }

    /// Installs a drop-in of the service that is shipped.
    pub fn drop_in(&self, name: &str) {
        let path = format!("hupd.service.d/{name}.conf");
        let text = fs::read_to_string(checkout().join("systemd").join(&path));
        let text = text.expect("it is shipped");
        self.write(&format!("/etc/systemd/system/{path}"), &text);
        self.succeeds(&["systemctl", "daemon-reload"]);
    }

    /// What `/proc/PID/status` says of the main process of a unit, in hexadecimal.
    pub fn status_bits(&self, unit: &str, line: &str) -> u64 {
        let pid = self.property_of(unit, "MainPID");
        let status = self.read(&format!("/proc/{pid}/status")).expect("it runs");
        let value = status.lines().find_map(|text| text.strip_prefix(line));
        u64::from_str_radix(value.expect("it is there").trim(), 16).expect("bits")
    }

    pub fn status_line(&self) -> String {
        self.property("StatusText")
    }

    /// What a person would look at.
    pub fn describe(&self) -> String {
        text(&self.run(&[
            "systemctl",
            "status",
            "--no-pager",
            "--full",
            "--lines=50",
            "hupd",
        ]))
    }

    pub fn journal(&self) -> String {
        self.succeeds_quietly(&["journalctl", "--sync", "--quiet"]);
        self.succeeds_quietly(&["journalctl", "--no-pager", "--output=cat", "--unit=hupd"])
    }

    pub fn signal_main(&self, signal: &str) {
        let pid = self.property("MainPID");
        self.succeeds(&["kill", "-s", signal, &pid]);
    }

    pub fn status(&self) -> Value {
        self.asks(&["hupctl", "--json", "status"])
    }

    pub fn jobs(&self) -> Vec<String> {
        let rows = self.job_rows();
        let names = rows.iter().map(|row| row["job"].as_str());
        names
            .map(|name| name.expect("a job has a name").to_owned())
            .collect()
    }

    pub fn is_enabled(&self, job: &str) -> bool {
        let rows = self.job_rows();
        rows.iter()
            .any(|row| row["job"] == job && row["enabled"] == true)
    }

    pub fn job_rows(&self) -> Vec<Value> {
        rows(&self.asks(&["hupctl", "--json", "list"]), "jobs")
    }

    /// The newest first.
    pub fn runs(&self, job: &str) -> Vec<Value> {
        rows(&self.asks(&["hupctl", "--json", "runs", job]), "runs")
    }

    /// The jobs that have a process now, in the order of their runs.
    pub fn running(&self) -> Vec<String> {
        let runs = rows(&self.status(), "running");
        let alive = runs.iter().filter(|run| !run["pid"].is_null());
        let names = alive.map(|run| run["job"].as_str().expect("a job has a name"));
        names.map(str::to_owned).collect()
    }

    pub fn asks(&self, command: &[&str]) -> Value {
        serde_json::from_str(&self.succeeds(command)).expect("`--json` prints JSON")
    }

    /// Without the status of the service in the message, which itself is asked for in this way.
    pub fn succeeds_quietly(&self, command: &[&str]) -> String {
        let output = self.run(command);
        assert!(output.status.success(), "{command:?}: {}", text(&output));
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    pub fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(
                began.elapsed() < PATIENCE,
                "waited in vain until {what}\n{}",
                self.describe()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for SystemdBox {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Its cgroups and processes are gone when it ends.
        let _ = self.keeper.wait();
    }
}

/// The script has said why on standard error, which is ours and not the test runner's.
fn no_box(status: Option<i32>) -> Option<SystemdBox> {
    assert_eq!(status, Some(IMPOSSIBLE), "the box did not boot, see above");
    assert!(
        std::env::var_os("HUPD_REQUIRE_SYSTEMD").is_none_or(|value| value != "1"),
        "HUPD_REQUIRE_SYSTEMD=1, and no box can be booted here, see above"
    );
    // Not `eprintln!`: the test runner swallows that, and nobody would know.
    let _ = writeln!(
        io::stderr(),
        "SKIPPED: a test under systemd; no box can be booted here, see above"
    );
    None
}

/// The files of an installation, as the README tells to make one.
fn lay_out(config: &str) -> TempDir {
    let files = TempDir::new().expect("a folder for temporary files");
    let root = files.path();
    copy(
        Path::new(env!("CARGO_BIN_EXE_hupd")),
        &root.join("usr/local/bin/hupd"),
    );
    copy(
        Path::new(env!("CARGO_BIN_EXE_hupctl")),
        &root.join("usr/local/bin/hupctl"),
    );
    for (shipped, installed) in UNITS {
        copy(&checkout().join(shipped), &root.join(installed));
    }
    copy(
        &checkout().join("config/conf.d/10-example.toml"),
        &root.join("etc/hupd/conf.d/10-example.toml"),
    );
    fs::write(root.join("etc/hupd/hupd.toml"), config).expect("the folder is ours");
    files
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a file lies in a folder")).expect("the folder is ours");
    fs::copy(from, to).expect("it is built and shipped");
}

pub fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn rows(answer: &Value, name: &str) -> Vec<Value> {
    answer[name]
        .as_array()
        .unwrap_or_else(|| panic!("no list of {name}: {answer:#}"))
        .clone()
}

pub fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}
