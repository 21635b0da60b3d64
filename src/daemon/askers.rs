//! Who wants a reload, and what they are told.

use crate::event::Reply;
use crate::protocol::{Answer, Refusal, RefusalKind, Verdict};

/// As many as jobs are named where a reload changes many.
const NAMED: usize = 5;

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

/// Those who asked, so many of them by name.
pub(super) fn who(askers: &[Asker]) -> String {
    let first: Vec<&str> = askers.iter().take(NAMED).map(|asker| &*asker.by).collect();
    let names = first.join(", ");
    match askers.len().checked_sub(NAMED) {
        Some(more) if more > 0 => format!("{names} and {more} more"),
        _ if askers.is_empty() => "nobody".to_owned(),
        _ => names,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_are_named_and_the_rest_is_counted() {
        let askers = |count| -> Vec<Asker> {
            let by = (1..=count).map(|pid| format!("HUP from pid {pid}"));
            by.map(Asker::unheard).collect()
        };
        assert_eq!(who(&askers(0)), "nobody");
        assert_eq!(who(&askers(1)), "HUP from pid 1");
        let five = "HUP from pid 1, HUP from pid 2, HUP from pid 3, HUP from pid 4, HUP from pid 5";
        assert_eq!(who(&askers(5)), five);
        assert_eq!(who(&askers(7)), format!("{five} and 2 more"));
    }
}
