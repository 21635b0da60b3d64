//! Start-up in the one order that is right, from a checked configuration to a daemon that serves.

use std::sync::Arc;

use super::followers::Followers;
use super::launch::{Failure, Options, surroundings};
use super::loader::Loader;
use super::locks::Locks;
use super::origin::Origin;
use super::parts::{Parts, watch};
use super::reload::Reloads;
use super::waiters::Waiters;
use super::{Began, Daemon, Notice, World};
use crate::clock::Moment;
use crate::config::{Config, counted};
use crate::control::Server;
use crate::engine::{Beginning, Effect, Engine, Left, Phase};
use crate::event::{Event, Inbox, Meaning, SignalReceived};
use crate::ledger::{OpenRun, Remains};
use crate::logging::{self, Logging};
use crate::protocol::Verdict;
use crate::run::{Generation, RunId};
use crate::store::{Record, Recovered, Store};
use crate::system::alarm::Alarm;
use crate::system::children::Children;
use crate::system::detach;
use crate::system::identity::Identity;
use crate::system::limits;
use crate::system::signals::Signals;
use crate::system::spawn::Spawners;
use crate::system::systemd::Notifier;

/// A second starter uses a second core; more bring nothing.
const SPAWNERS: usize = 2;

/// All that can fail comes before the daemon is ready; what was acquired goes with its value.
pub(super) fn begin(
    options: Options,
    origin: Origin,
    signals: Signals,
) -> Result<Daemon<Parts>, Failure> {
    let logging = start_logging(&origin.config, &options)?;
    let inbox = Inbox::new();
    let locks = Locks::take(&origin.config)?;
    begin_locked((options, origin), (inbox, logging), locks, signals)
}

fn start_logging(config: &Config, options: &Options) -> Result<Logging, Failure> {
    let prepared = logging::prepare(&config.log, options.log_level.as_deref());
    let started = logging::start(prepared.map_err(Failure::new)?);
    started.map_err(|error| Failure::new(format!("cannot start the log: {error}")))
}

fn begin_locked(
    (options, origin): (Options, Origin),
    (inbox, logging): (Inbox, Logging),
    locks: Locks,
    signals: Signals,
) -> Result<Daemon<Parts>, Failure> {
    watch_signals(signals, &inbox)?;
    let now = Moment::now();
    let config = Arc::clone(&origin.config);
    let state_dir = &config.daemon.state_dir;
    let (store, recovered) =
        Store::open(state_dir, &config.history, now.wall, inbox.outbox()).map_err(Failure::new)?;
    // One that goes on is watched through its process.
    let left = recovered.open.len();
    if let Err(warning) = limits::raise_open_files(config.daemon.max_running, left) {
        log::warn!("{warning}");
    }
    let parts = start_parts(options, &config, inbox, (store, logging), locks)?;
    Ok(Daemon::begin(parts, origin, recovered))
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
    options: Options,
    config: &Config,
    inbox: Inbox,
    (store, logging): (Store, Logging),
    locks: Locks,
) -> Result<Parts, Failure> {
    let thread = |error| Failure::new(format!("cannot start a thread: {error}"));
    let outbox = || inbox.outbox();
    let children = Children::start(outbox()).map_err(thread)?;
    let identity = Identity::of_process();
    let spawners = Spawners::start(SPAWNERS, children.handle(), identity, outbox());
    let loader = Loader::start(options.config, surroundings(), outbox());
    Ok(Parts {
        log_level: options.log_level,
        spawners: spawners.map_err(thread)?,
        children,
        alarm: Alarm::start(outbox()).map_err(thread)?,
        loader: loader.map_err(thread)?,
        watch: watch(config, &inbox).map_err(thread)?,
        notifier: Notifier::from_environment().map_err(thread)?,
        store,
        logging,
        locks,
        // Last: whoever can connect is served.
        server: Server::start(&config.daemon.socket(), outbox()).map_err(Failure::new)?,
        inbox,
    })
}

impl<W: World> Daemon<W> {
    /// Goes on from what an earlier life has left behind. From here on hupd serves, unless it has been told
    /// to stop meanwhile.
    pub fn begin(mut world: W, origin: Origin, mut recovered: Recovered) -> Self {
        if let Some(moved) = &recovered.moved_aside {
            log::error!("{moved}");
        }
        let recovered_moved = recovered.moved_aside.take();
        let runs = world.take_over(
            std::mem::take(&mut recovered.open),
            origin.config.daemon.orphans,
        );
        let is_unconfirmed = recovered.is_unconfirmed;
        let config = Arc::clone(&origin.config);
        // A new reading: the alarm watches the clock only now, and one that was set before goes unnoticed.
        let now = world.now();
        let (engine, effects) = Engine::new(beginning((config, recovered), runs), now);
        let watchdog = world.watchdog_interval();
        let mut daemon = Self {
            engine,
            reloads: Reloads::none_yet(now.wall),
            waiters: Waiters::default(),
            followers: Followers::default(),
            store_failure: None,
            unrecorded: None,
            history_moved: recovered_moved,
            no_starters: None,
            sign_of_life: watchdog.map(|interval| now.elapsed + interval),
            began: Began {
                at: now.wall,
                file: origin.file.clone(),
            },
            world,
        };
        daemon.note_start(origin, is_unconfirmed, now);
        daemon.serve(effects, now);
        daemon
    }

    /// The generation is on record before what it brings about.
    fn serve(&mut self, effects: Vec<Effect>, now: Moment) {
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
            spent: None,
            text_of: self.reloads.text_of(),
            confirm_by: None,
        };
        self.world.write(Record::Verdict(verdict, sources));
        self.perform(effects);
        let early = self.stop_if_told_early();
        if self.engine.phase() != Phase::Serving {
            return;
        }
        self.due(now);
        let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
        let (generation, file) = (self.engine.generation(), self.began.file.display());
        log::info!(pid, generation:%; "hupd {version} serves {jobs} of {file}");
        let status = self.status_text();
        self.world.notify(Notice::Ready(&status));
        for event in early {
            let now = self.world.now();
            self.handle(event, now);
        }
    }

    /// Of what came before hupd served only a stop counts at once; the rest, such as a HUP, comes after.
    fn stop_if_told_early(&mut self) -> Vec<Event> {
        let early: Vec<_> = std::iter::from_fn(|| self.world.try_next()).collect();
        let (stops, rest) = early.into_iter().partition(is_stop);
        for stop in stops {
            let now = self.world.now();
            self.handle(stop, now);
        }
        rest
    }
}

fn beginning(
    (config, recovered): (Arc<Config>, Recovered),
    runs: Vec<(OpenRun, Remains)>,
) -> Beginning {
    let generation = recovered.last_generation.map(Generation::next);
    let next_run = recovered.last_run.map(|last| RunId(last.0 + 1));
    Beginning {
        config,
        generation: generation.unwrap_or(Generation(1)),
        next_run: next_run.unwrap_or(RunId(1)),
        anchors: recovered.anchors,
        left: Left {
            runs,
            waiting: recovered.waiting,
            resting: recovered.resting,
            timings: recovered.timings,
            decided: recovered.decided,
            lived: recovered.lived,
            pauses: recovered.pauses,
        },
    }
}

fn is_stop(event: &Event) -> bool {
    let Event::Signal(SignalReceived { meaning, .. }) = event else {
        return false;
    };
    matches!(meaning, Meaning::Stop | Meaning::StopNow)
}
