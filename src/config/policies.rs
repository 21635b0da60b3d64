//! What jobs and `[defaults]` have in common: each job takes from there what it does not say.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::accounts::Accounts;
use super::environment::{ENV, Environment, environment};
use super::finding::Finding;
use super::key_of::KeyOf;
use super::kinds::{By, Choice, FLAG, LIMIT, Like, PATH, Time};
use super::section::{Section, Wrong};
use super::settings::TIMEZONE;
use super::words::quoted;
use super::{Hangup, Missed, OutputMode, Process, Retry, missed, overlap, retry, typed, zones};
use crate::run::{GroupName, Signal};
use crate::schedule::{Dst, Zone, Zones};

static SHELL: KeyOf<By<String>> = KeyOf::new(
    "shell",
    By(
        typed::shell,
        || json!({ "type": "string", "pattern": "^/" }),
    ),
    "\"/bin/sh\"",
    "Runs a command that is one text",
);
static DST: KeyOf<Choice<Dst>> = KeyOf::new(
    "dst",
    Choice::new(),
    "\"once\"",
    "What becomes of a time that a clock change leaves out: \"skip\" does not run",
);
static SPREAD: KeyOf<Time> = KeyOf::new(
    "spread",
    Time::UP_TO_A_DAY,
    "\"0s\"",
    "Due later by a part of this, always the same for a job on a host",
);
static JITTER: KeyOf<Time> = KeyOf::new(
    "jitter",
    Time::UP_TO_A_DAY,
    "\"0s\"",
    "Started later by a part of this, another one each time",
);
static MISSED: KeyOf<By<Missed>> = KeyOf::new(
    "missed",
    By(missed::missed, missed::schema),
    "\"skip\"",
    "What to do about occurrences that passed while hupd was down or the machine asleep",
);
static DEADLINE: KeyOf<By<Option<Duration>>> = KeyOf::new(
    "deadline",
    LIMIT,
    "\"none\"",
    "An occurrence that is older is not started any more",
);
static GROUP: KeyOf<By<Option<GroupName>>> = KeyOf::new(
    "group",
    By(overlap::group, overlap::group_schema),
    "\"none\"",
    "Jobs of one group are never run at the same time",
);
static TIMEOUT: KeyOf<By<Option<Duration>>> = KeyOf::new(
    "timeout",
    LIMIT,
    "\"none\"",
    "A run that takes longer is stopped",
);
static STOP_SIGNAL: KeyOf<By<Signal>> = KeyOf::new(
    "stop_signal",
    By(typed::stop_signal, typed::stop_signal_schema),
    "\"TERM\"",
    "What a run is stopped with",
);
static KILL_AFTER: KeyOf<Time> = KeyOf::new(
    "kill_after",
    Time::ANY,
    "\"10s\"",
    "From that signal to KILL",
);
static WORKING_DIR: KeyOf<By<PathBuf>> =
    KeyOf::new("working_dir", PATH, "\"/\"", "The folder of the command");
static OUTPUT: KeyOf<Choice<OutputMode>> = KeyOf::new(
    "output",
    Choice::new(),
    "\"store\"",
    "Where the output goes: into the history, the log, both or nowhere",
);
static RETRY: KeyOf<Like> = KeyOf::new(
    "retry",
    Like(retry::schema),
    "\"none\"",
    "Whether, how often and when a failed run is tried again",
);
static SUCCESS_EXIT_CODES: KeyOf<Like> = KeyOf::new(
    "success_exit_codes",
    Like(retry::exit_codes_schema),
    "[0]",
    "What counts as success",
);
static ENABLED: KeyOf<By<bool>> =
    KeyOf::new("enabled", FLAG, "true", "Whether the job is due by itself");

#[derive(Clone, Debug)]
pub(super) struct Policies {
    pub shell: String,
    pub zone: Zone,
    pub dst: Dst,
    pub spread: Duration,
    pub jitter: Duration,
    pub missed: Missed,
    pub deadline: Option<Duration>,
    pub overlap: overlap::Written,
    pub group: Option<GroupName>,
    pub timeout: Option<Duration>,
    pub stop_signal: Signal,
    pub kill_after: Duration,
    pub working_dir: PathBuf,
    pub process: Arc<Process>,
    pub env: Environment,
    pub output: OutputMode,
    pub retry: Option<Retry>,
    pub success_exit_codes: BTreeSet<i32>,
    pub enabled: bool,
}

impl Policies {
    /// Where neither a job nor `[defaults]` says anything.
    pub fn built_in(zone: Zone) -> Self {
        Self {
            shell: "/bin/sh".to_owned(),
            zone,
            dst: Dst::Once,
            spread: Duration::ZERO,
            jitter: Duration::ZERO,
            missed: Missed::Skip,
            deadline: None,
            overlap: overlap::Written::BUILT_IN,
            group: None,
            timeout: None,
            stop_signal: Signal::TERM,
            kill_after: Duration::from_secs(10),
            working_dir: PathBuf::from("/"),
            process: Arc::default(),
            env: Environment::new(),
            output: OutputMode::Store,
            retry: None,
            success_exit_codes: BTreeSet::from([0]),
            enabled: true,
        }
    }

    /// These, and on top of them what a section says.
    pub fn overridden(
        &self,
        section: &mut Section<'_, '_>,
        zones: &mut Zones,
        accounts: &mut Accounts,
    ) -> Self {
        let mut env = self.env.clone();
        let own = section.take_all(&ENV, |item, wrongs| {
            environment(item, wrongs, accounts.credentials())
        });
        env.extend(own.unwrap_or_default());
        let own = Self {
            env,
            process: self.process.overridden(section, accounts),
            shell: section.take(&SHELL).unwrap_or_else(|| self.shell.clone()),
            zone: section
                .take_by(&TIMEZONE, |item| zones::zone(item, zones))
                .unwrap_or_else(|| self.zone.clone()),
            dst: section.take(&DST).unwrap_or(self.dst),
            spread: section.take(&SPREAD).unwrap_or(self.spread),
            jitter: section.take(&JITTER).unwrap_or(self.jitter),
            missed: section.take(&MISSED).unwrap_or(self.missed),
            deadline: section.take(&DEADLINE).unwrap_or(self.deadline),
            overlap: self.overlap.overridden(section),
            group: section.take(&GROUP).unwrap_or_else(|| self.group.clone()),
            timeout: section.take(&TIMEOUT).unwrap_or(self.timeout),
            stop_signal: section.take(&STOP_SIGNAL).unwrap_or(self.stop_signal),
            kill_after: section.take(&KILL_AFTER).unwrap_or(self.kill_after),
            working_dir: section
                .take(&WORKING_DIR)
                .unwrap_or_else(|| self.working_dir.clone()),
            output: section.take(&OUTPUT).unwrap_or(self.output),
            retry: section
                .take_all(&RETRY, retry::retry)
                .unwrap_or_else(|| self.retry.clone()),
            success_exit_codes: section
                .take_all(&SUCCESS_EXIT_CODES, retry::exit_codes)
                .flatten()
                .unwrap_or_else(|| self.success_exit_codes.clone()),
            enabled: section.take(&ENABLED).unwrap_or(self.enabled),
        };
        own.refuse_deafness(section);
        own.warn_of_working_dir(section);
        own
    }

    /// It may come later, or be another machine's.
    fn warn_of_working_dir(&self, section: &mut Section<'_, '_>) {
        let Some(at) = section.value_at("working_dir") else {
            return;
        };
        let folder = quoted(&self.working_dir.to_string_lossy());
        let problem = match fs::metadata(&self.working_dir) {
            Ok(found) if found.is_dir() => return,
            Ok(_) => format!("working_dir: {folder} is not a folder"),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                format!("working_dir: {folder} does not exist")
            }
            // What hupd may not see its job may.
            Err(_) => return,
        };
        let finding = Finding::warning(problem).at(at);
        section.push(finding.help("until that is mended no run of it can start"));
    }

    /// Who ignores HUP cannot be asked to end by it.
    fn refuse_deafness(&self, section: &mut Section<'_, '_>) {
        let is_deaf = self.process.hangup == Hangup::Ignore && self.stop_signal == Signal::HUP;
        let stop_signal = section.value_at("stop_signal");
        let at = stop_signal.or_else(|| section.value_at("hangup"));
        if let Some(at) = at.filter(|_| is_deaf) {
            let message = "stop_signal: 'HUP' asks nothing of a job with hangup = \"ignore\"";
            let help = "write another stop_signal, such as \"TERM\", or leave hangup out";
            section.push(Finding::error(message).at(at).help(help));
        }
    }
}

/// Of a variable.
pub(super) fn check_name(name: &str) -> Result<(), Wrong> {
    if name.is_empty() {
        return Err(Wrong::new("a name is empty").help("write env = { NAME = \"value\" }"));
    }
    if name.contains(['=', '\0']) {
        // Behind it may be a value that is told to nobody.
        let shown = name.split_inclusive('=').next().unwrap_or_default();
        return Err(Wrong::new(format!("{} cannot be a name", quoted(shown)))
            .help("a name has neither '=' nor a NUL character"));
    }
    if name.starts_with("HUPD_") {
        return Err(Wrong::new(format!("{} is reserved", quoted(name)))
            .help("names that begin with 'HUPD_' are set by hupd; choose another one"));
    }
    Ok(())
}
