//! Start-up, in the one order that is right, and the way out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::loader::Loader;
use super::reload::Reloads;
use super::waiters::Waiters;
use super::{Began, Daemon, Parts};
use crate::clock::Moment;
use crate::config::{Accepted, Config, Surroundings, counted, load};
use crate::control::Server;
use crate::engine::{Beginning, Effect, Engine, Phase};
use crate::event::Inbox;
use crate::logging::{self, Logging};
use crate::protocol::Verdict;
use crate::run::{Generation, RunId};
use crate::store::{Recovered, Store};
use crate::system::alarm::Alarm;
use crate::system::children::Children;
use crate::system::detach::{self, Detached, Release, Report};
use crate::system::identity::Identity;
use crate::system::lock_file::{LockError, LockFile, Restored};
use crate::system::signals::Signals;
use crate::system::spawn::Spawners;
use crate::system::systemd::Notifier;
use crate::system::watch::{ConfigWatch, WatchError};
use crate::system::{limits, raw};

/// sysexits.h: EX_CONFIG.
pub(super) const CONFIGURATION: u8 = 78;
/// sysexits.h: EX_TEMPFAIL.
const ALREADY_RUNNING: u8 = 75;
const FAILED: u8 = 1;

/// A second starter uses a second core; more bring nothing.
const SPAWNERS: usize = 2;

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

/// Why hupd does not serve: the text for whoever started it, and the exit status.
struct Failure {
    text: String,
    status: u8,
}

impl Failure {
    fn new(text: impl ToString) -> Self {
        Self {
            text: text.to_string(),
            status: FAILED,
        }
    }
}

/// The very first thing: whatever was inherited, every signal gets its meaning.
pub fn install_signals() -> Signals {
    // Before the handlers, for these have a pipe of their own. It takes Linux 5.9; before that,
    // hupd and its jobs keep what they were started with.
    let _ = raw::close_inherited_fds();
    let _ = detach::fill_standard_fds();
    let signals = Signals::install();
    // After the handlers: what came while it was blocked is delivered now, and would end hupd.
    raw::unblock_all_signals();
    raw::default_dispositions();
    signals.expect("handlers can be installed: the signals are known to the kernel")
}

/// Loads, detaches unless told otherwise, serves until stopped.
pub fn serve(options: Options, signals: Signals) -> ExitCode {
    let file = absolute(&options.config);
    let accepted = match load(&file, &surroundings()) {
        Ok(accepted) => accepted,
        Err(problems) => {
            say(&format!(
                "{problems}hupd: {}; not started\n",
                problems.summary()
            ));
            return ExitCode::from(CONFIGURATION);
        }
    };
    if !accepted.warnings.is_empty() {
        say(&format!("{}\n", accepted.warnings));
    }
    let release = match launch(options.mode) {
        Ok(Launched::Here(release)) => release,
        Ok(Launched::Elsewhere(status)) => return status,
        Err(failure) => return report(failure, None),
    };
    let options = Options {
        config: file,
        ..options
    };
    match begin(options, accepted, signals) {
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

fn launch(mode: Mode) -> Result<Launched, Failure> {
    if mode == Mode::Foreground || detach::is_pid_1() {
        detach::set_umask();
        return Ok(Launched::Here(None));
    }
    match detach::detach() {
        Ok(Detached::Daemon(release)) => Ok(Launched::Here(Some(release))),
        Ok(Detached::Launcher(report)) => Ok(Launched::Elsewhere(launcher_end(report))),
        Err(error) => Err(Failure::new(error)),
    }
}

/// Passes on what the daemon reported.
fn launcher_end(report: Report) -> ExitCode {
    if let Some(message) = report.message {
        say(&format!("{message}\n"));
    }
    ExitCode::from(report.status)
}

/// The two locks: one in the state folder, which decides, and the pid file. The files go with this.
#[derive(Debug)]
pub(super) struct Locks {
    state: LockFile,
    pid: LockFile,
}

fn begin(options: Options, accepted: Accepted, signals: Signals) -> Result<Daemon, Failure> {
    let config = Arc::new(accepted.config);
    let logging = start_logging(&config, &options)?;
    let inbox = Inbox::new();
    let locks = take_locks(&config)?;
    begin_locked((options, config), (inbox, logging), locks, signals)
}

fn start_logging(config: &Config, options: &Options) -> Result<Logging, Failure> {
    let prepared = logging::prepare(&config.log, options.log_level.as_deref());
    let started = logging::start(prepared.map_err(Failure::new)?);
    started.map_err(|error| Failure::new(format!("cannot start the log: {error}")))
}

fn begin_locked(
    (options, config): (Options, Arc<Config>),
    (inbox, logging): (Inbox, Logging),
    locks: Locks,
    signals: Signals,
) -> Result<Daemon, Failure> {
    watch_signals(signals, &inbox)?;
    if let Err(warning) = limits::raise_open_files(config.daemon.max_running) {
        log::warn!("{warning}");
    }
    let now = Moment::now();
    let state_dir = &config.daemon.state_dir;
    let (store, recovered) =
        Store::open(state_dir, &config.history, now.wall, inbox.outbox()).map_err(Failure::new)?;
    say_recovered(&recovered);
    let parts = start_parts((&options, &config), &inbox, (store, logging), locks)?;
    let generation = recovered
        .last_generation
        .map_or(Generation(1), Generation::next);
    let beginning = Beginning {
        config,
        generation,
        next_run: recovered
            .last_run
            .map_or(RunId(1), |last| RunId(last.0 + 1)),
        anchors: recovered.anchors,
    };
    let (engine, effects) = Engine::new(beginning, now);
    let mut daemon = assemble((options, inbox), (engine, parts), now);
    daemon.serve_from(effects, now);
    Ok(daemon)
}

fn watch_signals(signals: Signals, inbox: &Inbox) -> Result<(), Failure> {
    let watched = match detach::is_pid_1() {
        true => signals
            .also_children()
            .and_then(|()| signals.watch(inbox.outbox())),
        false => signals.watch(inbox.outbox()),
    };
    watched.map_err(|error| Failure::new(format!("cannot watch signals: {error}")))
}

fn start_parts(
    (options, config): (&Options, &Config),
    inbox: &Inbox,
    (store, logging): (Store, Logging),
    locks: Locks,
) -> Result<Parts, Failure> {
    let thread = |error| Failure::new(format!("cannot start a thread: {error}"));
    let outbox = || inbox.outbox();
    let children = Children::start(outbox()).map_err(thread)?;
    let identity = Identity::of_process();
    let spawners = Spawners::start(SPAWNERS, children.handle(), identity, outbox());
    let loader = Loader::start(options.config.clone(), surroundings(), outbox());
    Ok(Parts {
        spawners: spawners.map_err(thread)?,
        children,
        alarm: Alarm::start(outbox()).map_err(thread)?,
        loader: loader.map_err(thread)?,
        watch: watch(config, inbox).map_err(Failure::new)?,
        notifier: Notifier::from_environment(),
        store,
        logging,
        locks,
        // Last: whoever can connect is served.
        server: Server::start(&config.daemon.socket(), outbox()).map_err(Failure::new)?,
    })
}

/// The watch on the files, if the configuration wants one.
pub(super) fn watch(config: &Config, inbox: &Inbox) -> Result<Option<ConfigWatch>, WatchError> {
    if !config.daemon.watch_config {
        return Ok(None);
    }
    let mut watch = ConfigWatch::start(inbox.outbox())?;
    watch.follow(&config.watched_files())?;
    Ok(Some(watch))
}

fn assemble(
    (options, inbox): (Options, Inbox),
    (engine, parts): (Engine, Parts),
    now: Moment,
) -> Daemon {
    Daemon {
        inbox,
        engine,
        reloads: Reloads::none_yet(now.wall),
        waiters: Waiters::default(),
        store_failure: None,
        sign_of_life: parts
            .notifier
            .watchdog_interval()
            .map(|interval| now.elapsed + interval),
        began: Began {
            at: now.wall,
            file: options.config,
            log_level: options.log_level,
        },
        parts,
    }
}

impl Daemon {
    /// From here on hupd serves, unless it has been told to stop meanwhile.
    fn serve_from(&mut self, effects: Vec<Effect>, now: Moment) {
        self.perform(effects);
        let config = self.engine.config();
        let jobs = counted(config.jobs.len(), "job");
        let sources = config.sources.clone();
        let verdict = Verdict {
            at: now.wall,
            asked_by: "start".to_owned(),
            accepted: true,
            generation: self.engine.generation().0,
            summary: jobs.clone(),
            problems: String::new(),
            problem_count: 0,
            seconds: 0.0,
        };
        self.parts.store.verdict(verdict, sources);
        self.handle_what_came_early();
        if self.engine.phase() != Phase::Serving {
            return;
        }
        let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
        let (generation, file) = (self.engine.generation(), self.began.file.display());
        log::info!(pid, generation:%; "hupd {version} serves {jobs} of {file}");
        self.parts.notifier.ready(&self.status_text());
    }

    fn handle_what_came_early(&mut self) {
        while let Some(event) = self.inbox.try_next() {
            self.handle(event, Moment::now());
        }
    }
}

/// Serves to the end. A stop that came before hupd served makes it a start that failed, which is
/// told when nothing of it is left.
fn finish(mut daemon: Daemon, mut release: Option<Release>) -> ExitCode {
    let has_served = daemon.engine.phase() == Phase::Serving;
    if has_served && let Some(release) = release.take() {
        daemon.let_launcher_go(release);
    }
    daemon.run();
    daemon.leave();
    match has_served {
        true => ExitCode::SUCCESS,
        false => report(Failure::new("told to stop before it served"), release),
    }
}

impl Daemon {
    /// Whoever started hupd took its launcher away before it could say that hupd serves, so to them
    /// it does not: then it shall not.
    fn let_launcher_go(&mut self, release: Release) {
        if let Err(error) = release.ready() {
            log::warn!("whoever started hupd did not wait until it served: {error}; stopping");
            self.stop("by the end of its launcher", Moment::now());
        }
    }

    /// The way out, in the reverse order of the way in.
    fn leave(self) {
        let Parts {
            server,
            store,
            logging,
            locks,
            ..
        } = self.parts;
        server.close();
        store.close();
        log::info!("hupd stopped");
        logging.flush();
        drop(locks);
    }
}

impl Locks {
    /// Puts the files back where a cleaner of old files has taken them away.
    pub(super) fn restore(&mut self) {
        for lock in [&mut self.state, &mut self.pid] {
            match lock.restore() {
                Ok(Restored::WasInPlace) => {}
                Ok(Restored::Again) => log::warn!(
                    "{}: was removed while hupd runs; made again",
                    lock.path().display()
                ),
                Err(error) => log::error!("{error}; hupd goes on without it"),
            }
        }
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        // A file that stays behind is no lock: the next start takes it over.
        let _ = self.pid.remove();
        let _ = self.state.remove();
    }
}

fn take_locks(config: &Config) -> Result<Locks, Failure> {
    make_folder(&config.daemon.state_dir, 0o700)?;
    make_folder(&config.daemon.runtime_dir, 0o750)?;
    let state = take_lock(&config.daemon.state_dir.join("hupd.lock"))?;
    match take_lock(&config.daemon.runtime_dir.join("hupd.pid")) {
        Ok(pid) => Ok(Locks { state, pid }),
        Err(failure) => {
            let _ = state.remove();
            Err(failure)
        }
    }
}

fn take_lock(path: &Path) -> Result<LockFile, Failure> {
    LockFile::acquire(path).map_err(|error| Failure {
        status: match error {
            LockError::Held { .. } => ALREADY_RUNNING,
            _ => FAILED,
        },
        text: error.to_string(),
    })
}

fn make_folder(path: &Path, mode: u32) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(mode).create(path);
    made.map_err(|error| {
        Failure::new(format!(
            "{}: cannot make this folder: {error}",
            path.display()
        ))
    })
}

fn say_recovered(recovered: &Recovered) {
    if let Some(moved) = &recovered.moved_aside {
        log::error!("{moved}");
    }
    for lost in &recovered.lost {
        log::warn!(
            job:% = lost.job, run:% = lost.run;
            "run lost: hupd ended while it ran, nobody saw its end"
        );
    }
    if recovered.missed > 0 {
        let missed = recovered.missed;
        log::warn!("{missed} occurrences that waited for a place when hupd ended are missed");
    }
}

/// Tells whoever started hupd why it does not serve.
fn report(failure: Failure, release: Option<Release>) -> ExitCode {
    let text = format!("hupd: {}; not started", failure.text);
    match release {
        Some(release) => release.failed(&text, failure.status),
        None => say(&format!("{text}\n")),
    }
    ExitCode::from(failure.status)
}

/// On the terminal. Whether anybody reads it is not ours to know.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

pub(super) fn surroundings() -> Surroundings {
    Surroundings::from_environment(rustix::process::geteuid().is_root())
}
