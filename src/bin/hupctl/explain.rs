//! `hupctl explain`: what an expression means, when it is due next, and what the next clock changes do to it.

use hupd::config::Surroundings;
use hupd::schedule::{ClockChange, Dst, Effect};
use jiff::civil::DateTime;
use serde_json::{Value, json};

use crate::ending::{Ending, Failure};
use crate::instants::{self, Found, Wanted};
use crate::screen::Screen;
use crate::visible::visible;

const CHANGES: usize = 2;

pub fn explain(
    wanted: &Wanted,
    surroundings: &Surroundings,
    screen: &mut Screen,
) -> Result<Ending, Failure> {
    let found = match instants::find(wanted, surroundings, screen)? {
        Ok(found) => found,
        Err(error) => return instants::refuse(&wanted.expression, &error, screen),
    };
    let changes = found
        .expression
        .clock_changes(found.from, &found.zone, Dst::Once);
    let changes = changes.take(CHANGES).collect();
    let explained = Explained { found, changes };
    match screen.is_for_programs() {
        true => screen.json(&explained.to_json())?,
        false => explained.say(screen)?,
    }
    Ok(Ending::Done)
}

struct Explained {
    found: Found,
    changes: Vec<ClockChange>,
}

impl Explained {
    fn to_json(&self) -> Value {
        let Found {
            expression,
            zone,
            instants,
            ..
        } = &self.found;
        let next = instants.iter();
        let next: Vec<_> = next.map(|instant| zone.format(instant.at)).collect();
        let changes = self.changes.iter().map(|change| {
            json!({
                "at": zone.format(change.at),
                "before": change.before.to_string(),
                "after": change.after.to_string(),
                "effect": effect(change),
            })
        });
        json!({
            "expression": expression.to_string(),
            "meaning": expression.describe(),
            "timezone": zone.name(),
            "next": next,
            "clock_changes": changes.collect::<Vec<_>>(),
        })
    }

    fn say(&self, screen: &mut Screen) -> Result<(), Failure> {
        let Found {
            expression,
            zone,
            instants,
            ..
        } = &self.found;
        let (meaning, name) = (expression.describe(), visible(zone.name()));
        screen.line(&format!("{meaning} (time zone {name})"))?;
        screen.line("")?;
        if instants.is_empty() {
            screen.line("No instant follows.")?;
        }
        for instant in instants {
            let (at, relative) = (
                zone.format(instant.at),
                screen.view.times.relative(instant.at),
            );
            screen.line(&format!("{at}  {relative}"))?;
        }
        if !self.changes.is_empty() {
            screen.line("")?;
        }
        for change in &self.changes {
            let ClockChange { before, after, .. } = change;
            let (date, from, to) = (before.date(), short(*before), short(*after));
            screen.line(&format!(
                "On {date} clocks go from {from} to {to}: {}",
                effect(change)
            ))?;
        }
        Ok(())
    }
}

fn effect(change: &ClockChange) -> String {
    let after = short(change.after);
    match change.effect {
        Effect::Nothing => "nothing is due in between".to_owned(),
        Effect::MadeUp(first) => {
            format!("{} is left out, and runs at {after}", short(first))
        }
        Effect::LeftOut(first) => format!("{} is left out, and does not run", short(first)),
        Effect::Once(first) => format!("{} comes twice, and runs the first time", short(first)),
        Effect::Twice(first) => format!("{} comes twice, and runs both times", short(first)),
    }
}

/// `02:30`, with seconds where there are any.
fn short(time: DateTime) -> String {
    let form = if time.second() == 0 {
        "%H:%M"
    } else {
        "%H:%M:%S"
    };
    time.strftime(form).to_string()
}
