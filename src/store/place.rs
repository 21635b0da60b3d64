//! Where the store is, and how a new one takes the place of one that is corrupt or gone.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

use super::opened::Opened;
use super::opening::Fault;
use super::{Recovered, StoreError, files, opening, recovery};

#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// What was moved aside, until there is a new one.
    moved: Option<String>,
    /// None while there is no store.
    opened: Option<Opened>,
}

impl Place {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            moved: None,
            opened: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn note_written(&mut self) {
        if let Some(opened) = &mut self.opened {
            opened.note_written();
        }
    }

    /// Why what is written does not come to where the store was opened, if so.
    pub(super) fn loss(&mut self) -> Option<&'static str> {
        self.opened.as_mut()?.loss(&self.path)
    }

    /// A store that cannot be read must not keep hupd from starting: it makes room for a new one.
    pub(super) fn open(
        &mut self,
        unreadable: Option<&str>,
        now: Timestamp,
    ) -> Result<(Connection, Recovered), StoreError> {
        let found = match unreadable {
            Some(why) => Err(Fault::Corrupt(why.to_owned())),
            None => open_and_recover(&self.path),
        };
        let why = match found {
            Err(Fault::Corrupt(why)) => why,
            usable => {
                self.settle();
                return usable.map_err(|fault| self.failed(&fault));
            }
        };
        let moved = self.make_room(&why, now)?;
        let opened = open_and_recover(&self.path);
        let (connection, mut recovered) = opened.map_err(|fault| self.failed(&fault))?;
        recovered.moved_aside = Some(moved);
        self.settle();
        Ok((connection, recovered))
    }

    /// A new store, to write and to read, where the one before is closed; and what became of that.
    pub(super) fn begin_anew(
        &mut self,
        why: &str,
        now: Timestamp,
    ) -> Result<(Connection, Connection, String), StoreError> {
        let moved = self.make_room(why, now)?;
        let writing = opening::open_to_write(&self.path).map_err(|fault| self.failed(&fault))?;
        let reading = self.open_to_read()?;
        Ok((writing, reading, moved))
    }

    pub(super) fn open_to_read(&self) -> Result<Connection, StoreError> {
        opening::open_to_read(&self.path).map_err(|fault| self.failed(&fault))
    }

    /// The new store is in use: what comes to be wrong with it is another matter.
    pub(super) fn settle(&mut self) {
        self.moved = None;
        self.opened = Opened::at(&self.path);
    }

    /// Only once, however often it takes to make a new one: what is there then is the beginning of that.
    fn make_room(&mut self, why: &str, now: Timestamp) -> Result<String, StoreError> {
        self.opened = None;
        let moved = match &self.moved {
            Some(moved) => moved,
            None => {
                let kept = files::move_aside(&self.path, now)?.map_or_else(
                    || "nothing is left of it".to_owned(),
                    |aside| format!("it is kept as {}", aside.display()),
                );
                let path = self.path.display();
                self.moved.insert(format!(
                    "{path}: cannot be read: {why}; {kept}, and a new history begins"
                ))
            }
        };
        // With the mode of a new store, which SQLite by itself would not give it.
        if let Some(state_dir) = self.path.parent() {
            files::prepare(state_dir)?;
        }
        Ok(moved.clone())
    }

    fn failed(&self, why: &dyn std::fmt::Display) -> StoreError {
        StoreError(format!("{}: {why}", self.path.display()))
    }
}

fn open_and_recover(path: &Path) -> Result<(Connection, Recovered), Fault> {
    let connection = opening::open_to_write(path)?;
    let recovered = recovery::recover(&connection)?;
    Ok((connection, recovered))
}
