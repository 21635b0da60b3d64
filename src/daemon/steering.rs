//! Signals: what hupd does when it is told to reload, reopen or stop.

use std::time::Duration;

use super::askers::Asker;
use super::reload::Of;
use super::{Daemon, Notice, World};
use crate::clock::Moment;
use crate::engine::{Effect, Phase};
use crate::event::{Meaning, Sender, SignalReceived};

/// Beyond the grace and the longest `kill_after`: time for the last records and the way out.
const WAY_OUT: Duration = Duration::from_secs(10);

impl<W: World> Daemon<W> {
    pub(super) fn signalled(&mut self, signal: SignalReceived, now: Moment) {
        let from = match signal.others {
            0 => sender(signal.sender),
            others => format!("{} and {others} more", sender(signal.sender)),
        };
        match signal.meaning {
            Meaning::Stop => self.stop(&format!("by a signal {from}"), now),
            Meaning::StopNow => self.stop_now(&format!("by QUIT {from}"), now),
            Meaning::Reload => self.reload_on_signal(&from, now),
            Meaning::ReopenLogs => {
                self.world.reopen_log();
                log::info!("log reopened on USR1 {from}");
            }
            Meaning::Orphans => self.world.reap_orphans(),
            Meaning::Nothing(name) => {
                log::warn!("{name} {from} means nothing to hupd; ignored")
            }
        }
    }

    fn reload_on_signal(&mut self, from: &str, now: Moment) {
        let effects = self.engine.hung_up(from, now);
        self.perform(effects);
        if self.engine.phase() != Phase::Serving {
            log::info!("HUP {from} ignored: hupd is stopping");
            return;
        }
        self.begin_reload(Of::Disk, Asker::unheard(format!("HUP {from}")), now);
    }

    pub(super) fn stop(&mut self, by: &str, now: Moment) {
        let effects = self.engine.stop(now);
        self.stopping(by, effects, now);
    }

    fn stop_now(&mut self, by: &str, now: Moment) {
        let effects = self.engine.stop_now(now);
        self.stopping(by, effects, now);
    }

    fn stopping(&mut self, by: &str, effects: Vec<Effect>, now: Moment) {
        let text = self.stop_text(now);
        log::info!("told to stop {by}: {text}");
        let bound = self.stop_bound(now);
        self.world.notify(Notice::Stopping(&text, bound));
        self.perform(effects);
    }

    fn stop_text(&self, now: Moment) -> String {
        let runs = self.engine.runs().count();
        match self.engine.phase() {
            _ if runs == 0 => "nothing is running".to_owned(),
            Phase::Draining { stop_at } => {
                let seconds = stop_at.saturating_sub(now.elapsed).as_secs();
                format!(
                    "waiting up to {seconds} s for {runs} running: {}",
                    self.running_names()
                )
            }
            Phase::Killing => format!("killing {runs} running: {}", self.running_names()),
            _ => format!(
                "stop signals sent to {runs} running: {}",
                self.running_names()
            ),
        }
    }

    /// The first few, so that the line stays a line.
    fn running_names(&self) -> String {
        let mut names: Vec<_> = self
            .engine
            .runs()
            .map(|run| run.job.name.as_str())
            .collect();
        let more = names.len().saturating_sub(5);
        names.truncate(5);
        match more {
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    }

    /// How long the stop takes at most, from now.
    fn stop_bound(&self, now: Moment) -> Duration {
        let grace = match self.engine.phase() {
            Phase::Draining { stop_at } => stop_at.saturating_sub(now.elapsed),
            _ => Duration::ZERO,
        };
        let kill_after = self.engine.runs().map(|run| run.job.kill_after).max();
        grace + kill_after.unwrap_or_default() + WAY_OUT
    }
}

fn sender(sender: Option<Sender>) -> String {
    match sender {
        Some(sender) => format!("from {sender}"),
        None => "from the kernel".to_owned(),
    }
}
