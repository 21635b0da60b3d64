//! What the process of a job is: as whom it runs, within which limits, and what it is given.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use toml::de::DeValue;

use super::accounts::{self, Accounts, Who};
use super::env_file::read_env_file;
use super::finding::Finding;
use super::key_of::KeyOf;
use super::kinds::{self, By, Choice, Like};
use super::limits::{self, Limits};
use super::nice;
use super::policies::check_name;
use super::section::{Item, Section, Wrong};
use super::trust::{Writers, first_hand};
use super::typed;
use super::words::quoted;

static USER: KeyOf<Like> = KeyOf::new(
    "user",
    Like(accounts::schema),
    "",
    "As whom the command runs, by name or number; needs root; by default as hupd does",
);
static GROUP_ID: KeyOf<Like> = KeyOf::new(
    "group_id",
    Like(accounts::schema),
    "",
    "Its group, by name or number; by default the one of the user",
);
static UMASK: KeyOf<By<u32>> = KeyOf::new(
    "umask",
    By(umask, umask_schema),
    "\"022\"",
    "What files of the command are not allowed",
);
static NICE: KeyOf<By<i32>> = KeyOf::new(
    "nice",
    By(nice::nice, nice::schema),
    "",
    "From -20, first of all, to 19, last of all; by default as nice as hupd is",
);
static HANGUP: KeyOf<Choice<Hangup>> = KeyOf::new(
    "hangup",
    Choice::new(),
    "\"default\"",
    "What HUP does to it: \"ignore\" is nothing, as with nohup(1)",
);
static LIMITS: KeyOf<Like> = KeyOf::new(
    "limits",
    Like(limits::schema),
    "{}",
    "What each process may use; \"none\" is without a limit",
);
static ENV_FILE: KeyOf<Like> = KeyOf::new(
    "env_file",
    Like(kinds::path),
    "\"none\"",
    "A file of NAME=value lines, read by each run",
);
static ENV_INHERIT: KeyOf<Like> = KeyOf::new(
    "env_inherit",
    Like(names_schema),
    "[]",
    "Variables that are taken over from hupd",
);
static STDIN: KeyOf<By<String>> = KeyOf::new(
    "stdin",
    By(typed::secret_text, kinds::text),
    "\"\"",
    "What the command can read",
);

/// Shared by the jobs that say nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// None: whom hupd is.
    pub user: Option<Who>,
    /// Instead of the user's own; the other groups are those of the user.
    pub group: Option<Who>,
    pub umask: u32,
    /// None: as nice as hupd is.
    pub nice: Option<i32>,
    pub hangup: Hangup,
    pub limits: Limits,
    /// Absolute; read by each run.
    pub env_file: Option<PathBuf>,
    /// Variables that are taken over from hupd, where it has them.
    pub env_inherit: Vec<String>,
    /// What it can read; nothing where it is empty.
    pub stdin: String,
}

/// What HUP does to a process when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hangup {
    /// It ends it, unless its program has another wish.
    Default,
    /// Nothing, as for nohup(1).
    Ignore,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            user: None,
            group: None,
            umask: 0o022,
            nice: None,
            hangup: Hangup::Default,
            limits: Limits::new(),
            env_file: None,
            env_inherit: Vec::new(),
            stdin: String::new(),
        }
    }
}

impl Process {
    /// This, and on top of it what a section says.
    pub(super) fn overridden(
        self: &Arc<Self>,
        section: &mut Section<'_, '_>,
        accounts: &mut Accounts,
    ) -> Arc<Self> {
        let mut own = Self::clone(self);
        own.identity(section, accounts);
        own.umask = section.take(&UMASK).unwrap_or(own.umask);
        own.nice = section.take(&NICE).or(own.nice);
        nice::warn(section, own.nice);
        own.hangup = section.take(&HANGUP).unwrap_or(own.hangup);
        own.limits.extend(
            section
                .take_all(&LIMITS, limits::limits)
                .unwrap_or_default(),
        );
        warn_of_limits(section, &own.limits);
        own.env_file = env_file(section).unwrap_or(own.env_file);
        own.check_env_file(section, accounts);
        own.env_inherit = section
            .take_all(&ENV_INHERIT, names)
            .unwrap_or(own.env_inherit);
        own.stdin = section.take(&STDIN).unwrap_or(own.stdin);
        match own == **self {
            true => Arc::clone(self),
            false => Arc::new(own),
        }
    }

    /// What others could have written is refused, for it may hold all that a loader of programs obeys. A file that is wrong
    /// now is not: it may come later, or change, and each run reads it anew.
    fn check_env_file(&self, section: &mut Section<'_, '_>, accounts: &Accounts) {
        let of_file = section.value_at("env_file");
        let at = of_file.clone().or_else(|| section.value_at("user"));
        let Some((path, at)) = self.env_file.as_ref().zip(at) else {
            return;
        };
        if let Some(hand) = first_hand(path, accounts.writers_for(self.user.as_ref())) {
            let finding = Finding::error(format!("env_file: {}", hand.on(path))).at(at);
            section.push(finding.help(hand.help()).about(&hand.at));
        } else if of_file.is_some()
            && let Err(problem) = read_env_file(path, Writers::Anybody)
        {
            let finding = Finding::warning(format!("env_file: {problem}")).at(at);
            section.push(
                finding.help(
                    "until that is mended no run of it can start; each run reads the file anew",
                ),
            );
        }
    }

    /// The group of another user is never taken over.
    fn identity(&mut self, section: &mut Section<'_, '_>, accounts: &mut Accounts) {
        let user = section.take_by(&USER, |item| accounts.user(item));
        let group = section.take_by(&GROUP_ID, |item| accounts.group(item));
        if user.is_some() {
            (self.user, self.group) = (user, None);
        }
        self.group = group.or(self.group.take());
        let (Some(user), None) = (&self.user, &self.group) else {
            return;
        };
        if accounts.has_no_group(user)
            && let Some(at) = section.value_at("user")
            && section.key_at("group_id").is_none()
        {
            let message = format!(
                "user: {} is in no database of users, so it has no group",
                quoted(&user.to_string())
            );
            let finding = Finding::error(message).at(at);
            section.push(finding.help("write group_id = NUMBER as well"));
        }
    }
}

/// They are those of this machine at this moment: the file may be meant for another one.
fn warn_of_limits(section: &mut Section<'_, '_>, of_job: &Limits) {
    let problem = section.value_at("limits").zip(limits::impossible(of_job));
    if let Some((at, problem)) = problem {
        let finding = Finding::warning(format!("limits: {problem}")).at(at);
        section.push(
            finding.help("no run of it can start; write less, or raise fs.nr_open, see sysctl(8)"),
        );
    }
}

fn umask_schema() -> Value {
    json!({ "type": "string", "pattern": "^0?[0-7]{1,3}$" })
}

fn umask(item: &Item<'_>) -> Result<u32, Wrong> {
    const HELP: &str = "write three digits from 0 to 7 in quotes, such as \"027\"";
    let text = typed::text_like(item, "\"027\"").map_err(|wrong| wrong.help(HELP))?;
    let is_octal = |text: &str| text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let mask = u32::from_str_radix(text, 8).ok();
    let mask = mask.filter(|mask| is_octal(text) && *mask <= 0o777 && text.len() <= 4);
    mask.ok_or_else(|| Wrong::new(format!("{} is no umask", quoted(text))).help(HELP))
}

/// `"none"` takes back what `[defaults]` says.
fn env_file(section: &mut Section<'_, '_>) -> Option<Option<PathBuf>> {
    section.take_by(&ENV_FILE, |item| match item.value.as_str() {
        Some("none") => Ok(None),
        _ => typed::path(item).map(Some),
    })
}

fn names_schema() -> Value {
    json!({ "type": "array", "items": { "type": "string", "pattern": "^[^=]+$" } })
}

fn names(item: &Item<'_>, wrongs: &mut Vec<Wrong>) -> Vec<String> {
    let DeValue::Array(parts) = item.value else {
        let wrong = item.unlike("an array of names");
        wrongs.push(wrong.help("write [\"LANG\", \"SSH_AUTH_SOCK\"]"));
        return Vec::new();
    };
    let mut names = Vec::with_capacity(parts.len());
    for part in parts {
        match name(&item.part(part)) {
            Ok(name) => names.push(name),
            Err(wrong) => wrongs.push(Wrong {
                at: Some(part.span()),
                ..wrong
            }),
        }
    }
    names
}

fn name(item: &Item<'_>) -> Result<String, Wrong> {
    let name = typed::owned_text(item)?;
    if name.is_empty() {
        return Err(Wrong::new("a name is empty").help("write a name, such as \"LANG\""));
    }
    check_name(&name)?;
    Ok(name)
}
