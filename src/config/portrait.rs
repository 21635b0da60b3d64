//! What is in force for a job, key by key, as a file would say it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::policies::Policies;
use super::{Job, Missed, OutputMode, Overlap, Timing, format_duration};
use crate::run::GroupName;
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
        let usual = Policies::built_in(Zone::utc());
        let rules = match &self.timing {
            Timing::Schedule(schedule) => schedule.rules(),
            Timing::Never | Timing::Every(_) => Rules::default(),
        };
        let key = |key, value: String, default: String| Policy {
            key,
            value,
            default,
        };
        vec![
            key("dst", dst(rules.dst), dst(usual.dst)),
            // What of it falls to this job.
            key("spread", time(rules.offset), time(Duration::ZERO)),
            key("jitter", time(self.jitter.below), time(usual.jitter)),
            key("missed", missed(self.missed), missed(usual.missed)),
            key("deadline", limit(self.deadline), limit(usual.deadline)),
            key(
                "overlap",
                quoted(self.overlap),
                quoted(usual.overlap.meant()),
            ),
            key(
                "max_running",
                most(self.overlap),
                most(usual.overlap.meant()),
            ),
            key(
                "group",
                group(self.group.as_ref()),
                group(usual.group.as_ref()),
            ),
            key("timeout", limit(self.timeout), limit(usual.timeout)),
            key(
                "stop_signal",
                quoted(self.stop_signal),
                quoted(usual.stop_signal),
            ),
            key("kill_after", time(self.kill_after), time(usual.kill_after)),
            key(
                "working_dir",
                quoted(self.working_dir.display()),
                quoted(usual.working_dir.display()),
            ),
            key("env", env(&self.env), env(&usual.env)),
            key("output", output(self.output), output(usual.output)),
            key(
                "enabled",
                self.enabled.to_string(),
                usual.enabled.to_string(),
            ),
        ]
    }
}

/// As a string of TOML.
fn quoted(text: impl ToString) -> String {
    toml::Value::String(text.to_string()).to_string()
}

fn time(time: Duration) -> String {
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

fn missed(missed: Missed) -> String {
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

fn group(group: Option<&GroupName>) -> String {
    group.map_or_else(|| quoted("none"), quoted)
}

fn output(output: OutputMode) -> String {
    quoted(match output {
        OutputMode::Store => "store",
        OutputMode::Forward => "forward",
        OutputMode::Both => "both",
        OutputMode::Discard => "discard",
    })
}

/// Names only: a value may be a secret, and whoever may use the socket reads this.
fn env(env: &BTreeMap<String, String>) -> String {
    let names: Vec<String> = env
        .keys()
        .map(|name| format!("{} = …", quoted(name)))
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

    /// What a file would say of a job, as far as it can.
    fn written(job: &Job) -> String {
        let can_be_written = |policy: &Policy| {
            !["spread", "env"].contains(&policy.key)
                && (policy.key, &*policy.value) != ("max_running", "\"none\"")
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
             output = \"discard\"\nenabled = false\n",
        );
        assert_eq!(job(&written(&job_with_all)), job_with_all);
        let kept = ["spread", "env"];
        for policy in job_with_all.policies() {
            let differs = policy.value != policy.default;
            assert_eq!(differs, !kept.contains(&policy.key), "{}", policy.key);
        }
    }

    #[test]
    fn no_value_of_the_environment_is_told() {
        let policies = job("env = { TOKEN = \"secret\" }\n").policies();
        let env = policies.iter().find(|policy| policy.key == "env").unwrap();
        assert_eq!(env.value, "{ \"TOKEN\" = … }");
    }
}
