//! Which lines are logged: whose word counts, and whether it is a filter at all.

use log::LevelFilter;

use super::LogError;

/// What is always in front; anything written after it for the same module wins. notify warns of
/// watches that went with their folder, which is ordinary; and it traces every event, so that a log
/// in a watched folder would feed itself.
const ALWAYS: &str = "notify=error,inotify=error,mio=error";

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The filter in force, as env_logger reads it. env_logger itself ignores what it does not
/// understand, and takes a misspelt level for the name of a module, so it is checked here.
pub(super) fn choose(
    rust_log: Option<&str>,
    command_line: Option<&str>,
    file: &str,
) -> Result<String, LogError> {
    let rust_log = rust_log.filter(|filter| !filter.trim().is_empty());
    let (origin, filter) = match (rust_log, command_line) {
        (Some(filter), _) => ("RUST_LOG", filter),
        (None, Some(filter)) => ("--log-level", filter),
        (None, None) => ("log.level", file),
    };
    match check(filter) {
        Ok(()) => Ok(format!("{ALWAYS},{filter}")),
        Err(reason) => Err(LogError::Filter { origin, reason }),
    }
}

fn check(filter: &str) -> Result<(), String> {
    let (parts, text) = filter.split_once('/').unwrap_or((filter, ""));
    if text.contains('/') {
        return Err(format!("'{filter}' has more than one '/'"));
    }
    if filter.trim().is_empty() {
        return Err(format!("'{filter}' names no level; {}", allowed()));
    }
    parts.split(',').map(str::trim).try_for_each(check_part)
}

fn check_part(part: &str) -> Result<(), String> {
    match part.split_once('=') {
        None if part.is_empty() || is_level(part) || is_module(part) => Ok(()),
        None => Err(no_level(part)),
        Some((_, level)) if is_level(level.trim()) => Ok(()),
        Some((_, level)) => Err(no_level(level.trim())),
    }
}

fn is_level(word: &str) -> bool {
    word.parse::<LevelFilter>().is_ok()
}

/// A bare word is a module only if it looks like one; any other is written with its level.
fn is_module(word: &str) -> bool {
    word == "hupd" || word.contains("::")
}

fn no_level(word: &str) -> String {
    let lower = word.to_lowercase();
    let near = |level: &&&str| {
        lower.starts_with(**level) || strsim::damerau_levenshtein(&lower, level) <= 2
    };
    match LEVELS.iter().find(near) {
        Some(level) => format!("'{word}' is no level; did you mean '{level}'?"),
        None => format!("'{word}' is no level; {}", allowed()),
    }
}

fn allowed() -> String {
    format!(
        "allowed are {}, and per module 'hupd::engine=debug'",
        LEVELS.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(rust_log: Option<&str>, command_line: Option<&str>) -> String {
        let filter = choose(rust_log, command_line, "info").unwrap();
        filter.replace(&format!("{ALWAYS},"), "")
    }

    fn refusal(filter: &str) -> String {
        choose(None, Some(filter), "info").unwrap_err().to_string()
    }

    #[test]
    fn the_environment_wins_over_the_command_line_over_the_file() {
        assert_eq!(chosen(None, None), "info");
        assert_eq!(chosen(None, Some("debug")), "debug");
        assert_eq!(chosen(Some("trace"), Some("debug")), "trace");
        assert_eq!(chosen(Some(""), Some("debug")), "debug");
    }

    #[test]
    fn filters_per_module_are_taken() {
        for filter in [
            "WARN",
            "warn,hupd::engine=debug",
            "off, hupd",
            "info/backup",
            "a=info,",
        ] {
            assert_eq!(chosen(None, Some(filter)), filter);
        }
    }

    #[test]
    fn a_misspelt_level_is_no_module() {
        assert_eq!(
            refusal("inof"),
            "--log-level: 'inof' is no level; did you mean 'info'?"
        );
        assert_eq!(
            refusal("hupd=warning"),
            "--log-level: 'warning' is no level; did you mean 'warn'?"
        );
    }

    #[test]
    fn nonsense_says_where_it_was_written() {
        assert!(refusal("").starts_with("--log-level: '' names no level"));
        assert_eq!(
            refusal("a/b/c"),
            "--log-level: 'a/b/c' has more than one '/'"
        );
        let error = choose(Some("deafening"), None, "info")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("RUST_LOG: 'deafening' is no level"),
            "{error}"
        );
        let error = choose(None, None, "deafening").unwrap_err().to_string();
        assert!(
            error.starts_with("log.level: 'deafening' is no level"),
            "{error}"
        );
    }
}
