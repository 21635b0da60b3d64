//! How many files hupd may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::system::children::MOST_LEFTOVERS;

/// One run is watched through its process and through its output.
const FILES_PER_RUN: u64 = 2;
/// What hupd needs besides: the ledger, the socket and its clients, sources, starts in progress.
const OWN_FILES: u64 = 192;

/// Raises the soft limit of open files to what so many runs at a time need, as far as the hard
/// limit allows. Jobs inherit the raised limit.
///
/// The error is a warning for the log: even the hard limit is too low for that many runs.
pub fn raise_open_files(max_running: usize) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    let needed = needed_files(max_running);
    if let Some(raised) = raised(limit, needed + MOST_LEFTOVERS as u64) {
        setrlimit(Resource::Nofile, raised)
            .map_err(|error| format!("cannot raise the limit of open files: {error}"))?;
    }
    match limit.maximum {
        Some(hard) if hard < needed => Err(too_low(hard, needed, max_running)),
        _ => Ok(()),
    }
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

fn too_low(hard: u64, needed: u64, max_running: usize) -> String {
    format!(
        "max_running = {max_running} needs {needed} open files, and the hard limit is {hard}: \
         runs beyond that wait"
    )
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
            too_low(1024, 10_192, 5000),
            "max_running = 5000 needs 10192 open files, and the hard limit is 1024: \
             runs beyond that wait"
        );
    }
}
