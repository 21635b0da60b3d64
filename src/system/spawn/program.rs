//! Where the program of a job may be, as a shell would look for it.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// The program of a job, and where it is looked for.
#[derive(Debug)]
pub(super) struct Program<'j> {
    pub name: &'j str,
    /// None for a name with a slash: that is a path by itself.
    pub path: Option<String>,
    /// Absolute.
    pub places: Vec<PathBuf>,
}

impl<'j> Program<'j> {
    /// A path with a slash is taken as it is, from the working directory on.
    pub fn new(name: &'j str, path: &str, working_dir: &Path) -> Self {
        if name.contains('/') {
            let places = vec![working_dir.join(name)];
            return Self {
                name,
                path: None,
                places,
            };
        }
        let folders = std::env::split_paths(path);
        Self {
            name,
            path: Some(path.to_owned()),
            places: folders
                .map(|folder| working_dir.join(folder).join(name))
                .collect(),
        }
    }

    /// After none could be executed: which one was meant, or why there is none.
    pub fn meant(&self) -> Result<&Path, String> {
        let Some(path) = &self.path else {
            return Ok(&self.places[0]);
        };
        let first = |is_good: fn(&Path) -> bool| self.places.iter().find(|place| is_good(place));
        match first(is_executable).or_else(|| first(Path::is_file)) {
            Some(program) => Ok(program),
            None => Err(format!(
                "command '{}' not found in PATH '{path}'",
                self.name
            )),
        }
    }
}

pub(super) fn is_executable(program: &Path) -> bool {
    program.is_file() && access(program, Access::EXEC_OK).is_ok()
}
