//! What the client says when something is wrong.

use super::*;

#[test]
fn the_client_says_why_nobody_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let ask = |path: &Path| {
        Client::new(path)
            .ask(&Request::Status)
            .unwrap_err()
            .to_string()
    };
    let advice = "start it, or name its socket with --socket";
    let shown = path.display();
    let text = format!("no hupd is running at {shown} (no such file); {advice}");
    assert_eq!(ask(&path), text);
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let text = format!(
        "no hupd is running at {shown} (connection refused: a stale socket, left behind by a hupd that was killed); {advice}"
    );
    assert_eq!(ask(&path), text);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "").unwrap();
    let text = format!("no hupd is running at {shown} (that is no socket); {advice}");
    assert_eq!(ask(&path), text);
}

#[test]
fn the_client_says_what_is_wrong_with_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let answers = [
        "",
        "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nhi",
        "nonsense\r\n\r\n",
    ];
    let server = thread::spawn(move || {
        for answer in answers {
            let (mut client, _) = listener.accept().unwrap();
            let mut request = [0; 1000];
            assert!(client.read(&mut request).unwrap() > 0);
            send(&mut client, answer);
        }
    });
    let ask = || {
        Client::new(&path)
            .ask(&Request::Status)
            .unwrap_err()
            .to_string()
    };
    let shown = path.display();
    assert_eq!(ask(), format!("hupd at {shown} ended before it answered"));
    assert_eq!(
        ask(),
        format!("{shown}: HTTP status 500 Internal Server Error")
    );
    let text = ask();
    assert!(text.contains("gave no answer: invalid HTTP"), "{text}");
    server.join().unwrap();
}

#[test]
fn a_name_too_long_for_any_request_is_refused_by_the_client() {
    let bench = Bench::new();
    let run = Request::Run {
        job: "x".repeat(70_000),
        patience: Patience::UntilAccepted,
    };
    let error = Client::new(&bench.path()).ask(&run).unwrap_err();
    let text = "the request is too long: no job has such a name";
    assert_eq!(error.to_string(), text);
    assert!(matches!(error, ClientError::Refused(_)));
    bench.serves();
}
