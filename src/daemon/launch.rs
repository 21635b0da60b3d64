//! From the command line to a daemon that serves, and the way out: who is told what went wrong.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Daemon;
use super::end::End;
use super::origin::Origin;
use super::parts::Parts;
use super::start::begin;
use crate::clock::Moment;
use crate::config::{Config, Surroundings};
use crate::engine::Phase;
use crate::system::children::note_callers;
use crate::system::detach::{self, Detached, Release, Report};
use crate::system::inherited;
use crate::system::signals::Signals;

/// What the command line asks for.
#[derive(Debug)]
pub struct Options {
    pub config: PathBuf,
    pub mode: Mode,
    pub log_level: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Foreground,
    Detached,
}

/// Why hupd does not serve: the text for whoever started it, and how it ends.
pub(super) struct Failure {
    pub text: String,
    pub end: End,
}

impl Failure {
    pub fn new(text: impl ToString) -> Self {
        Self {
            text: text.to_string(),
            end: End::Failed,
        }
    }
}

/// The very first thing: whatever was inherited, every signal gets its meaning.
pub fn install_signals() -> Signals {
    // Before the handlers, for these have a pipe of their own. Where neither way of closing works, hupd
    // and its jobs keep what they were started with.
    let _ = inherited::close_fds();
    let _ = detach::fill_standard_fds();
    let signals = Signals::install();
    // After the handlers: what came while it was blocked is delivered now, and would end hupd.
    inherited::unblock_all_signals();
    inherited::default_dispositions();
    signals.expect("handlers can be installed: the signals are known to the kernel")
}

/// Loads, detaches unless told otherwise, serves until stopped.
pub fn serve(options: Options, signals: Signals) -> ExitCode {
    let file = absolute(&options.config);
    let origin = match Origin::find(file.clone()) {
        Ok(origin) => origin,
        Err(invalid) => {
            say(&invalid.told());
            return End::InvalidConfiguration.into();
        }
    };
    say(&origin.told());
    let release = match launch(options.mode, &origin.config) {
        Ok(Launched::Here(release)) => release,
        Ok(Launched::Elsewhere(status)) => return status,
        Err(failure) => return report(failure, None),
    };
    let options = Options {
        config: file,
        ..options
    };
    match begin(options, origin, signals) {
        Ok(daemon) => finish(daemon, release),
        Err(failure) => report(failure, release),
    }
}

enum Launched {
    /// This process is the daemon; a launcher may be waiting for word of it.
    Here(Option<Release>),
    /// This process was the launcher, and this is what it says.
    Elsewhere(ExitCode),
}

fn launch(mode: Mode, config: &Config) -> Result<Launched, Failure> {
    note_callers();
    if mode == Mode::Foreground || detach::is_pid_1() {
        detach::set_umask();
        return Ok(Launched::Here(None));
    }
    match detach::detach() {
        Ok(Detached::Daemon(release)) => Ok(Launched::Here(Some(release))),
        Ok(Detached::Launcher(report)) => Ok(Launched::Elsewhere(launcher_end(report, config))),
        Err(error) => Err(Failure::new(error)),
    }
}

/// Passes on what the daemon reported. One that serves without a log file has nowhere to say more.
fn launcher_end(report: Report, config: &Config) -> ExitCode {
    if let Some(message) = report.message {
        say(&format!("{message}\n"));
    }
    if report.status == 0 && config.log.file.is_none() {
        say(
            "hupd: serving; nothing is logged, for [log] names no file and nobody reads standard error\n",
        );
    }
    ExitCode::from(report.status)
}

/// Serves to the end. A stop that came before hupd served makes it a start that failed, which is
/// told when nothing of it is left.
fn finish(mut daemon: Daemon<Parts>, mut release: Option<Release>) -> ExitCode {
    let has_served = daemon.engine.phase() == Phase::Serving;
    if has_served && let Some(release) = release.take() {
        daemon.let_launcher_go(release);
    }
    daemon.run();
    daemon.leave();
    match has_served {
        true => End::Done.into(),
        false => report(Failure::new("told to stop before it served"), release),
    }
}

impl Daemon<Parts> {
    /// Whoever started hupd took its launcher away before it could say that hupd serves, so to them
    /// it does not: then it shall not.
    fn let_launcher_go(&mut self, release: Release) {
        if let Err(error) = release.ready() {
            log::warn!("whoever started hupd did not wait until it served: {error}; stopping");
            self.stop("by the end of its launcher", Moment::now());
        }
    }

    /// The way out, in the reverse order of the way in.
    fn leave(mut self) {
        self.drop_promise();
        self.warn_of_unconfirmed();
        // With the last of those who know more of a run, its followers know that nothing comes any more.
        drop(self.followers);
        let Parts {
            server,
            store,
            logging,
            locks,
            notifier,
            spawners,
            ..
        } = self.world;
        server.close();
        store.close();
        spawners.clean_up();
        notifier.flush();
        log::info!("hupd stopped");
        logging.flush();
        drop(locks);
    }
}

/// Tells whoever started hupd why it does not serve.
fn report(failure: Failure, release: Option<Release>) -> ExitCode {
    let text = format!("hupd: {}; not started", failure.text);
    match release {
        Some(release) => release.failed(&text, failure.end.status()),
        None => say(&format!("{text}\n")),
    }
    failure.end.into()
}

/// On the terminal. Whether anybody reads it is not ours to know.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Of the hupd that serves.
pub(super) fn surroundings() -> Surroundings {
    Surroundings {
        serves: true,
        ..Surroundings::from_environment(rustix::process::geteuid().is_root())
    }
}
