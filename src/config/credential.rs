//! Secrets that the service manager hands over: a file names them, and each run reads what they are.
//!
//! No message repeats what is in one.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

use super::longest::too_long_for;
use super::read::try_read;
use super::section::{Item, Wrong};
use super::words::quoted;
use crate::reason::reason;

const EXAMPLE: &str = "write { credential = \"db-password\" }";
const NAMES: &str = "a name has 1 to 255 letters, digits and marks, without '/' and ':'";

/// The name of a credential: that of a file in `$CREDENTIALS_DIRECTORY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential(String);

impl Credential {
    /// Of `{ credential = "db-password" }`.
    pub(super) fn of(item: &Item<'_>, table: &DeTable<'_>) -> Result<Self, Wrong> {
        let other = table.iter().find(|(key, _)| key.get_ref() != "credential");
        if let Some((key, _)) = other {
            return Err(Wrong {
                at: Some(key.span()),
                ..Wrong::new(format!("unknown key {}", quoted(key.get_ref()))).help(EXAMPLE)
            });
        }
        let value = table.get("credential");
        let value = value.ok_or_else(|| Wrong::new("the table is empty").help(EXAMPLE))?;
        let item = item.part(value);
        // What is no name may be the secret itself.
        let name = match item.value {
            DeValue::String(name) if is_name(name) => Ok(Self(name.to_string())),
            DeValue::String(_) => Err("expected the name of a credential".to_owned()),
            _ => Err(format!(
                "expected the name of a credential, found {}",
                item.kind()
            )),
        };
        name.map_err(|message| Wrong {
            at: Some(value.span()),
            ..Wrong::new(message).help(NAMES)
        })
    }

    /// What it is now, for a variable of that name: all of the file but one line break at its end.
    pub fn read(&self, variable: &str, folder: Option<&Path>) -> Result<OsString, CredentialError> {
        let failed = |why| CredentialError {
            name: self.0.clone(),
            why,
        };
        let folder = folder.ok_or_else(|| failed(Why::NoFolder))?;
        let contents = try_read(&folder.join(&self.0));
        let bytes = contents
            .map_err(|error| failed(Why::Unreadable(error)))?
            .bytes;
        value(variable, bytes).map_err(|why| failed(Why::Unfit(why)))
    }
}

/// As a file says it.
impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = toml::Value::String(self.0.clone());
        write!(f, "{{ credential = {name} }}")
    }
}

pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "credential": {
                "type": "string",
                "pattern": "^[!-.0-9;-~]{1,255}$",
                "description": "A secret of this name in $CREDENTIALS_DIRECTORY, read by each run",
            },
        },
        "required": ["credential"],
        "additionalProperties": false,
    })
}

/// As systemd has them.
fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':');
    let is_file = !matches!(name, "" | "." | "..") && name.len() <= 255;
    is_file && name.bytes().all(is_allowed)
}

fn value(variable: &str, mut bytes: Vec<u8>) -> Result<OsString, String> {
    if bytes.ends_with(b"\n") {
        bytes.pop();
    }
    if bytes.contains(&0) {
        return Err("it has a NUL character, which no variable can have".to_owned());
    }
    match too_long_for(variable, bytes.len()) {
        Some(problem) => Err(problem),
        None => Ok(OsString::from_vec(bytes)),
    }
}

/// Why there is no value.
#[derive(Debug)]
pub struct CredentialError {
    name: String,
    why: Why,
}

#[derive(Debug)]
enum Why {
    NoFolder,
    Unreadable(io::Error),
    Unfit(String),
}

impl CredentialError {
    /// What the system says, where it does.
    pub fn system(&self) -> Option<&io::Error> {
        match &self.why {
            Why::Unreadable(error) => Some(error),
            Why::NoFolder | Why::Unfit(_) => None,
        }
    }

    /// What to do, in the words of systemd.
    pub(super) fn help(&self) -> String {
        let name = &self.name;
        format!("give it to the service: LoadCredential={name}:/path/to/file, and restart it")
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = quoted(&self.name);
        match &self.why {
            Why::NoFolder => write!(
                f,
                "credential {name}: hupd was given none: CREDENTIALS_DIRECTORY is not set"
            ),
            Why::Unreadable(error) => write!(f, "cannot read credential {name}: {}", reason(error)),
            Why::Unfit(why) => write!(f, "credential {name}: {why}"),
        }
    }
}

impl std::error::Error for CredentialError {}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(content: &[u8]) -> Result<OsString, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), content).unwrap();
        let credential = Credential("a".to_owned());
        let read = credential.read("A", Some(folder.path()));
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn one_line_break_at_its_end_is_not_part_of_it() {
        for (content, expected) in [
            ("secret\n", "secret"),
            ("secret", "secret"),
            ("secret\n\n", "secret\n"),
            ("\nse cret \n", "\nse cret "),
            ("secret\r\n", "secret\r"),
            ("\n", ""),
            ("", ""),
        ] {
            assert_eq!(read(content.as_bytes()).unwrap(), expected, "{content:?}");
        }
    }

    #[test]
    fn it_may_be_anything_but_what_no_variable_can_be() {
        assert_eq!(read(b"\xff").unwrap().into_vec(), b"\xff");
        let nul = read(b"secret\0").unwrap_err();
        assert_eq!(
            nul,
            "credential 'a': it has a NUL character, which no variable can have"
        );
        let large = read(&[b'x'; 131_070]).unwrap_err();
        let expected = "credential 'a': its value has 131070 bytes; a variable of this name takes at most 131069";
        assert_eq!(large, expected);
        assert!(read(&[b'x'; 131_069]).is_ok());
    }

    #[test]
    fn what_is_not_there_is_told_by_its_name() {
        let credential = Credential("a".to_owned());
        let told = |folder| credential.read("A", folder).unwrap_err().to_string();
        let expected = "credential 'a': hupd was given none: CREDENTIALS_DIRECTORY is not set";
        assert_eq!(told(None), expected);
        let folder = tempfile::tempdir().unwrap();
        let expected = "cannot read credential 'a': no such file or directory";
        assert_eq!(told(Some(folder.path())), expected);
    }

    #[test]
    fn names_are_those_of_files() {
        for name in ["a", "db-password", "a.b_c", "..."] {
            assert!(is_name(name), "{name}");
        }
        let long = "x".repeat(256);
        for name in [
            "", ".", "..", "a/b", "../a", "a:b", "a b", "ä", "a\n", &long,
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
