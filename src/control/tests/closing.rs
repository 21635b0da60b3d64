//! The end of the server.

use super::*;

#[test]
fn a_dropped_reply_says_that_hupd_is_stopping() {
    let bench = Bench::new();
    let (asked, answer) = bench.ask(Request::Status);
    drop(asked);
    match answer.join().unwrap() {
        Err(ClientError::Refused(failure)) => {
            assert_eq!(failure.status.as_u16(), 503);
            assert_eq!(failure.message, "hupd is stopping");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn closing_answers_those_who_wait_and_removes_the_socket() {
    let Bench {
        folder,
        server,
        inbox,
    } = Bench::new();
    let path = folder.path().join("s");
    let mut idle = UnixStream::connect(&path).unwrap();
    send(&mut idle, "GET /v1/nothing HTTP/1.1\r\n\r\n");
    let mut waiting = UnixStream::connect(&path).unwrap();
    send(&mut waiting, "POST /v1/reload HTTP/1.1\r\n\r\n");
    let _unanswered = inbox.next();
    server.close();
    assert!(!path.exists());
    assert!(rest(waiting).contains("hupd is stopping"));
    assert!(rest(idle).contains("404"));
}

#[test]
fn an_answer_that_was_given_goes_out_though_the_server_closes() {
    let Bench {
        folder,
        server,
        inbox,
    } = Bench::new();
    let mut client = UnixStream::connect(folder.path().join("s")).unwrap();
    send(&mut client, "POST /v1/stop HTTP/1.1\r\n\r\n");
    let Event::Asked(asked) = inbox.next() else {
        panic!("not a request");
    };
    asked.reply.send(Answer::Jobs(vec![]));
    server.close();
    assert!(rest(client).ends_with("{\"jobs\":[]}\n"));
}

#[test]
fn closing_does_not_wait_for_a_client_that_does_not_read() {
    let Bench {
        folder,
        server,
        inbox,
    } = Bench::new();
    let mut client = UnixStream::connect(folder.path().join("s")).unwrap();
    send(&mut client, "GET /v1/runs/1/output HTTP/1.1\r\n\r\n");
    let Event::Asked(asked) = inbox.next() else {
        panic!("not a request");
    };
    let output = Output {
        head: vec![0; 10_000_000],
        tail: vec![],
        total: 10_000_000,
    };
    asked.reply.send(Answer::Output(OutputRow {
        run: RunId(1),
        output,
        is_running: false,
    }));
    server.close();
    assert!(rest(client).len() < 10_000_000);
}

#[test]
fn without_a_loop_there_is_an_answer_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let (outbox, events): (Outbox, _) = std::sync::mpsc::channel();
    drop(events);
    let _server = Server::start(&path, outbox).unwrap();
    let error = Client::new(&path).ask(&Request::Status).unwrap_err();
    assert_eq!(error.to_string(), "hupd is stopping");
}
