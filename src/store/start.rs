//! What a start may take in place of the file, read before anything is opened to be written.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row};

use crate::config::SourceFile;

use super::columns::Whole;
use super::confirmed::{Kept, unconfirmed};
use super::kept::texts;
use super::opening::{Fault, open_to_read};
use super::{StoreError, files, schema};

/// What there is besides the file.
#[derive(Debug, Default)]
pub struct ForStart {
    /// What was in force before something that nobody has confirmed.
    pub confirmed: Option<Kept>,
    /// What was accepted last, with the number of the generation whose text it is.
    pub last: Option<Kept>,
}

/// Nothing where there is no store yet, nor one that can be used: what is wrong with it, whoever opens it will say.
pub fn for_start(state_dir: &Path) -> Result<ForStart, StoreError> {
    let path = state_dir.join(files::NAME);
    if !path.exists() || files::unreadable(state_dir).is_some() {
        return Ok(ForStart::default());
    }
    let failed = |fault: Fault| StoreError(format!("{}: {}", path.display(), in_words(fault)));
    let connection = open_to_read(&path).map_err(failed)?;
    ForStart::of(&connection).map_err(|why| failed(why.into()))
}

/// With what becomes of it: whoever starts hupd reads no log.
fn in_words(fault: Fault) -> String {
    match fault {
        Fault::Corrupt(why) => format!(
            "cannot be read: {why}; nothing can be taken from there, and a hupd that starts moves it aside and begins a new \
             history"
        ),
        Fault::Unusable(why) => why,
    }
}

impl ForStart {
    /// What an earlier version of hupd has kept is left alone: nothing is migrated here.
    pub fn of(connection: &Connection) -> rusqlite::Result<Self> {
        if !schema::is_current(connection)? {
            return Ok(Self::default());
        }
        Ok(Self {
            confirmed: unconfirmed(connection)?,
            last: last(connection)?,
        })
    }
}

fn last(connection: &Connection) -> rusqlite::Result<Option<Kept>> {
    let sql = "SELECT coalesce(text_of, number), files FROM generations
       WHERE accepted AND files IN (SELECT generation FROM generation_files)
       ORDER BY id DESC LIMIT 1";
    let row = |row: &Row<'_>| Ok((row.get::<_, Whole>(0)?.0, row.get(1)?));
    let Some((generation, files)) = connection.query_row(sql, [], row).optional()? else {
        return Ok(None);
    };
    let files = texts(connection, files)?.into_iter();
    let files = files.map(|file| SourceFile {
        path: file.path,
        text: file.text.into(),
    });
    Ok(Some(Kept {
        generation,
        files: files.collect(),
    }))
}
