//! What other programs call a key or a value: a hint for those who come from there.

/// Their word, and ours.
const SYNONYMS: [(&str, &str); 40] = [
    ("cmd", "command"),
    ("exec", "command"),
    ("program", "command"),
    ("run", "command"),
    ("script", "command"),
    ("calendar", "schedule"),
    ("cron", "schedule"),
    ("crontab", "schedule"),
    ("on_calendar", "schedule"),
    ("when", "schedule"),
    ("interval", "every"),
    ("period", "every"),
    ("cwd", "working_dir"),
    ("dir", "working_dir"),
    ("directory", "working_dir"),
    ("workdir", "working_dir"),
    ("credentials", "env"),
    ("env_vars", "env"),
    ("environment", "env"),
    ("secrets", "env"),
    ("variables", "env"),
    ("vars", "env"),
    ("tz", "timezone"),
    ("run_as", "user"),
    ("uid", "user"),
    ("gid", "group_id"),
    ("retries", "retry"),
    ("concurrency", "overlap"),
    ("splay", "spread"),
    ("mutex", "group"),
    ("disabled", "enabled"),
    ("max_concurrent", "max_running"),
    ("forbid", "skip"),
    ("wait", "queue"),
    ("parallel", "allow"),
    ("kill", "replace"),
    ("warning", "warn"),
    ("fatal", "error"),
    ("critical", "error"),
    ("verbose", "debug"),
];

/// The one of those that are known here which other programs call so.
pub(super) fn meant(word: &str, known: &[&'static str]) -> Option<&'static str> {
    let is_meant = |theirs: &str| {
        let letters = theirs.bytes().zip(word.bytes());
        let alike = |(theirs, one): (u8, u8)| {
            theirs == one.to_ascii_lowercase() || (theirs, one) == (b'_', b'-')
        };
        theirs.len() == word.len() && letters.into_iter().all(alike)
    };
    let (_, key) = SYNONYMS.iter().find(|(theirs, _)| is_meant(theirs))?;
    known.contains(key).then_some(key)
}
