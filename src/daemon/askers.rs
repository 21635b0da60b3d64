//! Who wants a reload, and what they are told.

use crate::event::Reply;
use crate::protocol::{Answer, Refusal, RefusalKind, Verdict};

/// Who wants a reload, and what becomes of the verdict.
#[derive(Debug)]
pub struct Asker {
    by: String,
    wants: Wants,
}

#[derive(Debug)]
pub(super) enum Wants {
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

    pub(super) fn repeats(&self, known: &Self) -> bool {
        self.by == known.by && !matches!(self.wants, Wants::Answer(_))
    }

    fn into_reply(self) -> Option<Reply> {
        match self.wants {
            Wants::Answer(reply) => Some(reply),
            Wants::Verdict | Wants::News => None,
        }
    }
}

pub(super) fn are_for_news_only(askers: &[Asker]) -> bool {
    askers
        .iter()
        .all(|asker| matches!(asker.wants, Wants::News))
}

/// Everybody who asked, each named once.
pub(super) fn who(askers: &[Asker]) -> String {
    let first = askers.first().map_or("nobody", |asker| asker.by.as_str());
    match askers.len() {
        0 | 1 => first.to_owned(),
        more => format!("{first} and {} more", more - 1),
    }
}

pub(super) fn deliver(askers: Vec<Asker>, verdict: &Verdict) {
    for reply in askers.into_iter().filter_map(Asker::into_reply) {
        reply.send(Answer::Reload(verdict.clone()));
    }
}

/// hupd is stopping, and will not reload any more.
pub(super) fn refuse_all(askers: impl Iterator<Item = Asker>) {
    log::info!("the reload is dropped: hupd is stopping");
    for asker in askers {
        if let Some(reply) = asker.into_reply() {
            let refusal = Refusal::new(RefusalKind::Conflict, "hupd is stopping");
            reply.send(Answer::Refused(refusal));
        }
    }
}
