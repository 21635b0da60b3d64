//! Requests, as bytes and as what they mean.

use hupd::control::routes::MOST_ROWS;
use hupd::protocol::{
    ChartFilter, Earlier, NextFilter, OutcomeFilter, OutputOf, Patience, PauseRequest, Request,
    RunFilter, WhyFilter,
};
use hupd::run::{RunId, Signal, Trigger};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::some_of;

const IN_TARGETS: [&str; 46] = [
    "/v1",
    "/status",
    "/jobs",
    "/next",
    "/runs",
    "/reload",
    "/stop",
    "/run",
    "/output",
    "/kill",
    "/pause",
    "/resume",
    "until=",
    "reason=",
    "/",
    "/backup",
    "/17",
    "/18446744073709551615",
    "/18446744073709551616",
    "/+1",
    "/..",
    "/%2e%2E",
    "/%2F",
    "/a%20b",
    "/%0a%1b%5b",
    "?",
    "?",
    "&",
    "=",
    "job=",
    "count=",
    "limit=",
    "failed=true",
    "outcome=",
    "exited-3",
    "killed-",
    "trigger=every",
    "since=",
    "until=2026-03-29T00:00:00Z",
    "wait=",
    "false",
    "10001",
    "%",
    "%e2%80%ae",
    "\u{202e}",
    "\u{7f}",
];

/// The first line of a request.
pub fn target() -> impl Strategy<Value = String> {
    let method = select(&["GET", "POST", "POST", "GET", "DELETE", "get", "G\u{1}", ""][..]);
    let known = select(
        &[
            "/v1/status",
            "/v1/next?",
            "/v1/runs?",
            "/v1/jobs/a/run?",
            "/v1/runs/1/output",
            "/v1",
            "",
        ][..],
    );
    let target = (method, known, some_of(&IN_TARGETS, 8));
    let target = target.prop_map(|(method, known, rest)| format!("{method} {known}{rest}"));
    prop_oneof![8 => target, 1 => any::<String>(), 1 => "[A-Z]{3,4} /v1/[ -~]{0,20}"]
}

fn job() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z0-9._-]{1,30}", 2 => "\\PC{1,20}", 1 => select(&[".", "..", "%", "+", "/", "a&b=c?#"][..]).prop_map(str::to_owned), 1 => "(?s).{1,20}"]
}

fn time() -> impl Strategy<Value = Option<Timestamp>> {
    let seconds = Timestamp::MIN.as_second()..Timestamp::MAX.as_second();
    let time = (seconds, 0..1_000_000_000)
        .prop_map(|(second, nano)| Timestamp::new(second, nano).expect("a time"));
    prop::option::of(time)
}

fn outcome() -> impl Strategy<Value = OutcomeFilter> {
    prop_oneof![
        select(vec![
            OutcomeFilter::Running,
            OutcomeFilter::Success,
            OutcomeFilter::Failed,
            OutcomeFilter::Killed(None),
            OutcomeFilter::TimedOut,
            OutcomeFilter::CouldNotStart,
            OutcomeFilter::Lost,
        ]),
        (0..=255).prop_map(OutcomeFilter::Exited),
        (1..=64).prop_map(|signal| OutcomeFilter::Killed(Some(Signal::from_number(signal)))),
    ]
}

fn runs() -> impl Strategy<Value = RunFilter> {
    let filter = (
        prop::option::of(job()),
        prop::option::of(outcome()),
        prop::option::of(select(Trigger::ALL.to_vec())),
        1..=MOST_ROWS,
    );
    (filter, time(), time()).prop_map(|((job, outcome, trigger, limit), since, until)| RunFilter {
        job,
        outcome,
        trigger,
        since,
        until: until.filter(|until| since.is_none_or(|since| since < *until)),
        limit,
    })
}

pub fn request() -> impl Strategy<Value = Request> {
    let number = || 1..=MOST_ROWS;
    let run = || any::<u64>().prop_map(RunId);
    let patience = select(&[Patience::UntilAccepted, Patience::UntilEnded][..]);
    prop_oneof![
        select(vec![
            Request::Status,
            Request::InForce,
            Request::Jobs,
            Request::Reload {
                confirm_within: Some(std::time::Duration::from_secs(7)),
            },
            Request::Confirm,
            Request::Rollback(Earlier::Before),
            Request::Stop
        ]),
        (prop::option::of(job()), time(), time(), number()).prop_map(|(job, from, to, count)| {
            Request::Next(NextFilter {
                job,
                from,
                to,
                count,
            })
        }),
        (prop::option::of(job()), time(), time(), 1..=86_400_u32).prop_map(
            |(job, from, to, slice)| {
                Request::Chart(ChartFilter {
                    job,
                    from,
                    to,
                    slice,
                })
            }
        ),
        (job(), patience).prop_map(|(job, patience)| Request::Run { job, patience }),
        runs().prop_map(Request::Runs),
        run().prop_map(|run| Request::Output(OutputOf::Run(run))),
        job().prop_map(|job| Request::Output(OutputOf::LastOf(job))),
        (job(), prop::option::of(job())).prop_map(|(job, at)| Request::Why(WhyFilter { job, at })),
        (job(), time(), prop::option::of(job())).prop_map(|(job, until, reason)| {
            Request::Pause(PauseRequest { job, until, reason })
        }),
        job().prop_map(|job| Request::Resume { job }),
        run().prop_map(|run| Request::Kill { run }),
        run().prop_map(Request::ShowRun),
        job().prop_map(Request::ShowJob),
        number().prop_map(Request::Generations),
        any::<u64>().prop_map(|to| Request::Rollback(Earlier::Number(to))),
        any::<u64>().prop_map(Request::ShowGeneration),
    ]
}

const IN_HEADS: [&str; 16] = [
    "Connection: close\r\n",
    "Content-Length: 2\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    "Upgrade: h2c\r\n",
    "Host: hupd\r\n",
    "Host\r\n",
    ": x\r\n",
    "X: \u{1b}\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "{}",
    "5\r\nabcde\r\n0\r\n\r\n",
];

/// What a client sends: some requests, or what is none.
pub fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let version = select(&[" HTTP/1.1\r\n", " HTTP/1.0\r\n", " HTTP/9\r\n", "\n"][..]);
    let request = (target(), version, some_of(&IN_HEADS, 5));
    let request =
        request.prop_map(|(target, version, rest)| format!("{target}{version}{rest}\r\n"));
    let requests = prop::collection::vec(request, 1..4).prop_map(|all| all.concat().into_bytes());
    prop_oneof![6 => requests, 1 => any::<Vec<u8>>()]
}
