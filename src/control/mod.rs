//! HTTP and JSON on the socket, and its client.
//!
//! | method | path | answer |
//! | --- | --- | --- |
//! | GET | `/v1/status` | [`Status`](crate::protocol::Status) |
//! | GET | `/v1/in_force` | [`Portrait`](crate::plan::Portrait), for those who may POST |
//! | GET | `/v1/jobs` | `{"jobs": [`[`JobRow`](crate::protocol::JobRow)`]}` |
//! | GET | `/v1/next?job=NAME&from=TIME&to=TIME&count=N` | [`NextRows`](crate::protocol::NextRows) |
//! | GET | `/v1/chart?job=NAME&from=TIME&to=TIME&slice=SECONDS` | [`Chart`](crate::protocol::Chart) |
//! | GET | `/v1/runs?job=NAME&outcome=OUTCOME&trigger=TRIGGER&since=TIME&until=TIME&limit=N` | [`Runs`](crate::protocol::Runs) |
//! | GET | `/v1/runs/ID` | [`RunDetails`](crate::protocol::RunDetails) |
//! | GET | `/v1/jobs/NAME` | [`JobDetails`](crate::protocol::JobDetails) |
//! | GET | `/v1/runs/ID/output`, `/v1/jobs/NAME/output` | bytes, see below |
//! | GET | `/v1/runs/ID/output?follow=true`, also of a job | lines, see below |
//! | GET | `/v1/why?job=NAME&at=TIME` | [`Why`](crate::protocol::Why) |
//! | GET | `/v1/generations?limit=N` | [`Generations`](crate::protocol::Generations) |
//! | GET | `/v1/generations/N` | [`GenerationDetails`](crate::protocol::GenerationDetails) |
//! | POST | `/v1/jobs/NAME/run?wait=true` | [`RunRow`](crate::protocol::RunRow), when it has ended |
//! | POST | `/v1/jobs/NAME/pause?until=TIME&reason=TEXT`, `/v1/jobs/NAME/resume` | [`JobRow`](crate::protocol::JobRow) |
//! | POST | `/v1/runs/ID/kill` | [`RunRow`](crate::protocol::RunRow) |
//! | POST | `/v1/reload?confirm_within=SECONDS` | [`Verdict`](crate::protocol::Verdict); a refused reload is 200 with `"accepted": false` |
//! | POST | `/v1/rollback?to=N` | the same |
//! | POST | `/v1/confirm` | [`Confirmed`](crate::protocol::Confirmed) |
//! | POST | `/v1/stop` | [`Status`](crate::protocol::Status), with what is awaited |
//!
//! An output is answered byte for byte: the head, then the tail. `Hupd-Run` names the run,
//! `Hupd-Output-Total` the bytes written in all, `Hupd-Output-Head` how many bytes of the body are the
//! head, `Hupd-Output-Lost` how many are missing behind it, `Hupd-Running` whether more may come.
//!
//! Followed, it is [`FollowRow`](crate::protocol::FollowRow)s, one JSON object a line, until the attempt is over.
//!
//! Everything else is `{"error": {"kind": "…", "message": "…"}}` with a status of 400 and above. Whoever can
//! connect may read; only root and the user that hupd runs as may POST. No request has a body.

pub mod client;
mod connection;
mod desk;
mod error;
mod failure;
mod first;
mod follow;
mod patient;
mod percent;
mod query;
mod response;
pub mod routes;
mod server;
mod socket;
#[cfg(test)]
mod tests;
mod uris;

pub use error::ControlError;
pub use failure::Failure;
pub use routes::{LONGEST_TRIAL, MOST_ROWS};
pub use server::Server;
