//! A start by what is kept, in place of the file: who is told.

use std::path::Path;
use std::sync::Arc;

use super::confirm::Trial;
use super::origin::Origin;
use super::rollback::BroughtBack;
use super::verdict::{Rejected, log_problems};
use super::{Daemon, World};
use crate::clock::Moment;
use crate::config::{Config, Problems, visible};
use crate::protocol::{Because, Verdict};
use crate::store::{Kept, Record};

/// A kept text is in force in place of the file on disk.
#[derive(Debug)]
pub struct Instead {
    /// The generation whose text it is.
    pub text_of: u64,
    pub because: Because,
    pub on_disk: Result<Arc<Config>, Problems>,
}

impl Instead {
    /// With what to type if that is not what one wants.
    pub(super) fn told(&self, file: &Path) -> String {
        let text_of = self.text_of;
        let file = visible(&file.to_string_lossy());
        match self.because {
            Because::NotConfirmed => format!(
                "nobody has confirmed what came after generation {text_of}: starting by the text of that, and not the file on disk; if you want the file, type 'hupctl reload', or send HUP"
            ),
            Because::InvalidAtStart => format!(
                "degraded: the file is not valid: starting by the text of generation {text_of}, which was accepted last; mend the file, try it with 'hupctl check {file}', then type 'hupctl reload', or send HUP"
            ),
            Because::RolledBack => format!("starting by the text of generation {text_of}"),
        }
    }
}

impl<W: World> Daemon<W> {
    /// What takes the place of the file, and what is wrong with the file.
    pub(super) fn note_start(&mut self, origin: Origin, is_unconfirmed: bool, now: Moment) {
        log_problems(origin.trouble.as_deref().unwrap_or_default());
        let because = origin.instead.as_ref().map(|instead| instead.because);
        if is_unconfirmed && because != Some(Because::NotConfirmed) {
            self.world.write(Record::NoUnconfirmed);
        }
        let Some(instead) = origin.instead else {
            return;
        };
        if let Err(problems) = &instead.on_disk {
            self.refuse_at_start(problems, now);
        }
        log::error!("{}", instead.told(&origin.file));
        if instead.because == Because::NotConfirmed {
            self.reloads.trial = Some(Trial::not_confirmed(Kept {
                generation: instead.text_of,
                files: origin.config.sources.clone(),
            }));
        }
        self.reloads.brought_back = Some(BroughtBack {
            text_of: instead.text_of,
            because: instead.because,
            instead_of: instead.on_disk.ok(),
        });
    }

    /// The file was not valid when hupd started.
    fn refuse_at_start(&mut self, problems: &Problems, now: Moment) {
        let rejected = Rejected::by_problems(problems);
        log_problems(&rejected.problems);
        let verdict = Verdict {
            at: now.wall,
            asked_by: "start".to_owned(),
            accepted: false,
            generation: self.engine.generation().0,
            text_of: None,
            confirm_by: None,
            summary: rejected.summary,
            problems: rejected.problems,
            problem_count: rejected.count,
            seconds: 0.0,
            spent: None,
        };
        self.keep_verdict(&verdict);
        self.reloads.wrong_on_disk = Some(verdict.problems.clone());
        self.reloads.degraded_since = Some(now.wall);
        self.reloads.last = Some(verdict);
        let config = Arc::clone(self.engine.config());
        self.world.watch_also(&config, rejected.broken);
    }
}
