//! Why a process could not be started, in words: what was tried, and what the system says to that.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::limits::bound;
use super::plan::{NotDone, NotStarted, Step};
use super::prepared::Prepared;
use super::program::is_executable;
use crate::config::{CredentialError, EnvFileError};
use crate::event::NoStart;
use crate::reason::reason;

/// Before there is a process: its streams.
pub(super) fn could_not_prepare(error: io::Error) -> NoStart {
    not_made("its standard streams", &error)
}

/// And its cgroup.
pub(super) fn no_home(error: &io::Error) -> NoStart {
    not_made("its cgroup", error)
}

fn not_made(what: &str, error: &io::Error) -> NoStart {
    let text = match Errno::from_io_error(error) {
        Some(Errno::MFILE) => "too many open files in hupd (see its limit of open files)".into(),
        Some(Errno::NFILE) => "too many open files in the system".into(),
        _ => format!("cannot make {what}: {}", reason(error)),
    };
    by_kind(error, text)
}

pub(super) fn wrong_env_file(error: EnvFileError) -> NoStart {
    let text = format!("env_file: {error}");
    match error {
        EnvFileError::Unreadable(_, error) => by_kind(&error, text),
        EnvFileError::Wrong(_) => NoStart::Refused(text),
    }
}

pub(super) fn no_credential(variable: &str, error: &CredentialError) -> NoStart {
    let text = format!("env: {variable}: {error}");
    match error.system() {
        Some(system) => by_kind(system, text),
        None => NoStart::Refused(text),
    }
}

/// The process itself.
pub(super) fn why_not_started(prepared: &Prepared<'_>, what: NotStarted) -> NoStart {
    match what {
        NotStarted::NoProcess(error) => by_kind(&error, no_process(&error)),
        NotStarted::SetUp(_, failure) => {
            let text = not_set_up(prepared, failure);
            match Errno::from_raw_os_error(failure.errno) {
                // So many processes its user has already, or the system has no file left.
                Errno::AGAIN | Errno::NFILE => NoStart::Shortage(text),
                // So many keys there are already, of all runs together.
                Errno::DQUOT if failure.step == Step::Keyring => NoStart::Shortage(text),
                // Whatever else is missing may be so by the limits of the job itself.
                _ => NoStart::Refused(text),
            }
        }
    }
}

/// Whether it can be otherwise in a while, without anybody changing the run.
pub(crate) fn by_kind(error: &io::Error, text: String) -> NoStart {
    match Errno::from_io_error(error) {
        Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE) => NoStart::Shortage(text),
        _ => NoStart::Refused(text),
    }
}

fn no_process(error: &io::Error) -> String {
    let reason = reason(error);
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => reason,
        _ => format!("no process can be made: {reason}"),
    }
}

fn not_set_up(prepared: &Prepared<'_>, failure: NotDone) -> String {
    let reason = reason(&io::Error::from_raw_os_error(failure.errno));
    let job = prepared.job;
    let step = match failure.step {
        Step::Program(at) => return wrong_program(prepared, at, failure.errno),
        Step::Directory => format!("working directory '{}'", job.working_dir.display()),
        Step::Birth => "its start was given up".into(),
        Step::Signals => "signal actions".into(),
        Step::Session => "setsid".into(),
        Step::Streams => "standard streams".into(),
        Step::Cgroup => "cgroup".into(),
        Step::Limit(at) => return wrong_limit(prepared, at, failure.errno),
        Step::Nice => format!("nice {}", job.process.nice.unwrap_or(0)),
        Step::Umask => "umask".into(),
        Step::Keyring => "session keyring".into(),
        Step::Groups => "setgroups".into(),
        Step::Gid => "setresgid".into(),
        Step::Uid => "setresuid".into(),
        Step::Verify => "ids after the change of user".into(),
        Step::Mask => "signal mask".into(),
    };
    let remedy = remedy(failure.step, Errno::from_raw_os_error(failure.errno));
    format!("{step}: {reason}{}{remedy}", whose(prepared))
}

/// What to do about it, where the reason alone tells nobody.
fn remedy(step: Step, errno: Errno) -> &'static str {
    match (step, errno) {
        (Step::Keyring, Errno::DQUOT) => {
            "; the user of hupd has as many keys as it may have, see /proc/key-users: raise kernel.keys.root_maxkeys and \
             root_maxbytes, for a hupd in a user namespace kernel.keys.maxkeys and maxbytes"
        }
        // The keys of hupd would still be within its reach: what keeps hupd from leaving them need not keep the job.
        (Step::Keyring, Errno::ACCESS) => {
            "; a security policy of the system keeps hupd from making one, and without it the job could have the keys of \
             hupd: let the policy allow it"
        }
        (Step::Groups, Errno::PERM) => {
            "; hupd needs CAP_SETGID: its unit (CapabilityBoundingSet=) or its container (--cap-add) must leave it that, \
             and a user namespace must not deny setgroups"
        }
        (Step::Gid, Errno::PERM) => {
            "; hupd needs CAP_SETGID: its unit (CapabilityBoundingSet=) or its container (--cap-add) must leave it that"
        }
        (Step::Uid, Errno::PERM) => {
            "; hupd needs CAP_SETUID: its unit (CapabilityBoundingSet=) or its container (--cap-add) must leave it that"
        }
        (Step::Groups | Step::Gid | Step::Uid, Errno::INVAL) => {
            "; the user namespace of hupd has no such id: see /proc/self/uid_map and gid_map"
        }
        _ => "",
    }
}

fn wrong_program(prepared: &Prepared<'_>, at: usize, errno: i32) -> String {
    let (program, errno) = (&prepared.program, Errno::from_raw_os_error(errno));
    // What is elsewhere along the PATH has nothing to do with an error that ended the search.
    let meant = match errno {
        Errno::NOENT | Errno::ACCESS => program.meant(),
        _ => Ok(program.places[at].as_path()),
    };
    match meant {
        Ok(program) => format!("{}{}", wrong_file(program, errno), whose(prepared)),
        Err(none) => none,
    }
}

/// `limits.open_files 4096: operation not permitted; the hard limit of hupd is 1024, and it may not raise that`
fn wrong_limit(prepared: &Prepared<'_>, at: usize, errno: i32) -> String {
    let (reason, whose) = (
        reason(&io::Error::from_raw_os_error(errno)),
        whose(prepared),
    );
    let Some((&resource, &most)) = prepared.job.process.limits.iter().nth(at) else {
        return format!("limits: {reason}{whose}");
    };
    let wanted = most.map_or_else(|| "\"none\"".to_owned(), |most| most.to_string());
    let bound = bound(resource, most).filter(|_| errno == Errno::PERM.raw_os_error());
    let bound = bound.map_or_else(String::new, |bound| format!("; {bound}"));
    format!(
        "limits.{} {wanted}: {reason}{whose}{bound}",
        resource.name()
    )
}

/// Where that makes a difference: who was refused.
fn whose(prepared: &Prepared<'_>) -> String {
    match prepared.account.ids {
        Some(_) => format!(" (user '{}')", prepared.account.identity.name),
        None => String::new(),
    }
}

fn wrong_file(program: &Path, errno: Errno) -> String {
    let (path, reason) = (program.display(), reason(&errno.into()));
    match errno {
        Errno::NOENT if program.exists() => match interpreter_of(program) {
            Some(interpreter) => format!("command '{path}': no interpreter '{interpreter}'"),
            None => format!("command '{path}': its program loader does not exist"),
        },
        Errno::ACCESS if program.is_dir() => format!("command '{path}' is a directory"),
        Errno::ACCESS if program.is_file() && !is_executable(program) => {
            format!("command '{path}' is not executable")
        }
        Errno::TOOBIG => format!(
            "command '{path}': {reason}, or too long an environment (with what env, env_file and env_inherit give)"
        ),
        // That is put off until here, and the file has no part in it: see execve(2).
        Errno::AGAIN => format!("its user has as many processes as it may have: {reason}"),
        Errno::NOEXEC => {
            format!("command '{path}': {reason} (neither a program nor a script with '#!')")
        }
        _ => format!("command '{path}': {reason}"),
    }
}

/// What the first line of a script names.
pub(super) fn interpreter_of(script: &Path) -> Option<String> {
    let mut start = Vec::new();
    // It may be another file by now, and one that keeps its reader waiting.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let script = File::from(rustix::fs::open(script, flags, Mode::empty()).ok()?);
    let script = Some(script).filter(|script| script.metadata().is_ok_and(|it| it.is_file()));
    script?.take(256).read_to_end(&mut start).ok()?;
    let line = start
        .strip_prefix(b"#!")?
        .split(|&byte| byte == b'\n')
        .next()?;
    let line = String::from_utf8_lossy(line);
    line.split_whitespace().next().map(str::to_owned)
}
