//! `hupctl explain`: what an expression means, when it is due next, and what the next clock changes do to it.

use hupd::config::Surroundings;
use hupd::schedule::{ClockChange, Dst, Effect, Expression, Instant, Rules, Schedule, Zone};
use jiff::civil::DateTime;
use serde_json::{Value, json};

use crate::ending::{Ending, Failure};
use crate::instants::{self, Wanted};
use crate::screen::Screen;
use crate::visible::visible;

const CHANGES: usize = 2;

pub fn explain(
    wanted: &Wanted,
    surroundings: &Surroundings,
    screen: &mut Screen,
) -> Result<Ending, Failure> {
    let (expression, zone) = match instants::read(wanted, surroundings)? {
        Ok(read) => read,
        Err(error) => return instants::refuse(&wanted.expression, &error, screen),
    };
    let from = instants::from(wanted, &zone, screen)?;
    let changes = expression.clock_changes(from, &zone, Dst::Once);
    let changes: Vec<_> = changes.take(CHANGES).collect();
    let schedule = Schedule::new([expression.clone()], zone.clone(), Rules::default());
    let following = |instant: &Instant| schedule.next_after(instant.at);
    let next = std::iter::successors(schedule.next_after(from), following);
    let explained = Explained {
        expression,
        zone,
        next: next.take(wanted.count).collect(),
        changes,
    };
    match screen.is_for_programs() {
        true => screen.json(&explained.to_json())?,
        false => explained.say(screen)?,
    }
    Ok(Ending::Done)
}

struct Explained {
    expression: Expression,
    zone: Zone,
    next: Vec<Instant>,
    changes: Vec<ClockChange>,
}

impl Explained {
    fn to_json(&self) -> Value {
        let next = self.next.iter();
        let next: Vec<_> = next.map(|instant| self.zone.format(instant.at)).collect();
        let changes = self.changes.iter().map(|change| {
            json!({
                "at": self.zone.format(change.at),
                "before": change.before.to_string(),
                "after": change.after.to_string(),
                "effect": effect(change),
            })
        });
        json!({
            "expression": self.expression.to_string(),
            "meaning": self.expression.describe(),
            "timezone": self.zone.name(),
            "next": next,
            "clock_changes": changes.collect::<Vec<_>>(),
        })
    }

    fn say(&self, screen: &mut Screen) -> Result<(), Failure> {
        let (meaning, zone) = (self.expression.describe(), visible(self.zone.name()));
        screen.line(&format!("{meaning} (time zone {zone})"))?;
        screen.line("")?;
        if self.next.is_empty() {
            screen.line("No instant follows.")?;
        }
        for instant in &self.next {
            let (at, relative) = (
                self.zone.format(instant.at),
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
