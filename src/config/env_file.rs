//! The file that `env_file` names: lines of `NAME=value`, read by a check and again by each run.
//!
//! It may hold secrets, so no message repeats what is in it.

use std::fmt;
use std::io;
use std::path::Path;

use super::longest::too_long_for;
use super::policies::check_name;
use super::read::{ATTEMPTS, changed, try_read};
use super::trust::{Writers, trusted_end};
use super::words::visible;
use crate::reason::reason;

const MOST_TOLD: usize = 20;

/// Why there are no variables: which file, and which lines where it is those.
#[derive(Debug)]
pub enum EnvFileError {
    Unreadable(String, io::Error),
    Wrong(String),
}

impl fmt::Display for EnvFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(file, error) => write!(f, "cannot read '{file}': {}", reason(error)),
            Self::Wrong(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for EnvFileError {}

/// The variables in the order of the file, if nobody else than these could have written it.
pub fn read_env_file(path: &Path, writers: Writers) -> Result<Vec<(String, String)>, EnvFileError> {
    let file = visible(&path.to_string_lossy());
    let bytes = trusted_bytes(path, writers)?;
    variables(&file, bytes).map_err(EnvFileError::Wrong)
}

/// Of the file that is at the end of the way that was looked at: its user may turn that meanwhile.
fn trusted_bytes(path: &Path, writers: Writers) -> Result<Vec<u8>, EnvFileError> {
    let look = || trusted_end(path, writers).map_err(|hand| EnvFileError::Wrong(hand.on(path)));
    let unreadable = |error| EnvFileError::Unreadable(visible(&path.to_string_lossy()), error);
    for _ in 0..ATTEMPTS {
        if writers != Writers::Anybody {
            look()?;
        }
        let contents = try_read(path).map_err(unreadable)?;
        if writers == Writers::Anybody || look()? == contents.identity {
            return Ok(contents.bytes);
        }
    }
    Err(unreadable(changed()))
}

fn variables(file: &str, bytes: Vec<u8>) -> Result<Vec<(String, String)>, String> {
    let text = String::from_utf8(bytes).map_err(|_| format!("'{file}' is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut variables, mut wrong) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            match variable(line) {
                Ok(variable) => variables.push(variable),
                Err(what) => wrong.push(format!("line {}: {what}", at + 1)),
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(variables),
        false => Err(format!("'{file}', {}", told(wrong))),
    }
}

/// Where very many lines are wrong, another file was meant.
fn told(mut wrong: Vec<String>) -> String {
    let more = wrong.len().saturating_sub(MOST_TOLD);
    wrong.truncate(MOST_TOLD);
    wrong.extend((more > 0).then(|| format!("and {more} more")));
    wrong.join("; ")
}

fn variable(line: &str) -> Result<(String, String), String> {
    let Some((name, value)) = line.split_once('=') else {
        return Err("there is no '='; write NAME=value".into());
    };
    if name.starts_with("export ") {
        return Err("this is not a shell script; leave 'export' out".into());
    }
    if name.contains(char::is_whitespace) {
        return Err("there is a blank in the name, or before '='; write NAME=value".into());
    }
    // Its message would repeat the name, which is enough for a table, and may be too much here.
    check_name(name).map_err(|_| match name.starts_with("HUPD_") {
        true => "names that begin with 'HUPD_' are set by hupd",
        false => "there is no name before '='; write NAME=value",
    })?;
    let value = unquoted(value.trim_start())?;
    match too_long_for(name, value.len()) {
        Some(problem) => Err(problem),
        None => Ok((name.to_owned(), value.to_owned())),
    }
}

/// A value may stand in quotes of one kind, so that it can begin or end with blanks.
fn unquoted(value: &str) -> Result<&str, String> {
    if value.contains('\0') {
        return Err("there is a NUL character".into());
    }
    let Some(quote) = value
        .chars()
        .next()
        .filter(|first| ['"', '\''].contains(first))
    else {
        return Ok(value);
    };
    let inner = value[1..].strip_suffix(quote);
    inner.ok_or_else(|| format!("a value that begins with {quote} must end with it"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{chown, lchown, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    fn read_text(text: &[u8]) -> Result<Vec<(String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        fs::write(&path, text).unwrap();
        let place = folder.path().to_str().unwrap();
        let read = read_env_file(&path, Writers::Anybody);
        read.map_err(|error| error.to_string().replace(place, "DIR"))
    }

    #[test]
    fn each_line_is_a_variable() {
        let text = "# secrets\n\nUSER_NAME=hugo\r\n  TOKEN= a=b c \nQUOTED=\" x 'y' \"\nONE='\"'\nEMPTY=\n";
        let expected = [
            ("USER_NAME", "hugo"),
            ("TOKEN", "a=b c"),
            ("QUOTED", " x 'y' "),
            ("ONE", "\""),
            ("EMPTY", ""),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read_text(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_not_repeated() {
        let long = [b"A=".as_slice(), &[b'x'; 131_070]].concat();
        let cases: [(&[u8], &str); 9] = [
            (
                b"A=1\nhunter2\n",
                "'DIR/env', line 2: there is no '='; write NAME=value",
            ),
            (
                b"=hunter2",
                "'DIR/env', line 1: there is no name before '='; write NAME=value",
            ),
            (
                b"export A=1",
                "'DIR/env', line 1: this is not a shell script; leave 'export' out",
            ),
            (
                b"A =1",
                "'DIR/env', line 1: there is a blank in the name, or before '='; write NAME=value",
            ),
            (
                b"HUPD_JOB=x",
                "'DIR/env', line 1: names that begin with 'HUPD_' are set by hupd",
            ),
            (
                b"A=\"x",
                "'DIR/env', line 1: a value that begins with \" must end with it",
            ),
            (b"\n\nA=x\0y", "'DIR/env', line 3: there is a NUL character"),
            (b"A=\xff", "'DIR/env' is not UTF-8"),
            (
                &long,
                "'DIR/env', line 1: its value has 131070 bytes; a variable of this name takes at most 131069",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(read_text(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn all_lines_that_are_wrong_are_told() {
        let told = read_text(b"hunter2\nA=1\n=x\n").unwrap_err();
        let expected = "'DIR/env', line 1: there is no '='; write NAME=value; \
                        line 3: there is no name before '='; write NAME=value";
        assert_eq!(told, expected);
        let told = read_text(&b"no\n".repeat(25)).unwrap_err();
        assert!(told.contains("; line 20: there is no '='"), "{told}");
        assert!(told.ends_with("; write NAME=value; and 5 more"), "{told}");
    }

    #[test]
    fn a_file_that_cannot_be_read_says_why() {
        let missing = read_env_file(Path::new("/no/such/env"), Writers::Anybody).unwrap_err();
        let expected = "cannot read '/no/such/env': no such file or directory";
        assert_eq!(missing.to_string(), expected);
    }

    /// A user who turns a name while root reads it.
    #[test]
    fn what_is_put_in_its_place_meanwhile_is_not_read() {
        const WORKER: u32 = 54_321;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("own"), "WHOSE=own\n").unwrap();
        fs::write(at("secret"), "WHOSE=root\n").unwrap();
        if chown(at("own"), Some(WORKER), None).is_err() {
            eprintln!("SKIPPED: only root can have files of two users");
            return;
        }
        fs::hard_link(at("own"), at("env")).unwrap();
        let is_over = AtomicBool::new(false);
        let turn = || {
            symlink("secret", at("link")).unwrap();
            lchown(at("link"), Some(WORKER), None).unwrap();
            fs::rename(at("link"), at("env")).unwrap();
            fs::hard_link(at("own"), at("again")).unwrap();
            fs::rename(at("again"), at("env")).unwrap();
        };
        let told = thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    turn();
                }
            });
            let read = || read_env_file(&at("env"), Writers::RootAnd(WORKER));
            let told: Vec<_> = (0..3000).filter_map(|_| read().ok()).collect();
            is_over.store(true, Ordering::Relaxed);
            told
        });
        let others = told.iter().filter(|variables| variables[0].1 != "own");
        assert_eq!(others.count(), 0);
    }
}
