//! The server and its client, over a real socket.

mod answers;
mod client;
mod closing;
mod limits;
mod routes;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use jiff::Timestamp;
use tempfile::TempDir;

use super::Server;
use super::client::{Client, ClientError};
use crate::event::{Asked, Event, Inbox, Outbox};
use crate::protocol::{
    Answer, JobRow, NextFilter, NextRow, NextRows, OutputOf, OutputRow, Patience, PhaseRow,
    Refusal, RefusalKind, Request, RunFilter, RunRow, Runs, Status, Verdict,
};
use crate::run::{Output, RunId, Trigger};

/// A server in a folder of its own; its requests wait in `inbox`.
struct Bench {
    folder: TempDir,
    server: Server,
    inbox: Inbox,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::new();
        let server = Server::start(&folder.path().join("s"), inbox.outbox()).unwrap();
        Self {
            folder,
            server,
            inbox,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.path()).unwrap()
    }

    fn asked(&self) -> Asked {
        match self.inbox.next() {
            Event::Asked(asked) => asked,
            other => panic!("not a request: {other:?}"),
        }
    }

    /// Sends a request from another thread and takes it out of the inbox here.
    fn ask(&self, request: Request) -> (Asked, JoinHandle<Result<Vec<u8>, ClientError>>) {
        let client = Client::new(&self.path());
        let answer = thread::spawn(move || Ok(client.ask(&request)?.body));
        (self.asked(), answer)
    }

    /// The whole conversation: request, answer, what the client got.
    fn exchange(&self, request: Request, answer: Answer) -> Result<Vec<u8>, ClientError> {
        let (asked, response) = self.ask(request.clone());
        assert_eq!(asked.request, request);
        asked.reply.send(answer);
        response.join().unwrap()
    }

    fn serves(&self) {
        let body = self.exchange(Request::Jobs, Answer::Jobs(vec![])).unwrap();
        assert_eq!(body, b"{\"jobs\":[]}\n");
    }
}

/// All that comes until the server closes the connection.
fn rest(mut stream: UnixStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is closed with unread bytes in it ends with a reset, behind the answer.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn send(stream: &mut UnixStream, text: impl AsRef<[u8]>) {
    // The server may close before all is sent: what it answered counts.
    let _ = stream.write_all(text.as_ref());
}

fn time() -> Timestamp {
    "2026-11-23T07:00:00Z".parse().unwrap()
}

fn status() -> Status {
    Status {
        version: "0.1.0".into(),
        pid: 4,
        started_at: time(),
        phase: PhaseRow::Serving,
        config_file: "/etc/hupd/hupd.toml".into(),
        generation: 3,
        generation_since: time(),
        text_of: None,
        text_because: None,
        degraded: None,
        unconfirmed: None,
        last_reload: None,
        jobs: 1,
        disabled_jobs: 0,
        paused_jobs: 0,
        waiting: 0,
        first_waiting: vec![],
        running: vec![],
        next: None,
        store_failure: None,
        unrecorded: None,
        history_moved: None,
        watch_config: false,
        watching: None,
        no_starters: None,
        hanging: vec![],
        reloading: None,
    }
}

fn run() -> RunRow {
    RunRow {
        run: RunId(17),
        job: "backup".into(),
        trigger: Trigger::Request,
        scheduled_for: time(),
        generation: 3,
        pid: Some(99),
        started_at: Some(time()),
        ended_at: None,
        outcome: None,
        exit_code: None,
        signal: None,
        stopped_by: None,
        duration_seconds: None,
        cpu_seconds: None,
        peak_memory_bytes: None,
        output_bytes: None,
        note: None,
        survivors: Vec::new(),
        success: None,
        attempt: 1,
        next_attempt_at: None,
    }
}

fn verdict() -> Verdict {
    Verdict {
        at: time(),
        asked_by: "hupctl from pid 1, uid 0".into(),
        accepted: false,
        generation: 3,
        summary: "2 problems".into(),
        problems: "x".into(),
        problem_count: 2,
        seconds: 0.1,
        spent: None,
        text_of: None,
        confirm_by: None,
    }
}

fn read<T: serde::de::DeserializeOwned>(json: &[u8]) -> T {
    serde_json::from_slice(json).unwrap()
}
