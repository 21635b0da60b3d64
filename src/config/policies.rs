//! What jobs and `[defaults]` have in common: each job takes from there what it does not say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::accounts::Accounts;
use super::finding::Finding;
use super::section::{Item, Section, Wrong};
use super::words::{quoted, visible};
use super::{Hangup, Missed, OutputMode, Process, Retry, missed, overlap, retry, typed, zones};
use crate::run::{GroupName, Signal};
use crate::schedule::{Dst, Zone, Zones};

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
    pub env: BTreeMap<String, String>,
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
            env: BTreeMap::new(),
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
        env.extend(section.take_all("env", environment).unwrap_or_default());
        let own = Self {
            env,
            process: self.process.overridden(section, accounts),
            shell: section
                .take("shell", typed::shell)
                .unwrap_or_else(|| self.shell.clone()),
            zone: section
                .take("timezone", |item| zones::zone(item, zones))
                .unwrap_or_else(|| self.zone.clone()),
            dst: section.take("dst", typed::choice).unwrap_or(self.dst),
            spread: section
                .take("spread", typed::duration_up_to_a_day)
                .unwrap_or(self.spread),
            jitter: section
                .take("jitter", typed::duration_up_to_a_day)
                .unwrap_or(self.jitter),
            missed: section
                .take("missed", missed::missed)
                .unwrap_or(self.missed),
            deadline: section
                .take("deadline", typed::limit)
                .unwrap_or(self.deadline),
            overlap: self.overlap.overridden(section),
            group: section
                .take("group", overlap::group)
                .unwrap_or_else(|| self.group.clone()),
            timeout: section
                .take("timeout", typed::limit)
                .unwrap_or(self.timeout),
            stop_signal: section
                .take("stop_signal", typed::stop_signal)
                .unwrap_or(self.stop_signal),
            kill_after: section
                .take("kill_after", typed::duration)
                .unwrap_or(self.kill_after),
            working_dir: section
                .take("working_dir", typed::path)
                .unwrap_or_else(|| self.working_dir.clone()),
            output: section.take("output", typed::choice).unwrap_or(self.output),
            retry: section
                .take_all("retry", retry::retry)
                .unwrap_or_else(|| self.retry.clone()),
            success_exit_codes: section
                .take("success_exit_codes", retry::exit_codes)
                .unwrap_or_else(|| self.success_exit_codes.clone()),
            enabled: section.take("enabled", typed::flag).unwrap_or(self.enabled),
        };
        own.refuse_deafness(section);
        own
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

fn environment(item: &Item<'_>, wrongs: &mut Vec<Wrong>) -> BTreeMap<String, String> {
    let DeValue::Table(table) = item.value else {
        let help = "write env = { NAME = \"value\" }";
        let message = format!("expected a table, found {}", item.kind());
        wrongs.push(Wrong::new(message).help(help));
        return BTreeMap::new();
    };
    let mut env = BTreeMap::new();
    for (name, value) in table {
        match variable(item, name, value) {
            Ok(text) => {
                env.insert(name.get_ref().clone().into_owned(), text);
            }
            Err(wrong) => wrongs.push(wrong),
        }
    }
    env
}

fn variable(
    item: &Item<'_>,
    name: &Spanned<toml::de::DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
) -> Result<String, Wrong> {
    check_name(name.get_ref()).map_err(|wrong| Wrong {
        at: Some(name.span()),
        ..wrong
    })?;
    let item = item.part(value);
    typed::secret_text(&item).map_err(|wrong| Wrong {
        at: Some(value.span()),
        message: format!("{}: {}", visible(name.get_ref()), wrong.message),
        help: wrong.help,
    })
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
