//! The rules that the source keeps: who may import whom, where `unsafe` is, how long a file is.

mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use source::{Place, named_modules, tokens};

/// Every module of the library and whom of the others it may import, in the order of the map in
/// src/lib.rs: from what knows nothing to what knows everything. Tests inside a module obey too.
const LAYERS: [(&str, &[&str]); 19] = [
    ("run", &[]),
    ("clock", &[]),
    ("reason", &[]),
    ("digest", &[]),
    ("schedule", &["digest"]),
    ("config", &["run", "reason", "digest", "schedule"]),
    ("check", &["config"]),
    ("forecast", &["run", "schedule", "config"]),
    ("plan", &["run", "config", "forecast"]),
    ("ledger", &["run", "clock"]),
    (
        "engine",
        &["run", "clock", "schedule", "config", "forecast", "ledger"],
    ),
    ("protocol", &["run", "forecast", "plan"]),
    (
        "why",
        &[
            "run", "schedule", "config", "forecast", "ledger", "protocol",
        ],
    ),
    ("event", &["run", "clock", "config", "ledger", "protocol"]),
    ("store", BELOW_THE_DAEMON),
    ("system", BELOW_THE_DAEMON),
    ("control", BELOW_THE_DAEMON),
    ("logging", BELOW_THE_DAEMON),
    (
        "daemon",
        &[
            "run", "clock", "reason", "schedule", "config", "check", "forecast", "plan", "ledger",
            "engine", "protocol", "why", "event", "store", "system", "control", "logging",
        ],
    ),
];

/// For those that touch the world. They never import each other: only the daemon knows them all.
const BELOW_THE_DAEMON: &[&str] = &[
    "run", "clock", "reason", "digest", "schedule", "config", "forecast", "plan", "ledger",
    "protocol", "why", "event",
];

/// What the programs may take from the library. hupctl says "in 3 min", and the one way to ask what
/// time it is leads through the clock; what hupd would do with a file only the engine knows.
const PROGRAMS: [(&str, &[&str]); 2] = [
    ("main", &["daemon"]),
    (
        "hupctl",
        &[
            "run", "clock", "reason", "schedule", "config", "check", "forecast", "plan", "engine",
            "protocol", "why", "control",
        ],
    ),
];

/// The module that may have unsafe code.
const UNSAFE_HOME: [&str; 2] = ["system", "raw"];

const LONGEST: usize = 350;
const LONGEST_TESTS: usize = 400;

/// One file below src/.
struct Source {
    /// From src/ on.
    path: PathBuf,
    text: String,
}

impl Source {
    fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources: Vec<_> = rust_files(&root)
            .into_iter()
            .map(|file| Self {
                path: file.strip_prefix(&root).expect("it is below").to_owned(),
                text: fs::read_to_string(&file).expect("a source can be read"),
            })
            .collect();
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        assert!(!sources.is_empty(), "no source below {}", root.display());
        sources
    }

    fn map() -> Self {
        let is_map = |source: &Self| source.path == Path::new("lib.rs");
        let map = Self::all().into_iter().find(is_map);
        map.expect("the library has a map")
    }

    /// `["system", "watch", "places"]` for system/watch/places.rs.
    fn module(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        let mut names: Vec<_> = path
            .iter()
            .map(|name| name.to_str().expect("sources have plain names").to_owned())
            .collect();
        if names.last().is_some_and(|name| name == "mod") {
            names.pop();
        }
        names
    }

    fn is_tests(&self) -> bool {
        self.module().iter().any(|name| name == "tests")
    }

    /// Imports that the layers do not allow, as `path:line: words`.
    fn wrong_imports(&self) -> Vec<String> {
        let module = self.module();
        let names: Vec<_> = module.iter().map(String::as_str).collect();
        let (own, place, rules): (&str, Place, &[(&str, &[&str])]) = match names[..] {
            ["lib"] => ("lib", Place::Library(Vec::new()), &[("lib", &[])]),
            ["main"] => ("main", Place::Program, &PROGRAMS),
            ["bin", program, ..] => (program, Place::Program, &PROGRAMS),
            [top, ..] => (top, Place::Library(module.clone()), &LAYERS),
            [] => unreachable!("a file has a name"),
        };
        let Some((_, allowed)) = rules.iter().find(|(name, _)| *name == own) else {
            return vec![self.complaint(1, &format!("'{own}' is not in the table of layers"))];
        };
        named_modules(&self.text, &place)
            .iter()
            .filter(|(name, _)| name != own && !allowed.contains(&name.as_str()))
            .map(|(name, line)| self.complaint(*line, &wrong_import(own, name)))
            .collect()
    }

    /// Lines with a run of these words and marks, comments and literals apart.
    fn lines_with(&self, wanted: &[&str]) -> Vec<usize> {
        tokens(&self.text)
            .windows(wanted.len())
            .filter(|found| {
                found
                    .iter()
                    .map(|token| token.text)
                    .eq(wanted.iter().copied())
            })
            .map(|found| found[0].line)
            .collect()
    }

    fn complaint(&self, line: usize, what: &str) -> String {
        format!("src/{}:{line}: {what}", self.path.display())
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of the source can be read");
    entries
        .map(|entry| entry.expect("its entries can be read").path())
        .flat_map(|path| match path.is_dir() {
            true => rust_files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn wrong_import(own: &str, name: &str) -> String {
    match name {
        "" => format!("{own} gives the whole library another name"),
        "*" => format!("{own} imports whatever there is"),
        _ => format!("{own} may not import {name}"),
    }
}

/// Fails with all complaints at once, a line each.
fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Complaints about every source, one for each line that is found.
fn assert_nowhere(what: &str, lines: impl Fn(&Source) -> Vec<usize>) {
    let complain = |source: &Source| -> Vec<_> {
        let lines = lines(source).into_iter();
        lines.map(|line| source.complaint(line, what)).collect()
    };
    assert_none(Source::all().iter().flat_map(complain).collect());
}

#[test]
fn no_module_imports_what_its_layer_may_not() {
    let wrong = Source::all()
        .iter()
        .flat_map(Source::wrong_imports)
        .collect();
    assert_none(wrong);
}

#[test]
fn the_table_of_layers_is_the_map_of_the_library() {
    let map = Source::map();
    let drawn: Vec<_> = map
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(drawn, LAYERS.map(|(name, _)| name));
    let words = tokens(&map.text);
    let declared: BTreeSet<_> = words
        .windows(2)
        .filter(|pair| pair[0].text == "mod")
        .map(|pair| pair[1].text)
        .collect();
    assert_eq!(declared, drawn.into_iter().collect());
}

#[test]
fn every_module_imports_only_what_is_above_it_in_the_map() {
    for (at, (name, allowed)) in LAYERS.iter().enumerate() {
        let above: Vec<_> = LAYERS[..at].iter().map(|(name, _)| name).collect();
        assert!(allowed.iter().all(|other| above.contains(&other)), "{name}");
    }
}

#[test]
fn no_file_is_taken_from_elsewhere() {
    assert_nowhere("brings in a file behind the back of the layers", |source| {
        let paths = source.lines_with(&["#", "[", "path"]);
        [paths, source.lines_with(&["include", "!"])].concat()
    });
}

#[test]
fn unsafe_code_is_in_its_one_home() {
    assert_nowhere(
        "unsafe is for system/raw.rs and its parts alone",
        |source| match source.module().starts_with(&UNSAFE_HOME.map(str::to_owned)) {
            true => Vec::new(),
            false => [
                source.lines_with(&["unsafe"]),
                source.lines_with(&["unsafe_code"]),
            ]
            .concat(),
        },
    );
}

#[test]
fn nothing_is_left_to_do() {
    assert_nowhere("is not finished", |source| {
        let macros = [
            source.lines_with(&["todo", "!"]),
            source.lines_with(&["unimplemented", "!"]),
        ];
        let notes = source.text.lines().enumerate();
        let notes = notes
            .filter(|(_, line)| has_note(line))
            .map(|(at, _)| at + 1);
        macros.concat().into_iter().chain(notes).collect()
    });
}

/// Notes are found in comments and strings as well.
fn has_note(line: &str) -> bool {
    line.split(|letter: char| !letter.is_alphanumeric())
        .any(|word| ["TODO", "FIXME", "XXX"].contains(&word))
}

#[test]
fn no_file_is_too_long_to_be_read() {
    assert_nowhere("is too long: split it by what it does", |source| {
        let lines = source.text.lines().count();
        let longest = if source.is_tests() {
            LONGEST_TESTS
        } else {
            LONGEST
        };
        if lines > longest {
            vec![lines]
        } else {
            Vec::new()
        }
    });
}

#[test]
fn every_file_says_first_what_it_owns() {
    assert_nowhere("begins without a line of '//!'", |source| {
        if source.text.starts_with("//! ") {
            Vec::new()
        } else {
            vec![1]
        }
    });
}

/// What a source at this path would be told.
fn complaints_about(path: &str, text: &str) -> Vec<String> {
    let source = Source {
        path: path.into(),
        text: text.to_owned(),
    };
    source.wrong_imports()
}

#[test]
fn an_import_across_the_layers_is_found() {
    assert_eq!(
        complaints_about("engine/due.rs", "\nuse crate::store::Store;\n"),
        ["src/engine/due.rs:2: engine may not import store"]
    );
}

#[test]
fn nobody_imports_the_library_as_a_whole() {
    for text in [
        "use crate::*;",
        "use crate as all;",
        "use crate::{self as all};",
        "use super::*;",
    ] {
        assert_eq!(complaints_about("engine.rs", text).len(), 1, "{text}");
    }
    for text in [
        "use hupd::*;",
        "use hupd as all;",
        "extern crate hupd as all;",
    ] {
        assert_eq!(complaints_about("main.rs", text).len(), 1, "{text}");
    }
}

#[test]
fn programs_are_held_to_their_part_of_the_library() {
    let text = "use crate::store::Table; use hupd::run::RunId; fn f() { ::hupd::store::f() }";
    for (path, program) in [
        ("bin/hupctl/runs.rs", "hupctl"),
        ("bin/hupctl.rs", "hupctl"),
    ] {
        let expected = format!("src/{path}:1: {program} may not import store");
        assert_eq!(complaints_about(path, text), [expected]);
    }
}

#[test]
fn a_module_without_a_layer_is_found() {
    let complaints = complaints_about("helpers/mod.rs", "");
    assert_eq!(
        complaints,
        ["src/helpers/mod.rs:1: 'helpers' is not in the table of layers"]
    );
}
