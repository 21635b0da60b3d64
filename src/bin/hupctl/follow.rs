//! `hupctl logs --follow`: what a run writes, while it writes it.

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use hupd::clock::Moment;
use hupd::control::client::{Client, ClientError, Followed, Sound};
use hupd::protocol::{FollowRow, OutputOf, RunRow, Written};
use hupd::run::RunId;

use crate::ending::{Ending, Failure};
use crate::live::Live;
use crate::logs::{left_out, meaning};
use crate::run::{ended, name};
use crate::screen::Screen;

/// Ends as the run does; done where nobody reads any more.
pub fn follow(client: &Client, screen: &mut Screen, of: &str) -> Result<Ending, Failure> {
    to_the_end(client, screen, (meaning(of), None))
}

/// The same, with a live line where there is one to be shown.
pub fn to_the_end(
    client: &Client,
    screen: &mut Screen,
    (of, live): (OutputOf, Option<Live>),
) -> Result<Ending, Failure> {
    let silence = live.as_ref().map(|_| SECOND);
    let mut reader = Reader {
        screen,
        last_byte: None,
        live,
    };
    let mut of = of;
    loop {
        reader.show_live();
        let followed = client.follow(of, silence, |sound| reader.hear(sound));
        reader.screen.wipe();
        of = match followed? {
            Followed::BrokenOff(Ok(End::Of(ending))) => return Ok(ending),
            Followed::BrokenOff(Ok(End::OfAnAttempt(run, next))) => OutputOf::Attempt(run, next),
            Followed::BrokenOff(Err(failure)) => return Err(failure),
            Followed::CutOff(error) => return Err(error.into()),
        };
    }
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
    screen: &'a mut Screen,
    /// Of what was printed of the output.
    last_byte: Option<u8>,
    live: Option<Live>,
}

impl Reader<'_> {
    fn hear(&mut self, sound: Sound<'_>) -> ControlFlow<Result<End, Failure>> {
        let heard = match sound {
            Sound::Line(line) => {
                self.screen.wipe();
                self.hear_line(line)
            }
            Sound::Silence => ControlFlow::Continue(()),
        };
        if heard.is_continue() {
            self.show_live();
        }
        heard
    }

    /// Never within a line that the run has not ended yet.
    fn show_live(&mut self) {
        let is_within = !matches!(self.last_byte, None | Some(b'\n'));
        if let Some(live) = self.live.as_ref().filter(|_| !is_within) {
            self.screen.live(&live.text(Moment::now().wall));
        }
    }

    fn hear_line(&mut self, line: &[u8]) -> ControlFlow<Result<End, Failure>> {
        let row = match serde_json::from_slice(line) {
            Ok(row) => row,
            Err(error) => return ControlFlow::Break(Err(not_understood(&error).into())),
        };
        let ending = ending(&row);
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
            FollowRow::Run { .. } => Ok(()),
            FollowRow::Output { written, .. } => self.show_output(written),
            FollowRow::Lost { bytes, .. } => self.screen.aside(&left_out(bytes, self.last_byte)),
            FollowRow::Failed { details, .. } => self.aside_in_own_line(&failed(*details)),
            FollowRow::End { details, .. } => self.aside_in_own_line(&ended(&details)),
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

/// None as long as more may come.
fn ending(row: &FollowRow) -> Option<End> {
    match row {
        FollowRow::Failed { run, details } => Some(End::OfAnAttempt(*run, details.attempt + 1)),
        FollowRow::End { details, .. } => Some(End::Of(Ending::of_run(details))),
        FollowRow::Never { .. } => Some(End::Of(Ending::Failed)),
        FollowRow::Run { .. } | FollowRow::Output { .. } | FollowRow::Lost { .. } => None,
    }
}

/// The same of each attempt, whether its end is seen or looked up.
fn failed(attempt: RunRow) -> String {
    if attempt.outcome.is_none() {
        let (name, last) = (name(&attempt), attempt.attempt);
        return format!("{name}: attempt {last} and those before it are not in the history");
    }
    ended(&RunRow {
        next_attempt_at: attempt.next_attempt_at.or(attempt.ended_at),
        ..attempt
    })
}

fn not_understood(error: &serde_json::Error) -> ClientError {
    ClientError::NotUnderstood(format!("cannot understand what hupd tells: {error}"))
}
