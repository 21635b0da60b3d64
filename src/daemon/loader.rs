//! Reads and checks the file off the loop, so that nothing that is due meanwhile is late.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use jiff::Timestamp;

use super::Load;
use crate::clock::Moment;
use crate::config::{self, LoadOutcome, Surroundings};
use crate::event::{Event, Outbox};
use crate::system::raw;

/// A thread that loads when it is told to.
#[derive(Debug)]
pub struct Loader {
    orders: mpsc::Sender<Load>,
}

impl Loader {
    pub fn start(file: PathBuf, surroundings: Surroundings, outbox: Outbox) -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        thread::Builder::new()
            .name("loader".into())
            .spawn(move || {
                for what in inbox {
                    let now = Moment::now().wall;
                    let outcome = match what {
                        Load::Disk => from_disk(&file, &surroundings, now),
                        Load::Kept(files) => config::load_kept(&files, &surroundings, now),
                    };
                    // The parse tree costs many times the file: give it back to the system.
                    raw::trim_heap();
                    if outbox.send(Event::Loaded(Box::new(outcome))).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self { orders })
    }

    /// Loads once; the outcome arrives as `Event::Loaded`.
    pub fn load(&self, what: Load) {
        self.orders
            .send(what)
            .expect("the loader lives as long as its orders");
    }
}

fn from_disk(file: &Path, surroundings: &Surroundings, now: Timestamp) -> LoadOutcome {
    let loaded = config::load_with_ignored(file, surroundings, now);
    for ignored in &loaded.ignored {
        log::debug!("{ignored}");
    }
    loaded.outcome
}
