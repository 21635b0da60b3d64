//! Clients that follow a run: told how it goes from wherever it is until it is over.

use std::collections::HashMap;

use super::answers::accepted;
use super::{Daemon, World, rows};
use crate::clock::Moment;
use crate::engine::State;
use crate::event::{Follow, Heard, Listener, Piece, Started, ToFollow};
use crate::ledger::{Failed, Loss, RunEnd};
use crate::protocol::{OutputOf, RunRow};
use crate::run::{JobName, Occurrence, Output, RunId};
use crate::store::Question;

/// Those who follow one attempt of a run, and what is known of that so far.
#[derive(Debug)]
struct Followed {
    /// While the run waits for this attempt, of the one before.
    row: RunRow,
    attempt: u32,
    listeners: Vec<Listener>,
}

impl Followed {
    /// Whoever has not heard all of what is kept hears it now.
    fn tell(mut self, end: &RunEnd, output: &Output, how: fn(Box<RunRow>) -> Heard) {
        rows::complete(&mut self.row, end);
        let kept = Piece::of_kept(output).map(Heard::Kept);
        for listener in self.listeners {
            listener.hear_all(kept.to_vec());
            listener.hear(how(Box::new(self.row.clone())));
        }
    }
}

/// By run.
#[derive(Debug, Default)]
pub struct Followers(HashMap<RunId, Followed>);

impl Followers {
    fn add(&mut self, (row, attempt): (RunRow, u32), listener: Listener) {
        let followed = self.0.entry(row.run);
        let followed = followed.or_insert(Followed {
            row,
            attempt,
            listeners: Vec::new(),
        });
        followed.listeners.retain(|listener| !listener.is_gone());
        followed.listeners.push(listener);
    }

    /// Those who want to hear what the process writes.
    pub fn of(&self, run: RunId) -> &[Listener] {
        let followed = self.0.get(&run);
        followed.map_or(&[], |followed| &followed.listeners)
    }

    pub fn started(&mut self, started: &Started) {
        if let Some(followed) = self.0.get_mut(&started.run) {
            followed.row.attempt = followed.attempt;
            followed.row.pid = Some(started.pid);
            followed.row.started_at = Some(started.at.wall);
        }
    }

    pub fn ended(&mut self, end: &RunEnd) {
        if let Some(mut followed) = self.0.remove(&end.run) {
            followed.row.attempt = followed.attempt;
            followed.tell(end, &end.output, Heard::Ended);
        }
    }

    /// The next attempt will not come. What the one before it wrote was told as that of another one.
    pub fn rest_ended(&mut self, end: &RunEnd) {
        if let Some(followed) = self.0.remove(&end.run) {
            followed.tell(end, &Output::default(), Heard::Ended);
        }
    }

    /// An attempt has ended, and another one follows.
    pub fn failed(&mut self, failed: &Failed) {
        if let Some(mut followed) = self.0.remove(&failed.end.run) {
            followed.row.attempt = failed.attempt;
            followed.row.next_attempt_at = Some(failed.next_at);
            followed.tell(&failed.end, &failed.end.output, Heard::Failed);
        }
    }

    /// The run of an earlier hupd is over: what it wrote went there.
    pub fn lost(&mut self, loss: &Loss) {
        let Some(Followed {
            mut row, listeners, ..
        }) = self.0.remove(&loss.run)
        else {
            return;
        };
        rows::lose(&mut row, loss);
        for listener in listeners {
            listener.hear(Heard::Ended(Box::new(row.clone())));
        }
    }

    /// The run will never start.
    pub fn refused(&mut self, run: RunId, why: &str) {
        let followed = self.0.remove(&run);
        for listener in followed.into_iter().flat_map(|followed| followed.listeners) {
            listener.hear(Heard::NeverStarts(why.to_owned()));
        }
    }

    /// An occurrence that waited for a place is not going to start any more.
    pub fn skipped(&mut self, occurrence: &Occurrence, why: &str) {
        let mut followed = self.0.values();
        let run = followed.find(|followed| rows::is_of(&followed.row, occurrence));
        if let Some(run) = run.map(|followed| followed.row.run) {
            self.refused(run, why);
        }
    }
}

impl<W: World> Daemon<W> {
    pub(super) fn follow(&mut self, follow: Follow, now: Moment) {
        match follow.what {
            ToFollow::Output(of) => self.follow_output(of, follow.listener),
            ToFollow::NewRunOf(job) => self.run_followed(&job, follow.listener, now),
        }
    }

    fn run_followed(&mut self, name: &str, listener: Listener, now: Moment) {
        let (decision, effects) = self.engine.request(&JobName::new(name), now);
        match accepted(name, decision) {
            Ok(run) => self.follow_output(OutputOf::Run(run), listener),
            Err(refusal) => listener.hear(Heard::Refused(refusal)),
        }
        self.perform(effects);
    }

    /// What is to come from whoever knows more of it, what has been from the store: one attempt of a run, the first one
    /// where none is named.
    fn follow_output(&mut self, of: OutputOf, listener: Listener) {
        let (row, attempt) = match self.to_come(of) {
            Ok(coming) => coming,
            Err((of, missing)) => {
                return self.world.ask(Question::Follow {
                    of,
                    missing,
                    listener,
                });
            }
        };
        let run = row.run;
        listener.hear(Heard::Run(run));
        // A start that is still to be ordered takes its followers with it.
        let state = self.engine.run(run).map(|run| run.state);
        if state.is_some_and(|state| {
            state.process().is_some() || matches!(state, State::Starting { .. })
        }) {
            self.world.follow(run, listener.clone());
        }
        self.followers.add((row, attempt), listener);
    }

    /// The run whose attempt is not over, and that attempt; else what to look for in the store, and what to say where it is not there.
    fn to_come(&self, of: OutputOf) -> Result<(RunRow, u32), (OutputOf, Vec<Heard>)> {
        let wanted = match of {
            OutputOf::Attempt(_, attempt) => attempt,
            OutputOf::Run(_) | OutputOf::LastOf(_) => 1,
        };
        let Some(row) = self.not_over(&of) else {
            let missing = Heard::Refused(self.missing(&of));
            return Err((of, vec![missing]));
        };
        let state = self.engine.run(row.run).map(|run| run.state);
        let is_resting = matches!(state, Some(State::Resting { .. }));
        let coming = row.attempt + u32::from(is_resting);
        if wanted == coming {
            return Ok((row, coming));
        }
        let of = OutputOf::Attempt(row.run, wanted);
        let missing = match wanted < coming {
            true => {
                let unknown = RunRow {
                    attempt: coming - 1,
                    pid: None,
                    started_at: None,
                    ..row
                };
                vec![Heard::Run(unknown.run), Heard::Failed(Box::new(unknown))]
            }
            false => vec![Heard::Refused(self.missing(&of))],
        };
        Err((of, missing))
    }

    fn not_over(&self, of: &OutputOf) -> Option<RunRow> {
        let run = match of {
            OutputOf::Run(run) | OutputOf::Attempt(run, _) => *run,
            OutputOf::LastOf(job) => self.engine.runs_of(&JobName::new(job)).pop()?,
        };
        if let Some(run) = self.engine.run(run) {
            return Some(rows::run(run));
        }
        let occurrence = self.engine.waiting_for(run)?;
        let generation = self.engine.generation();
        Some(rows::not_started(run, occurrence, generation))
    }
}
