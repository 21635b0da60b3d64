//! `hupctl check`: the same as `hupd --check`, and as much without hupd.

use std::path::Path;

use hupd::check::{Report, check as check_file};
use hupd::config::{DEFAULT_FILE, Surroundings};

use crate::ending::{Ending, Failure};
use crate::screen::Screen;

pub fn check(
    file: Option<&Path>,
    surroundings: &Surroundings,
    screen: &mut Screen,
) -> Result<Ending, Failure> {
    let (file, now) = (
        file.unwrap_or(Path::new(DEFAULT_FILE)),
        screen.view.times.now,
    );
    tell(&check_file(file, surroundings, now), screen)
}

/// What is to be said of a file.
pub fn tell(report: &Report, screen: &mut Screen) -> Result<Ending, Failure> {
    let (mut verdict, mut problems) = (Vec::new(), Vec::new());
    report.write(&mut verdict, &mut problems)?;
    match screen.is_for_programs() {
        true => screen.json(&report.to_json())?,
        false => screen.bytes(&verdict)?,
    }
    // Also for programs, as with every failure.
    if !problems.is_empty() {
        let text = String::from_utf8_lossy(&problems);
        screen.aside(text.trim_end_matches('\n'))?;
    }
    Ok(match report.is_ok() {
        true => Ending::Done,
        false => Ending::InvalidConfiguration,
    })
}
