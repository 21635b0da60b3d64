//! A reload that takes long: what does not answer holds up the reader alone, and nobody would hear of it.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::{Daemon, World};
use crate::clock::Moment;
use crate::protocol::Reloading;

/// After this the log says so.
const PATIENCE: Duration = Duration::from_secs(5);

/// Of the reload under way.
#[derive(Debug)]
pub(super) struct Progress {
    since: Timestamp,
    /// The file that is being read, or whose text is being checked.
    reading: Option<PathBuf>,
    is_told_slow: bool,
}

impl Progress {
    pub fn since(since: Timestamp) -> Self {
        Self {
            since,
            reading: None,
            is_told_slow: false,
        }
    }
}

impl<W: World> Daemon<W> {
    /// When patience with the reload under way ends, unless that was told.
    pub(super) fn slow_reload_at(&self) -> Option<Duration> {
        let under_way = self.reloads.under_way.as_ref()?;
        (!under_way.progress.is_told_slow).then_some(under_way.began + PATIENCE)
    }

    /// Once for each reload.
    pub(super) fn tell_slow_reload(&mut self, now: Moment) {
        if self.slow_reload_at().is_none_or(|at| at > now.elapsed) {
            return;
        }
        let generation = self.engine.generation().0;
        let reading = match self
            .reloads
            .under_way
            .as_ref()
            .and_then(|it| it.progress.reading.as_ref())
        {
            Some(file) => format!("at '{}', or at what that names", file.display()),
            None => "before its text is there".to_owned(),
        };
        let seconds = PATIENCE.as_secs();
        log::warn!(
            generation;
            "the reload has no verdict after {seconds} s: it is {reading}; generation {generation} goes on meanwhile"
        );
        if let Some(under_way) = self.reloads.under_way() {
            under_way.progress.is_told_slow = true;
        }
    }

    pub(super) fn reading(&mut self, file: PathBuf) {
        if let Some(under_way) = self.reloads.under_way() {
            under_way.progress.reading = Some(file);
        }
    }

    /// The one under way.
    pub(super) fn reloading(&self) -> Option<Reloading> {
        let under_way = self.reloads.under_way.as_ref()?;
        let file = &under_way.progress.reading;
        Some(Reloading {
            reloading_since: under_way.progress.since,
            reading: file.as_ref().map(|file| file.display().to_string()),
        })
    }
}
