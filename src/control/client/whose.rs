//! Whether the hupd at a socket runs with the file that is meant: whoever named that shall not change another one.

use std::path::{Path, PathBuf};

use super::{Client, ClientError};
use crate::protocol::{Request, Status};

impl Client {
    /// A hupd that is steered only if it runs with this file.
    pub fn of_file(self, file: &Path) -> Self {
        let file = Some(real(file));
        Self { file, ..self }
    }

    pub(super) async fn refuse_another(&self, request: &Request) -> Result<(), ClientError> {
        let Some(file) = self.file.as_ref().filter(|_| request.changes_something()) else {
            return Ok(());
        };
        let status: Status = self.talk(&Request::Status).await?.json()?;
        // What is not UTF-8 is told with marks in its place: so it is compared.
        let theirs = real(Path::new(&status.config_file));
        if theirs.to_string_lossy() == file.to_string_lossy() {
            return Ok(());
        }
        Err(ClientError::NobodyThere(format!(
            "the hupd at {} runs with {}, not with {}: nothing was done; if it is meant all the same, name its socket \
             with --socket",
            self.socket.display(),
            theirs.display(),
            file.display()
        )))
    }
}

/// However the path is spelled; one that leads to no file by now is as it is.
fn real(path: &Path) -> PathBuf {
    let spelled = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.canonicalize().unwrap_or_else(|_| spelled())
}
