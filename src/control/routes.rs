//! Which request a method and a path mean.

use std::time::Duration;

use hyper::{Method, StatusCode};

use super::failure::Failure;
use super::percent;
use super::query::Query;
pub use super::uris::uri_of;
use crate::protocol::{
    ChartFilter, Earlier, NextFilter, OUTCOMES, OutcomeFilter, OutputOf, Patience, PauseRequest,
    Request, RunFilter, WhyFilter,
};
use crate::run::{RunId, Trigger};

/// All routes, as the answer to an unknown one lists them.
const ROUTES: &str = "GET /v1/status, GET /v1/in_force, GET /v1/jobs, GET /v1/next?job=&from=&to=&count=, \
     GET /v1/chart?job=&from=&to=&slice=, \
     GET /v1/runs?job=&outcome=&failed=&trigger=&since=&until=&limit=, GET /v1/runs/ID, \
     GET /v1/jobs/NAME, GET /v1/runs/ID/output?follow=&attempt=, \
     GET /v1/jobs/NAME/output?follow=, GET /v1/why?job=&at=, POST /v1/jobs/NAME/run?wait=&follow=, \
     POST /v1/jobs/NAME/pause?until=&reason=, POST /v1/jobs/NAME/resume, \
     GET /v1/generations?limit=, GET /v1/generations/N, POST /v1/runs/ID/kill, POST /v1/reload?confirm_within=, POST /v1/confirm, POST /v1/rollback?to=, POST /v1/stop";

/// How many rows are answered where the client does not say, and at most.
const USUAL_NEXT: usize = 10;
const USUAL_RUNS: usize = 20;
/// The most rows of `next` and `runs` that one request may ask for.
pub const MOST_ROWS: usize = 10_000;

/// How many seconds a slice of a chart has where the client does not say, and at most.
const USUAL_SLICE: usize = 30 * 60;
const LONGEST_SLICE: usize = 1_000_000_000;

/// In seconds, how long somebody may take to confirm a reload: 30 days.
pub const LONGEST_TRIAL: u64 = 30 * 24 * 60 * 60;

const RUNS_KEYS: [&str; 7] = [
    "job", "outcome", "failed", "trigger", "since", "until", "limit",
];
const TRIGGERS: &str = "schedule, every, request or change";

/// The request that a method and a URI mean.
pub fn parse(method: &Method, path: &str, query: &str) -> Result<Request, Failure> {
    let segments = segments(path)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let allowed = match segments[..] {
        [
            "v1",
            "status" | "in_force" | "jobs" | "next" | "chart" | "runs" | "why" | "generations",
        ] => "GET",
        ["v1", "generations", _] => "GET",
        ["v1", "runs" | "jobs", _] | ["v1", "runs" | "jobs", _, "output"] => "GET",
        ["v1", "reload" | "confirm" | "rollback" | "stop"] => "POST",
        ["v1", "jobs", _, "run" | "pause" | "resume"] | ["v1", "runs", _, "kill"] => "POST",
        _ => return Err(unknown(path)),
    };
    if method != allowed {
        return Err(Failure::method_not_allowed(method, allowed));
    }
    meaning(&segments, Query::parse(query)?)
}

/// `path` is known here.
fn meaning(segments: &[&str], mut query: Query) -> Result<Request, Failure> {
    let (request, allowed): (Request, &[&str]) = match segments[1..] {
        ["status"] => (Request::Status, &[]),
        ["in_force"] => (Request::InForce, &[]),
        ["jobs"] => (Request::Jobs, &[]),
        ["next"] => (next(&mut query)?, &["job", "from", "to", "count"]),
        ["chart"] => (chart(&mut query)?, &["job", "from", "to", "slice"]),
        ["why"] => (why(&mut query)?, &["job", "at"]),
        ["runs"] => (runs(&mut query)?, &RUNS_KEYS),
        ["generations"] => (generations(&mut query)?, &["limit"]),
        ["generations", number] => (Request::ShowGeneration(generation(number)?), &[]),
        ["runs", run] => (Request::ShowRun(run_id(run)?), &[]),
        ["jobs", job] => (Request::ShowJob((*job).to_owned()), &[]),
        ["runs", run, "output"] => (
            output_of_run(run_id(run)?, &mut query)?,
            &["follow", "attempt"],
        ),
        ["jobs", job, "output"] => {
            let of = OutputOf::LastOf((*job).to_owned());
            (output(of, &mut query)?, &["follow"])
        }
        ["jobs", job, "run"] => (run(job, &mut query)?, &["wait", "follow"]),
        ["jobs", job, "pause"] => (pause(job, &mut query)?, &["until", "reason"]),
        ["jobs", job, "resume"] => (
            Request::Resume {
                job: job.to_owned(),
            },
            &[],
        ),
        ["runs", run, "kill"] => (Request::Kill { run: run_id(run)? }, &[]),
        ["reload"] => (reload(&mut query)?, &["confirm_within"]),
        ["confirm"] => (Request::Confirm, &[]),
        ["rollback"] => (rollback(&mut query)?, &["to"]),
        _ => (Request::Stop, &[]),
    };
    query.end(allowed)?;
    Ok(request)
}

fn next(query: &mut Query) -> Result<Request, Failure> {
    Ok(Request::Next(NextFilter {
        job: query.text("job")?,
        from: query.instant("from")?,
        to: query.instant("to")?,
        count: query.number("count", USUAL_NEXT, MOST_ROWS)?,
    }))
}

fn chart(query: &mut Query) -> Result<Request, Failure> {
    let slice = query.number("slice", USUAL_SLICE, LONGEST_SLICE)?;
    Ok(Request::Chart(ChartFilter {
        job: query.text("job")?,
        from: query.instant("from")?,
        to: query.instant("to")?,
        slice: u32::try_from(slice).expect("the longest slice is a u32"),
    }))
}

fn runs(query: &mut Query) -> Result<Request, Failure> {
    let filter = RunFilter {
        job: query.text("job")?,
        outcome: outcome(query)?,
        trigger: query.word("trigger", TRIGGERS, Trigger::named)?,
        since: query.instant("since")?,
        until: query.instant("until")?,
        limit: query.number("limit", USUAL_RUNS, MOST_ROWS)?,
    };
    match (filter.since, filter.until) {
        (Some(since), Some(until)) if until <= since => {
            let message = format!("query: 'until' is not after {since}");
            Err(Failure::bad_request(message))
        }
        _ => Ok(Request::Runs(filter)),
    }
}

/// `failed=true` is the short form of `outcome=failed`.
fn outcome(query: &mut Query) -> Result<Option<OutcomeFilter>, Failure> {
    let outcome = query.word("outcome", OUTCOMES, |text| text.parse().ok())?;
    match (outcome, query.flag("failed")?) {
        (Some(_), true) => Err(Failure::bad_request(
            "query: 'failed' beside 'outcome'; leave out one of the two",
        )),
        (None, true) => Ok(Some(OutcomeFilter::Failed)),
        (outcome, false) => Ok(outcome),
    }
}

fn output_of_run(run: RunId, query: &mut Query) -> Result<Request, Failure> {
    let attempt = query.number("attempt", 0, u32::MAX as usize)?;
    match u32::try_from(attempt).unwrap_or(0) {
        0 => output(OutputOf::Run(run), query),
        attempt => output(OutputOf::Attempt(run, attempt), query),
    }
}

fn output(of: OutputOf, query: &mut Query) -> Result<Request, Failure> {
    Ok(match query.flag("follow")? {
        true => Request::Follow(of),
        false => Request::Output(of),
    })
}

fn why(query: &mut Query) -> Result<Request, Failure> {
    let job = query.text("job")?;
    let at = query.text("at")?;
    let missing = || Failure::bad_request("query: 'job' is missing");
    let job = job.ok_or_else(missing)?;
    Ok(Request::Why(WhyFilter { job, at }))
}

fn run(job: &str, query: &mut Query) -> Result<Request, Failure> {
    let job = job.to_owned();
    let patience = match (query.flag("wait")?, query.flag("follow")?) {
        (true, true) => {
            return Err(Failure::bad_request(
                "query: 'wait' beside 'follow'; leave out one of the two",
            ));
        }
        (false, true) => return Ok(Request::RunFollowed { job }),
        (true, false) => Patience::UntilEnded,
        (false, false) => Patience::UntilAccepted,
    };
    Ok(Request::Run { job, patience })
}

fn pause(job: &str, query: &mut Query) -> Result<Request, Failure> {
    Ok(Request::Pause(PauseRequest {
        job: job.to_owned(),
        until: query.instant("until")?,
        reason: query.text("reason")?,
    }))
}

fn generations(query: &mut Query) -> Result<Request, Failure> {
    let limit = query.number("limit", USUAL_RUNS, MOST_ROWS)?;
    Ok(Request::Generations(limit))
}

/// In seconds.
fn reload(query: &mut Query) -> Result<Request, Failure> {
    let seconds = query.number("confirm_within", 0, LONGEST_TRIAL as usize)?;
    let time = (seconds > 0).then(|| Duration::from_secs(seconds as u64));
    Ok(Request::Reload {
        confirm_within: time,
    })
}

fn rollback(query: &mut Query) -> Result<Request, Failure> {
    let number = query.text("to")?.as_deref().map(generation).transpose()?;
    Ok(Request::Rollback(
        number.map_or(Earlier::Before, Earlier::Number),
    ))
}

fn generation(text: &str) -> Result<u64, Failure> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    number.ok_or_else(|| Failure::bad_request(format!("generation '{text}' is no number")))
}

fn run_id(text: &str) -> Result<RunId, Failure> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if is_number => Ok(RunId(number)),
        _ => Err(Failure::bad_request(format!("run '{text}' is no number"))),
    }
}

fn segments(path: &str) -> Result<Vec<String>, Failure> {
    let inner = path.strip_prefix('/').ok_or_else(|| unknown(path))?;
    inner
        .split('/')
        .map(|segment| percent::decode(segment).filter(|decoded| !decoded.is_empty()))
        .collect::<Option<_>>()
        .ok_or_else(|| unknown(path))
}

fn unknown(path: &str) -> Failure {
    let message = format!("no route '{path}'; there are: {ROUTES}");
    Failure::new(StatusCode::NOT_FOUND, "not_found", message)
}
