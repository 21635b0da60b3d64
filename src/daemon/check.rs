//! `hupd --check`: the same code as at start and at reload.

use std::io::{stderr, stdout};
use std::path::Path;
use std::process::ExitCode;

use super::end::End;
use super::launch::surroundings;
use crate::clock::Moment;
use crate::config::Surroundings;

/// Says all that is wrong with the file. Exit status 78 where something is.
pub fn check(file: &Path) -> ExitCode {
    // By whomever it is checked: another one may start it.
    let surroundings = Surroundings {
        serves: false,
        ..surroundings()
    };
    let report = crate::check::check(file, &surroundings, Moment::now().wall);
    // Whether anybody reads it is not ours to know; the exit status says it too.
    let _ = report.write(&mut stdout(), &mut stderr());
    match report.is_ok() {
        true => End::Done,
        false => End::InvalidConfiguration,
    }
    .into()
}
