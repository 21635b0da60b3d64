//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use hupd::config::parse_duration;
use hupd::control::{LONGEST_TRIAL, MOST_ROWS};
use hupd::protocol::OutcomeFilter;
use hupd::run::Trigger;

pub const EXIT_STATUS: &str = "\
Exit status: 0 done; 1 what was asked failed; 2 wrong usage; 69 no hupd is there, or it gives no answer;
74 confirmed, but not on record; 77 not allowed; 78 invalid configuration. See hupctl(1).";

/// Ask hupd, the job daemon, and tell it what to do
#[derive(Debug, Parser)]
#[command(name = "hupctl", version, after_help = EXIT_STATUS, max_term_width = 100)]
pub struct Arguments {
    /// The configuration file of the hupd that is meant
    #[arg(short, long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// The socket of the hupd that is meant
    #[arg(long, value_name = "PATH", global = true, conflicts_with = "config")]
    pub socket: Option<PathBuf>,
    /// The pid of the hupd that is meant, wherever its socket is
    #[arg(long, value_name = "PID", global = true, conflicts_with_all = ["config", "socket"],
          value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: Option<i32>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what hupd is doing
    Status,
    /// List all jobs: when they run next, and how they ended last
    List,
    /// Show when jobs run next
    Next(NextArguments),
    /// Print the JSON Schema of the configuration file, by which editors complete and check it
    Schema,
    /// Say what an expression means, when it is due, and what clock changes do to it
    Explain {
        /// As in the key `schedule`
        #[arg(value_name = "EXPR")]
        expression: String,
        /// The zone of the expression; without it, the system's
        #[arg(long, value_name = "ZONE")]
        timezone: Option<String>,
        /// Times after this one, in RFC 3339; without it, after now
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// How many times to show
        #[arg(short, value_name = "N", default_value = "5", value_parser = rows)]
        number: usize,
    },
    /// Run a job now
    Run {
        /// The name of the job
        #[arg(value_parser = word)]
        job: String,
        /// Wait for its end: what it writes is passed on, and its status is the exit status
        #[arg(short, long)]
        wait: bool,
    },
    /// Show past and present runs, newest first
    Runs(RunsArguments),
    /// Show all that is known of a run, by its number, or of a job, by its name; or the files of a generation
    Show {
        /// The number of a run, or the name of a job
        #[arg(value_name = "RUN|JOB", required_unless_present = "generation", value_parser = word)]
        of: Option<String>,
        /// The files of this generation, as they were accepted
        #[arg(short, long, value_name = "N", conflicts_with = "of", value_parser = generation_number)]
        generation: Option<u64>,
    },
    /// List what came into force and what was refused, newest first, and which runs are left of it
    Generations {
        /// How many to show
        #[arg(short, value_name = "N", default_value = "20", value_parser = rows)]
        number: usize,
        /// Print below what was wrong with those that were refused
        #[arg(long)]
        problems: bool,
    },
    /// Say what became of a time at which a job was due, or was not, and why
    Why {
        /// The name of the job
        #[arg(value_parser = word)]
        job: String,
        /// In RFC 3339, or on the clocks of the job: '2026-11-27 02:30', or '02:30' for the last one;
        /// without it, the last five occurrences
        time: Option<String>,
    },
    /// Print what a run wrote, byte for byte
    Logs {
        /// The number of a run, or a job for its newest run
        #[arg(value_name = "RUN|JOB", value_parser = word)]
        of: String,
        /// Go on with what it writes until it ends; fail unless it is a success
        #[arg(short, long)]
        follow: bool,
        /// Only this attempt of a run that was tried again
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "follow")]
        attempt: Option<u32>,
    },
    /// Pause a job: it is not due by itself until it is resumed, also by the next hupd
    Pause {
        /// The name of the job
        #[arg(value_parser = word)]
        job: String,
        /// Resume it by itself at that time, in RFC 3339 or on your clocks
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Resume it by itself after that time: '2h', '1d 12h'
        #[arg(long = "for", value_name = "DURATION", conflicts_with = "until", value_parser = parse_duration)]
        time: Option<Duration>,
        /// Why: for whoever looks at it later
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Resume a job; what it has missed is made up for as its `missed` says
    Resume {
        /// The name of the job
        #[arg(value_parser = word)]
        job: String,
    },
    /// End a run: its stop signal first, KILL after its `kill_after`
    Kill {
        /// The number of the run
        #[arg(value_parser = run_number)]
        run: u64,
    },
    /// Read the configuration again, and wait for the verdict
    Reload {
        /// Take it back unless 'hupctl confirm' comes within that time: '10m'
        #[arg(long, value_name = "DURATION", value_parser = trial)]
        confirm: Option<Duration>,
    },
    /// Confirm what came into force by 'hupctl reload --confirm': it stays
    Confirm,
    /// Show what a reload would change, and what would follow from that; nothing is changed
    Plan(PlanArguments),
    /// Bring an earlier generation back into force, and wait for the verdict; the file on disk stays as it is
    Rollback {
        /// Its number, as `hupctl generations` shows it; without it, the newest one before that says something else
        #[arg(value_name = "N", value_parser = generation_number)]
        generation: Option<u64>,
    },
    /// Check a configuration file, without hupd
    Check {
        /// The file to check, if it is not the one of -c
        file: Option<PathBuf>,
    },
    /// Stop hupd: nothing new starts, and what runs may finish
    Stop,
}

/// What `plan` is told.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// The file to compare; without it, the one that hupd would read
    pub file: Option<PathBuf>,
    /// Read the file as if it stood here: relative paths and `include` start from this folder
    #[arg(long = "as", value_name = "PATH", requires = "file")]
    pub place: Option<PathBuf>,
    /// A file to compare it with, instead of what runs: no hupd is asked
    #[arg(long, value_name = "OLD", requires = "file")]
    pub against: Option<PathBuf>,
    /// Exit with 1 where anything changes
    #[arg(long)]
    pub exit_code: bool,
}

/// What `next` is told.
#[derive(Debug, Args)]
pub struct NextArguments {
    /// Only this job
    #[arg(conflicts_with = "schedule", value_parser = word)]
    pub job: Option<String>,
    /// A configuration file instead of hupd: what a hupd does that starts with it
    #[arg(long, value_name = "FILE", conflicts_with = "schedule")]
    pub file: Option<PathBuf>,
    /// An expression instead of jobs: no hupd is asked
    #[arg(long, value_name = "EXPR")]
    pub schedule: Option<String>,
    /// The zone of the expression; without it, the system's
    #[arg(long, value_name = "ZONE", requires = "schedule")]
    pub timezone: Option<String>,
    /// Times after this one, in RFC 3339; without it, after now
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Times up to this one; all of them, unless -n is given
    #[arg(long, value_name = "TIME", conflicts_with = "schedule")]
    pub to: Option<String>,
    /// How many times to show [default: 10]
    #[arg(short, value_name = "N", value_parser = rows)]
    pub number: Option<usize>,
    /// Draw how many times there are in each part of the coming day
    #[arg(long, conflicts_with_all = ["schedule", "number"])]
    pub chart: bool,
}

/// What `runs` is told.
#[derive(Debug, Args)]
pub struct RunsArguments {
    /// Only this job
    #[arg(value_parser = word)]
    pub job: Option<String>,
    /// Only runs that ended like this: success, failed, exited-N, killed, killed-SIGNAL, timed-out,
    /// could-not-start, lost; or that are running
    #[arg(short, long, value_name = "OUTCOME", value_parser = outcome)]
    pub outcome: Option<OutcomeFilter>,
    /// Only runs that failed: the same as --outcome failed
    #[arg(short, long, conflicts_with = "outcome")]
    pub failed: bool,
    /// Only runs by this: schedule, every, request, change
    #[arg(short, long, value_name = "TRIGGER", value_parser = trigger)]
    pub trigger: Option<Trigger>,
    /// Only runs that began at this time or later, in RFC 3339 or on the clocks here
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only runs that began before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// How many runs to show
    #[arg(short, value_name = "N", default_value = "20", value_parser = rows)]
    pub number: usize,
    /// Draw how long the runs of the job took, the newest last
    #[arg(long, requires = "job")]
    pub chart: bool,
}

/// So many times are shown where nothing is said.
pub const USUAL_TIMES: usize = 10;

fn rows(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=MOST_ROWS).contains(&number) => Ok(number),
        _ => Err(format!("a number from 1 to {MOST_ROWS} is allowed")),
    }
}

fn outcome(text: &str) -> Result<OutcomeFilter, String> {
    text.parse()
}

fn trigger(text: &str) -> Result<Trigger, String> {
    let names = Trigger::ALL.map(Trigger::as_str).join(", ");
    Trigger::named(text).ok_or_else(|| format!("one of these is allowed: {names}"))
}

fn trial(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text)?;
    let is_whole = time.subsec_nanos() == 0;
    match time.as_secs() {
        1..=LONGEST_TRIAL if is_whole => Ok(time),
        _ => Err("whole seconds from '1s' to '30d' are allowed".to_owned()),
    }
}

/// Nothing has no name: from a script it is a variable that was not set.
fn word(text: &str) -> Result<String, String> {
    match text.trim().is_empty() {
        true => Err("the name of a job is wanted, as `hupctl list` shows it".to_owned()),
        false => Ok(text.to_owned()),
    }
}

fn run_number(text: &str) -> Result<u64, String> {
    let wanted = "the number of a run is wanted, as `hupctl status` shows it";
    text.parse().map_err(|_| wanted.to_owned())
}

fn generation_number(text: &str) -> Result<u64, String> {
    let wanted = "the number of a generation is wanted, as `hupctl generations` shows it";
    text.parse().map_err(|_| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_job_that_is_given_for_a_run_is_told_what_is_wanted() {
        let error = Arguments::try_parse_from(["hupctl", "kill", "backup"]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("the number of a run is wanted"), "{text}");
    }

    #[test]
    fn a_variable_that_is_not_set_is_no_job() {
        for command in [
            "run", "show", "logs", "why", "pause", "resume", "next", "runs",
        ] {
            let told = Arguments::try_parse_from(["hupctl", command, ""]);
            let text = told.unwrap_err().to_string();
            let wanted = "the name of a job is wanted, as `hupctl list` shows it";
            assert!(text.contains(wanted), "{command}: {text}");
        }
    }

    #[test]
    fn what_is_no_number_of_a_generation_is_told_what_is_wanted() {
        for arguments in [["hupctl", "rollback", "x"], ["hupctl", "show", "-g=x"]] {
            let text = Arguments::try_parse_from(arguments)
                .unwrap_err()
                .to_string();
            let wanted = "the number of a generation is wanted, as `hupctl generations` shows it";
            assert!(text.contains(wanted), "{text}");
        }
    }

    #[test]
    fn every_argument_is_explained() {
        for command in Arguments::command().get_subcommands() {
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {argument}",
                    command.get_name()
                );
            }
        }
    }
}
