//! How the crew grows, is bounded and shrinks: with starts that hang until they are let go.

use std::collections::VecDeque;
use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use super::super::crew::{Crew, Size, Start};
use super::super::{SpawnOrder, UnderWay};
use crate::event::{HeldUp, NoStart};
use crate::run::RunId;
use crate::system::testing::{job, order, until};

#[derive(Debug)]
enum Told {
    /// It hangs until this is dropped.
    Begun(RunId, Sender<()>),
    GaveUp(RunId, NoStart),
    CameBack(RunId),
    HeldUp(Option<HeldUp>),
}

struct Hanging {
    told: Sender<Told>,
    /// Each of them has one.
    alive: Arc<()>,
}

impl Hanging {
    fn tell(&self, told: Told) {
        // Nobody listens at the end of a test.
        let _ = self.told.send(told);
    }
}

impl Start for Hanging {
    fn another(&self) -> io::Result<Self> {
        Ok(Self {
            told: self.told.clone(),
            alive: self.alive.clone(),
        })
    }

    fn perform(&mut self, order: &SpawnOrder, under_way: &Arc<UnderWay>) {
        let (hold, let_go) = mpsc::channel();
        self.tell(Told::Begun(order.run, hold));
        let _ = let_go.recv();
        under_way.answer();
    }

    fn gave_up(&self, run: RunId, why: NoStart) {
        self.tell(Told::GaveUp(run, why));
    }

    fn came_back(&self, run: RunId) {
        self.tell(Told::CameBack(run));
    }

    fn held_up(&self, held_up: Option<HeldUp>) {
        self.tell(Told::HeldUp(held_up));
    }
}

/// A crew, and all that it has told.
struct Watched {
    crew: Crew,
    tells: Receiver<Told>,
    /// Those that hang.
    held: VecDeque<(RunId, Sender<()>)>,
    others: VecDeque<Told>,
    alive: Arc<()>,
}

impl Watched {
    fn new(usual: usize, most: usize) -> Self {
        let (told, tells) = mpsc::channel();
        let alive = Arc::default();
        let model = Hanging {
            told,
            alive: Arc::clone(&alive),
        };
        let size = Size {
            usual,
            most,
            patience: Duration::from_millis(20),
        };
        Self {
            crew: Crew::start(size, model).unwrap(),
            tells,
            held: VecDeque::new(),
            others: VecDeque::new(),
            alive,
        }
    }

    fn give(&self, runs: RangeInclusive<u64>) {
        runs.for_each(|run| self.crew.order(order(RunId(run), job(&["true"]))));
    }

    /// Until so many hang.
    fn hang(&mut self, count: usize) {
        while self.held.len() < count {
            self.listen();
        }
    }

    /// What else it tells.
    fn told(&mut self) -> Told {
        loop {
            if let Some(told) = self.others.pop_front() {
                return told;
            }
            self.listen();
        }
    }

    fn listen(&mut self) {
        match self.tells.recv().unwrap() {
            Told::Begun(run, hold) => self.held.push_back((run, hold)),
            other => self.others.push_back(other),
        }
    }

    /// The model has one as well, and this.
    fn threads(&self) -> usize {
        Arc::strong_count(&self.alive) - 2
    }
}

#[test]
fn it_grows_to_its_bound_says_so_and_shrinks_again() {
    let mut crew = Watched::new(2, 8);
    crew.give(1..=11);
    crew.hang(8);
    let told = crew.told();
    let expected = HeldUp {
        starters: 8,
        no_more: None,
    };
    let is_it = matches!(&told, Told::HeldUp(Some(held_up)) if *held_up == expected);
    assert!(is_it, "{told:?}");
    assert_eq!(crew.threads(), 8);
    crew.held.drain(..2);
    crew.hang(8);
    assert!(crew.others.is_empty(), "one waits on");
    crew.held.pop_front();
    crew.hang(8);
    assert!(crew.others.is_empty(), "none is left to start another");
    crew.held.pop_front();
    let told = crew.told();
    assert!(matches!(told, Told::HeldUp(None)), "{told:?}");
    crew.held.clear();
    until(|| crew.threads() == 2);

    // And it says so again, when it is so again.
    crew.give(12..=20);
    let told = crew.told();
    assert!(matches!(told, Told::HeldUp(Some(_))), "{told:?}");
}

#[test]
fn where_those_who_waited_are_given_up_it_is_held_up_until_somebody_comes_back() {
    let mut crew = Watched::new(1, 1);
    crew.give(1..=2);
    let told = crew.told();
    assert!(matches!(told, Told::HeldUp(Some(_))), "{told:?}");
    for run in [2, 3] {
        crew.crew.give_up(RunId(run));
        let told = crew.told();
        let is_it =
            matches!(&told, Told::GaveUp(given_up, NoStart::NoTurn(_)) if given_up.0 == run);
        assert!(is_it, "{told:?}");
        crew.give(run + 1..=run + 1);
    }
    crew.crew.give_up(RunId(4));
    let told = crew.told();
    assert!(matches!(told, Told::GaveUp(RunId(4), _)), "{told:?}");
    crew.held.clear();
    let told = crew.told();
    assert!(matches!(told, Told::HeldUp(None)), "{told:?}");
}

#[test]
fn it_grows_by_no_more_than_wait() {
    let mut crew = Watched::new(2, 8);
    crew.give(1..=2);
    crew.hang(2);
    crew.give(3..=3);
    crew.hang(3);
    assert_eq!(crew.held[2].0, RunId(3));
    assert_eq!(crew.threads(), 3);
    crew.held.clear();
    until(|| crew.threads() == 2);
}

#[test]
fn what_is_given_up_is_told_to_have_come_back_when_it_has() {
    let mut crew = Watched::new(1, 1);
    crew.give(1..=2);
    crew.hang(1);
    crew.crew.give_up(RunId(2));
    crew.crew.give_up(RunId(1));
    // That it waited too long may be told before.
    let mut told = std::iter::repeat_with(|| crew.told());
    let second = told.find(|told| !matches!(told, Told::HeldUp(_)));
    let no_turn = matches!(second, Some(Told::GaveUp(RunId(2), NoStart::NoTurn(_))));
    assert!(no_turn, "{second:?}");
    let first = told.find(|told| !matches!(told, Told::HeldUp(_)));
    let given_up = matches!(first, Some(Told::GaveUp(RunId(1), NoStart::GivenUp(_))));
    assert!(given_up, "{first:?}");
    crew.held.clear();
    let back = crew.told();
    assert!(matches!(back, Told::CameBack(RunId(1))), "{back:?}");
}
