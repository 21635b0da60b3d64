//! Of what an earlier hupd, which was killed, has left running.

use hupd::config::Orphans;
use hupd::daemon::Daemon;
use hupd::ledger::Remains;
use hupd::run::RunId;

use super::{Invariants, LEFT, Open, Verdict, broken};
use crate::simulation::acts::Act;
use crate::simulation::jobs::FileSpec;
use crate::simulation::life::Inheritance;
use crate::simulation::machine::Machine;
use crate::simulation::process::Watcher;

impl Invariants {
    /// It counts as a run of its job from the first moment on: nothing may overlap with it that may not.
    pub(super) fn take_over(
        &mut self,
        daemon: &Daemon<Machine>,
        file: &FileSpec,
        left: &Inheritance,
    ) -> Verdict {
        let alive = left
            .open
            .iter()
            .filter(|(_, remains)| *remains != Remains::Nothing);
        for (open, _) in alive {
            let run = open.run;
            let Some(begun) = daemon.engine().run(run) else {
                return broken(LEFT, format!("run {run} is nowhere"));
            };
            let signalled = |act: &Act| matches!(act, Act::Signal { run: of, .. } if *of == run);
            let is_stopped = daemon.world().acts.iter().any(signalled);
            if file.orphans == Orphans::Kill && !is_stopped {
                return broken(LEFT, format!("run {run} is not stopped"));
            }
            let open = Open {
                job: begun.job.clone(),
                is_alive: true,
                is_resting: false,
                stopped_at: None,
                killed_at: None,
            };
            self.open.insert(run, open);
        }
        // Those that end at once were at once as well.
        self.most_at_once = left.open.len() + left.resting.len();
        Ok(())
    }

    pub(super) fn lose(&mut self, machine: &Machine, run: RunId) -> Verdict {
        self.open.remove(&run);
        match machine.processes.get(&run) {
            Some(process) if process.watched == Watcher::Heir => {
                broken(LEFT, format!("run {run} is lost while it lives"))
            }
            _ => Ok(()),
        }
    }
}
