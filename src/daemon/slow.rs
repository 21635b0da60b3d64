//! A reload that takes long: what does not answer holds up the reader alone, and nobody would hear of it.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::reload::Of;
use super::{Daemon, World};
use crate::clock::Moment;
use crate::protocol::{Awaiting, Reloading};

/// After this the log says so.
const PATIENCE: Duration = Duration::from_secs(5);

/// Of the reload under way.
#[derive(Debug)]
pub(super) struct Progress {
    since: Timestamp,
    awaiting: Awaiting,
    /// The file that is being read, or whose text is being checked.
    reading: Option<PathBuf>,
    is_told_slow: bool,
}

impl Progress {
    pub fn begin(of: Of, since: Timestamp) -> Self {
        Self {
            since,
            awaiting: match of {
                Of::ToConfirm(_) => Awaiting::Record,
                Of::Kept(_) => Awaiting::Text,
                Of::Disk | Of::Confirmed => Awaiting::Reader,
            },
            reading: None,
            is_told_slow: false,
        }
    }

    /// As the log has it.
    fn told(&self) -> String {
        let awaited = match (&self.reading, self.awaiting) {
            (Some(file), _) => {
                return format!("it is at '{}', or at what that names", file.display());
            }
            (None, Awaiting::Record) => "what would come back is being put on record",
            (None, Awaiting::Text) => "the history is asked for the text of a generation",
            (None, Awaiting::Reader | Awaiting::File) => {
                "the reader is not done with the configuration before"
            }
        };
        awaited.to_owned()
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
        let Some(under_way) = self.reloads.under_way() else {
            return;
        };
        under_way.progress.is_told_slow = true;
        let awaited = under_way.progress.told();
        let seconds = PATIENCE.as_secs();
        log::warn!(
            generation;
            "the reload has no verdict after {seconds} s: {awaited}; generation {generation} goes on meanwhile"
        );
    }

    /// The reader has its order.
    pub(super) fn awaits_reader(&mut self) {
        if let Some(under_way) = self.reloads.under_way() {
            under_way.progress.awaiting = Awaiting::Reader;
        }
    }

    pub(super) fn reading(&mut self, file: PathBuf) {
        if let Some(under_way) = self.reloads.under_way() {
            under_way.progress.awaiting = Awaiting::File;
            under_way.progress.reading = Some(file);
        }
    }

    /// The one under way.
    pub(super) fn reloading(&self) -> Option<Reloading> {
        let under_way = self.reloads.under_way.as_ref()?;
        let file = &under_way.progress.reading;
        Some(Reloading {
            reloading_since: under_way.progress.since,
            awaiting: under_way.progress.awaiting,
            reading: file.as_ref().map(|file| file.display().to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_that_takes_long_is_told_by_what_it_waits_for() {
        let told = |of| Progress::begin(of, Timestamp::UNIX_EPOCH).told();
        assert_eq!(
            told(Of::ToConfirm(PATIENCE)),
            "what would come back is being put on record"
        );
        assert_eq!(
            told(Of::Disk),
            "the reader is not done with the configuration before"
        );
    }
}
