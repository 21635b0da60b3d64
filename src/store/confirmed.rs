//! What was in force before something that has to be confirmed, for as long as nobody has.

use rusqlite::{Connection, params};

use crate::config::SourceFile;

use super::columns::{PathBytes, Whole, whole};

/// The files of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub generation: u64,
    /// The main file first.
    pub files: Vec<SourceFile>,
}

pub(super) fn write_unconfirmed(connection: &Connection, kept: &Kept) -> rusqlite::Result<()> {
    forget_unconfirmed(connection)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO confirmed_files (generation, path, text) VALUES (?1, ?2, ?3)",
    )?;
    for file in &kept.files {
        let path = PathBytes(file.path.as_path());
        insert.execute(params![whole(kept.generation), path, &*file.text])?;
    }
    Ok(())
}

pub(super) fn forget_unconfirmed(connection: &Connection) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM confirmed_files")?;
    delete.execute([]).map(|_| ())
}

pub(super) fn write_confirmed(
    connection: &Connection,
    generation: u64,
    by: &str,
) -> rusqlite::Result<()> {
    forget_unconfirmed(connection)?;
    connection
        .prepare_cached("UPDATE generations SET confirmed_by = ?2 WHERE accepted AND number = ?1")?
        .execute(params![whole(generation), by])
        .map(|_| ())
}

pub(super) fn unconfirmed(connection: &Connection) -> rusqlite::Result<Option<Kept>> {
    let mut rows =
        connection.prepare("SELECT generation, path, text FROM confirmed_files ORDER BY rowid")?;
    let mut rows = rows.query([])?;
    let mut kept: Option<Kept> = None;
    while let Some(row) = rows.next()? {
        let generation = row.get::<_, Whole>(0)?.0;
        let files = Vec::new();
        let kept = kept.get_or_insert(Kept { generation, files });
        kept.files.push(SourceFile {
            path: row.get::<_, PathBytes<_>>(1)?.0,
            text: row.get::<_, String>(2)?.into(),
        });
    }
    Ok(kept)
}
