//! `hupctl logs --follow`: what a run writes, while it writes it.

use std::io;
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use hupd::clock::Moment;
use hupd::control::client::{Client, ClientError, Followed, Sound};
use hupd::protocol::{FollowRow, OutputOf, Request, RunRow, Status, Written};
use hupd::run::RunId;
use jiff::Timestamp;

use crate::ending::{Ending, Failure};
use crate::live::Live;
use crate::logs::{left_out, meaning};
use crate::run::{ended, name, name_of};
use crate::screen::Screen;
use crate::short;

/// Ends as the run does; done where nobody reads any more.
pub fn follow(client: &Client, screen: &mut Screen, of: &str) -> Result<Ending, Failure> {
    let reader = Reader::new(client, screen);
    reader.hear_to_the_end((Request::Follow(meaning(of)), None))
}

/// The same of a run that begins with it, so that nothing is missed; with a live line where there is one to be shown.
pub fn run_to_the_end(
    client: &Client,
    screen: &mut Screen,
    (job, live): (String, Option<Live>),
) -> Result<Ending, Failure> {
    let mut reader = Reader::new(client, screen);
    reader.unnamed = Some(Unnamed {
        job: job.clone(),
        run: None,
    });
    reader.live = live;
    reader.hear_to_the_end((Request::RunFollowed { job }, Some(SECOND)))
}

/// A run that nobody has been told of yet.
struct Unnamed {
    job: String,
    run: Option<RunId>,
}

/// What has come to its end.
enum End {
    Of(Ending),
    /// Another attempt of this run follows, of this number.
    OfAnAttempt(RunId, u32),
}

/// How often a live line is written anew.
const SECOND: Duration = Duration::from_secs(1);

struct Reader<'a> {
    client: &'a Client,
    screen: &'a mut Screen,
    /// Of what was printed of the output.
    last_byte: Option<u8>,
    unnamed: Option<Unnamed>,
    live: Option<Live>,
}

impl<'a> Reader<'a> {
    fn new(client: &'a Client, screen: &'a mut Screen) -> Self {
        Self {
            client,
            screen,
            last_byte: None,
            unnamed: None,
            live: None,
        }
    }

    fn hear_to_the_end(
        mut self,
        (mut request, silence): (Request, Option<Duration>),
    ) -> Result<Ending, Failure> {
        loop {
            self.show_live();
            let client = self.client;
            let followed = client.follow(&request, silence, |sound| self.hear(sound));
            self.screen.wipe();
            request = match followed? {
                Followed::BrokenOff(Ok(End::Of(ending))) => return Ok(ending),
                Followed::BrokenOff(Ok(End::OfAnAttempt(run, next))) => {
                    Request::Follow(OutputOf::Attempt(run, next))
                }
                Followed::BrokenOff(Err(failure)) => return Err(failure),
                Followed::CutOff(error) => return Err(error.into()),
            };
        }
    }

    fn hear(&mut self, sound: Sound<'_>) -> ControlFlow<Result<End, Failure>> {
        let heard = match sound {
            Sound::Line(line) => {
                self.screen.wipe();
                self.hear_line(line)
            }
            Sound::Silence => self.hear_nothing(),
        };
        if heard.is_continue() {
            self.show_live();
        }
        heard
    }

    /// For a second nothing has come.
    fn hear_nothing(&mut self) -> ControlFlow<Result<End, Failure>> {
        let now = Moment::now().wall;
        let unknown = self.live.as_ref().filter(|live| live.is_unknown(now));
        if self.unnamed.is_none() && unknown.is_none() {
            return ControlFlow::Continue(());
        }
        // Following has the runtime of this thread for itself.
        let ask = || self.client.get::<Status>(&Request::Status);
        let status = beside(thread::Builder::new(), ask).and_then(Result::ok);
        let live = self.live.as_mut().filter(|live| live.is_unknown(now));
        if let Some((live, status)) = live.zip(status.as_ref()) {
            live.learn(status);
        }
        let how_far = self.accepted(status.as_ref());
        match self.name(&how_far) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Err(error.into())),
        }
    }

    /// With why it has no process, where there is nothing to make it of.
    fn accepted(&self, status: Option<&Status>) -> String {
        let run = self.unnamed.as_ref().and_then(|unnamed| unnamed.run);
        let mut running = status.into_iter().flat_map(|status| &status.running);
        let row = running.find(|row| Some(row.run) == run);
        match row.and_then(|row| row.shortage.as_ref()) {
            Some(shortage) => format!("accepted; {}", short::of_run(shortage, &self.screen.view)),
            None => "accepted".to_owned(),
        }
    }

    /// Says once which run it is, and how far it is.
    fn name(&mut self, how_far: &str) -> io::Result<()> {
        let Some((run, job)) = self
            .unnamed
            .take_if(|unnamed| unnamed.run.is_some())
            .and_then(|unnamed| Some((unnamed.run?, unnamed.job)))
        else {
            return Ok(());
        };
        self.screen.wipe();
        self.aside_in_own_line(&format!("{} {how_far}", name_of(run, &job)))
    }

    /// Never within a line that the run has not ended yet.
    fn show_live(&mut self) {
        let is_within = !matches!(self.last_byte, None | Some(b'\n'));
        if let Some(live) = self.live.as_ref().filter(|_| !is_within)
            && let Some(text) = live.text(Moment::now().wall)
        {
            self.screen.live(&text);
        }
    }

    fn hear_line(&mut self, line: &[u8]) -> ControlFlow<Result<End, Failure>> {
        let row = match serde_json::from_slice(line) {
            Ok(row) => row,
            Err(error) => return ControlFlow::Break(Err(not_understood(&error).into())),
        };
        let ending = ending(&row);
        if let Some(live) = &mut self.live {
            live.hear(&row);
        }
        let shown = match self.screen.is_for_programs() {
            true => self.screen.bytes(&[line, b"\n"].concat()),
            false => self.show(row),
        };
        // What came is to be seen now, and not when a buffer is full.
        if let Err(error) = shown.and_then(|()| self.screen.flush()) {
            return ControlFlow::Break(Err(error.into()));
        }
        match ending {
            Some(ending) => ControlFlow::Break(Ok(ending)),
            None if self.screen.has_lost_its_reader() => {
                ControlFlow::Break(Ok(End::Of(Ending::Done)))
            }
            None => ControlFlow::Continue(()),
        }
    }

    fn show(&mut self, row: FollowRow) -> io::Result<()> {
        match row {
            FollowRow::Run { run } => {
                if let Some(unnamed) = &mut self.unnamed {
                    unnamed.run = Some(run);
                }
                Ok(())
            }
            FollowRow::Started { .. } => self.name("started"),
            FollowRow::Output { written, .. } => self.show_output(written),
            FollowRow::Lost { bytes, .. } => self.screen.aside(&left_out(bytes, self.last_byte)),
            FollowRow::Failed { details, .. } => {
                self.aside_in_own_line(&failed(*details, Moment::now().wall))
            }
            FollowRow::End { details, .. } => {
                self.aside_in_own_line(&ended(&details, Moment::now().wall))
            }
            FollowRow::Never { run, reason } => {
                self.aside_in_own_line(&format!("run {run} does not start: {reason}"))
            }
        }
    }

    fn show_output(&mut self, written: Written) -> io::Result<()> {
        let bytes = written.into_bytes().ok_or(io::ErrorKind::InvalidData)?;
        self.last_byte = bytes.last().copied().or(self.last_byte);
        self.screen.bytes(&bytes)
    }

    fn aside_in_own_line(&mut self, sentence: &str) -> io::Result<()> {
        // What comes next begins in a line of its own as well.
        match self.last_byte.take() {
            None | Some(b'\n') => self.screen.aside(sentence),
            Some(_) => self.screen.aside(&format!("\n{sentence}")),
        }
    }
}

/// In a thread of its own. None where there is none to be had, as where hupd has none for the run either.
fn beside<T: Send>(thread: thread::Builder, ask: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| thread.spawn_scoped(scope, ask).ok()?.join().ok())
}

/// None as long as more may come.
fn ending(row: &FollowRow) -> Option<End> {
    match row {
        FollowRow::Failed { run, details } => Some(End::OfAnAttempt(*run, details.attempt + 1)),
        FollowRow::End { details, .. } => Some(End::Of(Ending::of_run(details))),
        FollowRow::Never { .. } => Some(End::Of(Ending::Failed)),
        FollowRow::Run { .. }
        | FollowRow::Started { .. }
        | FollowRow::Output { .. }
        | FollowRow::Lost { .. } => None,
    }
}

/// The same of each attempt, whether its end is seen or looked up.
fn failed(attempt: RunRow, now: Timestamp) -> String {
    if attempt.outcome.is_none() {
        let (name, last) = (name(&attempt), attempt.attempt);
        return format!("{name}: attempt {last} and those before it are not in the history");
    }
    let row = RunRow {
        next_attempt_at: attempt.next_attempt_at.or(attempt.ended_at),
        ..attempt
    };
    ended(&row, now)
}

fn not_understood(error: &serde_json::Error) -> ClientError {
    ClientError::NotUnderstood(format!("cannot understand what hupd tells: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_thread_there_is_no_answer() {
        // More than there is.
        let thread = thread::Builder::new().stack_size(1 << 46);
        assert_eq!(beside(thread, || 1), None);
        assert_eq!(beside(thread::Builder::new(), || 1), Some(1));
    }
}
