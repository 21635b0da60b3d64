//! The reload: load, acquire what can fail, commit in one step that cannot, release. Whoever asked gets
//! the verdict.

use std::sync::Arc;
use std::time::Duration;

use super::askers::{Asker, are_for_news_only, deliver, refuse_all, who};
use super::verdict::Rejected;
use super::{Daemon, Notice, World};
use crate::clock::Moment;
use crate::config::{Accepted, Changes, LoadOutcome, Problems};
use crate::engine::{Effect, Phase};
use crate::protocol::Verdict;

/// The reload under way, and the verdict of the last one.
#[derive(Debug)]
pub struct Reloads {
    under_way: Option<UnderWay>,
    pub last: Option<Verdict>,
    /// When the generation in force was accepted.
    pub since: jiff::Timestamp,
}

/// What a configuration that is in force now brings with it.
#[derive(Debug)]
struct Committed {
    summary: String,
    warnings: Problems,
    effects: Vec<Effect>,
}

#[derive(Debug)]
struct UnderWay {
    askers: Vec<Asker>,
    /// Who asked since: exactly one more reload follows for all of them.
    again: Vec<Asker>,
    began: Duration,
}

impl UnderWay {
    fn is_for_news_only(&self) -> bool {
        are_for_news_only(&self.askers)
    }
}

impl Reloads {
    pub fn none_yet(since: jiff::Timestamp) -> Self {
        Self {
            under_way: None,
            last: None,
            since,
        }
    }
}

impl<W: World> Daemon<W> {
    /// One path for HUP, `hupctl reload` and changed files.
    pub(super) fn begin_reload(&mut self, asker: Asker, now: Moment) {
        if let Some(under_way) = &mut self.reloads.under_way {
            // A storm of signals from one sender is one wish.
            if !under_way.again.iter().any(|known| asker.repeats(known)) {
                under_way.again.push(asker);
            }
            return;
        }
        self.load_for(vec![asker], now);
    }

    fn load_for(&mut self, askers: Vec<Asker>, now: Moment) {
        if are_for_news_only(&askers) {
            log::debug!("the files changed, reading them again");
        } else {
            log::info!("reloading: {}", who(&askers));
            self.world.notify(Notice::Reloading(now));
        }
        self.world.load();
        let under_way = UnderWay {
            askers,
            again: Vec::new(),
            began: now.elapsed,
        };
        self.reloads.under_way = Some(under_way);
    }

    /// The files of the configuration changed. Content decides: see `is_news`.
    pub(super) fn files_changed(&mut self, now: Moment) {
        if self.engine.phase() == Phase::Serving {
            self.begin_reload(Asker::changed_files(), now);
        }
    }

    /// The loader is done: commit or refuse, tell everybody, and begin the next one if it is wanted.
    pub(super) fn loaded(&mut self, outcome: LoadOutcome, now: Moment) {
        let Some(under_way) = self.reloads.under_way.take() else {
            return;
        };
        if self.engine.phase() != Phase::Serving {
            return refuse_all(under_way.askers.into_iter().chain(under_way.again));
        }
        if under_way.is_for_news_only() && !self.is_news(&outcome) {
            log::debug!("the files say what they said before: no reload");
        } else {
            let verdict = self.decide(outcome, &under_way, now);
            // First: what is announced as the state of things is this verdict, not the one before.
            self.reloads.last = Some(verdict.clone());
            self.announce(&verdict);
            deliver(under_way.askers, &verdict);
        }
        if !under_way.again.is_empty() {
            self.load_for(under_way.again, now);
        }
    }

    /// Whether the files say something else than at the last verdict. The way back from a refused file to
    /// the one in force is news too: nothing is wrong any more.
    fn is_news(&self, outcome: &LoadOutcome) -> bool {
        let last = self.reloads.last.as_ref();
        match outcome {
            Ok(accepted) => {
                let (old, new) = (self.engine.config(), &accepted.config);
                last.is_some_and(|last| !last.accepted)
                    || new.sources != old.sources
                    || !Changes::between(old, new).is_empty()
            }
            Err(problems) => {
                last.is_none_or(|last| last.accepted || last.problems != problems.to_string())
            }
        }
    }

    fn decide(&mut self, outcome: LoadOutcome, under_way: &UnderWay, now: Moment) -> Verdict {
        let by = who(&under_way.askers);
        let decided = outcome
            .map_err(|problems| {
                self.await_mending(&problems);
                Rejected::by_problems(&problems)
            })
            .and_then(|accepted| self.commit(accepted, now));
        let seconds = self
            .world
            .now()
            .elapsed
            .saturating_sub(under_way.began)
            .as_secs_f64();
        let mut verdict = Verdict {
            at: now.wall,
            asked_by: by,
            accepted: decided.is_ok(),
            generation: self.engine.generation().0,
            summary: String::new(),
            problems: String::new(),
            problem_count: 0,
            seconds,
        };
        let effects = match decided {
            Ok(committed) => {
                verdict.summary = committed.summary;
                verdict.problem_count = committed.warnings.0.len();
                verdict.problems = committed.warnings.to_string();
                committed.effects
            }
            Err(rejected) => {
                verdict.summary = rejected.summary;
                verdict.problem_count = rejected.count;
                verdict.problems = rejected.problems;
                Vec::new()
            }
        };
        // First: no run of a generation may be on record before the generation is, or its number would be used again.
        self.keep_verdict(&verdict);
        self.perform(effects);
        verdict
    }

    fn await_mending(&mut self, problems: &Problems) {
        let broken = problems.0.iter().map(|problem| problem.path.clone());
        let config = Arc::clone(self.engine.config());
        self.world.await_mending(&config, broken.collect());
    }

    /// Acquires what can fail, then swaps.
    fn commit(&mut self, accepted: Accepted, now: Moment) -> Result<Committed, Rejected> {
        let Accepted { config, warnings } = accepted;
        let old = Arc::clone(self.engine.config());
        let changes = Changes::between(&old, &config);
        let fixed = Changes::fixed_settings(&old, &config);
        if !fixed.0.is_empty() {
            return Err(Rejected::by_problems(&fixed));
        }
        let acquired = self
            .world
            .acquire(&old, &config)
            .map_err(Rejected::by_failure)?;

        let generation = match config.sources == old.sources && changes.is_empty() {
            true => self.engine.generation(),
            false => self.engine.generation().next(),
        };
        if generation != self.engine.generation() {
            self.reloads.since = now.wall;
        }
        let config = Arc::new(config);
        let effects = self.engine.adopt(Arc::clone(&config), generation, now);
        self.world.switch(acquired, &config);
        Ok(Committed {
            summary: changes.to_string(),
            warnings,
            effects,
        })
    }
}
