//! Everything that a configuration says, key by key: the one home of what a change is called.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::on_change::CONTENT;
use super::portrait::{env_value, quoted, time};
use super::size::format_size_exactly;
use super::{
    Config, Daemon, EnvValue, History, Job, Log, LogFormat, OnInvalidStart, Orphans, Timing,
};
use crate::digest::Digest;

/// One key with what is in force, as a file would say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub key: String,
    pub value: String,
    /// What it is where no file says anything.
    pub default: String,
    /// Of what is not told of the value: another one where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A key that one of two values says otherwise than the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    pub key: String,
    pub old: String,
    pub new: String,
    /// Whether what is told of it is the same all the same: a value that is not told, or a zone that has other rules.
    pub secret: bool,
}

/// What cannot change while hupd runs.
const FIXED: [&str; 2] = ["[daemon] state_dir", "[daemon] runtime_dir"];

impl Key {
    fn new(key: &str, value: String, default: &str) -> Self {
        Self {
            key: key.to_owned(),
            value,
            default: default.to_owned(),
            secret: None,
        }
    }

    fn secret(self, content: &str) -> Self {
        let digest = Digest::of(content.as_bytes()).to_string();
        Self {
            secret: Some(digest),
            ..self
        }
    }

    fn is_as_by_default(&self) -> bool {
        self.value == self.default
    }

    fn differs(&self, other: &Self) -> bool {
        (&self.value, &self.secret) != (&other.value, &other.secret)
    }
}

impl KeyChange {
    /// Between two lists in which what is as by default may be missing.
    pub fn between(old: &[Key], new: &[Key]) -> Vec<Self> {
        let (before, after) = (by_name(old), by_name(new));
        let changed = new.iter().filter_map(|key| match before.get(&*key.key) {
            Some(before) => before.differs(key).then(|| Self::of(before, key)),
            // Of a file that was not named before nobody knows whether it has changed.
            None if key.key.starts_with(CONTENT) => None,
            None => (!key.is_as_by_default()).then(|| Self::of(&as_by_default(key), key)),
        });
        let gone = old.iter().filter(|key| !after.contains_key(&*key.key));
        let gone = gone.filter(|key| !key.is_as_by_default() && !key.key.starts_with(CONTENT));
        changed
            .chain(gone.map(|key| Self::of(key, &as_by_default(key))))
            .collect()
    }

    fn of(old: &Key, new: &Key) -> Self {
        Self {
            key: new.key.clone(),
            old: old.value.clone(),
            new: new.value.clone(),
            secret: old.value == new.value,
        }
    }

    /// Whether hupd refuses it while it runs.
    pub fn is_refused(&self) -> bool {
        FIXED.contains(&self.key.as_str())
    }
}

fn by_name(keys: &[Key]) -> HashMap<&str, &Key> {
    keys.iter().map(|key| (&*key.key, key)).collect()
}

fn as_by_default(key: &Key) -> Key {
    Key::new(&key.key, key.default.clone(), &key.default)
}

impl Job {
    /// All that makes it what it is, but for what is as by default. Of two jobs of one name on one machine that differ a
    /// key differs.
    pub fn keys(&self) -> Vec<Key> {
        let (schedule, every, zone) = match &self.timing {
            Timing::Never => (none(), none(), none()),
            Timing::Every(every) => (none(), time(*every), none()),
            Timing::Schedule(schedule) => (quoted(schedule), none(), quoted(schedule.zone.name())),
        };
        let command: Vec<String> = self.command.iter().map(quoted).collect();
        let mut keys = vec![
            Key::new("command", format!("[{}]", command.join(", ")), "[]"),
            Key::new("schedule", schedule, &none()),
            Key::new("every", every, &none()),
            Key::new("timezone", zone, &none()),
        ];
        let policies = self.policies().into_iter();
        keys.extend(policies.filter_map(|policy| match policy.key {
            // Each of its variables is a key of its own.
            "env" => None,
            key => Some(Key::new(key, policy.value, &policy.default)),
        }));
        for key in &mut keys {
            match (&*key.key, &self.timing) {
                ("stdin", _) => *key = key.clone().secret(&self.process.stdin),
                ("timezone", Timing::Schedule(schedule)) => {
                    *key = key.clone().secret(&schedule.zone.digest().to_string());
                }
                ("schedule", Timing::Schedule(schedule)) => {
                    *key = key.clone().secret(&schedule.rules_of_named_zones());
                }
                _ => {}
            }
        }
        keys.extend(self.env.iter().map(|(name, value)| variable(name, value)));
        let files = self.on_change.iter().flat_map(|on_change| &on_change.files);
        keys.extend(files.map(|(file, digest)| {
            let digest = digest.map_or_else(String::new, |digest| digest.to_string());
            Key::new(
                &format!("{CONTENT}{}", file.display()),
                quoted("…"),
                &none(),
            )
            .secret(&digest)
        }));
        keys.push(Key::new("description", quoted(&self.description), "\"\""));
        keys.retain(|key| !key.is_as_by_default());
        keys
    }
}

fn variable(name: &str, value: &EnvValue) -> Key {
    let key = format!("env.{name}");
    match value {
        EnvValue::Text(text) => Key::new(&key, quoted("…"), &none()).secret(text),
        EnvValue::Credential(_) => Key::new(&key, env_value(value), &none()),
    }
}

fn none() -> String {
    quoted("none")
}

impl Config {
    /// All settings outside jobs: none can be forgotten, for all that there are is named here. They have no default:
    /// all of them are always told.
    pub fn settings(&self) -> Vec<Key> {
        let Daemon {
            timezone,
            max_running,
            catch_up_limit,
            grace,
            watch_config,
            orphans,
            on_invalid_start,
            state_dir,
            runtime_dir,
        } = &self.daemon;
        let Log {
            level,
            file,
            format,
        } = &self.log;
        let History {
            keep,
            keep_runs,
            output,
        } = &self.history;
        let file = file.as_ref().map(|file| quoted(file.display()));
        let settings = [
            ("[daemon] timezone", quoted(timezone.name())),
            ("[daemon] max_running", max_running.to_string()),
            ("[daemon] catch_up_limit", catch_up_limit.to_string()),
            ("[daemon] grace", time(*grace)),
            ("[daemon] watch_config", watch_config.to_string()),
            ("[daemon] orphans", orphans_word(*orphans)),
            (
                "[daemon] on_invalid_start",
                on_invalid_start_word(*on_invalid_start),
            ),
            ("[daemon] state_dir", quoted(state_dir.display())),
            ("[daemon] runtime_dir", quoted(runtime_dir.display())),
            ("[log] level", quoted(level)),
            ("[log] file", file.unwrap_or_else(none)),
            ("[log] format", format_word(*format)),
            ("[history] keep", time(*keep)),
            ("[history] keep_runs", keep_runs.to_string()),
            (
                "[history] output",
                quoted(format_size_exactly(*output as u64)),
            ),
        ];
        let settings = settings.into_iter();
        settings
            .map(|(key, value)| Key::new(key, value, ""))
            .map(|key| match &*key.key {
                "[daemon] timezone" => key.secret(&timezone.digest().to_string()),
                _ => key,
            })
            .collect()
    }
}

fn orphans_word(orphans: Orphans) -> String {
    quoted(match orphans {
        Orphans::Kill => "kill",
        Orphans::Leave => "leave",
    })
}

fn on_invalid_start_word(choice: OnInvalidStart) -> String {
    quoted(match choice {
        OnInvalidStart::Refuse => "refuse",
        OnInvalidStart::LastGood => "last-good",
    })
}

fn format_word(format: LogFormat) -> String {
    quoted(match format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &str, value: &str) -> Key {
        Key::new(key, value.to_owned(), "none")
    }

    fn told(old: &[Key], new: &[Key]) -> Vec<(String, String, String)> {
        let changes = KeyChange::between(old, new).into_iter();
        changes.map(|it| (it.key, it.old, it.new)).collect()
    }

    fn change(key: &str, old: &str, new: &str) -> (String, String, String) {
        (key.into(), old.into(), new.into())
    }

    #[test]
    fn what_is_missing_is_as_by_default() {
        let (old, new) = (
            [key("a", "1"), key("b", "1")],
            [key("b", "2"), key("c", "3")],
        );
        let expected = [
            change("b", "1", "2"),
            change("c", "none", "3"),
            change("a", "1", "none"),
        ];
        assert_eq!(told(&old, &new), expected);
        assert_eq!(told(&[key("a", "none")], &[]), []);
        assert_eq!(told(&new, &new), []);
    }

    #[test]
    fn another_secret_is_a_change_of_which_the_values_are_not_told() {
        let (old, new) = (key("a", "…").secret("x"), key("a", "…").secret("y"));
        let changes = KeyChange::between(std::slice::from_ref(&old), &[new]);
        assert!(changes[0].secret);
        assert_eq!((&*changes[0].old, &*changes[0].new), ("…", "…"));
        assert_eq!(
            told(std::slice::from_ref(&old), std::slice::from_ref(&old)),
            []
        );
    }
}
