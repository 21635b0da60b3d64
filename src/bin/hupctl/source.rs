//! Who tells what is due: the hupd that runs, or what one that starts with a file would do.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hupd::check::Report;
use hupd::clock::Moment;
use hupd::config::{Accepted, Surroundings, load_as};
use hupd::control::Failure as Refused;
use hupd::control::client::{Client, ClientError, Response};
use hupd::engine::{Beginning, Engine, Left};
use hupd::forecast::Forecast;
use hupd::protocol::{Refusal, RefusalKind, Request};
use hupd::run::{Generation, RunId};
use jiff::Timestamp;

use crate::check;
use crate::ending::{Ending, Failure};
use crate::screen::Screen;

/// Who is asked for `next` and `chart`.
pub enum Source<'a> {
    Hupd(&'a Client),
    File(Forecast),
}

impl Source<'_> {
    /// A hupd that starts at `from` with this file, as if it stood at that place. What is wrong with the file is told; then
    /// there is none.
    pub fn file(
        (file, place): (&Path, &Path),
        from: Timestamp,
        (surroundings, screen): (&Surroundings, &mut Screen),
    ) -> Result<Result<Self, Ending>, Failure> {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let (file, path) = (absolute(file), absolute(place));
        match load_as((&file, &path), surroundings, from) {
            // Warnings are what `check` is for.
            Ok(accepted) => Ok(Ok(Self::File(forecast(accepted, from)))),
            refused => Ok(Err(check::tell(&Report::new(&path, refused), screen)?)),
        }
    }

    pub fn ask(&self, request: &Request) -> Result<Response, Failure> {
        match (self, request) {
            (Self::Hupd(client), request) => Ok(client.ask(request)?),
            (Self::File(forecast), Request::Next(filter)) => {
                let answer = forecast.next(filter);
                answer.map_or_else(|| no_job(&filter.job), |rows| Ok(Response::of(&rows)))
            }
            (Self::File(forecast), Request::Chart(filter)) => {
                filter.span(forecast.now()).map_err(Failure::Usage)?;
                let answer = forecast.chart(filter);
                answer.map_or_else(|| no_job(&filter.job), |chart| Ok(Response::of(&chart)))
            }
            (Self::File(_), request) => unreachable!("a file is not asked for {request:?}"),
        }
    }
}

/// The engine of a hupd that has no past.
fn forecast(accepted: Accepted, from: Timestamp) -> Forecast {
    let beginning = Beginning {
        config: Arc::new(accepted.config),
        generation: Generation(1),
        next_run: RunId(1),
        anchors: BTreeMap::new(),
        left: Left::default(),
    };
    let start = Moment {
        wall: from,
        elapsed: Duration::ZERO,
    };
    let (engine, _) = Engine::new(beginning, start);
    engine.forecast(None, from)
}

/// As hupd says it.
fn no_job(name: &Option<String>) -> Result<Response, Failure> {
    let name = name.as_deref().unwrap_or_default();
    let refusal = Refusal::new(RefusalKind::NotFound, format!("no job '{name}'"));
    Err(ClientError::Refused(Refused::from(refusal)).into())
}
