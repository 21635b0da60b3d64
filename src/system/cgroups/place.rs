//! Where in the cgroup hierarchy this process is, and whether that place is its own to divide.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, getxattr};
use rustix::process::{geteuid, getpid};

/// With what systemd marks what it has delegated; see Delegate= in systemd.resource-control(5).
const MARKS: [&str; 2] = ["trusted.delegate", "user.delegate"];

/// The folder of the own cgroup, if others may be made in it.
pub(super) fn delegated() -> Option<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own_cgroup(&own)?;
    let mounts = fs::read("/proc/self/mountinfo").ok()?;
    let folder = folders(&mounts, own)
        .into_iter()
        .find(|folder| is_ours(folder))?;
    is_delegated(&folder, own).then_some(folder)
}

/// See cgroups(7).
fn own_cgroup(text: &str) -> Option<&Path> {
    let line = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(Path::new(line))
}

/// Where the mounts of cgroup v2 show that cgroup; see proc_pid_mountinfo(5).
fn folders(mounts: &[u8], own: &Path) -> Vec<PathBuf> {
    let lines = mounts.split(|&byte| byte == b'\n');
    lines.filter_map(|line| folder(line, own)).collect()
}

fn folder(line: &[u8], own: &Path) -> Option<PathBuf> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let separator = fields.iter().position(|field| *field == b"-")?;
    if *fields.get(separator + 1)? != b"cgroup2" {
        return None;
    }
    let (root, point) = (path(fields.get(3)?), path(fields.get(4)?));
    Some(point.join(own.strip_prefix(root).ok()?))
}

/// Blanks and the like are written in octal.
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let octal = after
            .get(..3)
            .and_then(|digits| str::from_utf8(digits).ok());
        let byte = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (first, byte) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes).into()
}

/// What is mounted over it, or another namespace, may make the path mean something else.
fn is_ours(folder: &Path) -> bool {
    let own = getpid().as_raw_pid().to_string();
    let members = fs::read_to_string(folder.join("cgroup.procs"));
    members.is_ok_and(|members| members.lines().any(|pid| pid == own))
}

/// Another user than root may write only where somebody has given it to them. Root may everywhere, also
/// where a service manager rules; but nobody does where a hierarchy, or a container's part of it, begins.
fn is_delegated(folder: &Path, own: &Path) -> bool {
    let may_write = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    let is_given = || !geteuid().is_root() || own == Path::new("/") || is_marked(folder);
    may_write(folder) && may_write(&folder.join("cgroup.procs")) && is_given()
}

fn is_marked(folder: &Path) -> bool {
    MARKS.iter().any(|mark| {
        let mut value = [0; 8];
        getxattr(folder, *mark, &mut value).is_ok_and(|length| value[..length] == *b"1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime shared:9 - cgroup cgroup rw,devices
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:7 master:1 - cgroup2 cgroup2 rw
42 31 0:38 /system.slice /mnt/a\\040b rw - cgroup2 cgroup2 rw
";

    #[test]
    fn the_cgroup_of_version_2_is_the_one_without_controllers() {
        let text = "9:name=systemd:/x\n4:memory:/y\n0::/system.slice/hupd.service\n";
        let own = own_cgroup(text).unwrap();
        assert_eq!(own, Path::new("/system.slice/hupd.service"));
        assert_eq!(own_cgroup("4:memory:/y\n"), None);
    }

    #[test]
    fn it_is_found_wherever_it_is_mounted() {
        let folders = |own: &str| folders(MOUNTS, Path::new(own));
        let unified = Path::new("/sys/fs/cgroup/unified");
        assert_eq!(folders("/"), [unified]);
        let service = "/system.slice/hupd.service";
        let expected = [
            unified.join("system.slice/hupd.service"),
            PathBuf::from("/mnt/a b/hupd.service"),
        ];
        assert_eq!(folders(service), expected);
        assert_eq!(
            folders("/system.slice2/x"),
            [unified.join("system.slice2/x")]
        );
    }
}
