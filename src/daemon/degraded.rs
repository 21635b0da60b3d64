//! The file on disk was not valid when hupd started. Whose text is in force meanwhile is another matter: it is wrong until it
//! is found right.

use super::reload::Reloads;
use super::verdict::Rejected;
use crate::protocol::Degraded;

impl Reloads {
    pub(super) fn is_degraded(&self) -> bool {
        self.degraded_since.is_some()
    }

    /// For whoever asks.
    pub(super) fn degraded(&self) -> Option<Degraded> {
        Some(Degraded {
            since: self.degraded_since?,
            problems: self.wrong_on_disk.clone().unwrap_or_default(),
        })
    }

    /// The file on disk was read: what is wrong with it, if anything is.
    pub(super) fn note_disk(&mut self, rejected: Option<&Rejected>) {
        self.wrong_on_disk = rejected.map(|rejected| rejected.problems.clone());
        if rejected.is_none() && self.degraded_since.take().is_some() {
            log::info!("the file is valid again, and in force: hupd is not degraded any more");
        }
    }
}
