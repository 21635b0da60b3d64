//! The client of the socket, blocking: what `hupctl` asks with.

mod by_pid;
mod error;
mod follow;
mod peer;
mod whose;

use std::fmt;
use std::future::Future;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::header::{HOST, HeaderMap, HeaderName};
use hyper::{Request as HttpRequest, Response as HttpResponse, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::failure::{ErrorBody, Failure};
use super::first::{First, first};
use super::response::{OUTPUT_HEAD, OUTPUT_LOST, OUTPUT_TOTAL, RUN, RUNNING};
use super::routes::uri_of;
use crate::protocol::{OutputRow, Patience, Request};
use crate::run::{Output, RunId};

pub use error::ClientError;
pub use follow::{Followed, Sound};
use peer::Peer;

/// How long hupd may take for an answer that needs nothing but hupd.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long after the end of hupd something may be on its way that it has sent before.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A hupd to ask, by its socket.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    /// The configuration file that it must run with to be steered, where one was named.
    file: Option<PathBuf>,
}

/// An answer as it came: its JSON, or the bytes of an output.
#[derive(Clone, Debug)]
pub struct Response {
    headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_path_buf(),
            file: None,
        }
    }

    /// Asks, and waits for the answer: at most 10 s, but for a reload, a plan and the end of a run.
    pub fn ask(&self, request: &Request) -> Result<Response, ClientError> {
        runtime()?.block_on(self.converse(request))
    }

    /// Asks for something that is answered in JSON.
    pub fn get<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ClientError> {
        self.ask(request)?.json()
    }

    async fn converse(&self, request: &Request) -> Result<Response, ClientError> {
        self.refuse_another(request).await?;
        self.talk(request).await
    }

    async fn talk(&self, request: &Request) -> Result<Response, ClientError> {
        let stream = self.connect().await?;
        let peer = Peer::of(&stream);
        let answer = self.unless_gone(&peer, self.exchange(stream, request));
        if waits_without_limit(request) {
            return answer.await;
        }
        timeout(PATIENCE, answer)
            .await
            .unwrap_or_else(|_| Err(self.too_late()))
    }

    /// What comes of this; unless hupd is gone, and nothing has come all the same.
    async fn unless_gone<T>(
        &self,
        hupd: &Peer,
        answer: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let mut answer = pin!(answer);
        match first(answer.as_mut(), hupd.end()).await {
            First::This(answer) => answer,
            First::That(pid) => timeout(LAST_WORDS, answer)
                .await
                .unwrap_or_else(|_| Err(self.is_gone(pid))),
        }
    }

    async fn connect(&self) -> Result<UnixStream, ClientError> {
        UnixStream::connect(&self.socket)
            .await
            .map_err(|error| self.no_connection(&error))
    }

    async fn exchange(
        &self,
        stream: UnixStream,
        request: &Request,
    ) -> Result<Response, ClientError> {
        let broken = |error: hyper::Error| self.no_answer(reason(&error));
        let request = http(request)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let answer = async {
            let response = sender.send_request(request).await?;
            receive(response).await
        };
        // The connection does the work of both; where it ends first, its answer is there already.
        let (status, response) = alongside(connection, answer).await.map_err(broken)?;
        self.judge(status, response)
    }

    fn judge(&self, status: StatusCode, response: Response) -> Result<Response, ClientError> {
        if status.is_success() {
            return Ok(response);
        }
        let body: ErrorBody = serde_json::from_slice(&response.body).map_err(|_| {
            let socket = self.socket.display();
            ClientError::NotUnderstood(format!("{socket}: HTTP status {status}"))
        })?;
        let failure = Failure::new(status, &body.error.kind, body.error.message);
        Err(ClientError::Refused(failure))
    }

    fn no_answer(&self, what: impl fmt::Display) -> ClientError {
        ClientError::NoAnswer(format!("hupd at {} {what}", self.socket.display()))
    }

    fn too_late(&self) -> ClientError {
        let seconds = PATIENCE.as_secs();
        self.no_answer(format!("did not answer within {seconds} s"))
    }

    fn is_gone(&self, pid: i32) -> ClientError {
        let socket = self.socket.display();
        ClientError::NobodyThere(format!(
            "no hupd is running at {socket}: the last one (pid {pid}) has ended, and a process that it was just \
             starting, and that hangs, still has its socket; start hupd: it serves, or names what is in its way"
        ))
    }

    fn no_connection(&self, error: &io::Error) -> ClientError {
        let socket = self.socket.display();
        let reason = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                return ClientError::NoAccess(format!(
                    "permission denied at {socket}: only its owner and its group may use it"
                ));
            }
            io::ErrorKind::WouldBlock => return self.no_answer("has too many clients waiting"),
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::ConnectionRefused if !is_socket(&self.socket) => {
                "that is no socket".to_owned()
            }
            io::ErrorKind::ConnectionRefused => {
                "connection refused: a stale socket, left behind by a hupd that was killed".into()
            }
            _ => error.to_string(),
        };
        ClientError::NobodyThere(format!(
            "no hupd is running at {socket} ({reason}); start it, or name its socket with --socket"
        ))
    }
}

impl Response {
    /// What somebody else than hupd answers, in its JSON.
    pub fn of(answer: &impl Serialize) -> Self {
        let mut body = serde_json::to_vec(answer).expect("rows have string keys, so they are JSON");
        body.push(b'\n');
        Self {
            headers: HeaderMap::new(),
            body,
        }
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            ClientError::NotUnderstood(format!("cannot understand the answer of hupd: {error}"))
        })
    }

    /// The answer to a request for an output.
    pub fn output(self) -> Result<OutputRow, ClientError> {
        let missing = || ClientError::NotUnderstood("the answer of hupd is no output".to_owned());
        let run = self.number(&RUN).ok_or_else(missing)?;
        let total = self.number(&OUTPUT_TOTAL).ok_or_else(missing)?;
        let lost = self.number(&OUTPUT_LOST).ok_or_else(missing)?;
        let head_length = self.number(&OUTPUT_HEAD).ok_or_else(missing)?;
        let is_running = self.headers.get(RUNNING).is_some_and(|text| text == "true");
        let mut head = self.body;
        if total.checked_sub(lost) != Some(head.len() as u64) || head_length > head.len() as u64 {
            return Err(missing());
        }
        let head_length = usize::try_from(head_length).map_err(|_| missing())?;
        let tail = head.split_off(head_length);
        Ok(OutputRow {
            run: RunId(run),
            output: Output { head, tail, total },
            is_running,
        })
    }

    fn number(&self, name: &HeaderName) -> Option<u64> {
        self.headers.get(name)?.to_str().ok()?.parse().ok()
    }
}

fn runtime() -> Result<Runtime, ClientError> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| ClientError::NoAnswer(error.to_string()))
}

/// How long a run, a reload or a look at all jobs takes is not for the client to say.
fn waits_without_limit(request: &Request) -> bool {
    match request {
        Request::Reload { .. } | Request::Rollback(_) | Request::Follow(_) | Request::InForce => {
            true
        }
        Request::Run { patience, .. } => *patience == Patience::UntilEnded,
        _ => false,
    }
}

/// The error is for a name so long that no URI can hold it.
fn http(request: &Request) -> Result<HttpRequest<Empty<Bytes>>, ClientError> {
    let (method, uri) = uri_of(request);
    HttpRequest::builder()
        .method(method)
        .uri(uri)
        .header(HOST, "hupd")
        .body(Empty::new())
        .map_err(|_| {
            let message = "the request is too long: no job has such a name";
            ClientError::Refused(Failure::bad_request(message))
        })
}

async fn receive(response: HttpResponse<Incoming>) -> Result<(StatusCode, Response), hyper::Error> {
    let (head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes().to_vec();
    let headers = head.headers;
    Ok((head.status, Response { headers, body }))
}

/// Both are driven until the answer is there; a connection may end before the answer is read.
async fn alongside<T>(
    connection: impl Future<Output = hyper::Result<()>>,
    answer: impl Future<Output = hyper::Result<T>>,
) -> hyper::Result<T> {
    let mut answer = pin!(answer);
    match first(answer.as_mut(), connection).await {
        First::This(answer) => answer,
        First::That(_) => answer.await,
    }
}

fn is_socket(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| there.file_type().is_socket())
}

/// hyper's own words where there is nothing better to say.
fn reason(error: &hyper::Error) -> String {
    match error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        true => "ended before it answered".to_owned(),
        false => format!("gave no answer: {error}"),
    }
}
