//! Why a process could not be started, in words: std tells a number, and not whose it is.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::program::is_executable;
use crate::config::Job;
use crate::reason::reason;

/// Before the start: descriptors.
pub(super) fn could_not_prepare(error: io::Error) -> String {
    match Errno::from_io_error(&error) {
        Some(Errno::MFILE) => "too many open files in hupd (see its limit of open files)".into(),
        Some(Errno::NFILE) => "too many open files in the system".into(),
        _ => format!("cannot make a pipe for its output: {}", reason(&error)),
    }
}

/// The start itself.
pub(super) fn why_not_started(job: &Job, program: &Path, error: &io::Error) -> String {
    let reason = reason(error);
    match Errno::from_io_error(error) {
        Some(Errno::AGAIN | Errno::NOMEM) => format!("no process can be made: {reason}"),
        Some(Errno::MFILE | Errno::NFILE) => reason,
        Some(Errno::TOOBIG) => format!("command '{}': {reason}", program.display()),
        Some(errno) => {
            wrong_place(&job.working_dir).unwrap_or_else(|| wrong_program(program, errno, &reason))
        }
        // Not from the system: std refuses what the kernel could not be told.
        None => format!("its command or environment is impossible: {reason}"),
    }
}

/// What is wrong with a working directory, if it is that.
fn wrong_place(place: &Path) -> Option<String> {
    let reason = match fs::metadata(place) {
        Err(error) => reason(&error),
        Ok(found) if !found.is_dir() => reason(&Errno::NOTDIR.into()),
        Ok(_) => reason(&access(place, Access::EXEC_OK).err()?.into()),
    };
    Some(format!("working directory '{}': {reason}", place.display()))
}

fn wrong_program(program: &Path, errno: Errno, reason: &str) -> String {
    let path = program.display();
    match errno {
        Errno::NOENT if program.exists() => match interpreter_of(program) {
            Some(interpreter) => format!("command '{path}': no interpreter '{interpreter}'"),
            None => format!("command '{path}': its program loader does not exist"),
        },
        Errno::ACCESS if program.is_dir() => format!("command '{path}' is a directory"),
        Errno::ACCESS if program.is_file() && !is_executable(program) => {
            format!("command '{path}' is not executable")
        }
        Errno::NOEXEC => {
            format!("command '{path}': {reason} (neither a program nor a script with '#!')")
        }
        _ => format!("command '{path}': {reason}"),
    }
}

/// What the first line of a script names.
fn interpreter_of(script: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(script)
        .ok()?
        .take(256)
        .read_to_end(&mut start)
        .ok()?;
    let line = start
        .strip_prefix(b"#!")?
        .split(|&byte| byte == b'\n')
        .next()?;
    let line = String::from_utf8_lossy(line);
    line.split_whitespace().next().map(str::to_owned)
}
