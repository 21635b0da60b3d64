//! The socket itself: whatever a client sends, it is answered in HTTP or dropped, and the next one is served.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;

use hupd::control::Server;
use hupd::event::{Event, Inbox};
use hupd::protocol::{Answer, Refusal, RefusalKind};
use tempfile::TempDir;

/// What a client does when it has said everything. One that leaves may miss its answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Leave,
    Wait,
}

/// A server behind which every request is refused.
pub struct Socket {
    _folder: TempDir,
    _server: Server,
    path: PathBuf,
}

impl Socket {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("s");
        let inbox = Inbox::new();
        let server = Server::start(&path, inbox.outbox()).expect("a server can be started");
        thread::spawn(move || refuse_all(&inbox));
        Self {
            _folder: folder,
            _server: server,
            path,
        }
    }

    /// Sends any bytes; all that is answered is that it was wrong, and a good request after it is answered too.
    pub fn survives(&self, bytes: &[u8]) {
        let answers = self.answers(bytes, Then::Leave);
        for status in statuses(&answers) {
            let is_continue = status == 100;
            assert!(
                is_continue || (400..=499).contains(&status),
                "{status}: {answers}"
            );
        }
        let answers = self.answers(b"GET /v2 HTTP/1.1\r\nConnection: close\r\n\r\n", Then::Wait);
        assert_eq!(statuses(&answers), [404], "{answers}");
    }

    fn answers(&self, bytes: &[u8], then: Then) -> String {
        let mut stream = UnixStream::connect(&self.path).expect("the server listens");
        // It may close before all is sent: what it answered counts.
        let _ = stream.write_all(bytes);
        if then == Then::Leave {
            let _ = stream.shutdown(Shutdown::Write);
        }
        let mut answers = Vec::new();
        let _ = stream.read_to_end(&mut answers);
        String::from_utf8(answers).expect("answers are text")
    }
}

fn refuse_all(inbox: &Inbox) {
    loop {
        if let Event::Asked(asked) = inbox.next() {
            let refusal = Refusal::new(RefusalKind::Conflict, "not now");
            asked.reply.send(Answer::Refused(refusal));
        }
    }
}

/// The status of every answer. The bodies are single lines of JSON, so no line in them looks like one.
fn statuses(answers: &str) -> Vec<u16> {
    let lines = answers.split('\n');
    let status = |line: &str| line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok();
    assert!(answers.is_empty() || status(answers).is_some(), "{answers}");
    lines.filter_map(status).collect()
}
