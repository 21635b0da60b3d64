//! From a path to a configuration, or to every problem of every file.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::check::{Begun, Loading};
use super::decode::decode;
use super::ignored::Ignored;
use super::origin::Origin;
use super::read::{ATTEMPTS, read};
use super::source::Source;
use super::took::{ElapsedClock, Stopwatch, Took};
use super::trust::first_hand;
use super::typed::resolved;
use super::{Config, OnInvalidStart, Problems, SourceFile, Surroundings, syntax};

/// A configuration in which nothing is wrong, and what is worth a warning.
#[derive(Debug)]
pub struct Accepted {
    pub config: Config,
    pub warnings: Problems,
}

/// Accepted, or every problem of every file, warnings among them.
pub type LoadOutcome = Result<Accepted, Problems>;

/// The same, which files nobody asked for, and how long it took.
#[derive(Debug)]
pub struct Loaded {
    pub outcome: LoadOutcome,
    /// They are in folders where `include` looks for others.
    pub ignored: Vec<Ignored>,
    pub took: Took,
}

/// Where the text is.
#[derive(Clone, Copy, Debug)]
pub enum Text<'t> {
    /// In a file of this absolute path, and in what it includes.
    OnDisk(&'t Path),
    /// In files that are kept, the main one first. They are checked as if the disk had them; what else they name must
    /// be there, such as users and files of environments.
    Kept(&'t [SourceFile]),
}

/// Reads and checks `path` and all that it includes. `path` is absolute. What is worth a warning may depend on what
/// comes in the year from `now` on.
pub fn load(path: &Path, surroundings: &Surroundings, now: Timestamp) -> LoadOutcome {
    load_with_ignored(path, surroundings, now).outcome
}

pub fn load_with_ignored(path: &Path, surroundings: &Surroundings, now: Timestamp) -> Loaded {
    load_told(
        Text::OnDisk(path),
        (surroundings, now),
        || Duration::ZERO,
        &|_| {},
    )
}

/// Reads `text` as if it stood at `path`, beside what is there. Both are absolute.
pub fn load_as(
    (text, path): (&Path, &Path),
    surroundings: &Surroundings,
    now: Timestamp,
) -> LoadOutcome {
    let origin = Origin::With { text, at: path };
    let loading = || Loading::new(origin, surroundings, now);
    read_all(loading, path, Stopwatch::still()).finish().0
}

pub fn load_kept(files: &[SourceFile], surroundings: &Surroundings, now: Timestamp) -> LoadOutcome {
    let text = Text::Kept(files);
    load_told(text, (surroundings, now), || Duration::ZERO, &|_| {}).outcome
}

/// By a clock that only says how long it takes; each file is told before it is read.
pub fn load_told(
    text: Text<'_>,
    (surroundings, now): (&Surroundings, Timestamp),
    clock: ElapsedClock,
    begun: &dyn Fn(&Path),
) -> Loaded {
    let (origin, main) = match text {
        Text::OnDisk(path) => (Origin::Disk, path),
        Text::Kept(files) => {
            let main = files.first().map_or(Path::new("/"), |file| &file.path);
            (Origin::Kept(files), main)
        }
    };
    let loading = || {
        let mut loading = Loading::new(origin, surroundings, now);
        loading.begun = Begun(begun);
        loading
    };
    let loading = read_all(loading, main, Stopwatch::start(clock));
    let ignored = match text {
        Text::OnDisk(_) => loading.ignored(),
        Text::Kept(_) => Vec::new(),
    };
    let (outcome, took) = loading.finish();
    Loaded {
        outcome,
        ignored,
        took,
    }
}

/// Everything, and all of it again where something has changed meanwhile: parts of two generations are none.
fn read_all<'s>(
    loading: impl Fn() -> Loading<'s>,
    main: &Path,
    mut watch: Stopwatch,
) -> Loading<'s> {
    let mut attempt = 1;
    loop {
        let mut loading = loading();
        loading.watch = watch;
        loading.main_file(main);
        match loading.changed() {
            None => return loading,
            Some(changed) if attempt == ATTEMPTS => {
                loading.refuse_changing(main, &changed);
                return loading;
            }
            Some(_) => watch = loading.watch,
        }
        attempt += 1;
    }
}

/// Where the socket of a daemon with this file is, whatever else is wrong with the file.
pub fn runtime_dir_of(path: &Path, surroundings: &Surroundings) -> PathBuf {
    let said = said(path, surroundings);
    let runtime_dir = || surroundings.runtime_dir(&said.state_dir.unwrap_or_default());
    said.runtime_dir.unwrap_or_else(runtime_dir)
}

/// Where the store of a daemon with this file is, and what is to be done where the file is not valid, if it says so.
pub fn said_of_start(
    path: &Path,
    surroundings: &Surroundings,
) -> (Option<PathBuf>, Option<OnInvalidStart>) {
    // What others could have written does not say where that is which takes its place.
    if first_hand(path, surroundings.writers()).is_some() {
        return (None, None);
    }
    let said = said(path, surroundings);
    (said.state_dir, said.on_invalid_start)
}

/// What a kept file says is to be done.
pub fn kept_said_of_start(file: &SourceFile) -> Option<OnInvalidStart> {
    let source = Source::new(&file.path, Arc::clone(&file.text));
    said_in(&source, &Surroundings::default()).on_invalid_start
}

/// What a file says below `[daemon]`, as far as it can be read.
pub(super) struct Said {
    /// Or where it is by default; none where nobody says.
    pub state_dir: Option<PathBuf>,
    pub runtime_dir: Option<PathBuf>,
    on_invalid_start: Option<OnInvalidStart>,
}

fn said(path: &Path, surroundings: &Surroundings) -> Said {
    let bytes = read(path).map(|contents| contents.bytes);
    let source = decode(path, bytes.unwrap_or_default());
    let source = source.unwrap_or_else(|findings| Rc::clone(findings.source()));
    said_in(&source, surroundings)
}

pub(super) fn said_in(source: &Source, surroundings: &Surroundings) -> Said {
    let mut mended = String::new();
    let (tree, _) = syntax::parse(source, &mut mended);
    let text = |key: &str| {
        let value = tree.get("daemon")?.get_ref().get(key)?;
        value.get_ref().as_str().filter(|text| !text.is_empty())
    };
    let folder = |key: &str| text(key).map(|path| resolved(source.folder(), path));
    Said {
        state_dir: folder("state_dir").or_else(|| surroundings.state_dir()),
        runtime_dir: folder("runtime_dir"),
        on_invalid_start: text("on_invalid_start").and_then(OnInvalidStart::named),
    }
}
