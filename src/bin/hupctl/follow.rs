//! `hupctl logs --follow`: what a run writes, while it writes it.

use std::io;
use std::ops::ControlFlow;

use hupd::control::client::{Client, ClientError, Followed};
use hupd::protocol::{FollowRow, RunRow, Written};

use crate::ending::{Ending, Failure};
use crate::logs::{left_out, meaning};
use crate::run::{SUCCESS, ended};
use crate::screen::Screen;

/// Done only where the run exited 0, or nobody reads any more.
pub fn follow(client: &Client, screen: &mut Screen, of: &str) -> Result<Ending, Failure> {
    let mut reader = Reader {
        screen,
        last_byte: None,
    };
    match client.follow(meaning(of), |line| reader.hear(line))? {
        Followed::BrokenOff(outcome) => outcome,
        Followed::CutOff(error) => Err(error.into()),
    }
}

struct Reader<'a> {
    screen: &'a mut Screen,
    /// Of what was printed of the output.
    last_byte: Option<u8>,
}

impl Reader<'_> {
    fn hear(&mut self, line: &[u8]) -> ControlFlow<Result<Ending, Failure>> {
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
            None if self.screen.has_lost_its_reader() => ControlFlow::Break(Ok(Ending::Done)),
            None => ControlFlow::Continue(()),
        }
    }

    fn show(&mut self, row: FollowRow) -> io::Result<()> {
        match row {
            FollowRow::Run { .. } => Ok(()),
            FollowRow::Output { written, .. } => self.show_output(written),
            FollowRow::Lost { bytes, .. } => self.screen.aside(&left_out(bytes, self.last_byte)),
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
        match self.last_byte {
            None | Some(b'\n') => self.screen.aside(sentence),
            Some(_) => self.screen.aside(&format!("\n{sentence}")),
        }
    }
}

/// None as long as more may come.
fn ending(row: &FollowRow) -> Option<Ending> {
    match row {
        FollowRow::End { details, .. } => Some(ending_of(details)),
        FollowRow::Never { .. } => Some(Ending::Failed),
        FollowRow::Run { .. } | FollowRow::Output { .. } | FollowRow::Lost { .. } => None,
    }
}

fn ending_of(run: &RunRow) -> Ending {
    match run.outcome.as_deref() {
        Some(SUCCESS) => Ending::Done,
        _ => Ending::Failed,
    }
}

fn not_understood(error: &serde_json::Error) -> ClientError {
    ClientError::NotUnderstood(format!("cannot understand what hupd tells: {error}"))
}
