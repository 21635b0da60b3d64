//! A store that turns out to be corrupt or gone, and the one that takes its place.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Health, Recorder};
use crate::event::Event;
use crate::store::commit::commit;
use crate::store::{StoreError, opening};

impl Recorder {
    pub(in crate::store) fn note_corruption(&mut self, error: &rusqlite::Error) {
        if opening::is_corrupt(error) {
            self.corruption.get_or_insert(error.to_string());
        }
    }

    /// What is written does not come to where the next hupd looks, as this says.
    pub(in crate::store) fn note_loss(&mut self, why: &str) {
        self.corruption.get_or_insert(why.to_owned());
    }

    pub(in crate::store) fn corruption(&self) -> Option<&str> {
        self.corruption.as_deref()
    }

    /// Closes the store. Until there is another one nothing can be written.
    pub(in crate::store) fn let_go(&mut self) -> rusqlite::Result<()> {
        let closed = std::mem::replace(&mut self.connection, Connection::open_in_memory()?);
        // What is wrong with it is known.
        let _ = closed.close();
        Ok(())
    }

    /// There is nothing to write into yet, for that reason.
    pub(in crate::store) fn cannot_go_on(&mut self, corruption: &str, why: &str) {
        let reason = format!("{corruption}; a new one cannot be begun: {why}");
        if !self.is_failing() {
            self.health = Health::failing(reason.clone());
        }
        self.say(Event::StoreFailed(reason));
    }

    /// Goes on with an empty store. What is not over comes into it before what is owed, which may be of that.
    pub(in crate::store) fn begin_anew(
        &mut self,
        connection: Connection,
        moved: String,
        at: Timestamp,
    ) {
        self.connection = connection;
        self.corruption = None;
        self.say(Event::StoreReplaced(moved));
        let was_well = !self.is_failing();
        if was_well {
            self.health = Health::failing("nothing is written there yet".to_owned());
        }
        let in_hand = std::mem::take(&mut self.in_hand).into_records();
        self.retention.note(&in_hand, at);
        if let Health::Failing { backlog, .. } = &mut self.health {
            // None of it is dropped there, should the new one fail as well.
            backlog.put_first(in_hand);
        }
        match was_well {
            true => self.take_over(at),
            false => self.try_again(at),
        }
    }

    /// Nobody was told of a failure, and so nobody hears that one is over.
    fn take_over(&mut self, at: Timestamp) {
        if let Err(error) = self.settle_backlog(at) {
            self.wait_for_locks(Duration::ZERO);
            self.note_corruption(&error);
            if let Health::Failing { why, .. } = &mut self.health {
                *why = error.to_string();
            }
            self.say(Event::StoreFailed(error.to_string()));
            return self.say_owes();
        }
        match &self.health {
            Health::Failing { backlog, .. } if backlog.lost() > 0 => self.recovered(),
            _ => self.health = Health::WELL,
        }
    }

    /// A store as one begins that takes the place of this one, with what is not over.
    pub fn successor(&self, at: Timestamp) -> Result<Connection, StoreError> {
        let mut connection = Self::database_in_memory()?;
        let records = self.in_hand.clone().into_records();
        commit(&mut connection, &records, at).map_err(|why| StoreError(why.to_string()))?;
        Ok(connection)
    }
}
