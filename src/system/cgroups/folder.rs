//! The folder of a cgroup, held open: whoever makes another one of its name meanwhile, this one is meant.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, fstat, openat};

#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, OF_FOLDER, Mode::empty())?))
    }

    pub(super) fn inode(&self) -> io::Result<u64> {
        Ok(fstat(&self.0)?.st_ino)
    }

    pub(super) fn file(&self, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
        Ok(openat(
            &self.0,
            name,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
        )?)
    }

    pub(super) fn read(&self, name: &str) -> io::Result<String> {
        let mut text = String::new();
        File::from(self.file(name, OFlags::RDONLY)?).read_to_string(&mut text)?;
        Ok(text)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        File::from(self.file(name, OFlags::WRONLY)?).write_all(text.as_bytes())
    }

    /// Those that lie in it, one after the other.
    pub(super) fn within(&self) -> impl Iterator<Item = Self> {
        let entries = Dir::read_from(&self.0).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type() == FileType::Directory);
        let names = folders.map(|entry| entry.file_name().to_owned());
        names
            .filter(|name| !is_itself_or_above(name))
            .filter_map(|name| self.inner(name))
    }

    fn inner(&self, name: CString) -> Option<Self> {
        let flags = OF_FOLDER | OFlags::NOFOLLOW;
        let folder = openat(self.0.as_fd(), name, flags, Mode::empty());
        folder.ok().map(Self)
    }
}

const OF_FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

fn is_itself_or_above(name: &CStr) -> bool {
    [c".", c".."].contains(&name)
}

impl From<Folder> for OwnedFd {
    fn from(folder: Folder) -> Self {
        folder.0
    }
}
