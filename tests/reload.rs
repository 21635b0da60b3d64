//! The reload: what comes into force, what is left alone, and what a refused file changes: nothing.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{Home, Hupd, make_gate, me, open_gate, skip, text, wait_until};
use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::Value;

const TWO_JOBS: &str = r#"
[jobs.night]
command = "true"
schedule = "30 2 * * *"
timezone = "UTC"
[jobs.hourly]
command = "true"
every = "1h"
"#;

/// A log line of this text, without its time and level.
fn lines_with(hupd: &Hupd, text: &str) -> usize {
    hupd.log()
        .lines()
        .filter(|line| line.contains(text))
        .count()
}

fn next(hupd: &Hupd, job: &str) -> Vec<Timestamp> {
    let rows = hupd.home.json(&["next", job, "-n", "5"]);
    let rows = rows["next"].as_array().expect("rows");
    let at = |row: &Value| row["at"].as_str().expect("a time").parse().expect("a time");
    rows.iter().map(at).collect()
}

/// Starts a run by request, and gives its number.
fn start_run(hupd: &Hupd, job: &str) -> u64 {
    let row = hupd.home.json(&["run", job]);
    row["run"]
        .as_u64()
        .unwrap_or_else(|| panic!("no run: {row}"))
}

fn running(hupd: &Hupd) -> Vec<(u64, i64)> {
    let status = hupd.status();
    let rows = status["running"].as_array().expect("rows").clone();
    let both = |row: &Value| Some((row["run"].as_u64()?, row["pid"].as_i64()?));
    rows.iter().filter_map(both).collect()
}

fn status_line(message: &str) -> &str {
    message
        .lines()
        .find_map(|line| line.strip_prefix("STATUS="))
        .unwrap_or_else(|| panic!("no STATUS in {message:?}"))
}

#[test]
fn hup_brings_the_file_into_force_and_the_difference_is_told_to_everybody() {
    let hupd = Hupd::start(&format!(
        "{TWO_JOBS}[jobs.gone]\ncommand = \"true\"\n[jobs.other]\ncommand = \"true\"\n"
    ));
    hupd.home.configure(&format!(
        "[daemon]\ngrace = \"5s\"\n{TWO_JOBS}[jobs.new]\ncommand = \"true\"\n[jobs.other]\ncommand = \"false\"\n"
    ));
    hupd.signal(Signal::HUP);

    let reloading = hupd.wait_notified("RELOADING=1");
    let time = reloading
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(
        time.is_some_and(|time| time.parse::<u64>().is_ok()),
        "{reloading:?}"
    );
    let difference =
        "1 added (new), 1 changed (other), 2 unchanged, 1 removed (gone); [daemon] grace changed";
    let ready = hupd.wait_notified("READY=1");
    assert_eq!(
        status_line(&ready),
        format!("generation 2, 4 jobs; last reload: {difference}")
    );
    hupd.wait_log(&format!("reloading: HUP from {}", me()));
    hupd.wait_log(&format!("reload accepted, HUP from {}: {difference}", me()));

    let status = hupd.status();
    assert_eq!(status["generation"], 2);
    assert_eq!(status["last_reload"]["accepted"], true);
    assert_eq!(status["last_reload"]["summary"], difference);
    assert_eq!(
        status["last_reload"]["asked_by"],
        format!("HUP from {}", me())
    );
    let shown = text(&hupd.home.hupctl(&["status"]).stdout);
    assert!(shown.contains(difference), "{shown}");
    assert_eq!(hupd.home.job_names(), ["hourly", "new", "night", "other"]);
}

#[test]
fn hup_with_an_unchanged_file_says_no_change_and_keeps_the_generation() {
    let hupd = Hupd::start(TWO_JOBS);
    for _ in 0..3 {
        let ready = hupd.reload();
        assert_eq!(
            status_line(&ready),
            "generation 1, 2 jobs; last reload: no change"
        );
    }
    let output = hupd.home.hupctl(&["reload"]);
    assert!(output.status.success());
    let shown = text(&output.stdout);
    assert!(
        shown.starts_with("reloaded: generation 1: no change ("),
        "{shown}"
    );
    assert_eq!(hupd.generation(), 1);
}

#[test]
fn on_what_a_reload_has_spent_its_time_is_told_to_whoever_asks() {
    let debug = "[log]\nlevel = \"debug\"\n";
    let hupd = Hupd::start(&format!("{debug}{TWO_JOBS}"));
    hupd.home
        .configure(&format!("{debug}[jobs.a]\ncommand = \"true\"\n"));
    for verdict in [
        hupd.home.json(&["reload"]),
        hupd.status()["last_reload"].clone(),
    ] {
        let spent = &verdict["spent"];
        let seconds = |part: &str| {
            spent[part]
                .as_f64()
                .unwrap_or_else(|| panic!("{part}: {verdict}"))
        };
        let parts = ["read", "parse", "check", "diff", "commit"].map(seconds);
        assert!(parts.iter().all(|part| *part > 0.0), "{spent}");
        assert!(parts.iter().sum::<f64>() <= verdict["seconds"].as_f64().expect("a time"));
        assert!(seconds("commit") <= seconds("loop_held"));
    }
    hupd.wait_log("where the time of the reload went read=");
    // It is not kept: a later hupd could not say what its log says.
    let row = &hupd.home.json(&["generations"])["generations"][0];
    assert!(row["seconds"].is_f64() && row["spent"].is_null(), "{row}");
}

#[test]
fn jobs_that_did_not_change_keep_their_instants() {
    let hupd = Hupd::start(&format!(
        "{TWO_JOBS}[jobs.tick]\ncommand = \"true\"\nevery = \"1s\"\n"
    ));
    // Two ticks on, a plan that begins anew would be late by more than a second.
    wait_until("two ticks are over", || {
        (hupd.home.runs("tick").len() > 1).then_some(())
    });
    let before = (next(&hupd, "night"), next(&hupd, "hourly"));
    hupd.home.configure(&format!(
        "{TWO_JOBS}[jobs.new]\ncommand = \"true\"\nevery = \"7s\"\n"
    ));
    hupd.reload();
    assert_eq!(hupd.generation(), 2);
    assert_same_instants(&before, &(next(&hupd, "night"), next(&hupd, "hourly")));
}

type Instants = (Vec<Timestamp>, Vec<Timestamp>);

/// Those of the calendar to the nanosecond; those of an interval belong to the other clock, so that
/// where they are on the wall is known as well as both clocks can be read at one time.
#[track_caller]
fn assert_same_instants(before: &Instants, after: &Instants) {
    assert_eq!(before.0, after.0);
    assert_eq!(before.1.len(), after.1.len());
    for (before, after) in before.1.iter().zip(&after.1) {
        let moved = after.duration_since(*before).abs();
        assert!(moved.as_millis() < 500, "{before} became {after}");
    }
}

/// Does something to the configuration, and which words the problems must have.
struct Breakage {
    name: &'static str,
    words: &'static [&'static str],
    inflict: fn(&Home),
}

const INCLUDING: &str = r#"include = ["conf.d/*.toml"]
[daemon]
"#;

fn whole() -> String {
    format!(
        "{INCLUDING}{TWO_JOBS}[jobs.stays]\ncommand = [\"sleep\", \"60\"]\n[jobs.tick]\ncommand = \"true\"\nevery = \"1s\"\n"
    )
}

fn with(home: &Home, more: &str) {
    home.configure(&format!("{}{more}", whole()));
}

const BREAKAGES: &[Breakage] = &[
    Breakage {
        name: "broken TOML",
        words: &["hupd.toml:"],
        inflict: |home| with(home, "[jobs.x\n"),
    },
    Breakage {
        name: "unknown key",
        words: &["unknown key 'comand' in [jobs.x]", "did you mean 'command'"],
        inflict: |home| with(home, "[jobs.x]\ncomand = \"true\"\n"),
    },
    Breakage {
        name: "unknown zone",
        words: &["Mars/Olympus"],
        inflict: |home| {
            with(
                home,
                "[jobs.x]\ncommand = \"true\"\nschedule = \"@daily\"\ntimezone = \"Mars/Olympus\"\n",
            );
        },
    },
    Breakage {
        name: "one bad file of several",
        words: &["conf.d/b.toml:2:9", "every"],
        inflict: |home| {
            home.write("conf.d/a.toml", "[jobs.a]\ncommand = \"true\"\n");
            home.write("conf.d/b.toml", "[jobs.b]\nevery = \"soon\"\n");
            home.write("conf.d/c.toml", "[jobs.c]\ncommand = \"true\"\n");
        },
    },
    Breakage {
        name: "a job in two files",
        words: &["job 'night' is already there", "conf.d/again.toml"],
        inflict: |home| home.write("conf.d/again.toml", "[jobs.night]\ncommand = \"true\"\n"),
    },
    Breakage {
        name: "no file",
        words: &["no such file or directory"],
        inflict: |home| fs::remove_file(home.config_file()).expect("removed"),
    },
    Breakage {
        name: "empty file",
        words: &["the file is empty"],
        inflict: |home| fs::write(home.config_file(), "").expect("written"),
    },
    Breakage {
        name: "FIFO",
        words: &["it is a FIFO"],
        inflict: |home| {
            fs::remove_file(home.config_file()).expect("removed");
            make_gate(&home.config_file());
        },
    },
    Breakage {
        name: "directory",
        words: &["it is a directory"],
        inflict: |home| {
            fs::remove_file(home.config_file()).expect("removed");
            fs::create_dir(home.config_file()).expect("a folder");
        },
    },
    Breakage {
        name: "100 MB",
        words: &["it has 100 MiB; at most 64 are read"],
        inflict: |home| {
            let file = fs::File::options().write(true).open(home.config_file());
            file.expect("the file").set_len(100 << 20).expect("longer");
        },
    },
    Breakage {
        name: "not UTF-8",
        words: &["UTF-8"],
        inflict: |home| {
            let mut bytes = fs::read(home.config_file()).expect("the file");
            bytes.extend(b"# \xff\n");
            fs::write(home.config_file(), bytes).expect("written");
        },
    },
    Breakage {
        name: "include loop",
        words: &["files include each other"],
        inflict: |home| {
            home.write("conf.d/a.toml", "include = [\"b.inc\"]\n");
            home.write("conf.d/b.inc", "include = [\"a.toml\"]\n");
        },
    },
    Breakage {
        name: "another state folder",
        words: &["[daemon] state_dir: cannot change while hupd runs"],
        inflict: |home| {
            let whole = fs::read_to_string(home.config_file()).expect("the file");
            home.write("hupd.toml", &whole.replace("\"state\"", "\"other\""));
        },
    },
    Breakage {
        name: "another runtime folder",
        words: &["[daemon] runtime_dir: cannot change while hupd runs"],
        inflict: |home| {
            let whole = fs::read_to_string(home.config_file()).expect("the file");
            home.write("hupd.toml", &whole.replace("\"run\"", "\"elsewhere\""));
        },
    },
    Breakage {
        name: "a log that cannot be opened",
        words: &[
            "[log] file: '",
            "nowhere/hupd.log' cannot be opened as the log: the folder '",
            "hupd.toml",
        ],
        inflict: |home| with(home, "[log]\nfile = \"nowhere/hupd.log\"\n"),
    },
];

/// What only a running hupd can know is wrong with a file.
fn is_known_to_a_check(breakage: &Breakage) -> bool {
    let words = breakage.words[0];
    !words.contains("while hupd runs")
}

fn mend(home: &Home) {
    if home.config_file().is_dir() {
        fs::remove_dir(home.config_file()).expect("removed");
    }
    let _ = fs::remove_dir_all(home.file("conf.d"));
    home.configure(&whole());
}

#[test]
fn a_refused_reload_leaves_everything_as_it_was() {
    let hupd = Hupd::start(&whole());
    let stays = start_run(&hupd, "stays");
    wait_until("two ticks are over", || {
        (hupd.home.runs("tick").len() > 1).then_some(())
    });
    let instants = (next(&hupd, "night"), next(&hupd, "hourly"));
    let alive = wait_until("it runs", || {
        running(&hupd).into_iter().find(|(run, _)| *run == stays)
    });
    let list = hupd.home.job_names();

    for breakage in BREAKAGES {
        (breakage.inflict)(&hupd.home);
        let output = hupd.home.hupctl(&["reload"]);
        assert_refused(&hupd, breakage, &output);
        assert_same_instants(&instants, &(next(&hupd, "night"), next(&hupd, "hourly")));
        assert!(running(&hupd).contains(&alive), "{}", breakage.name);
        assert_eq!(hupd.home.job_names(), list, "{}", breakage.name);
        assert_eq!(hupd.generation(), 1, "{}", breakage.name);
        mend(&hupd.home);
    }

    let refused = hupd.home.runs("tick").len();
    wait_until("the ticks go on", || {
        (hupd.home.runs("tick").len() > refused).then_some(())
    });
    hupd.notified();
    let ready = hupd.reload();
    assert!(
        status_line(&ready).ends_with("last reload: no change"),
        "{ready}"
    );
    assert_eq!(hupd.generation(), 1);
    assert!(running(&hupd).contains(&alive));
}

#[track_caller]
fn assert_refused(hupd: &Hupd, breakage: &Breakage, output: &Output) {
    let Breakage { name, words, .. } = breakage;
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{name}: {told}");
    for word in *words {
        assert!(told.contains(word), "{name}: no '{word}' in {told}");
    }
    assert!(
        told.ends_with("; generation 1 stays in force\n"),
        "{name}: {told}"
    );
    let verdict = hupd.status()["last_reload"].clone();
    assert_eq!(verdict["accepted"], false, "{name}");
    let problems = verdict["problems"].as_str().expect("problems").trim_end();
    assert!(told.starts_with(problems), "{name}: {told}");
    let ready = wait_until("the service manager is told", || {
        hupd.notified()
            .into_iter()
            .find(|message| message.contains("READY=1"))
    });
    assert!(
        status_line(&ready).starts_with("generation 1, 4 jobs; last reload refused: "),
        "{name}: {ready}"
    );
}

#[test]
fn the_same_problems_are_told_by_check_at_start_at_reload_and_in_the_log() {
    let hupd = Hupd::start(&whole());
    for breakage in BREAKAGES.iter().filter(|b| is_known_to_a_check(b)) {
        (breakage.inflict)(&hupd.home);
        let name = breakage.name;
        hupd.home.hupctl(&["reload"]);
        let verdict = hupd.status()["last_reload"].clone();
        let problems = verdict["problems"].as_str().expect("problems").to_owned();
        assert!(!problems.is_empty(), "{name}");

        for line in problems.lines().filter(|line| !line.trim().is_empty()) {
            // Of what level it is the head of the line says.
            hupd.wait_log(line.trim_start_matches("error: "));
        }
        let check = output(hupd.home.hupd().arg("--check"));
        assert_eq!(check.status.code(), Some(78), "{name}");
        assert!(
            text(&check.stderr).starts_with(&format!("{problems}\n")),
            "{name}: {check:?}"
        );
        let mut client = hupd.home.hupctl_command();
        let by_client = output(client.arg("check").arg(hupd.home.config_file()));
        assert_eq!(by_client.status.code(), Some(78), "{name}");
        assert_eq!(text(&by_client.stderr), text(&check.stderr), "{name}");
        let start = output(hupd.home.hupd().arg("--foreground"));
        assert_eq!(start.status.code(), Some(78), "{name}");
        assert!(
            text(&start.stderr).starts_with(&format!("{problems}\nhupd: configuration has ")),
            "{name}: {start:?}"
        );
        mend(&hupd.home);
    }
}

fn output(command: &mut Command) -> Output {
    command.output().expect("it runs")
}

#[test]
fn a_file_that_hupd_may_not_read_is_refused_and_hupd_goes_on() {
    let home = Home::new();
    home.configure(TWO_JOBS);
    let mut command = home.hupd();
    if rustix::process::geteuid().is_root() {
        command = as_nobody(&home);
    }
    let hupd = Hupd::launch_by(home, command);
    give(&hupd.home.file("notify"));
    hupd.wait_notified("READY=1");
    let before = next(&hupd, "night");

    let secret = fs::Permissions::from_mode(0o000);
    fs::set_permissions(hupd.home.config_file(), secret).expect("hidden");
    let output = hupd.home.hupctl(&["reload"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains("permission denied"), "{told}");
    assert_eq!((hupd.generation(), next(&hupd, "night")), (1, before));
}

/// Whoever checks may be another user than hupd; hupd itself knows.
#[test]
fn a_log_that_hupd_may_not_write_is_a_warning_of_a_check_and_refuses_a_start() {
    let home = Home::new();
    with(&home, "[log]\nfile = \"locked/hupd.log\"\n");
    fs::create_dir(home.file("locked")).expect("a folder");
    let locked = fs::Permissions::from_mode(0o555);
    fs::set_permissions(home.file("locked"), locked).expect("locked");
    let hupd = || match rustix::process::geteuid().is_root() {
        true => as_nobody(&home),
        false => home.hupd(),
    };
    let why = "/hupd.log' cannot be opened as the log: '";
    let denied = "/locked': permission denied";
    for (argument, status, word) in [
        ("--check", 0, "warning: [log] file: '"),
        ("--foreground", 78, "error: [log] file: '"),
    ] {
        let output = output(hupd().arg(argument));
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{told}");
        for words in [word, why, denied] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
}

/// hupd as an ordinary user, who may not even be able to reach the one that was built.
fn as_nobody(home: &Home) -> Command {
    let program = home.file("hupd");
    // By another process: a file that this one had open for writing while a parallel test forked cannot be executed.
    let mut copy = Command::new("cp");
    let copied = copy.arg(env!("CARGO_BIN_EXE_hupd")).arg(&program).status();
    assert!(copied.expect("cp runs").success());
    give(home.path());
    give(&home.config_file());
    let mut command = Command::new(program);
    command
        .arg("-c")
        .arg(home.config_file())
        .env_clear()
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .uid(65534)
        .gid(65534);
    command
}

fn give(path: &Path) {
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(path, Some(65534), Some(65534)).expect("given");
    }
}

#[test]
fn a_run_in_hand_ends_as_it_began_and_the_next_one_is_of_the_new_definition() {
    let home = Home::new();
    make_gate(&home.file("gate"));
    let (gate, trace) = (home.file("gate"), home.file("trace"));
    let job = |word: &str| {
        format!(
            "[jobs.work]\ncommand = \"echo {word} begun >> {trace}; read x < {gate}; echo {word} ended >> {trace}\"\n",
            gate = gate.display(),
            trace = trace.display()
        )
    };
    home.configure(&job("old"));
    let hupd = Hupd::start_in(home);
    let old = start_run(&hupd, "work");
    wait_until("the old one has begun", || {
        (hupd.home.read("trace") == "old begun\n").then_some(())
    });
    let pid = running(&hupd);

    hupd.home.configure(&job("new"));
    hupd.reload();
    assert_eq!(running(&hupd), pid);
    open_gate(&gate);
    let ended = hupd.home.ended_run("work");
    assert_eq!(
        (&ended["run"], &ended["outcome"], &ended["generation"]),
        (&old.into(), &"exited 0".into(), &1.into())
    );

    start_run(&hupd, "work");
    let new = "old begun\nold ended\nnew begun\n";
    wait_until("the new one has begun", || {
        (hupd.home.read("trace") == new).then_some(())
    });
    assert_eq!(hupd.home.runs("work")[0]["generation"], 2);
    open_gate(&gate);
    wait_until("the new one has ended", || {
        running(&hupd).is_empty().then_some(())
    });
}

#[test]
fn a_removed_job_ends_its_run_and_starts_no_other_and_an_added_one_starts() {
    let home = Home::new();
    make_gate(&home.file("gate"));
    let gate = home.file("gate");
    home.configure(&format!(
        "[jobs.leaving]\ncommand = \"read x < {}\"\nevery = \"1s\"\noverlap = \"skip\"\n",
        gate.display()
    ));
    let hupd = Hupd::start_in(home);
    let (run, _) = wait_until("it runs", || running(&hupd).pop());

    hupd.home
        .configure("[jobs.coming]\ncommand = \"true\"\nevery = \"1s\"\n");
    hupd.reload();
    assert_eq!(hupd.home.job_names(), ["coming"]);
    assert_eq!(running(&hupd)[0].0, run);
    let added = hupd.home.ended_run("coming");
    assert_eq!(
        (&added["outcome"], &added["generation"]),
        (&"exited 0".into(), &2.into())
    );

    open_gate(&gate);
    let ended = hupd.home.ended_run("leaving");
    assert_eq!(
        (&ended["run"], &ended["outcome"]),
        (&run.into(), &"exited 0".into())
    );
    let so_far = hupd.home.runs("coming").len();
    wait_until("two more have come", || {
        (hupd.home.runs("coming").len() > so_far + 1).then_some(())
    });
    assert_eq!(hupd.home.runs("leaving").len(), 1);
}

#[test]
fn what_waits_for_a_place_is_skipped_with_its_job_and_started_when_there_are_more_places() {
    let jobs = |max: u32, more: &str| {
        format!(
            "[daemon]\nmax_running = {max}\n[jobs.first]\ncommand = [\"sleep\", \"60\"]\n[jobs.second]\ncommand = [\"sleep\", \"60\"]\n{more}"
        )
    };
    let hupd = Hupd::start(&jobs(1, "[jobs.third]\ncommand = \"true\"\n"));
    let first = start_run(&hupd, "first");
    for waiting in ["third", "second"] {
        assert!(hupd.home.hupctl(&["run", waiting]).status.success());
    }
    assert_eq!(hupd.status()["waiting"], 2);

    hupd.home.configure(&jobs(1, ""));
    hupd.reload();
    hupd.wait_log("run skipped: the job was removed while it waited");
    assert_eq!(hupd.status()["waiting"], 1);
    assert_eq!(running(&hupd).len(), 1);

    hupd.home.configure(&jobs(2, ""));
    let ready = hupd.reload();
    assert!(
        status_line(&ready).ends_with("2 unchanged; [daemon] max_running changed"),
        "{ready}"
    );
    wait_until("both run", || (running(&hupd).len() == 2).then_some(()));
    assert!(running(&hupd).iter().any(|(run, _)| *run == first));
    assert!(hupd.home.runs("third").is_empty());
}

#[test]
fn another_grace_counts_from_the_reload_on() {
    let jobs = |grace: &str| {
        format!("[daemon]\ngrace = \"{grace}\"\n[jobs.stays]\ncommand = [\"sleep\", \"60\"]\n")
    };
    let mut hupd = Hupd::start(&jobs("10h"));
    start_run(&hupd, "stays");
    hupd.home.configure(&jobs("1s"));
    hupd.reload();
    assert!(hupd.stop().success());
    assert!(
        hupd.log()
            .contains("waiting up to 1 s for 1 running: stays")
    );
    assert!(hupd.log().contains("run ended: killed by TERM"));
}

#[test]
fn another_log_file_and_level_count_from_the_reload_on() {
    let hupd = Hupd::start("[jobs.work]\ncommand = \"true\"\n");
    let work = || {
        let output = hupd.home.hupctl(&["run", "work", "--wait"]);
        assert!(output.status.success(), "{output:?}");
    };
    work();
    hupd.home
        .configure("[log]\nfile = \"new.log\"\n[jobs.work]\ncommand = \"true\"\n");
    hupd.reload();
    work();
    let old = "run ended: exited 0 job=work run=1 ";
    let new = "run ended: exited 0 job=work run=2 ";
    let has = |file: &str, line: &str| {
        wait_until(line, || hupd.home.read(file).contains(line).then_some(()));
    };
    has("log", old);
    has("new.log", "reload accepted, ");
    has("new.log", new);
    assert!(!hupd.log().contains(new));

    hupd.home.configure(
        "[log]\nfile = \"new.log\"\nlevel = \"warn\"\n[jobs.work]\ncommand = \"true\"\n",
    );
    hupd.reload();
    work();
    hupd.home
        .configure("[log]\nfile = \"new.log\"\n[jobs.work]\ncommand = \"true\"\n");
    hupd.reload();
    work();
    has("new.log", "run ended: exited 0 job=work run=4 ");
    assert!(!hupd.home.read("new.log").contains(" run=3 "));
}

/// So many jobs that a load of them takes its time.
fn many(number: usize) -> String {
    let job = |n: usize| {
        format!(
            "[jobs.\"many-{n}\"]\ncommand = \"true\"\nschedule = \"{} 3 * * *\"\n",
            n % 60
        )
    };
    (0..number).map(job).collect()
}

#[test]
fn hups_during_a_reload_are_exactly_one_more_of_what_is_there_then() {
    let hupd = Hupd::start("[jobs.first]\ncommand = \"true\"\n");
    hupd.home.configure(&many(4_000));
    hupd.signal(Signal::HUP);
    hupd.wait_notified("RELOADING=1");
    for _ in 0..100 {
        hupd.signal(Signal::HUP);
    }
    hupd.wait_notified("READY=1");
    hupd.home.configure("[jobs.last]\ncommand = \"true\"\n");
    hupd.wait_notified("RELOADING=1");
    hupd.wait_notified("READY=1");
    assert!(hupd.home.hupctl(&["reload"]).status.success());
    assert_eq!(hupd.home.job_names(), ["last"]);
    assert_eq!(lines_with(&hupd, "reloading: HUP from"), 2);
    assert_eq!(lines_with(&hupd, "reloading: hupctl from"), 1);
}

#[test]
fn everybody_who_asks_during_a_reload_gets_the_verdict_of_a_later_one() {
    let hupd = Hupd::start("[jobs.first]\ncommand = \"true\"\n");
    hupd.home.configure(&many(4_000));
    hupd.signal(Signal::HUP);
    hupd.wait_notified("RELOADING=1");
    hupd.home.configure("[jobs.last]\ncommand = \"\"\n");
    let ask = || {
        let mut command = hupd.home.hupctl_command();
        command.args(["--json", "reload"]).stdout(Stdio::piped());
        command.stderr(Stdio::null()).spawn().expect("hupctl runs")
    };
    let clients: Vec<_> = (0..3).map(|_| ask()).collect();
    for client in clients {
        let output = client.wait_with_output().expect("an answer");
        let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(output.status.code(), Some(1), "{verdict}");
        let by = verdict["asked_by"].as_str().expect("who asked");
        assert!(by.starts_with("hupctl from pid "), "{by}");
    }
}

#[test]
fn a_service_manager_that_does_not_listen_holds_nobody_up() {
    let mut hupd = Hupd::start("[jobs.first]\ncommand = \"true\"\n");
    // Far more than a socket has room for.
    for _ in 0..50 {
        let output = hupd.home.hupctl(&["reload"]);
        assert!(output.status.success(), "{output:?}");
    }
    assert!(hupd.stop().success());
}

#[test]
fn ten_thousand_hups_end_in_the_newest_file_with_nothing_left_over() {
    let hupd = Hupd::start("[jobs.first]\ncommand = \"true\"\n");
    storm(&hupd, 1..20);
    // What is opened when it is first needed is open now: the store has been written and read.
    hupd.home.runs("first");
    let before = (threads(&hupd), descriptors(&hupd));
    storm(&hupd, 20..120);
    wait_until("nothing more is open than before", || {
        // A service manager that does not read holds the sender up, with its socket open.
        hupd.notified();
        let after = (threads(&hupd), descriptors(&hupd));
        let is_more = |(kind, count): &(&String, &usize)| before.1.get(*kind) < Some(count);
        let more: Vec<_> = after.1.iter().filter(is_more).collect();
        eprintln!(
            "{} threads, were {}; also open: {more:?}",
            after.0, before.0
        );
        (after.0 <= before.0 && more.is_empty()).then_some(())
    });
    assert!(lines_with(&hupd, "reloading: HUP") < 6_000);
}

/// A hundred HUPs for each of these versions of the file.
fn storm(hupd: &Hupd, versions: std::ops::Range<usize>) {
    for version in versions.clone() {
        hupd.home
            .configure(&format!("[jobs.version-{version}]\ncommand = \"true\"\n"));
        for _ in 0..100 {
            hupd.signal(Signal::HUP);
        }
    }
    let newest = format!("version-{}", versions.end - 1);
    wait_until("the newest file is in force", || {
        (hupd.home.job_names() == [newest.as_str()]).then_some(())
    });
    let output = hupd.home.hupctl(&["reload"]);
    assert!(text(&output.stdout).contains(": no change ("), "{output:?}");
}

fn threads(hupd: &Hupd) -> usize {
    fs::read_dir(hupd.proc("task")).expect("a process").count()
}

/// What is open, and how often: the kinds of sockets and pipes, and the paths of files.
fn descriptors(hupd: &Hupd) -> BTreeMap<String, usize> {
    let open = fs::read_dir(hupd.proc("fd")).expect("a process").flatten();
    let mut counts = BTreeMap::new();
    for link in open.filter_map(|fd| fs::read_link(fd.path()).ok()) {
        let name = link.display().to_string();
        let kind = name.split(":[").next().expect("a beginning").to_owned();
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

#[test]
fn during_the_drain_a_reload_is_ignored_with_one_line_and_refused_to_hupctl() {
    let home = Home::new();
    make_gate(&home.file("gate"));
    let gate = home.file("gate");
    home.configure(&format!(
        "[daemon]\ngrace = \"10h\"\n[jobs.stays]\ncommand = \"read x < {}\"\n",
        gate.display()
    ));
    let mut hupd = Hupd::start_in(home);
    start_run(&hupd, "stays");
    hupd.signal(Signal::TERM);
    hupd.wait_log("told to stop by ");

    hupd.signal(Signal::HUP);
    let line = format!("HUP from {} ignored: hupd is stopping", me());
    hupd.wait_log(&line);
    let output = hupd.home.hupctl(&["reload"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("hupd is stopping"));

    open_gate(&gate);
    assert!(hupd.wait().success());
    assert_eq!(lines_with(&hupd, &line), 1);
    assert_eq!(lines_with(&hupd, "reloading"), 0);
}

/// In an /etc of its own, so that nothing of the machine's is touched.
#[test]
fn another_zone_of_the_system_is_seen_at_a_reload() {
    let home = Home::new();
    home.configure("[jobs.a]\ncommand = \"true\"\nschedule = \"30 12 1 1 *\"\n");
    let etc = home.file("etc");
    fs::create_dir(&etc).unwrap();
    let zone_is = |name: &str| {
        let _ = fs::remove_file(etc.join("localtime"));
        let data = Path::new("/usr/share/zoneinfo").join(name);
        std::os::unix::fs::symlink(data, etc.join("localtime")).unwrap();
    };
    zone_is("Europe/Berlin");
    let files = "/etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache";
    let own_etc = format!("cp {files} '{0}' && mount --bind '{0}' /etc", etc.display());
    let Some(mut command) = home.hupd_after(&own_etc) else {
        return skip("another zone of the system: no mount namespace can be made");
    };
    command.env_remove("TZ");
    let hupd = Hupd::start_by(command, home);
    let zone = |hupd: &Hupd| hupd.home.json(&["list"])["jobs"][0]["timezone"].clone();
    assert_eq!(zone(&hupd), "Europe/Berlin");
    zone_is("America/New_York");
    hupd.reload();
    assert_eq!(zone(&hupd), "America/New_York");
}
