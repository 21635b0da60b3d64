//! Reads and checks the files off the loop, and compares them with what is in force, so that nothing that is due meanwhile is
//! late. Configurations that are not in force any more end here as well, for that takes time too.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;

use super::Load;
use crate::clock::Moment;
use crate::config::{self, Config, Surroundings, Text, load_told};
use crate::event::{Event, Loaded, Outbox};
use crate::system::raw;

/// A thread that loads when it is told to.
#[derive(Debug)]
pub struct Loader {
    orders: mpsc::Sender<Order>,
}

#[derive(Debug)]
enum Order {
    /// And compare it with this.
    Load(Load, Arc<Config>),
    LetGo(Arc<dyn Any + Send + Sync>),
}

impl Loader {
    pub fn start(file: PathBuf, surroundings: Surroundings, outbox: Outbox) -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        thread::Builder::new()
            .name("loader".into())
            .spawn(move || {
                let handle = |order| match order {
                    Order::Load(what, old) => {
                        let begun = |file: &Path| {
                            // Whoever takes no news takes no outcome either.
                            let _ = outbox.send(Event::Reading(file.to_owned()));
                        };
                        let text = text(&what, &file);
                        let loaded = compared(loaded(text, &surroundings, &begun), &old);
                        // Nor is there an order of somebody who takes none.
                        let _ = outbox.send(Event::Loaded(Box::new(loaded)));
                    }
                    Order::LetGo(it) => drop(it),
                };
                take_all(&inbox, handle, raw::trim_heap);
            })?;
        Ok(Self { orders })
    }

    /// Loads once, to come into force in place of `old`; the outcome arrives as `Event::Loaded`.
    pub fn load(&self, what: Load, old: Arc<Config>) {
        self.order(Order::Load(what, old));
    }

    /// Whoever lets go of something last has to take apart all of it.
    pub fn let_go(&self, it: Arc<dyn Any + Send + Sync>) {
        self.order(Order::LetGo(it));
    }

    fn order(&self, order: Order) {
        self.orders
            .send(order)
            .expect("the loader lives as long as its orders");
    }
}

/// The parse tree costs many times the file: it is given back to the system as soon as nobody waits for anything. That
/// takes the locks of the whole heap, so not after each order.
fn take_all<T>(inbox: &mpsc::Receiver<T>, mut handle: impl FnMut(T), mut give_back: impl FnMut()) {
    while let Ok(order) = inbox.recv() {
        handle(order);
        while let Ok(order) = inbox.try_recv() {
            handle(order);
        }
        give_back();
    }
}

fn text<'t>(what: &'t Load, file: &'t Path) -> Text<'t> {
    match what {
        Load::Disk => Text::OnDisk(file),
        Load::Kept(files) => Text::Kept(files),
    }
}

fn loaded(text: Text<'_>, surroundings: &Surroundings, begun: &dyn Fn(&Path)) -> config::Loaded {
    let began = Moment::now();
    let clock = || Moment::now().elapsed;
    let loaded = load_told(text, (surroundings, began.wall), clock, begun);
    for ignored in &loaded.ignored {
        log::debug!("{ignored}");
    }
    loaded
}

fn compared(loaded: config::Loaded, old: &Config) -> Loaded {
    let began = Moment::now().elapsed;
    let outcome = loaded.outcome.map(|accepted| accepted.beside(old));
    Loaded {
        outcome,
        took: loaded.took,
        diff: Moment::now().elapsed.saturating_sub(began),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn nothing_is_given_back_while_an_order_waits() {
        let (orders, inbox) = mpsc::channel();
        for order in ["load", "let go", "let go"] {
            orders.send(order).unwrap();
        }
        drop(orders);
        let done = RefCell::new(Vec::new());
        let note = |what| done.borrow_mut().push(what);
        take_all(&inbox, note, || note("give back"));
        let done = done.into_inner();
        assert_eq!(done, ["load", "let go", "let go", "give back"]);
    }
}
