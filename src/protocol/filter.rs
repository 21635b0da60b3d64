//! Which runs somebody asks for.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::run::{Signal, Trigger};

/// All that is said must be so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    pub job: Option<String>,
    pub outcome: Option<OutcomeFilter>,
    pub trigger: Option<Trigger>,
    /// Runs that began then or later; one that never started, when it was claimed.
    pub since: Option<Timestamp>,
    /// Runs that began before then.
    pub until: Option<Timestamp>,
    pub limit: usize,
}

/// What it takes to say how runs ended that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeFilter {
    /// They have not ended.
    Running,
    Success,
    /// Otherwise than by success, in whatever way.
    Failed,
    Exited(i32),
    /// By a signal; by whichever, where none is named.
    Killed(Option<Signal>),
    TimedOut,
    CouldNotStart,
    Lost,
}

/// What may be written.
pub const OUTCOMES: &str =
    "running, success, failed, exited-N, killed, killed-SIGNAL, timed-out, could-not-start or lost";

impl FromStr for OutcomeFilter {
    type Err = String;

    /// As it is printed here, or as history prints an outcome: `timed-out`, `timed out`.
    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.splitn(2, ['-', ' ']).collect();
        let found = match (words[0], words.get(1).copied()) {
            ("running", None) => Some(Self::Running),
            ("success", None) => Some(Self::Success),
            ("failed", None) => Some(Self::Failed),
            ("exited", Some(code)) => exit_code(code).map(Self::Exited),
            ("killed", None) => Some(Self::Killed(None)),
            ("killed", Some(signal)) => by_signal(signal).map(|signal| Self::Killed(Some(signal))),
            ("timed", Some("out")) => Some(Self::TimedOut),
            ("could", Some("not-start" | "not start")) => Some(Self::CouldNotStart),
            ("lost", None) => Some(Self::Lost),
            _ => None,
        };
        found.ok_or_else(|| format!("{OUTCOMES} is allowed"))
    }
}

fn exit_code(text: &str) -> Option<i32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|code| is_number && (0..=255).contains(code))
}

/// `TERM`, `by TERM`, or a number where a signal has no name.
fn by_signal(text: &str) -> Option<Signal> {
    let name = text.strip_prefix("by ").unwrap_or(text);
    let number = || name.parse().ok().filter(|number| (1..=64).contains(number));
    Signal::from_name(name).or_else(|| number().map(Signal::from_number))
}

impl fmt::Display for OutcomeFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Success => f.write_str("success"),
            Self::Failed => f.write_str("failed"),
            Self::Exited(code) => write!(f, "exited-{code}"),
            Self::Killed(None) => f.write_str("killed"),
            Self::Killed(Some(signal)) => write!(f, "killed-{signal}"),
            Self::TimedOut => f.write_str("timed-out"),
            Self::CouldNotStart => f.write_str("could-not-start"),
            Self::Lost => f.write_str("lost"),
        }
    }
}

impl OutcomeFilter {
    /// Whether nothing that it means exited 0 and succeeded by that.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Running | Self::Success | Self::Exited(0) => false,
            Self::Exited(_)
            | Self::Failed
            | Self::Killed(_)
            | Self::TimedOut
            | Self::CouldNotStart
            | Self::Lost => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Outcome;

    #[test]
    fn an_outcome_is_read_as_it_is_printed() {
        let all = [
            OutcomeFilter::Running,
            OutcomeFilter::Success,
            OutcomeFilter::Failed,
            OutcomeFilter::Exited(0),
            OutcomeFilter::Exited(255),
            OutcomeFilter::Killed(None),
            OutcomeFilter::Killed(Some(Signal::KILL)),
            OutcomeFilter::Killed(Some(Signal::from_number(34))),
            OutcomeFilter::TimedOut,
            OutcomeFilter::CouldNotStart,
            OutcomeFilter::Lost,
        ];
        for outcome in all {
            assert_eq!(outcome.to_string().parse(), Ok(outcome), "{outcome}");
        }
    }

    #[test]
    fn an_outcome_is_read_as_history_prints_it() {
        let exited = Outcome::Exited(3).to_string();
        assert_eq!(exited.parse(), Ok(OutcomeFilter::Exited(3)));
        let killed = Outcome::Killed(Signal::TERM).to_string();
        let by_term = OutcomeFilter::Killed(Some(Signal::TERM));
        assert_eq!(killed.parse(), Ok(by_term));
        let timed_out = Outcome::TimedOut.to_string();
        assert_eq!(timed_out.parse(), Ok(OutcomeFilter::TimedOut));
        assert_eq!("could not start".parse(), Ok(OutcomeFilter::CouldNotStart));
    }

    #[test]
    fn what_is_no_outcome_is_told_what_is_allowed() {
        for wrong in [
            "",
            "ok",
            "Failed",
            "exited",
            "exited-",
            "exited-256",
            "exited--1",
            "exited +1",
            "killed-",
            "killed-HUPP",
            "killed-0",
            "timed",
            "lost-1",
            "failed ",
        ] {
            let error = wrong.parse::<OutcomeFilter>().unwrap_err();
            assert_eq!(error, format!("{OUTCOMES} is allowed"), "{wrong}");
        }
    }
}
