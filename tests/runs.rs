//! How a run starts, what it finds, and what is recorded of it.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::{Home, Hupd, text, wait_until};
use hupd::control::client::Client;
use hupd::protocol::{Patience, Request};
use rustix::process::geteuid;
use serde_json::Value;

/// The clean environment of every run.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Signals that the C library keeps for itself, and lets posix_spawn ignore.
const OF_THE_C_LIBRARY: [u32; 2] = [32, 33];

fn hupd_with_job(lines: &str) -> Hupd {
    Hupd::start(&format!("[jobs.job]\n{lines}\n"))
}

/// What the job wrote, in a run from its start to its end.
fn output_of(home: &Home, job: &str) -> String {
    let run = home.run_to_end(job);
    assert_eq!(run["outcome"], "exited 0", "{run}");
    text(&home.output(&run["run"].to_string()))
}

/// The variables that `env -0` wrote.
fn variables(output: &str) -> BTreeMap<String, String> {
    let lines = output.split_terminator('\0');
    let pairs = lines.map(|line| line.split_once('=').expect("NAME=VALUE"));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The signals of a mask in /proc/PID/status.
fn signals_in(status: &str, field: &str) -> BTreeSet<u32> {
    let mask = status.lines().find_map(|line| line.strip_prefix(field));
    let mask = u64::from_str_radix(mask.expect("the field").trim(), 16).expect("a mask");
    (1..=64)
        .filter(|signal| mask >> (signal - 1) & 1 == 1)
        .collect()
}

/// Parent and state of every process.
fn processes() -> Vec<(i32, char)> {
    let folders = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = folders.filter_map(|folder| fs::read_to_string(folder.path().join("stat")).ok());
    lines
        .filter_map(|line| {
            let (_, rest) = line.rsplit_once(") ")?;
            let (state, rest) = rest.split_once(' ')?;
            let parent = rest.split_once(' ')?.0.parse().ok()?;
            Some((parent, state.chars().next()?))
        })
        .collect()
}

#[test]
fn a_run_leads_a_process_group_of_its_own() {
    let hupd = hupd_with_job(r#"command = ["cat", "/proc/self/stat"]"#);
    let run = hupd.home.run_to_end("job");
    let line = text(&hupd.home.output("job"));
    let (pid, rest) = line.split_once(' ').expect("a pid");
    let group = rest
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.split(' ').nth(2));
    assert_eq!(pid, run["pid"].to_string());
    assert_eq!(group, Some(pid));
    assert_ne!(pid, hupd.pid().as_raw_pid().to_string());
}

#[test]
fn the_environment_is_the_documented_one_and_nothing_of_the_callers() {
    let home = Home::new();
    home.configure("[jobs.job]\ncommand = [\"env\", \"-0\"]\n");
    let mut command = home.hupd();
    let odd = [
        ("LD_LIBRARY_PATH", "/nowhere"),
        ("LD_AUDITED", "1"),
        ("BASH_ENV", "/nowhere"),
        ("ENV", "/nowhere"),
        ("IFS", "x"),
        ("PATH", "/usr/bin:/bin:/somewhere/else"),
        ("HOME", "/somewhere/else"),
        ("USER", "somebody"),
        ("LOGNAME", "somebody"),
        ("SHELL", "/bin/false"),
        ("LANG", "xx_XX"),
        ("LC_ALL", "C"),
        ("TZ", "Asia/Tokyo"),
        ("HUPD_JOB", "forged"),
        ("HUPD_SOCKET", "/nowhere"),
        ("HUPD_SECRET", "1"),
        ("XDG_RUNTIME_DIR", "/nowhere"),
        ("INVOCATION_ID", "0123"),
        ("JOURNAL_STREAM", "8:1"),
        ("LISTEN_FDS", "1"),
        ("LISTEN_PID", "1"),
        ("WATCHDOG_USEC", "600000000"),
        ("MALLOC_CHECK_", "0"),
        ("RUST_BACKTRACE", "1"),
        ("odd name", "odd\nvalue"),
        ("EMPTY", ""),
    ];
    command.envs(odd);
    let hupd = Hupd::start_by(command, home);
    let run = hupd.home.run_to_end("job");
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid());
    let user = user.expect("users can be looked up");
    let (name, folder) = match user {
        Some(user) => (user.name, user.dir.display().to_string()),
        None => (geteuid().as_raw().to_string(), "/".to_owned()),
    };
    let state_dir = fs::canonicalize(hupd.home.file("state")).expect("a path");
    let state_dir = state_dir.display().to_string();
    let expected = [
        ("PATH", PATH),
        ("HOME", &folder),
        ("USER", &name),
        ("LOGNAME", &name),
        ("SHELL", "/bin/sh"),
        ("LANG", "C.UTF-8"),
        ("HUPD_JOB", "job"),
        ("HUPD_RUN_ID", &run["run"].to_string()),
        ("HUPD_TRIGGER", "request"),
        (
            "HUPD_SCHEDULED_FOR",
            run["scheduled_for"].as_str().expect("a time"),
        ),
        ("HUPD_GENERATION", "1"),
        ("HUPD_ATTEMPT", "1"),
        ("HUPD_STATE_DIR", &state_dir),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(
        variables(&text(&hupd.home.output("job"))),
        BTreeMap::from(expected)
    );
}

#[test]
fn what_the_file_adds_to_the_environment_wins_but_over_what_hupd_tells() {
    let hupd = Hupd::start(
        r#"
        [defaults]
        env = { LANG = "de_DE.UTF-8", A = "default", B = "default" }
        [jobs.job]
        command = ["env", "-0"]
        env = { A = "job", PATH = "/usr/bin:/bin", "a b" = "ä = \n" }
        "#,
    );
    let seen = variables(&output_of(&hupd.home, "job"));
    let value = |name: &str| seen[name].as_str();
    assert_eq!((value("A"), value("B")), ("job", "default"));
    assert_eq!(
        (value("LANG"), value("PATH")),
        ("de_DE.UTF-8", "/usr/bin:/bin")
    );
    assert_eq!((value("a b"), value("SHELL")), ("ä = \n", "/bin/sh"));
}

#[test]
fn a_run_is_told_its_occurrence_its_generation_and_its_number() {
    let config =
        |more: &str| format!("[jobs.job]\ncommand = [\"env\", \"-0\"]\nevery = \"1s\"\n{more}");
    let hupd = Hupd::start(&config(""));
    let by_itself = hupd.home.ended_run("job");
    let seen = variables(&text(&hupd.home.output(&by_itself["run"].to_string())));
    assert_eq!(seen["HUPD_TRIGGER"], "every");
    assert_eq!(
        seen["HUPD_SCHEDULED_FOR"],
        by_itself["scheduled_for"].as_str().unwrap()
    );
    hupd.home.configure(&config("description = \"changed\"\n"));
    hupd.reload();
    let run = wait_until("a run of the second generation has ended", || {
        let runs = hupd.home.runs("job").into_iter();
        runs.filter(|run| !run["outcome"].is_null())
            .find(|run| run["generation"] == 2)
    });
    let seen = variables(&text(&hupd.home.output(&run["run"].to_string())));
    assert_eq!(seen["HUPD_GENERATION"], "2");
    assert_eq!(seen["HUPD_RUN_ID"], run["run"].to_string());
}

#[test]
fn a_job_with_a_schedule_has_the_zone_of_its_schedule() {
    let hupd = Hupd::start(
        r#"
        [daemon]
        timezone = "Asia/Kathmandu"
        [jobs.own]
        command = "echo $TZ; date +%z"
        schedule = "0 0 1 1 *"
        timezone = "Asia/Tokyo"
        [jobs.common]
        command = "echo $TZ; date +%z"
        schedule = "@yearly"
        [jobs.without]
        command = "echo ${TZ-none}"
        every = "1h"
        [jobs.overridden]
        command = "echo $TZ; date +%z"
        schedule = "@yearly"
        env = { TZ = "UTC" }
        "#,
    );
    assert_eq!(output_of(&hupd.home, "own"), "Asia/Tokyo\n+0900\n");
    assert_eq!(output_of(&hupd.home, "common"), "Asia/Kathmandu\n+0545\n");
    assert_eq!(output_of(&hupd.home, "without"), "none\n");
    assert_eq!(output_of(&hupd.home, "overridden"), "UTC\n+0000\n");
}

#[test]
fn standard_input_is_dev_null() {
    let home = Home::new();
    home.configure("[jobs.job]\ncommand = \"readlink /proc/self/fd/0; cat; echo end\"\n");
    home.write("leak", "leak\n");
    let mut command = home.hupd_through(r#"exec "$@" <leak"#);
    command.current_dir(home.path());
    let hupd = Hupd::start_by(command, home);
    assert_eq!(output_of(&hupd.home, "job"), "/dev/null\nend\n");
}

#[test]
fn no_descriptor_of_the_caller_reaches_a_run_or_stays_open_in_hupd() {
    let home = Home::new();
    home.configure("[jobs.job]\ncommand = [\"ls\", \"/proc/self/fd\"]\n");
    home.write("secret", "");
    let script = r#"exec 3<secret 5>>secret 9<secret; exec "$@""#;
    let mut command = home.hupd_through(script);
    command.current_dir(home.path());
    let hupd = Hupd::start_by(command, home);
    // 3 is the folder that ls lists.
    assert_eq!(output_of(&hupd.home, "job"), "0\n1\n2\n3\n");
    let held = fs::read_dir(format!("/proc/{}/fd", hupd.pid().as_raw_pid()));
    let held = held.expect("its descriptors").flatten();
    let held: Vec<_> = held
        .filter_map(|fd| fs::read_link(fd.path()).ok())
        .collect();
    let secret = fs::canonicalize(hupd.home.file("secret")).expect("a path");
    assert!(!held.contains(&secret), "{held:?}");
}

#[test]
fn a_run_has_all_signals_whatever_hupd_was_started_with() {
    let home = Home::new();
    home.configure("[jobs.job]\ncommand = [\"cat\", \"/proc/self/status\"]\n");
    let script = r#"exec env --ignore-signal --block-signal "$@""#;
    let command = home.hupd_through(script);
    let mut hupd = Hupd::start_by(command, home);
    let status = output_of(&hupd.home, "job");
    assert_eq!(signals_in(&status, "SigBlk:"), BTreeSet::new());
    assert_eq!(signals_in(&status, "SigCgt:"), BTreeSet::new());
    let ignored = signals_in(&status, "SigIgn:");
    assert!(
        ignored.is_subset(&BTreeSet::from(OF_THE_C_LIBRARY)),
        "{ignored:?}"
    );
    hupd.reload();
    assert!(hupd.stop().success());
}

#[test]
fn a_run_of_an_ordinary_hupd_dies_of_a_broken_pipe_as_programs_expect() {
    let hupd = hupd_with_job(r#"command = "sh -c 'kill -PIPE $$; echo survived'; echo $?""#);
    assert_eq!(output_of(&hupd.home, "job"), "141\n");
}

#[test]
fn the_umask_is_022_whatever_the_callers() {
    for mask in ["000", "077", "777"] {
        let home = Home::new();
        home.configure("[jobs.job]\ncommand = \"umask\"\n");
        let command = home.hupd_through(&format!(r#"umask {mask}; exec "$@""#));
        let hupd = Hupd::start_by(command, home);
        assert_eq!(output_of(&hupd.home, "job"), "0022\n", "under {mask}");
    }
}

#[test]
fn a_run_starts_in_its_working_directory() {
    let home = Home::new();
    home.write("inside/file", "");
    home.configure(
        r#"
        [jobs.usual]
        command = ["/bin/pwd"]
        [jobs.relative]
        command = ["/bin/pwd"]
        working_dir = "inside"
        [jobs.absolute]
        command = "/bin/pwd"
        working_dir = "/usr"
        "#,
    );
    let hupd = Hupd::start_in(home);
    let inside = fs::canonicalize(hupd.home.file("inside")).expect("a path");
    assert_eq!(output_of(&hupd.home, "usual"), "/\n");
    assert_eq!(
        output_of(&hupd.home, "relative"),
        format!("{}\n", inside.display())
    );
    assert_eq!(output_of(&hupd.home, "absolute"), "/usr\n");
}

#[test]
fn an_array_is_executed_as_it_is_and_a_string_by_the_shell() {
    let hupd = Hupd::start(
        r#"
        [jobs.array]
        command = ["printf", "%s|", "$HOME", "a  b", "*", ""]
        [jobs.string]
        command = "printf '%s|' a  b; echo $0"
        [jobs.shell]
        command = "echo ${BASH_VERSION%%.*}"
        shell = "/bin/bash"
        "#,
    );
    assert_eq!(output_of(&hupd.home, "array"), "$HOME|a  b|*||");
    assert_eq!(output_of(&hupd.home, "string"), "a|b|/bin/sh\n");
    assert_ne!(output_of(&hupd.home, "shell"), "\n");
}

#[test]
fn every_way_to_end_is_told_apart() {
    let hupd = Hupd::start(
        r#"
        [jobs.good]
        command = ["true"]
        [jobs.bad]
        command = "exit 3"
        [jobs.most]
        command = "exit 255"
        [jobs.killed]
        command = "kill -KILL $$"
        [jobs.real-time]
        command = "kill -s 34 $$"
        [jobs.not-found]
        command = "no-such-program-at-all"
        "#,
    );
    let ends = [
        ("good", "exited 0", Some(0), None),
        ("bad", "exited 3", Some(3), None),
        ("most", "exited 255", Some(255), None),
        ("killed", "killed by KILL", None, Some("KILL")),
        ("real-time", "killed by 34", None, Some("34")),
        // The shell was found; what it did not find is its own business.
        ("not-found", "exited 127", Some(127), None),
    ];
    for (job, outcome, code, signal) in ends {
        let told = hupd.home.run_to_end(job);
        let recorded = hupd.home.ended_run(job);
        assert_eq!(told["outcome"], outcome);
        assert_eq!(recorded["outcome"], outcome);
        assert_eq!(recorded["exit_code"].as_i64(), code);
        assert_eq!(recorded["signal"].as_str(), signal);
        assert_eq!(recorded["stopped_by"], Value::Null);
    }
}

#[test]
fn the_record_says_when_for_how_long_and_how_busy() {
    let hupd = Hupd::start(
        r#"
        [jobs.busy]
        command = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"
        [jobs.idle]
        command = ["sleep", "1"]
        "#,
    );
    let number = |run: &Value, field: &str| run[field].as_f64().expect("a number");
    let busy = hupd.home.run_to_end("busy");
    assert!(number(&busy, "cpu_seconds") > 0.0, "{busy}");
    assert!(
        number(&busy, "cpu_seconds") <= 2.0 * number(&busy, "duration_seconds"),
        "{busy}"
    );
    let idle = hupd.home.run_to_end("idle");
    // A clock starts when the process is there, which a loaded machine may notice late.
    assert!(number(&idle, "duration_seconds") > 0.5, "{idle}");
    assert!(number(&idle, "cpu_seconds") < 0.5, "{idle}");
    let time = |field: &str| -> jiff::Timestamp {
        let time = idle[field].as_str().and_then(|text| text.parse().ok());
        time.expect("a time")
    };
    let between = time("ended_at")
        .duration_since(time("started_at"))
        .as_secs_f64();
    assert!(
        (between - number(&idle, "duration_seconds")).abs() < 0.5,
        "{idle}"
    );
    let recorded = hupd.home.ended_run("idle");
    assert_eq!(recorded["cpu_seconds"], idle["cpu_seconds"]);
    assert!(number(&recorded, "duration_seconds") > 0.5, "{recorded}");
}

/// Leaves a process behind that holds the pipe, and waits at the gate.
const LEAVES_SOMETHING: &str = r#"
    [jobs.job]
    command = "(cat gate; echo late; echo over >over) & echo done"
    working_dir = "."
"#;

#[test]
fn a_grandchild_that_holds_the_pipe_does_not_hold_the_run_nor_die_with_it() {
    let home = Home::new();
    home.gate("gate");
    home.configure(LEAVES_SOMETHING);
    let hupd = Hupd::start_in(home);
    assert_eq!(output_of(&hupd.home, "job"), "done\n");
    wait_until("it waits at the gate", || {
        hupd.home.open_gate("gate").then_some(())
    });
    wait_until("it has come to its end", || {
        (hupd.home.read("over") == "over\n").then_some(())
    });
    assert_eq!(text(&hupd.home.output("job")), "done\n");
}

#[test]
fn a_grandchild_that_holds_the_pipe_does_not_hold_hupd() {
    let home = Home::new();
    home.gate("gate");
    home.configure(LEAVES_SOMETHING);
    let mut hupd = Hupd::start_in(home);
    assert_eq!(output_of(&hupd.home, "job"), "done\n");
    assert!(hupd.stop().success());
    wait_until("it still waits", || {
        hupd.home.open_gate("gate").then_some(())
    });
}

#[test]
fn a_job_that_is_alive_is_not_started_again_unless_it_may() {
    let home = Home::new();
    home.gate("gate");
    home.configure(
        r#"
        [jobs.skip]
        command = ["cat", "gate"]
        every = "1s"
        working_dir = "."
        [jobs.allow]
        command = ["cat", "gate"]
        every = "1s"
        overlap = "allow"
        working_dir = "."
        "#,
    );
    let hupd = Hupd::start_in(home);
    wait_until("two runs are alive side by side", || {
        (hupd.home.running("allow").len() >= 2).then_some(())
    });
    let skipped = wait_until("an occurrence is skipped", || {
        let rows = hupd.home.ledger("skip");
        (rows.len() >= 2).then_some(rows)
    });
    let alive = hupd.home.running("skip");
    assert_eq!(alive.len(), 1, "{alive:?}");
    let run = alive[0]["run"].as_i64();
    assert_eq!(
        skipped[0],
        ("every".into(), "ran".into(), String::new(), run)
    );
    let reason = format!("run {} is not over (overlap = \"skip\")", alive[0]["run"]);
    assert_eq!(skipped[1], ("every".into(), "skipped".into(), reason, None));
    let allowed = hupd.home.ledger("allow");
    assert!(allowed.iter().all(|row| row.1 == "ran"), "{allowed:?}");
}

#[test]
fn what_is_over_max_running_waits_in_the_order_of_asking() {
    let home = Home::new();
    home.gate("gate");
    home.configure(
        r#"
        [daemon]
        max_running = 1
        [defaults]
        working_dir = "."
        [jobs.first]
        command = "echo first >>order; cat gate"
        [jobs.second]
        command = "echo second >>order"
        [jobs.third]
        command = "echo third >>order"
        "#,
    );
    let hupd = Hupd::start_in(home);
    let home = &hupd.home;
    for job in ["first", "second", "third"] {
        assert!(home.hupctl(&["run", job]).status.success());
    }
    home.wait_running("first", 1);
    assert_eq!(home.json(&["status"])["waiting"], 2);
    let waiting = home.ledger("second");
    let reason = "max_running = 1 is reached";
    assert_eq!(
        waiting,
        [("request".into(), "waiting".into(), reason.into(), None)]
    );
    let text = text(&home.hupctl(&["status"]).stdout);
    assert!(
        text.contains("\nwaiting        2\n") && text.contains(reason),
        "{text}"
    );
    wait_until("the first is let go", || {
        home.open_gate("gate").then_some(())
    });
    let third = home.ended_run("third");
    assert_eq!(third["outcome"], "exited 0");
    assert_eq!(home.read("order"), "first\nsecond\nthird\n");
    let row = &home.ledger("third")[0];
    assert_eq!((row.1.as_str(), row.3), ("ran", third["run"].as_i64()));
}

#[test]
fn a_disabled_job_is_known_and_never_due() {
    let hupd = Hupd::start(
        r#"
        [jobs.off]
        command = ["true"]
        every = "1s"
        enabled = false
        [jobs.on]
        command = ["true"]
        every = "1s"
        "#,
    );
    wait_until("the other has run three times", || {
        (hupd.home.runs("on").len() >= 3).then_some(())
    });
    assert_eq!(hupd.home.runs("off"), [Value::Null; 0]);
    assert_eq!(hupd.home.ledger("off"), []);
    assert_eq!(
        hupd.home.json(&["next", "off"])["next"],
        Value::Array(vec![])
    );
    assert_eq!(hupd.home.json(&["status"])["disabled_jobs"], 1);
    assert_eq!(hupd.home.run_to_end("off")["outcome"], "exited 0");
}

#[test]
fn five_hundred_children_that_end_at_once_are_all_reaped_and_recorded() {
    let home = Home::new();
    home.gate("gate");
    home.configure(
        r#"
        [daemon]
        max_running = 1000
        [jobs.job]
        command = ["cat", "gate"]
        overlap = "allow"
        working_dir = "."
        "#,
    );
    let hupd = Hupd::start_in(home);
    let request = Request::Run {
        job: "job".to_owned(),
        patience: Patience::UntilAccepted,
    };
    let client = Client::new(&hupd.home.socket());
    for _ in 0..500 {
        client.ask(&request).expect("accepted");
    }
    hupd.home.wait_running("job", 500);
    wait_until("all runs have ended", || {
        hupd.home.open_gate("gate");
        hupd.home.running("job").is_empty().then_some(())
    });
    let own = hupd.pid().as_raw_pid();
    let zombies = || {
        processes()
            .into_iter()
            .filter(|&process| process == (own, 'Z'))
            .count()
    };
    wait_until("no zombie is left", || (zombies() == 0).then_some(()));
    let runs = hupd.home.runs("job");
    let good = runs
        .iter()
        .filter(|run| run["outcome"] == "exited 0")
        .count();
    assert_eq!((runs.len(), good), (500, 500));
}
