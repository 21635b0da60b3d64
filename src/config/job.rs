//! One `[jobs.NAME]`.

use std::ops::Range;

use jiff::Timestamp;
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::accounts::Accounts;
use super::finding::{Finding, Findings};
use super::key_of::KeyOf;
use super::kinds::{self, By, Like, TEXT, Table};
use super::longest::check_argument;
use super::on_change::on_change;
use super::policies::Policies;
use super::retry::refuse_success;
use super::schema::keys_of;
use super::section::{Item, Section, Title, Wrong, is_job};
use super::source::Source;
use super::timing::{Circumstances, timing};
use super::words::{key_of, quoted};
use super::{Jitter, Job, Surroundings, Timing, typed};
use crate::run::JobName;
use crate::schedule::{Seed, Zone, Zones};

const LONGEST_NAME: usize = 100;

/// The same as [`check_name`] says, but for the length.
const NAME_PATTERN: &str = "^([A-Za-z_]|[0-9]+[A-Za-z_.-])[A-Za-z0-9_.-]*$";

pub(super) static DEFAULTS: KeyOf<Table> = KeyOf::new(
    "defaults",
    Table("[defaults] and its keys below", defaults_schema),
    "",
    "What holds for every job that does not say otherwise",
);
pub(super) static JOBS: KeyOf<Table> = KeyOf::new(
    "jobs",
    Table("[jobs.NAME] and its keys below", schema),
    "",
    "The jobs, each by its name",
);

static COMMAND: KeyOf<Like> = KeyOf::new(
    "command",
    Like(command_schema),
    "",
    "What is executed: one text for the shell, or the program and its arguments",
);
static DESCRIPTION: KeyOf<By<String>> = KeyOf::new("description", TEXT, "\"\"", "Shown by hupctl");

/// What a job is checked against.
pub(super) struct Checker<'c> {
    pub defaults: &'c Policies,
    pub zones: &'c mut Zones,
    pub accounts: &'c mut Accounts,
    pub host: &'c str,
    pub now: Timestamp,
}

impl Checker<'_> {
    /// The job, if all that it is made of is there. What is wrong is among the findings.
    pub fn job(
        &mut self,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        (source, findings): (&Source, &mut Findings),
    ) -> Option<Job> {
        let name = key.get_ref();
        if let Err(finding) = check_name(name) {
            findings.push(finding.at(key.span()));
        }
        let DeValue::Table(table) = value.get_ref() else {
            findings.push(no_table(name).at(key.span()));
            return None;
        };
        let title = Title::Job(name);
        let mut section = Section::new(title, source, Some(table), findings);
        let job = self.keys(name, &mut section);
        if job.is_none() && !is_part_of_a_name(table) {
            section.push(missing_command(name, key.span()));
        }
        section.finish();
        job
    }

    /// All that a section can say of a job.
    pub fn keys(&mut self, name: &str, section: &mut Section<'_, '_>) -> Option<Job> {
        let policies = self.defaults.overridden(section, self.zones, self.accounts);
        let seed = Seed::of(self.host, name);
        let circumstances = Circumstances {
            zones: self.zones,
            seed,
            now: self.now,
        };
        let timing = timing(section, &policies, circumstances);
        described((name, seed), section, policies, timing)
    }
}

/// Of the table of all jobs.
fn schema() -> Value {
    let mut job = with_a_checker(|checker, section| {
        let _ = checker.keys("name", section);
    });
    job["required"] = json!([COMMAND.name]);
    json!({
        "type": "object",
        "patternProperties": { NAME_PATTERN: job },
        "additionalProperties": false,
    })
}

/// Of the table from which jobs take what they do not say.
fn defaults_schema() -> Value {
    with_a_checker(|checker, section| {
        let (zones, accounts) = (&mut *checker.zones, &mut *checker.accounts);
        let _ = checker.defaults.overridden(section, zones, accounts);
    })
}

/// The keys that are read with a checker of nothing.
fn with_a_checker(read: impl FnOnce(&mut Checker<'_>, &mut Section<'_, '_>)) -> Value {
    let mut checker = Checker {
        defaults: &Policies::built_in(Zone::utc()),
        zones: &mut Zones::default(),
        accounts: &mut Accounts::new(&Surroundings::default()),
        host: "",
        now: Timestamp::UNIX_EPOCH,
    };
    keys_of(|section| read(&mut checker, section))
}

fn described(
    (name, seed): (&str, Seed),
    section: &mut Section<'_, '_>,
    policies: Policies,
    timing: Timing,
) -> Option<Job> {
    let description = section.take(&DESCRIPTION);
    let on_change = on_change(section);
    let command = section.take_all(&COMMAND, |item, wrongs| {
        command(item, &policies.shell, wrongs)
    });
    refuse_shell_beside_array(section);
    warn_of_one_part(section);
    policies
        .overlap
        .check_max_running(policies.group.as_ref(), section);
    refuse_success(
        section,
        policies.retry.as_ref(),
        &policies.success_exit_codes,
    );
    let name = JobName::new(name);
    let job = assembled((name, seed), command?, policies, timing);
    Some(Job {
        description: description.unwrap_or_default(),
        on_change,
        ..job
    })
}

impl Job {
    /// For what goes on of a job that no file describes any more.
    pub fn forgotten(name: &JobName) -> Self {
        let policies = Policies::built_in(Zone::utc());
        let seed = Seed::of("", name.as_str());
        assembled((name.clone(), seed), Vec::new(), policies, Timing::Never)
    }
}

fn assembled(
    (name, seed): (JobName, Seed),
    command: Vec<String>,
    policies: Policies,
    timing: Timing,
) -> Job {
    Job {
        name,
        command,
        timing,
        jitter: Jitter {
            below: policies.jitter,
            seed,
        },
        missed: policies.missed,
        deadline: policies.deadline,
        overlap: policies.overlap.meant(),
        group: policies.group,
        timeout: policies.timeout,
        stop_signal: policies.stop_signal,
        kill_after: policies.kill_after,
        working_dir: policies.working_dir,
        process: policies.process,
        env: policies.env,
        output: policies.output,
        retry: policies.retry,
        success_exit_codes: policies.success_exit_codes,
        enabled: policies.enabled,
        on_change: None,
        description: String::new(),
    }
}

/// Who writes a key of a job here has forgotten the job.
fn no_table(name: &str) -> Finding {
    if matches!(name, "command" | "schedule" | "every") {
        return Finding::error(format!("{} belongs to a job, not to [jobs]", quoted(name)))
            .help("write [jobs.NAME] instead of [jobs]");
    }
    let help = format!("write [jobs.{}] and its keys below", key_of(name));
    Finding::error(format!("job {} must be a table", quoted(name))).help(help)
}

fn check_name(name: &str) -> Result<(), Finding> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let problem = match name {
        "" => "is empty",
        name if !name.chars().all(is_allowed) => "has a character that no name may have",
        name if name.len() > LONGEST_NAME => "is too long",
        name if name.starts_with(['.', '-']) => "begins with a dot or a dash",
        name if name.chars().all(|c| c.is_ascii_digit()) => {
            "has only digits, like the number of a run"
        }
        _ => return Ok(()),
    };
    let help = "a name has 1 to 100 letters, digits, '-', '_' or '.'; it begins with a letter, a digit or '_', and is no number";
    Err(Finding::error(format!("job name {} {problem}", quoted(name))).help(help))
}

/// Whether this is `[jobs.a.b]`, where a name with a dot was meant; that is told elsewhere.
fn is_part_of_a_name(table: &DeTable<'_>) -> bool {
    table.values().any(|value| is_job(value.get_ref()))
}

fn missing_command(name: &str, at: Range<usize>) -> Finding {
    Finding::error(format!("job {} has no command", quoted(name)))
        .at(at)
        .absent()
        .help("write command = \"…\" for the shell, or command = [\"/path/to/program\", \"argument\"]")
}

fn command_schema() -> Value {
    let text = json!({ "type": "string", "pattern": "\\S" });
    kinds::any_of([text, kinds::list_of(kinds::text())])
}

/// What is executed, the program first.
fn command(item: &Item<'_>, shell: &str, wrongs: &mut Vec<Wrong>) -> Vec<String> {
    let DeValue::Array(parts) = item.value else {
        return match shell_command(item) {
            Ok(command) => vec![shell.to_owned(), "-c".to_owned(), command],
            Err(wrong) => {
                wrongs.push(wrong);
                Vec::new()
            }
        };
    };
    if parts.is_empty() {
        let help = "write [\"/path/to/program\", \"argument\"]";
        wrongs.push(Wrong::new("is empty").help(help));
    }
    let mut command = Vec::with_capacity(parts.len());
    for (position, part) in parts.iter().enumerate() {
        match argument(item, part, position) {
            Ok(text) => command.push(text),
            Err(wrong) => wrongs.push(Wrong {
                at: Some(part.span()),
                ..wrong
            }),
        }
    }
    command
}

fn shell_command(item: &Item<'_>) -> Result<String, Wrong> {
    let help = "write a string for the shell, or an array: [\"/path/to/program\", \"argument\"]";
    if !matches!(item.value, DeValue::String(_)) {
        return Err(item.unlike("a text or an array").help(help));
    }
    let command = typed::owned_text(item)?;
    if command.trim().is_empty() {
        return Err(Wrong::new("is empty").help(help));
    }
    check_argument(&command).map(|()| command)
}

fn argument(
    item: &Item<'_>,
    part: &Spanned<DeValue<'_>>,
    position: usize,
) -> Result<String, Wrong> {
    let part = item.part(part);
    let text = typed::owned_text(&part)?;
    check_argument(&text)?;
    match position == 0 && text.is_empty() {
        true => Err(Wrong::new("the program's name is empty")
            .help("write [\"/path/to/program\", \"argument\"]")),
        false => Ok(text),
    }
}

/// A whole line where the program alone is meant.
fn warn_of_one_part(section: &mut Section<'_, '_>) {
    let Some(DeValue::Array(parts)) = section.peek("command") else {
        return;
    };
    let [part] = &parts[..] else {
        return;
    };
    let program = part.get_ref().as_str().unwrap_or_default().trim();
    if program.contains(char::is_whitespace) {
        let finding = Finding::warning(format!(
            "command: a program with blanks in its name: {}",
            quoted(program)
        ));
        let help = "write each argument by itself, [\"/path/to/program\", \"argument\"], or one text for the shell";
        section.push(finding.at(part.span()).help(help));
    }
}

fn refuse_shell_beside_array(section: &mut Section<'_, '_>) {
    let is_array = section.peek("command").is_some_and(DeValue::is_array);
    if let Some(at) = section.key_at("shell").filter(|_| is_array) {
        let finding = Finding::error("shell: means nothing beside a command that is an array");
        let help = "leave it out, or write the command as one string";
        section.push(finding.at(at).help(help));
    }
}
