//! Cgroups on a hierarchy of this machine, where one is delegated, and by their files alone.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command};

use super::*;
use crate::system::testing::until;

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
    let others = ["hupd.1.0", "hupd.1.x", "hupd.2000000000.x", "hupd.x.0"];
    for name in [&[&*own, gone, "system.slice"], &others[..]].concat() {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::create_dir(folder.path().join(gone).join("within")).unwrap();
    at(folder.path()).clean_up();
    let left = fs::read_dir(folder.path()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [&others[..], &["system.slice"]].concat());
}

#[test]
fn a_name_that_is_taken_is_left_to_whoever_lives_there() {
    let folder = tempfile::tempdir().unwrap();
    let next = MADE.load(Ordering::Relaxed);
    let taken = |number| format!("hupd.{}.{number}", std::process::id());
    // Other tests take numbers as well.
    for number in next..next + 100 {
        fs::create_dir_all(folder.path().join(taken(number)).join("lives")).unwrap();
    }
    let made = at(folder.path()).make().unwrap();
    assert_eq!(fs::read_dir(&made.path).unwrap().count(), 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 101);
}

/// A process that lives in that cgroup.
#[expect(clippy::disallowed_methods, reason = "a child that no source watches")]
fn inhabitant(cgroup: &Path) -> Child {
    let child = Command::new("sleep").arg("60").spawn().unwrap();
    fs::write(cgroup.join("cgroup.procs"), child.id().to_string()).unwrap();
    child
}

/// A cgroup of this test alone, in which it may make others: parallel tests remove what is empty of this process.
/// None, said loudly, where none is delegated.
fn own_delegation(name: &str) -> Option<Delegation> {
    let Some(found) = Delegation::find() else {
        // Not `eprintln!`: the test runner swallows that, and nobody would know.
        let why = "SKIPPED: cgroups of the kernel: none is delegated here";
        let _ = writeln!(std::io::stderr(), "{why}");
        return None;
    };
    let folder = format!("hupd-test-{}-{name}", std::process::id());
    let folder = found.folder.join(folder);
    fs::create_dir(&folder).unwrap();
    Some(at(&folder))
}

#[test]
fn what_is_done_to_a_cgroup_never_meets_another_one_of_its_name() {
    let Some(delegation) = own_delegation("name") else {
        return;
    };
    let cgroup = delegation.make().unwrap();
    let path = cgroup.path.clone();
    fs::remove_dir(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let mut child = inhabitant(&path);

    assert!(Cgroup::find(&cgroup.home()).is_none());
    assert_eq!(cgroup.members(), []);
    assert!(!cgroup.is_populated());
    assert!(cgroup.open_folder().is_err() && cgroup.open_procs().is_err());
    cgroup.signal_outside(Pid::from_child(&child), Signal::KILL);
    cgroup.kill().unwrap();
    assert_eq!(child.try_wait().unwrap(), None);

    Cgroup::at(path.clone()).unwrap().kill().unwrap();
    child.wait().unwrap();
    cgroup.release();
    assert!(path.exists(), "it is empty, and another one");
    until(|| fs::remove_dir(&path).is_ok());
    fs::remove_dir(&*delegation.folder).unwrap();
}

#[test]
fn a_cgroup_has_those_as_well_that_live_further_within() {
    let Some(delegation) = own_delegation("within") else {
        return;
    };
    let cgroup = delegation.make().unwrap();
    let within = cgroup.path.join("a/b");
    fs::create_dir_all(&within).unwrap();
    let mut children = [inhabitant(&cgroup.path), inhabitant(&within)];
    let expected = children.each_ref().map(Child::id);
    let members = cgroup.members().into_iter();
    let members: Vec<_> = members
        .map(|pid| pid.as_raw_pid().cast_unsigned())
        .collect();
    assert_eq!(members, expected);

    // It leads no group.
    let group = Pid::from_child(&children[0]);
    cgroup.signal_outside(group, Signal::KILL);
    for child in &mut children {
        child.wait().unwrap();
    }
    until(|| !cgroup.is_populated());
    cgroup.release();
    fs::remove_dir(&*delegation.folder).unwrap();
}
