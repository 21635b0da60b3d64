//! The reload: load, acquire what can fail, commit in one step that cannot, release. Whoever asked gets
//! the verdict.

use std::sync::Arc;
use std::time::Duration;

use super::{Daemon, start};
use crate::clock::Moment;
use crate::config::{Accepted, Changes, Config, LoadOutcome, Problems, counted};
use crate::engine::Phase;
use crate::event::Reply;
use crate::logging;
use crate::protocol::{Answer, Refusal, RefusalKind, Verdict};
use crate::system::limits;
use crate::system::watch::{ConfigWatch, WatchError};

/// Who wants a reload, and what becomes of the verdict.
#[derive(Debug)]
pub struct Asker {
    by: String,
    wants: Wants,
}

#[derive(Debug)]
enum Wants {
    /// The verdict in the log and for the service manager.
    Verdict,
    /// The same, and an answer.
    Answer(Reply),
    /// The same as a signal, but only if the files say something else than before: a file that was merely
    /// touched is no reload.
    News,
}

impl Asker {
    pub fn unheard(by: String) -> Self {
        let wants = Wants::Verdict;
        Self { by, wants }
    }

    pub fn waiting(by: String, reply: Reply) -> Self {
        let wants = Wants::Answer(reply);
        Self { by, wants }
    }

    /// Nobody asked: the files changed.
    pub fn changed_files() -> Self {
        Self {
            by: "the files changed".to_owned(),
            wants: Wants::News,
        }
    }

    fn repeats(&self, known: &Self) -> bool {
        self.by == known.by && !matches!(self.wants, Wants::Answer(_))
    }

    fn into_reply(self) -> Option<Reply> {
        match self.wants {
            Wants::Answer(reply) => Some(reply),
            Wants::Verdict | Wants::News => None,
        }
    }
}

/// The reload under way, and the verdict of the last one.
#[derive(Debug)]
pub struct Reloads {
    under_way: Option<UnderWay>,
    pub last: Option<Verdict>,
    /// When the generation in force was accepted.
    pub since: jiff::Timestamp,
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

/// Why a loaded configuration does not come into force.
struct Rejected {
    summary: String,
    problems: String,
    count: usize,
}

impl Daemon {
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
            self.parts.notifier.reloading(now);
        }
        self.parts.loader.load();
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
            return refuse_all(under_way);
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
        let seconds = Moment::now()
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
        match decided {
            Ok((summary, warnings)) => {
                verdict.summary = summary;
                verdict.problem_count = warnings.0.len();
                verdict.problems = warnings.to_string();
            }
            Err(rejected) => {
                verdict.summary = rejected.summary;
                verdict.problem_count = rejected.count;
                verdict.problems = rejected.problems;
            }
        }
        self.keep_verdict(&verdict);
        verdict
    }

    /// The files to mend may be others than those in force: a new file that is included, say.
    fn await_mending(&mut self, problems: &Problems) {
        let Some(watch) = &mut self.parts.watch else {
            return;
        };
        let mut files = self.engine.config().watched_files();
        let broken = problems.0.iter().map(|problem| problem.path.clone());
        files.extend(broken);
        match watch.follow(&files) {
            Ok(()) => start::look_again(&self.inbox),
            Err(error) => log::warn!("{error}; changes there go unseen until the next reload"),
        }
    }

    fn keep_verdict(&mut self, verdict: &Verdict) {
        let sources = match verdict.accepted {
            true => self.engine.config().sources.clone(),
            false => Vec::new(),
        };
        self.parts.store.verdict(verdict.clone(), sources);
    }

    /// Acquires what can fail, then swaps. Gives the summary and the warnings.
    fn commit(&mut self, accepted: Accepted, now: Moment) -> Result<(String, Problems), Rejected> {
        let Accepted { config, warnings } = accepted;
        let old = Arc::clone(self.engine.config());
        let changes = Changes::between(&old, &config);
        let fixed = Changes::fixed_settings(&old, &config);
        if !fixed.0.is_empty() {
            return Err(Rejected::by_problems(&fixed));
        }
        let log = logging::prepare(&config.log, self.began.log_level.as_deref())
            .map_err(Rejected::by_failure)?;
        let watch = self.acquire_watch(&config).map_err(Rejected::by_failure)?;

        let generation = match config.sources == old.sources && changes.is_empty() {
            true => self.engine.generation(),
            false => self.engine.generation().next(),
        };
        if generation != self.engine.generation() {
            self.reloads.since = now.wall;
        }
        if let Err(warning) = limits::raise_open_files(config.daemon.max_running) {
            log::warn!("{warning}");
        }
        let effects = self.engine.adopt(Arc::new(config), generation, now);
        self.perform(effects);
        self.parts.logging.switch(log);
        self.parts.watch = watch;
        self.parts.store.keep(self.engine.config().history.clone());
        self.parts.locks.restore();
        Ok((changes.to_string(), warnings))
    }

    /// The watch that `config` wants. One that exists is kept, with what it has noticed already.
    fn acquire_watch(&mut self, config: &Config) -> Result<Option<ConfigWatch>, WatchError> {
        if !config.daemon.watch_config {
            return Ok(None);
        }
        let Some(mut watch) = self.parts.watch.take() else {
            return start::watch(config, &self.inbox);
        };
        let files = config.watched_files();
        match watch.follow(&files) {
            Ok(()) => {
                if files != self.engine.config().watched_files() {
                    start::look_again(&self.inbox);
                }
                Ok(Some(watch))
            }
            Err(error) => {
                self.parts.watch = Some(watch);
                Err(error)
            }
        }
    }

    fn announce(&mut self, verdict: &Verdict) {
        let Verdict {
            generation,
            summary,
            asked_by,
            seconds,
            ..
        } = verdict;
        if verdict.accepted {
            for line in lines(&verdict.problems) {
                log::warn!("{line}");
            }
            log::info!(generation, seconds:% = format_args!("{seconds:.3}"); "reload accepted, {asked_by}: {summary}");
        } else {
            for line in lines(&verdict.problems) {
                log::error!("{line}");
            }
            log::error!(
                generation, seconds:% = format_args!("{seconds:.3}");
                "reload refused, {asked_by}: {summary}; generation {generation} goes on unchanged"
            );
        }
        self.parts.notifier.ready(&self.status_text());
    }

    /// What `systemctl status` shows.
    pub(super) fn status_text(&self) -> String {
        let generation = self.engine.generation();
        let jobs = counted(self.engine.config().jobs.len(), "job");
        let serving = format!("generation {generation}, {jobs}");
        match &self.reloads.last {
            None => serving,
            Some(last) if last.accepted => format!("{serving}; last reload: {}", last.summary),
            Some(last) => format!("{serving}; last reload refused: {}", last.summary),
        }
    }
}

impl Rejected {
    fn by_problems(problems: &Problems) -> Self {
        Self {
            summary: problems.summary(),
            problems: problems.to_string(),
            count: problems.0.len(),
        }
    }

    fn by_failure(failure: impl ToString) -> Self {
        let failure = failure.to_string();
        Self {
            summary: failure.clone(),
            problems: format!("error: {failure}\n"),
            count: 1,
        }
    }
}

/// As a log has them: each line has its own head, an empty one would be nothing but that.
fn lines(problems: &str) -> impl Iterator<Item = &str> {
    problems.lines().filter(|line| !line.is_empty())
}

fn are_for_news_only(askers: &[Asker]) -> bool {
    askers
        .iter()
        .all(|asker| matches!(asker.wants, Wants::News))
}

/// Everybody who asked, each named once.
fn who(askers: &[Asker]) -> String {
    let first = askers.first().map_or("nobody", |asker| asker.by.as_str());
    match askers.len() {
        0 | 1 => first.to_owned(),
        more => format!("{first} and {} more", more - 1),
    }
}

fn deliver(askers: Vec<Asker>, verdict: &Verdict) {
    for reply in askers.into_iter().filter_map(Asker::into_reply) {
        reply.send(Answer::Reload(verdict.clone()));
    }
}

fn refuse_all(under_way: UnderWay) {
    log::info!("the reload is dropped: hupd is stopping");
    for asker in under_way.askers.into_iter().chain(under_way.again) {
        if let Some(reply) = asker.into_reply() {
            let refusal = Refusal::new(RefusalKind::Conflict, "hupd is stopping");
            reply.send(Answer::Refused(refusal));
        }
    }
}
