//! Finds the program of a job, as a shell would: here and not in std, which forks to do that.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::config::Job;
use crate::system::identity::DEFAULT_PATH;

/// The absolute path of the program. A path with a slash is taken as it is, from the working
/// directory on; whether it can be executed, the kernel says.
pub(super) fn find(job: &Job) -> Result<PathBuf, String> {
    let name = job.command.first().ok_or("the command is empty")?;
    if name.contains('/') {
        return Ok(job.working_dir.join(name));
    }
    let path = job.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let candidates = || std::env::split_paths(path).map(|dir| job.working_dir.join(dir).join(name));
    if let Some(program) = candidates().find(|program| is_executable(program)) {
        return Ok(program);
    }
    Err(match candidates().find(|program| program.is_file()) {
        Some(program) => format!("command '{}' is not executable", program.display()),
        None => format!("command '{name}' not found in PATH '{path}'"),
    })
}

pub(super) fn is_executable(program: &Path) -> bool {
    program.is_file() && access(program, Access::EXEC_OK).is_ok()
}
