//! Which method and URI mean a request: what [`routes`](super::routes) understands.

use hyper::Method;
use jiff::Timestamp;

use super::percent;
use crate::protocol::{
    ChartFilter, Earlier, NextFilter, OutputOf, Patience, PauseRequest, Request, RunFilter,
};

/// The method and the URI that mean a request.
pub fn uri_of(request: &Request) -> (Method, String) {
    match request {
        Request::Status => (Method::GET, "/v1/status".to_owned()),
        Request::InForce => (Method::GET, "/v1/in_force".to_owned()),
        Request::Jobs => (Method::GET, "/v1/jobs".to_owned()),
        Request::Next(filter) => (Method::GET, uri_of_next(filter)),
        Request::Chart(filter) => (Method::GET, uri_of_chart(filter)),
        Request::Runs(filter) => (Method::GET, uri_of_runs(filter)),
        Request::ShowRun(run) => (Method::GET, format!("/v1/runs/{run}")),
        Request::ShowJob(job) => (Method::GET, format!("/v1/jobs/{}", percent::encode(job))),
        Request::Generations(limit) => (Method::GET, format!("/v1/generations?limit={limit}")),
        Request::ShowGeneration(number) => (Method::GET, format!("/v1/generations/{number}")),
        Request::Output(of) => (Method::GET, uri_of_output(of)),
        Request::Follow(of) => (Method::GET, uri_of_following(of)),
        Request::Run { job, patience } => {
            let wait = *patience == Patience::UntilEnded;
            let uri = format!("/v1/jobs/{}/run?wait={wait}", percent::encode(job));
            (Method::POST, uri)
        }
        Request::RunFollowed { job } => {
            let uri = format!("/v1/jobs/{}/run?follow=true", percent::encode(job));
            (Method::POST, uri)
        }
        Request::Why(filter) => {
            let job = percent::encode(&filter.job);
            let at = filter.at.as_deref().map(percent::encode);
            let at = at.map_or_else(String::new, |at| format!("&at={at}"));
            (Method::GET, format!("/v1/why?job={job}{at}"))
        }
        Request::Pause(pause) => (Method::POST, uri_of_pause(pause)),
        Request::Resume { job } => {
            let uri = format!("/v1/jobs/{}/resume", percent::encode(job));
            (Method::POST, uri)
        }
        Request::Kill { run } => (Method::POST, format!("/v1/runs/{run}/kill")),
        Request::Reload { confirm_within } => (
            Method::POST,
            match confirm_within {
                Some(time) => format!("/v1/reload?confirm_within={}", time.as_secs()),
                None => "/v1/reload".to_owned(),
            },
        ),
        Request::Confirm => (Method::POST, "/v1/confirm".to_owned()),
        Request::Rollback(to) => (
            Method::POST,
            match to {
                Earlier::Number(number) => format!("/v1/rollback?to={number}"),
                Earlier::Before => "/v1/rollback".to_owned(),
            },
        ),
        Request::Stop => (Method::POST, "/v1/stop".to_owned()),
    }
}

fn uri_of_output(of: &OutputOf) -> String {
    match of {
        OutputOf::Run(run) => format!("/v1/runs/{run}/output"),
        OutputOf::Attempt(run, attempt) => format!("/v1/runs/{run}/output?attempt={attempt}"),
        OutputOf::LastOf(job) => format!("/v1/jobs/{}/output", percent::encode(job)),
    }
}

fn uri_of_following(of: &OutputOf) -> String {
    let uri = uri_of_output(of);
    match of {
        OutputOf::Attempt(..) => uri + "&follow=true",
        OutputOf::Run(_) | OutputOf::LastOf(_) => uri + "?follow=true",
    }
}

fn uri_of_runs(filter: &RunFilter) -> String {
    let (job, limit) = (of_job(filter.job.as_deref()), filter.limit);
    let outcome = of_word("outcome", filter.outcome);
    let trigger = of_word("trigger", filter.trigger);
    let (since, until) = (
        of_time("since", filter.since),
        of_time("until", filter.until),
    );
    format!("/v1/runs?limit={limit}{job}{outcome}{trigger}{since}{until}")
}

fn uri_of_pause(pause: &PauseRequest) -> String {
    let job = percent::encode(&pause.job);
    let until = pause.until.map(|until| ("until", until.to_string()));
    let reason = pause.reason.clone().map(|reason| ("reason", reason));
    let pairs = until.into_iter().chain(reason);
    let pairs = pairs.map(|(key, value)| format!("{key}={}", percent::encode(&value)));
    let query: Vec<_> = pairs.collect();
    match &*query {
        [] => format!("/v1/jobs/{job}/pause"),
        pairs => format!("/v1/jobs/{job}/pause?{}", pairs.join("&")),
    }
}

fn uri_of_next(filter: &NextFilter) -> String {
    let (job, count) = (of_job(filter.job.as_deref()), filter.count);
    let (from, to) = (of_time("from", filter.from), of_time("to", filter.to));
    format!("/v1/next?count={count}{job}{from}{to}")
}

fn uri_of_chart(filter: &ChartFilter) -> String {
    let (job, slice) = (of_job(filter.job.as_deref()), filter.slice);
    let (from, to) = (of_time("from", filter.from), of_time("to", filter.to));
    format!("/v1/chart?slice={slice}{job}{from}{to}")
}

fn of_time(key: &str, time: Option<Timestamp>) -> String {
    of_word(key, time)
}

fn of_word(key: &str, word: Option<impl ToString>) -> String {
    word.map(|word| format!("&{key}={}", percent::encode(&word.to_string())))
        .unwrap_or_default()
}

fn of_job(job: Option<&str>) -> String {
    job.map(|job| format!("&job={}", percent::encode(job)))
        .unwrap_or_default()
}
