//! Which signals mean what, and the thread that turns them into events.
//!
//! Handlers only note; they are signal-hook's. They and the pipe that they wake survive a fork, and
//! what was noted before one is still there after it, so [`Signals::install`] comes first of all
//! and [`Signals::watch`] only after detaching.

use std::io;
use std::thread;

use libc::{SIGIO, SIGPWR, SIGRTMAX, SIGRTMIN, SIGSTKFLT, c_int};
use signal_hook::consts::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGXFSZ,
};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::exfiltrator::origin::Origin;
use signal_hook::low_level::siginfo::Cause;

use crate::event::{Event, Meaning, Outbox, Sender, SignalReceived};
use crate::run::Signal;

/// The signals that have a meaning here, and those whose default would end hupd without a word.
/// Left out: what tells of a fault in hupd itself (SEGV, BUS, …), what only stops it (TSTP, …),
/// and XCPU, by which somebody says on purpose that it has had enough time.
const MEANINGS: [(c_int, Meaning); 14] = [
    (SIGHUP, Meaning::Reload),
    (SIGTERM, Meaning::Stop),
    (SIGINT, Meaning::Stop),
    (SIGQUIT, Meaning::StopNow),
    (SIGUSR1, Meaning::ReopenLogs),
    (SIGCHLD, Meaning::Orphans),
    (SIGUSR2, Meaning::Nothing("USR2")),
    (SIGALRM, Meaning::Nothing("ALRM")),
    (SIGVTALRM, Meaning::Nothing("VTALRM")),
    (SIGPROF, Meaning::Nothing("PROF")),
    (SIGIO, Meaning::Nothing("IO")),
    (SIGSTKFLT, Meaning::Nothing("STKFLT")),
    (SIGPWR, Meaning::Nothing("PWR")),
    // A write over the limit becomes an error value.
    (SIGXFSZ, Meaning::Nothing("XFSZ")),
];

/// A third stop signal kills; more say nothing new.
const STOPS_THAT_COUNT: usize = 3;

/// The names of all that have a handler, but for the real-time signals, which have none.
pub fn handled() -> Vec<String> {
    let name = |&(number, meaning): &(c_int, Meaning)| match meaning {
        Meaning::Nothing(name) => name.to_owned(),
        _ => Signal::from_number(number).to_string(),
    };
    MEANINGS.iter().map(name).collect()
}

/// Handlers that are in place and note what comes.
#[derive(Debug)]
pub struct Signals(SignalsInfo<WithOrigin>);

impl Signals {
    /// Puts the handlers in place. From here on no signal with a handler ends the process.
    pub fn install() -> io::Result<Self> {
        let with_meaning = MEANINGS.iter().map(|&(signal, _)| signal);
        let wanted = with_meaning
            .filter(|&signal| signal != SIGCHLD)
            .chain(SIGRTMIN()..=SIGRTMAX());
        Ok(Self(SignalsInfo::new(wanted)?))
    }

    /// Asks for CHLD as well, where orphans are ours to reap.
    pub fn also_children(&self) -> io::Result<()> {
        self.0.add_signal(SIGCHLD)
    }

    /// Starts the thread that turns what was noted, and what comes, into events.
    pub fn watch(self, outbox: Outbox) -> io::Result<()> {
        let mut signals = self.0;
        // What was noted before is in the inbox when this returns, however busy the machine is.
        let mut somebody_listens = tell(signals.pending(), &outbox);
        let watching = move || {
            while somebody_listens {
                somebody_listens = tell(signals.wait(), &outbox);
            }
        };
        thread::Builder::new()
            .name("signals".into())
            .spawn(watching)?;
        Ok(())
    }
}

/// Whether somebody still listens.
fn tell(noted: impl Iterator<Item = Origin>, outbox: &Outbox) -> bool {
    let mut batch = Batch::default();
    noted.for_each(|origin| batch.note(&origin));
    let told = batch.in_order().into_iter();
    // Only now: of a storm hardly anybody is left.
    told.map(|received| Event::Signal(received.named()))
        .all(|event| outbox.send(event).is_ok())
}

/// What was noted at one time. It arrives by number, not in the order of sending, and however many
/// signals there were, only what makes a difference is kept.
#[derive(Debug, Default)]
struct Batch(Vec<SignalReceived>);

impl Batch {
    fn note(&mut self, origin: &Origin) {
        self.add(SignalReceived {
            meaning: meaning_of(origin.signal),
            sender: sender_of(origin),
            others: 0,
        });
    }

    fn add(&mut self, received: SignalReceived) {
        let room = match received.meaning {
            Meaning::Stop | Meaning::StopNow => STOPS_THAT_COUNT,
            _ => 1,
        };
        let mut same = self.0.iter_mut().filter(|s| s.meaning == received.meaning);
        // The last one that there is room for is replaced: the latest sender is the one to name.
        match same.nth(room - 1) {
            Some(last) if last.sender == received.sender => {}
            Some(last) => {
                let others = last.others + 1;
                *last = SignalReceived { others, ..received };
            }
            None => self.0.push(received),
        }
    }

    /// The most urgent first: a stop is not kept waiting by a reload.
    fn in_order(mut self) -> Vec<SignalReceived> {
        self.0.sort_by_key(|received| received.meaning);
        self.0
    }
}

fn meaning_of(signal: c_int) -> Meaning {
    MEANINGS
        .iter()
        .find(|&&(known, _)| known == signal)
        .map_or(Meaning::Nothing("a real-time signal"), |&(_, meaning)| {
            meaning
        })
}

/// Who sent it, if a process did; the kernel's own signals, as on Ctrl-C, have no sender.
fn sender_of(origin: &Origin) -> Option<Sender> {
    let process = origin.process?;
    matches!(origin.cause, Cause::Sent(_)).then_some(Sender::new(process.pid, process.uid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Inbox;

    fn received(meaning: Meaning, pid: i32) -> SignalReceived {
        let sender = Some(Sender::new(pid, 0));
        SignalReceived {
            meaning,
            sender,
            others: 0,
        }
    }

    fn batch(signals: &[SignalReceived]) -> Vec<SignalReceived> {
        let mut batch = Batch::default();
        signals.iter().for_each(|&signal| batch.add(signal));
        batch.in_order()
    }

    #[test]
    fn a_stop_comes_before_a_reload() {
        let hup = received(Meaning::Reload, 1);
        let term = received(Meaning::Stop, 2);
        let quit = received(Meaning::StopNow, 3);
        assert_eq!(batch(&[hup, quit, term]), [term, quit, hup]);
    }

    #[test]
    fn many_reloads_are_one_with_the_latest_sender() {
        let storm: Vec<_> = (1..=10_000).map(|n| received(Meaning::Reload, n)).collect();
        let latest = received(Meaning::Reload, 10_000);
        let others = 9_999;
        assert_eq!(batch(&storm), [SignalReceived { others, ..latest }]);
        assert_eq!(batch(&[latest; 9]), [latest]);
    }

    #[test]
    fn stops_are_counted_up_to_the_third() {
        let stops: Vec<_> = (1..=9).map(|n| received(Meaning::Stop, n)).collect();
        let pids: Vec<_> = batch(&stops)
            .iter()
            .map(|s| s.sender.unwrap().pid)
            .collect();
        assert_eq!(pids, [1, 2, 9]);
    }

    #[test]
    fn signals_without_a_meaning_stay_apart_by_name() {
        let alarm = received(Meaning::Nothing("ALRM"), 1);
        let power = received(Meaning::Nothing("PWR"), 1);
        assert_eq!(batch(&[power, alarm, power]), [alarm, power]);
    }

    #[test]
    fn no_signal_has_two_meanings() {
        for (at, (signal, _)) in MEANINGS.iter().enumerate() {
            assert!(MEANINGS[..at].iter().all(|(other, _)| other != signal));
        }
    }

    #[test]
    fn what_is_raised_before_watching_arrives_with_its_sender() {
        let inbox = Inbox::new();
        let signals = Signals::install().unwrap();
        for signal in [SIGHUP, SIGUSR1, SIGUSR2, SIGRTMIN() + 3] {
            signal_hook::low_level::raise(signal).unwrap();
        }
        signals.watch(inbox.outbox()).unwrap();

        let me = i32::try_from(std::process::id()).unwrap();
        let expected = [
            Meaning::Reload,
            Meaning::ReopenLogs,
            Meaning::Nothing("USR2"),
            Meaning::Nothing("a real-time signal"),
        ];
        for meaning in expected {
            let Event::Signal(received) = inbox.next() else {
                panic!("something else than a signal")
            };
            assert_eq!(received.meaning, meaning);
            assert_eq!(received.sender.map(|sender| sender.pid), Some(me));
        }
    }

    #[test]
    fn children_are_only_told_of_on_request() {
        let signals = Signals::install().unwrap();
        signals.also_children().unwrap();
        assert_eq!(meaning_of(SIGCHLD), Meaning::Orphans);
    }
}
