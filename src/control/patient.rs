//! A stream whose reader must go on reading: one that stops holds its place only for so long.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::time::{Sleep, sleep};

/// How long a write may make no progress at all.
const USUAL: Duration = Duration::from_secs(10);
/// The same with one who follows a run: somebody reads it, page by page.
const LONG: Duration = Duration::from_secs(600);

/// How patient hupd is with a client; its copies are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience(Arc<AtomicBool>);

impl Patience {
    pub fn lengthen(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn duration(&self) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            true => LONG,
            false => USUAL,
        }
    }
}

#[derive(Debug)]
pub(super) struct Patient {
    stream: UnixStream,
    patience: Patience,
    /// There only while a write waits for its reader.
    end: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub fn new(stream: UnixStream, patience: Patience) -> Self {
        Self {
            stream,
            patience,
            end: None,
        }
    }

    fn wait(
        &mut self,
        context: &mut Context<'_>,
        progress: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if progress.is_ready() {
            self.end = None;
            return progress;
        }
        let patience = self.patience.duration();
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(patience)));
        end.as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wait(context, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wait(context, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
