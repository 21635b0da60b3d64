//! One holder at a time, whatever lies in the place of the file.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::*;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hupd.pid");
    (folder, path)
}

fn refusal(path: &Path) -> String {
    let error = LockFile::acquire(path).unwrap_err().to_string();
    error.replace(&format!("{}: ", path.display()), "")
}

#[test]
fn the_file_holds_our_process_id_and_goes_with_us() {
    let (_folder, path) = place();
    let lock = LockFile::acquire(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), our_pid());
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o133, 0);
    lock.remove().unwrap();
    assert!(!path.exists());
}

#[test]
fn a_second_one_is_refused_by_the_lock_and_told_the_holder() {
    let (_folder, path) = place();
    let _lock = LockFile::acquire(&path).unwrap();
    let held = format!("held by a running hupd (pid {})", std::process::id());
    assert_eq!(refusal(&path), held);
    assert_eq!(fs::read_to_string(&path).unwrap(), our_pid());
}

/// A process that has a lock when this returns, and ends when its input does.
#[expect(clippy::disallowed_methods, reason = "another process is the point")]
fn holder(program: &str, arguments: &[&str]) -> Child {
    let mut holder = std::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut output = BufReader::new(holder.stdout.take().unwrap());
    output.read_line(&mut said).unwrap();
    holder
}

#[test]
fn a_lock_held_by_another_process_counts() {
    let (_folder, path) = place();
    fs::write(&path, "4711\n").unwrap();
    let lock = path.to_str().unwrap();
    let mut holder = holder("flock", &[lock, "sh", "-c", "echo held; read stop"]);
    // Who took it counts, and not what stands in the file.
    let held = format!("held by a running hupd (pid {})", holder.id());
    assert_eq!(refusal(&path), held);

    drop(holder.stdin.take());
    holder.wait().unwrap();
    LockFile::acquire(&path).unwrap();
}

/// As a process that was being started when its hupd ended.
#[test]
fn what_has_the_lock_of_one_that_is_gone_is_named() {
    let (_folder, path) = place();
    // A number that nobody has.
    fs::write(&path, "4194305\n").unwrap();
    let script = "exec 9<\"$0\"; flock 9; echo held; read stop";
    let mut holder = holder("sh", &["-c", script, path.to_str().unwrap()]);
    let pid = holder.id();
    assert_eq!(
        refusal(&path),
        format!(
            "held by process {pid}, which a hupd that has ended (pid 4194305) was just starting, and which hangs: \
             end it with 'kill -KILL {pid}', or wait until its program, files and folders answer"
        )
    );
    holder.kill().unwrap();
    holder.wait().unwrap();
    LockFile::acquire(&path).unwrap();
}

#[test]
fn a_holder_out_of_sight_is_not_taken_for_a_running_hupd_of_that_number() {
    let (_folder, path) = place();
    let held = LockError::Held {
        path: path.clone(),
        by: Holder::OutOfSight(4711),
    };
    let begin = format!(
        "{}: held by somebody out of sight, and the hupd that",
        path.display()
    );
    assert!(held.to_string().starts_with(&begin), "{held}");
    assert!(
        held.to_string()
            .contains(&format!("'fuser -v {}' names", path.display()))
    );
}

#[test]
fn a_stale_file_is_taken_over_whatever_it_says() {
    let (_folder, path) = place();
    fs::write(&path, "1\nand much more that is longer than a number\n").unwrap();
    let _lock = LockFile::acquire(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), our_pid());
}

#[test]
fn a_symbolic_link_is_refused_and_its_target_left_alone() {
    let (folder, path) = place();
    let target = folder.path().join("precious");
    fs::write(&target, "keep").unwrap();
    symlink(&target, &path).unwrap();
    assert_eq!(refusal(&path), "is a symbolic link, not a pid file of hupd");
    assert_eq!(fs::read_to_string(&target).unwrap(), "keep");
    assert!(path.is_symlink());
}

#[test]
fn a_hard_link_is_refused_and_left_alone() {
    let (folder, path) = place();
    let target = folder.path().join("precious");
    fs::write(&target, "keep").unwrap();
    fs::hard_link(&target, &path).unwrap();
    let refused = refusal(&path);
    assert!(refused.starts_with("is a hard link"), "{refused}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "keep");
}

#[test]
fn a_directory_and_a_socket_are_refused() {
    let (_folder, path) = place();
    fs::create_dir(&path).unwrap();
    assert!(refusal(&path).starts_with("is a directory"));
    fs::remove_dir(&path).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(refusal(&path).starts_with("is not a regular file"));
}

#[test]
fn a_missing_folder_is_named() {
    let (folder, _) = place();
    let path = folder.path().join("none/hupd.pid");
    let refused = refusal(&path);
    assert!(
        refused.starts_with("cannot be locked: no such file"),
        "{refused}"
    );
}

#[test]
fn what_was_removed_is_put_back() {
    let (_folder, path) = place();
    let mut lock = LockFile::acquire(&path).unwrap();
    assert_eq!(lock.restore().unwrap(), Restored::WasInPlace);
    fs::remove_file(&path).unwrap();
    assert_eq!(lock.restore().unwrap(), Restored::Again);
    assert!(refusal(&path).starts_with("held"));
}

#[test]
fn the_file_of_another_is_not_removed() {
    let (_folder, path) = place();
    let lock = LockFile::acquire(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "another").unwrap();
    lock.remove().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "another");
}
