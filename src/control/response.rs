//! Answers as HTTP: a status, headers, and JSON, or the bytes of an output as they are.

use std::sync::Arc;

use http_body_util::{Either, Full};
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::follow::Story;
use crate::protocol::{Answer, OutputRow};
use crate::run::RunId;

/// The body is there as a whole, or grows.
pub(super) type HttpResponse = Response<Either<Full<Bytes>, Story>>;

/// The run whose output the body is.
pub(super) const RUN: HeaderName = HeaderName::from_static("hupd-run");
/// Bytes that the run wrote in all.
pub(super) const OUTPUT_TOTAL: HeaderName = HeaderName::from_static("hupd-output-total");
/// Bytes that were not kept, between head and tail.
pub(super) const OUTPUT_LOST: HeaderName = HeaderName::from_static("hupd-output-lost");
/// How many bytes of the body are the head; the tail follows.
pub(super) const OUTPUT_HEAD: HeaderName = HeaderName::from_static("hupd-output-head");
/// `true` while more may come.
pub(super) const RUNNING: HeaderName = HeaderName::from_static("hupd-running");

impl From<Failure> for HttpResponse {
    fn from(failure: Failure) -> Self {
        let mut response = of_json(failure.to_json());
        *response.status_mut() = failure.status;
        if let Some(method) = failure.allow {
            let allow = HeaderValue::from_static(method);
            response.headers_mut().insert(ALLOW, allow);
        }
        response
    }
}

impl From<Answer> for HttpResponse {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Status(status) | Answer::Stop(status) => ok(&status),
            Answer::Jobs(jobs) => ok(&json!({ "jobs": jobs })),
            Answer::Job(job) => ok(&job),
            Answer::Next(next) => ok(&next),
            Answer::Chart(chart) => ok(&chart),
            Answer::NextOf(forecast, filter) => ok(&forecast.next(&filter)),
            Answer::ChartOf(forecast, filter) => ok(&forecast.chart(&filter)),
            Answer::InForceOf(standing) => ok(&Arc::unwrap_or_clone(standing).portrait()),
            Answer::Runs(runs) => ok(&runs),
            Answer::ShowRun(details) => ok(&details),
            Answer::ShowJob(details) => ok(&details),
            Answer::Generations(generations) => ok(&generations),
            Answer::ShowGeneration(details) => ok(&details),
            Answer::Confirm(confirmed) => ok(&confirmed),
            Answer::Why(why) => ok(&why),
            Answer::Run(run) | Answer::Kill(run) => ok(&run),
            Answer::Reload(verdict) => ok(&verdict),
            Answer::Output(row) => output(row),
            Answer::Refused(refusal) => Failure::from(refusal).into(),
        }
    }
}

fn ok(value: &impl Serialize) -> HttpResponse {
    let mut json = serde_json::to_vec(value).expect("rows have string keys, so they are JSON");
    json.push(b'\n');
    of_json(json)
}

fn of_json(json: Vec<u8>) -> HttpResponse {
    let mut response = Response::new(Either::Left(Full::from(json)));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn output(row: OutputRow) -> HttpResponse {
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (RUN, row.run.0.into()),
        (OUTPUT_TOTAL, row.output.total.into()),
        (OUTPUT_LOST, row.output.lost().into()),
        (OUTPUT_HEAD, row.output.head.len().into()),
        (
            RUNNING,
            HeaderValue::from_static(if row.is_running { "true" } else { "false" }),
        ),
    ];
    let mut bytes = row.output.head;
    bytes.extend(row.output.tail);
    let mut response = Response::new(Either::Left(Full::from(bytes)));
    response.headers_mut().extend(headers);
    response
}

pub(super) fn story(run: RunId, story: Story) -> HttpResponse {
    let kind = HeaderValue::from_static("application/x-ndjson");
    let mut response = Response::new(Either::Right(story));
    response
        .headers_mut()
        .extend([(CONTENT_TYPE, kind), (RUN, run.0.into())]);
    response
}
