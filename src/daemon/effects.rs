//! Performs what the engine decided, and says it in the log.

use std::time::Duration;

use crate::clock::Moment;
use crate::engine::{Effect, Lack, Run, Send, Start};
use crate::event::{ClaimVerdict, Claimed, Ended, Gone, HeldUp, NoStart, Started};
use crate::ledger::{Claim, Entry, Fate, Loss, Pause, RunEnd};
use crate::protocol::NoStarters;
use crate::run::{JobName, Outcome, RunId, StopReason};
use crate::store::Record;
use crate::system::spawn::SpawnOrder;

use super::{Daemon, World};

impl<W: World> Daemon<W> {
    /// Claims that come together are written together; that all is decided is written when it is.
    pub(super) fn perform(&mut self, effects: Vec<Effect>) {
        let (mut claims, mut decided) = (Vec::new(), None);
        for effect in effects {
            match effect {
                Effect::Claim(claim) => claims.push(claim),
                Effect::RecordDecided(time) => decided = Some(time),
                other => self.perform_one(other),
            }
        }
        self.claim(claims);
        if let Some(time) = decided {
            self.world.write(Record::Decided(time));
        }
    }

    fn perform_one(&mut self, effect: Effect) {
        match effect {
            Effect::Claim(claim) => self.claim(vec![claim]),
            Effect::Start(start) => self.start_process(start),
            Effect::GiveUpStart { job, run } => self.give_up_start(&job, run),
            Effect::Signal(send) => self.send_signal(&send),
            Effect::Record(entry) => self.record(entry),
            Effect::RecordStart(start) => self.world.write(Record::Start(start)),
            Effect::RecordEnd { job, end } => self.record_end(&job, end),
            Effect::RecordLoss { job, loss } => self.record_loss(&job, loss),
            Effect::RecordNote { job, run, note } => self.record_note(&job, run, note),
            Effect::RecordHangup { job, run, note } => self.record_hangup(&job, run, note),
            Effect::RecordFailed { job, failed } => self.record_failed(&job, failed),
            Effect::ClaimAttempt(next) => self.world.write(Record::NextAttempt(next)),
            Effect::EndRest { job, end, note } => self.end_rest(&job, end, note),
            Effect::PutOff { job, run } => self.put_off(&job, run),
            Effect::RecordAnchor(anchor) => self.world.write(Record::Anchor(anchor)),
            Effect::ForgetAnchor(job) => self.world.write(Record::NoAnchor(job)),
            Effect::RecordTiming(job, timing) => self.world.write(Record::Timing(job, timing)),
            Effect::RecordPause(pause) => self.record_pause(pause),
            Effect::ForgetPause(job) => self.forget_pause(job),
            Effect::RecordDecided(time) => self.world.write(Record::Decided(time)),
        }
    }

    fn claim(&mut self, claims: Vec<Claim>) {
        for claim in claims {
            self.world.write(Record::Claim(claim));
        }
    }

    fn start_process(&mut self, start: Start) {
        // Before there is a process: what it writes may not be kept.
        for listener in self.followers.of(start.run) {
            self.world.follow(start.run, listener.clone());
        }
        let config = self.engine.config();
        self.world.spawn(SpawnOrder {
            run: start.run,
            job: start.job,
            occurrence: start.occurrence,
            attempt: start.attempt,
            generation: start.generation,
            keep_output: config.history.output,
            state_dir: self.world.history(),
        });
    }

    fn give_up_start(&mut self, job: &JobName, run: RunId) {
        log::warn!(job:%, run:%; "its start takes too long and is given up");
        self.world.give_up_start(run);
    }

    fn send_signal(&mut self, send: &Send) {
        let why = match send.why {
            StopReason::TimeLimit => "its time limit is over".to_owned(),
            StopReason::Request => "somebody asked for it".to_owned(),
            StopReason::Shutdown => "hupd is stopping".to_owned(),
            StopReason::ReplacedBy(run) => {
                format!("run {run} takes its place (overlap = \"replace\")")
            }
            StopReason::Orphan => "an earlier hupd left it running (orphans = \"kill\")".to_owned(),
            StopReason::Configuration => "the configuration does not want it".to_owned(),
        };
        log::warn!(
            job:% = send.job, run:% = send.run, signal:% = send.signal;
            "signalling the run and its process group: {why}"
        );
        self.world.signal(send.run, send.signal);
    }

    fn record(&mut self, entry: Entry) {
        let occurrence = &entry.occurrence;
        let (job, instant) = (&occurrence.job, occurrence.instant);
        match entry.fate {
            Fate::Waiting => log::info!(job:%, instant:%; "run waits: {}", entry.reason),
            Fate::Skipped => log::warn!(job:%, instant:%; "run skipped: {}", entry.reason),
            Fate::Replaced => log::warn!(job:%, instant:%; "run replaced: {}", entry.reason),
            Fate::Missed => log::warn!(job:%, instant:%; "run missed: {}", entry.reason),
        }
        if entry.fate != Fate::Waiting {
            self.waiters.skipped(occurrence, &entry.reason);
            self.followers.skipped(occurrence, &entry.reason);
        }
        self.world.write(Record::Entry(entry));
    }

    fn record_pause(&mut self, pause: Pause) {
        let until = pause.until.map(|until| format!(" until {until}"));
        let until = until.unwrap_or_default();
        log::info!(job:% = pause.job; "{pause}{until}");
        self.world.write(Record::Pause(pause));
    }

    fn forget_pause(&mut self, job: JobName) {
        log::info!(job:%; "the job is not paused any more");
        self.world.write(Record::NoPause(job));
    }

    fn record_end(&mut self, job: &JobName, end: RunEnd) {
        log_end(job, &end);
        self.waiters.ended(&end);
        self.followers.ended(&end);
        self.world.write(Record::End(end));
    }

    fn record_loss(&mut self, job: &JobName, loss: Loss) {
        log::warn!(job:%, run:% = loss.run; "run lost: {}", loss.note);
        self.followers.lost(&loss);
        self.world.write(Record::Loss(loss));
    }

    fn record_note(&mut self, job: &JobName, run: RunId, note: String) {
        log::warn!(job:%, run:%; "run goes on: {note}");
        self.world.write(Record::Note(run, note));
    }

    fn record_hangup(&mut self, job: &JobName, run: RunId, note: String) {
        log::warn!(job:%, run:%; "run ended by HUP: {note}");
        self.world.write(Record::Note(run, note));
    }

    pub(super) fn claimed(&mut self, verdicts: &[ClaimVerdict], now: Moment) {
        let is_refused = |verdict: &&ClaimVerdict| verdict.claimed == Claimed::AlreadyThere;
        let refused = verdicts.iter().filter(is_refused);
        let refused: Vec<_> = refused
            .filter_map(|verdict| self.engine.run(verdict.run).cloned())
            .collect();
        let effects = self.engine.claimed(verdicts, now);
        let granted = verdicts.iter().filter(|verdict| !is_refused(verdict));
        granted.for_each(|verdict| self.waiters.claimed(verdict.run, now));
        for run in refused {
            if self.engine.run(run.id).is_none() {
                self.say_already_there(&run);
            }
        }
        self.perform(effects);
    }

    fn say_already_there(&mut self, run: &Run) {
        let (job, instant) = (&run.occurrence.job, run.occurrence.instant);
        log::info!(job:%, instant:%; "not started: the ledger has this occurrence already");
        let why = "the ledger has this occurrence already";
        self.waiters.refused(run.id, why);
        self.followers.refused(run.id, why);
    }

    pub(super) fn started(&mut self, started: &Started, now: Moment) {
        let was_short = self.engine.is_short();
        let effects = self.engine.started(started, now);
        if was_short && !self.engine.is_short() {
            log::info!(run:% = started.run; "no run waits for a process any more");
        }
        self.waiters.started(started);
        self.followers.started(started);
        self.perform(effects);
    }

    pub(super) fn could_not_start(&mut self, run: RunId, why: NoStart, now: Moment) {
        let was_short = self.engine.is_short();
        let effects = self.engine.could_not_start(run, why, now);
        let lack = self.engine.run(run).and_then(|run| run.lack.as_deref());
        if let Some(Lack { reason, .. }) = lack.filter(|_| !was_short) {
            log::warn!(run:%; "runs cannot start at the moment: {reason}; each waits and is tried again");
        }
        self.perform(effects);
        if self.engine.run(run).is_some() {
            self.waiters.held_up(run);
        }
    }

    /// Nothing is left of a start that was given up.
    pub(super) fn start_came_back(&mut self, run: RunId, now: Moment) {
        log::info!(run:%; "its start, which was given up, has come back");
        let effects = self.engine.start_came_back(run, now);
        self.perform(effects);
    }

    pub(super) fn held_up(&mut self, held_up: Option<HeldUp>, now: Moment) {
        match &held_up {
            Some(HeldUp { starters, no_more }) => {
                let no_more = no_more.as_ref();
                let no_more = no_more.map(|error| format!(", and another cannot be had: {error}"));
                let no_more = no_more.unwrap_or_default();
                log::error!(
                    "no run can start: all {starters} threads that start runs are held up by starts that hang{no_more}; \
                     what waits starts when one of them has come back"
                );
            }
            None => log::info!("runs can start again: none waits for a thread any more"),
        }
        self.no_starters = held_up.map(|held_up| NoStarters {
            since: now.wall,
            starters: held_up.starters,
            no_more: held_up.no_more,
        });
    }

    pub(super) fn ended(&mut self, ended: Ended, now: Moment) {
        let effects = self.engine.run_ended(ended, now);
        self.perform(effects);
    }

    pub(super) fn gone(&mut self, gone: Gone, now: Moment) {
        let effects = self.engine.run_gone(gone, now);
        self.perform(effects);
    }
}

/// A run that never was has no duration and no output.
fn log_end(job: &JobName, end: &RunEnd) {
    let (outcome, run) = (&end.outcome, end.run);
    if let Outcome::CouldNotStart(_) = outcome {
        return log::warn!(job:%, run:%; "run {outcome}");
    }
    let level = match end.success {
        true => log::Level::Info,
        false => log::Level::Warn,
    };
    let seconds = milliseconds(end.duration);
    let (cpu_seconds, output_bytes) = (milliseconds(end.usage.cpu), end.output.total);
    log::log!(level, job:%, run:%, seconds, cpu_seconds, output_bytes; "run ended: {outcome}");
}

/// In seconds, and no finer: more digits say nothing to whoever reads a log.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1e3
}
