//! hupd: a job daemon that is steered by signals and by one file.
//!
//! The map, from what knows nothing to what knows everything:
//!
//! | module | owns |
//! | --- | --- |
//! | [`run`] | the words that everybody shares: job names, run ids, outcomes |
//! | [`clock`] | the only reader of time |
//! | [`reason`] | why the system refused something, in words |
//! | [`digest`] | what stands for a content |
//! | [`schedule`] | calendar arithmetic; knows no job and no clock |
//! | [`config`] | text → checked value → changes between two values |
//! | [`check`] | what people and programs are told of a file |
//! | [`forecast`] | the coming instants of all jobs |
//! | [`plan`] | what a file would change of what runs now |
//! | [`ledger`] | the rows that the engine decides and the store keeps |
//! | [`engine`] | every decision, pure: no clock, no I/O |
//! | [`protocol`] | what a client may ask and what it is answered |
//! | [`why`] | what became of an instant, and why |
//! | [`event`] | what can happen, and the inbox where it arrives |
//! | [`store`] | the ledger, runs and generations on disk |
//! | [`system`] | everything that touches the machine |
//! | [`control`] | HTTP on the socket, and its client |
//! | [`logging`] | where log lines go |
//! | [`daemon`] | start-up order, the loop, performing effects |

pub mod check;
pub mod clock;
pub mod config;
pub mod control;
pub mod daemon;
pub mod digest;
pub mod engine;
pub mod event;
pub mod forecast;
pub mod ledger;
pub mod logging;
pub mod plan;
pub mod protocol;
pub mod reason;
pub mod run;
pub mod schedule;
pub mod store;
pub mod system;
pub mod why;
