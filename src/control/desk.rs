//! Takes one request, passes it to the loop as an event, and waits for its answer.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::{Request as HttpRequest, StatusCode};
use rustix::process::geteuid;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::failure::Failure;
use super::first::{First, first};
use super::follow::{Follower, Story};
use super::patient::Patience;
use super::response::{HttpResponse, story};
use super::routes;
use crate::event::{Asked, Event, Follow, Heard, Outbox, Reply, Sender, ToFollow};
use crate::protocol::Patience::UntilEnded;
use crate::protocol::{Answer, Request};

const LARGEST_BODY: usize = 64 * 1024;
const BODY_PATIENCE: Duration = Duration::from_secs(5);
const IS_STOPPING: &str = "hupd is stopping";

/// Where the requests of one caller are taken.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub outbox: Outbox,
    pub caller: Sender,
    /// Its other end is dropped when the server closes.
    pub closing: watch::Receiver<()>,
    /// The places for those who wait for a run.
    pub places: Arc<Semaphore>,
    /// With this caller.
    pub patience: Patience,
}

impl Desk {
    pub async fn answer<B>(self, request: HttpRequest<B>) -> HttpResponse
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let query = head.uri.query().unwrap_or_default();
        let answer = match routes::parse(&head.method, head.uri.path(), query) {
            Ok(request) => match read_nothing(body).await {
                Ok(()) => self.respond(request).await,
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        answer.unwrap_or_else(HttpResponse::from)
    }

    async fn respond(self, request: Request) -> Result<HttpResponse, Failure> {
        self.check_access(&request)?;
        match request {
            Request::Follow(of) => self.follow(ToFollow::Output(of)).await,
            Request::RunFollowed { job } => self.follow(ToFollow::NewRunOf(job)).await,
            Request::Run {
                patience: UntilEnded,
                ..
            } => {
                let _place = self.place()?;
                Ok(written(self.ask(request).await?).await)
            }
            request => Ok(written(self.ask(request).await?).await),
        }
    }

    /// One that is held as long as the run takes.
    fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let full = |_| Failure::unavailable("too many clients wait for a run; try again");
        Arc::clone(&self.places).try_acquire_owned().map_err(full)
    }

    /// Only which run it is is waited for: the rest comes as it comes.
    async fn follow(mut self, what: ToFollow) -> Result<HttpResponse, Failure> {
        let place = self.place()?;
        let (listener, mut follower) = Follower::new();
        if self
            .outbox
            .send(Event::Follow(Follow { what, listener }))
            .is_err()
        {
            return Err(Failure::unavailable(IS_STOPPING));
        }
        match first(follower.first(), self.closing.changed()).await {
            First::This(Some(Heard::Run(run))) => {
                self.patience.lengthen();
                Ok(story(run, Story::new(follower, run, place)))
            }
            First::This(Some(Heard::Refused(refusal))) => Err(refusal.into()),
            First::This(_) | First::That(_) => Err(Failure::unavailable(IS_STOPPING)),
        }
    }

    async fn ask(mut self, request: Request) -> Result<Answer, Failure> {
        let (sender, answer) = oneshot::channel();
        let asked = Asked {
            request,
            caller: self.caller,
            // A client that has gone away needs no answer.
            reply: Reply::new(move |answer| drop(sender.send(answer))),
        };
        if self.outbox.send(Event::Asked(asked)).is_err() {
            return Err(Failure::unavailable(IS_STOPPING));
        }
        match first(answer, self.closing.changed()).await {
            First::This(Ok(answer)) => Ok(answer),
            First::This(Err(_)) | First::That(_) => Err(Failure::unavailable(IS_STOPPING)),
        }
    }

    fn check_access(&self, request: &Request) -> Result<(), Failure> {
        if !request.is_for_owners() || may_change(self.caller.uid) {
            return Ok(());
        }
        let caller = self.caller;
        let what = words(request);
        log::warn!("refused to {what}, asked by {caller}: only root and the user of hupd may");
        Err(Failure::not_allowed(format!(
            "only root and the user that hupd runs as (uid {}) may {what}; you are uid {}",
            geteuid().as_raw(),
            caller.uid
        )))
    }
}

/// The answer as HTTP. What takes its time gets a thread of its own, for this one serves all clients.
async fn written(answer: Answer) -> HttpResponse {
    match answer {
        Answer::NextOf(..) | Answer::ChartOf(..) | Answer::InForceOf(..) => {
            let response = spawn_blocking(move || HttpResponse::from(answer));
            let stopping = |_| Failure::unavailable(IS_STOPPING).into();
            response.await.unwrap_or_else(stopping)
        }
        answer => answer.into(),
    }
}

/// Whether that user may change something; everybody who can connect may read.
pub(super) fn may_change(uid: u32) -> bool {
    uid == 0 || uid == geteuid().as_raw()
}

fn words(request: &Request) -> String {
    match request {
        Request::Run { job, .. } | Request::RunFollowed { job } => {
            format!("run job '{}'", job.escape_debug())
        }
        Request::Pause(pause) => format!("pause job '{}'", pause.job.escape_debug()),
        Request::Resume { job } => format!("resume job '{}'", job.escape_debug()),
        Request::Kill { run } => format!("kill run {run}"),
        Request::Reload { .. } => "reload".to_owned(),
        Request::Confirm => "confirm a reload".to_owned(),
        Request::Rollback(_) => "roll back".to_owned(),
        Request::Stop => "stop hupd".to_owned(),
        Request::InForce => "compare a file with what is in force".to_owned(),
        Request::ShowGeneration(number) => format!("read the files of generation {number}"),
        Request::Status
        | Request::Jobs
        | Request::Next(_)
        | Request::Chart(_)
        | Request::Runs(_)
        | Request::ShowRun(_)
        | Request::ShowJob(_)
        | Request::Generations(_)
        | Request::Output(_)
        | Request::Follow(_)
        | Request::Why(_) => "read".to_owned(),
    }
}

/// Reads a body to its end, so that the next request of the connection can follow it. No request has
/// anything to say there.
async fn read_nothing<B>(body: B) -> Result<(), Failure>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let whole = timeout(BODY_PATIENCE, Limited::new(body, LARGEST_BODY).collect());
    match whole.await {
        Ok(Ok(body)) => match body.to_bytes().is_empty() {
            true => Ok(()),
            false => Err(Failure::bad_request("body: none is allowed")),
        },
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "body: larger than 64 KiB",
        )),
        Ok(Err(error)) => Err(Failure::bad_request(format!("body: {error}"))),
        Err(_) => Err(Failure::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "body: not complete after 5 s",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use http_body_util::Empty;
    use hyper::Method;
    use hyper::body::Bytes;

    use super::*;
    use crate::config::{self, Surroundings};
    use crate::event::Inbox;
    use crate::forecast::Forecast;
    use crate::plan::InForce;

    const STRANGER: u32 = 4_000_000_000;

    /// Status and body of the answer, and whether the request reached the loop, which drops it.
    fn ask_as(uid: u32, method: Method, uri: &str) -> (u16, String, bool) {
        let inbox = Inbox::new();
        let (_open, closing) = watch::channel(());
        let desk = Desk {
            outbox: inbox.outbox(),
            caller: Sender::new(7, uid),
            closing,
            places: Arc::new(Semaphore::new(1)),
            patience: Patience::default(),
        };
        let request = HttpRequest::builder()
            .method(method)
            .uri(uri)
            .body(Empty::<Bytes>::new());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let answer = tokio::spawn(desk.answer(request.unwrap()));
            tokio::task::yield_now().await;
            let reached = inbox.try_next().is_some();
            let response = answer.await.unwrap();
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (status, String::from_utf8(body.to_vec()).unwrap(), reached)
        })
    }

    #[test]
    fn a_stranger_may_read() {
        for uri in [
            "/v1/status",
            "/v1/jobs",
            "/v1/next",
            "/v1/chart",
            "/v1/runs",
            "/v1/runs/1",
            "/v1/jobs/x",
            "/v1/generations",
            "/v1/runs/1/output",
            "/v1/runs/1/output?follow=true",
            "/v1/why?job=x",
        ] {
            let (_, _, reached) = ask_as(STRANGER, Method::GET, uri);
            assert!(reached, "{uri}");
        }
    }

    #[test]
    fn a_stranger_may_not_read_what_may_hold_secrets() {
        for uri in ["/v1/in_force", "/v1/generations/1"] {
            let (status, _, reached) = ask_as(STRANGER, Method::GET, uri);
            assert_eq!((status, reached), (403, false), "{uri}");
        }
    }

    #[test]
    fn a_stranger_may_change_nothing() {
        for uri in [
            "/v1/jobs/x/run",
            "/v1/jobs/x/run?follow=true",
            "/v1/runs/1/kill",
            "/v1/reload",
            "/v1/confirm",
            "/v1/rollback",
            "/v1/stop",
        ] {
            let (status, text, reached) = ask_as(STRANGER, Method::POST, uri);
            assert_eq!(status, 403, "{uri}");
            assert!(text.contains(r#"{"error":{"kind":"not_allowed","message":"only root"#));
            assert!(!reached, "{uri}");
        }
    }

    #[test]
    fn root_and_the_user_of_hupd_may_change_everything() {
        for uid in [0, geteuid().as_raw()] {
            let (_, _, reached) = ask_as(uid, Method::POST, "/v1/stop");
            assert!(reached);
        }
    }

    fn many_jobs_in_force() -> Answer {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hupd.toml");
        let head = "[daemon]\nstate_dir = \"/s\"\nruntime_dir = \"/r\"\ntimezone = \"UTC\"\n";
        let job = |n| format!("[jobs.j{n}]\ncommand = \"x\"\nschedule = \"@daily\"\n");
        let text: String = (0..500).map(job).collect();
        std::fs::write(&file, format!("{head}{text}")).unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let accepted = config::load(&file, &Surroundings::default(), now).unwrap();
        let forecast = Forecast::new(
            Arc::new(accepted.config),
            now,
            HashMap::new(),
            HashMap::new(),
        );
        Answer::InForceOf(Arc::new(InForce::of_file("hupd.toml".to_owned(), forecast)))
    }

    #[test]
    fn others_are_served_while_all_jobs_are_written_down() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let writing = tokio::spawn(written(many_jobs_in_force()));
            tokio::task::yield_now().await;
            assert!(!writing.is_finished());
            assert_eq!(writing.await.unwrap().status(), StatusCode::OK);
        });
    }

    #[test]
    fn a_reply_that_is_dropped_says_that_hupd_is_stopping() {
        let (status, text, _) = ask_as(0, Method::GET, "/v1/status");
        assert_eq!(status, 503);
        let json = r#"{"error":{"kind":"unavailable","message":"hupd is stopping"}}"#;
        assert_eq!(text.trim_end(), json);
    }
}
