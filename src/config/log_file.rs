//! Whether the log could be opened, as far as that can be told without doing it.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use super::Surroundings;
use super::finding::Finding;
use super::section::Section;
use super::words::visible;
use crate::reason::reason;

/// Why it could not, for the text behind "cannot be opened as the log:".
enum Obstacle {
    /// Whoever asks.
    ForAll(String),
    /// For whoever asks here: hupd may be another user, or see other folders.
    Here(String),
}

/// Of the file that `[log]` names. Only hupd itself knows what it may not do.
pub(super) fn check_log_file(
    section: &mut Section<'_, '_>,
    path: &Path,
    surroundings: &Surroundings,
) {
    let told = |why: &str| {
        let path = visible(&path.to_string_lossy());
        format!("[log] file: '{path}' cannot be opened as the log: {why}")
    };
    let mut finding = match obstacle(path) {
        None => return,
        Some(Obstacle::ForAll(why)) => Finding::error(told(&why)).help(
            "name a file in a folder that is there, or leave it out: then hupd logs to standard error",
        ),
        Some(Obstacle::Here(why)) if surroundings.serves => Finding::error(told(&why))
            .help("let the user as whom hupd runs write there, or name another file"),
        Some(Obstacle::Here(why)) => Finding::warning(told(&why))
            .help("unless hupd may write there it does not start so, and refuses a reload"),
    };
    finding.at = section.value_at("file");
    section.push(finding);
}

fn obstacle(path: &Path) -> Option<Obstacle> {
    match path.metadata() {
        Ok(found) => in_place(path, &found),
        Err(error) if error.kind() == ErrorKind::NotFound => in_folder(path.parent()?),
        Err(error) => Some(of(&error, reason(&error))),
    }
}

fn in_place(path: &Path, found: &Metadata) -> Option<Obstacle> {
    match found.is_file() {
        true => denied(path, Access::WRITE_OK),
        false => Some(Obstacle::ForAll("it is no regular file".to_owned())),
    }
}

/// Where the file would be made.
fn in_folder(folder: &Path) -> Option<Obstacle> {
    let name = visible(&folder.to_string_lossy());
    match folder.metadata() {
        Ok(_) => denied(folder, Access::WRITE_OK | Access::EXEC_OK),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Some(Obstacle::ForAll(format!("the folder '{name}' is missing")))
        }
        Err(error) => Some(of(
            &error,
            format!("the folder '{name}': {}", reason(&error)),
        )),
    }
}

fn of(error: &io::Error, why: String) -> Obstacle {
    match error.kind() {
        ErrorKind::PermissionDenied => Obstacle::Here(why),
        _ => Obstacle::ForAll(why),
    }
}

fn denied(path: &Path, access: Access) -> Option<Obstacle> {
    match accessat(CWD, path, access, AtFlags::EACCESS) {
        // A kernel that cannot say it leaves it to whoever opens the log.
        Ok(()) | Err(Errno::NOSYS | Errno::INVAL) => None,
        Err(errno) => {
            let name = visible(&path.to_string_lossy());
            let why = reason(&errno.into());
            Some(Obstacle::Here(format!("'{name}': {why}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(path: &Path) -> Option<String> {
        obstacle(path).map(|obstacle| match obstacle {
            Obstacle::ForAll(why) | Obstacle::Here(why) => why,
        })
    }

    #[test]
    fn what_is_there_or_can_be_made_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hupd.log");
        assert_eq!(why(&path), None);
        assert!(!path.exists());
        std::fs::write(&path, "before").unwrap();
        assert_eq!(why(&path), None);
        assert_eq!(std::fs::read(&path).unwrap(), b"before");
    }

    #[test]
    fn what_can_be_no_log_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        let missing = format!("the folder '{}' is missing", at("x").display());
        assert_eq!(why(&at("x/hupd.log")), Some(missing));
        assert_eq!(why(&at("file/hupd.log")).unwrap(), "not a directory");
        for path in [folder.path(), Path::new("/dev/null")] {
            assert_eq!(why(path).unwrap(), "it is no regular file");
        }
    }
}
