//! What hupd tells systemd: ready, reloading, stopping, alive. Does nothing where nobody listens.
//!
//! One thread sends, for a message waits until the manager has room for it, and hupd must not wait
//! for a manager that hangs, or is just executing itself again.

use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::clock::Moment;

/// So many messages wait for a manager that does not listen; later ones are dropped.
const MOST_WAITING: usize = 1_024;
/// How long the way out waits until everything has been said.
const PATIENCE: Duration = Duration::from_secs(1);

/// The line to the service manager that started hupd, if one did. A manager that has gone away
/// is no reason to stop: what cannot be said is noted and forgotten.
#[derive(Clone, Debug)]
pub struct Notifier {
    line: Option<SyncSender<Note>>,
    watchdog: Option<Duration>,
}

#[derive(Debug)]
enum Note {
    Message(String),
    /// Everything before this has been said.
    Flush(SyncSender<()>),
}

impl Notifier {
    /// Looks at `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`; where somebody listens, starts the
    /// thread that sends.
    pub fn from_environment() -> io::Result<Self> {
        let listens = std::env::var_os("NOTIFY_SOCKET").is_some_and(|path| !path.is_empty());
        if !listens {
            return Ok(Self {
                line: None,
                watchdog: None,
            });
        }
        let (line, notes) = mpsc::sync_channel(MOST_WAITING);
        let sending = move || send_all(&notes);
        thread::Builder::new()
            .name("notify".into())
            .spawn(sending)?;
        Ok(Self {
            line: Some(line),
            watchdog: sd_notify::watchdog_enabled(),
        })
    }

    /// hupd serves; said after the start and after every reload, accepted or not.
    pub fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
    }

    /// A reload begins. It ends with [`Notifier::ready`].
    pub fn reloading(&self, now: Moment) {
        self.tell(&reloading(now));
    }

    /// The line that `systemctl status` shows.
    pub fn status(&self, text: &str) {
        self.tell(&[NotifyState::Status(&one_line(text))]);
    }

    /// The stop has begun.
    pub fn stopping(&self, status: &str) {
        self.tell(&[
            NotifyState::Stopping,
            NotifyState::Status(&one_line(status)),
        ]);
    }

    /// So much longer, from now, may the start or stop in progress take.
    pub fn extend_timeout(&self, by: Duration) {
        self.tell(&[NotifyState::Custom(&extension(by))]);
    }

    /// The loop is alive.
    pub fn watchdog(&self) {
        if self.watchdog.is_some() {
            self.tell(&[NotifyState::Watchdog]);
        }
    }

    /// How often [`Notifier::watchdog`] wants to be called: twice within what systemd allows.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|allowed| allowed / 2)
    }

    /// Waits until everything has been said, but not for long.
    pub fn flush(&self) {
        let Some(line) = &self.line else { return };
        let (said, all) = mpsc::sync_channel(1);
        if line.try_send(Note::Flush(said)).is_ok() {
            let _ = all.recv_timeout(PATIENCE);
        }
    }

    fn tell(&self, message: &[NotifyState<'_>]) {
        let Some(line) = &self.line else { return };
        let lines: Vec<String> = message.iter().map(ToString::to_string).collect();
        if line.try_send(Note::Message(lines.join("\n"))).is_err() {
            log::debug!("the service manager does not listen; going on without");
        }
    }
}

fn send_all(notes: &Receiver<Note>) {
    for note in notes {
        match note {
            Note::Message(text) => {
                if let Err(error) = sd_notify::notify(&[NotifyState::Custom(&text)]) {
                    log::debug!("cannot tell the service manager: {error}; going on without");
                }
            }
            Note::Flush(said) => {
                // Whoever waited may have lost patience.
                let _ = said.send(());
            }
        }
    }
}

/// Both in one message: without the time, systemd would not know which reload it hears of.
fn reloading(now: Moment) -> [NotifyState<'static>; 2] {
    let microseconds = i128::try_from(now.elapsed.as_micros()).unwrap_or(i128::MAX);
    [
        NotifyState::Reloading,
        NotifyState::MonotonicUsec(microseconds),
    ]
}

/// By hand, for sd-notify's own takes no more than 71 minutes.
fn extension(by: Duration) -> String {
    format!("EXTEND_TIMEOUT_USEC={}", by.as_micros())
}

/// A line break would begin another assignment.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const NOBODY: Notifier = Notifier {
        line: None,
        watchdog: None,
    };

    #[test]
    fn where_nobody_listens_nothing_is_said() {
        NOBODY.ready("serving");
        NOBODY.watchdog();
        assert_eq!(NOBODY.watchdog_interval(), None);
    }

    #[test]
    fn a_reload_is_announced_with_its_time() {
        let now = Moment {
            wall: Timestamp::UNIX_EPOCH,
            elapsed: Duration::from_millis(1_500),
        };
        let message = reloading(now).map(|state| state.to_string());
        assert_eq!(message, ["RELOADING=1", "MONOTONIC_USEC=1500000"]);
    }

    #[test]
    fn a_manager_that_never_listens_keeps_nobody_waiting() {
        let (line, _notes) = mpsc::sync_channel(1);
        let deaf = Notifier {
            line: Some(line),
            watchdog: None,
        };
        for _ in 0..3 {
            deaf.ready("serving");
        }
        deaf.flush();
    }

    #[test]
    fn the_watchdog_is_fed_twice_as_often_as_it_asks() {
        let notifier = Notifier {
            watchdog: Some(Duration::from_secs(30)),
            ..NOBODY
        };
        assert_eq!(notifier.watchdog_interval(), Some(Duration::from_secs(15)));
    }

    #[test]
    fn a_status_cannot_smuggle_in_another_message() {
        assert_eq!(one_line("bad\nREADY=0\tx"), "bad READY=0 x");
    }

    #[test]
    fn long_extensions_are_told_in_full() {
        let two_hours = Duration::from_secs(7_200);
        assert_eq!(extension(two_hours), "EXTEND_TIMEOUT_USEC=7200000000");
    }
}
