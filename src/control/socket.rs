//! The socket as a file: made so that it is never wider than it shall be, and taken away again.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, fchmod};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};

use super::ControlError;

/// Bytes of a path that fit into the address of a socket, see unix(7).
const LONGEST_PATH: usize = 107;

/// Owner and group may connect; what they may then do is decided per request.
const MODE: u32 = 0o660;

/// Clients that may wait to be accepted.
const BACKLOG: i32 = 128;

/// The file of a bound socket.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl SocketFile {
    /// Takes it away, unless another file has come into its place.
    pub fn remove(self) {
        let Ok(there) = fs::symlink_metadata(&self.path) else {
            return;
        };
        if (there.dev(), there.ino()) == self.device_and_inode
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!("{}: cannot be removed: {error}", self.path.display());
        }
    }
}

/// Makes the socket and listens on it. The caller holds the instance lock, so a socket that nobody
/// listens on is one that an earlier hupd left behind.
pub(super) fn listen_at(path: &Path) -> Result<(UnixListener, SocketFile), ControlError> {
    let length = path.as_os_str().len();
    if length > LONGEST_PATH {
        return Err(ControlError::new(
            path,
            format!("the path of a socket has at most {LONGEST_PATH} bytes, this one has {length}"),
        ));
    }
    clear_the_way(path)?;
    let listener = make(path).map_err(|error| ControlError::new(path, error))?;
    let file = settle(path).map_err(|error| ControlError::new(path, error))?;
    listen(&listener, BACKLOG).map_err(|error| ControlError::new(path, io::Error::from(error)))?;
    Ok((UnixListener::from(listener), file))
}

/// Removes what an earlier hupd left there: a socket, and only one that nobody listens on.
fn clear_the_way(path: &Path) -> Result<(), ControlError> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ControlError::new(path, error)),
    };
    if !there.file_type().is_socket() {
        return Err(ControlError::new(path, "is in the way and is no socket"));
    }
    if somebody_listens(path) {
        return Err(ControlError::new(path, "another program listens there"));
    }
    fs::remove_file(path).map_err(|error| ControlError::new(path, error))
}

fn somebody_listens(path: &Path) -> bool {
    let answer = stream_socket(SocketFlags::NONBLOCK).and_then(|probe| {
        let address = SocketAddrUnix::new(path)?;
        connect(&probe, &address)
    });
    // AGAIN: its queue is full.
    matches!(answer, Ok(()) | Err(Errno::AGAIN))
}

/// A bound socket. Its file takes the mode of the socket less the umask (unix_bind in the kernel), so a
/// mode that is set before leaves no instant at which more may connect.
fn make(path: &Path) -> io::Result<OwnedFd> {
    let listener = stream_socket(SocketFlags::NONBLOCK)?;
    fchmod(&listener, Mode::from_raw_mode(MODE))?;
    bind(&listener, &SocketAddrUnix::new(path)?)?;
    Ok(listener)
}

pub(super) fn stream_socket(flags: SocketFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | SocketFlags::CLOEXEC;
    socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// Gives back what the umask took away.
fn settle(path: &Path) -> io::Result<SocketFile> {
    fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    let there = fs::symlink_metadata(path)?;
    Ok(SocketFile {
        path: path.to_path_buf(),
        device_and_inode: (there.dev(), there.ino()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_file_is_never_wider_than_its_mode() {
        let folder = folder();
        let path = folder.path().join("s");
        let _listener = make(&path).unwrap();
        assert_eq!(mode(&path) & !MODE, 0);
        settle(&path).unwrap();
        assert_eq!(mode(&path), MODE);
    }

    #[test]
    fn a_socket_that_nobody_listens_on_is_replaced() {
        let folder = folder();
        let path = folder.path().join("s");
        drop(listen_at(&path).unwrap());
        assert!(path.exists());
        assert!(listen_at(&path).is_ok());
    }

    #[test]
    fn a_socket_in_use_stays() {
        let folder = folder();
        let path = folder.path().join("s");
        let _other = listen_at(&path).unwrap();
        let error = listen_at(&path).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("{}: another program listens there", path.display())
        );
    }

    #[test]
    fn anything_else_in_the_way_stays() {
        let folder = folder();
        let path = folder.path().join("s");
        let in_the_way = format!("{}: is in the way and is no socket", path.display());
        fs::write(&path, "precious").unwrap();
        assert_eq!(listen_at(&path).unwrap_err().to_string(), in_the_way);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert_eq!(listen_at(&path).unwrap_err().to_string(), in_the_way);
    }

    #[test]
    fn a_path_that_does_not_fit_is_named() {
        let path = Path::new("/").join("x".repeat(107));
        let error = listen_at(&path).unwrap_err().to_string();
        let end = ": the path of a socket has at most 107 bytes, this one has 108";
        assert_eq!(error, format!("{}{end}", path.display()));
    }

    #[test]
    fn only_our_own_file_is_removed() {
        let folder = folder();
        let path = folder.path().join("s");
        let (_listener, file) = listen_at(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another").unwrap();
        file.remove();
        assert_eq!(fs::read(&path).unwrap(), b"another");
    }
}
