//! What is kept of an earlier generation comes back into force, by the path of every reload.

use std::path::Path;
use std::sync::Arc;

use super::origin::untrusted;
use super::reload::Of;
use super::verdict::Rejected;
use super::{Daemon, Load, World};
use crate::clock::Moment;
use crate::config::{Config, SourceFile};
use crate::event::{Event, Reply};
use crate::protocol::{Answer, Because, Earlier, GenerationDetails, Refusal, RefusalKind};
use crate::store::{Kept, Question};

/// What is in force in place of the file on disk.
#[derive(Debug)]
pub(super) struct BroughtBack {
    /// The generation whose text it is.
    pub text_of: u64,
    pub because: Because,
    /// What the disk had said, where that could be taken: as long as it says that, nothing is new there.
    pub instead_of: Option<Arc<Config>>,
}

impl<W: World> Daemon<W> {
    /// Asks the store for the files; `Fetched` follows.
    pub(super) fn fetch(&mut self, earlier: Earlier) {
        // What was accepted since is not on record: another one than that before this would come.
        if self.store_failure.is_some() && earlier == Earlier::Before {
            let refusal = Refusal::new(
                RefusalKind::Conflict,
                "the history cannot be written, and so it does not say what was in force before: name a generation that \
                 'hupctl generations' shows, as 'hupctl rollback 3'",
            );
            let outbox = self.world.outbox();
            let _ = outbox.send(Event::Fetched(Box::new(Answer::Refused(refusal))));
            return;
        }
        let outbox = self.world.outbox();
        let history = self.world.history();
        let deliver = move |answer| {
            let answer = trusted(answer, &history);
            // Nobody is there any more when hupd ends.
            let _ = outbox.send(Event::Fetched(Box::new(answer)));
        };
        // Or no reload would ever be over.
        let lost = Refusal::new(RefusalKind::Failed, "the history gave no answer");
        let reply = Reply::always(deliver, Answer::Refused(lost));
        let standing = self.standing();
        let question = Question::ShowGeneration(earlier, standing, reply);
        self.world.ask(question);
    }

    pub(super) fn fetched(&mut self, answer: Answer, now: Moment) {
        let details = match answer {
            Answer::ShowGeneration(details) => details,
            Answer::Refused(refusal) => {
                if let Some(under_way) = self.reloads.under_way() {
                    // A text that is there and is not to be trusted is another matter.
                    under_way.is_of_nothing = refusal.kind != RefusalKind::NotAllowed;
                }
                return self.conclude(Err(Rejected::by_failure(refusal.message)), now);
            }
            other => unreachable!("the store answers about a generation, not {other:?}"),
        };
        if let Some(under_way) = self.reloads.under_way() {
            under_way.text_of = Some(details.row.verdict.generation);
            self.load(Load::Kept(sources(*details)));
        }
    }

    /// Where what is in force now comes from.
    pub(super) fn note_origin(&mut self, (text_of, of): (Option<u64>, Of), old: Arc<Config>) {
        let before = self.reloads.brought_back.take();
        let is_as_before = self.engine.config().sources == old.sources;
        let brought_back = match (text_of, before) {
            (None, _) => None,
            // To bring back what is there changes nothing, nor where it is from.
            (Some(_), before) if is_as_before => before,
            (Some(text_of), before) => Some(BroughtBack {
                text_of,
                because: match of {
                    Of::Confirmed => Because::NotConfirmed,
                    _ => Because::RolledBack,
                },
                instead_of: before.map_or(Some(old), |before| before.instead_of),
            }),
        };
        // There and back again: the disk says just that.
        let sources = &self.engine.config().sources;
        let says_the_same = |back: &BroughtBack| {
            let on_disk = back.instead_of.as_ref();
            on_disk.is_some_and(|on_disk| on_disk.sources == *sources)
        };
        self.reloads.brought_back = brought_back.filter(|back| !says_the_same(back));
        self.follow_the_disk();
    }

    /// What the disk includes may be nothing to what is in force in its place.
    fn follow_the_disk(&mut self) {
        let back = self.reloads.brought_back.as_ref();
        if let Some(disk) = back.and_then(|back| back.instead_of.clone()) {
            let config = Arc::clone(self.engine.config());
            self.world.watch_also(&config, disk.watched_files());
        }
    }

    /// What is in force now, to be kept.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            generation: self.engine.generation().0,
            files: self.engine.config().sources.clone(),
        }
    }
}

/// By whoever reads the store: to look whose the files are may take its time.
fn trusted(answer: Answer, history: &Path) -> Answer {
    match untrusted(history) {
        Some(why) if matches!(answer, Answer::ShowGeneration(_)) => {
            Answer::Refused(Refusal::new(RefusalKind::NotAllowed, why))
        }
        _ => answer,
    }
}

fn sources(details: GenerationDetails) -> Vec<SourceFile> {
    let files = details.files.into_iter();
    files
        .map(|file| SourceFile {
            path: file.path,
            text: file.text.into(),
        })
        .collect()
}
