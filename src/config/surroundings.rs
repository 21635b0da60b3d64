//! Where things are by default: as root, as a user, under systemd.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Writers;

/// What the defaults of the file depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    pub is_root: bool,
    /// Whether this is the hupd that serves by what it reads: it alone knows what it may not do.
    #[serde(skip)]
    pub serves: bool,
    /// Whether files count only where nobody but root could write them: as root, but not as that of a user namespace,
    /// who cannot tell whose the files outside are.
    pub trusts_only_root: bool,
    /// Whom hupd is, as the kernel knows it.
    pub uid: u32,
    pub gid: u32,
    /// The name of this machine: what a number drawn for a job depends on, besides its name.
    pub host: String,
    /// `$STATE_DIRECTORY`, as systemd sets it.
    pub state_directory: Option<PathBuf>,
    /// `$RUNTIME_DIRECTORY`, as systemd sets it.
    pub runtime_directory: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`, as systemd sets it: for hupd alone, and for nobody whom it tells of its surroundings.
    #[serde(skip)]
    pub credentials_directory: Option<PathBuf>,
    pub xdg_state_home: Option<PathBuf>,
    pub xdg_runtime_dir: Option<PathBuf>,
    pub home: Option<PathBuf>,
    /// `$TZ`: the zone where the file names none; without it, that of the machine.
    pub timezone: Option<String>,
    /// `$TZDIR`: where the rules of zones are, if not where they usually are.
    pub zone_folder: Option<PathBuf>,
}

impl Surroundings {
    /// As this process finds them.
    pub fn from_environment(is_root: bool) -> Self {
        let names = rustix::system::uname();
        Self {
            is_root,
            serves: false,
            trusts_only_root: is_root && has_all_users(),
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            host: names.nodename().to_string_lossy().into_owned(),
            state_directory: folder("STATE_DIRECTORY"),
            runtime_directory: folder("RUNTIME_DIRECTORY"),
            credentials_directory: Self::credentials(),
            xdg_state_home: folder("XDG_STATE_HOME"),
            xdg_runtime_dir: folder("XDG_RUNTIME_DIR"),
            home: folder("HOME"),
            timezone: env::var_os("TZ").map(|zone| zone.to_string_lossy().into_owned()),
            zone_folder: env::var_os("TZDIR").map(PathBuf::from),
        }
    }

    /// Whose files count.
    pub(super) fn writers(&self) -> Writers {
        match self.trusts_only_root {
            true => Writers::Root,
            false => Writers::Anybody,
        }
    }

    /// The same, for what this process reads from now on.
    pub fn own_writers() -> Writers {
        match rustix::process::geteuid().is_root() && has_all_users() {
            true => Writers::Root,
            false => Writers::Anybody,
        }
    }

    /// Where the service manager has put secrets for this process.
    pub fn credentials() -> Option<PathBuf> {
        folder("CREDENTIALS_DIRECTORY")
    }

    /// Where the state goes if the file does not say; none where nobody says.
    pub(super) fn state_dir(&self) -> Option<PathBuf> {
        if let Some(path) = &self.state_directory {
            return Some(first_entry(path));
        }
        if self.is_root {
            return Some(PathBuf::from("/var/lib/hupd"));
        }
        let home = self.home.as_ref().map(|home| home.join(".local/state"));
        let base = self.xdg_state_home.clone().or(home)?;
        Some(base.join("hupd"))
    }

    /// Where the socket goes if the file does not say.
    pub(super) fn runtime_dir(&self, state_dir: &Path) -> PathBuf {
        match (&self.runtime_directory, &self.xdg_runtime_dir) {
            (Some(path), _) => first_entry(path),
            _ if self.is_root => PathBuf::from("/run/hupd"),
            (None, Some(base)) => base.join("hupd"),
            (None, None) => state_dir.join("run"),
        }
    }
}

/// As it is outside of user namespaces: see user_namespaces(7).
fn has_all_users() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// A relative path in these variables is to be ignored, as their specification says.
fn folder(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os(variable)?);
    path.is_absolute().then_some(path)
}

/// systemd separates several folders with colons.
fn first_entry(path: &Path) -> PathBuf {
    env::split_paths(path).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Surroundings {
        Surroundings {
            home: Some("/home/u".into()),
            ..Surroundings::default()
        }
    }

    fn both(surroundings: &Surroundings) -> (String, String) {
        let state = surroundings.state_dir().unwrap();
        let runtime = surroundings.runtime_dir(&state);
        (state.display().to_string(), runtime.display().to_string())
    }

    #[test]
    fn root_has_the_folders_of_the_system() {
        let root = Surroundings {
            is_root: true,
            xdg_runtime_dir: Some("/run/user/0".into()),
            ..user()
        };
        assert_eq!(both(&root), ("/var/lib/hupd".into(), "/run/hupd".into()));
    }

    #[test]
    fn a_user_has_folders_at_home() {
        let (state, runtime) = both(&user());
        assert_eq!(state, "/home/u/.local/state/hupd");
        assert_eq!(runtime, "/home/u/.local/state/hupd/run");
        let xdg = Surroundings {
            xdg_state_home: Some("/state".into()),
            xdg_runtime_dir: Some("/run/user/7".into()),
            ..user()
        };
        assert_eq!(
            both(&xdg),
            ("/state/hupd".into(), "/run/user/7/hupd".into())
        );
    }

    #[test]
    fn systemd_names_the_folders_first_one_first() {
        let service = Surroundings {
            is_root: true,
            state_directory: Some("/var/lib/a:/var/lib/b".into()),
            runtime_directory: Some("/run/a".into()),
            ..user()
        };
        assert_eq!(both(&service), ("/var/lib/a".into(), "/run/a".into()));
    }

    #[test]
    fn without_a_home_there_is_no_default() {
        assert_eq!(Surroundings::default().state_dir(), None);
    }
}
