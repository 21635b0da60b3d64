//! File systems that do not tell of what others change in them: see inotify(7).

use std::path::Path;

/// By the numbers of statfs(2).
const SILENT: [(u64, &str); 17] = [
    (0x6969, "NFS"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x517B, "SMB"),
    (0x0102_1997, "9p"),
    // sshfs, and what virtual machines share with their hosts.
    (0x6573_5546, "FUSE"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0BD0_0BD0, "Lustre"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
    (0x4750_4653, "GPFS"),
    (0x786F_4256, "vboxsf"),
    (0xBACB_ACBC, "vmhgfs"),
    (0x7C7C_6673, "prl_fs"),
];

/// The name of the file system that the folder is on, where it is one of these.
pub(super) fn silent(folder: &Path) -> Option<&'static str> {
    let kind = rustix::fs::statfs(folder).ok()?.f_type;
    let kind = u64::try_from(kind).ok()? & 0xFFFF_FFFF;
    SILENT
        .iter()
        .find(|(number, _)| *number == kind)
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_file_system_tells() {
        assert_eq!(silent(Path::new("/proc")), None);
        assert_eq!(silent(Path::new("/nowhere")), None);
    }
}
