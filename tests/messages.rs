//! Every message about a file, word for word.
//!
//! A case is `tests/messages/NAME.toml`, or `tests/messages/NAME/hupd.toml` where it takes several
//! files, and `NAME.expected` beside it; one that begins with `as_a_user` is read as an ordinary user
//! reads it. `HUPD_BLESS=1 cargo test --test messages` writes what is printed now; read it aloud
//! before committing it: does it say what to write instead?

use std::fs;
use std::path::{Path, PathBuf};

use hupd::config::{Accepted, Surroundings, load};

#[test]
fn every_message_is_as_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages");
    let bless = std::env::var_os("HUPD_BLESS").is_some();
    let mut wrong = Vec::new();
    for (name, path) in cases(&folder) {
        let expected = folder.join(format!("{name}.expected"));
        let printed = printed(&name, &path).replace(folder.to_str().unwrap(), "DIR");
        if bless {
            fs::write(&expected, &printed).unwrap();
        }
        let wanted = fs::read_to_string(&expected).unwrap_or_default();
        if printed != wanted {
            wrong.push(format!("{name}: wanted\n{wanted}\nprinted\n{printed}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn enough_wrong_files_are_among_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages");
    let refused = cases(&folder).into_iter().filter(|(name, _)| {
        let expected = fs::read_to_string(folder.join(format!("{name}.expected")));
        expected.is_ok_and(|text| text.contains("\nrefused: "))
    });
    assert!(refused.count() >= 110);
}

fn cases(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).expect("the folder of cases is there");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut cases: Vec<(String, PathBuf)> = paths.filter_map(case).collect();
    cases.sort();
    cases
}

fn case(path: PathBuf) -> Option<(String, PathBuf)> {
    let name = path.file_stem()?.to_str()?.to_owned();
    match path.extension() {
        None => Some((name, path.join("hupd.toml"))),
        Some(extension) => (extension == "toml").then_some((name, path)),
    }
}

fn printed(name: &str, path: &Path) -> String {
    // Half a year before clocks go forward, and half a year after.
    let now = "2026-11-23T09:00:00Z".parse().expect("it is a time");
    let started_by = Surroundings {
        is_root: !name.starts_with("as_a_user"),
        uid: 1000,
        gid: 1000,
        ..Surroundings::default()
    };
    let (verdict, problems) = match load(path, &started_by, now) {
        Ok(Accepted { warnings, .. }) => ("accepted", warnings),
        Err(problems) => ("refused", problems),
    };
    let gap = if problems.is_empty() { "" } else { "\n\n" };
    format!("{problems}{gap}{verdict}: {}\n", problems.summary())
}
