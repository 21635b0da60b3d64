//! One connection: its limits, and its end.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::pin;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::desk::Desk;
use super::failure::Failure;
use super::first::{First, first};
use super::patient::{Patience, Patient};
use super::response::HttpResponse;

/// The request line and all headers.
const LARGEST_HEAD: usize = 16 * 1024;
/// How long a request may take to arrive, and a connection may be idle between two.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);

/// Answers the requests of a client until it goes, or the server closes.
pub(super) async fn serve(stream: UnixStream, desk: Desk) {
    let closing = desk.closing.clone();
    let stream = Patient::new(stream, desk.patience.clone());
    converse(stream, closing, |request| desk.clone().answer(request)).await;
}

/// Tells a client, once, that there is no place for it.
pub(super) async fn refuse(stream: UnixStream, closing: watch::Receiver<()>) {
    let stream = Patient::new(stream, Patience::default());
    converse(stream, closing, |_| ready(no_place())).await;
}

fn no_place() -> HttpResponse {
    let failure = Failure::unavailable("too many clients; try again");
    let mut response = HttpResponse::from(failure);
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

async fn converse<A>(
    stream: Patient,
    mut closing: watch::Receiver<()>,
    answer: impl Fn(Request<Incoming>) -> A,
) where
    A: Future<Output = HttpResponse>,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let io = TokioIo::new(stream);
    let mut connection = pin!(limits().serve_connection(io, service));
    let result = match first(connection.as_mut(), closing.changed()).await {
        First::This(result) => result,
        First::That(_) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        log::debug!("control socket: a client was dropped: {error}");
    }
}

fn limits() -> http1::Builder {
    let mut limits = http1::Builder::new();
    limits
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_header_size(LARGEST_HEAD)
        .max_buf_size(2 * LARGEST_HEAD)
        // Nobody needs it here, and only `clock` reads the time.
        .auto_date_header(false);
    limits
}
