//! What the loop needs from the world outside it, and does to it. The daemon's own world is
//! [`Parts`](super::parts::Parts), made of threads and system calls; a simulation has another one.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Moment, Wake};
use crate::config::{Config, Orphans, SourceFile};
use crate::event::{Event, Listener, Outbox, Reply};
use crate::ledger::{OpenRun, Remains};
use crate::run::{RunId, Signal};
use crate::store::{Question, Receipt, Record};
use crate::system::spawn::SpawnOrder;

/// The world as the loop sees it. Nothing here waits but [`World::next`]: what takes its time comes back as
/// an [`Event`].
pub trait World {
    /// What a configuration needs and may not get, such as a log file.
    type Acquired;

    fn now(&self) -> Moment;

    /// The next event; waits for one. At `wake` there is one.
    fn next(&mut self, wake: Wake) -> Event;

    /// An event, if one is there already.
    fn try_next(&mut self) -> Option<Event>;

    /// A way for events to come.
    fn outbox(&self) -> Outbox;

    /// The folder in which runs have their numbers, by the one path that does not depend on how the file spells it.
    fn history(&self) -> Arc<Path>;

    /// Starts the process of a run; `Started` or `CouldNotStart` follows.
    fn spawn(&mut self, order: SpawnOrder);

    /// Ends a start that takes too long. Its answer comes as always, and soon; `CameBack` follows on `GivenUp`.
    fn give_up_start(&mut self, run: RunId);

    /// Looks for the processes of runs of an earlier hupd, wherever they are. What goes on as a run by `orphans` is
    /// watched and can be signalled from then on; `Gone` follows when nothing of it is left.
    fn take_over(&mut self, open: Vec<OpenRun>, orphans: Orphans) -> Vec<(OpenRun, Remains)>;

    /// Sends a signal to the whole process group of a run. It does nothing where the run has ended.
    fn signal(&mut self, run: RunId, signal: Signal);

    /// Answers with the output of a run so far; refuses where it is not alive.
    fn peek(&mut self, run: RunId, reply: Reply);

    /// Tells a follower of a run what is kept of its output so far, and then what it writes: all of it, where its process
    /// is still to come. It does nothing where the run has ended.
    fn follow(&mut self, run: RunId, listener: Listener);

    /// Reaps children that hupd did not start.
    fn reap_orphans(&mut self);

    /// Writes a record, after those before it. `Claimed` follows on a claim.
    fn write(&mut self, record: Record);

    /// Answers from the store, after all that was written before.
    fn ask(&mut self, question: Question);

    /// Says whether all that was written before is on record.
    fn certify(&mut self, receipt: Receipt);

    /// Reads and checks the files, and compares them with what is in force; `Loaded` follows.
    fn load(&mut self, what: Load, in_force: Arc<Config>);

    /// Takes apart what is not needed any more, unless somebody else still has it.
    fn let_go(&mut self, it: Arc<dyn Any + Send + Sync>);

    /// Takes hold of all that `new` needs; where that fails everything is as before, and this is why.
    fn acquire(&mut self, old: &Config, new: &Config) -> Result<Self::Acquired, String>;

    /// Goes over to what was acquired for `config`, which is in force now, and lets go of what was before.
    fn switch(&mut self, acquired: Self::Acquired, config: &Config);

    /// Watches the files of this configuration and these, if it watches any.
    fn watch_also(&mut self, config: &Config, more: Vec<PathBuf>);

    /// Tells the service manager.
    fn notify(&mut self, notice: Notice<'_>);

    /// How often it wants a [`Notice::Alive`].
    fn watchdog_interval(&self) -> Option<Duration>;

    /// Opens the log file again, by its path.
    fn reopen_log(&mut self);
}

/// What is to be loaded.
#[derive(Clone, Debug)]
pub enum Load {
    /// The file on disk, and what it includes.
    Disk,
    /// What is kept of an earlier generation, the main file first.
    Kept(Vec<SourceFile>),
}

/// What a service manager is told; see sd_notify(3).
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// hupd serves, and how things are: after the start and after every reload.
    Ready(&'a str),
    Reloading(Moment),
    /// The stop has begun, and how long it may take from now.
    Stopping(&'a str, Duration),
    /// The loop is alive.
    Alive,
}
