//! hupd: arguments → command, print the error, exit status.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hupd::daemon::{self, Mode, Options};

/// A job daemon: runs the jobs of one file, reloads it on HUP, drains on TERM.
#[derive(Debug, Parser)]
#[command(name = "hupd", version)]
struct Arguments {
    /// The file that declares the jobs
    #[arg(short, long, value_name = "FILE", default_value = daemon::DEFAULT_FILE)]
    config: PathBuf,
    /// Stay in the foreground instead of detaching from the terminal; as PID 1 always so
    #[arg(short, long)]
    foreground: bool,
    /// Check the file, say all that is wrong with it, and exit
    #[arg(long, conflicts_with = "foreground")]
    check: bool,
    /// What to log, as `[log] level`, which it overrides: debug, info, warn, error, or a filter
    #[arg(long, value_name = "FILTER")]
    log_level: Option<String>,
}

fn main() -> ExitCode {
    // Before anything else: a HUP may come at any moment from birth on.
    let signals = daemon::install_signals();
    let arguments = Arguments::parse();
    if arguments.check {
        return daemon::check(&arguments.config);
    }
    let mode = match arguments.foreground {
        true => Mode::Foreground,
        false => Mode::Detached,
    };
    let options = Options {
        config: arguments.config,
        mode,
        log_level: arguments.log_level,
    };
    daemon::serve(options, signals)
}
