//! Cgroups on a hierarchy of this machine, where one is delegated, and by their files alone.

use std::fs;
use std::path::Path;

use super::*;

/// What a kernel before 5.14, and without processes, shows.
fn folder_of_files(folder: &Path, events: &str) {
    fs::write(folder.join("cgroup.events"), events).unwrap();
    fs::write(folder.join("cgroup.procs"), "").unwrap();
}

fn at(folder: &Path) -> Delegation {
    Delegation::at(folder)
}

#[test]
fn no_cgroup_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let delegation = at(folder.path());
    let first = delegation.make().unwrap();
    let path = first.path.clone();
    fs::create_dir(path.join("made by a job")).unwrap();
    first.release();
    assert!(!path.exists());
    assert_ne!(delegation.make().unwrap().path, path);
}

#[test]
fn what_the_kernel_says_of_a_cgroup_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let cgroup = at(folder.path()).make().unwrap();
    folder_of_files(&cgroup.path, "populated 1\nfrozen 0\n");
    assert!(cgroup.is_populated());
    folder_of_files(&cgroup.path, "populated 0\nfrozen 0\n");
    assert!(!cgroup.is_populated());
    fs::remove_dir_all(&cgroup.path).unwrap();
    assert!(!cgroup.is_populated());
}

#[test]
fn one_of_an_earlier_hupd_is_found_unless_another_one_has_its_path_now() {
    let folder = tempfile::tempdir().unwrap();
    let home = at(folder.path()).make().unwrap().home();
    let another = Home {
        inode: home.inode + 1,
        ..home.clone()
    };
    assert_eq!(Cgroup::find(&home).unwrap().path, home.path);
    assert!(Cgroup::find(&another).is_none());
    let own = std::process::id().to_string();
    fs::write(home.path.join("cgroup.procs"), format!("1\n{own}\n")).unwrap();
    assert!(Cgroup::find(&home).is_none(), "we live there");
    fs::remove_dir_all(&home.path).unwrap();
    assert!(Cgroup::find(&home).is_none());
}

#[test]
fn only_what_is_of_this_hupd_or_of_one_that_is_gone_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let own = format!("hupd.{}.7", std::process::id());
    // No process has a number as high as that.
    let gone = "hupd.2000000000.0";
    for name in [&*own, gone, "hupd.1.0", "hupd.x.0", "system.slice"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::create_dir(folder.path().join(gone).join("within")).unwrap();
    at(folder.path()).clean_up();
    let left = fs::read_dir(folder.path()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["hupd.1.0", "hupd.x.0", "system.slice"]);
}
