//! The users and groups that a file names: whether they exist, and whether hupd may become them. And where those lie
//! who were entrusted to it: credentials.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User};
use serde_json::{Value, json};
use toml::de::DeValue;

use super::Surroundings;
use super::kinds;
use super::section::{Item, Wrong};
use super::trust::Writers;
use super::typed;
use super::words::quoted;

/// A user or a group, as the file names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    Name(String),
    Id(u32),
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// What the databases say, asked once for each name: they may be far away.
#[derive(Debug)]
pub(super) struct Accounts {
    is_root: bool,
    uid: u32,
    gid: u32,
    credentials: Option<PathBuf>,
    writers: Writers,
    users: HashMap<Who, Found>,
    groups: HashMap<Who, Found>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Id(u32),
    /// A number may be used all the same.
    Nobody,
    /// The database did not answer; what it says later is for the run to see.
    Unknown,
}

impl Accounts {
    pub fn new(surroundings: &Surroundings) -> Self {
        Self {
            is_root: surroundings.is_root,
            uid: surroundings.uid,
            gid: surroundings.gid,
            credentials: surroundings.credentials_directory.clone(),
            writers: surroundings.writers(),
            users: HashMap::new(),
            groups: HashMap::new(),
        }
    }

    /// Their folder; none where nobody gave hupd any.
    pub fn credentials(&self) -> Option<&Path> {
        self.credentials.as_deref()
    }

    pub fn user(&mut self, item: &Item<'_>) -> Result<Who, Wrong> {
        let who = who(item, "\"postgres\"")?;
        let found = *self
            .users
            .entry(who.clone())
            .or_insert_with(|| find_user(&who));
        self.check(&who, found, Kind::User)?;
        Ok(who)
    }

    pub fn group(&mut self, item: &Item<'_>) -> Result<Who, Wrong> {
        let who = who(item, "\"postgres\"")?;
        let found = *self
            .groups
            .entry(who.clone())
            .or_insert_with(|| find_group(&who));
        self.check(&who, found, Kind::Group)?;
        Ok(who)
    }

    /// Who may write what is read for a process of this user, which has been looked up before.
    pub fn writers_for(&self, user: Option<&Who>) -> Writers {
        let Some(user) = user else {
            return self.writers;
        };
        match (self.users.get(user), user) {
            (Some(Found::Id(uid)), _) | (_, Who::Id(uid)) => self.writers.and(*uid),
            // Who that is each run sees.
            (_, Who::Name(_)) => Writers::Anybody,
        }
    }

    /// Whether no database knows a group for this user, which has been looked up before.
    pub fn has_no_group(&self, user: &Who) -> bool {
        self.users.get(user) == Some(&Found::Nobody)
    }

    fn check(&self, who: &Who, found: Found, kind: Kind) -> Result<(), Wrong> {
        let id = match (found, who) {
            (Found::Id(id), _) => id,
            (Found::Nobody, Who::Id(id)) => *id,
            (Found::Unknown, _) => return Ok(()),
            (Found::Nobody, Who::Name(name)) => {
                let message = format!("there is no {} {}", kind.name(), quoted(name));
                let help = format!("'getent {}' lists those that there are", kind.database());
                return Err(Wrong::new(message).help(help));
            }
        };
        let (own, flag) = match kind {
            Kind::User => (self.uid, "u"),
            Kind::Group => (self.gid, "g"),
        };
        if self.is_root || id == own {
            return Ok(());
        }
        let message = format!(
            "only root can run a job as {} {}; hupd has the id {own} (id -{flag})",
            kind.name(),
            quoted(&who.to_string())
        );
        Err(Wrong::new(message).help("start hupd as root, or leave the key out"))
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    User,
    Group,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }

    fn database(self) -> &'static str {
        match self {
            Self::User => "passwd",
            Self::Group => "group",
        }
    }
}

/// The kernel's `-1` means nobody.
const HIGHEST: u64 = u32::MAX as u64 - 1;

pub(super) fn schema() -> Value {
    kinds::any_of([
        json!({ "type": "string", "minLength": 1 }),
        json!({ "type": "integer", "minimum": 0, "maximum": HIGHEST }),
    ])
}

/// A name, or a number.
fn who(item: &Item<'_>, example: &str) -> Result<Who, Wrong> {
    if let DeValue::Integer(_) = item.value {
        let number = typed::count(item, 0..=HIGHEST)?;
        return Ok(Who::Id(u32::try_from(number).unwrap_or(u32::MAX)));
    }
    match typed::text_like(item, &format!("{example}, or a number"))? {
        "" => Err(Wrong::new("is empty").help("write a name, or leave the key out")),
        name => Ok(Who::Name(name.to_owned())),
    }
}

fn find_user(who: &Who) -> Found {
    let user = match who {
        Who::Name(name) => User::from_name(name),
        Who::Id(id) => User::from_uid(Uid::from_raw(*id)),
    };
    found(user.map(|user| user.map(|user| user.uid.as_raw())))
}

fn find_group(who: &Who) -> Found {
    let group = match who {
        Who::Name(name) => Group::from_name(name),
        Who::Id(id) => Group::from_gid(Gid::from_raw(*id)),
    };
    found(group.map(|group| group.map(|group| group.gid.as_raw())))
}

fn found(answer: nix::Result<Option<u32>>) -> Found {
    match answer {
        Ok(Some(id)) => Found::Id(id),
        // Some of the ways in which "not there" is said: see getpwnam(3).
        Ok(None) | Err(Errno::ENOENT | Errno::ESRCH | Errno::EBADF | Errno::EPERM) => Found::Nobody,
        Err(_) => Found::Unknown,
    }
}
