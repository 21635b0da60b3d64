//! The reload: load, acquire what can fail, commit in one step that cannot, release. Whoever asked gets
//! the verdict.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::askers::{Asker, are_for_news_only, deliver, refuse_all, who};
use super::confirm::Trial;
use super::rollback::BroughtBack;
use super::slow::Progress;
use super::spent::Parts;
use super::verdict::Rejected;
use super::{Daemon, Load, Notice, World};
use crate::clock::Moment;
use crate::config::{Compared, Config, Problems};
use crate::engine::{Effect, Phase};
use crate::event::Loaded;
use crate::protocol::{Earlier, Verdict, Watching};
use crate::store::Receipt;

/// The reload under way, and the verdict of the last one.
#[derive(Debug)]
pub struct Reloads {
    pub(super) under_way: Option<UnderWay>,
    pub last: Option<Verdict>,
    /// What was wrong with the file on disk when a verdict on it was the last one, if anything was.
    pub(super) wrong_on_disk: Option<String>,
    /// When hupd started with a file that was not valid, and it has not been found right since.
    pub(super) degraded_since: Option<jiff::Timestamp>,
    /// When the generation in force was accepted.
    pub since: jiff::Timestamp,
    /// What was brought back, while it is in force.
    pub(super) brought_back: Option<BroughtBack>,
    pub(super) trial: Option<Trial>,
    /// How well changes of the files are seen, while they are watched.
    pub(super) watching: Watching,
}

/// What a configuration that is in force now brings with it.
#[derive(Debug)]
pub(super) struct Committed {
    pub summary: String,
    pub warnings: Problems,
    pub effects: Vec<Effect>,
}

/// A reload that somebody wants.
#[derive(Debug)]
pub(super) struct Wish {
    pub askers: Vec<Asker>,
    pub of: Of,
}

/// What is to come into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Disk,
    /// The same, and somebody has to confirm it within that time.
    ToConfirm(Duration),
    Kept(Earlier),
    /// What nobody has confirmed goes, and what was there before comes.
    Confirmed,
}

impl Of {
    fn is_of_disk(self) -> bool {
        matches!(self, Self::Disk | Self::ToConfirm(_))
    }
}

#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) wish: Wish,
    /// The generation whose kept text is being loaded, if it is not the disk.
    pub(super) text_of: Option<u64>,
    /// There is no such text: nothing is tried, and no more is known of it than an answer says.
    pub(super) is_of_nothing: bool,
    /// What was wanted since, in that order: of all that want the disk in a row exactly one reload follows.
    again: VecDeque<Wish>,
    pub(super) began: Duration,
    pub(super) progress: Progress,
    pub(super) parts: Parts,
}

impl Reloads {
    pub fn none_yet(since: jiff::Timestamp) -> Self {
        Self {
            under_way: None,
            last: None,
            wrong_on_disk: None,
            degraded_since: None,
            since,
            brought_back: None,
            trial: None,
            watching: Watching::Beginning,
        }
    }

    pub(super) fn under_way(&mut self) -> Option<&mut UnderWay> {
        self.under_way.as_mut()
    }

    /// What is to come into force by the one under way.
    pub(super) fn of(&self) -> Option<Of> {
        self.under_way.as_ref().map(|under_way| under_way.wish.of)
    }

    /// What the disk has said, where that could be taken and something else is in force in its place.
    fn on_disk(&self) -> Option<Arc<Config>> {
        self.brought_back.as_ref()?.instead_of.clone()
    }

    /// The generation whose text is in force in place of the file on disk.
    pub(super) fn text_of(&self) -> Option<u64> {
        self.brought_back.as_ref().map(|back| back.text_of)
    }
}

impl<W: World> Daemon<W> {
    /// One path for HUP, `hupctl reload`, changed files, and what is brought back.
    pub(super) fn begin_reload(&mut self, of: Of, asker: Asker, now: Moment) {
        let Some(under_way) = &mut self.reloads.under_way else {
            let askers = vec![asker];
            return self.load_for(Wish { askers, of }, VecDeque::new(), now);
        };
        match under_way.again.back_mut() {
            Some(last) if (last.of, of) == (Of::Disk, Of::Disk) => {
                // A storm of signals from one sender is one wish.
                if !last.askers.iter().any(|known| asker.repeats(known)) {
                    last.askers.push(asker);
                }
            }
            _ => under_way.again.push_back(Wish {
                askers: vec![asker],
                of,
            }),
        }
    }

    fn load_for(&mut self, wish: Wish, again: VecDeque<Wish>, now: Moment) {
        if are_for_news_only(&wish.askers) {
            log::debug!("the files changed, reading them again");
        } else {
            log::info!("reloading: {}", who(&wish.askers));
            self.world.notify(Notice::Reloading(now));
        }
        let (of, mut text_of) = (wish.of, None);
        match of {
            Of::Disk => self.load(Load::Disk),
            Of::ToConfirm(_) => self.promise(),
            Of::Kept(earlier) => self.fetch(earlier),
            Of::Confirmed => {
                let back_to = self.comes_back().expect("only what is wanted is loaded");
                let files = back_to.files.clone();
                text_of = Some(back_to.generation);
                self.load(Load::Kept(files));
            }
        }
        self.reloads.under_way = Some(UnderWay {
            wish,
            text_of,
            is_of_nothing: false,
            again,
            began: now.elapsed,
            progress: Progress::begin(of, now.wall),
            parts: Parts::default(),
        });
    }

    /// It is compared with what is in force now: nothing else comes into force before it is there.
    pub(super) fn load(&mut self, what: Load) {
        let in_force = Arc::clone(self.engine.config());
        self.awaits_reader();
        self.world.load(what, in_force);
    }

    /// The files of the configuration changed. Content decides: see `is_news`.
    pub(super) fn files_changed(&mut self, now: Moment) {
        if self.engine.phase() == Phase::Serving {
            self.begin_reload(Of::Disk, Asker::changed_files(), now);
        }
    }

    /// The loader is done: commit or refuse, tell everybody, and begin the next one if it is wanted.
    pub(super) fn loaded(&mut self, loaded: Loaded, now: Moment) {
        if let Some(under_way) = self.reloads.under_way() {
            under_way.parts = Parts::of(&loaded);
        }
        let outcome = loaded.outcome;
        let outcome = outcome.map_err(|problems| Rejected::by_problems(&problems));
        self.conclude(outcome, now);
    }

    pub(super) fn conclude(&mut self, loaded: Result<Compared, Rejected>, now: Moment) {
        let Some(mut under_way) = self.reloads.under_way.take() else {
            return;
        };
        let mut again = std::mem::take(&mut under_way.again);
        if self.engine.phase() != Phase::Serving {
            self.withdraw(under_way.wish.of);
            let later = again.into_iter().flat_map(|wish| wish.askers);
            return refuse_all(under_way.wish.askers.into_iter().chain(later));
        }
        if are_for_news_only(&under_way.wish.askers) && !self.is_news(&loaded) {
            log::debug!("the files say what they said before: no reload");
            // There may be another folder to look for files in.
            if let Ok(compared) = loaded {
                self.world.watch_also(&compared.config, Vec::new());
                self.world.let_go(compared.config);
            }
        } else {
            let verdict = self.decide(loaded, &under_way, now);
            // First: what is announced as the state of things is this verdict, not the one before.
            if !under_way.is_of_nothing {
                self.reloads.last = Some(verdict.clone());
            }
            self.announce(&verdict);
            self.deliver(under_way.wish, verdict);
        }
        while let Some(wish) = again.pop_front() {
            if wish.of != Of::Confirmed || self.comes_back().is_some() {
                return self.load_for(wish, again, now);
            }
        }
    }

    /// Whoever hears of what has to be confirmed will find it on record, even if hupd is killed at that moment.
    fn deliver(&mut self, wish: Wish, verdict: Verdict) {
        match wish.of {
            Of::ToConfirm(_) => {
                let say = move |_| deliver(wish.askers, &verdict);
                self.world.certify(Receipt::new(say));
            }
            _ => deliver(wish.askers, &verdict),
        }
    }

    /// Whether the files say something else than at the last verdict on them. The way back from a refused file to
    /// the one in force is news too: nothing is wrong any more. What somebody has rolled back is no news.
    fn is_news(&self, loaded: &Result<Compared, Rejected>) -> bool {
        let wrong = self.reloads.wrong_on_disk.as_ref();
        match loaded {
            Ok(compared) => {
                // What the disk has said, which is not in force while something else was brought back.
                let back = self.reloads.brought_back.as_ref();
                let old = back.map_or(Some(self.engine.config()), |back| back.instead_of.as_ref());
                let (Some(old), new) = (old, &compared.config) else {
                    return true;
                };
                if back.is_some() {
                    return new.sources != old.sources;
                }
                wrong.is_some() || new.sources != old.sources || !compared.changes.is_empty()
            }
            Err(rejected) => wrong != Some(&rejected.problems),
        }
    }

    fn decide(
        &mut self,
        loaded: Result<Compared, Rejected>,
        under_way: &UnderWay,
        now: Moment,
    ) -> Verdict {
        let (of, text_of) = (under_way.wish.of, under_way.text_of);
        let old = Arc::clone(self.engine.config());
        let on_disk = self.reloads.on_disk();
        let broken = loaded.as_ref().err().filter(|it| !it.broken.is_empty());
        if let Some(rejected) = broken.filter(|_| of.is_of_disk()) {
            // They may be others than those in force: a new file that is included, say.
            let mut more = rejected.broken.clone();
            more.extend(on_disk.iter().flat_map(|it| it.watched_files()));
            self.world.watch_also(&old, more);
        }
        let (before, began) = (self.kept(), self.world.now().elapsed);
        let decided = loaded.and_then(|compared| self.commit(compared, now));
        let parts = under_way.parts.with_commit(self.elapsed_since(began));
        let decided = decided.map_err(|rejected| rejected.of_text(text_of));
        match &decided {
            Ok(_) => {
                self.note_origin((text_of, of), Arc::clone(&old));
                self.note_trial(of, before, now);
            }
            Err(rejected) if of == Of::Confirmed => {
                self.cannot_come_back(&rejected.summary, now);
            }
            Err(_) => {}
        }
        self.withdraw(of);
        let rejected = decided.as_ref().err();
        if of.is_of_disk() && !rejected.is_some_and(|rejected| rejected.is_unread) {
            self.reloads.note_disk(rejected);
        }
        let (mut verdict, effects) = self.verdict_on(under_way, decided, now);
        // First: no run of a generation may be on record before the generation is, or its number would be used again.
        if !under_way.is_of_nothing {
            self.keep_verdict(&verdict);
        }
        self.perform(effects);
        for config in [Some(old), on_disk].into_iter().flatten() {
            self.world.let_go(config);
        }
        verdict.spent = Some(self.spent(parts, now));
        verdict
    }

    /// Acquires what can fail, then swaps.
    fn commit(&mut self, mut compared: Compared, now: Moment) -> Result<Committed, Rejected> {
        let old = Arc::clone(self.engine.config());
        let acquired = match compared.fixed.is_empty() {
            true => self
                .world
                .acquire(&old, &compared.config)
                .map_err(Rejected::by_failure),
            false => Err(Rejected::by_problems(&compared.fixed)),
        };
        let acquired = match acquired {
            Ok(acquired) => acquired,
            Err(rejected) => {
                self.world.let_go(Arc::new(compared));
                return Err(rejected);
            }
        };

        let is_same = compared.config.sources == old.sources && compared.changes.is_empty();
        let generation = match is_same {
            true => self.engine.generation(),
            false => self.engine.generation().next(),
        };
        if generation != self.engine.generation() {
            self.reloads.since = now.wall;
        }
        let effects = self.engine.adopt(&compared, generation, now);
        self.world.switch(acquired, &compared.config);
        self.watching_begins();
        let summary = compared.changes.to_string();
        let warnings = std::mem::take(&mut compared.warnings);
        // With the names of all jobs that differ.
        self.world.let_go(Arc::new(compared));
        Ok(Committed {
            summary,
            warnings,
            effects,
        })
    }
}
