//! From the engine's state to the rows that clients are shown.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Moment;
use crate::config::Job;
use crate::engine::{Engine, Hang, Lack, Phase, Run, State, Waiting};
use crate::forecast::zone_of;
use crate::ledger::{Loss, Pause, RunEnd};
use crate::protocol::{
    HangingRow, JobRow, PauseRow, PhaseRow, PolicyRow, RunRow, RunningRow, Shortage, WaitingRow,
};
use crate::run::{Generation, Occurrence, Outcome, RunId};

pub fn phase(phase: Phase, now: Moment) -> PhaseRow {
    match phase {
        Phase::Serving => PhaseRow::Serving,
        Phase::Draining { stop_at } => PhaseRow::Draining {
            stop_signals_at: on_the_wall(stop_at, now),
        },
        Phase::Stopping | Phase::Killing => PhaseRow::Stopping,
    }
}

pub fn running(run: &Run, engine: &Engine, now: Moment) -> RunningRow {
    let (limit_at, state) = match run.state {
        State::Claiming { .. } | State::Starting { .. } => (None, "starting"),
        State::Short | State::Resting { .. } => (None, "waiting"),
        State::Alive { limit_at, .. } => (limit_at, "running"),
        State::Stopping { .. } => (None, "stopping"),
    };
    let process = run.state.process();
    RunningRow {
        run: run.id,
        job: run.job.name.to_string(),
        pid: process.map(|process| process.pid),
        trigger: run.occurrence.trigger,
        scheduled_for: run.occurrence.instant,
        started_at: process.map(|process| process.since.wall),
        starting_since: starting_since(run),
        shortage: shortage(run, engine, now),
        limit_at: limit_at.map(|at| on_the_wall(at, now)),
        state: state.to_owned(),
        generation: run.generation.0,
        attempt: run.attempt,
        attempts: run.job.retry.as_ref().map_or(1, |retry| retry.attempts),
        next_attempt_at: next_attempt_at(run, now),
    }
}

pub fn starting_since(run: &Run) -> Option<Timestamp> {
    match run.state {
        State::Starting { since, .. } => Some(since.wall),
        _ => None,
    }
}

/// Why it has no process yet, where there is nothing to make it of.
pub fn shortage(run: &Run, engine: &Engine, now: Moment) -> Option<Shortage> {
    let (Lack { reason, since }, next_try) = engine.lack_of(run)?;
    Some(Shortage {
        reason,
        since,
        next_try_at: on_the_wall(next_try, now),
    })
}

pub fn hanging(hang: &Hang) -> HangingRow {
    HangingRow {
        run: hang.run,
        job: hang.job.to_string(),
        since: hang.since,
    }
}

fn next_attempt_at(run: &Run, now: Moment) -> Option<Timestamp> {
    match run.state {
        State::Resting { until } => Some(on_the_wall(until, now)),
        _ => None,
    }
}

pub fn waiting(waiting: &Waiting, engine: &Engine) -> WaitingRow {
    let occurrence = &waiting.occurrence;
    WaitingRow {
        run: waiting.run,
        job: occurrence.job.to_string(),
        trigger: occurrence.trigger,
        scheduled_for: occurrence.instant,
        starts_at: waiting.starts_at,
        why: engine.why_waits(waiting),
    }
}

pub fn run(run: &Run) -> RunRow {
    let process = run.state.process();
    RunRow {
        attempt: run.attempt,
        pid: process.map(|process| process.pid),
        started_at: process.map(|process| process.since.wall),
        ..not_started(run.id, &run.occurrence, run.generation)
    }
}

/// A run that has a number and an occurrence, and no process yet.
pub fn not_started(id: RunId, occurrence: &Occurrence, generation: Generation) -> RunRow {
    RunRow {
        run: id,
        job: occurrence.job.to_string(),
        trigger: occurrence.trigger,
        scheduled_for: occurrence.instant,
        generation: generation.0,
        pid: None,
        started_at: None,
        ended_at: None,
        outcome: None,
        exit_code: None,
        signal: None,
        stopped_by: None,
        duration_seconds: None,
        cpu_seconds: None,
        peak_memory_bytes: None,
        output_bytes: None,
        note: None,
        survivors: Vec::new(),
        success: None,
        attempt: 1,
        next_attempt_at: None,
    }
}

/// A run that was killed while it waited for a place: it is over, and has no outcome.
pub fn never_started(
    id: RunId,
    occurrence: &Occurrence,
    generation: Generation,
    now: Moment,
) -> RunRow {
    RunRow {
        ended_at: Some(now.wall),
        ..not_started(id, occurrence, generation)
    }
}

/// Whether that is the run of this occurrence.
pub fn is_of(row: &RunRow, occurrence: &Occurrence) -> bool {
    row.trigger == occurrence.trigger
        && row.scheduled_for == occurrence.instant
        && row.job == occurrence.job.as_str()
}

/// Fills in how the run ended.
pub fn complete(row: &mut RunRow, end: &RunEnd) {
    row.ended_at = Some(end.at);
    row.outcome = Some(end.outcome.to_string());
    row.stopped_by = end.stopped_by.map(|why| why.to_string());
    row.duration_seconds = Some(microseconds(end.duration));
    row.cpu_seconds = Some(microseconds(end.usage.cpu));
    row.peak_memory_bytes = end.usage.peak_memory;
    row.output_bytes = Some(end.output.total);
    row.survivors = end.survivors.clone();
    row.success = Some(end.success);
    match &end.outcome {
        Outcome::Exited(code) => row.exit_code = Some(*code),
        Outcome::Killed(signal) => row.signal = Some(signal.to_string()),
        Outcome::TimedOut | Outcome::CouldNotStart(_) | Outcome::Lost => {}
    }
}

/// Fills in that the run is over, and that nobody saw how it ended.
pub fn lose(row: &mut RunRow, loss: &Loss) {
    row.ended_at = Some(loss.at);
    row.outcome = Some(Outcome::Lost.to_string());
    row.stopped_by = loss.stopped_by.map(|why| why.to_string());
    row.note = Some(loss.note.clone());
    row.survivors = loss.survivors.clone();
}

/// In seconds, as fine as the store has it: what is told now and what is read later are the same.
fn microseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e6
}

pub fn job(job: &Job, engine: &Engine) -> JobRow {
    let last = engine.last(&job.name);
    JobRow {
        job: job.name.to_string(),
        description: job.description.clone(),
        enabled: job.enabled,
        paused: engine.pause_of(&job.name).map(pause),
        timing: job.timing.to_string(),
        timezone: zone_of(job, engine.config()).name().to_owned(),
        command: job.command.clone(),
        next: engine.next_due(&job.name),
        running: engine.runs_of(&job.name),
        waiting: engine
            .waiting_of(&job.name)
            .into_iter()
            .map(|one| waiting(one, engine))
            .collect(),
        hanging: engine.hang_of(&job.name).map(hanging),
        last_outcome: last.map(|last| last.outcome.to_string()),
        last_ended_at: last.map(|last| last.at),
    }
}

/// What the file says of a job, or does not say.
pub fn policies(job: &Job) -> Vec<PolicyRow> {
    let policies = job.policies().into_iter();
    policies
        .map(|policy| PolicyRow {
            key: policy.key.to_owned(),
            value: policy.value,
            default: policy.default,
        })
        .collect()
}

fn pause(pause: &Pause) -> PauseRow {
    PauseRow {
        since: pause.since,
        until: pause.until,
        by: pause.by.clone(),
        reason: pause.reason.clone(),
    }
}

fn on_the_wall(at: Duration, now: Moment) -> Timestamp {
    let until = SignedDuration::try_from(at.saturating_sub(now.elapsed));
    let at = until
        .ok()
        .and_then(|until| now.wall.checked_add(until).ok());
    at.unwrap_or(Timestamp::MAX)
}
