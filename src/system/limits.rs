//! How many files hupd may have open.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::system::children::MOST_LEFTOVERS;

/// One run is watched through its process and through its output.
const FILES_PER_RUN: u64 = 2;
/// What hupd needs besides: the ledger, the socket and its clients, sources, starts in progress.
const OWN_FILES: u64 = 192;

/// The soft limit before it was raised.
static GIVEN: OnceLock<u64> = OnceLock::new();

/// Raises the soft limit of open files to what so many runs at a time need, and so many that an earlier hupd
/// has left open, as far as the hard limit allows. Jobs get the one that hupd was given.
///
/// The error is a warning for the log: even the hard limit is too low for that many runs.
pub fn raise_open_files(max_running: usize, left: usize) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    let needed = needed_files(max_running).saturating_add(left as u64);
    if let Some(raised) = raised(limit, needed + MOST_LEFTOVERS as u64) {
        setrlimit(Resource::Nofile, raised)
            .map_err(|error| format!("cannot raise the limit of open files: {error}"))?;
        limit.current.map(|soft| GIVEN.get_or_init(|| soft));
    }
    match limit.maximum {
        Some(hard) if hard < needed => Err(too_low((hard, needed), max_running, left)),
        _ => Ok(()),
    }
}

/// Whether so few can be opened besides this one that hupd needs them itself: the kernel gives the lowest number
/// that is free.
pub(crate) fn is_scarce(file: &OwnedFd) -> bool {
    let limit = getrlimit(Resource::Nofile).current;
    limit.is_some_and(|limit| file.as_raw_fd() as u64 + OWN_FILES >= limit)
}

/// What hupd was given of open files, where it has raised that since: a program that knows no more than select(2)
/// cannot do with high numbers.
pub(crate) fn given_open_files() -> Option<Rlimit> {
    let given = *GIVEN.get()?;
    let maximum = getrlimit(Resource::Nofile).maximum;
    Some(Rlimit {
        current: Some(maximum.map_or(given, |hard| hard.min(given))),
        maximum,
    })
}

fn needed_files(max_running: usize) -> u64 {
    (max_running as u64)
        .saturating_mul(FILES_PER_RUN)
        .saturating_add(OWN_FILES)
}

/// The limit to set, if it is not high enough and can be higher.
fn raised(limit: Rlimit, wanted: u64) -> Option<Rlimit> {
    let soft = limit.current?;
    let target = limit.maximum.map_or(wanted, |hard| wanted.min(hard));
    (soft < target).then_some(Rlimit {
        current: Some(target),
        maximum: limit.maximum,
    })
}

fn too_low((hard, needed): (u64, u64), max_running: usize, left: usize) -> String {
    let who = match left {
        0 => format!("max_running = {max_running} needs"),
        _ => format!(
            "max_running = {max_running} and {left} more that an earlier hupd left open need"
        ),
    };
    format!("{who} {needed} open files, and the hard limit is {hard}: runs beyond that wait")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(current: Option<u64>, maximum: Option<u64>) -> Rlimit {
        Rlimit { current, maximum }
    }

    #[test]
    fn a_low_soft_limit_is_raised_to_the_need() {
        let raised = raised(limit(Some(1024), Some(4096)), 2000).unwrap();
        assert_eq!((raised.current, raised.maximum), (Some(2000), Some(4096)));
    }

    #[test]
    fn it_is_raised_no_further_than_the_hard_limit() {
        let raised = raised(limit(Some(1024), Some(4096)), 100_000).unwrap();
        assert_eq!(raised.current, Some(4096));
    }

    #[test]
    fn a_limit_that_suffices_is_left_alone() {
        assert_eq!(raised(limit(Some(4096), Some(4096)), 100_000), None);
        assert_eq!(raised(limit(Some(5000), None), 2000), None);
        assert_eq!(raised(limit(None, None), 2000), None);
    }

    #[test]
    fn a_hard_limit_that_is_too_low_is_named_beside_the_need() {
        assert_eq!(needed_files(5000), 10_192);
        assert_eq!(
            too_low((1024, 10_192), 5000, 0),
            "max_running = 5000 needs 10192 open files, and the hard limit is 1024: \
             runs beyond that wait"
        );
        assert_eq!(
            too_low((1024, 10_292), 5000, 100),
            "max_running = 5000 and 100 more that an earlier hupd left open need 10292 open files, \
             and the hard limit is 1024: runs beyond that wait"
        );
    }
}
