//! The thread that listens on the socket: the only place of hupd that is asynchronous.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::unix::net::UnixListener as BlockingListener;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::ControlError;
use super::connection;
use super::desk::{Desk, may_change};
use super::patient::Patience;
use super::socket::{SocketFile, listen_at};
use crate::event::{Outbox, Sender};

/// Connections that are served at the same time.
const MOST_CONNECTIONS: usize = 64;
/// As many of them are kept free for those who may change something.
const KEPT_FREE: usize = 16;
/// Clients that wait for what a run does, which takes as long as the run. They have places of their own, so that
/// hupd can always be asked, and told, something.
const MOST_WAITING: usize = 64;
/// Connections that are being told that there is no place; any more are closed unanswered.
const MOST_REFUSED: usize = 64;

/// How long answers that are being written may still take when the server closes.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// How long nothing is accepted after that failed: for lack of files, which come back.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A server that listens; closed by [`Server::close`] and when it is dropped.
pub struct Server {
    open: watch::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Listens at `path`. Each request becomes an `Event::Asked`.
    pub fn start(path: &Path, outbox: Outbox) -> Result<Self, ControlError> {
        let (listener, file) = listen_at(path)?;
        let runtime = runtime().map_err(|error| ControlError::new(path, error))?;
        let (open, closing) = watch::channel(());
        let serve = move || {
            runtime.block_on(serve(listener, file, outbox, closing));
            // An answer that is still being worked out keeps nobody waiting.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new()
            .name("control".to_owned())
            .spawn(serve)
            .map_err(|error| ControlError::new(path, error))?;
        Ok(Self { open, thread })
    }

    /// Accepts nothing more, removes the socket file, and lets answers that are on their way go out, for
    /// a second at most.
    pub fn close(self) {
        drop(self.open);
        if self.thread.join().is_err() {
            log::error!("the control thread has panicked");
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server")
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
}

async fn serve(
    listener: BlockingListener,
    file: SocketFile,
    outbox: Outbox,
    mut closing: watch::Receiver<()>,
) {
    let listener = UnixListener::from_std(listener).expect("a runtime with I/O takes a socket");
    let mut house = House {
        outbox,
        closing: closing.clone(),
        places: Arc::new(Semaphore::new(MOST_WAITING)),
        served: JoinSet::new(),
        refused: JoinSet::new(),
    };
    let until_closed = async { drop(closing.changed().await) };
    super::first::first(until_closed, house.open(&listener)).await;
    file.remove();
    drop(listener);
    house.close().await;
}

/// All connections.
struct House {
    outbox: Outbox,
    closing: watch::Receiver<()>,
    /// For those who wait for a run.
    places: Arc<Semaphore>,
    served: JoinSet<()>,
    refused: JoinSet<()>,
}

impl House {
    async fn open(&mut self, listener: &UnixListener) {
        loop {
            let accepted = poll_fn(|context| {
                self.forget_the_gone(context);
                listener.poll_accept(context)
            });
            match accepted.await {
                Ok((stream, _)) => self.admit(stream),
                Err(error) => {
                    log::warn!("control socket: cannot accept: {error}; next try in 1 s");
                    sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    fn forget_the_gone(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(Some(_)) = self.served.poll_join_next(context) {}
        while let Poll::Ready(Some(_)) = self.refused.poll_join_next(context) {}
    }

    fn admit(&mut self, stream: UnixStream) {
        let Ok(caller) = caller_of(&stream) else {
            return;
        };
        let places = match may_change(caller.uid) {
            true => MOST_CONNECTIONS,
            false => MOST_CONNECTIONS - KEPT_FREE,
        };
        if self.at_work() < places {
            let desk = Desk {
                outbox: self.outbox.clone(),
                caller,
                closing: self.closing.clone(),
                places: Arc::clone(&self.places),
                patience: Patience::default(),
            };
            self.served.spawn(connection::serve(stream, desk));
        } else if self.refused.len() < MOST_REFUSED {
            let closing = self.closing.clone();
            self.refused.spawn(connection::refuse(stream, closing));
        }
    }

    /// Connections that are served, but for those that wait.
    fn at_work(&self) -> usize {
        let waiting = MOST_WAITING - self.places.available_permits();
        self.served.len().saturating_sub(waiting)
    }

    async fn close(mut self) {
        let all_gone = async { while self.served.join_next().await.is_some() {} };
        if timeout(LAST_ANSWERS, all_gone).await.is_err() {
            log::warn!("control socket: clients that did not read their answers are left");
        }
    }
}

fn caller_of(stream: &UnixStream) -> io::Result<Sender> {
    let peer = stream.peer_cred()?;
    Ok(Sender::new(peer.pid().unwrap_or_default(), peer.uid()).named())
}
