//! What a start begins with: the file, or what is kept and takes its place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::confirm::Trial;
use super::launch::surroundings;
use super::rollback::BroughtBack;
use super::verdict::{Rejected, lines};
use super::{Daemon, World};
use crate::clock::Moment;
use crate::config::{
    Accepted, Config, LoadOutcome, Problems, SourceFile, load, load_kept, state_dir_of,
};
use crate::protocol::{Because, Verdict};
use crate::store::{ForStart, Kept, Record, for_start};

/// Where the configuration of a start comes from.
#[derive(Debug)]
pub struct Origin {
    pub file: PathBuf,
    pub config: Arc<Config>,
    pub warnings: Problems,
    /// Where it is not that of the file.
    pub instead: Option<Instead>,
    /// Why what is kept could not take the place of the file, where it had to.
    pub trouble: Option<String>,
}

/// A kept text is in force in place of the file on disk.
#[derive(Debug)]
pub struct Instead {
    /// The generation whose text it is.
    pub text_of: u64,
    pub because: Because,
    pub on_disk: Result<Arc<Config>, Problems>,
}

impl Origin {
    /// Gives back what is wrong with the file where nothing may take its place.
    pub(super) fn find(file: PathBuf) -> Result<Self, Problems> {
        let (surroundings, now) = (surroundings(), Moment::now().wall);
        let on_disk = load(&file, &surroundings, now);
        let state_dir = match &on_disk {
            Ok(accepted) => Some(accepted.config.daemon.state_dir.clone()),
            Err(_) => state_dir_of(&file, &surroundings),
        };
        let kept = state_dir.map(|state_dir| for_start(&state_dir)).transpose();
        let (kept, trouble) = match kept {
            Ok(kept) => (kept.unwrap_or_default(), None),
            Err(error) => (ForStart::default(), Some(error.to_string())),
        };
        let load = |files: &[SourceFile]| load_kept(files, &surroundings, now);
        let mut origin = Self::among(file, on_disk, kept, load)?;
        origin.trouble = origin.trouble.or(trouble);
        Ok(origin)
    }

    /// What was never confirmed does not come into force by a start. What must be told from what is kept of another file:
    /// several may have used a state folder, one after the other.
    pub fn among(
        file: PathBuf,
        on_disk: LoadOutcome,
        kept: ForStart,
        load: impl Fn(&[SourceFile]) -> LoadOutcome,
    ) -> Result<Self, Problems> {
        let confirmed = kept.confirmed.filter(|kept| is_of(kept, &file));
        let mut trouble = None;
        if let Some(Kept { generation, files }) = confirmed {
            match load(&files) {
                Ok(accepted) => {
                    let instead = Instead {
                        text_of: generation,
                        because: Because::NotConfirmed,
                        on_disk: on_disk.map(|accepted| Arc::new(accepted.config)),
                    };
                    return Ok(Self::new(file, accepted, Some(instead)));
                }
                Err(problems) => trouble = Some(unusable(generation, &problems)),
            }
        }
        let mut origin = Self::new(file, on_disk?, None);
        origin.trouble = trouble;
        Ok(origin)
    }

    fn new(file: PathBuf, accepted: Accepted, instead: Option<Instead>) -> Self {
        Self {
            file,
            config: Arc::new(accepted.config),
            warnings: accepted.warnings,
            instead,
            trouble: None,
        }
    }

    /// For whoever starts hupd on a terminal.
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        if !self.warnings.is_empty() {
            text += &format!("{}\n", self.warnings);
        }
        if let Some(instead) = &self.instead {
            text += &format!("hupd: {}\n", instead.told());
        }
        text
    }
}

impl Instead {
    pub(super) fn told(&self) -> String {
        let text_of = self.text_of;
        match self.because {
            Because::NotConfirmed => format!(
                "nobody has confirmed what came after generation {text_of}: starting by the text of that, and not the file on disk"
            ),
            Because::RolledBack => format!("starting by the text of generation {text_of}"),
        }
    }
}

impl<W: World> Daemon<W> {
    /// What takes the place of the file is told to everybody, and what is wrong with the file.
    pub(super) fn note_start(&mut self, origin: Origin, is_unconfirmed: bool, now: Moment) {
        for line in lines(origin.trouble.as_deref().unwrap_or_default()) {
            log::error!("{line}");
        }
        let Some(instead) = origin.instead else {
            if is_unconfirmed {
                self.world.write(Record::NoUnconfirmed);
            }
            return;
        };
        log::error!("{}", instead.told());
        let Instead {
            text_of,
            because,
            on_disk,
        } = instead;
        if let Err(problems) = &on_disk {
            self.refuse_at_start(problems, now);
        }
        let instead_of = on_disk.ok();
        self.reloads.brought_back = Some(BroughtBack {
            text_of,
            because,
            instead_of,
        });
        let back_to = Kept {
            generation: text_of,
            files: origin.config.sources.clone(),
        };
        self.reloads.trial = Some(Trial::not_confirmed(back_to));
    }

    /// The file was broken when hupd started.
    fn refuse_at_start(&mut self, problems: &Problems, now: Moment) {
        let rejected = Rejected::by_problems(problems);
        for line in lines(&rejected.problems) {
            log::error!("{line}");
        }
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
        };
        self.keep_verdict(&verdict);
        self.reloads.last = Some(verdict);
        let config = Arc::clone(self.engine.config());
        self.world.watch_also(&config, rejected.broken);
    }
}

fn is_of(kept: &Kept, file: &Path) -> bool {
    kept.files.first().is_some_and(|main| main.path == file)
}

fn unusable(generation: u64, problems: &Problems) -> String {
    format!(
        "{problems}\nnobody has confirmed what came after generation {generation}, but the text of that cannot come back: {}; starting by the file",
        problems.summary()
    )
}
