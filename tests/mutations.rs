//! The simulation is not blind: every mutation of hupd in `mutations/list.toml`, a mistake that a programmer might
//! make, is caught by one of the lives from seed 0 on.
//!
//! ```sh
//! cargo test --test mutations -- --ignored --nocapture                     # all of them, one by one
//! HUPD_MUTATION=batch-lost,end-not-told cargo test --test mutations -- --ignored --nocapture    # only these
//! ```
//!
//! How many lives it took is kept in the list. The numbers move with what a seed means and with the tz database;
//! that each is caught must not.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test stands outside hupd"
)]

use std::collections::BTreeSet;
use std::env::var;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// So many lives a mutation may go unseen.
const MOST_LIVES: u64 = 400;

/// All that the lives are built from.
const SOURCES: [&str; 6] = [
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "examples",
    "tests",
    "benches",
];

#[derive(Deserialize)]
struct List {
    mutation: Vec<Mutation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    name: String,
    /// What is wrong with it, in a sentence.
    wrong: String,
    file: String,
    /// Stands once in the file.
    old: String,
    new: String,
    /// How it was caught when it was tried last.
    caught: Caught,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Caught {
    /// So many lives, from seed 0 on.
    lives: u64,
    invariant: String,
}

impl Mutation {
    fn of(&self, text: &str) -> String {
        let count = text.matches(&self.old).count();
        assert_eq!(count, 1, "{}: 'old' stands in {}", self.name, self.file);
        text.replacen(&self.old, &self.new, 1)
    }
}

fn mutations() -> Vec<Mutation> {
    let list: List = toml::from_str(include_str!("mutations/list.toml")).unwrap();
    list.mutation
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_mutation_changes_one_place_and_has_its_record() {
    let mut names = BTreeSet::new();
    for mutation in mutations() {
        let text = fs::read_to_string(root().join(&mutation.file)).unwrap();
        let Mutation {
            name,
            wrong,
            caught,
            ..
        } = &mutation;
        assert_ne!(mutation.of(&text), text, "{name}");
        assert!(wrong.ends_with('.'), "{name}: {wrong}");
        assert!((1..=MOST_LIVES).contains(&caught.lives), "{name}");
        assert!(caught.invariant.len() > 1, "{name}");
        assert!(names.insert(name.clone()), "{name} twice");
    }
}

/// Builds hupd once for each mutation. On two cores all of them take half an hour.
#[test]
#[ignore = "takes many minutes, and builds hupd again and again"]
fn every_mutation_is_caught() {
    let workshop = Workshop::open();
    let only = var("HUPD_MUTATION").ok();
    if only.is_none() {
        assert_eq!(workshop.live(), None, "hupd as it is");
    }
    let is_named = |names: &String, name: &str| names.split(',').any(|one| one == name);
    let is_wanted = |mutation: &Mutation| {
        only.as_ref()
            .is_none_or(|names| is_named(names, &mutation.name))
    };
    let wanted: Vec<_> = mutations().into_iter().filter(is_wanted).collect();
    assert!(!wanted.is_empty(), "no mutation is called {only:?}");
    println!(
        "{:44} {:>5} {:>7}  invariant",
        "mutation", "lives", "before"
    );
    let missed = wanted.iter().filter(|mutation| {
        let caught = workshop.try_out(mutation);
        say(mutation, caught.as_ref());
        caught.is_none()
    });
    let missed: Vec<_> = missed.map(|mutation| &mutation.name).collect();
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

fn say(mutation: &Mutation, caught: Option<&Caught>) {
    let (lives, invariant) = match caught {
        Some(caught) => (caught.lives.to_string(), caught.invariant.as_str()),
        None => ("-".to_owned(), "NOT CAUGHT"),
    };
    let before = mutation.caught.lives;
    println!("{:44} {lives:>5} {before:>7}  {invariant}", mutation.name);
}

/// A copy of the sources, in which one thing at a time is spoilt.
struct Workshop {
    tree: PathBuf,
    target: PathBuf,
}

impl Workshop {
    /// Always in the same place: a build takes over what the one before has made.
    fn open() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutations");
        let workshop = Self {
            tree: folder.join("tree"),
            target: folder.join("target"),
        };
        let _ = fs::remove_dir_all(&workshop.tree);
        for name in SOURCES {
            copy(&root().join(name), &workshop.tree.join(name));
        }
        workshop
    }

    fn try_out(&self, mutation: &Mutation) -> Option<Caught> {
        let file = self.tree.join(&mutation.file);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, mutation.of(&text)).unwrap();
        let caught = self.live();
        fs::write(&file, text).unwrap();
        caught
    }

    /// How the lives of hupd as it stands there go wrong, if they do.
    fn live(&self) -> Option<Caught> {
        self.build();
        let mut lives = Command::new(self.target.join("simulation/examples/lives"))
            .args(["0", &MOST_LIVES.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(lives.stdout.take().unwrap()).lines();
        let caught = lines.map(Result::unwrap).find_map(|line| caught(&line));
        if caught.is_some() {
            // The smallest life that goes wrong takes a while to find, and nobody wants it here.
            lives.kill().unwrap();
        }
        let status = lives.wait().unwrap();
        assert!(caught.is_some() || status.success(), "{status}");
        caught
    }

    fn build(&self) {
        let built = Command::new(env!("CARGO"))
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .args(["build", "--quiet", "--locked"])
            .args(["--profile", "simulation", "--example", "lives"])
            // Most are caught within seconds: it is the building that takes time.
            .args(["--config", "profile.simulation.incremental=true"])
            .args(["--config", "profile.simulation.package.hupd.opt-level=1"])
            .output()
            .unwrap();
        let complaints = String::from_utf8_lossy(&built.stderr);
        assert!(
            built.status.success(),
            "it does not even compile:\n{complaints}"
        );
    }
}

/// From a line such as `seed 12: broken: no panic is reachable`.
fn caught(line: &str) -> Option<Caught> {
    let (seed, invariant) = line.strip_prefix("seed ")?.split_once(": broken: ")?;
    Some(Caught {
        lives: seed.parse::<u64>().ok()? + 1,
        invariant: invariant.to_owned(),
    })
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
        return;
    }
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        // What was built of the peers below benches/ is no source.
        if name == "target" {
            continue;
        }
        copy(&from.join(&name), &to.join(&name));
    }
}
