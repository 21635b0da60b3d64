//! The units and drop-ins for fewer rights, under the real systemd, booted in a box by `tests/box/boot`. Needs root.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts programs and waits for what they do"
)]

mod booted;

use std::fs;

use booted::SystemdBox;

/// Who it is, what it may become, and where it may write.
const WHO: &str = r#"
[jobs.who]
command = """
    id -un; echo "$HOME"; grep -E '^(CapEff|CapBnd|NoNewPrivs):' /proc/self/status | tr -s '\\t' ' '
    grep -c /hupd\\\\. /proc/self/cgroup
    touch /usr/share/mark 2>/dev/null && echo usr; touch /tmp/mark && echo tmp; nice -n 5 true && echo nice
    getent passwd root | cut -d: -f1
"""
"#;

const SECOND: &str = r#"
[jobs.second]
command = ["true"]
"#;

const BROKEN: &str = "[jobs.who]\ncomand = \"true\"\n";

const OF_SOMEBODY: &str = "[defaults]\nuser = \"jobs\"\n";

const STUBBORN: &str = r#"
[jobs.stubborn]
command = "trap '' TERM; while :; do sleep 1; done"
timeout = "500ms"
kill_after = "500ms"
stdin = "text"
limits = { open_files = 100 }
nice = 5
"#;

/// Of capabilities(7): CHOWN, DAC_READ_SEARCH, KILL, SETGID, SETUID.
const TO_START_JOBS: u64 = 1 << 0 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 7;

/// By the manager of a user, as in a login of theirs.
struct Login<'b> {
    systemd: &'b SystemdBox,
    runtime_dir: String,
}

impl<'b> Login<'b> {
    fn of_alice(systemd: &'b SystemdBox) -> Self {
        systemd.succeeds(&["useradd", "--create-home", "alice"]);
        let uid = systemd.succeeds(&["id", "-u", "alice"]);
        let uid = uid.trim();
        systemd.succeeds(&["systemctl", "start", &format!("user@{uid}")]);
        Self {
            systemd,
            runtime_dir: format!("XDG_RUNTIME_DIR=/run/user/{uid}"),
        }
    }

    fn command<'c>(&'c self, command: &[&'c str]) -> Vec<&'c str> {
        let by_alice = ["runuser", "-u", "alice", "--", "env", &self.runtime_dir];
        [&by_alice, command].concat()
    }

    fn succeeds(&self, command: &[&str]) -> String {
        self.systemd.succeeds(&self.command(command))
    }

    fn fails(&self, command: &[&str]) {
        self.systemd.fails(&self.command(command));
    }

    fn hupctl(&self, command: &[&str]) -> String {
        let hupctl = ["hupctl", "-c", "/home/alice/.config/hupd/hupd.toml"];
        self.succeeds(&[&hupctl, command].concat())
    }

    fn configure(&self, config: &str) {
        self.systemd
            .write("/home/alice/.config/hupd/hupd.toml", config);
    }
}

impl SystemdBox {
    /// With the account and the folders that are shipped.
    fn prepared() -> Option<Self> {
        let systemd = Self::boot("")?;
        systemd.succeeds(&["systemd-sysusers"]);
        systemd.succeeds(&["systemd-tmpfiles", "--create", "/etc/tmpfiles.d/hupd.conf"]);
        Some(systemd)
    }

    /// What a job writes, run to its good end.
    fn says(&self, socket: &str, job: &str) -> Vec<String> {
        self.succeeds(&["hupctl", "--socket", socket, "run", "--wait", job]);
        let said = self.succeeds(&["hupctl", "--socket", socket, "logs", job]);
        said.lines().map(str::to_owned).collect()
    }
}

#[test]
fn the_folders_and_the_account_that_are_shipped_are_made() {
    let Some(systemd) = SystemdBox::prepared() else {
        return;
    };
    let passwd = systemd.succeeds(&["getent", "passwd", "jobs"]);
    assert!(
        passwd
            .trim()
            .ends_with(":jobs of hupd:/var/lib/hupd-jobs:/usr/sbin/nologin")
    );
    let folder = systemd.succeeds(&["stat", "-c", "%a %U", "/etc/hupd", "/etc/hupd/conf.d"]);
    assert_eq!(folder, "755 root\n755 root\n");
}

#[test]
fn hupd_for_one_account_has_no_root_and_runs_its_jobs() {
    const SOCKET: &str = "/run/hupd-jobs/hupd.sock";
    let Some(systemd) = SystemdBox::prepared() else {
        return;
    };
    systemd.write("/etc/hupd/jobs.toml", WHO);
    systemd.succeeds(&["systemctl", "start", "hupd@jobs"]);
    assert_eq!(systemd.status_bits("hupd@jobs", "CapBnd:"), 0);
    let expected = [
        "jobs",
        "/var/lib/hupd-jobs",
        "NoNewPrivs: 1",
        "CapEff: 0000000000000000",
        "CapBnd: 0000000000000000",
        "1",
        "tmp",
        "nice",
        "root",
    ];
    let mut said = systemd.says(SOCKET, "who");
    said.sort_unstable();
    let mut expected = expected.map(str::to_owned);
    expected.sort_unstable();
    assert_eq!(said, expected);
    assert!(systemd.read("/tmp/mark").is_none(), "its /tmp is its own");

    systemd.write("/etc/hupd/jobs.toml", &format!("{WHO}{SECOND}"));
    systemd.succeeds(&["systemctl", "reload", "hupd@jobs"]);
    systemd.write("/etc/hupd/jobs.toml", BROKEN);
    systemd.fails(&["systemctl", "reload", "hupd@jobs"]);
    assert_eq!(systemd.property_of("hupd@jobs", "ActiveState"), "active");
    let status = systemd.property_of("hupd@jobs", "StatusText");
    assert!(status.contains("generation 2, 2 jobs"), "{status}");
    assert!(status.contains("refused"), "{status}");
    fs::remove_file(systemd.path("/etc/hupd/jobs.toml")).expect("removed");
    systemd.fails(&["systemctl", "reload", "hupd@jobs"]);
    let refused = "last reload refused: configuration has 1 problem";
    let status = systemd.property_of("hupd@jobs", "StatusText");
    assert!(status.contains(refused), "{status}");

    systemd.succeeds(&["systemctl", "stop", "hupd@jobs"]);
    assert_eq!(systemd.property_of("hupd@jobs", "Result"), "success");
}

#[test]
fn with_no_root_jobs_root_starts_those_of_others_ends_them_and_can_do_little_else() {
    const SOCKET: &str = "/run/hupd/hupd.sock";
    let Some(systemd) = SystemdBox::prepared() else {
        return;
    };
    systemd.drop_in("no-root-jobs");
    systemd.configure(&[OF_SOMEBODY, WHO, STUBBORN].concat());
    systemd.succeeds(&["systemctl", "start", "hupd"]);
    assert_eq!(systemd.status_bits("hupd", "CapBnd:"), TO_START_JOBS);
    let said = systemd.says(SOCKET, "who");
    assert_eq!(said[..2], ["jobs", "/var/lib/hupd-jobs"]);
    for line in [
        "NoNewPrivs: 1",
        "CapEff: 0000000000000000",
        "1",
        "tmp",
        "nice",
    ] {
        assert!(said.iter().any(|said| said == line), "{line}: {said:?}");
    }
    assert!(!said.iter().any(|said| said == "usr"), "{said:?}");

    systemd.fails(&["hupctl", "run", "--wait", "stubborn"]);
    let run = systemd.runs("stubborn").remove(0);
    assert_eq!(run["outcome"], "timed out");
    assert_eq!(run["survivors"], serde_json::json!([]));
    systemd.configure(BROKEN);
    systemd.fails(&["systemctl", "reload", "hupd"]);
    systemd.succeeds(&["systemctl", "stop", "hupd"]);
    assert_eq!(systemd.property("Result"), "success");
}

#[test]
fn a_user_has_a_hupd_of_their_own_by_their_service_manager() {
    let Some(systemd) = SystemdBox::boot("") else {
        return;
    };
    let alice = Login::of_alice(&systemd);
    alice.configure(WHO);
    alice.succeeds(&["systemctl", "--user", "start", "hupd"]);
    alice.hupctl(&["run", "--wait", "who"]);
    let said = alice.hupctl(&["logs", "who"]);
    let said: Vec<_> = said.lines().collect();
    // With a cgroup of its own, and no sandbox.
    assert_eq!(said[..2], ["alice", "/home/alice"]);
    assert!(
        said.contains(&"NoNewPrivs: 0") && said.contains(&"1"),
        "{said:?}"
    );
    assert!(systemd.read("/tmp/mark").is_some());

    alice.configure(&format!("{WHO}{SECOND}"));
    alice.succeeds(&["systemctl", "--user", "reload", "hupd"]);
    alice.configure(BROKEN);
    alice.fails(&["systemctl", "--user", "reload", "hupd"]);
    let elsewhere = format!("[daemon]\nruntime_dir = \"/tmp/elsewhere\"\n{WHO}");
    alice.configure(&elsewhere);
    alice.fails(&["systemctl", "--user", "reload", "hupd"]);
    let status = [
        "systemctl",
        "--user",
        "show",
        "--value",
        "-p",
        "StatusText",
        "hupd",
    ];
    let status = alice.succeeds(&status);
    assert!(status.contains("generation 2, 2 jobs"), "{status}");
    assert!(status.contains("refused"), "{status}");
    alice.succeeds(&["systemctl", "--user", "stop", "hupd"]);
    let result = [
        "systemctl",
        "--user",
        "show",
        "--value",
        "-p",
        "Result",
        "hupd",
    ];
    assert_eq!(alice.succeeds(&result), "success\n");
}
