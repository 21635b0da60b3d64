//! The hupd with a certain pid, wherever its socket is: what its file says of that by now does not count.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{SocketAddrUnix, SocketFlags, connect};

use super::{Client, ClientError};
use crate::config::SOCKET_NAME;
use crate::control::socket::stream_socket;
use crate::reason::reason;

/// Every socket of this machine that has a path; see proc(5).
const SOCKETS: &str = "/proc/self/net/unix";

/// Of the flags in that file: somebody listens.
const LISTENS: u32 = 0x1_0000;

impl Client {
    /// Of all that listen by the name of a hupd, the one that the kernel says is this process.
    pub fn of_process(pid: i32) -> Result<Self, ClientError> {
        Self::among(&table(SOCKETS)?, pid)
    }

    fn among(table: &[u8], pid: i32) -> Result<Self, ClientError> {
        let mut untold = None;
        for path in table.split(|&byte| byte == b'\n').filter_map(listener) {
            match listener_at(path) {
                Ok(there) if there == pid => return Ok(Self::new(path)),
                Ok(_) => {}
                Err(error) => untold = unknown(error, path, pid).or(untold),
            }
        }
        let nobody = || format!("{}; name its socket with --socket", nobody(pid));
        Err(untold.unwrap_or_else(|| ClientError::NobodyThere(nobody())))
    }
}

fn table(sockets: &str) -> Result<Vec<u8>, ClientError> {
    fs::read(sockets).map_err(|error| {
        let why = reason(&error);
        let message = format!("cannot read {sockets}, which says who listens: {why}");
        ClientError::NoAnswer(format!("{message}; name the socket of hupd with --socket"))
    })
}

fn nobody(pid: i32) -> String {
    format!("no hupd listens with the pid {pid}")
}

/// Where somebody listens, and who cannot be told.
fn unknown(error: Errno, path: &Path, pid: i32) -> Option<ClientError> {
    let (nobody, at) = (nobody(pid), path.display());
    match error {
        Errno::ACCESS | Errno::PERM => Some(ClientError::NoAccess(format!(
            "{nobody} on a socket that you may use, and that at {at} you may not"
        ))),
        Errno::AGAIN => Some(ClientError::NoAnswer(format!(
            "{nobody} on a socket that answers, and that at {at} is busy: too many wait there; try again"
        ))),
        _ => None,
    }
}

/// The last of a line's eight columns, where somebody listens there by the name of a hupd. Names are in it as they were
/// given, whatever bytes those are.
fn listener(line: &[u8]) -> Option<&Path> {
    let flags = line.splitn(8, |&byte| byte == b' ').nth(3)?;
    let flags = u32::from_str_radix(str::from_utf8(flags).ok()?, 16).ok()?;
    // What is a number before it is right-aligned: the rest begins with blanks.
    let begin = line.iter().position(|&byte| byte == b'/')?;
    let path = Path::new(OsStr::from_bytes(&line[begin..]));
    let is_named_so = path.file_name().is_some_and(|name| name == SOCKET_NAME);
    (flags & LISTENS != 0 && is_named_so).then_some(path)
}

fn listener_at(path: &Path) -> Result<i32, Errno> {
    let probe: OwnedFd = stream_socket(SocketFlags::NONBLOCK)?;
    connect(&probe, &SocketAddrUnix::new(path)?)?;
    Ok(socket_peercred(&probe)?.pid.as_raw_pid())
}

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

    use rustix::net::listen;

    use super::*;

    #[test]
    fn only_who_listens_by_the_name_of_a_hupd_is_asked() {
        let line = |flags: &str, path: &[u8]| {
            let before = format!("0000000000000000: 00000002 00000000 {flags} 0001 01 72917 ");
            let line = [before.as_bytes(), path].concat();
            listener(&line).map(Path::to_owned)
        };
        for path in [
            b"/run/with blanks/hupd.sock".as_slice(),
            b"/run/\xff/hupd.sock",
        ] {
            let there = Path::new(OsStr::from_bytes(path));
            assert_eq!(line("00010000", path).as_deref(), Some(there));
            assert_eq!(line("00000000", path), None);
        }
        assert_eq!(line("00010000", b"/run/other.sock"), None);
        assert_eq!(line("00010000", b"@abstract \xff"), None);
        let head = b"Num       RefCount Protocol Flags    Type St Inode Path";
        assert_eq!(listener(head), None);
    }

    #[test]
    fn what_others_call_their_sockets_hides_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let _abstract =
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(b"hupd test of \xff").unwrap());
        let _path = UnixListener::bind(folder.path().join(OsStr::from_bytes(b"\xff"))).unwrap();
        let _ours = UnixListener::bind(folder.path().join(SOCKET_NAME)).unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        Client::of_process(pid).unwrap();
    }

    #[test]
    fn one_that_is_busy_is_told_as_that() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SOCKET_NAME);
        let listener = UnixListener::bind(&path).unwrap();
        listen(&listener, 0).unwrap();
        let _waits = UnixStream::connect(&path).unwrap();
        let line = format!("0: 2 0 10000 0001 01 1 {}\n", path.display());
        let told = Client::among(line.as_bytes(), i32::MAX).unwrap_err();
        assert!(matches!(told, ClientError::NoAnswer(_)), "{told:?}");
        let busy = format!("that at {} is busy", path.display());
        assert!(told.to_string().contains(&busy), "{told}");
    }

    #[test]
    fn a_table_that_cannot_be_read_is_not_taken_for_nobody() {
        let told = table("/nowhere").unwrap_err().to_string();
        let expected = "cannot read /nowhere, which says who listens: no such file or directory; \
                        name the socket of hupd with --socket";
        assert_eq!(told, expected);
    }
}
