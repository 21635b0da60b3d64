//! Of what is stopped, and of the end of hupd.

use std::time::Duration;

use hupd::clock::Moment;
use hupd::daemon::Daemon;
use hupd::engine::Phase;
use hupd::run::{RunId, Signal};

use super::{DRAINED, Invariants, PATIENT, SIGNALS, Verdict, broken};
use crate::simulation::machine::{LATEST_ALARM, Machine, SLOWEST_BIRTH, SLOWEST_COMMIT};
use crate::simulation::process::SLOWEST_DEATH;

/// What the loop itself may take, over all its turns.
const TURNS: Duration = Duration::from_secs(3);

impl Invariants {
    /// First the stop signal of the job, after `kill_after` KILL, and KILL again; KILL at once only where somebody
    /// said so three times.
    pub(super) fn signal(
        &mut self,
        run: RunId,
        signal: Signal,
        phase: Phase,
        now: Moment,
    ) -> Verdict {
        let Some(open) = self.open.get_mut(&run).filter(|open| open.is_alive) else {
            return broken(
                SIGNALS,
                format!("{signal} to run {run}, which does not live"),
            );
        };
        let is_hurried = phase == Phase::Killing;
        let is_right = match (open.stopped_at, open.killed_at) {
            (None, None) if signal == open.job.stop_signal => {
                open.stopped_at = Some(now.elapsed);
                true
            }
            (None, None) => is_hurried && signal == Signal::KILL,
            (Some(at), None) => {
                let has_come = now.elapsed >= at + open.job.kill_after;
                signal == Signal::KILL && (is_hurried || has_come)
            }
            (_, Some(_)) => signal == Signal::KILL,
        };
        if signal == Signal::KILL {
            open.killed_at = Some(now.elapsed);
        }
        match is_right {
            true => Ok(()),
            false => broken(SIGNALS, format!("{signal} to run {run}: {open:?}")),
        }
    }

    /// A start has as long as it takes to kill what lives, unless somebody said so three times.
    pub(super) fn gives_up(&mut self, run: RunId, phase: Phase, now: Moment) -> Verdict {
        let (Some((_, since)), Some(open)) = (self.starting.get(&run), self.open.get(&run)) else {
            return broken(PATIENT, format!("run {run} is not being started"));
        };
        let has_come = now.elapsed >= *since + open.job.kill_after;
        match has_come || phase == Phase::Killing {
            true => Ok(()),
            false => broken(
                PATIENT,
                format!("run {run}, started at {since:?}: {open:?}"),
            ),
        }
    }

    pub(super) fn stopping(&mut self, daemon: &Daemon<Machine>, now: Moment) -> Verdict {
        let (engine, machine) = (daemon.engine(), daemon.world());
        if engine.phase() == Phase::Serving {
            return Ok(());
        }
        let longest = engine.runs().map(|run| run.job.kill_after).max();
        let bound = match engine.phase() {
            Phase::Killing => Duration::ZERO,
            Phase::Stopping => longest.unwrap_or_default(),
            _ => engine.config().daemon.grace + longest.unwrap_or_default(),
        };
        let slack = SLOWEST_BIRTH + SLOWEST_COMMIT + 2 * SLOWEST_DEATH + 4 * LATEST_ALARM + TURNS;
        // By the phase in which it is from now on: who hurries it is heard.
        let by = match self.must_end {
            Some((phase, by)) if phase == engine.phase() => by,
            _ => now.elapsed + bound + slack,
        };
        self.must_end = Some((engine.phase(), by));
        let excuses = machine.excuses.saturating_sub(self.excused);
        match now.elapsed <= by + excuses {
            true => Ok(()),
            false => broken(DRAINED, format!("{:?} after {by:?}", now.elapsed)),
        }
    }
}
