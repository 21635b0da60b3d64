//! The hupd with a certain pid, wherever its socket is: what its file says of that by now does not count.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{SocketAddrUnix, SocketFlags, connect};

use super::{Client, ClientError};
use crate::config::SOCKET_NAME;
use crate::control::socket::stream_socket;

/// Every socket of this machine that has a path; see proc(5).
const SOCKETS: &str = "/proc/self/net/unix";

/// Of the flags in that file: somebody listens.
const LISTENS: u32 = 0x1_0000;

impl Client {
    /// Of all that listen by the name of a hupd, the one that the kernel says is this process.
    pub fn of_process(pid: i32) -> Result<Self, ClientError> {
        let table = fs::read_to_string(SOCKETS).unwrap_or_default();
        let mut denied = None;
        for path in table.lines().filter_map(listener) {
            match listener_at(&path) {
                Ok(there) if there == pid => return Ok(Self::new(&path)),
                Err(Errno::ACCESS | Errno::PERM) => denied = Some(path),
                _ => {}
            }
        }
        let nobody = format!("no hupd listens with the pid {pid}");
        Err(match denied {
            None => ClientError::NobodyThere(format!("{nobody}; name its socket with --socket")),
            Some(path) => ClientError::NoAccess(format!(
                "{nobody} on a socket that you may use, and that at {} you may not",
                path.display()
            )),
        })
    }
}

/// The last of a line's eight columns, where somebody listens there by the name of a hupd.
fn listener(line: &str) -> Option<PathBuf> {
    let mut columns = line.splitn(8, ' ');
    let flags = u32::from_str_radix(columns.nth(3)?, 16).ok()?;
    // What is a number before it is right-aligned: the rest begins with blanks.
    let path = &line[line.find('/')?..];
    let path = Path::new(path);
    let is_named_so = path.file_name().is_some_and(|name| name == SOCKET_NAME);
    (flags & LISTENS != 0 && is_named_so).then(|| path.to_owned())
}

fn listener_at(path: &Path) -> Result<i32, Errno> {
    let probe: OwnedFd = stream_socket(SocketFlags::NONBLOCK)?;
    connect(&probe, &SocketAddrUnix::new(path)?)?;
    Ok(socket_peercred(&probe)?.pid.as_raw_pid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_listens_by_the_name_of_a_hupd_is_asked() {
        let line = |flags: &str, path: &str| {
            listener(&format!(
                "0000000000000000: 00000002 00000000 {flags} 0001 01 72917 {path}"
            ))
        };
        let path = "/run/with blanks/hupd.sock";
        assert_eq!(line("00010000", path), Some(PathBuf::from(path)));
        assert_eq!(line("00000000", path), None);
        assert_eq!(line("00010000", "/run/other.sock"), None);
        assert_eq!(line("00010000", "@abstract"), None);
        assert_eq!(
            listener("Num       RefCount Protocol Flags    Type St Inode Path"),
            None
        );
    }
}
