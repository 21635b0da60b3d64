//! `hupctl next --schedule`: the instants of an expression, without hupd and without a file.

use hupd::config::Surroundings;
use hupd::schedule::{
    Expression, ExpressionError, Instant, Rules, Schedule, Seed, Zone, ZoneError,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::ending::{Ending, Failure};
use crate::screen::Screen;
use crate::times::given;
use crate::visible::visible;

/// What is asked for.
#[derive(Debug)]
pub struct Wanted {
    pub expression: String,
    /// None: the system's.
    pub timezone: Option<String>,
    /// None: now.
    pub from: Option<String>,
    pub number: usize,
}

/// What was found: the expression, where it counts, and its instants after a time.
pub struct Found {
    pub expression: Expression,
    /// Its own, if it names one.
    pub zone: Zone,
    pub from: Timestamp,
    pub instants: Vec<Instant>,
}

pub fn instants(
    wanted: &Wanted,
    surroundings: &Surroundings,
    screen: &mut Screen,
) -> Result<Ending, Failure> {
    let Found {
        zone,
        from,
        instants,
        ..
    } = match find(wanted, surroundings, screen)? {
        Ok(found) => found,
        Err(error) => return refuse(&wanted.expression, &error, screen),
    };
    if instants.is_empty() {
        let (at, text) = (zone.format(from), visible(&wanted.expression));
        screen.aside(&format!("hupctl: '{text}' names no instant after {at}"))?;
        return Ok(Ending::InvalidConfiguration);
    }
    let lines: Vec<_> = instants.iter().map(|one| zone.format(one.at)).collect();
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

/// The instants that are wanted, or what is wrong with the expression.
pub fn find(
    wanted: &Wanted,
    surroundings: &Surroundings,
    screen: &Screen,
) -> Result<Result<Found, ExpressionError>, Failure> {
    let default = zone(wanted.timezone.as_deref())?;
    let (expression, zone) = match read(&wanted.expression, default, surroundings) {
        Ok(read) => read,
        Err(error) => return Ok(Err(error)),
    };
    let from = match &wanted.from {
        Some(text) => given("--from", text, TimeZone::get(zone.name()).ok())?,
        None => screen.view.times.now,
    };
    let schedule = Schedule::new([expression.clone()], zone.clone(), Rules::default());
    let following = |instant: &Instant| schedule.next_after(instant.at);
    let instants = std::iter::successors(schedule.next_after(from), following);
    Ok(Ok(Found {
        expression,
        zone,
        from,
        instants: instants.take(wanted.number).collect(),
    }))
}

/// The expression and its zone.
fn read(
    text: &str,
    default: Zone,
    surroundings: &Surroundings,
) -> Result<(Expression, Zone), ExpressionError> {
    let expression = Expression::parse(text, Seed::of(&surroundings.host, ""))?;
    let zone = match expression.zone() {
        None => default,
        Some((name, at)) => Zone::named(name).map_err(|ZoneError(message)| ExpressionError {
            at,
            message,
            help: None,
        })?,
    };
    Ok((expression, zone))
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
