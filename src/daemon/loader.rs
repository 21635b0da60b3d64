//! Reads and checks the file off the loop, so that nothing that is due meanwhile is late.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use crate::clock::Moment;
use crate::config::{self, Surroundings};
use crate::event::{Event, Outbox};
use crate::system::raw;

/// A thread that loads when it is told to.
#[derive(Debug)]
pub struct Loader {
    orders: mpsc::Sender<()>,
}

impl Loader {
    pub fn start(file: PathBuf, surroundings: Surroundings, outbox: Outbox) -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        thread::Builder::new()
            .name("loader".into())
            .spawn(move || {
                for () in inbox {
                    let outcome = config::load(&file, &surroundings, Moment::now().wall);
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
    pub fn load(&self) {
        self.orders
            .send(())
            .expect("the loader lives as long as its orders");
    }
}
