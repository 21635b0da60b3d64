//! Whether others could have written what is kept here. To whoever trusts only root it is a configuration like the file: what is
//! kept of it may come into force.

use std::path::{Path, PathBuf};

use super::files;
use crate::config::{Writers, hand_of_others};

/// Whose hand, and what takes it away: in the store, in what SQLite keeps beside it, in the folder or above that.
pub fn others_in_store(state_dir: &Path, writers: Writers) -> Option<String> {
    let store = state_dir.join(files::NAME);
    let files: Vec<PathBuf> = ["", "-wal", "-shm", "-journal"]
        .into_iter()
        .map(|suffix| files::with_suffix(&store, suffix))
        .collect();
    hand_of_others(state_dir, &files, writers)
}
