//! Every request reaches the loop, and every answer the client.

use super::*;

#[test]
fn every_request_is_answered_with_its_rows() {
    let bench = Bench::new();
    let got = bench.exchange(Request::Status, Answer::Status(status()));
    assert_eq!(read::<Status>(&got.unwrap()), status());
    let got = bench.exchange(Request::Stop, Answer::Stop(status()));
    assert_eq!(read::<Status>(&got.unwrap()), status());
    let got = bench.exchange(
        Request::Reload {
            confirm_within: None,
        },
        Answer::Reload(verdict()),
    );
    assert_eq!(read::<Verdict>(&got.unwrap()), verdict());
    let kill = Request::Kill { run: RunId(17) };
    let got = bench.exchange(kill, Answer::Kill(run()));
    assert_eq!(read::<RunRow>(&got.unwrap()), run());
    let start = Request::Run {
        job: "a/b c".into(),
        patience: Patience::UntilEnded,
    };
    let got = bench.exchange(start, Answer::Run(run()));
    assert_eq!(read::<RunRow>(&got.unwrap()), run());
}

#[test]
fn lists_are_objects_with_one_key() {
    let bench = Bench::new();
    let row = NextRow {
        job: "backup".into(),
        at: time(),
        local: "2026-11-23T08:00:00+01:00".into(),
        moved_from: None,
    };
    let next = Request::Next(NextFilter {
        job: Some("backup".into()),
        count: 1,
        ..NextFilter::default()
    });
    let rows = NextRows {
        next: vec![row],
        more: true,
    };
    let got = bench.exchange(next, Answer::Next(rows)).unwrap();
    let text = r#"{"next":[{"job":"backup","at":"2026-11-23T07:00:00Z","local":"2026-11-23T08:00:00+01:00","moved_from":null}],"more":true}"#;
    assert_eq!(String::from_utf8(got).unwrap().trim_end(), text);
    let filter = RunFilter {
        limit: 5,
        ..RunFilter::default()
    };
    let got = bench.exchange(
        Request::Runs(filter),
        Answer::Runs(Runs {
            runs: vec![run()],
            usual: None,
        }),
    );
    let got: serde_json::Value = read(&got.unwrap());
    assert_eq!(got["runs"][0]["run"], 17);
    let job = JobRow {
        job: "backup".into(),
        description: "\u{1b}[31m".into(),
        enabled: true,
        paused: None,
        timing: "@daily".into(),
        timezone: "UTC".into(),
        command: vec!["true".into()],
        next: None,
        running: vec![],
        waiting: vec![],
        hanging: None,
        last_outcome: None,
        last_ended_at: None,
    };
    let got = bench.exchange(Request::Jobs, Answer::Jobs(vec![job]));
    assert_eq!(
        read::<serde_json::Value>(&got.unwrap())["jobs"][0]["timing"],
        "@daily"
    );
}

#[test]
fn an_output_arrives_byte_for_byte() {
    let bench = Bench::new();
    let output = Output {
        head: (0..=255).collect(),
        tail: vec![0, 10, 13, 255],
        total: 1_000,
    };
    let row = OutputRow {
        run: RunId(17),
        output,
        is_running: true,
    };
    for of in [OutputOf::Run(RunId(17)), OutputOf::LastOf("a b".into())] {
        let client = Client::new(&bench.path());
        let request = Request::Output(of);
        let got = thread::spawn(move || client.ask(&request)?.output());
        bench.asked().reply.send(Answer::Output(row.clone()));
        assert_eq!(got.join().unwrap().unwrap(), row);
    }
}

#[test]
fn the_headers_of_an_output_are_as_documented() {
    let bench = Bench::new();
    let mut client = bench.connect();
    send(
        &mut client,
        "GET /v1/runs/17/output HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    let output = Output {
        head: b"ab".to_vec(),
        tail: b"yz".to_vec(),
        total: 26,
    };
    let row = OutputRow {
        run: RunId(17),
        output,
        is_running: false,
    };
    bench.asked().reply.send(Answer::Output(row));
    let expected = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\nhupd-run: 17\r\n\
        hupd-output-total: 26\r\nhupd-output-lost: 22\r\nhupd-output-head: 2\r\nhupd-running: false\r\n\
        connection: close\r\ncontent-length: 4\r\n\r\nabyz";
    assert_eq!(rest(client), expected);
}

#[test]
fn the_caller_is_who_the_kernel_says() {
    let bench = Bench::new();
    let (asked, answer) = bench.ask(Request::Stop);
    assert_eq!(asked.caller.pid, rustix::process::getpid().as_raw_pid());
    assert_eq!(asked.caller.uid, rustix::process::getuid().as_raw());
    asked.reply.send(Answer::Stop(status()));
    assert!(answer.join().unwrap().is_ok());
}

#[test]
fn a_refusal_has_a_status_a_kind_and_a_sentence() {
    let bench = Bench::new();
    let cases = [
        (RefusalKind::NotFound, 404, "not_found"),
        (RefusalKind::NotAllowed, 403, "not_allowed"),
        (RefusalKind::Conflict, 409, "conflict"),
        (RefusalKind::BadRequest, 400, "bad_request"),
        (RefusalKind::Failed, 500, "failed"),
    ];
    for (kind, status, word) in cases {
        let answer = Answer::Refused(Refusal::new(kind, "no 'x'"));
        match bench.exchange(
            Request::Reload {
                confirm_within: None,
            },
            answer,
        ) {
            Err(ClientError::Refused(failure)) => {
                assert_eq!(failure.status.as_u16(), status);
                assert_eq!((&*failure.kind, &*failure.message), (word, "no 'x'"));
            }
            other => panic!("{other:?}"),
        }
    }
}
