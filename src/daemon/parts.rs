//! The world of a real daemon: its threads, its files, and the service manager.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::loader::Loader;
use super::locks::Locks;
use super::world::{Load, Notice, World};
use crate::clock::{Moment, Wake};
use crate::config::{Config, Orphans};
use crate::control::Server;
use crate::event::{Event, Inbox, Listener, Outbox, Reply};
use crate::ledger::{OpenRun, Remains};
use crate::logging::{self, Logging, Prepared};
use crate::reason::reason;
use crate::run::{RunId, Signal};
use crate::store::{Question, Receipt, Record, Store};
use crate::system::alarm::Alarm;
use crate::system::children::Children;
use crate::system::limits;
use crate::system::spawn::{SpawnOrder, Spawners};
use crate::system::systemd::Notifier;
use crate::system::watch::ConfigWatch;

/// What performs effects and watches the world.
#[derive(Debug)]
pub(super) struct Parts {
    pub inbox: Inbox,
    /// From the command line.
    pub log_level: Option<String>,
    pub logging: Logging,
    pub notifier: Notifier,
    pub store: Store,
    pub children: Children,
    pub spawners: Spawners,
    pub alarm: Alarm,
    pub loader: Loader,
    pub watch: Option<ConfigWatch>,
    pub server: Server,
    pub locks: Locks,
}

/// A log that is ready to be used, and a watch where there is to be one and is none.
pub(super) struct Acquired {
    log: Prepared,
    watch: Option<ConfigWatch>,
}

impl World for Parts {
    type Acquired = Acquired;

    fn now(&self) -> Moment {
        Moment::now()
    }

    fn next(&mut self, wake: Wake) -> Event {
        self.alarm.set(wake);
        self.inbox.next()
    }

    fn try_next(&mut self) -> Option<Event> {
        self.inbox.try_next()
    }

    fn outbox(&self) -> Outbox {
        self.inbox.outbox()
    }

    fn spawn(&mut self, order: SpawnOrder) {
        self.spawners.spawn(order);
    }

    fn give_up_start(&mut self, run: RunId) {
        self.spawners.give_up(run);
    }

    fn history(&self) -> Arc<Path> {
        self.store.folder()
    }

    fn take_over(&mut self, open: Vec<OpenRun>, orphans: Orphans) -> Vec<(OpenRun, Remains)> {
        self.children.take_over(open, (orphans, &self.history()))
    }

    fn signal(&mut self, run: RunId, signal: Signal) {
        self.children.signal(run, signal);
    }

    fn peek(&mut self, run: RunId, reply: Reply) {
        self.children.peek(run, reply);
    }

    fn follow(&mut self, run: RunId, listener: Listener) {
        self.children.follow(run, listener);
    }

    fn reap_orphans(&mut self) {
        self.children.reap_orphans();
    }

    fn write(&mut self, record: Record) {
        self.store.write(record);
    }

    fn ask(&mut self, question: Question) {
        self.store.ask(question);
    }

    fn certify(&mut self, receipt: Receipt) {
        self.store.certify(receipt);
    }

    fn load(&mut self, what: Load, in_force: Arc<Config>) {
        self.loader.load(what, in_force);
    }

    fn let_go(&mut self, it: Arc<dyn Any + Send + Sync>) {
        self.loader.let_go(it);
    }

    fn acquire(&mut self, _: &Config, new: &Config) -> Result<Acquired, String> {
        let log = logging::prepare(&new.log, self.log_level.as_deref())
            .map_err(|error| error.to_string())?;
        let watch = match self.watch {
            Some(_) => None,
            None => watch(new, &self.inbox)
                .map_err(|error| format!("cannot watch files: no thread: {}", reason(&error)))?,
        };
        if let Err(warning) = limits::raise_open_files(new.daemon.max_running, 0) {
            log::warn!("{warning}");
        }
        Ok(Acquired { log, watch })
    }

    fn switch(&mut self, acquired: Acquired, config: &Config) {
        self.logging.switch(acquired.log);
        let watch = self.watch.take().or(acquired.watch);
        self.watch = watch.filter(|_| config.daemon.watch_config);
        if let Some(watch) = &self.watch {
            watch.follow(config.watched_files());
        }
        self.store.keep(config.history.clone());
        self.locks.restore();
    }

    fn watch_also(&mut self, config: &Config, more: Vec<PathBuf>) {
        if let Some(watch) = &self.watch {
            let mut files = config.watched_files();
            files.extend(more);
            watch.follow(files);
        }
    }

    fn notify(&mut self, notice: Notice<'_>) {
        match notice {
            Notice::Ready(status) => self.notifier.ready(status),
            Notice::Reloading(now) => self.notifier.reloading(now),
            Notice::Stopping(status, bound) => {
                self.notifier.stopping(status);
                self.notifier.extend_timeout(bound);
            }
            Notice::Alive => self.notifier.watchdog(),
        }
    }

    fn watchdog_interval(&self) -> Option<Duration> {
        self.notifier.watchdog_interval()
    }

    fn reopen_log(&mut self) {
        self.logging.reopen();
    }
}

/// A watch on the files, if the configuration wants one.
pub(super) fn watch(config: &Config, inbox: &Inbox) -> io::Result<Option<ConfigWatch>> {
    if !config.daemon.watch_config {
        return Ok(None);
    }
    let watch = ConfigWatch::start(inbox.outbox())?;
    watch.follow(config.watched_files());
    Ok(Some(watch))
}
