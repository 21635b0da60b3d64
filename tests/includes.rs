//! `include`: sorted, each file once, one bad file refuses all of them; what is not read is named; what root reads
//! nobody else can write.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, lchown, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use common::{Home, Hupd, Told, can_try_as_root, is_root, set_mode, skip, store, wait_until};
use rustix::process::Signal;

const INCLUDING: &str = "include = [\"conf.d/*.toml\"]\n[daemon]\n";

fn job(name: &str) -> String {
    format!("[jobs.{name}]\ncommand = \"true\"\n")
}

/// A home whose included folder has one job.
fn home() -> Home {
    let home = Home::new();
    home.configure(&format!("{INCLUDING}{}", job("main")));
    home.write("conf.d/a.toml", &job("a"));
    home
}

fn check(home: &Home) -> Told {
    let by_hupd = Told::from(home.hupd().arg("--check").output().expect("it runs"));
    let mut hupctl = Command::new(env!("CARGO_BIN_EXE_hupctl"));
    hupctl.arg("check").arg(home.config_file());
    let by_hupctl = Told::from(hupctl.output().expect("it runs"));
    assert_eq!(by_hupd.status, by_hupctl.status);
    assert_eq!(
        (&by_hupd.out, &by_hupd.aside),
        (&by_hupctl.out, &by_hupctl.aside)
    );
    by_hupd
}

/// A check refuses the file with these words.
fn assert_refused(home: &Home, words: &[&str]) {
    let told = check(home);
    assert_eq!(told.status, Some(78), "{told:?}");
    for word in words {
        let word = word.replace("HOME", &home.path().display().to_string());
        assert!(told.aside.contains(&word), "no '{word}' in {}", told.aside);
    }
}

#[test]
fn files_are_read_in_the_order_of_their_names() {
    let home = home();
    for name in ["b", "10", "9", "B"] {
        home.write(&format!("conf.d/{name}.toml"), &job(&format!("job-{name}")));
    }
    let hupd = Hupd::start_in(home);
    let text = Told::of_success(&hupd.home, &["show", "--generation", "1"]);
    let places = ["10.toml", "9.toml", "B.toml", "a.toml", "b.toml"].map(|name| text.find(name));
    assert!(
        places.is_sorted() && places[0].is_some(),
        "{places:?} {text}"
    );
}

#[test]
fn a_loop_is_refused_with_every_place() {
    let home = home();
    home.write("conf.d/a.toml", "include = [\"b.inc\"]\n");
    home.write("conf.d/b.inc", "# two\ninclude = [\"a.toml\"]\n");
    assert_refused(
        &home,
        &[
            "files include each other: HOME/conf.d/a.toml:1:12 -> HOME/conf.d/b.inc:2:12 -> HOME/conf.d/a.toml",
        ],
    );
}

#[test]
fn a_file_that_is_included_twice_is_refused_with_both_places() {
    let home = home();
    symlink("a.toml", home.file("conf.d/b.toml")).expect("a link");
    let both = "'HOME/conf.d/b.toml' is included twice; first by HOME/hupd.toml:1:12";
    assert_refused(&home, &[both, "--> HOME/hupd.toml:1:12"]);
}

#[test]
fn one_bad_file_refuses_the_whole_reload() {
    let hupd = Hupd::start_in(home());
    hupd.home.write("conf.d/good.toml", &job("good"));
    hupd.home.write("conf.d/bad.toml", "[jobs.bad]\n");
    hupd.reload();
    hupd.wait_log("conf.d/bad.toml:1:");
    assert_eq!(hupd.generation(), 1);
    let list = hupd.home.json(&["list"]);
    assert_eq!(list["jobs"].as_array().expect("rows").len(), 2, "{list}");
}

const UNREAD: [(&str, &str); 5] = [
    (".hidden.toml", "a hidden file"),
    ("a.toml~", "the name of a backup"),
    ("b.toml.bak", "the name of a backup"),
    ("c.conf", "its name does not match 'conf.d/*.toml'"),
    ("d.toml.dpkg-dist", "the name of a backup"),
];

/// Turns a link from one folder to another and back until it is dropped.
struct Turning {
    stop: mpsc::Sender<()>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Turning {
    fn between(home: &Home, pause: Duration) -> Self {
        let (link, new) = (home.file("current"), home.file("current.new"));
        let (stop, stopped) = mpsc::channel();
        let turn = move || {
            for version in ["v1", "v0"].iter().cycle() {
                symlink(version, &new).expect("a link");
                fs::rename(&new, &link).expect("turned");
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = Some(thread::spawn(turn));
        Self { stop, thread }
    }
}

impl Drop for Turning {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        let ended = self.thread.take().map(thread::JoinHandle::join);
        assert!(thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}

/// Files of two versions, and a link to the folder of the first.
fn home_of_two_versions() -> Home {
    let home = Home::new();
    home.configure(&INCLUDING.replace("conf.d", "current"));
    for version in ["v0", "v1"] {
        for file in ["a", "b", "c", "d"] {
            let name = |number| format!("{file}-{number}-{version}");
            let jobs: String = (0..20).map(|number| job(&name(number))).collect();
            home.write(&format!("{version}/{file}.toml"), &jobs);
        }
    }
    symlink("v0", home.file("current")).expect("a link");
    home
}

#[test]
fn files_of_two_versions_are_never_in_force_together() {
    let mut hupd = Hupd::start_in(home_of_two_versions());
    let turning = Turning::between(&hupd.home, Duration::from_millis(20));
    // Some are refused, where it was turned all the time.
    wait_until("many generations were accepted", || {
        hupd.signal(Signal::HUP);
        thread::sleep(Duration::from_millis(5));
        (hupd.generation() > 30).then_some(())
    });
    drop(turning);
    assert!(hupd.stop().success());
    let store = store(&hupd.home);
    let sql = "SELECT count(DISTINCT generation), count(DISTINCT text LIKE '%-v0]%')
               FROM generation_files WHERE path NOT LIKE '%hupd.toml' GROUP BY generation";
    let mut rows = store.prepare(sql).expect("the files that are kept");
    let versions = rows.query_map([], |row| row.get::<_, u32>(1));
    let versions: Vec<u32> = versions.and_then(Iterator::collect).expect("rows");
    assert!(versions.len() > 10, "{versions:?}");
    assert!(versions.iter().all(|count| *count == 1), "{versions:?}");
}

#[test]
fn files_that_change_all_the_time_are_refused_and_the_next_reload_takes_them() {
    let hupd = Hupd::start_in(home_of_two_versions());
    let turning = Turning::between(&hupd.home, Duration::ZERO);
    let refused = wait_until("a reload is refused", || {
        let told = Told::by_hupctl(&hupd.home, &["reload"]);
        (told.status == Some(1)).then_some(told.aside)
    });
    drop(turning);
    assert!(
        refused.contains(
            "error: the files changed while they were read, 5 times in a row; the last was '"
        ),
        "{refused}"
    );
    assert!(
        refused.contains("help: reload when whoever changes them is done"),
        "{refused}"
    );
    Told::of_success(&hupd.home, &["reload"]);
    assert_eq!(hupd.status()["last_reload"]["accepted"], true);
}

fn home_with_unread_files() -> Home {
    let home = home();
    for (name, _) in UNREAD {
        home.write(&format!("conf.d/{name}"), &job("never"));
    }
    // What a ConfigMap has beside its files is none.
    fs::create_dir(home.file("conf.d/..data")).expect("a folder");
    home
}

#[test]
fn a_check_names_the_files_that_are_ignored() {
    let home = home_with_unread_files();
    let folder = home.file("conf.d").display().to_string();
    let lines = UNREAD.map(|(name, why)| format!("{folder}/{name}: ignored: {why}\n"));
    let told = check(&home);
    let ok = format!(
        "{}: configuration OK: 2 jobs\n",
        home.config_file().display()
    );
    assert_eq!(
        (told.status, told.out),
        (Some(0), format!("{}{ok}", lines.concat()))
    );

    // What is included, and wrong, is not ignored; also where nothing of it was read.
    home.write("conf.d/bad.toml", "[jobs.bad]\n");
    home.write("conf.d/latin.toml", "");
    let latin = home.file("conf.d/latin.toml");
    fs::write(latin, b"# \xe4").expect("a file can be written");
    symlink("/nowhere", home.file("conf.d/dangling.toml")).expect("a link");
    symlink("bad.toml", home.file("conf.d/twice.toml")).expect("a link");
    let told = check(&home);
    assert_eq!((told.status, told.out), (Some(78), lines.concat()));

    let json = home.json(&["check", &home.config_file().display().to_string()]);
    assert_eq!(
        json["ignored"].as_array().expect("rows").len(),
        UNREAD.len()
    );
    assert_eq!(json["ignored"][0]["why"], "a hidden file");
}

#[test]
fn a_reload_names_ignored_files_to_those_only_who_debug() {
    let hupd = Hupd::start_in(home_with_unread_files());
    hupd.reload();
    assert!(!hupd.log().contains("ignored"));
    hupd.home.configure(&format!(
        "{INCLUDING}[log]\nlevel = \"debug\"\n{}",
        job("main")
    ));
    hupd.reload();
    hupd.reload();
    hupd.wait_log("conf.d/a.toml~: ignored: the name of a backup");
}

const NOBODY: Option<u32> = Some(65534);

/// What somebody does, and the words with which root refuses it.
type Opening = (fn(&Home), &'static [&'static str]);

#[test]
fn root_refuses_what_others_could_write() {
    if !can_try_as_root() {
        return;
    }
    let open_up: [Opening; 8] = [
        (
            |home| set_mode(home, "conf.d", 0o1777),
            &["cannot trust 'HOME/conf.d': it is writable by everybody"],
        ),
        (
            |home| set_mode(home, "conf.d/a.toml", 0o666),
            &[
                "error: cannot trust 'HOME/conf.d/a.toml': it is writable by everybody",
                "--> HOME/hupd.toml:1:12",
                "chmod o-w HOME/conf.d/a.toml",
            ],
        ),
        (
            |home| set_mode(home, "conf.d", 0o777),
            &[
                "cannot trust 'HOME/conf.d': it is writable by everybody",
                "chmod o-w HOME/conf.d\n",
            ],
        ),
        (
            |home| {
                chown(home.file("conf.d"), None, NOBODY).expect("a group");
                set_mode(home, "conf.d", 0o775);
            },
            &[
                "cannot trust 'HOME/conf.d': it is writable by the group with gid 65534",
                "chmod g-w HOME/conf.d\n",
            ],
        ),
        (
            |home| chown(home.file("conf.d/a.toml"), NOBODY, None).expect("an owner"),
            &[
                "it belongs to the user with uid 65534",
                "chown root HOME/conf.d/a.toml",
            ],
        ),
        (
            |home| set_mode(home, "hupd.toml", 0o602),
            &["cannot trust 'HOME/hupd.toml': it is writable by everybody"],
        ),
        (
            |home| set_mode(home, ".", 0o777),
            &["cannot trust 'HOME/hupd.toml': 'HOME' is writable by everybody"],
        ),
        (
            |home| {
                fs::rename(home.file("conf.d/a.toml"), home.file("real")).expect("moved");
                symlink("../real", home.file("conf.d/a.toml")).expect("a link");
                lchown(home.file("conf.d/a.toml"), NOBODY, None).expect("an owner");
            },
            &["cannot trust 'HOME/conf.d/a.toml': it belongs to the user with uid 65534"],
        ),
    ];
    for (open, words) in open_up {
        let home = home();
        open(&home);
        assert_refused(&home, words);
    }
}

#[test]
fn root_follows_links_to_where_others_could_write() {
    if !can_try_as_root() {
        return;
    }
    let home = home();
    home.write("elsewhere/a", &job("elsewhere"));
    symlink("../elsewhere/a", home.file("conf.d/b.toml")).expect("a link");
    assert_eq!(check(&home).status, Some(0));
    set_mode(&home, "elsewhere", 0o777);
    assert_refused(
        &home,
        &["cannot trust 'HOME/conf.d/b.toml': 'HOME/elsewhere' is writable by everybody"],
    );
}

#[test]
fn root_trusts_what_only_root_and_its_group_can_change() {
    if !can_try_as_root() {
        return;
    }
    let home = home();
    // All may put something into a folder with the sticky bit, and nobody can replace what is root's there.
    set_mode(&home, ".", 0o1777);
    set_mode(&home, "conf.d/a.toml", 0o664);
    assert_eq!(check(&home).status, Some(0));
}

/// As a service with `ProtectSystem=` sees /etc: read-only for itself, and not for others.
#[test]
fn what_is_read_only_here_alone_is_not_trusted_for_that() {
    if !can_try_as_root() {
        return;
    }
    let home = home();
    set_mode(&home, "conf.d/a.toml", 0o666);
    let device = |path: &Path| path.metadata().expect("a folder").dev();
    // What is handed in on a file system of its own is trusted.
    let expected = match device(home.path()) == device(Path::new("/")) {
        true => Some(78),
        false => Some(0),
    };
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" || exit 99\n\
                  exec \"$2\" --check -c \"$1/hupd.toml\"";
    let checked = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(home.path())
        .arg(env!("CARGO_BIN_EXE_hupd"))
        .output()
        .expect("unshare");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert_eq!(checked.status.code(), expected, "{said}");
}

#[test]
fn what_others_could_write_does_not_say_what_takes_its_place() {
    if !can_try_as_root() {
        return;
    }
    let config = format!("[daemon]\non_invalid_start = \"last-good\"\n{}", job("a"));
    let mut hupd = Hupd::start(&config);
    hupd.stop();
    let home = hupd.crash();
    set_mode(&home, "hupd.toml", 0o666);
    let mut hupd = Hupd::launch(home);
    assert_eq!(hupd.wait().code(), Some(78), "{}", hupd.log());
}

#[test]
fn a_reload_refuses_what_others_could_write_and_goes_on() {
    if !can_try_as_root() {
        return;
    }
    let hupd = Hupd::start_in(home());
    hupd.home.write("conf.d/b.toml", &job("b"));
    set_mode(&hupd.home, "conf.d/b.toml", 0o666);
    hupd.reload();
    hupd.wait_log("cannot trust '");
    assert_eq!(hupd.generation(), 1);
    set_mode(&hupd.home, "conf.d/b.toml", 0o644);
    hupd.reload();
    assert_eq!(hupd.generation(), 2);
}

#[test]
fn an_ordinary_user_reads_what_is_there() {
    let home = home();
    set_mode(&home, "conf.d", 0o777);
    let as_a_user = match is_root() {
        // As root only of a namespace of its own.
        true => Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                env!("CARGO_BIN_EXE_hupd"),
                "--check",
                "-c",
            ])
            .arg(home.config_file())
            .output(),
        false => home.hupd().arg("--check").output(),
    };
    let told = Told::from(as_a_user.expect("it runs"));
    if told.aside.contains("unshare") {
        return skip(&format!("files as a user has them: {}", told.aside));
    }
    assert_eq!(told.status, Some(0), "{told:?}");
}
