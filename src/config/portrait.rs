//! What is in force for a job, key by key, as a file would say it.

mod process;

use std::collections::BTreeSet;
use std::time::Duration;

use super::policies::Policies;
use super::{
    EnvValue, Environment, Jitter, Job, Missed, OnChange, OutputMode, Overlap, Retry, Timing,
    format_duration,
};
use crate::schedule::{Dst, Rules, Zone};

/// One key of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub key: &'static str,
    pub value: String,
    /// What it is where no file says anything.
    pub default: String,
}

impl Job {
    /// All keys but those of its name, its command and its timing.
    pub fn policies(&self) -> Vec<Policy> {
        let usual = values(&by_default(self));
        values(self)
            .into_iter()
            .zip(usual)
            .map(|((key, value), (_, default))| Policy {
                key,
                value,
                default,
            })
            .collect()
    }
}

/// The same job, had no file said more of it than it must.
fn by_default(job: &Job) -> Job {
    let usual = Policies::built_in(Zone::utc());
    Job {
        name: job.name.clone(),
        command: Vec::new(),
        timing: Timing::Never,
        jitter: Jitter {
            below: usual.jitter,
            ..job.jitter
        },
        missed: usual.missed,
        deadline: usual.deadline,
        overlap: usual.overlap.meant(),
        group: usual.group,
        timeout: usual.timeout,
        stop_signal: usual.stop_signal,
        kill_after: usual.kill_after,
        working_dir: usual.working_dir,
        process: usual.process,
        env: usual.env,
        output: usual.output,
        retry: usual.retry,
        success_exit_codes: usual.success_exit_codes,
        enabled: usual.enabled,
        on_change: None,
        description: String::new(),
    }
}

/// Each key with what is in force. No key can be forgotten: all that a job has is named here.
fn values(job: &Job) -> Vec<(&'static str, String)> {
    let Job {
        name: _,
        command: _,
        timing,
        jitter,
        missed,
        deadline,
        overlap,
        group,
        timeout,
        stop_signal,
        kill_after,
        working_dir,
        process,
        env,
        output,
        retry,
        success_exit_codes,
        enabled,
        on_change,
        description: _,
    } = job;
    let rules = match timing {
        Timing::Schedule(schedule) => schedule.rules(),
        Timing::Never | Timing::Every(_) => Rules::default(),
    };
    let mut values = vec![
        ("dst", dst(rules.dst)),
        // What of it falls to this job.
        ("spread", time(rules.offset)),
        ("jitter", time(jitter.below)),
        ("missed", missed_word(*missed)),
        ("deadline", limit(*deadline)),
        ("overlap", quoted(overlap)),
        ("max_running", most(*overlap)),
        (
            "group",
            group.as_ref().map_or_else(|| quoted("none"), quoted),
        ),
        ("timeout", limit(*timeout)),
        ("stop_signal", quoted(stop_signal)),
        ("kill_after", time(*kill_after)),
        ("working_dir", quoted(working_dir.display())),
    ];
    values.extend(process::values(process));
    values.extend([
        ("env", env_names(env)),
        ("output", output_word(*output)),
        (
            "retry",
            retry.as_ref().map_or_else(|| quoted("none"), retry_table),
        ),
        ("success_exit_codes", codes(success_exit_codes)),
        ("enabled", enabled.to_string()),
        ("on_change", on_change_word(on_change.as_ref())),
    ]);
    values
}

/// The files are named; what is in them is nobody's business here.
fn on_change_word(on_change: Option<&OnChange>) -> String {
    let Some(OnChange { files }) = on_change else {
        return "false".to_owned();
    };
    let files: Vec<_> = files.keys().map(|file| quoted(file.display())).collect();
    match files.is_empty() {
        true => "true".to_owned(),
        false => format!("[{}]", files.join(", ")),
    }
}

/// As a string of TOML.
pub(super) fn quoted(text: impl ToString) -> String {
    toml::Value::String(text.to_string()).to_string()
}

pub(super) fn time(time: Duration) -> String {
    quoted(format_duration(time))
}

fn limit(limit: Option<Duration>) -> String {
    limit.map_or_else(|| quoted("none"), time)
}

fn dst(dst: Dst) -> String {
    quoted(match dst {
        Dst::Once => "once",
        Dst::Skip => "skip",
    })
}

fn missed_word(missed: Missed) -> String {
    match missed {
        Missed::Skip => quoted("skip"),
        Missed::Once => quoted("once"),
        Missed::All(most) => format!("{{ all = {most} }}"),
    }
}

/// Without a limit, or where it means nothing, nothing is to be written.
fn most(overlap: Overlap) -> String {
    match overlap {
        Overlap::Allow { most } if most != Overlap::ANY_NUMBER => most.to_string(),
        _ => quoted("none"),
    }
}

fn output_word(output: OutputMode) -> String {
    quoted(match output {
        OutputMode::Store => "store",
        OutputMode::Forward => "forward",
        OutputMode::Both => "both",
        OutputMode::Discard => "discard",
    })
}

fn retry_table(retry: &Retry) -> String {
    let on = retry.on.as_ref();
    let on = on.map_or_else(String::new, |on| format!(", on = {}", codes(on)));
    let (delay, most) = (time(retry.delay), time(retry.max_delay));
    let attempts = retry.attempts;
    format!("{{ attempts = {attempts}, delay = {delay}, max_delay = {most}{on} }}")
}

fn codes(codes: &BTreeSet<i32>) -> String {
    let codes: Vec<_> = codes.iter().map(ToString::to_string).collect();
    format!("[{}]", codes.join(", "))
}

/// A text may be a secret, and whoever may use the socket reads this. Of a credential the name is none.
pub(super) fn env_value(value: &EnvValue) -> String {
    match value {
        EnvValue::Text(_) => "…".to_owned(),
        EnvValue::Credential(credential) => credential.to_string(),
    }
}

fn env_names(env: &Environment) -> String {
    let told = env
        .iter()
        .map(|(name, value)| (quoted(name), env_value(value)));
    let names: Vec<String> = told
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    match names.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Surroundings, load};
    use super::*;
    use crate::run::JobName;

    fn job(keys: &str) -> Arc<Job> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hupd.toml");
        let head = "[daemon]\nstate_dir = \"/s\"\nruntime_dir = \"/r\"\ntimezone = \"UTC\"\n";
        let text = format!("{head}[jobs.a]\ncommand = \"true\"\nschedule = \"@daily\"\n{keys}");
        std::fs::write(&file, &text).unwrap();
        let accepted = load(&file, &Surroundings::default(), jiff::Timestamp::UNIX_EPOCH);
        let accepted = accepted.unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        Arc::clone(&accepted.config.jobs[&JobName::new("a")])
    }

    /// Where there is nothing, no file says so.
    const NOTHING_TO_WRITE: [&str; 4] = ["max_running", "user", "group_id", "nice"];

    /// What a file would say of a job, as far as it can.
    fn written(job: &Job) -> String {
        let has_nothing =
            |policy: &Policy| policy.value == "\"none\"" && NOTHING_TO_WRITE.contains(&policy.key);
        let can_be_written = |policy: &Policy| match policy.key {
            "spread" | "env" | "stdin" => false,
            _ => !has_nothing(policy),
        };
        let policies = job.policies().into_iter().filter(can_be_written);
        policies
            .map(|policy| format!("{} = {}\n", policy.key, policy.value))
            .collect()
    }

    #[test]
    fn a_job_of_which_nothing_is_said_is_as_by_default() {
        for policy in job("").policies() {
            assert_eq!(policy.value, policy.default, "{}", policy.key);
        }
        assert_eq!(job(&written(&job(""))), job(""));
    }

    #[test]
    fn what_is_told_means_the_same_job_to_a_file() {
        let job_with_all = job(
            "dst = \"skip\"\njitter = \"30s\"\nmissed = { all = 5 }\ndeadline = \"2h\"\noverlap = \"allow\"\n\
             max_running = 3\ngroup = \"g\"\n\
             timeout = \"1h 30m\"\nstop_signal = \"INT\"\nkill_after = \"1s\"\nworking_dir = \"/tmp/a b\"\n\
             umask = \"027\"\nnice = 5\nhangup = \"ignore\"\nenv_inherit = [\"LANG\"]\nenv_file = \"/dev/null\"\n\
             limits = { memory = \"2GiB\", cpu = \"90s\", open_files = 100, core = \"none\", stack = \"1048577B\" }\n\
             retry = { attempts = 3, delay = \"1s\", on = [1, 75] }\nsuccess_exit_codes = [0, 2]\n\
             output = \"discard\"\nenabled = false\non_change = [\"/etc/passwd\", \"/nowhere\"]\n",
        );
        assert_eq!(job(&written(&job_with_all)), job_with_all);
        let kept = ["spread", "env", "stdin", "user", "group_id"];
        for policy in job_with_all.policies() {
            let differs = policy.value != policy.default;
            assert_eq!(differs, !kept.contains(&policy.key), "{}", policy.key);
        }
    }

    #[test]
    fn no_value_that_may_be_a_secret_is_told() {
        let policies = job("stdin = \"secret\"\nenv = { TOKEN = \"secret\" }\n").policies();
        assert!(
            policies
                .iter()
                .all(|policy| !policy.value.contains("secret"))
        );
        let env = policies.iter().find(|policy| policy.key == "env").unwrap();
        assert_eq!(env.value, "{ \"TOKEN\" = … }");
    }
}
