//! Where the socket of a hupd with a certain file is, for whoever must not be led to another hupd.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Surroundings;
use super::decode::decode;
use super::load::said_in;
use super::read::read;
use super::source::Source;
use super::syntax::{self, Damage};

/// By what the file says of `[daemon]`, whatever else is wrong with it; the error, where that cannot be read, is what
/// follows the path.
pub fn runtime_dir_said_by(path: &Path, surroundings: &Surroundings) -> Result<PathBuf, String> {
    let contents = read(path).map_err(|reason| format!("cannot be read: {reason}"))?;
    let source = decode(path, contents.bytes).map_err(|findings| findings.first())?;
    let said = said_in(&source, surroundings);
    if let Some(folder) = said.runtime_dir {
        return Ok(folder);
    }
    refuse_what_is_hidden(&source)?;
    Ok(surroundings.runtime_dir(&said.state_dir.unwrap_or_default()))
}

/// Nothing is said of it; or it is, and cannot be read.
fn refuse_what_is_hidden(source: &Rc<Source>) -> Result<(), String> {
    let mut mended = String::new();
    let (tree, damage) = syntax::parse(source, &mut mended);
    let daemon = tree.get_key_value("daemon");
    let table = daemon.and_then(|(_, value)| value.get_ref().as_table());
    let is_hidden = match (daemon, table) {
        (Some(_), None) => true,
        (Some(_), Some(table)) if table.contains_key("runtime_dir") => true,
        (Some((key, _)), Some(_)) => damage.is_in_section_of(key.span().start),
        (None, _) => may_hide_daemon(&damage, source.text()),
    };
    if !is_hidden {
        return Ok(());
    }
    let at = damage.first_line(source);
    let at = at.map_or_else(String::new, |line| {
        format!(", for what is wrong on line {line}")
    });
    Err(format!("what it says of runtime_dir cannot be read{at}"))
}

fn may_hide_daemon(damage: &Damage, text: &str) -> bool {
    !damage.is_none() && (damage.has_broken_header() || text.contains("daemon"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_by(text: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hupd.toml");
        std::fs::write(&path, text).unwrap();
        let root = Surroundings {
            is_root: true,
            ..Surroundings::default()
        };
        let said = runtime_dir_said_by(&path, &root);
        said.map(|said| {
            let inside = said.strip_prefix(folder.path());
            inside.unwrap_or(&said).display().to_string()
        })
    }

    #[test]
    fn what_can_be_read_counts_whatever_else_is_wrong() {
        for (text, folder) in [
            ("[daemon]\nruntime_dir = \"run\"\n", "run"),
            ("x\n[daemon]\nruntime_dir = \"run\"\ngrase = 1\n", "run"),
            ("[daemon]\nruntime_dir = \"run\"\ngrace = \n", "run"),
            ("# no jobs\n", "/run/hupd"),
            ("[daemon]\ngrace = \"1s\"\n", "/run/hupd"),
            (
                "[daemon]\ngrace = \"1s\"\n[jobs.a]\ncommand =\n",
                "/run/hupd",
            ),
            ("[jobs.a]\ncommand =\n", "/run/hupd"),
        ] {
            assert_eq!(said_by(text).as_deref(), Ok(folder), "{text}");
        }
    }

    #[test]
    fn what_may_be_said_and_cannot_be_read_leads_nowhere() {
        let hidden = |line| {
            format!("what it says of runtime_dir cannot be read, for what is wrong on line {line}")
        };
        let without_place = "what it says of runtime_dir cannot be read".to_owned();
        for (text, why) in [
            (
                "",
                "the file is empty; a file that is half written looks the same".to_owned(),
            ),
            ("\0", "NUL character: this is not a text file".to_owned()),
            ("[daemon\nruntime_dir = \"run\"\n", hidden(1)),
            ("[jobs.a]\ncommand = \"x\"\n[dae", hidden(3)),
            ("[daemon]\nstate_dir = \"s\"\nruntime_d", hidden(3)),
            ("[daemon]\nruntime_dir = \n", hidden(2)),
            (
                "[jobs.a]\ncommand = \"\"\"x\n[daemon]\nruntime_dir = \"run\"\n",
                hidden(2),
            ),
            ("[daemon]\nruntime_dir = 5\n", without_place.clone()),
            ("daemon = 5\n", without_place),
        ] {
            assert_eq!(said_by(text), Err(why), "{text}");
        }
    }

    #[test]
    fn what_is_no_file_leads_nowhere() {
        let surroundings = Surroundings::default();
        let said = |path: &str| runtime_dir_said_by(Path::new(path), &surroundings).unwrap_err();
        assert_eq!(
            said("/"),
            "cannot be read: it is a directory; it must be a regular file"
        );
        assert_eq!(
            said("/nowhere"),
            "cannot be read: no such file or directory"
        );
    }
}
