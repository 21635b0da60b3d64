//! One hupd in each state folder and each runtime folder: the two lock files.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::end::End;
use super::launch::Failure;
use crate::config::Config;
use crate::reason::reason;
use crate::system::lock_file::{LockError, LockFile, Restored};

/// The two locks: one in the state folder, which decides, and the pid file. The files go with this.
#[derive(Debug)]
pub(super) struct Locks {
    state: LockFile,
    pid: LockFile,
}

impl Locks {
    /// Takes both, in folders that are made where they are missing.
    pub(super) fn take(config: &Config) -> Result<Self, Failure> {
        make_folder(&config.daemon.state_dir, "state_dir", 0o700)?;
        make_folder(&config.daemon.runtime_dir, "runtime_dir", 0o750)?;
        let state = take_lock(&config.daemon.state_dir.join("hupd.lock"))?;
        match take_lock(&config.daemon.runtime_dir.join("hupd.pid")) {
            Ok(pid) => Ok(Self { state, pid }),
            Err(failure) => {
                let _ = state.remove();
                Err(failure)
            }
        }
    }

    /// Puts the files back where a cleaner of old files has taken them away.
    pub(super) fn restore(&mut self) {
        for lock in [&mut self.state, &mut self.pid] {
            match lock.restore() {
                Ok(Restored::WasInPlace) => {}
                Ok(Restored::Again) => log::warn!(
                    "{}: was removed while hupd runs; made again",
                    lock.path().display()
                ),
                Err(error) => log::error!("{error}; hupd goes on without it"),
            }
        }
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        // A file that stays behind is no lock: the next start takes it over.
        let _ = self.pid.remove();
        let _ = self.state.remove();
    }
}

fn take_lock(path: &Path) -> Result<LockFile, Failure> {
    LockFile::acquire(path).map_err(|error| Failure {
        end: match error {
            LockError::Held { .. } => End::AlreadyRunning,
            _ => End::Failed,
        },
        text: error.to_string(),
    })
}

fn make_folder(path: &Path, key: &str, mode: u32) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.map_err(|error| {
        Failure::new(format!(
            "{}: cannot make this folder, the {key}: {}",
            path.display(),
            reason(&error)
        ))
    })
}
