//! `hupctl next --schedule`: the instants of an expression, without hupd and without a file.

use hupd::config::Surroundings;
use hupd::schedule::{
    Expression, ExpressionError, Instant, Rules, Schedule, Seed, Zone, ZoneError,
};
use jiff::civil::DateTime;
use jiff::{Timestamp, tz::TimeZone};

use crate::ending::{Ending, Failure};
use crate::screen::Screen;
use crate::visible::visible;

/// What is asked for.
#[derive(Debug)]
pub struct Wanted {
    pub expression: String,
    /// None: the system's.
    pub zone: Option<String>,
    /// None: now.
    pub from: Option<String>,
    pub count: usize,
}

pub fn instants(
    wanted: &Wanted,
    surroundings: &Surroundings,
    screen: &mut Screen,
) -> Result<Ending, Failure> {
    let (expression, zone) = match read(wanted, surroundings)? {
        Ok(read) => read,
        Err(error) => return refuse(&wanted.expression, &error, screen),
    };
    let from = from(wanted, &zone, screen)?;
    let schedule = Schedule::new([expression], zone, Rules::default());
    let following = |instant: &Instant| schedule.next_after(instant.at);
    let instants = std::iter::successors(schedule.next_after(from), following);
    let instants: Vec<_> = instants.take(wanted.count).collect();
    if instants.is_empty() {
        let at = schedule.zone.format(from);
        let text = visible(&wanted.expression);
        screen.aside(&format!("hupctl: '{text}' names no instant after {at}"))?;
        return Ok(Ending::InvalidConfiguration);
    }
    let lines: Vec<_> = instants
        .iter()
        .map(|one| schedule.zone.format(one.at))
        .collect();
    if screen.is_for_programs() {
        screen.json(&lines.into())?;
        return Ok(Ending::Done);
    }
    for (line, instant) in lines.iter().zip(&instants) {
        match instant.moved_from {
            Some(from) => screen.line(&format!("{line}  moved from {from} by a clock change"))?,
            None => screen.line(line)?,
        }
    }
    Ok(Ending::Done)
}

/// The expression and its zone: its own, if it names one.
pub fn read(
    wanted: &Wanted,
    surroundings: &Surroundings,
) -> Result<Result<(Expression, Zone), ExpressionError>, Failure> {
    let zone = zone(wanted.zone.as_deref())?;
    let seed = Seed::of(&surroundings.host, "");
    Ok(
        Expression::parse(&wanted.expression, seed).and_then(|expression| {
            let own = expression.zone().map(|(name, at)| {
                Zone::named(name).map_err(|ZoneError(message)| ExpressionError {
                    at,
                    message,
                    help: None,
                })
            });
            let zone = own.unwrap_or(Ok(zone))?;
            Ok((expression, zone))
        }),
    )
}

/// After which time.
pub fn from(wanted: &Wanted, zone: &Zone, screen: &Screen) -> Result<Timestamp, Failure> {
    match &wanted.from {
        Some(text) => time(text, zone.name()),
        None => Ok(screen.view.times.now),
    }
}

/// The message, and a mark under the place.
pub fn refuse(text: &str, error: &ExpressionError, screen: &mut Screen) -> Result<Ending, Failure> {
    let columns = |text: &str| visible(text).chars().count();
    let before = columns(&text[..error.at.start]);
    let marks = columns(&text[error.at.clone()]).max(1);
    let (shown, space) = (visible(text), " ".repeat(before));
    let mark = "^".repeat(marks);
    screen.aside(&format!("error: {error}\n  {shown}\n  {space}{mark}"))?;
    Ok(Ending::InvalidConfiguration)
}

fn zone(name: Option<&str>) -> Result<Zone, Failure> {
    let zone = name.map_or_else(Zone::system, Zone::named);
    zone.map_err(|ZoneError(message)| Failure::Usage(format!("--timezone: {message}")))
}

/// RFC 3339, or a time on the wall of the zone.
fn time(text: &str, zone: &str) -> Result<Timestamp, Failure> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let local: Option<DateTime> = text.parse().ok();
    let zone = TimeZone::get(zone).ok();
    let time = local
        .zip(zone)
        .and_then(|(local, zone)| zone.to_timestamp(local).ok());
    time.ok_or_else(|| {
        let text = visible(text);
        Failure::Usage(format!(
            "--from: '{text}' is no time; write '2026-03-29T00:00:00Z', with another offset, \
             or '2026-03-29T00:00' on the clocks of the zone"
        ))
    })
}
