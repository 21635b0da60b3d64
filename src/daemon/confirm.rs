//! A reload that somebody has to confirm: unless they do, what was in force before comes back. The next hupd, too, starts
//! by that.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::askers::Asker;
use super::origin::untrusted;
use super::reload::Of;
use super::verdict::Rejected;
use super::{Daemon, Load, World};
use crate::clock::Moment;
use crate::engine::Phase;
use crate::event::{Event, NotPromised, Reply, Sender};
use crate::protocol::{Answer, Confirmed, Refusal, RefusalKind, Unconfirmed};
use crate::store::{Kept, Receipt, Record};

/// So long after a return that failed comes the next try; each time twice as long, up to the second.
const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Something that nobody has confirmed, and what comes back in its place.
#[derive(Debug)]
pub(super) struct Trial {
    pub back_to: Kept,
    stage: Stage,
    /// Why that could not come back when it was to.
    failure: Option<String>,
    patience: Duration,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Until then, on the elapsed clock.
    Awaited(Duration),
    /// The time is over.
    ComesBack,
    /// What was confirmed is in force again. Still the next hupd must not start by the file, as long as nobody has wanted that.
    IsBack,
}

impl Trial {
    fn new(back_to: Kept, until: Duration) -> Self {
        Self {
            back_to,
            stage: Stage::Awaited(until),
            failure: None,
            patience: PATIENCE,
        }
    }

    /// At the start of a hupd.
    pub fn not_confirmed(back_to: Kept) -> Self {
        Self {
            stage: Stage::IsBack,
            ..Self::new(back_to, Duration::ZERO)
        }
    }

    /// Until when it can be confirmed, on the wall clock.
    fn confirm_by(&self, now: Moment) -> Option<Timestamp> {
        match self.stage {
            Stage::Awaited(until) => Some(now.wall + until.saturating_sub(now.elapsed)),
            Stage::ComesBack => Some(now.wall),
            Stage::IsBack => None,
        }
    }
}

impl<W: World> Daemon<W> {
    /// On the elapsed clock. Whoever stops goes back nowhere.
    pub(super) fn end_of_trial(&self) -> Option<Duration> {
        match self.reloads.trial.as_ref()?.stage {
            Stage::Awaited(until) if self.engine.phase() == Phase::Serving => Some(until),
            _ => None,
        }
    }

    pub(super) fn go_back_if_due(&mut self, now: Moment) {
        if self.end_of_trial().is_none_or(|until| until > now.elapsed) {
            return;
        }
        let generation = self.engine.generation();
        if let Some(trial) = &mut self.reloads.trial {
            trial.stage = Stage::ComesBack;
        }
        let by = format!("nobody confirmed generation {generation} in time");
        self.begin_reload(Of::Confirmed, Asker::unheard(by), now);
    }

    /// What comes back now, if anything does: meanwhile there may be more time again, or something else in force.
    pub(super) fn comes_back(&self) -> Option<&Kept> {
        let trial = self.reloads.trial.as_ref();
        let trial = trial.filter(|trial| trial.stage == Stage::ComesBack)?;
        Some(&trial.back_to)
    }

    pub(super) fn confirm(&mut self, caller: Sender, reply: Reply, now: Moment) {
        let until = self.end_of_trial().filter(|until| *until > now.elapsed);
        let (Some(_), Some(trial)) = (until, &self.reloads.trial) else {
            let refusal = Refusal::new(RefusalKind::Conflict, self.nothing_to_confirm());
            return reply.send(Answer::Refused(refusal));
        };
        let confirmed = Confirmed {
            generation: self.engine.generation().0,
            instead_of: trial.back_to.generation,
            not_recorded: None,
        };
        self.reloads.trial = None;
        let by = format!("hupctl from {caller}");
        let generation = confirmed.generation;
        log::info!(generation; "generation {generation} is confirmed, by {by}");
        self.world.write(Record::Confirmed(generation, by));
        // What comes next is promised once more: that was just taken off the record.
        self.repeat_promise();
        self.tell_status();
        self.world.certify(Receipt::new(move |on_record| {
            let not_recorded = on_record.err();
            reply.send(Answer::Confirm(Confirmed {
                not_recorded,
                ..confirmed
            }));
        }));
    }

    /// First of all it is on record what comes back: what is not could not be taken back after a crash. `promised` follows.
    pub(super) fn promise(&mut self) {
        let (outbox, history) = (self.world.outbox(), self.world.history());
        let say = move |on_record| {
            // Nobody is there any more when hupd ends.
            let _ = outbox.send(Event::Recorded(will_be_kept(on_record, &history)));
        };
        if let Some(why) = &self.store_failure {
            return say(Err(why.clone()));
        }
        let back_to = self.confirmed();
        self.world.write(Record::Unconfirmed(back_to));
        self.world.certify(Receipt::new(say));
    }

    /// Where it may be on record no more: also before there is a verdict that makes a trial of it.
    pub(super) fn repeat_promise(&mut self) {
        let is_to_come = matches!(self.reloads.of(), Some(Of::ToConfirm(_)));
        if is_to_come || self.reloads.trial.is_some() {
            let back_to = self.confirmed();
            self.world.write(Record::Unconfirmed(back_to));
        }
    }

    /// What would come back: what is in force now, unless that has to be confirmed itself.
    fn confirmed(&self) -> Kept {
        let trial = self.reloads.trial.as_ref();
        trial.map_or_else(|| self.kept(), |trial| trial.back_to.clone())
    }

    pub(super) fn promised(&mut self, kept: Result<(), NotPromised>, now: Moment) {
        match kept {
            Ok(()) => self.load(Load::Disk),
            Err(why) => self.conclude(Err(not_promised(&why)), now),
        }
    }

    /// A reload that was to be confirmed is over: where nothing has to be, the next hupd starts by the file.
    pub(super) fn withdraw(&mut self, of: Of) {
        if matches!(of, Of::ToConfirm(_)) && self.reloads.trial.is_none() {
            self.world.write(Record::NoUnconfirmed);
        }
    }

    fn nothing_to_confirm(&self) -> String {
        let generation = self.engine.generation();
        match &self.reloads.trial {
            _ if self.engine.phase() != Phase::Serving => "hupd is stopping".to_owned(),
            Some(Trial { back_to, stage, .. }) => {
                let back_to = back_to.generation;
                let what = match stage {
                    Stage::IsBack => "is back in force",
                    _ => "comes back",
                };
                format!(
                    "too late: the text of generation {back_to} {what}, for nobody confirmed what came after it in time"
                )
            }
            None => format!(
                "nothing waits to be confirmed: generation {generation} is in force for good"
            ),
        }
    }

    /// Something came into force that was this. Before it there was that.
    pub(super) fn note_trial(&mut self, of: Of, before: Kept, now: Moment) {
        match of {
            Of::ToConfirm(time) => self.try_out(before, now.elapsed + time),
            Of::Disk if self.end_of_trial().is_some() || self.comes_back().is_some() => {}
            Of::Disk => self.end_trial(),
            Of::Kept(_) => {
                if self.end_of_trial().is_some() || self.comes_back().is_some() {
                    log::info!("nothing waits to be confirmed any more: somebody has rolled back");
                }
                self.end_trial();
            }
            // The file may say by now what came back: then nothing stands against it.
            Of::Confirmed if self.reloads.brought_back.is_none() => self.end_trial(),
            Of::Confirmed => {
                if let Some(trial) = &mut self.reloads.trial {
                    trial.stage = Stage::IsBack;
                }
            }
        }
    }

    /// What comes back is on record already.
    fn try_out(&mut self, before: Kept, until: Duration) {
        let trial = self.reloads.trial.take();
        let back_to = trial.map_or(before, |trial| trial.back_to);
        if self.engine.config().sources != back_to.files {
            self.reloads.trial = Some(Trial::new(back_to, until));
        }
    }

    fn end_trial(&mut self) {
        if self.reloads.trial.take().is_some() {
            self.world.write(Record::NoUnconfirmed);
        }
    }

    /// It could not come back: it is tried again, and can be confirmed until then.
    pub(super) fn cannot_come_back(&mut self, why: &str, now: Moment) {
        if let Some(trial) = &mut self.reloads.trial {
            trial.stage = Stage::Awaited(now.elapsed + trial.patience);
            trial.patience = (trial.patience * 2).min(LONGEST_PATIENCE);
            trial.failure = Some(why.to_owned());
        }
    }

    /// hupd ends, and what it was to load will not come.
    pub(super) fn drop_promise(&mut self) {
        if let Some(of) = self.reloads.of() {
            self.withdraw(of);
        }
    }

    /// hupd ends.
    pub(super) fn warn_of_unconfirmed(&self) {
        let trial = self.reloads.trial.as_ref();
        if let Some(trial) = trial.filter(|trial| trial.stage != Stage::IsBack) {
            let (generation, back_to) = (self.engine.generation(), trial.back_to.generation);
            log::warn!(
                "generation {generation} was not confirmed: the next hupd starts by the text of generation {back_to}"
            );
        }
    }

    pub(super) fn unconfirmed(&self, now: Moment) -> Option<Unconfirmed> {
        let trial = self.reloads.trial.as_ref()?;
        Some(Unconfirmed {
            confirm_by: trial.confirm_by(now)?,
            back_to: trial.back_to.generation,
            failure: trial.failure.clone(),
        })
    }
}

/// Whether a start will find what is on record there and take it. By whoever writes the store: to look whose the files are
/// may take its time.
fn will_be_kept(on_record: Result<(), String>, history: &Path) -> Result<(), NotPromised> {
    on_record.map_err(NotPromised::Unwritten)?;
    untrusted(history).map_or(Ok(()), |why| Err(NotPromised::Untrusted(why)))
}

fn not_promised(why: &NotPromised) -> Rejected {
    let (what, why, until) = match why {
        NotPromised::Unwritten(why) => (
            "the history cannot be written",
            why,
            "make room or mend that, until 'hupctl status' has no line HISTORY LOST any more;",
        ),
        NotPromised::Untrusted(why) => {
            ("a start takes nothing from the history", why, "mend that,")
        }
    };
    let refused = Rejected::by_failure(format!(
        "{what}, so that a crash would keep what nobody has confirmed: {why}"
    ));
    Rejected {
        problems: format!(
            "{}  help: {until} or reload without --confirm\n",
            refused.problems
        ),
        is_unread: true,
        ..refused
    }
}

/// As a log has it: nobody needs fractions of a second.
pub(super) fn to_the_second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
