//! Requests of the socket: what a client asks is what the server understands; all else is refused.

use hupd::control::Failure;
use hupd::control::routes::{MOST_ROWS, parse, uri_of};
use hupd::protocol::{
    NextFilter, OutcomeFilter, OutputOf, Patience, PauseRequest, Request, RunFilter,
};
use hupd::run::RunId;
use hyper::{Method, Uri};

use super::is_clean;

/// hyper takes no longer URI.
const LONGEST_URI: usize = 65_534;

/// The first line of a request, `GET /v1/next?count=3`; then the same text as the name of a job.
pub fn requests(bytes: &[u8]) {
    if let Some((method, uri)) = first_line(bytes) {
        check_request(&method, uri.path(), uri.query().unwrap_or_default());
    }
    let text = String::from_utf8_lossy(bytes);
    if let Some((path, query)) = text.split_once('?') {
        check_request(&Method::GET, path, query);
        check_request(&Method::POST, path, query);
    }
    requests_about(&text).iter().for_each(request_survives);
}

/// What hyper makes of it; none where it answers by itself.
fn first_line(bytes: &[u8]) -> Option<(Method, Uri)> {
    let at = bytes.iter().position(|byte| *byte == b' ')?;
    let method = Method::from_bytes(&bytes[..at]).ok()?;
    let uri = Uri::try_from(&bytes[at + 1..]).ok()?;
    Some((method, uri))
}

fn check_request(method: &Method, path: &str, query: &str) {
    match parse(method, path, query) {
        Ok(request) => {
            let may_change = *method == Method::POST;
            assert_eq!(request.changes_something(), may_change, "{request:?}");
            request_survives(&request);
        }
        Err(failure) => check_failure(&failure, path.len() + query.len()),
    }
}

fn check_failure(failure: &Failure, asked: usize) {
    assert!(failure.status.is_client_error(), "{failure:?}");
    assert!(is_clean(&failure.message), "{failure:?}");
    assert!(failure.message.len() <= 1000 + 10 * asked, "{failure:?}");
    let json = failure.to_json();
    let read: serde_json::Value = serde_json::from_slice(&json).expect("it is JSON");
    assert_eq!(read["error"]["message"], failure.message);
}

/// The server understands a request as the client meant it.
pub fn request_survives(request: &Request) {
    let (method, uri) = uri_of(request);
    if uri.len() > LONGEST_URI {
        return;
    }
    let uri: Uri = uri.parse().unwrap_or_else(|error| panic!("{uri}: {error}"));
    let understood = parse(&method, uri.path(), uri.query().unwrap_or_default());
    assert_eq!(understood.as_ref(), Ok(request), "{uri}");
}

/// All requests that name a job: every text that is not empty may be one.
fn requests_about(text: &str) -> Vec<Request> {
    if text.is_empty() {
        return Vec::new();
    }
    let job = || text.to_owned();
    let number = text.len() % MOST_ROWS + 1;
    vec![
        Request::Next(NextFilter {
            job: Some(job()),
            count: number,
            ..NextFilter::default()
        }),
        Request::Run {
            job: job(),
            patience: Patience::UntilEnded,
        },
        Request::Runs(RunFilter {
            job: Some(job()),
            outcome: number.is_multiple_of(2).then_some(OutcomeFilter::Failed),
            limit: number,
            ..RunFilter::default()
        }),
        Request::Output(OutputOf::LastOf(job())),
        Request::Pause(PauseRequest {
            job: job(),
            until: None,
            reason: Some(job()),
        }),
        Request::Resume { job: job() },
        Request::Kill {
            run: RunId(number as u64),
        },
    ]
}
