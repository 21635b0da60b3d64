//! The one logger that `log` ever gets to know; what is behind it can be replaced.
#![expect(
    clippy::disallowed_types,
    reason = "every thread logs while a reload replaces the logger; the lock is held for one line \
              at a time and never across I/O, for lines are only queued"
)]

use std::fmt;
use std::sync::{PoisonError, RwLock};

use env_logger::Logger;
use log::{Log, Metadata, Record};

pub(super) struct Front(RwLock<Logger>);

impl Front {
    pub(super) fn new(logger: Logger) -> Self {
        log::set_max_level(logger.filter());
        Self(RwLock::new(logger))
    }

    /// Replaces the logger, and does something in the moment in which nobody logs.
    pub(super) fn replace(&self, logger: Logger, meanwhile: impl FnOnce()) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        log::set_max_level(logger.filter());
        meanwhile();
        *current = logger;
    }
}

impl Log for Front {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let logger = self.0.read().unwrap_or_else(PoisonError::into_inner);
        logger.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let logger = self.0.read().unwrap_or_else(PoisonError::into_inner);
        logger.log(record);
    }

    /// Lines are written by a thread of their own; `Logging::flush` waits for it.
    fn flush(&self) {}
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Front")
    }
}
