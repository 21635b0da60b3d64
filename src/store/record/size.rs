//! How much memory a record takes while it waits.

use super::Record;
use crate::config::SourceFile;
use crate::ledger::{RunEnd, RunStart};
use crate::run::{Outcome, Survivor};

impl Record {
    /// About how many bytes it holds: without names of jobs, which it shares with all others of that job.
    pub(in crate::store) fn size(&self) -> usize {
        size_of::<Self>() + self.more()
    }

    /// What is not in the record itself.
    fn more(&self) -> usize {
        match self {
            Self::Claim(claim) | Self::Owed(claim) => claim.reason.len(),
            Self::Open(open) => open.start.as_ref().map_or(0, of_start),
            Self::Entry(entry) => entry.reason.len(),
            Self::Start(start) => of_start(start),
            Self::End(end) | Self::EndRest(end) => of_end(end),
            Self::Failed(failed) => of_end(&failed.end),
            Self::Loss(loss) => loss.note.len() + of_survivors(&loss.survivors),
            Self::Note(_, text) | Self::Confirmed(_, text) => text.len(),
            Self::Timing(_, timing) => timing.as_ref().map_or(0, String::len),
            Self::Pause(pause) => pause.by.len() + pause.reason.len(),
            Self::Verdict(verdict, sources) => {
                let texts = [&verdict.asked_by, &verdict.summary, &verdict.problems];
                texts.map(String::len).iter().sum::<usize>() + of_files(sources)
            }
            Self::Unconfirmed(kept) => of_files(&kept.files),
            Self::LastRun(_)
            | Self::NextAttempt(_)
            | Self::Anchor(_)
            | Self::NoAnchor(_)
            | Self::NoPause(_)
            | Self::Decided(_)
            | Self::NoUnconfirmed => 0,
        }
    }
}

fn of_start(start: &RunStart) -> usize {
    let home = start.birth.as_ref().and_then(|birth| birth.home.as_ref());
    home.map_or(0, |home| home.path.as_os_str().len())
}

fn of_end(end: &RunEnd) -> usize {
    let output = end.output.head.len() + end.output.tail.len();
    let reason = match &end.outcome {
        Outcome::CouldNotStart(reason) => reason.len(),
        _ => 0,
    };
    output + reason + of_survivors(&end.survivors)
}

fn of_survivors(survivors: &[Survivor]) -> usize {
    let commands = survivors.iter().map(|survivor| survivor.command.len());
    size_of_val(survivors) + commands.sum::<usize>()
}

fn of_files(files: &[SourceFile]) -> usize {
    let texts = files
        .iter()
        .map(|file| file.path.as_os_str().len() + file.text.len());
    size_of_val(files) + texts.sum::<usize>()
}
