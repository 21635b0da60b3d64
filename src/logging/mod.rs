//! Where log lines go: standard error or a file, as text or JSON, and never in the way.
//!
//! env_logger filters; a line is formatted by whoever logs it and put into a bounded queue. One
//! thread writes, so a reader that stops reading, a full disk or a slow one never stops hupd: when
//! the queue is full, lines are dropped and counted, and the loss is said in a line.
//!
//! Text is one line an event, `2026-11-23T07:00:00.123+01:00 info  message key=value`, in the
//! system's time zone with its offset, so that it reads like the clock on the wall and still
//! names one instant; in the journal, which knows the time, `<6>message key=value`. JSON is one
//! object a line, its time in UTC.

mod filter;
mod format;
mod front;
mod queue;
mod sink;
mod writer;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use env_logger::{Logger, Target, WriteStyle};

use self::format::Style;
use self::front::Front;
use self::queue::{Message, Queue};
use self::sink::Sink;
use crate::clock::Moment;
use crate::config;
use crate::reason::reason;

/// The target under which the output of jobs is logged, with the keys `job` and `run`; as text,
/// `job[run]: line`.
pub const OUTPUT_TARGET: &str = "hupd::output";

/// Everything that can fail is done: the filter is right, the file is open.
#[derive(Debug)]
pub struct Prepared {
    filter: String,
    style: Style,
    sink: Sink,
}

/// Gets ready to log as the file says. `RUST_LOG` wins over the level of the command line, and that
/// over the one of the file.
pub fn prepare(log: &config::Log, cli_level: Option<&str>) -> Result<Prepared, LogError> {
    let rust_log = std::env::var("RUST_LOG").ok();
    let sink = match &log.file {
        Some(path) => Sink::file(path)?,
        None => Sink::standard_error()?,
    };
    Ok(Prepared {
        filter: filter::choose(rust_log.as_deref(), cli_level, &log.level)?,
        style: Style::of(log),
        sink,
    })
}

/// Starts logging for the whole process. Once, and not before the process has detached, for it
/// starts the thread that writes.
pub fn start(prepared: Prepared) -> io::Result<Logging> {
    let logging = Logging::begin(prepared)?;
    log::set_boxed_logger(Box::new(Arc::clone(&logging.front)))
        .expect("logging is started once, and by nobody else");
    Ok(logging)
}

/// The hold on what is being logged, and where.
#[derive(Debug)]
pub struct Logging {
    front: Arc<Front>,
    queue: Queue,
}

impl Logging {
    /// Everything but making it the logger of the process.
    fn begin(prepared: Prepared) -> io::Result<Self> {
        let queue = writer::start(prepared.sink, prepared.style.clone())?;
        let logger = logger(&prepared.filter, prepared.style, &queue);
        let front = Arc::new(Front::new(logger, queue.clone()));
        Ok(Self { front, queue })
    }

    /// Logs in another way from now on. Lines that were logged before go where they would have
    /// gone.
    pub fn switch(&self, prepared: Prepared) {
        let logger = logger(&prepared.filter, prepared.style.clone(), &self.queue);
        let sink = Box::new(prepared.sink);
        self.front.replace(logger, || {
            self.queue.send(Message::Switch(sink, prepared.style));
        });
    }

    /// Opens the log file again by its path, after somebody renamed the old one away. What was
    /// logged before still goes to the old one. If it cannot be opened, the old one stays in use
    /// and a line says so.
    pub fn reopen(&self) {
        self.queue.send(Message::Reopen);
    }

    /// Waits until what was logged is written, but not for long.
    pub fn flush(&self) {
        self.queue.flush();
    }
}

fn logger(filter: &str, style: Style, queue: &Queue) -> Logger {
    env_logger::Builder::new()
        .parse_filters(filter)
        .write_style(WriteStyle::Never)
        .target(Target::Pipe(Box::new(queue.clone())))
        .format(move |line, record| {
            use io::Write;
            line.write_all(style.line(record, Moment::now().wall).as_bytes())
        })
        .build()
}

/// Why it cannot be logged as asked.
#[derive(Debug)]
pub enum LogError {
    /// Where it was written, and what is wrong with it.
    Filter {
        origin: &'static str,
        reason: String,
    },
    File {
        path: PathBuf,
        error: io::Error,
    },
    NotRegular(PathBuf),
    StandardError(io::Error),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter { origin, reason } => write!(f, "{origin}: {reason}"),
            Self::File { path, error } => {
                write!(
                    f,
                    "{}: cannot be opened as the log: {}",
                    path.display(),
                    reason(error)
                )
            }
            Self::NotRegular(path) => {
                write!(
                    f,
                    "{}: cannot be the log: not a regular file",
                    path.display()
                )
            }
            Self::StandardError(error) => write!(f, "cannot log to standard error: {error}"),
        }
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { error, .. } | Self::StandardError(error) => Some(error),
            Self::Filter { .. } | Self::NotRegular(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
