//! What is seen of files that change, three times in a row.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::error::WatchError;
use super::*;
use crate::event::Inbox;

/// A folder with a main file that is followed.
struct Scene {
    inbox: Inbox,
    watch: ConfigWatch,
    at: PathBuf,
    _folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().canonicalize().unwrap();
        fs::write(at.join("hupd.toml"), "first").unwrap();
        let inbox = Inbox::new();
        let watch = ConfigWatch::start(inbox.outbox()).unwrap();
        let scene = Self {
            inbox,
            watch,
            at,
            _folder: folder,
        };
        scene.follow(&["hupd.toml"]);
        scene
    }

    /// Nobody knows what happened before they were watched: they are told once.
    fn follow(&self, names: &[&str]) {
        let files = names.iter().map(|name| self.at.join(name)).collect();
        self.watch.follow(files);
        self.is_told();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.at.join(name)
    }

    /// Waits for the change to be told.
    fn is_told(&self) {
        loop {
            match self.inbox.next() {
                Event::FilesChanged => return,
                Event::Watching(watching) => assert_eq!(watching, Watching::Healthy),
                event => panic!("{event:?}"),
            }
        }
    }
}

#[test]
fn a_file_renamed_over_it_is_seen_every_time() {
    let scene = Scene::new();
    for round in 0..3 {
        fs::write(scene.path("hupd.toml.new"), format!("{round}")).unwrap();
        fs::rename(scene.path("hupd.toml.new"), scene.path("hupd.toml")).unwrap();
        scene.is_told();
    }
}

#[test]
fn a_file_written_in_place_is_seen() {
    let scene = Scene::new();
    fs::write(scene.path("hupd.toml"), "second").unwrap();
    scene.is_told();
}

#[test]
fn a_file_deleted_and_made_again_is_seen_every_time() {
    let scene = Scene::new();
    for round in 0..3 {
        fs::remove_file(scene.path("hupd.toml")).unwrap();
        scene.is_told();
        fs::write(scene.path("hupd.toml"), format!("{round}")).unwrap();
        scene.is_told();
    }
}

#[test]
fn a_config_map_that_is_swapped_is_seen_every_time() {
    let scene = Scene::new();
    let generation = |name: &str| {
        fs::create_dir(scene.path(name)).unwrap();
        fs::write(scene.path(name).join("jobs.toml"), name).unwrap();
    };
    generation("..0");
    symlink("..0", scene.path("..data")).unwrap();
    symlink("..data/jobs.toml", scene.path("jobs.toml")).unwrap();
    scene.follow(&["jobs.toml"]);
    for round in 1..=3 {
        let (old, new) = (format!("..{}", round - 1), format!("..{round}"));
        fs::create_dir(scene.path(&new)).unwrap();
        fs::write(scene.path(&new).join("jobs.toml"), &new).unwrap();
        symlink(&new, scene.path("..data_tmp")).unwrap();
        fs::rename(scene.path("..data_tmp"), scene.path("..data")).unwrap();
        fs::remove_dir_all(scene.path(&old)).unwrap();
        scene.is_told();
    }
}

#[test]
fn a_link_whose_target_is_edited_elsewhere_is_seen() {
    let scene = Scene::new();
    fs::create_dir(scene.path("elsewhere")).unwrap();
    fs::write(scene.path("elsewhere/target"), "one").unwrap();
    symlink("elsewhere/target", scene.path("link.toml")).unwrap();
    scene.follow(&["link.toml"]);
    fs::write(scene.path("elsewhere/target"), "two").unwrap();
    scene.is_told();
}

#[test]
fn an_included_folder_removed_and_made_again_is_followed_by_itself() {
    let scene = Scene::new();
    fs::create_dir(scene.path("conf.d")).unwrap();
    scene.follow(&["hupd.toml", "conf.d"]);
    for round in 0..3 {
        fs::write(scene.path("conf.d/a.toml"), format!("{round}")).unwrap();
        scene.is_told();
        fs::remove_dir_all(scene.path("conf.d")).unwrap();
        scene.is_told();
        fs::create_dir(scene.path("conf.d")).unwrap();
        scene.is_told();
    }
}

#[test]
fn the_folder_of_the_main_file_replaced_by_another_is_followed_by_itself() {
    let scene = Scene::new();
    fs::create_dir(scene.path("etc")).unwrap();
    fs::write(scene.path("etc/hupd.toml"), "one").unwrap();
    scene.follow(&["etc/hupd.toml"]);
    fs::create_dir(scene.path("new")).unwrap();
    fs::rename(scene.path("etc"), scene.path("old")).unwrap();
    fs::rename(scene.path("new"), scene.path("etc")).unwrap();
    scene.is_told();
    fs::write(scene.path("etc/hupd.toml"), "two").unwrap();
    scene.is_told();
}

#[test]
fn every_folder_on_the_way_replaced_by_another_is_seen_every_time() {
    let scene = Scene::new();
    fs::create_dir_all(scene.path("a/b/c")).unwrap();
    fs::write(scene.path("a/b/c/hupd.toml"), "first").unwrap();
    scene.follow(&["a/b/c/hupd.toml"]);
    for folder in ["a/b/c", "a/b", "a"] {
        for round in 0..3 {
            let old = scene.path(&format!("old-{}-{round}", folder.len()));
            fs::rename(scene.path(folder), &old).unwrap();
            scene.is_told();
            fs::rename(&old, scene.path(folder)).unwrap();
            scene.is_told();
        }
    }
}

#[test]
fn a_file_that_may_be_read_at_last_is_a_change() {
    let scene = Scene::new();
    for mode in [0o000, 0o644, 0o600] {
        fs::set_permissions(scene.path("hupd.toml"), Permissions::from_mode(mode)).unwrap();
        scene.is_told();
    }
}

#[test]
fn dropping_it_ends_its_thread() {
    let scene = Scene::new();
    let notes = scene.watch.notes.clone();
    drop(scene.watch);
    // The thread's end of the channel goes with it.
    let file = scene.at.join("hupd.toml");
    while notes.send(Note::Follow(vec![file.clone()])).is_ok() {
        thread::yield_now();
    }
}

#[test]
fn a_limit_that_is_reached_names_the_sysctl() {
    let error = WatchError::of(Errno::NOSPC, Path::new("/etc/hupd")).to_string();
    assert_eq!(
        error,
        "/etc/hupd: cannot be watched: no more watches for this user; \
         raise the sysctl fs.inotify.max_user_watches"
    );
    let error = WatchError::of(Errno::MFILE, Path::new("inotify"));
    assert!(error.to_string().contains("fs.inotify.max_user_instances"));
}
