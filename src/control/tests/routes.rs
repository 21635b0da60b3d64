//! Which request a method and a URI mean, and what is refused.

use hyper::Method;
use jiff::Timestamp;

use crate::control::failure::Failure;
use crate::control::routes::{parse, uri_of};
use crate::protocol::{
    ChartFilter, NextFilter, OutcomeFilter, OutputOf, Patience, PauseRequest, Request, RunFilter,
    WhyFilter,
};
use crate::run::{RunId, Signal, Trigger};

fn get(path: &str, query: &str) -> Result<Request, Failure> {
    parse(&Method::GET, path, query)
}

fn time(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

fn refused(path: &str, query: &str) -> (u16, String) {
    let failure = get(path, query).unwrap_err();
    (failure.status.as_u16(), failure.message)
}

#[test]
fn every_request_is_read_as_it_was_meant() {
    let filter = RunFilter {
        job: Some("a b/c".into()),
        outcome: Some(OutcomeFilter::Killed(Some(Signal::TERM))),
        trigger: Some(Trigger::Every),
        since: time("2026-03-28T23:59:59.999999999Z"),
        until: time("2026-03-29T00:00:00Z"),
        limit: 3,
    };
    let job = || "größe & mehr?".to_owned();
    let requests = [
        Request::Status,
        Request::InForce,
        Request::Jobs,
        Request::Next(NextFilter {
            job: Some(job()),
            from: time("2026-03-28T23:59:59.999999999Z"),
            to: time("2026-03-29T00:00:00Z"),
            count: 7,
        }),
        Request::Next(NextFilter {
            count: 1,
            ..NextFilter::default()
        }),
        Request::Chart(ChartFilter {
            job: Some(job()),
            from: time("-000001-01-01T00:00:00Z"),
            to: None,
            slice: 900,
        }),
        Request::Run {
            job: job(),
            patience: Patience::UntilEnded,
        },
        Request::Run {
            job: "..".into(),
            patience: Patience::UntilAccepted,
        },
        Request::RunFollowed { job: job() },
        Request::Runs(filter),
        Request::ShowRun(RunId(17)),
        Request::ShowJob(job()),
        Request::ShowJob("a/output".into()),
        Request::Output(OutputOf::Run(RunId(17))),
        Request::Output(OutputOf::LastOf(job())),
        Request::Follow(OutputOf::Run(RunId(17))),
        Request::Follow(OutputOf::LastOf(job())),
        Request::Why(WhyFilter {
            job: job(),
            at: Some("2026-03-29 02:30".into()),
        }),
        Request::Why(WhyFilter {
            job: job(),
            at: None,
        }),
        Request::Pause(PauseRequest {
            job: job(),
            until: time("2026-03-29T00:00:00Z"),
            reason: Some("disk & controller?".into()),
        }),
        Request::Pause(PauseRequest {
            job: job(),
            until: None,
            reason: None,
        }),
        Request::Resume { job: job() },
        Request::Kill { run: RunId(17) },
        Request::Reload {
            confirm_within: None,
        },
        Request::Reload {
            confirm_within: Some(std::time::Duration::from_secs(600)),
        },
        Request::Confirm,
        Request::Stop,
    ];
    for request in requests {
        let (method, uri) = uri_of(&request);
        let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
        assert_eq!(parse(&method, path, query), Ok(request), "{uri}");
    }
}

#[test]
fn what_is_not_said_has_a_usual_value() {
    let runs = RunFilter {
        limit: 20,
        ..RunFilter::default()
    };
    let next = Request::Next(NextFilter {
        count: 10,
        ..NextFilter::default()
    });
    let chart = Request::Chart(ChartFilter {
        job: None,
        from: None,
        to: None,
        slice: 1_800,
    });
    assert_eq!(get("/v1/chart", ""), Ok(chart));
    let failed = RunFilter {
        outcome: Some(OutcomeFilter::Failed),
        ..runs.clone()
    };
    assert_eq!(get("/v1/runs", "failed=true"), Ok(Request::Runs(failed)));
    assert_eq!(
        get("/v1/runs", "failed=false"),
        Ok(Request::Runs(runs.clone()))
    );
    assert_eq!(get("/v1/runs", ""), Ok(Request::Runs(runs)));
    assert_eq!(get("/v1/next", ""), Ok(next));
}

#[test]
fn an_unknown_route_lists_all_routes() {
    for path in [
        "/",
        "//",
        "/v1",
        "/v1/",
        "/v2/status",
        "/v1/status/",
        "/v1/jobs//run",
        "*",
        "/v1/%zz",
    ] {
        let (status, message) = refused(path, "");
        assert_eq!(status, 404, "{path}");
        assert!(message.contains("GET /v1/status"), "{message}");
    }
}

#[test]
fn a_wrong_query_is_an_error_and_never_ignored() {
    let cases = [
        (
            "/v1/status",
            "x=1",
            "query: unknown key 'x'; none is allowed here",
        ),
        (
            "/v1/next",
            "cuont=3",
            "query: unknown key 'cuont'; allowed here: job, from, to, count",
        ),
        (
            "/v1/next",
            "from=today",
            "query: from 'today': a time of RFC 3339 such as 2026-03-29T00:00:00Z is allowed",
        ),
        (
            "/v1/next",
            "count=0",
            "query: count '0': a number from 1 to 10000 is allowed",
        ),
        (
            "/v1/next",
            "count=99999999999999999999",
            "query: count '99999999999999999999': a number from 1 to 10000 is allowed",
        ),
        (
            "/v1/runs",
            "failed=yes",
            "query: failed 'yes': true or false is allowed",
        ),
        (
            "/v1/runs",
            "outcome=ok",
            "query: outcome 'ok': running, success, failed, exited-N, killed, killed-SIGNAL, \
             timed-out, could-not-start or lost is allowed",
        ),
        (
            "/v1/runs",
            "trigger=cron",
            "query: trigger 'cron': schedule, every, request or change is allowed",
        ),
        (
            "/v1/runs",
            "since=yesterday",
            "query: since 'yesterday': a time of RFC 3339 such as 2026-03-29T00:00:00Z is allowed",
        ),
        (
            "/v1/runs",
            "since=2026-03-29T00:00:00Z&until=2026-03-29T00:00:00Z",
            "query: 'until' is not after 2026-03-29T00:00:00Z",
        ),
        (
            "/v1/runs",
            "failed=true&outcome=lost",
            "query: 'failed' beside 'outcome'; leave out one of the two",
        ),
        (
            "/v1/runs",
            "state=lost",
            "query: unknown key 'state'; allowed here: job, outcome, failed, trigger, since, until, limit",
        ),
        ("/v1/why", "", "query: 'job' is missing"),
        ("/v1/runs", "job=", "query: 'job' is empty"),
        ("/v1/runs", "limit=1&limit=2", "query: 'limit' twice"),
        (
            "/v1/runs",
            "job=%f",
            "query: '%f' is not percent-encoded UTF-8",
        ),
        (
            "/v1/status",
            "a%0a%1b[31m=1",
            "query: unknown key 'a\\n\\u{1b}[31m'; none is allowed here",
        ),
        ("/v1/runs/x1/output", "", "run 'x1' is no number"),
        ("/v1/runs/+1/output", "", "run '+1' is no number"),
    ];
    for (path, query, message) in cases {
        assert_eq!(refused(path, query), (400, message.to_owned()));
    }
}

#[test]
fn another_method_is_refused_and_the_right_one_named() {
    let failure = parse(&Method::GET, "/v1/reload", "").unwrap_err();
    assert_eq!(failure.status.as_u16(), 405);
    assert_eq!(failure.message, "method GET is not allowed here, POST is");
    assert!(parse(&Method::DELETE, "/v1/jobs", "").is_err());
}
