//! Answers what came into force and what did not: the store knows, but for what is true now.

use super::{Daemon, World};
use crate::event::Reply;
use crate::protocol::{Earlier, LiveRun, Standing};
use crate::store::Question;

impl<W: World> Daemon<W> {
    pub(super) fn generations(&mut self, limit: usize, reply: Reply) {
        let standing = self.standing();
        self.world
            .ask(Question::Generations(limit, standing, reply));
    }

    pub(super) fn show_generation(&mut self, number: u64, reply: Reply) {
        let standing = self.standing();
        self.world.ask(Question::ShowGeneration(
            Earlier::Number(number),
            standing,
            reply,
        ));
    }

    pub(super) fn standing(&self) -> Standing {
        let mut standing = Standing {
            in_force: self.engine.generation().0,
            ..Standing::default()
        };
        for run in self.engine.runs() {
            let of_generation = standing.runs.entry(run.generation.0).or_default();
            of_generation.push(LiveRun {
                run: run.id,
                job: run.job.name.to_string(),
            });
        }
        standing
    }
}
