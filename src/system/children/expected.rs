//! Those who want to hear all of a run whose process is still to come.

use std::collections::HashMap;

use crate::event::Listener;
use crate::run::RunId;

/// By run.
#[derive(Debug, Default)]
pub(super) struct Expected(HashMap<RunId, Vec<Listener>>);

impl Expected {
    /// Once, however often its start is tried. Whoever waits in vain is forgotten when they have gone.
    pub(super) fn add(&mut self, run: RunId, listener: Listener) {
        self.0.retain(|_, listeners| {
            listeners.retain(|listener| !listener.is_gone());
            !listeners.is_empty()
        });
        let listeners = self.0.entry(run).or_default();
        if !listeners.iter().any(|known| known.is(&listener)) {
            listeners.push(listener);
        }
    }

    pub(super) fn take(&mut self, run: RunId) -> Vec<Listener> {
        self.0.remove(&run).unwrap_or_default()
    }
}
