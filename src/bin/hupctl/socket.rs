//! Which socket is meant.

use std::path::{Path, PathBuf};

use hupd::config::{DEFAULT_FILE, SOCKET_NAME, Surroundings, runtime_dir_of, runtime_dir_said_by};

use crate::ending::Failure;

/// Where the hupd of the system listens unless its file says otherwise.
const SYSTEM_SOCKET: &str = "/run/hupd/hupd.sock";

/// What the user said about it.
#[derive(Debug, Default)]
pub struct Hints<'a> {
    pub socket: Option<&'a Path>,
    pub config: Option<&'a Path>,
    /// `$HUPD_SOCKET`
    pub environment: Option<PathBuf>,
}

/// The most explicit one counts. A file that was named and does not say where its hupd is must not lead to another one.
pub fn socket(hints: Hints<'_>, surroundings: &Surroundings) -> Result<PathBuf, Failure> {
    if let Some(socket) = hints.socket {
        return Ok(socket.to_path_buf());
    }
    let Some(file) = hints.config else {
        return Ok(unnamed(hints.environment, surroundings));
    };
    let folder = runtime_dir_said_by(file, surroundings);
    let folder = folder.map_err(|why| Failure::File(file.to_owned(), why))?;
    Ok(folder.join(SOCKET_NAME))
}

/// An ordinary user without a hupd of their own means the system's.
fn unnamed(environment: Option<PathBuf>, surroundings: &Surroundings) -> PathBuf {
    if let Some(socket) = environment.filter(|path| !path.as_os_str().is_empty()) {
        return socket;
    }
    let usual = runtime_dir_of(Path::new(DEFAULT_FILE), surroundings).join(SOCKET_NAME);
    match surroundings.is_root || usual.exists() {
        true => usual,
        false => PathBuf::from(SYSTEM_SOCKET),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(hints: Hints<'_>, surroundings: &Surroundings) -> PathBuf {
        super::socket(hints, surroundings).unwrap()
    }

    #[test]
    fn the_most_explicit_hint_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hupd.toml");
        std::fs::write(&file, "[daemon]\nruntime_dir = \"/srv/h\"\n").unwrap();
        let root = Surroundings {
            is_root: true,
            ..Surroundings::default()
        };
        let hints = |socket, config| Hints {
            socket,
            config,
            environment: Some("/env".into()),
        };
        let named = hints(Some(Path::new("/s")), Some(&file));
        assert_eq!(socket(named, &root), Path::new("/s"));
        let by_file = hints(None, Some(&file));
        assert_eq!(socket(by_file, &root), Path::new("/srv/h/hupd.sock"));
        assert_eq!(socket(hints(None, None), &root), Path::new("/env"));
        let empty = Hints {
            environment: Some("".into()),
            ..Hints::default()
        };
        assert_eq!(socket(empty, &root).file_name().unwrap(), SOCKET_NAME);
    }

    #[test]
    fn an_ordinary_user_without_a_hupd_means_that_of_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let user = Surroundings {
            xdg_runtime_dir: Some(folder.path().to_path_buf()),
            ..Surroundings::default()
        };
        let own = runtime_dir_of(Path::new(DEFAULT_FILE), &user).join(SOCKET_NAME);
        if !own.starts_with(folder.path()) {
            return;
        }
        assert_eq!(socket(Hints::default(), &user), Path::new(SYSTEM_SOCKET));
        std::fs::create_dir(own.parent().unwrap()).unwrap();
        std::fs::write(&own, "").unwrap();
        assert_eq!(socket(Hints::default(), &user), own);
    }
}
