//! Clients that are wrong, slow, gone or many.

use super::*;

#[test]
fn what_is_wrong_is_answered_and_harms_nobody() {
    let bench = Bench::new();
    let large = "x".repeat(20_000);
    let close = "Connection: close\r\n\r\n";
    let body = "x".repeat(65_537);
    let cases = [
        (
            format!("GET /v1/nothing HTTP/1.1\r\n{close}"),
            "404 Not Found",
        ),
        (
            format!("GET /v1/stop HTTP/1.1\r\n{close}"),
            "405 Method Not Allowed",
        ),
        (
            format!("BREW /v1/jobs HTTP/1.1\r\n{close}"),
            "405 Method Not Allowed",
        ),
        (
            format!("GET /v1/runs?x=1 HTTP/1.1\r\n{close}"),
            "400 Bad Request",
        ),
        (
            format!("GET /v1/jobs HTTP/1.1\r\nX: {large}\r\n{close}"),
            "431 Request Header Fields Too Large",
        ),
        (
            format!("POST /v1/stop HTTP/1.1\r\nContent-Length: 2\r\n{close}{{}}"),
            "400 Bad Request",
        ),
        (
            format!("POST /v1/stop HTTP/1.1\r\nContent-Length: 65537\r\n{close}{body}"),
            "413 Payload Too Large",
        ),
        (
            format!("POST /v1/stop HTTP/1.1\r\nContent-Length: 99999999999\r\n{close}{body}"),
            "413 Payload Too Large",
        ),
        ("\0\u{1}garbage\r\n\r\n".to_owned(), "400 Bad Request"),
        ("G".repeat(1_000_000), ""),
    ];
    for (request, status) in cases {
        let mut client = bench.connect();
        send(&mut client, &request);
        let answer = rest(client);
        let start = &request[..request.len().min(60)];
        assert!(answer.contains(status), "{start}: {answer}");
        assert!(bench.inbox.try_next().is_none(), "{start}");
    }
    bench.serves();
}

#[test]
fn a_wrong_method_is_told_the_right_one() {
    let bench = Bench::new();
    let mut client = bench.connect();
    send(
        &mut client,
        "DELETE /v1/stop HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    assert!(rest(client).contains("\r\nallow: POST\r\n"));
}

#[test]
fn a_client_that_hangs_does_not_hold_up_another() {
    let bench = Bench::new();
    let mut half = bench.connect();
    send(&mut half, "GET /v1/st");
    let _silent = bench.connect();
    let (_unanswered, _) = bench.ask(Request::Reload {
        confirm_within: None,
    });
    bench.serves();
}

#[test]
fn silent_and_idle_clients_are_closed() {
    let bench = Bench::new();
    let silent = bench.connect();
    let mut idle = bench.connect();
    send(&mut idle, "GET /v1/nothing HTTP/1.1\r\n\r\n");
    let mut half = bench.connect();
    send(
        &mut half,
        "POST /v1/stop HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
    );
    assert_eq!(rest(silent), "");
    assert!(rest(idle).starts_with("HTTP/1.1 404"));
    assert!(rest(half).starts_with("HTTP/1.1 408"));
}

#[test]
fn one_client_may_ask_many_times() {
    let bench = Bench::new();
    let mut client = bench.connect();
    for _ in 0..3 {
        send(&mut client, "GET /v1/jobs HTTP/1.1\r\n\r\n");
        bench.asked().reply.send(Answer::Jobs(vec![]));
        let mut answer = Vec::new();
        while !answer.ends_with(b"{\"jobs\":[]}\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
    }
}

#[test]
fn a_client_that_went_away_frees_its_place() {
    let bench = Bench::new();
    for _ in 0..200 {
        let mut client = bench.connect();
        send(
            &mut client,
            "POST /v1/jobs/x/run?wait=true HTTP/1.1\r\n\r\n",
        );
        let asked = bench.asked();
        client.shutdown(Shutdown::Both).unwrap();
        drop(client);
        asked.reply.send(Answer::Run(run()));
    }
    bench.serves();
}

#[test]
fn clients_that_wait_for_runs_leave_the_places_of_all_others_free() {
    let bench = Bench::new();
    let mut asked = Vec::new();
    let waiting: Vec<UnixStream> = (0..64)
        .map(|_| {
            let mut client = bench.connect();
            send(
                &mut client,
                "POST /v1/jobs/x/run?wait=true HTTP/1.1\r\n\r\n",
            );
            asked.push(bench.asked());
            client
        })
        .collect();
    let mut one_more = bench.connect();
    send(
        &mut one_more,
        "POST /v1/jobs/x/run?wait=true HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    let answer = rest(one_more);
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(
        answer.contains("too many clients wait for a run; try again"),
        "{answer}"
    );
    let others: Vec<UnixStream> = (0..40).map(|_| bench.connect()).collect();
    bench.serves();
    drop(others);
    asked
        .drain(..)
        .for_each(|asked| asked.reply.send(Answer::Run(run())));
    drop(waiting);
    bench.serves();
}

#[test]
fn too_many_clients_are_told_so_and_the_places_come_back() {
    let bench = Bench::new();
    let waiting: Vec<UnixStream> = (0..64)
        .map(|_| {
            let mut client = bench.connect();
            send(&mut client, "POST /v1/reload HTTP/1.1\r\n\r\n");
            client
        })
        .collect();
    let asked: Vec<Asked> = waiting.iter().map(|_| bench.asked()).collect();
    let mut one_more = bench.connect();
    send(&mut one_more, "GET /v1/jobs HTTP/1.1\r\n\r\n");
    let answer = rest(one_more);
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("too many clients; try again"), "{answer}");
    let mut crowd: Vec<UnixStream> = (0..300).map(|_| bench.connect()).collect();
    assert_eq!(rest(crowd.pop().unwrap()), "");
    drop(waiting);
    drop(crowd);
    drop(asked);
    // The places are free as soon as the server has seen that their clients are gone.
    let ask_for_nothing = || {
        let mut client = bench.connect();
        send(
            &mut client,
            "GET /v1/nothing HTTP/1.1\r\nConnection: close\r\n\r\n",
        );
        rest(client)
    };
    while !ask_for_nothing().starts_with("HTTP/1.1 404") {}
}
