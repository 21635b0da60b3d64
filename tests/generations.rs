//! Generations: what came into force and what was refused, with who asked and what is left of it.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stands outside hupd"
)]

mod common;

use common::{Home, Hupd, Told, is_root, me, skip, text};
use serde_json::Value;

const JOB: &str = "[jobs.stays]\ncommand = [\"sleep\", \"60\"]\n";

fn generations(home: &Home) -> Vec<Value> {
    let rows = home.json(&["generations"]);
    rows["generations"].as_array().expect("rows").clone()
}

#[test]
fn every_verdict_is_listed_with_who_asked_and_the_runs_that_are_left_of_it() {
    let hupd = Hupd::start(JOB);
    let run = hupd.home.json(&["run", "stays"])["run"].clone();
    hupd.home.wait_running("stays", 1);
    hupd.home
        .configure(&format!("{JOB}[jobs.new]\ncommand = \"true\"\n"));
    hupd.reload();
    hupd.home
        .configure(&format!("{JOB}shedule = \"1\"\ntimeout = 3\n"));
    let refused = Told::by_hupctl(&hupd.home, &["reload"]);
    assert_eq!(refused.status, Some(1), "{refused:?}");

    let rows = generations(&hupd.home);
    let numbers: Vec<_> = rows.iter().map(|row| row["generation"].clone()).collect();
    assert_eq!(numbers, [2, 2, 1]);
    let of = |key: &str| -> Vec<Value> { rows.iter().map(|row| row[key].clone()).collect() };
    assert_eq!(of("accepted"), [false, true, true]);
    assert_eq!(of("in_force"), [false, true, false]);
    assert_eq!(of("kept"), [false, true, true]);
    assert_eq!(rows[1]["asked_by"], format!("HUP from {}", me()));
    assert_eq!(rows[1]["summary"], "1 added (new), 1 unchanged");
    assert_eq!(rows[2]["asked_by"], "start");
    assert_eq!(rows[0]["problem_count"], 2);
    let problems = rows[0]["problems"].as_str().expect("a text");
    for place in ["hupd.toml:6:1", "hupd.toml:7:11"] {
        assert!(problems.contains(place), "{problems}");
    }
    let left = serde_json::json!([{ "run": run, "job": "stays" }]);
    assert_eq!(
        of("runs"),
        [Value::from([0; 0]), Value::from([0; 0]), left.clone()]
    );

    // What is left of an old one is shown however many newer ones there are.
    let newest = hupd.home.json(&["generations", "-n", "1"]);
    assert_eq!(newest["generations"][1]["runs"], left);
    assert_eq!(newest["generations"][2], Value::Null);
}

#[test]
fn people_read_a_table_and_below_it_what_was_wrong_if_they_ask() {
    let hupd = Hupd::start(JOB);
    hupd.home.configure("[jobs.x]\n");
    hupd.home.hupctl(&["reload"]);
    let table = Told::of_success(&hupd.home, &["generations"]);
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("GENERATION  WHEN "), "{table}");
    assert!(
        lines[1].starts_with("-  ") && lines[1].contains("REFUSED"),
        "{table}"
    );
    assert!(
        lines[2].starts_with("1  ") && lines[2].contains("in force"),
        "{table}"
    );
    assert_eq!(lines.len(), 3);
    let with_problems = Told::of_success(&hupd.home, &["generations", "--problems"]);
    assert!(with_problems.starts_with(&table), "{with_problems}");
    assert!(with_problems.contains("hupd.toml:4:7"), "{with_problems}");
}

#[test]
fn the_files_of_a_generation_are_shown_as_they_were_accepted() {
    let hupd = Hupd::start(&format!("# mine\n{JOB}"));
    let first = hupd.home.read("hupd.toml");
    hupd.home
        .configure("include = [\"conf.d/*.toml\"]\n[daemon]\n");
    hupd.home
        .write("conf.d/a.toml", "[jobs.a]\ncommand = \"true\"\n");
    hupd.reload();
    let second = hupd.home.read("hupd.toml");
    hupd.home
        .write("conf.d/a.toml", "[jobs.a]\ncommand = \"false\"\n");

    assert_eq!(
        Told::of_success(&hupd.home, &["show", "--generation", "1"]),
        first
    );
    let shown = Told::of_success(&hupd.home, &["show", "-g", "2"]);
    let (main, included) = (hupd.home.config_file(), hupd.home.file("conf.d/a.toml"));
    let expected = format!(
        "# {}\n{second}\n# {}\n[jobs.a]\ncommand = \"true\"\n",
        main.display(),
        included.display()
    );
    assert_eq!(shown, expected);
    let json = hupd.home.json(&["show", "--generation", "2"]);
    assert_eq!(json["files"][0]["text"], second);
    assert_eq!(
        (&json["generation"], &json["in_force"]),
        (&2.into(), &true.into())
    );

    let none = Told::by_hupctl(&hupd.home, &["show", "--generation", "7"]);
    assert_eq!(none.status, Some(1));
    assert_eq!(
        none.aside,
        "hupctl: no generation 7 is on record: see 'hupctl generations'\n"
    );
    let both = hupd.home.hupctl(&["show", "1", "--generation", "1"]);
    assert_eq!(both.status.code(), Some(2));
    assert_eq!(hupd.home.hupctl(&["show"]).status.code(), Some(2));
}

#[test]
fn what_was_decided_outlives_a_crash() {
    let hupd = Hupd::start(JOB);
    hupd.home
        .configure(&format!("{JOB}[jobs.new]\ncommand = \"true\"\n"));
    hupd.reload();
    let before = generations(&hupd.home);
    let hupd = Hupd::start_in(hupd.crash());
    let after = generations(&hupd.home);
    assert_eq!(after[0]["generation"], 3);
    assert_eq!(after[1]["summary"], before[0]["summary"]);
    let files = |number: &str| text(&hupd.home.hupctl(&["show", "-g", number]).stdout);
    assert_eq!(files("2"), files("3"));
    assert!(files("1").ends_with(JOB), "{}", files("1"));
}

const SECRETS: &str =
    "[jobs.a]\ncommand = \"true\"\nstdin = \"my-secret\"\nenv = { TOKEN = \"my-secret\" }\n";

#[test]
fn the_files_are_for_those_who_may_change_them() {
    if !is_root() {
        return skip("only root can be somebody else");
    }
    let hupd = Hupd::start(SECRETS);
    let told = |arguments: &[&str]| {
        let mut stranger = hupd.home.hupctl_of_a_stranger();
        Told::from(stranger.args(arguments).output().expect("hupctl runs"))
    };
    for arguments in [&["show", "-g", "1"][..], &["--json", "show", "-g", "1"]] {
        let told = told(arguments);
        assert_eq!(told.status, Some(77), "{told:?}");
        assert!(!told.out.contains("my-secret"), "{told:?}");
        let sentence = "may read the files of generation 1; you are uid 54321";
        assert!(told.aside.contains(sentence), "{told:?}");
    }
    let table = told(&["generations"]);
    assert!(table.out.contains("in force"), "{table:?}");
}

#[test]
fn what_is_wrong_beside_a_secret_is_told_by_its_place_alone() {
    let hupd = Hupd::start(SECRETS);
    let good = "env = { TOKEN = \"my-secret\" }";
    let wrong = [
        ("env = { TOKEN = \"my-secret\", PORT = 1 }", 7),
        ("env = { TOKEN = my-secret }", 7),
        ("environment = { TOKEN = \"my-secret\" }", 7),
        ("env { TOKEN = \"my-secret\" }", 7),
        ("[jobs.a.env]\nTOKEN = \"my-secret\nA = 1", 8),
    ];
    for (wrong, line) in wrong {
        hupd.home.configure(&SECRETS.replace(good, wrong));
        let refused = Told::by_hupctl(&hupd.home, &["reload"]);
        assert_eq!(refused.status, Some(1), "{refused:?}");
        let problems = Told::of_success(&hupd.home, &["generations", "--problems"]);
        let place = format!("hupd.toml:{line}:");
        assert!(problems.contains(&place), "{wrong}: {place}: {problems}");
        for told in [refused.aside, problems, hupd.log()] {
            assert!(!told.contains("my-secret"), "{wrong}: {told}");
        }
    }
}
