//! The files, and what is refused or moved aside.

use super::*;

#[test]
fn a_new_store_knows_nothing_and_is_for_its_owner_alone() {
    let place = Place::new();
    let (store, recovered) = place.open();
    assert_eq!(recovered.last_run, None);
    assert_eq!(recovered.last_generation, None);
    assert!(recovered.anchors.is_empty() && recovered.open.is_empty());
    place.claim(&store, claim(1, "a", 60));
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.dir()), 0o700);
    assert_eq!(mode(&place.file()), 0o600);
    assert_eq!(mode(&place.dir().join("hupd.db-wal")), 0o600);
}

#[test]
fn a_file_that_is_no_database_is_moved_aside() {
    let place = Place::new();
    fs::create_dir(place.dir()).unwrap();
    fs::write(place.file(), "no database at all, ".repeat(100)).unwrap();
    let (store, recovered) = place.open();
    let said = recovered.moved_aside.unwrap();
    let aside = place.dir().join("hupd.db.corrupt-19700101T001640Z");
    let expected = format!(
        "{}: cannot be read: file is not a database; it is kept as {}, and a new history begins",
        place.file().display(),
        aside.display()
    );
    assert_eq!(said, expected);
    assert!(fs::read_to_string(aside).unwrap().starts_with("no data"));
    assert_eq!(place.claim(&store, claim(1, "a", 60)), Claimed::Yes);
    let mode = place.file().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_damaged_store_is_moved_aside() {
    let place = Place::new();
    let store = place.store();
    store.claim((1..=2000).map(|run| claim(run, "a", run as i64)).collect());
    store.close();
    let mut bytes = fs::read(place.file()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0x55);
    fs::write(place.file(), &bytes).unwrap();
    let (_, recovered) = place.open();
    assert!(recovered.moved_aside.is_some());
    assert_eq!(recovered.last_run, None);
}

#[test]
fn a_store_that_was_cut_off_is_moved_aside() {
    let place = Place::new();
    let store = place.store();
    store.claim((1..=2000).map(|run| claim(run, "a", run as i64)).collect());
    store.close();
    let bytes = fs::read(place.file()).unwrap();
    fs::write(place.file(), &bytes[..bytes.len() / 2]).unwrap();
    let (_, recovered) = place.open();
    assert!(recovered.moved_aside.is_some());
}

#[test]
fn a_store_of_a_newer_version_is_refused_untouched() {
    let place = Place::new();
    place.store().close();
    place
        .shell()
        .execute_batch("PRAGMA user_version = 7")
        .unwrap();
    let before = fs::read(place.file()).unwrap();
    let error = place.try_open(&place.dir()).err().unwrap();
    let file = place.file();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: the store is of version 7, this hupd knows versions up to 3",
            file.display()
        )
    );
    assert_eq!(fs::read(file).unwrap(), before);
}

#[test]
fn a_database_of_something_else_is_refused() {
    let place = Place::new();
    fs::create_dir(place.dir()).unwrap();
    for what in [
        "CREATE TABLE t (x)",
        "PRAGMA user_version = 3",
        "PRAGMA user_version = 99",
        "DROP TABLE t; PRAGMA user_version = 0; PRAGMA application_id = 17",
    ] {
        place.shell().execute_batch(what).unwrap();
        let before = fs::read(place.file()).unwrap();
        let error = place.try_open(&place.dir()).err().unwrap().to_string();
        assert!(
            error.contains("a database of another program, and not a store of hupd"),
            "{what}: {error}"
        );
        assert_eq!(fs::read(place.file()).unwrap(), before, "{what}");
    }
}

#[test]
fn a_state_dir_that_is_a_file_is_refused_with_the_reason() {
    let place = Place::new();
    let dir = place.folder.path().join("file");
    fs::write(&dir, "").unwrap();
    let error = place.try_open(&dir).err().unwrap().to_string();
    let start = format!("{}: cannot make the state directory: ", dir.display());
    assert!(error.starts_with(&start), "{error}");
    let below = place.try_open(&dir.join("state")).err().unwrap();
    assert!(below.to_string().contains("not a directory"), "{below}");
}
