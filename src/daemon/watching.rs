//! Whether hupd sees changes of its files, for those who ask it and for those who read its log.

use super::{Daemon, World};
use crate::protocol::Watching;
use crate::system::watch::RESCAN;

impl<W: World> Daemon<W> {
    /// Said once when it gets worse and once when it is well again.
    pub(super) fn watching(&mut self, watching: Watching) {
        let was_degraded = matches!(self.reloads.watching, Watching::Degraded { .. });
        match &watching {
            Watching::Degraded { reason } if !was_degraded => {
                let seconds = RESCAN.as_secs();
                log::warn!("{reason}; the files are looked through every {seconds} s instead");
            }
            Watching::Healthy if was_degraded => {
                log::info!("every change of the files is seen again")
            }
            _ => log::debug!("watching the files: {watching:?}"),
        }
        self.reloads.watching = watching;
    }

    /// None where nobody watches.
    pub(super) fn watching_now(&self) -> Option<Watching> {
        let is_wanted = self.engine.config().daemon.watch_config;
        is_wanted.then(|| self.reloads.watching.clone())
    }

    /// Whoever begins to watch knows nothing yet.
    pub(super) fn watching_begins(&mut self) {
        if !self.engine.config().daemon.watch_config {
            self.reloads.watching = Watching::Beginning;
        }
    }
}
