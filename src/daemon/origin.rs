//! What a start begins with: the file, or what is kept and takes its place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::instead::Instead;
use super::launch::surroundings;
use crate::clock::Moment;
use crate::config::{
    Accepted, Config, LoadOutcome, OnInvalidStart, Problems, SourceFile, Surroundings,
    kept_said_of_start, load, load_kept, said_of_start,
};
use crate::protocol::Because;
use crate::store::{ForStart, Kept, for_start, others_in_store};

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

/// The file as it is found.
#[derive(Debug)]
pub struct Found {
    pub file: PathBuf,
    pub outcome: LoadOutcome,
    /// What it says is to be done where it is not valid, as far as that can be read.
    pub on_invalid_start: Option<OnInvalidStart>,
}

/// A file that is not valid, and nothing takes its place.
#[derive(Debug)]
pub struct Invalid {
    pub problems: Problems,
    pub trouble: Option<String>,
}

impl Origin {
    pub(super) fn find(file: PathBuf) -> Result<Self, Invalid> {
        let (surroundings, now) = (surroundings(), Moment::now().wall);
        let outcome = load(&file, &surroundings, now);
        let (state_dir, on_invalid_start) = match &outcome {
            Ok(accepted) => (Some(accepted.config.daemon.state_dir.clone()), None),
            Err(_) => said_of_start(&file, &surroundings),
        };
        let kept = state_dir.map_or_else(|| Ok(ForStart::default()), |state_dir| kept(&state_dir));
        let (kept, trouble) = match kept {
            Ok(kept) => (kept, None),
            Err(why) => (ForStart::default(), Some(why)),
        };
        let found = Found {
            file,
            outcome,
            on_invalid_start,
        };
        Self::among(found, (kept, trouble), |files| {
            load_kept(files, &surroundings, now)
        })
    }

    /// What was never confirmed does not come into force by a start, and what is not valid only makes room where that is
    /// wanted. What is kept of another file is left alone: several may have used a state folder, one after the other.
    pub fn among(
        found: Found,
        (kept, mut trouble): (ForStart, Option<String>),
        load: impl Fn(&[SourceFile]) -> LoadOutcome,
    ) -> Result<Self, Invalid> {
        let Found {
            file,
            outcome,
            on_invalid_start,
        } = found;
        if let Some(confirmed) = kept.confirmed.filter(|kept| is_of(kept, &file)) {
            match load(&confirmed.files) {
                Ok(accepted) => {
                    let outcome = outcome.map(|accepted| Arc::new(accepted.config));
                    let instead = Instead {
                        text_of: confirmed.generation,
                        because: Because::NotConfirmed,
                        on_disk: outcome,
                    };
                    return Ok(Self::new((file, trouble), accepted, Some(instead)));
                }
                Err(problems) => trouble = Some(not_confirmed(&confirmed, &problems)),
            }
        }
        let problems = match outcome {
            Ok(accepted) => return Ok(Self::new((file, trouble), accepted, None)),
            Err(problems) => problems,
        };
        let last = kept.last.filter(|kept| is_of(kept, &file));
        let said = |last: &Kept| last.files.first().and_then(kept_said_of_start);
        let wanted = on_invalid_start.or_else(|| last.as_ref().and_then(said));
        if wanted != Some(OnInvalidStart::LastGood) {
            return Err(Invalid { problems, trouble });
        }
        let nothing = || trouble.clone().unwrap_or_else(|| NOTHING_GOOD.to_owned());
        let last = last.ok_or_else(nothing);
        let last = last.and_then(|last| match load(&last.files) {
            Ok(accepted) => Ok((accepted, last.generation)),
            Err(others) => Err(not_good(&last, &others)),
        });
        match last {
            Ok((accepted, text_of)) => {
                let instead = Instead {
                    text_of,
                    because: Because::InvalidAtStart,
                    on_disk: Err(problems),
                };
                Ok(Self::new((file, trouble), accepted, Some(instead)))
            }
            Err(why) => Err(Invalid {
                problems,
                trouble: Some(why),
            }),
        }
    }

    fn new(
        (file, trouble): (PathBuf, Option<String>),
        accepted: Accepted,
        instead: Option<Instead>,
    ) -> Self {
        Self {
            file,
            config: Arc::new(accepted.config),
            warnings: accepted.warnings,
            instead,
            trouble,
        }
    }

    /// For whoever starts hupd on a terminal.
    pub(super) fn told(&self) -> String {
        let problems = self.instead.as_ref().map(|instead| &instead.on_disk);
        let problems = problems.and_then(|on_disk| on_disk.as_ref().err());
        let mut text: String = [Some(&self.warnings), problems]
            .into_iter()
            .flatten()
            .filter(|problems| !problems.is_empty())
            .map(|problems| format!("{problems}\n"))
            .collect();
        for line in [
            self.trouble.clone(),
            self.instead
                .as_ref()
                .map(|instead| instead.told(&self.file)),
        ] {
            text.extend(line.map(|line| format!("hupd: {line}\n")));
        }
        text
    }
}

impl Invalid {
    /// For whoever wanted to start hupd.
    pub(super) fn told(&self) -> String {
        let (problems, summary) = (&self.problems, self.problems.summary());
        let trouble = self.trouble.as_ref();
        let trouble = trouble.map_or_else(String::new, |trouble| format!("hupd: {trouble}\n"));
        format!("{problems}\n{trouble}hupd: {summary}; not started\n")
    }
}

/// What may be taken from the store.
fn kept(state_dir: &Path) -> Result<ForStart, String> {
    let kept = for_start(state_dir).map_err(|error| error.to_string())?;
    let is_there = kept.confirmed.is_some() || kept.last.is_some();
    match untrusted(state_dir).filter(|_| is_there) {
        Some(why) => Err(format!("{why}; nothing is taken from there")),
        None => Ok(kept),
    }
}

/// Why what is kept in that folder may not come into force: others could have written it, and this hupd reads what root
/// alone can write.
pub(super) fn untrusted(state_dir: &Path) -> Option<String> {
    let hand = others_in_store(state_dir, Surroundings::own_writers())?;
    Some(format!(
        "cannot trust the files that are kept in the history, for as root hupd takes those that root alone can write: {hand}"
    ))
}

/// However its path is spelled.
fn is_of(kept: &Kept, file: &Path) -> bool {
    let main = kept.files.first().map(|main| &*main.path);
    let real = |path: &Path| path.canonicalize().ok();
    main.is_some_and(|main| main == file || real(main).is_some_and(|main| Some(main) == real(file)))
}

const NOTHING_GOOD: &str =
    "on_invalid_start = \"last-good\": nothing is kept that was accepted before";

fn not_confirmed(confirmed: &Kept, problems: &Problems) -> String {
    let (generation, summary) = (confirmed.generation, problems.summary());
    format!(
        "{problems}\nnobody has confirmed what came after generation {generation}, but the text of that cannot come back: {summary}"
    )
}

fn not_good(last: &Kept, problems: &Problems) -> String {
    let (generation, summary) = (last.generation, problems.summary());
    format!(
        "{problems}\nthe text of generation {generation}, which was accepted last, is not valid any more either: {summary}"
    )
}
