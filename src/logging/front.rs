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

use super::OUTPUT_TARGET;
use super::queue::Queue;

pub(super) struct Front {
    logger: RwLock<Logger>,
    queue: Queue,
}

impl Front {
    pub(super) fn new(logger: Logger, queue: Queue) -> Self {
        log::set_max_level(logger.filter());
        let logger = RwLock::new(logger);
        Self { logger, queue }
    }

    /// Replaces the logger, and does something in the moment in which nobody logs.
    pub(super) fn replace(&self, logger: Logger, meanwhile: impl FnOnce()) {
        let mut current = self.logger.write().unwrap_or_else(PoisonError::into_inner);
        log::set_max_level(logger.filter());
        meanwhile();
        *current = logger;
    }
}

impl Log for Front {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let logger = self.logger.read().unwrap_or_else(PoisonError::into_inner);
        logger.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let logger = self.logger.read().unwrap_or_else(PoisonError::into_inner);
        // Before it is formatted: of a flood most lines get lost, and that must cost little.
        let is_output = record.target() == OUTPUT_TARGET;
        if is_output && logger.matches(record) && !self.queue.takes_output() {
            return;
        }
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
