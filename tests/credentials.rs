//! Secrets that the service manager hands over: jobs get them, and nobody else is told.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod booted;
mod common;

use std::fs;
use std::path::Path;

use booted::SystemdBox;
use common::{Home, Hupd, text};

const SECRET: &str = "correct horse battery staple";
const OTHER_SECRET: &str = "Tr0ub4dor&3";

/// Leaves what it gets where nobody looks for it.
const NAMING: &str = r#"
[jobs.dump]
command = "printf '<%s>' \"$DB_PASSWORD\" >TRACE; env | grep -c CREDENTIALS_DIRECTORY"
env = { DB_PASSWORD = { credential = "db-password" }, MODE = "short" }
success_exit_codes = [1]
"#;

/// With a folder of credentials, in which the secret is.
fn home() -> Home {
    let home = Home::new();
    fs::create_dir(home.file("credentials")).expect("a folder");
    give(&home, SECRET);
    configure(&home);
    home
}

fn give(home: &Home, secret: &str) {
    home.write("credentials/db-password", &format!("{secret}\n"));
}

fn configure(home: &Home) {
    let trace = home.file("trace");
    home.configure(&NAMING.replace("TRACE", &trace.display().to_string()));
}

fn start(home: Home) -> Hupd {
    let mut command = home.hupd();
    command.env("CREDENTIALS_DIRECTORY", home.file("credentials"));
    let hupd = Hupd::launch_by(home, command);
    hupd.wait_notified("READY=1");
    hupd
}

/// All that hupd and hupctl say and keep.
fn all_that_is_told(hupd: &Hupd) -> Vec<u8> {
    let home = &hupd.home;
    let mut told = hupd.log().into_bytes();
    let config = home.config_file();
    let config = config.to_str().expect("a plain path");
    for command in [
        &["status"][..],
        &["list"],
        &["show", "dump"],
        &["show", "1"],
        &["show", "--generation", "1"],
        &["runs"],
        &["logs", "dump"],
        &["generations"],
        &["why", "dump"],
        &["next"],
        &["plan"],
        &["plan", config],
        &["check", config],
        &["reload"],
    ] {
        for as_json in [&[][..], &["--json"]] {
            let output = home.hupctl(&[as_json, command].concat());
            assert_eq!(output.status.code(), Some(0), "{command:?}: {output:?}");
            told.extend([output.stdout, output.stderr].concat());
        }
    }
    for entry in fs::read_dir(home.file("state")).expect("a folder") {
        told.extend(fs::read(entry.expect("an entry").path()).expect("a file"));
    }
    told
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[test]
fn a_job_gets_what_the_credential_is_at_its_start_and_nobody_else_does() {
    let hupd = start(home());
    let run = hupd.home.run_to_end("dump");
    assert_eq!(
        run["outcome"], "exited 1",
        "it is told where the others are"
    );
    assert_eq!(hupd.home.read("trace"), format!("<{SECRET}>"));

    // A new one is seen without a reload.
    give(&hupd.home, OTHER_SECRET);
    hupd.home.run_to_end("dump");
    assert_eq!(hupd.home.read("trace"), format!("<{OTHER_SECRET}>"));

    let told = all_that_is_told(&hupd);
    let shown = "{ \"DB_PASSWORD\" = { credential = \"db-password\" }, \"MODE\" = … }";
    assert!(holds(&told, shown), "{}", text(&told));
    for secret in [SECRET, OTHER_SECRET] {
        assert!(!holds(&told, secret), "{}", text(&told));
    }
}

/// The kernel counts its name, the sign between them and a zero byte.
#[test]
fn the_largest_that_a_variable_can_hold_is_given_and_a_larger_one_is_told() {
    let room = 131_072 - "DB_PASSWORD=".len() - 1;
    let home = home();
    give(&home, &"x".repeat(room));
    let hupd = start(home);
    assert_eq!(hupd.home.run_to_end("dump")["outcome"], "exited 1");
    assert_eq!(hupd.home.read("trace").len(), "<>".len() + room);

    let larger = room + 1;
    give(&hupd.home, &"x".repeat(larger));
    let why = format!(
        "env: DB_PASSWORD: credential 'db-password': its value has {larger} bytes; a variable of this name takes at most {room}"
    );
    let outcome = hupd.home.run_to_end("dump")["outcome"].clone();
    assert_eq!(outcome, format!("could not start: {why}"));
    hupd.reload();
    hupd.wait_log(&why);
    assert_eq!(hupd.generation(), 1);
}

#[test]
fn a_plan_compares_credentials_by_name() {
    let hupd = start(home());
    give(&hupd.home, OTHER_SECRET);
    let old = hupd.home.read("hupd.toml");
    hupd.home.write("credentials/other", "x");
    let new = old.replace("\"db-password\"", "\"other\"");
    hupd.home.write("hupd.toml", &new);
    let plan = text(&hupd.home.hupctl(&["plan"]).stdout);
    for line in [
        "{ credential = \"db-password\" }",
        "{ credential = \"other\" }",
    ] {
        assert!(plan.contains(line), "{plan}");
    }
    hupd.home.write("hupd.toml", &old);
    let plan = text(&hupd.home.hupctl(&["plan"]).stdout);
    assert!(!plan.contains("credential"), "{plan}");
}

#[test]
fn one_that_was_not_given_is_refused_by_a_hupd_that_was_given_some() {
    let home = home();
    fs::remove_file(home.file("credentials/db-password")).expect("it was there");
    let mut command = home.hupd();
    command.env("CREDENTIALS_DIRECTORY", home.file("credentials"));
    let refused = command.output().expect("hupd runs");
    assert_eq!(refused.status.code(), Some(78), "{refused:?}");
    let said = text(&refused.stderr);
    for line in [
        "error: env: DB_PASSWORD: cannot read credential 'db-password': no such file or directory",
        "help: give it to the service: LoadCredential=db-password:/path/to/file, and restart it",
    ] {
        assert!(said.contains(line), "{said}");
    }

    give(&home, SECRET);
    let hupd = start(home);
    fs::remove_file(hupd.home.file("credentials/db-password")).expect("it was there");
    let reload = hupd.home.hupctl(&["reload"]);
    assert_eq!(reload.status.code(), Some(1), "{reload:?}");
    let run = hupd.home.run_to_end("dump");
    let expected = "could not start: env: DB_PASSWORD: cannot read credential 'db-password': \
                    no such file or directory";
    assert_eq!(run["outcome"], expected);
}

#[test]
fn a_hupd_that_was_given_none_says_so_when_a_run_needs_one() {
    let home = home();
    let config = home.config_file();
    let check = home.hupctl(&["check", config.to_str().expect("a plain path")]);
    assert!(check.status.success(), "{check:?}");
    let hupd = Hupd::start_in(home);
    let run = hupd.home.run_to_end("dump");
    let expected = "could not start: env: DB_PASSWORD: credential 'db-password': \
                    hupd was given none: CREDENTIALS_DIRECTORY is not set";
    assert_eq!(run["outcome"], expected);
    assert!(!Path::new(&hupd.home.file("trace")).exists());
}

#[test]
fn systemd_hands_them_to_the_service_and_hupd_to_a_job_of_another_user() {
    let Some(systemd) = SystemdBox::boot(
        r#"
[jobs.dump]
command = "printf '<%s>' \"$DB_PASSWORD\" >/tmp/trace; ls /run/credentials/hupd.service"
user = "nobody"
env = { DB_PASSWORD = { credential = "db-password" } }
"#,
    ) else {
        return;
    };
    systemd.write("/etc/secret", &format!("{SECRET}\n"));
    systemd.succeeds(&["chmod", "600", "/etc/secret"]);
    let drop_in = "/etc/systemd/system/hupd.service.d/secrets.conf";
    systemd.write(
        drop_in,
        "[Service]\nLoadCredential=db-password:/etc/secret\n",
    );
    systemd.succeeds(&["systemctl", "daemon-reload"]);
    systemd.succeeds(&["systemctl", "start", "hupd"]);
    // The folder itself is not for a job of another user.
    systemd.fails(&["hupctl", "run", "--wait", "dump"]);
    assert_eq!(systemd.read("/tmp/trace"), Some(format!("<{SECRET}>")));
    for told in [
        systemd.journal(),
        systemd.succeeds(&["hupctl", "show", "dump"]),
    ] {
        assert!(!told.contains(SECRET), "{told}");
    }

    // What is there no more after a restart is an error of the file.
    systemd.write(drop_in, "[Service]\nLoadCredential=other:/etc/secret\n");
    systemd.succeeds(&["systemctl", "daemon-reload"]);
    systemd.fails(&["systemctl", "restart", "hupd"]);
    assert_eq!(systemd.property("ExecMainStatus"), "78");
}

#[test]
fn hupd_for_one_account_has_its_own() {
    let Some(systemd) = SystemdBox::boot("") else {
        return;
    };
    systemd.succeeds(&["systemd-sysusers"]);
    systemd.write("/etc/secret", SECRET);
    let config = "[jobs.dump]\ncommand = \"printf '<%s>' $PASSWORD >$HOME/trace\"\n\
                  env = { PASSWORD = { credential = \"db-password\" } }\n";
    systemd.write(
        "/etc/hupd/jobs.toml",
        &config.replace("$PASSWORD", "\\\"$PASSWORD\\\""),
    );
    let drop_in = "/etc/systemd/system/hupd@jobs.service.d/secrets.conf";
    systemd.write(
        drop_in,
        "[Service]\nLoadCredential=db-password:/etc/secret\n",
    );
    systemd.succeeds(&["systemctl", "daemon-reload"]);
    systemd.succeeds(&["systemctl", "start", "hupd@jobs"]);
    let socket = "/run/hupd-jobs/hupd.sock";
    systemd.succeeds(&["hupctl", "--socket", socket, "run", "--wait", "dump"]);
    let trace = systemd.read("/var/lib/hupd-jobs/trace");
    assert_eq!(trace, Some(format!("<{SECRET}>")));
}
