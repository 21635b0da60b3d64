//! From a path to a configuration, or to every problem of every file.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::Timestamp;

use super::check::Loading;
use super::decode::decode;
use super::origin::Origin;
use super::read::read;
use super::typed::resolved;
use super::{Config, Problems, SourceFile, Surroundings, syntax};

/// A configuration in which nothing is wrong, and what is worth a warning.
#[derive(Debug)]
pub struct Accepted {
    pub config: Config,
    pub warnings: Problems,
}

/// Accepted, or every problem of every file, warnings among them.
pub type LoadOutcome = Result<Accepted, Problems>;

/// Reads and checks `path` and all that it includes. `path` is absolute. What is worth a warning may depend on what
/// comes in the year from `now` on.
pub fn load(path: &Path, surroundings: &Surroundings, now: Timestamp) -> LoadOutcome {
    let mut loading = Loading::new(Origin::Disk, surroundings, now);
    loading.main_file(path);
    loading.finish()
}

/// Checks files that are kept as if the disk had them: the first is the main one. What else they name must be there, such
/// as users and files of environments.
pub fn load_kept(files: &[SourceFile], surroundings: &Surroundings, now: Timestamp) -> LoadOutcome {
    let mut loading = Loading::new(Origin::Kept(files), surroundings, now);
    let main = files.first().map_or(Path::new("/"), |file| &file.path);
    loading.main_file(main);
    loading.finish()
}

/// Where the socket of a daemon with this file is, whatever else is wrong with the file.
pub fn runtime_dir_of(path: &Path, surroundings: &Surroundings) -> PathBuf {
    let [state_dir, runtime_dir] = written(path, ["state_dir", "runtime_dir"]);
    let state_dir = || state_dir.or_else(|| surroundings.state_dir());
    runtime_dir.unwrap_or_else(|| surroundings.runtime_dir(&state_dir().unwrap_or_default()))
}

/// Where its store is, in the same way; none where nobody says.
pub fn state_dir_of(path: &Path, surroundings: &Surroundings) -> Option<PathBuf> {
    let [state_dir] = written(path, ["state_dir"]);
    state_dir.or_else(|| surroundings.state_dir())
}

/// The folders that a file names below `[daemon]`, as far as it can be read.
fn written<const N: usize>(path: &Path, keys: [&str; N]) -> [Option<PathBuf>; N] {
    let bytes = read(path).map(|contents| contents.bytes);
    let source = decode(path, bytes.unwrap_or_default());
    let source = source.unwrap_or_else(|findings| Rc::clone(findings.source()));
    let mut mended = String::new();
    let (tree, _) = syntax::parse(&source, &mut mended);
    keys.map(|key| {
        let value = tree.get("daemon")?.get_ref().get(key)?;
        let path = value.get_ref().as_str().filter(|path| !path.is_empty())?;
        Some(resolved(source.folder(), path))
    })
}
