//! What it costs to find who goes next, against how many wait: questions are counted, not seconds.

use std::cell::Cell;

use super::world::*;
use crate::engine::Waiting;
use crate::engine::line::Lane;
use crate::engine::owed::Pace;
use crate::engine::waiting::Queue;
use crate::run::{GroupName, Occurrence, RunId, Trigger};
use crate::schedule::Watch;

fn waiting(run: u64) -> Waiting {
    Waiting {
        run: RunId(run),
        occurrence: Occurrence {
            job: name(&format!("j{run}")),
            instant: noon().wall,
            trigger: Trigger::Schedule,
        },
        watch: Watch::Fixed,
        pace: Pace::InTime,
        starts_at: None,
        note: String::new(),
    }
}

fn lane(group: u64) -> Lane {
    Lane::Group(GroupName::new(&group.to_string()))
}

/// Of so many that wait, in as many groups, the first half for a run that does not end. How often it is asked for each
/// of the others whether something is in its way.
fn questions_for_each(count: u64) -> u64 {
    let mut queue = Queue::default();
    for run in 0..count {
        queue.push(lane(run), waiting(run));
    }
    let asked = Cell::new(0);
    let is_open = |group: &Lane, _: Pace| {
        asked.set(asked.get() + 1);
        (count / 2..count).any(|open| *group == lane(open))
    };
    // Everybody is new: they are looked at once.
    let first = queue.pop(&[Pace::InTime], |group, _| {
        let Lane::Group(name) = group else {
            return false;
        };
        name.as_str().parse::<u64>().expect("a number") >= count / 2
    });
    let mut popped = u64::from(first.is_some());
    for run in count / 2..count {
        queue.stir(lane(run));
        popped += u64::from(queue.pop(&[Pace::InTime], is_open).is_some());
    }
    assert_eq!(popped, count / 2);
    asked.get() / (count / 2)
}

#[test]
fn the_next_one_is_found_without_a_look_at_those_that_wait_before_it() {
    assert_eq!(questions_for_each(100), questions_for_each(1000));
    assert!(questions_for_each(1000) <= 2);
}
